//! The rounds at one door process: look, try what is not settled, keep sessions, say what was found.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use hyper::Method;
use vocabulary::{DoorId, Flow, IntakeRule, Position, TransitRule};
use zeroize::Zeroizing;

use super::{
    Proof, Shared,
    session::{Account, Attempt, Expected, Fronts, Intake, LoggedIn, Logins, Standing},
};
use crate::{
    clock,
    door_wire::{DoorLine, Granted, Reapplied, StatusReply},
    http::{self, Endpoint},
};

/// How long a door process may take to say where its doors stand.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Least time between two looks at one door process.
const REST: Duration = Duration::from_millis(100);

/// What is needed to try a door.
pub(super) struct Known {
    pub(super) mailbox: String,
    pub(super) password: Zeroizing<String>,
    pub(super) mark: Option<String>,
}

/// The rounds at one door process.
pub(super) struct Round {
    pub(super) control: Endpoint,
    pub(super) fronts: Fronts,
    pub(super) accounts: Arc<BTreeMap<DoorId, Known>>,
    pub(super) shared: Arc<Shared>,
    pub(super) every: Duration,
}

/// Sessions that are held open at one door process.
#[derive(Default)]
struct Sessions {
    mailboxes: BTreeMap<String, LoggedIn>,
    doors: BTreeMap<DoorId, Standing>,
}

/// What must not pass a door, as far as it can be seen from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Closed {
    fetch: bool,
    send: bool,
    /// How intake must answer: as at this position.
    intake: Position,
}

impl Closed {
    /// What a door says of itself to this mailbox. None where nothing can be said to be closed: it is Open or drains, it is in
    /// limited operation that stops nothing visible, or it does not tell what it grants.
    fn of(line: &DoorLine, mailbox: &str) -> Option<Self> {
        let everything = |intake| Self {
            fetch: true,
            send: true,
            intake,
        };
        match (&line.granted, line.until, line.position) {
            (_, _, Position::Draining) => None,
            (Some(Granted::Limited { rules, peers }), _, _) => {
                let admitted = peers.as_ref().is_none_or(|peers| peers.contains(mailbox));
                let stops = |rule: TransitRule| rule == TransitRule::Stop || !admitted;
                let closed = Self {
                    fetch: stops(rules.fetch),
                    send: stops(rules.send),
                    intake: match rules.intake {
                        IntakeRule::Refuse => Position::Shut,
                        IntakeRule::Pass | IntakeRule::Store => Position::Held,
                    },
                };
                (!closed.flows().is_empty()).then_some(closed)
            }
            // A process that does not tell what it grants: nothing can be said to leak.
            (None, Some(_), _) => None,
            (Some(Granted::Emergency) | None, _, Position::Held | Position::Shut | Position::Islanded) => {
                Some(everything(line.position))
            }
            (Some(Granted::Emergency) | None, _, Position::Open) => None,
        }
    }

    /// The flows that must not pass and were tried.
    fn flows(self) -> BTreeSet<Flow> {
        [
            (
                self.intake == Position::Shut || self.intake == Position::Islanded,
                Flow::Intake,
            ),
            (self.fetch, Flow::Fetch),
            (self.send, Flow::Send),
        ]
        .into_iter()
        .filter_map(|(closed, flow)| closed.then_some(flow))
        .collect()
    }
}

/// Whether there is anything to be tried at a door: closed ones for what must not pass, open ones for what must.
fn is_tried(line: &DoorLine, mailbox: &str) -> bool {
    let draining = line.position == Position::Draining;
    draining
        || Closed::of(line, mailbox).is_some()
        || (line.position == Position::Open && line.until.is_none())
}

/// A door to be tried.
struct Try {
    line: DoorLine,
    closed: Option<Closed>,
    /// Attempts in a row that found it leaking.
    leaking: u32,
    mark: Option<String>,
    standing: Standing,
    /// What old sessions showed at this epoch stays shown when the door is tried again.
    shown: u32,
}

impl Round {
    /// Looks, tries, tells, for as long as the process lives. Cancelling closes the sessions and nothing else.
    pub(super) async fn go_always(self) {
        let mut sessions = Sessions::default();
        let mut seen = None;
        loop {
            // A look at least every so often, and at once when something was recorded behind the doors.
            let path = match seen {
                Some(seen) => format!("/status?seen={seen}&millis={}", self.every.as_millis()),
                None => "/status".to_owned(),
            };
            match self.status(&self.control, &path, self.every + ANSWER_WAIT).await {
                Some(status) => {
                    seen = Some(status.ledger_len);
                    self.look_and_try(status, &mut sessions).await;
                    // What happens at one door process again and again is looked at a few times a second, not more.
                    tokio::time::sleep(REST.min(self.every)).await;
                }
                None => {
                    seen = None;
                    tokio::time::sleep(self.every).await;
                }
            }
        }
    }

