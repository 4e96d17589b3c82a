//! One cell: its door, why it stands as it stands, who said so, and what happened to it.

use evidence::{Cause, Door, Restriction, Test};
use vocabulary::{
    CellId, DoorId, FlowRules, IntakeRule, RestrictionId, SessionRule, StatementId, TransitRule,
};

use super::{
    cells::{self, Cell, cell, holdable},
    shape::{At, views},
};
use crate::{Asked, page::words};

/// Most things shown of what happened to one cell; the rest is in the journal.
const HISTORY_MAX: usize = 200;

views! {
    /// One cell with everything that is known of it.
    CellDetail {
        /// The cell as in the matrix.
        cell: Cell,
        /// The insurer's name for people.
        insurer_name: String,
        /// The service's name for people.
        service_name: String,
        /// Its data centre.
        site: String,
        /// Whether intake can wait in the spool.
        holdable: bool,
        /// People an outage hits.
        persons: u64,
        /// Maximum tolerable downtime in hours.
        mtd_hours: u64,
        /// Where the insurer's environment stands on the way back.
        environment: Option<String>,
        /// What happens to each flow.
        flows: Option<Flows>,
        /// What stands against it. An opening must name every one of them.
        restrictions: Vec<RestrictionView>,
        /// Limited or emergency operation on top.
        grants: Vec<GrantView>,
        /// The clearances it was opened on.
        stands_on: Vec<String>,
        /// Digests of the evidence it was opened on. A withdrawal may name one.
        evidence: Vec<String>,
        /// Orders in the authority log that have not reached it.
        ordered: Vec<String>,
        /// What the prober found for exactly what the door does now.
        proof: Option<ProofView>,
        /// What is wrong with the ledger that tells about it.
        doubts: Vec<String>,
        /// Openings the door refused, with what was missing.
        refusals: Vec<RefusalView>,
        /// Items by class, from the spool.
        backlog: Option<BacklogView>,
        /// The insurer's test of the returned cell: `accepted` or `refused`.
        test: Option<TestView>,
        /// The slot the insurer booked.
        slot: Option<SlotView>,
        /// What happened, newest first.
        history: Vec<Happening>,
    }
    /// What happens to each direction: `pass`, `store`, `refuse`, `stop`, `run`, `finish-intake` or `cut`.
    Flows {
        /// What outsiders hand in.
        intake: &'static str,
        /// What is handed on to the insurer's regular system.
        forward: &'static str,
        /// What the insurer's consumer takes out.
        fetch: &'static str,
        /// What the insurer's systems send.
        send: &'static str,
        /// Sessions that are open.
        sessions: &'static str,
    }
    /// One restriction at a door.
    RestrictionView {
        /// Its name; openings name it.
        id: String,
        /// `maintenance`, `precautionary` or `containment`.
        class: &'static str,
        /// Where it came from: `order`, `withdrawal`, `enrolment`, `rolled-back` or `broken-promise`.
        cause: &'static str,
        /// The signed statement behind it.
        statement: Option<String>,
        /// Persons who signed that statement.
        signers: Vec<String>,
        /// Why, in the words of whoever ordered it.
        reason: String,
        /// Since when, by the door's clock.
        since: At,
        /// The signal it answers.
        signal: Option<String>,
    }
    /// A permission on top of restrictions.
    GrantView {
        /// `limited` or `emergency`.
        kind: &'static str,
        /// When it ends by itself.
        until: At,
        /// The emergency environment that reads.
        environment: Option<String>,
    }
    /// What the prober found.
    ProofView {
        /// When.
        at: At,
        /// What got through although it must not, or does not work although it must.
        failures: Vec<String>,
        /// Connections that were open before and tried too.
        old_sessions: u64,
    }
    /// A door said no to an opening.
    RefusalView {
        /// The opening.
        opening: String,
        /// What was missing, German first.
        missing: String,
        /// When it was asked last.
        at: At,
        /// How often.
        times: u64,
    }
    /// Items of one cell by class.
    BacklogView {
        /// Wait.
        held: u64,
        /// A hand-over began and its end is unknown.
        in_doubt: u64,
        /// Were handed over.
        handed_over: u64,
        /// Were set aside for a person.
        parked: u64,
        /// When the oldest of those that wait came in.
        oldest: Option<At>,
        /// When it was counted.
        counted: At,
    }
    /// How the insurer's own test came out.
    TestView {
        /// `accepted` or `refused`.
        result: &'static str,
        /// In the insurer's words.
        words: Option<String>,
        /// Who.
        by: Option<String>,
        /// When.
        at: At,
    }
    /// A slot an insurer booked.
    SlotView {
        /// From.
        from: At,
        /// Until.
        to: At,
        /// Who booked it.
        by: Option<String>,
    }
    /// Something that happened.
    Happening {
        /// When.
        at: At,
        /// What, German first.
        what: String,
        /// Who.
        by: Vec<String>,
        /// The statement, if it was one.
        statement: Option<String>,
    }
}

