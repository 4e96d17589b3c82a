//! The companion's way to a console: a few JSON requests, each bounded in size and time. What the console answers is
//! foreign text; nothing of it is signed unless it was read and shown here.

use std::{path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header};
use hyper_util::rt::TokioIo;
use order::login::ConsoleOrigin;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
    time::timeout,
};

use crate::report::{Code, Trouble};

/// Largest answer taken: an opening of every door, in base64, a few times over.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Why the console did not do it.
#[derive(Debug)]
pub enum CallError {
    /// It does not know us (any more): log in again.
    NotLoggedIn,
    /// It said no, with a sentence.
    Refused(String),
    /// Nobody answered, or not understandably.
    Unreached(Trouble),
}

/// What a refusal looks like on the wire.
#[derive(Deserialize)]
struct RefusalBody {
    refused: Option<String>,
}

/// A console and our session there.
pub struct Console {
    origin: ConsoleOrigin,
    tls: Option<(tokio_rustls::TlsConnector, ServerName<'static>)>,
    token: Option<String>,
    runtime: Runtime,
}

impl Console {
    /// A console at an origin. Over TLS its certificate must be signed by the authority in `FOLDER/ca.pem` and name the
    /// origin's host: the world's own authorities are not asked, for the room does not depend on them.
    ///
    /// # Errors
    /// [`Trouble`] with the file that is missing or wrong.
    pub fn new(origin: ConsoleOrigin, folder: Option<&Path>) -> Result<Self, Trouble> {
        let tls = match (origin.is_tls(), folder) {
            (false, _) => None,
            (true, Some(folder)) => Some(connector(&origin, &folder.join("ca.pem"))?),
            (true, None) => {
                return Err(Trouble::new(
                    Code::Keys,
                    "Welcher Stelle trauen? Bitte --tls ORDNER mit ca.pem des Leitstands. / Which authority to trust? Give --tls FOLDER with the control room's ca.pem.",
                ));
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                Trouble::because(
                    Code::Files,
                    "Der Prozess kann nicht arbeiten. / The process cannot work.",
                    error,
                )
            })?;
        Ok(Self {
            origin,
            tls,
            token: None,
            runtime,
        })
    }

    /// Where it is.
    pub const fn origin(&self) -> &ConsoleOrigin {
        &self.origin
    }

    /// Shows this token with every request from now on.
    pub fn keep(&mut self, token: Option<String>) {
        self.token = token;
    }

    /// Asks, and reads the whole answer. `wait` bounds everything from connect to the last byte.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        wait: Duration,
    ) -> Result<Value, CallError> {
        let exchange = async {
            let stream = TcpStream::connect((self.origin.host(), self.origin.port()))
                .await
                .map_err(|error| self.unreached(error))?;
            stream.set_nodelay(true).ok();
            match &self.tls {
                None => self.exchange(stream, method, path, body).await,
                Some((connector, name)) => {
                    let stream = connector
                        .connect(name.clone(), stream)
                        .await
                        .map_err(|error| self.unreached(error))?;
                    self.exchange(stream, method, path, body).await
                }
            }
        };
        let bounded = async { timeout(wait, exchange).await };
        match self.runtime.block_on(bounded) {
            Ok(answer) => answer,
            Err(late) => Err(self.unreached(late)),
        }
    }

    async fn exchange<S>(
        &self,
        stream: S,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreached(error))?;
        // Ends with the connection, which ends with `sender` at the end of this function.
        let connection = tokio::spawn(connection);
        let request = self
            .request(method, path, body)
            .map_err(|error| self.unreached(error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.unreached(error))?;
        let status = response.status();
        let bytes = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| self.unreached(error))?
            .to_bytes();
        drop(sender);
        connection.abort();
        self.read(status, &bytes)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let host = self
            .origin
            .as_str()
            .split_once("://")
            .map_or("", |(_, host)| host);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::from(body.map(Value::to_string).unwrap_or_default()))
    }

    fn read(&self, status: StatusCode, bytes: &[u8]) -> Result<Value, CallError> {
        if status.is_success() {
            return serde_json::from_slice(bytes).map_err(|error| self.unreached(error));
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(CallError::NotLoggedIn);
        }
        let said = serde_json::from_slice::<RefusalBody>(bytes)
            .ok()
            .and_then(|body| body.refused);
        Err(CallError::Refused(said.unwrap_or_else(|| {
            format!("Der Leitstand antwortet mit {status}. / The control room answers {status}.")
        })))
    }

    fn unreached(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CallError {
        let origin = &self.origin;
        CallError::Unreached(Trouble::because(
            Code::Unreached,
            format!(
                "Der Leitstand {origin} ist nicht erreichbar oder antwortet nicht richtig. / The control room {origin} cannot be reached or does not answer properly."
            ),
            cause,
        ))
    }
}

fn connector(
    origin: &ConsoleOrigin,
    path: &Path,
) -> Result<(tokio_rustls::TlsConnector, ServerName<'static>), Trouble> {
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        let file = path.display();
        Trouble::because(
            Code::Keys,
            format!(
                "{file} ist kein brauchbares Zertifikat der Stelle. / {file} is no usable authority certificate."
            ),
            error,
        )
    };
    let mut roots = RootCertStore::empty();
    let authorities = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.into()))?;
    for authority in authorities {
        let authority = authority.map_err(|error| wrong(error.into()))?;
        roots.add(authority).map_err(|error| wrong(error.into()))?;
    }
    let name = ServerName::try_from(origin.host().to_owned()).map_err(|error| wrong(error.into()))?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((tokio_rustls::TlsConnector::from(Arc::new(config)), name))
}
