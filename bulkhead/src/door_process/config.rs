//! `door.toml`.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use estate::Estate;
use serde::{Deserialize, Serialize};
use spool::{Limits, WhenCopyDown};
use vocabulary::{Digest, ServiceId, SiteId};

use crate::{
    command,
    report::{Code, Trouble},
};

/// Everything a door process needs to know before it opens anything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the door store, the door's own key, and what the fronts remember.
    pub dir: PathBuf,
    /// The estate file.
    pub estate: PathBuf,
    /// Digest of the estate's first charter statement: the root of everything the doors will ever believe.
    pub charter: Digest,
    /// The data centres whose cells this process guards.
    pub sites: BTreeSet<SiteId>,
    /// The services it guards.
    pub services: BTreeSet<ServiceId>,
    /// Control listener; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The control room, to follow the authority log.
    pub control: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; needed outside loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// Where to write the addresses that were really opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PathBuf>,
    /// The spool.
    pub spool: Spool,
    /// What emergency environments may do here while a door grants it. Without it none is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
    /// The fronts. Shown as written: their room explains its own defaults.
    #[serde(skip_serializing)]
    pub mail: mail::Config,
}

/// The way in and out of emergency environments.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// Their listener, always mutual TLS; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The regular server that takes released answers. Shown as written: its room explains its own defaults.
    #[serde(default, skip_serializing)]
    pub way_out: Option<mail::config::Upstream>,
}

/// Where held mail lies.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spool {
    /// The first store.
    pub dir: PathBuf,
    /// Further stores, each on a disk or mount of its own.
    #[serde(default)]
    pub copies: Vec<PathBuf>,
    /// What intake does while one of them is down.
    #[serde(default)]
    pub when_copy_down: WhenCopyDown,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
}

impl Config {
    /// Reads and checks the estate file.
    ///
    /// # Errors
    /// [`Trouble`] with every mistake in it.
    pub fn read_estate(&self) -> Result<Estate, Trouble> {
        read_estate(&self.estate)
    }
}

/// Reads and checks an estate file.
///
/// # Errors
/// [`Trouble`] with every mistake in it.
pub fn read_estate(path: &Path) -> Result<Estate, Trouble> {
    let text = command::read_text(path, Code::Estate)?;
    estate::check(&text, &path.display().to_string())
        .map_err(|mistakes| Trouble::new(Code::Estate, mistakes.to_string()))
}
