//! Clocks and drafts over the table of duties that is built in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::after;
use publication::obligations::{
    BadLaw, Clock, Due, Entry, Harm, Knowledge, Law, Outage, PersonKind, Provider, Sent, Standing, Trigger,
    Work, clocks, significant,
};
use vocabulary::{Seconds, Timestamp};

fn law() -> Law {
    Law::built_in().unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second())
}

fn knows(who: &str, kind: PersonKind, trigger: Trigger, known_at: Timestamp, services: &[&str]) -> Knowledge {
    Knowledge {
        incident: "vorfall-1".parse().unwrap(),
        legal_person: who.parse().unwrap(),
        kinds: [kind].into(),
        trigger,
        known_at,
        entry: Entry(7),
        services: services.iter().map(|service| service.parse().unwrap()).collect(),
        set: None,
    }
}

fn sent(who: &str, obligation: &str, at: Timestamp) -> Sent {
    Sent {
        incident: "vorfall-1".parse().unwrap(),
        legal_person: who.parse().unwrap(),
        obligation: obligation.parse().unwrap(),
        at,
        request: None,
        late_because: None,
    }
}

fn find<'a>(clocks: &'a [Clock], id: &str) -> Option<&'a Clock> {
    clocks.iter().find(|clock| clock.obligation.as_str() == id)
}

