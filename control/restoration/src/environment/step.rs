//! The one function that moves an environment. Every pair of state and event is listed.

use vocabulary::{PersonId, Timestamp};

use super::{Event, Grounds, Refused, State, Why};

/// Moves an environment by one event. Every pair is listed; a repeat of the event that led here changes nothing.
///
/// What was refused may be offered again when its time has come: a clearance that stands is offered after each further
/// step, so that an examination noted late does not lose it.
///
/// # Errors
/// [`Refused`] when the event is no step from this state; the state is unchanged.
pub fn next(state: State, event: &Event) -> Result<State, Refused> {
    let moved = match &state {
        State::Trusted => from_trusted(event),
        State::Suspect => from_suspect(event),
        State::Contained => from_contained(event),
        State::UnderExamination => from_examination(event),
        State::Provisional { until } => from_provisional(*until, event),
        State::Cleared => from_cleared(event),
        State::Restoring => from_restoring(event),
        State::Verifying => from_verifying(event),
        State::Accepted { by, at } => from_accepted(by, *at, event),
        State::Normal => from_normal(event),
    };
    moved.map_err(|why| Refused { state, why })
}

fn from_trusted(event: &Event) -> Result<State, Why> {
    match event {
        Event::Suspected => Ok(State::Suspect),
        Event::Contained => Ok(State::Contained),
        Event::Explained => Ok(State::Trusted),
        Event::CautionLifted => Err(Why::NothingSuspected),
        Event::ExaminationBegun => Err(Why::CutFirst),
        Event::ClearedInPart { .. } | Event::Cleared { .. } => Err(Why::NothingToClear),
        Event::ClearanceWithdrawn | Event::ClearanceExpired | Event::PlannedReshut => Err(Why::NoClearance),
        Event::RestoringBegun
        | Event::Restored
        | Event::TestAccepted { .. }
        | Event::TestRefused
        | Event::EndDeclared(_) => Err(Why::StepBefore),
    }
}

fn from_suspect(event: &Event) -> Result<State, Why> {
    match event {
        Event::Suspected | Event::CautionLifted => Ok(State::Suspect),
        Event::Explained => Ok(State::Trusted),
        Event::Contained => Ok(State::Contained),
        Event::ExaminationBegun => Err(Why::CutFirst),
        Event::ClearedInPart { .. } => Err(Why::NothingToClear),
        Event::Cleared { grounds } => match grounds {
            Grounds::NotEndangered => Ok(State::Trusted),
            Grounds::Examined => Err(Why::NotExamined),
        },
        Event::ClearanceWithdrawn | Event::ClearanceExpired | Event::PlannedReshut => Err(Why::NoClearance),
        Event::RestoringBegun
        | Event::Restored
        | Event::TestAccepted { .. }
        | Event::TestRefused
        | Event::EndDeclared(_) => Err(Why::StepBefore),
    }
}

fn from_contained(event: &Event) -> Result<State, Why> {
    match event {
        // A door closes by itself when its clearance ends; the news may come after the cut.
        Event::Contained
        | Event::Suspected
        | Event::ClearanceWithdrawn
        | Event::ClearanceExpired
        | Event::PlannedReshut => Ok(State::Contained),
        Event::Explained => Ok(State::Cleared),
        Event::CautionLifted => Ok(State::Suspect),
        Event::ExaminationBegun => Ok(State::UnderExamination),
        Event::ClearedInPart { until } => Ok(State::Provisional { until: *until }),
        Event::Cleared { grounds } => match grounds {
            Grounds::NotEndangered => Ok(State::Cleared),
            Grounds::Examined => Err(Why::NotExamined),
        },
        Event::RestoringBegun
        | Event::Restored
        | Event::TestAccepted { .. }
        | Event::TestRefused
        | Event::EndDeclared(_) => Err(Why::NeedsClearance),
    }
}

fn from_examination(event: &Event) -> Result<State, Why> {
    match event {
        Event::Contained => Ok(State::Contained),
        Event::Suspected
        | Event::ExaminationBegun
        | Event::ClearanceWithdrawn
        | Event::ClearanceExpired
        | Event::PlannedReshut => Ok(State::UnderExamination),
        Event::Explained | Event::Cleared { .. } => Ok(State::Cleared),
        Event::ClearedInPart { until } => Ok(State::Provisional { until: *until }),
        Event::CautionLifted
        | Event::RestoringBegun
        | Event::Restored
        | Event::TestAccepted { .. }
        | Event::TestRefused
        | Event::EndDeclared(_) => Err(Why::NeedsClearance),
    }
}

fn from_provisional(now: Timestamp, event: &Event) -> Result<State, Why> {
    match event {
        Event::Contained | Event::PlannedReshut | Event::ClearanceWithdrawn | Event::ClearanceExpired => {
            Ok(State::Contained)
        }
        // A longer permission is a new limited clearance; the doors take each by itself.
        Event::ClearedInPart { until } => Ok(State::Provisional { until: *until }),
        // Services come and go under a limited clearance; the environment as a whole has not begun its return.
        Event::RestoringBegun | Event::Restored | Event::TestAccepted { .. } | Event::TestRefused => {
            Ok(State::Provisional { until: now })
        }
        Event::Cleared { grounds } => match grounds {
            Grounds::NotEndangered => Ok(State::Cleared),
            Grounds::Examined => Err(Why::NotExamined),
        },
        Event::Explained => Ok(State::Cleared),
        Event::Suspected => Err(Why::ContainOrExplain),
        Event::CautionLifted | Event::EndDeclared(_) => Err(Why::NeedsClearance),
        Event::ExaminationBegun => Err(Why::ReshutFirst),
    }
}

