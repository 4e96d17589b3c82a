//! Writing down where the environment of the roots stands: the restoration lead's word that identity, names, mail and keys
//! are up again. No door looks at it; the plan and PLAN-1 do. Insurers' environments follow from orders, clearances and
//! tests, and are not moved by hand.

use evidence::{RoomEntry, room::EnvironmentMoved};
use vocabulary::{EnvironmentId, PersonId};

use crate::{act::NotMade, answer::Asked};

/// States people may write down, and whether they need a clearance. The words are those of the restoration room.
const STATES: [(&str, Needs); 4] = [
    ("contained", Needs::Nothing),
    ("restoring", Needs::Clearance),
    ("verifying", Needs::Clearance),
    ("normal", Needs::Clearance),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Clearance,
}

/// The entry; German and English names of a field that does not do, otherwise.
pub(crate) fn moved(asked: &Asked<'_>, by: PersonId) -> Result<RoomEntry, NotMade> {
    let environment = asked.form.field("environment");
    let environment: EnvironmentId = environment
        .and_then(|text| text.trim().parse().ok())
        .filter(|id| !is_insurers(asked, id))
        .ok_or(NotMade::Field {
            de: "Umgebung",
            en: "environment",
        })?;
    let named = asked.form.field("state").unwrap_or_default();
    let (state, needs) = STATES
        .into_iter()
        .find(|(state, _)| *state == named)
        .ok_or(NotMade::Field {
            de: "Stand",
            en: "state",
        })?;
    if needs == Needs::Clearance && !is_cleared(asked, &environment) {
        return Err(NotMade::NotCleared(environment));
    }
    Ok(EnvironmentMoved {
        by: Some(by),
        environment,
        state: String::from(state),
    }
    .into())
}

fn is_insurers(asked: &Asked<'_>, id: &EnvironmentId) -> bool {
    let mut insurers = asked.ctx.room.estate.insurers();
    insurers.any(|insurer| insurer.id.as_str() == id.as_str())
}

/// Whether a full clearance of it stands: roots first, but never before their own examination.
fn is_cleared(asked: &Asked<'_>, id: &EnvironmentId) -> bool {
    let statements = asked.ctx.room.picture.statements();
    statements.clearances.iter().any(|(statement, signed)| {
        signed.body.environment == *id
            && signed.body.grade == clearance::Grade::Full
            && asked.request.now < signed.body.expires
            && !statements.fallen(*statement)
    })
}
