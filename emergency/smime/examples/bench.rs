//! The full path of a signed document in a KIM mail, against what `openssl speed` allows for its RSA operations on the same
//! core in the same minutes: `cargo run --release -p smime --example bench`.
//!
//! One mail is: base64 out, key unwrapped (one private RSA operation), AES-GCM, signature of the mail and of the document
//! inside checked, each with its certificate's path to the root and a revocation list.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a measurement stops at the first surprise"
)]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use smime::{
    Checks, Outcome, Recipient, TrustStore,
    pki::{Authority, Order, Purpose},
};
use vocabulary::Timestamp;

const NOW: Timestamp = Timestamp(1_795_305_600);
const RUN: Duration = Duration::from_secs(3);

fn main() {
    let order = |name: &str, serial| Order {
        name: name.into(),
        serial,
        validity: (Timestamp(NOW.0 - 86_400_000), Timestamp(NOW.0 + 86_400_000)),
        admission: None,
    };
    let root = Authority::root(&order("Wurzel", 1)).unwrap();
    let authority = root.authority(&order("CA", 2)).unwrap();
    let signs = authority.issue(&order("Praxis", 3), Purpose::Sign).unwrap();
    let receives = authority.issue(&order("Kasse", 4), Purpose::Receive).unwrap();
    let key = receives.key().unwrap();
    let mut trust = TrustStore::default();
    trust.trust(root.certificate().clone()).unwrap();
    trust.help(authority.certificate().clone());
    let day = |days: i64| Timestamp(NOW.0 + days * 86_400);
    trust
        .add_list(&authority.list(&[], day(-1), day(900)).unwrap())
        .unwrap();
    let recipients = [Recipient {
        address: "praxis@x.kim.telematik-test".into(),
        certificate: receives.certificate.clone(),
    }];
    let text = "<zeile/>\r\n".repeat(2_500);
    let inner = format!(
        "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nFrom: praxis@x.kim.telematik-test\r\nTo: a@b.kim.telematik-test\r\nMessage-ID: <1@x>\r\n\r\n{text}"
    );
    let mut mail = Vec::new();
    let random = &mut |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
    smime::seal(
        inner.as_bytes(),
        &signs.key().unwrap(),
        &recipients,
        NOW,
        random,
        &mut mail,
    )
    .unwrap();
    let checks = Checks {
        trust: &trust,
        received: day(900), // OpenSSL signs at the machine's own time
    };

    let mails = rate(|| {
        let Outcome::Opened(opened) = smime::open(mail.as_slice(), &[&key], &checks).unwrap() else {
            panic!("not opened");
        };
        assert!(opened.findings.is_empty(), "{:?}", opened.findings);
    });
    let raw = smime::PrivateKey::decrypt_oaep(&key, &[1; 256]);
    assert!(raw.is_err());
    let unwraps = rate(|| {
        let _ = smime::PrivateKey::decrypt_oaep(&key, &[1; 256]);
    });
    println!("keys: {unwraps:.0} unwrapped per second");
    let document = document(&signs);
    let documents = rate(|| {
        let document = smime::verify(&document, &checks).unwrap();
        assert!(document.findings.is_empty(), "{:?}", document.findings);
    });
    let (private, public) = openssl();
    let both = 1.0 / (1.0 / mails + 1.0 / documents);
    let allowed = 1.0 / (1.0 / private + 2.0 / public);
    println!("mail of {} bytes: {mails:.0} opened per second", mail.len());
    println!(
        "document of {} bytes: {documents:.0} verified per second",
        document.len()
    );
    println!("openssl speed rsa2048: {private:.0} private, {public:.0} public operations per second");
    println!(
        "mail and document: {both:.0} per second; one private and two public operations allow {allowed:.0}"
    );
    println!(
        "of what its RSA operations allow: {:.0} %",
        100.0 * both / allowed
    );
}

/// How often something can be done in a second of processor time, which is what `openssl speed` counts too.
fn rate(mut act: impl FnMut()) -> f64 {
    act();
    let (begin, used, mut count) = (Instant::now(), processor_secs(), 0_u32);
    while begin.elapsed() < RUN {
        act();
        count += 1;
    }
    f64::from(count) / (processor_secs() - used)
}

/// Processor time of this thread so far.
fn processor_secs() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// A document signed by OpenSSL.
fn document(signs: &smime::pki::Issued) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let folder = tempfile::tempdir().unwrap();
    let pem = |label: &str, der: &[u8]| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    };
    std::fs::write(
        folder.path().join("certificate"),
        pem("CERTIFICATE", signs.certificate.der()),
    )
    .unwrap();
    std::fs::write(folder.path().join("key"), pem("PRIVATE KEY", &signs.pkcs8)).unwrap();
    std::fs::write(folder.path().join("content"), "<zeile/>\n".repeat(2_500)).unwrap();
    let words = "cms -sign -cades -nodetach -binary -outform DER -in content -out signed -signer certificate -inkey key -md sha256 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32";
    let done = Command::new("openssl")
        .current_dir(folder.path())
        .args(words.split_whitespace())
        .status()
        .unwrap();
    assert!(done.success());
    std::fs::read(folder.path().join("signed")).unwrap()
}

/// Private and public RSA-2048 operations per second, as OpenSSL measures itself on one core.
fn openssl() -> (f64, f64) {
    let output = Command::new("openssl")
        .args(["speed", "-seconds", "3", "rsa2048"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("rsa 2048")).unwrap();
    let mut numbers = line
        .split_whitespace()
        .rev()
        .map(|word| word.parse::<f64>().unwrap());
    let public = numbers.next().unwrap();
    (numbers.next().unwrap(), public)
}
