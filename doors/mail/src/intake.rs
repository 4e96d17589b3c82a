//! The intake front: one session with another server. Nothing is acknowledged before it is durable; nothing is refused
//! for good because of a position.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use vocabulary::{CellId, Flow, Position, Timestamp};

use crate::{
    board::Board,
    config::{Connections, DsnWhileHeld},
    event::{Event, Events, Front, Reason},
    listen::{Ending, Serve, ended},
    minutes::Minutes,
    outbox::Outbox,
    promises::{Said, mail_1},
    recut::Badge,
    route::Routes,
    smtp::{
        command::Recipient,
        lines::{self, Cut},
        reply::Reply,
        session::{self, Desk, Known, Limits, Session, State, Step, Takes, Then, Transaction},
    },
    tls::Peer,
    wire::{Stream, Wire},
};

mod message;

/// Reads the wall clock of the shell.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// All that intake sessions share.
pub(crate) struct Intake {
    pub(crate) routes: Arc<Routes>,
    pub(crate) board: Board,
    pub(crate) spool: Arc<spool::Spool>,
    pub(crate) events: Arc<Events>,
    pub(crate) limits: Limits,
    pub(crate) bounds: Connections,
    pub(crate) ehlo: Arc<str>,
    pub(crate) greeting: Reply,
    pub(crate) dsn_while_held: DsnWhileHeld,
    pub(crate) outbox: Option<Arc<Outbox>>,
    pub(crate) minutes: Arc<Minutes>,
    pub(crate) clock: Clock,
    /// Set once a promise was about to be broken, so that it is told once and loudly.
    pub(crate) alarmed: AtomicBool,
}

/// How long a peer may take to hear the last words.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

const SYNC: Reply = Reply::fixed(
    503,
    "5.5.1 Daten vor der Freigabe gesendet / data sent before 354",
);
const LONG_LINE: Reply = Reply::fixed(500, "5.5.2 Zeile zu lang / line too long");

/// The desk as one peer finds it.
struct Counter<'a> {
    intake: &'a Intake,
    peer: &'a str,
}

impl Desk for Counter<'_> {
    fn recipient(&self, recipient: &Recipient) -> Known {
        let (routes, board) = (&self.intake.routes, &self.intake.board);
        self.intake
            .minutes
            .named(&recipient.to.mailbox(), (self.intake.clock)());
        if routes.knows(&recipient.to.mailbox()) {
            Known::Routed
        } else if board.all_open(routes.cells().iter()) {
            Known::Never
        } else {
            Known::NotNow
        }
    }

    fn takes(&self, transaction: &Transaction) -> Takes {
        let mut taken = Takes::Shut;
        for cell in self.intake.candidates(&transaction.recipients) {
            if self.intake.board.stores(&cell).is_none() {
                continue;
            }
            let bytes = transaction.origin.size.unwrap_or(0);
            match self.intake.spool.would_refuse(&cell, self.peer, bytes) {
                None => return Takes::Some,
                Some(refused) => taken = Takes::Refused(message::in_words(&refused)),
            }
        }
        taken
    }
}

impl Serve for Intake {
    const FRONT: Front = Front::Intake;

    async fn serve(&self, stream: Stream, peer: Peer, ending: watch::Receiver<Ending>, _badge: &Badge) {
        let mut talk = Talk {
            intake: self,
            wire: Wire::new(stream),
            session: Session::new(self.limits, Arc::clone(&self.ehlo)),
            peer: peer.name(),
            bell: self.board.bell(),
            ending,
            until: Instant::now() + self.bounds.session(),
        };
        // RFC 5321 section 3.1 lets a server greet with 421: the peer hears why and comes back.
        if talk.is_cut() {
            talk.refused(Reason::Position);
            talk.say(&session::CUT);
        } else {
            talk.say(&self.greeting);
            talk.run().await;
        }
        talk.wire.close(FAREWELL).await;
    }
}

/// One session.
struct Talk<'a> {
    intake: &'a Intake,
    wire: Wire,
    session: Session,
    peer: String,
    bell: watch::Receiver<u64>,
    ending: watch::Receiver<Ending>,
    until: Instant,
}

/// The session is over; what is to be said lies in the wire.
struct Over;

/// What waiting brought.
enum Waited {
    /// Bytes, or a change that does not matter here.
    GoOn,
    /// The peer is gone.
    Gone,
    /// Too long.
    Late,
    /// A position says: cut. Or the fronts end.
    Cut,
}

