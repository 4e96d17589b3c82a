//! The submission front: the insurer's own sending, passed through to the regular server as long as every door of the
//! mailbox lets sending pass. On Held and Shut a session hears 421 and is cut; its client repeats.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use vocabulary::Flow;

use crate::{
    address::Mailbox,
    board::{Board, Passage},
    config::Connections,
    event::{Event, Events, Front, Reason},
    forward::client::{Client, Error},
    intake::{Clock, FAREWELL},
    listen::{Ending, Serve, ended},
    minutes::Minutes,
    pop3::{address_of, client::encode_plain, plain},
    recut::Badge,
    route::Routes,
    smtp::{
        command::{Command, Mechanism, Secret},
        lines::{Cut, cut},
        reply::{Heard, Reply},
        session::{BARE_NEWLINE, CUT},
    },
    tls::{Dialer, Peer},
    wire::{Stream, Wire},
};

mod overheard;
use overheard::Overheard;

/// All that submission sessions share.
pub(crate) struct Submission {
    pub(crate) routes: Arc<Routes>,
    pub(crate) board: Board,
    pub(crate) events: Arc<Events>,
    pub(crate) minutes: Arc<Minutes>,
    pub(crate) clock: Clock,
    pub(crate) bounds: Connections,
    pub(crate) dialer: Dialer,
    pub(crate) host: Arc<str>,
    /// What is offered before the regular server is known: SIZE and the rest, with AUTH.
    pub(crate) ehlo: Arc<str>,
}

/// Failed logins after which a session ends.
const LOGINS_MAX: u32 = 3;
/// Commands before login after which a session ends.
const COMMANDS_MAX: u32 = 100;

const LATE: Reply = Reply::fixed(421, "4.4.2 Zeit abgelaufen / timed out");
const UNREACHABLE: Reply = Reply::fixed(
    454,
    "4.7.0 Mailserver derzeit nicht erreichbar / mail server cannot be reached now",
);
const OK: Reply = Reply::fixed(250, "2.0.0 OK");

impl Serve for Submission {
    const FRONT: Front = Front::Submission;

    async fn serve(&self, stream: Stream, _peer: Peer, ending: watch::Receiver<Ending>, badge: &Badge) {
        let bell = self.board.bell();
        let until = Instant::now() + self.bounds.session();
        let mut talk = Talk {
            front: self,
            wire: Wire::new(stream),
            bell,
            ending,
            until,
            logins: 0,
            badge,
        };
        if self.board.stops_everyone(Flow::Send) {
            talk.refused(Reason::Position);
            talk.say(&CUT);
        } else if let Err(Over(Some(reply))) = talk.run().await {
            talk.say(&reply);
        }
        talk.wire.close(FAREWELL).await;
    }
}

/// The session is over, with last words or without.
struct Over(Option<Reply>);

struct Talk<'a> {
    front: &'a Submission,
    wire: Wire,
    bell: watch::Receiver<u64>,
    ending: watch::Receiver<Ending>,
    until: Instant,
    logins: u32,
    badge: &'a Badge,
}

