//! A growing file of lines, read on where it was left: over rotation by renaming (what is left of the old file is read
//! first), over copy-and-truncate, and over our own restart.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use vocabulary::{Digest, Timestamp};
use warning::{Finding, Imported, Importer, Line, LineReader};

use super::{Begin, keep::Position};

/// Bytes read in one step.
const STEP_BYTES: usize = 1024 * 1024;
/// Bytes before a position by which a file is known again.
const BEFORE_BYTES: u64 = 256;
/// Steps at the end of a renamed file without growth until it is left: its writer may not have noticed yet.
const QUIET_STEPS: u32 = 4;

/// What one step brought.
pub(super) struct Step {
    pub(super) findings: Vec<Finding>,
    /// Lines, good or bad.
    pub(super) lines: u64,
    pub(super) position: Position,
    /// There may be more at once.
    pub(super) is_full: bool,
}

struct Open {
    file: File,
    device: u64,
    inode: u64,
    /// Where the reader began, and how many bytes it was fed.
    base: u64,
    fed: u64,
    reader: LineReader,
    /// Digest of the bytes before the last line end read.
    before: String,
    quiet: u32,
}

/// One file.
pub(super) struct Tail {
    path: PathBuf,
    importer: Importer,
    open: Option<Open>,
    kept: Option<Position>,
    /// What to do with what is there when we see the file for the first time ever.
    begin: Begin,
}

impl Tail {
    pub(super) const fn new(path: PathBuf, importer: Importer, kept: Option<Position>, begin: Begin) -> Self {
        Self {
            path,
            importer,
            open: None,
            kept,
            begin,
        }
    }

    /// Reads once. Nothing where there is no file yet or nothing new in it.
    pub(super) fn step(&mut self, now: Timestamp) -> io::Result<Option<Step>> {
        if self.open.is_none() && !self.find()? {
            return Ok(None);
        }
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        open.begin_again_if_rewritten()?;
        let mut piece = vec![0; STEP_BYTES];
        let count = open.file.read_at(&mut piece, open.read_to())?;
        piece.truncate(count);
        let (mut findings, mut lines) = (Vec::new(), 0);
        let importer = &mut self.importer;
        let mut each = |line: Line<'_>| {
            lines += 1;
            take(importer, line, now, &mut findings);
        };
        open.fed = open.fed.saturating_add(count as u64);
        open.reader.feed(&piece, &mut each);
        let mut leave = false;
        if count == 0 && open.is_elsewhere(&self.path) {
            open.quiet += 1;
            leave = open.quiet > QUIET_STEPS;
        } else {
            open.quiet = 0;
        }
        if leave {
            open.reader.end(&mut each);
        }
        let position = open.position()?;
        if leave {
            self.open = None;
            self.kept = None;
            self.begin = Begin::Beginning;
        }
        Ok((lines > 0).then_some(Step {
            findings,
            lines,
            position,
            is_full: count == STEP_BYTES,
        }))
    }

    /// Opens the file where it was left, under whatever name it has now; otherwise at its beginning or end.
    fn find(&mut self) -> io::Result<bool> {
        if let Some(kept) = self.kept.take() {
            for path in candidates(&self.path) {
                let Ok(file) = File::open(&path) else { continue };
                if is_same(&file, &kept)? {
                    self.open = Some(Open::at(file, kept.offset)?);
                    return Ok(true);
                }
            }
            tracing::warn!(file = %self.path.display(), "rotated while nobody read, and the old file is gone; beginning the new one");
            self.begin = Begin::Beginning;
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // What appears later is new from its first byte.
                self.begin = Begin::Beginning;
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let from = match self.begin {
            Begin::Beginning => 0,
            Begin::End => last_line_end(&file)?,
        };
        self.open = Some(Open::at(file, from)?);
        Ok(true)
    }
}

/// Asks the importer, and says where a source writes badly: the 1st, 2nd, 4th … time.
pub(super) fn take(importer: &mut Importer, line: Line<'_>, now: Timestamp, findings: &mut Vec<Finding>) {
    match importer.line(line, now) {
        Imported::Finding(finding) => findings.push(*finding),
        Imported::Ignored | Imported::Repeat => {}
        Imported::Bad(why) => {
            let bad = importer.tally().bad();
            if bad.is_power_of_two() {
                tracing::warn!(bad, %why, "a line of a sensor says nothing");
            }
        }
    }
}

impl Open {
    fn at(file: File, base: u64) -> io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self {
            device: about.dev(),
            inode: about.ino(),
            before: before(&file, base)?,
            file,
            base,
            fed: 0,
            reader: LineReader::new(),
            quiet: 0,
        })
    }

    const fn read_to(&self) -> u64 {
        self.base.saturating_add(self.fed)
    }

    const fn offset(&self) -> u64 {
        self.base.saturating_add(self.reader.whole_until())
    }

    fn position(&mut self) -> io::Result<Position> {
        self.before = before(&self.file, self.offset())?;
        Ok(Position {
            device: self.device,
            inode: self.inode,
            offset: self.offset(),
            before: self.before.clone(),
        })
    }

    /// A file that became shorter, or grew over other bytes than we read, was emptied by its writer: it begins again.
    fn begin_again_if_rewritten(&mut self) -> io::Result<()> {
        let (len, read_to) = (self.file.metadata()?.len(), self.read_to());
        if len < read_to || (len > read_to && before(&self.file, self.offset())? != self.before) {
            tracing::info!("a sensor's file was emptied; beginning again");
            *self = Self::at(self.file.try_clone()?, 0)?;
        }
        Ok(())
    }

    /// Whether the name means another file by now. A name that is gone for a moment does not.
    fn is_elsewhere(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|about| (about.dev(), about.ino()) != (self.device, self.inode))
    }
}

fn before(file: &File, offset: u64) -> io::Result<String> {
    let bytes = offset.min(BEFORE_BYTES);
    let mut read = vec![0; usize::try_from(bytes).unwrap_or(0)];
    file.read_exact_at(&mut read, offset - bytes)?;
    Ok(Digest::of(&read).to_string())
}

fn is_same(file: &File, kept: &Position) -> io::Result<bool> {
    let about = file.metadata()?;
    let same = (about.dev(), about.ino()) == (kept.device, kept.inode) && about.len() >= kept.offset;
    Ok(same && before(file, kept.offset)? == kept.before)
}

/// The file, and its neighbours whose names begin with its own: where rotation puts it.
fn candidates(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return found;
    };
    let stem = path.file_stem().unwrap_or(name).to_string_lossy().into_owned();
    let neighbours = fs::read_dir(folder).into_iter().flatten().flatten();
    found.extend(
        neighbours
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&stem))
            .map(|entry| entry.path())
            .take(1_000),
    );
    found
}

/// The end of the last whole line: a line that is being written is read when it is whole.
fn last_line_end(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut piece = vec![0; 4096];
    while end > 0 {
        let from = end.saturating_sub(piece.len() as u64);
        let bytes = usize::try_from(end - from).unwrap_or(0);
        let read = piece.get_mut(..bytes).unwrap_or_default();
        file.read_exact_at(read, from)?;
        if let Some(at) = read.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests;
