//! One small HTTP/1.1 layer between our own parts: JSON in, JSON out, every size and wait bounded.
//!
//! Outside loopback a listener is always mutual TLS ([`crate::tls`]); that a caller holds one of our certificates
//! lets it *talk*, never *act*: what acts is a signed statement inside.
//!
//! Connections under mutual TLS are kept between calls ([`link`]) and ended by the listener when they are idle for long.

pub(crate) mod link;

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::tls;

/// Largest body either side accepts: a consent with re-wrapped keys is the largest statement, a catch-up batch of the
/// authority log is cut to fit.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Connections served at once: 80 door processes hold about four each at a control room, and a commander's order must
/// still get in beside a crowd of faults.
const CONNECTIONS_MAX: usize = 2048;
/// A caller that has not finished a request by then is cut.
const REQUEST_SECS_MAX: Duration = Duration::from_secs(30);
/// A connection on which no request begins for so long is ended: kept links of callers that are gone, and callers that say
/// nothing, would hold their places for ever.
const IDLE_SECS_MAX: Duration = Duration::from_secs(60);
/// With fewer places left than this, connections are not kept: a crowd of idle ones must not keep a commander out.
const PLACES_KEPT_FREE: usize = CONNECTIONS_MAX / 4;

/// A request, read whole.
#[derive(Debug)]
pub struct Call {
    /// Method and path, as in `("POST", "/close")`.
    pub method: Method,
    /// Path without query.
    pub path: String,
    /// Raw query string, empty if none.
    pub query: String,
    /// Body bytes.
    pub body: Bytes,
}

impl Call {
    /// The body as JSON.
    ///
    /// # Errors
    /// A 400 reply that names the place in the text.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Reply> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Reply::refuse(
                400,
                &format!("Der Inhalt ist nicht lesbar: {error}. / The body cannot be read: {error}."),
            )
        })
    }

    /// One value of the query string (`name=value`), unescaped characters only.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| {
            pair.split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, v)| v)
        })
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub content_type: &'static str,
    /// Body bytes.
    pub body: Vec<u8>,
}

/// What a refusal looks like on the wire.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub struct RefusalBody {
    /// German first, English second; says what is missing.
    pub refused: String,
}

impl Reply {
    /// 200 with JSON.
    pub fn json<T: Serialize>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status: 200,
                content_type: "application/json",
                body,
            },
            Err(error) => Self::refuse(
                500,
                &format!("Antwort nicht darstellbar: {error}. / Cannot write the answer."),
            ),
        }
    }

    /// 200 with plain text.
    pub fn text(status: u16, text: String) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: text.into_bytes(),
        }
    }

    /// A refusal with its sentence.
    pub fn refuse(status: u16, sentence: &str) -> Self {
        let body = serde_json::to_vec(&RefusalBody {
            refused: sentence.to_owned(),
        })
        .unwrap_or_default();
        Self {
            status,
            content_type: "application/json",
            body,
        }
    }

    /// Nothing stands at this path.
    pub fn not_found(path: &str) -> Self {
        Self::refuse(
            404,
            &format!("Hier gibt es nichts: {path}. / Nothing stands at {path}."),
        )
    }
}

/// The future of one answer.
pub type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;
/// What answers calls. Cloned per connection.
pub type Answerer = Arc<dyn Fn(Call) -> Answer + Send + Sync>;

/// Serves until `stop` turns true, then lets running requests finish within their own limit.
///
/// Cancelling this future closes the listener; connections already accepted end with the runtime.
pub async fn serve(
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    answerer: Answerer,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, _peer)) = accepted else {
            // Out of file handles or a peer gone before accept: give the machine a moment, keep listening.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let (answerer, tls, places) = (answerer.clone(), tls.clone(), places.clone());
        tokio::spawn(async move {
            let _place = place;
            stream.set_nodelay(true).ok();
            let keeps = move || places.available_permits() >= PLACES_KEPT_FREE;
            match tls {
                None => serve_connection(stream, answerer, IDLE_SECS_MAX, keeps).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = timeout(REQUEST_SECS_MAX, acceptor.accept(stream)).await {
                        serve_connection(stream, answerer, IDLE_SECS_MAX, keeps).await;
                    }
                }
            }
        });
    }
}

