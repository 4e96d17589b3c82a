//! What is done with one mail: its bytes in, what is known of it out. Nothing is kept between mails, so it can be done again.
//!
//! Without keys it looks at the outer header. With a [`Desk`] it decrypts, checks signatures, validates by the rules of the
//! mail's day, and proposes an answer where the field's rules ask for one. Nothing is answered here, and what a key of
//! ours is missing for is held and never answered (MAIL-1).

mod desk;

use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Timestamp};

pub use desk::{Desk, DeskConfig, KeyFiles};

/// What came of working on a mail, as the index tells the insurer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Filed, and not looked into: the regular system treats it as new.
    Unexamined,
    /// It came from the door unreadable: the original is at the door.
    Unreadable,
    /// A sick note or cancellation that follows the rules.
    Accepted,
    /// The rules ask for an error answer, which is proposed. Whether one left stands beside it.
    Faulty,
    /// A person decides.
    ForPerson,
    /// A key of ours is missing or locked, or the mail's format is not known here. Worked on again at the next start.
    Held,
}

/// What is known of one mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Worked {
    /// What came of it.
    pub verdict: Verdict,
    /// Identifier of the document inside, where one was found.
    pub identifier: Option<String>,
    /// SHA-256 of that document, by which a repeat is told from a misused identifier.
    pub document: Option<Digest>,
    /// The code of the error answer the rules ask for.
    pub proposed: Option<u16>,
    /// Everything else, for people in the emergency environment; personal data.
    pub record: Vec<u8>,
}

impl std::fmt::Debug for Worked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The record is about a person.
        write!(f, "Worked({:?}, proposed {:?})", self.verdict, self.proposed)
    }
}

/// What is written down of a mail.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_mark: Option<String>,
    /// `X-KIM-DecryptionResult`, as two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    decryption: Option<&'static str>,
    /// `X-KIM-IntegrityCheckResult`, as two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<&'static str>,
    /// What is unusual or wrong, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// What the document says.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<eau::Facts>,
}

impl Record {
    fn of(raw: &[u8]) -> Self {
        let head = mail::header::end(raw, 0)
            .and_then(|end| raw.get(..end))
            .unwrap_or_default();
        let outer = mail::header::read(head.get(..mail::header::HEADER_BYTES_MAX).unwrap_or(head));
        Self {
            message_id: outer.message_id,
            service_mark: outer.service_mark,
            ..Self::default()
        }
    }

    fn write(&self) -> Vec<u8> {
        // Texts and dates can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Works on one mail that a door had accepted at `received`.
#[must_use]
pub fn work(raw: &[u8], received: Timestamp, desk: Option<&Desk>) -> Worked {
    let record = Record::of(raw);
    match desk {
        Some(desk) => desk.work(raw, received, record),
        None => Worked {
            verdict: Verdict::Unexamined,
            identifier: None,
            document: None,
            proposed: None,
            record: record.write(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_have_an_outcome_and_the_same_bytes_the_same() {
        for raw in [
            &b""[..],
            b"\r\n",
            b"no mail",
            b"Message-ID: <1@x>\r\n\r\nbody",
            &[0xff; 300_000],
        ] {
            assert_eq!(work(raw, Timestamp(0), None), work(raw, Timestamp(0), None));
        }
        let raw = b"Message-ID: <1@x>\r\nX-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n\r\nbody";
        let worked = work(raw, Timestamp(0), None);
        assert_eq!(worked.verdict, Verdict::Unexamined);
        let record = String::from_utf8(worked.record).unwrap();
        assert!(record.contains("<1@x>") && record.contains("eAU;Lieferung;V1.2"));
    }
}
