//! A charter that exists is consistent: each row breaks one thing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use common::{HOUR, PROVIDER, charter_draft, person, public};
use order::{Body, Charter, CharterDraft, Threshold, Version};
use vocabulary::{Digest, Role, Seconds, StatementId};

fn check(draft: CharterDraft) -> Result<Charter, order::BadBody> {
    Charter::check(StatementId(Digest::of(b"draft")), draft)
}

type Row = (&'static str, fn(&mut CharterDraft), &'static str);

const ROWS: &[Row] = &[
    (
        "a person twice",
        |d| d.persons.push(person("leitung-1", PROVIDER, &[Role::Commander])),
        "zweimal",
    ),
    (
        "a key in two persons",
        |d| d.persons[5].keys.push(public("forensik-1")),
        "zweimal",
    ),
    (
        "a key twice in one person",
        |d| d.persons[6].keys.push(public("leitung-2")),
        "zweimal",
    ),
    (
        "a central key in a section",
        |d| d.sections[0].persons[0].keys.push(public("leitung-2")),
        "zweimal",
    ),
    (
        "a person in two sections",
        |d| {
            let other = d.sections[0].persons[0].clone();
            d.sections[1].persons.push(other);
        },
        "zweimal",
    ),
    (
        "an insurer twice",
        |d| {
            let mut again = d.sections[0].clone();
            for p in &mut again.persons {
                p.id = format!("{}-b", p.id).parse().unwrap();
                p.keys = vec![public(p.id.as_str())];
            }
            again.consent = again
                .consent
                .iter()
                .map(|id| format!("{id}-b").parse().unwrap())
                .collect();
            again.refuse = again
                .refuse
                .iter()
                .map(|id| format!("{id}-b").parse().unwrap())
                .collect();
            again.deputy = format!("{}-b", again.deputy).parse().unwrap();
            d.sections.push(again);
        },
        "Kasse kasse-001 ist zweimal",
    ),
    (
        "a person without key",
        |d| d.persons[0].keys.clear(),
        "keinen Schlüssel",
    ),
    (
        "a person without role",
        |d| d.persons[0].roles.clear(),
        "zentrale Rolle",
    ),
    (
        "an insurer's role outside its section",
        |d| {
            d.persons[0].roles.insert(Role::InsurerConsent);
        },
        "zentrale Rolle",
    ),
    (
        "two roots suffice",
        |d| {
            d.thresholds.roots = Threshold {
                persons: 2,
                outside: 2,
            }
        },
        "Wurzelschlüssel",
    ),
    (
        "one outside root suffices",
        |d| {
            d.thresholds.roots = Threshold {
                persons: 3,
                outside: 1,
            }
        },
        "Wurzelschlüssel",
    ),
    (
        "more roots than there are",
        |d| {
            d.thresholds.roots = Threshold {
                persons: 6,
                outside: 2,
            }
        },
        "Wurzelschlüssel",
    ),
    (
        "more outside than needed at all",
        |d| {
            d.thresholds.examiners = Threshold {
                persons: 1,
                outside: 2,
            }
        },
        "Forensik",
    ),
    (
        "no outside examiner required",
        |d| {
            d.thresholds.examiners = Threshold {
                persons: 2,
                outside: 0,
            }
        },
        "Forensik",
    ),
    (
        "no outside examiner named",
        |d| {
            for p in &mut d.persons {
                if p.roles.contains(&Role::Examiner) {
                    p.entity = PROVIDER.parse().unwrap();
                }
            }
        },
        "Forensik",
    ),
    (
        "one commander lifts precautionary",
        |d| d.thresholds.precautionary_commanders = 1,
        "Einsatzleitung",
    ),
    (
        "a window of a year",
        |d| d.precautionary_window = Seconds(365 * 24 * HOUR),
        "Vorsichtsfenster",
    ),
    (
        "a recovery at once",
        |d| d.recovery_delay = Seconds(HOUR),
        "Wiederherstellung",
    ),
    (
        "no majority of witnesses",
        |d| d.witness_quorum = 1,
        "keine Mehrheit",
    ),
    (
        "more witnesses than there are",
        |d| d.witness_quorum = 4,
        "Zeugen",
    ),
    (
        "no witnesses",
        |d| {
            d.witnesses.clear();
            d.witness_quorum = 0;
        },
        "keine Mehrheit",
    ),
    (
        "the provider as witness",
        |d| d.witnesses[0].entity = PROVIDER.parse().unwrap(),
        "Rechtsperson",
    ),
    (
        "two witnesses of one entity",
        |d| d.witnesses[0].entity = d.witnesses[1].entity.clone(),
        "Rechtsperson",
    ),
    (
        "two witnesses with one key",
        |d| d.witnesses[0].key = d.witnesses[1].key.clone(),
        "Zeugen",
    ),
    (
        "an insurer's person of the provider",
        |d| d.sections[0].persons[0].entity = PROVIDER.parse().unwrap(),
        "gehört zum Betreiber",
    ),
    (
        "a consent person without keys",
        |d| {
            d.sections[0].consent.insert("niemand".parse().unwrap());
        },
        "ohne Schlüssel",
    ),
    (
        "nobody may refuse",
        |d| d.sections[0].refuse.clear(),
        "ablehnen darf",
    ),
    (
        "a section threshold of nobody",
        |d| d.sections[0].threshold = 0,
        "nicht erreichbar",
    ),
    (
        "a section threshold of too many",
        |d| d.sections[0].threshold = 4,
        "nicht erreichbar",
    ),
    (
        "a deputy who consents",
        |d| {
            let deputy = d.sections[0].deputy.clone();
            d.sections[0].consent.insert(deputy);
        },
        "Vertretung",
    ),
    (
        "nobody to release to",
        |d| d.sections[0].release.clear(),
        "Empfänger",
    ),
    (
        "recovery to the active identity",
        |d| d.sections[0].recovery = d.sections[0].release[0].clone(),
        "Empfänger",
    ),
    (
        "a second charter without predecessor",
        |d| d.version = Version(2),
        "Vorgängerin",
    ),
    (
        "a first charter with predecessor",
        |d| d.previous = Some(Digest::of(b"x")),
        "Vorgängerin",
    ),
    (
        "too many keys",
        |d| d.persons[0].keys = (0..9).map(|n| public(&format!("k{n}"))).collect(),
        "Schlüssel einer Person",
    ),
    (
        "too many persons",
        |d| d.persons = (0..513).map(|_| d.persons[0].clone()).collect(),
        "Zu viele Personen",
    ),
];

