//! Lines of Suricata and Wazuh, good and bad. Hosts, addresses and rules are invented.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod common;

use common::{NIGHT, roll};
use std::collections::BTreeSet;
use vocabulary::{Digest, Seconds, Timestamp};
use warning::{
    BadLine, Clock, DEPTH_MAX, Engine, Finding, Imported, Importer, LINE_BYTES_MAX, Line, LineReader,
    Severity, Touched,
};

/// An EVE alert; `more` is put among the fields of `alert`.
fn eve(sid: u32, severity: u8, source: &str, target: &str, more: &str) -> String {
    format!(
        r#"{{"timestamp":"2023-04-24T22:00:00.251547+0200","flow_id":1,"in_iface":"mirror0","event_type":"alert","src_ip":"{source}","src_port":50096,"dest_ip":"{target}","dest_port":25,"proto":"TCP","alert":{{"action":"allowed","gid":1,"signature_id":{sid},"rev":3,"signature":"INVENTED mail server answers odd","category":"Potentially Bad Traffic","severity":{severity}{more}}},"app_proto":"smtp","payload":"Zm9v"}}"#
    )
}

fn wazuh(level: u32, agent: &str) -> String {
    format!(
        r#"{{"timestamp":"2023-04-24T20:00:00.251+0000","rule":{{"level":{level},"description":"INVENTED account added","id":"100777","mitre":{{"id":["T1136","T1078"],"tactic":["Persistence"],"technique":["Create Account"]}},"firedtimes":1,"mail":false,"groups":["invented"]}},"agent":{agent},"manager":{{"name":"siem"}},"id":"1682366400.1","decoder":{{"name":"json"}},"data":{{"srcip":"203.0.113.7"}},"location":"journald"}}"#
    )
}

fn import(engine: Engine, line: &str) -> Imported {
    Importer::new(engine, roll()).line(Line::Whole(line.as_bytes()), NIGHT)
}

fn found(engine: Engine, line: &str) -> Finding {
    let imported = import(engine, line);
    let Imported::Finding(finding) = imported else {
        panic!("{imported:?} for {line}")
    };
    *finding
}

fn bad(engine: Engine, line: &[u8]) -> BadLine {
    let imported = Importer::new(engine, roll()).line(Line::Whole(line), NIGHT);
    let Imported::Bad(bad) = imported else {
        panic!("{imported:?} for {}", String::from_utf8_lossy(line))
    };
    bad
}

/// Whether a bad line was called by its name.
type Named = fn(&BadLine) -> bool;

#[test]
fn an_eve_alert_says_where_how_bad_and_what() {
    let line = eve(9_900_001, 1, "203.0.113.7", "10.1.7.7", "");
    let finding = found(Engine::Suricata, &line);
    assert_eq!(finding.at, NIGHT);
    assert_eq!(finding.clock, Clock::Plausible);
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.indicator.as_str(), "suricata:1:9900001");
    assert_eq!(finding.title, "INVENTED mail server answers odd");
    assert_eq!(
        finding.touched,
        BTreeSet::from([Touched::Cell("kasse-001/eau".parse().unwrap())])
    );
    assert_eq!(finding.hosts, BTreeSet::from(["mail-001".parse().unwrap()]));
    assert_eq!(finding.unmatched, BTreeSet::from(["203.0.113.7".to_owned()]));
    assert_eq!(finding.evidence, Digest::of(line.as_bytes()));
}

#[test]
fn eve_priorities_are_mapped_and_what_was_blocked_is_one_step_less() {
    for (priority, severity) in [
        (1, Severity::High),
        (2, Severity::Medium),
        (3, Severity::Low),
        (4, Severity::Info),
        (255, Severity::Info),
    ] {
        let line = eve(1, priority, "10.1.0.1", "10.2.0.1", "");
        assert_eq!(found(Engine::Suricata, &line).severity, severity);
        let blocked = line.replace("\"allowed\"", "\"blocked\"");
        assert_eq!(found(Engine::Suricata, &blocked).severity, severity.lowered());
    }
    let zero = bad(Engine::Suricata, eve(1, 0, "10.1.0.1", "10.2.0.1", "").as_bytes());
    assert!(matches!(zero, BadLine::WrongShape { .. }));
}

