//! A night of calls: two ways at once, an answer at the terminal, a deputy, and the control room dead.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    BOOK, age_key,
    common::{Ran, program, run, until},
    file,
    servers::{self, Begins, Server},
};

pub(crate) struct Night {
    pub(crate) folder: tempfile::TempDir,
    mail: Server,
    pub(crate) gateway: Server,
    common: Vec<String>,
}

impl Night {
    pub(crate) fn new(begins: Begins) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let mail = servers::mail(&dir.join("mail-roots.pem"), begins);
        let gateway = servers::gateway(&dir.join("gateway-roots.pem"));
        let password = file(dir, "password", "geheim 1\n");
        let key = file(dir, "gateway.key", "sieben-schluessel\n");
        let tls = match begins {
            Begins::AtOnce => "implicit",
            Begins::AfterStarttls => "starttls",
        };
        // Nobody listens at the control room's address: it is dead.
        let dead = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        let config = format!(
            "sender = \"Beispiel IT\"\ndir = \"{}\"\n[control]\naddress = \"{dead}\"\n\
             [mail]\nname = \"mail.notfall.example\"\naddress = \"{}\"\ntls = \"{tls}\"\nroots = \"{}\"\nuser = \"leitung\"\n\
             password_file = \"{password}\"\nfrom = \"krise@notfall.example\"\n\
             [gateway]\naddress = \"{}\"\nroots = \"{}\"\nkey_file = \"{key}\"\nshown_as = \"Bulkhead\"\ncaller = \"+492015550000\"\n",
            path("calls"),
            mail.address,
            path("mail-roots.pem"),
            gateway.address,
            path("gateway-roots.pem"),
        );
        let config = file(dir, "callout.toml", &config);
        let (identity, recipient) = age_key(dir, "leitung.age");
        let (toml, book) = (file(dir, "book.toml", BOOK), path("book.age"));
        run(&["contacts", "seal", &toml, "--to", &recipient, "--out", &book]).expect(0, &["2 Personen"]);
        let words = [
            "callout",
            "--book",
            &book,
            "--identity",
            &identity,
            "--config",
            &config,
        ];
        let mut common: Vec<String> = words.iter().map(ToString::to_string).collect();
        common.extend(["--incident".to_owned(), "nacht-1".to_owned()]);
        Self {
            folder,
            mail,
            gateway,
            common,
        }
    }

    pub(crate) fn words(&self, more: &[&str]) -> Vec<String> {
        let more = more.iter().map(ToString::to_string);
        self.common.iter().cloned().chain(more).collect()
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("calls/nacht-1.jsonl")
    }
}

/// Six digits after a word.
pub(crate) fn code_after(text: &str, word: &str) -> String {
    let at = text
        .find(word)
        .unwrap_or_else(|| panic!("no \"{word}\" in {text}"))
        + word.len();
    text[at..].chars().filter(char::is_ascii_digit).take(6).collect()
}

fn body_of(session: &str) -> String {
    let body = session.split("\r\n\r\n").nth(1).unwrap();
    let joined: String = body.trim_end_matches(".\r\n").split_whitespace().collect();
    String::from_utf8(STANDARD.decode(joined).unwrap()).unwrap()
}

