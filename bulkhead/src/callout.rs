//! Calling people out: the state machine of readiness with its drivers, from this machine, with the control room dead or
//! alive.
//!
//! What happened is written to a file and synced before anything is sent because of it; the file alone gives the state
//! back. Another `bulkhead callout` may write answers into the same file meanwhile. The control room is told of each step
//! as soon as it listens, in the order of the file.

pub mod config;
pub mod hook;
mod https;
mod log;
mod relay;
mod smtp;

use std::{sync::Arc, time::Duration};

use readiness::{
    callout::{
        Alarm, CodeKey, Dispatch, Earnest, Effect, Event, Filling, Heard, Message, MessageId, Patience,
        Reference, Said, Sender, Sent, State, What, Whose, dispatch, read_answer, resume, seats, whose,
    },
    contacts::{ContactBook, Duty, Way},
    gateway::seven::Told,
};
use tokio::{sync::mpsc, task::JoinSet};
use vocabulary::PersonId;

pub use self::{config::Config, log::Log, relay::steps};
use self::{config::Drivers, relay::Relay};
use crate::{
    clock,
    report::{Code, Trouble},
};

/// How often the file is looked at for what others wrote, and the clock for what is due.
const LOOK: Duration = Duration::from_millis(500);
/// How long the control room is waited for at the end; it is told the rest at the next start.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What is called out.
pub struct Call {
    /// Its name.
    pub alarm: readiness::callout::AlarmId,
    /// Real or exercise.
    pub earnest: Earnest,
    /// What for.
    pub what: What,
    /// Who is to be reached.
    pub duties: Vec<Duty>,
}

/// A call-out at work.
pub struct Callout {
    log: Log,
    book: ContactBook,
    key: CodeKey,
    drivers: Arc<Drivers>,
    hook: Option<hook::Hook>,
    relay: Relay,
}

impl Callout {
    /// Opens the file of an alarm, and raises the alarm where nobody did.
    ///
    /// # Errors
    /// [`Trouble`] when the file cannot be used, or there is nobody to call.
    pub fn raise(config: &Config, book: ContactBook, call: &Call) -> Result<(Self, Vec<Effect>), Trouble> {
        let drivers = Arc::new(Drivers::open(config)?);
        let mut log = Log::open(&config.journal(&call.alarm))?;
        let effects = match log.state() {
            State::Quiet => {
                let seats = seats(&book, &call.duties);
                let raised = Event::Raised {
                    alarm: alarm(config, call)?,
                    seats,
                    book: book.digest(),
                };
                let effects = log.append(raised, clock::now())?;
                if matches!(log.state(), State::Quiet) {
                    return Err(Trouble::new(
                        Code::Callout,
                        "Im Kontaktbuch hat niemand diese Aufgabe; niemand wurde gerufen. / \
                         Nobody in the contact book has this duty; nobody was called.",
                    ));
                }
                effects
            }
            State::Calling(_) | State::Over { .. } => resume(log.state()),
        };
        let relay = Relay::open(config, &call.alarm)?;
        let callout = Self {
            log,
            book,
            key: config.code_key()?,
            drivers,
            hook: config.hook.clone(),
            relay,
        };
        Ok((callout, effects))
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        self.log.state()
    }

    /// The file of the alarm.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Calls until every seat is filled or nobody of it can be reached, taking answers that come in meanwhile. Cancelling
    /// loses nothing: what is in doubt is sent again at the next start, under its old name.
    ///
    /// # Errors
    /// [`Trouble`] when the file cannot be written: then nothing more is sent.
    pub async fn run(
        &mut self,
        effects: Vec<Effect>,
        mut typed: mpsc::Receiver<String>,
        mut say: impl FnMut(&str),
    ) -> Result<(), Trouble> {
        // Before the first message: an answer can come within seconds.
        let mut hooks = match &self.hook {
            Some(hook) => Some(hook.open().await?),
            None => None,
        };
        let mut sending: JoinSet<Event> = JoinSet::new();
        self.carry_out(effects, &mut sending, &mut say);
        let mut is_typing = true;
        while !is_settled(self.state()) {
            self.relay.tell(&self.log).await;
            let event = tokio::select! {
                Some(sent) = sending.join_next(), if !sending.is_empty() => match sent {
                    Ok(event) => event,
                    // A driver that died said nothing; its message stays in doubt until the machine tries again.
                    Err(_died) => continue,
                },
                report = reported(&mut hooks) => {
                    if let Some(event) = self.reported(&report.told, &mut say) {
                        let effects = self.log.append(event, clock::now())?;
                        self.carry_out(effects, &mut sending, &mut say);
                    }
                    // It is on disk. A gateway that has gone meanwhile comes again, and hears the same.
                    let _gone = report.written.send(());
                    continue;
                }
                line = typed.recv(), if is_typing => match line {
                    Some(line) => match self.heard(&line, Heard::Page) {
                        Ok(event) => event,
                        Err(sentence) => {
                            say(&sentence);
                            continue;
                        }
                    },
                    None => {
                        is_typing = false;
                        continue;
                    }
                },
                () = tokio::time::sleep(LOOK) => {
                    let now = clock::now();
                    let mut effects = self.log.refresh()?;
                    if self.log.is_due(now) {
                        effects.extend(self.log.append(Event::Ticked, now)?);
                    }
                    self.carry_out(effects, &mut sending, &mut say);
                    continue;
                }
            };
            let effects = self.log.append(event, clock::now())?;
            self.carry_out(effects, &mut sending, &mut say);
        }
        if let Some(hooks) = hooks {
            // The gateway that brought the last answer hears that it is written down.
            let _in_time = tokio::time::timeout(LAST_WORDS, hooks.end()).await;
        }
        let _in_time = tokio::time::timeout(LAST_WORDS, self.relay.tell(&self.log)).await;
        Ok(())
    }

