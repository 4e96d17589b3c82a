//! The client of attachment stores against a store of the test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{collections::BTreeMap, time::Duration};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{
    attachments::{Attachments, Manner},
    tls::Authority,
};
use kim::{
    address::KimAddress,
    kas::{NotOpened, Store, Ticket},
};
use kim_net::kas::{Bounds, Client, Next, NotFetched, Security, Upstream};
use vocabulary::Digest;

const HOST: &str = "kas.nord.kim.telematik-test";
const ME: &str = "kasse@bitmarck.kim.telematik-test";

/// Content, its sealed form and the ticket, as a client module makes them.
fn sealed(content: &[u8]) -> (Vec<u8>, Ticket) {
    sealed_at(content, HOST)
}

fn sealed_at(content: &[u8], host: &str) -> (Vec<u8>, Ticket) {
    let key = [7; 32];
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let mut bytes = content.to_vec();
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([1; 12]), Aad::empty(), &mut bytes)
        .unwrap();
    let json = format!(
        "{{\"link\":\"https://{host}/attachments/v2.4/attachment/a1\",\"k\":\"{}\",\"hash\":\"{}\",\"size\":{}}}",
        STANDARD.encode(key),
        STANDARD.encode(Digest::of(content).as_bytes()),
        content.len()
    );
    (
        [&[1; 12][..], &bytes].concat(),
        Ticket::read(json.as_bytes(), 64 << 20).unwrap(),
    )
}

fn client(store: &Attachments, security: Security, bounds: Bounds) -> Client {
    let upstream = Upstream {
        address: store.address,
        security,
    };
    Client::new(
        BTreeMap::from([(Store::new(HOST, 443).unwrap(), upstream)]),
        bounds,
    )
    .unwrap()
}

fn me() -> KimAddress {
    KimAddress::new(ME).unwrap()
}

async fn fetch(manner: Manner) -> Result<Vec<u8>, NotFetched> {
    let store = Attachments::start(None).await;
    let (bytes, ticket) = sealed(b"the mail");
    store.put("a1", ME, bytes);
    *store.manner.lock().unwrap() = manner;
    let bounds = Bounds {
        silence: Duration::from_millis(300),
        ..Bounds::default()
    };
    client(&store, Security::LoopbackPlain, bounds)
        .fetch(&ticket, &me())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_mail_comes_through_mutual_tls() {
    let authority = Authority::new();
    let store = Attachments::start(Some(authority.mutual_server(HOST))).await;
    let content: Vec<u8> = (0..20_000_000u32)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[2])
        .collect();
    let (bytes, ticket) = sealed(&content);
    store.put("a1", ME, bytes);
    let good = client(
        &store,
        Security::Tls(authority.client("consumer")),
        Bounds::default(),
    );
    assert!(good.fetch(&ticket, &me()).await.unwrap() == content);
    assert_eq!(*store.asked.lock().unwrap(), ["/attachments/v2.4/attachment/a1"]);
    // A store with a certificate of somebody else is no store.
    let foreign = client(
        &store,
        Security::Tls(Authority::new().client("consumer")),
        Bounds::default(),
    );
    let refused = foreign.fetch(&ticket, &me()).await.unwrap_err();
    assert!(matches!(refused, NotFetched::Unreachable(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_has_its_reason() {
    assert_eq!(fetch(Manner::Good).await.unwrap(), b"the mail");
    for (status, next) in [
        (400, Next::Person),
        (403, Next::Person),
        (404, Next::Person),
        (429, Next::Later),
        (500, Next::Later),
        (302, Next::Person),
    ] {
        let refused = fetch(Manner::Status(status)).await.unwrap_err();
        assert_eq!(refused.next(), next, "{status}: {refused}");
        let named = match refused {
            NotFetched::NotRecipient => 403,
            NotFetched::Gone => 404,
            NotFetched::TooOften => 429,
            NotFetched::Status(other) => other,
            other => panic!("{other:?}"),
        };
        assert_eq!(named, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_content_and_no_content_are_told_apart() {
    let store = Attachments::start(None).await;
    let (bytes, ticket) = sealed(b"x");
    let client = client(&store, Security::LoopbackPlain, Bounds::default());
    assert!(matches!(
        client.fetch(&ticket, &me()).await,
        Err(NotFetched::Gone)
    ));
    store.put("a1", "andere@bitmarck.kim.telematik-test", bytes);
    assert!(matches!(
        client.fetch(&ticket, &me()).await,
        Err(NotFetched::NotRecipient)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_and_silence_are_refused() {
    assert!(matches!(fetch(Manner::Encoded).await, Err(NotFetched::Encoded)));
    assert!(matches!(
        fetch(Manner::Endless).await,
        Err(NotFetched::TooLong(_))
    ));
    let silent = fetch(Manner::Silent).await.unwrap_err();
    assert!(matches!(silent, NotFetched::TooSlow) && silent.next() == Next::Later);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_content_is_not_opened() {
    let store = Attachments::start(None).await;
    let (mut bytes, ticket) = sealed(b"the mail");
    bytes[14] ^= 1;
    store.put("a1", ME, bytes);
    let client = client(&store, Security::LoopbackPlain, Bounds::default());
    let refused = client.fetch(&ticket, &me()).await.unwrap_err();
    assert!(matches!(refused, NotFetched::NotOpened(NotOpened::Tag)) && refused.next() == Next::Person);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_cannot_make_us_ask_anybody_else() {
    let store = Attachments::start(None).await;
    let client = client(&store, Security::LoopbackPlain, Bounds::default());
    let other = format!("localhost:{}", store.address.port());
    let (_, ticket) = sealed_at(b"x", &other);
    let refused = client.fetch(&ticket, &me()).await.unwrap_err();
    assert!(matches!(refused, NotFetched::NotAllowed(_)), "{refused:?}");
    assert!(store.asked.lock().unwrap().is_empty());
    // Plain text beyond this machine is no configuration.
    let far = Upstream {
        address: "192.0.2.1:443".parse().unwrap(),
        security: Security::LoopbackPlain,
    };
    assert!(
        Client::new(
            BTreeMap::from([(Store::new(HOST, 443).unwrap(), far)]),
            Bounds::default()
        )
        .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_is_tried_again() {
    let store = Attachments::start(None).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let store = Attachments {
        address: free,
        ..store
    };
    let (_, ticket) = sealed(b"x");
    let client = client(&store, Security::LoopbackPlain, Bounds::default());
    let refused = client.fetch(&ticket, &me()).await.unwrap_err();
    assert!(matches!(refused, NotFetched::Unreachable(_)) && refused.next() == Next::Later);
}
