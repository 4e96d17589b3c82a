use super::*;
use crate::{
    address::{KimAddress, Realm},
    header::{MessageId, Version},
    mime::{Limits, Mail},
    promises,
    reply::{DocumentId, Envelope},
    xml::Element,
};
use jiff::civil::Date;
use proptest::prelude::*;
use vocabulary::Timestamp;

const HEAD: &str = "bulkhead-eeb;1;2026-11-20;109500970;Musterkasse\n";
const ROWS: &str = "A123456780;Müller-Lüdenscheid;Karla;1980-02-29;Musterweg;3a;44227;Dortmund;D;2020-01-01;;1;00;00;38;0;0;;2026-12-31;108433248;0\n\
B123456782;Müller;Peter;1992-01-01;;;40221;Düsseldorf;D;2020-01-01;2026-06-30;3;00;00;38;1;0;2026-01-01;;108433248;\n\
B123456782;Müller;Peter;1992-01-01;;;40221;Düsseldorf;D;2026-09-01;;3;00;00;38;1;0;;;108433248;\n\
C123456784;Zwilling;Jo;1990-05-05;;;10115;Berlin;D;2020-01-01;;1;00;00;72;0;0;;;108433248;0\n\
D123456786;Zwilling;Jo;1990-05-05;;;10115;Berlin;D;2020-01-01;;1;00;00;72;0;0;;;108433248;0\n\
E123456788;Sonder;Fall;1970-01-01;;;10115;Berlin;D;2020-01-01;;5;00;00;72;0;0;;;108433248;1\n";

/// The last digit that makes a number valid.
fn kvnr(nine: &str) -> String {
    (0..10)
        .map(|digit| format!("{nine}{digit}"))
        .find(|text| Kvnr::new(text).is_ok())
        .unwrap()
}

/// The rows above with right check digits.
fn copy() -> String {
    let mut rows = ROWS.to_owned();
    for (old, nine) in [
        ("A123456780", "A12345678"),
        ("B123456782", "B12345678"),
        ("C123456784", "C12345678"),
        ("D123456786", "D12345678"),
        ("E123456788", "E12345678"),
    ] {
        rows = rows.replace(old, &kvnr(nine));
    }
    format!("{HEAD}{}\n{rows}", COLUMNS.join(";"))
}

