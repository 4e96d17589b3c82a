//! The regular KIM server (Fachdienst) of the data centre: takes mail in by SMTP, keeps it in mailboxes, lets it be
//! fetched by POP3, and tells senders of success once a mail is stored. It remembers the item ids of what it stored and
//! so recognises a repeat; that is its confirmation.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    net::TcpListener,
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinSet,
};
use vocabulary::Millis;

use super::{
    MAILBOX_PASSWORD,
    book::{Book, LetterNumber},
    letter::{PRACTICES_DOMAIN, Writer, header, number_of},
    pop3, report,
    smtp::{self, Mail, Notify, Receive, Reply, Sent},
    wire::{Stream, Way},
};
use crate::chance::Clock;

/// Mails waiting to leave for practices. Beyond this the server defers, like any server whose queue is full.
const LEAVING_MAX: usize = 4_096;

/// Connections served at once, on each side.
const CONNECTIONS_MAX: usize = 1_024;

/// How long the server waits before it tries a practice again.
const RETRY: Millis = Millis(200);

/// Whether the server answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Power {
    On,
    Off,
}

struct Inside {
    power: Power,
    boxes: BTreeMap<String, Vec<pop3::Stored>>,
    items: BTreeSet<String>,
    next_id: u64,
}

pub(super) struct Server {
    inside: Mutex<Inside>,
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
    letters: Arc<Writer>,
    leaving: Sender<Mail>,
    unsent: Arc<AtomicU64>,
    intake: SocketAddr,
    store: SocketAddr,
}

