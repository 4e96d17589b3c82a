//! `callout.toml`, and the drivers it describes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use readiness::{
    callout::{AlarmId, Cause, CodeKey, MessageId, Reference},
    contacts::{MailAddress, Phone},
    gateway::{ApiKey, Letter, seven},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};

use super::{hook::Hook, https, smtp};
use crate::{
    command,
    http::Endpoint,
    keys,
    report::{Code, Trouble},
};

/// Longest secret in a file, in bytes.
const SECRET_BYTES_MAX: usize = 1_024;

/// `callout.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who calls, in every message: at most 30 characters of the SMS alphabet.
    pub sender: String,
    /// How long anybody is waited for before the deputy is called, in minutes.
    #[serde(default = "patience")]
    pub patience_minutes: u8,
    /// Folder of the files that say what happened, and of the key that codes are made from.
    pub dir: PathBuf,
    /// The control room, to be told of each step while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// A mail server outside the estate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// The gateway for short messages and calls (seven.io).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// Where the gateway reports what arrived and what was answered; without it answers are typed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
}

const fn patience() -> u8 {
    10
}

/// Where the control room listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its address.
    pub address: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
}

/// A mail server that takes submissions (RFC 6409), always over TLS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Its name, as in its certificate.
    pub name: String,
    /// Its address; without it the name is looked up, which needs a name service that lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// Its port, where no address is given: 465 for TLS from the first byte.
    #[serde(default = "submissions")]
    pub port: u16,
    /// TLS from the first byte (`implicit`), or after STARTTLS (`starttls`).
    #[serde(default)]
    pub tls: MailTls,
    /// Certificates of the authorities it is believed by (PEM).
    pub roots: PathBuf,
    /// The account.
    pub user: String,
    /// File with its password, for its owner alone.
    pub password_file: PathBuf,
    /// From whom; an address outside the estate.
    pub from: String,
}

const fn submissions() -> u16 {
    465
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailTls {
    /// With the first byte (RFC 8314).
    #[default]
    Implicit,
    /// After STARTTLS; without it nothing is said.
    Starttls,
}

/// The gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Its address; without it the name is looked up, which needs a name service that lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// Certificates of the authorities it is believed by (PEM).
    pub roots: PathBuf,
    /// File with our key, for its owner alone.
    pub key_file: PathBuf,
    /// The sender of short messages: at most 11 letters and digits, or 16 digits.
    pub shown_as: String,
    /// The number calls come from, verified with the gateway.
    pub caller: String,
}

impl Config {
    /// The file of one alarm.
    #[must_use]
    pub fn journal(&self, alarm: &AlarmId) -> PathBuf {
        self.dir.join(format!("{alarm}.jsonl"))
    }

    /// The key codes are made from; made on first use.
    ///
    /// # Errors
    /// [`Trouble`] when it is open to others or cannot be made.
    pub fn code_key(&self) -> Result<CodeKey, Trouble> {
        keys::salt(&self.dir.join("codes.key")).map(CodeKey::new)
    }
}

impl Control {
    pub(super) fn endpoint(&self) -> Result<Endpoint, Trouble> {
        let tls = command::connector(self.tls.as_deref())?;
        Ok(Endpoint {
            address: self.address,
            tls,
        })
    }
}

/// What can carry a message.
pub(super) struct Drivers {
    mail: Option<Arc<smtp::Submission>>,
    gateway: Option<https::Seven>,
}

impl Drivers {
    /// Reads keys and certificates now, not at the first message.
    ///
    /// # Errors
    /// [`Trouble`] with the file or value that is wrong.
    pub(super) fn open(config: &Config) -> Result<Self, Trouble> {
        let mail = config.mail.as_ref().map(mail).transpose()?;
        let gateway = config.gateway.as_ref().map(gateway).transpose()?;
        Ok(Self {
            mail: mail.map(Arc::new),
            gateway,
        })
    }

    pub(super) async fn mail(
        &self,
        to: &MailAddress,
        letter: &Letter,
        id: &MessageId,
    ) -> Result<Option<Reference>, Cause> {
        let server = self.mail.clone().ok_or(Cause::NoAddress)?;
        let (to, letter, id) = (to.clone(), letter.clone(), id.clone());
        let sending =
            tokio::task::spawn_blocking(move || server.submit(&to, &letter, &id, crate::clock::now()));
        sending.await.map_err(|_| Cause::Unreached)?.map(|()| None)
    }

    pub(super) async fn sms(
        &self,
        to: &Phone,
        text: &str,
        id: &MessageId,
    ) -> Result<Option<Reference>, Cause> {
        let gateway = self.gateway.as_ref().ok_or(Cause::NoAddress)?;
        let request = seven::sms(&gateway.key, &gateway.shown_as, to, text, id);
        gateway.send(&request).await
    }

    pub(super) async fn voice(
        &self,
        to: &Phone,
        text: &str,
        id: &MessageId,
    ) -> Result<Option<Reference>, Cause> {
        let gateway = self.gateway.as_ref().ok_or(Cause::NoAddress)?;
        let request = seven::voice(&gateway.key, &gateway.caller, to, text, id);
        gateway.send(&request).await
    }
}

pub(super) fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::because(
        Code::Config,
        "Ein Weg des Rufs ist falsch eingerichtet. / A way of the call-out is set up wrongly.",
        error,
    )
}

fn mail(config: &Mail) -> Result<smtp::Submission, Trouble> {
    let from: MailAddress = config.from.parse().map_err(wrong)?;
    Ok(smtp::Submission {
        name: rustls::pki_types::ServerName::try_from(config.name.clone()).map_err(wrong)?,
        host: config.name.clone(),
        address: config.address,
        port: config.port,
        tls: config.tls,
        client: believing(&config.roots)?,
        user: config.user.clone(),
        password: secret(&config.password_file)?,
        from,
    })
}

fn gateway(config: &Gateway) -> Result<https::Seven, Trouble> {
    Ok(https::Seven {
        address: config.address,
        client: believing(&config.roots)?,
        key: ApiKey::new(&secret(&config.key_file)?).map_err(wrong)?,
        shown_as: seven::ShownAs::new(&config.shown_as).map_err(wrong)?,
        caller: config.caller.parse().map_err(wrong)?,
    })
}

/// A client that believes these authorities and no others.
fn believing(roots: &Path) -> Result<Arc<ClientConfig>, Trouble> {
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
        let name = roots.display();
        Trouble::because(
            Code::Keys,
            format!("{name} ist nicht lesbar. / Cannot read {name}."),
            error,
        )
    };
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(roots).map_err(|error| unreadable(error.into()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.into()))?;
        store.add(certificate).map_err(|error| unreadable(error.into()))?;
    }
    let config = ClientConfig::builder()
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A secret of one line in a file for its owner alone.
pub(super) fn secret(path: &Path) -> Result<String, Trouble> {
    keys::private(path)?;
    let text = command::read_text(path, Code::Keys)?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.len() > SECRET_BYTES_MAX || line.contains(char::is_control) {
        let name = path.display();
        return Err(Trouble::new(
            Code::Keys,
            format!(
                "{name}: eine Zeile mit dem Geheimnis gehört hinein. / {name}: one line with the secret belongs in it."
            ),
        ));
    }
    Ok(line.to_owned())
}
