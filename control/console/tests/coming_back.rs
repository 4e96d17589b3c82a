//! The way back as the console shows it: everything that is missing, next steps, and where the roots stand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod stage;

use clearance::Grade;
use console::{Method, Others};
use restoration::{
    Plan, Situation,
    run::Effect,
    situation::{Assumptions, Booking, Count, Examiners, Slots, Span},
};
use stage::{Stage, page};
use vocabulary::Class;

#[test]
fn where_the_roots_stand_is_noted_by_who_leads_and_only_after_their_examination() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let fields = |state| [("environment", "provider"), ("state", state)];
    let stands = |stage: &Stage| {
        let environments = stage.journal.picture().environments();
        environments.values().next().map(|one| one.state.clone())
    };
    assert_eq!(
        stage
            .post(&commander, "/plan/umgebung", &fields("contained"))
            .status,
        303
    );
    assert_eq!(stands(&stage).as_deref(), Some("contained"));
    for state in ["restoring", "verifying", "normal"] {
        let refused = stage.post(&commander, "/plan/umgebung", &fields(state));
        assert_eq!(refused.status, 409, "nobody has examined it");
        assert!(page(&refused).contains("keine volle Freigabe"));
    }
    assert_eq!(stands(&stage).as_deref(), Some("contained"));
    let clearance = stage.outside.clearance("provider", Grade::Full);
    let clearance = stage.outside.signed(&clearance, &["examiner-1", "examiner-2"]);
    stage.publish(&clearance);
    assert_eq!(
        stage
            .post(&commander, "/plan/umgebung", &fields("verifying"))
            .status,
        303
    );
    assert_eq!(stands(&stage).as_deref(), Some("verifying"));
    // An insurer's environment follows from what was signed, and no word but the four is known.
    for fields in [
        [("environment", "kasse-001"), ("state", "contained")],
        [("environment", "provider"), ("state", "cleared")],
        [("environment", ""), ("state", "contained")],
    ] {
        assert_eq!(
            stage.post(&commander, "/plan/umgebung", &fields).status,
            422,
            "{fields:?}"
        );
    }
    for other in ["examiner-1", "kasse-001-ja"] {
        let other = stage.log_in(other);
        assert_eq!(
            stage.post(&other, "/plan/umgebung", &fields("contained")).status,
            403
        );
    }
    assert_eq!(stands(&stage).as_deref(), Some("verifying"));
}

#[test]
fn everything_an_opening_lacks_is_on_the_list() {
    let mut stage = Stage::new();
    stage.cut(&["kasse-001"], Class::Containment, "Verdacht");
    let commander = stage.log_in("commander-1");
    let fields = [
        ("art", "oeffnen"),
        ("cells", "kasse-001/kim"),
        ("reason", "sauber"),
    ];
    assert_eq!(stage.post(&commander, "/entwurf", &fields).status, 303);
    let drafts = &stage.journal.picture().people().drafts;
    let envelope = drafts.values().next().unwrap().body.draft.clone();
    let mut opening = <order::Opening as order::Body>::read(&envelope).unwrap();
    // The form names the clearance from the commissioning by itself; nobody has examined anything since.
    opening.clearances.clear();
    let signed = stage.outside.signed(&opening, &["commander-1"]);
    stage.publish(&signed);
    let waiting = page(&stage.get(&commander, "/warten"));
    for word in [
        "Es fehlt eine gültige Freigabe für kasse-001",
        "Zustimmung der Kasse kasse-001",
    ] {
        assert!(waiting.contains(word), "{word}: {waiting}");
    }
}

#[test]
fn next_steps_are_shown_each_insurer_its_own() {
    let mut stage = Stage::new();
    let (commander, one, two) = (
        stage.log_in("commander-1"),
        stage.log_in("kasse-001-ja"),
        stage.log_in("kasse-002-ja"),
    );
    let steps = [
        Effect::AskUserTest {
            insurer: "kasse-001".parse().unwrap(),
            cells: ["kasse-001/kim".parse().unwrap()].into(),
        },
        Effect::Replan {
            because: restoration::run::Because::OtherPlan,
        },
    ];
    let nothing_known = Situation {
        now: stage.now(),
        roots: Default::default(),
        environments: Default::default(),
        insurers: Default::default(),
        cells: Default::default(),
        slots: Slots {
            per_hour: Count(4),
            booking: Booking::Free,
        },
        examiners: Examiners {
            threshold: Count(2),
            at_once: Count(1),
            each: Span::hours(1, 2),
        },
        assumptions: Assumptions::default(),
    };
    let plan = Plan::make(&stage.estate, &nothing_known);
    for (who, sees) in [(&commander, 2), (&one, 1), (&two, 0)] {
        let request = stage.browser(who, Method::Get, "/plan", "");
        let others = Others {
            plan: Some(&plan),
            steps: &steps,
            ..Others::default()
        };
        let answer = stage.at_desk(others, |room| console::answer(room, &request));
        let shown = page(&answer.response);
        assert_eq!(
            shown.matches("um den Anwendertest bitten").count(),
            sees.min(1),
            "{shown}"
        );
        assert_eq!(shown.contains("Neu planen"), sees == 2);
    }
}
