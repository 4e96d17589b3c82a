//! The edge of the network: mutual TLS, and crowds that wait in silence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{path::Path, sync::Arc};

use common::{World, address, counterpart, letter, sink::Sink, talk::Talk, until, upstream};
use mail::{Fronts, event::Front, event::Reason};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An authority and the files of one party.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "Test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn party(dir: &Path, name: &str, ca: &CertifiedIssuer<'static, KeyPair>) -> Value {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let certificate = params.signed_by(&key, ca).unwrap();
    let file = |what: &str| dir.join(format!("{name}.{what}"));
    std::fs::write(file("crt"), certificate.pem()).unwrap();
    std::fs::write(file("key"), key.serialize_pem()).unwrap();
    std::fs::write(file("ca"), ca.pem()).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    json!({ "tls": { "certificate": file("crt"), "key": file("key"), "peers": file("ca") } })
}

fn client(files: Option<&Value>, ca: &CertifiedIssuer<'static, KeyPair>) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match files {
        Some(files) => {
            let path = |what: &str| files["tls"][what].as_str().unwrap().to_owned();
            let chain = vec![CertificateDer::from_pem_file(path("certificate")).unwrap()];
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(path("key")).unwrap())
                .unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    tokio_rustls::TlsConnector::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_peers_with_a_certificate_get_a_word() {
    let world = World::open();
    let (ca, foreign) = (authority(), authority());
    let dir = world.dir.path();
    let (front, peer, stranger) = (
        party(dir, "front.test", &ca),
        party(dir, "peer.test", &ca),
        party(dir, "stranger.test", &foreign),
    );
    let intake = json!([{ "listen": "127.0.0.1:0", "security": front }]);
    let running = world.start(json!({ "intake": intake })).await;
    let to = running.addresses().intake[0];
    let name = ServerName::try_from("front.test").unwrap();
    for files in [None, Some(&stranger)] {
        let socket = TcpStream::connect(to).await.unwrap();
        if let Ok(mut stream) = client(files, &ca).connect(name.clone(), socket).await {
            // In TLS 1.3 the refusal comes after the client thinks it is done.
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard).await;
            assert!(heard.is_empty(), "{}", String::from_utf8_lossy(&heard));
        }
    }
    until("both were refused", || {
        running.events().counts().refused(Reason::Handshake) == 2
    })
    .await;
    let socket = TcpStream::connect(to).await.unwrap();
    let mut stream = client(Some(&peer), &ca).connect(name, socket).await.unwrap();
    let script = format!(
        "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<{}>\r\nDATA\r\n",
        address(1)
    );
    stream.write_all(script.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.contains("354 ") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "{heard}");
        heard.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    stream
        .write_all(format!("{}.\r\nQUIT\r\n", letter("tls", None)).as_bytes())
        .await
        .unwrap();
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest).await;
    assert!(
        rest.starts_with("250 2.0.0 ") && rest.contains("\r\n221 "),
        "{rest}"
    );
    assert!(!heard.contains("AUTH"));
    assert_eq!(world.waiting(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_goes_over_mutual_tls_between_our_own_parts() {
    // The forwarder of one front hands on to the intake of another: both sides are ours, and both have certificates.
    let (near, far, sink) = (World::open(), World::open(), Sink::start());
    let ca = authority();
    let (one, two) = (
        party(near.dir.path(), "near.test", &ca),
        party(far.dir.path(), "far.test", &ca),
    );
    let cells = ["kasse-001/kim", "kasse-001/eau"];
    let forward = json!([{ "cells": cells, "upstream": upstream(sink.port) }]);
    let intake = json!([{ "listen": "127.0.0.1:0", "security": two }]);
    let second = far.start(json!({ "intake": intake, "forward": forward })).await;
    let to = json!({ "address": second.addresses().intake[0], "name": "far.test", "security": one });
    let first = near
        .start(json!({ "forward": [{ "cells": cells, "upstream": to }] }))
        .await;
    let mut talk = Talk::ehlo(first.addresses().intake[0]).await;
    assert!(
        talk.mail("a@b.test", &[&address(1)], &letter("through", None))
            .await
            .starts_with("250 ")
    );
    until("it has gone through both", || sink.count() == 1).await;
    assert!(sink.taken()[0].data.contains("ciphertext of through"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_beyond_loopback_and_readable_keys_are_refused() {
    let world = World::open();
    let refuse = async |over: Value| {
        Fronts::start(world.config(over), world.surroundings())
            .await
            .unwrap_err()
            .to_string()
    };
    let beyond = json!({ "intake": [{ "listen": "0.0.0.0:0", "security": "loopback-plain" }] });
    assert!(refuse(beyond).await.contains("not a loopback address"));
    let ca = authority();
    let files = party(world.dir.path(), "front.test", &ca);
    use std::os::unix::fs::PermissionsExt as _;
    let key = files["tls"]["key"].as_str().unwrap();
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let readable = refuse(json!({ "intake": [{ "listen": "127.0.0.1:0", "security": files }] })).await;
    assert!(readable.contains("cannot trust"), "{readable}");
    let small = json!({ "limits": { "message_bytes_max": 1_000_000 } });
    assert!(refuse(small).await.contains("KIM needs at least"));
    let unknown = json!({ "mailboxes": [{ "address": "a@b", "cell": "kasse-999/kim" }] });
    assert!(refuse(unknown).await.contains("no door"));
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Connects so often, hears each greeting, says so, and stays silent until its input ends.
const CROWD: &str = "
import socket, ssl, sys
host, port, count, ca, crt, key = '127.0.0.1', int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6]
context = None
if ca:
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(crt, key)
here = []
for _ in range(count):
    s = socket.create_connection((host, port), timeout=60)
    if context:
        s = context.wrap_socket(s, server_hostname='front.test')
    assert s.recv(64).startswith(b'220')
    here.append(s)
print('here', flush=True)
sys.stdin.read()
";

async fn crowd_costs(count: usize, tls: bool, before: usize) -> Option<f64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let python = counterpart("python3")?;
    let wanted = count as u64 + 500;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let maximum = limit.maximum.map(|maximum| maximum.max(wanted));
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum,
            },
        )
        .expect("enough descriptors");
    }
    let world = World::open();
    let ca = authority();
    let front = party(world.dir.path(), "front.test", &ca);
    let peer = party(world.dir.path(), "peer.test", &ca);
    let security = if tls { front } else { json!("loopback-plain") };
    let running = world.start(json!({ "intake": [
        { "listen": "127.0.0.1:0", "security": security }, { "listen": "127.0.0.1:0", "security": "loopback-plain" },
    ] })).await;
    let path = |what: &str| {
        if tls {
            peer["tls"][what].as_str().unwrap().to_owned()
        } else {
            String::new()
        }
    };
    let mut child = tokio::process::Command::new(python)
        .args([
            "-c",
            CROWD,
            &running.addresses().intake[0].port().to_string(),
            &count.to_string(),
        ])
        .args([path("peers"), path("certificate"), path("key")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut heard = [0; 5];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut heard)
        .await
        .expect("the crowd is here");
    assert_eq!(
        running.events().counts().sessions_open(Front::Intake),
        count as i64
    );
    let each = resident_kib().saturating_sub(before) as f64 / count as f64;
    // In the crowd, mail still passes; and all of them can be cut.
    let mut talk = Talk::ehlo(running.addresses().intake[1]).await;
    assert!(
        talk.mail("a@b.test", &[&address(1)], &letter("crowd", None))
            .await
            .starts_with("250 ")
    );
    world.shut_all();
    until("all are cut", || {
        running.events().counts().sessions_open(Front::Intake) == 0
    })
    .await;
    println!("{count} idle connections, tls {tls}: {each:.2} KiB each");
    Some(each)
}

/// One test, so that the two crowds are not counted into each other. The second one fills what the first gave back, so
/// both are counted from the beginning.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_cost_bounded_memory() {
    let before = resident_kib();
    if let Some(each) = crowd_costs(10_000, false, before).await {
        assert!(each < 8.0, "{each} KiB per idle connection");
    }
    if let Some(each) = crowd_costs(4_000, true, before).await {
        assert!(each < 48.0, "{each} KiB per idle TLS connection");
    }
}
