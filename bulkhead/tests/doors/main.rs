//! Doors that stay shut, and orders that close them, through the command line and real processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

mod by_itself;
mod caution;
mod lost;
mod orders;
mod rebuilt;
mod refusals;

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Stdio},
};

use bulkhead::{clock, door_wire::DoorLine, exercise::sign::read_and_sign, files};
use clearance::{Basis, CheckResult, ChecklistItem, Clearance, Consent, Grade, Withdrawal, Withdraws};
use common::{Ran, World, cell_of, get, positions, run, until};
use drill::{
    script::Action,
    side::{Outcome, Side as _},
};
use order::{Act, Becomes, Body, CharterDraft, Closing, PublicKey, Stance, Text, Uses, Version};
use ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};
use vocabulary::{
    Class, Digest, Envelope, Flow, InsurerId, Position, RestrictionId, Scope, Seconds, StatementId, Timestamp,
};

fn text(words: &str) -> Text {
    Text::try_from(words.to_owned()).unwrap()
}

fn insurer(number: usize) -> InsurerId {
    format!("kasse-{number:03}").parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp(clock::now().0 - seconds)
}

/// A full clearance of an insurer's environment, as yet unsigned.
fn clearance(world: &World, of: usize) -> Clearance {
    let now = clock::now();
    // Two clearances of one second must not be one and the same statement.
    let evidence = Digest::of(format!("evidence of examination {}", world.papers()).as_bytes());
    Clearance {
        estate: world.estate.id().clone(),
        environment: insurer(of).into(),
        grade: Grade::Full,
        basis: Basis::Examined,
        examined: BTreeSet::from([evidence]),
        evidence_root: evidence,
        checklist: vec![ChecklistItem {
            item: text("DER.2.3.A2"),
            result: CheckResult::Passed,
            note: None,
        }],
        relies_on: BTreeSet::new(),
        issued: now,
        expires: now.plus(Seconds(3600)),
    }
}

const EXAMINERS: [&str; 2] = ["forensik-1", "forensik-3"];

impl World {
    /// The doors of the first insurer as they stand.
    async fn lines(&self) -> Vec<DoorLine> {
        let mut lines = self.status().await.doors;
        lines.retain(|line| line.door.cell().insurer == insurer(1));
        assert_eq!(lines.len(), 2);
        lines
    }

    /// Signs and publishes.
    fn bring<B: Body>(&mut self, body: &B, signers: &[&str]) -> StatementId {
        let envelope = self.side.cast.sign(body, signers).unwrap();
        self.publish(&envelope);
        envelope.id()
    }

    /// Publishes an opening with the insurer's consent and has the doors try it.
    async fn try_with(&mut self, lines: &[DoorLine], clearances: &[StatementId]) -> Ran {
        let opening = self
            .side
            .sign_opening(lines, Becomes::Open, clearances.iter().copied().collect())
            .unwrap();
        self.try_opening(&opening)
    }

    fn try_opening(&mut self, opening: &Envelope) -> Ran {
        self.publish(opening);
        self.consent(opening.id());
        self.at_door("open", opening)
    }

    fn consent(&mut self, opening: StatementId) {
        let now = clock::now();
        let consent = Consent {
            estate: self.estate.id().clone(),
            insurer: insurer(1),
            opening,
            identity: None,
            rewrapped: Vec::new(),
            issued: now,
            expires: now.plus(Seconds(3600)),
        };
        self.bring(&consent, &["kasse-001.a"]);
    }

    /// It was refused with these words, and no door moved.
    async fn stays_shut(&self, refused: Ran, words: &[&str]) {
        refused.expect(1, words);
        assert!(self.is_all(Position::Held).await);
    }

    fn closing(&self, class: Class, scope: Scope, uses: Uses) -> Closing {
        Closing {
            estate: self.estate.id().clone(),
            scope,
            act: Act::Tighten {
                stance: Stance::Contain,
                class,
                drain: None,
            },
            uses,
            signal: None,
            reason: text("Verdacht / suspicion"),
            issued: clock::now(),
        }
    }

    /// The charter in force as its people would draft the next one from it.
    fn next_charter(&self) -> CharterDraft {
        let mut draft = CharterDraft::read(&self.side.cast.charter).unwrap();
        draft.previous = Some(self.side.cast.charter.id().0);
        draft.version = Version(2);
        draft.issued = clock::now();
        draft
    }
}

fn withdrawal(world: &World, of: StatementId) -> Withdrawal {
    Withdrawal {
        estate: world.estate.id().clone(),
        withdraws: Withdraws::Clearance(of),
        reason: text("neuer Fund / a new finding"),
        issued: clock::now(),
    }
}
