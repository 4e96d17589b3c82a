//! Kept connections to other parts: one handshake serves many calls.
//!
//! A mutual-TLS handshake costs both sides more than most of our requests, and an order that goes to 80 door processes
//! at once would pay for hundreds of them. So whoever calls under an identity keeps what it connected, per peer.
//!
//! - A link is lent to one call at a time and comes back only when the answer was read to its end. A call that is
//!   cancelled, late or garbled takes its link with it.
//! - **Bounded**: at most [`PEER_LINKS_MAX`] idle links to a peer and [`LINKS_MAX`] in all, none older than [`IDLE_MAX`], each
//!   with [`BUFFER_BYTES_MAX`] for heads. What a peer sends unasked ends its link.
//! - **Repeating.** A peer may have closed a kept link without our having seen it. What was never written is sent again
//!   on a new link; what may have been written is sent again only if the method promises that it may (GET). Anything
//!   else is the caller's to judge: the peer may have done it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::SendRequest,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::AbortHandle,
    time::Instant,
};

use super::{BODY_BYTES_MAX, CallError, Endpoint};

/// Idle links to one peer: a door process never has more than these calls to its control room under way at once (a long
/// poll, its ledger, its head, its spool).
const PEER_LINKS_MAX: usize = 4;
/// Idle links to all peers of one identity: a prober or a publisher looks at every door process of an estate.
const LINKS_MAX: usize = 512;
/// A link that was not used for so long is not used again: well before a listener of ours ends it
/// ([`super::IDLE_SECS_MAX`]), so that the two do not meet on the way.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// Longest head of an answer.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// The idle links of one identity. Whoever holds a connector shares them.
#[derive(Default)]
pub(crate) struct Links(Mutex<BTreeMap<SocketAddr, Vec<Link>>>);

/// A connection on which a request can be sent. Dropped, it is over.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    idle_since: Instant,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What is asked, so often as it must be.
pub(super) struct Question<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) body: Bytes,
}

/// What came of one try on a link.
enum Tried {
    Answered(StatusCode, Vec<u8>),
    /// The link was over before a byte of the request was written.
    NeverSent(CallError),
    /// It may have been heard.
    Lost(CallError),
}

impl Links {
    /// The newest idle link to a peer that is still worth a try; older ones are dropped on the way.
    fn lend(&self, peer: SocketAddr) -> Option<Link> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = links.get_mut(&peer)?;
        idle.retain(Link::is_worth_a_try);
        let link = idle.pop();
        if idle.is_empty() {
            links.remove(&peer);
        }
        link
    }

    /// Takes a link back whose answer was read to its end.
    fn keep(&self, peer: SocketAddr, mut link: Link) {
        link.idle_since = Instant::now();
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if links.values().map(Vec::len).sum::<usize>() >= LINKS_MAX {
            for idle in links.values_mut() {
                idle.retain(Link::is_worth_a_try);
            }
            links.retain(|_, idle| !idle.is_empty());
        }
        let all: usize = links.values().map(Vec::len).sum();
        let idle = links.entry(peer).or_default();
        if all < LINKS_MAX && idle.len() < PEER_LINKS_MAX {
            idle.push(link);
        }
    }

    /// Drops every idle link to a peer: one of them no longer answers, and they are all as old.
    fn forget(&self, peer: SocketAddr) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(links.remove(&peer));
    }
}

impl Link {
    fn is_worth_a_try(&self) -> bool {
        !self.sender.is_closed() && self.idle_since.elapsed() < IDLE_MAX
    }

    async fn connect(endpoint: &Endpoint) -> Result<Self, CallError> {
        let address = endpoint.address;
        let unreached = |source| CallError::Unreached { address, source };
        let stream = TcpStream::connect(address).await.map_err(unreached)?;
        stream.set_nodelay(true).ok();
        match &endpoint.tls {
            None => Self::over(stream, address).await,
            Some(connector) => {
                let stream = connector.connect(stream).await.map_err(unreached)?;
                Self::over(stream, address).await
            }
        }
    }

    async fn over<S>(stream: S, address: SocketAddr) -> Result<Self, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| garbled(address, &error))?;
        // Ends with the connection, or is ended with the link.
        let driver = tokio::spawn(connection).abort_handle();
        Ok(Self {
            sender,
            driver,
            idle_since: Instant::now(),
        })
    }

    /// Sends the question and reads the whole answer.
    async fn try_once(&mut self, address: SocketAddr, question: &Question<'_>) -> Tried {
        if let Err(error) = self.sender.ready().await {
            return Tried::NeverSent(garbled(address, &error));
        }
        let request = Request::builder()
            .method(question.method)
            .uri(question.path)
            .header(hyper::header::HOST, address.to_string())
            .body(Full::new(question.body.clone()));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Tried::Lost(garbled(address, &error)),
        };
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                let status = response.status();
                match whole(response.into_body()).await {
                    Ok(answer) => Tried::Answered(status, answer),
                    Err(what) => Tried::Lost(garbled(address, &what)),
                }
            }
            Err(mut failed) => {
                let never_sent = failed.take_message().is_some();
                let error = garbled(address, failed.error());
                if never_sent {
                    Tried::NeverSent(error)
                } else {
                    Tried::Lost(error)
                }
            }
        }
    }
}

async fn whole(body: Incoming) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Limited::new(body, BODY_BYTES_MAX)
        .collect()
        .await?
        .to_bytes()
        .to_vec())
}

fn garbled(address: SocketAddr, what: &dyn std::fmt::Display) -> CallError {
    CallError::Garbled {
        address,
        what: what.to_string(),
    }
}

/// Asks on a kept link if there is one, else on a new one, as the module says.
///
/// # Errors
/// [`CallError`], as far as it is known before the status is looked at.
pub(super) async fn ask(
    endpoint: &Endpoint,
    question: &Question<'_>,
) -> Result<(StatusCode, Vec<u8>), CallError> {
    let address = endpoint.address;
    let links = endpoint.tls.as_ref().map(|connector| connector.links());
    // Each round uses one kept link up; they are few.
    while let Some(mut link) = links.and_then(|links| links.lend(address)) {
        match link.try_once(address, question).await {
            Tried::Answered(status, answer) => {
                if let Some(links) = links {
                    links.keep(address, link);
                }
                return Ok((status, answer));
            }
            Tried::NeverSent(_) => {}
            Tried::Lost(_) if question.method.is_safe() => {}
            Tried::Lost(error) => return Err(error),
        }
    }
    let mut link = Link::connect(endpoint).await?;
    match link.try_once(address, question).await {
        Tried::Answered(status, answer) => {
            if let Some(links) = links {
                links.keep(address, link);
            }
            Ok((status, answer))
        }
        Tried::NeverSent(error) | Tried::Lost(error) => Err(error),
    }
}

/// An answer did not come in time: what is kept to this peer is not trusted any more.
pub(super) fn gave_up(endpoint: &Endpoint) {
    if let Some(connector) = &endpoint.tls {
        connector.links().forget(endpoint.address);
    }
}

#[cfg(test)]
mod tests;
