//! Fetching from an attachment store (`GET /attachments/v2.4/attachment/{id}`; AK `AttachmentService.yaml` 2.4.0).

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Body as _, Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use kim::{
    address::KimAddress,
    kas::{Admitted, NotAllowed, NotOpened, Receiver, SEALING_BYTES, Store, Stores, Ticket, TooLong},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How a store is reached. Addresses come from configuration: a name in a mail is never looked up.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    /// How.
    pub security: Security,
}

/// How a connection is made.
#[derive(Clone, Debug)]
pub enum Security {
    /// Plain text, on loopback only: drills.
    LoopbackPlain,
    /// TLS with the client certificate the configuration carries; the store's certificate must name its host.
    Tls(Arc<ClientConfig>),
}

/// Bounds of a fetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Longest wait for connection and handshake.
    pub connect: Duration,
    /// Longest wait for the answer's head, and between two pieces of its body.
    pub silence: Duration,
    /// Longest fetch as a whole.
    pub whole: Duration,
    /// Most fetches at once. With the largest ticket read, this bounds memory.
    pub at_once_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            whole: Duration::from_secs(1800),
            at_once_max: 4,
        }
    }
}

/// Fetches content from the stores it was given.
#[derive(Debug)]
pub struct Client {
    stores: Stores,
    upstreams: BTreeMap<Store, Upstream>,
    bounds: Bounds,
    slots: Semaphore,
}

/// A store was configured in a way that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Der Anhangsdienst {host} soll im Klartext erreicht werden, steht aber nicht auf diesem Rechner. / The attachment store {host} is to be reached in plain text, but is not on this machine."
)]
pub struct PlainBeyondLoopback {
    /// Which.
    pub host: String,
}

/// Why content was not fetched. The mail is held in every case; none of these is answered.
#[derive(Debug, thiserror::Error)]
pub enum NotFetched {
    /// The store is not on the list.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The store cannot be reached.
    #[error(
        "Der Anhangsdienst ist nicht erreichbar; es wird später wieder versucht. / The attachment store cannot be reached; it is tried again later."
    )]
    Unreachable(#[source] std::io::Error),
    /// The conversation broke.
    #[error(
        "Das Gespräch mit dem Anhangsdienst brach ab; es wird später wieder versucht. / The conversation with the attachment store broke; it is tried again later."
    )]
    Broken(#[source] hyper::Error),
    /// The store took too long.
    #[error(
        "Der Anhangsdienst antwortet zu langsam; es wird später wieder versucht. / The attachment store answers too slowly; it is tried again later."
    )]
    TooSlow,
    /// The request could not be written; a bug of ours.
    #[error(
        "Die Anfrage an den Anhangsdienst ließ sich nicht schreiben. / The request to the attachment store could not be written."
    )]
    Request(#[source] hyper::http::Error),
    /// 403: this mailbox is not among the recipients.
    #[error(
        "Der Anhangsdienst kennt dieses Postfach nicht als Empfänger (403). / The attachment store does not know this mailbox as a recipient (403)."
    )]
    NotRecipient,
    /// 404: it is gone, or never was.
    #[error(
        "Der Inhalt liegt nicht mehr im Anhangsdienst (404). / The content is no longer in the attachment store (404)."
    )]
    Gone,
    /// 429: fetched too often.
    #[error(
        "Der Inhalt wurde zu oft geholt (429); es wird später wieder versucht. / The content was fetched too often (429); it is tried again later."
    )]
    TooOften,
    /// Any other status. Redirects are among them: they are not followed.
    #[error("Der Anhangsdienst antwortet mit Status {0}. / The attachment store answers with status {0}.")]
    Status(u16),
    /// The body is compressed or otherwise encoded, which nobody asked for.
    #[error(
        "Der Anhangsdienst liefert den Inhalt umkodiert; das wird nicht angenommen. / The attachment store delivers the content encoded; that is not accepted."
    )]
    Encoded,
    /// Too much.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// It is not what the ticket says.
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
}

/// What to do about a failed fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again later.
    Later,
    /// Show it to a person.
    Person,
}

impl NotFetched {
    /// What to do.
    #[must_use]
    pub const fn next(&self) -> Next {
        match self {
            Self::Unreachable(_) | Self::Broken(_) | Self::TooSlow | Self::TooOften => Next::Later,
            Self::Status(status) if *status >= 500 => Next::Later,
            Self::Status(_)
            | Self::NotAllowed(_)
            | Self::Request(_)
            | Self::NotRecipient
            | Self::Gone
            | Self::Encoded
            | Self::TooLong(_)
            | Self::NotOpened(_) => Next::Person,
        }
    }
}

