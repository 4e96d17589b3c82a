//! The board: armed only if nothing is lacking, and every lack says what to do and who does it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{DAY, T0, days_before, estate};
use estate::Estate;
use order::Lang;
use proptest::prelude::*;
use readiness::board::{
    Arming, Board, CellFacts, Doer, Fact, Facts, InsurerFacts, Item, Level, Paper, ProviderFacts, SiteFacts,
    StandingConsent, Why, limits,
};
use vocabulary::{CellId, InsurerId, Scope, Timestamp};

fn known(days: i64) -> Fact {
    Fact::Known {
        at: days_before(T0, days),
    }
}

/// Everything done ten days ago, copies yesterday.
fn all_well(estate: &Estate) -> Facts {
    let keys = |names: &[&str]| {
        names
            .iter()
            .map(|name| (name.parse().unwrap(), known(10)))
            .collect()
    };
    let cell = CellFacts {
        standing_consent: StandingConsent::Until {
            at: Timestamp(T0.0 + 100 * DAY),
        },
        emergency_key_tested: known(10),
        sealed_copy: known(1),
        level: Level::Enforcing,
        proven: known(10),
    };
    let insurer = InsurerFacts {
        consent_keys: keys(&["ja", "ja-2"]),
        refusal_keys: keys(&["nein"]),
        contacts_tested: known(10),
        processing_notice: Paper::Filed {
            at: days_before(T0, 10),
        },
        cloud_attestation: Paper::NotNeeded,
        release_exercised: known(10),
        recovery_exercised: known(10),
        last_drill: known(10),
    };
    Facts {
        cells: estate
            .doors()
            .map(|(door, ..)| (door.cell().clone(), cell.clone()))
            .collect(),
        insurers: estate
            .insurers()
            .map(|one| (one.id.clone(), insurer.clone()))
            .collect(),
        sites: estate
            .sites()
            .map(|site| {
                (
                    site.id.clone(),
                    SiteFacts {
                        way_in_tested: known(10),
                    },
                )
            })
            .collect(),
        provider: ProviderFacts {
            commander_keys: keys(&["anna", "bert"]),
            examiner_keys: keys(&["clara", "dirk"]),
            presigned_exercised: known(10),
            contacts_tested: known(10),
        },
    }
}

fn kim() -> CellId {
    "kasse-001/kim".parse().unwrap()
}

fn one() -> InsurerId {
    "kasse-001".parse().unwrap()
}

/// What kasse-001/kim lacks under these facts.
fn lacks(facts: &Facts) -> Vec<(Item, Why, Doer)> {
    let estate = estate();
    let board = Board::of(&estate, facts, 2, T0);
    let row = board.row(&kim()).unwrap();
    row.arming
        .lacks()
        .iter()
        .map(|lack| (lack.item().clone(), lack.why(), lack.doer().clone()))
        .collect()
}

#[test]
fn nothing_known_means_nothing_armed() {
    let estate = estate();
    let board = Board::of(&estate, &Facts::default(), 2, T0);
    assert_eq!(board.rows().len(), 640);
    assert!(board.rows().all(|(_, row)| row.arming != Arming::Armed));
    let row = board.row(&kim()).unwrap();
    let items: BTreeSet<&str> = row.arming.lacks().iter().map(|lack| lack.item().slug()).collect();
    for item in [
        "consenters",
        "refusers",
        "standing-consent",
        "emergency-key",
        "door-level",
        "door-proof",
        "way-in",
        "contacts",
        "processing-notice",
        "cloud-attestation",
        "release",
        "recovery",
        "drill",
    ] {
        assert!(items.contains(item), "{item}");
    }
    assert!(
        !items.contains("sealed-copy"),
        "KIM mail needs no copy: it is held"
    );
    assert_eq!(board.provider().len(), 4);
}

#[test]
fn all_well_is_armed_everywhere_and_the_tally_says_so() {
    let estate = estate();
    let board = Board::of(&estate, &all_well(&estate), 2, T0);
    for (cell, row) in board.rows() {
        assert_eq!(row.arming, Arming::Armed, "{cell}: {:?}", row.arming.lacks());
    }
    assert!(board.provider().is_empty());
    let tally = board.tally(&Scope::everything());
    assert_eq!((tally.armed, tally.not_armed), (640, 0));
    assert!(tally.lacking.is_empty() && board.not_armed_in(&Scope::everything()).is_empty());
}

