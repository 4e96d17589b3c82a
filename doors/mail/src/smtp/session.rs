//! The server's half of an SMTP conversation, without a socket: commands in, replies and next steps out.
//!
//! ```text
//! Greeted -EHLO-> Ready -MAIL-> Open -RCPT-> Open -DATA-> Receiving -end-> Ready
//!    any -QUIT/421-> Closed        Open -RSET/EHLO-> Ready
//! ```

use super::command::{BadCommand, Command, Origin, Recipient};
use super::reply::Reply;

/// Bounds of one session, each of which exists so that a stranger costs a known amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest message in bytes; offered as SIZE. KIM demands at least 35,882,577.
    pub message_bytes_max: u64,
    /// Recipients per message. RFC 5321 section 4.5.3.1.8 demands at least 100.
    pub recipients_max: usize,
    /// Commands in one session. Honest servers reuse a session for a few thousand messages.
    pub commands_max: u32,
    /// Faulty commands in one session.
    pub faults_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 36_700_160,
            recipients_max: 100,
            commands_max: 1_000_000,
            faults_max: 20,
        }
    }
}

/// What the session must ask others: who is known here, and what the doors say. Answers are looked at afresh each
/// time; nothing is remembered.
pub trait Desk {
    /// Whether a recipient is known.
    fn recipient(&self, recipient: &Recipient) -> Known;
    /// Whether the message could be taken now.
    fn takes(&self, transaction: &Transaction) -> Takes;
}

/// What is known of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has a cell here.
    Routed,
    /// It has none, and every door is open, so that this can be said for good.
    Never,
    /// It has none, but not everything is open: nothing is said for good.
    NotNow,
}

/// Whether a message can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// Yes, by some cell.
    Some,
    /// All are Shut.
    Shut,
    /// Some cell is not Shut, but the store would refuse; in these words.
    Refused(Reply),
}

/// One message being handed in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// MAIL FROM.
    pub origin: Origin,
    /// RCPT TO, in order.
    pub recipients: Vec<Recipient>,
    /// Recipients that were put off, not refused: what follows must not become final by their absence.
    pub put_off: u32,
}

/// Where the conversation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Greeting sent, no EHLO yet.
    Greeted,
    /// Between messages.
    Ready,
    /// MAIL was accepted.
    Open(Transaction),
    /// 354 was sent.
    Receiving(Transaction),
    /// Over.
    Closed,
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A line came in.
    Line(&'a [u8]),
    /// A line end that is none, or an endless line.
    Garbage,
    /// The message in DATA has ended or was abandoned; the session goes on with the next one.
    BodyOver,
    /// The position of all that matters here is Shut, or the front is being stopped.
    CutOff,
    /// Nothing came for too long, or the session is too old.
    Late,
}

/// What to do after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Read the next line.
    Read,
    /// Read a message body.
    ReadBody,
    /// Send what is waiting and close.
    Close,
}

/// A step: perhaps a reply, and what to do then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The reply, if one is due.
    pub reply: Option<Reply>,
    /// What to do.
    pub then: Then,
}

/// All SHUT refusals of a message. Temporary by construction.
pub const SHUT: Reply = Reply::fixed(
    451,
    "4.3.2 Annahme voruebergehend geschlossen, bitte spaeter erneut / intake is shut for now, try again later",
);
/// What a session that is cut hears.
pub const CUT: Reply = Reply::fixed(
    421,
    "4.3.2 Verbindung wird getrennt, bitte spaeter erneut / connection is being cut, try again later",
);
/// What a message over the bound hears.
pub const OVERSIZED: Reply = Reply::fixed(552, "5.3.4 Nachricht zu gross / message is too large");
/// What a stream with bare CR or LF hears.
pub const BARE_NEWLINE: Reply = Reply::fixed(521, "5.5.2 Zeilenende ohne CRLF / line end is not CRLF");
const LATE: Reply = Reply::fixed(421, "4.4.2 Zeit abgelaufen / timed out");
const ORDER: Reply = Reply::fixed(503, "5.5.1 Befehl zur falschen Zeit / bad sequence of commands");
const OK: Reply = Reply::fixed(250, "2.0.0 OK");