#[test]
fn eve_targets_metadata_and_ipv6_are_read() {
    let more = r#","source":{"ip":"2001:db8:1::5","port":1},"target":{"ip":"10.99.4.4","port":2},"metadata":{"mitre_technique_id":["T1041"],"created_at":["2023_01_01"]}"#;
    let finding = found(Engine::Suricata, &eve(2, 2, "fe80::1", "::ffff:10.2.0.9", more));
    let wanted = [
        Touched::Environment("kasse-001".parse().unwrap()),
        Touched::Environment("kasse-002".parse().unwrap()),
        Touched::Site("munich".parse().unwrap()),
    ];
    assert_eq!(finding.touched, BTreeSet::from(wanted));
    assert_eq!(finding.techniques, BTreeSet::from(["T1041".to_owned()]));
    assert_eq!(finding.unmatched, BTreeSet::from(["fe80::1".to_owned()]));
}

#[test]
fn other_eve_events_are_ignored_even_if_their_fields_are_strange() {
    for line in [
        r#"{"timestamp":"x","event_type":"flow","src_ip":5,"flow":{"bytes":1e999}}"#,
        r#"{"event_type":"stats","stats":{}}"#,
        r#"{"event_type":"a\u006cert\u0000","alert":null}"#,
    ] {
        assert_eq!(import(Engine::Suricata, line), Imported::Ignored, "{line}");
    }
    // The same word written with an escape is the same word.
    let escaped =
        eve(3, 1, "10.1.0.1", "10.2.0.1", "").replace("\"alert\",\"src_ip\"", "\"a\\u006cert\",\"src_ip\"");
    assert!(matches!(import(Engine::Suricata, &escaped), Imported::Finding(_)));
}

