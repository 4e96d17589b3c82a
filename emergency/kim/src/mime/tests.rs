use super::*;
use crate::{reply::Subject, result::Follows};
use proptest::prelude::*;

/// An eAU mail after decryption, as a practice system writes it and a client module leaves it.
fn eau() -> String {
    "Message-ID: <1@nord.kim.telematik>\r\n\
     Date: Fri, 9 Oct 2026 15:47:00 +0200\r\n\
     From: <praxis@nord.kim.telematik>\r\n\
     To: <kasse@bitmarck.kim.telematik>\r\n\
     Reply-To: <praxis@nord.kim.telematik>\r\n\
     Subject: EEAU0_5f1c\r\n\
     X-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n\
     MIME-Version: 1.0\r\n\
     Content-Type: multipart/mixed; boundary=\"b\"\r\n\
     \r\n\
     --b\r\n\
     Content-Type: text/plain; charset=utf-8\r\n\
     \r\n\
     Guten Tag\r\n\
     Die Nachricht wurde entschl\u{fc}sselt.\r\n\
     --b\r\n\
     Content-Type: application/octet-stream; name=\"EEAU0_5f1c.p7s\"\r\n\
     Content-Transfer-Encoding: base64\r\n\
     Content-Disposition: attachment; filename=\"EEAU0_5f1c.p7s\"\r\n\
     Content-Description: eAU\r\n\
     \r\n\
     MIAGCSqG\r\n\
     --b--\r\n"
        .to_owned()
}

