//! A consent that gets its keys on the insurer's own machine, from a console that may lie.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clearance::{Consent, RewrappedKey};
use common::{NOW, estate};
use order::{AgeRecipient, Becomes, Body as _, DoorOpening, Opening, Text};
use sign::{Identity, Lang, Parts, Recipients, Refused, Sealed, Sheet, carry, wants_keys};
use vocabulary::{Digest, Envelope, Epoch, InsurerId, RestrictionId, Seconds, StatementId};

/// An insurer's machine: release keys, and a list of the recipients its people compared.
struct Machine {
    folder: tempfile::TempDir,
    release: AgeRecipient,
    older: AgeRecipient,
    door: AgeRecipient,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| sign::keygen(&folder.path().join(name), NOW).unwrap();
        let (release, older, door) = (make("release"), make("older"), make("door"));
        Self {
            folder,
            release,
            older,
            door,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn identity(&self, name: &str) -> Identity {
        Identity::open(&self.path().join(name)).unwrap()
    }

    fn list(&self, recipients: &[&AgeRecipient]) -> Recipients {
        let path = self.path().join("list");
        let lines: Vec<String> = recipients
            .iter()
            .map(|one| format!("{one}  # Türprozess, am Telefon verglichen"))
            .collect();
        fs::write(&path, format!("# Empfänger\n\n{}\n", lines.join("\n"))).unwrap();
        Recipients::read(&path).unwrap()
    }
}

fn opening(doors: &[&str], becomes: Becomes) -> Envelope {
    // An emergency stands on top of what closes a door and lifts nothing of it.
    let lifts = |door: &str| match &becomes {
        Becomes::Emergency { .. } => BTreeSet::new(),
        Becomes::Open | Becomes::Limited { .. } => {
            BTreeSet::from([RestrictionId(Digest::of(door.as_bytes()))])
        }
    };
    let body = Opening {
        estate: estate(),
        doors: doors
            .iter()
            .map(|door| DoorOpening {
                door: door.parse().unwrap(),
                epoch: Epoch(3),
                lifts: lifts(door),
            })
            .collect(),
        becomes: becomes.clone(),
        clearances: BTreeSet::from([StatementId(Digest::of(b"clearance"))]),
        reason: Text::new("nach Freigabe").unwrap(),
        issued: NOW,
        expires: NOW.plus(Seconds(3600)),
    };
    body.draft().unwrap()
}

fn consent(opening: &Envelope, identity: Option<&AgeRecipient>) -> Envelope {
    let body = Consent {
        estate: estate(),
        insurer: InsurerId::new("kasse-001").unwrap(),
        opening: opening.id(),
        identity: identity.cloned(),
        rewrapped: Vec::new(),
        issued: NOW,
        expires: NOW.plus(Seconds(3600)),
    };
    body.draft().unwrap()
}

fn key(door: &str, number: u8, to: &AgeRecipient) -> RewrappedKey {
    let to: age::x25519::Recipient = to.as_str().parse().unwrap();
    RewrappedKey {
        door: door.parse().unwrap(),
        segment: Digest::of(&[number]),
        wrapped: STANDARD.encode(age::encrypt(&to, &[number; 32]).unwrap()),
    }
}

/// What a process that holds this identity reads from a consent, in order.
fn read(machine: &Machine, name: &str, consent: &Envelope) -> Vec<u8> {
    let text = fs::read_to_string(machine.path().join(name)).unwrap();
    let identity: age::x25519::Identity = text.lines().last().unwrap().parse().unwrap();
    let body = Consent::read(consent).unwrap();
    let keys = body.rewrapped.iter().map(|key| {
        let secret = age::decrypt(&identity, &STANDARD.decode(&key.wrapped).unwrap()).unwrap();
        secret[0]
    });
    keys.collect()
}

fn sentence(refused: Refused) -> String {
    refused.to_string()
}

#[test]
fn a_consent_carries_what_the_named_door_reads_and_says_so_in_one_sentence() {
    let machine = Machine::new();
    let opening = opening(&["kasse-001/eau", "kasse-001/kim"], Becomes::Open);
    let draft = consent(&opening, None);
    assert!(wants_keys(&draft));
    // One key was sealed before the release key was exchanged.
    let sealed = [Sealed {
        recipient: machine.door.clone(),
        keys: vec![
            key("kasse-001/kim", 2, &machine.older),
            key("kasse-001/eau", 1, &machine.release),
            key("kasse-001/eau", 3, &machine.release),
        ],
    }];
    let identities = [machine.identity("release"), machine.identity("older")];
    let known = machine.list(&[&machine.door]);
    let made = carry(&draft, Some(&opening), &sealed, &identities, &known, Lang::De).unwrap();
    assert_eq!(made.keys, 3);
    let mut found = read(&machine, "door", &made.consent);
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3]);
    for words in [
        "3 Schlüssel",
        "der Kasse kasse-001",
        "kasse-001/eau: 2",
        "kasse-001/kim: 1",
        machine.door.as_str(),
    ] {
        assert!(made.sentence.contains(words), "{}", made.sentence);
    }
    // It is a statement of its own, readable whole, and its own sentence counts the keys too.
    assert_ne!(made.consent.id(), draft.id());
    assert!(!wants_keys(&made.consent));
    let sheet = Sheet::read(made.consent, Lang::De, None).unwrap();
    assert!(
        sheet.sentence().contains("3 neu verpackten"),
        "{}",
        sheet.sentence()
    );
    // Without the older key nothing is done at all.
    let refused = carry(
        &draft,
        Some(&opening),
        &sealed,
        &identities[..1],
        &known,
        Lang::De,
    )
    .unwrap_err();
    assert!(sentence(refused).contains(&Digest::of(&[2]).to_string()));
}

