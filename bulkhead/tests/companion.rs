//! The signing companion at a console, as a person uses it: the real program, a console of our own making behind HTTP and
//! TLS, and the real checks of log-ins and statements on the other side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use common::{ESTATE, Ran, program};
use order::{
    Act, Body as _, Closing, KeyId, PublicKey, Stance, Text, Uses,
    login::{Challenge, ConsoleOrigin},
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};
use vocabulary::{Class, Digest, Envelope, Scope, Signature, Timestamp};

const NOW: Timestamp = Timestamp(1_682_366_400);
const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// What the console does besides its duty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Honest,
    /// Passes on the challenge of another console.
    PassesOn,
    /// Ends the session once, before the first signature.
    Forgets,
    /// Refuses every signature.
    Refuses,
}

/// A console: what waits there, and what it got.
struct Room {
    origin: ConsoleOrigin,
    manner: Manner,
    drafts: Vec<Value>,
    logged_in: Vec<KeyId>,
    signed: Vec<(String, KeyId)>,
    forgot: bool,
}

impl Room {
    fn answer(&mut self, line: &str, headers: &[String], body: &[u8]) -> (u16, Value) {
        let known = headers
            .iter()
            .any(|line| line.eq_ignore_ascii_case(&format!("authorization: Bearer {TOKEN}")));
        let sent: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        match (method, path.split('?').next().unwrap()) {
            ("GET", "/api/v1/login") => (200, json!({ "challenge": self.challenge().text() })),
            ("POST", "/api/v1/login") => {
                let read = Challenge::read(sent["challenge"].as_str().unwrap()).unwrap();
                assert_eq!(read, self.challenge());
                let signature = Signature(sent["signature"].as_str().unwrap().to_owned());
                self.logged_in.push(read.verify(&signature).unwrap());
                (200, json!({ "person": "leitung-1", "token": TOKEN }))
            }
            _ if !known => (401, json!({ "refused": "nicht angemeldet / not logged in" })),
            ("GET", "/api/v1/drafts") => {
                assert!(path.contains("mine=1"), "{path}");
                (200, json!({ "version": 7, "drafts": self.drafts }))
            }
            ("POST", path) => self.take(path, &sent),
            other => panic!("nobody asks for {other:?}"),
        }
    }

    fn take(&mut self, path: &str, sent: &Value) -> (u16, Value) {
        if self.manner == Manner::Forgets && !self.forgot {
            self.forgot = true;
            return (401, json!({}));
        }
        if self.manner == Manner::Refuses {
            return (
                409,
                json!({ "refused": "Alle Türen haben gewechselt. / All doors moved on." }),
            );
        }
        let id = path
            .strip_prefix("/api/v1/drafts/")
            .unwrap()
            .strip_suffix("/signatures")
            .unwrap();
        let draft = self.drafts.iter().find(|draft| draft["id"] == id).unwrap();
        let envelope: Envelope = serde_json::from_value(draft["envelope"].clone()).unwrap();
        let signature = Signature(sent["signature"].as_str().unwrap().to_owned());
        let key = order::verify(&signature, &envelope.signed_bytes()).unwrap();
        self.signed.push((id.to_owned(), key));
        (200, json!({ "state": "complete" }))
    }

    fn challenge(&self) -> Challenge {
        let origin = match self.manner {
            Manner::PassesOn => "https://leitstand.example".parse().unwrap(),
            Manner::Honest | Manner::Forgets | Manner::Refuses => self.origin.clone(),
        };
        Challenge {
            estate: "klein".parse().unwrap(),
            origin,
            nonce: Digest::of(b"nonce"),
            issued: NOW,
        }
    }
}

/// Serves one request per connection, over TLS where a configuration is given, until the process ends.
fn serve(
    tls: Option<Arc<rustls::ServerConfig>>,
    manner: Manner,
    drafts: &[Value],
) -> (Arc<Mutex<Room>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let room = Arc::new(Mutex::new(Room {
        origin: origin.parse().unwrap(),
        manner,
        drafts: drafts.to_vec(),
        logged_in: Vec::new(),
        signed: Vec::new(),
        forgot: false,
    }));
    let shared = room.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            match &tls {
                None => exchange(stream, &shared),
                Some(config) => {
                    let session = rustls::ServerConnection::new(config.clone()).unwrap();
                    exchange(rustls::StreamOwned::new(session, stream), &shared);
                }
            }
        }
    });
    (room, origin)
}

