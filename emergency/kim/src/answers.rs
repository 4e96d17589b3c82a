//! What a Basis-Consumer answers in SMTP and POP3, as data (CM, chapters on the dialogues; BC Tab_SMTP_Verbindung).
//!
//! A data centre's consumer takes its servers from configuration and passes user name and password through unchanged, so the
//! 501 answers of a practice's client module (malformed user name, Konnektor errors 4004 to 4006) do not exist here.

/// What happened in an SMTP session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Smtp {
    /// The connection is there.
    Connected,
    /// HELO.
    Helo,
    /// EHLO.
    Ehlo,
    /// RSET or NOOP before authentication.
    ResetBeforeAuth,
    /// MAIL, RCPT or DATA before authentication.
    MailBeforeAuth,
    /// QUIT.
    Quit,
    /// Anything else before authentication.
    OtherBeforeAuth,
    /// AUTH, and the mail server took it.
    AuthAccepted,
    /// AUTH with another mechanism than LOGIN and PLAIN.
    AuthMechanism,
    /// AUTH, and the mail server cannot be reached.
    AuthUnreachable,
    /// AUTH, and the mail server refused it.
    AuthRejected,
    /// The mail server did not answer in time.
    ServerSilent,
    /// RCPT of somebody without an encryption certificate.
    RecipientWithoutCertificate,
    /// The sender has no certificate.
    SenderWithoutCertificate,
    /// The mail cannot be signed or encrypted now.
    CannotProtect,
    /// The attachment store is full (HTTP 507).
    StoreFull,
    /// Larger than the account's `maxMailSize`.
    TooLarge,
    /// The client brought an `x-kas` part of its own.
    TicketFromClient,
}

/// What happens after an answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Then {
    /// The session goes on.
    GoesOn,
    /// The connection is closed.
    Closes,
}

/// How sure an entry is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grade {
    /// The specification names code and enhanced code as they stand.
    Specified,
    /// The specification names the code; the enhanced code is ours.
    CodeOnly,
    /// The specification names the enhanced code's detail; the rest is ours.
    DetailOnly,
}

/// One SMTP answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SmtpAnswer {
    /// To what.
    pub to: Smtp,
    /// The reply code.
    pub code: u16,
    /// The enhanced code; empty for replies that have none.
    pub enhanced: &'static str,
    /// What happens next.
    pub then: Then,
    /// How sure it is.
    pub grade: Grade,
}

const fn answer(to: Smtp, code: u16, enhanced: &'static str, then: Then, grade: Grade) -> SmtpAnswer {
    SmtpAnswer {
        to,
        code,
        enhanced,
        then,
        grade,
    }
}

/// The SMTP table.
pub const SMTP: [SmtpAnswer; 18] = {
    use Grade::{CodeOnly, DetailOnly, Specified};
    use Then::{Closes, GoesOn};
    [
        answer(Smtp::Connected, 220, "", GoesOn, Specified),
        answer(Smtp::Helo, 250, "", GoesOn, Specified),
        answer(Smtp::Ehlo, 250, "", GoesOn, Specified),
        answer(Smtp::ResetBeforeAuth, 250, "", GoesOn, Specified),
        answer(Smtp::MailBeforeAuth, 530, "5.7.0", GoesOn, Specified),
        answer(Smtp::Quit, 221, "", Closes, Specified),
        answer(Smtp::OtherBeforeAuth, 502, "5.5.1", GoesOn, Specified),
        answer(Smtp::AuthAccepted, 235, "2.7.0", GoesOn, Specified),
        answer(Smtp::AuthMechanism, 504, "5.7.4", GoesOn, Specified),
        answer(Smtp::AuthUnreachable, 454, "4.7.0", GoesOn, Specified),
        answer(Smtp::AuthRejected, 535, "5.7.8", GoesOn, Specified),
        answer(Smtp::ServerSilent, 421, "4.4.2", Closes, CodeOnly),
        // Newer client modules drop the recipient and tell the sender by DSN instead (AK faq).
        answer(Smtp::RecipientWithoutCertificate, 550, "5.7.1", GoesOn, CodeOnly),
        answer(Smtp::SenderWithoutCertificate, 553, "5.7.1", GoesOn, CodeOnly),
        answer(Smtp::CannotProtect, 451, "4.3.0", GoesOn, CodeOnly),
        answer(Smtp::StoreFull, 521, "5.2.2", Closes, CodeOnly),
        answer(Smtp::TooLarge, 552, "5.3.4", GoesOn, DetailOnly),
        answer(Smtp::TicketFromClient, 451, "4.6.0", GoesOn, CodeOnly),
    ]
};

