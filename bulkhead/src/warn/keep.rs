//! What the warning process keeps on disk, each file whole or not at all: incidents with everything that belongs to the
//! same instant (where each source was read to, windows that run, what waits for the control room, uses under way), and what was learned.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
};

use order::StandingUse;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vocabulary::{EstateId, IncidentId, Timestamp};
use warning::{Incident, Learned, Progress};

use super::wire::{Order, Saying};
use crate::{
    files,
    report::{Code, Trouble},
};

/// Sayings that wait for a control room that does not answer; then new ones are refused, and that is said.
pub(super) const QUEUE_MAX: usize = 4096;
/// Uses under way; more means that doors do not answer and nobody looks.
pub(super) const USES_MAX: usize = 64;

/// Where a file was read to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// Device and inode: the file itself, whatever it is called by now.
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Bytes read, up to a line end.
    pub(super) offset: u64,
    /// Digest of the bytes before that: a file that was written anew has others.
    pub(super) before: String,
}

/// How far a door process was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heard {
    /// When that process began to count.
    pub(super) since: Timestamp,
    /// The last minute.
    pub(super) minute: Timestamp,
    /// The last touch.
    pub(super) touch: u64,
}

/// A use of a standing order that not every door process has answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    /// For which incident.
    pub(super) incident: IncidentId,
    /// What is asked.
    pub(super) asked: StandingUse,
    /// Door processes that have not answered.
    pub(super) left: BTreeSet<String>,
}

/// Everything that belongs to one instant.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// Which estate: another one's incidents mean nothing here.
    pub(super) estate: EstateId,
    pub(super) files: BTreeMap<String, Position>,
    pub(super) houses: BTreeMap<String, Heard>,
    pub(super) incidents: Vec<Incident>,
    /// Windows that run: each is as far as its door process was heard.
    #[serde(default)]
    pub(super) windows: Vec<Progress>,
    pub(super) queue: VecDeque<Saying>,
    /// Sayings that found the queue full and were not told to the room yet.
    pub(super) refused: u64,
    pub(super) uses: Vec<Pending>,
    /// Standing orders as the control room said last: it may be dead when they are needed.
    pub(super) orders: Vec<Order>,
}

/// The files.
pub(super) struct Store {
    kept: PathBuf,
    learned: PathBuf,
}

impl Store {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            kept: dir.join("incidents.json"),
            learned: dir.join("learned.json"),
        }
    }

    /// Reads what was kept, or begins.
    ///
    /// # Errors
    /// [`Trouble`] with the file that is damaged or another estate's: it is not passed over, for incidents would be
    /// forgotten and lines read again.
    pub(super) fn open(&self, estate: &EstateId) -> Result<(Kept, Vec<Learned>), Trouble> {
        let kept: Kept = read(&self.kept)?.unwrap_or_else(|| Kept {
            estate: estate.clone(),
            files: BTreeMap::new(),
            houses: BTreeMap::new(),
            incidents: Vec::new(),
            windows: Vec::new(),
            queue: VecDeque::new(),
            refused: 0,
            uses: Vec::new(),
            orders: Vec::new(),
        });
        if kept.estate != *estate {
            let name = self.kept.display();
            return Err(Trouble::new(
                Code::Files,
                format!(
                    "{name} gehört zum Verbund {}; anderen Ordner wählen. / {name} belongs to the estate {}; choose another folder.",
                    kept.estate, kept.estate
                ),
            ));
        }
        Ok((kept, read(&self.learned)?.unwrap_or_default()))
    }

    pub(super) fn keep(&self, kept: &Kept) -> std::io::Result<()> {
        write(&self.kept, kept)
    }

    pub(super) fn keep_learned(&self, learned: &[Learned]) -> std::io::Result<()> {
        write(&self.learned, &learned)
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> std::io::Result<()> {
    let bytes = serde_json::to_vec(value).map_err(std::io::Error::other)?;
    files::write_private(path, &bytes)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Trouble> {
    let name = path.display();
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Files,
            format!(
                "{name} ist nicht lesbar. Zur Seite legen heißt: Vorfälle und Gelerntes vergessen. / Cannot read {name}. \
                 To put it aside means to forget incidents and what was learned."
            ),
            error,
        )
    };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| wrong(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.into())),
    }
}