impl Server {
    pub(super) async fn start(
        tasks: &mut JoinSet<()>,
        mailboxes: impl Iterator<Item = String>,
        book: Arc<Book>,
        clock: Arc<dyn Clock>,
        letters: Arc<Writer>,
        practices: Way,
    ) -> io::Result<Arc<Self>> {
        let smtp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let pop3 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (leaving, to_send) = channel(LEAVING_MAX);
        let unsent = Arc::new(AtomicU64::new(0));
        let inside = Inside {
            power: Power::On,
            boxes: mailboxes.map(|mailbox| (mailbox, Vec::new())).collect(),
            items: BTreeSet::new(),
            next_id: 1,
        };
        let server = Arc::new(Self {
            inside: Mutex::new(inside),
            book,
            clock: clock.clone(),
            letters,
            leaving,
            unsent: unsent.clone(),
            intake: smtp.local_addr()?,
            store: pop3.local_addr()?,
        });
        let (a, b) = (server.clone(), server.clone());
        tasks.spawn(listen(smtp, move |stream| smtp::serve(stream, a.clone())));
        tasks.spawn(listen(pop3, move |stream| pop3::serve(stream, b.clone())));
        tasks.spawn(leave(to_send, unsent, practices, clock));
        Ok(server)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn intake(&self) -> SocketAddr {
        self.intake
    }

    pub(super) const fn store(&self) -> SocketAddr {
        self.store
    }

    pub(super) fn switch(&self, power: Power) {
        self.inside().power = power;
    }

    pub(super) fn confirmed_items(&self) -> Vec<String> {
        self.inside().items.iter().cloned().collect()
    }

    /// The letters that lie in mailboxes now.
    pub(super) fn waiting(&self) -> BTreeSet<LetterNumber> {
        let inside = self.inside();
        let mails = inside.boxes.values().flatten();
        mails
            .filter_map(|(_, data)| number_of(&header(data, "Message-ID")?))
            .collect()
    }

    /// Stores a mail in one mailbox, unless its item id was stored there before.
    fn store_in(&self, mailbox: &str, data: &Arc<Vec<u8>>) -> Stored {
        let item = header(data, "X-Bulkhead-Item").map(|item| format!("{mailbox} {item}"));
        let mut inside = self.inside();
        if let Some(item) = item
            && !inside.items.insert(item)
        {
            return Stored::Before;
        }
        let id = inside.next_id;
        inside.next_id = id.saturating_add(1);
        inside
            .boxes
            .entry(mailbox.to_owned())
            .or_default()
            .push((id, data.clone()));
        Stored::Now
    }

    /// Mails that still wait to leave for practices.
    pub(super) fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::SeqCst)
    }

    fn queue(&self, mail: Mail) -> Queued {
        // Counted before it is queued, so that the count is never too low.
        self.unsent.fetch_add(1, Ordering::SeqCst);
        if self.leaving.try_send(mail).is_ok() {
            return Queued::Yes;
        }
        self.unsent.fetch_sub(1, Ordering::SeqCst);
        Queued::Full
    }

    fn is_local(&self, address: &str) -> bool {
        self.inside().boxes.contains_key(address)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    Now,
    Before,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Queued {
    Yes,
    Full,
}

impl Receive for Server {
    fn willing(&self) -> Result<(), Reply> {
        match self.inside().power {
            Power::On => Ok(()),
            Power::Off => Err(Reply::new(421, "4.3.2 switched off")),
        }
    }

    fn recipient(&self, address: &str) -> Result<(), Reply> {
        let address = address.to_ascii_lowercase();
        let is_practice = address
            .rsplit_once('@')
            .is_some_and(|(_, domain)| domain == PRACTICES_DOMAIN);
        if is_practice || self.is_local(&address) {
            Ok(())
        } else {
            Err(Reply::new(550, "5.1.1 no such mailbox"))
        }
    }

    async fn deliver(&self, mail: Mail) -> Reply {
        let data = Arc::new(mail.data.clone());
        let letter = header(&data, "Message-ID").and_then(|id| number_of(&id));
        for (address, notify) in &mail.to {
            let address = address.to_ascii_lowercase();
            if !self.is_local(&address) {
                let onward = Mail {
                    to: vec![(address, Notify::NotOnSuccess)],
                    ..mail.clone()
                };
                if self.queue(onward) == Queued::Full {
                    return Reply::new(451, "4.3.1 queue full");
                }
                continue;
            }
            match (self.store_in(&address, &data), letter) {
                (Stored::Before, _) => {
                    self.book.repeat_dropped();
                    continue;
                }
                (Stored::Now, Some(letter)) => self.book.stored(letter),
                (Stored::Now, None) => self.book.stranger(),
            }
            if *notify == Notify::OnSuccess && !mail.from.is_empty() {
                let date = self.letters.date(self.clock.now());
                // A lost notice shows in the book as missing.
                let _told = self.queue(report::delivered(&mail, &address, &date));
            }
        }
        Reply::new(250, "2.0.0 stored")
    }
}

impl pop3::Store for Server {
    fn willing(&self) -> bool {
        self.inside().power == Power::On
    }

    fn list(&self, mailbox: &str, password: &str) -> Option<Vec<pop3::Stored>> {
        let inside = self.inside();
        let mails = inside.boxes.get(&mailbox.to_ascii_lowercase())?;
        (password == MAILBOX_PASSWORD).then(|| mails.clone())
    }

    fn delete(&self, mailbox: &str, ids: &[u64]) {
        if let Some(mails) = self.inside().boxes.get_mut(&mailbox.to_ascii_lowercase()) {
            mails.retain(|(id, _)| !ids.contains(id));
        }
    }
}

/// Accepts connections and serves each in a task of its own, which ends with the listener's task.
pub(super) async fn listen<F, S>(listener: TcpListener, serve: S)
where
    S: Fn(Box<dyn Stream>) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut sessions = JoinSet::new();
    loop {
        if sessions.len() >= CONNECTIONS_MAX {
            sessions.join_next().await;
        }
        while sessions.try_join_next().is_some() {}
        // A failed accept is the peer's or a passing shortage of descriptors; the next one may succeed.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let _best_effort = stream.set_nodelay(true);
        let session = serve(Box::new(stream));
        sessions.spawn(async move {
            // How a session ended is in the book, by what was accepted and stored.
            let _ended = session.await;
        });
    }
}

/// Sends what leaves for practices, one after another, each until it is taken or refused for good.
async fn leave(mut to_send: Receiver<Mail>, unsent: Arc<AtomicU64>, practices: Way, clock: Arc<dyn Clock>) {
    while let Some(mail) = to_send.recv().await {
        loop {
            match smtp::send(&practices, None, &mail).await {
                Sent::Accepted | Sent::Never(_) => break,
                Sent::Later | Sent::InDoubt => {
                    clock.until(Millis(clock.now().0.saturating_add(RETRY.0))).await
                }
            }
        }
        unsent.fetch_sub(1, Ordering::SeqCst);
    }
}
