//! The result headers of a client module as types, and what follows from each (CM; TA KP5-06).

use crate::reply::{Releasable, Subject};

/// Name of the header with the decryption result.
pub const DECRYPTION_HEADER: &str = "X-KIM-DecryptionResult";
/// Name of the header with the integrity result.
pub const INTEGRITY_HEADER: &str = "X-KIM-IntegrityCheckResult";
/// Name of the header with the client module's error number.
pub const ERROR_HEADER: &str = "X-KIM-Fehlermeldung";

/// `X-KIM-DecryptionResult`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Decryption {
    /// 00: decrypted.
    Done,
    /// 01: the key is missing or locked.
    KeyMissing,
    /// 02: not in the format of the profile.
    BadFormat,
    /// 03: the crypto device does not answer.
    DeviceDown,
}

/// `X-KIM-IntegrityCheckResult`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Integrity {
    /// 01: everything fits.
    Whole,
    /// 02: content and signature do not fit together.
    Changed,
    /// 03: there is no signature.
    Unsigned,
    /// 04: the signature is not in the format of the profile.
    BadFormat,
    /// 05: no path from the certificate to a trusted root.
    NoPath,
    /// 06: it could not be checked for another reason.
    Other,
    /// 07: it fits, but whether the certificate was revoked is unknown.
    StatusUnknown,
    /// 08: outer and inner header differ.
    HeadersDiffer,
    /// 09: the `recipient-emails` inside and outside differ.
    RecipientsDiffer,
}

/// `X-KIM-Fehlermeldung`: an error number of the client module, 4001 to 4018.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ErrorNumber(u16);

impl ErrorNumber {
    /// Reads a number.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let number = text.trim().get(..4)?.parse().ok()?;
        (4001..=4018).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Decryption {
    /// Every result, in order.
    pub const ALL: [Self; 4] = [Self::Done, Self::KeyMissing, Self::BadFormat, Self::DeviceDown];

    /// The two digits.
    #[must_use]
    pub const fn digits(self) -> &'static str {
        match self {
            Self::Done => "00",
            Self::KeyMissing => "01",
            Self::BadFormat => "02",
            Self::DeviceDown => "03",
        }
    }

    /// Reads the two digits.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|result| result.digits() == text.trim())
    }

    /// What it means, German first.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Die Nachricht wurde entschlüsselt. / The mail was decrypted.",
            Self::KeyMissing => {
                "Der Schlüssel fehlt oder ist gesperrt; die Nachricht bleibt liegen. / The key is missing or locked; the mail is held."
            }
            Self::BadFormat => {
                "Die Verschlüsselung hat nicht das Format des KIM-Profils. / The encryption is not in the format of the KIM profile."
            }
            Self::DeviceDown => {
                "Das Kryptogerät antwortet nicht; die Nachricht bleibt liegen. / The crypto device does not answer; the mail is held."
            }
        }
    }

    /// What follows for a mail of this kind.
    #[must_use]
    pub const fn follows(self, subject: Subject) -> Follows {
        match (self, subject) {
            (Self::Done, _) => Follows::Proceed,
            // MAIL-1: what is missing on our side is never the sender's error.
            (Self::KeyMissing | Self::DeviceDown, _) => Follows::Hold,
            (Self::BadFormat, Subject::Eau) => Follows::Propose(Releasable::EauEncryptionFormat),
            (Self::BadFormat, Subject::Cancellation) => {
                Follows::Propose(Releasable::CancellationEncryptionFormat)
            }
        }
    }
}

impl Integrity {
    /// Every result, in order.
    pub const ALL: [Self; 9] = [
        Self::Whole,
        Self::Changed,
        Self::Unsigned,
        Self::BadFormat,
        Self::NoPath,
        Self::Other,
        Self::StatusUnknown,
        Self::HeadersDiffer,
        Self::RecipientsDiffer,
    ];