/// Answers one connection's requests, one after the other, while `keeps` says that there is room for it.
async fn serve_connection<S>(
    stream: S,
    answerer: Answerer,
    idle_max: Duration,
    keeps: impl Fn() -> bool + Send + Sync,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let keeps = &keeps;
    let service = service_fn(move |request: Request<Incoming>| {
        let answerer = answerer.clone();
        async move {
            let reply = match timeout(REQUEST_SECS_MAX, read_call(request)).await {
                Ok(Ok(call)) => answerer(call).await,
                Ok(Err(reply)) => reply,
                Err(_) => Reply::refuse(
                    408,
                    "Die Anfrage kam nicht vollständig an. / The request did not arrive whole.",
                ),
            };
            let mut response = write_reply(reply);
            if !keeps() {
                let close = hyper::header::HeaderValue::from_static("close");
                response.headers_mut().insert(hyper::header::CONNECTION, close);
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    // A broken connection is the caller's to notice; nothing was promised before the reply was written.
    let _ended = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_max)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn read_call(request: Request<Incoming>) -> Result<Call, Reply> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|_| {
        Reply::refuse(
            413,
            "Die Anfrage ist zu groß oder brach ab. / The request is too large or broke off.",
        )
    })?;
    Ok(Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body: body.to_bytes(),
    })
}

fn write_reply(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static(reply.content_type),
    );
    response
}

/// Where one of our parts listens, and how to prove to it who we are.
#[derive(Clone)]
pub struct Endpoint {
    /// Address of the listener.
    pub address: SocketAddr,
    /// Mutual TLS, or none on loopback.
    pub tls: Option<tls::Connector>,
}

impl Endpoint {
    /// The same peer, to be called on a connection of its own and not on a kept one.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            address: self.address,
            tls: self.tls.as_ref().map(tls::Connector::anew),
        }
    }
}

/// Why a call brought no answer, or a refusal.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answered.
    #[error("{address} ist nicht erreichbar. / {address} cannot be reached.")]
    Unreached {
        /// Whom we called.
        address: SocketAddr,
        /// What the network said.
        #[source]
        source: std::io::Error,
    },
    /// Somebody answered, but not in time or not in HTTP.
    #[error("{address} antwortet nicht richtig: {what}. / {address} does not answer properly: {what}.")]
    Garbled {
        /// Whom we called.
        address: SocketAddr,
        /// What was wrong.
        what: String,
    },
    /// The other side refused and said why.
    #[error("{sentence}")]
    Refused {
        /// HTTP status of the refusal.
        status: u16,
        /// Its sentence.
        sentence: String,
    },
}

/// Sends one request and reads the whole answer. `wait` bounds everything from connect to the last byte.
///
/// Cancelling is safe: the request is then either fully handled by the other side or not at all seen by us, and every
/// request of ours is safe to repeat.
///
/// # Errors
/// [`CallError`], with the other side's sentence where there is one.
pub async fn call(
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    body: Vec<u8>,
    wait: Duration,
) -> Result<Vec<u8>, CallError> {
    let question = link::Question {
        method: &method,
        path,
        body: Bytes::from(body),
    };
    let Ok(answered) = timeout(wait, link::ask(endpoint, &question)).await else {
        link::gave_up(endpoint);
        return Err(CallError::Garbled {
            address: endpoint.address,
            what: format!("keine Antwort in {wait:?} / no answer in {wait:?}"),
        });
    };
    let (status, answer) = answered?;
    if status.is_success() {
        return Ok(answer);
    }
    let sentence = serde_json::from_slice::<RefusalBody>(&answer)
        .map(|body| body.refused)
        .unwrap_or_else(|_| String::from_utf8_lossy(&answer).into_owned());
    Err(CallError::Refused {
        status: status.as_u16(),
        sentence,
    })
}

/// [`call`] with a JSON answer.
///
/// # Errors
/// As [`call`], and when the answer is not what was expected.
pub async fn call_json<T: DeserializeOwned>(
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    body: Vec<u8>,
    wait: Duration,
) -> Result<T, CallError> {
    let answer = call(endpoint, method, path, body, wait).await?;
    serde_json::from_slice(&answer).map_err(|error| CallError::Garbled {
        address: endpoint.address,
        what: error.to_string(),
    })
}
