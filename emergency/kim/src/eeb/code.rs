//! Codes of a refusal (`EEBErrorcodeCS`).

/// Every code this room sends. 313 is not among them; 140 and 141 are known as numbers only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// 100: not insured here.
    NotInsured,
    /// 101: the request breaks the rules or cannot be read.
    Unreadable,
    /// 110: the patient is not uniquely identified.
    NotUnique,
    /// 111: the service date is not plausible.
    Implausible,
    /// 112: no valid insurance on the service date.
    NoCoverage,
    /// 113: the KVNR has a wrong check digit.
    CheckDigit,
    /// 120: the patient's consent is missing.
    NoConsent,
    /// 130: a special case; the patient should ask the insurer.
    SpecialCase,
    /// 201: the request's signature uses a faulty certificate.
    Certificate,
    /// 202: the request is not what was signed.
    SignatureDiffers,
    /// 210: the request is not signed.
    Unsigned,
    /// 211: the request's signature has a wrong format.
    SignatureFormat,
    /// 307: the mail is encrypted in a wrong format.
    EncryptionFormat,
    /// 309: the mail is not signed.
    MailUnsigned,
    /// 310: the mail's signature has a wrong format.
    MailSignatureFormat,
    /// 311: the mail is not what was signed.
    MailSignatureDiffers,
}

impl Refusal {
    /// All of them, by number.
    pub const ALL: [Self; 16] = [
        Self::NotInsured,
        Self::Unreadable,
        Self::NotUnique,
        Self::Implausible,
        Self::NoCoverage,
        Self::CheckDigit,
        Self::NoConsent,
        Self::SpecialCase,
        Self::Certificate,
        Self::SignatureDiffers,
        Self::Unsigned,
        Self::SignatureFormat,
        Self::EncryptionFormat,
        Self::MailUnsigned,
        Self::MailSignatureFormat,
        Self::MailSignatureDiffers,
    ];

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::NotInsured => 100,
            Self::Unreadable => 101,
            Self::NotUnique => 110,
            Self::Implausible => 111,
            Self::NoCoverage => 112,
            Self::CheckDigit => 113,
            Self::NoConsent => 120,
            Self::SpecialCase => 130,
            Self::Certificate => 201,
            Self::SignatureDiffers => 202,
            Self::Unsigned => 210,
            Self::SignatureFormat => 211,
            Self::EncryptionFormat => 307,
            Self::MailUnsigned => 309,
            Self::MailSignatureFormat => 310,
            Self::MailSignatureDiffers => 311,
        }
    }

    /// The display text that belongs to it in the code system; that of 113 is ours (*unverified*).
    #[must_use]
    pub const fn display(self) -> &'static str {
        match self {
            Self::NotInsured => "Der Patient ist nicht bei der adressierten Krankenkasse versichert.",
            Self::Unreadable => {
                "Die übermittelte eEB entspricht nicht den Vorgaben und/oder ist nicht lesbar."
            }
            Self::NotUnique => "Der Patient ist nicht eindeutig identifizierbar.",
            Self::Implausible => "Das angefragte Leistungsdatum ist unplausibel.",
            Self::NoCoverage => {
                "Es liegt für den Patienten kein gültiges Versichertenverhältnis zum angefragten Leistungsdatum vor."
            }
            Self::CheckDigit => "Die Prüfziffer der Krankenversichertennummer ist falsch.",
            Self::NoConsent => {
                "Die Einwilligung des Patienten zur Freigabe der Bescheinigungsübermittlung an die Praxis liegt nicht vor."
            }
            Self::SpecialCase => {
                "Es liegt ein Sonderfall/ eine Ausnahme vor. Bitten Sie den Patienten, mit der Krankenkasse Kontakt aufzunehmen."
            }
            Self::Certificate => {
                "Die Signatur der eEB-Anfrage ist nicht gültig, da ein fehlerhaftes Zertifikat verwendet wurde oder nicht alle zur Zertifikatsprüfung erforderlichen Komponenten bzw. Ressourcen zur Verfügung standen."
            }
            Self::SignatureDiffers => {
                "Die Signaturprüfung der eEB-Anfrage hat ergeben, dass die signierten Daten nicht mit den übermittelten Daten der eEB-Anfrage übereinstimmen."
            }
            Self::Unsigned => {
                "Die eEB-Anfrage ist nicht signiert. Die eEB-Anfrage ist ggf. manipuliert worden."
            }
            Self::SignatureFormat => {
                "Die Signatur der eEB-Anfrage konnte aufgrund eines falschen Formats nicht geprüft werden."
            }
            Self::EncryptionFormat => {
                "Übermittlung ist fehlgeschlagen. Grund hierfür ist, dass die KIM-Nachricht zwar als eine verschlüsselte KIM-Nachricht gekennzeichnet wurde, aber auf Grund des falschen Formats nicht von der Krankenkasse entschlüsselt werden konnte."
            }
            Self::MailUnsigned => {
                "Übermittlung ist fehlgeschlagen. Grund hierfür ist, dass für die KIM-Nachricht keine Signatur vorhanden ist."
            }
            Self::MailSignatureFormat => {
                "Übermittlung ist fehlgeschlagen. Grund hierfür ist, dass die Signatur für die KIM-Nachricht aufgrund des falschen Formats nicht geprüft werden konnte."
            }
            Self::MailSignatureDiffers => {
                "Die Integrität der Nachricht wurde verletzt. Die Prüfung der Signatur hat ergeben, dass die Nachricht manipuliert wurde."
            }
        }
    }
}
