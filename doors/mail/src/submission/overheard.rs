//! What passes through a submission session, read along: which mails the regular server took, by their outer header.
//!
//! It changes nothing and delays nothing. What it cannot follow (an extension it does not know, more bytes than it keeps)
//! makes it deaf for the rest of the session: then it counts less, never more.

use std::collections::VecDeque;

use crate::{
    address::Mailbox,
    header::{self, Outer},
    smtp::{
        body::{Body, Fed},
        command::Command,
        lines::{Cut, LINE_BYTES_MAX, cut},
    },
};

/// Most bytes of outer header that are read along.
const HEADER_BYTES: usize = 64 * 1024;
/// Most bytes that wait for a reply.
const WAITING_BYTES: usize = 64 * 1024;
/// Most replies awaited; more is no SMTP client we know.
const REPLIES_MAX: usize = 1_000;
/// Most recipients remembered of one mail.
const RECIPIENTS_MAX: usize = 100;

/// A mail the regular server took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) outer: Outer,
    pub(super) to: Vec<Mailbox>,
}

/// What a reply of the server will answer.
enum Awaited {
    Command,
    Data,
    Dot(Option<Sent>),
}

enum State {
    Commands,
    /// DATA was sent; whether a message follows, the reply says.
    Asked,
    Message {
        body: Body,
        header: Vec<u8>,
        outer: Option<Outer>,
    },
    Deaf,
}

/// Reads one session along, from the login on.
pub(super) struct Overheard {
    state: State,
    unread: Vec<u8>,
    awaited: VecDeque<Awaited>,
    reply: Vec<u8>,
    to: Vec<Mailbox>,
}