/// The answer to an event.
#[must_use]
pub fn smtp(to: Smtp) -> Option<&'static SmtpAnswer> {
    SMTP.iter().find(|answer| answer.to == to)
}

/// The EHLO keywords, in order. `SIZE` carries at least [`SMTP_SIZE_MIN`](crate::profile::SMTP_SIZE_MIN).
pub const EHLO: [&str; 5] = [
    "SIZE",
    "AUTH LOGIN PLAIN",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "DSN",
];

/// The POP3 capabilities, in order. No more: clients of the field know these.
pub const CAPA: [&str; 4] = ["TOP", "USER", "SASL PLAIN", "UIDL"];

/// What happened in a POP3 session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Pop3 {
    /// The connection is there.
    Connected,
    /// A command that is not offered, malformed, or not allowed now.
    Unexpected,
    /// A login was refused.
    Rejected,
    /// Another session has the mailbox.
    InUse,
    /// The mailbox cannot be opened, read or written now.
    Unavailable,
    /// The message does not exist or is marked as deleted.
    NoSuchMessage,
    /// Nothing was said for too long.
    Timeout,
    /// QUIT.
    Quit,
}

/// One POP3 answer. The specification says `-ERR` for everything unexpected and `-ERR timeout`; the other words are ours.
#[must_use]
pub const fn pop3(to: Pop3) -> &'static str {
    match to {
        Pop3::Connected => "+OK Bulkhead POP3 Notbetrieb / emergency",
        Pop3::Unexpected => "-ERR Befehl hier nicht erlaubt / command not allowed here",
        Pop3::Rejected => "-ERR Anmeldung abgelehnt / login refused",
        Pop3::InUse => {
            "-ERR Postfach schon in Benutzung, bitte spaeter erneut / mailbox in use, try again later"
        }
        Pop3::Unavailable => {
            "-ERR Postfach derzeit nicht verfuegbar, nichts geht verloren, bitte spaeter erneut / mailbox not available now, nothing is lost, try again later"
        }
        Pop3::NoSuchMessage => "-ERR keine solche Nachricht / no such message",
        Pop3::Timeout => "-ERR timeout",
        Pop3::Quit => "+OK",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_one_answer_and_code_and_detail_agree() {
        for (at, answer) in SMTP.iter().enumerate() {
            assert_eq!(smtp(answer.to), Some(answer));
            assert_eq!(SMTP.iter().position(|other| other.to == answer.to), Some(at));
            let class = answer.enhanced.split('.').next().unwrap();
            assert!(
                class.is_empty() || answer.code.to_string().starts_with(class),
                "{answer:?}"
            );
            assert_ne!(answer.code, 501, "501 belongs to a practice's client module");
        }
        let codes: Vec<u16> = SMTP.iter().map(|answer| answer.code).collect();
        assert_eq!(
            codes,
            [
                220, 250, 250, 250, 530, 221, 502, 235, 504, 454, 535, 421, 550, 553, 451, 521, 552, 451
            ]
        );
    }

    #[test]
    fn pop3_lines_fit_and_say_what_they_are() {
        for event in [
            Pop3::Connected,
            Pop3::Unexpected,
            Pop3::Rejected,
            Pop3::InUse,
            Pop3::Unavailable,
            Pop3::NoSuchMessage,
            Pop3::Timeout,
            Pop3::Quit,
        ] {
            let line = pop3(event);
            assert!(line.is_ascii() && line.len() <= 510, "{line}");
            assert!(line.starts_with("+OK") || line.starts_with("-ERR"));
        }
        assert_eq!(pop3(Pop3::Timeout), "-ERR timeout");
    }
}
