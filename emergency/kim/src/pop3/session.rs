//! One POP3 session as a state machine.

use std::collections::BTreeSet;

use super::{Command, Entry, Login, Opened, Secret, Uid, command::plain};
use crate::{
    address::KimAddress,
    answers::{CAPA, Pop3, pop3},
};

/// What a session may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Wrong logins after which it ends.
    pub logins_max: u8,
    /// Commands in a row that are refused, after which it ends.
    pub refusals_max: u8,
    /// Most messages it can tell apart; the others are shown by a later session.
    pub messages_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            logins_max: 3,
            refusals_max: 20,
            messages_max: 100_000,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A line came in, without its line end.
    Line(&'a [u8]),
    /// A line longer than [`LINE_BYTES_MAX`](super::LINE_BYTES_MAX) came in, and was thrown away.
    LineTooLong,
    /// What became of [`Effect::Open`].
    Opened(Opened),
    /// [`Effect::Send`] is done.
    Sent,
    /// [`Effect::Send`] did not begin: the mailbox gave nothing.
    NotSent,
    /// [`Effect::Delete`] is done.
    Deleted,
    /// [`Effect::Delete`] failed.
    NotDeleted,
    /// Nothing was said for too long.
    Timeout,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Say these bytes.
    Say(Vec<u8>),
    /// Check the login, take the mailbox for this session alone, list it; come back with [`Event::Opened`].
    Open(Login),
    /// Say `+OK`, the message's lines, and the end; come back with [`Event::Sent`] or [`Event::NotSent`].
    Send(Uid, What),
    /// Delete these; come back with [`Event::Deleted`] or [`Event::NotDeleted`].
    Delete(Vec<Uid>),
    /// Close the connection.
    Close,
}

/// How much of a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All of it.
    Whole,
    /// Its header and the empty line.
    Header,
}

/// A session.
#[derive(Debug, PartialEq, Eq)]
pub struct Session {
    state: State,
    limits: Limits,
    failures: u8,
    refusals: u8,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Before a login; the name USER gave.
    Login(Option<Box<str>>),
    /// `AUTH PLAIN` came without a response: the next line is it.
    Response,
    /// A login is being checked.
    Checking,
    /// In the mailbox.
    Inside(Inside),
    /// A message is being sent.
    Sending(Inside),
    /// Deletions are being committed.
    Committing,
    /// Over.
    Ended,
}

/// The mailbox as this session sees it.
#[derive(Debug, PartialEq, Eq)]
struct Inside {
    entries: Vec<Entry>,
    deleted: BTreeSet<u32>,
}

impl Session {
    /// Begins a session: the greeting.
    #[must_use]
    pub fn begin(limits: Limits) -> (Self, Vec<Effect>) {
        let session = Self {
            state: State::Login(None),
            limits,
            failures: 0,
            refusals: 0,
        };
        (session, vec![say(pop3(Pop3::Connected))])
    }

