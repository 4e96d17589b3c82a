//! An answer on its way: proposed by a check, prepared for people to look at.

use vocabulary::{Digest, InsurerId, Timestamp};

use super::{BundleId, Code, FhirVersion, NeverReleased, Reference, Releasable, reference};
use crate::{
    address::{KimAddress, Realm},
    header::MessageId,
};

/// What a check proposes to answer. Nothing leaves from here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposed {
    /// The mail, by the digest of its bytes.
    pub case: Digest,
    /// Whose mailbox it came to.
    pub insurer: InsurerId,
    /// The code; 313 and 314 may be named here and go no further.
    pub code: Code,
    /// Outer `Message-ID`.
    pub message_id: MessageId,
    /// `Bundle.identifier`, if the document could be read.
    pub bundle: Option<BundleId>,
    /// Outer `From`.
    pub from: KimAddress,
    /// Outer `Reply-To`.
    pub reply_to: Option<KimAddress>,
    /// Productive or test, for the first letter of names.
    pub realm: Realm,
    /// The version to answer in; see [`version_for`](super::version_for).
    pub version: FhirVersion,
    /// What a scanner said.
    pub suspicion: Suspicion,
    /// What the validator found, for the practice's software house: rule, path, expectation.
    pub notes: Vec<Box<str>>,
    /// When the mail arrived.
    pub arrived: Timestamp,
}

/// What a virus scanner said about the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Suspicion {
    /// Nothing.
    None,
    /// It may be malicious. The answer's text is then fixed and carries no note (TA KP5-06).
    Virus,
}

/// Whether the directory lists an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The directory cannot be asked now.
    Unknown,
}

/// The directory of KIM addresses (VZD), or a copy of it.
pub trait Directory {
    /// Whether it lists this address.
    fn lists(&self, address: &KimAddress) -> Listed;
}

/// An answer that a person may look at and release. Made by [`Proposed::prepare`] only; its code cannot be 313 or 314.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ready {
    pub(super) case: Digest,
    pub(super) insurer: InsurerId,
    pub(super) code: Releasable,
    pub(super) to: KimAddress,
    pub(super) about: Reference,
    pub(super) realm: Realm,
    pub(super) version: FhirVersion,
    pub(super) suspicion: Suspicion,
    pub(super) notes: Vec<Box<str>>,
    pub(super) arrived: Timestamp,
}

impl Proposed {
    /// Prepares the answer: to `Reply-To` if the directory lists it, else to `From`. An address the directory cannot be
    /// asked about now counts as not listed (our reading: `From` is where the mail came from in any case).
    ///
    /// # Errors
    /// [`NeverReleased`] for 313 and 314.
    pub fn prepare(self, directory: &impl Directory) -> Result<Ready, NeverReleased> {
        let code = self.code.releasable()?;
        let about = reference(code, self.bundle.as_ref(), &self.message_id);
        let listed = self
            .reply_to
            .filter(|address| directory.lists(address) == Listed::Yes);
        Ok(Ready {
            case: self.case,
            insurer: self.insurer,
            code,
            to: listed.unwrap_or(self.from),
            about,
            realm: self.realm,
            version: self.version,
            suspicion: self.suspicion,
            notes: self.notes,
            arrived: self.arrived,
        })
    }
}

impl Ready {
    /// The mail it answers, by the digest of its bytes.
    #[must_use]
    pub const fn case(&self) -> Digest {
        self.case
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Releasable {
        self.code
    }

    /// Where it goes.
    #[must_use]
    pub const fn to(&self) -> &KimAddress {
        &self.to
    }

    /// When the mail it answers arrived.
    #[must_use]
    pub const fn arrived(&self) -> Timestamp {
        self.arrived
    }
}
