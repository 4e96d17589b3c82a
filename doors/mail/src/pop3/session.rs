//! The fetch front: a POP3 session passed through to the regular store, as long as every door of the mailbox lets
//! fetching pass. On Held and Shut the session hears `-ERR [SYS/TEMP]` and is cut; without the store's QUIT nothing of
//! it is deleted there.

use std::{collections::BTreeSet, sync::Arc};

use spool::Spool;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use vocabulary::Flow;

use super::{Command, Status, address_of, client, plain, transaction::Mailroom};
use crate::{
    address::Mailbox,
    board::{Board, Passage},
    book::{Book, Salt},
    config::Connections,
    event::{Event, Events, Front, Reason},
    intake::{Clock, FAREWELL},
    listen::{Ending, Serve, ended},
    recut::Badge,
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
    /// Told which of its items were fetched and deleted.
    pub(crate) spool: Arc<Spool>,
    pub(crate) clock: Clock,
}

/// Most messages of one mailbox that a session can tell apart.
pub(super) const MESSAGES_MAX: usize = 500_000;
/// Failed logins after which a session ends.
const LOGINS_MAX: u32 = 3;

const GREETING: &[u8] = b"+OK bulkhead POP3\r\n";
const OK: &[u8] = b"+OK\r\n";
pub(super) const UNKNOWN: &[u8] = b"-ERR Unbekannter Befehl / unknown command\r\n";
pub(super) const CAPA: &[u8] = b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\nRESP-CODES\r\n.\r\n";
const CLOSED: &[u8] = b"-ERR [SYS/TEMP] Abholung voruebergehend geschlossen, nichts geht verloren, bitte spaeter erneut / fetching is closed for now, nothing is lost, try again later\r\n";
pub(super) const UNREACHABLE: &[u8] = b"-ERR [SYS/TEMP] Postfach derzeit nicht erreichbar, bitte spaeter erneut / mailbox cannot be reached now, try again later\r\n";
pub(super) const NOT_LOGGED: &[u8] = b"-ERR [SYS/TEMP] Abruf kann gerade nicht verzeichnet werden, bitte spaeter erneut / cannot record this now, try again later\r\n";
const LATE: &[u8] = b"-ERR timeout\r\n";

impl Serve for Fetch {
    const FRONT: Front = Front::Fetch;

    async fn serve(&self, stream: Stream, _peer: Peer, ending: watch::Receiver<Ending>, badge: &Badge) {
        let bell = self.board.bell();
        let until = Instant::now() + self.bounds.session();
        let mut talk = Talk {
            fetch: self,
            wire: Wire::new(stream),
            bell,
            ending,
            until,
            logins: 0,
            badge,
        };
        if self.board.stops_everyone(Flow::Fetch) {
            talk.refused(Reason::Position);
            talk.say(CLOSED);
        } else if let Err(Over(words)) = talk.run().await {
            talk.wire.out().extend_from_slice(words);
        }
        talk.wire.close(FAREWELL).await;
    }
}

/// The session is over; these are its last words.
pub(super) struct Over(pub(super) &'static [u8]);

/// One session.
pub(super) struct Talk<'a> {
    pub(super) fetch: &'a Fetch,
    pub(super) wire: Wire,
    pub(super) bell: watch::Receiver<u64>,
    pub(super) ending: watch::Receiver<Ending>,
    until: Instant,
    logins: u32,
    badge: &'a Badge,
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

    pub(super) fn say(&mut self, words: &[u8]) {
        self.wire.out().extend_from_slice(words);
    }

    pub(super) fn refused(&self, reason: Reason) {
        self.fetch.events.tell(Event::Refused {
            front: Front::Fetch,
            reason,
        });
    }

    pub(super) fn cut_off(&self) -> Over {
        self.fetch.events.tell(Event::Cut { front: Front::Fetch });
        Over(CLOSED)
    }

    /// Reads one command; `None` is a line that is none.
    pub(super) async fn command(&mut self, passage: Option<&Passage>) -> Result<Option<Command>, Over> {
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
    ) -> Result<Option<(Mailroom, Arc<Passage>)>, Over> {
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
        // While the store is waited for, nobody here looks at the door.
        let passage = Arc::new(passage);
        self.badge.goes_by(&passage);
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
}
