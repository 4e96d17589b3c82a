//! The picture says of every door what the door's own house says, through everything a door can go through.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use clearance::{Grade as Reach, Withdraws};
use common::estate::*;
use common::*;
use door::House;
use evidence::room::{LevelSet, ProofMeasured};
use evidence::{Cause, Grade, Journal, Level, Outcome, Picture};
use order::{Act, Becomes, Closing, Stance, Uses};
use vocabulary::{Class, DoorId, Epoch, Flow, Position, Scope, Seconds, Timestamp};

struct Stage {
    _dirs: (tempfile::TempDir, tempfile::TempDir),
    outside: Outside,
    house: Option<House>,
    journal: Journal,
}

impl Stage {
    fn new(insurers: usize) -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let outside = Outside::new(insurers);
        let house = enrol(&outside, dirs.0.path());
        let journal = journal(&outside, dirs.1.path());
        Self {
            _dirs: dirs,
            outside,
            house: Some(house),
            journal,
        }
    }

    fn house(&mut self) -> &mut House {
        self.house.as_mut().unwrap()
    }

    /// Brings everything to the journal and compares with the house.
    fn agree(&mut self) -> &Picture {
        bring(&self.outside, self.house.as_ref().unwrap(), &mut self.journal);
        let status = self.house.as_ref().unwrap().status(moment(&self.outside));
        agrees(self.journal.picture(), &status, self.outside.time);
        evidence::promises::door_4_shown(self.journal.picture()).unwrap();
        evidence::promises::log_1(&self.journal).unwrap().unwrap();
        self.journal.picture()
    }

    fn later(&mut self, secs: u64) {
        self.outside.time = self.outside.time.plus(Seconds(secs));
        let now = moment(&self.outside);
        self.house().tick(now).unwrap();
    }

    fn restart(&mut self) {
        self.house = None;
        self.later_alone(5);
        self.house = Some(reopen(&self.outside, self._dirs.0.path()).unwrap());
    }

    fn later_alone(&mut self, secs: u64) {
        self.outside.time = self.outside.time.plus(Seconds(secs));
    }

    fn close(&mut self, scope: Scope, stance: Stance, class: Class) {
        let house = self.house.as_mut().unwrap();
        close(&mut self.outside, house, scope, stance, class);
    }

    fn grade(&self, door: &DoorId) -> Grade {
        self.journal.picture().door(door).unwrap().grade()
    }
}

#[test]
fn through_closings_openings_withdrawals_and_restarts() {
    let mut stage = Stage::new(3);
    stage.agree();
    let Stage { outside, house, .. } = &mut stage;
    open_all(outside, house.as_mut().unwrap());
    let picture = stage.agree();
    assert_eq!(picture.door(&kim()).unwrap().position, Position::Open);
    assert!(picture.door(&kim()).unwrap().fresh);
    assert_eq!(picture.statements().clearances.len(), 3);
    let opening = *picture.statements().openings.keys().next().unwrap();
    assert_eq!(picture.carried(opening).unwrap().applied.len(), 6);

    stage.later(10);
    stage.close(scope_all(), Stance::Contain, Class::Precautionary);
    let picture = stage.agree();
    let door = picture.door(&epa()).unwrap();
    assert_eq!(door.position, Position::Shut, "what cannot be held is shut");
    let restriction = door.restrictions.values().next().unwrap();
    assert_eq!(restriction.reason, "Verdacht / suspicion");
    assert!(matches!(restriction.cause, Cause::Order(id) if picture.statements().closings.contains_key(&id)));

    // Raised by an examiner.
    stage.later(10);
    let raise = Closing {
        estate: stage.outside.estate.clone(),
        scope: Scope::insurer("kasse-001".parse().unwrap()),
        act: Act::Raise {
            to: Class::Containment,
            only: None,
        },
        uses: Uses::Once,
        signal: None,
        reason: text("Befund / finding"),
        issued: stage.outside.time,
    };
    let signed = stage.outside.signed(&raise, &["examiner-1"]);
    stage.outside.publish(&signed);
    // In the log, not at the door yet: ordered, at exactly the doors it means.
    bring_authority(&stage.outside, &mut stage.journal);
    assert_eq!(stage.grade(&kim()), Grade::Ordered);
    assert_eq!(stage.grade(&door_id("kasse-002/kim")), Grade::Applied);
    let Stage { outside, house, .. } = &mut stage;
    catch_up(outside, house.as_mut().unwrap());
    let picture = stage.agree();
    assert_eq!(picture.door(&kim()).unwrap().class, Some(Class::Containment));
    assert_eq!(picture.door(&kim()).unwrap().grade(), Grade::Applied);

    stage.restart();
    let picture = stage.agree();
    assert!(!picture.door(&kim()).unwrap().fresh);
    let Stage { outside, house, .. } = &mut stage;
    open_all(outside, house.as_mut().unwrap());
    stage.agree();

    // An open door after a restart: contained until its fresh view, then open again.
    stage.restart();
    assert_eq!(stage.agree().door(&kim()).unwrap().position, Position::Held);
    let Stage { outside, house, .. } = &mut stage;
    freshen(outside, house.as_mut().unwrap());
    assert_eq!(stage.agree().door(&kim()).unwrap().position, Position::Open);
}

