//! What the drill writes into its `door.toml`.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use serde::Serialize;
use vocabulary::{Digest, ServiceId, SiteId};

/// `door.toml` as the drill writes it.
#[derive(Serialize)]
pub(super) struct DoorText {
    pub(super) dir: PathBuf,
    pub(super) estate: PathBuf,
    pub(super) charter: Digest,
    pub(super) sites: BTreeSet<SiteId>,
    pub(super) services: BTreeSet<ServiceId>,
    pub(super) listen: SocketAddr,
    pub(super) control: SocketAddr,
    pub(super) tls: PathBuf,
    pub(super) endpoints: PathBuf,
    pub(super) spool: SpoolText,
    pub(super) emergency: toml::Table,
    pub(super) mail: toml::Table,
}

/// Where held mail lies.
#[derive(Serialize)]
pub(super) struct SpoolText {
    pub(super) dir: PathBuf,
    pub(super) copies: Vec<PathBuf>,
}