impl Overheard {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Commands,
            unread: Vec::new(),
            awaited: VecDeque::new(),
            reply: Vec::new(),
            to: Vec::new(),
        }
    }

    fn go_deaf(&mut self) {
        *self = Self::new();
        self.state = State::Deaf;
    }

    /// Bytes of the client.
    pub(super) fn client(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Deaf) {
            return;
        }
        self.unread.extend_from_slice(bytes);
        self.read_on();
    }

    fn read_on(&mut self) {
        while !self.unread.is_empty() {
            match &mut self.state {
                State::Deaf => return,
                State::Asked => {
                    if self.unread.len() > WAITING_BYTES {
                        self.go_deaf();
                    }
                    return;
                }
                State::Commands => {
                    let (line, used) = match cut(&self.unread) {
                        Cut::Line(line, used) => (line.to_vec(), used),
                        Cut::More => return,
                        Cut::BareNewline | Cut::TooLong => return self.go_deaf(),
                    };
                    self.unread.drain(..used);
                    self.command(&line);
                }
                State::Message { body, header, outer } => {
                    let mut piece = Vec::new();
                    let fed = body.feed(&self.unread, &mut piece);
                    if outer.is_none() && header.len() < HEADER_BYTES {
                        let searched = header.len();
                        header.extend_from_slice(&piece);
                        let end = header::end(header, searched);
                        *outer = end.map(|end| header::read(header.get(..end).unwrap_or_default()));
                    }
                    match fed {
                        Fed::All => self.unread.clear(),
                        Fed::BareNewline => return self.go_deaf(),
                        Fed::Ended(used) => {
                            let to = std::mem::take(&mut self.to);
                            let sent = outer.take().map(|outer| Sent { outer, to });
                            self.unread.drain(..used);
                            self.state = State::Commands;
                            self.await_reply(Awaited::Dot(sent));
                        }
                    }
                }
            }
        }
    }

    fn command(&mut self, line: &[u8]) {
        let mut awaited = Awaited::Command;
        match Command::read(line) {
            Ok(Command::Mail(_) | Command::Rset | Command::Ehlo | Command::Helo) => self.to.clear(),
            Ok(Command::Rcpt(recipient)) if self.to.len() < RECIPIENTS_MAX => {
                self.to.push(recipient.to.mailbox());
            }
            Ok(Command::Data) => {
                self.state = State::Asked;
                awaited = Awaited::Data;
            }
            Ok(Command::Rcpt(_) | Command::Noop | Command::Quit | Command::Vrfy) | Err(_) => {}
            // A dialogue of its own.
            Ok(Command::Auth(..)) => return self.go_deaf(),
        }
        self.await_reply(awaited);
    }

    fn await_reply(&mut self, awaited: Awaited) {
        if self.awaited.len() >= REPLIES_MAX {
            self.go_deaf();
        } else {
            self.awaited.push_back(awaited);
        }
    }

    /// Bytes of the server; the mails it took.
    pub(super) fn server(&mut self, bytes: &[u8]) -> Vec<Sent> {
        let mut sent = Vec::new();
        if matches!(self.state, State::Deaf) {
            return sent;
        }
        self.reply.extend_from_slice(bytes);
        while let Some(at) = self.reply.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.reply.drain(..=at).collect();
            if line.get(3) == Some(&b'-') {
                continue;
            }
            match self.awaited.pop_front() {
                Some(Awaited::Command) | None => {}
                Some(Awaited::Data) if line.first() == Some(&b'3') => {
                    self.state = State::Message {
                        body: Body::new(u64::MAX),
                        header: Vec::new(),
                        outer: None,
                    };
                    self.read_on();
                }
                Some(Awaited::Data) => {
                    self.state = State::Commands;
                    self.read_on();
                }
                Some(Awaited::Dot(mail)) if line.first() == Some(&b'2') => sent.extend(mail),
                Some(Awaited::Dot(_)) => {}
            }
        }
        if self.reply.len() > LINE_BYTES_MAX {
            self.go_deaf();
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] =
        b"X-KIM-Dienstkennung: eAU;Fehler-Kasse;V1.2\r\n\r\n..x\r\nMAIL FROM:<no@one>\r\n.\r\n";

    fn talk(pieces: &[(&[u8], &[u8])]) -> Vec<Sent> {
        let mut overheard = Overheard::new();
        let mut sent = Vec::new();
        for (client, server) in pieces {
            overheard.client(client);
            sent.extend(overheard.server(server));
        }
        sent
    }

    #[test]
    fn a_mail_the_server_took_is_heard_and_a_refused_one_is_not() {
        let begin: [(&[u8], &[u8]); 4] = [
            (b"EHLO k\r\n", b"250-a\r\n250 b\r\n"),
            (b"MAIL FROM:<eau@k.x>\r\n", b"250 ok\r\n"),
            (b"RCPT TO:<p@q.x>\r\n", b"250 ok\r\n"),
            (b"DATA\r\n", b"354 go\r\n"),
        ];
        for (answer, count) in [(&b"250 taken\r\n"[..], 1), (b"451 later\r\n", 0)] {
            let mut pieces = begin.to_vec();
            pieces.push((MAIL, answer));
            let sent = talk(&pieces);
            assert_eq!(sent.len(), count);
            for one in sent {
                assert!(one.outer.is_error_mail());
                assert_eq!(one.to, [Mailbox::new("p@q.x").unwrap()]);
            }
        }
        let mut refused = begin.to_vec();
        refused[3] = (b"DATA\r\n", b"503 no\r\n");
        refused.push((b"QUIT\r\n", b"221 bye\r\n"));
        assert!(talk(&refused).is_empty());
    }

    #[test]
    fn all_at_once_and_byte_by_byte_give_the_same() {
        let head = b"MAIL FROM:<a@b>\r\nRCPT TO:<p@q.x>\r\nDATA\r\n";
        let replies = b"250 a\r\n250 b\r\n354 go\r\n";
        let together = talk(&[(head, replies), (MAIL, b"250 taken\r\n")]);
        let mut overheard = Overheard::new();
        let mut single = Vec::new();
        for byte in head {
            overheard.client(&[*byte]);
        }
        for byte in replies {
            single.extend(overheard.server(&[*byte]));
        }
        for byte in MAIL {
            overheard.client(&[*byte]);
        }
        single.extend(overheard.server(b"250 taken\r\n"));
        assert_eq!((together.len(), &together), (1, &single));
    }

    #[test]
    fn foreign_bytes_cost_little_and_count_nothing() {
        let mut overheard = Overheard::new();
        for _ in 0..64 {
            overheard.client(&[b'x'; 4096]);
            assert!(overheard.server(&[b'y'; 4096]).is_empty());
        }
        assert!(overheard.unread.len() + overheard.reply.len() <= 2 * LINE_BYTES_MAX);
    }
}
