//! Real software tokens: SoftHSM 2 and NSS. Each part runs in a process of its own, since a token library takes its folder
//! from the environment once for each process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hsm::{KeyTrouble, Module, Pin};
use smime::{
    Checks, Hold, Outcome, PrivateKey, Recipient, SigningKey, TrustStore,
    pki::{Authority, Issued, Order, Purpose},
    promises::inner_is_unchanged,
};
use vocabulary::Timestamp;

const NOW: Timestamp = Timestamp(1_795_305_600);
const PIN: &str = "Uebung-123456";
/// Names the folder in which a part finds its token.
const FOLDER: &str = "BULKHEAD_TOKEN_FOLDER";

fn skipped(why: &str) {
    assert!(
        std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").as_deref() != Ok("1"),
        "{why}, and counterparts are required"
    );
    std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("SKIPPED: {why}\n")).unwrap();
}

fn there(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in programs {
        if !std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
            skipped(&format!("{program} is missing"));
            return false;
        }
    }
    true
}

/// A library of Debian, wherever this machine's architecture puts it.
fn library(names: &[&str]) -> Option<PathBuf> {
    let roots = [
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let found = roots
        .iter()
        .flat_map(|root| names.iter().map(move |name| Path::new(root).join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        skipped(&format!("no {names:?}"));
    }
    found
}

const SOFTHSM: &[&str] = &["softhsm/libsofthsm2.so", "libsofthsm2.so"];
const NSS: &[&str] = &["nss/libsoftokn3.so", "libsoftokn3.so"];

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

/// The hierarchy and the one certificate that signs and receives, so that one token serves both.
struct World {
    authority: Authority,
    signs: Issued,
    receives: Issued,
}

fn order(name: &str, serial: u64) -> Order {
    Order {
        name: name.into(),
        serial,
        validity: (Timestamp(NOW.0 - 86_400), Timestamp(NOW.0 + 86_400)),
        admission: None,
    }
}

fn make_world() -> World {
    let authority = Authority::root(&order("Wurzel", 1)).unwrap();
    let signs = authority
        .issue(&order("Kasse Signatur", 2), Purpose::Sign)
        .unwrap();
    let receives = authority
        .issue(&order("Kasse Empfang", 3), Purpose::Receive)
        .unwrap();
    World {
        authority,
        signs,
        receives,
    }
}

/// Hands the world to the part's process as files.
fn save(world: &World, folder: &Path) {
    fs::write(folder.join("root.crt"), world.authority.certificate().der()).unwrap();
    for (name, issued) in [("signs", &world.signs), ("receives", &world.receives)] {
        fs::write(folder.join(format!("{name}.crt")), issued.certificate.der()).unwrap();
        fs::write(
            folder.join(format!("{name}.pem")),
            pem("CERTIFICATE", issued.certificate.der()),
        )
        .unwrap();
        fs::write(
            folder.join(format!("{name}.key")),
            pem("PRIVATE KEY", &issued.pkcs8),
        )
        .unwrap();
    }
    let mut mail = Vec::new();
    let recipients = [Recipient {
        address: "eau@kasse.kim.telematik-test".into(),
        certificate: world.receives.certificate.clone(),
    }];
    let random = &mut |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
    smime::seal(
        INNER,
        &world.signs.key().unwrap(),
        &recipients,
        NOW,
        random,
        &mut mail,
    )
    .unwrap();
    fs::write(folder.join("mail"), mail).unwrap();
}

const INNER: &[u8] = b"Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nFrom: eau@kasse.kim.telematik-test\r\nTo: eau@kasse.kim.telematik-test\r\nMessage-ID: <1@kasse>\r\n\r\nText\r\n";

/// Runs one part of this file in a process of its own.
fn part(name: &str, folder: &Path, environment: &[(&str, String)]) {
    run(Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            name,
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .envs(environment.iter().map(|(key, value)| (key, value))));
}

fn folder() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| PathBuf::from(std::env::var_os(FOLDER).unwrap()))
}

fn certificate(name: &str) -> smime::Certificate {
    let bytes = fs::read(folder().join(format!("{name}.crt"))).unwrap();
    smime::Certificate::from_der(&bytes).unwrap()
}

fn trust() -> TrustStore {
    let mut trust = TrustStore::default();
    trust.trust(certificate("root")).unwrap();
    trust
}

fn open(mail: &[u8], key: &dyn PrivateKey) -> Outcome {
    let trust = trust();
    smime::open(
        mail,
        &[key],
        &Checks {
            trust: &trust,
            received: NOW,
        },
    )
    .unwrap()
}

/// Seals a mail with the token's signature, to a key in a file, and opens it there.
fn token_signs(key: &dyn SigningKey) {
    let receives = smime::FileKey::new(
        &fs::read(folder().join("receives.key")).unwrap(),
        certificate("receives"),
    )
    .unwrap();
    let recipients = [Recipient {
        address: "eau@kasse.kim.telematik-test".into(),
        certificate: certificate("receives"),
    }];
    let mut mail = Vec::new();
    let random = &mut |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
    smime::seal(INNER, key, &recipients, NOW, random, &mut mail).unwrap();
    let outcome = open(&mail, &receives);
    inner_is_unchanged(INNER, &outcome).unwrap();
    let Outcome::Opened(opened) = outcome else {
        panic!()
    };
    assert_eq!(opened.integrity().code(), "07"); // intact; no list about the certificate is at hand
}

