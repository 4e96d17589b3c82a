//! How the examiners of a drill clear environments.

use std::collections::BTreeSet;

use clearance::{Basis, CheckResult, ChecklistItem, Clearance, Grade};
use vocabulary::{Digest, Envelope, EnvironmentId, InsurerId, Scope};

use super::side::{Bulkhead, GOOD_FOR, Stopped, words};
use crate::{clock, report::Trouble};

impl Bulkhead {
    /// Full clearances for the environments in scope, by two examiners, one of them from outside.
    pub(super) async fn clear(&mut self, scope: &Scope, found: &str) -> Result<(), Stopped> {
        let insurers: BTreeSet<InsurerId> = self
            .lines(scope)
            .await?
            .into_iter()
            .map(|line| line.door.cell().insurer.clone())
            .collect();
        for insurer in insurers {
            let envelope = self.sign_clearance(&insurer, Grade::Full, found)?;
            self.cleared.insert(insurer, envelope.id());
            self.publish(&envelope).await?;
        }
        Ok(())
    }

    pub(super) fn sign_clearance(
        &self,
        insurer: &InsurerId,
        grade: Grade,
        found: &str,
    ) -> Result<Envelope, Trouble> {
        self.sign_clearance_by(insurer, grade, found, &["forensik-1", "forensik-3"])
    }

    /// A clearance signed by these examiners, however many they are.
    ///
    /// # Errors
    /// [`Trouble`] when a companion refuses.
    pub fn sign_clearance_by(
        &self,
        insurer: &InsurerId,
        grade: Grade,
        found: &str,
        examiners: &[&str],
    ) -> Result<Envelope, Trouble> {
        self.sign_clearance_of(insurer.clone().into(), grade, found, examiners)
    }

    /// A clearance of any environment.
    pub(super) fn sign_clearance_of(
        &self,
        environment: EnvironmentId,
        grade: Grade,
        found: &str,
        examiners: &[&str],
    ) -> Result<Envelope, Trouble> {
        let now = clock::now();
        let evidence = Digest::of(format!("drill evidence of {environment} at {now}").as_bytes());
        let clearance = Clearance {
            estate: self.estate.id().clone(),
            environment,
            grade,
            basis: Basis::Examined,
            examined: BTreeSet::from([evidence]),
            evidence_root: evidence,
            checklist: vec![ChecklistItem {
                item: words("DER.2.3.A2/A4/A5/A7 (Übung / drill)")?,
                result: CheckResult::Passed,
                note: Some(words(found)?),
            }],
            relies_on: BTreeSet::new(),
            issued: now,
            expires: now.plus(GOOD_FOR),
        };
        self.cast.sign(&clearance, examiners)
    }
}
