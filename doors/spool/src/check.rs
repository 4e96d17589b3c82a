//! Looking a spool over while no process runs it: every byte of every store, read from scratch.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    Damage, Error, disk,
    id::{ItemId, SpoolId},
    open,
    promises::Census,
    state::State,
    stores::chain_of,
};

/// What [`check`] found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Every store that was named, in that order.
    pub stores: Vec<StoreReport>,
    /// What is not as it should be; empty when the spool is sound.
    pub findings: Vec<Finding>,
}

/// What one store holds, by its own segments.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StoreReport {
    /// Its directory.
    pub dir: PathBuf,
    /// Segment files.
    pub segments: u64,
    /// Records that read.
    pub records: u64,
    /// Items that wait, held or in doubt.
    pub waiting: u64,
    /// Items set aside for a person.
    pub parked: u64,
    /// Items handed over whose sealed copy is still here.
    pub handed_over: u64,
}

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// A store that cannot be read at all.
    Unreadable {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A store without any segment.
    Empty {
        /// Which.
        dir: PathBuf,
    },
    /// The files of two spools are mixed.
    OtherSpool {
        /// The store that does not fit the first one.
        dir: PathBuf,
    },
    /// A segment between others is gone.
    SegmentMissing {
        /// From which store.
        dir: PathBuf,
        /// Its number.
        segment: u64,
    },
    /// Bytes that are not what was written.
    Damaged {
        /// In which store.
        dir: PathBuf,
        /// Where.
        damage: Damage,
    },
    /// The last bytes of a store are no whole record, as after a crash or a cut.
    UnfinishedEnd {
        /// In which store.
        dir: PathBuf,
        /// Where.
        damage: Damage,
    },
    /// Records whose checksums fit but that this version cannot read.
    NotUnderstood {
        /// In which store.
        dir: PathBuf,
        /// How many.
        records: u64,
    },
    /// SPOOL-1: items that another store has.
    ItemsMissing {
        /// From which store.
        dir: PathBuf,
        /// How many.
        items: u64,
        /// The first of them.
        first: ItemId,
    },
    /// The stores have the same items but do not end with the same record.
    EndsDiffer {
        /// The store that does not end as the first one.
        dir: PathBuf,
    },
    /// SPOOL-3: items that were handed over before an older one of their lane.
    Overtaken {
        /// In which store.
        dir: PathBuf,
        /// How many.
        times: u64,
        /// The first that was overtaken.
        older: ItemId,
        /// By which.
        newer: ItemId,
    },
}

impl Report {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for store in &self.stores {
            writeln!(
                f,
                "{}: {} Segmente, {} Einträge; wartend {}, zurückgelegt {}, übergeben {}. / \
                 {} segments, {} records; waiting {}, parked {}, handed over {}.",
                store.dir.display(),
                store.segments,
                store.records,
                store.waiting,
                store.parked,
                store.handed_over,
                store.segments,
                store.records,
                store.waiting,
                store.parked,
                store.handed_over,
            )?;
        }
        if self.is_sound() {
            return f.write_str("Der Speicher ist unversehrt. / The spool is sound.");
        }
        let count = self.findings.len();
        write!(f, "{count} Befunde: / {count} findings:")?;
        self.findings
            .iter()
            .try_for_each(|finding| write!(f, "\n- {finding}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { dir, why } => {
                let dir = dir.display();
                write!(f, "{dir} ist nicht lesbar: {why}. / {dir} cannot be read: {why}.")
            }
            Self::Empty { dir } => {
                let dir = dir.display();
                write!(f, "{dir} enthält keine Segmente. / {dir} holds no segments.")
            }
            Self::OtherSpool { dir } => {
                let dir = dir.display();
                write!(
                    f,
                    "{dir} gehört zu einem anderen Speicher. / {dir} belongs to another spool."
                )
            }
            Self::SegmentMissing { dir, segment } => {
                let dir = dir.display();
                write!(
                    f,
                    "{dir}: Segment {segment} fehlt. / {dir}: segment {segment} is missing."
                )
            }
            Self::Damaged { dir, damage } => place(f, dir, damage, "ist beschädigt", "is damaged"),
            Self::UnfinishedEnd { dir, damage } => place(
                f,
                dir,
                damage,
                "endet unvollständig; nach einem Absturz wurde das nie bestätigt, und der nächste Start schneidet es ab",
                "ends unfinished; after a crash that was never acknowledged, and the next start cuts it off",
            ),
            Self::NotUnderstood { dir, records } => {
                let dir = dir.display();
                write!(
                    f,
                    "{dir}: {records} Einträge einer anderen Fassung dieses Programms. / \
                     {dir}: {records} records of another version of this program."
                )
            }
            Self::ItemsMissing { dir, items, first } => {
                let dir = dir.display();
                write!(
                    f,
                    "SPOOL-1: {dir} fehlen {items} Nachrichten, die eine andere Kopie hat; die erste ist {first}. / \
                     SPOOL-1: {dir} lacks {items} items that another store has; the first is {first}."
                )
            }
            Self::EndsDiffer { dir } => {
                let dir = dir.display();
                write!(
                    f,
                    "{dir} endet anders als die erste Kopie; der nächste Start gleicht sie an. / \
                     {dir} ends otherwise than the first store; the next start makes them equal."
                )
            }
            Self::Overtaken {
                dir,
                times,
                older,
                newer,
            } => {
                let dir = dir.display();
                write!(
                    f,
                    "SPOOL-3: {dir}: {times}-mal überholt, zuerst {older} von {newer}. / \
                     SPOOL-3: {dir}: overtaken {times} times, first {older} by {newer}."
                )
            }
        }
    }
}

