//! Arbitrary bytes: nothing panics, nothing grows, every line is counted once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod common;

use common::{NIGHT, Room, roll};
use proptest::prelude::*;
use std::sync::{Arc, OnceLock};
use vocabulary::Timestamp;
use warning::{Engine, Event, Imported, Importer, LINE_BYTES_MAX, Line, LineReader, Roll};

fn shared_roll() -> Arc<Roll> {
    static ROLL: OnceLock<Arc<Roll>> = OnceLock::new();
    ROLL.get_or_init(roll).clone()
}

/// Bytes that look enough like JSON lines to get past the first checks.
fn almost_json() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("\"event_type\":\"alert\"".to_owned()),
        Just("\"alert\":{\"signature_id\":1,\"severity\":1}".to_owned()),
        Just("\"rule\":{\"level\":15,\"id\":\"1\"}".to_owned()),
        Just("\"agent\":{\"name\":\"mail-001\"}".to_owned()),
        Just("\"timestamp\":\"2023-04-24T22:00:00+0200\"".to_owned()),
        Just("\"src_ip\":\"10.1.0.1\"".to_owned()),
        Just(",".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\"\\u".to_owned()),
        Just("1e999999".to_owned()),
        "\\PC{0,8}",
    ];
    let words = proptest::collection::vec(word, 0..60).prop_map(|words| words.concat().into_bytes());
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..2000), words]
}

/// A value of the right outer shape with anything inside.
fn shaped() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,40}".prop_map(Into::into),
        Just("10.1.0.1".into()),
        Just("mail-001".into()),
        Just("2023-04-24T22:00:00.1+0200".into()),
    ];
    let any_value = leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    let names = prop_oneof![
        Just("timestamp"),
        Just("src_ip"),
        Just("dest_ip"),
        Just("alert"),
        Just("rule"),
        Just("agent"),
        Just("data"),
        Just("x"),
    ];
    proptest::collection::btree_map(names, any_value, 0..7).prop_map(|map| {
        let mut object: serde_json::Map<_, _> = map
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        object.insert("event_type".to_owned(), "alert".into());
        let alert = object.entry("alert").or_insert_with(|| serde_json::json!({}));
        if let Some(alert) = alert.as_object_mut() {
            alert.insert("signature_id".to_owned(), 7.into());
            alert.insert("severity".to_owned(), 1.into());
        }
        let rule = object.entry("rule").or_insert_with(|| serde_json::json!({}));
        if let Some(rule) = rule.as_object_mut() {
            rule.insert("level".to_owned(), 15.into());
            rule.insert("id".to_owned(), "7".into());
        }
        serde_json::Value::Object(object).to_string()
    })
}

fn fits_people(text: &str) -> bool {
    !text.chars().any(char::is_control) && text.chars().count() < 2000
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bytes_in_any_pieces_are_cut_the_same(bytes in almost_json(), sizes in proptest::collection::vec(1_usize..50, 1..20)) {
        let collect = |pieces: &[&[u8]]| {
            let (mut reader, mut lines) = (LineReader::new(), Vec::new());
            let mut each = |line: Line<'_>| lines.push(format!("{line:?}"));
            for piece in pieces {
                reader.feed(piece, &mut each);
            }
            reader.end(&mut each);
            lines
        };
        let mut pieces = Vec::new();
        let (mut rest, mut at) = (bytes.as_slice(), 0);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(sizes[at % sizes.len()].min(rest.len()));
            pieces.push(piece);
            rest = after;
            at += 1;
        }
        prop_assert_eq!(collect(&pieces), collect(&[&bytes]));
    }

    #[test]
    fn nothing_panics_and_every_line_is_counted_once(bytes in almost_json()) {
        for engine in [Engine::Suricata, Engine::Wazuh] {
            let (mut reader, mut importer) = (LineReader::new(), Importer::new(engine, shared_roll()));
            let mut lines = 0_u64;
            let mut answers = Vec::new();
            let mut each = |line: Line<'_>| {
                lines += 1;
                answers.push(importer.line(line, NIGHT));
            };
            reader.feed(&bytes, &mut each);
            reader.end(&mut each);
            prop_assert_eq!(importer.tally().lines(), lines);
            for answer in answers {
                if let Imported::Bad(bad) = answer {
                    prop_assert!(fits_people(&bad.to_string()), "{}", bad);
                    prop_assert_eq!(bad.to_string().matches(" / ").count(), 1);
                }
            }
        }
    }

    #[test]
    fn what_is_found_is_bounded_and_fit_for_people(line in shaped()) {
        for engine in [Engine::Suricata, Engine::Wazuh] {
            let mut importer = Importer::new(engine, shared_roll());
            let Imported::Finding(finding) = importer.line(Line::Whole(line.as_bytes()), NIGHT) else { continue };
            prop_assert!(finding.unmatched.len() <= 16 && finding.techniques.len() <= 16);
            prop_assert!(finding.at <= Timestamp(NIGHT.0 + 300));
            let texts = finding.unmatched.iter().chain(&finding.techniques).chain([&finding.title]);
            for text in texts {
                prop_assert!(fits_people(text) && text.chars().count() <= 161, "{text:?}");
            }
            let mut room = Room::quiet();
            room.event(Event::Finding(finding), NIGHT);
            for incident in room.incidents() {
                let sentence = incident.sentence(&shared_roll()).to_string();
                prop_assert!(fits_people(&sentence), "{}", sentence);
                warning::promises::warn_2(incident, &shared_roll()).unwrap();
            }
            for (_, signal) in room.signals() {
                prop_assert_eq!(signal.sentence.to_string().matches(" / ").count(), 1, "{}", signal.sentence);
            }
        }
    }

    #[test]
    fn long_lines_cost_no_memory(extra in 0_usize..3, pieces in 1_usize..5) {
        let (mut reader, mut importer) = (LineReader::new(), Importer::new(Engine::Suricata, shared_roll()));
        let line = vec![b'a'; LINE_BYTES_MAX - 1 + extra];
        for piece in line.chunks(line.len() / pieces + 1) {
            reader.feed(piece, |_| panic!("no line has ended"));
        }
        reader.feed(b"\n", |line| drop(importer.line(line, NIGHT)));
        let tally = importer.tally();
        prop_assert_eq!((tally.too_long, tally.not_json), if extra > 1 { (1, 0) } else { (0, 1) });
    }
}
