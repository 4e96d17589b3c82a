//! Entries and the chain between them.
//!
//! The encoding is canonical: one entry has exactly one form. All numbers are big-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 8 | index, from zero |
//! | 32 | chain: leaf hash of the previous entry; for the first, [`genesis`] of the log's origin |
//! | 8 | `at`: seconds since 1970 (signed), for people |
//! | 1 + n | length of the kind, kind |
//! | 4 + n | length of the body, body |
//!
//! These bytes are the leaf of the tree, so one hash serves both the chain and the tree.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Hasher, Timestamp};

use crate::checkpoint::Origin;
use crate::tree::{Frontier, NodeAt, leaf_hash};

/// Longest body of one entry, in bytes. Larger things are stored elsewhere and logged by their digest.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest encoded entry, in bytes.
pub const ENTRY_BYTES_MAX: usize = FIXED_BYTES + KIND_BYTES_MAX + BODY_BYTES_MAX;

const VERSION: u8 = 1;
const KIND_BYTES_MAX: usize = 64;
const FIXED_BYTES: usize = 1 + 8 + 32 + 8 + 1 + 4;

/// What an entry is about: 1 to 64 of `a-z 0-9 - _ .`, first a letter or digit, for example `door.tightened`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kind(String);

/// A kind that breaks the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "entry kind {0:?} is not usable: 1 to 64 of a-z, 0-9, '-', '_', '.', beginning with a letter or digit"
)]
pub struct BadKind(pub String);

fn is_kind(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= KIND_BYTES_MAX
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || matches!(b, b'-' | b'_' | b'.'))
}

impl Kind {
    /// Reads a kind.
    ///
    /// # Errors
    /// [`BadKind`] when it breaks the rule.
    pub fn new(text: &str) -> Result<Self, BadKind> {
        if is_kind(text) {
            Ok(Self(text.to_string()))
        } else {
            Err(BadKind(text.chars().take(65).collect()))
        }
    }

    /// The kind as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kind:{}", self.0)
    }
}

impl FromStr for Kind {
    type Err = BadKind;
    fn from_str(text: &str) -> Result<Self, BadKind> {
        Self::new(text)
    }
}

impl TryFrom<String> for Kind {
    type Error = BadKind;
    fn try_from(text: String) -> Result<Self, BadKind> {
        Self::new(&text)
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.0
    }
}

/// What somebody wants recorded. The log adds the number and the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// When, for people. Order is the index, never this.
    pub at: Timestamp,
    /// The content, usually JSON; at most [`BODY_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// One recorded entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number, from zero.
    pub index: u64,
    /// The chain before it.
    pub previous: Digest,
    /// What it is about.
    pub kind: Kind,
    /// When, for people.
    pub at: Timestamp,
    /// The content.
    pub body: Vec<u8>,
}

/// An encoded entry, read without copying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryRef<'a> {
    /// Its number, from zero.
    pub index: u64,
    /// The chain before it.
    pub previous: Digest,
    /// What it is about.
    pub kind: &'a str,
    /// When, for people.
    pub at: Timestamp,
    /// The content.
    pub body: &'a [u8],
}

/// Why bytes are no entry, or a draft cannot become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadEntry {
    /// The bytes end too early, or go on after the end.
    #[error("the entry's lengths do not add up to its {bytes} bytes")]
    Length {
        /// How many bytes there are.
        bytes: usize,
    },
    /// A version from the future, or no entry at all.
    #[error("entry version {0} is unknown; this program reads version {VERSION}")]
    Version(u8),
    /// The kind breaks its rule.
    #[error("the entry's kind is not a kind")]
    Kind,
    /// The body is longer than an entry may be.
    #[error("the body has {bytes} bytes; at most {BODY_BYTES_MAX} fit into one entry")]
    BodyTooLong {
        /// How many bytes it has.
        bytes: usize,
    },
}

/// What the first entry of a log is chained to: binds every entry to the log's name.
#[must_use]
pub fn genesis(origin: &Origin) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(b"bulkhead log v1\n");
    hasher.update(origin.as_str().as_bytes());
    hasher.finish()
}

