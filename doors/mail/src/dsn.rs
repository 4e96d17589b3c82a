//! Writes delivery status notifications of success (RFC 3464, RFC 6522), and no others: `delivered` when the item is
//! durable and we stand in the regular server's place, `relayed` when the next server does not know DSN.

use vocabulary::{Digest, Timestamp};

use crate::{address::Address, header, outbox::Notice, smtp::command::Recipient};

/// What happened to the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is stored for the recipient.
    Delivered,
    /// It was handed to a server that will not notify (RFC 3461 section 5.2.2).
    Relayed,
}

impl Action {
    /// The word of RFC 3464 section 2.3.3.
    #[must_use]
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }

    const fn status(self) -> &'static str {
        match self {
            Self::Delivered => "2.0.0",
            Self::Relayed => "2.1.9",
        }
    }
}

/// Most bytes of the original header that are returned.
const HEADER_RETURNED_MAX: usize = 64 * 1024;

/// The file of a notification: its recipient on the first line, then the message. The mail's sender must be known,
/// otherwise the first line is empty and nobody is notified.
pub(crate) fn write(host: &str, key: Digest, notice: &Notice<'_>) -> Vec<u8> {
    let to = notice.envelope.origin.from.as_ref().map_or("", Address::as_str);
    let (word, status) = (notice.action.word(), notice.action.status());
    let date = date(notice.at);
    let boundary = format!("=_bulkhead_{}", key.short());
    let reference = header::read(notice.header).message_id.filter(|id| is_id(id));
    let mut text = format!("{to}\r\n");
    text.push_str(&format!(
        "From: <postmaster@{host}>\r\nTo: <{to}>\r\nSubject: Zustellbestaetigung\r\nDate: {date}\r\n"
    ));
    text.push_str(&format!("Message-ID: <{key}@{host}>\r\n"));
    if let Some(reference) = reference {
        text.push_str(&format!(
            "In-Reply-To: {reference}\r\nReferences: {reference}\r\n"
        ));
    }
    text.push_str("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
    text.push_str(&format!(
        "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n"
    ));
    text.push_str(&format!(
        "--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
    ));
    text.push_str(human(notice.action));
    text.push_str(&format!(
        "\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {host}\r\n"
    ));
    if let Some(envid) = notice.envelope.origin.envid.as_deref().and_then(from_xtext) {
        text.push_str(&format!("Original-Envelope-Id: {envid}\r\n"));
    }
    text.push_str(&format!("Arrival-Date: {date}\r\n"));
    for recipient in notice.envelope.wishes() {
        text.push_str("\r\n");
        if let Some(original) = original(recipient) {
            text.push_str(&format!("Original-Recipient: {original}\r\n"));
        }
        text.push_str(&format!(
            "Final-Recipient: rfc822; {}\r\nAction: {word}\r\nStatus: {status}\r\n",
            recipient.to.as_str()
        ));
    }
    text.push_str(&format!(
        "\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    ));
    let mut bytes = text.into_bytes();
    let returned = notice.header.get(..HEADER_RETURNED_MAX).unwrap_or(notice.header);
    bytes.extend_from_slice(
        returned
            .strip_suffix(b"\r\n\r\n")
            .unwrap_or(returned)
            .trim_ascii_end(),
    );
    bytes.extend_from_slice(format!("\r\n\r\n--{boundary}--\r\n").as_bytes());
    bytes
}

/// Splits a file of [`write`]: to whom, and the message.
pub(crate) fn recipient(file: &[u8]) -> Option<(Address, &[u8])> {
    let at = memchr::memmem::find(file, b"\r\n")?;
    let to = core::str::from_utf8(file.get(..at)?).ok()?;
    Some((Address::new(to).ok()?, file.get(at + 2..)?))
}

const fn human(action: Action) -> &'static str {
    match action {
        Action::Delivered => {
            "Ihre Nachricht wurde dauerhaft gespeichert und liegt fuer den Empfaenger bereit.\r\nYour message was stored durably for the recipient.\r\n"
        }
        Action::Relayed => {
            "Ihre Nachricht wurde an den naechsten Server uebergeben, der keine weiteren Bestaetigungen sendet.\r\nYour message was relayed to a server that will send no further notifications.\r\n"
        }
    }
}

/// ORCPT as RFC 3464 section 2.3.1 wants it: type, decoded address.
fn original(recipient: &Recipient) -> Option<String> {
    let (kind, text) = recipient.orcpt.as_deref()?.split_once(';')?;
    Some(format!("{kind}; {}", from_xtext(text)?))
}

/// Decodes xtext (RFC 3461 section 4); `None` when the result would not be plain printable text.
fn from_xtext(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('+') {
        out.push_str(head);
        let byte = u8::from_str_radix(tail.get(..2)?, 16).ok()?;
        out.push(char::from(byte));
        rest = tail.get(2..)?;
    }
    out.push_str(rest);
    out.bytes()
        .all(|byte| (b' '..=b'~').contains(&byte))
        .then_some(out)
}

fn is_id(text: &str) -> bool {
    text.starts_with('<')
        && text.ends_with('>')
        && text.len() <= 250
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// RFC 5322 section 3.3, in UTC.
pub(crate) fn date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    // RFC 3339 as the vocabulary prints it: 2023-04-24T20:00:00Z.
    let text = at.to_string();
    let day = usize::try_from(at.0.div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or("00");
    let month = part(5, 7).parse::<usize>().unwrap_or(1).saturating_sub(1);
    let name = |names: &[&'static str], at: usize| names.get(at).copied().unwrap_or("Jan");
    format!(
        "{}, {} {} {} {} +0000",
        name(&DAYS, day),
        part(8, 10),
        name(&MONTHS, month),
        part(0, 4),
        part(11, 19)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        letter::{DsnIssuer, Envelope},
        smtp::command::{Notify, Origin},
    };

    #[test]
    fn no_notification_of_ours_breaks_the_promise() {
        for action in [Action::Delivered, Action::Relayed] {
            let said = crate::promises::Said::Dsn {
                action: action.word().to_owned(),
            };
            assert!(crate::promises::mail_1(&said, vocabulary::Position::Shut).is_ok());
        }
    }

    #[test]
    fn a_notification_is_a_report_and_names_the_mail() {
        let to = Address::new("kasse@y.kim").unwrap();
        let notify = Some(Notify::On {
            success: true,
            failure: false,
            delay: false,
        });
        let quiet = Recipient {
            to: Address::new("still@y.kim").unwrap(),
            notify: None,
            orcpt: None,
        };
        let origin = Origin {
            from: Some(Address::new("praxis@x.kim").unwrap()),
            envid: Some("QQ+2B1".into()),
            ..Origin::default()
        };
        let recipients = vec![
            Recipient {
                to,
                notify,
                orcpt: Some("rfc822;Kasse+40y.kim".into()),
            },
            quiet,
        ];
        let envelope = Envelope {
            origin,
            recipients,
            dsn: DsnIssuer::Bulkhead,
        };
        let header = b"Message-ID: <1@x>\r\nSubject: KOM-LE-Nachricht\r\n\r\n";
        let notice = Notice {
            action: Action::Delivered,
            envelope: &envelope,
            header,
            at: Timestamp(1_682_366_400),
        };
        let file = write("front.kim", Digest::of(b"k"), &notice);
        let (to, message) = recipient(&file).unwrap();
        assert_eq!(to.as_str(), "praxis@x.kim");
        let text = core::str::from_utf8(message).unwrap();
        for line in [
            "In-Reply-To: <1@x>\r\n",
            "Original-Envelope-Id: QQ+1\r\n",
            "Original-Recipient: rfc822; Kasse@y.kim\r\n",
            "Final-Recipient: rfc822; kasse@y.kim\r\n",
            "Action: delivered\r\n",
            "Status: 2.0.0\r\n",
            "Date: Mon, 24 Apr 2023 20:00:00 +0000\r\n",
            "report-type=delivery-status",
            "Subject: KOM-LE-Nachricht\r\n",
        ] {
            assert!(text.contains(line), "{line} missing in {text}");
        }
        assert!(!text.contains("still@y.kim"));
        assert!(header::read(&message[..header::end(message, 0).unwrap()]).is_report);
    }
}
