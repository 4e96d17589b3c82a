//! How the journal is written: its own kinds, and the exact bytes of others' entries.
//!
//! | kind | body |
//! |---|---|
//! | `journal.begun` | [`Begun`] as JSON; always the first entry |
//! | `source.added` | [`Added`] as JSON; gives a source its number in this journal |
//! | `from.KIND` | version 1 (1 byte), number of the source (4), index there (8), the source's entry as it is in its log |
//! | `source.troubled` | [`Troubled`] as JSON |
//! | `source.heard` | [`Heard`] as JSON |
//! | `source.branched` | [`Branched`] as JSON |
//! | `snapshot.taken` | [`SnapshotTaken`] as JSON |
//! | the room's own | [`RoomEntry`] as JSON |
//!
//! `KIND` is the source's own kind, or `other` where that would be too long. Numbers are big-endian.

use std::borrow::Cow;

use record::{Draft, Entry, EntryRef, Head, Kind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vocabulary::{Digest, EstateId, PersonId, Timestamp};

use crate::room::{BadRoomEntry, RoomEntry};
use crate::source::{SourceId, SourceKind, Trouble};

const FROM: &str = "from.";
const FROM_VERSION: u8 = 1;
const FROM_HEADER_BYTES: usize = 1 + 4 + 8;
/// Longest entry of a source that fits into a journal entry.
pub(crate) const FROM_BYTES_MAX: usize = record::entry::BODY_BYTES_MAX - FROM_HEADER_BYTES;

/// The journal begins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Begun {
    /// Of which estate.
    pub estate: EstateId,
    /// Digest of the first charter, if the room was installed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_charter: Option<Digest>,
    /// Version of the program.
    pub program: String,
}

/// A source got its number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// Which.
    pub source: SourceId,
    /// What writes it.
    pub kind: SourceKind,
    /// Its number in this journal: the count of sources before it.
    pub number: u32,
}

/// Something is wrong with a source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Troubled {
    /// Which source.
    pub number: u32,
    /// What.
    pub trouble: Trouble,
    /// The bytes that were shown, hexadecimal, where they are short enough to be kept as evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

/// A source was heard although it had nothing new.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Which source.
    pub number: u32,
    /// The head it named, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Head>,
}

/// After a fork somebody decided that a source's other history is the one that goes on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branched {
    /// The source's number until now; its entries stay in the journal and move nothing any more.
    pub number: u32,
    /// Its number from now on; it is read anew from its first entry.
    pub becomes: u32,
    /// Who decided.
    pub by: PersonId,
    /// Why.
    pub why: String,
}

/// A snapshot of the state was taken. The file is believed only if it is the one named here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotTaken {
    /// The journal up to which it is the state.
    pub of: Head,
    /// Digest of the file.
    pub digest: Digest,
}

/// What a journal entry says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// The journal begins.
    Begun(Begun),
    /// A source got its number.
    Added(Added),
    /// An entry of a source.
    From {
        /// The source's number.
        number: u32,
        /// The entry's exact bytes.
        bytes: Cow<'a, [u8]>,
    },
    /// Something is wrong with a source.
    Troubled(Troubled),
    /// A source was heard.
    Heard(Heard),
    /// A source's other history goes on.
    Branched(Branched),
    /// A snapshot was taken.
    SnapshotTaken(SnapshotTaken),
    /// The room's own.
    Room(RoomEntry),
    /// A kind or content this version does not know. Kept, counted, and moves nothing.
    Unknown,
}

/// One entry of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalEntry<'a> {
    /// Its number.
    pub index: u64,
    /// When it was recorded, for people.
    pub at: Timestamp,
    /// What it says.
    pub content: Content<'a>,
}

impl<'a> JournalEntry<'a> {
    /// Reads a recorded entry. What this version does not know becomes [`Content::Unknown`]: a journal is never
    /// unreadable as a whole because of one entry.
    #[must_use]
    pub fn read(entry: &'a Entry) -> Self {
        Self {
            index: entry.index,
            at: entry.at,
            content: Content::read(entry.kind.as_str(), &entry.body),
        }
    }

