//! The people: what they sign, and the ceremony that opens every door: one opening for each site, one consent
//! of each insurer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bulkhead::{
    clock,
    door_wire::{DoorLine, Outcome, StatusReply, TryOpening},
    exercise::cast::Cast,
    http::{self, CallError},
};
use clearance::{Basis, CheckResult, ChecklistItem, Clearance, Consent, Grade, RewrappedKey};
use hyper::Method;
use order::{Act, AgeRecipient, Becomes, Closing, DoorOpening, Opening, Stance, Text, Uses};
use vocabulary::{Class, Digest, DoorId, Envelope, InsurerId, Position, Scope, Seconds, SiteId, StatementId};

use crate::{
    ground::{Ground, Part},
    say,
    system::System,
};

/// Longest wait for one answer.
const WAIT: Duration = Duration::from_secs(60);
const GOOD_FOR: Seconds = Seconds(24 * 3600);
/// Door processes that are asked beside each other.
const ASKED_AT_ONCE: usize = 40;
/// Tries to reach the control room, and the wait between them.
const TRIES_MAX: usize = 50;
const AGAIN: Duration = Duration::from_millis(50);
/// How often people decide again: a door that changed while they signed refuses an opening for its old state.
const DECISIONS_MAX: usize = 3;

fn words(text: &str) -> Text {
    Text::try_from(text.to_owned()).unwrap()
}

/// The people and what they act on.
pub struct People<'a> {
    pub system: &'a System,
    pub ground: &'a Ground,
    pub cast: &'a Cast,
}

