//! What can go wrong with a store of doors. None of it opens a door.

use std::path::PathBuf;

use vocabulary::{Digest, EstateId};

use crate::entry::BadBody;
use crate::fold::Misfit;

/// What was tried, on what, and who must act.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no store where one should be. Starting never makes one: a new store is a new door.
    #[error(
        "In {dir} liegt kein Türspeicher. Eine Tür ohne ihren Speicher ist neu und muss neu eingetragen werden. / \
         {dir} holds no door store. A door without its store is new and must be enrolled.",
        dir = .0.display()
    )]
    NotEnrolled(PathBuf),
    /// There is a store already where one should be made.
    #[error(
        "In {dir} liegt schon ein Türspeicher; er wird nicht überschrieben. / \
         {dir} already holds a door store; it is not overwritten.",
        dir = .0.display()
    )]
    AlreadyEnrolled(PathBuf),
    /// The store is another one than was enrolled here.
    #[error("{0}")]
    Foreign(Foreign),
    /// The ledger could not be opened or written.
    #[error(
        "Das Protokoll der Türen ist nicht benutzbar; keine Tür öffnet. / \
         The doors' ledger cannot be used; no door opens."
    )]
    Ledger(#[source] ledger::Error),
    /// A closing took effect, but could not be recorded. Until the process ends the doors stay closed; after a restart
    /// they stand contained anyway. It is not *applied*.
    #[error(
        "Die Türen sind geschlossen, aber der Befehl konnte nicht aufgezeichnet werden (nicht „applied“); bitte \
         Platte prüfen und Prozess neu starten. / \
         The doors are closed, but the order could not be recorded (not \"applied\"); check the disk and restart."
    )]
    ClosedUnrecorded(#[source] ledger::Error),
    /// More closings took effect without an entry than are remembered.
    #[error(
        "Zu viele Schließungen konnten nicht aufgezeichnet werden; bitte Platte prüfen und Prozess neu starten. / \
         Too many closings could not be recorded; check the disk and restart."
    )]
    TooMuchOwed,
    /// An entry does not follow from those before it.
    #[error(
        "Eintrag {index} im Protokoll der Türen passt nicht zu den vorigen; der Speicher wird nicht benutzt. / \
         Entry {index} of the doors' ledger does not follow from those before it; the store is not used."
    )]
    Misfit {
        /// Its index.
        index: u64,
        /// Why.
        #[source]
        source: Misfit,
    },
    /// An entry cannot be read by this version.
    #[error(
        "Eintrag {index} im Protokoll der Türen ist nicht lesbar. / Entry {index} of the doors' ledger cannot be read."
    )]
    Unreadable {
        /// Its index.
        index: u64,
        /// Why.
        #[source]
        source: BadBody,
    },
    /// An opening is recorded whose signed order is not in the store's own authority replica.
    #[error(
        "Eintrag {index} öffnet eine Tür ohne den zugehörigen gezeichneten Befehl; der Speicher wird nicht benutzt. / \
         Entry {index} opens a door without the signed order behind it; the store is not used."
    )]
    OpeningWithoutOrder {
        /// Its index.
        index: u64,
    },
    /// A recorded entry of the authority log is no longer accepted.
    #[error(
        "Eintrag {index}: die aufgezeichnete Weisung wird nicht anerkannt; der Speicher wird nicht benutzt. / \
         Entry {index}: the recorded statement is not accepted; the store is not used."
    )]
    NotReplayed {
        /// Its index.
        index: u64,
        /// Why.
        #[source]
        source: clearance::Refused,
    },
    /// A statement was not admitted, or the entry is not the next of the authority log. Nothing changed.
    #[error(transparent)]
    NotAdmitted(clearance::Refused),
    /// A view was not fresh. Nothing changed.
    #[error("Die Türen bleiben, wie sie sind: {} / The doors stay as they are: {}", vocabulary::german(.0), vocabulary::english(.0))]
    NotFresh(clearance::NotFresh),
    /// Nobody asked for this view, or the answer took too long.
    #[error(
        "Auf diesen Nachweis wird nicht gewartet: die Tür hat keine Zufallszahl offen, oder sie ist älter als {minutes} \
         Minuten. Bitte neu anfragen. / \
         This view is not awaited: the door has no nonce open, or it is older than {minutes} minutes. Ask again."
    )]
    NotAsked {
        /// How long an answer is awaited.
        minutes: u64,
    },
    /// A door of another store.
    #[error("Die Tür {0} gehört nicht zu diesem Speicher. / Door {0} is not in this store.")]
    NoSuchDoor(vocabulary::DoorId),
}

/// In what a store differs from the one that was enrolled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Foreign {
    /// Another store.
    #[error(
        "Der Speicher heißt {found:?}, eingetragen ist {expected:?}: kopiert oder vertauscht. Nichts wird geöffnet. / \
         The store is {found:?}, enrolled is {expected:?}: copied or swapped. Nothing opens."
    )]
    Store {
        /// As enrolled.
        expected: Digest,
        /// As found.
        found: Digest,
    },
    /// Another estate.
    #[error(
        "Der Speicher gehört zum Betrieb {found}, eingetragen ist {expected}. / \
         The store belongs to estate {found}, enrolled is {expected}."
    )]
    Estate {
        /// As enrolled.
        expected: EstateId,
        /// As found.
        found: EstateId,
    },
    /// Another root of authority.
    #[error(
        "Der Speicher beruht auf der Charta {found:?}, eingetragen ist {expected:?}. / \
         The store rests on charter {found:?}, enrolled is {expected:?}."
    )]
    Charter {
        /// As enrolled.
        expected: Digest,
        /// As found.
        found: Digest,
    },
    /// Other doors, places or abilities to hold.
    #[error(
        "Die Türen im Speicher sind nicht die eingetragenen. / The doors in the store are not those enrolled."
    )]
    Doors,
}
