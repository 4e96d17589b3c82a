//! An insurer is made ready: keys checked with ssh-keygen, segments with age, a sealed book, the booklet.

use std::{collections::BTreeMap, path::Path, process::Command};

use bulkhead::{
    clock,
    exercise::{cast::Cast, system},
};

use crate::{
    BOOK, age_key,
    common::{ESTATE, run},
    file,
};

struct Desk {
    folder: tempfile::TempDir,
    estate: String,
    charter: String,
    state: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let estate = estate::check(ESTATE, "estate.toml").unwrap();
        let foundation = system::lay(dir, &estate).unwrap();
        let witnesses: &BTreeMap<_, _> = &foundation.witnesses;
        let cast = Cast::make(&dir.join("people"), &estate, witnesses, clock::now()).unwrap();
        let charter = serde_json::to_string(&cast.charter).unwrap();
        Self {
            estate: file(dir, "estate.toml", ESTATE),
            charter: file(dir, "charter.json", &charter),
            state: dir.join("list.json").to_str().unwrap().to_owned(),
            folder,
        }
    }

    fn onboard(&self, more: &[&str]) -> crate::common::Ran {
        let mut words = vec![
            "onboard",
            "kasse-001",
            "--estate",
            &self.estate,
            "--state",
            &self.state,
        ];
        words.extend(more);
        run(&words)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Signs a file as people do.
    fn ssh_sign(&self, person: &str, namespace: &str, text: &str) -> String {
        let signature = format!("{text}.sig");
        let _old = std::fs::remove_file(&signature);
        let key = self.path(&format!("people/keys/{person}"));
        let signed = Command::new("ssh-keygen")
            .args(["-Y", "sign", "-n", namespace, "-f", &key, text])
            .output()
            .unwrap();
        assert!(signed.status.success(), "{signed:?}");
        signature
    }

    /// Opens a test segment with an insurer's key, as `age -d` does.
    fn age_open(&self, key: &str, sealed: &str, out: &str) -> String {
        let key = std::fs::read_to_string(self.path(&format!("people/release/{key}"))).unwrap();
        let key = key
            .lines()
            .find(|line| line.starts_with("AGE-SECRET-KEY"))
            .unwrap();
        let key: age::x25519::Identity = key.parse().unwrap();
        let plain = age::decrypt(&key, &std::fs::read(self.path(sealed)).unwrap()).unwrap();
        file(self.folder.path(), out, std::str::from_utf8(&plain).unwrap())
    }
}

fn bytes(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(path)).unwrap()
}

