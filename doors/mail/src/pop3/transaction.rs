//! A POP3 session after login: every command is passed to the store and its answer back; what the consumer retrieves
//! and deletes is recorded before it is told.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use spool::ItemId;
use tokio::time::timeout;
use vocabulary::CellId;

use super::{
    Command, Multi, Status, client, listed,
    session::{CAPA, MESSAGES_MAX, NOT_LOGGED, Over, Talk, UNKNOWN, UNREACHABLE},
};
use crate::{
    address::Mailbox,
    board::Passage,
    book::{MessageMark, Noted, Step},
    event::{Event, Reason},
    listen::ended,
    trace::Finder,
};

/// A session after login.
pub(super) struct Mailroom {
    pub(super) store: client::Client,
    /// The cell the records of this mailbox are kept under.
    pub(super) cell: CellId,
    pub(super) mailbox: Mailbox,
    /// Marks by message number, asked for when first needed.
    pub(super) marks: Option<HashMap<u32, MessageMark>>,
    pub(super) deleted: BTreeSet<u32>,
}

impl Talk<'_> {
    pub(super) async fn transaction(&mut self, mut room: Mailroom, passage: &Passage) -> Result<(), Over> {
        loop {
            let Some(command) = self.command(Some(passage)).await? else {
                self.say(UNKNOWN);
                continue;
            };
            if command == Command::Quit {
                return self.quit(room, passage).await;
            }
            let (mut bell, mut ending, mid_answer) =
                (self.bell.clone(), self.ending.clone(), AtomicBool::new(false));
            let cut = async {
                loop {
                    tokio::select! {
                        rung = bell.changed() => if rung.is_err() || !passage.still_valid() { return },
                        () = ended(&mut ending) => return,
                    }
                }
            };
            let done = tokio::select! {
                biased;
                () = cut => None,
                done = self.pass(command, &mut room, passage, &mid_answer) => Some(done),
            };
            match done {
                Some(done) => done?,
                None if mid_answer.load(Relaxed) => {
                    // What is still in the buffer may be an end that no record has let go yet.
                    self.wire.out().clear();
                    return Err(Over(self.cut_off().0.get(..0).unwrap_or_default()));
                }
                None => return Err(self.cut_off()),
            }
        }
    }

    /// Passes one command to the store and its answer back.
    async fn pass(
        &mut self,
        command: Command,
        room: &mut Mailroom,
        passage: &Passage,
        mid_answer: &AtomicBool,
    ) -> Result<(), Over> {
        let (line, multi) = match &command {
            Command::Stat => ("STAT".to_owned(), false),
            Command::Noop => ("NOOP".to_owned(), false),
            Command::Rset => ("RSET".to_owned(), false),
            Command::List(None) => ("LIST".to_owned(), true),
            Command::List(Some(number)) => (format!("LIST {number}"), false),
            Command::Uidl(None) => ("UIDL".to_owned(), true),
            Command::Uidl(Some(number)) => (format!("UIDL {number}"), false),
            Command::Top(number, lines) => (format!("TOP {number} {lines}"), true),
            Command::Retr(number) => (format!("RETR {number}"), true),
            Command::Dele(number) => (format!("DELE {number}"), false),
            Command::Capa => {
                self.say(CAPA);
                return Ok(());
            }
            Command::User(_)
            | Command::Pass(_)
            | Command::AuthPlain(_)
            | Command::AuthList
            | Command::AuthOther
            | Command::Quit => {
                self.say(UNKNOWN);
                return Ok(());
            }
        };
        if matches!(command, Command::Retr(_) | Command::Dele(_)) {
            self.learn(room).await?;
        }
        let (status, answer) = room
            .store
            .ask(line.as_bytes())
            .await
            .map_err(|error| self.lost(&error))?;
        if status == Status::Ok && multi {
            mid_answer.store(true, Relaxed);
            self.say(&answer);
            if let Command::Retr(number) = command {
                let mut finder = Finder::default();
                self.relay(room, passage, Some(&mut finder)).await?;
                let item = self.retrieved(room, number, &finder).await?;
                mid_answer.store(false, Relaxed);
                if let Some(item) = item {
                    self.note_fetched(room, item).await;
                }
                return Ok(());
            }
            self.relay(room, passage, None).await?;
            mid_answer.store(false, Relaxed);
            return Ok(());
        }
        match (command, status) {
            (Command::Dele(number), Status::Ok) => {
                room.deleted.insert(number);
            }
            (Command::Rset, Status::Ok) => room.deleted.clear(),
            (_, Status::Ok | Status::Err) => {}
        }
        self.say(&answer);
        Ok(())
    }

    /// Passes a multi-line answer on piece by piece. With a finder, which reads along, its last line stays back in the
    /// buffer: only the record of the retrieval lets it go.
    async fn relay(
        &mut self,
        room: &mut Mailroom,
        passage: &Passage,
        mut finder: Option<&mut Finder>,
    ) -> Result<(), Over> {
        let mut multi = Multi::Start;
        loop {
            let (piece, last) = room.store.piece(&mut multi).await.map_err(|error| {
                self.lost(&error);
                Over(b"")
            })?;
            self.say(&piece);
            if let Some(finder) = &mut finder {
                finder.feed(&piece);
            }
            if last && finder.is_some() {
                return Ok(());
            }
            if !passage.still_valid() {
                self.cut_off();
                self.wire.out().clear();
                return Err(Over(b""));
            }
            let sent = timeout(self.fetch.bounds.idle(), self.wire.flush()).await;
            if !matches!(sent, Ok(Ok(()))) {
                return Err(Over(b""));
            }
            if last {
                return Ok(());
            }
        }
    }

    /// Learns which number is which message, once per session: numbers do not change while it lasts (RFC 1939).
    async fn learn(&mut self, room: &mut Mailroom) -> Result<(), Over> {
        if room.marks.is_some() {
            return Ok(());
        }
        let asked = async {
            match room.store.ask(b"UIDL").await? {
                (Status::Ok, _) => room.store.list(MESSAGES_MAX).await,
                (Status::Err, _) => Err(client::Error::Refused("UIDL")),
            }
        };
        let lines = asked.await.map_err(|error| self.lost(&error))?;
        let mut marks = HashMap::with_capacity(lines.len());
        for line in &lines {
            if let Some((number, uidl)) = listed(line) {
                marks.insert(number, MessageMark::new(&self.fetch.salt, &room.mailbox, uidl));
            }
        }
        room.marks = Some(marks);
        Ok(())
    }

    /// Records a retrieval, lets the end of the answer go, and says which of our items it was.
    async fn retrieved(
        &mut self,
        room: &Mailroom,
        number: u32,
        finder: &Finder,
    ) -> Result<Option<ItemId>, Over> {
        let item = self.item_in(room, finder).await;
        let marks = room.marks_of(std::iter::once(&number));
        let noted = marks.map(|mark| Noted { mark, item }).collect();
        let now = (self.fetch.clock)();
        let book = &self.fetch.book;
        if book.note(room.cell(), Step::Retrieved, noted, now).await.is_err() {
            self.wire.out().clear();
            return Err(Over(b""));
        }
        let sent = timeout(self.fetch.bounds.idle(), self.wire.flush()).await;
        if !matches!(sent, Ok(Ok(()))) {
            return Err(Over(b""));
        }
        Ok(item)
    }

    async fn quit(&mut self, room: Mailroom, passage: &Passage) -> Result<(), Over> {
        let deleted = room
            .marks_of(room.deleted.iter())
            .map(Noted::from)
            .collect::<Vec<_>>();
        let (cell, book, now) = (room.cell(), &self.fetch.book, (self.fetch.clock)());
        let asked = book
            .note(cell.clone(), Step::DeletionInDoubt, deleted.clone(), now)
            .await;
        if asked.is_err() {
            return Err(Over(NOT_LOGGED));
        }
        if !passage.still_valid() {
            return Err(self.cut_off());
        }
        // From here the store may delete; what it does is recorded even when the door closes meanwhile.
        match room.store.quit().await {
            Ok((Status::Ok, line)) => {
                // The spool first: until it knows, the records must keep the link to the item.
                if self.note_deleted(&cell, &deleted).await.is_err()
                    || book
                        .note(cell, Step::DeletionCommitted, deleted, now)
                        .await
                        .is_err()
                {
                    return Err(Over(NOT_LOGGED));
                }
                self.say(&line);
                Ok(())
            }
            Ok((Status::Err, line)) => {
                self.say(&line);
                Ok(())
            }
            Err(error) => Err(self.lost(&error)),
        }
    }

    fn lost(&self, error: &client::Error) -> Over {
        self.refused(Reason::Upstream);
        self.fetch.events.tell(Event::Trouble {
            part: "fetch".to_owned(),
            what: error.to_string(),
        });
        Over(UNREACHABLE)
    }
}

impl Mailroom {
    pub(super) fn cell(&self) -> CellId {
        self.cell.clone()
    }

    fn marks_of<'a>(&self, numbers: impl Iterator<Item = &'a u32>) -> impl Iterator<Item = MessageMark> {
        numbers.filter_map(|number| self.marks.as_ref()?.get(number).copied())
    }
}
