//! The way out of an emergency environment: what a door lets pass to the regular server is an answer of the kind that was
//! released, from a mailbox of the cell it answers for, to the one recipient its header names. Nothing else.
//!
//! Whether somebody released it is not asked here; what is asked is whether the mail looks like what was released, as far
//! as the outer header of an encrypted mail tells.

use std::{sync::Arc, time::Duration};

use door::EmergencyPermit;
use vocabulary::CellId;

use crate::{
    address::{Address, BadAddress},
    config::{Config, Error, Upstream},
    forward::client::{BeforeDot, Client, Handed, Letter},
    header,
    route::Routes,
    smtp::command::{Origin, Recipient},
    tls::Dialer,
};

/// Longest answer in bytes: error mails and proofs of insurance have some ten kilobytes.
pub const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest wait for one answer of the server.
const WITHIN: Duration = Duration::from_secs(30);

/// What kind of answer was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// An error mail (`eAU;Fehler-Kasse`, `eEB;Fehler`).
    Error,
    /// A proof of insurance (`eEB;Bescheinigung`).
    Certificate,
}

/// Why a mail may not leave. Names the rule, never what the mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Longer than an answer is.
    #[error(
        "Die Antwort ist länger als {ANSWER_BYTES_MAX} Bytes. / The answer is longer than {ANSWER_BYTES_MAX} bytes."
    )]
    TooLong,
    /// No header, or a line end other than CRLF.
    #[error("Die Antwort ist keine Mail mit CRLF-Zeilen. / The answer is no mail with CRLF lines.")]
    NoMail,
    /// A notification.
    #[error(
        "Zustellmeldungen verlassen den Notbetrieb nicht. / Delivery notifications do not leave the emergency environment."
    )]
    Report,
    /// The service mark is not one of such an answer.
    #[error(
        "Die Dienstkennung passt nicht zur freigegebenen Art von Antwort. / The service mark does not fit the released kind of answer."
    )]
    Mark,
    /// Not from a mailbox of the cell.
    #[error(
        "Der Absender ist kein Postfach der Zelle, für die geantwortet wird. / The sender is no mailbox of the cell that is answered for."
    )]
    Sender,
    /// Not to exactly one recipient.
    #[error(
        "Eine Antwort hat genau einen Empfänger, im Feld To. / An answer has exactly one recipient, in the field To."
    )]
    Recipient,
}

/// How handing on ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The regular server took responsibility.
    Taken,
    /// It did not, and said this reply code or nothing: try again later.
    Later,
    /// It refused for good: a person must look at it.
    Never,
    /// The final dot went out and no answer came back: it may have it.
    InDoubt,
    /// The grant ended before the final dot; the server has nothing.
    Stopped,
}

/// The way out.
pub struct WayOut {
    dialer: Dialer,
    host: String,
    routes: Routes,
}

/// An answer that looks like what was released.
#[derive(Debug)]
pub struct Outgoing {
    origin: Origin,
    recipients: [(Recipient, Option<crate::smtp::command::Notify>); 1],
    message: Arc<[u8]>,
}

impl std::fmt::Debug for WayOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WayOut({})", self.host)
    }
}

impl WayOut {
    /// The way out to a regular server.
    ///
    /// # Errors
    /// [`Error`] when the server's files or the mailboxes are wrong.
    pub fn new(config: &Config, upstream: &Upstream) -> Result<Self, Error> {
        Ok(Self {
            dialer: Dialer::new(upstream, WITHIN)?,
            host: config.host.clone(),
            routes: config.routes()?,
        })
    }

