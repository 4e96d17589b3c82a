//! The contact book: every mistake named, the sealed bytes exact, the printed tree complete.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use common::{BOOK, book};
use order::Lang;
use proptest::prelude::*;
use readiness::contacts::{BadBook, ContactBook, Duty, Kind, Weakness, calls, phone_tree};
use vocabulary::Role;

#[test]
fn the_book_reads_and_its_sealed_bytes_read_back() {
    let book = book();
    assert_eq!(book.contacts().len(), 7);
    let bytes = book.to_bytes();
    assert!(bytes.starts_with(b"bulkhead contact book 1\n{"));
    let again = ContactBook::from_bytes(&bytes).unwrap();
    assert_eq!((&again, again.digest()), (&book, book.digest()));
    assert_eq!(again.to_bytes(), bytes, "the same book gives the same bytes");
}

#[test]
fn toml_and_json_say_the_same() {
    let json = r#"{"estate":"sample","issued":"2023-04-01","contact":[
        {"id":"anna","name":"Anna","duties":["commander"],"ways":["sms:+49171111111"],"deputies":[]}]}"#;
    let toml = "estate='sample'\nissued=2023-04-01\n[[contact]]\nid='anna'\nname='Anna'\nduties=['commander']\nways=['sms:+49 171 111 111']\n";
    assert_eq!(
        ContactBook::from_json(json).unwrap(),
        ContactBook::from_toml(toml).unwrap()
    );
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = r#"
estate = "sample"
issued = 2023-04-01T10:00:00Z
[[contact]]
id = "a"
name = ""
ways = []
deputies = ["a", "weg"]
[[contact]]
id = "b"
name = "B"
duties = ["commander"]
ways = ["sms:+49171111111", "sms:+49171111111"]
[[contact]]
id = "b"
name = "B"
duties = ["commander"]
ways = ["sms:+49171111111"]
"#;
    let said = ContactBook::from_toml(text).unwrap_err().to_string();
    for hint in [
        "issued",
        "a: der Name",
        "a: 1 bis 6 verschiedene Wege",
        "a: höchstens 4",
        "Vertretung weg",
        "b: 1 bis 6",
        "b steht zweimal",
    ] {
        assert!(said.contains(hint), "{hint:?} in\n{said}");
    }
    assert_eq!(said.lines().count(), 7, "{said}");
}

#[test]
fn what_cannot_be_read_is_shown_with_its_line() {
    for (bad, hint) in [
        (
            BOOK.replace("sms:+49 171 3333333", "sms:0171 3333333"),
            "+49 201 1234",
        ),
        (
            BOOK.replace("duties = [\"examiner\"]", "duties = [\"chef\"]"),
            "„chef“ ist keine Aufgabe",
        ),
        (
            BOOK.replace("name = \"Gert Geheim\"", "nmae = \"Gert Geheim\""),
            "line",
        ),
    ] {
        let said = ContactBook::from_toml(&bad).unwrap_err().to_string();
        assert!(said.contains(hint) && said.contains("line"), "{said}");
    }
}

#[test]
fn foreign_and_torn_bytes_are_refused() {
    let bytes = book().to_bytes();
    assert!(matches!(
        ContactBook::from_bytes(b"age-encryption.org/v1\n"),
        Err(BadBook::Foreign)
    ));
    assert!(matches!(
        ContactBook::from_bytes(&bytes[..bytes.len() / 2]),
        Err(BadBook::Damaged(_))
    ));
    assert!(matches!(
        ContactBook::from_bytes(&[0xff, 0xfe]),
        Err(BadBook::NotText)
    ));
    let changed = String::from_utf8(bytes)
        .unwrap()
        .replace("\"id\": \"bert\"", "\"id\": \"niemand\"");
    assert!(matches!(
        ContactBook::from_bytes(changed.as_bytes()),
        Err(BadBook::Damaged(_))
    ));
}