/// The conversation.
#[derive(Debug)]
pub struct Session {
    state: State,
    limits: Limits,
    ehlo: std::sync::Arc<str>,
    commands: u32,
    faults: u32,
}

impl Session {
    /// Begins with a greeting. `ehlo` is the ready text of the EHLO reply, see [`ehlo`]; it is shared by all sessions.
    #[must_use]
    pub fn new(limits: Limits, ehlo: std::sync::Arc<str>) -> Self {
        Self {
            state: State::Greeted,
            limits,
            ehlo,
            commands: 0,
            faults: 0,
        }
    }

    /// Where the conversation stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Takes the transaction out of a session that is receiving, for whoever stores the message.
    pub fn transaction(&mut self) -> Transaction {
        match &mut self.state {
            State::Receiving(transaction) => std::mem::take(transaction),
            State::Greeted | State::Ready | State::Open(_) | State::Closed => Transaction::default(),
        }
    }

    /// Moves the conversation.
    pub fn on(&mut self, event: Event<'_>, desk: &dyn Desk) -> Step {
        let state = std::mem::replace(&mut self.state, State::Closed);
        let (state, step) = self.next(state, event, desk);
        self.state = state;
        step
    }

    fn next(&mut self, state: State, event: Event<'_>, desk: &dyn Desk) -> (State, Step) {
        match (state, event) {
            (State::Closed, _) => (
                State::Closed,
                Step {
                    reply: None,
                    then: Then::Close,
                },
            ),
            (_, Event::Late) => closing(LATE),
            (_, Event::CutOff) => closing(CUT),
            (_, Event::Garbage) => closing(BARE_NEWLINE),
            (State::Receiving(_), Event::BodyOver) => (
                State::Ready,
                Step {
                    reply: None,
                    then: Then::Read,
                },
            ),
            (state @ (State::Greeted | State::Ready | State::Open(_)), Event::BodyOver) => (
                state,
                Step {
                    reply: None,
                    then: Then::Read,
                },
            ),
            (State::Receiving(_), Event::Line(_)) => closing(ORDER),
            (state @ (State::Greeted | State::Ready | State::Open(_)), Event::Line(line)) => {
                self.commands = self.commands.saturating_add(1);
                if self.commands > self.limits.commands_max {
                    return closing(Reply::fixed(
                        421,
                        "4.7.0 Sitzung zu lang, bitte neu verbinden / too many commands, reconnect",
                    ));
                }
                match Command::read(line) {
                    Ok(command) => self.command(state, command, desk),
                    Err(bad) => self.fault(state, faulty(bad)),
                }
            }
        }
    }

    fn command(&mut self, state: State, command: Command, desk: &dyn Desk) -> (State, Step) {
        match (state, command) {
            (_, Command::Quit) => closing(Reply::fixed(221, "2.0.0 Bye")),
            (_, Command::Ehlo) => saying(State::Ready, Reply::made(250, self.ehlo.to_string())),
            (_, Command::Helo) => saying(State::Ready, Reply::fixed(250, "bulkhead")),
            (State::Greeted, Command::Rset) => saying(State::Greeted, OK),
            (State::Ready | State::Open(_) | State::Receiving(_) | State::Closed, Command::Rset) => {
                saying(State::Ready, OK)
            }
            (state, Command::Noop) => saying(state, OK),
            (state, Command::Vrfy) => saying(
                state,
                Reply::fixed(252, "2.5.0 Keine Auskunft / cannot VRFY, send some mail"),
            ),
            (state, Command::Auth(..)) => self.fault(
                state,
                Reply::fixed(
                    502,
                    "5.5.1 Anmeldung wird hier nicht angeboten / AUTH is not offered here",
                ),
            ),
            (State::Ready, Command::Mail(origin)) => self.mail(origin),
            (State::Open(transaction), Command::Rcpt(recipient)) => self.rcpt(transaction, recipient, desk),
            (State::Open(transaction), Command::Data) => self.data(transaction, desk),
            (state, Command::Mail(_) | Command::Rcpt(_) | Command::Data) => self.fault(state, ORDER),
        }
    }

