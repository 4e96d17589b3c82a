//! This room's section of the configuration, parsed into its own types. Unknown keys are errors.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;
use vocabulary::CellId;

use crate::{
    address::Mailbox,
    route::{Entry, Routes},
    smtp::session::Limits,
};

/// The fronts of one machine. Every section may be absent; an absent front does not listen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name said in greetings and EHLO: the operator's TLS identity at `front`.
    pub host: String,
    /// Where this room keeps its own records: POP3 records, the outbox of notifications, copier marks.
    pub dir: PathBuf,
    /// Which mailbox and mark belongs to which cell.
    #[serde(default)]
    pub mailboxes: Vec<MailboxConfig>,
    /// Addresses nobody has a reason to know. Whoever names one as a recipient at intake is told to the warning process.
    #[serde(default)]
    pub canaries: Vec<CanaryConfig>,
    /// Bounds of SMTP sessions.
    #[serde(default)]
    pub limits: Limits,
    /// Bounds of connections.
    #[serde(default)]
    pub connections: Connections,
    /// Server to server intake.
    #[serde(default)]
    pub intake: Vec<Listener>,
    /// Who issues the notification of success for what comes in while a door is not Open.
    #[serde(default)]
    pub dsn_while_held: DsnWhileHeld,
    /// Where notifications that we issue are handed in. Needed when we may have to issue any.
    #[serde(default)]
    pub notify_through: Option<Upstream>,
    /// Submission of the insurers' own mail.
    #[serde(default)]
    pub submission: Vec<Proxy>,
    /// Fetching by POP3.
    #[serde(default)]
    pub fetch: Vec<Proxy>,
    /// Handing on what the spool holds, per cell.
    #[serde(default)]
    pub forward: Vec<Forward>,
    /// Copying mailboxes of a trusted regular store (`intake = service`).
    #[serde(default)]
    pub copy: Vec<Copy>,
}

/// One mailbox of the routing table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxConfig {
    /// Its address.
    pub address: String,
    /// The cell of mail no rule names.
    pub cell: CellId,
    /// Cells by the first parts of `X-KIM-Dienstkennung`.
    #[serde(default)]
    pub marks: BTreeMap<String, CellId>,
}

/// One canary address. It may stand in the routing table, then its mail is taken; it need not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryConfig {
    /// The address.
    pub address: String,
    /// Its name in the operator's list; this is what is told.
    pub name: String,
    /// The cell it belongs to.
    pub cell: CellId,
}

/// Bounds of connections, each so that a stranger costs a known amount.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    /// Connections of one front at once.
    pub per_front_max: usize,
    /// Connections of one peer (network address) at once, as a share of the front's.
    pub per_peer_percent: u8,
    /// Silence after which a session ends, in seconds. KIM's value for all timeouts is five minutes.
    pub idle_secs_max: u64,
    /// Longest session, in seconds; honest servers reconnect.
    pub session_secs_max: u64,
    /// Longest TLS handshake, in seconds.
    pub handshake_secs_max: u64,
    /// Longest wait for a server behind us to connect or to answer, in seconds.
    pub upstream_secs_max: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            per_front_max: 12_000,
            per_peer_percent: 100,
            idle_secs_max: 300,
            session_secs_max: 4 * 3_600,
            handshake_secs_max: 20,
            upstream_secs_max: 60,
        }
    }
}

impl Connections {
    pub(crate) const fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_secs_max)
    }
    pub(crate) const fn session(&self) -> Duration {
        Duration::from_secs(self.session_secs_max)
    }
    pub(crate) const fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_secs_max)
    }
    pub(crate) const fn upstream(&self) -> Duration {
        Duration::from_secs(self.upstream_secs_max)
    }
    pub(crate) fn per_peer_max(&self) -> usize {
        (self.per_front_max * usize::from(self.per_peer_percent.min(100)) / 100).max(1)
    }
}

/// How a listener or a connection is protected. There is no other way to get plain text than to name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Security {
    /// TLS from the first byte, both sides with certificates.
    Tls(TlsFiles),
    /// No TLS. Refused unless the address is a loopback address.
    LoopbackPlain,
}

/// Files for TLS, all PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Our certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certification authorities that the other side must come from.
    pub peers: PathBuf,
}

/// A place to listen at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How it is protected.
    pub security: Security,
}

/// A server behind us.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its address and port.
    pub address: SocketAddr,
    /// The name its certificate must carry, and under which limited permits know it.
    pub name: String,
    /// How the connection is protected.
    pub security: Security,
}

/// A listener that passes authenticated sessions through.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where the insurer's consumer connects.
    pub listener: Listener,
    /// The regular server.
    pub upstream: Upstream,
}

/// Who issues the notification of success for what comes in while the door is not Open (facts: the recipient's mail
/// service issues it when the mail is stored).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DsnWhileHeld {
    /// The regular server, later, when the item reaches it. Until then nobody claims delivery.
    #[default]
    Regular,
    /// We, at durable acceptance: for operators who approved that we stand in the regular server's place.
    Bulkhead,
}

