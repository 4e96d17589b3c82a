//! What was found out about a mail: KIM's result codes, and the findings behind them.

use vocabulary::Timestamp;

use crate::ber::Fault;

/// `X-KIM-DecryptionResult`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Decryption {
    /// 00: decrypted.
    Done,
    /// 01: the key is missing (or locked: it cannot be used).
    KeyMissing,
    /// 02: the format of the encrypted mail is wrong.
    Format,
    /// 03: what holds the key cannot be reached.
    Unreachable,
}

impl Decryption {
    /// The two digits of the header field.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "00",
            Self::KeyMissing => "01",
            Self::Format => "02",
            Self::Unreachable => "03",
        }
    }
}

/// `X-KIM-IntegrityCheckResult`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Integrity {
    /// 01: signed, unchanged, by a certificate we trust and know the status of.
    Intact,
    /// 02: content or signature do not fit.
    Violated,
    /// 03: there is no signature.
    Unsigned,
    /// 04: the signature's format is wrong.
    Format,
    /// 05: the certificate's path or validity is wrong.
    Path,
    /// 06: another fault; here: nobody in this program can check the signature.
    Other,
    /// 07: intact, but the certificate's status is unknown.
    StatusUnknown,
    /// 08: header fields outside and inside differ.
    HeaderDiffers,
    /// 09: `recipient-emails` outside and under the signature differ.
    RecipientsDiffer,
}

impl Integrity {
    /// The two digits of the header field.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Intact => "01",
            Self::Violated => "02",
            Self::Unsigned => "03",
            Self::Format => "04",
            Self::Path => "05",
            Self::Other => "06",
            Self::StatusUnknown => "07",
            Self::HeaderDiffers => "08",
            Self::RecipientsDiffer => "09",
        }
    }

    /// The one code for a list of findings: the gravest. Which one leads when several apply is our reading (?): what
    /// makes the others meaningless comes first, doubt comes last.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        const ORDER: [Integrity; 8] = [
            Integrity::Unsigned,
            Integrity::Format,
            Integrity::Violated,
            Integrity::Other,
            Integrity::Path,
            Integrity::HeaderDiffers,
            Integrity::RecipientsDiffer,
            Integrity::StatusUnknown,
        ];
        ORDER
            .into_iter()
            .find(|code| findings.iter().any(|finding| finding.integrity() == *code))
            .unwrap_or(Self::Intact)
    }
}

/// What a finding is about, for whoever answers: each ground has its own answer codes (eAU: 201–204, 301–311).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ground {
    /// Not encrypted as KIM wants it, or in no readable way (eAU 307/301).
    Encryption,
    /// No signature (eAU 309/303).
    Unsigned,
    /// The signature's format (eAU 310/304).
    Format,
    /// Signed data or signature do not fit (eAU 311/305 for the mail, 202/204 for the document).
    Mismatch,
    /// The certificate (eAU 201/203 for the document).
    Certificate,
    /// Header fields or recipients outside differ from those signed: shown, no answer code of its own (?).
    Outside,
    /// This program cannot tell. A person decides; never a ground for an error answer.
    Undecided,
}

/// One thing that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Finding {
    /// The mail is not signed.
    #[error("keine Signatur / no signature")]
    Unsigned,
    /// The signature cannot be read.
    #[error("Format der Signatur: {} / format of the signature: {}", vocabulary::german(.0), vocabulary::english(.0))]
    Format(Fault),
    /// KIM wants exactly one signature.
    #[error("{0} Signaturen statt einer / {0} signatures where one belongs")]
    SignerCount(usize),
    /// The content is not the one that was signed.
    #[error("Inhalt weicht vom signierten Inhalt ab / the content is not the signed content")]
    ContentDiffers,
    /// The signature was not made by the key of the certificate over these attributes.
    #[error("Signatur passt nicht zum Zertifikat / the signature does not fit the certificate")]
    SignatureWrong,
    /// The certificate is not the one the signer signed with.
    #[error("signiert wurde mit einem anderen Zertifikat / another certificate was signed with")]
    CertificateDiffers,
    /// Algorithms outside differ from those under the signature.
    #[error("Verfahren innen und außen verschieden / algorithms inside and outside differ")]
    AlgorithmsDiffer,
    /// No part of this program can check this kind of signature.
    #[error(
        "Signaturverfahren {0} ist hier nicht prüfbar; ein Mensch entscheidet / signature algorithm {0} cannot be checked here; a person decides"
    )]
    NotCheckable(String),
    /// The certificate is not one to trust.
    #[error("Zertifikat: {} / certificate: {}", vocabulary::german(.0), vocabulary::english(.0))]
    Path(PathFault),
    /// Whether the certificate was revoked is not known.
    #[error("Sperrstatus unbekannt: {} / status unknown: {}", vocabulary::german(.0), vocabulary::english(.0))]
    StatusUnknown(Doubt),
    /// Header fields outside and inside differ.
    #[error("Kopfzeilen außen und innen verschieden: {} / header fields outside and inside differ: {}", .0.join(", "), .0.join(", "))]
    HeaderDiffers(Vec<&'static str>),
    /// `recipient-emails` outside the encryption and under the signature differ, or one of them is missing.
    #[error("recipient-emails außen und signiert verschieden / recipient-emails outside and signed differ")]
    RecipientsDiffer,
}

