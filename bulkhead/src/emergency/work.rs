//! What is done with one mail: its bytes in, what is known of it out. Pure, so that it can be done again.
//!
//! What is done so far is to look at the outer header. Whoever decrypts, verifies and validates builds on this function:
//! its outcome goes into the index and its record beside the original.

use serde::{Deserialize, Serialize};
use vocabulary::Digest;

/// What came of working on a mail, as the index tells the insurer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Filed, and not looked into: the regular system treats it as new.
    Unexamined,
    /// It came from the door unreadable: the original is at the door.
    Unreadable,
}

/// What is known of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// What came of it.
    pub verdict: Verdict,
    /// Identifier of the document inside, where one was found.
    pub identifier: Option<String>,
    /// Everything else, for people in the emergency environment; personal data.
    pub record: Vec<u8>,
}

/// The facts of an outer header.
#[derive(Debug, Serialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    #[serde(rename = "messageId", skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(rename = "serviceMark", skip_serializing_if = "Option::is_none")]
    service_mark: Option<String>,
    mail: Digest,
}

/// Works on one mail.
#[must_use]
pub fn work(raw: &[u8]) -> Worked {
    let head = mail::header::end(raw, 0)
        .and_then(|end| raw.get(..end))
        .unwrap_or_default();
    let outer = mail::header::read(head.get(..mail::header::HEADER_BYTES_MAX).unwrap_or(head));
    let facts = Facts {
        message_id: outer.message_id,
        service_mark: outer.service_mark,
        mail: Digest::of(raw),
    };
    Worked {
        verdict: Verdict::Unexamined,
        identifier: None,
        // Texts and a digest can always be written.
        record: serde_json::to_vec(&facts).unwrap_or_default(),
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
            assert_eq!(work(raw), work(raw));
        }
        let worked = work(b"Message-ID: <1@x>\r\nX-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n\r\nbody");
        let record = String::from_utf8(worked.record).unwrap();
        assert!(record.contains("<1@x>") && record.contains("eAU;Lieferung;V1.2"));
    }
}