    /// Looks at an answer's outer header.
    ///
    /// # Errors
    /// [`Unfit`] with the rule it breaks.
    pub fn look(&self, cell: &CellId, kind: AnswerKind, message: Vec<u8>) -> Result<Outgoing, Unfit> {
        if message.len() > ANSWER_BYTES_MAX {
            return Err(Unfit::TooLong);
        }
        if !has_only_crlf(&message) {
            return Err(Unfit::NoMail);
        }
        let head = header::end(&message, 0)
            .and_then(|end| message.get(..end))
            .ok_or(Unfit::NoMail)?;
        let outer = header::read(head);
        if outer.is_report || header::first(head, b"Auto-Submitted").is_some_and(says_notified) {
            return Err(Unfit::Report);
        }
        let fits = match kind {
            AnswerKind::Error => outer.is_error_mail(),
            AnswerKind::Certificate => {
                let mark = outer.service_mark.as_deref().unwrap_or_default();
                mark.split(';')
                    .nth(1)
                    .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("Bescheinigung"))
            }
        };
        if !fits {
            return Err(Unfit::Mark);
        }
        let from = only(head, b"From").ok().flatten().ok_or(Unfit::Sender)?;
        if !self.routes.cells_of(&from.mailbox()).any(|known| known == cell) {
            return Err(Unfit::Sender);
        }
        let to = only(head, b"To").ok().flatten().ok_or(Unfit::Recipient)?;
        for other in [&b"Cc"[..], b"Bcc", b"Resent-To", b"Resent-Cc", b"Resent-Bcc"] {
            if header::first(head, other).is_some() {
                return Err(Unfit::Recipient);
            }
        }
        let recipient = Recipient {
            to,
            notify: None,
            orcpt: None,
        };
        Ok(Outgoing {
            origin: Origin {
                from: Some(from),
                size: u64::try_from(message.len()).ok(),
                eight_bit: !message.is_ascii(),
                ret: None,
                envid: None,
            },
            recipients: [(recipient, None)],
            message: message.into(),
        })
    }

    /// Hands an answer on, as long as the grant lasts. May be dropped: then the outcome is not known.
    pub async fn hand(&self, outgoing: &Outgoing, permit: &EmergencyPermit) -> Sent {
        let Ok(client) = Client::connect(&self.dialer, &self.host, WITHIN).await else {
            return Sent::Later;
        };
        let bytes = outgoing.message.len() as u64;
        let mut message = &*outgoing.message;
        let letter = Letter {
            origin: &outgoing.origin,
            recipients: &outgoing.recipients,
            trace: &[],
            message: &mut message,
            bytes,
        };
        let (client, handed) = client.hand(letter, &mut Lasts(permit)).await;
        if let Some(client) = client {
            client.quit().await;
        }
        match handed {
            Handed::Taken(_) => Sent::Taken,
            Handed::Later(_) | Handed::Unreadable => Sent::Later,
            Handed::Never(_) => Sent::Never,
            Handed::InDoubt(_) => Sent::InDoubt,
            Handed::Stopped => Sent::Stopped,
        }
    }
}

/// An answer may go on as long as the grant lasts. That it is in doubt is on disk before any of it is sent.
struct Lasts<'a>(&'a EmergencyPermit);

impl BeforeDot for Lasts<'_> {
    fn may(&self) -> bool {
        self.0.still_valid()
    }
    async fn mark(&mut self) -> bool {
        self.0.still_valid()
    }
}

/// RFC 5321 section 2.3.8: a bare CR or LF is what smuggles a second mail past a server.
fn has_only_crlf(message: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', message).all(|at| match message.get(at) {
        Some(b'\r') => message.get(at + 1) == Some(&b'\n'),
        Some(_) | None => at.checked_sub(1).and_then(|before| message.get(before)) == Some(&b'\r'),
    })
}

/// RFC 3834 section 5: notifications and replies made without anybody looking.
fn says_notified(value: &[u8]) -> bool {
    let word = value.trim_ascii();
    word.get(..13)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"auto-notified"))
}

