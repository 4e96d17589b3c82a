//! The people: what they sign, and the ceremony that opens every door, one opening and one consent for each insurer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bulkhead::{
    clock,
    door_wire::{DoorLine, Outcome, StatusReply, TryOpening},
    exercise::cast::Cast,
    http,
};
use clearance::{Basis, CheckResult, ChecklistItem, Clearance, Consent, Grade, RewrappedKey};
use hyper::Method;
use order::{Act, AgeRecipient, Becomes, Closing, DoorOpening, Opening, Stance, Text, Uses};
use vocabulary::{Class, Digest, DoorId, Envelope, InsurerId, Position, Scope, Seconds, StatementId};

use crate::{
    ground::{Ground, Part},
    system::System,
};

/// Longest wait for one answer.
const WAIT: Duration = Duration::from_secs(60);
const GOOD_FOR: Seconds = Seconds(24 * 3600);
/// Door processes that are asked beside each other.
const ASKED_AT_ONCE: usize = 16;
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
    /// Appends a statement to the authority log.
    pub async fn publish(&self, envelope: &Envelope) {
        let body = serde_json::to_vec(envelope).unwrap();
        let control = self.system.endpoint(self.system.control);
        http::call(&control, Method::POST, "/statement", body, WAIT)
            .await
            .unwrap();
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

    /// Closed doors by insurer, with the processes that guard them.
    async fn closed(&self) -> BTreeMap<InsurerId, Vec<(usize, DoorLine)>> {
        let mut closed: BTreeMap<InsurerId, Vec<(usize, DoorLine)>> = BTreeMap::new();
        for (process, status) in self.statuses().await.into_iter().enumerate() {
            for line in status.doors {
                if line.position != Position::Open {
                    let insurer = line.door.cell().insurer.clone();
                    closed.entry(insurer).or_default().push((process, line));
                }
            }
        }
        closed
    }

    async fn open_once(&self) -> bool {
        let closed = self.closed().await;
        let recipients = self.recipients().await;
        // By process, the openings that name doors of it.
        let mut asked: BTreeMap<usize, BTreeSet<StatementId>> = BTreeMap::new();
        for (insurer, lines) in &closed {
            let clearance = self.clearance(insurer);
            self.publish(&clearance).await;
            let opening = self.opening(lines, clearance.id());
            self.publish(&opening).await;
            self.publish(&self.consent(insurer, lines, opening.id(), &recipients).await)
                .await;
            for (process, _) in lines {
                asked.entry(*process).or_default().insert(opening.id());
            }
        }
        let tries = asked
            .iter()
            .map(|(process, openings)| self.try_openings(*process, openings));
        let refused: Vec<String> = together(tries).await.into_iter().flatten().collect();
        if let Some(first) = refused.first() {
            eprintln!("{} refusals, the first: {first}", refused.len());
        }
        self.closed().await.is_empty()
    }

    /// Asks one process to try openings; gives what it refused.
    async fn try_openings(&self, process: usize, openings: &BTreeSet<StatementId>) -> Vec<String> {
        let door = self.system.endpoint(self.system.doors[process]["door"]);
        let mut refused = Vec::new();
        for opening in openings {
            let wait = Seconds(20);
            let body = serde_json::to_vec(&TryOpening {
                opening: *opening,
                wait,
            })
            .unwrap();
            match http::call_json::<Outcome>(&door, Method::POST, "/open", body, WAIT).await {
                Ok(outcome) => {
                    let own = &self.ground.parts[process].services;
                    let mine = outcome.refused.into_iter();
                    // The doors the opening names elsewhere are not for this process to open.
                    let mine = mine.filter(|line| own.contains(&line.door.cell().service));
                    refused.extend(mine.map(|line| format!("{}: {}", line.door, line.missing)));
                }
                Err(error) => refused.push(error.to_string()),
            }
        }
        refused
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

    fn opening(&self, lines: &[(usize, DoorLine)], clearance: StatementId) -> Envelope {
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
            clearances: BTreeSet::from([clearance]),
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
        let processes: BTreeSet<usize> = lines.iter().map(|(process, _)| *process).collect();
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
