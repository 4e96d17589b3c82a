//! The copier of `intake = service`: while a door holds, copies the ciphertext of a mailbox out of the trusted regular
//! store into the spool, deleting nothing; always watches how full the mailbox is.

use std::{sync::Arc, time::Duration};

use spool::{Accepted, Offer, Refused, Spool};
use tokio::sync::watch;
use vocabulary::{CellId, Position};

use crate::{
    address::{Address, Mailbox},
    board::Board,
    book::{Book, MessageMark, Noted, Salt, Step},
    event::{Event, Events, Fill},
    header::{self, HEADER_BYTES_MAX},
    intake::Clock,
    letter::{DsnIssuer, Envelope},
    listen::{Ending, ended},
    pop3::{Multi, Status, Unstuffer, client, listed},
    route::Routes,
    smtp::command::{Origin, Recipient, Secret},
    tls::Dialer,
};

/// One mailbox to copy.
pub(crate) struct Copier {
    pub(crate) mailbox: Mailbox,
    pub(crate) address: Address,
    pub(crate) password: Secret,
    pub(crate) dialer: Dialer,
    pub(crate) within: Duration,
    pub(crate) every: Duration,
    pub(crate) quota_octets: u64,
    pub(crate) watch_percent: u8,
    pub(crate) alarm_percent: u8,
    pub(crate) routes: Arc<Routes>,
    pub(crate) board: Board,
    pub(crate) spool: Arc<Spool>,
    pub(crate) book: Book,
    pub(crate) salt: Salt,
    pub(crate) events: Arc<Events>,
    pub(crate) clock: Clock,
}

/// Most messages of one mailbox that are looked at in one round.
const MESSAGES_MAX: usize = 500_000;

/// What stopped a round. The next round goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the regular store: {0}")]
    Store(#[from] client::Error),
    #[error("the store refused the login that the operator gave")]
    Login,
    #[error("the spool refused a copy: {}", .0.word())]
    Spool(Refused),
    #[error("{0}")]
    Book(#[from] crate::book::Error),
    #[error(
        "a message in the mailbox has an outer header over {HEADER_BYTES_MAX} bytes; a person must look at it"
    )]
    Header,
    #[error("{0}")]
    Envelope(#[from] crate::letter::BadEnvelope),
}

impl Copier {
    /// Looks at once, then again and again, and at every change of a door. May be dropped at any time: what was copied
    /// and not yet noted is recognised as a repeat.
    pub(crate) async fn run(self, mut ending: watch::Receiver<Ending>) {
        let mut bell = self.board.bell();
        let mut fill = Fill::Fine;
        loop {
            tokio::select! {
                biased;
                () = ended(&mut ending) => return,
                done = self.round(&mut fill) => if let Err(stopped) = done {
                    self.events.tell(Event::Trouble { part: "copy".to_owned(), what: stopped.to_string() });
                },
            }
            tokio::select! {
                biased;
                () = ended(&mut ending) => return,
                _ = bell.changed() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    async fn round(&self, fill: &mut Fill) -> Result<(), Stopped> {
        let mut store = client::Client::connect(&self.dialer, self.within).await?;
        match store.login(self.address.as_str(), &self.password).await? {
            (Status::Ok, _) => {}
            (Status::Err, _) => return Err(Stopped::Login),
        }
        if let (Status::Ok, line) = store.ask(b"STAT").await? {
            self.watch(octets(&line).unwrap_or(0), fill);
        }
        if self.routes.cells_of(&self.mailbox).any(|cell| self.copies(cell)) {
            self.copy_all(&mut store).await?;
        }
        store.quit().await?;
        Ok(())
    }

    /// Copies are made for cells that hold: an Open one is fetched by its owner, a Shut one takes nothing.
    fn copies(&self, cell: &CellId) -> bool {
        self.board.gate(cell).is_some_and(|gate| {
            let view = gate.view();
            view.position != Position::Open && view.stores()
        })
    }

    fn watch(&self, octets: u64, fill: &mut Fill) {
        let percent = octets.saturating_mul(100) / self.quota_octets.max(1);
        let now = if percent >= u64::from(self.alarm_percent) {
            Fill::Alarm
        } else if percent >= u64::from(self.watch_percent) {
            Fill::Watch
        } else {
            Fill::Fine
        };
        if now != *fill {
            *fill = now;
            if let Some(cell) = self.routes.cells_of(&self.mailbox).next() {
                self.events.tell(Event::Quota {
                    cell: cell.clone(),
                    fill: now,
                    octets,
                });
            }
        }
    }

    async fn copy_all(&self, store: &mut client::Client) -> Result<(), Stopped> {
        let lines = match store.ask(b"UIDL").await? {
            (Status::Ok, _) => store.list(MESSAGES_MAX).await?,
            (Status::Err, _) => return Err(client::Error::Refused("UIDL").into()),
        };
        for line in &lines {
            let Some((number, uidl)) = listed(line) else {
                continue;
            };
            let mark = MessageMark::new(&self.salt, &self.mailbox, uidl);
            if self.book.step(&mark).is_none() {
                self.copy(store, number, mark).await?;
            }
        }
        Ok(())
    }

    async fn copy(&self, store: &mut client::Client, number: u32, mark: MessageMark) -> Result<(), Stopped> {
        if let (Status::Err, _) = store.ask(format!("RETR {number}").as_bytes()).await? {
            // Deleted meanwhile by its owner's earlier session: nothing to copy.
            return Ok(());
        }
        let (mut multi, mut unstuffer, mut text) = (Multi::Start, Unstuffer::default(), Vec::new());
        let (mut searched, mut writer) = (0, None);
        loop {
            let (piece, last) = store.piece(&mut multi).await?;
            unstuffer.feed(&piece, &mut text);
            if writer.is_none() {
                let end = header::end(&text, searched).or(last.then_some(text.len()));
                searched = text.len();
                if let Some(end) = end {
                    let outer = header::read(text.get(..end).unwrap_or_default());
                    let cell = self
                        .routes
                        .cell(&self.mailbox, outer.service_mark.as_deref())
                        .cloned();
                    writer = cell.map(|cell| (self.spool.writer(cell.clone()), cell, outer));
                } else if text.len() > HEADER_BYTES_MAX {
                    return Err(Stopped::Header);
                }
            }
            if let Some((writer, ..)) = &mut writer {
                writer.write(&text).map_err(Stopped::Spool)?;
                text.clear();
            }
            if last {
                break;
            }
        }
        let Some((writer, cell, outer)) = writer else {
            return Ok(());
        };
        if !self.copies(&cell) {
            return Ok(());
        }
        let to = Recipient {
            to: self.address.clone(),
            notify: None,
            orcpt: None,
        };
        let envelope = Envelope {
            origin: Origin::default(),
            recipients: vec![to],
            dsn: DsnIssuer::Nobody,
        };
        let offer = Offer {
            cell: cell.clone(),
            peer: format!("copy:{}", self.dialer.name),
            lane: String::new(),
            sender: String::new(),
            recipients: vec![self.mailbox.as_str().to_owned()],
            message_id: outer.message_id,
            envelope: envelope.write()?,
            received: (self.clock)(),
        };
        let Accepted { item, .. } = writer.finish(offer).await.map_err(Stopped::Spool)?;
        let noted = vec![Noted::from(mark)];
        self.book
            .note(cell.clone(), Step::Retrieved, noted, (self.clock)())
            .await?;
        self.events.tell(Event::Copied { cell, item });
        Ok(())
    }
}

/// The octets of `+OK messages octets`.
fn octets(line: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(line).ok()?;
    text.split_whitespace().nth(2)?.parse().ok()
}
