//! Sealed items on their way to an emergency environment. The grant is looked at before each piece is read, and again
//! before each piece is given to the connection.

use std::{
    convert::Infallible,
    io::Read as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use door::EmergencyPermit;
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use spool::{ItemId, KeyEpoch, Listed, Reader};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::timeout,
};

use super::listen::Cut;
use crate::emergency_wire::{END, ItemHead};

/// Items in one answer; the reader asks again from the last it made durable.
const ITEMS_MAX: u32 = 1_000;
/// Sealed bytes in one answer, but at least one item.
const BYTES_MAX: u64 = 32 << 20;
/// Bytes read at once.
const PIECE: usize = 64 << 10;
/// A reader that takes nothing for so long has lost its place.
const STALL: Duration = Duration::from_secs(60);
/// Pieces that wait for a slow reader.
const PIECES_MAX: usize = 4;

/// What may be handed out in one answer.
///
/// # Errors
/// When the cache cannot be read.
pub(super) fn list(
    reader: &Reader,
    epoch: KeyEpoch,
    after: Option<ItemId>,
) -> Result<Vec<Listed>, spool::Error> {
    let mut listed = reader.next_after(epoch, after, ITEMS_MAX)?;
    let mut bytes = 0_u64;
    let fits = listed
        .iter()
        .take_while(|one| {
            let first = bytes == 0;
            bytes = bytes.saturating_add(one.bytes);
            first || bytes <= BYTES_MAX
        })
        .count();
    listed.truncate(fits);
    Ok(listed)
}

/// The grant ended while items were on their way.
#[derive(Debug, thiserror::Error)]
#[error("the emergency grant ended")]
pub(super) struct Ended;

/// Items on their way.
pub(super) struct Streamed {
    pieces: mpsc::Receiver<Result<Bytes, Ended>>,
    permit: Arc<EmergencyPermit>,
    /// Dropped with the stream: whoever watches the grant for it can stop.
    _alive: oneshot::Sender<Infallible>,
    _place: OwnedSemaphorePermit,
}

/// Begins to send. `watched` is a second hold on the same grant: its end cuts the connection.
pub(super) fn start(
    reader: Reader,
    listed: Vec<Listed>,
    permit: EmergencyPermit,
    mut watched: EmergencyPermit,
    cut: &Cut,
    place: OwnedSemaphorePermit,
) -> Streamed {
    let (give, pieces) = mpsc::channel(PIECES_MAX);
    let (alive, over) = oneshot::channel();
    let permit = Arc::new(permit);
    let lasting = permit.clone();
    let give = Give {
        pieces: give,
        waiting: Handle::current(),
        cut: cut.clone(),
    };
    // Ends with the stream: a receiver that is gone, or takes nothing for long, stops it at the next piece.
    tokio::task::spawn_blocking(move || send(&reader, &listed, &lasting, &give));
    let cut = cut.clone();
    // Ends with the stream or the grant, whichever is first.
    tokio::spawn(async move {
        tokio::select! {
            () = watched.revoked() => cut.now(),
            _ = over => {}
        }
    });
    Streamed {
        pieces,
        permit,
        _alive: alive,
        _place: place,
    }
}

/// Where pieces are put by a thread that may wait.
struct Give {
    pieces: mpsc::Sender<Result<Bytes, Ended>>,
    waiting: Handle,
    cut: Cut,
}

impl Give {
    fn put(&self, piece: Result<Bytes, Ended>) -> Option<()> {
        let put = async { timeout(STALL, self.pieces.send(piece)).await };
        match self.waiting.block_on(put) {
            Ok(put) => put.ok(),
            Err(_) => {
                self.cut.now();
                None
            }
        }
    }
}

fn send(reader: &Reader, listed: &[Listed], permit: &EmergencyPermit, give: &Give) {
    // Whoever no longer listens, or may not, gets nothing more; there is nothing to clean up.
    let _stopped = send_all(reader, listed, permit, give);
}

fn send_all(reader: &Reader, listed: &[Listed], permit: &EmergencyPermit, give: &Give) -> Option<()> {
    let put = |bytes: Vec<u8>| {
        let piece = if permit.still_valid() {
            Ok(Bytes::from(bytes))
        } else {
            Err(Ended)
        };
        let goes_on = piece.is_ok();
        give.put(piece)?;
        goes_on.then_some(())
    };
    for one in listed {
        let mut sealed = match reader.sealed(one.item) {
            Ok(sealed) => sealed,
            // Its space was given back since it was listed: it had been handed over.
            Err(spool::Error::NoSuchItem { .. }) => continue,
            Err(error) => {
                tracing::error!(item = %one.item, %error, "an item cannot be read from any store");
                put(head(one, 0, 0).write())?;
                continue;
            }
        };
        let front = sealed.front().to_vec();
        let mut bytes = head(one, front.len(), sealed.body_len()).write();
        bytes.extend(front);
        put(bytes)?;
        while sealed.body_len() > 0 {
            let len = usize::try_from(sealed.body_len()).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; len];
            if let Err(error) = sealed.read_exact(&mut piece) {
                tracing::error!(item = %one.item, %error, "an item broke off while it was read");
                return None;
            }
            put(piece)?;
        }
    }
    put(END.to_vec())
}

/// Lengths of nothing say that no store has the item whole.
fn head(one: &Listed, front_len: usize, body_len: u64) -> ItemHead {
    ItemHead {
        item: one.item,
        standing: one.standing,
        front_len: u32::try_from(front_len).unwrap_or(u32::MAX),
        body_len,
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        if !self.permit.still_valid() {
            return Poll::Ready(Some(Err(Ended)));
        }
        self.pieces
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// An answer: whole, or items one after the other.
pub(super) enum Outflow {
    /// Whole.
    Whole {
        /// HTTP status.
        status: u16,
        /// Media type.
        content_type: &'static str,
        /// Body.
        body: Full<Bytes>,
    },
    /// Items.
    Stream(Streamed),
}

/// The body of an answer.
pub(super) enum OutBody {
    /// Whole.
    Whole(Full<Bytes>),
    /// Items.
    Stream(Streamed),
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Stream(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