#[test]
fn a_withdrawal_is_ordered_until_the_door_has_fallen() {
    let mut stage = Stage::new(2);
    let Stage { outside, house, .. } = &mut stage;
    open_all(outside, house.as_mut().unwrap());
    let picture = stage.agree();
    let own = |picture: &Picture| {
        let shelf = &picture.statements().clearances;
        let own = shelf
            .iter()
            .find(|(_, signed)| signed.body.environment.as_str() == "kasse-001");
        *own.unwrap().0
    };
    let clearance = own(picture);
    assert!(!picture.statements().fallen(clearance));
    stage.later(5);
    let withdrawal = stage.outside.withdrawal(Withdraws::Clearance(clearance));
    let signed = stage.outside.signed(&withdrawal, &["examiner-2"]);
    stage.outside.publish(&signed);
    bring_authority(&stage.outside, &mut stage.journal);
    assert_eq!(
        stage.grade(&kim()),
        Grade::Ordered,
        "still open on what was withdrawn"
    );
    assert_eq!(stage.grade(&door_id("kasse-002/kim")), Grade::Applied);
    let picture = stage.journal.picture();
    assert!(picture.statements().fallen(clearance));
    let back = &picture.statements().clearances[&clearance].taken_back;
    assert_eq!(back[0].by, BTreeSet::from(["examiner-2".parse().unwrap()]));

    let Stage { outside, house, .. } = &mut stage;
    catch_up(outside, house.as_mut().unwrap());
    let door = stage.agree().door(&kim()).unwrap();
    assert_eq!((door.position, door.grade()), (Position::Held, Grade::Applied));
    assert!(
        door.restrictions
            .values()
            .any(|one| matches!(one.cause, Cause::Withdrawal(_)))
    );
}

#[test]
fn limited_operation_ends_in_the_picture_when_the_door_says_so() {
    let mut stage = Stage::new(1);
    let until = stage.outside.time.plus(Seconds(7200));
    let grade = Reach::Limited {
        cells: BTreeSet::from([kim().cell().clone()]),
        peers: None,
        directions: BTreeSet::from([Flow::Fetch]),
        until,
    };
    let Stage { outside, house, .. } = &mut stage;
    let house = house.as_mut().unwrap();
    let clearance = clear(outside, "kasse-001", grade, &["examiner-1", "examiner-2"]);
    catch_up(outside, house);
    let opening = outside.opening(
        vec![named(house, &kim())],
        Becomes::Limited { until },
        BTreeSet::from([clearance]),
    );
    let signed = outside.signed(&opening, &["commander-1"]);
    let id = outside.publish(&signed);
    say_yes(outside, id);
    freshen(outside, house);
    let outcome = house.open_doors(id, [kim()], moment(outside)).unwrap();
    assert_eq!(outcome.refused, vec![]);
    assert_eq!(stage.agree().door(&kim()).unwrap().until(), Some(until));
    stage.later(7300);
    let door = stage.agree().door(&kim()).unwrap();
    assert_eq!((door.until(), door.position), (None, Position::Held));
}

