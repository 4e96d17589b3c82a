//! Handing a mail in up to the point where it would become somebody's item, and not further.
//!
//! Which cell a mail belongs to is known when its outer header is there: mailbox and service mark. So the attempt goes
//! on to the end of the header and then stops sending, without the final dot. A front that would store the mail has
//! nothing to say to that; one whose cells are all shut says so. Either way no item comes of it.

use std::{fmt, io, net::SocketAddr};

use vocabulary::Position;

use super::line::Line;
use crate::tls;

/// How far a mail came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HandIn {
    /// To the end of its header, and no word against it.
    Taken,
    /// Put off, in these words.
    Later(String),
    /// Refused for good, or answered as no position answers.
    Wrong(String),
    /// The front ended the session before it took anything.
    Ended,
    /// No answer, so that nothing can be said.
    Silent(String),
}

impl fmt::Display for HandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("354"),
            Self::Later(words) | Self::Wrong(words) | Self::Silent(words) => f.write_str(words),
            Self::Ended => f.write_str("EOF"),
        }
    }
}

impl HandIn {
    /// What is wrong about it on a new connection. Held must take mail in; Shut must refuse it, and only for now.
    pub(super) fn wrong_in_new(&self, position: Position) -> Option<String> {
        let right = match position {
            Position::Open | Position::Draining | Position::Held => matches!(self, Self::Taken),
            Position::Shut | Position::Islanded => matches!(self, Self::Later(_) | Self::Ended),
        };
        (!right).then(|| match self {
            Self::Silent(words) => format!("Annahme antwortet nicht / intake does not answer: {words}"),
            Self::Taken | Self::Later(_) | Self::Wrong(_) | Self::Ended => {
                format!("Annahme antwortet / intake answers: {self}")
            }
        })
    }

    /// What is wrong about it in a session that was open before the cut. A held door may end it in the words of a cut,
    /// for the sender repeats on a new connection; a shut one must not take anything through it.
    pub(super) fn wrong_in_old(&self, position: Position) -> Option<String> {
        let right = match (position, self) {
            (Position::Open | Position::Draining | Position::Held, Self::Taken | Self::Ended)
            | (Position::Shut | Position::Islanded, Self::Later(_) | Self::Ended) => true,
            (Position::Open | Position::Draining | Position::Held, Self::Later(words)) => {
                words.starts_with("421")
            }
            (Position::Shut | Position::Islanded, Self::Taken)
            | (
                Position::Open | Position::Draining | Position::Held | Position::Shut | Position::Islanded,
                Self::Wrong(_) | Self::Silent(_),
            ) => false,
        };
        (!right).then(|| format!("alte Annahme antwortet / old intake session answers: {self}"))
    }
}

/// What a reply means where `wanted` leads on.
fn heard(reply: io::Result<Option<(u16, String)>>, wanted: u16) -> Result<(), HandIn> {
    match reply {
        Ok(Some((code, _))) if code == wanted => Ok(()),
        Ok(Some((code, words))) if (400..500).contains(&code) => Err(HandIn::Later(words)),
        Ok(Some((_, words))) => Err(HandIn::Wrong(words)),
        Ok(None) => Err(HandIn::Ended),
        Err(error) => Err(lost(&error)),
    }
}

/// A connection that was reset is over; one that is merely slow is not.
fn lost(error: &io::Error) -> HandIn {
    let over = matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    );
    if over {
        HandIn::Ended
    } else {
        HandIn::Silent(error.to_string())
    }
}

/// Opens a session. A front that was not heard at all is silent, not shut: the fault may lie on our side.
pub(super) async fn greet(address: SocketAddr, tls: Option<&tls::Connector>) -> Result<Line, HandIn> {
    let silent = |error: io::Error| HandIn::Silent(error.to_string());
    let mut line = Line::connect(address, tls).await.map_err(silent)?;
    match line.reply().await.map_err(silent)? {
        None => return Err(HandIn::Silent("EOF".to_owned())),
        greeting => heard(Ok(greeting), 220)?,
    }
    heard(line.ask("EHLO probe.bulkhead.internal").await, 250)?;
    Ok(line)
}

