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

/// Sessions that were opened while the door was Open, and what they showed since.
#[derive(Default)]
pub(super) struct Standing {
    fetch: Option<Line>,
    submission: Option<Line>,
    intake: Option<Line>,
    /// Mail was taken through the old intake session of a shut door. The session is used up, so this is not found again;
    /// it holds until the door is Open.
    taken: Option<String>,
    asked: Option<Instant>,
}

impl Standing {
    /// Whether the door needs no new attempt at this position.
    pub(super) fn is_settled(&self, position: Position, now: Instant) -> bool {
        let whole = self.fetch.is_some() && self.submission.is_some() && self.intake.is_some();
        let recent = self
            .asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < KEPT);
        recent && (whole || position != Position::Open)
    }
}

/// One attempt.
pub(super) struct Attempt {
    pub(super) fronts: Fronts,
    pub(super) mailbox: String,
    pub(super) password: Zeroizing<String>,
    /// The service mark that makes a mail to this mailbox a mail of this door; none when a mail without one is.
    pub(super) mark: Option<String>,
    pub(super) position: Position,
}

/// How a login went.
enum Login {
    In(Line),
    Out(String),
}

impl Attempt {
    /// Tries everything; what got through or did not work, how many old sessions were tested, and what is kept open.
    pub(super) async fn make(&self, old: Standing) -> (Vec<String>, u32, Standing) {
        match self.position {
            Position::Open => self.through_open(old).await,
            // Sessions may finish: nothing is proven before they had their time.
            Position::Draining => (vec!["läuft noch aus / still draining".to_owned()], 0, old),
            Position::Held | Position::Shut | Position::Islanded => self.against_closed(old).await,
        }
    }

    /// Opens what is missing and asks the rest whether it lives; a session that a server ended is opened again.
    async fn through_open(&self, old: Standing) -> (Vec<String>, u32, Standing) {
        let mut failures = Vec::new();
        let mut keep = |name: &str, login: Login| match login {
            Login::In(line) => Some(line),
            Login::Out(words) => {
                failures.push(format!("{name}: {words}"));
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
        let intake = match alive(old.intake, |answer| answer.starts_with('2')).await {
            Some(line) => Some(line),
            None => keep("intake", self.greeted().await),
        };
        let asked = Some(Instant::now());
        let standing = Standing {
            fetch,
            submission,
            intake,
            taken: None,
            asked,
        };
        (failures, 0, standing)
    }

    async fn against_closed(&self, old: Standing) -> (Vec<String>, u32, Standing) {
        let mut failures = Vec::new();
        let mut tested = 0;
        // A session that lives is kept and asked again: giving it up would end it, and prove nothing.
        let mut kept = Standing {
            taken: old.taken,
            ..Standing::default()
        };
        if let Some(mut line) = old.fetch {
            tested += 1;
            // What was written before the cut may still be read; then the connection must be over.
            if still_answers(&mut line, "NOOP", |answer| answer.starts_with("+OK")).await {
                failures.push("alte Abholung lebt / old fetch session lives".to_owned());
                kept.fetch = Some(line);
            }
        }
        if let Some(mut line) = old.submission {
            tested += 1;
            if still_answers(&mut line, "NOOP", |answer| answer.starts_with('2')).await {
                failures.push("alter Versand lebt / old submission session lives".to_owned());
                kept.submission = Some(line);
            }
        }
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
        failures.extend(kept.taken.clone());
        if matches!(self.fetch().await, Login::In(_)) {
            failures.push("neue Abholung gelingt / new fetch login succeeds".to_owned());
        }
        if matches!(self.submission().await, Login::In(_)) {
            failures.push("neuer Versand gelingt / new submission login succeeds".to_owned());
        }
        failures.extend(self.intake().await.wrong_in_new(self.position));
        kept.asked = Some(Instant::now());
        (failures, tested, kept)
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
