//! The world beyond our doors: practices that send, the regular KIM server of the data centre, the insurers' consumers
//! that fetch and decrypt. None of it is our product. Each is small, speaks real SMTP (RFC 5321) and POP3 (RFC 1939)
//! over real sockets on loopback, and writes down what happened to every letter in one [`Book`].

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::Arc,
};

use estate::Estate;
use vocabulary::InsurerId;

use crate::{
    chance::{Clock, Seed},
    script::{Script, Traffic},
};

mod book;
mod consumer;
mod letter;
mod pop3;
mod practice;
mod report;
mod seal;
mod server;
mod smtp;
mod wire;

pub use book::{Book, Count, LetterNumber, Record, Window};
pub use seal::{KeyRing, Vault};
pub use wire::{Dialing, Stream, Way};

/// The password of every invented mailbox. It protects nothing: all of this listens on loopback for minutes.
pub const MAILBOX_PASSWORD: &str = "uebung";

/// The outside, running. Dropping it ends every task of it.
pub struct Outside {
    pub(crate) book: Arc<Book>,
    pub(crate) clock: Arc<dyn Clock>,
    server: Arc<server::Server>,
    practices: Arc<practice::Mailroom>,
    vault: Vault,
    keys: Arc<KeyRing>,
    mailboxes: BTreeMap<InsurerId, String>,
    letters: Arc<letter::Writer>,
    traffic: Traffic,
    tasks: tokio::task::JoinSet<()>,
}

impl Outside {
    /// Starts everything that waits for others: the regular server and the practices' own mail server. Nothing is sent
    /// before [`run`](crate::run::run).
    ///
    /// # Errors
    /// When no port on loopback can be had.
    pub async fn start(estate: &Estate, script: &Script, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let schedule = script.schedule(estate);
        let mailboxes: BTreeMap<InsurerId, String> = estate
            .insurers()
            .filter_map(|insurer| Some((insurer.id.clone(), insurer.mailboxes.first()?.as_str().to_owned())))
            .collect();
        let vault = Vault::new(mailboxes.keys(), script.seed());
        let keys = Arc::new(KeyRing::full(&vault));
        let book = Arc::new(Book::new(schedule));
        let letters = Arc::new(letter::Writer::new(script, &vault));
        let mut tasks = tokio::task::JoinSet::new();
        let practices = practice::Mailroom::start(&mut tasks, book.clone(), clock.clone()).await?;
        let to_practices = Way::plain(practices.address());
        let server = server::Server::start(
            &mut tasks,
            mailboxes.values().cloned(),
            book.clone(),
            clock.clone(),
            letters.clone(),
            to_practices,
        )
        .await?;
        let traffic = script.traffic();
        Ok(Self {
            book,
            clock,
            server,
            practices,
            vault,
            keys,
            mailboxes,
            letters,
            traffic,
            tasks,
        })
    }

    /// Where the regular KIM server takes mail in (SMTP, plain, loopback).
    #[must_use]
    pub fn regular_intake(&self) -> SocketAddr {
        self.server.intake()
    }

    /// Where the regular KIM server lets mail be fetched (POP3, plain, loopback).
    #[must_use]
    pub fn regular_store(&self) -> SocketAddr {
        self.server.store()
    }

    /// Where the practices' server takes mail in: delivery notices and error mails go here (SMTP, plain, loopback).
    #[must_use]
    pub fn practices_intake(&self) -> SocketAddr {
        self.practices.address()
    }

    /// The book of every letter.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The mailbox of each insurer that has one; the password of all is [`MAILBOX_PASSWORD`].
    #[must_use]
    pub const fn mailboxes(&self) -> &BTreeMap<InsurerId, String> {
        &self.mailboxes
    }

    /// Ids of items (`X-Bulkhead-Item`) the regular server has stored and so confirms.
    #[must_use]
    pub fn confirmed_items(&self) -> Vec<String> {
        self.server.confirmed_items()
    }

    /// Switches the regular server off: every session gets 421 or an error and ends.
    pub fn server_off(&self) {
        self.server.switch(server::Power::Off);
    }

    /// Switches it on again; what it had stored is still there.
    pub fn server_on(&self) {
        self.server.switch(server::Power::On);
    }

    /// Takes every insurer's private key from its consumer.
    pub fn keys_gone(&self) {
        self.keys.clear();
    }

    /// Gives the keys back from the vault.
    pub fn keys_back(&self) {
        self.keys.refill(&self.vault);
    }

    /// The letters that lie in the regular server's mailboxes now.
    #[must_use]
    pub fn waiting(&self) -> BTreeSet<LetterNumber> {
        self.server.waiting()
    }

    /// Whether every letter has ended and nothing the regular server wants to send is left.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.book.is_at_rest() && self.server.unsent() == 0
    }

    /// Lets the consumers look into their mailboxes from now on.
    pub(crate) fn start_consumers(&mut self, fetch: &Way, submission: &Way) {
        for (index, (insurer, mailbox)) in self.mailboxes.iter().enumerate() {
            let consumer = consumer::Consumer {
                insurer: insurer.clone(),
                mailbox: mailbox.clone(),
                fetch: fetch.clone(),
                submission: submission.clone(),
                keys: self.keys.clone(),
                letters: self.letters.clone(),
                book: self.book.clone(),
                clock: self.clock.clone(),
                poll: self.traffic.poll,
            };
            self.tasks.spawn(consumer.run(index));
        }
    }

    /// Lets the practices send what is planned, each at its time.
    pub(crate) fn start_practices(&mut self, intake: &Way) {
        for (practice, planned) in self.book.by_practice() {
            let sender = practice::Sender {
                practice,
                planned,
                intake: intake.clone(),
                letters: self.letters.clone(),
                mailboxes: self.mailboxes.clone(),
                book: self.book.clone(),
                clock: self.clock.clone(),
                retry: self.traffic.retry,
            };
            self.tasks.spawn(sender.run());
        }
    }

    /// The seed everything was drawn from.
    #[must_use]
    pub const fn seed(&self) -> Seed {
        self.vault.seed()
    }
}
