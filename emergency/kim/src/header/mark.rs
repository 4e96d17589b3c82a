//! Service marks (`X-KIM-Dienstkennung`): `application;kind;version`.

use core::fmt;

use crate::profile;

/// A service mark as it was written, trimmed. It names a process, never a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceMark(Box<str>);

/// What a mark stands for, as far as this room knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// `eAU;Lieferung`: a sick note.
    EauDelivery(Option<Version>),
    /// `eAU;Storno-Arzt`: its cancellation.
    EauCancellation(Option<Version>),
    /// `eAU;Fehler-Kasse`: a fund's error answer.
    EauError(Option<Version>),
    /// `eEB;Anfrage`: a request for a substitute certificate.
    EebRequest(Option<Version>),
    /// `eEB;Bescheinigung`: the certificate.
    EebCertificate(Option<Version>),
    /// `eEB;Fehler`: the refusal.
    EebError(Option<Version>),
    /// `KIM-Mail;Default`: a mail between people.
    Letter,
    /// Any other process.
    Other,
}

/// The version of a mark: `V1.2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// Before the dot.
    pub major: u8,
    /// Behind it.
    pub minor: u8,
}

impl ServiceMark {
    /// Takes a mark.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The mark as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it stands for. Case and blanks around the semicolons do not matter.
    #[must_use]
    pub fn service(&self) -> Service {
        let mut parts = self.0.split(';').map(str::trim);
        let (application, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let version = parts.next().and_then(Version::read);
        let is =
            |of: &str, word: &str| application.eq_ignore_ascii_case(of) && kind.eq_ignore_ascii_case(word);
        if is("eAU", "Lieferung") {
            Service::EauDelivery(version)
        } else if is("eAU", "Storno-Arzt") {
            Service::EauCancellation(version)
        } else if is("eAU", "Fehler-Kasse") {
            Service::EauError(version)
        } else if is("eEB", "Anfrage") {
            Service::EebRequest(version)
        } else if is("eEB", "Bescheinigung") {
            Service::EebCertificate(version)
        } else if is("eEB", "Fehler") {
            Service::EebError(version)
        } else if is("KIM-Mail", "Default") {
            Service::Letter
        } else {
            Service::Other
        }
    }
}

impl Default for ServiceMark {
    fn default() -> Self {
        Self::new(profile::SERVICE_MARK_DEFAULT)
    }
}

impl fmt::Debug for ServiceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.service(), f)
    }
}

impl Version {
    fn read(text: &str) -> Option<Self> {
        let (major, minor) = text.strip_prefix(['V', 'v'])?.split_once('.')?;
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}