    /// Whether it is over.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// One step.
    #[must_use]
    pub fn next(&mut self, event: &Event<'_>) -> Vec<Effect> {
        let state = core::mem::replace(&mut self.state, State::Ended);
        match (state, event) {
            (State::Ended, _) => Vec::new(),
            (
                State::Login(_)
                | State::Response
                | State::Checking
                | State::Inside(_)
                | State::Sending(_)
                | State::Committing,
                Event::Timeout,
            ) => vec![say(pop3(Pop3::Timeout)), Effect::Close],
            (State::Login(user), Event::Line(line)) => self.login(user, line),
            (State::Login(user), Event::LineTooLong) => self.refuse(State::Login(user)),
            (State::Response, Event::Line(line)) => self.response(line),
            (State::Response, Event::LineTooLong) => self.refuse(State::Login(None)),
            (State::Checking, Event::Opened(opened)) => self.opened(opened),
            (State::Inside(inside), Event::Line(line)) => self.inside(inside, line),
            (State::Inside(inside), Event::LineTooLong) => self.refuse(State::Inside(inside)),
            (State::Sending(inside), Event::Sent) => {
                self.state = State::Inside(inside);
                Vec::new()
            }
            (State::Sending(inside), Event::NotSent) => {
                self.state = State::Inside(inside);
                vec![say(pop3(Pop3::Unavailable))]
            }
            (State::Committing, Event::Deleted) => vec![say(pop3(Pop3::Quit)), Effect::Close],
            (State::Committing, Event::NotDeleted) => vec![say(pop3(Pop3::Unavailable)), Effect::Close],
            // The shell mixed something up: ending loses nothing, because nothing is deleted.
            (
                State::Login(_) | State::Response | State::Inside(_),
                Event::Opened(_) | Event::Sent | Event::NotSent | Event::Deleted | Event::NotDeleted,
            )
            | (
                State::Checking,
                Event::Line(_)
                | Event::LineTooLong
                | Event::Sent
                | Event::NotSent
                | Event::Deleted
                | Event::NotDeleted,
            )
            | (
                State::Sending(_),
                Event::Line(_) | Event::LineTooLong | Event::Opened(_) | Event::Deleted | Event::NotDeleted,
            )
            | (
                State::Committing,
                Event::Line(_) | Event::LineTooLong | Event::Opened(_) | Event::Sent | Event::NotSent,
            ) => vec![Effect::Close],
        }
    }

    /// Says `-ERR`, and ends a session that goes on like this.
    fn refuse(&mut self, back: State) -> Vec<Effect> {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals >= self.limits.refusals_max {
            return vec![say(pop3(Pop3::Unexpected)), Effect::Close];
        }
        self.state = back;
        vec![say(pop3(Pop3::Unexpected))]
    }

    fn accept(&mut self, state: State, effects: Vec<Effect>) -> Vec<Effect> {
        self.refusals = 0;
        self.state = state;
        effects
    }

    fn login(&mut self, user: Option<Box<str>>, line: &[u8]) -> Vec<Effect> {
        match (Command::read(line), user) {
            (Ok(Command::Capa), user) => self.accept(State::Login(user), vec![capabilities()]),
            (Ok(Command::User(name)), _) => self.accept(State::Login(Some(name)), vec![say("+OK")]),
            (Ok(Command::Pass(password)), Some(name)) => self.check(&name, password),
            (Ok(Command::AuthPlain(Some(response))), _) => self.response(response.bytes()),
            (Ok(Command::AuthPlain(None)), _) => self.accept(State::Response, vec![say("+ ")]),
            (Ok(Command::Quit), _) => vec![say(pop3(Pop3::Quit)), Effect::Close],
            (
                Ok(
                    Command::Pass(_)
                    | Command::Stat
                    | Command::List(_)
                    | Command::Uidl(_)
                    | Command::Top(_)
                    | Command::Retr(_)
                    | Command::Dele(_)
                    | Command::Rset
                    | Command::Noop,
                )
                | Err(_),
                user,
            ) => self.refuse(State::Login(user)),
        }
    }

    fn response(&mut self, encoded: &[u8]) -> Vec<Effect> {
        match plain(encoded) {
            Some((name, password)) => self.check(&name, password),
            None => self.refuse(State::Login(None)),
        }
    }

    /// A name that is no KIM address is refused like a wrong password: nobody learns which names exist.
    fn check(&mut self, name: &str, password: Secret) -> Vec<Effect> {
        match KimAddress::new(name) {
            Ok(user) => self.accept(State::Checking, vec![Effect::Open(Login { user, password })]),
            Err(_) => self.reject(),
        }
    }

    fn reject(&mut self) -> Vec<Effect> {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.limits.logins_max {
            return vec![say(pop3(Pop3::Rejected)), Effect::Close];
        }
        self.accept(State::Login(None), vec![say(pop3(Pop3::Rejected))])
    }

    fn opened(&mut self, opened: &Opened) -> Vec<Effect> {
        match opened {
            Opened::Accepted(entries) => {
                let entries = entries.iter().take(self.limits.messages_max).cloned().collect();
                let inside = Inside {
                    entries,
                    deleted: BTreeSet::new(),
                };
                self.accept(State::Inside(inside), vec![say("+OK")])
            }
            Opened::Rejected => self.reject(),
            Opened::InUse => vec![say(pop3(Pop3::InUse)), Effect::Close],
            Opened::Unavailable => vec![say(pop3(Pop3::Unavailable)), Effect::Close],
        }
    }

