//! Reading a whole ledger once: every checksum, number, chain link and leaf hash. One thread reads and hashes entries,
//! the other follows chain and tree.

use record::{Chain, Origin, verify::Link};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};
use vocabulary::Digest;

use crate::{
    error::{Damage, Error},
    frame::{EntriesIn, SegmentHeader},
    segment::{Found, SegmentReader},
};

/// How far apart the places are from which reading can begin. Bounds what `read` skips and what marks cost in memory.
const MARK_EVERY_BYTES: u64 = 64 * 1024;
/// Links handed from thread to thread at once.
const LINKS_PER_PIECE: usize = 1024;
/// Pieces under way between the threads.
const PIECES_UNDER_WAY: usize = 16;

/// A place from which reading can begin: the commit that starts with entry `first`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    pub(crate) first: u64,
    pub(crate) segment: u32,
    pub(crate) offset: u64,
}

/// Marks in order, none closer than [`MARK_EVERY_BYTES`] to the one before in the same segment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    pub(crate) fn note(&mut self, mark: Mark) {
        let near = self
            .0
            .last()
            .is_some_and(|last| last.segment == mark.segment && mark.offset - last.offset < MARK_EVERY_BYTES);
        if !near {
            self.0.push(mark);
        }
    }

    /// The last place from which entry `index` can be reached.
    pub(crate) fn before(&self, index: u64) -> Option<Mark> {
        let after = self.0.partition_point(|mark| mark.first <= index);
        self.0.get(after.checked_sub(1)?).copied()
    }
}

/// What a whole ledger turned out to hold.
pub(crate) struct Scanned {
    pub(crate) chain: Chain,
    pub(crate) marks: Marks,
    /// Number of the last segment.
    pub(crate) segment: u32,
    /// Where its last whole commit ends.
    pub(crate) end: u64,
    /// Whether torn bytes follow.
    pub(crate) torn: bool,
    /// Roots at the sizes that were asked for, where the ledger has that many entries.
    pub(crate) roots: BTreeMap<u64, Digest>,
}

enum Piece {
    Segment(PathBuf, Option<SegmentHeader>, u32),
    Links(Vec<Link>, Option<Mark>),
    /// A commit whose entries cannot be read.
    Bad(Damage),
    Tail {
        end: u64,
        torn: bool,
    },
    Failed(Error),
}