#[test]
fn each_fact_alone_disarms_and_names_its_limit() {
    let estate = estate();
    let insurer = one();
    let doer = Doer::Insurer(insurer.clone());
    let old = |days: i64, limit: readiness::words::Days| Why::TooOld {
        age: readiness::words::Days(days.unsigned_abs()),
        limit,
    };
    type Spoil = fn(&mut CellFacts, &mut InsurerFacts);
    let cases: Vec<(Spoil, Item, Why, Doer)> = vec![
        (
            |cell, _| cell.level = Level::HoldReady,
            Item::DoorLevel,
            Why::Below(Level::HoldReady),
            Doer::Provider,
        ),
        (
            |cell, _| cell.proven = known(181),
            Item::DoorProof,
            old(181, limits::DOOR_PROVEN_DAYS_MAX),
            Doer::Provider,
        ),
        (
            |cell, _| cell.emergency_key_tested = Fact::Missing,
            Item::EmergencyKey,
            Why::Missing,
            doer.clone(),
        ),
        (
            |cell, _| cell.standing_consent = StandingConsent::Until { at: T0 },
            Item::StandingConsent("kim".parse().unwrap()),
            Why::Expired { at: T0 },
            doer.clone(),
        ),
        (
            |_, one| one.contacts_tested = known(91),
            Item::Contacts,
            old(91, limits::CONTACTS_DAYS_MAX),
            doer.clone(),
        ),
        (
            |_, one| one.processing_notice = Paper::Missing,
            Item::ProcessingNotice,
            Why::Missing,
            doer.clone(),
        ),
        (
            |_, one| one.cloud_attestation = Paper::NotKnown,
            Item::CloudAttestation,
            Why::NotKnown,
            Doer::Provider,
        ),
        (
            |_, one| one.release_exercised = Fact::NotKnown,
            Item::Release,
            Why::NotKnown,
            doer.clone(),
        ),
        (
            |_, one| one.recovery_exercised = known(366),
            Item::Recovery,
            old(366, limits::RECOVERY_DAYS_MAX),
            doer.clone(),
        ),
        (
            |_, one| one.last_drill = Fact::Missing,
            Item::Drill,
            Why::Missing,
            doer.clone(),
        ),
    ];
    for (spoil, item, why, by) in cases {
        let mut facts = all_well(&estate);
        spoil(
            facts.cells.get_mut(&kim()).unwrap(),
            facts.insurers.get_mut(&insurer).unwrap(),
        );
        assert_eq!(lacks(&facts), vec![(item, why, by)]);
    }
}

#[test]
fn a_stale_key_is_a_lack_even_where_enough_others_are_used() {
    let estate = estate();
    let mut facts = all_well(&estate);
    let keys = &mut facts.insurers.get_mut(&one()).unwrap().consent_keys;
    keys.insert("ja-3".parse().unwrap(), known(91));
    let stale = (
        Item::Key("ja-3".parse().unwrap()),
        Why::TooOld {
            age: readiness::words::Days(91),
            limit: limits::KEY_USED_DAYS_MAX,
        },
        Doer::Person("ja-3".parse().unwrap()),
    );
    assert_eq!(lacks(&facts), vec![stale.clone()]);
    let keys = &mut facts.insurers.get_mut(&one()).unwrap().consent_keys;
    keys.remove(&"ja-2".parse().unwrap());
    let few = (
        Item::Consenters,
        Why::TooFew { have: 1, need: 2 },
        Doer::Insurer(one()),
    );
    assert_eq!(lacks(&facts), vec![stale, few]);
}

#[test]
fn asking_each_time_is_a_decision_and_a_clock_ahead_is_a_lack() {
    let estate = estate();
    let mut facts = all_well(&estate);
    facts.cells.get_mut(&kim()).unwrap().standing_consent = StandingConsent::AskEachTime;
    assert!(lacks(&facts).is_empty());
    let ahead = Timestamp(T0.0 + 2 * DAY);
    facts.insurers.get_mut(&one()).unwrap().last_drill = Fact::Known { at: ahead };
    assert_eq!(
        lacks(&facts),
        vec![(Item::Drill, Why::Ahead { at: ahead }, Doer::Insurer(one()))]
    );
}