#[test]
fn a_key_counts_as_exercised_only_by_its_own_signature() {
    let desk = Desk::new();
    let charter = desk.charter.clone();
    desk.onboard(&[])
        .expect(1, &["[>] Abschnitt der Urkunde entworfen"]);
    desk.onboard(&["section", "--charter", &charter, "--by", "leitung-1"])
        .expect(
            1,
            &[
                "[x] Schlüssel aufgenommen: kasse-001.a",
                "[>] Schlüssel benutzt: kasse-001.a",
            ],
        );
    let text = desk.path("test.txt");
    desk.onboard(&["test-text", "kasse-001.a", "--out", &text]);
    let before = bytes(&desk.state);
    let enter = |signature: &str| {
        let words = [
            "key-exercised",
            "kasse-001.a",
            "--text",
            &text,
            "--signature",
            signature,
        ];
        let more = ["--charter", &charter, "--by", "leitung-1"];
        desk.onboard(&[&words[..], &more[..]].concat())
    };
    // By hand; with another person's key; in another namespace.
    let by_hand = [
        "done",
        "key-exercised/kasse-001.a",
        "--by",
        "leitung-1",
        "--evidence",
        "gesehen",
    ];
    desk.onboard(&by_hand)
        .expect(2, &["BH-2006", "the program checks"]);
    enter(&desk.ssh_sign("kasse-001.b", "bulkhead-test", &text))
        .expect(2, &["BH-2006", "is not kasse-001.a's"]);
    enter(&desk.ssh_sign("kasse-001.a", "bulkhead", &text)).expect(2, &["BH-2006", "namespace"]);
    assert_eq!(
        bytes(&desk.state),
        before,
        "a refused word leaves the list as it was"
    );
    enter(&desk.ssh_sign("kasse-001.a", "bulkhead-test", &text))
        .expect(1, &["[x] Schlüssel benutzt: kasse-001.a", "signed the test text"]);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(
        std::fs::metadata(&desk.state).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Anything else in the text, and it is another text.
    file(
        desk.folder.path(),
        "test.txt",
        &format!("{} ", std::fs::read_to_string(&text).unwrap()),
    );
    enter(&desk.ssh_sign("kasse-001.a", "bulkhead-test", &text)).expect(2, &["BH-2006"]);
}

#[test]
fn segments_count_as_released_only_when_both_were_opened() {
    let desk = Desk::new();
    let charter = desk.charter.clone();
    desk.onboard(&["section", "--charter", &charter, "--by", "leitung-1"]);
    let made = [
        "done",
        "recipients-made",
        "--by",
        "kasse-001.a",
        "--evidence",
        "Protokoll 3",
    ];
    desk.onboard(&made).expect(1, &["[>] Testsegment mit beiden"]);
    let into = desk.path("segments");
    desk.onboard(&["test-segment", "--charter", &charter, "--into", &into]);
    let active = desk.age_open("kasse-001.aktiv.age", "segments/active-0.age", "active.txt");
    let recovery = desk.age_open(
        "kasse-001.wiederherstellung.age",
        "segments/recovery-0.age",
        "recovery.txt",
    );
    let enter = |active: &str, recovery: &str| {
        let words = [
            "segment-released",
            "--folder",
            &into,
            "--active",
            active,
            "--recovery",
            recovery,
        ];
        desk.onboard(&[&words[..], &["--by", "kasse-001.a"][..]].concat())
    };
    enter(&active, &active).expect(2, &["BH-2006", "is not what was sealed as \"recovery\""]);
    enter(&active, &recovery).expect(1, &["[x] Testsegment mit beiden", "opened test segments"]);
    let told = desk.onboard(&["--json"]);
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["complete"], false);
    let other = [
        "onboard",
        "kasse-002",
        "--estate",
        &desk.estate,
        "--state",
        &desk.state,
    ];
    run(&other).expect(2, &["BH-2006", "kasse-001"]);
}

#[test]
fn the_book_opens_for_its_people_only_and_the_booklet_is_made_from_it() {
    let desk = Desk::new();
    let dir = desk.folder.path();
    let (own, recipient) = age_key(dir, "own.age");
    let (second, second_recipient) = age_key(dir, "second.age");
    let (stranger, _) = age_key(dir, "stranger.age");
    let (toml, sealed) = (file(dir, "book.toml", BOOK), desk.path("book.sealed"));
    let to = ["--to", &recipient, "--to", &second_recipient];
    let words = [
        "contacts",
        "seal",
        &toml,
        "--out",
        &sealed,
        "--estate",
        &desk.estate,
    ];
    run(&[&words[..], &to[..]].concat()).expect(0, &["Forensik: niemand", "2 persons"]);
    assert!(!bytes(&sealed).windows(7).any(|part| part == b"2345678"));
    for key in [&own, &second] {
        run(&["contacts", "show", &sealed, "--identity", key, "--raw"])
            .expect(0, &["bulkhead contact book 1", "+491712345678"]);
    }
    run(&["contacts", "show", &sealed, "--identity", &stranger]).expect(2, &["BH-2005"]);
    let settings = "control = \"10.0.0.1:7000\"\ntls = \"tls\"\nstatus-site = \"https://status.beispiel.example\"\n\
                    [[door]]\nname = \"Türen Essen\"\naddress = \"10.0.0.2:7001\"\nsite = \"essen\"\nplace = \"Raum 7\"\n";
    let settings = file(dir, "booklet.toml", settings);
    let out = desk.path("booklet.pdf");
    let words = [
        "booklet",
        "--estate",
        &desk.estate,
        "--charter",
        &desk.charter,
        "--contacts",
        &sealed,
    ];
    let more = ["--identity", &own, "--settings", &settings, "--out", &out];
    run(&[&words[..], &more[..]].concat()).expect(0, &["Drucken"]);
    assert!(bytes(&out).starts_with(b"%PDF-1.7"));
    let wrong = ["--insurer", "kasse-999"];
    run(&[&words[..], &more[..], &wrong[..]].concat()).expect(2, &["BH-2006", "kasse-999"]);
}
