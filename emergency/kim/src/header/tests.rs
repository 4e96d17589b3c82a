use super::*;
use proptest::prelude::*;

/// An outer header in the shape of gematik's KAS sample, with names of our own.
const OUTER: &str = "Return-Path: <praxis@nord.kim.telematik-test>\r\n\
Subject: KOM-LE-Nachricht\r\n\
Date: Fri, 9 Sep 2022 23:47:00 +0200\r\n\
From: \"praxis\"\r\n\t<Praxis@nord.kim.telematik-test>\r\n\
To: \"kasse\"\r\n\t<kasse@bitmarck.kim.telematik-test>\r\n\
Reply-To: <antwort@nord.kim.telematik-test>\r\n\
Message-ID: <c37a@nord.kim.telematik-test>\r\n\
X-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n\
X-KIM-Sendersystem: Praxisprogramm;7.1\r\n\
X-KOM-LE-Version: 1.5\r\n\
X-KIM-KONVersion: <konnektor 2.0.0><Konnektor\r\n PTV5><null>\r\n\
X-KIM-KAS-Size: 27262976\r\n\
Expires: Thu, 08 Dec 2022 15:48:35 +0200\r\n\
X-KIM-DecryptionResult: 00\r\n\
X-KIM-IntegrityCheckResult: 01\r\n\
\r\n";

fn read(text: &str) -> Header {
    Header::read(text.as_bytes()).unwrap()
}

#[test]
fn the_outer_header_is_read() {
    let header = read(OUTER);
    assert_eq!(header.message_id.as_str(), "c37a@nord.kim.telematik-test");
    assert_eq!(
        header.from_kim(),
        KimAddress::new("praxis@nord.kim.telematik-test").ok()
    );
    assert_eq!(
        header.reply_to_kim(),
        KimAddress::new("antwort@nord.kim.telematik-test").ok()
    );
    let sent = header.sent.unwrap();
    assert_eq!(sent.at, Timestamp(1_662_760_020));
    assert_eq!(sent.day.to_string(), "2022-09-09");
    assert_eq!(
        header.mark.service(),
        Service::EauDelivery(Some(Version { major: 1, minor: 2 }))
    );
    assert_eq!(
        header.sender_system.as_ref().map(|system| &*system.version),
        Some("7.1")
    );
    assert_eq!(header.kom_le, Some(KomLeVersion::V1_5));
    assert!(header.is_encrypted());
    assert_eq!(header.kas_bytes, Some(27_262_976));
    assert_eq!(header.expires, Some(Timestamp(1_670_507_315)));
    assert_eq!(
        (header.decryption, header.integrity),
        (Some(Decryption::Done), Some(Integrity::Whole))
    );
    assert!(!format!("{header:?}").contains("nord"));
}

#[test]
fn a_mail_without_a_mark_is_a_letter() {
    let header = read("Message-ID: <1@x>\r\n\r\n");
    assert_eq!(header.mark.as_str(), "KIM-Mail;Default;V1.0");
    assert_eq!(header.mark.service(), Service::Letter);
    assert!(!header.is_encrypted());
}

#[test]
fn a_message_id_is_mandatory_and_a_field_stands_once() {
    assert_eq!(
        Header::read(b"Date: Fri, 9 Sep 2022 23:47:00 +0200\r\n\r\n"),
        Err(BadHeader::NoMessageId)
    );
    assert_eq!(
        Header::read(b"Message-ID: <a b>\r\n\r\n"),
        Err(BadHeader::NoMessageId)
    );
    assert_eq!(Header::read(b""), Err(BadHeader::NoMessageId));
    let twice = format!("From: <x@y.kim.telematik>\r\n{OUTER}");
    assert_eq!(
        Header::read(twice.as_bytes()),
        Err(BadHeader::Repeated(Field::From))
    );
    let long = vec![b'a'; HEADER_BYTES_MAX + 1];
    assert_eq!(
        Header::read(&long),
        Err(BadHeader::TooLong {
            bytes: HEADER_BYTES_MAX + 1
        })
    );
}

#[test]
fn what_must_be_equal_is_compared_by_meaning() {
    let outer = read(OUTER);
    let inner = OUTER
        .replace("KOM-LE-Nachricht", "EEAU0_1")
        .replace("\"praxis\"\r\n\t<Praxis@", "Praxis Nord <praxis@")
        .replace("23:47:00 +0200", "21:47:00 +0000");
    assert_eq!(compare(&outer, &read(&inner)), Ok(()));
    for (change, to, fields) in [
        ("9 Sep 2022", "8 Sep 2022", vec![Field::Date]),
        ("<Praxis@nord", "<praxis@sued", vec![Field::From]),
        ("<c37a@", "<c37b@", vec![Field::MessageId]),
        ("Reply-To: <antwort@", "Reply-To: <andere@", vec![Field::ReplyTo]),
        (
            "To: \"kasse\"\r\n\t<kasse@",
            "To: <kasse@a.kim.telematik-test>, <kasse@",
            vec![Field::To],
        ),
        (
            "Message-ID:",
            "Cc: <x@y.kim.telematik>\r\nMessage-ID:",
            vec![Field::Cc],
        ),
        (
            "Message-ID:",
            "Bcc: <x@y.kim.telematik>\r\nMessage-ID:",
            vec![Field::Bcc],
        ),
        (
            "Message-ID:",
            "Sender: <x@y.kim.telematik>\r\nMessage-ID:",
            vec![Field::Sender],
        ),
    ] {
        let changed = OUTER.replacen(change, to, 1);
        assert_ne!(changed, OUTER, "{change}");
        assert_eq!(
            compare(&outer, &read(&changed)),
            Err(Difference(fields)),
            "{change}"
        );
    }
}

#[test]
fn the_header_ends_at_the_first_empty_line() {
    assert_eq!(end(b"A: b\r\n\r\nC: d"), Some(8));
    assert_eq!(end(b"A: b\n\nC: d"), Some(6));
    assert_eq!(end(b"\r\nC"), Some(2));
    assert_eq!((end(b"A: b\r\n"), end(b"")), (None, None));
    assert_eq!(
        first(b"A: b\r\n c\r\nB: d\r\n\r\nD: e", b"a"),
        Some(&b" b\r\n c\r\n"[..])
    );
    assert_eq!(first(b"A: b\r\n\r\nD: e", b"d"), None);
}

#[test]
fn the_samples_of_gematik_read_and_agree() {
    let Some(folder) = crate::testing::shared("data/ti/kim/KAS") else {
        return;
    };
    let sample = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let cut = end(&bytes).unwrap();
        Header::read(&bytes[..cut]).unwrap()
    };
    let (outer, inner) = (
        sample("2_1_KOM-LE-Mail_empfangen.txt"),
        sample("2_2_KOM-LE-Mail_prozessiert.txt"),
    );
    assert_eq!(compare(&outer, &inner), Ok(()));
    assert!(outer.is_encrypted() && !inner.is_encrypted());
    let last = sample("2_4_Client-Mail_finalisiert.txt");
    assert_eq!(
        (last.decryption, last.integrity),
        (Some(Decryption::Done), Some(Integrity::Whole))
    );
}

proptest! {
    #[test]
    fn no_header_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Header::read(&bytes);
    }

    #[test]
    fn no_mail_shaped_header_panics(text in "((From|To|Date|Message-ID|Cc|X-KIM-Dienstkennung|Subject): [ -~]{0,60}(\r\n[ \t][ -~]{0,20})?\r\n){0,12}") {
        if let Ok(header) = Header::read(text.as_bytes()) {
            prop_assert_eq!(compare(&header, &header), Ok(()));
        }
    }
}
