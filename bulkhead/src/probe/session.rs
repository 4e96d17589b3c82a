//! One attempt to get through one door: sessions that were open before, and new ones, at all three fronts.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use vocabulary::Position;
use zeroize::Zeroizing;

use super::{
    intake::{self, HandIn},
    line::Line,
};
use crate::tls;

/// The three fronts of a door process.
#[derive(Clone)]
pub(super) struct Fronts {
    pub(super) fetch: SocketAddr,
    pub(super) submission: SocketAddr,
    pub(super) intake: SocketAddr,
    pub(super) tls: Option<tls::Connector>,
}

/// How long a door is left alone that stands as it stood. Old sessions are asked this often whether they still live,
/// well below the five minutes after which a front ends a silent one: one that is called old answered not long before.
/// A closed door is tried this often again, so that a way opened behind us is found.
pub(super) const KEPT: Duration = Duration::from_secs(30);

/// Sessions of a mailbox that were logged in while all its doors were Open. They are no single door's: a front lets a
/// mailbox fetch and send only while every one of its doors passes, and cuts when one of them closes.
#[derive(Default)]
pub(super) struct LoggedIn {
    fetch: Option<Line>,
    submission: Option<Line>,
}

impl LoggedIn {
    pub(super) const fn is_whole(&self) -> bool {
        self.fetch.is_some() && self.submission.is_some()
    }
}

/// The intake session that was opened while the door was Open, and what the door's sessions showed since.
#[derive(Default)]
pub(super) struct Standing {
    intake: Option<Line>,
    /// Mail was taken through the old intake session of a shut door. The session is used up, so this is not found again;
    /// it holds until the door is Open.
    taken: Option<String>,
    asked: Option<Instant>,
}

impl Standing {
    /// Whether the door needs no new attempt at this position; `logged_in` says whether its mailbox is.
    pub(super) fn is_settled(&self, position: Position, logged_in: bool, now: Instant) -> bool {
        let recent = self
            .asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < KEPT);
        recent && ((logged_in && self.intake.is_some()) || position != Position::Open)
    }
}

/// What is expected of a mailbox: what the doors that are tried now say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// Every one of them is Open.
    Passes,
    /// At least one is closed, so the whole mailbox is turned away, or one is in limited operation, which stops some of it.
    /// What is not stopped is not vouched for either: another door of the mailbox may stop it.
    TurnedAway {
        /// Fetching must not pass.
        fetch: bool,
        /// Sending must not pass.
        send: bool,
    },
}

/// What trying a mailbox's logins showed.
pub(super) struct Logins {
    /// What is wrong for doors closed to fetching: what got through.
    pub(super) fetched: Vec<String>,
    /// What is wrong for doors closed to sending: what got through.
    pub(super) sent: Vec<String>,
    /// What is wrong for its open doors: what was turned away.
    pub(super) open: Vec<String>,
    /// Old sessions that were tested.
    pub(super) old_sessions: u32,
    pub(super) kept: LoggedIn,
}

/// One attempt to log in.
pub(super) struct Account {
    pub(super) fronts: Fronts,
    pub(super) mailbox: String,
    pub(super) password: Zeroizing<String>,
}

/// One attempt to hand a mail of one door in.
pub(super) struct Attempt {
    pub(super) fronts: Fronts,
    pub(super) mailbox: String,
    /// The service mark that makes a mail to this mailbox a mail of this door; none when a mail without one is.
    pub(super) mark: Option<String>,
    pub(super) position: Position,
}

/// How a login went.
enum Login {
    In(Line),
    Out(String),
}

impl Login {
    fn into_line(self) -> Option<Line> {
        match self {
            Self::In(line) => Some(line),
            Self::Out(_) => None,
        }
    }
}

/// What trying intake showed.
pub(super) struct Intake {
    /// What is wrong.
    pub(super) failures: Vec<String>,
    /// What of it got through although it must not.
    pub(super) leaks: Vec<String>,
    /// Old sessions that were tested.
    pub(super) old_sessions: u32,
    pub(super) kept: Standing,
}

impl Attempt {
    /// Tries intake; what got through or did not work, how many old sessions were tested, and what is kept open.
    pub(super) async fn make(&self, old: Standing) -> Intake {
        match self.position {
            Position::Open => self.through_open(old).await,
            // Sessions may finish: nothing is proven before they had their time.
            Position::Draining => Intake {
                failures: vec!["läuft noch aus / still draining".to_owned()],
                leaks: Vec::new(),
                old_sessions: 0,
                kept: old,
            },
            Position::Held | Position::Shut | Position::Islanded => self.against_closed(old).await,
        }
    }

