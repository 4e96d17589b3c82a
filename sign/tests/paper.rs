//! The way of a statement file: what is shown is what is signed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::{Eighty, KINDS, NOW, counterpart, estate, filled, keygen, nobody, show};
use sign::{Lang, Refused, Signer};
use std::fs;
use vocabulary::{Envelope, PayloadType};

#[test]
fn every_kind_is_drafted_and_shown_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let path = filled(folder.path(), kind);
        let mut sentences = Vec::new();
        for lang in [Lang::De, Lang::En] {
            let shown = sign::show(&path, lang, Some(&Eighty), None).unwrap_or_else(|refused| {
                panic!("{}: {refused}", kind.word());
            });
            assert_eq!(shown.kind(), kind);
            assert!(shown.sentence().len() > 40, "{}", shown.sentence());
            assert!(shown.sentence().ends_with('.'), "{}", shown.sentence());
            sentences.push(shown.sentence().to_owned());
        }
        assert_ne!(sentences[0], sentences[1], "{}", kind.word());
    }
}

#[test]
fn the_sentence_says_how_many_people_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), PayloadType::Closing);
    let say = |lang| {
        sign::show(&path, lang, Some(&Eighty), None)
            .unwrap()
            .sentence()
            .to_owned()
    };
    assert!(
        say(Lang::De).contains("25.000.000 Versicherte"),
        "{}",
        say(Lang::De)
    );
    assert!(
        say(Lang::En).contains("25,000,000 insured persons"),
        "{}",
        say(Lang::En)
    );
    assert!(
        !show(&path).sentence().contains("Versicherte"),
        "what is not known is not said"
    );
}

#[test]
fn no_template_is_signed_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let path = folder.path().join(kind.word());
        sign::draft(&path, kind, &estate(), NOW).unwrap();
        assert!(
            sign::show(&path, Lang::De, None, None).is_err(),
            "the template of {} must be filled in before",
            kind.word()
        );
    }
}

#[test]
fn a_kind_without_a_sentence_is_neither_drafted_nor_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("freshness");
    let refused = sign::draft(&path, PayloadType::Freshness, &estate(), NOW).unwrap_err();
    assert!(
        matches!(refused, Refused::Unreadable(PayloadType::Freshness)),
        "{refused}"
    );
    let envelope = Envelope {
        payload_type: PayloadType::Freshness,
        payload: b"{}".to_vec(),
        signatures: Vec::new(),
    };
    fs::write(&path, serde_json::to_vec(&envelope).unwrap()).unwrap();
    let refused = sign::show(&path, Lang::De, None, None).unwrap_err();
    assert!(
        matches!(refused, Refused::Unreadable(PayloadType::Freshness)),
        "{refused}"
    );
}

#[test]
fn an_empty_scope_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), PayloadType::Closing);
    let text = fs::read_to_string(&path).unwrap();
    let empty = text.replace(
        "{\n        \"sites\": [\n          \"essen\"\n        ]\n      }",
        "",
    );
    assert_ne!(text, empty);
    fs::write(&path, empty).unwrap();
    let refused = sign::show(&path, Lang::De, None, None).unwrap_err();
    assert!(refused.to_string().contains("leer"), "{refused}");
}

/// A statement file whose payload is exactly these bytes.
fn with_payload(path: &std::path::Path, kind: PayloadType, payload: &[u8]) {
    let envelope = Envelope {
        payload_type: kind,
        payload: payload.to_vec(),
        signatures: Vec::new(),
    };
    fs::write(path, serde_json::to_vec(&envelope).unwrap()).unwrap();
}

/// The exact payload bytes of a filled-in draft.
fn payload(folder: &std::path::Path, kind: PayloadType) -> Vec<u8> {
    let path = filled(folder, kind);
    sign::export(&path).unwrap();
    let envelope: Envelope = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    envelope.payload
}

