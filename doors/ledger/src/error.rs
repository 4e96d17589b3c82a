//! What can go wrong, and who must act.

use record::{checkpoint::BadCheckpoint, entry::BadEntry, note::BadNote};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a ledger refuses. German first, then English, because an operator reads it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused something.
    #[error("{path}: {doing} ist fehlgeschlagen. / {path}: {doing} failed.", path = path.display())]
    Io {
        /// The step, as a word both languages know (`open`, `write`, `sync` …).
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The disk is full. Nothing was recorded; make room and try again.
    #[error(
        "Die Platte ist voll: {path} konnte nicht wachsen, nichts wurde aufgezeichnet. Bitte Platz schaffen. / \
         The disk is full: {path} could not grow, nothing was recorded. Make room.",
        path = path.display()
    )]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process holds the directory.
    #[error(
        "{dir} wird schon von einem anderen Prozess beschrieben; ein Protokoll hat genau einen Schreiber. / \
         {dir} is already being written by another process; a ledger has exactly one writer.",
        dir = .0.display()
    )]
    InUse(PathBuf),
    /// There is a ledger already where one should be made.
    #[error(
        "In {dir} liegt schon ein Protokoll; es wird nicht überschrieben. / \
         {dir} already holds a ledger; it is not overwritten.",
        dir = .0.display()
    )]
    Exists(PathBuf),
    /// There is no ledger where one should be.
    #[error("In {dir} liegt kein Protokoll. / {dir} holds no ledger.", dir = .0.display())]
    NotALedger(PathBuf),
    /// The ledger has another name than the one asked for.
    #[error(
        "In {dir} liegt das Protokoll „{found}“, erwartet wurde „{expected}“. / \
         {dir} holds ledger \"{found}\"; \"{expected}\" was expected.",
        dir = dir.display()
    )]
    OtherLog {
        /// The directory.
        dir: PathBuf,
        /// The name asked for.
        expected: String,
        /// The name found.
        found: String,
    },
    /// An entry that was recorded is not what it was.
    #[error(
        "Eintrag {index} in {file} ist beschädigt oder verändert: {what}. Das Protokoll wird nicht geöffnet; \
         `bulkhead verify` nennt alle Stellen. / \
         Entry {index} in {file} is damaged or changed: {what}. The ledger is not opened; \
         `bulkhead verify` names every place.",
        file = file.display()
    )]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// The first entry that cannot be trusted.
        index: u64,
        /// What does not fit.
        what: Damage,
    },
    /// Acknowledged entries are gone: a checkpoint knows of more.
    #[error(
        "Das Protokoll in {dir} hat {len} Einträge, sein letzter Stand nennt {size}: Eintrag {len} und folgende fehlen. \
         / The ledger in {dir} has {len} entries, its last checkpoint says {size}: entry {len} and following are missing.",
        dir = dir.display()
    )]
    Truncated {
        /// The directory.
        dir: PathBuf,
        /// How many entries there are.
        len: u64,
        /// How many there were.
        size: u64,
    },
    /// The entries are not those a checkpoint was signed for.
    #[error(
        "Die ersten {size} Einträge in {dir} sind nicht die, für die der letzte Stand unterschrieben wurde. / \
         The first {size} entries in {dir} are not those the last checkpoint was signed for.",
        dir = dir.display()
    )]
    Forked {
        /// The directory.
        dir: PathBuf,
        /// The size in the checkpoint.
        size: u64,
    },
    /// An earlier write or sync failed, so nobody knows what is on disk.
    #[error(
        "Das Protokoll in {dir} schreibt nicht mehr, weil {doing} fehlgeschlagen ist. Platte prüfen und neu starten. / \
         The ledger in {dir} no longer writes because {doing} failed. Check the disk and restart.",
        dir = dir.display()
    )]
    Poisoned {
        /// The directory.
        dir: PathBuf,
        /// The step that failed.
        doing: &'static str,
    },
    /// A draft cannot become an entry.
    #[error("Der Eintrag kann nicht aufgezeichnet werden. / The entry cannot be recorded.")]
    Entry(#[from] BadEntry),
    /// More staged than one commit may hold.
    #[error(
        "{bytes} Bytes auf einmal sind zu viel, höchstens {max} passen in einen Schreibvorgang: zuerst sichern. / \
         {bytes} bytes at once are too many, at most {max} fit into one commit: sync first."
    )]
    CommitTooLarge {
        /// How many it would be.
        bytes: usize,
        /// How many may be.
        max: usize,
    },
    /// Asked about entries that are not there.
    #[error(
        "Gefragt wurde nach Eintrag {asked}, das Protokoll hat {len}. / \
         Entry {asked} was asked for; the ledger has {len}."
    )]
    OutOfRange {
        /// The index or size asked about.
        asked: u64,
        /// How many entries there are.
        len: u64,
    },
    /// A note cannot be made or kept.
    #[error("Der Protokollstand kann nicht geschrieben werden. / The checkpoint cannot be written.")]
    Note(#[from] BadNote),
    /// A note is no checkpoint of this ledger.
    #[error("Der vorgelegte Text ist kein Protokollstand. / The text shown is not a log checkpoint.")]
    Checkpoint(#[from] BadCheckpoint),
}

/// What does not fit about an entry on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// The checksum of a commit or its header is wrong, and this is no torn tail.
    #[error("Prüfsumme falsch / wrong checksum")]
    Checksum,
    /// The file's first bytes are not those of this segment of this ledger.
    #[error("Dateikopf falsch / wrong file header")]
    FileHeader,
    /// The lengths inside do not add up, or the bytes are no entry.
    #[error("kein Eintrag / not an entry")]
    Encoding,
    /// It carries another number than its place says.
    #[error("falsche Nummer / wrong number")]
    Number,
    /// It is not chained to the entry before it.
    #[error("Kette gebrochen / chain broken")]
    Chain,
    /// A whole segment file is missing.
    #[error("Datei fehlt / file missing")]
    MissingFile,
}

impl Error {
    /// Sorts an error of the file system: a full disk is a normal thing and gets its own name.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_path_buf();
            let kind = source.kind();
            if kind == io::ErrorKind::StorageFull || kind == io::ErrorKind::QuotaExceeded {
                return Self::DiskFull { path, source };
            }
            Self::Io { doing, path, source }
        }
    }
}
