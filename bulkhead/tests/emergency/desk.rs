//! A desk at work: mails as practices send them, made and sealed here, opened, checked and judged.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulkhead::{
    clock,
    emergency::{
        store::{Batch, Filed, Store},
        work::{Desk, DeskConfig, KeyFiles, Verdict, Worked, work},
    },
};
use eau::sample::{Sample, Wanted, broken, broken_rules, note};
use jiff::civil::Date;
use kim::{
    address::Realm,
    name::{FileName, Kind},
};
use smime::{
    Recipient,
    pki::{Authority, Issued, Order, Purpose},
};
use spool::{KeyEpoch, Standing};
use vocabulary::{Digest, Seconds, Timestamp};

use super::stage::{cell, environment};

const PRACTICE: &str = "praxis@praxis.kim.telematik-test";
const FUND: &str = "eau@kasse-001.kim.telematik-test";

/// Whether OpenSSL is there: it signs the documents, so that nobody checks only what he wrote himself.
fn has_openssl() -> bool {
    let there = Command::new("openssl").arg("version").output().is_ok();
    let required = std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").is_ok_and(|value| value == "1");
    assert!(there || !required, "openssl is required");
    if !there {
        let words = format_args!("SKIPPED: openssl is missing, desks are not tried\n");
        std::io::Write::write_fmt(&mut std::io::stderr(), words).unwrap();
    }
    there
}

/// A practice, a fund, and an authority over both.
struct Stage {
    dir: tempfile::TempDir,
    signs: Issued,
    practice: Issued,
    fund: Issued,
    now: Timestamp,
}

impl Stage {
    fn new() -> Self {
        let (dir, now) = (tempfile::tempdir().unwrap(), clock::now());
        let order = |name: &str, serial| Order {
            name: name.to_owned(),
            serial,
            validity: (Timestamp(now.0 - 86_400), now.plus(Seconds(86_400))),
            admission: None,
        };
        let root = Authority::root(&order("Übung Wurzel", 1)).unwrap();
        let signs = root.issue(&order("Praxis signiert", 2), Purpose::Sign).unwrap();
        let practice = root.issue(&order("Praxis liest", 3), Purpose::Receive).unwrap();
        let fund = root.issue(&order("Kasse liest", 4), Purpose::Receive).unwrap();
        let stage = Self {
            dir,
            signs,
            practice,
            fund,
            now,
        };
        stage.write("trust/root.der", root.certificate().der());
        stage.write("fund.der", stage.fund.certificate.der());
        stage.write("fund.key", &stage.fund.pkcs8);
        stage.write("practice.der", stage.practice.certificate.der());
        stage.write("practice.key", &stage.practice.pkcs8);
        stage.write(
            "signs.pem",
            pem("CERTIFICATE", stage.signs.certificate.der()).as_bytes(),
        );
        stage.write("signs.key", pem("PRIVATE KEY", &stage.signs.pkcs8).as_bytes());
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        bulkhead::files::write_private(&self.path(name), bytes).unwrap();
    }

    fn desk_of(&self, whose: &str) -> Desk {
        Desk::open(&DeskConfig {
            cell: cell(1, "eau"),
            trust: self.path("trust"),
            keys: vec![KeyFiles {
                key: self.path(&format!("{whose}.key")),
                certificate: self.path(&format!("{whose}.der")),
            }],
        })
        .unwrap()
    }

    fn today(&self) -> Date {
        jiff::Timestamp::from_second(self.now.0)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date()
    }

    /// A document signed as doctors sign it.
    fn signed(&self, xml: &str) -> Vec<u8> {
        self.write("content.xml", xml.as_bytes());
        let done = Command::new("openssl")
            .current_dir(self.dir.path())
            .args([
                "cms",
                "-sign",
                "-cades",
                "-nodetach",
                "-binary",
                "-outform",
                "DER",
                "-md",
                "sha256",
            ])
            .args([
                "-in",
                "content.xml",
                "-out",
                "signed.p7s",
                "-signer",
                "signs.pem",
                "-inkey",
                "signs.key",
            ])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        std::fs::read(self.path("signed.p7s")).unwrap()
    }

    /// The mail around it, before it is sealed.
    fn inner(&self, identifier: &str, p7s: &[u8]) -> String {
        let id = identifier.trim_start_matches("urn:uuid:");
        let file = FileName::new(Realm::Test, Kind::Eau, id).unwrap();
        let date = jiff::Timestamp::from_second(self.now.0)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC);
        let date = jiff::fmt::rfc2822::to_string(&date).unwrap();
        let lines: Vec<String> = STANDARD
            .encode(p7s)
            .as_bytes()
            .chunks(76)
            .map(|line| String::from_utf8(line.to_vec()).unwrap())
            .collect();
        format!(
            "Date: {date}\r\nFrom: {PRACTICE}\r\nTo: {FUND}\r\nReply-To: {PRACTICE}\r\nMessage-ID: <{id}@praxis.test>\r\n\
             Subject: {}\r\nX-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=\"grenze\"\r\n\r\n--grenze\r\n\
             Content-Type: application/octet-stream; name=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Description: eAU\r\n\r\n{}\r\n--grenze--\r\n",
            file.subject(),
            lines.join("\r\n"),
            name = file.file(),
        )
    }

    fn sealed(&self, inner: &str) -> Vec<u8> {
        let to = |address: &str, issued: &Issued| Recipient {
            address: address.to_owned(),
            certificate: issued.certificate.clone(),
        };
        let recipients = [to(PRACTICE, &self.practice), to(FUND, &self.fund)];
        let key = self.signs.key().unwrap();
        let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
        let mut mail = Vec::new();
        smime::seal(
            inner.as_bytes(),
            &key,
            &recipients,
            self.now,
            &mut random,
            &mut mail,
        )
        .unwrap();
        mail
    }

    fn mail(&self, sample: &Sample) -> Vec<u8> {
        self.sealed(&self.inner(&sample.identifier, &self.signed(&sample.xml)))
    }

    fn worked(&self, mail: &[u8]) -> Worked {
        work(mail, self.now, Some(&self.desk_of("fund")))
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {what}-----\n{}\n-----END {what}-----\n",
        STANDARD.encode(der)
    )
}