fn roster() -> Roster {
    Roster::read(copy().as_bytes()).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn request(patient: Patient) -> Request {
    Request {
        id: RequestId::new("urn:uuid:e71108ff-a936-44fa-9d7d-215a09428900").unwrap(),
        generation: Generation::Gematik,
        service_day: day("2026-11-20"),
        consent: Consent::Given,
        patient,
        profession: Some("1.2.276.0.76.4.50".into()),
    }
}

fn known(nine: &str) -> Patient {
    Patient::Known(kvnr(nine).into())
}

fn named(family: &str, given: &str, born: &str, postal_code: &str) -> Patient {
    Patient::Unknown(Person {
        family: family.into(),
        given: given.into(),
        born: day(born),
        postal_code: postal_code.into(),
    })
}

const V1_1: Option<Version> = Some(Version { major: 1, minor: 1 });
const RULES: Rules = Rules { copy_days_max: 7 };

fn decided(request: &Request) -> Result<String, u16> {
    let asked = Asked {
        version: V1_1,
        request: Ok(request),
    };
    match decide(&asked, Some(&roster()), day("2026-11-22"), RULES) {
        Decision::Certify(member) => Ok(member.kvnr.as_str().to_owned()),
        Decision::Refuse(refusal) => Err(refusal.number()),
    }
}

#[test]
fn check_digits_of_the_field() {
    for good in ["X234567891", "T029653290", "T555558879"] {
        assert!(Kvnr::new(good).is_ok(), "{good}");
    }
    for bad in ["X234567890", "P123464113", "T029653291"] {
        assert_eq!(Kvnr::new(bad), Err(BadKvnr::CheckDigit), "{bad}");
    }
    for bad in [
        "",
        "x234567891",
        "X23456789",
        "X2345678910",
        "1234567891",
        "Ä23456789",
    ] {
        assert_eq!(Kvnr::new(bad), Err(BadKvnr::Form), "{bad}");
    }
}

#[test]
fn every_question_has_its_answer() {
    assert_eq!(decided(&request(known("A12345678"))), Ok(kvnr("A12345678")));
    assert_eq!(
        decided(&request(named(
            "MUELLER LÜDENSCHEID",
            "karla",
            "1980-02-29",
            "44227"
        ))),
        Ok(kvnr("A12345678"))
    );
    assert_eq!(decided(&request(known("Z12345678"))), Err(100));
    assert_eq!(decided(&request(Patient::Known("A123".into()))), Err(101));
    assert_eq!(
        decided(&request(named("Zwilling", "Jo", "1990-05-05", "10115"))),
        Err(110)
    );
    assert_eq!(
        decided(&request(named("Niemand", "Jo", "1990-05-05", "10115"))),
        Err(110)
    );
    assert_eq!(decided(&request(Patient::Known("X234567890".into()))), Err(113));
    assert_eq!(decided(&request(known("E12345678"))), Err(130));
    let on = |date: &str| {
        decided(&Request {
            service_day: day(date),
            ..request(known("B12345678"))
        })
    };
    assert_eq!(on("2026-11-23"), Err(111));
    assert_eq!(
        (on("2026-06-30"), on("2026-09-01")),
        (Ok(kvnr("B12345678")), Ok(kvnr("B12345678")))
    );
    assert_eq!((on("2026-07-01"), on("2019-12-31")), (Err(112), Err(112)));
    let no = Request {
        consent: Consent::Missing,
        ..request(known("A12345678"))
    };
    assert_eq!(decided(&no), Err(120));
    let later = Request {
        generation: Generation::Later,
        ..request(known("A12345678"))
    };
    assert_eq!(decided(&later), Err(130));
}

#[test]
fn without_a_fresh_copy_the_answer_is_at_once_and_blames_nobody() {
    let request = request(known("A12345678"));
    let asked = Asked {
        version: V1_1,
        request: Ok(&request),
    };
    let none = decide(&asked, None::<&Roster>, day("2026-11-22"), RULES);
    assert_eq!(none, Decision::Refuse(Refusal::SpecialCase));
    let at = |today: &str| {
        decide(&asked, Some(&roster()), day(today), RULES) == Decision::Refuse(Refusal::SpecialCase)
    };
    assert_eq!((at("2026-11-27"), at("2026-11-28")), (false, true));
    let old = Asked {
        version: Some(Version { major: 1, minor: 0 }),
        ..asked
    };
    assert_eq!(
        decide(&old, Some(&roster()), day("2026-11-22"), RULES),
        Decision::Refuse(Refusal::SpecialCase)
    );
    let unread = Asked {
        request: Err(BadRequest::Lacks("Patient")),
        ..asked
    };
    assert_eq!(
        decide(&unread, Some(&roster()), day("2026-11-22"), RULES),
        Decision::Refuse(Refusal::Unreadable)
    );
}

fn asker() -> Asker {
    Asker {
        to: KimAddress::new("praxis@nord.kim.telematik-test").unwrap(),
        message_id: MessageId::new("<1672@nord>").unwrap(),
        realm: Realm::Test,
    }
}

fn envelope() -> Envelope {
    Envelope {
        from: KimAddress::new("kasse@ru.bitmarck.kim.telematik-test").unwrap(),
        message_id: MessageId::new("2@bitmarck").unwrap(),
        sent: Timestamp(1_790_000_000),
        document: DocumentId::from_random([5; 16]),
    }
}

#[test]
fn a_refusal_is_complete_and_keeps_the_promise() {
    let request = request(known("A12345678"));
    for refusal in Refusal::ALL {
        assert_ne!(refusal.number(), 313);
        let prepared = prepare(
            &Decision::Refuse(refusal),
            asker(),
            Some(&request),
            Some(&roster()),
            envelope(),
            &Seed([1; 32]),
        );
        let Ok(Prepared::Refusal(answer)) = prepared else {
            panic!("{prepared:?}")
        };
        assert_eq!(promises::mail_1(&answer.document), Ok(()));
        let mail = Mail::read(&answer.mail, &Limits::default()).unwrap();
        assert_eq!(mail.header.mark.as_str(), "eEB;Fehler;V1.1");
        let text = String::from_utf8(answer.mail).unwrap();
        assert!(text.contains("In-Reply-To: <1672@nord>\r\n"), "{text}");
        assert!(text.contains(&format!(
            "Subject: TEEB0_FEH_{}\r\n",
            envelope().document.as_str()
        )));
        assert!(text.contains("Content-Description: eEB_FEH\r\n"));
        let root = Element::read(&answer.document).unwrap();
        let slice = root.child("issue").unwrap().children[0].children[0].url.clone();
        let expected = if refusal.number() < 300 {
            "Bundle-Identifier"
        } else {
            "Message-ID"
        };
        assert_eq!(slice.as_deref(), Some(expected));
    }
}

#[test]
fn who_asked_is_told_by_the_outer_header() {
    let own = KimAddress::new("kasse@ru.bitmarck.kim.telematik-test").unwrap();
    let of = |text: &str| Asker::of(&crate::header::Header::read(text.as_bytes()).unwrap(), &own);
    let from = "Message-ID: <1672@nord>\r\nFrom: <praxis@nord.kim.telematik-test>\r\n";
    assert_eq!(of(from), Some(asker()));
    let reply = of(&format!("{from}Reply-To: <eeb@nord.kim.telematik-test>\r\n")).unwrap();
    assert_eq!(reply.to.as_str(), "eeb@nord.kim.telematik-test");
    assert_eq!(of("Message-ID: <1@x>\r\nFrom: <a@example.org>\r\n"), None);
}

#[test]
fn a_certificate_is_signed_outside_and_shows_its_date() {
    let (request, roster) = (request(known("A12345678")), roster());
    let asked = Asked {
        version: V1_1,
        request: Ok(&request),
    };
    let decision = decide(&asked, Some(&roster), day("2026-11-22"), RULES);
    let prepared = prepare(
        &decision,
        asker(),
        Some(&request),
        Some(&roster),
        envelope(),
        &Seed([1; 32]),
    )
    .unwrap();
    let Prepared::Certificate(unsigned) = prepared else {
        panic!("{prepared:?}")
    };
    let bundle = Element::read(unsigned.document()).unwrap();
    assert_eq!(
        bundle.value_at(&["identifier", "value"]),
        Some(&*format!("urn:uuid:{}", envelope().document.as_str()))
    );
    let resource = |kind: &str| {
        bundle
            .all("entry")
            .find_map(|entry| entry.at(&["resource", kind]))
            .unwrap()
    };
    assert_eq!(
        resource("MessageHeader").value_at(&["response", "identifier"]),
        Some("e71108ff-a936-44fa-9d7d-215a09428900")
    );
    assert_eq!(
        resource("Patient").value_at(&["identifier", "value"]),
        Some(&*kvnr("A12345678"))
    );
    assert_eq!(
        resource("Patient").value_at(&["address", "line"]),
        Some("Musterweg 3a")
    );
    let coverage = resource("Coverage");
    assert_eq!(
        coverage.value_at(&["payor", "identifier", "value"]),
        Some("109500970")
    );
    assert_eq!(coverage.value_at(&["period", "start"]), Some("2026-11-20"));
    let exempt = coverage
        .extension("zuzahlungsstatus")
        .and_then(|it| it.extension("gueltigBis"));
    assert_eq!(
        exempt.and_then(|it| it.value_at(&["valueDate"])),
        Some("2026-12-31")
    );
    let answer = unsigned.mail(b"signed".to_vec()).unwrap();
    let mail = Mail::read(&answer.mail, &Limits::default()).unwrap();
    assert!(mail.text().unwrap().contains("20.11.2026"));
    let part = mail
        .parts
        .iter()
        .find(|part| part.description.as_deref() == Some("eEB_BES"))
        .unwrap();
    assert_eq!(
        (&*part.kind, part.content.as_slice()),
        ("application/octet-stream", &b"signed"[..])
    );
    assert_eq!(mail.header.mark.as_str(), "eEB;Bescheinigung;V1.1");
}

#[test]
fn a_copy_that_cannot_be_read_names_line_and_column() {
    let read = |text: String| Roster::read(text.as_bytes()).map(|roster| roster.count());
    assert_eq!(read(copy()), Ok(6));
    assert_eq!(
        read(copy().replace("bulkhead-eeb;1;", "bulkhead-eeb;2;")),
        Err(BadRoster::Head { line: 1 })
    );
    assert_eq!(
        read(copy().replace("2026-11-20;", "gestern;")),
        Err(BadRoster::Head { line: 1 })
    );
    assert_eq!(
        read(copy().replace("kvnr;", "KVNR;")),
        Err(BadRoster::Head { line: 2 })
    );
    assert_eq!(
        read(copy().replace("1980-02-29", "1980-02-30")),
        Err(BadRoster::Line {
            line: 3,
            column: "geburtsdatum"
        })
    );
    assert_eq!(
        read(copy().replace(";5;00", ";9;00")),
        Err(BadRoster::Line {
            line: 8,
            column: "versichertenart"
        })
    );
    assert_eq!(
        read(copy() + "x;y\n"),
        Err(BadRoster::Line {
            line: 9,
            column: "csv"
        })
    );
    assert_eq!(read(String::new()), Err(BadRoster::Head { line: 1 }));
    assert!(!format!("{:?}", roster()).contains("Müller"));
}

#[test]
fn the_seven_real_requests_are_read() {
    let Some(folder) = crate::testing::shared("data/ti/eeb") else {
        return;
    };
    let mut read = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|ext| ext == "p7s"))
    {
        let Some(output) = crate::testing::counterpart("openssl", |openssl| {
            openssl
                .args(["cms", "-verify", "-noverify", "-inform", "DER", "-in"])
                .arg(file);
        }) else {
            return;
        };
        let request = Request::read(&output).unwrap();
        let id = file
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .strip_prefix("TEEB0_ANF_")
            .unwrap()
            .to_owned();
        assert_eq!(request.id.as_str(), id);
        assert_eq!(request.consent, Consent::Given);
        let kind = match &request.patient {
            Patient::Known(number) => {
                assert!(Kvnr::new(number).is_ok());
                'k'
            }
            Patient::Unknown(_) => 'u',
        };
        read.push((id.get(32..).unwrap().to_owned(), request.generation, kind));
    }
    let expected = [
        ("8555", Generation::Ehex, 'k'),
        ("8600", Generation::Ehex, 'k'),
        ("8700", Generation::Gematik, 'k'),
        ("8701", Generation::Gematik, 'k'),
        ("8800", Generation::Gematik, 'u'),
        ("8801", Generation::Gematik, 'u'),
        ("8900", Generation::Gematik, 'k'),
    ];
    let read: Vec<_> = read
        .iter()
        .map(|(id, generation, kind)| (id.as_str(), *generation, *kind))
        .collect();
    assert_eq!(read, expected);
}