    fn mail(&self, origin: Origin) -> (State, Step) {
        if origin
            .size
            .is_some_and(|size| size > self.limits.message_bytes_max)
        {
            return saying(State::Ready, OVERSIZED);
        }
        saying(
            State::Open(Transaction {
                origin,
                ..Transaction::default()
            }),
            Reply::fixed(250, "2.1.0 OK"),
        )
    }

    fn rcpt(&self, mut transaction: Transaction, recipient: Recipient, desk: &dyn Desk) -> (State, Step) {
        if transaction.recipients.len() >= self.limits.recipients_max {
            let reply = Reply::fixed(
                452,
                "4.5.3 Zu viele Empfaenger in einer Nachricht / too many recipients",
            );
            return saying(State::Open(transaction), reply);
        }
        let reply = match desk.recipient(&recipient) {
            Known::Routed => {
                transaction.recipients.push(recipient);
                Reply::fixed(250, "2.1.5 OK")
            }
            Known::Never => Reply::fixed(550, "5.1.1 Postfach hier unbekannt / no such mailbox here"),
            Known::NotNow => {
                transaction.put_off = transaction.put_off.saturating_add(1);
                Reply::fixed(
                    450,
                    "4.1.1 Postfach derzeit nicht pruefbar / mailbox cannot be checked now",
                )
            }
        };
        saying(State::Open(transaction), reply)
    }

    fn data(&mut self, transaction: Transaction, desk: &dyn Desk) -> (State, Step) {
        if transaction.recipients.is_empty() && transaction.put_off > 0 {
            return saying(State::Ready, SHUT);
        }
        if transaction.recipients.is_empty() {
            // RFC 5321 section 3.3: every RCPT was refused, or none was given.
            return self.fault(
                State::Open(transaction),
                Reply::fixed(554, "5.5.1 Kein gueltiger Empfaenger / no valid recipients"),
            );
        }
        match desk.takes(&transaction) {
            Takes::Some => {}
            Takes::Shut => return saying(State::Ready, SHUT),
            Takes::Refused(reply) => return saying(State::Ready, reply),
        }
        let reply = Some(Reply::fixed(354, "End data with <CR><LF>.<CR><LF>"));
        (
            State::Receiving(transaction),
            Step {
                reply,
                then: Then::ReadBody,
            },
        )
    }

    fn fault(&mut self, state: State, reply: Reply) -> (State, Step) {
        self.faults = self.faults.saturating_add(1);
        if self.faults > self.limits.faults_max {
            return closing(Reply::fixed(421, "4.7.0 Zu viele Fehler / too many errors"));
        }
        saying(state, reply)
    }
}

/// The words of a fault.
fn faulty(bad: BadCommand) -> Reply {
    match bad {
        BadCommand::Unknown => Reply::fixed(500, "5.5.2 Unbekannter Befehl / unknown command"),
        BadCommand::NotOffered => {
            Reply::fixed(502, "5.5.1 Befehl wird nicht angeboten / command not offered")
        }
        BadCommand::Syntax => Reply::fixed(501, "5.5.4 Fehler in der Form / syntax error"),
        BadCommand::Parameter => Reply::fixed(555, "5.5.4 Unbekannter Parameter / unknown parameter"),
        BadCommand::Value => Reply::fixed(501, "5.5.4 Falscher Wert eines Parameters / bad parameter value"),
        BadCommand::Path(_) => Reply::fixed(501, "5.1.3 Keine gueltige Adresse / bad address"),
    }
}

/// The text of an EHLO reply (RFC 5321 section 4.1.1.1).
#[must_use]
pub fn ehlo(host: &str, limits: Limits) -> String {
    let size = limits.message_bytes_max;
    format!("{host}\nSIZE {size}\nPIPELINING\n8BITMIME\nENHANCEDSTATUSCODES\nDSN")
}

fn saying(state: State, reply: Reply) -> (State, Step) {
    (
        state,
        Step {
            reply: Some(reply),
            then: Then::Read,
        },
    )
}

fn closing(reply: Reply) -> (State, Step) {
    (
        State::Closed,
        Step {
            reply: Some(reply),
            then: Then::Close,
        },
    )
}

#[cfg(test)]
mod tests;
