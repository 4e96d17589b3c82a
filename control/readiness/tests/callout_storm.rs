//! Call-out through storms: dead gateways, repeats, crashes, silence.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use common::room::{Room, sends, sent_name, wake_at};
use proptest::prelude::*;
use readiness::callout::{Cause, Effect, Entry, Event, Heard, MessageId, Said, TRIES_MAX, replay, resume};
use vocabulary::PersonId;

#[derive(Clone, Debug)]
enum Step {
    Later(u64),
    Outcome(usize, u8),
    Answer(usize, bool),
    Wrong,
    Repeat,
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u64..900).prop_map(Step::Later),
        6 => (any::<usize>(), 0_u8..6).prop_map(|(at, how)| Step::Outcome(at, how)),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(at, yes)| Step::Answer(at, yes)),
        1 => Just(Step::Wrong),
        1 => Just(Step::Repeat),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever gateways, people and crashes do: sends are bounded, repeats send nothing, every seat is in exactly one
    /// class, the journal gives the state back, and with time alone every seat comes to an end.
    #[test]
    fn nobody_is_forgotten_and_nobody_is_flooded(steps in proptest::collection::vec(any_step(), 0..60)) {
        let (mut room, first) = Room::raise(&["commander", "examiner", "insurer:kasse-001", "insurer:kasse-002"]);
        let mut sent: Vec<MessageId> = Vec::new();
        let take = |effects: &[Effect], sent: &mut Vec<MessageId>| {
            sent.extend(effects.iter().filter_map(sent_name));
        };
        take(&first, &mut sent);
        let everybody: Vec<PersonId> = room.state.calling().unwrap().everybody().map(|reach| reach.person.clone()).collect();
        for step in steps {
            let effects = match step {
                Step::Later(seconds) => room.later(seconds),
                Step::Outcome(at, how) => {
                    let message = sent[at % sent.len()].clone();
                    room.say(match how {
                        0 => Event::Accepted { message, reference: None },
                        1 => Event::Delivered { message },
                        2 => Event::Failed { message, cause: Cause::Unreached },
                        3 => Event::Failed { message, cause: Cause::Refused },
                        4 => Event::Failed { message, cause: Cause::NotDelivered },
                        _ => Event::Failed { message, cause: Cause::Garbled },
                    })
                }
                Step::Answer(at, yes) => {
                    let person = everybody[at % everybody.len()].clone();
                    room.say(Event::Answered { person, said: if yes { Said::Coming } else { Said::Cannot }, heard: Heard::Page })
                }
                Step::Wrong => room.say(Event::WrongCode),
                Step::Repeat => {
                    let last = room.journal.last().unwrap().event.clone();
                    let effects = room.say(last);
                    // A tick may find something due; everything else has been done already.
                    prop_assert!(sends(&effects).is_empty(), "a repeat sent {:?}", effects);
                    effects
                }
                Step::Crash => {
                    let text = serde_json::to_string(&room.journal).unwrap();
                    let journal: Vec<Entry> = serde_json::from_str(&text).unwrap();
                    let state = replay(&journal);
                    prop_assert_eq!(&state, &room.state);
                    prop_assert!(sends(&resume(&state)).len() <= sent.len());
                    Vec::new()
                }
            };
            take(&effects, &mut sent);
            let counts = room.counts();
            prop_assert_eq!(counts.filled + counts.waiting + counts.not_reached, 5);
        }
        for message in &sent {
            let tries = sent.iter().filter(|other| *other == message).count();
            prop_assert!(tries <= usize::from(TRIES_MAX), "{} was sent {} times", message, tries);
        }
        // From here on nothing happens but time.
        for _ in 0..200 {
            let wake = resume(&room.state).into_iter().find_map(|one| wake_at(&one));
            let Some(at) = wake else { break };
            room.now = at.max(room.now);
            let effects = room.say(Event::Ticked);
            take(&effects, &mut sent);
        }
        prop_assert_eq!(room.counts().waiting, 0, "a seat waits for ever");
        prop_assert!(sent.len() <= 20 * usize::from(TRIES_MAX));
    }
}
