//! TLS of both sides: always mutual, TLS 1.2 or later, ring as provider; plain text only on loopback and by name.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use vocabulary::Digest;

use crate::{
    config::{Error, Security, TlsFiles, Upstream},
    wire::Stream,
};

/// How a listener takes connections.
#[derive(Clone)]
pub(crate) enum Acceptor {
    Plain,
    Tls(TlsAcceptor),
}

/// How a server behind us is reached.
#[derive(Clone)]
pub(crate) struct Dialer {
    address: SocketAddr,
    pub(crate) name: Arc<str>,
    security: Dial,
    within: Duration,
}

#[derive(Clone)]
enum Dial {
    Plain,
    Tls(TlsConnector, ServerName<'static>),
}

/// Who is at the other end, as far as the connection proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// By certificate: the SHA-256 of its DER bytes.
    Certificate(Digest),
    /// On this machine, or a client without a certificate behind a proxy front that authenticates by password.
    Address(std::net::IpAddr),
}

impl Peer {
    /// The name it is known under, for permits and the spool's keyed commitments. Never logged.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Certificate(digest) => format!("cert:{digest}"),
            Self::Address(address) => format!("addr:{address}"),
        }
    }
}

impl Acceptor {
    pub(crate) fn new(security: &Security, address: SocketAddr) -> Result<Self, Error> {
        match security {
            Security::LoopbackPlain if address.ip().is_loopback() => Ok(Self::Plain),
            Security::LoopbackPlain => Err(Error::PlainBeyondLoopback { address }),
            Security::Tls(files) => Ok(Self::Tls(TlsAcceptor::from(Arc::new(server(files)?)))),
        }
    }

    /// Makes a connection of what was accepted. The caller bounds the time.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
        from: SocketAddr,
    ) -> std::io::Result<(Stream, Peer)> {
        socket.set_nodelay(true)?;
        match self {
            Self::Plain => Ok((Stream::Plain(socket), Peer::Address(from.ip()))),
            Self::Tls(acceptor) => {
                let stream = acceptor.accept(socket).await?;
                let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                // The verifier demands a certificate; without one there is no peer, and so no session.
                let certificate = certificate.ok_or(std::io::ErrorKind::PermissionDenied)?;
                let peer = Peer::Certificate(Digest::of(certificate.as_ref()));
                Ok((Stream::Tls(Box::new(TlsStream::Server(stream))), peer))
            }
        }
    }
}

impl Dialer {
    pub(crate) fn new(upstream: &Upstream, within: Duration) -> Result<Self, Error> {
        let address = upstream.address;
        let security = match &upstream.security {
            Security::LoopbackPlain if address.ip().is_loopback() => Dial::Plain,
            Security::LoopbackPlain => return Err(Error::PlainBeyondLoopback { address }),
            Security::Tls(files) => {
                let name = ServerName::try_from(upstream.name.clone())
                    .map_err(|_| bad(&files.peers, "the upstream's name is no host name"))?;
                Dial::Tls(TlsConnector::from(Arc::new(client(files)?)), name)
            }
        };
        Ok(Self {
            address,
            name: upstream.name.as_str().into(),
            security,
            within,
        })
    }

    /// Connects, with TLS if configured, within the configured time.
    pub(crate) async fn dial(&self) -> std::io::Result<Stream> {
        let dial = async {
            let socket = TcpStream::connect(self.address).await?;
            socket.set_nodelay(true)?;
            match &self.security {
                Dial::Plain => Ok(Stream::Plain(socket)),
                Dial::Tls(connector, name) => {
                    let stream = connector.connect(name.clone(), socket).await?;
                    Ok(Stream::Tls(Box::new(TlsStream::Client(stream))))
                }
            }
        };
        tokio::time::timeout(self.within, dial)
            .await
            .map_err(|_| std::io::ErrorKind::TimedOut)?
    }
}

fn bad(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::Tls {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = CertificateDer::pem_file_iter(path).map_err(|error| bad(path, error))?;
    let chain = chain
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| bad(path, error))?;
    if chain.is_empty() {
        Err(bad(path, "it contains no certificate"))
    } else {
        Ok(chain)
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    owner_only(path)?;
    PrivateKeyDer::from_pem_file(path).map_err(|error| bad(path, error))
}

/// A secret in a file that others may read is no secret.
pub(crate) fn owner_only(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = |source| Error::File {
        tried: "look at",
        path: path.to_owned(),
        source,
    };
    let mode = std::fs::metadata(path).map_err(file)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let source = std::io::Error::new(
        std::io::ErrorKind::PermissionDenied,
        "others may read it; set its mode to 0600",
    );
    Err(Error::File {
        tried: "trust",
        path: path.to_owned(),
        source,
    })
}

fn roots(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(path)? {
        roots.add(certificate).map_err(|error| bad(path, error))?;
    }
    Ok(roots)
}

fn server(files: &TlsFiles) -> Result<ServerConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let peers = Arc::new(roots(&files.peers)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(peers, Arc::clone(&provider))
        .build()
        .map_err(|error| bad(&files.peers, error))?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&files.certificate, error))?;
    builder
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(&files.certificate)?, key(&files.key)?)
        .map_err(|error| bad(&files.certificate, error))
}

fn client(files: &TlsFiles) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&files.certificate, error))?;
    builder
        .with_root_certificates(roots(&files.peers)?)
        .with_client_auth_cert(chain(&files.certificate)?, key(&files.key)?)
        .map_err(|error| bad(&files.certificate, error))
}
