use super::*;
use crate::{
    address::{KimAddress, Realm},
    header::{MessageId, ServiceMark},
    mime::{Limits, Mail},
    promises,
    xml::Element,
};
use proptest::prelude::*;
use vocabulary::{Digest, InsurerId, Seconds, Timestamp};

const NOW: Timestamp = Timestamp(1_790_000_000);

struct Vzd(Listed);
impl Directory for Vzd {
    fn lists(&self, _: &KimAddress) -> Listed {
        self.0
    }
}

fn address(text: &str) -> KimAddress {
    KimAddress::new(text).unwrap()
}

fn insurer() -> InsurerId {
    InsurerId::new("kasse-001").unwrap()
}

fn proposed(code: u16) -> Proposed {
    Proposed {
        case: Digest::of(b"mail"),
        insurer: insurer(),
        code: Code::read(code).unwrap(),
        message_id: MessageId::new("<96d6a790-afc2-4556-ab73-301e51a7bf30@kim.de>").unwrap(),
        bundle: BundleId::new("urn:uuid:96d6a790-afc2-4556-ab73-301e51a7bf30"),
        from: address("praxis@nord.kim.telematik"),
        reply_to: Some(address("antwort@nord.kim.telematik")),
        realm: Realm::Production,
        version: FhirVersion::V1_2,
        suspicion: Suspicion::None,
        notes: vec!["Bundle.entry: es fehlt der Patient\r\nX-Evil: 1".into()],
        arrived: Timestamp(NOW.0 - 3_000),
    }
}

fn ready(proposed: Proposed) -> Ready {
    proposed.prepare(&Vzd(Listed::Yes)).unwrap()
}

fn envelope() -> Envelope {
    Envelope {
        from: address("kasse@bitmarck.kim.telematik"),
        message_id: MessageId::new("a@bitmarck.kim.telematik").unwrap(),
        sent: NOW,
        document: DocumentId::from_random([7; 16]),
    }
}

#[test]
fn the_two_codes_about_our_key_never_become_ready() {
    for number in [313, 314] {
        let code = Code::read(number).unwrap();
        assert_eq!(code.number(), number);
        assert_eq!(code.releasable(), Err(NeverReleased(number)));
        assert_eq!(
            proposed(number).prepare(&Vzd(Listed::Yes)).err(),
            Some(NeverReleased(number))
        );
        assert!(Releasable::ALL.iter().all(|code| code.number() != number));
    }
    assert_eq!(Code::read(100), Some(Code::Answer(Releasable::NotInsured)));
    assert_eq!(Code::read(302), None);
}

#[test]
fn what_may_be_prepared_is_what_a_release_can_name() {
    for number in 0..1000 {
        if let Some(code) = Code::read(number) {
            let named = order::AnswerCode::try_from(number).is_ok();
            assert_eq!(code.releasable().is_ok(), named, "{number}");
        }
    }
}