/// The one address of a field that stands once: `a@b`, `<a@b>` or `Name <a@b>`. `None` where it does not stand once.
fn only(head: &[u8], name: &[u8]) -> Result<Option<Address>, BadAddress> {
    let value = match header::each(head, name).collect::<Vec<_>>().as_slice() {
        [value] => String::from_utf8_lossy(value).replace(['\r', '\n'], ""),
        [] | [_, ..] => return Ok(None),
    };
    let value = value.trim();
    let inner = match value.rsplit_once('<') {
        None => value,
        Some((name, rest)) => {
            let in_words = name.contains(['<', '>', ',', ';', ':', '@', '(']);
            match rest.strip_suffix('>') {
                Some(inner) if !in_words => inner,
                Some(_) | None => return Err(BadAddress::Form),
            }
        }
    };
    Address::new(inner).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way_out() -> WayOut {
        let config: Config = serde_json::from_value(serde_json::json!({
            "host": "tuer.test",
            "dir": "unused",
            "mailboxes": [{
                "address": "eau@kasse.kim",
                "cell": "kasse-001/kim",
                "marks": { "eAU": "kasse-001/eau" },
            }],
        }))
        .unwrap();
        let upstream: Upstream = serde_json::from_value(serde_json::json!({
            "address": "127.0.0.1:1",
            "name": "regular.test",
            "security": "loopback-plain",
        }))
        .unwrap();
        WayOut::new(&config, &upstream).unwrap()
    }

    const FINE: &str = "From: Kasse <eau@kasse.kim>\r\nTo: <praxis@x.kim>\r\nMessage-ID: <1@kasse.kim>\r\n\
                        X-KIM-Dienstkennung: eAU;Fehler-Kasse;V1.2\r\n\r\nsealed\r\n";

    fn look(cell: &str, kind: AnswerKind, message: &str) -> Result<Outgoing, Unfit> {
        way_out().look(&cell.parse().unwrap(), kind, message.as_bytes().to_vec())
    }

    #[test]
    fn an_answer_leaves_to_the_one_its_header_names() {
        let outgoing = look("kasse-001/eau", AnswerKind::Error, FINE).unwrap();
        assert_eq!(outgoing.recipients[0].0.to.as_str(), "praxis@x.kim");
        assert_eq!(outgoing.origin.from.as_ref().unwrap().as_str(), "eau@kasse.kim");
        let proof = FINE.replace("eAU;Fehler-Kasse", "eEB;Bescheinigung");
        assert!(look("kasse-001/kim", AnswerKind::Certificate, &proof).is_ok());
    }

    #[test]
    fn nothing_else_leaves() {
        let change = |from: &str, to: &str| FINE.replacen(from, to, 1);
        for (message, why) in [
            (change("eAU;Fehler-Kasse;V1.2", "eAU;Lieferung;V1.2"), Unfit::Mark),
            (
                change("X-KIM-Dienstkennung: eAU;Fehler-Kasse;V1.2\r\n", ""),
                Unfit::Mark,
            ),
            (
                change("From: Kasse <eau@kasse.kim>", "From: <andere@kasse.kim>"),
                Unfit::Sender,
            ),
            (change("From:", "X-From:"), Unfit::Sender),
            (change("From:", "From: <eau@kasse.kim>\r\nFrom:"), Unfit::Sender),
            (
                change("To: <praxis@x.kim>", "To: <praxis@x.kim>, <b@x.kim>"),
                Unfit::Recipient,
            ),
            (
                change("To: <praxis@x.kim>", "To: a@b <praxis@x.kim>"),
                Unfit::Recipient,
            ),
            (change("To:", "To: <b@x.kim>\r\nTo:"), Unfit::Recipient),
            (change("To:", "Cc: <b@x.kim>\r\nTo:"), Unfit::Recipient),
            (change("To:", "bcc: <b@x.kim>\r\nTo:"), Unfit::Recipient),
            (
                change("To:", "Content-Type: multipart/report\r\nTo:"),
                Unfit::Report,
            ),
            (
                change("To:", "Auto-Submitted: auto-notified\r\nTo:"),
                Unfit::Report,
            ),
            (change("sealed\r\n", "sealed\n.\r\nMAIL FROM:<x>"), Unfit::NoMail),
            (change("sealed", "sealed\r"), Unfit::NoMail),
            (change("\r\n\r\nsealed\r\n", ""), Unfit::NoMail),
            (format!("{FINE}{}", "x".repeat(ANSWER_BYTES_MAX)), Unfit::TooLong),
        ] {
            let looked = look("kasse-001/eau", AnswerKind::Error, &message);
            assert_eq!(looked.err(), Some(why), "{}", &message[..message.len().min(300)]);
        }
        assert_eq!(
            look("kasse-001/eau", AnswerKind::Certificate, FINE).err(),
            Some(Unfit::Mark)
        );
        assert_eq!(
            look("kasse-002/eau", AnswerKind::Error, FINE).err(),
            Some(Unfit::Sender)
        );
    }
}
