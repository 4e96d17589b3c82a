//! The table as it is printed, from fixed results.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop at the first surprise, like the test itself"
)]

use drill::{
    facts::{Facts, StoryHours},
    outside::Count,
    run::{Back, Played, PlayedStep},
    script::{APRIL_2023, Ground, Script},
    side::{Certificate, Kept, Outcome, Promise, Told},
    table::Table,
    verdict::Finding,
};
use estate::Seed;
use vocabulary::Millis;

fn step(at: f64, action: &'static str, outcome: Outcome) -> PlayedStep {
    PlayedStep {
        at: StoryHours(at),
        began: Millis(0),
        action,
        insurers: if action == "clear" { 26 } else { 1 },
        ground: Ground::Assumed("test".to_owned()),
        outcome,
    }
}

fn without() -> Played {
    let acts = ["cut", "provisional", "re-shut", "clear", "open"];
    Played {
        steps: acts.iter().map(|act| step(1.0, act, Outcome::NotBuilt)).collect(),
        count: Count {
            offered: 2_400,
            accepted: 2_400,
            rejected: 1_834,
            handed_over: 566,
            ..Count::default()
        },
        rejected_behind_doors: 0,
        rejected_between: Some((StoryHours(0.2), StoryHours(54.1))),
        windows: Vec::new(),
        back: Vec::new(),
        certificates: Vec::new(),
        promises: Vec::new(),
        told: Told::default(),
        settled: true,
    }
}

fn with() -> Played {
    let done = |ms: Option<u64>| Outcome::Done {
        applied: ms.map(Millis),
        proven: None,
    };
    Played {
        steps: vec![
            step(0.25, "cut", done(Some(38))),
            step(54.5, "provisional", done(None)),
            step(57.0, "re-shut", done(None)),
            step(58.0, "clear", done(None)),
            step(66.0, "clear", done(None)),
        ],
        count: Count {
            offered: 2_400,
            accepted: 2_400,
            held: 1_900,
            handed_over: 2_400,
            ..Count::default()
        },
        rejected_behind_doors: 0,
        rejected_between: None,
        windows: Vec::new(),
        back: vec![
            Back {
                service: "eau".parse().unwrap(),
                first: StoryHours(59.0),
                last: StoryHours(68.0),
                cells: 80,
                cells_all: 80,
            },
            Back {
                service: "kim".parse().unwrap(),
                first: StoryHours(62.0),
                last: StoryHours(62.0),
                cells: 54,
                cells_all: 80,
            },
        ],
        certificates: vec![(
            StoryHours(1_010.0),
            Certificate {
                offered: 2_400,
                accepted: 2_400,
                handed_over: 2_400,
                ..Certificate::default()
            },
        )],
        promises: vec![Promise {
            id: "DOOR-1".to_owned(),
            kept: Kept::Held,
            evidence: "9,120 attempts".to_owned(),
        }],
        told: Told {
            screen: Some(Millis(310)),
            page: Some(Millis(420)),
        },
        settled: true,
    }
}

fn table(with: Option<&Played>) -> Table {
    let facts = Facts::april_2023().unwrap();
    let estate = estate::check(&estate::sample(Seed(1)), "s").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let script =
        Script::read(APRIL_2023, "s", &estate, &facts).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Table::of(&script, &facts, &without(), with)
}

const EXPECTED: &str = include_str!("table.txt");

#[test]
fn the_table_reads_like_this() {
    let shown = table(Some(&with())).to_string();
    assert_eq!(shown, EXPECTED, "\n{shown}");
}

#[test]
fn every_line_of_the_table_fits_and_columns_stand_below_each_other() {
    use unicode_width::UnicodeWidthStr;
    let shown = table(Some(&with())).to_string();
    let body = shown
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("Zusagen"));
    for line in body {
        assert!(line.width() <= 121, "{line}");
        let bars: Vec<usize> = line
            .char_indices()
            .filter(|(_, c)| matches!(c, '│' | '┼' | '╪'))
            .map(|(at, _)| line.get(..at).unwrap().width())
            .collect();
        assert_eq!(bars, [37, 65, 93], "{line}");
    }
}

#[test]
fn what_is_not_there_is_said_and_judged() {
    let empty = table(None);
    assert_eq!(
        (empty.verdict.finding(), empty.verdict.exit_status()),
        (Finding::NothingCovered, 2)
    );
    assert!(empty.to_string().contains("nicht gebaut"));
    assert_eq!(table(Some(&with())).verdict.exit_status(), 0);

    type Spoil = fn(&mut Played);
    let spoil: [(Spoil, &str); 6] = [
        (|p| p.count.lost = 1, "SPOOL-1"),
        (|p| p.count.order_violations = 1, "SPOOL-3"),
        (|p| p.count.duplicates = 1, "SPOOL-3"),
        (|p| p.rejected_behind_doors = 1, "MAIL-1"),
        (
            |p| p.certificates.iter_mut().for_each(|(_, c)| c.handed_over -= 1),
            "SPOOL-2",
        ),
        (
            |p| {
                p.promises
                    .iter_mut()
                    .for_each(|promise| promise.kept = Kept::Broken)
            },
            "DOOR-1",
        ),
    ];
    for (spoil, id) in spoil {
        let mut played = with();
        spoil(&mut played);
        let verdict = table(Some(&played)).verdict;
        let broken: Vec<&str> = verdict
            .promises
            .iter()
            .filter(|p| p.kept == Kept::Broken)
            .map(|p| p.id.as_str())
            .collect();
        assert_eq!((broken, verdict.exit_status()), (vec![id], 1));
    }

    let mut refused = with();
    refused.steps.push(step(
        59.0,
        "open",
        Outcome::Refused {
            de: "fehlt".to_owned(),
            en: "missing".to_owned(),
        },
    ));
    refused.settled = false;
    let verdict = table(Some(&refused)).verdict;
    assert_eq!(
        (verdict.finding(), verdict.unfinished.len(), verdict.exit_status()),
        (Finding::Unfinished, 2, 2)
    );
}

#[test]
fn a_letter_the_side_still_holds_is_not_lost() {
    let mut played = with();
    played.count.lost = 3;
    for (_, certificate) in &mut played.certificates {
        certificate.handed_over -= 3;
        certificate.held += 2;
        certificate.parked += 1;
    }
    assert_eq!(played.lost(), 0);
    assert_eq!(table(Some(&played)).verdict.exit_status(), 0);
}

#[test]
fn the_json_carries_the_same() {
    let json: serde_json::Value = serde_json::to_value(table(Some(&with()))).unwrap();
    let rows = json.get("rows").and_then(|rows| rows.as_array()).unwrap();
    let row = |id: &str| {
        rows.iter()
            .find(|row| row.get("id").and_then(|i| i.as_str()) == Some(id))
            .unwrap()
    };
    assert_eq!(
        row("rejected")
            .pointer("/without/number")
            .and_then(serde_json::Value::as_u64),
        Some(1_834)
    );
    assert_eq!(
        row("payments").get("with").and_then(|w| w.as_str()),
        Some("not-built")
    );
    assert_eq!(
        row("clear").get("decided").and_then(|d| d.as_str()),
        Some("assumed-in-script")
    );
    assert_eq!(
        json.pointer("/verdict/promises/0/kept").and_then(|k| k.as_str()),
        Some("held")
    );
}
