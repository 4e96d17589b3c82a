//! Every invariant written in Rust agrees with the profile's own FHIRPath expression, over generated, broken and cut documents
//! and the field's samples.
//!
//! The expressions are read from the shared constraint dump; this evaluator knows just what they use and is written apart from
//! the product: its own tree, its own navigation, its own logic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;
mod evaluate;
mod parse;
mod place;

use std::collections::BTreeSet;

use eau::{Validator, sample};
use evaluate::Evaluator;
use jiff::civil::{Date, date};
use parse::Expression;
use place::{Tree, contexts};
use serde_json::Value;

const ISSUED: Date = date(2026, 10, 5);

struct Invariant {
    profile: String,
    element: String,
    key: String,
    expression: Expression,
}

fn invariants() -> Option<Vec<Invariant>> {
    let folder = common::shared("eau-constraints")?;
    let text = std::fs::read_to_string(folder.join("eau-1.2.1.json")).unwrap();
    let definitions: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    for definition in &definitions {
        let profile = definition["url"].as_str().unwrap().rsplit('/').next().unwrap();
        for element in definition["elements"].as_array().unwrap() {
            for constraint in element["constraint"].as_array().into_iter().flatten() {
                all.push(Invariant {
                    profile: profile.to_owned(),
                    element: element["id"].as_str().unwrap().to_owned(),
                    key: constraint["key"].as_str().unwrap().to_owned(),
                    expression: parse::parse(constraint["expression"].as_str().unwrap()),
                });
            }
        }
    }
    Some(all)
}

/// Keys of invariants that do not hold, as the expressions say.
fn broken(invariants: &[Invariant], xml: &str) -> BTreeSet<String> {
    let tree = Tree::read(xml);
    let evaluator = Evaluator { tree: &tree };
    let mut keys = BTreeSet::new();
    for invariant in invariants {
        for context in contexts(&tree, &invariant.profile, &invariant.element) {
            if evaluator.holds(&invariant.expression, context) != Some(true) {
                keys.insert(invariant.key.clone());
            }
        }
    }
    keys
}

struct Bench {
    validator: Validator,
    invariants: Vec<Invariant>,
    keys: BTreeSet<String>,
    compared: usize,
    differences: Vec<String>,
}

impl Bench {
    fn new() -> Option<Self> {
        let invariants = invariants()?;
        let keys = invariants.iter().map(|invariant| invariant.key.clone()).collect();
        Some(Self {
            validator: Validator::new().unwrap(),
            invariants,
            keys,
            compared: 0,
            differences: Vec::new(),
        })
    }

    fn compare(&mut self, name: &str, xml: &str) {
        let Ok(checked) = self.validator.check(xml.as_bytes(), Some(ISSUED)) else {
            return;
        };
        let ours: BTreeSet<String> = checked
            .findings
            .iter()
            .map(|finding| finding.rule.clone())
            .filter(|rule| self.keys.contains(rule))
            .collect();
        let theirs = broken(&self.invariants, xml);
        self.compared += 1;
        if ours != theirs {
            let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
                a.difference(b).cloned().collect::<Vec<_>>().join(", ")
            };
            self.differences.push(format!(
                "{name}: only ours [{}], only theirs [{}]",
                only(&ours, &theirs),
                only(&theirs, &ours)
            ));
        }
    }

    fn done(self, at_least: usize) {
        assert!(
            self.differences.is_empty(),
            "{} of {}:\n{}",
            self.differences.len(),
            self.compared,
            self.differences.join("\n")
        );
        assert!(self.compared >= at_least, "only {} documents", self.compared);
    }
}

#[test]
fn on_valid_documents() {
    let Some(mut bench) = Bench::new() else { return };
    for seed in 0..60 {
        let note = sample::any(seed, ISSUED);
        bench.compare(&format!("seed {seed}"), &note.xml);
        bench.compare(
            &format!("storno {seed}"),
            &sample::storno(seed, &note.identifier, ISSUED).xml,
        );
    }
    bench.done(120);
}

#[test]
fn on_documents_that_break_one_rule() {
    let Some(mut bench) = Bench::new() else { return };
    for rule in sample::broken_rules() {
        for seed in 0..2 {
            for broken in sample::broken(rule, seed, ISSUED) {
                bench.compare(&format!("{rule} {seed}"), &broken.sample.xml);
            }
        }
    }
    bench.done(160);
}

#[test]
fn on_documents_cut_anywhere() {
    let Some(mut bench) = Bench::new() else { return };
    let validator = Validator::new().unwrap();
    sample::cuts(&validator, 3, ISSUED, &mut |cut| {
        // What occurs too often is refused for that; what an expression makes of two values where one belongs is nobody's rule.
        if !cut.rule.ends_with("#max") {
            bench.compare(&cut.rule, &cut.sample.xml);
        }
    });
    bench.done(700);
}

#[test]
fn on_the_samples() {
    let Some(mut bench) = Bench::new() else { return };
    for below in ["eau/valid", "eau/invalid", "eau-storno"] {
        let Some(folder) = common::shared(below) else {
            return;
        };
        for file in common::files(&folder) {
            bench.compare(
                &file.display().to_string(),
                &std::fs::read_to_string(&file).unwrap(),
            );
        }
    }
    bench.done(15);
}
