//! One session: lines in, effects out.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use kim::{
    answers::{Pop3, pop3},
    header,
    pop3::{Effect, Event, LINE_BYTES_MAX, Login, Mailbox, Opened, Session, Stuffer, Uid, What},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    task::spawn_blocking,
    time::timeout,
};

use super::{Claim, Denied, Shared};

/// Bytes read from a mailbox at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Bytes of one line that are thrown away before the session ends.
const THROWN_AWAY_MAX: usize = 64 * 1024;

/// Says that there is no room, and closes.
pub(super) async fn turn_away<S: AsyncWrite + Unpin>(mut stream: S, wait: Duration) -> io::Result<()> {
    let line = format!("{}\r\n", pop3(Pop3::Unavailable));
    within(wait, stream.write_all(line.as_bytes())).await?;
    within(wait, stream.shutdown()).await
}

/// Talks until the session ends.
pub(super) async fn talk<S>(stream: S, shared: &Shared) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut wire = Wire {
        stream,
        read: Vec::new(),
        wait: shared.config.wait,
    };
    let mut held = None;
    let (mut session, mut effects) = Session::begin(shared.config.limits);
    loop {
        let mut happened = None;
        for effect in effects {
            match effect {
                Effect::Say(bytes) => wire.write(&bytes).await?,
                Effect::Open(login) => happened = Some(Event::Opened(open(login, shared, &mut held).await)),
                Effect::Send(uid, what) => happened = Some(send(&mut wire, held.as_ref(), uid, what).await?),
                Effect::Delete(uids) => happened = Some(delete(held.as_ref(), uids).await),
                Effect::Close => return wire.close().await,
            }
        }
        effects = match happened {
            Some(event) => session.next(&event),
            None => match wire.line().await? {
                Line::Whole(line) => session.next(&Event::Line(&line)),
                Line::TooLong => session.next(&Event::LineTooLong),
                Line::Late => session.next(&Event::Timeout),
                Line::Closed => return Ok(()),
            },
        };
    }
}

/// A mailbox and the right to be alone in it.
struct Held {
    mailbox: Arc<dyn Mailbox>,
    _claim: Claim,
}

async fn open(login: Login, shared: &Shared, held: &mut Option<Held>) -> Opened {
    let (doorkeeper, taken) = (Arc::clone(&shared.doorkeeper), Arc::clone(&shared.taken));
    let opened = spawn_blocking(move || {
        let mailbox = match doorkeeper.open(&login) {
            Ok(mailbox) => mailbox,
            Err(Denied::Rejected) => return (Opened::Rejected, None),
            Err(Denied::Unavailable(_)) => return (Opened::Unavailable, None),
        };
        let Some(claim) = Claim::take(&login.user, &taken) else {
            return (Opened::InUse, None);
        };
        match mailbox.list() {
            Ok(entries) => (
                Opened::Accepted(entries),
                Some(Held {
                    mailbox,
                    _claim: claim,
                }),
            ),
            Err(_) => (Opened::Unavailable, None),
        }
    });
    // A mailbox that panics is one that is not available.
    let (opened, now) = opened.await.unwrap_or((Opened::Unavailable, None));
    *held = now;
    opened
}

async fn delete(held: Option<&Held>, uids: Vec<Uid>) -> Event<'static> {
    let Some(mailbox) = held.map(|held| Arc::clone(&held.mailbox)) else {
        return Event::NotDeleted;
    };
    match spawn_blocking(move || mailbox.delete(&uids)).await {
        Ok(Ok(())) => Event::Deleted,
        Ok(Err(_)) | Err(_) => Event::NotDeleted,
    }
}

/// Sends a message piece by piece. Once `+OK` is said there is no way to take it back: a failure ends the connection
/// without the final dot, and the client keeps nothing.
async fn send<S>(wire: &mut Wire<S>, held: Option<&Held>, uid: Uid, what: What) -> io::Result<Event<'static>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Some(mailbox) = held.map(|held| Arc::clone(&held.mailbox)) else {
        return Ok(Event::NotSent);
    };
    let Ok(Ok(mut reader)) = spawn_blocking(move || mailbox.open(&uid)).await else {
        return Ok(Event::NotSent);
    };
    let (mut stuffer, mut out) = (Stuffer::default(), b"+OK\r\n".to_vec());
    let mut head = Vec::new();
    loop {
        let (back, piece) = piece(reader).await?;
        reader = back;
        let last = piece.is_empty();
        match what {
            What::Whole => stuffer.feed(&piece, &mut out),
            What::Header => {
                head.extend_from_slice(&piece);
                let end = header::end(&head);
                if end.is_some() || last || head.len() >= header::HEADER_BYTES_MAX {
                    let cut = end.unwrap_or(head.len()).min(header::HEADER_BYTES_MAX);
                    stuffer.feed(head.get(..cut).unwrap_or_default(), &mut out);
                    break;
                }
            }
        }
        if last {
            break;
        }
        wire.write(&out).await?;
        out.clear();
    }
    stuffer.finish(&mut out);
    wire.write(&out).await?;
    Ok(Event::Sent)
}

type Source = Box<dyn Read + Send>;

async fn piece(mut reader: Source) -> io::Result<(Source, Vec<u8>)> {
    let read = spawn_blocking(move || {
        let mut piece = vec![0; PIECE_BYTES];
        let count = loop {
            match reader.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        count.map(|count| {
            piece.truncate(count);
            (reader, piece)
        })
    });
    read.await.map_err(io::Error::other)?
}

/// A connection with what was read and not yet used.
struct Wire<S> {
    stream: S,
    read: Vec<u8>,
    wait: Duration,
}

/// What came in.
enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// One that was too long, thrown away.
    TooLong,
    /// Nothing in time.
    Late,
    /// The client has gone.
    Closed,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire<S> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        within(self.wait, self.stream.write_all(bytes)).await?;
        within(self.wait, self.stream.flush()).await
    }

    async fn close(mut self) -> io::Result<()> {
        within(self.wait, self.stream.shutdown()).await
    }

    /// The next line, as a whole within the wait: a drop every minute does not keep a session.
    async fn line(&mut self) -> io::Result<Line> {
        let wait = self.wait;
        timeout(wait, self.line_in_time()).await.unwrap_or(Ok(Line::Late))
    }

    async fn line_in_time(&mut self) -> io::Result<Line> {
        let mut thrown_away = 0usize;
        loop {
            if let Some(at) = self.read.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.read.drain(..=at).collect();
                line.pop();
                line.pop_if(|byte| *byte == b'\r');
                let too_long = thrown_away > 0 || line.len() > LINE_BYTES_MAX;
                return Ok(if too_long {
                    Line::TooLong
                } else {
                    Line::Whole(line)
                });
            }
            if self.read.len() > LINE_BYTES_MAX + 1 {
                thrown_away = thrown_away.saturating_add(self.read.len());
                self.read.clear();
                if thrown_away > THROWN_AWAY_MAX {
                    return Ok(Line::Closed);
                }
            }
            let mut piece = [0; 4096];
            let count = self.stream.read(&mut piece).await?;
            if count == 0 {
                return Ok(Line::Closed);
            }
            self.read
                .extend_from_slice(piece.get(..count).unwrap_or_default());
        }
    }
}

async fn within<T>(wait: Duration, act: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(wait, act).await.map_err(io::Error::other)?
}