    /// Takes one typed answer and writes it down; another process that calls meanwhile acts on it.
    ///
    /// # Errors
    /// [`Trouble`] when it is no answer, or cannot be written.
    pub async fn answer(&mut self, line: &str, by: Option<PersonId>) -> Result<(), Trouble> {
        let how = by.map_or(Heard::Page, |by| Heard::Spoken { by });
        let event = self
            .heard(line, how)
            .map_err(|sentence| Trouble::new(Code::Callout, sentence))?;
        let is_wrong = event == Event::WrongCode;
        self.log.append(event, clock::now())?;
        let _in_time = tokio::time::timeout(LAST_WORDS, self.relay.tell(&self.log)).await;
        if is_wrong {
            return Err(Trouble::new(
                Code::Callout,
                "Diesen Code hat niemand. / Nobody has this code.",
            ));
        }
        Ok(())
    }

    /// Ends the alarm.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be written.
    pub fn end(&mut self, by: PersonId) -> Result<(), Trouble> {
        self.log.append(Event::Ended { by }, clock::now()).map(drop)
    }

    /// What follows from a report of the gateway. What it tells of a message that is not ours, and what nobody can read, is
    /// passed over: it moves nothing.
    fn reported(&self, told: &Told, say: &mut impl FnMut(&str)) -> Option<Event> {
        let ours = |reference: &Reference| {
            let calling = self.state().calling()?;
            let (person, way) = calling.by_reference(reference)?;
            Some(MessageId {
                alarm: calling.alarm.id.clone(),
                person: person.clone(),
                way: way.at,
            })
        };
        match told {
            Told::Delivered(reference) => ours(reference).map(|message| Event::Delivered { message }),
            Told::NotDelivered(reference) => ours(reference).map(|message| Event::Failed {
                message,
                cause: readiness::callout::Cause::NotDelivered,
            }),
            Told::Received { text } => match self.heard(text, Heard::Sms) {
                Ok(event) => Some(event),
                Err(sentence) => {
                    say(&format!(
                        "Eine Kurznachricht zählt nicht. / A short message does not count. {sentence}"
                    ));
                    None
                }
            },
            Told::OnItsWay(_) | Told::Other => None,
        }
    }

    fn heard(&self, line: &str, heard: Heard) -> Result<Event, String> {
        let typed = read_answer(line)
            .ok_or("Bitte sechs Ziffern und JA oder NEIN. / Please six digits and YES or NO.")?;
        let calling = self
            .state()
            .calling()
            .ok_or("Niemand wird gerufen. / Nobody is being called.")?;
        match whose(&self.key, calling, typed.code) {
            Whose::Person(person) => Ok(Event::Answered {
                person,
                said: typed.said,
                heard,
            }),
            Whose::Nobody => Ok(Event::WrongCode),
            Whose::Locked => Err(
                "Zu viele falsche Codes: bitte anrufen und mit --said eintragen. / \
                 Too many wrong codes: please call, and enter it with --said."
                    .to_owned(),
            ),
        }
    }