#[test]
fn nothing_is_wrapped_to_whom_nobody_compared() {
    let machine = Machine::new();
    let opening = opening(&["kasse-001/eau"], Becomes::Open);
    let draft = consent(&opening, None);
    let stranger = sign::keygen(&machine.path().join("stranger"), NOW).unwrap();
    let known = machine.list(&[&machine.door]);
    let identities = [machine.identity("release")];
    let sealed = [Sealed {
        recipient: stranger.clone(),
        keys: vec![key("kasse-001/eau", 1, &machine.release)],
    }];
    let refused = carry(&draft, Some(&opening), &sealed, &identities, &known, Lang::De).unwrap_err();
    let said = sentence(refused);
    assert!(
        said.contains(stranger.as_str()) && said.contains("not on your list"),
        "{said}"
    );
    // The same for the process of an emergency, which reads instead of the door.
    let becomes = |identity: &AgeRecipient| Becomes::Emergency {
        environment: "not-kim".parse().unwrap(),
        identity: identity.clone(),
        until: NOW.plus(Seconds(3600)),
    };
    let emergency = self::opening(&["kasse-001/eau"], becomes(&stranger));
    let sealed = [Sealed {
        recipient: machine.door.clone(),
        keys: vec![key("kasse-001/eau", 1, &machine.release)],
    }];
    let asked = consent(&emergency, Some(&stranger));
    carry(&asked, Some(&emergency), &sealed, &identities, &known, Lang::De).unwrap_err();
    let both = machine.list(&[&machine.door, &stranger]);
    let made = carry(&asked, Some(&emergency), &sealed, &identities, &both, Lang::De).unwrap();
    assert_eq!(read(&machine, "stranger", &made.consent), [1]);
    // And a consent that names another process than its opening is not what it seems.
    let other = consent(&emergency, Some(&machine.door));
    let refused = carry(&other, Some(&emergency), &sealed, &identities, &both, Lang::De).unwrap_err();
    assert!(sentence(refused).contains("nicht die, der zugestimmt wird"));
}

#[test]
fn keys_of_other_doors_and_other_openings_are_refused() {
    let machine = Machine::new();
    let opening = opening(&["kasse-001/eau", "kasse-002/eau"], Becomes::Open);
    let draft = consent(&opening, None);
    let (identities, known) = ([machine.identity("release")], machine.list(&[&machine.door]));
    let with = |keys: Vec<RewrappedKey>, shown: Option<&Envelope>| {
        let sealed = [Sealed {
            recipient: machine.door.clone(),
            keys,
        }];
        carry(&draft, shown, &sealed, &identities, &known, Lang::En)
    };
    let of = |door: &str| key(door, 1, &machine.release);
    // Another insurer's, although the opening names it; a door it does not name; the same twice.
    for keys in [
        vec![of("kasse-002/eau")],
        vec![of("kasse-001/kim")],
        vec![of("kasse-001/eau"), of("kasse-001/eau")],
    ] {
        let refused = with(keys, Some(&opening)).unwrap_err();
        assert!(sentence(refused).contains("does not name for your insurer"));
    }
    // Another opening than the one that is agreed to, shown with it.
    let other = self::opening(&["kasse-001/eau", "kasse-001/kim"], Becomes::Open);
    let refused = with(vec![of("kasse-001/kim")], Some(&other)).unwrap_err();
    assert!(sentence(refused).contains("not the one that is agreed to"));
    // An opening that may not be shown: the insurer's own doors, and the sentence says whose word that is.
    with(vec![of("kasse-002/eau")], None).unwrap_err();
    let made = with(vec![of("kasse-001/eau")], None).unwrap();
    assert!(
        made.sentence.contains("the control room's word"),
        "{}",
        made.sentence
    );
}

#[test]
fn parts_of_the_recovery_key_serve_without_a_file_of_the_whole() {
    let machine = Machine::new();
    let recovery = sign::keygen(&machine.path().join("recovery"), NOW).unwrap();
    let parts = sign::split(
        &machine.path().join("recovery"),
        Parts::new(2, 3).unwrap(),
        machine.path(),
    )
    .unwrap();
    fs::remove_file(machine.path().join("recovery")).unwrap();
    let before = fs::read_dir(machine.path()).unwrap().count();
    let identity = Identity::of_parts(&parts[1..]).unwrap();
    assert_eq!(identity.recipient().unwrap(), recovery);
    assert!(Identity::of_parts(&parts[..1]).is_err());
    let opening = opening(&["kasse-001/eau"], Becomes::Open);
    let sealed = [Sealed {
        recipient: machine.door.clone(),
        keys: vec![key("kasse-001/eau", 9, &recovery)],
    }];
    let made = carry(
        &consent(&opening, None),
        Some(&opening),
        &sealed,
        &[identity],
        &machine.list(&[&machine.door]),
        Lang::De,
    )
    .unwrap();
    assert_eq!(read(&machine, "door", &made.consent), [9]);
    // The list was written by this test; nothing else was.
    assert_eq!(fs::read_dir(machine.path()).unwrap().count(), before + 1);
}

#[test]
fn a_list_with_a_line_that_is_no_recipient_is_refused_with_its_line() {
    let machine = Machine::new();
    let path = machine.path().join("list");
    fs::write(&path, format!("{}\n\nage1kaputt!\n", machine.door)).unwrap();
    let said = Recipients::read(&path).unwrap_err().to_string();
    assert!(said.contains("Zeile 3") && said.contains("line 3"), "{said}");
}