/// One cell, if the estate has it.
pub(crate) fn detail(asked: &Asked<'_>, id: &CellId) -> Option<CellDetail> {
    let (room, picture) = (asked.ctx.room, asked.ctx.room.picture);
    let insurer = room.estate.insurer(&id.insurer)?;
    let service = room.estate.service(&id.service)?;
    let impact = insurer.services.get(&id.service)?;
    let door_id = DoorId::of(id.clone());
    let door = picture.door(&door_id);
    Some(CellDetail {
        cell: cell(asked, id),
        insurer_name: insurer.name.clone(),
        service_name: service.name.clone(),
        site: insurer.site.to_string(),
        holdable: holdable(service.holdable),
        persons: impact.persons.0,
        mtd_hours: impact.mtd.0,
        environment: cells::environment(picture, &id.insurer),
        flows: door.map(|door| flows(door.rules)),
        restrictions: door.map_or_else(Vec::new, |door| restrictions(asked, door)),
        grants: door.map_or_else(Vec::new, grants),
        stands_on: door.map_or_else(Vec::new, |door| {
            door.stands_on
                .clearances
                .iter()
                .map(ToString::to_string)
                .collect()
        }),
        evidence: door.map_or_else(Vec::new, |door| {
            door.stands_on.evidence.iter().map(ToString::to_string).collect()
        }),
        ordered: door.map_or_else(Vec::new, |door| {
            door.ordered.iter().map(ToString::to_string).collect()
        }),
        proof: door.and_then(Door::proof).map(|proof| ProofView {
            at: At(proof.at),
            failures: proof.failures.clone(),
            old_sessions: u64::from(proof.old_sessions),
        }),
        doubts: picture.doubts(&door_id).map(ToString::to_string).collect(),
        refusals: refusals(asked, &door_id),
        backlog: backlog(asked, id),
        test: test(asked, id),
        slot: slot(asked, id),
        history: history(asked, id, door),
    })
}

/// What the door's rules do to each flow.
fn flows(rules: FlowRules) -> Flows {
    let transit = |rule: TransitRule| match rule {
        TransitRule::Pass => "pass",
        TransitRule::Stop => "stop",
    };
    Flows {
        intake: match rules.intake {
            IntakeRule::Pass => "pass",
            IntakeRule::Store => "store",
            IntakeRule::Refuse => "refuse",
        },
        forward: transit(rules.forward),
        fetch: transit(rules.fetch),
        send: transit(rules.send),
        sessions: match rules.sessions {
            SessionRule::Run => "run",
            SessionRule::FinishIntake => "finish-intake",
            SessionRule::Cut => "cut",
        },
    }
}

fn restrictions(asked: &Asked<'_>, door: &Door) -> Vec<RestrictionView> {
    door.restrictions
        .iter()
        .map(|(id, restriction)| restriction_view(asked, id, restriction))
        .collect()
}

/// Where a restriction came from, and the statement behind it.
fn cause(cause: Cause) -> (&'static str, Option<StatementId>) {
    match cause {
        Cause::Order(statement) => ("order", Some(statement)),
        Cause::Withdrawal(statement) => ("withdrawal", Some(statement)),
        Cause::Enrolment => ("enrolment", None),
        Cause::RolledBack => ("rolled-back", None),
        Cause::BrokenPromise => ("broken-promise", None),
    }
}

fn restriction_view(asked: &Asked<'_>, id: &RestrictionId, restriction: &Restriction) -> RestrictionView {
    let (cause, statement) = cause(restriction.cause);
    RestrictionView {
        id: id.to_string(),
        class: words::class(restriction.class).0,
        cause,
        statement: statement.map(|id| id.to_string()),
        signers: statement.map_or_else(Vec::new, |id| signers(asked, id)),
        reason: restriction.reason.clone(),
        since: At(restriction.since),
        signal: restriction.signal.as_ref().map(ToString::to_string),
    }
}

/// Persons who signed a statement, as the charter stood then.
pub(crate) fn signers(asked: &Asked<'_>, id: StatementId) -> Vec<String> {
    asked
        .ctx
        .room
        .picture
        .statements()
        .all
        .get(&id)
        .map_or_else(Vec::new, |known| {
            known.signers.iter().map(ToString::to_string).collect()
        })
}

