//! Answers that come back by themselves: a web hook of the gateway, signed by a program nobody here wrote (openssl).

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
};

use bulkhead::{clock, endpoints};
use serde_json::json;

use crate::{
    callout::{Night, code_after},
    common::{Ran, program, until},
    file,
    servers::Begins,
};

const ADDRESS: &str = "https://ruf.notfall.example/seven/q8Zr2LmT0vXk5WcY7nJh4PdS1aGb9EfU";
const KEY: &str = "ein-geheimer-signaturschluessel";

/// The digest of a text by openssl, in hexadecimal.
fn digest(words: &[&str], text: &str) -> String {
    let mut child = Command::new("openssl")
        .arg("dgst")
        .args(words)
        .arg("-r")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    said.split_whitespace().next().unwrap().to_owned()
}

fn is_here() -> bool {
    let here = Command::new("openssl")
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    let required = std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").is_ok_and(|value| value == "1");
    assert!(
        here || !required,
        "openssl is missing, and counterparts are required"
    );
    if !here {
        let words = format_args!("SKIPPED: openssl is missing\n");
        std::io::Write::write_fmt(&mut std::io::stderr(), words).unwrap();
    }
    here
}

/// A report of the gateway; gives the status of the answer.
fn report(to: SocketAddr, path: &str, nonce: &str, body: &str, key: &str) -> u16 {
    let now = clock::now().0;
    let sum = digest(&["-md5"], body);
    let text = format!("{now}\n{nonce}\nPOST\n{ADDRESS}\n{sum}");
    let signature = digest(&["-sha256", "-hmac", key], &text);
    let mut socket = TcpStream::connect(to).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: ruf.notfall.example\r\nContent-Type: application/json\r\nX-Timestamp: {now}\r\n\
         X-Nonce: {nonce}\r\nX-Signature: {signature}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, said) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(said, "", "strangers hear nothing");
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A nonce as the gateway draws it.
fn nonce(letter: char) -> String {
    letter.to_string().repeat(32)
}

#[test]
fn an_answer_by_short_message_counts_only_signed_and_is_journaled() {
    if !is_here() {
        return;
    }
    let night = Night::new(Begins::AtOnce);
    let dir = night.folder.path();
    let said = dir.join("hook.endpoints.json");
    let (address, key) = (file(dir, "hook.address", ADDRESS), file(dir, "hook.key", KEY));
    let config = dir.join("callout.toml");
    let with_hook = format!(
        "{}[hook]\nlisten = \"127.0.0.1:0\"\naddress_file = \"{address}\"\nsigning_key_file = \"{key}\"\nendpoints = \"{}\"\n",
        std::fs::read_to_string(&config).unwrap(),
        said.display()
    );
    file(dir, "callout.toml", &with_hook);
    let child = Command::new(program())
        .args(night.words(&["--what", "cut-ordered", "--duty", "commander"]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = || std::fs::read_to_string(night.log()).unwrap_or_default();
    until("both messages were taken", || {
        log().matches("accepted").count() == 2
    });
    let to = endpoints::read(&said).unwrap()["hook"];
    let path = ADDRESS.strip_prefix("https://ruf.notfall.example").unwrap();
    let sms = night.gateway.heard.lock().unwrap()[0].clone();
    let code = code_after(&sms, "Antwort%3A+");
    let typed = |text: &str| {
        json!({
            "data": { "id": "681590", "sender": "491712345678", "system": "491771783130", "text": text,
                      "time": "1605878104", "message_type": "SMS" },
            "webhook_event": "sms_mo", "webhook_timestamp": "2020-12-02 11:55:44",
        })
        .to_string()
    };

    // Not by a stranger who knows the code, not at an address that was guessed, and nothing of it is written down.
    let yes = typed(&format!("{code} JA"));
    assert_eq!(
        report(to, path, &nonce('a'), &yes, "ein-anderer-signaturschluessel"),
        403
    );
    assert_eq!(report(to, "/seven/", &nonce('b'), &yes, KEY), 404);
    assert_eq!(log().matches("answered").count(), 0);

    // The network says that the message arrived: once, also when it is told twice under the same nonce.
    let arrived = json!({
        "data": { "msg_id": "4711", "status": "DELIVERED", "timestamp": "2021-08-24 08:08:00.000000" },
        "webhook_event": "dlr", "webhook_timestamp": "2021-08-24T08:08:00+02:00",
    })
    .to_string();
    assert_eq!(report(to, path, &nonce('c'), &arrived, KEY), 200);
    assert_eq!(report(to, path, &nonce('c'), &arrived, KEY), 403);
    assert_eq!(log().matches("delivered").count(), 1);
    // What is no answer moves nothing; what is told is on disk before it is acknowledged.
    assert_eq!(report(to, path, &nonce('d'), &typed("wer ist da?"), KEY), 200);
    assert_eq!(report(to, path, &nonce('e'), &yes, KEY), 200);
    assert!(log().contains("\"sms\""), "{}", log());
    let ran: Ran = child.wait_with_output().unwrap().into();
    ran.expect(
        0,
        &[
            "1 besetzt, 0 warten",
            "anna is coming",
            "A short message does not count",
        ],
    );
    assert!(!log().contains(&code), "no code in the file: {}", log());
}

#[test]
fn a_hook_at_an_address_that_can_be_guessed_is_not_opened() {
    let night = Night::new(Begins::AtOnce);
    let dir = night.folder.path();
    let (address, key) = (
        file(dir, "hook.address", "https://ruf.notfall.example/seven"),
        file(dir, "hook.key", KEY),
    );
    let config = std::fs::read_to_string(dir.join("callout.toml")).unwrap();
    let hook = format!(
        "{config}[hook]\nlisten = \"127.0.0.1:0\"\naddress_file = \"{address}\"\nsigning_key_file = \"{key}\"\n"
    );
    file(dir, "callout.toml", &hook);
    let ran = crate::common::run(&night.words(&["--what", "cut-ordered", "--duty", "commander"]));
    ran.expect(
        2,
        &[
            "Ein Weg des Rufs ist falsch eingerichtet",
            "at least 32 letters and digits",
        ],
    );
}