impl Client {
    /// A client for these stores and no others.
    ///
    /// # Errors
    /// [`PlainBeyondLoopback`].
    pub fn new(upstreams: BTreeMap<Store, Upstream>, bounds: Bounds) -> Result<Self, PlainBeyondLoopback> {
        for (store, upstream) in &upstreams {
            let plain = matches!(upstream.security, Security::LoopbackPlain);
            if plain && !upstream.address.ip().is_loopback() {
                return Err(PlainBeyondLoopback {
                    host: store.host().to_owned(),
                });
            }
        }
        let slots = Semaphore::new(bounds.at_once_max.max(1));
        Ok(Self {
            stores: Stores::new(upstreams.keys().cloned()),
            upstreams,
            bounds,
            slots,
        })
    }

    /// Fetches and opens what a ticket stands for. The future may be dropped: the connection ends with it.
    ///
    /// # Errors
    /// [`NotFetched`]; see [`NotFetched::next`].
    pub async fn fetch(&self, ticket: &Ticket, recipient: &KimAddress) -> Result<Vec<u8>, NotFetched> {
        let admitted = self.stores.admit(ticket.link())?;
        let Some(upstream) = self.upstreams.get(admitted.store()) else {
            let store = admitted.store();
            return Err(NotAllowed {
                host: store.host().into(),
                port: store.port(),
            }
            .into());
        };
        let fetch = async {
            // The semaphore is never closed; were it, fetching without it would only cost memory.
            let _slot = self.slots.acquire().await.ok();
            let socket = timeout(self.bounds.connect, TcpStream::connect(upstream.address))
                .await
                .map_err(|_| NotFetched::TooSlow)?
                .map_err(NotFetched::Unreachable)?;
            match &upstream.security {
                Security::LoopbackPlain => self.exchange(socket, &admitted, ticket, recipient).await,
                Security::Tls(config) => {
                    let name = ServerName::try_from(admitted.store().host().to_owned())
                        .map_err(|error| NotFetched::Unreachable(std::io::Error::other(error)))?;
                    let connector = TlsConnector::from(Arc::clone(config));
                    let stream = timeout(self.bounds.connect, connector.connect(name, socket))
                        .await
                        .map_err(|_| NotFetched::TooSlow)?
                        .map_err(NotFetched::Unreachable)?;
                    self.exchange(stream, &admitted, ticket, recipient).await
                }
            }
        };
        timeout(self.bounds.whole, fetch)
            .await
            .map_err(|_| NotFetched::TooSlow)?
    }

    async fn exchange<S>(
        &self,
        stream: S,
        admitted: &Admitted,
        ticket: &Ticket,
        recipient: &KimAddress,
    ) -> Result<Vec<u8>, NotFetched>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let request = Request::get(admitted.path())
            .header(
                header::HOST,
                format!("{}:{}", admitted.store().host(), admitted.store().port()),
            )
            .header(header::ACCEPT, "application/octet-stream")
            .header(header::ACCEPT_ENCODING, "identity")
            .header("recipient", recipient.as_str())
            .body(Empty::<Bytes>::new())
            .map_err(NotFetched::Request)?;
        let handshake = http1::Builder::new()
            .max_buf_size(64 * 1024)
            .handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(NotFetched::Broken)?;
        let exchange = async {
            let answer = timeout(self.bounds.silence, sender.send_request(request))
                .await
                .map_err(|_| NotFetched::TooSlow)?
                .map_err(NotFetched::Broken)?;
            self.receive(answer, ticket).await
        };
        let (mut exchange, mut connection) = (core::pin::pin!(exchange), core::pin::pin!(connection));
        tokio::select! {
            done = &mut exchange => done,
            // What had arrived by then is still to be read; its own error says the rest.
            _ = &mut connection => exchange.await,
        }
    }

    async fn receive(&self, answer: Response<Incoming>, ticket: &Ticket) -> Result<Vec<u8>, NotFetched> {
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => return Err(NotFetched::NotRecipient),
            StatusCode::NOT_FOUND => return Err(NotFetched::Gone),
            StatusCode::TOO_MANY_REQUESTS => return Err(NotFetched::TooOften),
            other => return Err(NotFetched::Status(other.as_u16())),
        }
        let encoding = answer.headers().get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(NotFetched::Encoded);
        }
        let mut body = answer.into_body();
        let expected = ticket.bytes().saturating_add(SEALING_BYTES);
        if body
            .size_hint()
            .exact()
            .is_some_and(|announced| announced > expected)
        {
            return Err(TooLong { expected }.into());
        }
        let mut receiver = Receiver::new(ticket);
        loop {
            let frame = timeout(self.bounds.silence, body.frame())
                .await
                .map_err(|_| NotFetched::TooSlow)?;
            match frame {
                Some(frame) => {
                    if let Ok(piece) = frame.map_err(NotFetched::Broken)?.into_data() {
                        receiver.push(&piece)?;
                    }
                }
                None => return Ok(receiver.open()?),
            }
        }
    }
}