fn night(begins: Begins) {
    let night = Night::new(begins);
    let mut child = Command::new(program())
        .args(night.words(&["--what", "cut-ordered", "--duty", "commander"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let sent = |server: &Server| server.heard.lock().unwrap().clone();
    until("anna is called on both ways", || {
        sent(&night.mail).len() == 1 && sent(&night.gateway).len() == 1
    });
    let (mail, sms) = (sent(&night.mail).remove(0), sent(&night.gateway).remove(0));
    let code = code_after(&sms, "Antwort%3A+");
    assert_eq!(sms, expected_sms(&code), "{sms}");
    assert!(mail.contains("RCPT TO:<anna@notfall.example>\r\nDATA\r\nFrom: <krise@notfall.example>\r\nTo: <anna@notfall.example>\r\n"), "{mail}");
    assert!(
        body_of(&mail).contains(&format!("Bitte antworten: {code} JA")),
        "{mail}"
    );
    assert!(!mail.contains("geheim"), "the password is in no mail");

    // What nobody can mean changes nothing; a no calls the deputy at once.
    let mut typed = child.stdin.take().unwrap();
    writeln!(typed, "ich komme\n{code} NEIN").unwrap();
    until("bert is called on both ways", || {
        sent(&night.mail).len() == 2 && sent(&night.gateway).len() == 2
    });
    let call = sent(&night.gateway).remove(1);
    assert!(
        call.starts_with("POST /api/voice HTTP/1.1\r\n") && call.contains("&ringtime=60&"),
        "{call}"
    );
    let deputy = code_after(&body_of(&sent(&night.mail)[1]), "Bitte antworten: ");
    assert_ne!(code, deputy);

    // Somebody else enters bert's answer, in a process of its own.
    run(&night.words(&["--ack", "000000 JA"])).expect(2, &["BH-2005", "Nobody has this code"]);
    run(&night.words(&["--ack", &format!("{deputy} ja")])).expect(0, &["1 besetzt", "1 filled"]);
    let ran: Ran = child.wait_with_output().unwrap().into();
    ran.expect(
        0,
        &[
            "sechs Ziffern",
            "1 besetzt, 0 warten",
            "bert is coming",
            "anna cannot come",
        ],
    );

    // The file alone says it, is its owner's, holds no address and no code; a new start calls nobody again.
    let log = std::fs::read_to_string(night.log()).unwrap();
    for private in ["171", "2345678", "anna@", "anderswo", &code, &deputy] {
        assert!(!log.contains(private), "{private} is in {log}");
    }
    assert_eq!(mode(&night.log()), 0o600);
    let again = run(&night.words(&["--what", "cut-ordered", "--duty", "commander"]));
    again.expect(0, &["1 besetzt"]);
    assert_eq!((sent(&night.mail).len(), sent(&night.gateway).len()), (2, 2));
    drop(typed);
}

fn expected_sms(code: &str) -> String {
    let body = format!(
        "to=%2B491712345678&text=ALARM+Beispiel+IT%3A+T%C3%BCren+werden+geschlossen.+Bitte+in+den+Krisenraum.+Antwort%3A+{code}+JA+oder+{code}+NEIN\
         &from=Bulkhead&foreign_id={}",
        &vocabulary::Digest::of(b"nacht-1/anna/0").to_string()[..40]
    );
    format!(
        "POST /api/sms HTTP/1.1\r\nhost: gateway.seven.io\r\nx-api-key: sieben-schluessel\r\naccept: application/json\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn people_are_reached_on_two_ways_and_a_no_calls_the_deputy() {
    night(Begins::AtOnce);
}

#[test]
fn the_mail_server_may_begin_tls_later() {
    night(Begins::AfterStarttls);
}

/// A call-out killed in the middle goes on where it was, and a torn last line is nobody's.
#[test]
fn a_killed_call_out_goes_on() {
    let night = Night::new(Begins::AtOnce);
    let mut child = Command::new(program())
        .args(night.words(&["--what", "contact-test", "--exercise", "--duty", "commander"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let accepted = || {
        let file = std::fs::File::open(night.log());
        let lines = file.into_iter().flat_map(|file| BufReader::new(file).lines());
        lines
            .map_while(Result::ok)
            .filter(|line| line.contains("accepted"))
            .count()
    };
    until("both messages were taken", || accepted() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut log = std::fs::OpenOptions::new()
        .append(true)
        .open(night.log())
        .unwrap();
    log.write_all(br#"{"at":17,"event":{"answ"#).unwrap();
    drop(log);
    let code = code_after(&night.gateway.heard.lock().unwrap()[0], "Antwort%3A+");
    run(&night.words(&["--status"])).expect(1, &["0 besetzt, 1 warten", "anna since"]);
    run(&night.words(&["--ack", &code])).expect(0, &["1 filled"]);
    assert_eq!(night.mail.heard.lock().unwrap().len(), 1);
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let night = Night::new(Begins::AtOnce);
    let key = night.folder.path().join("gateway.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    run(&night.words(&["--what", "cut-ordered", "--duty", "commander"])).expect(2, &["BH-1004", "chmod 600"]);
    assert!(!night.log().exists());
}