#[test]
fn copies_are_asked_of_the_services_that_need_them() {
    let estate = estate();
    let mut facts = all_well(&estate);
    for (service, days) in [
        ("payments", 8),
        ("statistics", 32),
        ("lookup", 3),
        ("epa", 999),
        ("exchange", 999),
    ] {
        let cell: CellId = format!("kasse-001/{service}").parse().unwrap();
        facts.cells.get_mut(&cell).unwrap().sealed_copy = known(days);
    }
    let board = Board::of(&estate, &facts, 2, T0);
    let not_armed: Vec<String> = board
        .not_armed_in(&Scope::insurer(one()))
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        not_armed,
        ["kasse-001/lookup", "kasse-001/payments", "kasse-001/statistics"]
    );
    let other = Scope::insurer("kasse-002".parse().unwrap());
    assert!(
        board.not_armed_in(&other).is_empty(),
        "the scope of a cut asks for its own cells only"
    );
    assert_eq!(
        board.tally(&Scope::everything()).lacking,
        BTreeMap::from([("sealed-copy", 3)])
    );
}

#[test]
fn what_lapses_soon_is_announced_before_it_does() {
    let estate = estate();
    let mut facts = all_well(&estate);
    facts.insurers.get_mut(&one()).unwrap().contacts_tested = known(80);
    let board = Board::of(&estate, &facts, 2, T0);
    let row = board.row(&kim()).unwrap();
    assert_eq!(row.arming, Arming::Armed);
    let soon: Vec<&Item> = row.soon.iter().map(readiness::board::Lack::item).collect();
    assert_eq!(soon, [&Item::Contacts]);
}

#[test]
fn a_site_nobody_can_enter_disarms_its_cells_and_no_others() {
    let estate = estate();
    let mut facts = all_well(&estate);
    facts.sites.insert(
        "munich".parse().unwrap(),
        SiteFacts {
            way_in_tested: Fact::Missing,
        },
    );
    let board = Board::of(&estate, &facts, 2, T0);
    for (cell, row) in board.rows() {
        assert_eq!(
            row.arming != Arming::Armed,
            row.place.site.as_str() == "munich",
            "{cell}"
        );
    }
}

#[test]
fn an_insurers_board_shows_no_other_insurer() {
    let estate = estate();
    let board = Board::of(&estate, &Facts::default(), 2, T0);
    let insurer = one();
    assert_eq!(board.insurer(&insurer).count(), 8);
    assert!(board.insurer(&insurer).all(|(cell, _)| cell.insurer == insurer));
}

#[test]
fn facts_read_back_and_unknown_fields_are_refused() {
    let facts = all_well(&estate());
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    assert!(serde_json::from_str::<Facts>(r#"{"insurer":{}}"#).is_err());
    assert!(serde_json::from_str::<Fact>(r#"{"known":{"at":1,"by":"x"}}"#).is_err());
}

fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        Just(Fact::Missing),
        Just(Fact::NotKnown),
        (-10_i64..800).prop_map(known),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No combination of facts makes a cell armed that lacks something, and every lack can be acted on in both languages.
    #[test]
    fn armed_means_that_nothing_is_lacking(
        facts in (any_fact(), any_fact(), any_fact(), any_fact(), any_fact()),
        used in proptest::collection::vec(any_fact(), 0..4),
        level in prop_oneof![Just(Level::NotKnown), Just(Level::Observe), Just(Level::HoldReady), Just(Level::Enforcing)],
    ) {
        let estate = estate();
        let mut all = all_well(&estate);
        let (a, b, c, d, e) = facts;
        let cell = all.cells.get_mut(&kim()).unwrap();
        (cell.proven, cell.emergency_key_tested, cell.level) = (a, b, level);
        let insurer = all.insurers.get_mut(&one()).unwrap();
        (insurer.release_exercised, insurer.recovery_exercised, insurer.last_drill) = (c, d, e);
        insurer.consent_keys =
            used.iter().enumerate().map(|(at, fact)| (format!("p{at}").parse().unwrap(), *fact)).collect();
        let fresh = |fact: Fact, days: i64| matches!(fact, Fact::Known { at } if at.0 > T0.0 - (days + 1) * DAY && at.0 < T0.0 + DAY);
        let well = fresh(a, 180) && fresh(b, 90) && fresh(c, 90) && fresh(d, 365) && fresh(e, 365)
            && level == Level::Enforcing && used.len() >= 2 && used.iter().all(|fact| fresh(*fact, 90));
        let board = Board::of(&estate, &all, 2, T0);
        let row = board.row(&kim()).unwrap();
        prop_assert_eq!(row.arming == Arming::Armed, well);
        for lack in row.arming.lacks() {
            for lang in [Lang::De, Lang::En] {
                let sentence = lack.sentence(lang);
                prop_assert!(sentence.ends_with('.') && sentence.matches(". ").count() >= 2, "{}", sentence);
            }
            prop_assert_ne!(lack.sentence(Lang::De), lack.sentence(Lang::En));
        }
    }
}