/// Hands a mail of this mailbox and mark in, up to the end of its header, and ends the session.
pub(super) async fn hand_in(mut line: Line, mailbox: &str, mark: Option<&str>) -> HandIn {
    let rcpt = format!("RCPT TO:<{mailbox}>");
    let commands = [("MAIL FROM:<>", 250), (rcpt.as_str(), 250), ("DATA", 354)];
    if let Err(found) = line.ask_all(&commands, heard).await {
        return found;
    }
    let header = mark.map_or_else(String::new, |mark| format!("X-KIM-Dienstkennung: {mark}\r\n"));
    if let Err(error) = line.say(&header).await {
        return lost(&error);
    }
    let last = match line.end_sending().await {
        Ok(()) => line.reply().await,
        Err(error) => Err(error),
    };
    match last {
        Ok(None) => HandIn::Taken,
        Ok(Some((code, words))) if (400..500).contains(&code) => HandIn::Later(words),
        Ok(Some((_, words))) => HandIn::Wrong(words),
        // It had said 354 and took the header: without its words nobody knows what it would have done with the mail.
        Err(error) => HandIn::Silent(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
        net::TcpListener,
    };

    use super::*;

    const POLITE: [&str; 5] = ["220 x", "250-x\r\n250 DSN", "250 OK", "250 OK", "354 go"];

    /// A front that gives these answers to the greeting and to each line, the last one to the end of the header, and
    /// then ends the session.
    async fn found_at(answers: &[&str]) -> HandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        let front = tokio::spawn(async move {
            let mut socket = BufReader::new(listener.accept().await.unwrap().0);
            let mut header = String::new();
            for (step, answer) in answers.iter().enumerate() {
                while step >= POLITE.len() && !header.ends_with("\r\n\r\n") && header != "\r\n" {
                    socket.read_line(&mut header).await.unwrap();
                }
                if (1..POLITE.len()).contains(&step) {
                    socket.read_line(&mut String::new()).await.unwrap();
                }
                let answer = format!("{answer}\r\n");
                socket.get_mut().write_all(answer.as_bytes()).await.unwrap();
            }
            // To the end, so that the session ends with a word and not with a reset.
            let mut rest = Vec::new();
            let _peer_closed = socket.read_to_end(&mut rest).await;
            let sent = format!("{header}{}", String::from_utf8_lossy(&rest));
            assert!(
                !sent.lines().any(|line| line == "."),
                "a mail was handed in: {sent}"
            );
        });
        let found = match greet(address, None).await {
            Ok(line) => hand_in(line, "kasse@kasse.test", Some("eAU")).await,
            Err(found) => found,
        };
        front.await.unwrap();
        found
    }

    /// Which of new at Held, new at Shut, old at Held, old at Shut are right.
    fn right(found: &HandIn) -> [bool; 4] {
        [
            found.wrong_in_new(Position::Held).is_none(),
            found.wrong_in_new(Position::Shut).is_none(),
            found.wrong_in_old(Position::Held).is_none(),
            found.wrong_in_old(Position::Shut).is_none(),
        ]
    }

    #[tokio::test]
    async fn a_front_that_would_take_the_mail_is_never_shut() {
        let found = found_at(&POLITE).await;
        assert_eq!(
            (&found, right(&found)),
            (&HandIn::Taken, [true, false, true, false])
        );
    }

    #[tokio::test]
    async fn a_front_that_says_later_at_any_step_is_shut_and_not_held() {
        for step in 2..POLITE.len() {
            let mut answers = POLITE[..step].to_vec();
            answers.push("451 4.3.2 later");
            let found = found_at(&answers).await;
            assert_eq!(right(&found), [false, true, false, true], "{step}: {found}");
        }
        // At the greeting and behind the header, in the words of a cut: a held door may end an old session so.
        let found = found_at(&["421 4.3.2 later"]).await;
        assert_eq!(right(&found), [false, true, true, true], "{found}");
        let behind: Vec<&str> = POLITE.into_iter().chain(["421 4.3.2 later"]).collect();
        let found = found_at(&behind).await;
        assert_eq!(right(&found), [false, true, true, true], "{found}");
    }

    #[tokio::test]
    async fn a_front_that_says_no_for_good_is_wrong_everywhere() {
        for step in 2..=POLITE.len() {
            let mut answers = POLITE[..step].to_vec();
            answers.push("554 5.3.2 no");
            let found = found_at(&answers).await;
            assert_eq!(right(&found), [false; 4], "{step}: {found}");
        }
    }

    #[tokio::test]
    async fn a_front_nobody_hears_proves_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let found = greet(address, None).await.err().unwrap();
        assert_eq!(right(&found), [false; 4], "{found}");
    }
}