fn exchange<S: Read + Write>(stream: S, room: &Mutex<Room>) {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        // A caller that does not trust our certificate says nothing.
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let length = head
        .iter()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")
                .map(|n| n.parse().unwrap())
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let (status, answer) = room.lock().unwrap().answer(&head[0], &head[1..], &body);
    let answer = answer.to_string();
    let text = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    );
    let mut stream = stream.into_inner();
    stream.write_all(text.as_bytes()).unwrap();
    stream.flush().unwrap();
}

/// A person's machine: key file, estate.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = pair().to_openssh(LineEnding::LF).unwrap();
        let key = folder.path().join("key");
        fs::write(&key, text.as_bytes()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(folder.path().join("estate.toml"), ESTATE).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, words: &str, typed: &str) -> Ran {
        let mut child = Command::new(program())
            .args(words.split_whitespace())
            .current_dir(self.path())
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _closed = child.stdin.take().unwrap().write_all(typed.as_bytes());
        Ran::from(child.wait_with_output().unwrap())
    }
}

fn pair() -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(Digest::of(b"leitung-1").as_bytes()))
}

fn own() -> KeyId {
    PublicKey::from_openssh(&pair().public_key().to_openssh().unwrap())
        .unwrap()
        .id()
}

fn closing(scope: Scope, reason: &str) -> Envelope {
    let body = Closing {
        estate: "klein".parse().unwrap(),
        scope,
        act: Act::Tighten {
            stance: Stance::Contain,
            class: Class::Precautionary,
            drain: None,
        },
        uses: Uses::Once,
        signal: None,
        reason: Text::new(reason).unwrap(),
        issued: NOW,
    };
    body.draft().unwrap()
}

/// As the console lists it: with a sentence of its own, which nobody should believe.
fn listed(envelope: &Envelope) -> Value {
    json!({ "id": envelope.id(), "says": "Nur eine kleine Wartung.", "envelope": envelope, "madeBy": "leitung-2" })
}

fn one_cell() -> Envelope {
    closing(
        Scope::cell("kasse-001".parse().unwrap(), "kim".parse().unwrap()),
        "kleiner Schnitt",
    )
}

#[test]
fn what_waits_is_shown_from_its_bytes_asked_signed_and_handed_in() {
    let (all, one) = (closing(Scope::everything(), "Verdacht"), one_cell());
    let (room, origin) = serve(None, Manner::Honest, &[listed(&all), listed(&one)]);
    let machine = Machine::new();
    let ran = machine
        .run(
            &format!("sign --watch --once --console {origin} --key key --estate estate.toml"),
            "j\nn\n",
        )
        .expect(
            0,
            &[
                "als leitung-1",
                "SCHLIESSEN in klein: ALLES (die ganze Landschaft) (6 Zellen, 3 Kassen, 240 Versicherte)",
                "Unterschreiben: schliessen? [j/n]",
                "unterschrieben und abgegeben",
                "nicht unterschrieben",
            ],
        );
    assert!(
        !ran.said().contains("kleine Wartung"),
        "the console's own words are not shown: {}",
        ran.said()
    );
    let room = room.lock().unwrap();
    assert_eq!(room.logged_in, [own()]);
    assert_eq!(room.signed, [(all.id().to_string(), own())]);
}

#[test]
fn in_english_as_json_and_with_nobody_at_the_keyboard() {
    let one = one_cell();
    let (room, origin) = serve(None, Manner::Honest, &[listed(&one)]);
    let machine = Machine::new();
    let words = format!("sign --watch --once --console {origin} --key key --lang en --json");
    let ran = machine.run(&words, "y\n").expect(0, &["Sign: close? [y/n]"]);
    let events: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["logged-in", "draft", "signed"]);
    assert_eq!(events[1]["statement"], json!(one.id()));
    assert!(
        events[1]["sentence"]
            .as_str()
            .unwrap()
            .starts_with("CLOSE in klein")
    );
    // No answer is no.
    machine.run(&words, "").expect(0, &["declined"]);
    assert_eq!(room.lock().unwrap().signed.len(), 1);
}

#[test]
fn a_session_that_ended_is_opened_again_and_a_refusal_is_told() {
    let one = one_cell();
    let machine = Machine::new();
    let (room, origin) = serve(None, Manner::Forgets, &[listed(&one)]);
    machine
        .run(
            &format!("sign --watch --once --console {origin} --key key"),
            "j\n",
        )
        .expect(0, &["abgegeben"]);
    let got = room.lock().unwrap();
    assert_eq!((got.logged_in.len(), got.signed.len()), (2, 1));
    drop(got);
    let (_, origin) = serve(None, Manner::Refuses, &[listed(&one)]);
    machine
        .run(
            &format!("sign --watch --once --console {origin} --key key"),
            "j\n",
        )
        .expect(1, &["Alle Türen haben gewechselt. / All doors moved on."]);
}