impl Talk<'_> {
    async fn run(&mut self) -> Result<(), Over> {
        let greeting = Reply::made(220, format!("{} ESMTP", self.front.host));
        self.say(&greeting);
        for _ in 0..COMMANDS_MAX {
            let line = self.line().await?;
            let reply = match Command::read(&line) {
                Ok(Command::Ehlo) => Reply::made(250, self.front.ehlo.to_string()),
                Ok(Command::Helo) => Reply::made(250, self.front.host.to_string()),
                Ok(Command::Rset | Command::Noop) => OK,
                Ok(Command::Quit) => return Err(Over(Some(Reply::fixed(221, "2.0.0 Bye")))),
                Ok(Command::Mail(_) | Command::Rcpt(_) | Command::Data) => {
                    Reply::fixed(530, "5.7.0 Anmeldung erforderlich / authentication required")
                }
                Ok(Command::Vrfy) | Err(_) => {
                    Reply::fixed(502, "5.5.1 Befehl wird nicht angeboten / command not offered")
                }
                Ok(Command::Auth(mechanism, initial)) => match self.credentials(mechanism, initial).await? {
                    Ok((user, password)) => match self.login(&user, &password).await? {
                        Ok((upstream, passage, words)) => {
                            self.say(&words);
                            // It was one when it logged in.
                            let mailbox = Mailbox::new(address_of(&user)).ok();
                            return self.relay(upstream, &passage, mailbox.as_ref()).await;
                        }
                        Err(reply) => reply,
                    },
                    Err(reply) => reply,
                },
            };
            self.say(&reply);
        }
        Err(Over(Some(Reply::fixed(
            421,
            "4.7.0 Zu viele Befehle ohne Anmeldung / too many commands",
        ))))
    }

    fn say(&mut self, reply: &Reply) {
        reply.write(self.wire.out());
    }

    fn refused(&self, reason: Reason) {
        self.front.events.tell(Event::Refused {
            front: Front::Submission,
            reason,
        });
    }

    fn cut_off(&self) -> Over {
        self.front.events.tell(Event::Cut {
            front: Front::Submission,
        });
        Over(Some(CUT))
    }

    /// Sends what waits and reads one line before login.
    async fn line(&mut self) -> Result<Vec<u8>, Over> {
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
                    return Err(Over(Some(BARE_NEWLINE)));
                }
            }
            if self.front.board.stops_everyone(Flow::Send) {
                return Err(self.cut_off());
            }
            let wait = self.patience();
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
                Ok(Ok(Some(0)) | Err(_)) => return Err(Over(None)),
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) if *self.ending.borrow() == Ending::Draining => return Err(Over(Some(CUT))),
                Ok(Ok(None)) => {}
                Err(_) => {
                    self.refused(Reason::Late);
                    return Err(Over(Some(LATE)));
                }
            }
        }
    }

    fn patience(&self) -> std::time::Duration {
        let now = Instant::now();
        self.until
            .min(now + self.front.bounds.idle())
            .saturating_duration_since(now)
    }

    /// Hears user and password by PLAIN or LOGIN.
    async fn credentials(
        &mut self,
        mechanism: Mechanism,
        initial: Option<Secret>,
    ) -> Result<Result<(String, Secret), Reply>, Over> {
        const MALFORMED: Reply = Reply::fixed(501, "5.5.4 Anmeldedaten unlesbar / malformed credentials");
        match mechanism {
            Mechanism::Unknown => Ok(Err(Reply::fixed(
                504,
                "5.7.4 Verfahren wird nicht angeboten / mechanism not offered",
            ))),
            Mechanism::Plain => {
                let response = match initial {
                    Some(Secret(bytes)) => bytes.into_vec(),
                    None => self.prompt("").await?,
                };
                Ok(plain(&response).ok_or(MALFORMED))
            }
            Mechanism::Login => {
                let user = match initial {
                    Some(Secret(bytes)) => bytes.into_vec(),
                    None => self.prompt("VXNlcm5hbWU6").await?,
                };
                let password = self.prompt("UGFzc3dvcmQ6").await?;
                // The same checks as for PLAIN: no NUL, no line end, bounded.
                let both = [&b"\0"[..], &decode(&user), b"\0", &decode(&password)].concat();
                Ok(plain(STANDARD.encode(both).as_bytes()).ok_or(MALFORMED))
            }
        }
    }

    async fn prompt(&mut self, text: &'static str) -> Result<Vec<u8>, Over> {
        self.say(&Reply::fixed(334, text));
        let line = self.line().await?;
        if line == b"*" {
            Err(Over(Some(Reply::fixed(
                421,
                "4.7.0 Anmeldung abgebrochen / authentication cancelled",
            ))))
        } else {
            Ok(line)
        }
    }

    /// Logs in at the regular server with the same words.
    async fn login(
        &mut self,
        user: &str,
        password: &Secret,
    ) -> Result<Result<(Client, Arc<Passage>, Reply), Reply>, Over> {
        self.logins += 1;
        if self.logins > LOGINS_MAX {
            return Err(Over(Some(Reply::fixed(
                421,
                "4.7.0 Zu viele Versuche / too many attempts",
            ))));
        }
        let Ok(mailbox) = Mailbox::new(address_of(user)) else {
            return Ok(Err(Reply::fixed(
                501,
                "5.5.4 Kein gueltiger Benutzername / no valid user name",
            )));
        };
        let cells = self.front.routes.cells_of(&mailbox).cloned().collect::<Vec<_>>();
        if cells.is_empty() {
            self.refused(Reason::Unknown);
            return Ok(Err(UNREACHABLE));
        }
        let Ok(passage) = self.front.board.pass_all(&cells, Flow::Send, mailbox.as_str()) else {
            self.refused(Reason::Position);
            return Err(self.cut_off());
        };
        // While the regular server is waited for, nobody here looks at the door.
        let passage = Arc::new(passage);
        self.badge.goes_by(&passage);
        let connected = async {
            let mut client =
                Client::connect(&self.front.dialer, &self.front.host, self.front.bounds.upstream()).await?;
            let heard = client.auth_plain(&encode_plain(user, password)).await?;
            Ok::<_, Error>((client, heard))
        };
        match connected.await {
            Ok((client, heard)) if heard.code == 235 => Ok(Ok((client, passage, passed_on(&heard)))),
            Ok((_, heard)) => {
                self.refused(Reason::Upstream);
                Ok(Err(passed_on(&heard)))
            }
            Err(error) => {
                self.refused(Reason::Upstream);
                self.front.events.tell(Event::Trouble {
                    part: "submission".to_owned(),
                    what: error.to_string(),
                });
                Ok(Err(UNREACHABLE))
            }
        }
    }

    /// Counts the error mails among what the server took.
    fn count(&self, mailbox: Option<&Mailbox>, sent: &[overheard::Sent]) {
        let Some(mailbox) = mailbox else { return };
        for mail in sent.iter().filter(|mail| mail.outer.is_error_mail()) {
            let mark = mail.outer.service_mark.as_deref();
            if let Some(cell) = self.front.routes.cell(mailbox, mark) {
                let minutes = &self.front.minutes;
                let to: Vec<u8> = mail.to.iter().map(|to| minutes.place(to.as_str())).collect();
                minutes.answered(cell, &to, (self.front.clock)());
            }
        }
    }

    /// Passes bytes both ways until one side ends or a door closes.
    async fn relay(
        &mut self,
        upstream: Client,
        passage: &Passage,
        mailbox: Option<&Mailbox>,
    ) -> Result<(), Over> {
        let mut upstream = upstream.into_wire();
        let mut overheard = Overheard::new();
        loop {
            if !passage.still_valid() {
                return Err(self.cut_off());
            }
            let wait = self.patience();
            let (wire, bell, ending) = (&mut self.wire, &mut self.bell, &mut self.ending);
            let mut sent = Vec::new();
            let happened = timeout(wait, async {
                tokio::select! {
                    biased;
                    _ = bell.changed() => Ok(Relayed::Rung),
                    () = ended(ending) => Ok(Relayed::Ending),
                    relayed = relay_once(wire, &mut upstream, &mut overheard, &mut sent) => relayed,
                }
            });
            let happened = happened.await;
            self.count(mailbox, &sent);
            match happened {
                Ok(Ok(Relayed::Bytes | Relayed::Rung)) => {}
                Ok(Ok(Relayed::Ending)) => return Err(Over(Some(CUT))),
                Ok(Ok(Relayed::Over)) => {
                    // What the server said last still goes out.
                    upstream.close(FAREWELL).await;
                    return Ok(());
                }
                Ok(Err(_)) => return Err(Over(None)),
                Err(_) => {
                    self.refused(Reason::Late);
                    return Err(Over(Some(LATE)));
                }
            }
        }
    }
}

