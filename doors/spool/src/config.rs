//! What the estate declares about a spool.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What intake does while a declared copy cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenCopyDown {
    /// Refuse temporarily: nothing is acknowledged that is not on every declared copy.
    #[default]
    Defer,
    /// Go on with the copies that are left, and say so in every status.
    Degrade,
}

/// Where a spool lies and how it behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The first store: segments, pointer cache, the door's key store, staging.
    pub dir: PathBuf,
    /// Further stores, each on a disk or mount of its own. Durable means on `dir` and on all of these.
    pub copies: Vec<PathBuf>,
    /// What intake does while one of them is down.
    pub when_copy_down: WhenCopyDown,
    /// Bounds.
    pub limits: Limits,
}

impl Config {
    /// One store, no further copy, default bounds: what a drill uses.
    #[must_use]
    pub fn single(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            copies: Vec::new(),
            when_copy_down: WhenCopyDown::Defer,
            limits: Limits::default(),
        }
    }
}

/// Every bound of a spool, each with the reason for its default.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Size of a segment file, written with zeros when it is begun. 16 MiB: a commit that begins one waits tens of
    /// milliseconds, about once in 6,000 sick notes.
    pub segment_bytes: u64,
    /// Largest body of an item. KIM mails are at most 35,882,577 bytes as seen by `SIZE`; the rest is slack.
    pub body_bytes_max: u64,
    /// Offers that may wait for the disk. Two for each of a thousand sessions.
    pub queue_items_max: usize,
    /// Bytes that may wait for the disk in memory.
    pub queue_bytes_max: usize,
    /// Items per group commit: bounds the wait of the first one in it.
    pub batch_items_max: usize,
    /// Bytes per group commit, likewise.
    pub batch_bytes_max: u64,
    /// Bodies beyond this are staged, sealed, in a file, so that a thousand senders in mid-transfer need little
    /// memory.
    pub stage_over_bytes: usize,
    /// Undelivered bytes the spool may hold.
    pub capacity_bytes: u64,
    /// Of these, what is kept free for each known cell whatever the others do.
    pub cell_reserve_bytes: u64,
    /// Free bytes that are always left on the disk.
    pub disk_free_bytes_min: u64,
    /// Size of a file that only takes space: removed when the disk is full, so that what is here can still be handed
    /// over and recorded; made again when there is room, and until then nothing is accepted.
    pub ballast_bytes: u64,
    /// Percentage of the capacity that one peer may fill.
    pub peer_share_percent: u8,
    /// First wait of a lane after a temporary failure, in milliseconds; doubles with each further one.
    pub backoff_millis_min: u64,
    /// Longest such wait, in milliseconds.
    pub backoff_millis_max: u64,
    /// How long a handed-over item keeps its sealed copy when nobody confirms it. 14 days (DESIGN section 6).
    pub keep_secs: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            body_bytes_max: 40 << 20,
            queue_items_max: 2_048,
            queue_bytes_max: 128 << 20,
            batch_items_max: 512,
            batch_bytes_max: 8 << 20,
            stage_over_bytes: 96 << 10,
            capacity_bytes: 1 << 40,
            cell_reserve_bytes: 0,
            disk_free_bytes_min: 1 << 30,
            ballast_bytes: 16 << 20,
            peer_share_percent: 100,
            backoff_millis_min: 1_000,
            backoff_millis_max: 15 * 60 * 1_000,
            keep_secs: 14 * 86_400,
        }
    }
}

/// Where random bytes come from: keys, nonces and names are drawn from here and nowhere else, so that a simulator can
/// repeat a run. In earnest it is the operating system's generator.
pub struct Entropy(Source);

type Source = Box<dyn FnMut(&mut [u8]) + Send>;

impl Entropy {
    /// Takes a source that fills every buffer it is given with random bytes. It must be of cryptographic quality.
    pub fn new(source: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Self(Box::new(source))
    }

    /// Fills a buffer.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