/// Handing on the items of some cells.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// Whose items.
    pub cells: Vec<CellId>,
    /// The regular server.
    pub upstream: Upstream,
    /// Lanes of one cell that are handed on at the same time.
    #[serde(default = "lanes_default")]
    pub lanes_max: usize,
    /// Items of one cell per second while a backlog drains, so that the regular server is not flooded; none means as
    /// fast as it takes them.
    #[serde(default)]
    pub items_per_second_max: Option<u32>,
}

const fn lanes_default() -> usize {
    4
}

/// Copying one mailbox of the regular store.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// The mailbox.
    pub mailbox: String,
    /// File with its password: one line, readable by its owner only.
    pub password_file: PathBuf,
    /// The regular store's POP3 server.
    pub upstream: Upstream,
    /// Seconds between two looks. The insurers' own rule is ten minutes at most.
    #[serde(default = "every_default")]
    pub every_secs: u64,
    /// What the mailbox may hold, in octets.
    pub quota_octets: u64,
    /// Fill in percent from which it is watched.
    #[serde(default = "watch_default")]
    pub watch_percent: u8,
    /// Fill in percent from which it is alarmed.
    #[serde(default = "alarm_default")]
    pub alarm_percent: u8,
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy")
            .field("upstream", &self.upstream.name)
            .field("every_secs", &self.every_secs)
            .finish()
    }
}

const fn every_default() -> u64 {
    300
}
const fn watch_default() -> u8 {
    60
}
const fn alarm_default() -> u8 {
    85
}

/// What is wrong with a configuration, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address that is none.
    #[error("mail: mailbox number {number} (cell {cell}) has no valid address; write local@domain")]
    Address {
        /// Its place in the list, from 1.
        number: usize,
        /// Its cell.
        cell: CellId,
        /// Which rule was broken.
        source: crate::address::BadAddress,
    },
    /// A canary address that is none.
    #[error("mail: canary {name} (cell {cell}) has no valid address; write local@domain")]
    Canary {
        /// Its name.
        name: String,
        /// Its cell.
        cell: CellId,
        /// Which rule was broken.
        source: crate::address::BadAddress,
    },
    /// Two entries for one mailbox.
    #[error("mail: mailbox number {number} (cell {cell}) is listed twice; keep one entry")]
    Twice {
        /// Its place in the list, from 1.
        number: usize,
        /// Its cell.
        cell: CellId,
    },
    /// A mailbox to copy that is not in the table.
    #[error("mail: copy number {number} names a mailbox that is no address or not listed under mailboxes")]
    CopyMailbox {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// Plain text beyond loopback.
    #[error("mail: {address} is not a loopback address; configure tls for it")]
    PlainBeyondLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// A cell without a door.
    #[error("mail: cell {cell} is configured, but this process has no door for it")]
    NoDoor {
        /// Which cell.
        cell: CellId,
    },
    /// A bound below what the protocol needs.
    #[error("mail: message_bytes_max is {bytes}; KIM needs at least {KIM_BYTES_MIN}")]
    TooSmall {
        /// The configured bound.
        bytes: u64,
    },
    /// Notifications are to be issued, but not where to hand them in.
    #[error("mail: dsn_while_held = bulkhead needs notify_through")]
    NoOutlet,
    /// A file that cannot be used.
    #[error("mail: cannot {tried} {path}")]
    File {
        /// What was tried.
        tried: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A TLS file that cannot be used.
    #[error("mail: {path} cannot be used for TLS: {why}")]
    Tls {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A place that cannot be listened at.
    #[error("mail: cannot listen at {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The least SIZE a KIM server must offer, in bytes.
pub const KIM_BYTES_MIN: u64 = 35_882_577;

impl Config {
    /// Checks what types cannot, and makes the routing table.
    ///
    /// # Errors
    /// [`Error`] with the first mistake and what to do.
    pub fn routes(&self) -> Result<Routes, Error> {
        if self.limits.message_bytes_max < KIM_BYTES_MIN {
            return Err(Error::TooSmall {
                bytes: self.limits.message_bytes_max,
            });
        }
        if self.dsn_while_held == DsnWhileHeld::Bulkhead && self.notify_through.is_none() {
            return Err(Error::NoOutlet);
        }
        let mut entries = BTreeMap::new();
        for (number, one) in (1..).zip(&self.mailboxes) {
            let mailbox = Mailbox::new(&one.address).map_err(|source| Error::Address {
                number,
                cell: one.cell.clone(),
                source,
            })?;
            let entry = Entry {
                otherwise: one.cell.clone(),
                by_mark: one.marks.clone(),
            };
            if entries.insert(mailbox, entry).is_some() {
                return Err(Error::Twice {
                    number,
                    cell: one.cell.clone(),
                });
            }
        }
        Ok(Routes::new(entries))
    }

    /// The canaries, by address.
    pub(crate) fn canaries(&self) -> Result<BTreeMap<Mailbox, (String, CellId)>, Error> {
        let read = self.canaries.iter().map(|one| {
            let mailbox = Mailbox::new(&one.address).map_err(|source| Error::Canary {
                name: one.name.clone(),
                cell: one.cell.clone(),
                source,
            })?;
            Ok((mailbox, (one.name.clone(), one.cell.clone())))
        });
        read.collect()
    }
}