proptest! {
    #[test]
    fn one_wrong_figure_is_always_noticed(nine in "[A-Z][0-9]{8}", at in 1usize..10, other in 0u8..10) {
        let good = kvnr(&nine);
        let mut bytes = good.clone().into_bytes();
        prop_assume!(bytes[at] != b'0' + other);
        bytes[at] = b'0' + other;
        prop_assert_eq!(Kvnr::new(core::str::from_utf8(&bytes).unwrap()), Err(BadKvnr::CheckDigit));
    }

    #[test]
    fn no_request_panics(text in "\\PC{0,200}") {
        let _ = Request::read(text.as_bytes());
    }

    #[test]
    fn no_copy_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Roster::read(&bytes);
        let _ = Roster::read(&[format!("{HEAD}{}\n", COLUMNS.join(";")).as_bytes(), &bytes].concat());
    }

    #[test]
    fn whoever_asks_is_answered(known_number in any::<bool>(), number in "[A-Z][0-9]{9}", family in "\\PC{1,10}", days in 0i32..4000, given in any::<bool>(), minor in 0u8..4) {
        use jiff::ToSpan as _;
        let patient = if known_number { Patient::Known(number.into()) } else { named(&family, "x", "1990-05-05", "1") };
        let service_day = day("2018-01-01").checked_add(days.days()).unwrap();
        let consent = if given { Consent::Given } else { Consent::Missing };
        let request = Request { service_day, consent, ..request(patient) };
        let asked = Asked { version: Some(Version { major: 1, minor }), request: Ok(&request) };
        let roster = roster();
        let decision = decide(&asked, Some(&roster), day("2026-11-22"), RULES);
        let prepared = prepare(&decision, asker(), Some(&request), Some(&roster), envelope(), &Seed([0; 32]));
        prop_assert!(prepared.is_ok());
    }
}