#[test]
fn a_drain_is_draining_until_it_ends() {
    let mut stage = Stage::new(1);
    let Stage { outside, house, .. } = &mut stage;
    open_all(outside, house.as_mut().unwrap());
    let closing = outside.closing(scope_all(), Stance::Held, Class::Maintenance, Some(Seconds(60)));
    let signed = outside.signed(&closing, &["commander-1"]);
    outside.publish(&signed);
    catch_up(outside, house.as_mut().unwrap());
    let now = stage.outside.time;
    assert_eq!(
        stage.agree().door(&kim()).unwrap().position_at(now),
        Position::Draining
    );
    stage.later(61);
    let now = stage.outside.time;
    assert_eq!(
        stage.agree().door(&kim()).unwrap().position_at(now),
        Position::Held
    );
}

#[test]
fn a_closing_handed_straight_to_a_door_is_seen_and_is_no_log_entry() {
    let mut stage = Stage::new(1);
    let Stage { outside, house, .. } = &mut stage;
    open_all(outside, house.as_mut().unwrap());
    let closing = outside.closing(scope_all(), Stance::Contain, Class::Containment, None);
    let signed = outside.signed(&closing, &["commander-2"]);
    let now = moment(outside);
    house.as_mut().unwrap().admit(&signed, now).unwrap();
    let picture = stage.agree();
    assert_eq!(picture.door(&kim()).unwrap().position, Position::Held);
    let statement = &picture.statements().all[&signed.id()];
    assert_eq!((statement.index, statement.handed_to.len()), (None, 1));
    let view = &picture.statements().closings[&signed.id()];
    assert_eq!(view.signers, BTreeSet::from(["commander-2".parse().unwrap()]));
    // Later it comes through the log as well: the same statement, the same restriction.
    stage.outside.publish(&signed);
    let Stage { outside, house, .. } = &mut stage;
    catch_up(outside, house.as_mut().unwrap());
    let picture = stage.agree();
    let statement = &picture.statements().all[&signed.id()];
    assert!(statement.index.is_some() && statement.handed_to.len() == 1);
    assert_eq!(picture.door(&kim()).unwrap().grade(), Grade::Applied);
}

#[test]
fn refused_statements_and_openings_keep_their_sentences() {
    let mut stage = Stage::new(1);
    let Stage { outside, house, .. } = &mut stage;
    let house = house.as_mut().unwrap();
    catch_up(outside, house);
    let alone = clear(outside, "kasse-001", Reach::Full, &["examiner-2"]);
    let opening = outside.opening(vec![named(house, &kim())], Becomes::Open, BTreeSet::from([alone]));
    let signed = outside.signed(&opening, &["commander-1"]);
    let id = outside.publish(&signed);
    freshen(outside, house);
    let outcome = house.open_doors(id, [kim()], moment(outside)).unwrap();
    assert_eq!(outcome.applied, vec![]);
    let picture = stage.agree();
    let Outcome::Refused(why) = &picture.statements().all[&alone].outcome else {
        panic!("one examiner is not enough");
    };
    assert!(why.contains("Forensik") && why.contains("examiner"), "{why}");
    assert!(picture.statements().clearances.is_empty());
    let refusal = picture.refusals().back().unwrap();
    assert_eq!((&refusal.door, refusal.opening), (&kim(), id));
    assert!(refusal.missing.contains("not known"), "{}", refusal.missing);
    assert!(picture.carried(id).unwrap().refused.contains_key(&kim()));
}

