//! The client's half of one mail transaction, without a socket: what to send, and what an answer means.

use super::{onward::Offers, reply::Heard};

/// How one hand-over ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took responsibility. Its words, brief.
    Taken(String),
    /// Not now; the item stays where it is. Code and enhanced code.
    Later(String),
    /// Never, says the server: the item is parked for a person and nobody is bounced. Code and enhanced code.
    Never(String),
}

/// Sorts an answer by its first digit. Anything that is neither success nor a permanent refusal means "later".
#[must_use]
pub fn outcome(heard: &Heard) -> Outcome {
    match heard.code / 100 {
        2 => Outcome::Taken(heard.brief()),
        // 552 at DATA may be a full mailbox (RFC 821's meaning): 5.2.2 is a mailbox over quota, which passes.
        5 if heard.enhanced() == Some("5.2.2") => Outcome::Later(heard.brief()),
        // 521/554 as a greeting or 530/535 say something about us or the line, not about the mail.
        5 if matches!(heard.code, 521 | 530 | 535 | 538) => Outcome::Later(heard.brief()),
        5 => Outcome::Never(heard.brief()),
        _ => Outcome::Later(heard.brief()),
    }
}

/// What an EHLO answer offers.
#[must_use]
pub fn offers(heard: &Heard) -> Offers {
    Offers {
        size: heard.offers("SIZE"),
        eight_bit: heard.offers("8BITMIME"),
        dsn: heard.offers("DSN"),
        pipelining: heard.offers("PIPELINING"),
    }
}

/// One verdict for a mail with several recipients, from the answers to each RCPT: all must be accepted, for an item is
/// handed over whole or not at all. Temporary refusals win over permanent ones, so that a person only sees what will
/// not pass by itself.
#[must_use]
pub fn recipients(answers: &[Heard]) -> Outcome {
    let mut worst = Outcome::Taken(String::new());
    for answer in answers {
        match (outcome(answer), &worst) {
            (Outcome::Taken(_), _) | (Outcome::Never(_), Outcome::Later(_) | Outcome::Never(_)) => {}
            (later @ Outcome::Later(_), _) => return later,
            (never @ Outcome::Never(_), Outcome::Taken(_)) => worst = never,
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(code: u16, text: &str) -> Heard {
        Heard {
            code,
            lines: vec![text.to_owned()],
        }
    }

    #[test]
    fn later_wins_over_never_and_never_over_taken() {
        let (ok, later, never) = (
            heard(250, "2.1.5 OK"),
            heard(450, "4.2.0 wait"),
            heard(550, "5.1.1 who"),
        );
        assert!(matches!(recipients(&[ok.clone(), ok.clone()]), Outcome::Taken(_)));
        assert_eq!(
            recipients(&[ok.clone(), never.clone()]),
            Outcome::Never("550 5.1.1".to_owned())
        );
        assert_eq!(
            recipients(&[never, later, ok]),
            Outcome::Later("450 4.2.0".to_owned())
        );
    }

    #[test]
    fn a_full_mailbox_and_a_closed_server_pass_by_themselves() {
        for (code, text) in [
            (552, "5.2.2 full"),
            (421, "4.3.2 bye"),
            (530, "5.7.0 auth"),
            (354, "go"),
        ] {
            assert!(matches!(outcome(&heard(code, text)), Outcome::Later(_)), "{code}");
        }
        assert!(matches!(outcome(&heard(552, "5.3.4 big")), Outcome::Never(_)));
    }
}
