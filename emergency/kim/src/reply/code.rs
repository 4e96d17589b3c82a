//! The twenty codes of `KBV_CS_SFHIR_EAU_AU_ERROR_KASSE`: what each is about, and what it makes a practice do.

use core::fmt;

/// What an answer is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// A sick note.
    Eau,
    /// Its cancellation.
    Cancellation,
}

/// What a practice may and must do after an answer (TA KP5-09).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum After {
    /// Issue again, sign again, with a new UUID.
    IssueAgain,
    /// Send the same file again.
    SendAgain,
}

/// Any of the twenty codes, as somebody may name them. Only [`Releasable`] can ever leave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Code {
    /// One that may be answered.
    Answer(Releasable),
    /// 313 and 314: our key was not available. Never answered (MAIL-1).
    KeyMissing(Subject),
}

/// The eighteen codes that may be answered. 313 and 314 are not among them: no value of this type names them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Releasable {
    /// 100: the patient is not insured with the fund addressed.
    NotInsured,
    /// 101: the sick note breaks the rules and cannot be read.
    EauUnreadable,
    /// 102: the cancellation breaks the rules and cannot be read.
    CancellationUnreadable,
    /// 103: the sick note has a wrong character set.
    EauCharset,
    /// 104: the cancellation has a wrong character set.
    CancellationCharset,
    /// 105: the sick note to cancel was already rejected.
    CancelsRejected,
    /// 201: the sick note's signature uses a faulty certificate.
    EauCertificate,
    /// 202: the sick note is not what was signed.
    EauSignature,
    /// 203: the cancellation's signature uses a faulty certificate.
    CancellationCertificate,
    /// 204: the cancellation is not what was signed.
    CancellationSignature,
    /// 301: the cancellation's mail is encrypted in a wrong format.
    CancellationEncryptionFormat,
    /// 303: the cancellation's mail is not signed.
    CancellationMailUnsigned,
    /// 304: the signature of the cancellation's mail has a wrong format.
    CancellationMailSignatureFormat,
    /// 305: the cancellation's mail is not what was signed.
    CancellationMailSignatureDiffers,
    /// 307: the sick note's mail is encrypted in a wrong format.
    EauEncryptionFormat,
    /// 309: the sick note's mail is not signed.
    EauMailUnsigned,
    /// 310: the signature of the sick note's mail has a wrong format.
    EauMailSignatureFormat,
    /// 311: the sick note's mail is not what was signed.
    EauMailSignatureDiffers,
}

/// Somebody asked for 313 or 314.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} sagt, dass unser Schlüssel fehlte. Das ist nie ein Fehler der Praxis und wird nie beantwortet; die Nachricht bleibt liegen, bis der Schlüssel da ist. / {0} says that our key was missing. That is never the practice's error and is never answered; the mail is held until the key is there."
)]
pub struct NeverReleased(pub u16);