impl Talk<'_> {
    async fn run(&mut self) {
        loop {
            if self.lines().await.is_err() {
                return;
            }
            match self.wait(None).await {
                Waited::GoOn => {}
                Waited::Gone => return,
                Waited::Late => return self.end(session::Event::Late),
                Waited::Cut => return self.end(session::Event::CutOff),
            }
        }
    }

    /// Works through every whole line that is here; replies gather until more must be read (RFC 2920).
    async fn lines(&mut self) -> Result<(), Over> {
        loop {
            let (step, used) = match lines::cut(self.wire.unread()) {
                Cut::More => return Ok(()),
                Cut::Line(line, used) => {
                    let counter = Counter {
                        intake: self.intake,
                        peer: &self.peer,
                    };
                    (self.session.on(session::Event::Line(line), &counter), used)
                }
                Cut::BareNewline => (self.tell(session::Event::Garbage), 0),
                Cut::TooLong => {
                    self.refused(Reason::Protocol);
                    self.say(&LONG_LINE);
                    return Err(Over);
                }
            };
            self.wire.consume(used);
            if let Some(reply) = &step.reply {
                self.count(reply);
                self.say(reply);
            }
            match step.then {
                Then::Read => {}
                Then::Close => return Err(Over),
                Then::ReadBody if self.wire.unread().is_empty() => self.message().await?,
                // RFC 2920 section 3.1: whoever sends on without waiting for 354 may be somebody else's bytes.
                Then::ReadBody => {
                    self.refused(Reason::Protocol);
                    self.wire.out().clear();
                    self.say(&SYNC);
                    return Err(Over);
                }
            }
        }
    }

    /// Sends what waits and reads once; watches the doors, the end and the clock meanwhile. With `cells`, only those
    /// doors matter.
    async fn wait(&mut self, cells: Option<&[CellId]>) -> Waited {
        let now = Instant::now();
        let late = self
            .until
            .min(now + self.intake.bounds.idle())
            .saturating_duration_since(now);
        if late.is_zero() {
            return Waited::Late;
        }
        let (wire, bell, ending) = (&mut self.wire, &mut self.bell, &mut self.ending);
        // Looked at first, so that a flood of bytes cannot hide a change.
        if bell.has_changed().unwrap_or(true) {
            bell.mark_unchanged();
            return if self.cut_for(cells) {
                Waited::Cut
            } else {
                Waited::GoOn
            };
        }
        let finishes = cells.is_some();
        let happened = timeout(late, async {
            // Sending is inside: a peer that does not listen can be cut like any other.
            let exchange = async {
                wire.flush().await?;
                wire.fill().await
            };
            tokio::select! {
                biased;
                read = exchange => read.map(|count| if count == 0 { Waited::Gone } else { Waited::GoOn }),
                _ = bell.changed() => Ok(Waited::Cut),
                () = ended(ending), if !finishes => Ok(Waited::Cut),
            }
        })
        .await;
        match happened {
            Ok(Ok(Waited::Cut)) => {
                let ending = *self.ending.borrow() == Ending::Draining && !finishes;
                if ending || self.cut_for(cells) {
                    Waited::Cut
                } else {
                    Waited::GoOn
                }
            }
            Ok(Ok(waited)) => waited,
            Ok(Err(_)) => Waited::Gone,
            Err(_) => Waited::Late,
        }
    }

    fn cut_for(&self, cells: Option<&[CellId]>) -> bool {
        match cells {
            Some(cells) => !cells.iter().any(|cell| self.intake.board.stores(cell).is_some()),
            None => self.is_cut(),
        }
    }

    /// Whether the doors cut this session where it stands.
    fn is_cut(&self) -> bool {
        match self.session.state() {
            State::Open(transaction) if !transaction.recipients.is_empty() => !self
                .intake
                .candidates(&transaction.recipients)
                .iter()
                .any(|cell| self.intake.board.stores(cell).is_some()),
            State::Greeted | State::Ready | State::Open(_) | State::Receiving(_) | State::Closed => {
                self.intake.board.cuts_everyone()
            }
        }
    }

    fn end(&mut self, event: session::Event<'_>) {
        match event {
            session::Event::CutOff => self.intake.events.tell(Event::Cut { front: Front::Intake }),
            session::Event::Late => self.refused(Reason::Late),
            session::Event::Line(_) | session::Event::Garbage | session::Event::BodyOver => {}
        }
        if let Some(reply) = self.tell(event).reply {
            self.say(&reply);
        }
    }

    fn tell(&mut self, event: session::Event<'_>) -> Step {
        self.session.on(
            event,
            &Counter {
                intake: self.intake,
                peer: &self.peer,
            },
        )
    }

    fn refused(&self, reason: Reason) {
        self.intake.events.tell(Event::Refused {
            front: Front::Intake,
            reason,
        });
    }

    fn count(&self, reply: &Reply) {
        match reply.code {
            450 | 550 => self.refused(Reason::Unknown),
            451 if *reply == session::SHUT => self.refused(Reason::Position),
            451 => self.refused(Reason::Store),
            452 if reply.text.starts_with("4.3.1") => self.refused(Reason::Store),
            552 => self.refused(Reason::Oversized),
            500..=503 | 521 | 554 | 555 => self.refused(Reason::Protocol),
            _ => {}
        }
    }

    /// The one place where this front speaks. A reply that would break MAIL-1 is a defect: the peer hears a temporary
    /// one instead, and the defect is counted.
    fn say(&mut self, reply: &Reply) {
        if reply.is_permanent() {
            let enhanced = reply.text.split(' ').next().unwrap_or_default().to_owned();
            let tightest = self.intake.board.tightest();
            if let Err(broken) = mail_1(
                &Said::Smtp {
                    code: reply.code,
                    enhanced,
                },
                tightest,
            ) {
                self.intake.events.promise_broken();
                if !self
                    .intake
                    .alarmed
                    .swap(true, std::sync::atomic::Ordering::Relaxed)
                {
                    tracing::error!(%broken, "a reply was replaced");
                }
                session::SHUT.write(self.wire.out());
                return;
            }
        }
        reply.write(self.wire.out());
    }
}

/// Whether intake of a cell passes on at once, so that the regular server answers for notifications.
pub(crate) fn is_open(board: &Board, cell: &CellId) -> bool {
    board
        .gate(cell)
        .is_some_and(|gate| gate.view().position == Position::Open && gate.pass(Flow::Intake).is_ok())
}
