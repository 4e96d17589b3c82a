//! One door process, as an emergency environment talks to it.

use std::{
    io::{self, Read},
    net::SocketAddr,
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Method, Request,
    body::{Bytes, Incoming},
    header,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use spool::{ItemId, KeyEpoch};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use vocabulary::{CellId, EnvironmentId};

use crate::{
    emergency_wire::{AnswerCall, Answered, Counts, Grants, HandBack, IndexCall},
    http::{self, CallError, Endpoint, RefusalBody},
    tls,
};

/// Longest wait for an answer, and for the next piece of one that streams.
const WAIT: Duration = Duration::from_secs(60);
/// Pieces that wait for the disk.
const PIECES_MAX: usize = 8;
/// Longest sentence of a refusal.
const SENTENCE_BYTES_MAX: usize = 64 << 10;

/// One door process.
pub(super) struct Door {
    endpoint: Endpoint,
    connector: tls::Connector,
    environment: EnvironmentId,
}

impl Door {
    pub(super) fn new(address: SocketAddr, connector: tls::Connector, environment: EnvironmentId) -> Self {
        Self {
            endpoint: Endpoint {
                address,
                tls: Some(connector.clone()),
            },
            connector,
            environment,
        }
    }

    /// As whom we ask.
    pub(super) const fn environment(&self) -> &EnvironmentId {
        &self.environment
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Vec<u8>,
    ) -> Result<T, CallError> {
        let path = format!("/emergency/{path}?environment={}{query}", self.environment);
        http::call_json(&self.endpoint, method, &path, body, WAIT).await
    }

    /// What may be read; waits so many seconds for news.
    pub(super) async fn grants(&self, wait: u64) -> Result<Grants, CallError> {
        self.json(Method::GET, "grants", &format!("&wait={wait}"), Vec::new())
            .await
    }

    /// How much there is to read.
    pub(super) async fn counts(&self, cell: &CellId) -> Result<Counts, CallError> {
        self.json(Method::GET, "counts", &format!("&cell={cell}"), Vec::new())
            .await
    }

    /// Hands in an answer.
    pub(super) async fn answer(&self, call: &AnswerCall) -> Result<Answered, CallError> {
        let body = serde_json::to_vec(call).map_err(|error| self.garbled(&error))?;
        self.json(Method::POST, "answer", "", body).await
    }

    /// Hands in an index.
    pub(super) async fn index(&self, call: &IndexCall) -> Result<HandBack, CallError> {
        let body = serde_json::to_vec(call).map_err(|error| self.garbled(&error))?;
        self.json(Method::POST, "index", "", body).await
    }

    fn garbled(&self, what: &dyn std::fmt::Display) -> CallError {
        CallError::Garbled {
            address: self.endpoint.address,
            what: what.to_string(),
        }
    }

    /// Begins to read items. What comes is given to a thread that may wait for a disk; dropping it ends the reading.
    pub(super) async fn read(
        &self,
        cell: &CellId,
        epoch: KeyEpoch,
        after: Option<ItemId>,
    ) -> Result<Inflow, CallError> {
        let after = after.map_or_else(String::new, |item| format!("&after={item}"));
        let path = format!(
            "/emergency/read?environment={}&cell={cell}&epoch={}{after}",
            self.environment, epoch.0
        );
        let began = timeout(WAIT, self.begin(&path)).await;
        let (status, body, connection) = began.map_err(|_| self.garbled(&"keine Antwort / no answer"))??;
        if !status.is_success() {
            let said = Limited::new(body, SENTENCE_BYTES_MAX).collect().await;
            let said = said.map(|said| said.to_bytes()).unwrap_or_default();
            connection.abort();
            return Err(CallError::Refused {
                status: status.as_u16(),
                sentence: serde_json::from_slice::<RefusalBody>(&said).map_or_else(
                    |_| String::from_utf8_lossy(&said).into_owned(),
                    |body| body.refused,
                ),
            });
        }
        let (give, pieces) = mpsc::channel(PIECES_MAX);
        // Ends with the stream, or as soon as nobody takes its pieces any more.
        tokio::spawn(async move {
            pump(body, &give).await;
            connection.abort();
        });
        Ok(Inflow {
            pieces,
            piece: Bytes::new(),
        })
    }

    async fn begin(
        &self,
        path: &str,
    ) -> Result<
        (
            hyper::StatusCode,
            Incoming,
            tokio::task::JoinHandle<hyper::Result<()>>,
        ),
        CallError,
    > {
        let address = self.endpoint.address;
        let unreached = |source| CallError::Unreached { address, source };
        let stream = TcpStream::connect(address).await.map_err(unreached)?;
        stream.set_nodelay(true).ok();
        let stream = self.connector.connect(stream).await.map_err(unreached)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.garbled(&error))?;
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header(header::HOST, address.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.garbled(&error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.garbled(&error))?;
        let status = response.status();
        Ok((status, response.into_body(), connection))
    }
}

async fn pump(mut body: Incoming, give: &mpsc::Sender<Bytes>) {
    while let Ok(Some(Ok(frame))) = timeout(WAIT, body.frame()).await {
        if let Ok(piece) = frame.into_data()
            && give.send(piece).await.is_err()
        {
            return;
        }
    }
}

/// What comes from a door, for a thread that may wait.
pub(super) struct Inflow {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Inflow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let len = self.piece.len().min(into.len());
        let taken = self.piece.split_to(len);
        for (to, from) in into.iter_mut().zip(taken.iter()) {
            *to = *from;
        }
        Ok(len)
    }
}
