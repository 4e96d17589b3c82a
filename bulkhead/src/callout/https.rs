//! The gateway for short messages and calls: one HTTPS request, its whole answer, every size and wait bounded.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use readiness::{
    callout::{Cause, Reference},
    contacts::Phone,
    gateway::{self, ApiKey, seven},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// From connecting to the last byte of the answer. The message then counts as in doubt and is tried again.
const WAIT: Duration = Duration::from_secs(20);
/// HTTPS.
const PORT: u16 = 443;

/// The gateway, ready.
pub(super) struct Seven {
    pub(super) address: Option<SocketAddr>,
    pub(super) client: Arc<ClientConfig>,
    pub(super) key: ApiKey,
    pub(super) shown_as: seven::ShownAs,
    pub(super) caller: Phone,
}

impl Seven {
    /// Sends one request. Cancelling may leave the message sent; its name is the same at the next try.
    ///
    /// # Errors
    /// Why it did not go out, as the journal keeps it. What the gateway said goes to the operator's log, never the key.
    pub(super) async fn send(&self, request: &gateway::Request) -> Result<Option<Reference>, Cause> {
        let exchange = timeout(WAIT, self.exchange(request)).await;
        let (status, body) = match exchange {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(%error, ?request, "the gateway was not reached");
                return Err(Cause::Unreached);
            }
            Err(_elapsed) => {
                tracing::warn!(?request, "the gateway does not answer");
                return Err(Cause::Unreached);
            }
        };
        match seven::read_answer(status, &body) {
            Ok(taken) => Ok(taken.reference),
            Err(refused) => {
                tracing::warn!(%refused, ?request, "the gateway did not take a message");
                Err(refused.cause())
            }
        }
    }

    async fn exchange(
        &self,
        request: &gateway::Request,
    ) -> Result<(u16, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
        let stream = match self.address {
            Some(address) => TcpStream::connect(address).await?,
            None => TcpStream::connect((request.host, PORT)).await?,
        };
        let name = ServerName::try_from(request.host)?;
        let stream = TlsConnector::from(self.client.clone())
            .connect(name, stream)
            .await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the connection, which ends with `sender`.
        let connection = tokio::spawn(connection);
        let mut built = Request::builder().method(request.method).uri(request.path);
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        let built = built.body(Full::new(Bytes::from(request.body.clone())))?;
        let response = sender.send_request(built).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), seven::ANSWER_BYTES_MAX)
            .collect()
            .await?
            .to_bytes();
        drop(sender);
        connection.abort();
        Ok((status, body.to_vec()))
    }
}
