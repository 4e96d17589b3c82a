//! What other rooms know, as far as the viewer sees: the restoration's plan, legal clocks, the readiness board.

use publication::obligations::{Clock, Due, Standing};
use readiness::board::{Arming, Lack};
use restoration::plan::{Forecast, Starts};
use vocabulary::{InsurerId, LegalEntityId};

use super::shape::{At, Both, views};
use crate::{Asked, viewer::Sight};

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
    /// Legal clocks, the most urgent first.
    Clocks {
        /// They.
        clocks: Vec<ClockView>,
    }
    /// One duty of one legal person in one incident.
    ClockView {
        /// Its name in the list of obligations.
        obligation: String,
        /// In which incident.
        incident: String,
        /// Whose.
        legal_person: String,
        /// When it started: at knowledge.
        starts: At,
        /// When it is due; null where no instant is set.
        due: Option<At>,
        /// `at`, `without-delay`, `as-set`, `before` or `no-deadline`.
        due_kind: &'static str,
        /// `running`, `overdue`, `open`, `sent` or `sent-late`.
        standing: &'static str,
        /// When it was sent.
        sent: Option<At>,
        /// What about it was not read in the original; shown so.
        unverified: Option<String>,
        /// Duties that begin when it is sent.
        follow_up: Vec<String>,
    }
    /// What is armed in peace, and what is not and why.
    ReadinessView {
        /// The instant it was judged at; null while nobody has judged.
        at: Option<At>,
        /// What the provider lacks; empty for those who see only their own.
        provider: Vec<LackView>,
        /// Cells.
        cells: Vec<ReadyCell>,
        /// Cells that are armed.
        armed: u64,
    }
    /// One cell of the board.
    ReadyCell {
        /// Which.
        cell: String,
        /// Whether nothing is lacking.
        armed: bool,
        /// What is lacking.
        lacks: Vec<LackView>,
        /// What will be lacking soon if nobody acts.
        soon: Vec<LackView>,
    }
    /// Something that is lacking.
    LackView {
        /// What.
        finding: Both,
        /// What to do next.
        next: Both,
        /// Who.
        doer: Both,
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
    };
    let Some(plan) = asked.ctx.room.others.plan else {
        return empty;
    };
    let all = asked.sight.is_everything();
    let sees = |insurer: &InsurerId| asked.sight.covers(insurer);
    let waiting = plan.waiting().iter().filter(|(cell, _)| sees(&cell.insurer));
    let roots = plan.waiting_roots().iter().filter(|_| all);
    PlanView {
        plan: Some(plan.id().to_string()),
        made: Some(At(plan.made())),
        waves: plan
            .waves()
            .iter()
            .filter_map(|wave| wave_view(asked, wave))
            .collect(),
        waiting: waiting
            .take(CELLS_MAX)
            .map(|(cell, waits)| WaitingCell {
                what: cell.to_string(),
                missing: waits
                    .missing
                    .iter()
                    .map(|missing| planned(missing.words()))
                    .collect(),
            })
            .collect(),
        waiting_roots: roots
            .map(|(root, waits)| WaitingCell {
                what: root.to_string(),
                missing: waits
                    .missing
                    .iter()
                    .map(|missing| planned(missing.words()))
                    .collect(),
            })
            .collect(),
        up: plan
            .up()
            .keys()
            .filter(|cell| sees(&cell.insurer))
            .map(ToString::to_string)
            .collect(),
        reshuts: plan
            .reshuts()
            .iter()
            .filter(|reshut| sees(&reshut.insurer))
            .map(|reshut| ReshutView {
                insurer: reshut.insurer.to_string(),
                at: At(reshut.at),
                cells: reshut.cells.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        examinations: plan
            .queue()
            .iter()
            .filter(|next| {
                all || next
                    .environment
                    .as_str()
                    .parse()
                    .is_ok_and(|insurer| sees(&insurer))
            })
            .map(|next| ExaminationView {
                environment: next.environment.to_string(),
                cells: u64::from(next.cells.0),
                earliest: At(next.done.earliest),
                latest: At(next.done.latest),
            })
            .collect(),
    }
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

/// Whether a legal person is one of the insurers the viewer sees: by name, or as the employer of its own signers.
fn is_own(asked: &Asked<'_>, person: &LegalEntityId) -> bool {
    let own = match &asked.sight {
        Sight::Everything => return true,
        Sight::Only(own) => own,
    };
    let charter = asked.ctx.room.authority.charter();
    own.iter().any(|insurer| {
        let section = charter.and_then(|charter| charter.section(insurer));
        let employs = section.is_some_and(|section| {
            let draft = section.draft();
            let voices = draft
                .persons
                .iter()
                .filter(|known| draft.consent.contains(&known.id) || draft.refuse.contains(&known.id));
            voices.into_iter().any(|known| known.entity == *person)
        });
        insurer.as_str() == person.as_str() || employs
    })
}

/// Legal clocks of whom the viewer sees.
pub(crate) fn clocks(asked: &Asked<'_>) -> Clocks {
    let clocks = asked.ctx.room.others.clocks.iter();
    Clocks {
        clocks: clocks
            .filter(|clock| is_own(asked, &clock.legal_person))
            .map(clock_view)
            .collect(),
    }
}

fn clock_view(clock: &Clock) -> ClockView {
    let (due_kind, due) = match clock.due {
        Due::At(at) => ("at", Some(At(at))),
        Due::WithoutDelay => ("without-delay", None),
        Due::AsSet => ("as-set", None),
        Due::Before => ("before", None),
        Due::NoDeadline => ("no-deadline", None),
    };
    let (standing, sent) = match &clock.standing {
        Standing::Running { .. } => ("running", None),
        Standing::Overdue { .. } => ("overdue", None),
        Standing::Open { .. } => ("open", None),
        Standing::Sent { at } => ("sent", Some(At(*at))),
        Standing::SentLate { at, .. } => ("sent-late", Some(At(*at))),
    };
    ClockView {
        obligation: clock.obligation.to_string(),
        incident: clock.incident.to_string(),
        legal_person: clock.legal_person.to_string(),
        starts: At(clock.starts),
        due,
        due_kind,
        standing,
        sent,
        unverified: clock.unverified.clone(),
        follow_up: clock.follow_up.iter().map(ToString::to_string).collect(),
    }
}

fn ready(words: readiness::words::Words) -> Both {
    Both {
        de: words.de,
        en: words.en,
    }
}

fn lack_view(lack: &Lack) -> LackView {
    LackView {
        finding: ready(lack.finding()),
        next: ready(lack.next()),
        doer: ready(lack.doer().in_words()),
    }
}

/// The readiness board, as far as the viewer sees; cells that lack something first.
pub(crate) fn readiness(asked: &Asked<'_>) -> ReadinessView {
    let Some(board) = asked.ctx.room.others.board else {
        return ReadinessView {
            at: None,
            provider: Vec::new(),
            cells: Vec::new(),
            armed: 0,
        };
    };
    let mut cells: Vec<ReadyCell> = board
        .rows()
        .filter(|(cell, _)| asked.sight.covers(&cell.insurer))
        .map(|(cell, row)| ReadyCell {
            cell: cell.to_string(),
            armed: matches!(row.arming, Arming::Armed),
            lacks: row.arming.lacks().iter().map(lack_view).collect(),
            soon: row.soon.iter().map(lack_view).collect(),
        })
        .collect();
    cells.sort_by_key(|cell| cell.armed);
    let armed = cells.iter().filter(|cell| cell.armed).count();
    let provider = board.provider().iter().filter(|_| asked.sight.is_everything());
    ReadinessView {
        at: Some(At(board.at())),
        provider: provider.map(lack_view).collect(),
        cells,
        armed: u64::try_from(armed).unwrap_or(u64::MAX),
    }
}
