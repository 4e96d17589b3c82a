//! Generated notes are valid; each broken one is refused for the rule it breaks.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use eau::{Severity, Validator, Verdict, sample};
use jiff::civil::{Date, date};

const ISSUED: Date = date(2026, 10, 5);

fn weighty(checked: &eau::Checked) -> BTreeSet<String> {
    checked
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.rule.clone())
        .collect()
}

#[test]
fn whatever_chance_makes_is_valid() {
    let validator = Validator::new().unwrap();
    for seed in 0..200 {
        let note = sample::any(seed, ISSUED);
        let checked = validator.check(note.xml.as_bytes(), Some(ISSUED)).unwrap();
        assert!(
            checked.findings.is_empty(),
            "seed {seed}\n{}\n{}",
            common::words(&checked),
            note.xml
        );
        assert_eq!(checked.identifier.as_deref(), Some(note.identifier.as_str()));
        let storno = sample::storno(seed, &note.identifier, ISSUED);
        let checked = validator.check(storno.xml.as_bytes(), Some(ISSUED)).unwrap();
        assert!(
            checked.findings.is_empty(),
            "seed {seed}\n{}",
            common::words(&checked)
        );
        assert_eq!(checked.facts.cancels.as_deref(), Some(note.identifier.as_str()));
    }
}

#[test]
fn one_seed_one_document() {
    assert_eq!(sample::any(7, ISSUED), sample::any(7, ISSUED));
    assert_ne!(
        sample::any(7, ISSUED).identifier,
        sample::any(8, ISSUED).identifier
    );
}

#[test]
fn every_broken_invariant_is_the_reason() {
    let validator = Validator::new().unwrap();
    let rules = sample::broken_rules();
    let mut wrong = Vec::new();
    for rule in &rules {
        for seed in 0..4 {
            let broken = sample::broken(rule, seed, ISSUED);
            assert!(!broken.is_empty(), "{rule} is not broken");
            for broken in broken {
                let checked = validator
                    .check(broken.sample.xml.as_bytes(), Some(ISSUED))
                    .unwrap();
                let mut expected: BTreeSet<String> =
                    broken.also.iter().map(|rule| (*rule).to_owned()).collect();
                expected.insert(broken.rule.to_owned());
                if weighty(&checked) != expected {
                    wrong.push(format!("{rule} (seed {seed}):\n{}", common::words(&checked)));
                }
            }
        }
    }
    wrong.dedup_by_key(|line| line.split(' ').next().map(str::to_owned));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_broken_line_of_the_tables_is_the_reason() {
    let validator = Validator::new().unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    sample::cuts(&validator, 1, ISSUED, &mut |cut| {
        count += 1;
        let checked = validator.check(cut.sample.xml.as_bytes(), Some(ISSUED));
        let found = checked.as_ref().map(weighty).unwrap_or_default();
        // A bundle whose own profile is not known is not a note at all.
        let stranger = checked.is_err() && cut.rule.contains("Bundle.meta");
        let instead = cut.instead.iter().any(|rule| found.contains(rule));
        if !found.contains(&cut.rule) && !instead && !stranger {
            wrong.push(format!("{}: {found:?} {:?}", cut.rule, checked.as_ref().err()));
        }
        if let Ok(checked) = checked {
            assert_eq!(checked.verdict(), Verdict::Invalid, "{}", cut.rule);
        }
    });
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 1000, "only {count}");
}

#[test]
fn every_invariant_of_the_table_can_be_broken() {
    let table = include_str!("../data/eau-1.2.tsv");
    let named: BTreeSet<&str> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split('\t'))
        .filter_map(|column| column.strip_prefix("rule="))
        .flat_map(|rules| rules.split(','))
        .collect();
    let broken: BTreeSet<&str> = sample::broken_rules().into_iter().collect();
    assert_eq!(named, broken);
}

#[test]
fn an_id_attribute_is_seen_where_the_profile_forbids_it() {
    let validator = Validator::new().unwrap();
    let note = sample::note(
        1,
        &sample::Wanted {
            team: true,
            ..sample::Wanted::plain(ISSUED)
        },
    );
    let check = |from: &str, to: &str| {
        weighty(
            &validator
                .check(note.xml.replacen(from, to, 1).as_bytes(), Some(ISSUED))
                .unwrap(),
        )
    };
    let forbidden = check(
        "<organization><identifier>",
        "<organization><identifier id=\"x\">",
    );
    assert_eq!(
        forbidden.into_iter().collect::<Vec<_>>(),
        ["PractitionerRole.organization.identifier.id#max"]
    );
    assert!(check("<birthDate ", "<birthDate id=\"x\" ").is_empty());
}
