//! Towards more open: only with everything that DESIGN section 5 asks for, and every refusal says what is missing.

mod estate;

use std::collections::BTreeSet;

use clearance::{Grade, Withdraws};
use door::{Applied, Freshness, Intake};
use estate::*;
use order::{Becomes, Stance};
use vocabulary::{Class, Flow, FlowRules, Position, Seconds, Timestamp};

#[test]
fn a_new_door_is_contained_and_opens_with_clearance_commander_and_insurer() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(2));
    let mut house = enrol(&outside, dir.path());
    let (kim, epa) = (door_id("kasse-001/kim"), door_id("kasse-001/epa"));
    assert_eq!(house.gate(&kim).unwrap().view().position, Position::Held);
    assert_eq!(house.gate(&epa).unwrap().view().position, Position::Shut);
    let gate = house.gate(&kim).unwrap();
    assert!(matches!(gate.intake(), Intake::Store(_)), "Held stores");
    let refusal = gate.pass(Flow::Fetch).unwrap_err().to_string();
    assert!(refusal.contains("Zeugen") && refusal.contains("witnesses"), "{refusal}");

    let (outcome, _) = open_fully(&mut outside, &mut house, &[kim.clone(), epa.clone()]);
    assert_eq!(outcome.refused, vec![]);
    assert!(outcome.applied.iter().all(|report| matches!(report.applied, Applied::Now { .. })));
    assert_eq!(house.gate(&kim).unwrap().view().rules, FlowRules::OPEN);
    assert_eq!(house.gate(&epa).unwrap().view().position, Position::Open);
    // The other insurer's doors are not touched.
    assert_eq!(house.gate(&door_id("kasse-002/kim")).unwrap().view().position, Position::Held);
}
