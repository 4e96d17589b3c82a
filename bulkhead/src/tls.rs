//! Mutual TLS between our own parts: one certificate authority per estate, one certificate per part.
//!
//! Whoever holds such a certificate may talk to a part. That is all it is good for: what a part *does* is decided by
//! signed statements, so a stolen certificate can ask, close and disturb, but open nothing.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;

use vocabulary::EnvironmentId;

use crate::{emergency_wire::tls_name, http::link::Links};

/// Name in the certificate of every part; parts are told apart by their keys, not by names in DNS.
pub const PART_NAME: &str = "part.bulkhead.internal";

/// Why TLS could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or holds no PEM of the expected kind.
    #[error("{path}: {what} nicht lesbar. / {path}: cannot read the {what}.")]
    File {
        /// Which file.
        path: String,
        /// What should have been in it.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The pieces do not fit together.
    #[error("Zertifikat und Schlüssel passen nicht zusammen. / Certificate and key do not fit together.")]
    Config(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Certificate, key and the authority that signed the other side.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

/// Server side of mutual TLS.
#[derive(Clone)]
pub struct Acceptor(tokio_rustls::TlsAcceptor);

/// Client side of mutual TLS, with the connections that are kept under this identity. Clones share them.
#[derive(Clone)]
pub struct Connector {
    tls: tokio_rustls::TlsConnector,
    name: ServerName<'static>,
    links: Arc<Links>,
}

impl Identity {
    /// Reads `ca.pem`, `cert.pem` and `key.pem` from a folder.
    ///
    /// # Errors
    /// [`TlsError`] with the file that is missing or wrong.
    pub fn load(folder: &Path) -> Result<Self, TlsError> {
        let certificates = |name: &str, what| {
            let path = folder.join(name);
            CertificateDer::pem_file_iter(&path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| TlsError::File {
                    path: path.display().to_string(),
                    what,
                    source: Box::new(error),
                })
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates("ca.pem", "Zertifikat der Stelle (CA) / authority certificate")? {
            roots
                .add(authority)
                .map_err(|error| TlsError::Config(Box::new(error)))?;
        }
        let key_path = folder.join("key.pem");
        let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|error| TlsError::File {
            path: key_path.display().to_string(),
            what: "Schlüssel / key",
            source: Box::new(error),
        })?;
        Ok(Self {
            chain: certificates("cert.pem", "Zertifikat / certificate")?,
            key,
            roots: Arc::new(roots),
        })
    }

    /// Accepts only callers with a certificate of the same authority.
    ///
    /// # Errors
    /// [`TlsError::Config`].
    pub fn acceptor(&self) -> Result<Acceptor, TlsError> {
        Ok(Acceptor(tokio_rustls::TlsAcceptor::from(self.server_config()?)))
    }

    /// Accepts everybody: for browsers, which prove who they are by a signature inside.
    ///
    /// # Errors
    /// [`TlsError::Config`].
    pub fn acceptor_for_browsers(&self) -> Result<Acceptor, TlsError> {
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| TlsError::Config(Box::new(error)))?;
        Ok(Acceptor(tokio_rustls::TlsAcceptor::from(Arc::new(config))))
    }

    /// The server configuration behind [`Self::acceptor`], for listeners of other rooms.
    ///
    /// # Errors
    /// [`TlsError::Config`].
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let verifier = WebPkiClientVerifier::builder(self.roots.clone())
            .build()
            .map_err(|error| TlsError::Config(Box::new(error)))?;
        let config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| TlsError::Config(Box::new(error)))?;
        Ok(Arc::new(config))
    }

    /// Talks only to parts with a certificate of the same authority.
    ///
    /// # Errors
    /// [`TlsError::Config`].
    pub fn connector(&self) -> Result<Connector, TlsError> {
        let config = ClientConfig::builder()
            .with_root_certificates(self.roots.clone())
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| TlsError::Config(Box::new(error)))?;
        let name = ServerName::try_from(PART_NAME).map_err(|error| TlsError::Config(Box::new(error)))?;
        Ok(Connector {
            tls: tokio_rustls::TlsConnector::from(Arc::new(config)),
            name,
            links: Arc::default(),
        })
    }
}

impl Acceptor {
    /// Shakes hands as server.
    ///
    /// # Errors
    /// What the network or the other side said.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

impl Connector {
    /// Shakes hands as client.
    ///
    /// # Errors
    /// What the network or the other side said.
    pub async fn connect(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        self.tls.connect(self.name.clone(), stream).await
    }

    /// The same identity with no connections kept yet.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            tls: self.tls.clone(),
            name: self.name.clone(),
            links: Arc::default(),
        }
    }

    /// Connections kept between calls.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }
}

/// A throw-away authority that lives in memory while it signs certificates for parts, for drills and first set-up.
pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    /// Makes an authority with a fresh key, which is never written to disk.
    ///
    /// # Errors
    /// [`TlsError::Config`] when the library refuses.
    pub fn make(estate: &str) -> Result<Self, TlsError> {
        let wrong = |error: rcgen::Error| TlsError::Config(Box::new(error));
        let mut params = rcgen::CertificateParams::new(Vec::new()).map_err(wrong)?;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, format!("Bulkhead {estate}"));
        params.key_usages = vec![
            rcgen::KeyUsagePurpose::KeyCertSign,
            rcgen::KeyUsagePurpose::CrlSign,
        ];
        let key = rcgen::KeyPair::generate().map_err(wrong)?;
        let certificate = params.self_signed(&key).map_err(wrong)?;
        Ok(Self {
            certificate,
            issuer: rcgen::Issuer::new(params, key),
        })
    }

    /// Writes `ca.pem`, `cert.pem` and `key.pem` (0600) for one part into a folder, made if missing.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn enrol(&self, part: &str, folder: &Path) -> Result<(), TlsError> {
        self.enrol_as(part, vec![PART_NAME.to_owned()], folder)
    }

    /// As [`enrol`](Self::enrol), for an emergency environment: its certificate names it.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn enrol_emergency(&self, environment: &EnvironmentId, folder: &Path) -> Result<(), TlsError> {
        let names = vec![PART_NAME.to_owned(), tls_name(environment)];
        self.enrol_as(environment.as_str(), names, folder)
    }

    fn enrol_as(&self, part: &str, names: Vec<String>, folder: &Path) -> Result<(), TlsError> {
        let wrong = |error: rcgen::Error| TlsError::Config(Box::new(error));
        let mut params = rcgen::CertificateParams::new(names).map_err(wrong)?;
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, part.to_owned());
        params.extended_key_usages = vec![
            rcgen::ExtendedKeyUsagePurpose::ServerAuth,
            rcgen::ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = rcgen::KeyPair::generate().map_err(wrong)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(wrong)?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            crate::files::write_private(&path, text.as_bytes()).map_err(|error| TlsError::File {
                path: path.display().to_string(),
                what: "Datei / file",
                source: Box::new(error),
            })
        };
        write("ca.pem", &self.certificate.pem())?;
        write("cert.pem", &certificate.pem())?;
        write("key.pem", &key.serialize_pem())
    }
}
