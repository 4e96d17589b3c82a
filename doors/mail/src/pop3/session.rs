//! The fetch front: a POP3 session passed through to the regular store, as long as every door of the mailbox lets
//! fetching pass. On Held and Shut the session hears `-ERR [SYS/TEMP]` and is cut; without the store's QUIT nothing of
//! it is deleted there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use vocabulary::{CellId, Flow};

use super::{Command, Multi, Status, address_of, client, listed, plain};
use crate::{
    address::Mailbox,
    board::{Board, Passage},
    book::{Book, MessageMark, Salt, Step},
    config::Connections,
    event::{Event, Events, Front, Reason},
    intake::FAREWELL,
    listen::{Ending, Serve, ended},
    route::Routes,
    smtp::{
        command::Secret,
        lines::{Cut, cut},
    },
    tls::{Dialer, Peer},
    wire::{Stream, Wire},
};

/// All that fetch sessions share.
pub(crate) struct Fetch {
    pub(crate) routes: Arc<Routes>,
    pub(crate) board: Board,
    pub(crate) events: Arc<Events>,
    pub(crate) bounds: Connections,
    pub(crate) dialer: Dialer,
    pub(crate) book: Book,
    pub(crate) salt: Salt,
}

/// Most messages of one mailbox that a session can tell apart.
const MESSAGES_MAX: usize = 500_000;
/// Failed logins after which a session ends.
const LOGINS_MAX: u32 = 3;

const GREETING: &[u8] = b"+OK bulkhead POP3\r\n";
const OK: &[u8] = b"+OK\r\n";
const UNKNOWN: &[u8] = b"-ERR Unbekannter Befehl / unknown command\r\n";
const CAPA: &[u8] = b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\nRESP-CODES\r\n.\r\n";
const CLOSED: &[u8] = b"-ERR [SYS/TEMP] Abholung voruebergehend geschlossen, nichts geht verloren, bitte spaeter erneut / fetching is closed for now, nothing is lost, try again later\r\n";
const UNREACHABLE: &[u8] = b"-ERR [SYS/TEMP] Postfach derzeit nicht erreichbar, bitte spaeter erneut / mailbox cannot be reached now, try again later\r\n";
const NOT_LOGGED: &[u8] = b"-ERR [SYS/TEMP] Abruf kann gerade nicht verzeichnet werden, bitte spaeter erneut / cannot record this now, try again later\r\n";
const LATE: &[u8] = b"-ERR timeout\r\n";

impl Serve for Fetch {
    const FRONT: Front = Front::Fetch;

    fn welcome(&self) -> bool {
        true
    }

    async fn serve(&self, stream: Stream, _peer: Peer, ending: watch::Receiver<Ending>) {
        let bell = self.board.bell();
        let until = Instant::now() + self.bounds.session();
        let mut talk = Talk {
            fetch: self,
            wire: Wire::new(stream),
            bell,
            ending,
            until,
            logins: 0,
        };
        if let Err(Over(words)) = talk.run().await {
            talk.wire.out().extend_from_slice(words);
        }
        talk.wire.close(FAREWELL).await;
    }
}

/// The session is over; these are its last words.
struct Over(&'static [u8]);

struct Talk<'a> {
    fetch: &'a Fetch,
    wire: Wire,
    bell: watch::Receiver<u64>,
    ending: watch::Receiver<Ending>,
    until: Instant,
    logins: u32,
}

/// A session after login.
struct Mailroom {
    store: client::Client,
    /// The cell the records of this mailbox are kept under.
    cell: CellId,
    mailbox: Mailbox,
    /// Marks by message number, asked for when first needed.
    marks: Option<HashMap<u32, MessageMark>>,
    deleted: BTreeSet<u32>,
}