    /// Opens what is missing or asks it whether it lives; a session that a server ended is opened again.
    async fn through_open(&self, old: Standing) -> Intake {
        let mut failures = Vec::new();
        let intake = match alive(old.intake, |answer| answer.starts_with('2')).await {
            Some(line) => Some(line),
            None => match self.greeted().await {
                Login::In(line) => Some(line),
                Login::Out(words) => {
                    failures.push(format!("intake: {words}"));
                    None
                }
            },
        };
        let kept = Standing {
            intake,
            taken: None,
            asked: Some(Instant::now()),
        };
        Intake {
            failures,
            leaks: Vec::new(),
            old_sessions: 0,
            kept,
        }
    }

    async fn against_closed(&self, old: Standing) -> Intake {
        let mut failures = Vec::new();
        let mut leaks = Vec::new();
        let mut tested = 0;
        let mut kept = Standing {
            taken: old.taken,
            ..Standing::default()
        };
        if let Some(line) = old.intake {
            tested += 1;
            let found = intake::hand_in(line, &self.mailbox, self.mark.as_deref()).await;
            let wrong = found.wrong_in_old(self.position);
            if found == HandIn::Taken {
                kept.taken = wrong;
            } else {
                failures.extend(wrong);
            }
        }
        leaks.extend(kept.taken.clone());
        failures.extend(kept.taken.clone());
        let found = self.intake().await;
        let wrong = found.wrong_in_new(self.position);
        // Whatever else it answers, only mail that is taken gets through, and only where none may be.
        if found == HandIn::Taken {
            leaks.extend(wrong.clone());
        }
        failures.extend(wrong);
        kept.asked = Some(Instant::now());
        Intake {
            failures,
            leaks,
            old_sessions: tested,
            kept,
        }
    }

    /// A new session at intake, greeted and ready for mail.
    async fn greeted(&self) -> Login {
        intake::greet(self.fronts.intake, self.fronts.tls.as_ref())
            .await
            .map_or_else(|found| Login::Out(found.to_string()), Login::In)
    }

    async fn intake(&self) -> HandIn {
        match intake::greet(self.fronts.intake, self.fronts.tls.as_ref()).await {
            Ok(line) => intake::hand_in(line, &self.mailbox, self.mark.as_deref()).await,
            Err(found) => found,
        }
    }
}

impl Account {
    /// Tries both fronts that ask for a login, in sessions that were open before and on new connections.
    pub(super) async fn try_logins(&self, old: LoggedIn, expected: Expected) -> Logins {
        match expected {
            Expected::Passes => self.through_open(old).await,
            Expected::TurnedAway { fetch, send } => self.against_closed(old, fetch, send).await,
        }
    }

    /// Opens what is missing and asks the rest whether it lives; a session that a server ended is opened again.
    async fn through_open(&self, old: LoggedIn) -> Logins {
        let mut open = Vec::new();
        let mut keep = |name: &str, login: Login| match login {
            Login::In(line) => Some(line),
            Login::Out(words) => {
                open.push(format!("{name}: {words}"));
                None
            }
        };
        let fetch = match alive(old.fetch, |answer| answer.starts_with("+OK")).await {
            Some(line) => Some(line),
            None => keep("fetch", self.fetch().await),
        };
        let submission = match alive(old.submission, |answer| answer.starts_with('2')).await {
            Some(line) => Some(line),
            None => keep("submission", self.submission().await),
        };
        Logins {
            fetched: Vec::new(),
            sent: Vec::new(),
            open,
            old_sessions: 0,
            kept: LoggedIn { fetch, submission },
        }
    }

    async fn against_closed(&self, old: LoggedIn, fetch: bool, send: bool) -> Logins {
        let mut found = Logins {
            fetched: Vec::new(),
            sent: Vec::new(),
            open: Vec::new(),
            old_sessions: 0,
            kept: LoggedIn::default(),
        };
        if fetch {
            self.against_fetch(old.fetch, &mut found).await;
        } else {
            // Kept, so that the end of what is granted is proven in a session that was open before.
            found.kept.fetch = match alive(old.fetch, |answer| answer.starts_with("+OK")).await {
                Some(line) => Some(line),
                None => self.fetch().await.into_line(),
            };
        }
        if send {
            self.against_submission(old.submission, &mut found).await;
        } else {
            found.kept.submission = match alive(old.submission, |answer| answer.starts_with('2')).await {
                Some(line) => Some(line),
                None => self.submission().await.into_line(),
            };
        }
        found
    }

