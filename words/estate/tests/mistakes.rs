//! Every mistake is found at once, with its line, its value and what to do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test may stop at the first surprise, like the test itself"
)]

use estate::{Estate, Mistakes, Seed, Trouble, check, import, sample};
use proptest::prelude::*;
use vocabulary::{DoorId, Holdable, Scope};

fn small() -> String {
    r#"[estate]
id = "example"
name = "Example"
telematik = "test"
synthetic = true

[[site]]
id = "essen"
name = "Essen"

[[root]]
id = "dns"
name = "DNS"

[[service]]
id = "eau"
name = "Sick notes"
holdable = true
mtd-hours = 24
rto-hours = 8
affected-percent = 5
livelihood = true
needs = ["dns"]

[[service]]
id = "epa"
name = "Record"
holdable = false
mtd-hours = 48
rto-hours = 24
affected-percent = 10
livelihood = false

[[insurer]]
id = "kasse-001"
name = "One"
ik = "990000011"
insured = 1000
site = "essen"
mailboxes = ["EAU@kasse-001.kim.telematik-test"]
impact.eau.mtd-hours = 12

[[host]]
id = "vm-1"
site = "essen"
insurer = "kasse-001"
service = "eau"

[[calendar]]
on = 2023-04-26
what = "due"
services = ["eau"]
"#
    .to_owned()
}

