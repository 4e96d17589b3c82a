//! What is watched, and what an insurer's error answers say.

use serde::{Deserialize, Serialize};
use vocabulary::service;

use crate::signal::Kind;

/// What is watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// eAU that came in, per minute.
    EauRate,
    /// Senders whose eAU is answered with an error mail, among those answered.
    ErrorShare,
    /// Senders who are answered "key not available" (codes 313, 314), among those answered: our side cannot decrypt.
    KeyErrorShare,
    /// Payments that went out, per minute.
    PaymentVolume,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::EauRate,
        Self::ErrorShare,
        Self::KeyErrorShare,
        Self::PaymentVolume,
    ];

    /// The service whose cell a signal of this measure is about.
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::EauRate | Self::ErrorShare | Self::KeyErrorShare => service::EAU,
            Self::PaymentVolume => service::PAYMENTS,
        }
    }

    /// The kind of signal it gives.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::EauRate => Kind::EauRate,
            Self::ErrorShare => Kind::ErrorShare,
            Self::KeyErrorShare => Kind::KeyErrors,
            Self::PaymentVolume => Kind::PaymentVolume,
        }
    }

    /// Whether a share of senders is watched, and not a count.
    #[must_use]
    pub const fn is_share(self) -> bool {
        match self {
            Self::ErrorShare | Self::KeyErrorShare => true,
            Self::EauRate | Self::PaymentVolume => false,
        }
    }
}

/// Whose fault an insurer's error answer to an eAU says it is (codes of the value set `KBV_VS_SFHIR_EAU_AU_ERROR_KASSE`,
/// as an answer's `OperationOutcome` carries them).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErrorKind {
    /// 100 to 105: not insured here, unreadable, wrong character set, cancelled already.
    Content,
    /// 201 to 204: certificate or signed data.
    Signature,
    /// 301 to 311: encryption format or KIM signature.
    Envelope,
    /// 313 (first eAU), 314 (cancellation): the insurer's key was not available. What an intake says of itself when its
    /// keys are gone, which must not happen behind a Held door.
    KeyMissing,
    /// Any other code.
    Unknown,
}

/// What an error code means.
#[must_use]
pub const fn error_kind(code: u16) -> ErrorKind {
    match code {
        100..=105 => ErrorKind::Content,
        201..=204 => ErrorKind::Signature,
        301 | 303..=305 | 307 | 309..=311 => ErrorKind::Envelope,
        313 | 314 => ErrorKind::KeyMissing,
        _ => ErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whose_fault() {
        for (code, kind) in [
            (100, ErrorKind::Content),
            (203, ErrorKind::Signature),
            (307, ErrorKind::Envelope),
            (313, ErrorKind::KeyMissing),
            (314, ErrorKind::KeyMissing),
            (312, ErrorKind::Unknown),
        ] {
            assert_eq!(error_kind(code), kind, "{code}");
        }
    }
}
