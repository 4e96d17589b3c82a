//! The command line as somebody meets it for the first time, with nothing running.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::{ESTATE, Ran, program};
use ledger::Ledger;
use record::Draft;
use serde_json::{Value, json};
use vocabulary::Timestamp;

/// A folder in which a user tries things.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("bulkhead-cli").tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs the binary in this folder.
    fn run(&self, words: &str) -> Ran {
        self.run_with(words, "")
    }

    fn run_with(&self, words: &str, input: &str) -> Ran {
        let mut child = Command::new(program())
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing has closed its end; that is its right.
        let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_pages(&ran.said());
        ran
    }

    fn openssh(&self, words: &str, input: &[u8]) -> std::process::Output {
        let mut child = Command::new("ssh-keygen")
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _closed = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }
}

fn errors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors")
}

/// The codes in a text.
fn codes(text: &str) -> BTreeSet<String> {
    let four = |rest: &str| {
        rest.get(..4)
            .filter(|four| four.bytes().all(|byte| byte.is_ascii_digit()))
            .map(str::to_owned)
    };
    text.split("BH-")
        .skip(1)
        .filter_map(four)
        .map(|digits| format!("BH-{digits}"))
        .collect()
}

fn assert_pages(text: &str) {
    for code in codes(text) {
        let page = std::fs::read_to_string(errors().join(format!("{code}.md"))).unwrap_or_default();
        assert!(
            page.starts_with(&format!("# {code} · ")) && page.contains("Was tun / what to do"),
            "{code} has no page"
        );
    }
}

/// Whether a program is here; a missing one is a visible skip, and a failure where it was demanded.
fn has(counterpart: &str) -> bool {
    let found =
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(counterpart).exists());
    if !found {
        assert!(
            std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none(),
            "{counterpart} is missing"
        );
        // Past the capture of the test runner: a skip must be seen.
        let mut seen = std::io::stderr().lock();
        writeln!(seen, "SKIPPED: {counterpart} is not installed").unwrap();
    }
    found
}

#[test]
fn mistakes_in_an_estate_are_all_named_with_line_and_remedy() {
    let desk = Desk::new();
    desk.write("good.toml", ESTATE);
    desk.run("estate check good.toml").expect(
        0,
        &["gültig; 3 Kassen, 2 Rechenzentren, 6 Türen", "valid; 3 insurers"],
    );
    let bad = ESTATE
        .replace("rto-hours = 8", "rto-huors = 8")
        .replace("990000022", "990000023");
    desk.write("bad.toml", &bad);
    let line = |word: &str| bad.lines().position(|line| line.contains(word)).unwrap() + 1;
    let (key, ik) = (
        format!("bad.toml:{}:", line("rto-huors")),
        format!("bad.toml:{}:", line("990000023")),
    );
    desk.run("estate check bad.toml").expect(
        1,
        &[
            &key,
            &ik,
            "Unbekannter Schlüssel",
            "Unknown key",
            "Prüfziffer",
            "check digit",
            "3 Fehler. / 3 mistakes.",
            "BH-1002",
        ],
    );
    let told = desk.run("estate check bad.toml --json").expect(1, &[]);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (told["valid"].clone(), told["mistakes"].as_array().unwrap().len()),
        (json!(false), 3)
    );
    desk.run("estate check missing.toml").expect(
        2,
        &[
            "BH-1002",
            "missing.toml ist nicht lesbar",
            "Cannot read missing.toml",
        ],
    );
}

#[test]
fn the_sample_passes_the_check() {
    let desk = Desk::new();
    let sample = desk.run("estate sample").expect(0, &["ERFUNDEN / SYNTHETIC"]).out;
    desk.run_with("estate check /dev/stdin", &sample)
        .expect(0, &["80 Kassen", "80 insurers"]);
    assert_ne!(desk.run("estate sample --seed 7").out, sample);
}

/// A closing, filled in.
fn filled(desk: &Desk, name: &str) {
    desk.run(&format!("sign draft closing {name} --estate klein"))
        .expect(0, &["Entwurf angelegt", "draft made"]);
    // As it came it cannot be shown, much less signed.
    desk.run(&format!("sign show {name}"))
        .expect(2, &["BH-2003", "Nicht gezeichnet. / Not signed."]);
    let mut draft: Value = serde_json::from_slice(&std::fs::read(desk.path(name)).unwrap()).unwrap();
    draft["body"]["reason"] = json!("Verdacht am Rechenzentrum");
    draft["body"]["scope"] = json!([{ "insurers": ["kasse-002"] }]);
    desk.write(name, &draft.to_string());
}

