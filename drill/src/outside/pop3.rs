//! POP3 (RFC 1939) with UIDL and TOP, small and strict, both sides.

use core::time::Duration;
use std::{io, sync::Arc};

use super::wire::{Lines, Stream, Way};

const SESSION_MAX: Duration = Duration::from_secs(60);
const MAIL_BYTES_MAX: usize = super::smtp::MAIL_BYTES_MAX;

/// A stored mail: its unique id and its bytes.
pub(super) type Stored = (u64, Arc<Vec<u8>>);

/// A mailbox store.
pub(super) trait Store: Send + Sync + 'static {
    /// Whether to talk at all; asked before every command.
    fn willing(&self) -> bool;
    /// What lies in a mailbox; `None` when there is none of this name or the password is wrong.
    fn list(&self, mailbox: &str, password: &str) -> Option<Vec<Stored>>;
    /// Removes mails for good.
    fn delete(&self, mailbox: &str, ids: &[u64]);
}

/// One mailbox opened by one session (RFC 1939 section 4).
struct Opened {
    mailbox: String,
    mails: Vec<Stored>,
    deleted: Vec<bool>,
}

impl Opened {
    fn get(&self, number: &str) -> Option<(usize, &Stored)> {
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        if *self.deleted.get(index)? {
            None
        } else {
            Some((index, self.mails.get(index)?))
        }
    }

    fn left(&self) -> impl Iterator<Item = (usize, &Stored)> {
        self.mails
            .iter()
            .enumerate()
            .filter(|(index, _)| self.deleted.get(*index) == Some(&false))
            .map(|(index, stored)| (index.saturating_add(1), stored))
    }
}

