//! The system as the drill's runner sees it: the people of the cast act on the running processes, over the same ways
//! as in earnest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use ::drill::{
    chance::Clock,
    outside::Way,
    script::{Action, Pace},
    side::{Certificate, Kept, Outcome, Promise, Side, Told, Ways},
};
use estate::Estate;
use hyper::Method;
use order::{Act, Closing, Stance, Text, Uses};
use vocabulary::{Class, DoorId, Envelope, InsurerId, Millis, Place, Position, Scope, Seconds, StatementId};

use super::{
    cast::Cast,
    checks,
    roots::Roots,
    system::System,
    told::{self, Watcher},
};
use crate::{
    clock,
    door_wire::{DoorLine, Outcome as DoorOutcome, StatusReply},
    http,
    probe::Proofs,
    report::{Code, Trouble},
};

/// Longest wait for an answer of one of our parts.
pub(super) const WAIT: Duration = Duration::from_secs(30);
/// Longest wait for the prober to find every door of an order proven.
pub(super) const PROOF_WAIT: Duration = Duration::from_secs(20);
/// How long statements of the drill are good for.
pub(super) const GOOD_FOR: Seconds = Seconds(24 * 3600);

/// The system with its people.
pub struct Bulkhead {
    /// The running processes.
    pub system: System,
    /// Everybody who can sign.
    pub cast: Cast,
    pub(super) estate: Estate,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pace: Pace,
    /// Full clearances by environment, the latest.
    pub(super) cleared: BTreeMap<InsurerId, StatementId>,
    /// Where the roots stand, as its people said.
    pub(super) roots: Roots,
    /// What the drill saw of the promises on the way.
    pub seen: checks::Seen,
    /// How the first cut was told.
    told: Option<Told>,
}

/// What kept a step from being carried out: trouble of the drill itself, or a refusal to be told.
pub(super) enum Stopped {
    Trouble(Trouble),
    Refused(String),
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<http::CallError> for Stopped {
    fn from(error: http::CallError) -> Self {
        Self::Refused(error.to_string())
    }
}

pub(super) fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::because(
        Code::Drill,
        "Ein Schritt der Übung misslang. / A step of the drill failed.",
        error,
    )
}

pub(super) fn words(text: &str) -> Result<Text, Trouble> {
    Text::try_from(text.to_owned()).map_err(wrong)
}

pub(super) fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

impl Bulkhead {
    /// The system, its people, and the estate they speak about.
    pub fn new(system: System, cast: Cast, estate: Estate, clock: Arc<dyn Clock>, pace: Pace) -> Self {
        Self {
            system,
            cast,
            estate,
            clock,
            pace,
            cleared: BTreeMap::new(),
            roots: Roots::default(),
            seen: checks::Seen::default(),
            told: None,
        }
    }

    /// The ceremony in peace: the first charter, clearances of environments nobody ever touched, and the first opening
    /// of every door. Until then every door stands contained, because it is new.
    ///
    /// # Errors
    /// [`Trouble`] when a door refuses.
    pub async fn open_in_peace(&mut self) -> Result<(), Trouble> {
        let ceremony = async {
            self.publish(&self.cast.charter).await?;
            self.roots_up().await?;
            let everything = Scope::everything();
            self.clear(
                &everything,
                "in Betrieb genommen, nie berührt / commissioned, never touched",
            )
            .await?;
            self.open(&everything).await
        };
        match ceremony.await {
            Ok(_spans) => Ok(()),
            Err(Stopped::Trouble(trouble)) => Err(trouble),
            Err(Stopped::Refused(sentence)) => Err(wrong(sentence)),
        }
    }

    /// Where every door stands now.
    ///
    /// # Errors
    /// [`http::CallError`] when the door process does not answer.
    pub async fn status(&self) -> Result<StatusReply, http::CallError> {
        let door = self
            .system
            .door_endpoint()
            .map_err(|trouble| http::CallError::Garbled {
                address: self.system.control,
                what: trouble.to_string(),
            })?;
        http::call_json(&door, Method::GET, "/status", Vec::new(), WAIT).await
    }

    /// Appends a statement to the authority log.
    pub(super) async fn publish(&self, envelope: &Envelope) -> Result<(), Stopped> {
        let body = serde_json::to_vec(envelope).map_err(wrong)?;
        let control = self.system.endpoint(self.system.control);
        http::call(&control, Method::POST, "/statement", body, WAIT).await?;
        Ok(())
    }

