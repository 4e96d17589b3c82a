//! What a drill does to the system that no script asks for: it kills the doors, tries the wrong way in, and takes a
//! clearance back, and looks what becomes of it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use clearance::{Withdrawal, Withdraws};
use order::Becomes;
use vocabulary::{Position, Scope};

use super::side::{Bulkhead, PROOF_WAIT, Stopped, words};
use crate::{
    clock,
    door_wire::{DoorLine, StatusReply},
};

impl Bulkhead {
    /// Kills the door process while every door is closed, the first time it is asked, and looks how it comes back.
    pub(super) async fn crash_while_closed(&mut self) {
        let Ok(before) = self.status().await else { return };
        if self.seen.has_crashed() || before.doors.iter().any(|line| line.position == Position::Open) {
            return;
        }
        if let Err(trouble) = self.system.crash_doors() {
            self.seen.crashed(&before, Err(trouble.to_string()));
            return;
        }
        // At once, before any witness could have answered, and again when the view is fresh.
        let at_once = self.status().await.map_err(|error| error.to_string());
        self.seen.crashed(&before, at_once);
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let began = Instant::now();
        while began.elapsed() < PROOF_WAIT {
            ticks.tick().await;
            if let Ok(status) = self.status().await
                && status.fresh
            {
                self.seen.crashed(&before, Ok(status));
                return;
            }
        }
        self.seen
            .crashed(&before, Err("no fresh view after the restart".to_owned()));
    }

    /// Withdraws the clearance of one environment whose doors are open, and waits for them to close by themselves.
    pub(super) async fn withdraw_one(&mut self) -> Option<(usize, usize)> {
        let (insurer, clearance) = self
            .cleared
            .iter()
            .next()
            .map(|(insurer, id)| (insurer.clone(), *id))?;
        let of_insurer = |status: StatusReply| -> Vec<DoorLine> {
            status
                .doors
                .into_iter()
                .filter(|line| line.door.cell().insurer == insurer)
                .collect()
        };
        let open_before = of_insurer(self.status().await.ok()?)
            .iter()
            .filter(|line| line.position == Position::Open)
            .count();
        let withdrawal = Withdrawal {
            estate: self.estate.id().clone(),
            withdraws: Withdraws::Clearance(clearance),
            reason: words("Übung: neuer Fund / drill: a new finding").ok()?,
            issued: clock::now(),
        };
        let envelope = self.cast.sign(&withdrawal, &["forensik-3"]).ok()?;
        self.publish(&envelope).await.ok()?;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let began = Instant::now();
        loop {
            ticks.tick().await;
            let lines = of_insurer(self.status().await.ok()?);
            let still_open = lines
                .iter()
                .filter(|line| line.position == Position::Open)
                .count();
            if still_open == 0 || began.elapsed() > PROOF_WAIT {
                return Some((open_before, still_open));
            }
        }
    }

    /// Tries to open every closed door with one commander and one examiner, as somebody with a stolen control room
    /// would. The doors must refuse; their sentence is kept as evidence.
    pub(super) async fn attack(&mut self) {
        let attempt = async {
            let closed: Vec<DoorLine> = self
                .lines(&Scope::everything())
                .await?
                .into_iter()
                .filter(|line| line.position != Position::Open)
                .collect();
            if closed.is_empty() {
                return Ok(None);
            }
            let opening = self.sign_opening(&closed, Becomes::Open, BTreeSet::new())?;
            self.publish(&opening).await?;
            Ok::<_, Stopped>(Some((closed.len(), self.try_opening(opening.id()).await?)))
        };
        match attempt.await {
            Ok(Some((tried, outcome))) => self.seen.attacked(tried, &outcome),
            Ok(None) => {}
            Err(Stopped::Refused(sentence)) => self.seen.attack_failed(sentence),
            Err(Stopped::Trouble(trouble)) => self.seen.attack_failed(trouble.to_string()),
        }
    }
}