#[test]
fn bytes_that_hold_more_than_the_sentence_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = payload(folder.path(), PayloadType::Closing);
    let path = folder.path().join("statement");
    with_payload(&path, PayloadType::Closing, &good);
    assert_eq!(show(&path).kind(), PayloadType::Closing);

    let text = String::from_utf8(good.clone()).unwrap();
    let spaced = text.replacen(',', ", ", 1);
    with_payload(&path, PayloadType::Closing, spaced.as_bytes());
    let refused = sign::show(&path, Lang::De, None, None).unwrap_err();
    assert!(matches!(refused, Refused::OtherBytes), "{refused}");

    let unknown = text.replacen('{', "{\"also\":\"everything\",", 1);
    with_payload(&path, PayloadType::Closing, unknown.as_bytes());
    assert!(matches!(
        sign::show(&path, Lang::De, None, None),
        Err(Refused::Body(_))
    ));

    with_payload(&path, PayloadType::Opening, &good);
    assert!(matches!(
        sign::show(&path, Lang::De, None, None),
        Err(Refused::Body(_))
    ));
}

#[test]
fn a_file_that_is_nothing_of_ours_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter");
    for text in ["", "hello", "{}", "{\"payloadType\":\"x\",\"body\":{}}", "[1]"] {
        fs::write(&path, text).unwrap();
        let refused = sign::show(&path, Lang::De, None, None).unwrap_err();
        assert!(refused.to_string().contains("letter"), "{text}: {refused}");
    }
}

#[test]
fn only_the_right_word_confirms() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), PayloadType::Opening);
    for wrong in ["", "j", "ja", "schliessen"] {
        let refused = show(&path).confirm(wrong).unwrap_err();
        assert!(matches!(refused, Refused::NotConfirmed { .. }), "{refused}");
    }
    let shown = show(&path);
    let word = shown.word();
    shown.confirm(&format!(" {} \n", word.to_uppercase())).unwrap();
}

#[test]
fn another_statement_than_agreed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let agreed = show(&filled(folder.path(), PayloadType::Closing)).id();
    let other = filled(folder.path(), PayloadType::Refusal);
    let refused = sign::show(&other, Lang::De, None, Some(agreed)).unwrap_err();
    assert!(matches!(refused, Refused::OtherStatement { .. }), "{refused}");
}

#[test]
fn any_byte_changed_after_showing_is_refused_at_signing() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::from_file(&keygen(folder.path(), "key", "ed25519", ""), &mut nobody).unwrap();
    let path = filled(folder.path(), PayloadType::Closing);
    let before = fs::read(&path).unwrap();

    let word = show(&path).word();
    for at in 0..before.len() {
        let confirmed = show(&path).confirm(word).unwrap();
        let mut changed = before.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let refused = sign::sign(confirmed, &signer).unwrap_err();
        assert!(matches!(refused, Refused::Changed { .. }), "byte {at}: {refused}");
        assert_eq!(fs::read(&path).unwrap(), changed, "nothing is written");
        fs::write(&path, &before).unwrap();
    }

    // With the bytes as they were, the same steps sign.
    let shown = show(&path);
    let id = shown.id();
    let signed = sign::sign(shown.confirm(word).unwrap(), &signer).unwrap();
    assert_eq!((signed.id, signed.signatures), (id, 1));
    assert!(show(&path).keys().contains(&signer.public_key().id()));
}

#[test]
fn exporting_again_changes_nothing_and_never_overwrites_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), PayloadType::Closing);
    let pae = sign::export(&path).unwrap();
    let (fixed, bytes) = (fs::read(&path).unwrap(), fs::read(&pae).unwrap());
    assert_eq!(sign::export(&path).unwrap(), pae);
    assert_eq!(
        (fs::read(&path).unwrap(), fs::read(&pae).unwrap()),
        (fixed, bytes)
    );
    fs::write(&pae, b"somebody else's").unwrap();
    assert!(matches!(sign::export(&path), Err(Refused::File { .. })));
    assert_eq!(fs::read(&pae).unwrap(), b"somebody else's");
}