#[test]
fn a_wazuh_alert_finds_its_agent_by_name_or_address() {
    let touched = |agent: &str| {
        let finding = found(Engine::Wazuh, &wazuh(12, agent));
        (
            finding
                .touched
                .into_iter()
                .map(|touched| touched.to_string())
                .collect::<Vec<_>>(),
            finding.unmatched,
        )
    };
    let attacker = "203.0.113.7".to_owned();
    for (agent, place) in [
        (
            r#"{"id":"001","name":"mail-001","ip":"10.1.7.7"}"#,
            "kasse-001/eau",
        ),
        (r#"{"id":"001","name":"MAIL-001.example.test"}"#, "kasse-001/eau"),
        (r#"{"id":"002","name":"db-002"}"#, "kasse-002/*"),
        (r#"{"id":"003","name":"proxy-essen"}"#, "*@essen"),
        (r#"{"id":"004","name":"pay-munich"}"#, "*/payments@munich"),
        (
            r#"{"id":"005","name":"new-machine","ip":"10.2.0.5"}"#,
            "kasse-002/*",
        ),
    ] {
        assert_eq!(
            touched(agent),
            (vec![place.to_owned()], BTreeSet::from([attacker.clone()])),
            "{agent}"
        );
    }
    let (places, unknown) = touched(r#"{"id":"000","name":"siem"}"#);
    assert_eq!(
        (places, unknown),
        (vec![], BTreeSet::from([attacker, "siem".to_owned()]))
    );
    let finding = found(Engine::Wazuh, &wazuh(12, r#"{"name":"mail-001"}"#));
    assert_eq!((finding.at, finding.indicator.as_str()), (NIGHT, "wazuh:100777"));
    assert_eq!(
        finding.techniques,
        BTreeSet::from(["T1078".to_owned(), "T1136".to_owned()])
    );
}

#[test]
fn wazuh_levels_are_mapped() {
    for (level, severity) in [
        (0, Severity::Info),
        (5, Severity::Info),
        (6, Severity::Low),
        (7, Severity::Low),
        (8, Severity::Medium),
        (11, Severity::Medium),
        (12, Severity::High),
        (14, Severity::High),
        (15, Severity::Critical),
        (16, Severity::Critical),
    ] {
        assert_eq!(
            found(Engine::Wazuh, &wazuh(level, "null")).severity,
            severity,
            "{level}"
        );
    }
}

#[test]
fn wazuh_relays_may_guess_types() {
    for line in [
        r#"{"rule":{"level":3,"id":5710}}"#,
        r#"{"rule":{"level":3,"id":"5710","mitre":{"id":"T1110"}},"data":"text","agent":null}"#,
        r#"{"rule":{"level":3,"id":"5710","mitre":{"tactics":["old"]}},"data":{"srcip":{"deep":1}},"timestamp":"yesterday"}"#,
    ] {
        let finding = found(Engine::Wazuh, line);
        assert_eq!(
            (finding.indicator.as_str(), finding.clock, finding.at),
            ("wazuh:5710", Clock::Missing, NIGHT)
        );
    }
}

#[test]
fn foreign_clocks_are_told() {
    let at = |text: &str| {
        let line = eve(1, 1, "10.1.0.1", "10.2.0.1", "").replace("2023-04-24T22:00:00.251547+0200", text);
        let finding = found(Engine::Suricata, &line);
        (finding.at, finding.clock)
    };
    assert_eq!(
        at("2023-04-24T21:00:00.0+0200"),
        (Timestamp(NIGHT.0 - 3600), Clock::Plausible)
    );
    assert_eq!(at("2023-04-24T20:00:00.534255"), (NIGHT, Clock::NoOffset));
    assert_eq!(
        at("2023-04-24T20:00:00.0-0700"),
        (NIGHT, Clock::Ahead(Seconds(7 * 3600)))
    );
    assert_eq!(at("2023-04-20T20:00:00Z").1, Clock::Late(Seconds(4 * 86_400)));
    assert_eq!(at("24.04.2023").1, Clock::Missing);
}

#[test]
fn every_bad_line_is_answered_in_both_languages_and_counted() {
    let whole = eve(1, 1, "10.1.0.1", "10.2.0.1", "");
    let deep = whole.replace(
        "\"Zm9v\"",
        &format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX)),
    );
    let very_deep = "{\"a\":".repeat(100_000);
    let mut not_utf8 = whole.clone().into_bytes();
    not_utf8[20] = 0xFF;
    let huge = format!("{{\"event_type\":\"{}\"}}", "x".repeat(LINE_BYTES_MAX));
    let no_rule = whole.replace("\"signature_id\":1,", "");
    let cases: Vec<(&[u8], Named)> = vec![
        (&whole.as_bytes()[..whole.len() - 10], |bad| {
            *bad == BadLine::Truncated
        }),
        (deep.as_bytes(), |bad| *bad == BadLine::TooDeep),
        (very_deep.as_bytes(), |bad| {
            matches!(bad, BadLine::TooLong { .. } | BadLine::TooDeep)
        }),
        (&not_utf8, |bad| *bad == BadLine::NotUtf8 { at: 20 }),
        (huge.as_bytes(), |bad| matches!(bad, BadLine::TooLong { .. })),
        (b"Apr 24 22:00:00 sensor kernel: eth0 up", |bad| {
            matches!(bad, BadLine::NotJson { column: 1, .. })
        }),
        (b"\0\0\0\0", |bad| matches!(bad, BadLine::NotJson { .. })),
        (b"[1,2]", |bad| {
            matches!(bad, BadLine::WrongShape { .. } | BadLine::NotJson { .. })
        }),
        (
            b"{}",
            |bad| matches!(bad, BadLine::WrongShape { said } if said.contains("event_type")),
        ),
        (
            b"{\"event_type\":\"alert\"}",
            |bad| matches!(bad, BadLine::WrongShape { said } if said.contains("alert")),
        ),
        (b"{\"event_type\":\"alert\",\"alert\":5}", |bad| {
            matches!(bad, BadLine::WrongShape { .. })
        }),
        (
            b"{\"event_type\":\"a\",\"event_type\":\"b\"}",
            |bad| matches!(bad, BadLine::WrongShape { said } if said.contains("duplicate")),
        ),
        (
            no_rule.as_bytes(),
            |bad| matches!(bad, BadLine::WrongShape { said } if said.contains("signature_id")),
        ),
        (b"{\"event_type\":\"alert\"} trailing", |bad| {
            matches!(bad, BadLine::NotJson { .. })
        }),
    ];
    all_are_answered(&cases);
    assert!(matches!(
        bad(Engine::Wazuh, b"{\"rule\":{}}"),
        BadLine::WrongShape { .. }
    ));
}

fn all_are_answered(cases: &[(&[u8], Named)]) {
    let mut importer = Importer::new(Engine::Suricata, roll());
    for (line, expected) in cases {
        let answer = bad(Engine::Suricata, line);
        assert!(
            expected(&answer),
            "{answer:?} for {}",
            String::from_utf8_lossy(&line[..line.len().min(200)])
        );
        let (german, english) = answer
            .to_string()
            .split_once(" / ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        assert!(german.contains("Zeile") && english.contains("line") && answer.to_string().len() < 600);
        let _counted = importer.line(Line::Whole(line), NIGHT);
    }
    assert_eq!(importer.tally().bad(), cases.len() as u64);
    assert_eq!(importer.tally().lines(), cases.len() as u64);
}

#[test]
fn a_quoted_foreign_text_cannot_forge_the_answer() {
    let line = "{\"event_type\":\"alert\",\"alert\":\"\u{202E}\\u001b[2J / forged\"}";
    let answer = bad(Engine::Suricata, line.as_bytes()).to_string();
    assert!(
        !answer.contains('\u{1b}') && !answer.contains('\u{202E}'),
        "{answer:?}"
    );
    assert_eq!(answer.matches(" / ").count(), 1, "{answer:?}");
}

#[test]
fn repeats_are_told_apart_from_alerts_that_come_again() {
    let mut importer = Importer::new(Engine::Suricata, roll());
    let line = eve(1, 1, "10.1.0.1", "10.2.0.1", "");
    let mut import = |text: &str, at| importer.line(Line::Whole(text.as_bytes()), Timestamp(NIGHT.0 + at));
    assert!(matches!(import(&line, 0), Imported::Finding(_)));
    assert_eq!(import(&line, 60), Imported::Repeat);
    let later = line.replace("22:00:00", "22:01:00");
    assert!(
        matches!(import(&later, 60), Imported::Finding(_)),
        "another time is another alert"
    );
    assert!(
        matches!(import(&line, 700), Imported::Finding(_)),
        "after the window it counts again"
    );
    assert_eq!((importer.tally().findings, importer.tally().repeats), (3, 1));
}

#[test]
fn a_stream_of_crlf_lines_in_any_pieces_gives_the_same() {
    let lines = [
        eve(1, 1, "10.1.0.1", "10.2.0.1", ""),
        "{\"event_type\":\"flow\"}".to_owned(),
        "garbage".to_owned(),
        eve(2, 2, "10.1.0.1", "10.3.0.1", ""),
    ];
    let stream: Vec<u8> = [&b"\xEF\xBB\xBF"[..], lines.join("\r\n").as_bytes()].concat();
    for size in [1, 7, 100, stream.len()] {
        let (mut reader, mut importer) = (LineReader::new(), Importer::new(Engine::Suricata, roll()));
        for piece in stream.chunks(size) {
            reader.feed(piece, |line| drop(importer.line(line, NIGHT)));
        }
        reader.end(|line| drop(importer.line(line, NIGHT)));
        let tally = importer.tally();
        assert_eq!(
            (tally.findings, tally.ignored, tally.not_json, tally.lines()),
            (2, 1, 1, 4),
            "pieces of {size}"
        );
    }
}
