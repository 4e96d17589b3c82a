//! One connection to a server behind us, and one hand-over on it.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    smtp::{
        body::Stuffer,
        client::{Outcome, offers, outcome, recipients},
        command::{Notify, Origin, Recipient},
        onward::Offers,
        reply::{Heard, hear},
    },
    tls::Dialer,
    wire::Wire,
};

/// Why a server could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The connection failed. The kind of failure only: the system's words may carry addresses.
    #[error("connection failed ({})", .0.kind())]
    Io(#[from] std::io::Error),
    /// What came back is no SMTP.
    #[error("{0}")]
    Reply(#[from] crate::smtp::reply::BadReply),
    /// No answer in time.
    #[error("no answer in time")]
    Late,
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// It answered, but not with yes.
    #[error("answered {0}")]
    Refused(String),
}

/// How a hand-over ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handed {
    /// The server took responsibility.
    Taken(String),
    /// Not now.
    Later(String),
    /// Never, it says.
    Never(String),
    /// The final dot went out and no answer came back.
    InDoubt(String),
    /// The right to hand on ended before the final dot; the server has nothing.
    Stopped,
    /// The stored message cannot be read; the server has nothing.
    Unreadable,
}

/// The right to hand on, asked again and again, and the step right before the final dot.
pub(crate) trait BeforeDot: Send {
    /// Whether handing on is still allowed.
    fn may(&self) -> bool;
    /// Makes it durable that the item is in doubt from here. `false` stops the hand-over.
    fn mark(&mut self) -> impl Future<Output = bool> + Send;
}

/// A message of our own, which no door stops and no store keeps.
impl BeforeDot for () {
    fn may(&self) -> bool {
        true
    }
    async fn mark(&mut self) -> bool {
        true
    }
}

/// What is handed over.
pub(crate) struct Letter<'a> {
    pub(crate) origin: &'a Origin,
    /// Recipients with the NOTIFY to pass on.
    pub(crate) recipients: &'a [(Recipient, Option<Notify>)],
    /// Header lines put before the message.
    pub(crate) trace: &'a [String],
    pub(crate) message: &'a mut (dyn std::io::Read + Send + Sync),
    /// Its length.
    pub(crate) bytes: u64,
}

/// A connection after EHLO.
pub(crate) struct Client {
    wire: Wire,
    /// What the server offers.
    pub(crate) offers: Offers,
    /// Whether nothing was handed over on it yet.
    pub(crate) fresh: bool,
    within: Duration,
}

/// Bytes handed to the connection at once, so that a change of position is noticed in between.
const PIECE: usize = 64 * 1024;

impl Client {
    /// Connects and says EHLO (HELO to a server that knows no more).
    pub(crate) async fn connect(dialer: &Dialer, host: &str, within: Duration) -> Result<Self, Error> {
        let wire = Wire::new(dialer.dial().await?);
        let mut client = Self {
            wire,
            offers: Offers::default(),
            fresh: true,
            within,
        };
        client.expect(2).await?;
        client.line(&format!("EHLO {host}"));
        let heard = client.answer().await?;
        if heard.code / 100 == 2 {
            client.offers = offers(&heard);
        } else {
            client.line(&format!("HELO {host}"));
            client.expect(2).await?;
        }
        Ok(client)
    }

    fn line(&mut self, text: &str) {
        self.wire.out().extend_from_slice(text.as_bytes());
        self.wire.out().extend_from_slice(b"\r\n");
    }

    async fn answer(&mut self) -> Result<Heard, Error> {
        let (wire, within) = (&mut self.wire, self.within);
        let heard = async {
            wire.flush().await?;
            loop {
                if let Some((heard, used)) = hear(wire.unread())? {
                    wire.consume(used);
                    return Ok(heard);
                }
                if wire.fill().await? == 0 {
                    return Err(Error::Closed);
                }
            }
        };
        timeout(within, heard).await.map_err(|_| Error::Late)?
    }

    async fn expect(&mut self, class: u16) -> Result<Heard, Error> {
        let heard = self.answer().await?;
        if heard.code / 100 == class {
            Ok(heard)
        } else {
            Err(Error::Refused(heard.brief()))
        }
    }

