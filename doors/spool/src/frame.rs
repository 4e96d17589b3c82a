//! One record on disk: a checked header, what everyone may read, the sealed payload, and a trailer that chains it to
//! the record before.
//!
//! ```text
//! header  24  front length u32 · payload length u32 · kind u8 · 3 zero · batch u64 · crc32c of these u32
//! front       public part
//! payload     sealed body, may be megabytes
//! trailer 36  chain: SHA-256(previous chain · header · SHA-256(front) · SHA-256(payload)) · crc32c of all before u32
//! ```
//! CRC-32C is Castagnoli's polynomial as in RFC 3720; it finds accidents, the chain finds changes.

use vocabulary::{Digest, Hasher};

use crate::codec::{Put, Take};

pub(crate) const HEADER_LEN: usize = 24;
pub(crate) const TRAILER_LEN: usize = 36;
/// No public part is larger; bounds what a damaged length can make a reader allocate.
pub(crate) const FRONT_LEN_MAX: u32 = 16 << 20;

/// What a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Segment,
    Key,
    Item,
    Transition,
    Count,
    Carried,
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Self::Segment => 1,
            Self::Key => 2,
            Self::Item => 3,
            Self::Transition => 4,
            Self::Count => 5,
            Self::Carried => 6,
        }
    }

    fn read(number: u8) -> Option<Self> {
        [
            Self::Segment,
            Self::Key,
            Self::Item,
            Self::Transition,
            Self::Count,
            Self::Carried,
        ]
        .into_iter()
        .find(|kind| kind.number() == number)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) front_len: u32,
    pub(crate) payload_len: u32,
    pub(crate) batch: u64,
}

impl Header {
    pub(crate) fn write(&self) -> [u8; HEADER_LEN] {
        let mut put = Put::default();
        put.u32(self.front_len)
            .u32(self.payload_len)
            .u8(self.kind.number())
            .fixed(&[0; 3])
            .u64(self.batch);
        let crc = crc32c::crc32c(&put.0);
        put.u32(crc);
        let mut bytes = [0; HEADER_LEN];
        bytes.copy_from_slice(&put.0);
        bytes
    }

    pub(crate) fn read(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let (checked, _) = bytes.split_at(HEADER_LEN - 4);
        let mut take = Take(bytes);
        let front_len = take.u32()?;
        let payload_len = take.u32()?;
        let kind = take.u8()?;
        let zero = take.array::<3>()?;
        let batch = take.u64()?;
        let crc = take.u32()?;
        // An all-zero header has crc 0 stored but not computed, so the unwritten rest of a segment never reads.
        if crc != crc32c::crc32c(checked) || zero != [0; 3] || front_len > FRONT_LEN_MAX {
            return None;
        }
        Some(Self {
            kind: Kind::read(kind)?,
            front_len,
            payload_len,
            batch,
        })
    }

    /// Bytes of the whole record on disk.
    pub(crate) fn frame_len(&self) -> u64 {
        frame_len(u64::from(self.front_len), u64::from(self.payload_len))
    }
}

pub(crate) fn frame_len(front: u64, payload: u64) -> u64 {
    HEADER_LEN as u64 + front + payload + TRAILER_LEN as u64
}

/// What the trailer needs to know about a payload, computed while it was sealed, so that a body of megabytes is
/// hashed once however many stores it goes to.
#[derive(Clone)]
pub(crate) struct PayloadSum {
    hasher: Hasher,
    crc: u32,
    len: u64,
}

impl PayloadSum {
    pub(crate) fn new() -> Self {
        Self {
            hasher: Hasher::new(),
            crc: crc32c::crc32c(&[]),
            len: 0,
        }
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut sum = Self::new();
        sum.update(bytes);
        sum
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.len += bytes.len() as u64;
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The checksum of earlier bytes with this checksum, continued over the payload. Joining two checksums costs more
    /// than reading a sick note once more, so it is done only where the bytes are not at hand.
    pub(crate) fn crc_after(&self, crc: u32, bytes: Option<&[u8]>) -> u32 {
        if self.len == 0 {
            return crc;
        }
        if let Some(bytes) = bytes {
            return crc32c::crc32c_append(crc, bytes);
        }
        crc32c::crc32c_combine(crc, self.crc, usize::try_from(self.len).unwrap_or(usize::MAX))
    }
}

/// The next link of the chain and the trailer that carries it. `bytes`: the payload, where it is in memory.
pub(crate) fn trailer(
    previous: &Digest,
    header: &[u8; HEADER_LEN],
    front: &[u8],
    payload: &PayloadSum,
    bytes: Option<&[u8]>,
) -> (Digest, [u8; TRAILER_LEN]) {
    let mut link = Hasher::new();
    link.update(previous.as_bytes());
    link.update(header);
    link.update(Digest::of(front).as_bytes());
    link.update(payload.hasher.clone().finish().as_bytes());
    let chain = link.finish();
    let crc = payload.crc_after(crc32c::crc32c_append(crc32c::crc32c(header), front), bytes);
    let crc = crc32c::crc32c_append(crc, chain.as_bytes());
    let mut bytes = [0; TRAILER_LEN];
    let (left, right) = bytes.split_at_mut(32);
    left.copy_from_slice(chain.as_bytes());
    right.copy_from_slice(&crc.to_le_bytes());
    (chain, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_header_is_found() {
        let header = Header {
            kind: Kind::Item,
            front_len: 300,
            payload_len: 2_064,
            batch: 7,
        };
        let bytes = header.write();
        assert_eq!(Header::read(&bytes), Some(header));
        for bit in 0..HEADER_LEN * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&changed), None, "bit {bit}");
        }
        assert_eq!(Header::read(&[0; HEADER_LEN]), None);
    }

    #[test]
    fn the_sum_of_pieces_is_the_sum_of_the_whole() {
        let (header, front, payload) = ([7; HEADER_LEN], b"front", b"a sealed payload");
        let mut pieces = PayloadSum::new();
        payload.chunks(5).for_each(|piece| pieces.update(piece));
        let sum = PayloadSum::of(payload);
        let whole = trailer(&Digest::of(b""), &header, front, &sum, Some(payload));
        assert_eq!(trailer(&Digest::of(b""), &header, front, &sum, None), whole);
        assert_eq!(trailer(&Digest::of(b""), &header, front, &pieces, None), whole);
        let mut all = [&header[..], front, payload].concat();
        all.extend_from_slice(whole.0.as_bytes());
        assert_eq!(whole.1[32..], crc32c::crc32c(&all).to_le_bytes());
    }
}
