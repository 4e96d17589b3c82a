//! A small estate with a real charter and a contact book, for every test of this room.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise, and each file uses its own part"
)]

pub(crate) mod room;

use std::collections::BTreeSet;

use estate::{Estate, Seed};
use order::{
    Charter, CharterDraft, Person, PublicKey, SectionDraft, Threshold, Thresholds, Version, Witness,
};
use readiness::contacts::ContactBook;
use record::WitnessKey;
use ssh_key::{PrivateKey, private::Ed25519Keypair};
use vocabulary::{Digest, PersonId, Role, Seconds, StatementId, Timestamp};

/// 24 April 2023, 20:00 UTC.
pub(crate) const T0: Timestamp = Timestamp(1_682_366_400);
pub(crate) const DAY: i64 = 86_400;

pub(crate) fn days_before(now: Timestamp, days: i64) -> Timestamp {
    Timestamp(now.0 - days * DAY)
}

pub(crate) fn estate() -> Estate {
    estate::check(&estate::sample(Seed(1)), "sample.toml").unwrap()
}

fn seed(name: &str) -> [u8; 32] {
    *Digest::of(name.as_bytes()).as_bytes()
}

fn public(name: &str) -> PublicKey {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed(name)));
    PublicKey::from_openssh(&key.public_key().to_openssh().unwrap()).unwrap()
}

fn person(id: &str, entity: &str, roles: &[Role]) -> Person {
    Person {
        id: id.parse().unwrap(),
        entity: entity.parse().unwrap(),
        keys: vec![public(id)],
        roles: roles.iter().copied().collect(),
    }
}

fn section(insurer: &str) -> SectionDraft {
    let name = |suffix: &str| format!("{insurer}-{suffix}");
    let id = |suffix: &str| -> PersonId { name(suffix).parse().unwrap() };
    let of = |suffix: &str| {
        if suffix == "vertretung" {
            "verband"
        } else {
            insurer
        }
    };
    SectionDraft {
        insurer: insurer.parse().unwrap(),
        persons: ["ja", "ja-2", "nein", "vertretung"]
            .iter()
            .map(|one| person(&name(one), of(one), &[]))
            .collect(),
        consent: BTreeSet::from([id("ja"), id("ja-2")]),
        refuse: BTreeSet::from([id("nein")]),
        threshold: 2,
        deputy: id("vertretung"),
        release: vec!["age1release".parse().unwrap()],
        recovery: "age1recovery".parse().unwrap(),
    }
}

pub(crate) fn charter() -> Charter {
    use Role::{Commander, Examiner, RestorationLead, Root};
    let witness = |name: &str| Witness {
        id: name.parse().unwrap(),
        entity: name.parse().unwrap(),
        key: WitnessKey::from_seed(record::note::KeyName::new(name).unwrap(), &seed(name))
            .unwrap()
            .verifier()
            .clone(),
    };
    let draft = CharterDraft {
        estate: "sample".parse().unwrap(),
        version: Version::FIRST,
        previous: None,
        provider: "betreiber".parse().unwrap(),
        persons: vec![
            person("wurzel-1", "betreiber", &[Root]),
            person("wurzel-2", "verband", &[Root]),
            person("wurzel-3", "anwalt", &[Root]),
            person("anna", "betreiber", &[Commander]),
            person("bert", "betreiber", &[Commander, RestorationLead]),
            person("clara", "forensik-gmbh", &[Examiner]),
            person("dirk", "betreiber", &[Examiner]),
        ],
        thresholds: Thresholds {
            roots: Threshold {
                persons: 3,
                outside: 2,
            },
            examiners: Threshold {
                persons: 2,
                outside: 1,
            },
            precautionary_commanders: 2,
        },
        precautionary_window: Seconds(4 * 3600),
        recovery_delay: Seconds(24 * 3600),
        witnesses: ["kasse-001", "kasse-002", "verband"].map(witness).to_vec(),
        witness_quorum: 2,
        sections: vec![section("kasse-001"), section("kasse-002")],
        issued: T0,
    };
    Charter::check(StatementId(Digest::of(b"charter")), draft).unwrap()
}

/// A book with every kind of way, mutual deputies, and a name no ASCII can write.
pub(crate) const BOOK: &str = r#"
estate = "sample"
issued = 2023-04-01

[[contact]]
id = "anna"
name = "Änne Größer"
duties = ["commander"]
ways = ["sms:+49 171 1111111", "voice:+49 171 1111111", "mail:anna@notfall.example", "paper:Beispielweg 1, Essen"]
deputies = ["bert"]

[[contact]]
id = "bert"
name = "Bert Łukasz-Müßig"
duties = ["commander", "restoration-lead"]
ways = ["sms:+49 171 2222222", "voice:+49 201 2222222"]
deputies = ["anna"]

[[contact]]
id = "clara"
name = "Clara Öztürk"
duties = ["examiner"]
ways = ["mail:clara@forensik.example", "sms:+49 171 3333333"]

[[contact]]
id = "k1-ja"
name = "Doris Jäger"
duties = ["insurer:kasse-001"]
ways = ["sms:+49 171 4444444", "mail:doris@kasse-001-notfall.example"]
deputies = ["k1-ja2", "k1-nein"]

[[contact]]
id = "k1-ja2"
name = "Emil Weiß"
ways = ["voice:+49 171 5555555"]

[[contact]]
id = "k1-nein"
name = "Frida Süß"
ways = ["paper:Pforte, Telefon intern 12"]

[[contact]]
id = "k2-ja"
name = "Gert Geheim"
duties = ["insurer:kasse-002"]
ways = ["sms:+49 171 7777777"]
"#;

pub(crate) fn book() -> ContactBook {
    ContactBook::from_toml(BOOK).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}
