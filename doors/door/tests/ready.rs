//! Which openings wait for nothing but a fresh view, and what becomes of the others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod estate;

use std::collections::BTreeSet;

use clearance::{Grade, Refusal, Withdraws};
use door::{Applied, House, Ready, Tried};
use estate::*;
use order::{Becomes, Opening, Stance};
use vocabulary::{Class, DoorId, Flow, Position, Seconds, StatementId};

fn kim() -> DoorId {
    door_id("kasse-001/kim")
}

fn position(house: &House, door: &DoorId) -> Position {
    house.gate(door).unwrap().view().position
}

fn is_open(house: &House) -> bool {
    position(house, &kim()) == Position::Open
}

/// A house with a fresh view and a full clearance of the first insurer.
struct Night {
    _dir: tempfile::TempDir,
    outside: Outside,
    house: House,
    cleared: StatementId,
}

impl Night {
    fn new() -> Self {
        let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(2));
        let mut house = enrol(&outside, dir.path());
        freshen(&mut outside, &mut house);
        let cleared = clear(
            &mut outside,
            "kasse-001",
            Grade::Full,
            &["examiner-1", "examiner-2"],
        );
        Self {
            _dir: dir,
            outside,
            house,
            cleared,
        }
    }

    fn opening(&self, door: &DoorId) -> Opening {
        let entry = vec![named(&self.house, door)];
        self.outside
            .opening(entry, Becomes::Open, BTreeSet::from([self.cleared]))
    }

    /// Puts an opening into the log, and lets the house follow.
    fn order(&mut self, opening: &Opening) -> StatementId {
        let signed = self.outside.signed(opening, &["commander-1"]);
        let id = self.outside.publish(&signed);
        catch_up(&self.outside, &mut self.house);
        id
    }

    fn agree(&mut self, id: StatementId) {
        say_yes(&mut self.outside, id);
        catch_up(&self.outside, &mut self.house);
    }

    fn ready(&mut self) -> Vec<Ready> {
        let now = moment(&self.outside);
        self.house.ready(now)
    }

    fn later(&mut self, seconds: u64) {
        self.outside.time = self.outside.time.plus(Seconds(seconds));
    }

    /// What a process does: looks, asks for a view, tries in the same turn.
    fn by_itself(&mut self) -> usize {
        let ready = self.ready();
        if ready.is_empty() {
            return 0;
        }
        freshen(&mut self.outside, &mut self.house);
        let now = moment(&self.outside);
        let Tried::Answered(outcome) = self.house.try_ready(&ready, now).unwrap() else {
            panic!("the view is whole");
        };
        assert_eq!(outcome.refused, [], "what seemed ready was ready");
        outcome.applied.len()
    }
}

#[test]
fn it_is_ready_when_and_only_when_the_last_thing_has_come() {
    let mut night = Night::new();
    let opening = night.opening(&kim());
    let id = night.order(&opening);
    assert_eq!(night.ready(), [], "the consent is missing");
    night.agree(id);
    let doors = BTreeSet::from([kim()]);
    assert_eq!(night.ready(), [Ready { opening: id, doors }]);
    // Not under the view from before: the log has grown since.
    let (ready, now) = (night.ready(), moment(&night.outside));
    let before = night.house.head().len;
    assert_eq!(night.house.try_ready(&ready, now).unwrap(), Tried::NoView);
    assert_eq!(
        night.house.head().len,
        before,
        "nobody was asked, nothing is recorded"
    );
    assert!(!is_open(&night.house));
    assert_eq!(night.by_itself(), 1);
    assert!(is_open(&night.house));
    assert_eq!(night.ready(), [], "done");
    // Whoever asks for it by name afterwards hears that it was carried out.
    let now = moment(&night.outside);
    let again = night.house.open_doors(id, [kim()], now).unwrap();
    assert!(
        matches!(
            again.applied[..],
            [door::Report {
                applied: Applied::Before { .. },
                ..
            }]
        ),
        "{again:?}"
    );
    assert_eq!(night.house.carried().collect::<Vec<_>>(), [(&kim(), id)]);
}

