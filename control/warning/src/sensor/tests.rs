use super::*;

const MONDAY: i64 = 19_471 * 86_400 - 7200; // 2023-04-24 00:00 local

/// So many senders of this minute, the first of them answered with an error; or a count.
fn seen(measure: Measure, at: Timestamp, units: u32, of: u32) -> Seen {
    if !measure.is_share() {
        return Seen::Count(units);
    }
    let senders = |count: u32| {
        let mut senders = Senders::none();
        for n in 0..count {
            senders.add(&vocabulary::Digest::of(format!("{at} {n}").as_bytes()));
        }
        senders
    };
    Seen::Share {
        failed: senders(units),
        all: senders(of),
    }
}

fn feed(series: &mut Series, from: i64, minutes: i64, units: u32, of: u32) -> Vec<(i64, Turn)> {
    (0..minutes)
        .filter_map(|minute| {
            let at = Timestamp(from + minute * 60);
            let seen = seen(series.measure, at, units, of);
            let turn = series.take(Minute { at, seen }, Lesson::Learn, &BTreeSet::new());
            turn.map(|turn| (minute, turn))
        })
        .collect()
}

fn taught(measure: Measure, units: u32, of: u32) -> Series {
    let mut series = Series::new(measure, Baseline::new());
    for week in 0..5 {
        let turns = feed(
            &mut series,
            MONDAY + (week - 5) * 604_800 + 36_000,
            181,
            units,
            of,
        );
        assert!(turns.is_empty());
    }
    series
}

#[test]
fn two_windows_raise_and_one_does_not() {
    let start = MONDAY + 36_000;
    let mut series = taught(Measure::EauRate, 20, 0);
    assert!(
        feed(&mut series, start, 5, 0, 0).is_empty(),
        "one window of silence is an outlier"
    );
    assert!(feed(&mut series, start + 300, 5, 20, 0).is_empty());
    let turns = feed(&mut series, start + 600, 30, 0, 0);
    assert_eq!(turns.len(), 1, "raised once, not in every window");
    let (minute, Turn::Raised(raised)) = turns[0] else {
        panic!("{turns:?}")
    };
    assert_eq!(
        (minute, raised.side, raised.since),
        (9, Side::Low, Timestamp(start + 600))
    );
    let turns = feed(&mut series, start + 2400, 60, 20, 0);
    assert_eq!(turns, [(29, Turn::Settled)], "six calm windows settle it");
}

#[test]
fn one_wild_minute_is_no_signal() {
    let mut series = taught(Measure::EauRate, 20, 0);
    let start = MONDAY + 36_000;
    assert!(feed(&mut series, start, 7, 20, 0).is_empty());
    assert!(feed(&mut series, start + 420, 1, 1_000_000, 0).is_empty());
    assert!(feed(&mut series, start + 480, 60, 20, 0).is_empty());
}

#[test]
fn a_share_waits_for_mails_and_a_hole_breaks_the_row() {
    let start = MONDAY + 36_000;
    let mut series = taught(Measure::ErrorShare, 0, 5);
    // One mail in four minutes, each an error: windows of 20 minutes.
    let mut turns = Vec::new();
    for minute in 0..60 {
        let units = u32::from(minute % 4 == 0);
        let at = Timestamp(start + minute * 60);
        turns.extend(
            series
                .take(
                    Minute {
                        at,
                        seen: seen(Measure::ErrorShare, at, units, units),
                    },
                    Lesson::Learn,
                    &BTreeSet::new(),
                )
                .map(|turn| (minute, turn)),
        );
    }
    assert!(
        matches!(turns.as_slice(), [(29..=49, Turn::Raised(_))]),
        "{turns:?}"
    );
    let mut series = taught(Measure::ErrorShare, 0, 5);
    assert!(feed(&mut series, start, 5, 5, 5).is_empty());
    assert!(
        feed(&mut series, start + 1200, 5, 5, 5).is_empty(),
        "a hole lies between"
    );
    assert_eq!(feed(&mut series, start + 1500, 5, 5, 5).len(), 1);
}

