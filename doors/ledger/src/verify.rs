//! Verifying a copy of a ledger directory: no lock, no writing, no server. One thread reads and hashes, the other
//! follows.

use record::{
    Note, Origin,
    verify::{Link, Report, Trust, Verifier},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use crate::{
    error::{Damage, Error},
    frame::{EntriesIn, SegmentHeader},
    scan::segments,
    segment::{Found, SegmentReader},
    slots,
};

const LINKS_PER_PIECE: usize = 1024;
const PIECES_UNDER_WAY: usize = 16;
/// Damaged places that are listed; more are counted.
const PLACES_MAX: usize = 100;

/// A place in a file that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Where, in bytes from its beginning.
    pub offset: u64,
    /// What does not fit.
    pub what: Damage,
}

/// What verifying a directory found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// What the entries say.
    pub report: Report,
    /// What the files say, at most 100 places.
    pub places: Vec<Place>,
    /// How many more places there were.
    pub unlisted: u64,
    /// Bytes of an interrupted write at the end, which opening would cut off: no sign of tampering.
    pub torn_bytes: u64,
}

impl Verified {
    /// Whether nothing is wrong with entries or files.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.report.is_sound() && self.places.is_empty()
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.report, f)?;
        for Place { file, offset, what } in &self.places {
            writeln!(f, "  - {} @ {offset}: {what}.", file.display())?;
        }
        if self.unlisted > 0 {
            writeln!(
                f,
                "  - und {0} weitere Stellen. / and {0} more places.",
                self.unlisted
            )?;
        }
        if self.torn_bytes > 0 {
            writeln!(
                f,
                "Am Ende stehen {0} Bytes eines unterbrochenen Schreibvorgangs. / \
                 {0} bytes of an interrupted write stand at the end.",
                self.torn_bytes
            )?;
        }
        Ok(())
    }
}

enum Piece {
    Links(Vec<Link>),
    Unreadable,
    Place(Place),
    Torn(u64),
    Failed(Error),
}

/// Verifies a ledger directory against the checkpoints that lie in it, those somebody brings along, and the keys one
/// trusts. Notes from outside are what makes this worth something: whoever owns the directory owns its own notes.
///
/// # Errors
/// [`Error::NotALedger`], [`Error::OtherLog`], or a file that cannot be read at all. What is wrong with the content is in
/// the result, never an error.
pub fn verify(dir: &Path, origin: &Origin, brought: &[Note], trust: &Trust) -> Result<Verified, Error> {
    let found = crate::origin_of(dir)?;
    if found != *origin {
        let (expected, found) = (origin.to_string(), found.to_string());
        return Err(Error::OtherLog {
            dir: dir.to_path_buf(),
            expected,
            found,
        });
    }
    let mut notes = brought.to_vec();
    if !trust.log.is_empty() {
        notes.extend(note_in(&dir.join("checkpoint"))?);
    }
    if !trust.log.is_empty() || trust.witnesses.is_some() {
        notes.extend(note_in(&dir.join("cosigned"))?);
    }
    let paths = segments(dir)?;
    let mut verifier = Verifier::new(origin, &notes, trust);
    let (mut places, mut unlisted, mut torn_bytes) = (Vec::new(), 0, 0);
    thread::scope(|scope| {
        let (send, pieces) = sync_channel(PIECES_UNDER_WAY);
        scope.spawn(move || {
            if let Err(Stop::Failed(error)) = read_all(&paths, origin, &send) {
                let _receiver_may_be_gone = send.send(Piece::Failed(error));
            }
        });
        for piece in pieces {
            match piece {
                Piece::Links(links) => links.into_iter().for_each(|link| verifier.push(link)),
                Piece::Unreadable => verifier.push_unreadable(),
                Piece::Place(place) if places.len() < PLACES_MAX => places.push(place),
                Piece::Place(_) => unlisted += 1,
                Piece::Torn(bytes) => torn_bytes = bytes,
                Piece::Failed(error) => return Err(error),
            }
        }
        Ok(())
    })?;
    Ok(Verified {
        report: verifier.finish(),
        places,
        unlisted,
        torn_bytes,
    })
}

fn note_in(path: &Path) -> Result<Option<Note>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(slots::read(path)?.and_then(|(_, text)| text.parse().ok()))
}

enum Stop {
    /// Nobody listens any more.
    Unheard,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

struct Reading<'a> {
    send: &'a SyncSender<Piece>,
    links: Vec<Link>,
    body: Vec<u8>,
}

fn read_all(paths: &[PathBuf], origin: &Origin, send: &SyncSender<Piece>) -> Result<(), Stop> {
    let mut reading = Reading {
        send,
        links: Vec::new(),
        body: Vec::new(),
    };
    for (number, path) in (1_u32..).zip(paths) {
        reading.segment(path, origin, number, number as usize == paths.len())?;
    }
    reading.flush()
}

impl Reading<'_> {
    fn say(&self, piece: Piece) -> Result<(), Stop> {
        self.send.send(piece).map_err(|_| Stop::Unheard)
    }

    fn place(&self, file: &Path, offset: u64, what: Damage) -> Result<(), Stop> {
        self.say(Piece::Place(Place {
            file: file.to_path_buf(),
            offset,
            what,
        }))
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if self.links.is_empty() {
            return Ok(());
        }
        let links = std::mem::replace(&mut self.links, Vec::with_capacity(LINKS_PER_PIECE));
        self.say(Piece::Links(links))
    }

    fn segment(&mut self, path: &Path, origin: &Origin, number: u32, last: bool) -> Result<(), Stop> {
        let (mut reader, header) = match SegmentReader::open(path) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return self.place(path, 0, Damage::MissingFile);
            }
            other => other?,
        };
        let own = header.is_some_and(|header| {
            header
                == SegmentHeader {
                    number,
                    genesis: record::entry::genesis(origin),
                    ..header
                }
        });
        if !own {
            self.place(path, 0, Damage::FileHeader)?;
            // The commits behind a damaged header may still be whole.
            reader.seek(SegmentHeader::BYTES)?;
        }
        loop {
            let offset = reader.at();
            match reader.next_commit(&mut self.body)? {
                Found::Commit(header) => self.entries(header.entries)?,
                Found::End => return Ok(()),
                Found::Fault(header) => {
                    self.flush()?;
                    if last && reader.is_torn_tail(offset, header)? {
                        return self.say(Piece::Torn(reader.end().saturating_sub(offset)));
                    }
                    self.place(path, offset, Damage::Checksum)?;
                    if let Some(header) = header.filter(|_| !self.body.is_empty()) {
                        self.entries(header.entries)?;
                    }
                    if !reader.resync(offset)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Hands on the entries of one commit. What cannot be read is handed on as that, so that numbers stay in step.
    fn entries(&mut self, count: u32) -> Result<(), Stop> {
        let body = std::mem::take(&mut self.body);
        let mut seen = 0;
        for bytes in EntriesIn(&body) {
            match bytes.map(Link::of) {
                Ok(Ok(link)) => self.links.push(link),
                Ok(Err(_)) => {
                    self.flush()?;
                    self.say(Piece::Unreadable)?;
                }
                Err(()) => break,
            }
            seen += 1;
        }
        for _ in seen..count {
            self.flush()?;
            self.say(Piece::Unreadable)?;
        }
        self.body = body;
        if self.links.len() >= LINKS_PER_PIECE {
            self.flush()
        } else {
            Ok(())
        }
    }
}