#[test]
fn a_charter_with_one_thing_wrong_does_not_exist() {
    check(charter_draft()).unwrap();
    for (name, break_it, fragment) in ROWS {
        let mut draft = charter_draft();
        break_it(&mut draft);
        let words = check(draft)
            .err()
            .unwrap_or_else(|| panic!("{name}: accepted"))
            .to_string();
        assert!(words.contains(fragment), "{name}: {words}");
    }
}

#[test]
fn an_unknown_field_is_an_error() {
    let envelope = charter_draft().draft().unwrap();
    let read = |payload: String| {
        let mut changed = envelope.clone();
        changed.payload = payload.into_bytes();
        CharterDraft::read(&changed)
    };
    let json = String::from_utf8(envelope.payload.clone()).unwrap();
    read(json.clone()).unwrap();
    assert!(read(json.replacen('{', r#"{"override":true,"#, 1)).is_err());
    assert!(
        read(json.replacen('{', r#"{"version":9,"#, 1)).is_err(),
        "a field given twice"
    );
    let long = " ".repeat(CharterDraft::BYTES_MAX) + &json;
    assert!(read(long).is_err(), "longer than a charter may be");
    let defaults = json
        .replace(r#""precautionaryWindow":14400,"#, "")
        .replace(r#""recoveryDelay":86400,"#, "");
    assert_ne!(defaults, json);
    assert_eq!(
        read(defaults).unwrap(),
        charter_draft(),
        "four hours and a day are the defaults"
    );
}