    async fn status(&self, control: &Endpoint, path: &str, wait: Duration) -> Option<StatusReply> {
        match http::call_json(control, Method::GET, path, Vec::new(), wait).await {
            Ok(status) => Some(status),
            Err(error) => {
                tracing::warn!(%error, "door process not reached");
                None
            }
        }
    }

    async fn look_and_try(&self, status: StatusReply, sessions: &mut Sessions) {
        let now = Instant::now();
        let closed = status.doors.iter().any(|line| {
            let account = self.accounts.get(&line.door);
            account.is_some_and(|account| Closed::of(line, &account.mailbox).is_some())
                && !self.is_settled(line, sessions, true, now)
        });
        let status = if closed {
            // That the responders get in is seen on a connection of its own, as they would come.
            match self.status(&self.control.anew(), "/status", ANSWER_WAIT).await {
                Some(status) => status,
                None => return,
            }
        } else {
            status
        };
        self.look(&status.doors, sessions, now).await;
    }

    fn known(&self, line: &DoorLine) -> Option<Proof> {
        let account = self.accounts.get(&line.door)?;
        let covers = Closed::of(line, &account.mailbox).map_or_else(BTreeSet::new, Closed::flows);
        let proofs = self.shared.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        proofs
            .get(&line.door)
            .filter(|proof| {
                (proof.epoch, proof.position) == (line.epoch, line.position) && proof.covers == covers
            })
            .cloned()
    }

    /// Whether a door was found as it says it is, not long ago. `passes` says whether its mailbox should be logged in.
    fn is_settled(&self, line: &DoorLine, sessions: &Sessions, passes: bool, now: Instant) -> bool {
        let proven = self.known(line).is_some_and(|proof| proof.failures.is_empty());
        let logged_in = !passes
            || self
                .accounts
                .get(&line.door)
                .and_then(|account| sessions.mailboxes.get(&account.mailbox))
                .is_some_and(LoggedIn::is_whole);
        proven
            && sessions
                .doors
                .get(&line.door)
                .is_some_and(|standing| standing.is_settled(line.position, logged_in, now))
    }

    /// Tries every door that changed since it was tried last or was left alone long enough, all at once.
    async fn look(&self, doors: &[DoorLine], sessions: &mut Sessions, now: Instant) {
        let turned_away = self.turned_away(doors);
        let mut mailboxes: BTreeMap<&str, Vec<Try>> = BTreeMap::new();
        for line in doors {
            let Some(account) = self.accounts.get(&line.door) else {
                continue;
            };
            if !is_tried(line, &account.mailbox) {
                // Not measured is not proven, and not failed either.
                sessions.doors.remove(&line.door);
                continue;
            }
            let passes = !turned_away.contains(account.mailbox.as_str());
            if self.is_settled(line, sessions, passes, now) {
                continue;
            }
            let known = self.known(line);
            mailboxes.entry(&account.mailbox).or_default().push(Try {
                closed: Closed::of(line, &account.mailbox),
                leaking: known.as_ref().map_or(0, |proof| proof.leaking),
                shown: known.map_or(0, |proof| proof.old_sessions),
                mark: account.mark.clone(),
                standing: sessions.doors.remove(&line.door).unwrap_or_default(),
                line: line.clone(),
            });
        }
        let mut tries = tokio::task::JoinSet::new();
        for (mailbox, doors) in mailboxes {
            let Some(password) = doors
                .first()
                .and_then(|one| self.accounts.get(&one.line.door))
                .map(|account| account.password.clone())
            else {
                continue;
            };
            let account = Account {
                fronts: self.fronts.clone(),
                mailbox: mailbox.to_owned(),
                password,
            };
            let old = sessions.mailboxes.remove(mailbox).unwrap_or_default();
            let passes = !turned_away.contains(mailbox);
            tries.spawn(try_mailbox(account, old, doors, passes));
        }
        let mut leaking = Vec::new();
        while let Some(done) = tries.join_next().await {
            let Ok((mailbox, kept, tried)) = done else {
                continue;
            };
            sessions.mailboxes.insert(mailbox, kept);
            let leaks = tried.iter().filter(|one| !one.proof.leaks.is_empty());
            leaking.extend(leaks.map(|one| one.door.clone()));
            self.tell(tried, sessions);
        }
        if !leaking.is_empty() {
            self.nudge(&leaking).await;
        }
    }

    /// Mailboxes that cannot be expected to fetch and send: a front lets a mailbox do so only while every one of its doors
    /// passes, so a door that is Open beside a closed one says nothing about logins.
    fn turned_away(&self, doors: &[DoorLine]) -> BTreeSet<&str> {
        doors
            .iter()
            .filter(|line| line.position != Position::Open || line.until.is_some())
            .filter_map(|line| self.accounts.get(&line.door))
            .map(|account| account.mailbox.as_str())
            .collect()
    }

