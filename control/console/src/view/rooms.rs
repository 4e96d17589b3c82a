//! The restoration's plan, as far as the viewer sees.

use restoration::{
    plan::{Forecast, Starts},
    run::Effect,
};
use vocabulary::InsurerId;

use super::shape::{At, Both, views};
use crate::Asked;

views! {
    /// The restoration plan.
    PlanView {
        /// Its id; null while there is none.
        plan: Option<String>,
        /// The instant of the situation it was made from.
        made: Option<At>,
        /// Waves, in order.
        waves: Vec<WaveView>,
        /// Cells that wait, and for what.
        waiting: Vec<WaitingCell>,
        /// Roots that wait, and for what; empty for those who see only their own.
        waiting_roots: Vec<WaitingCell>,
        /// Cells that run.
        up: Vec<String>,
        /// Planned re-shutdowns.
        reshuts: Vec<ReshutView>,
        /// Environments to be examined, the one that unblocks most people first.
        examinations: Vec<ExaminationView>,
        /// What the return asks for next. Nothing of it is a permission; what is to be signed lies among the drafts.
        steps: Vec<NextStep>,
        /// The environment of the roots, where it is known whose it is; null for those who see only their own.
        roots_in: Option<String>,
    }
    /// One thing the return asks for.
    NextStep {
        /// What.
        what: Both,
        /// Whether people have to sign something.
        signed: bool,
    }
    /// What starts together.
    WaveView {
        /// Its number.
        number: u64,
        /// Not before, as long as the conditions hold. No promise.
        earliest: At,
        /// Not after, as long as the conditions hold.
        latest: At,
        /// Conditions, to stand after "if".
        conditions: Vec<Both>,
        /// Roots that start; empty for those who see only their own.
        roots: Vec<String>,
        /// Cells that start, most urgent first.
        cells: Vec<StepView>,
    }
    /// The start of one cell.
    StepView {
        /// Which.
        cell: String,
        /// Why it has this place.
        why: Both,
        /// Not before.
        earliest: At,
        /// Not after, as long as the conditions hold.
        latest: At,
    }
    /// Something that waits.
    WaitingCell {
        /// Which.
        what: String,
        /// Everything that is missing.
        missing: Vec<Both>,
    }
    /// A planned re-shutdown.
    ReshutView {
        /// Whose.
        insurer: String,
        /// When.
        at: At,
        /// Which cells.
        cells: Vec<String>,
    }
    /// An environment to be examined.
    ExaminationView {
        /// Which.
        environment: String,
        /// Cells it unblocks.
        cells: u64,
        /// Not before.
        earliest: At,
        /// Not after, as long as the conditions hold.
        latest: At,
    }
}

/// Most cells of one kind in one answer of the plan; all are in the filtered views.
const CELLS_MAX: usize = 4096;

fn planned(words: restoration::Words) -> Both {
    Both {
        de: words.de,
        en: words.en,
    }
}

fn conditions(forecast: &Forecast) -> Vec<Both> {
    forecast
        .conditions
        .iter()
        .map(|condition| planned(condition.words()))
        .collect()
}

/// Next steps that are about nobody the viewer must not see.
fn steps(asked: &Asked<'_>) -> Vec<NextStep> {
    let sees = |insurer: &InsurerId| asked.sight.covers(insurer);
    let is_seen = |effect: &&Effect| match effect {
        _ if asked.sight.is_everything() => true,
        Effect::ProposeOpening { insurer, .. }
        | Effect::AskConsent { insurer, .. }
        | Effect::AskUserTest { insurer, .. }
        | Effect::AnnounceReshut { insurer, .. }
        | Effect::AskEnd { insurer } => sees(insurer),
        Effect::SwitchBack { cell, .. } => sees(&cell.insurer),
        Effect::ProposeClosing { cells, .. } => cells.iter().all(|cell| sees(&cell.insurer)),
        Effect::StartRoot { .. } | Effect::Replan { .. } => false,
    };
    let effects = asked.ctx.room.others.steps.iter();
    effects
        .filter(is_seen)
        .take(CELLS_MAX)
        .map(|effect| NextStep {
            what: planned(effect.words()),
            signed: !effect.signers().is_empty(),
        })
        .collect()
}

