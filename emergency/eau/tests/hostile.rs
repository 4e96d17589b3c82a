//! Hostile documents: no panic, bounded, and a clear word about why.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use eau::{BYTES_MAX, DEPTH_MAX, ELEMENTS_MAX, FINDINGS_MAX, NotXml, Unreadable, Validator, Verdict, sample};
use jiff::civil::{Date, date};
use proptest::prelude::*;

const ISSUED: Date = date(2026, 10, 5);

fn refused(text: &str) -> Unreadable {
    Validator::new()
        .unwrap()
        .check(text.as_bytes(), Some(ISSUED))
        .unwrap_err()
}

#[test]
fn entity_tricks_end_at_the_doctype() {
    let bomb = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;\">]><Bundle xmlns=\"http://hl7.org/fhir\"><id value=\"&lol2;\"/></Bundle>";
    let outside = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>";
    let parameter = "<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://127.0.0.1/x\">%x;]><a/>";
    for text in [bomb, outside, parameter] {
        assert_eq!(refused(text), Unreadable::Xml(NotXml::Doctype), "{text}");
    }
    assert!(matches!(
        refused("<a value=\"&x;\"/>"),
        Unreadable::Xml(NotXml::Malformed(_))
    ));
}

#[test]
fn size_is_bounded_before_anything_is_built() {
    let note = sample::any(1, ISSUED).xml;
    let inside = |stuffing: &str| {
        note.replacen(
            "<type value=\"document\"/>",
            &format!("<type value=\"document\"/>{stuffing}"),
            1,
        )
    };
    let attribute = inside(&format!("<x value=\"{}\"/>", "a".repeat(10 << 20)));
    let deep = inside(&format!(
        "{}{}",
        "<x>".repeat(DEPTH_MAX),
        "</x>".repeat(DEPTH_MAX)
    ));
    let wide = inside(&"<x/>".repeat(ELEMENTS_MAX));
    let many = inside(&format!(
        "<x {}/>",
        (0..40).map(|n| format!("a{n}=\"\" ")).collect::<String>()
    ));
    assert_eq!(refused(&attribute), Unreadable::Xml(NotXml::TooLarge));
    assert_eq!(refused(&deep), Unreadable::Xml(NotXml::TooDeep));
    assert_eq!(refused(&wide), Unreadable::Xml(NotXml::TooMany));
    assert_eq!(refused(&many), Unreadable::Xml(NotXml::Attributes));
    assert!(attribute.len() > BYTES_MAX);
}

#[test]
fn findings_are_bounded() {
    let note = sample::any(1, ISSUED).xml;
    let stuffed = note.replacen(
        "<type value=\"document\"/>",
        &format!("<type value=\"document\"/>{}", "<x/>".repeat(5000)),
        1,
    );
    let checked = Validator::new()
        .unwrap()
        .check(stuffed.as_bytes(), Some(ISSUED))
        .unwrap();
    assert_eq!(
        (checked.verdict(), checked.findings.len()),
        (Verdict::Invalid, FINDINGS_MAX)
    );
}

#[test]
fn foreign_namespaces_and_attributes_are_seen() {
    let validator = Validator::new().unwrap();
    let note = sample::any(1, ISSUED).xml;
    let rules = |xml: &str| -> Vec<String> {
        let checked = validator.check(xml.as_bytes(), Some(ISSUED)).unwrap();
        checked.findings.into_iter().map(|finding| finding.rule).collect()
    };
    let with = |from: &str, to: &str| rules(&note.replacen(from, to, 1));
    assert_eq!(
        with(
            "<type value=\"document\"/>",
            "<type xmlns=\"urn:x\" value=\"document\"/>"
        ),
        ["Bundle.type#namespace"]
    );
    assert_eq!(
        with("<type value=\"document\"/>", "<type value=\"document\" x=\"1\"/>"),
        ["Bundle.type#attribute"]
    );
    assert_eq!(
        with("<type value=\"document\"/>", "<type value=\"document\">x</type>"),
        ["Bundle.type#text"]
    );
    assert_eq!(
        with("<identifier>", "<identifier value=\"x\">")
            .first()
            .map(String::as_str),
        Some("Bundle.identifier#attribute")
    );
    // The same document under a prefix is the same document.
    let prefixed = note
        .replace("</", "</f:")
        .replace('<', "<f:")
        .replace("<f:/f:", "</f:")
        .replacen("xmlns=", "xmlns:f=", 1);
    assert_eq!(rules(&prefixed), Vec::<String>::new());
}

#[test]
fn a_stranger_is_named_one() {
    assert_eq!(
        refused("<Patient xmlns=\"http://hl7.org/fhir\"/>"),
        Unreadable::Stranger
    );
    assert_eq!(refused("<html/>"), Unreadable::Stranger);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Validator::new().unwrap().check(&bytes, Some(ISSUED));
    }

    /// A note with bytes changed, cut out or doubled.
    #[test]
    fn any_damaged_note_gets_an_answer(seed in 0_u64..50, at in any::<proptest::sample::Index>(), length in 0_usize..200, with in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut bytes = sample::any(seed, ISSUED).xml.into_bytes();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, with);
        if let Ok(checked) = Validator::new().unwrap().check(&bytes, None) {
            prop_assert!(checked.findings.len() <= FINDINGS_MAX);
        }
    }
}