    /// Asks the door process to apply its restrictions anew. It needs no more authority than to be asked: it closes what it
    /// has ordered closed already.
    async fn nudge(&self, doors: &[DoorId]) {
        let asked: Result<Reapplied, _> =
            http::call_json(&self.control, Method::POST, "/reapply", Vec::new(), ANSWER_WAIT).await;
        match asked {
            Ok(done) => tracing::warn!(
                ?doors,
                sessions = done.sessions,
                "asked to close again what passes"
            ),
            Err(error) => {
                tracing::error!(?doors, %error, "the door process did not apply its restrictions anew")
            }
        }
    }

    fn tell(&self, tried: Vec<Tried>, sessions: &mut Sessions) {
        let mut proofs = self.shared.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        for Tried { door, proof, kept } in tried {
            if (proof.position != Position::Open || !proof.leaks.is_empty()) && !proof.failures.is_empty() {
                tracing::error!(%door, failures = ?proof.failures, "a closed door is not proven");
            }
            sessions.doors.insert(door.clone(), kept);
            proofs.insert(door, proof);
        }
        drop(proofs);
        self.shared
            .rounds
            .send_modify(|rounds| *rounds = rounds.wrapping_add(1));
    }
}

/// What was found at one door.
struct Tried {
    door: DoorId,
    proof: Proof,
    kept: Standing,
}

/// Tries the logins of a mailbox, and intake for each of its doors beside it. `passes`: none of its doors stands in the way.
async fn try_mailbox(
    account: Account,
    old: LoggedIn,
    doors: Vec<Try>,
    passes: bool,
) -> (String, LoggedIn, Vec<Tried>) {
    let began = Instant::now();
    let mut intakes = tokio::task::JoinSet::new();
    let wanted = wanted(&doors, passes);
    for mut one in doors {
        let attempt = Attempt {
            fronts: account.fronts.clone(),
            mailbox: account.mailbox.clone(),
            mark: one.mark.take(),
            position: one.closed.map_or(one.line.position, |closed| closed.intake),
        };
        intakes.spawn(async move {
            let intake = attempt.make(std::mem::take(&mut one.standing)).await;
            (one, intake)
        });
    }
    let logins = match wanted {
        Some(expected) => account.try_logins(old, expected).await,
        // Doors that only drain, or stand open beside a closed one, ask for nothing.
        None => Logins {
            fetched: Vec::new(),
            sent: Vec::new(),
            open: Vec::new(),
            old_sessions: 0,
            kept: old,
        },
    };
    let mut tried = Vec::new();
    while let Some(done) = intakes.join_next().await {
        let Ok((one, intake)) = done else { continue };
        tried.push(found(one, intake, &logins, began));
    }
    (account.mailbox, logins.kept, tried)
}

/// What the doors of a mailbox ask of its logins together.
fn wanted(doors: &[Try], passes: bool) -> Option<Expected> {
    let closed = |which: fn(&Closed) -> bool| doors.iter().filter_map(|one| one.closed.as_ref()).any(which);
    let (fetch, send) = (closed(|closed| closed.fetch), closed(|closed| closed.send));
    if doors.iter().any(|one| one.closed.is_some()) {
        Some(Expected::TurnedAway { fetch, send })
    } else if passes && doors.iter().any(|one| one.line.position == Position::Open) {
        Some(Expected::Passes)
    } else {
        None
    }
}

/// What was found at one door: its own intake, and of its mailbox's logins what concerns it.
fn found(one: Try, intake: Intake, logins: &Logins, began: Instant) -> Tried {
    let (mut failures, mut leaks, mut old_sessions) = (Vec::new(), Vec::new(), 0);
    match one.closed {
        Some(closed) => {
            let through = [(closed.fetch, &logins.fetched), (closed.send, &logins.sent)];
            for (_, words) in through.into_iter().filter(|(is_closed, _)| *is_closed) {
                failures.extend(words.iter().cloned());
                leaks.extend(words.iter().cloned());
            }
            old_sessions = intake.old_sessions + logins.old_sessions;
        }
        None if one.line.position == Position::Open => failures.extend(logins.open.iter().cloned()),
        None => {}
    }
    failures.extend(intake.failures);
    leaks.extend(intake.leaks);
    let proof = Proof {
        epoch: one.line.epoch,
        position: one.line.position,
        at: clock::now(),
        failures,
        covers: one.closed.map(Closed::flows).unwrap_or_default(),
        leaking: if leaks.is_empty() {
            0
        } else {
            one.leaking.saturating_add(1)
        },
        leaks,
        old_sessions: old_sessions.max(one.shown),
        millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Tried {
        door: one.line.door,
        proof,
        kept: intake.kept,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