fn read(text: &str) -> Mail {
    Mail::read(text.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn an_eau_mail_is_taken_apart_and_nothing_is_unusual() {
    let text = eau();
    let mail = read(&text);
    let examined = examine(&mail);
    let Payload::Eau(part) = &examined.payload else {
        panic!("{examined:?}")
    };
    assert_eq!(part.content, b"0\x80\x06\x09*\x86");
    assert_eq!(examined.findings, []);
    assert_eq!(
        examined.name.map(|name| name.file()).as_deref(),
        Some("EEAU0_5f1c.p7s")
    );
    // Marker sentences stay where they are.
    assert!(
        mail.text()
            .unwrap()
            .contains("Die Nachricht wurde entschl\u{fc}sselt.")
    );
    assert!(!format!("{mail:?}").contains("nord"));
}

#[test]
fn each_deviation_has_its_finding() {
    for (change, to, finding) in [
        (
            "filename=\"EEAU0_5f1c.p7s\"",
            "filename=\"note.p7s\"",
            Finding::Name,
        ),
        ("Content-Description: eAU\r\n", "", Finding::Description),
        (
            "Content-Description: eAU\r\n",
            "Content-Description: eAUStorno\r\n",
            Finding::Description,
        ),
        (
            "Content-Type: application/octet-stream",
            "Content-Type: application/pkcs7-mime",
            Finding::ContentType,
        ),
        ("Subject: EEAU0_5f1c", "Subject: EEAU0_5f1d", Finding::Subject),
        ("eAU;Lieferung;V1.2", "eAU;Storno-Arzt;V1.2", Finding::Mark),
        ("Reply-To: <praxis@nord.kim.telematik>\r\n", "", Finding::ReplyTo),
        (
            "Reply-To: <praxis@nord.kim.telematik>",
            "Reply-To: <praxis@example.org>",
            Finding::ReplyTo,
        ),
        (
            "Message-ID:",
            "Cc: <x@nord.kim.telematik>\r\nMessage-ID:",
            Finding::Copies,
        ),
        (
            "To: <kasse@bitmarck.kim.telematik>",
            "To: <kasse@bitmarck.kim.telematik-test>",
            Finding::Realm,
        ),
    ] {
        let text = eau().replace(change, to);
        assert_ne!(text, eau(), "{change}");
        let mail = read(&text);
        let examined = examine(&mail);
        assert!(
            matches!(examined.payload, Payload::Eau(_)),
            "{change}: {examined:?}"
        );
        assert!(examined.findings.contains(&finding), "{change}: {examined:?}");
        let answers = examined
            .findings
            .iter()
            .any(|finding| matches!(finding.follows(Subject::Eau), Follows::Propose(_)));
        assert!(!answers, "{change} alone is no reason to reject");
    }
}

#[test]
fn only_what_cannot_be_read_proposes_an_answer() {
    let gone = eau()
        .replace("attachment; filename=\"EEAU0_5f1c.p7s\"", "inline")
        .replace("; name=\"EEAU0_5f1c.p7s\"", "")
        .replace("Content-Description: eAU\r\n", "");
    let mail = read(&gone);
    let examined = examine(&mail);
    assert_eq!(
        (examined.payload, examined.findings),
        (Payload::None, vec![Finding::NoPayload])
    );
    let twice = eau().replace(
        "--b--",
        "--b\r\nContent-Type: application/octet-stream; name=\"EEAU0_6.p7s\"\r\n\r\nx\r\n--b--",
    );
    assert!(
        examine(&read(&twice))
            .findings
            .contains(&Finding::SeveralPayloads(2))
    );
    let empty = eau().replace("MIAGCSqG\r\n", "");
    assert!(examine(&read(&empty)).findings.contains(&Finding::Empty));
    for finding in [Finding::NoPayload, Finding::Damaged, Finding::Empty] {
        let code = |subject| {
            let Follows::Propose(code) = finding.follows(subject) else {
                panic!("{finding:?}")
            };
            code.number()
        };
        assert_eq!((code(Subject::Eau), code(Subject::Cancellation)), (101, 102));
    }
}

#[test]
fn a_bare_attachment_is_what_the_mark_promises() {
    let bare = eau()
        .replace("EEAU0_5f1c.p7s", "datei.bin")
        .replace("Content-Description: eAU\r\n", "");
    let mail = read(&bare);
    assert!(matches!(examine(&mail).payload, Payload::Eau(_)));
    let letter = bare.replace("eAU;Lieferung;V1.2", "KIM-Mail;Default;V1.0");
    assert_eq!(examine(&read(&letter)).payload, Payload::None);
}

#[test]
fn a_ticket_comes_before_everything() {
    let text = "Message-ID: <1@x.kim.telematik>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: x-kas\r\n\r\n{\"link\":\"x\"}";
    let mail = read(text);
    let Payload::Stored(part) = examine(&mail).payload else {
        panic!()
    };
    assert_eq!(part.content, b"{\"link\":\"x\"}");
}

#[test]
fn bombs_are_refused_before_they_are_parsed() {
    let limits = Limits::default();
    let refused = |text: &str| Mail::read(text.as_bytes(), &limits).unwrap_err();
    let head = "Message-ID: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    assert_eq!(
        refused(&format!("{head}{}", "--b\r\n".repeat(2000))),
        BadMail::TooManyParts {
            max: limits.parts_max
        }
    );
    assert_eq!(
        refused(&format!("{head}--b\r\n{}", "A:\r\n".repeat(5000))),
        BadMail::TooManyFields {
            max: limits.fields_max
        }
    );
    let long = format!("{head}--b\r\nTo: {}\r\n\r\n", "a@b, ".repeat(300_000));
    assert_eq!(
        refused(&long),
        BadMail::HeadersTooLong {
            max: limits.header_bytes_max
        }
    );
    let mails = "Content-Type: message/rfc822\r\n\r\n".repeat(6);
    assert_eq!(
        refused(&format!("Message-ID: <1@x>\r\n{mails}")),
        BadMail::TooManyMails {
            max: limits.inner_mails_max
        }
    );
    let mut deep = "Message-ID: <1@x>\r\n".to_owned();
    for level in 0..12 {
        deep += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    }
    deep += "Content-Type: text/plain\r\n\r\nx\r\n";
    assert_eq!(
        refused(&deep),
        BadMail::TooDeep {
            max: limits.depth_max
        }
    );
    let small = Limits {
        bytes_max: 10,
        ..limits
    };
    assert_eq!(
        Mail::read(b"Message-ID: <1@x>\r\n", &small),
        Err(BadMail::TooLong { bytes: 19, max: 10 })
    );
}

#[test]
fn the_samples_of_gematik_are_taken_apart() {
    let Some(folder) = crate::testing::shared("data/ti/kim/KAS") else {
        return;
    };
    let bytes = std::fs::read(folder.join("2_2_KOM-LE-Mail_prozessiert.txt")).unwrap();
    let mail = Mail::read(&bytes, &Limits::default()).unwrap();
    let Payload::Stored(part) = examine(&mail).payload else {
        panic!("{mail:?}")
    };
    let ticket = crate::kas::Ticket::read(&part.content, u64::MAX).unwrap();
    assert_eq!(ticket.bytes(), 27_262_976);
    let bytes = std::fs::read(folder.join("2_4_Client-Mail_finalisiert.txt")).unwrap();
    let mail = Mail::read(&bytes, &Limits::default()).unwrap();
    assert!(mail.text().unwrap().contains("Text der Testnachricht"));
    assert_eq!(mail.parts.len(), 2);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Mail::read(&bytes, &Limits::default());
    }

    #[test]
    fn no_cut_of_a_mail_panics(from in 0usize..200, to in 200usize..1300, noise in any::<u8>()) {
        let mut bytes = eau().into_bytes();
        bytes.truncate(to);
        if let Some(byte) = bytes.get_mut(from) {
            *byte = noise;
        }
        if let Ok(mail) = Mail::read(&bytes, &Limits::default()) {
            let _ = examine(&mail);
        }
    }
}
