//! Making the declared stores equal: at the start, and when one that was down comes back.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use vocabulary::Digest;

use crate::{
    Error, disk,
    frame::{Kind, TRAILER_LEN},
    record::SegmentRecord,
    scan::{self, At},
};

/// The chain that a record ending at an offset carries.
pub(crate) fn chain_at(file: &File, end: u64) -> Option<Digest> {
    let mut bytes = [0; TRAILER_LEN];
    file.read_exact_at(&mut bytes, end.checked_sub(TRAILER_LEN as u64)?)
        .ok()?;
    bytes.first_chunk::<32>().map(|chain| Digest::from_bytes(*chain))
}

/// How far one store reads: the end of its last readable record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Reach {
    batch: u64,
    segment: u64,
    offset: u64,
}

/// The end of a segment and the chain there. Damage inside is stepped over.
fn end_of(dir: &Path, segment: u64) -> Result<(Reach, Option<Digest>), Error> {
    let path = disk::segment_path(dir, segment);
    let failed = |error| Error::disk("read", &path)(error);
    let file = File::open(&path).map_err(failed)?;
    let mut reach = Reach {
        batch: 0,
        segment,
        offset: 0,
    };
    let mut chain = None;
    loop {
        match scan::look(&file, segment, reach.offset, chain.as_ref()).map_err(failed)? {
            At::Frame(found) => {
                reach = Reach {
                    batch: found.batch,
                    segment,
                    offset: found.spot.offset + found.spot.len,
                };
                chain = Some(found.chain);
            }
            At::End => return Ok((reach, chain)),
            At::Bad { .. } => {
                let Some(next) =
                    scan::next_readable(&file, segment, reach.offset + 1, reach.batch).map_err(failed)?
                else {
                    return Ok((reach, chain));
                };
                reach.offset = next.spot.offset;
                chain = None;
            }
        }
    }
}

/// How far a store reads, from its last segment that has anything.
fn reach(dir: &Path) -> Result<Reach, Error> {
    for (number, _) in disk::segments(dir)?.into_iter().rev() {
        let (reach, _) = end_of(dir, number)?;
        if reach.batch > 0 {
            return Ok(reach);
        }
    }
    Ok(Reach::default())
}

/// Makes all stores equal to the one that reaches furthest. Returns those that lacked something.
///
/// A single store is its own truth and is not looked at here.
pub(crate) fn even_out(dirs: &[&Path]) -> Result<Vec<PathBuf>, Error> {
    let mut mended = Vec::new();
    if dirs.len() < 2 {
        return Ok(mended);
    }
    let reaches = dirs.iter().map(|dir| reach(dir)).collect::<Result<Vec<_>, _>>()?;
    // The first declared store wins a tie.
    let Some((best, furthest)) = reaches
        .iter()
        .enumerate()
        .max_by_key(|(index, reach)| (**reach, usize::MAX - index))
    else {
        return Ok(mended);
    };
    let Some(best_dir) = dirs.get(best) else {
        return Ok(mended);
    };
    for (index, dir) in dirs.iter().enumerate() {
        if index != best && bring_up(best_dir, dir, furthest.segment)? {
            mended.push(dir.to_path_buf());
        }
    }
    Ok(mended)
}

/// Gives a store every segment it lacks or has otherwise. Returns whether there was any.
pub(crate) fn bring_up(from: &Path, to: &Path, last: u64) -> Result<bool, Error> {
    disk::make_dir(&disk::segment_dir(to))?;
    let mut changed = false;
    let good = disk::segments(from)?;
    for (number, path) in good.iter().filter(|(number, _)| *number <= last) {
        let end = used(from, *number, path)?;
        if !same_to(from, to, *number, end) {
            copy(path, &disk::segment_path(to, *number))?;
            changed = true;
        }
    }
    for (number, path) in disk::segments(to)? {
        if !good.iter().any(|(known, _)| *known == number) || number > last {
            std::fs::remove_file(&path).map_err(Error::disk("remove", path))?;
            changed = true;
        }
    }
    if changed {
        disk::sync_dir(&disk::segment_dir(to))?;
    }
    Ok(changed)
}

/// Where a segment's last record ends. A segment that was trimmed ends with the link the next segment names.
fn used(dir: &Path, number: u64, path: &Path) -> Result<u64, Error> {
    let file = File::open(path).map_err(Error::disk("open", path))?;
    let len = file.metadata().map_err(Error::disk("open", path))?.len();
    let next = disk::segment_path(dir, number + 1);
    if let Some(link) = File::open(next)
        .ok()
        .and_then(|file| chain_before(&file, number + 1))
        && chain_at(&file, len) == Some(link)
    {
        return Ok(len);
    }
    Ok(end_of(dir, number)?.0.offset)
}

fn chain_before(file: &File, segment: u64) -> Option<Digest> {
    match scan::look(file, segment, 0, None).ok()? {
        At::Frame(found) if found.kind == Kind::Segment => {
            SegmentRecord::read(&found.front).map(|record| record.chain_before)
        }
        At::Frame(_) | At::End | At::Bad { .. } => None,
    }
}

/// Whether both stores carry the same chain at the end of a segment. The chain covers every byte before it as it was
/// written; bytes that changed since are found by a full check.
fn same_to(from: &Path, to: &Path, number: u64, end: u64) -> bool {
    let link = |dir: &Path| {
        File::open(disk::segment_path(dir, number))
            .ok()
            .and_then(|file| chain_at(&file, end))
    };
    match (link(from), link(to)) {
        (Some(left), Some(right)) => left == right,
        (None, _) | (_, None) => false,
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let temporary = to.with_extension("new");
    let copied = (|| -> io::Result<()> {
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        std::fs::copy(from, &temporary)?;
        File::open(&temporary)?.sync_all()?;
        std::fs::rename(&temporary, to)
    })();
    copied.map_err(Error::disk("copy a segment to", to))
}