impl Releasable {
    /// All eighteen, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::NotInsured,
        Self::EauUnreadable,
        Self::CancellationUnreadable,
        Self::EauCharset,
        Self::CancellationCharset,
        Self::CancelsRejected,
        Self::EauCertificate,
        Self::EauSignature,
        Self::CancellationCertificate,
        Self::CancellationSignature,
        Self::CancellationEncryptionFormat,
        Self::CancellationMailUnsigned,
        Self::CancellationMailSignatureFormat,
        Self::CancellationMailSignatureDiffers,
        Self::EauEncryptionFormat,
        Self::EauMailUnsigned,
        Self::EauMailSignatureFormat,
        Self::EauMailSignatureDiffers,
    ];

    /// Number, and what it is about.
    const fn facts(self) -> (u16, Subject) {
        use Subject::{Cancellation, Eau};
        match self {
            Self::NotInsured => (100, Eau),
            Self::EauUnreadable => (101, Eau),
            Self::CancellationUnreadable => (102, Cancellation),
            Self::EauCharset => (103, Eau),
            Self::CancellationCharset => (104, Cancellation),
            Self::CancelsRejected => (105, Cancellation),
            Self::EauCertificate => (201, Eau),
            Self::EauSignature => (202, Eau),
            Self::CancellationCertificate => (203, Cancellation),
            Self::CancellationSignature => (204, Cancellation),
            Self::CancellationEncryptionFormat => (301, Cancellation),
            Self::CancellationMailUnsigned => (303, Cancellation),
            Self::CancellationMailSignatureFormat => (304, Cancellation),
            Self::CancellationMailSignatureDiffers => (305, Cancellation),
            Self::EauEncryptionFormat => (307, Eau),
            Self::EauMailUnsigned => (309, Eau),
            Self::EauMailSignatureFormat => (310, Eau),
            Self::EauMailSignatureDiffers => (311, Eau),
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.facts().0
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(self) -> Subject {
        self.facts().1
    }

    /// The display text that belongs to it in the code system.
    #[must_use]
    pub const fn display(self) -> &'static str {
        match self {
            Self::NotInsured => "Der Patient ist nicht bei der adressierten Krankenkasse versichert.",
            Self::EauUnreadable => "Die übermittelte eAU entspricht nicht den Vorgaben und ist nicht lesbar.",
            Self::CancellationUnreadable => {
                "Die übermittelte Stornomeldung entspricht nicht den Vorgaben und ist nicht lesbar."
            }
            Self::EauCharset => "Die übermittelte eAU besitzt einen falschen Zeichensatz.",
            Self::CancellationCharset => "Die übermittelte Stornomeldung besitzt einen falschen Zeichensatz.",
            Self::CancelsRejected => {
                "Die zu stornierende eAU wurde von der Krankenkasse bereits als fehlerhaft abgewiesen."
            }
            Self::EauCertificate => {
                "Die Signatur der eAU ist nicht gültig, da ein fehlerhaftes Zertifikat verwendet wurde."
            }
            Self::EauSignature => {
                "Die Signatur der eAU ist nicht gültig, da die übermittelten Daten nicht den signierten Daten entsprechen."
            }
            Self::CancellationCertificate => {
                "Die Signatur der Stornomeldung ist nicht gültig, da ein fehlerhaftes Zertifikat verwendet wurde."
            }
            Self::CancellationSignature => {
                "Die Signatur der Stornomeldung ist nicht gültig, da die übermittelten Daten nicht den signierten Daten entsprechen."
            }
            Self::CancellationEncryptionFormat => {
                "Die KIM-Nachricht für die Stornomeldung ist in einem falschen Format verschlüsselt."
            }
            Self::CancellationMailUnsigned => "KIM-Nachricht der Stornomeldung besitzt keine Signatur.",
            Self::CancellationMailSignatureFormat => {
                "Die Signatur für die KIM-Nachricht der Stornomeldung hat das falsche Format."
            }
            Self::CancellationMailSignatureDiffers => {
                "Die Signaturprüfung der KIM-Nachricht der Stornomeldung hat ergeben, dass der Nachrichteninhalt nicht mit der Signatur übereinstimmt."
            }
            Self::EauEncryptionFormat => {
                "Die KIM-Nachricht für der eAU ist in einem falschen Format verschlüsselt."
            }
            Self::EauMailUnsigned => "KIM-Nachricht der eAU besitzt keine Signatur.",
            Self::EauMailSignatureFormat => {
                "Die Signatur für die KIM-Nachricht der eAU hat das falsche Format."
            }
            Self::EauMailSignatureDiffers => {
                "Die Signaturprüfung der KIM-Nachricht der eAU hat ergeben, dass der Nachrichteninhalt nicht mit der Signatur übereinstimmt."
            }
        }
    }

    /// What the practice must do: 100 to 105 issue again, 2xx and 3xx may send the same file again.
    #[must_use]
    pub const fn after(self) -> After {
        if self.number() < 200 {
            After::IssueAgain
        } else {
            After::SendAgain
        }
    }

    /// Whether the answer must name the mail, because its content was never seen: 301 and 307.
    #[must_use]
    pub const fn names_the_mail(self) -> bool {
        matches!(
            self,
            Self::CancellationEncryptionFormat | Self::EauEncryptionFormat
        )
    }
}

impl Code {
    /// Reads a number.
    #[must_use]
    pub fn read(number: u16) -> Option<Self> {
        match number {
            313 => Some(Self::KeyMissing(Subject::Eau)),
            314 => Some(Self::KeyMissing(Subject::Cancellation)),
            _ => Releasable::ALL
                .into_iter()
                .find(|code| code.number() == number)
                .map(Self::Answer),
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Answer(code) => code.number(),
            Self::KeyMissing(Subject::Eau) => 313,
            Self::KeyMissing(Subject::Cancellation) => 314,
        }
    }

    /// The code, if it may ever be answered.
    ///
    /// # Errors
    /// [`NeverReleased`] for 313 and 314.
    pub const fn releasable(self) -> Result<Releasable, NeverReleased> {
        match self {
            Self::Answer(code) => Ok(code),
            Self::KeyMissing(_) => Err(NeverReleased(self.number())),
        }
    }
}

impl From<Releasable> for Code {
    fn from(code: Releasable) -> Self {
        Self::Answer(code)
    }
}

impl fmt::Display for Releasable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}