#[test]
fn what_once_did_not_fit_the_epoch_is_never_tried_again() {
    let mut night = Night::new();
    let mut early = night.opening(&kim());
    early.doors[0].epoch = early.doors[0].epoch.next();
    let early = night.order(&early);
    night.agree(early);
    assert_eq!(night.ready(), [], "made for an epoch that has not come");
    let opening = night.opening(&kim());
    let late = night.order(&opening);
    night.agree(late);
    assert_eq!(night.ready().len(), 1);
    // A cut moves the epoch: the second no longer fits, and the first would fit now by its number.
    night.later(10);
    close(
        &mut night.outside,
        &mut night.house,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    catch_up(&night.outside, &mut night.house);
    assert_eq!(night.ready(), []);
    assert_eq!(night.by_itself(), 0);
    assert!(!is_open(&night.house));
}

#[test]
fn a_replay_after_another_cut_is_not_even_tried() {
    let mut night = Night::new();
    let opening = night.opening(&kim());
    let id = night.order(&opening);
    night.agree(id);
    assert_eq!(night.by_itself(), 1);
    night.later(10);
    close(
        &mut night.outside,
        &mut night.house,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    // The log is shown the same opening and consent again.
    night.order(&opening);
    night.agree(id);
    assert_eq!(night.ready(), []);
    assert!(!is_open(&night.house));
    assert_eq!(
        night.house.carried().count(),
        0,
        "it was carried out once, and is over"
    );
}

#[test]
fn an_insurer_that_refuses_and_a_withdrawn_clearance_end_the_waiting_and_taking_back_resumes_it() {
    let mut night = Night::new();
    let opening = night.opening(&kim());
    let id = night.order(&opening);
    night.agree(id);
    assert_eq!(night.ready().len(), 1);
    let no = Refusal {
        estate: night.outside.estate.clone(),
        insurer: "kasse-001".parse().unwrap(),
        against: clearance::Against::Everything,
        reason: text("noch nicht / not yet"),
        issued: night.outside.time,
    };
    let no = night.outside.signed(&no, &["kasse-001-nein"]);
    let no = night.outside.publish(&no);
    catch_up(&night.outside, &mut night.house);
    assert_eq!(night.ready(), []);
    let back = night.outside.withdrawal(Withdraws::Refusal(no));
    let back = night.outside.signed(&back, &["kasse-001-ja", "kasse-001-nein"]);
    night.outside.publish(&back);
    catch_up(&night.outside, &mut night.house);
    assert_eq!(night.ready().len(), 1, "the epoch is still the same");
    let withdrawal = night.outside.withdrawal(Withdraws::Clearance(night.cleared));
    let withdrawal = night.outside.signed(&withdrawal, &["examiner-2"]);
    night.outside.publish(&withdrawal);
    catch_up(&night.outside, &mut night.house);
    assert_eq!(night.ready(), []);
    assert_eq!(night.by_itself(), 0);
}

#[test]
fn an_expired_opening_is_forgotten() {
    let mut night = Night::new();
    let opening = night.opening(&kim());
    let id = night.order(&opening);
    night.agree(id);
    assert_eq!(night.ready().len(), 1);
    night.later(86_400 + 1);
    assert_eq!(night.ready(), []);
    // Even if time were taken back: it is over for good.
    night.outside.time = vocabulary::Timestamp(night.outside.time.0 - 86_400);
    assert_eq!(night.ready(), []);
}

#[test]
fn a_start_moves_the_epochs_and_nothing_from_before_is_tried() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    freshen(&mut outside, &mut house);
    let cleared = clear(
        &mut outside,
        "kasse-001",
        Grade::Full,
        &["examiner-1", "examiner-2"],
    );
    let opening = outside.opening(
        vec![named(&house, &kim())],
        Becomes::Open,
        BTreeSet::from([cleared]),
    );
    let signed = outside.signed(&opening, &["commander-1"]);
    let id = outside.publish(&signed);
    say_yes(&mut outside, id);
    catch_up(&outside, &mut house);
    assert_eq!(house.ready(moment(&outside)).len(), 1);
    drop(house);
    let mut house = reopen(&outside, dir.path()).unwrap();
    assert_eq!(house.ready(moment(&outside)), []);
    freshen(&mut outside, &mut house);
    assert_eq!(house.ready(moment(&outside)), []);
    assert!(!is_open(&house));
    // One written for the doors as they stand now is tried.
    let opening = outside.opening(
        vec![named(&house, &kim())],
        Becomes::Open,
        BTreeSet::from([cleared]),
    );
    let signed = outside.signed(&opening, &["commander-1"]);
    let id = outside.publish(&signed);
    say_yes(&mut outside, id);
    catch_up(&outside, &mut house);
    assert_eq!(house.ready(moment(&outside)).len(), 1);
}

#[test]
fn limited_operation_is_tried_until_its_planned_end_and_not_after_it_ended() {
    let mut night = Night::new();
    let until = night.outside.time.plus(Seconds(3600));
    let grade = Grade::Limited {
        cells: BTreeSet::from([kim().cell().clone()]),
        peers: None,
        directions: BTreeSet::from([Flow::Fetch, Flow::Forward]),
        until,
    };
    let limited = clear(
        &mut night.outside,
        "kasse-001",
        grade,
        &["examiner-1", "examiner-2"],
    );
    let entry = vec![named(&night.house, &kim())];
    let becomes = Becomes::Limited { until };
    let opening = night.outside.opening(entry, becomes, BTreeSet::from([limited]));
    let id = night.order(&opening);
    night.agree(id);
    assert_eq!(night.ready().len(), 1);
    // Its end passes before anybody could try.
    let now = night.outside.time;
    night.later(3601);
    assert_eq!(night.ready(), []);
    night.outside.time = now;
    assert_eq!(night.by_itself(), 1);
    assert!(night.house.gate(&kim()).unwrap().pass(Flow::Fetch).is_ok());
    night.later(3601);
    night.house.tick(moment(&night.outside)).unwrap();
    assert!(
        night.house.gate(&kim()).unwrap().pass(Flow::Fetch).is_err(),
        "the planned re-shutdown"
    );
    night.order(&opening);
    assert_eq!(night.ready(), [], "it has ended, and its opening with it");
}

#[test]
fn what_waits_for_a_view_that_does_not_come_is_recorded_and_bounded() {
    let mut night = Night::new();
    let opening = night.opening(&kim());
    let id = night.order(&opening);
    night.agree(id);
    let (ready, before) = (night.ready(), night.house.head().len);
    for _ in 0..100 {
        let now = moment(&night.outside);
        night.house.not_tried(&ready, now);
    }
    assert_eq!(night.house.head().len - before, 7, "1st, 2nd, 4th … 64th");
    assert!(!is_open(&night.house));
    assert_eq!(night.by_itself(), 1, "and it is tried when the view comes");
}