    /// Hands over one message, whole or not at all. Gives the connection back when it can be used again.
    pub(crate) async fn hand(
        mut self,
        letter: Letter<'_>,
        before_dot: &mut impl BeforeDot,
    ) -> (Option<Self>, Handed) {
        if !before_dot.may() {
            return (Some(self), Handed::Stopped);
        }
        match self.envelope(&letter).await {
            Ok(Outcome::Taken(_)) => {}
            Ok(refused) => {
                let handed = match refused {
                    Outcome::Never(answer) => Handed::Never(answer),
                    Outcome::Later(answer) | Outcome::Taken(answer) => Handed::Later(answer),
                };
                return (self.reset().await, handed);
            }
            Err(error) => return (None, Handed::Later(error.to_string())),
        }
        self.body(letter, before_dot).await
    }

    /// MAIL, RCPT and DATA, pipelined where offered (RFC 2920).
    async fn envelope(&mut self, letter: &Letter<'_>) -> Result<Outcome, Error> {
        let offers = self.offers;
        self.line(&letter.origin.line(letter.bytes, offers));
        if !offers.pipelining {
            let heard = self.answer().await?;
            if heard.code / 100 != 2 {
                return Ok(outcome(&heard));
            }
        }
        let mut answers = Vec::with_capacity(letter.recipients.len());
        for (recipient, notify) in letter.recipients {
            self.line(&recipient.line(*notify, offers));
            if !offers.pipelining {
                answers.push(self.answer().await?);
            }
        }
        if offers.pipelining {
            // DATA is not pipelined: with one recipient refused, nothing may follow.
            let heard = self.answer().await?;
            for _ in letter.recipients {
                answers.push(self.answer().await?);
            }
            if heard.code / 100 != 2 {
                return Ok(outcome(&heard));
            }
        }
        match recipients(&answers) {
            Outcome::Taken(_) => {}
            refused @ (Outcome::Later(_) | Outcome::Never(_)) => return Ok(refused),
        }
        self.line("DATA");
        let heard = self.answer().await?;
        if heard.code == 354 {
            Ok(Outcome::Taken(String::new()))
        } else {
            Ok(outcome(&heard))
        }
    }

    async fn body(mut self, letter: Letter<'_>, before_dot: &mut impl BeforeDot) -> (Option<Self>, Handed) {
        let mut stuffer = Stuffer::default();
        for line in letter.trace {
            self.line(line);
        }
        let mut piece = vec![0; PIECE];
        loop {
            if !before_dot.may() {
                // Without its dot the message is nothing to the server; the connection cannot be used again.
                return (None, Handed::Stopped);
            }
            let count = match letter.message.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(_) => return (None, Handed::Unreadable),
            };
            stuffer.write(piece.get(..count).unwrap_or_default(), self.wire.out());
            match timeout(self.within, self.wire.flush()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return (None, Handed::Later(Error::Io(error).to_string())),
                Err(_) => return (None, Handed::Later(Error::Late.to_string())),
            }
        }
        drop(piece);
        stuffer.end(self.wire.out());
        if !before_dot.may() || !before_dot.mark().await || !before_dot.may() {
            return (None, Handed::Stopped);
        }
        self.wire.out().extend_from_slice(b".\r\n");
        match self.answer().await {
            Ok(heard) => match outcome(&heard) {
                Outcome::Taken(answer) => (Some(self), Handed::Taken(answer)),
                Outcome::Later(answer) => (self.usable(heard.code), Handed::Later(answer)),
                Outcome::Never(answer) => (self.usable(heard.code), Handed::Never(answer)),
            },
            Err(error) => (None, Handed::InDoubt(error.to_string())),
        }
    }

    fn usable(self, code: u16) -> Option<Self> {
        (code != 421).then_some(self)
    }

    async fn reset(mut self) -> Option<Self> {
        self.line("RSET");
        self.expect(2).await.ok().map(|_| self)
    }

    /// Logs in by AUTH PLAIN (RFC 4954); the answer decides.
    pub(crate) async fn auth_plain(&mut self, response: &str) -> Result<Heard, Error> {
        self.line(&format!("AUTH PLAIN {response}"));
        self.answer().await
    }

    /// The bare connection, for passing a session through.
    pub(crate) fn into_wire(self) -> Wire {
        self.wire
    }

    /// Says goodbye, if the server listens.
    pub(crate) async fn quit(mut self) {
        self.line("QUIT");
        self.wire.close(Duration::from_secs(1)).await;
    }
}