    /// Writes down what somebody said on the telephone.
    ///
    /// # Errors
    /// [`Trouble`] when the person is not called here, or it cannot be written.
    pub async fn spoken(&mut self, person: PersonId, said: Said, by: PersonId) -> Result<(), Trouble> {
        let known = self
            .state()
            .calling()
            .is_some_and(|calling| calling.everybody().any(|reach| reach.person == person));
        if !known {
            return Err(Trouble::new(
                Code::Callout,
                format!("{person} wird hier nicht gerufen. / {person} is not called here."),
            ));
        }
        let heard = Heard::Spoken { by };
        self.log
            .append(Event::Answered { person, said, heard }, clock::now())?;
        let _in_time = tokio::time::timeout(LAST_WORDS, self.relay.tell(&self.log)).await;
        Ok(())
    }

    fn carry_out(&self, effects: Vec<Effect>, sending: &mut JoinSet<Event>, say: &mut impl FnMut(&str)) {
        for effect in effects {
            match &effect {
                Effect::Send { id, .. } => {
                    let (id, drivers) = (id.clone(), self.drivers.clone());
                    let prepared = dispatch(self.state(), &self.book, &self.key, &effect);
                    sending.spawn(async move { send(&drivers, id, prepared).await });
                }
                Effect::CallByHand { person } => say(&by_hand(&self.book, person)),
                Effect::Escalated { from, to } => say(&format!(
                    "{from} antwortet nicht, {to} wird gerufen. / {from} does not answer, {to} is called."
                )),
                Effect::NotReached { person } => say(&format!(
                    "{person} und Vertretungen: niemand erreicht. / {person} and deputies: nobody reached."
                )),
                // The file is looked at often enough; a remark says that nothing changed.
                Effect::WakeAt(_) | Effect::Remark(_) => {}
            }
        }
    }
}

/// The next report of the gateway; none ever where no hook is set up.
async fn reported(hooks: &mut Option<hook::Listening>) -> hook::Report {
    match hooks {
        Some(listening) => listening.next().await,
        None => std::future::pending().await,
    }
}

fn alarm(config: &Config, call: &Call) -> Result<Alarm, Trouble> {
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Config,
            "Die Einstellungen des Rufs passen nicht. / The call-out's settings do not fit.",
            error,
        )
    };
    Ok(Alarm {
        id: call.alarm.clone(),
        earnest: call.earnest,
        what: call.what,
        sender: Sender::try_from(config.sender.clone()).map_err(|error| wrong(error.into()))?,
        patience: Patience::try_from(config.patience_minutes).map_err(|error| wrong(error.into()))?,
    })
}

/// Whether machines have nothing left to do: every seat is filled or given up, and no message is on its way.
fn is_settled(state: &State) -> bool {
    match state {
        State::Quiet | State::Over { .. } => true,
        State::Calling(calling) => {
            calling.seats.iter().all(|(_, filling)| match filling {
                Filling::Filled { .. } | Filling::NotReached { .. } => true,
                Filling::Waiting { .. } => false,
            }) && calling.called.values().all(|called| {
                called.answer.is_some()
                    || called.messages.values().all(|sent| match sent {
                        Sent::Accepted { .. } | Sent::Delivered { .. } | Sent::GivenUp { .. } => true,
                        Sent::InDoubt { .. } | Sent::Failed { .. } => false,
                    })
            })
        }
    }
}

/// Every way of a person as text, for whoever dials.
fn by_hand(book: &ContactBook, person: &PersonId) -> String {
    let ways = book.contact(person).map(|contact| {
        let ways: Vec<String> = contact
            .ways
            .iter()
            .map(|way| way.in_words(order::Lang::De))
            .collect();
        format!("{}: {}", contact.name, ways.join("; "))
    });
    let ways = ways.unwrap_or_else(|| person.to_string());
    format!("Bitte selbst anrufen: {ways} / Please call: {ways}")
}

/// One message to one driver; what became of it.
async fn send(drivers: &Arc<Drivers>, message: MessageId, prepared: Option<Dispatch>) -> Event {
    let Some(prepared) = prepared else {
        let cause = readiness::callout::Cause::NoAddress;
        return Event::Failed { message, cause };
    };
    let sent: Result<Option<Reference>, readiness::callout::Cause> = match (&prepared.way, &prepared.message)
    {
        (Way::Mail(to), Message::Mail(letter)) => drivers.mail(to, letter, &message).await,
        (Way::Sms(to), Message::Sms(text)) => drivers.sms(to, text, &message).await,
        (Way::Voice(to), Message::Voice(text)) => drivers.voice(to, text, &message).await,
        // Text and way are made together; a pair that does not fit has no address.
        (Way::Mail(_) | Way::Sms(_) | Way::Voice(_) | Way::Paper(_), _) => {
            Err(readiness::callout::Cause::NoAddress)
        }
    };
    match sent {
        Ok(reference) => Event::Accepted { message, reference },
        Err(cause) => Event::Failed { message, cause },
    }
}