fn record(worked: &Worked) -> String {
    String::from_utf8(worked.record.clone()).unwrap()
}

#[test]
fn a_sick_note_is_opened_checked_and_judged() {
    if !has_openssl() {
        return;
    }
    let stage = Stage::new();
    let fine = note(1, &Wanted::plain(stage.today()));
    let mail = stage.mail(&fine);
    let worked = stage.worked(&mail);
    assert_eq!(worked.verdict, Verdict::Accepted, "{}", record(&worked));
    assert_eq!(worked.identifier.as_deref(), Some(fine.identifier.as_str()));
    assert_eq!(worked.document, Some(Digest::of(fine.xml.as_bytes())));
    assert_eq!(worked.proposed, None);

    // A document that breaks a rule of its profile: the answer 101 is proposed, and nothing more.
    let rule = broken_rules()[0];
    let bad = broken(rule, 2, stage.today()).remove(0);
    let worked = stage.worked(&stage.mail(&bad.sample));
    assert_eq!(
        (worked.verdict, worked.proposed),
        (Verdict::Faulty, Some(101)),
        "{}",
        record(&worked)
    );

    // A document that is not what was signed.
    let mut p7s = stage.signed(&fine.xml);
    let at = p7s.windows(6).rposition(|bytes| bytes == b"Bundle").unwrap();
    p7s[at] = b'b';
    let worked = stage.worked(&stage.sealed(&stage.inner(&fine.identifier, &p7s)));
    assert_eq!(worked.proposed, Some(202), "{}", record(&worked));
    // A mail nobody encrypted, one that was damaged on the way, and bytes.
    for mail in [
        stage.inner(&fine.identifier, b"p7s").into_bytes(),
        b"\r\n".to_vec(),
    ] {
        let worked = stage.worked(&mail);
        assert_eq!(
            (worked.verdict, worked.proposed),
            (Verdict::ForPerson, None),
            "{}",
            record(&worked)
        );
    }
    for worked in [&worked, &stage.worked(&mail)] {
        assert!(worked.proposed.is_none_or(|code| code != 313 && code != 314));
    }
}

#[test]
fn a_key_of_ours_that_is_missing_is_held_and_never_answered() {
    if !has_openssl() {
        return;
    }
    let stage = Stage::new();
    let fine = note(1, &Wanted::plain(stage.today()));
    let to_others = {
        let key = stage.signs.key().unwrap();
        let recipients = [Recipient {
            address: PRACTICE.to_owned(),
            certificate: stage.practice.certificate.clone(),
        }];
        let inner = stage.inner(&fine.identifier, &stage.signed(&fine.xml));
        let mut mail = Vec::new();
        let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
        smime::seal(
            inner.as_bytes(),
            &key,
            &recipients,
            stage.now,
            &mut random,
            &mut mail,
        )
        .unwrap();
        mail
    };
    let worked = stage.worked(&to_others);
    assert_eq!(
        (worked.verdict, worked.proposed),
        (Verdict::Held, None),
        "{}",
        record(&worked)
    );

    // Held, until the key is there: then it is worked on by itself.
    let dir = stage.path("notbetrieb");
    let item = "00000000000000aa0000000000000001".parse().unwrap();
    let file = |mail: &[u8]| {
        let mut batch = Batch::default();
        let filed = Filed {
            item,
            cell: cell(1, "eau"),
            epoch: KeyEpoch(1),
            standing: Standing::Waiting,
            received: stage.now,
            flagged: false,
            mail: None,
        };
        batch.add(filed, mail, Digest::of(mail));
        batch
    };
    let outcome = |store: &Store| {
        while store.work().unwrap() {}
        let known = store.of_cell(&cell(1, "eau"), "00000000000000aa").remove(0);
        known.outcome.unwrap()
    };
    let open = |dir: &Path| Store::open(dir, &environment()).unwrap();
    {
        let store = open(&dir);
        store.file(file(&to_others)).unwrap();
        assert_eq!(outcome(&store).verdict, Verdict::Unexamined, "no desk");
    }
    for (whose, verdict) in [("fund", Verdict::Held), ("practice", Verdict::Accepted)] {
        let store = open(&dir).with_desks([(cell(1, "eau"), stage.desk_of(whose))].into());
        let outcome = outcome(&store);
        assert_eq!(outcome.verdict, verdict);
        let found = store.found(&outcome).unwrap();
        assert_eq!(found.identifier.is_some(), verdict == Verdict::Accepted);
        assert_eq!(found.proposed, None);
    }
}