/// Serves one connection until it ends. Deletions count only after QUIT.
///
/// # Errors
/// The stream's own.
pub(super) async fn serve<S: Store>(stream: Box<dyn Stream>, store: Arc<S>) -> io::Result<()> {
    let mut lines = Lines::new(stream);
    if !store.willing() {
        return lines.say("-ERR [SYS/TEMP] off\r\n").await;
    }
    lines.say("+OK ready\r\n").await?;
    let mut user = String::new();
    let mut open: Option<Opened> = None;
    loop {
        let Some(line) = lines.line().await? else {
            return Ok(());
        };
        let line = String::from_utf8_lossy(&line).into_owned();
        if !store.willing() {
            return lines.say("-ERR [SYS/TEMP] off\r\n").await;
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match (verb.to_ascii_uppercase().as_str(), open.as_mut()) {
            ("QUIT", drop) => {
                if let Some(drop) = drop {
                    let gone: Vec<u64> = drop
                        .mails
                        .iter()
                        .zip(&drop.deleted)
                        .filter(|(_, deleted)| **deleted)
                        .map(|((id, _), _)| *id)
                        .collect();
                    store.delete(&drop.mailbox, &gone);
                }
                return lines.say("+OK bye\r\n").await;
            }
            ("CAPA", _) => lines.say("+OK\r\nTOP\r\nUSER\r\nUIDL\r\n.\r\n").await?,
            ("USER", None) => {
                rest.clone_into(&mut user);
                lines.say("+OK\r\n").await?;
            }
            ("PASS", None) => match store.list(&user, rest) {
                Some(mails) => {
                    let deleted = vec![false; mails.len()];
                    open = Some(Opened {
                        mailbox: user.clone(),
                        mails,
                        deleted,
                    });
                    lines.say("+OK\r\n").await?;
                }
                None => lines.say("-ERR [AUTH] no\r\n").await?,
            },
            ("NOOP", Some(_)) => lines.say("+OK\r\n").await?,
            (verb, Some(drop)) => transaction(&mut lines, verb, rest, drop).await?,
            (_, None) => lines.say("-ERR log in first\r\n").await?,
        }
    }
}

async fn transaction(lines: &mut Lines, verb: &str, rest: &str, drop: &mut Opened) -> io::Result<()> {
    let (number, _) = rest.split_once(' ').unwrap_or((rest, ""));
    match verb {
        "STAT" => {
            let octets: usize = drop.left().map(|(_, (_, data))| data.len()).sum();
            lines
                .say(&format!("+OK {} {octets}\r\n", drop.left().count()))
                .await
        }
        "LIST" | "UIDL" => {
            let shown = |index: usize, (id, data): &Stored| match verb {
                "UIDL" => format!("{index} m{id}"),
                _list => format!("{index} {}", data.len()),
            };
            if rest.is_empty() {
                let all: String = drop
                    .left()
                    .map(|(index, stored)| shown(index, stored) + "\r\n")
                    .collect();
                return lines.say(&format!("+OK\r\n{all}.\r\n")).await;
            }
            match drop.get(number) {
                Some((index, stored)) => {
                    lines
                        .say(&format!("+OK {}\r\n", shown(index.saturating_add(1), stored)))
                        .await
                }
                None => lines.say("-ERR no such mail\r\n").await,
            }
        }
        "RETR" | "TOP" => match drop.get(number).map(|(_, (_, data))| data.clone()) {
            Some(data) => {
                lines.say("+OK\r\n").await?;
                let end = data.windows(4).position(|window| window == b"\r\n\r\n");
                let head = end
                    .and_then(|end| data.get(..end.saturating_add(4)))
                    .unwrap_or(&data);
                lines.say_dotted(if verb == "TOP" { head } else { &data }).await
            }
            None => lines.say("-ERR no such mail\r\n").await,
        },
        "DELE" => match drop.get(number).map(|(index, _)| index) {
            Some(index) => {
                if let Some(flag) = drop.deleted.get_mut(index) {
                    *flag = true;
                }
                lines.say("+OK\r\n").await
            }
            None => lines.say("-ERR no such mail\r\n").await,
        },
        "RSET" => {
            drop.deleted.fill(false);
            lines.say("+OK\r\n").await
        }
        _unknown => lines.say("-ERR unknown\r\n").await,
    }
}

/// A client's session, step by step.
pub(super) struct Session {
    lines: Lines,
}

impl Session {
    /// Connects and logs in. May be dropped.
    ///
    /// # Errors
    /// The stream's own; `Other` when the server says no.
    pub(super) async fn open(way: &Way, user: &str, password: &str) -> io::Result<Self> {
        limited(async {
            let mut session = Self {
                lines: way.open().await?,
            };
            session.ok().await?;
            session.ask(&format!("USER {user}\r\n")).await?;
            session.ask(&format!("PASS {password}\r\n")).await?;
            Ok(session)
        })
        .await
    }

    async fn ok(&mut self) -> io::Result<String> {
        let line = self.lines.text().await?;
        if line.starts_with("+OK") {
            Ok(line)
        } else {
            Err(io::Error::other(line))
        }
    }

    async fn ask(&mut self, command: &str) -> io::Result<String> {
        self.lines.say(command).await?;
        self.ok().await
    }

    /// Message numbers and unique ids.
    pub(super) async fn list(&mut self) -> io::Result<Vec<(u32, String)>> {
        limited(async {
            self.ask("UIDL\r\n").await?;
            let text = self.lines.dotted(MAIL_BYTES_MAX).await?;
            let text = String::from_utf8_lossy(&text).into_owned();
            Ok(text
                .lines()
                .filter_map(|line| {
                    let (number, id) = line.split_once(' ')?;
                    Some((number.parse().ok()?, id.to_owned()))
                })
                .collect())
        })
        .await
    }

    pub(super) async fn retrieve(&mut self, number: u32) -> io::Result<Vec<u8>> {
        limited(async {
            self.ask(&format!("RETR {number}\r\n")).await?;
            self.lines.dotted(MAIL_BYTES_MAX).await
        })
        .await
    }

    pub(super) async fn delete(&mut self, number: u32) -> io::Result<()> {
        limited(async { self.ask(&format!("DELE {number}\r\n")).await.map(drop) }).await
    }

    /// Ends the session; deletions count from here.
    pub(super) async fn quit(mut self) -> io::Result<()> {
        limited(async { self.ask("QUIT\r\n").await.map(drop) }).await
    }
}

async fn limited<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(SESSION_MAX, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