    /// The two digits.
    #[must_use]
    pub const fn digits(self) -> &'static str {
        match self {
            Self::Whole => "01",
            Self::Changed => "02",
            Self::Unsigned => "03",
            Self::BadFormat => "04",
            Self::NoPath => "05",
            Self::Other => "06",
            Self::StatusUnknown => "07",
            Self::HeadersDiffer => "08",
            Self::RecipientsDiffer => "09",
        }
    }

    /// Reads the two digits.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|result| result.digits() == text.trim())
    }

    /// What it means, German first.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Whole => "Die Signatur passt. / The signature fits.",
            Self::Changed => {
                "Inhalt und Signatur passen nicht zusammen. / Content and signature do not fit together."
            }
            Self::Unsigned => "Die Nachricht ist nicht signiert. / The mail is not signed.",
            Self::BadFormat => {
                "Die Signatur hat nicht das Format des KIM-Profils. / The signature is not in the format of the KIM profile."
            }
            Self::NoPath => {
                "Kein Weg vom Zertifikat zu einer vertrauten Wurzel. / No path from the certificate to a trusted root."
            }
            Self::Other => {
                "Die Signatur ließ sich aus einem anderen Grund nicht prüfen. / The signature could not be checked for another reason."
            }
            Self::StatusUnknown => {
                "Die Signatur passt; ob das Zertifikat gesperrt ist, ist unbekannt. / The signature fits; whether the certificate is revoked is unknown."
            }
            Self::HeadersDiffer => {
                "Äußerer und innerer Kopf unterscheiden sich. / Outer and inner header differ."
            }
            Self::RecipientsDiffer => {
                "Die Empfängerliste innen und außen unterscheidet sich. / The recipient lists inside and outside differ."
            }
        }
    }

    /// What follows for a mail of this kind. The sources name codes for 02, 03 and 04 only; for the others a person
    /// decides (our reading).
    #[must_use]
    pub const fn follows(self, subject: Subject) -> Follows {
        match (self, subject) {
            (Self::Whole | Self::StatusUnknown, _) => Follows::Proceed,
            (Self::Changed, Subject::Eau) => Follows::Propose(Releasable::EauMailSignatureDiffers),
            (Self::Changed, Subject::Cancellation) => {
                Follows::Propose(Releasable::CancellationMailSignatureDiffers)
            }
            (Self::Unsigned, Subject::Eau) => Follows::Propose(Releasable::EauMailUnsigned),
            (Self::Unsigned, Subject::Cancellation) => Follows::Propose(Releasable::CancellationMailUnsigned),
            (Self::BadFormat, Subject::Eau) => Follows::Propose(Releasable::EauMailSignatureFormat),
            (Self::BadFormat, Subject::Cancellation) => {
                Follows::Propose(Releasable::CancellationMailSignatureFormat)
            }
            (Self::NoPath | Self::Other | Self::HeadersDiffer | Self::RecipientsDiffer, _) => Follows::Ask,
        }
    }
}

/// What follows from a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follows {
    /// Nothing is in the way.
    Proceed,
    /// The mail is held until we can do our part; nobody is told anything.
    Hold,
    /// A person decides.
    Ask,
    /// An error answer with this code is proposed. It leaves only when released.
    Propose(Releasable),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back() {
        for result in Decryption::ALL {
            assert_eq!(Decryption::read(result.digits()), Some(result));
            assert!(result.meaning().contains(" / "));
        }
        for result in Integrity::ALL {
            assert_eq!(Integrity::read(result.digits()), Some(result));
            assert!(result.meaning().contains(" / "));
        }
        assert_eq!((Decryption::read("04"), Integrity::read("00")), (None, None));
        assert_eq!(ErrorNumber::read("4018 Text").map(ErrorNumber::get), Some(4018));
        assert_eq!(
            (ErrorNumber::read("4019"), ErrorNumber::read("äöü")),
            (None, None)
        );
    }

    #[test]
    fn nothing_that_is_missing_here_becomes_an_answer() {
        for subject in [Subject::Eau, Subject::Cancellation] {
            for result in Decryption::ALL {
                let follows = result.follows(subject);
                if let Follows::Propose(code) = follows {
                    assert_eq!((result, code.subject()), (Decryption::BadFormat, subject));
                }
            }
            for result in Integrity::ALL {
                if let Follows::Propose(code) = result.follows(subject) {
                    assert_eq!(code.subject(), subject);
                }
            }
        }
        assert_eq!(Decryption::KeyMissing.follows(Subject::Eau), Follows::Hold);
    }
}
