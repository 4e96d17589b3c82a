//! Delivery notices (RFC 3464) and error mails: written by the server and consumers, read by the practices.

use super::{
    book::LetterNumber,
    letter::{ERROR_MAIL, body, header, number_of, number_of_envelope},
    smtp::{Mail, Notify},
};

/// Code 313: key not available (KBV Technische Anlage zur eAU, list of error codes). What a consumer without keys sent
/// by itself in April 2023.
const KEY_NOT_AVAILABLE: &str = "313";

/// What a mail to a practice says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Report {
    /// Delivered, or handed to a server that does not notify.
    Delivered(LetterNumber),
    /// Not delivered, for good.
    Failed(LetterNumber),
    /// Late, or expanded: nothing to count.
    Other(LetterNumber),
    /// The insurer says the letter is faulty.
    Error(LetterNumber),
}

/// A notice of success for one recipient of a letter.
pub(super) fn delivered(letter: &Mail, recipient: &str, date: &str) -> Mail {
    let id = header(&letter.data, "Message-ID").unwrap_or_default();
    let envelope = letter
        .envelope_id
        .as_ref()
        .map_or_else(String::new, |id| format!("Original-Envelope-Id: {id}\r\n"));
    let data = format!(
        "Date: {date}\r\nFrom: <mailer-daemon@uebung.kim.telematik-test>\r\nTo: <{to}>\r\nIn-Reply-To: {id}\r\n\
         Subject: Zustellbestaetigung\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=teil\r\n\r\n\
         --teil\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nIhre Nachricht liegt im Postfach. / Your message is in the mailbox.\r\n\
         --teil\r\nContent-Type: message/delivery-status\r\n\r\n{envelope}Reporting-MTA: dns; uebung.kim.telematik-test\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: delivered\r\nStatus: 2.0.0\r\n\
         --teil\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {id}\r\n--teil--\r\n",
        to = letter.from,
    );
    Mail {
        from: String::new(),
        envelope_id: None,
        to: vec![(letter.from.clone(), Notify::NotOnSuccess)],
        data: data.into_bytes(),
    }
}

/// What a consumer sends that cannot open a letter: an error mail of the insurer with code 313.
pub(super) fn key_not_available(letter: &[u8], from: &str, date: &str) -> Option<Mail> {
    let to = header(letter, "Reply-To").or_else(|| header(letter, "From"))?;
    let to = to.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
    let id = header(letter, "Message-ID")?;
    let data = format!(
        "Date: {date}\r\nFrom: <{from}>\r\nTo: <{to}>\r\nIn-Reply-To: {id}\r\nSubject: TEAU0_Fehler_uebung\r\n\
         X-KIM-Dienstkennung: {ERROR_MAIL}\r\nMIME-Version: 1.0\r\nContent-Type: application/xml\r\n\
         Content-Description: eAUFehler-Kasse\r\n\r\n\
         <OperationOutcome xmlns=\"http://hl7.org/fhir\"><issue><severity value=\"fatal\"/><code value=\"processing\"/>\
         <details><coding><code value=\"{KEY_NOT_AVAILABLE}\"/></coding></details></issue></OperationOutcome>\r\n"
    );
    Some(Mail {
        from: from.to_owned(),
        envelope_id: None,
        to: vec![(to, Notify::NotOnSuccess)],
        data: data.into_bytes(),
    })
}

/// Reads what arrived at a practice. `None` when it belongs to no letter.
pub(super) fn read(mail: &[u8]) -> Option<Report> {
    let reply_to = header(mail, "In-Reply-To").and_then(|id| number_of(&id));
    if header(mail, "X-KIM-Dienstkennung").is_some_and(|service| service.starts_with("eAU;Fehler-Kasse")) {
        return reply_to.map(Report::Error);
    }
    let is_report = header(mail, "Content-Type").is_some_and(|kind| {
        kind.to_ascii_lowercase()
            .replace(' ', "")
            .contains("report-type=delivery-status")
    });
    if !is_report {
        return None;
    }
    let text = String::from_utf8_lossy(body(mail)).into_owned();
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim()
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let letter = reply_to
        .or_else(|| field("Original-Envelope-Id").and_then(|id| number_of_envelope(&id)))
        .or_else(|| field("Message-ID").and_then(|id| number_of(&id)))?;
    Some(
        match field("Action").unwrap_or_default().to_ascii_lowercase().as_str() {
            // "relayed" is success too, told by the last server that can tell (RFC 3461 section 5.2.2).
            "delivered" | "relayed" => Report::Delivered(letter),
            "failed" => Report::Failed(letter),
            _delayed_expanded => Report::Other(letter),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &[u8] = b"From: <praxis-0001@praxis.kim.telematik-test>\r\nMessage-ID: <letter-5@praxis.kim.telematik-test>\r\n\r\nx\r\n";

    #[test]
    fn what_is_written_is_read() {
        let letter = Mail {
            from: "praxis-0001@praxis.kim.telematik-test".to_owned(),
            envelope_id: Some("letter-5".to_owned()),
            to: Vec::new(),
            data: LETTER.to_vec(),
        };
        let notice = delivered(&letter, "eau@kasse-001.kim.telematik-test", "today");
        assert_eq!(read(&notice.data), Some(Report::Delivered(LetterNumber(5))));
        let text = String::from_utf8(notice.data).unwrap();
        let only_envelope = text
            .replace("In-Reply-To:", "X-Other:")
            .replace("Action: delivered", "Action: FAILED");
        assert_eq!(
            read(only_envelope.as_bytes()),
            Some(Report::Failed(LetterNumber(5)))
        );
        assert_eq!(
            read(text.replace("Action: delivered", "Action: delayed").as_bytes()),
            Some(Report::Other(LetterNumber(5)))
        );
        let error = key_not_available(LETTER, "eau@kasse-001.kim.telematik-test", "today").unwrap();
        assert_eq!(read(&error.data), Some(Report::Error(LetterNumber(5))));
        assert_eq!(error.to[0].0, "praxis-0001@praxis.kim.telematik-test");
        assert_eq!(read(b"Subject: hello\r\n\r\nx"), None);
    }
}
