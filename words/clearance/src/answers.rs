//! Whether an answer may leave an emergency environment.

use core::num::NonZeroU32;
use order::{Answer, AnswerRelease, Releases};
use vocabulary::{CellId, Digest, Envelope, EnvironmentId, StatementId, Timestamp};

use crate::{authority::Authority, refused::Refused, stand::not_yet};

/// An answer that wants to leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaving {
    /// The emergency environment it comes from, as its transport proved it.
    pub environment: EnvironmentId,
    /// The cell it answers for.
    pub cell: CellId,
    /// SHA-256 of its exact bytes.
    pub mail: Digest,
    /// What it is.
    pub answer: Answer,
}

/// Proof: a person of the insurer released this answer, or answers of this kind.
#[derive(PartialEq, Eq, Debug)]
pub struct AnswerRight {
    statement: StatementId,
    leaving: Leaving,
    per_day_max: Option<NonZeroU32>,
}

impl AnswerRight {
    /// The release behind it.
    #[must_use]
    pub const fn statement(&self) -> StatementId {
        self.statement
    }

    /// The only answer it is good for.
    #[must_use]
    pub const fn leaving(&self) -> &Leaving {
        &self.leaving
    }

    /// Where a policy released it: how many answers it lets go within 24 hours. The door that lets them go counts.
    #[must_use]
    pub const fn per_day_max(&self) -> Option<NonZeroU32> {
        self.per_day_max
    }
}

impl Authority {
    /// Whether a release lets an answer leave at an instant of witnessed time: signed by a consent person of the insurer
    /// by the charter in force, for this environment, cell and mail, not over, and not refused by the insurer since.
    ///
    /// # Errors
    /// [`Refused`] says what is missing.
    pub fn answer_right(
        &self,
        release: &Envelope,
        leaving: Leaving,
        now: Timestamp,
    ) -> Result<AnswerRight, Refused> {
        let signed = self.read::<AnswerRelease>(release, |body| &body.estate)?;
        let (statement, body) = (signed.id(), signed.body());
        self.by_insurer(&signed, &body.insurer)?;
        let not_released = |de, en| Refused::NotReleased {
            release: statement,
            why: (de, en),
        };
        if body.environment != leaving.environment {
            return Err(not_released(
                "andere Notumgebung",
                "another emergency environment",
            ));
        }
        let what = ("Die Freigabe der Antwort", "The release of the answer");
        if not_yet(body.issued, now) {
            let issued = body.issued;
            return Err(Refused::NotYet { what, issued, now });
        }
        if now > body.expires {
            let at = body.expires;
            return Err(Refused::Expired { what, at, now });
        }
        // A refusal of everything is about openings; towards fewer answers it is still a no.
        if let Some(refusal) = self.refusal_of(&body.insurer, &|_| true, &|against| against == statement) {
            return Err(Refused::InsurerRefused {
                insurer: body.insurer.clone(),
                refusal,
            });
        }
        let per_day_max = match &body.releases {
            Releases::Mails(mails) => {
                let named = mails.iter().any(|mail| {
                    mail.mail == leaving.mail && mail.cell == leaving.cell && mail.answer == leaving.answer
                });
                if !named {
                    return Err(not_released("nicht darin genannt", "not named in it"));
                }
                None
            }
            Releases::Policy {
                cells,
                answers,
                per_day_max,
            } => {
                if !cells.contains(&leaving.cell) {
                    return Err(not_released("andere Zelle", "another cell"));
                }
                if !answers.contains(&leaving.answer) {
                    return Err(not_released("andere Kennziffer", "another code"));
                }
                Some(*per_day_max)
            }
        };
        Ok(AnswerRight {
            statement,
            leaving,
            per_day_max,
        })
    }
}
