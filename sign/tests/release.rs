//! The insurer's keys: made, split, put together again, and used to wrap keys again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clearance::RewrappedKey;
use common::NOW;
use sign::{Identity, Parts, Refused};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use vocabulary::{Digest, DoorId};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_identity_is_for_its_owner_alone_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    let recipient = sign::keygen(&path, NOW).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(Identity::open(&path).unwrap().recipient().unwrap(), recipient);
    assert!(matches!(sign::keygen(&path, NOW), Err(Refused::File { .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    assert!(matches!(Identity::open(&path), Err(Refused::OpenToOthers { .. })));
}

/// Splits a fresh identity 3 of 5.
fn split(folder: &Path) -> (order::AgeRecipient, Vec<PathBuf>) {
    let key = folder.join("recovery.key");
    let recipient = sign::keygen(&key, NOW).unwrap();
    let parts = sign::split(&key, Parts::new(3, 5).unwrap(), folder).unwrap();
    (recipient, parts)
}

#[test]
fn any_three_of_five_parts_give_the_identity_back() {
    let folder = tempfile::tempdir().unwrap();
    let (recipient, parts) = split(folder.path());
    assert_eq!(parts.len(), 5);
    for (round, picks) in [[0, 1, 2], [4, 2, 0], [1, 3, 4]].iter().enumerate() {
        let chosen: Vec<PathBuf> = picks.iter().map(|at| parts[*at].clone()).collect();
        let out = folder.path().join(format!("back-{round}"));
        assert_eq!(sign::combine(&chosen, &out, NOW).unwrap(), recipient);
        assert_eq!(Identity::open(&out).unwrap().recipient().unwrap(), recipient);
        assert_eq!(mode(&out), 0o600);
    }
    for part in &parts {
        assert_eq!(mode(part), 0o600);
    }
}

#[test]
fn too_few_parts_say_how_many_are_missing_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_, parts) = split(folder.path());
    let out = folder.path().join("back");
    // The same part twice counts once.
    let twice = [parts[0].clone(), parts[1].clone(), parts[1].clone()];
    let refused = sign::combine(&twice, &out, NOW).unwrap_err();
    assert!(
        refused.to_string().contains("2 parts are here, 3 are needed"),
        "{refused}"
    );
    assert!(sign::combine(&[], &out, NOW).is_err());
    assert!(!out.exists());
}

#[test]
fn a_miscopied_part_and_a_part_of_another_identity_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (_, parts) = split(folder.path());
    let out = folder.path().join("back");
    let text = fs::read_to_string(&parts[1]).unwrap();
    let last = text.trim_end().rsplit(' ').nth(1).unwrap().to_owned();
    let swapped = if last.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{swapped}", &last[..last.len() - 1]);
    fs::write(&parts[1], text.replace(&last, &wrong)).unwrap();
    let refused = sign::combine(&parts[..3], &out, NOW).unwrap_err();
    assert!(refused.to_string().contains("part-2-of-5"), "{refused}");

    let other = tempfile::tempdir().unwrap();
    let (_, foreign) = split(other.path());
    let mixed = [parts[0].clone(), parts[2].clone(), foreign[3].clone()];
    let refused = sign::combine(&mixed, &out, NOW).unwrap_err();
    assert!(refused.to_string().contains("different identities"), "{refused}");
    assert!(!out.exists());
}

#[test]
fn unsafe_splits_are_refused() {
    for (needed, made) in [(0, 5), (1, 5), (6, 5), (2, 33)] {
        assert!(Parts::new(needed, made).is_err(), "{needed} of {made}");
    }
    assert!(Parts::new(2, 2).is_ok());
}

#[test]
fn wrapped_keys_go_from_the_insurer_to_exactly_one_recipient() {
    let folder = tempfile::tempdir().unwrap();
    let (insurer, door, stranger) = ("insurer", "door", "stranger");
    let recipients =
        [insurer, door, stranger].map(|name| sign::keygen(&folder.path().join(name), NOW).unwrap());
    let open = |name: &str| Identity::open(&folder.path().join(name)).unwrap();

    let secret = [7_u8; 32];
    let to: age::x25519::Recipient = recipients[0].as_str().parse().unwrap();
    let wrapped = RewrappedKey {
        door: "kasse-001/kim".parse::<DoorId>().unwrap(),
        segment: Digest::of(b"segment 1"),
        wrapped: STANDARD.encode(age::encrypt(&to, &secret).unwrap()),
    };
    let again = open(insurer)
        .rewrap(std::slice::from_ref(&wrapped), &recipients[1])
        .unwrap();
    assert_eq!(
        (again[0].door.clone(), again[0].segment),
        (wrapped.door.clone(), wrapped.segment)
    );

    // The door's identity opens it, and the insurer's does not any more. age's own reader is the judge.
    let text = fs::read_to_string(folder.path().join(door)).unwrap();
    let identity: age::x25519::Identity = text.lines().last().unwrap().parse().unwrap();
    let bytes = STANDARD.decode(&again[0].wrapped).unwrap();
    assert_eq!(age::decrypt(&identity, &bytes).unwrap(), secret);
    assert!(open(insurer).rewrap(&again, &recipients[1]).is_err());

    // Who does not hold the identity is told which segment stayed shut.
    let refused = open(stranger).rewrap(&[wrapped], &recipients[1]).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains(&Digest::of(b"segment 1").to_string()),
        "{refused}"
    );
}

#[test]
fn keys_are_wrapped_again_into_a_consent_and_signed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str| folder.path().join(name);
    let insurer = sign::keygen(&key("insurer"), NOW).unwrap();
    let door = sign::keygen(&key("door"), NOW).unwrap();
    let to: age::x25519::Recipient = insurer.as_str().parse().unwrap();
    let wrapped: Vec<RewrappedKey> = (0..3_u8)
        .map(|number| RewrappedKey {
            door: "kasse-001/kim".parse().unwrap(),
            segment: Digest::of(&[number]),
            wrapped: STANDARD.encode(age::encrypt(&to, &[number; 32]).unwrap()),
        })
        .collect();
    let list = folder.path().join("held-keys.json");
    fs::write(&list, serde_json::to_vec(&wrapped).unwrap()).unwrap();
    let identity = Identity::open(&key("insurer")).unwrap();

    let consent = common::filled(folder.path(), vocabulary::PayloadType::Consent);
    assert_eq!(sign::rewrap_into(&consent, &list, &identity, &door).unwrap(), 3);
    assert!(
        common::show(&consent).sentence().contains("3 neu verpackten"),
        "{}",
        common::show(&consent).sentence()
    );

    // Once its bytes are fixed nothing is added behind the signer's back, and other statements carry no keys.
    sign::export(&consent).unwrap();
    assert!(matches!(
        sign::rewrap_into(&consent, &list, &identity, &door),
        Err(Refused::NoStatement { .. })
    ));
    let refusal = common::filled(folder.path(), vocabulary::PayloadType::Refusal);
    assert!(matches!(
        sign::rewrap_into(&refusal, &list, &identity, &door),
        Err(Refused::NoStatement { .. })
    ));
}
