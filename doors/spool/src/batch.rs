//! One commit being put together: frames in their final order and place, not yet written.

use vocabulary::Digest;

use crate::{
    cache::Spot,
    frame::{Header, Kind, PayloadSum, frame_len, trailer},
    stores::Piece,
};

pub(crate) struct Batch {
    pub(crate) number: u64,
    pub(crate) segment: u64,
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) chain: Digest,
    pub(crate) pieces: Vec<Piece>,
}

impl Batch {
    pub(crate) fn new(number: u64, segment: u64, start: u64, chain: Digest) -> Self {
        Self {
            number,
            segment,
            start,
            len: 0,
            chain,
            pieces: Vec::new(),
        }
    }

    /// Adds a record without a payload.
    pub(crate) fn push(&mut self, kind: Kind, front: Vec<u8>) -> Spot {
        self.push_with(kind, front, None, &PayloadSum::new())
    }

    /// Adds a record.
    pub(crate) fn push_with(
        &mut self,
        kind: Kind,
        front: Vec<u8>,
        payload: Option<Piece>,
        sum: &PayloadSum,
    ) -> Spot {
        let spot = Spot {
            segment: self.segment,
            offset: self.start + self.len,
            len: frame_len(front.len() as u64, sum.len()),
        };
        // Both lengths are bounded by the limits of an offer, far below 4 GiB.
        let header = Header {
            kind,
            front_len: u32::try_from(front.len()).unwrap_or(u32::MAX),
            payload_len: u32::try_from(sum.len()).unwrap_or(u32::MAX),
            batch: self.number,
        }
        .write();
        let bytes = match &payload {
            Some(Piece::Bytes(bytes)) => Some(bytes.as_slice()),
            Some(Piece::Staged(..)) | None => None,
        };
        let (chain, tail) = trailer(&self.chain, &header, &front, sum, bytes);
        self.chain = chain;
        self.pieces.push(Piece::Bytes(header.to_vec()));
        self.pieces.push(Piece::Bytes(front));
        self.pieces.extend(payload);
        self.pieces.push(Piece::Bytes(tail.to_vec()));
        self.len += spot.len;
        spot
    }
}