/// The segment files of a ledger in order. They must be numbered from one without a gap.
pub(crate) fn segments(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = dir.join("entries");
    let listing = fs::read_dir(&entries).map_err(Error::io("read", &entries))?;
    let mut last = 0;
    for item in listing {
        let name = item.map_err(Error::io("read", &entries))?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|n| n.parse::<u32>().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok((1..=last)
        .map(|number| entries.join(SegmentHeader::file_name(number)))
        .collect())
}

/// Reads everything and follows it.
///
/// # Errors
/// [`Error::Damaged`] names the first entry that is not what it was.
pub(crate) fn scan(dir: &Path, origin: &Origin, sizes: &[u64]) -> Result<Scanned, Error> {
    let paths = segments(dir)?;
    let mut following = Following::new(dir, origin, sizes);
    thread::scope(|scope| {
        let (send, pieces) = sync_channel(PIECES_UNDER_WAY);
        scope.spawn(move || {
            if let Err(error) = read_all(&paths, &send) {
                let _receiver_has_its_own_error = send.send(Piece::Failed(error));
            }
        });
        for piece in pieces {
            following.take(piece)?;
        }
        Ok(following.scanned)
    })
}

fn read_all(paths: &[PathBuf], send: &SyncSender<Piece>) -> Result<(), Error> {
    let last = paths.len();
    for (number, path) in (1_u32..).zip(paths) {
        let opened = SegmentReader::open(path);
        let (mut reader, header) = match opened {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let _ = send.send(Piece::Bad(Damage::MissingFile));
                return Ok(());
            }
            other => other?,
        };
        if send.send(Piece::Segment(path.clone(), header, number)).is_err() {
            return Ok(());
        }
        if read_segment(&mut reader, number, number as usize == last, send)?.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

struct Stopped;

/// Reads one segment to its end. `Err(Stopped)` inside: nobody listens any more, or there is nothing more to say.
fn read_segment(
    reader: &mut SegmentReader,
    number: u32,
    last: bool,
    send: &SyncSender<Piece>,
) -> Result<Result<(), Stopped>, Error> {
    let mut body = Vec::new();
    let mut links = Vec::with_capacity(LINKS_PER_PIECE);
    let mut mark = None;
    let mut marked_at = 0;
    loop {
        let offset = reader.at();
        match reader.next_commit(&mut body)? {
            Found::Commit(header) => {
                if mark.is_none() && (marked_at == 0 || offset - marked_at >= MARK_EVERY_BYTES) {
                    mark = Some(Mark {
                        first: header.first,
                        segment: number,
                        offset,
                    });
                    marked_at = offset;
                }
                let whole = collect_links(&body, header.entries, &mut links);
                if links.len() >= LINKS_PER_PIECE || !whole {
                    let full = std::mem::replace(&mut links, Vec::with_capacity(LINKS_PER_PIECE));
                    if send.send(Piece::Links(full, mark.take())).is_err() {
                        return Ok(Err(Stopped));
                    }
                }
                if !whole {
                    let _ = send.send(Piece::Bad(Damage::Encoding));
                    return Ok(Err(Stopped));
                }
            }
            Found::End => {
                let done = send.send(Piece::Links(links, mark.take()));
                let tail = send.send(Piece::Tail {
                    end: offset,
                    torn: false,
                });
                return Ok(done.and(tail).map_err(|_| Stopped));
            }
            Found::Fault(header) => {
                let torn = last && reader.is_torn_tail(offset, header)?;
                let _ = send.send(Piece::Links(links, mark.take()));
                let _ = send.send(if torn {
                    Piece::Tail { end: offset, torn }
                } else {
                    Piece::Bad(Damage::Checksum)
                });
                return Ok(Err(Stopped));
            }
        }
    }
}

fn collect_links(body: &[u8], entries: u32, links: &mut Vec<Link>) -> bool {
    let mut count = 0;
    for bytes in EntriesIn(body) {
        let Some(link) = bytes.ok().and_then(|bytes| Link::of(bytes).ok()) else {
            return false;
        };
        links.push(link);
        count += 1;
    }
    count == entries && count > 0
}

struct Following<'a> {
    dir: &'a Path,
    origin: &'a Origin,
    sizes: Vec<u64>,
    file: PathBuf,
    scanned: Scanned,
}

impl<'a> Following<'a> {
    fn new(dir: &'a Path, origin: &'a Origin, sizes: &[u64]) -> Self {
        let mut sizes = sizes.to_vec();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let mut following = Self {
            dir,
            origin,
            sizes,
            file: PathBuf::new(),
            scanned: Scanned {
                chain: Chain::new(origin),
                marks: Marks::default(),
                segment: 0,
                end: 0,
                torn: false,
                roots: BTreeMap::new(),
            },
        };
        following.note_roots();
        following
    }

    fn note_roots(&mut self) {
        while self.sizes.last() == Some(&self.scanned.chain.len()) {
            self.sizes.pop();
            self.scanned
                .roots
                .insert(self.scanned.chain.len(), self.scanned.chain.frontier().root());
        }
    }

    fn damaged(&self, index: u64, what: Damage) -> Error {
        let file = match what {
            Damage::MissingFile => self
                .dir
                .join("entries")
                .join(SegmentHeader::file_name(self.scanned.segment + 1)),
            Damage::Checksum | Damage::FileHeader | Damage::Encoding | Damage::Number | Damage::Chain => {
                self.file.clone()
            }
        };
        Error::Damaged { file, index, what }
    }

    fn take(&mut self, piece: Piece) -> Result<(), Error> {
        match piece {
            Piece::Failed(error) => Err(error),
            Piece::Bad(what) => Err(self.damaged(self.scanned.chain.len(), what)),
            Piece::Segment(file, header, number) => {
                self.file = file;
                self.scanned.segment = number;
                let chain = &self.scanned.chain;
                let expected = SegmentHeader::of(self.origin, number, chain.len(), chain.tip());
                match header {
                    Some(header) if header == expected => Ok(()),
                    Some(header) if header.genesis == expected.genesis && header.first == expected.first => {
                        Err(self.damaged(chain.len().saturating_sub(1), Damage::Chain))
                    }
                    Some(_) | None => Err(self.damaged(chain.len(), Damage::FileHeader)),
                }
            }
            Piece::Links(links, mark) => {
                if let Some(mark) = mark {
                    self.scanned.marks.note(mark);
                }
                links.into_iter().try_for_each(|link| self.follow(link))
            }
            Piece::Tail { end, torn } => {
                self.scanned.end = end;
                self.scanned.torn = torn;
                Ok(())
            }
        }
    }

    fn follow(&mut self, link: Link) -> Result<(), Error> {
        let chain = &mut self.scanned.chain;
        if link.index != chain.len() {
            let index = chain.len();
            return Err(self.damaged(index, Damage::Number));
        }
        if link.previous != chain.tip() {
            // The entry before is the one whose hash changed; the one that names it may be innocent.
            let index = chain.len().saturating_sub(1);
            return Err(self.damaged(index, Damage::Chain));
        }
        chain.follow(link.leaf, |_, _| ());
        self.note_roots();
        Ok(())
    }
}