fn from_cleared(event: &Event) -> Result<State, Why> {
    match event {
        Event::Contained | Event::ClearanceWithdrawn | Event::ClearanceExpired => Ok(State::Contained),
        Event::Cleared { .. } | Event::Explained => Ok(State::Cleared),
        Event::RestoringBegun => Ok(State::Restoring),
        Event::ExaminationBegun => Ok(State::UnderExamination),
        Event::Suspected => Err(Why::ContainOrExplain),
        Event::CautionLifted => Err(Why::NothingSuspected),
        Event::ClearedInPart { .. } => Err(Why::NothingToClear),
        Event::PlannedReshut => Err(Why::NoClearance),
        Event::Restored | Event::TestAccepted { .. } | Event::TestRefused | Event::EndDeclared(_) => {
            Err(Why::StepBefore)
        }
    }
}

fn from_restoring(event: &Event) -> Result<State, Why> {
    match event {
        Event::Contained | Event::ClearanceWithdrawn => Ok(State::Contained),
        // An open door stays open when a full clearance expires; what is still closed waits for a new one.
        Event::ClearanceExpired
        | Event::Cleared { .. }
        | Event::Explained
        | Event::RestoringBegun
        | Event::TestRefused => Ok(State::Restoring),
        Event::Restored => Ok(State::Verifying),
        Event::Suspected => Err(Why::ContainOrExplain),
        Event::CautionLifted => Err(Why::NothingSuspected),
        Event::ClearedInPart { .. } => Err(Why::NothingToClear),
        Event::PlannedReshut => Err(Why::NoClearance),
        Event::ExaminationBegun => Err(Why::CutFirst),
        Event::TestAccepted { .. } | Event::EndDeclared(_) => Err(Why::StepBefore),
    }
}

fn from_verifying(event: &Event) -> Result<State, Why> {
    match event {
        Event::Contained | Event::ClearanceWithdrawn => Ok(State::Contained),
        Event::ClearanceExpired | Event::Cleared { .. } | Event::Explained | Event::Restored => {
            Ok(State::Verifying)
        }
        Event::TestAccepted { by, at } => Ok(State::Accepted {
            by: by.clone(),
            at: *at,
        }),
        Event::TestRefused | Event::RestoringBegun => Ok(State::Restoring),
        Event::Suspected => Err(Why::ContainOrExplain),
        Event::CautionLifted => Err(Why::NothingSuspected),
        Event::ClearedInPart { .. } => Err(Why::NothingToClear),
        Event::PlannedReshut => Err(Why::NoClearance),
        Event::ExaminationBegun => Err(Why::CutFirst),
        Event::EndDeclared(_) => Err(Why::StepBefore),
    }
}

fn from_accepted(by: &PersonId, at: Timestamp, event: &Event) -> Result<State, Why> {
    let accepted = || State::Accepted { by: by.clone(), at };
    match event {
        Event::Contained | Event::ClearanceWithdrawn => Ok(State::Contained),
        Event::ClearanceExpired
        | Event::Cleared { .. }
        | Event::Explained
        | Event::Restored
        | Event::TestAccepted { .. } => Ok(accepted()),
        // The insurer may find later what its test did not show.
        Event::TestRefused | Event::RestoringBegun => Ok(State::Restoring),
        Event::EndDeclared(remains) => {
            let open = remains.open();
            if open.is_empty() {
                Ok(State::Normal)
            } else {
                Err(Why::NotTheEnd(open))
            }
        }
        Event::Suspected => Err(Why::ContainOrExplain),
        Event::CautionLifted => Err(Why::NothingSuspected),
        Event::ClearedInPart { .. } => Err(Why::NothingToClear),
        Event::PlannedReshut => Err(Why::NoClearance),
        Event::ExaminationBegun => Err(Why::CutFirst),
    }
}

fn from_normal(event: &Event) -> Result<State, Why> {
    match event {
        Event::Suspected => Ok(State::Suspect),
        Event::Contained | Event::ClearanceWithdrawn => Ok(State::Contained),
        Event::ClearanceExpired
        | Event::Explained
        | Event::TestAccepted { .. }
        | Event::Restored
        | Event::EndDeclared(_) => Ok(State::Normal),
        Event::CautionLifted => Err(Why::NothingSuspected),
        Event::ExaminationBegun => Err(Why::CutFirst),
        Event::ClearedInPart { .. } | Event::Cleared { .. } => Err(Why::NothingToClear),
        Event::PlannedReshut => Err(Why::NoClearance),
        Event::RestoringBegun | Event::TestRefused => Err(Why::StepBefore),
    }
}