    /// The doors in scope that this system guards, as they stand.
    pub(super) async fn lines(&self, scope: &Scope) -> Result<Vec<DoorLine>, Stopped> {
        let mut lines = self.status().await?.doors;
        lines.retain(|line| {
            self.estate
                .place(&line.door)
                .is_some_and(|place| scope.covers(&place))
        });
        Ok(lines)
    }

    async fn close(
        &mut self,
        scope: &Scope,
        stance: Stance,
        class: Class,
        reason: &str,
    ) -> Result<Outcome, Stopped> {
        let doors: BTreeSet<DoorId> = self
            .lines(scope)
            .await?
            .into_iter()
            .map(|line| line.door)
            .collect();
        if doors.is_empty() {
            return Ok(Outcome::NotBuilt);
        }
        let closing = Closing {
            estate: self.estate.id().clone(),
            scope: scope.clone(),
            act: Act::Tighten {
                stance,
                class,
                drain: None,
            },
            uses: Uses::Once,
            signal: None,
            reason: words(reason)?,
            issued: clock::now(),
        };
        let envelope = self.cast.sign(&closing, &["leitung-1"])?;
        let body = serde_json::to_vec(&envelope).map_err(wrong)?;
        let began = Instant::now();
        // Straight to the doors: a cut does not wait for the log. The log gets it too, for everyone else.
        let answer = http::call(&self.system.door_endpoint()?, Method::POST, "/close", body, WAIT).await?;
        let applied = millis(began.elapsed());
        let outcome: DoorOutcome = serde_json::from_slice(&answer).map_err(wrong)?;
        self.seen.cut(&outcome, class, doors.len());
        self.publish(&envelope).await?;
        let is_meant = |position| match stance {
            Stance::Contain | Stance::Held => position != Position::Open,
            Stance::Shut => position == Position::Shut,
        };
        let page = told::on_page(self.system.site(), &doors, began);
        // The first cut is the one whose telling is measured; the others wait for nobody.
        let proven = if self.told.is_none() {
            let screen = self.watcher(&doors, began);
            let (proven, page, screen) =
                tokio::join!(self.wait_for_proof(&doors, is_meant, began), page, screen);
            self.told = Some(Told { screen, page });
            proven
        } else {
            self.wait_for_proof(&doors, is_meant, began).await
        };
        Ok(Outcome::Done {
            applied: Some(applied),
            proven,
        })
    }

    /// A commander at the console: when the picture showed these doors closed and proven.
    fn watcher(
        &self,
        doors: &BTreeSet<DoorId>,
        began: Instant,
    ) -> impl Future<Output = Option<Millis>> + use<> {
        let origin = format!("http://{}", self.system.console);
        let key = self.cast.key_of("leitung-2");
        let doors = doors.clone();
        async move {
            let watching = tokio::task::spawn_blocking(move || {
                let watcher = Watcher::log_in(&origin.parse().ok()?, &key?, &doors, began);
                match watcher {
                    Ok(watcher) => watcher.until_proven(),
                    Err(trouble) => {
                        tracing::warn!(%trouble, cause = ?trouble.cause, "nobody watches the console");
                        None
                    }
                }
            });
            watching.await.ok().flatten()
        }
    }

    /// Waits until the prober failed to get through every one of these doors at its present epoch.
    async fn wait_for_proof(
        &mut self,
        doors: &BTreeSet<DoorId>,
        is_meant: impl Fn(Position) -> bool,
        began: Instant,
    ) -> Option<Millis> {
        let prober = self.system.endpoint(self.system.probe);
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while began.elapsed() < PROOF_WAIT {
            ticks.tick().await;
            let (Ok(status), Ok(proofs)) = (
                self.status().await,
                http::call_json::<Proofs>(&prober, Method::GET, "/proofs", Vec::new(), WAIT).await,
            ) else {
                continue;
            };
            let standing = status.doors.iter().filter(|line| doors.contains(&line.door));
            let proven = standing.clone().all(|line| {
                proofs.get(&line.door).is_some_and(|proof| {
                    proof.epoch == line.epoch && proof.position == line.position && proof.failures.is_empty()
                })
            });
            let closed = standing.clone().all(|line| is_meant(line.position));
            if proven && closed {
                self.seen.proven(
                    proofs
                        .iter()
                        .filter(|(door, _)| doors.contains(door))
                        .map(|(_, proof)| proof),
                );
                return Some(millis(began.elapsed()));
            }
        }
        let proofs = http::call_json::<Proofs>(&prober, Method::GET, "/proofs", Vec::new(), WAIT).await;
        self.seen.unproven(
            proofs
                .unwrap_or_default()
                .iter()
                .filter(|(door, _)| doors.contains(door)),
        );
        None
    }

