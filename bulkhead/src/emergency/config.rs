//! `emergency.toml`.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use vocabulary::EnvironmentId;

use super::work::DeskConfig;

/// Everything an emergency environment needs to know before it reads anything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its name in clearances, consents and grants.
    pub environment: EnvironmentId,
    /// Folder of the originals, the log, the outbox and the indexes.
    pub dir: PathBuf,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`. The certificate names this environment.
    pub tls: PathBuf,
    /// The age identity (`AGE-SECRET-KEY-1…`) that consents name.
    pub identity: PathBuf,
    /// Listeners for emergency environments, one per door process.
    pub doors: Vec<SocketAddr>,
    /// By what mails are opened and judged, per cell. Mail of a cell without a desk is filed and not looked into.
    #[serde(default)]
    pub desks: Vec<DeskConfig>,
}
