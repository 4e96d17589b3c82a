use super::*;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

const LINK: &str = "https://kas.nord.kim.telematik-test/attachments/v2.4/attachment/a566f001";

/// Seals as a client module does.
fn seal(content: &[u8], key: [u8; 32]) -> Vec<u8> {
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let nonce = [9; 12];
    let mut sealed = content.to_vec();
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .unwrap();
    [nonce.as_slice(), &sealed].concat()
}

fn json(key: [u8; 32], hash: Digest, size: usize) -> String {
    let (k, hash) = (STANDARD.encode(key), STANDARD.encode(hash.as_bytes()));
    format!("{{\"link\":\"{LINK}\",\"k\":\"{k}\",\"hash\":\"{hash}\",\"size\":{size}}}")
}

fn ticket(text: &str) -> Ticket {
    Ticket::read(text.as_bytes(), 1 << 20).unwrap()
}

fn open(ticket: &Ticket, sealed: &[u8], piece: usize) -> Result<Vec<u8>, NotOpened> {
    let mut receiver = Receiver::new(ticket);
    sealed
        .chunks(piece.max(1))
        .try_for_each(|piece| receiver.push(piece))
        .unwrap();
    receiver.open()
}

#[test]
fn what_is_sealed_opens_and_nothing_else_does() {
    let (content, key) = (b"Message-ID: <1@x>\r\n\r\nText".as_slice(), [3; 32]);
    let sealed = seal(content, key);
    let good = ticket(&json(key, Digest::of(content), content.len()));
    assert_eq!(open(&good, &sealed, 7).as_deref(), Ok(content));
    // A ticket that speaks about the sealed bytes.
    let other = ticket(&json(key, Digest::of(&sealed), sealed.len()));
    assert_eq!(open(&other, &sealed, 1000).as_deref(), Ok(content));

    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(open(&good, &changed, 1000), Err(NotOpened::Tag), "byte {at}");
    }
    assert_eq!(
        open(
            &ticket(&json([4; 32], Digest::of(content), content.len())),
            &sealed,
            9
        ),
        Err(NotOpened::Tag)
    );
    assert_eq!(
        open(&ticket(&json(key, Digest::of(b"x"), content.len())), &sealed, 9),
        Err(NotOpened::Hash)
    );
    assert!(matches!(
        open(&good, &sealed[1..], 9),
        Err(NotOpened::Size { .. })
    ));
    assert!(matches!(open(&good, b"", 9), Err(NotOpened::Size { .. })));
    let none = ticket(&json(key, Digest::of(b""), 0));
    assert_eq!(open(&none, &seal(b"", key), 9).as_deref(), Ok(&b""[..]));
    assert_eq!(open(&none, b"", 9), Err(NotOpened::Tag));
}

#[test]
fn more_than_the_ticket_says_ends_it_at_once() {
    let ticket = ticket(&json([1; 32], Digest::of(b""), 100));
    let mut receiver = Receiver::new(&ticket);
    assert_eq!(receiver.push(&[0; 128]), Ok(()));
    assert_eq!(receiver.push(&[0]), Err(TooLong { expected: 128 }));
}