    async fn against_fetch(&self, old: Option<Line>, found: &mut Logins) {
        // A session that lives is kept and asked again: giving it up would end it, and prove nothing.
        if let Some(mut line) = old {
            found.old_sessions += 1;
            // What was written before the cut may still be read; then the connection must be over.
            if still_answers(&mut line, "NOOP", |answer| answer.starts_with("+OK")).await {
                let words = "alte Abholung lebt / old fetch session lives";
                found.fetched.push(words.to_owned());
                found.kept.fetch = Some(line);
            }
        }
        match self.fetch().await {
            Login::In(_) => {
                let words = "neue Abholung gelingt / new fetch login succeeds";
                found.fetched.push(words.to_owned());
            }
            Login::Out(words) => found.open.push(format!("fetch: {words}")),
        }
    }

    async fn against_submission(&self, old: Option<Line>, found: &mut Logins) {
        if let Some(mut line) = old {
            found.old_sessions += 1;
            if still_answers(&mut line, "NOOP", |answer| answer.starts_with('2')).await {
                let words = "alter Versand lebt / old submission session lives";
                found.sent.push(words.to_owned());
                found.kept.submission = Some(line);
            }
        }
        match self.submission().await {
            Login::In(_) => {
                let words = "neuer Versand gelingt / new submission login succeeds";
                found.sent.push(words.to_owned());
            }
            Login::Out(words) => found.open.push(format!("submission: {words}")),
        }
    }

    async fn fetch(&self) -> Login {
        let talk = async {
            let mut line = Line::connect(self.fronts.fetch, self.fronts.tls.as_ref()).await?;
            for command in [
                None,
                Some(format!("USER {}", self.mailbox)),
                Some(format!("PASS {}", *self.password)),
            ] {
                if let Some(command) = command {
                    line.say(&command).await?;
                }
                match line.hear().await? {
                    Some(answer) if answer.starts_with("+OK") => {}
                    other => return Ok(Login::Out(other.unwrap_or_else(|| "EOF".to_owned()))),
                }
            }
            Ok(Login::In(line))
        };
        talk.await
            .unwrap_or_else(|error: std::io::Error| Login::Out(error.to_string()))
    }

    async fn submission(&self) -> Login {
        let plain = STANDARD.encode(format!("\0{}\0{}", self.mailbox, *self.password));
        let talk = async {
            let mut line = Line::connect(self.fronts.submission, self.fronts.tls.as_ref()).await?;
            let greeting = line.reply().await?;
            let hello = match greeting {
                Some((220, _)) => line.ask("EHLO probe.bulkhead.internal").await?,
                other => return Ok(Login::Out(words(other))),
            };
            match hello {
                Some((250, _)) => {}
                other => return Ok(Login::Out(words(other))),
            }
            match line.ask(&format!("AUTH PLAIN {plain}")).await? {
                Some((235, _)) => Ok(Login::In(line)),
                other => Ok(Login::Out(words(other))),
            }
        };
        talk.await
            .unwrap_or_else(|error: std::io::Error| Login::Out(error.to_string()))
    }
}

fn words(answer: Option<(u16, String)>) -> String {
    answer.map_or_else(|| "EOF".to_owned(), |(_, line)| line)
}

/// Gives a session back that still answers.
async fn alive(line: Option<Line>, good: impl Fn(&str) -> bool) -> Option<Line> {
    let mut line = line?;
    line.say("NOOP").await.ok()?;
    let answer = line.hear().await.ok()??;
    good(&answer).then_some(line)
}

/// Whether an old session still does what it is asked. A last line that says why it was cut is read and passed over.
async fn still_answers(line: &mut Line, command: &str, good: impl Fn(&str) -> bool) -> bool {
    if line.say(command).await.is_err() {
        return false;
    }
    for _ in 0..2 {
        match line.hear().await {
            Ok(Some(answer)) if good(&answer) => return true,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return false,
        }
    }
    false
}