#[test]
fn what_holds_more_than_its_sentence_and_what_is_signed_already_is_not_asked_for() {
    let mut spaced = one_cell();
    spaced.payload.push(b' ');
    let mut done = closing(Scope::everything(), "schon");
    let made = pair()
        .sign("bulkhead", ssh_key::HashAlg::Sha512, &done.signed_bytes())
        .unwrap();
    done.signatures
        .push(Signature(made.to_pem(LineEnding::LF).unwrap()));
    let (room, origin) = serve(None, Manner::Honest, &[listed(&spaced), listed(&done)]);
    let ran = Machine::new()
        .run(
            &format!("sign --watch --once --console {origin} --key key"),
            "j\nj\n",
        )
        .expect(0, &["Die Bytes sind anders geschrieben als ihr Inhalt"]);
    assert!(!ran.said().contains("Unterschreiben:"), "{}", ran.said());
    assert_eq!(room.lock().unwrap().signed, []);
}

#[test]
fn nobody_is_logged_in_for_another_console() {
    let (room, origin) = serve(None, Manner::PassesOn, &[listed(&one_cell())]);
    let ran = Machine::new().run(
        &format!("sign --watch --once --console {origin} --key key"),
        "j\n",
    );
    ran.expect(2, &["BH-2003", "womöglich reicht sie jemand weiter"]);
    assert_eq!(room.lock().unwrap().logged_in, []);
}

#[test]
fn a_challenge_is_signed_by_hand_for_the_console_one_names() {
    let machine = Machine::new();
    let here: ConsoleOrigin = "https://leitstand.example:8443".parse().unwrap();
    let challenge = Challenge {
        estate: "klein".parse().unwrap(),
        origin: here.clone(),
        nonce: Digest::of(b"nonce"),
        issued: NOW,
    };
    fs::write(machine.path().join("challenge"), challenge.text()).unwrap();
    let by_file = machine.run(&format!("sign login challenge --console {here} --key key"), "");
    let by_hand = machine.run(
        &format!("sign login - --console {here} --key key"),
        &challenge.text(),
    );
    for ran in [by_file, by_hand] {
        let ran = ran.expect(
            0,
            &[
                "ANMELDUNG am Leitstand https://leitstand.example:8443",
                "keine Erklärung",
            ],
        );
        assert_eq!(challenge.verify(&Signature(ran.out)), Ok(own()));
    }
    machine
        .run(
            "sign login challenge --console https://leitstand.evil --key key",
            "",
        )
        .expect(2, &["BH-2003", "Nichts wurde unterschrieben"]);
    // A statement's bytes are no challenge, and a challenge is no statement.
    fs::write(machine.path().join("pae"), one_cell().signed_bytes()).unwrap();
    machine
        .run(&format!("sign login pae --console {here} --key key"), "")
        .expect(2, &["keine Anmelde-Aufforderung"]);
    machine
        .run("sign add challenge --key key --confirm schliessen", "")
        .expect(2, &["weder Entwurf noch Erklärung"]);
    machine
        .run("sign --key key", "")
        .expect(2, &["--watch --console"]);
}

/// A server certificate for 127.0.0.1 and the folder with its authority.
fn certificate(folder: &Path) -> (Arc<rustls::ServerConfig>, PathBuf) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(params, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = own.signed_by(&key, &issuer).unwrap();
    let ca = folder.join("tls");
    fs::create_dir_all(&ca).unwrap();
    fs::write(ca.join("ca.pem"), authority.pem()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (Arc::new(config), ca)
}

#[test]
fn over_tls_only_the_named_authority_is_believed() {
    let one = one_cell();
    let machine = Machine::new();
    let (config, ca) = certificate(machine.path());
    let (room, origin) = serve(Some(config), Manner::Honest, &[listed(&one)]);
    let words = format!("sign --watch --once --console {origin} --key key");
    machine
        .run(&format!("{words} --tls {}", ca.display()), "j\n")
        .expect(0, &["abgegeben"]);
    machine.run(&words, "j\n").expect(2, &["BH-1004", "ca.pem"]);
    let other = tempfile::tempdir().unwrap();
    let (_, foreign) = certificate(other.path());
    machine
        .run(&format!("{words} --tls {}", foreign.display()), "j\n")
        .expect(2, &["BH-2001"]);
    assert_eq!(room.lock().unwrap().signed.len(), 1);
}
