//! One POP3 connection to a regular store.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::time::timeout;

use super::{Multi, Status, status};
use crate::{smtp::command::Secret, tls::Dialer, wire::Wire};

/// Why a store could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("connection failed ({})", .0.kind())]
    Io(#[from] std::io::Error),
    #[error("no answer in time")]
    Late,
    #[error("the store closed the connection")]
    Closed,
    #[error("the store's answer is not POP3")]
    Form,
    #[error("the store answered -ERR to {0}")]
    Refused(&'static str),
}

/// Longest status or list line (RFC 2449 section 4 allows 512 bytes).
const LINE_BYTES_MAX: usize = 4_096;

/// A connection after the greeting.
pub(crate) struct Client {
    wire: Wire,
    within: Duration,
}

impl Client {
    pub(crate) async fn connect(dialer: &Dialer, within: Duration) -> Result<Self, Error> {
        let mut client = Self {
            wire: Wire::new(dialer.dial().await?),
            within,
        };
        match client.status().await? {
            (Status::Ok, _) => Ok(client),
            (Status::Err, _) => Err(Error::Refused("the connection")),
        }
    }

    /// Sends one line and reads the status line of the answer, which is given back with its CRLF.
    pub(crate) async fn ask(&mut self, line: &[u8]) -> Result<(Status, Vec<u8>), Error> {
        self.wire.out().extend_from_slice(line);
        self.wire.out().extend_from_slice(b"\r\n");
        self.status().await
    }

    async fn status(&mut self) -> Result<(Status, Vec<u8>), Error> {
        let line = self.line().await?;
        let text = line.strip_suffix(b"\r\n").ok_or(Error::Form)?;
        Ok((status(text).ok_or(Error::Form)?, line))
    }

    /// One line with its CRLF.
    async fn line(&mut self) -> Result<Vec<u8>, Error> {
        let (wire, within) = (&mut self.wire, self.within);
        let line = async {
            wire.flush().await?;
            loop {
                let unread = wire.unread();
                if let Some(at) = memchr::memmem::find(unread, b"\r\n") {
                    let line = unread.get(..at + 2).unwrap_or_default().to_vec();
                    wire.consume(at + 2);
                    return Ok(line);
                }
                if unread.len() > LINE_BYTES_MAX {
                    return Err(Error::Form);
                }
                if wire.fill().await? == 0 {
                    return Err(Error::Closed);
                }
            }
        };
        timeout(within, line).await.map_err(|_| Error::Late)?
    }

    /// The next piece of a multi-line answer as it came, and whether it was the last.
    pub(crate) async fn piece(&mut self, multi: &mut Multi) -> Result<(Vec<u8>, bool), Error> {
        if self.wire.unread().is_empty() {
            let count = timeout(self.within, self.wire.fill())
                .await
                .map_err(|_| Error::Late)??;
            if count == 0 {
                return Err(Error::Closed);
            }
        }
        let unread = self.wire.unread();
        let end = multi.feed(unread);
        let piece = unread
            .get(..end.unwrap_or(unread.len()))
            .unwrap_or_default()
            .to_vec();
        self.wire.consume(piece.len());
        Ok((piece, end.is_some()))
    }

    /// The lines of a multi-line answer that is short by nature, each without CRLF; `lines_max` bounds it.
    pub(crate) async fn list(&mut self, lines_max: usize) -> Result<Vec<Vec<u8>>, Error> {
        let mut lines = Vec::new();
        loop {
            let mut line = self.line().await?;
            line.truncate(line.len().saturating_sub(2));
            if line == b"." {
                return Ok(lines);
            }
            if lines.len() >= lines_max {
                return Err(Error::Form);
            }
            lines.push(line);
        }
    }

    /// Logs in by USER and PASS; the status line decides and is given back.
    pub(crate) async fn login(&mut self, user: &str, password: &Secret) -> Result<(Status, Vec<u8>), Error> {
        let mut line = b"USER ".to_vec();
        line.extend_from_slice(user.as_bytes());
        match self.ask(&line).await? {
            (Status::Ok, _) => {}
            refused @ (Status::Err, _) => return Ok(refused),
        }
        let mut line = b"PASS ".to_vec();
        line.extend_from_slice(&password.0);
        self.ask(&line).await
    }

    /// Logs in by AUTH PLAIN.
    pub(crate) async fn login_plain(
        &mut self,
        user: &str,
        password: &Secret,
    ) -> Result<(Status, Vec<u8>), Error> {
        let mut line = b"AUTH PLAIN ".to_vec();
        line.extend_from_slice(encode_plain(user, password).as_bytes());
        self.ask(&line).await
    }

    /// Ends the session; `Ok` means that the store has entered and finished its UPDATE state (RFC 1939 section 6).
    pub(crate) async fn quit(mut self) -> Result<(Status, Vec<u8>), Error> {
        self.ask(b"QUIT").await
    }
}

/// AUTH PLAIN's response (RFC 4616).
pub(crate) fn encode_plain(user: &str, password: &Secret) -> String {
    let mut plain = vec![0];
    plain.extend_from_slice(user.as_bytes());
    plain.push(0);
    plain.extend_from_slice(&password.0);
    STANDARD.encode(plain)
}