#[test]
fn one_practice_with_a_pile_of_bad_mails_is_no_failure() {
    let mut series = taught(Measure::ErrorShare, 0, 5);
    let one = seen(Measure::ErrorShare, Timestamp(0), 1, 1);
    for minute in 0..120 {
        let at = Timestamp(MONDAY + 36_000 + minute * 60);
        assert_eq!(
            series.take(Minute { at, seen: one }, Lesson::Learn, &BTreeSet::new()),
            None
        );
    }
}

#[test]
fn a_minute_counts_once_and_time_never_runs_back() {
    let mut series = taught(Measure::EauRate, 20, 0);
    let start = MONDAY + 36_000;
    let mut again = series.clone();
    feed(&mut series, start, 12, 20, 0);
    for _ in 0..3 {
        feed(&mut again, start, 12, 20, 0);
    }
    assert_eq!(series, again);
}

#[test]
fn incidents_holidays_and_holes_are_not_learned() {
    let ten = HourOfWeek::new(0, 10);
    let start = MONDAY + 36_000;
    let known = |lesson, holidays: &BTreeSet<CivilDate>, every: usize| {
        let mut series = Series::new(Measure::EauRate, Baseline::new());
        for minute in (0..61).step_by(every) {
            let at = Timestamp(start + minute * 60);
            let _turn = series.take(
                Minute {
                    at,
                    seen: Seen::Count(1),
                },
                lesson,
                holidays,
            );
        }
        let _turn = series.take(
            Minute {
                at: Timestamp(start + 3660),
                seen: Seen::Count(1),
            },
            lesson,
            holidays,
        );
        series.baseline().weeks(ten)
    };
    let holiday = BTreeSet::from([CivilDate {
        year: 2023,
        month: 4,
        day: 24,
    }]);
    assert_eq!(known(Lesson::Learn, &BTreeSet::new(), 1), 1);
    assert_eq!(known(Lesson::Skip, &BTreeSet::new(), 1), 0);
    assert_eq!(known(Lesson::Learn, &holiday, 1), 0);
    assert_eq!(
        known(Lesson::Learn, &BTreeSet::new(), 2),
        0,
        "every second minute is missing"
    );
}

#[test]
fn a_restart_after_any_minute_changes_nothing() {
    for (measure, usual, bad, of) in [(Measure::EauRate, 20, 0, 0), (Measure::ErrorShare, 0, 6, 8)] {
        let mut whole = taught(measure, usual, of);
        let mut restarted = whole.clone();
        let mut turns = 0;
        for minute in 0..240 {
            let at = Timestamp(MONDAY + 36_000 + minute * 60);
            let units = if (40..90).contains(&minute) { bad } else { usual };
            let one = Minute {
                at,
                seen: seen(measure, at, units, of),
            };
            let turn = whole.take(one, Lesson::Learn, &BTreeSet::new());
            assert_eq!(
                restarted.take(one, Lesson::Learn, &BTreeSet::new()),
                turn,
                "{minute}"
            );
            turns += usize::from(turn.is_some());
            let kept = serde_json::to_vec(&restarted.window().unwrap()).unwrap();
            let window: Window = serde_json::from_slice(&kept).unwrap();
            restarted = Series::new(measure, restarted.baseline().clone()).going_on(window);
            assert_eq!(restarted, whole, "{minute}");
        }
        assert_eq!(turns, 2, "raised and settled, {measure:?}");
    }
}

#[test]
fn a_window_of_another_kind_is_not_taken() {
    let mut counted = taught(Measure::EauRate, 20, 0);
    feed(&mut counted, MONDAY + 36_000, 3, 20, 0);
    let share = Series::new(Measure::ErrorShare, Baseline::new());
    assert_eq!(share.clone().going_on(counted.window().unwrap()), share);
}
