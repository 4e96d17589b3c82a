//! What the gateway tells later: that a short message arrived or did not, and what somebody typed back. Taken only from
//! the gateway itself ([`readiness::gateway::hook`]), and answered with 200 only after it is written down.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use readiness::gateway::{
    hook::{Address, Came, Judge, SigningKey},
    seven::{self, Told},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::timeout,
};

use super::config::{secret, wrong};
use crate::{clock, command, report::Trouble, tls};

/// Connections served at once; the gateway has one or two, the rest are strangers.
const CONNECTIONS_MAX: usize = 64;
/// A caller that is not done by then is cut.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);
/// Largest report in bytes: the documented ones have less than one kilobyte.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Largest head in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Reports that may wait to be written down; then the gateway is asked to come again.
const WAITING_MAX: usize = 64;
/// How long the file may take. The gateway waits five seconds (its documentation) and comes again.
const WRITE_WAIT: Duration = Duration::from_secs(4);

/// Where the gateway reports to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Where to listen. Outside loopback only with TLS; on loopback something of yours stands before it.
    pub listen: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; the certificate is one the gateway believes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// File with the address as it is entered at the gateway, for its owner alone: its last part is a secret.
    pub address_file: PathBuf,
    /// File with the account's signing key, for its owner alone.
    pub signing_key_file: PathBuf,
    /// Where to write the address that was really opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PathBuf>,
}

/// One report, and who waits until it is written down.
pub(super) struct Report {
    pub(super) told: Told,
    pub(super) written: oneshot::Sender<()>,
}

/// The listener; ends with this value, in order with [`end`](Self::end).
pub(super) struct Listening {
    reports: mpsc::Receiver<Report>,
    task: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Listening {
    /// The next report; waits for ever where none comes.
    pub(super) async fn next(&mut self) -> Report {
        match self.reports.recv().await {
            Some(report) => report,
            None => std::future::pending().await,
        }
    }

    /// Takes no further report, and lets the last ones be answered.
    pub(super) async fn end(mut self) {
        self.stop.send_replace(true);
        // Whoever still waits to be written down comes again.
        self.reports.close();
        drop(self.reports);
        while self.task.join_next().await.is_some() {}
    }
}

impl Hook {
    /// Opens the listener.
    ///
    /// # Errors
    /// [`Trouble`] with the file that is missing or wrong, or the address that cannot be opened.
    pub(super) async fn open(&self) -> Result<Listening, Trouble> {
        let address = Address::new(&secret(&self.address_file)?).map_err(wrong)?;
        let key = SigningKey::new(&secret(&self.signing_key_file)?).map_err(wrong)?;
        let acceptor = self
            .tls
            .as_deref()
            .map(command::identity)
            .transpose()?
            .as_ref()
            .map(tls::Identity::acceptor_for_browsers)
            .transpose()
            .map_err(command::tls_trouble)?;
        let listener = command::listen(self.listen, acceptor.is_some()).await?;
        crate::endpoints::publish(self.endpoints.as_deref(), &[("hook", &listener)])?;
        let (reports, taken) = mpsc::channel(WAITING_MAX);
        let (stop, stopped) = watch::channel(false);
        let desk = Arc::new(Desk {
            judge: Mutex::new(Judge::new(key, address)),
            reports,
        });
        let mut task = JoinSet::new();
        task.spawn(serve(listener, acceptor, desk, stopped));
        Ok(Listening {
            reports: taken,
            task,
            stop,
        })
    }
}

/// What answering needs.
struct Desk {
    judge: Mutex<Judge>,
    reports: mpsc::Sender<Report>,
}

/// Serves until `stop` turns true, then lets running requests finish within their own limit.
async fn serve(
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    desk: Arc<Desk>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_ended) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file handles or a peer gone before accept: give the machine a moment, keep listening.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (desk, tls) = (desk.clone(), tls.clone());
        connections.spawn(async move {
            let served = timeout(CONNECTION_WAIT, async {
                match tls {
                    None => one_request(stream, peer, desk).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            one_request(stream, peer, desk).await;
                        }
                    }
                }
            });
            // What was not finished in time comes again.
            let _in_time = served.await;
        });
    }
    while connections.join_next().await.is_some() {}
}

/// One request on one connection: strangers hold nothing open.
async fn one_request<S>(stream: S, peer: SocketAddr, desk: Arc<Desk>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = desk.clone();
        async move {
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = answer(&desk, request, peer).await;
            // Strangers hear nothing but a number.
            Ok::<_, Infallible>(response)
        }
    });
    // A broken connection is the caller's to notice; nothing was promised before the answer was written.
    let _ended = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_WAIT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(desk: &Desk, request: Request<Incoming>, peer: SocketAddr) -> StatusCode {
    let (head, body) = request.into_parts();
    let is_ours = |judge: &Judge| {
        head.method == Method::POST && head.uri.query().is_none() && head.uri.path() == judge.address().path()
    };
    if !is_ours(&desk.judge.lock().unwrap_or_else(PoisonError::into_inner)) {
        return StatusCode::NOT_FOUND;
    }
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let body = body.to_bytes();
    let header = |name: &str| {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let came = Came {
        method: "POST",
        timestamp: header("x-timestamp"),
        nonce: header("x-nonce"),
        signature: header("x-signature"),
        body: &body,
    };
    let believed = {
        let mut judge = desk.judge.lock().unwrap_or_else(PoisonError::into_inner);
        judge.believe(&came, clock::now())
    };
    if let Err(why) = believed {
        tracing::warn!(%why, %peer, "a web hook is not believed");
        return StatusCode::FORBIDDEN;
    }
    let Ok(told) = seven::read_hook(&body) else {
        tracing::warn!("a signed web hook cannot be read");
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    let (written, done) = oneshot::channel();
    if desk.reports.try_send(Report { told, written }).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match timeout(WRITE_WAIT, done).await {
        Ok(Ok(())) => StatusCode::OK,
        // Not written down in time: it comes again, and a state told twice is one.
        Ok(Err(_)) | Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