#[test]
fn twenty_codes_as_in_the_code_system() {
    let numbers: Vec<u16> = Releasable::ALL.iter().map(|code| code.number()).collect();
    assert!(numbers.is_sorted() && numbers.len() == 18);
    for code in Releasable::ALL {
        let cancels = [102, 104, 105, 203, 204, 301, 303, 304, 305].contains(&code.number());
        assert_eq!(code.subject() == Subject::Cancellation, cancels, "{code}");
        assert_eq!(code.after() == After::IssueAgain, code.number() <= 105, "{code}");
    }
    let Some(path) = crate::testing::shared("data/ti/eau-constraints/codesystems.json") else {
        return;
    };
    let systems: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let official =
        systems.as_object().unwrap().values().filter_map(|package| {
            package.get("https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_EAU_AU_ERROR_KASSE")
        });
    let mut seen = 0;
    for system in official {
        for pair in system["codes"].as_array().unwrap() {
            let number: u16 = pair[0].as_str().unwrap().parse().unwrap();
            if let Ok(code) = Code::read(number).unwrap().releasable() {
                assert_eq!(code.display(), pair[1].as_str().unwrap());
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2 * 18);
}

#[test]
fn the_outcome_has_the_structure_of_the_samples() {
    let Some(folder) = crate::testing::shared("data/ti/eau-error") else {
        return;
    };
    let mut compared = 0;
    for (file, code, version) in [
        ("Beispiel_eAU_Fehler_1.xml", 301, FhirVersion::V1_2),
        ("Beispiel_eAU_Fehler_2.xml", 100, FhirVersion::V1_2),
        (
            "EEAU0_Fehler_c42a922c-c1fa-4aed-a2ba-7e658aecb7dc.xml",
            301,
            FhirVersion::V1_2,
        ),
        (
            "EEAU0_Fehler_f135ed4d-ac50-4a85-aec1-1ba5786344cc.xml",
            100,
            FhirVersion::V1_2,
        ),
        (
            "KBV_PR_EAU_health_insurance_Practitioner-test1.xml",
            301,
            FhirVersion::V1_0_2,
        ),
    ] {
        let sample = Element::read(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        let answer = ready(Proposed {
            version,
            ..proposed(code)
        })
        .mail(&envelope())
        .unwrap();
        let mut ours = Element::read(&answer.document).unwrap();
        // The id is each document's own; everything else is the same, element by element and value by value.
        ours.children[0].value = sample.children[0].value.clone();
        assert_eq!(ours.document(), sample.document(), "{file}");
        compared += 1;
    }
    assert_eq!(compared, 5);
}

#[test]
fn the_mail_is_what_the_annex_says() {
    let answer = ready(proposed(100)).mail(&envelope()).unwrap();
    assert_eq!(answer.to.as_str(), "antwort@nord.kim.telematik");
    assert_eq!(answer.mark.as_str(), "eAU;Fehler-Kasse;V1.2");
    assert_eq!(answer.says, Says::Error(100));
    let text = String::from_utf8(answer.mail.clone()).unwrap();
    let id = envelope().document.as_str().to_owned();
    for line in [
        "X-KIM-Dienstkennung: eAU;Fehler-Kasse;V1.2\r\n".to_owned(),
        format!("Subject: EEAU0_Fehler_{id}\r\n"),
        "Content-Description: eAUFehler-Kasse\r\n".to_owned(),
        "Message-ID: <a@bitmarck.kim.telematik>\r\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} in {text}");
    }
    let mail = Mail::read(&answer.mail, &Limits::default()).unwrap();
    let part = mail
        .parts
        .iter()
        .find(|part| &*part.kind == "application/xml")
        .unwrap();
    assert_eq!(part.name.as_deref(), Some(&*answer.file.file()));
    assert_eq!(part.content, answer.document);
    let body = mail.text().unwrap();
    assert!(
        body.contains("neu aus") && body.contains("es fehlt der Patient  X-Evil: 1"),
        "{body}"
    );
    assert_eq!(mail.header.sent.map(|sent| sent.at), Some(NOW));
    assert_eq!(mail.header.to[0].as_str(), "antwort@nord.kim.telematik");
    // The same answer twice is the same mail.
    assert_eq!(ready(proposed(100)).mail(&envelope()).unwrap().mail, answer.mail);
}

#[test]
fn every_code_answers_in_every_version_and_keeps_the_promise() {
    for code in Releasable::ALL {
        for version in [FhirVersion::V1_0_2, FhirVersion::V1_1_0, FhirVersion::V1_2] {
            let answer = ready(Proposed {
                version,
                ..proposed(code.number())
            })
            .mail(&envelope())
            .unwrap();
            assert_eq!(promises::mail_1(&answer.document), Ok(()));
            let root = Element::read(&answer.document).unwrap();
            let issue = root.child("issue").unwrap();
            let named = issue.children[0].children[0].url.as_deref();
            let expected = if code.names_the_mail() {
                "Message-ID"
            } else {
                "Bundle-Identifier"
            };
            assert_eq!(named, Some(expected), "{code}");
            assert_eq!(answer.mark, version.mark());
        }
    }
    let forged = Element::read(&ready(proposed(101)).mail(&envelope()).unwrap().document).unwrap();
    let text = String::from_utf8(forged.document())
        .unwrap()
        .replace("\"101\"", "\"313\"");
    assert_eq!(
        promises::mail_1(text.as_bytes()),
        Err(promises::Broken::KeyMissing(313))
    );
    assert_eq!(promises::mail_1(b"<a/>"), Err(promises::Broken::Unreadable));
}

#[test]
fn a_suspected_virus_has_one_sentence() {
    let body = |code| {
        let answer = ready(Proposed {
            suspicion: Suspicion::Virus,
            ..proposed(code)
        })
        .mail(&envelope())
        .unwrap();
        Mail::read(&answer.mail, &Limits::default())
            .unwrap()
            .text()
            .unwrap()
            .trim_end()
            .to_owned()
    };
    assert_eq!(body(101), "Achtung möglicher Virenbefall");
    assert_eq!(body(102), "Achtung möglicher Virenbefall");
    assert_ne!(body(100), "Achtung möglicher Virenbefall");
}

#[test]
fn reply_to_counts_only_when_the_directory_lists_it() {
    for (listed, to) in [
        (Listed::Yes, "antwort@nord.kim.telematik"),
        (Listed::No, "praxis@nord.kim.telematik"),
        (Listed::Unknown, "praxis@nord.kim.telematik"),
    ] {
        assert_eq!(proposed(100).prepare(&Vzd(listed)).unwrap().to().as_str(), to);
    }
}

#[test]
fn the_version_follows_payload_then_mark_then_today() {
    let mark = ServiceMark::new;
    let version = FhirVersion::V1_1_0;
    assert_eq!(version_for(Some(version), &mark("eAU;Lieferung;V1.2")), version);
    assert_eq!(
        version_for(None, &mark("eAU;Storno-Arzt;V1.1")),
        FhirVersion::V1_1_0
    );
    assert_eq!(
        version_for(None, &mark("eAU;Lieferung;V1.0")),
        FhirVersion::V1_0_2
    );
    assert_eq!(version_for(None, &mark("eAU;Lieferung")), FhirVersion::V1_2);
    assert_eq!(version_for(None, &mark("x")), FhirVersion::V1_2);
}

#[test]
fn triage_says_what_a_release_would_do() {
    let aged = |code, age: i64| Proposed {
        arrived: Timestamp(NOW.0 - age),
        ..proposed(code)
    };
    let all = [
        aged(313, 5),
        aged(101, 10),
        aged(101, 2 * 86_400),
        aged(307, 30 * 86_400),
        aged(314, 9),
    ];
    let view = triage(&all, NOW);
    let numbers: Vec<_> = view
        .rows
        .iter()
        .map(|row| (row.code.number(), row.count))
        .collect();
    assert_eq!(numbers, [(101, 2), (307, 1), (313, 1), (314, 1)]);
    assert_eq!((view.answers(), view.never()), (3, 2));
    assert_eq!(view.rows[0].ages, [1, 0, 1, 0, 0]);
    assert_eq!(view.rows[1].ages, [0, 0, 0, 0, 1]);
    assert_eq!(view.rows[0].oldest, Seconds(2 * 86_400));
    assert!(view.rows[0].effect().contains("neu ausstellen") && view.rows[2].effect().contains("nie"));
}

proptest! {
    #[test]
    fn ids_are_uuids(random in any::<[u8; 16]>()) {
        let id = DocumentId::from_random(random);
        let bundle = format!("urn:uuid:{}", id.as_str());
        prop_assert!(BundleId::new(&bundle).is_some());
        prop_assert_eq!(id.as_str().as_bytes()[14], b'4');
        prop_assert!(b"89ab".contains(&id.as_str().as_bytes()[19]));
    }

    #[test]
    fn no_note_breaks_the_mail(notes in proptest::collection::vec("\\PC{0,700}|[\r\n.-]{0,30}", 0..80)) {
        let notes = notes.into_iter().map(String::into_boxed_str).collect();
        let answer = ready(Proposed { notes, ..proposed(101) }).mail(&envelope()).unwrap();
        let mail = Mail::read(&answer.mail, &Limits::default()).unwrap();
        prop_assert_eq!(mail.parts.len(), 2);
        prop_assert_eq!(&mail.parts[1].content, &answer.document);
    }

    #[test]
    fn triage_counts_everything_once(codes in proptest::collection::vec(0usize..20, 0..60), age in 0i64..5_000_000) {
        let numbers: Vec<u16> = Releasable::ALL.iter().map(|code| code.number()).chain([313, 314]).collect();
        let all: Vec<_> = codes.iter().map(|at| Proposed { arrived: Timestamp(NOW.0 - age), ..proposed(numbers[*at]) }).collect();
        let view = triage(&all, NOW);
        prop_assert_eq!(view.answers() + view.never(), all.len());
        for row in &view.rows {
            prop_assert_eq!(row.ages.iter().sum::<usize>(), row.count);
        }
    }
}
