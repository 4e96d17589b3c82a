//! How the people of a drill open doors: an opening by a commander, a consent with keys by each insurer, and for
//! provisional operation a limited clearance whose end is announced.

use std::{collections::BTreeSet, time::Instant};

use ::drill::{facts::StoryHours, side::Outcome};
use clearance::{Consent, Grade, RewrappedKey};
use hyper::Method;
use order::{Becomes, DoorOpening, Opening};
use vocabulary::{DoorId, Envelope, Flow, InsurerId, Position, Scope, Seconds, StatementId, Timestamp};

use super::side::{Bulkhead, GOOD_FOR, Stopped, WAIT, millis, words, wrong};
use crate::{
    clock,
    door_wire::{DoorLine, Outcome as DoorOutcome, TryOpening},
    http,
    report::Trouble,
};

/// How often people decide again before they give up.
const DECISIONS_MAX: usize = 3;

impl Bulkhead {
    /// Opens every closed door in scope that is cleared. A door that changed while people signed (a grant ended, say)
    /// refuses an opening for its old epoch; people then look again and decide again.
    pub(super) async fn open(&mut self, scope: &Scope) -> Result<Outcome, Stopped> {
        let began = Instant::now();
        let mut refused = None;
        for _ in 0..DECISIONS_MAX {
            match self.open_once(scope).await {
                Err(Stopped::Refused(sentence)) => refused = Some(sentence),
                Ok(Outcome::NotBuilt) if refused.is_some() => {
                    return Ok(Outcome::Done {
                        applied: Some(millis(began.elapsed())),
                        proven: None,
                    });
                }
                other => return other,
            }
        }
        Err(Stopped::Refused(refused.unwrap_or_default()))
    }

    /// One decision: an opening by a commander, and a consent with keys by each insurer.
    async fn open_once(&mut self, scope: &Scope) -> Result<Outcome, Stopped> {
        let closed: Vec<DoorLine> = self
            .lines(scope)
            .await?
            .into_iter()
            .filter(|line| line.position != Position::Open)
            .collect();
        if closed.is_empty() {
            return Ok(Outcome::NotBuilt);
        }
        let insurers: BTreeSet<&InsurerId> = closed.iter().map(|line| &line.door.cell().insurer).collect();
        let clearances = insurers
            .iter()
            .filter_map(|insurer| self.cleared.get(*insurer).copied())
            .collect();
        self.open_as(&closed, Becomes::Open, clearances).await
    }

    async fn open_as(
        &mut self,
        closed: &[DoorLine],
        becomes: Becomes,
        clearances: BTreeSet<StatementId>,
    ) -> Result<Outcome, Stopped> {
        let began = Instant::now();
        let opening = self.sign_opening(closed, becomes, clearances)?;
        self.publish(&opening).await?;
        let insurers: BTreeSet<InsurerId> = closed
            .iter()
            .map(|line| line.door.cell().insurer.clone())
            .collect();
        let recipient = self.door_recipient().await?;
        let named: BTreeSet<&DoorId> = closed.iter().map(|line| &line.door).collect();
        for insurer in &insurers {
            let consent = self
                .sign_consent(insurer, opening.id(), &named, &recipient)
                .await?;
            self.publish(&consent).await?;
        }
        let outcome = self.try_opening(opening.id()).await?;
        match outcome.refused.first() {
            Some(refused) => Err(Stopped::Refused(refused.missing.clone())),
            None if outcome.applied.len() < closed.len() => Err(Stopped::Refused(format!(
                "Nur {} von {} Türen öffneten. / Only {} of {} doors opened.",
                outcome.applied.len(),
                closed.len(),
                outcome.applied.len(),
                closed.len()
            ))),
            None => Ok(Outcome::Done {
                applied: Some(millis(began.elapsed())),
                proven: None,
            }),
        }
    }

