//! What a door process and an emergency environment say to each other: JSON, and one stream of sealed items.
//!
//! The stream of `/emergency/read` is a sequence of items and one zero byte. An item is the byte 1, its id (16 bytes, as
//! in its 32 digits), where it stands (one byte), the length of its public part (4 bytes) and of its sealed body (8
//! bytes), both big endian, and then both. A stream that ends without the zero byte was broken off.

use std::io::{self, Read};

use order::Answer;
use serde::{Deserialize, Serialize};
use spool::{Certificate, ItemId, KeyEpoch, Standing, WrappedKey};
use vocabulary::{CellId, Digest, Envelope, EnvironmentId, Timestamp};

/// Longest public part of an item we take from a door: cell, times, digests, and a sealed head of addresses.
const FRONT_BYTES_MAX: u32 = 16 << 20;
/// Longest sealed body: the largest KIM mail, with room.
const BODY_BYTES_MAX: u64 = 128 << 20;

/// The name in the TLS certificate of an emergency environment, beside the name every part has: the door asks for the
/// environment its grant names.
#[must_use]
pub fn tls_name(environment: &EnvironmentId) -> String {
    format!("{environment}.emergency.bulkhead.internal")
}

/// The cells that the asking environment may read at this door process, now.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Which spool their items lie in.
    pub spool: String,
    /// The cells.
    pub cells: Vec<GrantedCell>,
}

/// One cell that may be read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedCell {
    /// Which.
    pub cell: CellId,
    /// Until when, if nothing ends it before.
    pub until: Timestamp,
    /// Its key epochs, oldest first. Items never join an older one.
    pub epochs: Vec<KeyEpoch>,
    /// Keys wrapped to the identity the grant names; not for every epoch, where the insurer has not wrapped one again.
    pub keys: Vec<WrappedKey>,
}

/// How many items wait under each key epoch of a cell.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Epoch and count, oldest first.
    pub epochs: Vec<(KeyEpoch, u64)>,
}

/// An answer that wants to leave.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerCall {
    /// The cell it answers for.
    pub cell: CellId,
    /// What it is.
    pub answer: Answer,
    /// The exact mail, base64.
    pub mail: String,
    /// Who released it.
    pub release: Envelope,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "became")]
pub enum Answered {
    /// The regular server has it.
    Sent,
    /// It had been handed on before; nothing was sent now.
    Before,
    /// The regular server could not take it now, or may have it: hand the same mail in again.
    Again,
    /// The regular server refused it for good.
    Refused,
}

/// What an emergency environment says it has worked on, cell by cell, when its work ends.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexCall {
    /// Which cell.
    pub cell: CellId,
    /// Every item of the index, in order.
    pub items: Vec<ItemId>,
    /// SHA-256 of the index file.
    pub index: Digest,
}

/// What covers a hand-back: the index as the door counted it, and where every item of the cell is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandBack {
    /// Which cell.
    pub cell: CellId,
    /// Who worked on it.
    pub environment: EnvironmentId,
    /// SHA-256 of the index file.
    pub index: Digest,
    /// Items in the index, each of this cell and each once.
    pub indexed: u64,
    /// SHA-256 over their ids in order, as in a certificate's classes.
    pub items: Digest,
    /// Items that are to be read and are not in the index: they came after, or their keys were never wrapped again.
    pub not_indexed: u64,
    /// Where everything of the cell is, at the same time.
    pub certificate: Certificate,
}

/// What comes before an item on the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemHead {
    /// Its name.
    pub item: ItemId,
    /// Where it stands on its regular way.
    pub standing: Standing,
    /// Length of its public part.
    pub front_len: u32,
    /// Length of its sealed body.
    pub body_len: u64,
}

/// The end of a whole stream.
pub const END: [u8; 1] = [0];

const STANDINGS: [Standing; 5] = [
    Standing::Waiting,
    Standing::InDoubt,
    Standing::Parked,
    Standing::NotFetched,
    Standing::NotDeleted,
];

impl ItemHead {
    /// As it goes over the wire.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        // An id is written as 32 digits, which are 16 bytes.
        bytes.extend(hex::decode(self.item.to_string()).unwrap_or_default());
        let standing = STANDINGS.iter().position(|known| *known == self.standing);
        bytes.push(standing.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX));
        bytes.extend(self.front_len.to_be_bytes());
        bytes.extend(self.body_len.to_be_bytes());
        bytes
    }

    /// Reads the next one; `None` at the end of a whole stream.
    ///
    /// # Errors
    /// When the stream breaks off or is none.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let [mark] = array(from)?;
        match mark {
            0 => return Ok(None),
            1 => {}
            _ => return Err(no_stream("no item begins here")),
        }
        let id: [u8; 16] = array(from)?;
        let item = hex::encode(id).parse().map_err(|_| no_stream("no item id"))?;
        let [standing] = array(from)?;
        let standing = *STANDINGS
            .get(usize::from(standing))
            .ok_or_else(|| no_stream("an item stands nowhere we know"))?;
        let head = Self {
            item,
            standing,
            front_len: u32::from_be_bytes(array(from)?),
            body_len: u64::from_be_bytes(array(from)?),
        };
        if head.front_len > FRONT_BYTES_MAX || head.body_len > BODY_BYTES_MAX {
            return Err(no_stream("an item is longer than any mail"));
        }
        Ok(Some(head))
    }
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn no_stream(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads() -> Vec<ItemHead> {
        let head = |(number, standing): (usize, &Standing)| ItemHead {
            item: format!("00000000000000aa{number:016x}").parse().unwrap(),
            standing: *standing,
            front_len: 300,
            body_len: 70_000,
        };
        STANDINGS.iter().enumerate().map(head).collect()
    }

    #[test]
    fn what_is_written_is_read_and_a_broken_stream_is_no_end() {
        let mut bytes: Vec<u8> = heads().iter().flat_map(ItemHead::write).collect();
        bytes.extend(END);
        let mut from = bytes.as_slice();
        for head in heads() {
            assert_eq!(ItemHead::read(&mut from).unwrap(), Some(head));
        }
        assert_eq!(ItemHead::read(&mut from).unwrap(), None);
        for cut in 0..bytes.len() {
            let mut from = &bytes[..cut];
            let error = loop {
                match ItemHead::read(&mut from) {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("a stream cut at {cut} ended well"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn lengths_and_places_nobody_writes_are_refused() {
        for (at, with) in [(0, 2), (17, 5), (18, 0xff), (22, 0xff)] {
            let mut bytes = heads()[0].write();
            bytes[at] = with;
            assert_eq!(
                ItemHead::read(&mut bytes.as_slice()).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
        }
    }
}
