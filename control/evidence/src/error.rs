//! What can go wrong, and who must act.

use std::path::PathBuf;

use vocabulary::EstateId;

use crate::room::BadRoomEntry;
use crate::source::SourceId;

/// Why the journal refuses. German first, then English, because an operator reads it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal's ledger failed or refused; nothing was recorded.
    #[error(
        "Das Journal kann nicht geschrieben oder gelesen werden. / The journal cannot be written or read."
    )]
    Ledger(#[from] ledger::Error),
    /// A room entry cannot be recorded.
    #[error("Der Eintrag kann nicht aufgezeichnet werden. / The entry cannot be recorded.")]
    Entry(#[from] BadRoomEntry),
    /// The first entry does not say of which estate the journal is.
    #[error("In {dir} liegt kein Journal. / {dir} holds no journal.", dir = .0.display())]
    NotAJournal(PathBuf),
    /// The journal of another estate.
    #[error(
        "Das Journal gehört zu „{found}“, dies ist „{expected}“. / The journal is of \"{found}\", this is \"{expected}\"."
    )]
    OtherEstate {
        /// Ours.
        expected: EstateId,
        /// The journal's.
        found: EstateId,
    },
    /// The journal follows another first charter than the room was installed with.
    #[error(
        "Das Journal folgt der Urkunde {known}, eingerichtet ist {installed}: bitte mit dem Papier vergleichen. / \
         The journal follows charter {known}, installed is {installed}: compare with the paper."
    )]
    OtherCharter {
        /// As installed.
        installed: vocabulary::Digest,
        /// As the journal has it.
        known: vocabulary::Digest,
    },
    /// The estate's name does not fit into a log's name.
    #[error("Der Name des Verbunds taugt nicht als Protokollname. / The estate's name is no name for a log.")]
    Name(#[from] record::note::BadName),
    /// A source was announced as one kind and now comes as another.
    #[error("Die Quelle „{0}“ ist als etwas anderes bekannt. / Source \"{0}\" is known as something else.")]
    OtherKind(SourceId),
    /// A branch is followed only where there is a fork.
    #[error(
        "Die Quelle „{0}“ ist nicht bekannt oder hat nur eine Geschichte. / Source \"{0}\" is not known or has one history only."
    )]
    NoFork(SourceId),
    /// More sources than the journal is built for.
    #[error("Das Journal liest höchstens {max} Quellen. / The journal reads {max} sources at most.")]
    TooManySources {
        /// How many.
        max: u32,
    },
    /// The snapshot could not be written. The journal is whole without it.
    #[error(
        "Der Zwischenstand {path} kann nicht geschrieben werden; das Journal ist vollständig. / \
         The snapshot {path} cannot be written; the journal is whole.",
        path = path.display()
    )]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The recovered authority log is not what was recreated from it.
    #[error(
        "Das wiederhergestellte Weisungsprotokoll stimmt nicht mit den Kopien der Türen überein; es wird nicht benutzt. / \
         The recreated authority log differs from the doors' replicas; it is not used."
    )]
    NotRecreated,
}