/// Why a certificate is not one to trust.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathFault {
    /// No path to an anchor.
    #[error("kein Pfad zu einem Vertrauensanker / no path to a trust anchor")]
    Unknown,
    /// Not valid when it signed.
    #[error("zum Signaturzeitpunkt {0} nicht gültig / not valid at {0} when it signed")]
    Validity(Timestamp),
    /// A certificate authority on the path was not valid then.
    #[error(
        "Aussteller zum Signaturzeitpunkt {0} nicht gültig / its issuer was not valid at {0} when it signed"
    )]
    Issuer(Timestamp),
    /// The signing time lies after the mail was received.
    #[error("Signaturzeit {0} liegt in der Zukunft / signing time {0} lies in the future")]
    Future(Timestamp),
    /// Revoked before it signed.
    #[error("gesperrt seit {0} / revoked since {0}")]
    Revoked(Timestamp),
    /// A certificate authority on the path is revoked.
    #[error("Aussteller gesperrt / its issuer is revoked")]
    IssuerRevoked,
    /// Not meant for signing.
    #[error("nicht zum Signieren vorgesehen / not meant for signing")]
    Usage,
    /// Anything else, in the words of the library that builds paths.
    #[error("Pfadprüfung: {0} / path: {0}")]
    Other(String),
}

/// Why the status of a certificate is unknown.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Doubt {
    /// No list and no answer about it is here.
    #[error("weder Sperrliste noch OCSP-Antwort vorhanden / neither list nor OCSP answer at hand")]
    NothingKnown,
    /// What is here was outdated when it signed.
    #[error("Auskunft zum Signaturzeitpunkt schon veraltet / what is known was outdated when it signed")]
    Outdated,
    /// Revoked after the time it says it signed, but before we received it: the signing time is the signer's word only.
    #[error(
        "gesperrt seit {0}, nach der angegebenen Signaturzeit / revoked since {0}, after the signing time it gives"
    )]
    RevokedMeanwhile(Timestamp),
    /// The list or answer could not be checked.
    #[error("Auskunft nicht prüfbar: {0} / the answer cannot be checked: {0}")]
    Uncheckable(String),
}

impl Finding {
    /// The code it stands for alone.
    #[must_use]
    pub const fn integrity(&self) -> Integrity {
        match self {
            Self::Unsigned => Integrity::Unsigned,
            Self::Format(_) | Self::SignerCount(_) => Integrity::Format,
            Self::ContentDiffers
            | Self::SignatureWrong
            | Self::CertificateDiffers
            | Self::AlgorithmsDiffer => Integrity::Violated,
            Self::NotCheckable(_) => Integrity::Other,
            Self::Path(_) => Integrity::Path,
            Self::StatusUnknown(_) => Integrity::StatusUnknown,
            Self::HeaderDiffers(_) => Integrity::HeaderDiffers,
            Self::RecipientsDiffer => Integrity::RecipientsDiffer,
        }
    }

    /// What it is about.
    #[must_use]
    pub const fn ground(&self) -> Ground {
        match self {
            Self::Unsigned => Ground::Unsigned,
            Self::Format(_) | Self::SignerCount(_) => Ground::Format,
            Self::ContentDiffers
            | Self::SignatureWrong
            | Self::CertificateDiffers
            | Self::AlgorithmsDiffer => Ground::Mismatch,
            Self::Path(_) => Ground::Certificate,
            Self::NotCheckable(_) | Self::StatusUnknown(_) => Ground::Undecided,
            Self::HeaderDiffers(_) | Self::RecipientsDiffer => Ground::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_never_outranks_a_fault_and_nothing_found_is_intact() {
        assert_eq!(Integrity::of(&[]).code(), "01");
        let doubt = Finding::StatusUnknown(Doubt::NothingKnown);
        assert_eq!(Integrity::of(std::slice::from_ref(&doubt)).code(), "07");
        assert_eq!(Integrity::of(&[doubt, Finding::RecipientsDiffer]).code(), "09");
        assert_eq!(
            Integrity::of(&[Finding::ContentDiffers, Finding::Path(PathFault::Unknown)]).code(),
            "02"
        );
    }

    #[test]
    fn each_half_of_a_sentence_stays_in_its_language() {
        let text = Finding::Path(PathFault::Usage).to_string();
        assert_eq!(
            text,
            "Zertifikat: nicht zum Signieren vorgesehen / certificate: not meant for signing"
        );
    }
}