impl<'a> EntryRef<'a> {
    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`BadEntry`] says what does not fit.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BadEntry> {
        let length = BadEntry::Length { bytes: bytes.len() };
        let (version, rest) = bytes.split_first().ok_or(length)?;
        if *version != VERSION {
            return Err(BadEntry::Version(*version));
        }
        let (index, rest) = rest.split_first_chunk::<8>().ok_or(length)?;
        let (previous, rest) = rest.split_first_chunk::<32>().ok_or(length)?;
        let (at, rest) = rest.split_first_chunk::<8>().ok_or(length)?;
        let (kind_len, rest) = rest.split_first().ok_or(length)?;
        let (kind, rest) = rest.split_at_checked(usize::from(*kind_len)).ok_or(length)?;
        let (body_len, body) = rest.split_first_chunk::<4>().ok_or(length)?;
        if usize::try_from(u32::from_be_bytes(*body_len)) != Ok(body.len()) {
            return Err(length);
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(BadEntry::BodyTooLong { bytes: body.len() });
        }
        let kind = core::str::from_utf8(kind)
            .ok()
            .filter(|kind| is_kind(kind))
            .ok_or(BadEntry::Kind)?;
        Ok(Self {
            index: u64::from_be_bytes(*index),
            previous: Digest::from_bytes(*previous),
            kind,
            at: Timestamp(i64::from_be_bytes(*at)),
            body,
        })
    }

    /// The same entry, owned.
    #[must_use]
    pub fn to_entry(&self) -> Entry {
        Entry {
            index: self.index,
            previous: self.previous,
            kind: Kind(self.kind.to_string()),
            at: self.at,
            body: self.body.to_vec(),
        }
    }
}

impl Entry {
    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`BadEntry`] says what does not fit.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadEntry> {
        EntryRef::decode(bytes).map(|entry| entry.to_entry())
    }

    /// The canonical encoding.
    ///
    /// # Errors
    /// [`BadEntry::BodyTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, BadEntry> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.kind.0.len() + self.body.len());
        encode_into(
            &mut bytes,
            self.index,
            &self.previous,
            &self.kind,
            self.at,
            &self.body,
        )?;
        Ok(bytes)
    }
}

fn encode_into(
    bytes: &mut Vec<u8>,
    index: u64,
    previous: &Digest,
    kind: &Kind,
    at: Timestamp,
    body: &[u8],
) -> Result<(), BadEntry> {
    let too_long = BadEntry::BodyTooLong { bytes: body.len() };
    if body.len() > BODY_BYTES_MAX {
        return Err(too_long);
    }
    let body_len = u32::try_from(body.len()).map_err(|_| too_long)?;
    let kind_len = u8::try_from(kind.0.len()).map_err(|_| BadEntry::Kind)?;
    bytes.push(VERSION);
    bytes.extend_from_slice(&index.to_be_bytes());
    bytes.extend_from_slice(previous.as_bytes());
    bytes.extend_from_slice(&at.0.to_be_bytes());
    bytes.push(kind_len);
    bytes.extend_from_slice(kind.0.as_bytes());
    bytes.extend_from_slice(&body_len.to_be_bytes());
    bytes.extend_from_slice(body);
    Ok(())
}

/// Where a log stands: how long it is, what the next entry is chained to, the root over all entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// How many entries.
    pub len: u64,
    /// Leaf hash of the last entry, or [`genesis`].
    pub chain: Digest,
    /// RFC 6962 root over all entries.
    pub root: Digest,
}

/// The end of a log that grows: gives each draft its number and its place in the chain and the tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    tip: Digest,
    frontier: Frontier,
}

impl Chain {
    /// An empty log of this name.
    #[must_use]
    pub fn new(origin: &Origin) -> Self {
        Self {
            tip: genesis(origin),
            frontier: Frontier::new(),
        }
    }

    /// Number of the next entry.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.frontier.size()
    }

    /// Whether nothing is recorded yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the next entry is chained to.
    #[must_use]
    pub const fn tip(&self) -> Digest {
        self.tip
    }

    /// The tree's right edge.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Where the log stands.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            len: self.len(),
            chain: self.tip,
            root: self.frontier.root(),
        }
    }

    /// Numbers and chains a draft and appends its encoding to `bytes`; tells every subtree it completes. On refusal
    /// nothing changed.
    ///
    /// # Errors
    /// [`BadEntry::BodyTooLong`].
    pub fn push(
        &mut self,
        draft: &Draft,
        bytes: &mut Vec<u8>,
        completed: impl FnMut(NodeAt, Digest),
    ) -> Result<Digest, BadEntry> {
        let start = bytes.len();
        encode_into(bytes, self.len(), &self.tip, &draft.kind, draft.at, &draft.body)?;
        let leaf = leaf_hash(bytes.get(start..).unwrap_or_default());
        self.follow(leaf, completed);
        Ok(leaf)
    }

    /// Goes one entry further whose leaf hash is known; tells every subtree it completes. The caller has checked that
    /// the entry belongs here.
    pub fn follow(&mut self, leaf: Digest, completed: impl FnMut(NodeAt, Digest)) {
        self.tip = leaf;
        self.frontier.append_noting(leaf, completed);
    }
}