fn place(
    f: &mut fmt::Formatter<'_>,
    dir: &Path,
    damage: &Damage,
    german: &str,
    english: &str,
) -> fmt::Result {
    let dir = dir.display();
    let Damage { segment, offset, to } = damage;
    write!(
        f,
        "{dir}: Segment {segment}, Byte {offset} bis {to}, {german}. / \
         {dir}: segment {segment}, bytes {offset} to {to}, {english}."
    )
}

/// Reads every store of a spool that no process has open, and trusts nothing but the segments: damage, missing
/// segments, items that are not on every store (SPOOL-1), order (SPOOL-3). Writes nothing, so it also works on a copy
/// on read-only media.
///
/// # Errors
/// [`Error::Foreign`] when a process has the spool open; whatever else is wrong is a finding.
pub fn check(dir: &Path, copies: &[PathBuf]) -> Result<Report, Error> {
    let _lock = open::lock_existing(dir)?;
    let mut report = Report {
        stores: Vec::new(),
        findings: Vec::new(),
    };
    let mut read = Vec::new();
    for dir in std::iter::once(dir).chain(copies.iter().map(PathBuf::as_path)) {
        match look(dir, &mut report) {
            Ok(census) => read.extend(census.map(|census| (dir, census))),
            Err(error) => report.findings.push(Finding::Unreadable {
                dir: dir.to_path_buf(),
                why: chain_of(&error),
            }),
        }
    }
    compare(&read, &mut report.findings);
    Ok(report)
}

/// One store by itself. `None` when there is nothing in it.
fn look(dir: &Path, report: &mut Report) -> Result<Option<Census>, Error> {
    let owned = || dir.to_path_buf();
    let segments: Vec<u64> = disk::segments(dir)?
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        report.findings.push(Finding::Empty { dir: owned() });
        return Ok(None);
    };
    let census = Census::of(dir)?;
    let findings = &mut report.findings;
    let present: BTreeSet<u64> = segments.iter().copied().collect();
    findings.extend(
        (*first..*last)
            .filter(|number| !present.contains(number))
            .map(|segment| Finding::SegmentMissing {
                dir: owned(),
                segment,
            }),
    );
    for damage in &census.damage {
        let len = std::fs::metadata(disk::segment_path(dir, damage.segment)).map_or(0, |file| file.len());
        let (dir, at_end) = (owned(), damage.segment == *last && damage.to == len);
        let damage = damage.clone();
        findings.push(if at_end {
            Finding::UnfinishedEnd { dir, damage }
        } else {
            Finding::Damaged { dir, damage }
        });
    }
    if census.not_understood > 0 {
        findings.push(Finding::NotUnderstood {
            dir: owned(),
            records: census.not_understood,
        });
    }
    let spool = SpoolId(census.spool);
    if let Some((older, newer)) = census.overtaken.first() {
        findings.push(Finding::Overtaken {
            dir: owned(),
            times: census.overtaken.len() as u64,
            older: ItemId { spool, seq: *older },
            newer: ItemId { spool, seq: *newer },
        });
    }
    report.stores.push(StoreReport {
        dir: owned(),
        segments: segments.len() as u64,
        records: census.records,
        waiting: census.count(State::Held) + census.count(State::InDoubt),
        parked: census.count(State::Parked),
        handed_over: census.count(State::HandedOver) + census.count(State::Done),
    });
    Ok(Some(census))
}

/// The stores against each other.
fn compare(read: &[(&Path, Census)], findings: &mut Vec<Finding>) {
    let Some((_, first)) = read.first() else {
        return;
    };
    for (dir, census) in read {
        let dir = dir.to_path_buf();
        if census.spool != first.spool {
            findings.push(Finding::OtherSpool { dir });
            continue;
        }
        let missing: BTreeSet<u64> = read
            .iter()
            .filter(|(_, other)| other.spool == census.spool)
            .flat_map(|(_, other)| other.items.keys().copied())
            .filter(|seq| !census.has_seq(*seq))
            .collect();
        if let Some(seq) = missing.first() {
            findings.push(Finding::ItemsMissing {
                dir,
                items: missing.len() as u64,
                first: ItemId {
                    spool: SpoolId(census.spool),
                    seq: *seq,
                },
            });
        } else if census.chain != first.chain {
            findings.push(Finding::EndsDiffer { dir });
        }
    }
}