impl Talk<'_> {
    async fn run(&mut self) -> Result<(), Over> {
        self.wire.out().extend_from_slice(GREETING);
        let mut user = None;
        loop {
            let command = self.command(None).await?;
            let login = match command {
                None => {
                    self.say(UNKNOWN);
                    None
                }
                Some(Command::Capa) => {
                    self.say(CAPA);
                    None
                }
                Some(Command::AuthList) => {
                    self.say(b"+OK\r\nPLAIN\r\n.\r\n");
                    None
                }
                Some(Command::User(name)) => {
                    user = Some(name);
                    self.say(OK);
                    None
                }
                Some(Command::Pass(password)) => user.take().map(|user| (user, password, false)),
                Some(Command::AuthPlain(Some(response))) => {
                    plain(&response.0).map(|(user, password)| (user, password, true))
                }
                Some(Command::AuthPlain(None)) => {
                    self.say(b"+ \r\n");
                    let line = self.line(None).await?;
                    plain(&line).map(|(user, password)| (user, password, true))
                }
                Some(Command::Quit) => return Err(Over(OK)),
                Some(
                    Command::AuthOther
                    | Command::Stat
                    | Command::List(_)
                    | Command::Uidl(_)
                    | Command::Top(..)
                    | Command::Retr(_)
                    | Command::Dele(_)
                    | Command::Rset
                    | Command::Noop,
                ) => {
                    self.say(UNKNOWN);
                    None
                }
            };
            if let Some((user, password, as_plain)) = login
                && let Some((room, passage)) = self.login(&user, &password, as_plain).await?
            {
                return self.transaction(room, &passage).await;
            }
            if self.wire.out().is_empty() {
                self.say(b"-ERR [AUTH] Anmeldung unvollstaendig / incomplete login\r\n");
            }
        }
    }

    fn say(&mut self, words: &[u8]) {
        self.wire.out().extend_from_slice(words);
    }

    fn refused(&self, reason: Reason) {
        self.fetch.events.tell(Event::Refused {
            front: Front::Fetch,
            reason,
        });
    }

    fn cut_off(&self) -> Over {
        self.fetch.events.tell(Event::Cut { front: Front::Fetch });
        Over(CLOSED)
    }

    /// Reads one command; `None` is a line that is none.
    async fn command(&mut self, passage: Option<&Passage>) -> Result<Option<Command>, Over> {
        let line = self.line(passage).await?;
        Ok(Command::read(&line).ok())
    }

    /// Sends what waits and reads one line, watching doors, end and clock.
    async fn line(&mut self, passage: Option<&Passage>) -> Result<Vec<u8>, Over> {
        loop {
            match cut(self.wire.unread()) {
                Cut::Line(line, used) => {
                    let line = line.to_vec();
                    self.wire.consume(used);
                    return Ok(line);
                }
                Cut::More => {}
                Cut::BareNewline | Cut::TooLong => {
                    self.refused(Reason::Protocol);
                    return Err(Over(UNKNOWN));
                }
            }
            let now = Instant::now();
            let wait = self
                .until
                .min(now + self.fetch.bounds.idle())
                .saturating_duration_since(now);
            if self.is_cut(passage) {
                return Err(self.cut_off());
            }
            let (wire, bell, ending) = (&mut self.wire, &mut self.bell, &mut self.ending);
            let happened = timeout(wait, async {
                tokio::select! {
                    biased;
                    _ = bell.changed() => Ok(None),
                    () = ended(ending) => Ok(None),
                    read = async { wire.flush().await?; wire.fill().await } => read.map(Some),
                }
            });
            match happened.await {
                Ok(Ok(Some(0)) | Err(_)) => return Err(Over(b"")),
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) if *self.ending.borrow() == Ending::Draining => return Err(Over(CLOSED)),
                // Looked at above, in the next round.
                Ok(Ok(None)) => {}
                Err(_) => {
                    self.refused(Reason::Late);
                    return Err(Over(LATE));
                }
            }
        }
    }

    fn is_cut(&self, passage: Option<&Passage>) -> bool {
        match passage {
            Some(passage) => !passage.still_valid(),
            None => self.fetch.board.stops_everyone(Flow::Fetch),
        }
    }

    async fn login(
        &mut self,
        user: &str,
        password: &Secret,
        as_plain: bool,
    ) -> Result<Option<(Mailroom, Passage)>, Over> {
        self.logins += 1;
        if self.logins > LOGINS_MAX {
            return Err(Over(b"-ERR [AUTH] Zu viele Versuche / too many attempts\r\n"));
        }
        let Ok(mailbox) = Mailbox::new(address_of(user)) else {
            self.say(b"-ERR [AUTH] Kein gueltiger Benutzername / no valid user name\r\n");
            return Ok(None);
        };
        let cells = self.fetch.routes.cells_of(&mailbox).cloned().collect::<Vec<_>>();
        let Some(cell) = cells.first().cloned() else {
            self.refused(Reason::Unknown);
            self.say(UNREACHABLE);
            return Ok(None);
        };
        let Ok(passage) = self.fetch.board.pass_all(&cells, Flow::Fetch, mailbox.as_str()) else {
            self.refused(Reason::Position);
            return Err(Over(CLOSED));
        };
        let within = self.fetch.bounds.upstream();
        let connected = async {
            let mut store = client::Client::connect(&self.fetch.dialer, within).await?;
            let answer = if as_plain {
                store.login_plain(user, password).await?
            } else {
                store.login(user, password).await?
            };
            Ok::<_, client::Error>((store, answer))
        };
        match connected.await {
            Ok((store, (Status::Ok, line))) => {
                self.say(&line);
                Ok(Some((
                    Mailroom {
                        store,
                        cell,
                        mailbox,
                        marks: None,
                        deleted: BTreeSet::new(),
                    },
                    passage,
                )))
            }
            Ok((_, (Status::Err, line))) => {
                self.refused(Reason::Upstream);
                self.say(&line);
                Ok(None)
            }
            Err(error) => {
                self.refused(Reason::Upstream);
                self.fetch.events.tell(Event::Trouble {
                    part: "fetch".to_owned(),
                    what: error.to_string(),
                });
                self.say(UNREACHABLE);
                Ok(None)
            }
        }
    }

    async fn transaction(&mut self, mut room: Mailroom, passage: &Passage) -> Result<(), Over> {
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
            self.relay(room, passage, matches!(command, Command::Retr(_)))
                .await?;
            if let Command::Retr(number) = command {
                self.retrieved(room, number).await?;
            }
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

    /// Passes a multi-line answer on piece by piece. With `keep_end`, its last line stays back in the buffer: only the
    /// record of the retrieval lets it go.
    async fn relay(&mut self, room: &mut Mailroom, passage: &Passage, keep_end: bool) -> Result<(), Over> {
        let mut multi = Multi::Start;
        loop {
            let (piece, last) = room.store.piece(&mut multi).await.map_err(|error| {
                self.lost(&error);
                Over(b"")
            })?;
            self.say(&piece);
            if last && keep_end {
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

    async fn retrieved(&mut self, room: &Mailroom, number: u32) -> Result<(), Over> {
        let marks = room.marks_of(std::iter::once(&number));
        if self
            .fetch
            .book
            .note(room.cell(), Step::Retrieved, marks)
            .await
            .is_err()
        {
            self.wire.out().clear();
            return Err(Over(b""));
        }
        Ok(())
    }

    async fn quit(&mut self, room: Mailroom, passage: &Passage) -> Result<(), Over> {
        let (cell, marks) = (room.cell(), room.marks_of(room.deleted.iter()));
        let book = &self.fetch.book;
        if book
            .note(cell.clone(), Step::DeletionInDoubt, marks.clone())
            .await
            .is_err()
        {
            return Err(Over(NOT_LOGGED));
        }
        if !passage.still_valid() {
            return Err(self.cut_off());
        }
        // From here the store may delete; what it does is recorded even when the door closes meanwhile.
        match room.store.quit().await {
            Ok((Status::Ok, line)) => {
                if book.note(cell, Step::DeletionCommitted, marks).await.is_err() {
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
    fn cell(&self) -> CellId {
        self.cell.clone()
    }

    fn marks_of<'a>(&self, numbers: impl Iterator<Item = &'a u32>) -> Vec<MessageMark> {
        let Some(marks) = &self.marks else {
            return Vec::new();
        };
        numbers.filter_map(|number| marks.get(number).copied()).collect()
    }
}