#[test]
fn two_independent_ways_are_not_two_ways_on_one_telephone() {
    let book = book();
    let kinds = |id: &str| -> Vec<Kind> {
        let contact = book.contact(&id.parse().unwrap()).unwrap();
        contact
            .first_two()
            .iter()
            .map(|at| contact.ways[*at].kind())
            .collect()
    };
    assert_eq!(
        kinds("anna"),
        [Kind::Sms, Kind::Mail],
        "the call goes to the same telephone"
    );
    assert_eq!(kinds("bert"), [Kind::Sms, Kind::Voice], "another telephone");
    assert_eq!(kinds("clara"), [Kind::Mail, Kind::Sms], "her order of reach");
    assert_eq!(kinds("k1-nein"), []);
}

#[test]
fn weak_places_are_told_and_do_not_spoil_the_book() {
    let book = book();
    let duties = [
        Duty::Role(Role::Commander),
        Duty::Role(Role::Root),
        Duty::Insurer("kasse-002".parse().unwrap()),
    ];
    let weak = book.weaknesses(&duties);
    let k2 = "k2-ja".parse().unwrap();
    assert_eq!(
        weak,
        [
            Weakness::Uncovered(Duty::Role(Role::Root)),
            Weakness::OneWay(Clone::clone(&k2)),
            Weakness::NoDeputy(k2),
        ]
    );
    assert!(weak.iter().all(|one| one.in_words().to_string().contains(" / ")));
}

#[test]
fn a_book_is_held_against_the_estate() {
    let estate = common::estate();
    let weak = book().weaknesses_for(&estate);
    let uncovered = weak
        .iter()
        .filter(|one| matches!(one, Weakness::Uncovered(_)))
        .count();
    assert_eq!(uncovered, 78, "two of eighty insurers have somebody");
    let typo = BOOK
        .replace("insurer:kasse-002", "insurer:kasse-2")
        .replace("estate = \"sample\"", "estate = \"anderswo\"");
    let weak = ContactBook::from_toml(&typo).unwrap().weaknesses_for(&estate);
    assert!(weak.contains(&Weakness::OtherEstate("anderswo".parse().unwrap())));
    assert!(weak.contains(&Weakness::NoSuchInsurer(
        "k2-ja".parse().unwrap(),
        "kasse-2".parse().unwrap()
    )));
    assert!(weak.contains(&Weakness::Uncovered(Duty::Insurer("kasse-002".parse().unwrap()))));
}

#[test]
fn the_tree_calls_everybody_once_and_nobody_calls_themselves() {
    let book = book();
    let tree = calls(&book);
    let mut called: Vec<&str> = tree
        .iter()
        .flat_map(|call| &call.called)
        .map(|one| one.id.as_str())
        .collect();
    called.sort_unstable();
    assert_eq!(
        called,
        ["bert", "clara", "k1-ja", "k2-ja"],
        "the first commander starts, each insurer by its first person"
    );
    assert!(
        tree.iter()
            .all(|call| call.called.iter().all(|one| one.id != call.caller.id))
    );
    let callers: BTreeSet<&str> = tree.iter().map(|call| call.caller.id.as_str()).collect();
    assert!(
        callers
            .iter()
            .all(|caller| *caller == "anna" || called.contains(caller)),
        "who calls was called before"
    );
    let text = phone_tree(&book, Lang::De);
    for line in [
        "Änne Größer ruft an",
        "[ ] Doris Jäger (Kasse kasse-001)  __:__",
        "SMS +49 171 444 4444",
        "Vertretung: [ ] Frida Süß – Papier: Pforte, Telefon intern 12",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    assert!(phone_tree(&book, Lang::En).contains("calls:"));
}

#[test]
fn an_insurer_sees_its_own_people_only() {
    let book = book();
    let own: Vec<&str> = book
        .of_insurer(&"kasse-001".parse().unwrap())
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(own, ["k1-ja"]);
}

proptest! {
    /// Whatever is thrown at the readers, they answer; and what they accept reads back from its sealed bytes.
    #[test]
    fn readers_never_panic(text in "\\PC{0,400}", at in 0_usize..2000, byte in any::<u8>()) {
        let _answer = ContactBook::from_toml(&text);
        let _answer = ContactBook::from_json(&text);
        let mut bytes = book().to_bytes();
        let place = at % bytes.len();
        bytes[place] = byte;
        if let Ok(read) = ContactBook::from_bytes(&bytes) {
            prop_assert_eq!(ContactBook::from_bytes(&read.to_bytes()).unwrap(), read);
        }
    }
}