#[test]
fn signing_and_openssh_accept_each_other() {
    if !has("ssh-keygen") {
        return;
    }
    let desk = Desk::new();
    desk.write("estate.toml", ESTATE);
    assert!(keygen(&desk));
    let public = std::fs::read_to_string(desk.path("key.pub")).unwrap();
    desk.write("allowed", &format!("person {public}"));

    // Ours, verified by theirs.
    filled(&desk, "ours.json");
    let shown = desk.run("sign show ours.json --estate estate.toml").expect(
        0,
        &[
            "kasse-002",
            "Verdacht am Rechenzentrum",
            "0 Unterschriften / signatures",
        ],
    );
    desk.run("sign show ours.json --lang en --estate estate.toml")
        .expect(0, &["kasse-002", "Verdacht am Rechenzentrum"]);
    // Four of a hundred of its 2000 persons are affected, as the estate says of this service.
    assert!(
        shown.out.contains("2 Zellen, 1 Kassen, 80 Versicherte"),
        "{}",
        shown.out
    );
    let asked = desk
        .run("sign add ours.json --key key")
        .expect(2, &["BH-2003", "To sign, type"]);
    let word = asked
        .out
        .split_once("type \"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0
        .to_owned();
    desk.run("sign add ours.json --key key --confirm falsch")
        .expect(2, &["BH-2003"]);
    desk.run(&format!("sign add ours.json --key key --confirm {word}"))
        .expect(0, &["Gezeichnet: 1", "Signed: 1"]);
    let exported = exported(&desk, "ours.json");
    let signed: Value = serde_json::from_slice(&std::fs::read(desk.path("ours.json")).unwrap()).unwrap();
    desk.write("ours.sig", signed["signatures"][0].as_str().unwrap());
    let bytes = std::fs::read(&exported).unwrap();
    let verify = "-Y verify -f allowed -I person -n bulkhead -s ours.sig";
    let verified = desk.openssh(verify, &bytes);
    assert!(verified.status.success(), "{verified:?}");
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(!desk.openssh(verify, &changed).status.success());

    // Theirs, accepted by ours.
    filled(&desk, "theirs.json");
    let export = self::exported(&desk, "theirs.json");
    let name = export.file_name().unwrap().to_str().unwrap().to_owned();
    let made = desk.openssh(&format!("-Y sign -n bulkhead -f key {name}"), b"");
    assert!(made.status.success(), "{made:?}");
    desk.run(&format!("sign attach theirs.json {name}.sig"))
        .expect(0, &["1 Unterschriften / signatures"]);
    desk.run("sign show theirs.json")
        .expect(0, &["(", "1 Unterschriften / signatures"]);

    // A signature for something else is not attached.
    let other = desk.openssh("-Y sign -n file -f key estate.toml", b"");
    assert!(other.status.success());
    desk.run("sign attach theirs.json estate.toml.sig")
        .expect(2, &["BH-2003"]);
    // A key that others may read signs nothing.
    Command::new("chmod")
        .arg("644")
        .arg(desk.path("key"))
        .status()
        .unwrap();
    desk.run(&format!("sign add theirs.json --key key --confirm {word}"))
        .expect(2, &["BH-2003", "chmod 600"]);
}

/// `ssh-keygen` with an empty passphrase, which splitting at blanks cannot say.
fn keygen(desk: &Desk) -> bool {
    let words = ["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f", "key"];
    Command::new("ssh-keygen")
        .args(words)
        .current_dir(desk.0.path())
        .status()
        .unwrap()
        .success()
}

/// The file with the exact bytes, as the export names it.
fn exported(desk: &Desk, statement: &str) -> PathBuf {
    let said = desk
        .run(&format!("sign export {statement}"))
        .expect(0, &["ssh-keygen -Y sign -n bulkhead"]);
    desk.path(said.out.split_whitespace().last().unwrap())
}

#[test]
fn a_tampered_copy_of_a_ledger_is_found_and_the_entry_named() {
    let desk = Desk::new();
    let origin = "example.test/klein".parse().unwrap();
    let good = desk.path("good");
    std::fs::create_dir(&good).unwrap();
    let mut log = Ledger::create(&good, &origin).unwrap();
    for number in 0..30 {
        let body = format!("\"this is what happened at step {number:02}\"").into_bytes();
        log.append(&[Draft {
            kind: "step".parse().unwrap(),
            at: Timestamp(1_682_366_400),
            body,
        }])
        .unwrap();
    }
    drop(log);
    desk.run("verify good").expect(0, &["30"]);
    for (name, from, to) in [("changed", "step 17", "step 71"), ("other", "step 05", "step 50")] {
        assert!(
            Command::new("cp")
                .arg("-a")
                .args([&good, &desk.path(name)])
                .status()
                .unwrap()
                .success()
        );
        let mut hits = 0;
        for file in files(&desk.path(name)) {
            let mut bytes = std::fs::read(&file).unwrap();
            while let Some(at) = bytes
                .windows(from.len())
                .position(|window| window == from.as_bytes())
            {
                bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
                hits += 1;
            }
            std::fs::write(&file, bytes).unwrap();
        }
        assert_eq!(hits, 1);
        let said = desk.run(&format!("verify {name}")).expect(1, &[]);
        let number = from.trim_start_matches("step ").trim_start_matches('0');
        let named = format!("Eintrag {number} wurde verändert. / Entry {number} was changed.");
        assert!(said.out.contains(&named), "{}", said.out);
        let told = desk.run(&format!("verify {name} --json")).expect(1, &[]);
        assert_eq!(
            serde_json::from_str::<Value>(&told.out).unwrap()["sound"],
            json!(false)
        );
    }
    desk.run("verify .")
        .expect(2, &["BH-3001", "ist nicht prüfbar", "Cannot check"]);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

const DOOR: &str = r#"dir = "door"
estate = "estate.toml"
charter = "0000000000000000000000000000000000000000000000000000000000000000"
sites = ["munich"]
services = ["kim", "eau"]
listen = "127.0.0.1:0"
control = "127.0.0.1:1"

[spool]
dir = "door/spool"

[mail]
host = "tuer.kim.telematik-test"
dir = "door/mail"
"#;

#[test]
fn a_configuration_is_checked_explained_and_strict() {
    let desk = Desk::new();
    desk.write("estate.toml", ESTATE);
    desk.write("door.toml", DOOR);
    desk.run("config check door.toml --for door")
        .expect(0, &["in Ordnung. / in order."]);
    desk.run("config show door.toml --for door").expect(
        0,
        &[
            "spool.dir = \"door/spool\"    # door.toml",
            "spool.limits.",
            "# Voreinstellung / default",
        ],
    );
    desk.write("typo.toml", &DOOR.replace("services =", "servcies ="));
    for words in ["config check typo.toml --for door", "door --config typo.toml"] {
        desk.run(words).expect(
            2,
            &[
                "BH-1001",
                "typo.toml hat einen Fehler",
                "typo.toml has a mistake",
                "line 5",
                "servcies",
            ],
        );
    }
    desk.run("config check door.toml --for witness")
        .expect(2, &["BH-1001"]);
    desk.run("door --config nowhere.toml").expect(
        2,
        &[
            "BH-1001",
            "nowhere.toml ist nicht lesbar",
            "Cannot read nowhere.toml",
        ],
    );
}

#[test]
fn a_door_must_be_enrolled_once() {
    let desk = Desk::new();
    desk.write("estate.toml", ESTATE);
    desk.write("door.toml", DOOR);
    desk.run("door --config door.toml").expect(
        2,
        &[
            "BH-3003",
            "fehlt: zuerst `bulkhead door --enrol`",
            "is missing: run `bulkhead door --enrol` first",
        ],
    );
    desk.run("door --config door.toml --enrol").expect(
        0,
        &[
            "2 Türen eingetragen; alle stehen geschlossen.",
            "2 doors enrolled; all stand contained.",
        ],
    );
    desk.run("door --config door.toml --enrol")
        .expect(2, &["BH-3003"]);
    // Plain text is for loopback only.
    desk.write(
        "open.toml",
        &DOOR.replace("listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:0\""),
    );
    desk.run("door --config open.toml").expect(
        2,
        &[
            "BH-1005",
            "außerhalb von Loopback nur mit TLS",
            "outside loopback only with TLS",
        ],
    );
}

#[test]
fn nobody_answering_is_said_with_a_page() {
    let desk = Desk::new();
    let words = &["BH-2001", "Keine Antwort. / No answer.", "docs/errors/BH-2001.md"];
    desk.run("status --door 127.0.0.1:1").expect(2, words);
    desk.run("spool certificate --door 127.0.0.1:1").expect(2, words);
    desk.write("no.json", "{}");
    desk.run("order close no.json --door 127.0.0.1:1").expect(
        2,
        &[
            "BH-2003",
            "ist keine gezeichnete Erklärung",
            "is not a signed statement",
        ],
    );
    desk.run("status --door 127.0.0.1:1 --tls nowhere")
        .expect(2, &["BH-1004", "TLS ist nicht eingerichtet", "TLS is not set up"]);
}
