//! Reading a segment file frame by frame, checking everything.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use vocabulary::Digest;

use crate::{
    cache::Spot,
    frame::{HEADER_LEN, Header, Kind, PayloadSum, TRAILER_LEN, trailer},
};

/// A record that reads, and what the chain is after it.
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) batch: u64,
    pub(crate) front: Vec<u8>,
    pub(crate) spot: Spot,
    pub(crate) chain: Digest,
}

/// What lies at an offset.
pub(crate) enum At {
    Frame(Box<Found>),
    /// Nothing was written here.
    End,
    /// Bytes that are no record, or a record that is not what was written.
    Bad {
        /// The header's own batch number, if the header reads.
        batch: Option<u64>,
    },
}

fn read_at(file: &File, len: usize, offset: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; len];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn header_at(file: &File, offset: u64) -> io::Result<Option<[u8; HEADER_LEN]>> {
    Ok(read_at(file, HEADER_LEN, offset)?.and_then(|bytes| bytes.try_into().ok()))
}

/// Reads what lies at an offset. `chain` is the chain before it; `None` takes the record's own word for it, which is
/// right only behind a damaged record and at the start of a check.
pub(crate) fn look(file: &File, segment: u64, offset: u64, chain: Option<&Digest>) -> io::Result<At> {
    let Some(head) = header_at(file, offset)? else {
        let rest = file.metadata()?.len().saturating_sub(offset);
        let rest = read_at(file, usize::try_from(rest).unwrap_or(0), offset)?.unwrap_or_default();
        return Ok(if rest.iter().all(|byte| *byte == 0) {
            At::End
        } else {
            At::Bad { batch: None }
        });
    };
    if head == [0; HEADER_LEN] {
        return Ok(At::End);
    }
    let Some(header) = Header::read(&head) else {
        return Ok(At::Bad { batch: None });
    };
    let bad = At::Bad {
        batch: Some(header.batch),
    };
    let front_at = offset + HEADER_LEN as u64;
    if front_at + header.frame_len() - HEADER_LEN as u64 > file.metadata()?.len() {
        return Ok(bad);
    }
    let Some(front) = read_at(file, usize::try_from(header.front_len).unwrap_or(0), front_at)? else {
        return Ok(bad);
    };
    let Some(sum) = sum_at(
        file,
        front_at + u64::from(header.front_len),
        u64::from(header.payload_len),
    )?
    else {
        return Ok(bad);
    };
    let tail_at = front_at + u64::from(header.front_len) + u64::from(header.payload_len);
    let Some(tail) = read_at(file, TRAILER_LEN, tail_at)? else {
        return Ok(bad);
    };
    let stored = tail
        .first_chunk::<32>()
        .map_or_else(|| Digest::of(b""), |chain| Digest::from_bytes(*chain));
    let fits = match chain {
        Some(before) => trailer(before, &head, &front, &sum, None).1.as_slice() == tail,
        None => crc_fits(&head, &front, &sum, &tail),
    };
    if !fits {
        return Ok(bad);
    }
    Ok(At::Frame(Box::new(Found {
        kind: header.kind,
        batch: header.batch,
        front,
        spot: Spot {
            segment,
            offset,
            len: header.frame_len(),
        },
        chain: stored,
    })))
}

fn crc_fits(head: &[u8], front: &[u8], sum: &PayloadSum, tail: &[u8]) -> bool {
    tail.split_at_checked(32).is_some_and(|(chain, crc)| {
        let computed = crc32c::crc32c_append(
            sum.crc_after(crc32c::crc32c_append(crc32c::crc32c(head), front), None),
            chain,
        );
        crc == computed.to_le_bytes()
    })
}

fn sum_at(file: &File, mut offset: u64, mut len: u64) -> io::Result<Option<PayloadSum>> {
    let mut sum = PayloadSum::new();
    while len > 0 {
        let piece = usize::try_from(len.min(256 << 10)).unwrap_or(0);
        let Some(bytes) = read_at(file, piece, offset)? else {
            return Ok(None);
        };
        sum.update(&bytes);
        offset += piece as u64;
        len -= piece as u64;
    }
    Ok(Some(sum))
}

/// The next offset behind damaged bytes where a whole record of this or a later batch reads, if there is one.
pub(crate) fn next_readable(
    file: &File,
    segment: u64,
    from: u64,
    batch_min: u64,
) -> io::Result<Option<Box<Found>>> {
    const WINDOW: usize = 1 << 20;
    let len = file.metadata()?.len();
    let mut at = from;
    while at + (HEADER_LEN as u64) <= len {
        let want = usize::try_from((len - at).min(WINDOW as u64)).unwrap_or(0);
        let Some(bytes) = read_at(file, want, at)? else {
            return Ok(None);
        };
        for (step, window) in bytes.windows(HEADER_LEN).enumerate() {
            // A kind is 1 to 6 and followed by three zeros; most offsets fall out here.
            let plausible = window
                .get(8..12)
                .is_some_and(|kind| matches!(kind, [1..=6, 0, 0, 0]));
            if !plausible {
                continue;
            }
            let header = window
                .try_into()
                .ok()
                .and_then(|head: [u8; HEADER_LEN]| Header::read(&head));
            if header.is_none_or(|header| header.batch < batch_min) {
                continue;
            }
            if let At::Frame(found) = look(file, segment, at + step as u64, None)? {
                return Ok(Some(found));
            }
        }
        at += (want.saturating_sub(HEADER_LEN) + 1) as u64;
    }
    Ok(None)
}
