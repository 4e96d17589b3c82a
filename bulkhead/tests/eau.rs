//! `bulkhead eau check` as an operator meets it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::{path::PathBuf, process::Command};

use eau::sample;
use jiff::civil::date;
use serde_json::Value;

struct Ran {
    code: i32,
    out: String,
}

fn run(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .arg("eau")
        .args(arguments)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
    }
}

/// A folder with a valid, a broken and an unreadable file.
fn files() -> (tempfile::TempDir, [String; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let issued = date(2026, 10, 5);
    let valid = sample::any(1, issued).xml;
    let broken = sample::broken("-for-laengeBSNR", 1, issued).remove(0).sample.xml;
    let path = |name: &str, bytes: &[u8]| {
        let path: PathBuf = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let names = [
        path("a.xml", valid.as_bytes()),
        path("b.xml", broken.as_bytes()),
        path("c.p7s", b"0\x80\x06\x09"),
    ];
    (folder, names)
}

#[test]
fn the_exit_code_is_the_worst_of_all_files() {
    let (_folder, [valid, broken, envelope]) = files();
    assert_eq!(run(&["check", &valid]).code, 0);
    let ran = run(&["check", &valid, &broken]);
    assert_eq!(ran.code, 1);
    for word in [
        "gültig / valid",
        "UNGÜLTIG",
        "-for-laengeBSNR",
        "neun Ziffern",
        "0312 4567",
        "Bundle.entry[",
    ] {
        assert!(ran.out.contains(word), "{word} in\n{}", ran.out);
    }
    let ran = run(&["check", &valid, &broken, &envelope, "no-such-file"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("signierter Umschlag") && ran.out.contains("nicht lesbar"),
        "{}",
        ran.out
    );
}

#[test]
fn the_mails_day_decides() {
    let (_folder, [_, broken, _]) = files();
    assert_eq!(run(&["check", "--date", "2026-01-26", &broken]).code, 0);
    assert_eq!(run(&["check", "--date", "2026-01-27", &broken]).code, 1);
    assert_eq!(run(&["check", "--date", "gestern", &broken]).code, 2);
}

#[test]
fn json_says_the_same() {
    let (_folder, names) = files();
    let ran = run(&["check", "--json", &names[0], &names[1], &names[2]]);
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    let verdicts: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["valid", "invalid", "unreadable"]);
    assert_eq!(all[1]["findings"][0]["rule"], "-for-laengeBSNR");
    assert_eq!(all[1]["findings"][0]["severity"], "error");
    assert_eq!(all[0]["version"], "1.2.1");
}

/// Signs a file as practices do (enveloping), by a program nobody here wrote. `None`, with a visible word, without it.
fn signed(folder: &std::path::Path, file: &str) -> Option<String> {
    let openssl = |arguments: &[&str]| {
        Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .output()
    };
    let key = openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "key.pem",
        "-out",
        "certificate.pem",
        "-days",
        "30",
        "-subj",
        "/CN=Praxis Probe",
    ]);
    if key.is_err() {
        assert!(
            std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none(),
            "openssl is missing"
        );
        std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("SKIPPED: openssl is not installed\n"),
        )
        .unwrap();
        return None;
    }
    let ran = openssl(&[
        "cms",
        "-sign",
        "-nodetach",
        "-binary",
        "-outform",
        "DER",
        "-in",
        file,
        "-signer",
        "certificate.pem",
        "-inkey",
        "key.pem",
        "-cades",
        "-out",
        "note.p7s",
    ])
    .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(folder.join("note.p7s").display().to_string())
}

#[test]
fn a_signed_note_is_taken_out_of_its_envelope() {
    let (folder, [valid, broken, _]) = files();
    let Some(envelope) = signed(folder.path(), &valid) else {
        return;
    };
    let ran = run(&["check", &envelope]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("Vertrauen nicht geprüft"), "{}", ran.out);
    // With anchors that do not include the signer's, the signature is not one to trust.
    let anchors = folder.path().join("anchors");
    std::fs::create_dir(&anchors).unwrap();
    let ran = run(&["check", "--json", "--trust", anchors.to_str().unwrap(), &envelope]);
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (ran.code, &all[0]["signature"]["intact"]),
        (1, &Value::Bool(false)),
        "{}",
        ran.out
    );
    // One byte of the note changed: the signature does not fit.
    let mut bytes = std::fs::read(&envelope).unwrap();
    let at = bytes
        .windows(5)
        .position(|window| window == b"eAU_1" || window == b"final")
        .unwrap();
    bytes[at] ^= 1;
    std::fs::write(&envelope, bytes).unwrap();
    let ran = run(&["check", &envelope]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("NICHT IN ORDNUNG"), "{}", ran.out);
    let Some(envelope) = signed(folder.path(), &broken) else {
        return;
    };
    let ran = run(&["check", &envelope]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("-for-laengeBSNR") && ran.out.contains("unversehrt"),
        "{}",
        ran.out
    );
}