fn proof(door: &DoorId, epoch: Epoch, position: Position, failures: &[&str], at: Timestamp) -> ProofMeasured {
    ProofMeasured {
        by: None,
        door: door.clone(),
        epoch,
        position,
        failures: failures.iter().map(|one| (*one).to_owned()).collect(),
        old_sessions: 1,
        at,
    }
}

#[test]
fn proven_is_said_of_exactly_what_was_measured_and_of_nothing_else() {
    let mut stage = Stage::new(1);
    let Stage { outside, house, .. } = &mut stage;
    open_all(outside, house.as_mut().unwrap());
    stage.later(5);
    // Ordered: in the log, unknown to the door.
    let closing = stage
        .outside
        .closing(scope_all(), Stance::Contain, Class::Containment, None);
    let signed = stage.outside.signed(&closing, &["commander-1"]);
    stage.agree();
    stage.outside.publish(&signed);
    bring_authority(&stage.outside, &mut stage.journal);
    assert_eq!(stage.grade(&kim()), Grade::Ordered);
    let ordered = &stage.journal.picture().door(&kim()).unwrap().ordered;
    assert_eq!(*ordered, BTreeSet::from([signed.id()]));
    // Applied: the door's own entry.
    let Stage { outside, house, .. } = &mut stage;
    catch_up(outside, house.as_mut().unwrap());
    let door = stage.agree().door(&kim()).unwrap();
    let (epoch, at) = (door.epoch, stage.outside.time);
    assert_eq!(stage.grade(&kim()), Grade::Applied);
    // Measured at another epoch, another position: not shown.
    for (epoch, position) in [
        (Epoch(epoch.0 - 1), Position::Held),
        (epoch.next(), Position::Held),
        (epoch, Position::Shut),
    ] {
        let entry = proof(&kim(), epoch, position, &[], at);
        stage.journal.append([entry.into()], at).unwrap();
        assert_eq!(stage.grade(&kim()), Grade::Applied);
    }
    let entry = proof(&kim(), epoch, Position::Held, &["fetch: +OK"], at);
    stage.journal.append([entry.into()], at).unwrap();
    assert_eq!(stage.grade(&kim()), Grade::Failed);
    let entry = proof(&kim(), epoch, Position::Held, &[], at);
    stage.journal.append([entry.into()], at).unwrap();
    assert_eq!(stage.grade(&kim()), Grade::Proven);
    assert_eq!(
        stage.grade(&epa()),
        Grade::Applied,
        "the neighbour was not measured"
    );
    // The door moves on: the proof is stale and is not shown.
    stage.restart();
    assert!(stage.agree().door(&kim()).unwrap().proof().is_none());
    assert_eq!(stage.grade(&kim()), Grade::Applied);
    // Levels are what people said.
    let level = LevelSet {
        by: None,
        door: kim(),
        level: Level::Observe,
    };
    stage.journal.append([level.into()], at).unwrap();
    assert_eq!(
        stage.journal.picture().door(&kim()).unwrap().level,
        Level::Observe
    );
}

#[test]
fn a_picture_that_somebody_holds_stays_what_it_was() {
    let mut stage = Stage::new(1);
    stage.agree();
    let Stage { outside, house, .. } = &mut stage;
    open_all(outside, house.as_mut().unwrap());
    let before = stage.agree().clone();
    let heads: Vec<Picture> = (0..8)
        .map(|_| {
            stage.later(1);
            stage.close(scope_all(), Stance::Contain, Class::Containment);
            stage.agree().clone()
        })
        .collect();
    assert_eq!(before.door(&kim()).unwrap().position, Position::Open);
    let len = before.authority().unwrap().head().len;
    assert_eq!(len, before.authority_len());
    for held in &heads {
        assert_eq!(held.authority().unwrap().head().len, held.authority_len());
        assert!(held.authority_len() > len);
    }
}