impl People<'_> {
    /// Appends a statement to the authority log. A control room that has no place for one more caller cuts it; then it
    /// is handed in again, as a person would, and that is said: a repeated statement has no second effect.
    pub async fn publish(&self, envelope: &Envelope) {
        self.tell("/statement", serde_json::to_vec(envelope).unwrap())
            .await;
    }

    /// Tells the control room something.
    pub async fn tell(&self, path: &str, body: Vec<u8>) {
        let control = self.system.endpoint(self.system.control);
        let mut tries = tokio::time::interval(AGAIN);
        for number in 1..=TRIES_MAX {
            tries.tick().await;
            match http::call(&control, Method::POST, path, body.clone(), WAIT).await {
                Ok(_) if number == 1 => return,
                Ok(_) => return say(&format!("  {path}: the control room took it at try {number}")),
                Err(CallError::Unreached { .. } | CallError::Garbled { .. }) => {}
                Err(error @ CallError::Refused { .. }) => panic!("{path}: {error}"),
            }
        }
        panic!("{path}: the control room did not take it in {TRIES_MAX} tries");
    }

    /// An order of one commander that closes everything.
    pub fn closing(&self) -> Envelope {
        let closing = Closing {
            estate: self.ground.estate.id().clone(),
            scope: Scope::everything(),
            act: Act::Tighten {
                stance: Stance::Contain,
                class: Class::Containment,
                drain: None,
            },
            uses: Uses::Once,
            signal: None,
            reason: words("Messung: Abschottung / measurement: containment"),
            issued: clock::now(),
        };
        self.cast.sign(&closing, &["leitung-1"]).unwrap()
    }

    /// Where every door stands, by process.
    pub async fn statuses(&self) -> Vec<StatusReply> {
        let asked = self.system.doors.iter().map(|opened| {
            let door = self.system.endpoint(opened["door"]);
            async move {
                http::call_json(&door, Method::GET, "/status", Vec::new(), WAIT)
                    .await
                    .unwrap()
            }
        });
        together(asked).await
    }

    /// Where one door stands.
    pub async fn status_of(&self, door: &DoorId) -> DoorLine {
        let guards = |part: &Part| {
            let cell = door.cell();
            part.services.contains(&cell.service) && part.insurers.iter().any(|(one, _)| *one == cell.insurer)
        };
        let process = self.ground.parts.iter().position(guards).unwrap();
        let at = self.system.endpoint(self.system.doors[process]["door"]);
        let status: StatusReply = http::call_json(&at, Method::GET, "/status", Vec::new(), WAIT)
            .await
            .unwrap();
        status.doors.into_iter().find(|line| line.door == *door).unwrap()
    }

    /// Examiners clear every insurer, a commander opens, every insurer consents, until every door is open.
    pub async fn open_everything(&self) {
        for _ in 0..DECISIONS_MAX {
            if self.open_once().await {
                return;
            }
        }
        panic!("not every door opened: {:?}", self.closed().await.values().next());
    }

    /// Closed doors by site, with the processes that guard them.
    async fn closed(&self) -> BTreeMap<SiteId, Vec<(usize, DoorLine)>> {
        let mut closed: BTreeMap<SiteId, Vec<(usize, DoorLine)>> = BTreeMap::new();
        for (process, status) in self.statuses().await.into_iter().enumerate() {
            for line in status.doors {
                if line.position != Position::Open {
                    let site = self.ground.parts[process].site.clone();
                    closed.entry(site).or_default().push((process, line));
                }
            }
        }
        closed
    }

    /// One decision: everything is signed first and published then, so that the doors follow it in few pieces; one
    /// opening for each site, which each of its processes tries once.
    async fn open_once(&self) -> bool {
        let closed = self.closed().await;
        let recipients = self.recipients().await;
        let mut papers = Vec::new();
        let mut asked: BTreeMap<usize, StatementId> = BTreeMap::new();
        for lines in closed.values() {
            let insurers: BTreeSet<&InsurerId> =
                lines.iter().map(|(_, line)| &line.door.cell().insurer).collect();
            let clearances: Vec<Envelope> = insurers.iter().map(|insurer| self.clearance(insurer)).collect();
            let opening = self.opening(lines, clearances.iter().map(Envelope::id).collect());
            papers.extend(clearances);
            asked.extend(lines.iter().map(|(process, _)| (*process, opening.id())));
            let id = opening.id();
            papers.push(opening);
            for insurer in insurers {
                papers.push(self.consent(insurer, lines, id, &recipients).await);
            }
        }
        for paper in &papers {
            self.publish(paper).await;
        }
        let tries = asked
            .iter()
            .map(|(process, opening)| self.try_opening(*process, *opening));
        let refused: Vec<String> = together(tries).await.into_iter().flatten().collect();
        if let Some(first) = refused.first() {
            eprintln!("{} refusals, the first: {first}", refused.len());
        }
        self.closed().await.is_empty()
    }

    /// Asks one process to try an opening; gives what it refused.
    async fn try_opening(&self, process: usize, opening: StatementId) -> Vec<String> {
        let door = self.system.endpoint(self.system.doors[process]["door"]);
        let wait = Seconds(20);
        let body = serde_json::to_vec(&TryOpening { opening, wait }).unwrap();
        match http::call_json::<Outcome>(&door, Method::POST, "/open", body, WAIT).await {
            Ok(outcome) => {
                let own = &self.ground.parts[process].services;
                let refused = outcome.refused.into_iter();
                // The doors the opening names elsewhere are not for this process to open.
                let mine = refused.filter(|line| own.contains(&line.door.cell().service));
                mine.map(|line| format!("{}: {}", line.door, line.missing))
                    .collect()
            }
            Err(error) => vec![error.to_string()],
        }
    }

    async fn recipients(&self) -> Vec<AgeRecipient> {
        let asked = self.system.doors.iter().map(|opened| {
            let door = self.system.endpoint(opened["door"]);
            async move {
                let text = http::call(&door, Method::GET, "/spool/recipient", Vec::new(), WAIT)
                    .await
                    .unwrap();
                String::from_utf8(text).unwrap().trim().parse().unwrap()
            }
        });
        together(asked).await
    }

    fn clearance(&self, insurer: &InsurerId) -> Envelope {
        let now = clock::now();
        let evidence = Digest::of(format!("bench evidence of {insurer} at {now}").as_bytes());
        let clearance = Clearance {
            estate: self.ground.estate.id().clone(),
            environment: insurer.clone().into(),
            grade: Grade::Full,
            basis: Basis::Examined,
            examined: BTreeSet::from([evidence]),
            evidence_root: evidence,
            checklist: vec![ChecklistItem {
                item: words("DER.2.3.A2/A4/A5/A7 (Messung / measurement)"),
                result: CheckResult::Passed,
                note: None,
            }],
            relies_on: BTreeSet::new(),
            issued: now,
            expires: now.plus(GOOD_FOR),
        };
        self.cast.sign(&clearance, &["forensik-1", "forensik-3"]).unwrap()
    }

    fn opening(&self, lines: &[(usize, DoorLine)], clearances: BTreeSet<StatementId>) -> Envelope {
        let now = clock::now();
        let doors = lines.iter().map(|(_, line)| DoorOpening {
            door: line.door.clone(),
            epoch: line.epoch,
            lifts: line.restrictions.iter().copied().collect(),
        });
        let opening = Opening {
            estate: self.ground.estate.id().clone(),
            doors: doors.collect(),
            becomes: Becomes::Open,
            clearances,
            reason: words("nach Freigabe / after clearance"),
            issued: now,
            expires: now.plus(Seconds(3600)),
        };
        self.cast.sign(&opening, &["leitung-2"]).unwrap()
    }

    /// The insurer's yes, with the keys to what is held for it at each process, wrapped to that process.
    async fn consent(
        &self,
        insurer: &InsurerId,
        lines: &[(usize, DoorLine)],
        opening: StatementId,
        recipients: &[AgeRecipient],
    ) -> Envelope {
        let companion = self.cast.release_identity(insurer).unwrap();
        let own = lines
            .iter()
            .filter(|(_, line)| line.door.cell().insurer == *insurer);
        let processes: BTreeSet<usize> = own.map(|(process, _)| *process).collect();
        let mut rewrapped = Vec::new();
        for process in processes {
            let door = self.system.endpoint(self.system.doors[process]["door"]);
            let path = format!("/spool/keys?insurer={insurer}");
            let mut wrapped: Vec<RewrappedKey> = http::call_json(&door, Method::GET, &path, Vec::new(), WAIT)
                .await
                .unwrap();
            wrapped.retain(|key| lines.iter().any(|(_, line)| line.door == key.door));
            rewrapped.extend(companion.rewrap(&wrapped, &recipients[process]).unwrap());
        }
        let now = clock::now();
        let consent = Consent {
            estate: self.ground.estate.id().clone(),
            insurer: insurer.clone(),
            opening,
            identity: None,
            rewrapped,
            issued: now,
            expires: now.plus(GOOD_FOR),
        };
        self.cast.sign(&consent, &[&format!("{insurer}.a")]).unwrap()
    }
}

/// All of these, some at a time, in their order.
async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures = futures.peekable();
    let mut done = Vec::new();
    while futures.peek().is_some() {
        let group: Vec<_> = futures.by_ref().take(ASKED_AT_ONCE).map(Box::pin).collect();
        done.extend(join(group).await);
    }
    done
}

/// Waits for all of them at once.
async fn join<F: Future>(mut running: Vec<std::pin::Pin<Box<F>>>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in running.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
