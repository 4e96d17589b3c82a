//! What every test of the spool needs: a spool in a folder, offers, and a look at what came of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part, and nothing else can see it"
)]

use spool::{
    Accepted, Config, Entropy, Item, Limits, Next, Offer, Recipient, Recovered, ReleaseRecipients, Spool,
};
use std::path::Path;
use vocabulary::{CellId, Millis, Timestamp};

pub const NOW: Timestamp = Timestamp(1_682_366_400);

pub fn entropy() -> Entropy {
    Entropy::new(|bytes| getrandom::fill(bytes).unwrap())
}

pub fn cell(text: &str) -> CellId {
    text.parse().unwrap()
}

/// Bounds for tests: small segments, no space kept free on the build machine's disk.
pub fn limits() -> Limits {
    Limits {
        segment_bytes: 1 << 20,
        disk_free_bytes_min: 0,
        ballast_bytes: 0,
        ..Limits::default()
    }
}

pub fn config(dir: &Path) -> Config {
    Config {
        limits: limits(),
        ..Config::single(dir)
    }
}

pub fn open(config: Config) -> (Spool, Recovered) {
    Spool::open(config, entropy()).unwrap()
}

/// The identities behind an insurer's release recipients.
pub struct Insurer {
    /// Its cell that is enrolled.
    pub cell: CellId,
    pub active: String,
    pub recovery: String,
    pub recipients: ReleaseRecipients,
}

impl Insurer {
    pub fn new(name: &str) -> Self {
        let identity = || {
            use age::secrecy::ExposeSecret as _;
            let identity = age::x25519::Identity::generate();
            let recipient = Recipient::new(&identity.to_public().to_string()).unwrap();
            (identity.to_string().expose_secret().to_owned(), recipient)
        };
        let (active, to_active) = identity();
        let (recovery, to_recovery) = identity();
        Self {
            cell: cell(&format!("{name}/kim")),
            active,
            recovery,
            recipients: ReleaseRecipients {
                active: to_active,
                recovery: to_recovery,
            },
        }
    }

    pub fn enrol(&self, spool: &Spool) {
        self.enrol_cell(spool, &self.cell);
    }

    pub fn enrol_cell(&self, spool: &Spool, cell: &CellId) {
        spool.enrol(cell.clone(), self.recipients.clone()).wait().unwrap();
    }
}

pub fn offer_from(cell_name: &str, sender: &str, message_id: &str) -> Offer {
    Offer {
        cell: cell(cell_name),
        peer: "CN=kim.provider.example".to_owned(),
        lane: sender.to_owned(),
        sender: sender.to_owned(),
        recipients: vec!["eau@kasse.kim.example".to_owned()],
        message_id: Some(message_id.to_owned()),
        envelope: b"DSN".to_vec(),
        received: NOW,
    }
}

pub fn put(spool: &Spool, cell: &str, sender: &str, number: u64) -> Accepted {
    let id = format!("<{number}@{sender}>");
    spool
        .offer_blocking(offer_from(cell, sender, &id), body(number))
        .unwrap()
}

pub fn body(number: u64) -> Vec<u8> {
    format!("Body {number}\r\n").repeat(20).into_bytes()
}

pub fn take(spool: &Spool, cell_name: &str) -> Option<Box<Item>> {
    match spool.next(&cell(cell_name), Millis(0)).unwrap() {
        Next::Item(item) => Some(item),
        Next::Empty => None,
        other @ (Next::Later(_) | Next::Locked(_)) => panic!("{other:?}"),
    }
}

/// Hands an item over, as a receiver that never refuses.
pub fn hand_over(spool: &Spool, item: &Item) {
    spool.begin(item.id(), item.attempt(), NOW).wait().unwrap();
    spool
        .handed_over(
            item.id(),
            &spool::Receipt::new("250 2.0.0 Ok: queued as 4711"),
            NOW,
        )
        .wait()
        .unwrap();
}

/// What the insurer's companion does with a wrapped key: opens it and wraps it to exactly one recipient.
pub fn rewrap(key: &spool::WrappedKey, identity: &str, to: &spool::Recipient) -> spool::WrappedKey {
    let identity: age::x25519::Identity = identity.parse().unwrap();
    let to: age::x25519::Recipient = to.as_str().parse().unwrap();
    let secret = age::decrypt(&identity, &key.wrapped).unwrap();
    spool::WrappedKey {
        epoch: key.epoch,
        cell: key.cell.clone(),
        wrapped: age::encrypt(&to, &secret).unwrap(),
    }
}