/// The plan, as far as the viewer sees.
pub(crate) fn plan(asked: &Asked<'_>) -> PlanView {
    let empty = PlanView {
        plan: None,
        made: None,
        waves: Vec::new(),
        waiting: Vec::new(),
        waiting_roots: Vec::new(),
        up: Vec::new(),
        reshuts: Vec::new(),
        examinations: Vec::new(),
        steps: Vec::new(),
        roots_in: None,
    };
    let Some(plan) = asked.ctx.room.others.plan else {
        return empty;
    };
    let all = asked.sight.is_everything();
    let sees = |insurer: &InsurerId| asked.sight.covers(insurer);
    let waiting = plan.waiting().iter().filter(|(cell, _)| sees(&cell.insurer));
    let roots = plan.waiting_roots().iter().filter(|_| all);
    let charter = asked.ctx.room.picture.charter().filter(|_| all);
    PlanView {
        steps: steps(asked),
        roots_in: charter.map(|charter| charter.provider().to_string()),
        plan: Some(plan.id().to_string()),
        made: Some(At(plan.made())),
        waves: plan
            .waves()
            .iter()
            .filter_map(|wave| wave_view(asked, wave))
            .collect(),
        waiting: waiting
            .take(CELLS_MAX)
            .map(|(cell, waits)| waits_for(cell, waits))
            .collect(),
        waiting_roots: roots.map(|(root, waits)| waits_for(root, waits)).collect(),
        up: plan
            .up()
            .keys()
            .filter(|cell| sees(&cell.insurer))
            .map(ToString::to_string)
            .collect(),
        reshuts: reshuts(asked, plan),
        examinations: examinations(asked, plan),
    }
}

fn waits_for(what: &impl ToString, waits: &restoration::missing::Waits) -> WaitingCell {
    WaitingCell {
        what: what.to_string(),
        missing: waits
            .missing
            .iter()
            .map(|missing| planned(missing.words()))
            .collect(),
    }
}

fn reshuts(asked: &Asked<'_>, plan: &restoration::Plan) -> Vec<ReshutView> {
    plan.reshuts()
        .iter()
        .filter(|reshut| asked.sight.covers(&reshut.insurer))
        .map(|reshut| ReshutView {
            insurer: reshut.insurer.to_string(),
            at: At(reshut.at),
            cells: reshut.cells.iter().map(ToString::to_string).collect(),
        })
        .collect()
}

fn examinations(asked: &Asked<'_>, plan: &restoration::Plan) -> Vec<ExaminationView> {
    let is_seen = |environment: &str| {
        let insurer: Result<InsurerId, _> = environment.parse();
        asked.sight.is_everything() || insurer.is_ok_and(|insurer| asked.sight.covers(&insurer))
    };
    plan.queue()
        .iter()
        .filter(|next| is_seen(next.environment.as_str()))
        .map(|next| ExaminationView {
            environment: next.environment.to_string(),
            cells: u64::from(next.cells.0),
            earliest: At(next.done.earliest),
            latest: At(next.done.latest),
        })
        .collect()
}

fn wave_view(asked: &Asked<'_>, wave: &restoration::plan::Wave) -> Option<WaveView> {
    let all = asked.sight.is_everything();
    let (roots, cells) = match &wave.starts {
        Starts::Roots(roots) if all => (roots.iter().map(ToString::to_string).collect(), Vec::new()),
        Starts::Roots(_) => (Vec::new(), Vec::new()),
        Starts::Cells(steps) => {
            let own = steps.iter().filter(|step| asked.sight.covers(&step.cell.insurer));
            let cells = own
                .map(|step| StepView {
                    cell: step.cell.to_string(),
                    why: planned(step.rank.words()),
                    earliest: At(step.start.earliest),
                    latest: At(step.start.latest),
                })
                .collect();
            (Vec::new(), cells)
        }
    };
    (!roots.is_empty() || !cells.is_empty()).then(|| WaveView {
        number: u64::from(wave.number.0),
        earliest: At(wave.start.earliest),
        latest: At(wave.start.latest),
        // Conditions of a whole wave name whoever stands in it.
        conditions: if all { conditions(&wave.start) } else { Vec::new() },
        roots,
        cells,
    })
}