fn good(text: &str) -> Estate {
    check(text, "e.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn bad(text: &str) -> Mistakes {
    check(text, "e.toml").expect_err("this text has a mistake")
}

/// Line and column of `needle` in the text, both from 1.
fn place_of(text: &str, needle: &str) -> (usize, usize) {
    let at = text.find(needle).unwrap();
    let line = text[..at].matches('\n').count() + 1;
    let column = at - text[..at].rfind('\n').map_or(0, |n| n + 1) + 1;
    (line, column)
}

const RESPONDERS: &str = r#"
[[responders]]
name = "Forensics"
address = "vpn.lab.example:443"
through = ["kasse-001/epa"]
ask = "Duty officer"
"#;

#[test]
fn responders_are_declared_with_their_doors_and_whom_to_ask() {
    assert_eq!(good(&small()).responders().len(), 0);
    let estate = good(&format!("{}{RESPONDERS}", small()));
    let one = estate.responders().next().unwrap();
    assert_eq!(
        (one.name.as_str(), one.address.as_str(), one.ask.as_str()),
        ("Forensics", "vpn.lab.example:443", "Duty officer")
    );
    assert_eq!(one.flow, vocabulary::Flow::Sessions);
    assert_eq!(one.through.first().unwrap().to_string(), "kasse-001/epa");
}

#[test]
fn a_wrong_way_in_is_found_with_its_place_and_what_to_do() {
    for (good_part, wrong, words) in [
        ("\"vpn.lab.example:443\"", "\"vpn.lab.example\"", "with a port"),
        ("kasse-001/epa", "kasse-001", "insurer/service"),
        ("kasse-001/epa", "kasse-001/kim", "there is no door of this name"),
        ("kasse-001/epa", "kasse-009/epa", "kasse-001/eau, kasse-001/epa"),
        ("ask = ", "tell = ", "Unknown key"),
        ("\"Duty officer\"", "\"\"", "Not usable text"),
        ("through = [\"kasse-001/epa\"]", "flow = \"fetching\"", "Missing"),
    ] {
        let text = format!("{}{}", small(), RESPONDERS.replace(good_part, wrong));
        let mistakes = bad(&text);
        let said = mistakes.to_string();
        assert!(said.contains(words), "{wrong}: {said}");
        let first_line = text.lines().count() - RESPONDERS.lines().count();
        assert!(
            mistakes
                .iter()
                .all(|mistake| mistake.line > first_line && mistake.file == "e.toml"),
            "{said}"
        );
    }
    let twice = format!("{}{RESPONDERS}{RESPONDERS}", small());
    assert!(bad(&twice).to_string().contains("Used twice"));
}

#[test]
fn a_valid_estate_answers_what_doors_and_orders_ask() {
    let estate = good(&small());
    let eau: DoorId = "kasse-001/eau".parse().unwrap();
    assert_eq!(estate.doors().count(), 2);
    assert_eq!(estate.place(&eau).unwrap().site.as_str(), "essen");
    assert_eq!(estate.holdable(eau.cell()), Some(Holdable::Yes));
    assert_eq!(estate.persons(eau.cell()).unwrap().0, 50);
    let impact = estate.impact(eau.cell()).unwrap();
    assert_eq!((impact.mtd.0, impact.rto.0), (12, 8));
    let all = estate.counts(&Scope::everything());
    assert_eq!(
        (all.cells, all.insurers, all.persons.0),
        (2, 1, 100),
        "people are counted once, by the widest cell"
    );
    let one = estate.counts(&Scope::cell("kasse-001".parse().unwrap(), "eau".parse().unwrap()));
    assert_eq!((one.cells, one.persons.0), (1, 50));
    let order: Vec<&str> = estate
        .in_dependency_order()
        .iter()
        .map(estate::Node::as_str)
        .collect();
    assert_eq!(order, ["dns", "eau", "epa"]);
    assert_eq!(
        estate.holdable(&"kasse-001/kim".parse().unwrap()),
        None,
        "no such cell"
    );
    assert_eq!(estate.calendar().next().unwrap().on.to_string(), "2023-04-26");
}

/// One change each: what is replaced, by what, where the mistake must be named, and a word of its advice.
#[test]
fn each_rule_names_its_place_value_and_advice() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "rto-hours = 8\n",
            "rto-hours = 8\nmdt = 3\n",
            "mdt",
            "Unknown key",
        ),
        ("name = \"Essen\"\n", "", "[[site]]", "Add this key"),
        (
            "insured = 1000",
            "insured = \"viele\"",
            "\"viele\"",
            "a whole number",
        ),
        ("insured = 1000", "insured = 0", "0\nsite", "100000000"),
        ("\"990000011\"", "\"990000012\"", "\"990000012\"", "1 is expected"),
        (
            "\"990000011\"",
            "\"109500969\"",
            "\"109500969\"",
            "begins with 99",
        ),
        (
            "\"EAU@kasse-001.kim.telematik-test\"",
            "\"eau@kasse.example\"",
            "\"eau@kasse.example\"",
            ".kim.telematik-test",
        ),
        (
            "[\"EAU@kasse-001.kim.telematik-test\"]",
            "[]",
            "[[insurer]]",
            "need a mailbox",
        ),
        (
            "site = \"essen\"\nmailboxes",
            "site = \"bonn\"\nmailboxes",
            "\"bonn\"",
            "refer to: essen",
        ),
        (
            "needs = [\"dns\"]",
            "needs = [\"nds\"]",
            "\"nds\"",
            "dns, eau, epa",
        ),
        (
            "holdable = false",
            "holdable = true",
            "true\nmtd-hours = 48",
            "cannot wait",
        ),
        ("rto-hours = 8", "rto-hours = 25", "25", "Lower rto-hours"),
        (
            "impact.eau.mtd-hours = 12",
            "impact.eau.mtd-hours = 4",
            "4\n\n[[host]]",
            "Lower rto-hours",
        ),
        ("impact.eau", "impact.kim", "kim.mtd", "refer to: eau, epa"),
        (
            "id = \"epa\"",
            "id = \"eau\"",
            "\"eau\"\nname = \"Record\"",
            "first in line 16",
        ),
        (
            "telematik = \"test\"",
            "telematik = \"prod\"",
            "\"prod\"",
            "test, production",
        ),
        (
            "on = 2023-04-26",
            "on = \"26.4.2023\"",
            "\"26.4.2023\"",
            "a date such as",
        ),
        ("id = \"vm-1\"", "id = \"VM 1\"", "\"VM 1\"", "a-z"),
        (
            "id = \"dns\"",
            "id = \"eau\"",
            "\"eau\"\nname = \"Sick",
            "Rename one",
        ),
    ];
    for (from, to, blamed, advice) in cases {
        let text = small().replacen(from, to, 1);
        let mistakes = bad(&text);
        let place = place_of(&text, blamed);
        let found = mistakes.iter().find(|m| (m.line, m.column) == place);
        let mistake = found.unwrap_or_else(|| panic!("nothing at {place:?} after {to:?}:\n{mistakes}"));
        let shown = mistake.to_string();
        assert!(shown.contains(advice), "{shown}\ndoes not say {advice:?}");
        assert!(shown.contains("e.toml:") && shown.contains(" / "), "{shown}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_nothing_twice() {
    let text = small()
        .replace("\"990000011\"", "\"990000012\"")
        .replace("insured = 1000", "insured = -1")
        .replace("site = \"essen\"\nmailboxes", "site = \"bonn\"\nmailboxes")
        .replace("livelihood = true", "livelyhood = true");
    let mistakes = bad(&text);
    assert_eq!(
        mistakes.count(),
        5,
        "one per change, and livelihood is missing as well:\n{mistakes}"
    );
    let lines: Vec<usize> = mistakes.iter().map(|m| m.line).collect();
    assert!(lines.is_sorted());
    assert!(mistakes.to_string().ends_with("5 Fehler. / 5 mistakes."));
}

#[test]
fn a_circle_is_shown_as_a_path() {
    let text = small()
        .replace(
            "id = \"dns\"\nname = \"DNS\"",
            "id = \"dns\"\nname = \"DNS\"\nneeds = [\"epa\"]",
        )
        .replace(
            "affected-percent = 10\nlivelihood = false",
            "affected-percent = 10\nlivelihood = false\nneeds = [\"dns\"]",
        );
    let mistakes = bad(&text);
    let circle = mistakes.iter().find_map(|m| match &m.trouble {
        Trouble::Cycle(path) => Some(path.join(">")),
        _ => None,
    });
    assert_eq!(circle.as_deref(), Some("dns>epa>dns"), "{mistakes}");
}

#[test]
fn a_syntax_error_hides_no_other_mistake_and_invents_none() {
    let text = small()
        .replace("telematik = \"test\"", "telematik = ")
        .replace("insured = 1000", "insured = 0");
    let mistakes = bad(&text);
    assert!(
        mistakes
            .iter()
            .any(|m| matches!(m.trouble, Trouble::Syntax(_)) && m.line == 4),
        "{mistakes}"
    );
    assert!(
        mistakes
            .iter()
            .any(|m| matches!(m.trouble, Trouble::OutOfRange { .. })),
        "{mistakes}"
    );
    assert!(
        !mistakes.iter().any(|m| m.trouble == Trouble::Missing),
        "{mistakes}"
    );
}

#[test]
fn a_mistake_in_an_insurer_makes_no_second_one_where_it_is_named() {
    let text = small().replace("insured = 1000\n", "");
    let mistakes = bad(&text);
    assert_eq!(mistakes.count(), 1, "{mistakes}");
}

#[test]
fn bounds_hold() {
    let long = format!("# {}\n{}", "x".repeat(estate::TEXT_LEN_MAX), small());
    assert_eq!(bad(&long).count(), 1);
    let mut many = small();
    for number in 0..2_000 {
        many.push_str(&format!("[[insurer]]\nid = \"x-{number}\"\n"));
    }
    assert!(
        bad(&many)
            .iter()
            .any(|m| m.trouble == Trouble::TooMany { entries_max: 2_000 })
    );
    let nested = format!("x = {}", "[".repeat(100_000));
    assert!(bad(&nested).count() >= 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes of a valid estate replaced, removed or repeated at random: never a panic, and every mistake names a line
    /// that exists.
    #[test]
    fn damaged_files_are_answered_with_places(
        seed in any::<u64>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[ -~äß\n\"\\[\\]={}.]{0,12}"), 1..6),
    ) {
        let mut text = if seed % 2 == 0 { small() } else { sample(Seed(seed)).chars().take(9_000).collect() };
        for (at, len, insert) in edits {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len().max(1)).min(chars.len());
            let end = (at + len).min(chars.len());
            chars.splice(at..end, insert.chars());
            text = chars.into_iter().collect();
        }
        let lines = text.split('\n').count();
        if let Err(mistakes) = check(&text, "e.toml") {
            prop_assert!(mistakes.count() >= 1);
            for mistake in mistakes.iter() {
                prop_assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{mistake}");
                prop_assert!(mistake.to_string().contains(" / "));
            }
            prop_assert!(!mistakes.to_string().contains("please report"), "{mistakes}");
        }
    }

    /// Any seed gives a valid estate of 80 insurers.
    #[test]
    fn every_sample_is_valid(seed in any::<u64>()) {
        let estate = check(&sample(Seed(seed)), "sample.toml");
        prop_assert_eq!(estate.map(|estate| estate.insurers().len()).map_err(|m| m.to_string()), Ok(80));
    }

    /// Any table is either imported into a valid estate or answered with lines that exist.
    #[test]
    fn any_list_is_imported_whole_or_refused_with_places(
        rows in prop::collection::vec(("[A-Za-zäÖß\" ,.&-]{0,14}", "[0-9x]{0,9}", "[0-9a]{0,7}"), 0..8),
        good in 0_usize..4,
    ) {
        let mut csv = String::from("name,ik,insured\n");
        for (index, (name, ik, insured)) in rows.iter().enumerate() {
            let quoted = name.replace('"', "\"\"");
            if index < good {
                csv.push_str(&format!("\"Kasse {quoted}\",99000{:03}{},{}\n", index, check_digit(index), index + 1));
            } else {
                csv.push_str(&format!("\"{quoted}\",{ik},{insured}\n"));
            }
        }
        let lines = csv.lines().count();
        match import(&csv, "kassen.csv") {
            Ok(text) => prop_assert_eq!(check(&text, "imported.toml").err().map(|m| m.to_string()), None, "{}", text),
            Err(mistakes) => for mistake in mistakes.iter() {
                prop_assert!((1..=lines).contains(&mistake.line), "{mistake}");
            },
        }
    }
}

/// The check digit of `99000` followed by a number of three digits.
fn check_digit(number: usize) -> usize {
    let weighted = [(number / 100, 1), (number / 10 % 10, 2), (number % 10, 1)];
    weighted
        .iter()
        .map(|(digit, weight)| digit * weight)
        .map(|p| if p > 9 { p - 9 } else { p })
        .sum::<usize>()
        % 10
}