fn names(clocks: &[Clock]) -> Vec<&str> {
    let mut names: Vec<&str> = clocks.iter().map(|clock| clock.obligation.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn hours_run_by_the_second_through_the_change_of_clocks() {
    // 24 March 2026, 02:30 in Berlin is winter; the 29th is summer. 72 h later the wall shows an hour more.
    let start = at("2026-03-28T12:00:00Z");
    let known = [knows(
        "betreiber",
        PersonKind::Provider,
        Trigger::SignificantIncident,
        start,
        &["payments"],
    )];
    let clocks = clocks(&known, &[], &law(), start);
    assert_eq!(names(&clocks), ["NIS2-72", "NIS2-EW"]);
    assert_eq!(
        find(&clocks, "NIS2-EW").unwrap().due,
        Due::At(at("2026-03-29T12:00:00Z"))
    );
    assert_eq!(
        find(&clocks, "NIS2-72").unwrap().due,
        Due::At(at("2026-03-31T12:00:00Z"))
    );
    assert_eq!(
        find(&clocks, "NIS2-EW").unwrap().standing,
        Standing::Running {
            left: Seconds(86_400)
        }
    );
}

#[test]
fn the_final_report_is_due_a_month_after_the_notice_was_sent() {
    for (notice, due) in [
        ("2027-01-31T09:00:00Z", "2027-02-28T22:59:59Z"),
        ("2028-01-31T09:00:00Z", "2028-02-29T22:59:59Z"), // leap year
        ("2028-02-29T09:00:00Z", "2028-03-29T21:59:59Z"), // summer time since the 26th
        ("2026-10-05T09:00:00Z", "2026-11-05T22:59:59Z"), // winter time since the 25th
    ] {
        let notice = at(notice);
        let start = Timestamp(notice.0 - 3_600);
        let known = [knows(
            "betreiber",
            PersonKind::Provider,
            Trigger::SignificantIncident,
            start,
            &["payments"],
        )];
        let before = clocks(&known, &[], &law(), notice);
        assert!(
            find(&before, "NIS2-FR").is_none(),
            "no month runs before the notice was sent"
        );
        assert_eq!(find(&before, "NIS2-72").unwrap().follow_up[0].as_str(), "NIS2-FR");
        let after = clocks(&known, &[sent("betreiber", "NIS2-72", notice)], &law(), notice);
        let report = find(&after, "NIS2-FR").unwrap();
        assert_eq!((report.starts, report.due), (notice, Due::At(at(due))));
        assert_eq!(
            find(&after, "NIS2-72").unwrap().standing,
            Standing::Sent { at: notice }
        );
    }
}

#[test]
fn one_provider_answers_under_two_regimes_by_service() {
    let start = after(0);
    let run = |services: &[&str]| {
        clocks(
            &[knows(
                "betreiber",
                PersonKind::Provider,
                Trigger::SignificantIncident,
                start,
                services,
            )],
            &[],
            &law(),
            start,
        )
    };
    assert_eq!(names(&run(&["kim", "eau"])), ["TI-329"]);
    assert_eq!(names(&run(&["payments"])), ["NIS2-72", "NIS2-EW"]);
    let both = run(&["kim", "payments"]);
    assert_eq!(names(&both), ["NIS2-72", "NIS2-EW", "TI-329"]);
    let services = |id: &str| {
        find(&both, id)
            .unwrap()
            .services
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (services("TI-329"), services("NIS2-EW")),
        (vec!["kim".into()], vec!["payments".into()])
    );
    assert_eq!(find(&both, "TI-329").unwrap().due, Due::WithoutDelay);
    // not known which services: both regimes, for safety
    assert_eq!(names(&run(&[])), ["NIS2-72", "NIS2-EW", "TI-329"]);
    // the rule that divides them was not read in the promulgated text, and every clock it decides says so
    for clock in &both {
        assert!(
            clock.unverified.as_ref().unwrap().de.contains("TI-EXCL")
                && clock.unverified.as_ref().unwrap().en.contains("TI-EXCL"),
            "{clock:?}"
        );
    }
}

#[test]
fn each_legal_person_has_its_own_clocks_and_only_its_own() {
    let mut known = vec![knows(
        "betreiber",
        PersonKind::Provider,
        Trigger::PersonalDataBreach,
        after(0),
        &[],
    )];
    for number in 1..=80 {
        let who = format!("kasse-{number:03}");
        known.push(knows(
            &who,
            PersonKind::StatutoryInsurer,
            Trigger::PersonalDataBreach,
            after(number),
            &[],
        ));
    }
    known.push(knows(
        "privat",
        PersonKind::PrivateInsurer,
        Trigger::PersonalDataBreach,
        after(1),
        &[],
    ));
    known.push(knows(
        "privat",
        PersonKind::PrivateInsurer,
        Trigger::IctIncidentClassified,
        after(2),
        &[],
    ));
    let clocks = clocks(&known, &[], &law(), after(100));
    let of = |who: &str| -> Vec<String> {
        let mine = clocks.iter().filter(|clock| clock.legal_person.as_str() == who);
        let mut names: Vec<String> = mine.map(|clock| clock.obligation.to_string()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(of("betreiber"), ["GDPR-33-P"]);
    assert_eq!(of("kasse-044"), ["GDPR-33-C", "SGBX-83A"]);
    assert_eq!(
        of("privat"),
        ["DORA-19-72", "DORA-19-FR", "DORA-19-IC", "GDPR-33-C"]
    );
    let overdue = clocks
        .iter()
        .filter(|clock| clock.overdue() && clock.obligation.as_str() == "GDPR-33-C")
        .count();
    assert_eq!(
        overdue,
        27 + 1,
        "those who knew by hour 27, and the private insurer"
    );
    assert!(clocks.first().unwrap().overdue(), "the most urgent first");
    assert!(
        clocks.iter().all(|clock| clock.starts >= after(0)),
        "nobody's clock starts before it knows"
    );
}

#[test]
fn what_is_learned_later_does_not_restart_or_double_a_clock() {
    let kind = PersonKind::Provider;
    let early = knows(
        "betreiber",
        kind,
        Trigger::SignificantIncident,
        after(1),
        &["payments"],
    );
    let late = knows(
        "betreiber",
        kind,
        Trigger::SignificantIncident,
        after(5),
        &["exchange"],
    );
    for order in [[early.clone(), late.clone()], [late, early]] {
        let clocks = clocks(&order, &[], &law(), after(6));
        assert_eq!(clocks.len(), 2);
        let clock = find(&clocks, "NIS2-EW").unwrap();
        assert_eq!((clock.starts, clock.services.len()), (after(1), 2));
        assert_eq!(clock.due, Due::At(after(25)));
    }
}

#[test]
fn what_is_not_known_yet_starts_nothing() {
    let known = [knows(
        "betreiber",
        PersonKind::Provider,
        Trigger::SuspectedCrime,
        after(5),
        &[],
    )];
    assert!(clocks(&known, &[], &law(), after(4)).is_empty());
    let clocks = clocks(&known, &[], &law(), after(5));
    assert_eq!(
        (clocks[0].due, &clocks[0].standing),
        (Due::NoDeadline, &Standing::Open { since: Seconds(0) })
    );
}

#[test]
fn an_authority_sets_the_time_and_each_request_is_its_own() {
    let mut first = knows(
        "betreiber",
        PersonKind::Provider,
        Trigger::AuthorityRequest,
        after(1),
        &[],
    );
    let mut second = Knowledge {
        entry: Entry(8),
        known_at: after(2),
        ..first.clone()
    };
    let open = clocks(&[first.clone(), second.clone()], &[], &law(), after(3));
    assert_eq!(
        open.iter().map(|clock| clock.due).collect::<Vec<_>>(),
        [Due::AsSet, Due::AsSet]
    );
    (first.set, second.set) = (Some(after(4)), Some(after(9)));
    let set = clocks(&[first.clone(), second.clone()], &[], &law(), after(5));
    assert_eq!(
        set.iter().map(|clock| clock.due).collect::<Vec<_>>(),
        [Due::At(after(4)), Due::At(after(9))]
    );
    assert!(set[0].overdue() && !set[1].overdue());
    let answered = set[1].sent(after(5), None).unwrap();
    let left = clocks(&[first, second], &[answered], &law(), after(5));
    assert!(
        left[0].overdue(),
        "answering one request does not answer the other"
    );
    assert_eq!(left[1].standing, Standing::Sent { at: after(5) });
}

#[test]
fn late_needs_a_reason() {
    let known = [knows(
        "kasse-001",
        PersonKind::StatutoryInsurer,
        Trigger::PersonalDataBreach,
        after(0),
        &[],
    )];
    let running = clocks(&known, &[], &law(), after(80));
    let clock = find(&running, "GDPR-33-C").unwrap();
    assert_eq!(
        clock.standing,
        Standing::Overdue {
            by: Seconds(8 * 3_600)
        }
    );
    let refused = clock.sent(after(80), None).unwrap_err().to_string();
    assert!(refused.contains("Grund der Verspätung") && refused.contains(" / "));
    assert!(clock.sent(after(72), None).is_ok(), "the last second is in time");
    let reason = "Die Behörde war nicht erreichbar.".parse().ok();
    let notice = clock.sent(after(80), reason.clone()).unwrap();
    let done = clocks(&known, &[notice], &law(), after(81));
    let standing = &find(&done, "GDPR-33-C").unwrap().standing;
    assert_eq!(
        *standing,
        Standing::SentLate {
            at: after(80),
            by: Seconds(8 * 3_600),
            because: reason
        }
    );
    // a notice from elsewhere without a reason is not hidden: it leads the list
    let silent = clocks(
        &known,
        &[sent("kasse-001", "GDPR-33-C", after(80))],
        &law(),
        after(81),
    );
    assert!(matches!(
        silent[0].standing,
        Standing::SentLate { because: None, .. } | Standing::Overdue { .. }
    ));
}

#[test]
fn everything_unread_in_the_original_is_marked() {
    let law = law();
    assert_eq!(law.obligations().len(), 32);
    for id in [
        "NIS2-EW",
        "TI-329",
        "TI-EXCL",
        "KRITIS-18-EW",
        "DORA-19-72",
        "CRA-14-EW",
        "GDPR-34",
        "SGBX-80",
    ] {
        assert!(
            law.get(&id.parse().unwrap()).unwrap().unverified.is_some(),
            "{id}"
        );
    }
    for obligation in law.obligations() {
        let doubtful = ["own knowledge", "secondary", "as stored"];
        let says = |text: &str| doubtful.iter().any(|word| text.contains(word));
        let marked = obligation.unverified.is_some()
            || obligation.period == publication::obligations::Period::Calendar;
        assert!(
            marked || !says(&obligation.source.en) && !says(&obligation.status.en),
            "{}",
            obligation.id
        );
        assert!(!obligation.source.en.is_empty() && !obligation.legal_basis.en.is_empty());
    }
}

#[test]
fn a_newer_table_is_taken_an_older_or_broken_one_refused() {
    let law = law();
    let text = include_str!("../data/obligations.csv");
    // The proposed change of the 72 h to 96 h is a change of data.
    let newer = text
        .replace("# version 2026-11-22.1", "# version 2027-05-01.1")
        .replacen(
            "GDPR-33-C,GDPR-33-C,statutory-insurer;private-insurer,personal-data-breach,,PT72H",
            "GDPR-33-C,GDPR-33-C,statutory-insurer;private-insurer,personal-data-breach,,PT96H",
            1,
        );
    let newer = law.or_newer(&newer).unwrap();
    let known = [knows(
        "kasse-001",
        PersonKind::StatutoryInsurer,
        Trigger::PersonalDataBreach,
        after(0),
        &[],
    )];
    assert_eq!(
        find(&clocks(&known, &[], &newer, after(1)), "GDPR-33-C")
            .unwrap()
            .due,
        Due::At(after(96))
    );
    assert!(matches!(newer.or_newer(text), Err(BadLaw::Older { .. })));
    assert_eq!(Law::parse("id,of\n"), Err(BadLaw::Version));
    for (from, to) in [
        ("PT24H", "PT24X"),
        ("PT24H", "PT0H"),
        ("PT24H", "PT9999H"),
        ("sent:NIS2-72", "sent:NIS2-73"),
        ("GDPR-33-P,GDPR-33-P", "GDPR-33-C,GDPR-33-P"),
        ("!kim;eau;epa", "!KIM"),
        ("personal-data-breach", "personal-breach"),
        ("provider,authority-request", ",authority-request"),
        ("provider,significant-incident", "provider,"),
        ("id,of,who", "id,off,who"),
    ] {
        assert!(text.contains(from));
        assert!(Law::parse(&text.replacen(from, to, 1)).is_err(), "{from} -> {to}");
    }
}

proptest::proptest! {
    #[test]
    fn any_table_is_read_or_refused_and_never_stops_the_room(place in 0..16_000_usize, text in "[ -~\\n\"]{0,12}") {
        let mut table: Vec<char> = include_str!("../data/obligations.csv").chars().collect();
        let place = place.min(table.len());
        let end = (place + text.len()).min(table.len());
        table.splice(place..end, text.chars());
        let table: String = table.into_iter().collect();
        if let Ok(law) = Law::parse(&table) {
            let known = [knows("x", PersonKind::Provider, Trigger::SignificantIncident, after(0), &["kim"])];
            for clock in clocks(&known, &[], &law, after(1)) {
                proptest::prop_assert!(clock.starts == after(0));
            }
        }
    }
}

#[test]
fn an_emergency_cut_can_itself_be_significant() {
    let outage = |complete: u64, limited: u64, users_affected: u64, harm: Harm, work: Work| Outage {
        complete: Seconds(complete),
        limited: Seconds(limited),
        users_affected,
        users_all: 25_000_000,
        harm,
        work,
    };
    let fires = |provider, outage| significant(provider, &outage).is_some();
    let (calm, cut) = (Harm::None, Work::Unplanned);
    assert!(!fires(Provider::ManagedService, outage(1_800, 0, 0, calm, cut)));
    assert!(fires(Provider::ManagedService, outage(1_801, 0, 0, calm, cut)));
    assert!(!fires(
        Provider::ManagedService,
        outage(1_801, 0, 0, calm, Work::Planned)
    ));
    assert!(!fires(Provider::Cloud, outage(0, 3_601, 1_000_000, calm, cut)));
    assert!(fires(Provider::Cloud, outage(0, 3_601, 1_000_001, calm, cut)));
    assert!(!fires(Provider::Cloud, outage(0, 3_600, 25_000_000, calm, cut)));
    assert!(fires(Provider::DataCentre, outage(1, 0, 0, calm, cut)));
    assert!(fires(
        Provider::ManagedService,
        outage(0, 0, 0, Harm::SuspectedMalice, Work::Planned)
    ));
}