    async fn do_it(&mut self, action: &Action) -> Result<Outcome, Stopped> {
        match action {
            Action::Cut { scope, class } => {
                let outcome = self
                    .close(
                        scope,
                        Stance::Contain,
                        *class,
                        "Übung: Abschottung / drill: containment",
                    )
                    .await?;
                if *scope == Scope::everything() {
                    self.roots_cut().await?;
                }
                Ok(outcome)
            }
            Action::Shut { scope, class } => {
                self.close(
                    scope,
                    Stance::Shut,
                    *class,
                    "Übung: namentlich geschlossen / drill: shut by name",
                )
                .await
            }
            Action::ReShut { scope } => {
                self.close(
                    scope,
                    Stance::Contain,
                    Class::Containment,
                    "Übung: geplante Wiederabschaltung / drill: planned re-shutdown",
                )
                .await
            }
            Action::Provisional { scope, hours } => {
                self.roots_up().await?;
                self.provisional(scope, hours.0).await
            }
            Action::Clear { scope } => {
                self.roots_up().await?;
                self.clear(scope, "untersucht (Übung) / examined (drill)").await?;
                Ok(Outcome::Done {
                    applied: None,
                    proven: None,
                })
            }
            Action::Open { scope } => self.open(scope).await,
            Action::OpenTraffic
            | Action::CloseTraffic
            | Action::KeysGone
            | Action::KeysBack
            | Action::ServerOff
            | Action::ServerOn
            | Action::Certificate => Ok(Outcome::NotBuilt),
        }
    }

    /// The spool's own certificate, all cells together.
    ///
    /// # Errors
    /// [`http::CallError`] when the door process does not answer.
    pub async fn spool_certificate(&self) -> Result<spool::Certificate, http::CallError> {
        let door = self
            .system
            .door_endpoint()
            .map_err(|trouble| http::CallError::Garbled {
                address: self.system.control,
                what: trouble.to_string(),
            })?;
        http::call_json(&door, Method::GET, "/spool/certificate", Vec::new(), WAIT).await
    }
}

impl Side for Bulkhead {
    fn ways(&self) -> Ways {
        let way = |name: &str| Way::plain(self.system.door.get(name).copied().unwrap_or(self.system.control));
        Ways {
            intake: way("intake"),
            fetch: way("fetch"),
            submission: way("submission"),
        }
    }

    fn guards(&self, place: &Place) -> bool {
        self.system.doors.iter().any(|door| {
            let cell = door.cell();
            cell.insurer == place.insurer && cell.service == place.service
        })
    }

    async fn act(&mut self, action: &Action) -> Outcome {
        let sentence = match self.do_it(action).await {
            Ok(outcome) => return outcome,
            Err(Stopped::Refused(sentence)) => sentence,
            Err(Stopped::Trouble(trouble)) => {
                std::error::Error::source(&trouble).map_or_else(|| trouble.to_string(), ToString::to_string)
            }
        };
        Outcome::Refused {
            de: vocabulary::german(&sentence),
            en: vocabulary::english(&sentence),
        }
    }

    async fn certificate(&mut self) -> Option<Certificate> {
        // While everything is closed the door process dies once, and somebody tries the wrong way in.
        self.crash_while_closed().await;
        self.attack().await;
        let certificate = self.spool_certificate().await.ok()?;
        Some(Certificate {
            // Repeats were answered with an id that existed: they are no further items.
            offered: certificate.offered.saturating_sub(certificate.repeats),
            accepted: certificate.accepted,
            refused: certificate.refused_total(),
            held: certificate.held.count,
            in_doubt: certificate.in_doubt.count,
            handed_over: certificate.handed_over.count + certificate.reclaimed,
            parked: certificate.parked.count,
        })
    }

    fn told(&self) -> Told {
        self.told.unwrap_or_default()
    }

    async fn promises(&mut self) -> Vec<Promise> {
        checks::promises(self).await
    }
}

/// A promise with its finding.
pub fn promise(id: &str, kept: Kept, evidence: impl Into<String>) -> Promise {
    Promise {
        id: id.to_owned(),
        kept,
        evidence: evidence.into(),
    }
}