#[test]
fn softhsm_signs_locks_and_never_blames_the_mail() {
    if !there(&["softhsm2-util"]) || library(SOFTHSM).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    save(&make_world(), folder.path());
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let conf = folder.path().join("softhsm2.conf");
    fs::write(
        &conf,
        format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        ),
    )
    .unwrap();
    let util = |words: &[&str]| {
        run(Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", &conf)
            .current_dir(folder.path())
            .args(words))
    };
    util(&[
        "--init-token",
        "--free",
        "--label",
        "kasse",
        "--pin",
        PIN,
        "--so-pin",
        "87654321",
    ]);
    for (name, id) in [("signs", "01"), ("receives", "02")] {
        let key = format!("{name}.key");
        util(&[
            "--import", &key, "--token", "kasse", "--label", name, "--id", id, "--pin", PIN,
        ]);
    }
    part(
        "inside_softhsm",
        folder.path(),
        &[("SOFTHSM2_CONF", conf.display().to_string())],
    );
}

#[test]
#[ignore = "run by softhsm_signs_locks_and_never_blames_the_mail in a process of its own"]
fn inside_softhsm() {
    let module = Module::load(&library(SOFTHSM).unwrap()).unwrap();
    let wrong = module.key("kasse", Pin::new("falsch-1"), certificate("signs"));
    assert!(matches!(wrong, Err(KeyTrouble::Locked(_))), "{wrong:?}");
    let elsewhere = module.key("andere", Pin::new(PIN), certificate("signs"));
    assert!(matches!(elsewhere, Err(KeyTrouble::Missing(_))), "{elsewhere:?}");
    let stranger = module.key("kasse", Pin::new(PIN), certificate("root"));
    assert!(matches!(stranger, Err(KeyTrouble::Missing(_))), "{stranger:?}");

    let signs = module.key("kasse", Pin::new(PIN), certificate("signs")).unwrap();
    assert!(!format!("{signs:?}").contains(PIN));
    token_signs(&signs);

    // SoftHSM 2.6 has OAEP over SHA-1 only; a later one may open the mail. Neither may say the mail is bad.
    let receives = module
        .key("kasse", Pin::new(PIN), certificate("receives"))
        .unwrap();
    let mail = fs::read(folder().join("mail")).unwrap();
    match open(&mail, &receives) {
        outcome @ Outcome::Opened(_) => inner_is_unchanged(INNER, &outcome).unwrap(),
        Outcome::Hold(Hold::Key(KeyTrouble::Unreachable(why))) => println!("held: {why}"),
        other @ (Outcome::Hold(_) | Outcome::Plain(_) | Outcome::Unreadable(_)) => panic!("{other:?}"),
    }

    // The token vanishes under the process.
    fs::remove_dir_all(folder().join("tokens")).unwrap();
    let gone = signs.sign_pss(b"x");
    assert!(
        matches!(
            gone,
            Err(KeyTrouble::Missing(_) | KeyTrouble::Unreachable(_) | KeyTrouble::Locked(_))
        ),
        "{gone:?}"
    );
}

#[test]
fn nss_opens_kim_mails_and_signs_them() {
    if !there(&["certutil", "pk12util", "openssl", "cc"]) {
        return;
    }
    let Some(library) = library(NSS) else { return };
    let folder = tempfile::tempdir().unwrap();
    save(&make_world(), folder.path());
    fs::write(folder.path().join("pin"), PIN).unwrap();
    let here = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(folder.path());
        command
    };
    run(here("certutil").args(["-N", "-d", "sql:.", "-f", "pin"]));
    for name in ["signs", "receives"] {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        run(here("openssl").args([
            "pkcs12",
            "-export",
            "-in",
            &certificate,
            "-inkey",
            &key,
            "-out",
            "p12",
            "-passout",
            "pass:x",
            "-name",
            name,
        ]));
        run(here("pk12util").args(["-i", "p12", "-d", "sql:.", "-k", "pin", "-W", "x"]));
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nss_token.c");
    run(here("cc")
        .args(["-shared", "-fPIC", "-o", "token.so"])
        .arg(source)
        .arg("-ldl"));
    let parameters = format!(
        "configDir='sql:{}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=",
        folder.path().display()
    );
    part(
        "inside_nss",
        folder.path(),
        &[
            ("TOKEN_LIBRARY", library.display().to_string()),
            ("TOKEN_PARAMETERS", parameters),
        ],
    );
}

#[test]
#[ignore = "run by nss_opens_kim_mails_and_signs_them in a process of its own"]
fn inside_nss() {
    const TOKEN: &str = "NSS Certificate DB";
    let module = Module::load(&folder().join("token.so")).unwrap();
    let wrong = module.key(TOKEN, Pin::new("falsch-1"), certificate("receives"));
    assert!(matches!(wrong, Err(KeyTrouble::Locked(_))), "{wrong:?}");
    let receives = module.key(TOKEN, Pin::new(PIN), certificate("receives")).unwrap();
    let mail = fs::read(folder().join("mail")).unwrap();
    let outcome = open(&mail, &receives);
    inner_is_unchanged(INNER, &outcome).unwrap();
    let signs = module.key(TOKEN, Pin::new(PIN), certificate("signs")).unwrap();
    token_signs(&signs);
    // Another key's bytes do not open, and the token lives on.
    let damaged = receives.decrypt_oaep(&[7; 256]);
    println!("damaged: {damaged:?}");
    assert!(damaged.is_err());
    inner_is_unchanged(INNER, &open(&mail, &receives)).unwrap();
}