    /// An opening for these doors as they stand, signed by one commander.
    ///
    /// # Errors
    /// [`Trouble`] when the companion refuses.
    pub fn sign_opening(
        &self,
        closed: &[DoorLine],
        becomes: Becomes,
        clearances: BTreeSet<StatementId>,
    ) -> Result<Envelope, Trouble> {
        let now = clock::now();
        let opening = Opening {
            estate: self.estate.id().clone(),
            doors: closed
                .iter()
                .map(|line| DoorOpening {
                    door: line.door.clone(),
                    epoch: line.epoch,
                    lifts: line.restrictions.iter().copied().collect(),
                })
                .collect(),
            becomes,
            clearances,
            reason: words("nach Freigabe / after clearance")?,
            issued: now,
            expires: now.plus(Seconds(3600)),
        };
        self.cast.sign(&opening, &["leitung-2"])
    }

    /// Asks the doors to try an opening that stands in the log.
    pub(super) async fn try_opening(&self, opening: StatementId) -> Result<DoorOutcome, Stopped> {
        let asked = serde_json::to_vec(&TryOpening {
            opening,
            wait: Seconds(10),
        })
        .map_err(wrong)?;
        let door = self.system.door_endpoint()?;
        Ok(http::call_json(&door, Method::POST, "/open", asked, WAIT).await?)
    }

    async fn door_recipient(&self) -> Result<order::AgeRecipient, Stopped> {
        let door = self.system.door_endpoint()?;
        let text = http::call(&door, Method::GET, "/spool/recipient", Vec::new(), WAIT).await?;
        let text = String::from_utf8(text).map_err(wrong)?;
        Ok(text.trim().parse::<order::AgeRecipient>().map_err(wrong)?)
    }

    /// The insurer's yes, with the keys to what is held for it, wrapped to the door.
    async fn sign_consent(
        &self,
        insurer: &InsurerId,
        opening: StatementId,
        named: &BTreeSet<&DoorId>,
        recipient: &order::AgeRecipient,
    ) -> Result<Envelope, Stopped> {
        let door = self.system.door_endpoint()?;
        let path = format!("/spool/keys?insurer={insurer}");
        let mut wrapped: Vec<RewrappedKey> =
            http::call_json(&door, Method::GET, &path, Vec::new(), WAIT).await?;
        // Keys of doors the opening does not name stay with the insurer.
        wrapped.retain(|key| named.contains(&key.door));
        let rewrapped = self
            .cast
            .release_identity(insurer)?
            .rewrap(&wrapped, recipient)
            .map_err(wrong)?;
        let now = clock::now();
        let consent = Consent {
            estate: self.estate.id().clone(),
            insurer: insurer.clone(),
            opening,
            identity: None,
            rewrapped,
            issued: now,
            expires: now.plus(GOOD_FOR),
        };
        Ok(self.cast.sign(&consent, &[&format!("{insurer}.a")])?)
    }

    /// Provisional operation under a limited clearance; its end is announced in the clearance itself.
    pub(super) async fn provisional(&mut self, scope: &Scope, hours: f64) -> Result<Outcome, Stopped> {
        let closed: Vec<DoorLine> = self
            .lines(scope)
            .await?
            .into_iter()
            .filter(|line| line.position != Position::Open)
            .collect();
        if closed.is_empty() {
            return Ok(Outcome::NotBuilt);
        }
        let until = self.story_later(hours);
        let mut clearances = BTreeSet::new();
        let insurers: BTreeSet<InsurerId> = closed
            .iter()
            .map(|line| line.door.cell().insurer.clone())
            .collect();
        for insurer in &insurers {
            let grade = Grade::Limited {
                cells: closed
                    .iter()
                    .map(|line| line.door.cell().clone())
                    .filter(|cell| cell.insurer == *insurer)
                    .collect(),
                peers: None,
                directions: BTreeSet::from([Flow::Forward, Flow::Fetch, Flow::Send]),
                until,
            };
            let envelope = self.sign_clearance(insurer, grade, "eingeschränkt / limited")?;
            clearances.insert(envelope.id());
            self.publish(&envelope).await?;
        }
        self.open_as(&closed, Becomes::Limited { until }, clearances)
            .await
    }

    /// The wall-clock instant that lies so many hours of the story ahead; at least two seconds, for instants are whole.
    fn story_later(&self, hours: f64) -> Timestamp {
        let now = self.clock.now();
        let later = self.pace.drill(StoryHours(self.pace.story(now).0 + hours));
        let seconds = later.0.saturating_sub(now.0).div_ceil(1000).max(2);
        clock::now().plus(Seconds(seconds))
    }
}