    /// As [`read`](Self::read), of an entry that lies elsewhere.
    pub(crate) fn read_ref(entry: &EntryRef<'a>) -> Self {
        Self {
            index: entry.index,
            at: entry.at,
            content: Content::read(entry.kind, entry.body),
        }
    }
}

fn json<'a, T: DeserializeOwned>(bytes: &[u8], content: impl Fn(T) -> Content<'a>) -> Content<'a> {
    serde_json::from_slice(bytes).map_or(Content::Unknown, content)
}

impl<'a> Content<'a> {
    fn read(kind: &str, body: &'a [u8]) -> Self {
        match kind {
            "journal.begun" => json(body, Content::Begun),
            "source.added" => json(body, Content::Added),
            "source.troubled" => json(body, Content::Troubled),
            "source.heard" => json(body, Content::Heard),
            "source.branched" => json(body, Content::Branched),
            "snapshot.taken" => json(body, Content::SnapshotTaken),
            kind if kind.starts_with(FROM) => Self::read_from(body).unwrap_or(Content::Unknown),
            kind => RoomEntry::read(kind, body).map_or(Content::Unknown, Content::Room),
        }
    }

    fn read_from(body: &'a [u8]) -> Option<Self> {
        let (number, bytes) = from_header(body)?;
        Some(Content::From {
            number,
            bytes: Cow::Borrowed(bytes),
        })
    }

    /// The draft to be recorded; nothing for [`Content::Unknown`].
    ///
    /// # Errors
    /// [`BadRoomEntry`] when it cannot be written, which only a room entry that is too long cannot.
    pub fn draft(&self, at: Timestamp) -> Result<Option<Draft>, BadRoomEntry> {
        let (kind, body) = match self {
            Self::Begun(body) => ("journal.begun", written("journal.begun", body)?),
            Self::Added(body) => ("source.added", written("source.added", body)?),
            Self::Troubled(body) => ("source.troubled", written("source.troubled", body)?),
            Self::Heard(body) => ("source.heard", written("source.heard", body)?),
            Self::Branched(body) => ("source.branched", written("source.branched", body)?),
            Self::SnapshotTaken(body) => ("snapshot.taken", written("snapshot.taken", body)?),
            Self::Room(entry) => (entry.kind(), entry.body()?),
            Self::From { number, bytes } => return from(*number, bytes, at).map(Some),
            Self::Unknown => return Ok(None),
        };
        let kind = Kind::new(kind).map_err(|_| BadRoomEntry::UnknownKind(kind.into()))?;
        Ok(Some(Draft { kind, at, body }))
    }
}

/// The number of a source, and its entry's bytes.
pub(crate) fn from_header(body: &[u8]) -> Option<(u32, &[u8])> {
    let (version, rest) = body.split_first()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (_, bytes) = rest.split_first_chunk::<8>()?;
    (*version == FROM_VERSION).then_some((u32::from_be_bytes(*number), bytes))
}

fn written<T: Serialize>(kind: &str, body: &T) -> Result<Vec<u8>, BadRoomEntry> {
    serde_json::to_vec(body).map_err(|source| BadRoomEntry::Json {
        kind: kind.into(),
        source,
    })
}

fn from(number: u32, bytes: &[u8], at: Timestamp) -> Result<Draft, BadRoomEntry> {
    let read = record::EntryRef::decode(bytes);
    let (index, inner) = read.map_or((u64::MAX, "other"), |entry| (entry.index, entry.kind));
    let kind = Kind::new(&format!("{FROM}{inner}"))
        .or_else(|_| Kind::new("from.other"))
        .map_err(|bad| BadRoomEntry::UnknownKind(bad.0))?;
    let mut body = Vec::with_capacity(FROM_HEADER_BYTES + bytes.len());
    body.push(FROM_VERSION);
    body.extend_from_slice(&number.to_be_bytes());
    body.extend_from_slice(&index.to_be_bytes());
    body.extend_from_slice(bytes);
    Ok(Draft { kind, at, body })
}
