//! Which addresses a process really opened: with port 0 nobody knows before.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use tokio::net::TcpListener;

use crate::{
    files,
    report::{Code, Trouble},
};

/// Writes `{name: address}` as JSON, so that scripts and neighbours find us. Nothing is written without a path.
///
/// # Errors
/// [`Trouble`] when the file cannot be written.
pub fn publish(path: Option<&Path>, listeners: &[(&str, &TcpListener)]) -> Result<(), Trouble> {
    let addresses: BTreeMap<String, SocketAddr> = listeners
        .iter()
        .filter_map(|(name, listener)| {
            listener
                .local_addr()
                .ok()
                .map(|address| ((*name).to_owned(), address))
        })
        .collect();
    publish_addresses(path, &addresses)
}

/// As [`publish`], for addresses already known.
///
/// # Errors
/// [`Trouble`] when the file cannot be written.
pub fn publish_addresses(
    path: Option<&Path>,
    addresses: &BTreeMap<String, SocketAddr>,
) -> Result<(), Trouble> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_vec_pretty(addresses).unwrap_or_default();
    files::write_private(path, &text).map_err(|error| {
        let name = path.display();
        Trouble::because(
            Code::Files,
            format!("{name} kann nicht geschrieben werden. / Cannot write {name}."),
            error,
        )
    })
}

/// Reads what [`publish`] wrote.
///
/// # Errors
/// [`Trouble`] when the file is missing or not what was written.
pub fn read(path: &Path) -> Result<BTreeMap<String, SocketAddr>, Trouble> {
    let name = path.display();
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Files,
            format!(
                "{name} ist nicht lesbar. Läuft der Prozess? / Cannot read {name}. Is the process running?"
            ),
            error,
        )
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.into()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.into()))
}