enum Relayed {
    Bytes,
    Rung,
    Ending,
    Over,
}

/// Moves bytes once in one direction. May be dropped: what was read stays in its buffer.
async fn relay_once(
    client: &mut Wire,
    server: &mut Wire,
    overheard: &mut Overheard,
    sent: &mut Vec<overheard::Sent>,
) -> std::io::Result<Relayed> {
    client.flush().await?;
    server.flush().await?;
    let count = tokio::select! {
        count = client.fill() => count?,
        count = server.fill() => count?,
    };
    overheard.client(client.unread());
    hand_across(client, server);
    sent.extend(overheard.server(server.unread()));
    hand_across(server, client);
    if count == 0 {
        client.flush().await?;
        return Ok(Relayed::Over);
    }
    Ok(Relayed::Bytes)
}

fn hand_across(from: &mut Wire, to: &mut Wire) {
    to.out().extend_from_slice(from.unread());
    from.consume(usize::MAX);
}

fn decode(text: &[u8]) -> Vec<u8> {
    // An undecodable answer becomes an impossible one, which is refused with the other malformed ones.
    STANDARD.decode(text.trim_ascii()).unwrap_or_else(|_| vec![0])
}

/// A reply of the regular server, passed on with its own words, control characters removed.
fn passed_on(heard: &Heard) -> Reply {
    let clean = |line: &String| {
        line.chars()
            .filter(|c| (' '..='~').contains(c))
            .collect::<String>()
    };
    Reply::made(
        heard.code,
        heard.lines.iter().map(clean).collect::<Vec<_>>().join("\n"),
    )
}