    fn inside(&mut self, mut inside: Inside, line: &[u8]) -> Vec<Effect> {
        let Ok(command) = Command::read(line) else {
            return self.refuse(State::Inside(inside));
        };
        let effects = match command {
            Command::Capa => vec![capabilities()],
            Command::Noop => vec![say("+OK")],
            Command::Stat => vec![inside.stat()],
            Command::List(None) => vec![inside.list(|entry| entry.bytes.to_string())],
            Command::List(Some(number)) => vec![inside.one(number, |entry| entry.bytes.to_string())],
            Command::Uidl(None) => vec![inside.list(|entry| entry.uid.as_str().to_owned())],
            Command::Uidl(Some(number)) => vec![inside.one(number, |entry| entry.uid.as_str().to_owned())],
            Command::Rset => {
                inside.deleted.clear();
                vec![say("+OK")]
            }
            Command::Dele(number) => match inside.entry(number) {
                Some(_) => {
                    inside.deleted.insert(number);
                    vec![say("+OK")]
                }
                None => vec![say(pop3(Pop3::NoSuchMessage))],
            },
            Command::Retr(number) => return self.send(inside, number, What::Whole),
            Command::Top(number) => return self.send(inside, number, What::Header),
            Command::Quit => return self.quit(&inside),
            Command::User(_) | Command::Pass(_) | Command::AuthPlain(_) => {
                return self.refuse(State::Inside(inside));
            }
        };
        self.accept(State::Inside(inside), effects)
    }

    fn send(&mut self, inside: Inside, number: u32, what: What) -> Vec<Effect> {
        match inside.entry(number).map(|entry| entry.uid.clone()) {
            Some(uid) => self.accept(State::Sending(inside), vec![Effect::Send(uid, what)]),
            None => self.accept(State::Inside(inside), vec![say(pop3(Pop3::NoSuchMessage))]),
        }
    }

    fn quit(&mut self, inside: &Inside) -> Vec<Effect> {
        let gone = inside.deleted.iter().filter_map(|number| inside.at(*number));
        let gone: Vec<Uid> = gone.map(|entry| entry.uid.clone()).collect();
        if gone.is_empty() {
            return vec![say(pop3(Pop3::Quit)), Effect::Close];
        }
        self.accept(State::Committing, vec![Effect::Delete(gone)])
    }
}

impl Inside {
    fn at(&self, number: u32) -> Option<&Entry> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.entries.get(at)
    }

    /// A message that is there and not marked as deleted.
    fn entry(&self, number: u32) -> Option<&Entry> {
        if self.deleted.contains(&number) {
            None
        } else {
            self.at(number)
        }
    }

    fn present(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (1u32..)
            .zip(&self.entries)
            .filter(|(number, _)| !self.deleted.contains(number))
    }

    fn stat(&self) -> Effect {
        let (count, bytes) = self.present().fold((0u64, 0u64), |(count, sum), (_, entry)| {
            (count + 1, sum.saturating_add(entry.bytes))
        });
        say(&format!("+OK {count} {bytes}"))
    }

    fn list(&self, of: fn(&Entry) -> String) -> Effect {
        let mut text = "+OK\r\n".to_owned();
        for (number, entry) in self.present() {
            text += &format!("{number} {}\r\n", of(entry));
        }
        say(&(text + "."))
    }

    fn one(&self, number: u32, of: fn(&Entry) -> String) -> Effect {
        match self.entry(number) {
            Some(entry) => say(&format!("+OK {number} {}", of(entry))),
            None => say(pop3(Pop3::NoSuchMessage)),
        }
    }
}

fn capabilities() -> Effect {
    say(&format!("+OK\r\n{}\r\n.", CAPA.join("\r\n")))
}

fn say(line: &str) -> Effect {
    Effect::Say([line.as_bytes(), b"\r\n"].concat())
}