fn grants(door: &Door) -> Vec<GrantView> {
    let limited = door.grants.limited.as_ref().map(|grant| GrantView {
        kind: "limited",
        until: At(grant.until),
        environment: None,
    });
    let emergency = door.grants.emergency.as_ref().map(|grant| GrantView {
        kind: "emergency",
        until: At(grant.until),
        environment: Some(grant.environment.to_string()),
    });
    limited.into_iter().chain(emergency).collect()
}

fn refusals(asked: &Asked<'_>, door: &DoorId) -> Vec<RefusalView> {
    let all = asked.ctx.room.picture.refusals().iter().rev();
    all.filter(|refused| refused.door == *door)
        .take(HISTORY_MAX)
        .map(|refused| RefusalView {
            opening: refused.opening.to_string(),
            missing: refused.missing.clone(),
            at: At(refused.at),
            times: refused.times,
        })
        .collect()
}

pub(crate) fn backlog(asked: &Asked<'_>, id: &CellId) -> Option<BacklogView> {
    let counted = asked.ctx.room.picture.backlog().get(id)?;
    Some(BacklogView {
        held: counted.body.held,
        in_doubt: counted.body.in_doubt,
        handed_over: counted.body.handed_over,
        parked: counted.body.parked,
        oldest: counted.body.oldest.map(At),
        counted: At(counted.at),
    })
}

pub(crate) fn test(asked: &Asked<'_>, id: &CellId) -> Option<TestView> {
    Some(match asked.ctx.room.picture.people().tests.get(id)? {
        Test::Accepted(written) => TestView {
            result: "accepted",
            words: written.body.note.as_ref().map(|note| note.as_str().into()),
            by: written.body.by.as_ref().map(ToString::to_string),
            at: At(written.at),
        },
        Test::Refused(written) => TestView {
            result: "refused",
            words: Some(written.body.why.as_str().into()),
            by: written.body.by.as_ref().map(ToString::to_string),
            at: At(written.at),
        },
    })
}

pub(crate) fn slot(asked: &Asked<'_>, id: &CellId) -> Option<SlotView> {
    let written = asked.ctx.room.picture.people().slots.get(id)?;
    Some(SlotView {
        from: At(written.body.from),
        to: At(written.body.to),
        by: written.body.by.as_ref().map(ToString::to_string),
    })
}

/// What the picture still knows of the past of a cell, newest first.
fn history(asked: &Asked<'_>, id: &CellId, door: Option<&Door>) -> Vec<Happening> {
    let door_id = DoorId::of(id.clone());
    let picture = asked.ctx.room.picture;
    let mut happened = Vec::new();
    for restriction in door.iter().flat_map(|door| door.restrictions.values()) {
        let (_, statement) = cause(restriction.cause);
        happened.push(Happening {
            at: At(restriction.since),
            what: String::from("Sperre in Kraft. / Restriction in force."),
            by: statement.map_or_else(Vec::new, |id| signers(asked, id)),
            statement: statement.map(|id| id.to_string()),
        });
    }
    for (id, opening) in &picture.statements().openings {
        let applied = picture
            .carried(*id)
            .is_some_and(|carried| carried.applied.contains(&door_id));
        if applied && opening.body.at(&door_id).is_some() {
            happened.push(Happening {
                at: At(opening.at),
                what: String::from("Öffnung ausgeführt. / Opening carried out."),
                by: opening.signers.iter().map(ToString::to_string).collect(),
                statement: Some(id.to_string()),
            });
        }
    }
    for refusal in refusals(asked, &door_id) {
        happened.push(Happening {
            at: refusal.at,
            what: format!(
                "Öffnung abgelehnt: {} / Opening refused: {}",
                vocabulary::german(&refusal.missing),
                vocabulary::english(&refusal.missing)
            ),
            by: Vec::new(),
            statement: Some(refusal.opening),
        });
    }
    if let Some(proof) = door.and_then(|door| door.measured.as_ref()) {
        let what = if proof.failures.is_empty() {
            "Nachgemessen: nichts kam durch. / Measured: nothing got through."
        } else {
            "Nachgemessen: NICHT DICHT. / Measured: NOT TIGHT."
        };
        happened.push(Happening {
            at: At(proof.at),
            what: String::from(what),
            by: Vec::new(),
            statement: None,
        });
    }
    if let Some(test) = test(asked, id) {
        let what = match test.result {
            "accepted" => "Anwendertest bestanden. / User test accepted.",
            _ => "Anwendertest nicht bestanden. / User test rejected.",
        };
        happened.push(Happening {
            at: test.at,
            what: String::from(what),
            by: test.by.into_iter().collect(),
            statement: None,
        });
    }
    happened.sort_by_key(|happening| core::cmp::Reverse(happening.at));
    happened.truncate(HISTORY_MAX);
    happened
}