#[test]
fn bad_tickets_are_refused_by_name() {
    let good = json([1; 32], Digest::of(b""), 100);
    let read = |text: &str| Ticket::read(text.as_bytes(), 1 << 20).map(|_| ());
    assert_eq!(read(&good), Ok(()));
    assert_eq!(read(&format!(" {good}\r\n")), Ok(()));
    for (text, why) in [
        ("", BadTicket::Form),
        ("[]", BadTicket::Form),
        ("{\"link\":\"x\"}", BadTicket::Form),
        (&good.replace("100", "-1"), BadTicket::Form),
        (
            &good.replace("\"size\"", "\"name\":\"a.doc\",\"size\""),
            BadTicket::SingleAttachment,
        ),
        (&good.replace("AQEB", "AQE"), BadTicket::Key),
        (
            &good.replace("100", "1048577"),
            BadTicket::TooLarge {
                bytes: 1_048_577,
                max: 1 << 20,
            },
        ),
        (&good.replace("https", "http"), BadTicket::Link(BadLink::Scheme)),
    ] {
        assert_eq!(read(text), Err(why), "{text}");
    }
    let no_hash = good.split("\"hash\":\"").next().unwrap().to_owned() + "\"hash\":\"AA==\",\"size\":1}";
    assert_eq!(read(&no_hash), Err(BadTicket::Hash));
    assert_eq!(
        read(&format!("{good}{}", " ".repeat(TICKET_BYTES_MAX))),
        Err(BadTicket::TooLong)
    );
    assert!(!format!("{:?}", ticket(&good)).contains("kas"));
}

#[test]
fn only_stores_on_the_list_are_asked() {
    let stores = Stores::new(Store::new("KAS.nord.kim.telematik-test", 443));
    let admitted = stores.admit(&Link::read(LINK).unwrap()).unwrap();
    assert_eq!(admitted.path(), "/attachments/v2.4/attachment/a566f001");
    assert_eq!(admitted.store().host(), "kas.nord.kim.telematik-test");
    for text in [
        "https://kas.sued.kim.telematik-test/attachments/v2.4/attachment/a",
        "https://kas.nord.kim.telematik-test:8443/attachments/v2.4/attachment/a",
        "https://localhost/attachments/v2.4/attachment/a",
    ] {
        assert!(stores.admit(&Link::read(text).unwrap()).is_err(), "{text}");
    }
    for (text, why) in [
        ("file:///etc/passwd", BadLink::Scheme),
        ("/attachments/v2.4/attachment/a", BadLink::Scheme),
        (
            "https://169.254.169.254/attachments/v2.4/attachment/a",
            BadLink::Host,
        ),
        ("https://[::1]/attachments/v2.4/attachment/a", BadLink::Host),
        (
            "https://user@kas.nord.kim.telematik-test/attachments/v2.4/attachment/a",
            BadLink::Host,
        ),
        (
            "https://kas.nord.kim.telematik-test:0/attachments/v2.4/attachment/a",
            BadLink::Host,
        ),
        (
            "https://kas.nord.kim.telematik-test:+43/attachments/v2.4/attachment/a",
            BadLink::Host,
        ),
        (
            "https://kas.nord.kim.telematik-test/attachments/v2.4/attachment/../a",
            BadLink::Path,
        ),
        (
            "https://kas.nord.kim.telematik-test/attachments/v2.4/attachment/a?x",
            BadLink::Path,
        ),
        (
            "https://kas.nord.kim.telematik-test/attachments/v2.4/attachment/a\r\nHost: b",
            BadLink::Path,
        ),
        (
            "https://kas.nord.kim.telematik-test/attachments/v9/attachment/a",
            BadLink::Path,
        ),
        ("https://kas.nord.kim.telematik-test/", BadLink::Path),
    ] {
        assert_eq!(Link::read(text), Err(why), "{text}");
    }
}

proptest! {
    #[test]
    fn sealing_and_opening_are_one_another(content in proptest::collection::vec(any::<u8>(), 0..400), key in any::<[u8; 32]>(), piece in 1usize..500) {
        let ticket = ticket(&json(key, Digest::of(&content), content.len()));
        let opened = open(&ticket, &seal(&content, key), piece);
        prop_assert_eq!(opened, Ok(content));
    }

    #[test]
    fn no_ticket_and_no_link_panics(text in "\\PC{0,120}|https://[a-z.:@0-9]{0,30}/attachments/v2\\.4/attachment/[a-z/.%0-9]{0,30}") {
        let _ = Ticket::read(text.as_bytes(), 1000);
        if let Ok(link) = Link::read(&text) {
            prop_assert!(Stores::default().admit(&link).is_err());
        }
    }
}
