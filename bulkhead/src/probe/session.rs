//! One attempt to get through one door: old sessions, new ones, intake.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use vocabulary::Position;
use zeroize::Zeroizing;

use super::line::Line;
use crate::tls;

/// The three fronts of a door process.
#[derive(Clone)]
pub(super) struct Fronts {
    pub(super) fetch: SocketAddr,
    pub(super) submission: SocketAddr,
    pub(super) intake: SocketAddr,
    pub(super) tls: Option<tls::Connector>,
}

/// Sessions that were logged in while the door was Open.
#[derive(Default)]
pub(super) struct Standing {
    fetch: Option<Line>,
    submission: Option<Line>,
}

impl Standing {
    /// Whether both are there.
    pub(super) const fn is_whole(&self) -> bool {
        self.fetch.is_some() && self.submission.is_some()
    }
}

/// One attempt.
pub(super) struct Attempt {
    pub(super) fronts: Fronts,
    pub(super) mailbox: String,
    pub(super) password: Zeroizing<String>,
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
            Position::Open => self.through_open().await,
            // Sessions may finish: nothing is proven before they had their time.
            Position::Draining => (vec!["läuft noch aus / still draining".to_owned()], 0, old),
            Position::Held | Position::Shut | Position::Islanded => self.against_closed(old).await,
        }
    }

    async fn through_open(&self) -> (Vec<String>, u32, Standing) {
        let mut failures = Vec::new();
        let mut keep = |name: &str, login: Login| match login {
            Login::In(line) => Some(line),
            Login::Out(words) => {
                failures.push(format!("{name}: {words}"));
                None
            }
        };
        let fetch = keep("fetch", self.fetch().await);
        let submission = keep("submission", self.submission().await);
        (failures, 0, Standing { fetch, submission })
    }

    async fn against_closed(&self, old: Standing) -> (Vec<String>, u32, Standing) {
        let mut failures = Vec::new();
        let mut tested = 0;
        if let Some(mut line) = old.fetch {
            tested += 1;
            // What was written before the cut may still be read; then the connection must be over.
            if still_answers(&mut line, "NOOP", |answer| answer.starts_with("+OK")).await {
                failures.push("alte Abholung lebt / old fetch session lives".to_owned());
            }
        }
        if let Some(mut line) = old.submission {
            tested += 1;
            if still_answers(&mut line, "NOOP", |answer| answer.starts_with('2')).await {
                failures.push("alter Versand lebt / old submission session lives".to_owned());
            }
        }
        if matches!(self.fetch().await, Login::In(_)) {
            failures.push("neue Abholung gelingt / new fetch login succeeds".to_owned());
        }
        if matches!(self.submission().await, Login::In(_)) {
            failures.push("neuer Versand gelingt / new submission login succeeds".to_owned());
        }
        failures.extend(self.intake().await);
        (failures, tested, Standing::default())
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

    /// Held must still take mail in; Shut must refuse it, and only for now. Stops before any mail is handed in, so that
    /// a probe never becomes an item somebody has to explain.
    async fn intake(&self) -> Option<String> {
        let talk = async {
            let mut line = Line::connect(self.fronts.intake, self.fronts.tls.as_ref()).await?;
            let mut answers = vec![line.reply().await?];
            for command in [
                "EHLO probe.bulkhead.internal".to_owned(),
                "MAIL FROM:<>".to_owned(),
                format!("RCPT TO:<{}>", self.mailbox),
            ] {
                if answers
                    .last()
                    .is_some_and(|answer| matches!(answer, Some((220 | 250, _))))
                {
                    answers.push(line.ask(&command).await?);
                }
            }
            Ok::<_, std::io::Error>(answers.pop().flatten())
        };
        match (self.position, talk.await) {
            (Position::Held, Ok(Some((250, _)))) => None,
            (Position::Shut | Position::Islanded, Ok(Some((code, _)))) if (400..500).contains(&code) => None,
            (Position::Shut | Position::Islanded, Ok(None) | Err(_)) => None,
            (_, Ok(answer)) => Some(format!("Annahme antwortet / intake answers: {}", words(answer))),
            (_, Err(error)) => Some(format!(
                "Annahme antwortet nicht / intake does not answer: {error}"
            )),
        }
    }
}

fn words(answer: Option<(u16, String)>) -> String {
    answer.map_or_else(|| "EOF".to_owned(), |(_, line)| line)
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
