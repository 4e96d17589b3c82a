//! Bringing the site to a web host by SFTP, with the OpenSSH client that is installed: no password, no question, no
//! unknown host.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};
use vocabulary::Digest;

use super::directory::Directory;
use crate::report::{Code, Trouble};

/// Longest transfer. A host that is slower gets the next site whole.
const TRANSFER_WAIT: Duration = Duration::from_secs(120);

/// Where the site is pushed to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// User and host, as for `sftp`.
    pub host: String,
    /// Folder on the host.
    pub folder: String,
    /// Private key of the publisher, without passphrase, readable by its owner only. It may write the site and nothing
    /// else.
    pub identity: PathBuf,
    /// The host's key, as in `known_hosts`.
    pub known_hosts: PathBuf,
    /// An `ssh_config` of its own, for hosts behind a jump host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_config: Option<PathBuf>,
}

/// The site at its host, as far as we know it.
pub(super) struct Push {
    target: Target,
    there: BTreeMap<String, Digest>,
}

impl Push {
    pub(super) const fn new(target: Target) -> Self {
        Self {
            target,
            there: BTreeMap::new(),
        }
    }

    /// Brings what differs; after a failure, everything.
    pub(super) async fn bring(&mut self, directory: &Directory) -> Result<(), Trouble> {
        let there = std::mem::take(&mut self.there);
        let batch = batch(directory, &there, &self.target.folder);
        self.run(batch).await?;
        self.there = directory
            .files()
            .into_iter()
            .map(|(path, digest)| (path.to_owned(), digest))
            .collect();
        Ok(())
    }

    /// Brings these files, whatever is there.
    pub(super) async fn bring_files(&self, root: &Path, paths: &[&str]) -> Result<(), Trouble> {
        let (mut folders, mut lines) = (BTreeSet::new(), String::new());
        for path in paths {
            put(root, path, &self.target.folder, &mut folders, &mut lines);
        }
        self.run(lines).await
    }

    async fn run(&self, batch: String) -> Result<(), Trouble> {
        let Target { host, .. } = &self.target;
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            Trouble::because(
                Code::Publication,
                format!("Die Seite kommt nicht zu {host}. / The site does not get to {host}."),
                error,
            )
        };
        let mut command = Command::new("sftp");
        command.args(["-q", "-b", "-"]);
        if let Some(config) = &self.target.ssh_config {
            command.arg("-F").arg(config);
        }
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "IdentitiesOnly=yes",
            "ConnectTimeout=10",
        ] {
            command.args(["-o", option]);
        }
        command
            .arg("-o")
            .arg(format!(
                "UserKnownHostsFile={}",
                self.target.known_hosts.display()
            ))
            .arg("-i")
            .arg(&self.target.identity)
            .arg("--")
            .arg(host)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(error.into()))?;
        let transfer = async {
            if let Some(mut input) = child.stdin.take() {
                input.write_all(batch.as_bytes()).await?;
            }
            child.wait_with_output().await
        };
        match timeout(TRANSFER_WAIT, transfer).await {
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => Err(failed(
                String::from_utf8_lossy(&output.stderr).trim().to_owned().into(),
            )),
            Ok(Err(error)) => Err(failed(error.into())),
            Err(_) => Err(failed("sftp: Zeit abgelaufen / timed out".into())),
        }
    }
}

/// The lines for `sftp` that bring what differs.
fn batch(directory: &Directory, there: &BTreeMap<String, Digest>, folder: &str) -> String {
    let (mut folders, mut lines) = (BTreeSet::new(), String::new());
    let files = directory.files();
    for (path, digest) in &files {
        if there.get(*path) != Some(digest) {
            put(directory.root(), path, folder, &mut folders, &mut lines);
        }
    }
    for path in there
        .keys()
        .filter(|path| files.iter().all(|(file, _)| file != path))
    {
        let _ = writeln!(lines, "-rm {}", quoted(&format!("{folder}/{path}")));
    }
    lines
}

/// Each file is written beside its place and then renamed into it.
fn put(root: &Path, path: &str, folder: &str, folders: &mut BTreeSet<String>, lines: &mut String) {
    for (at, _) in path.match_indices('/') {
        let parent = path.get(..at).unwrap_or_default();
        if folders.insert(parent.to_owned()) {
            // A leading dash: that it is there already is no failure.
            let _ = writeln!(lines, "-mkdir {}", quoted(&format!("{folder}/{parent}")));
        }
    }
    let here = root.join(path).display().to_string();
    let place = format!("{folder}/{path}");
    let part = format!("{place}.part");
    let _ = writeln!(lines, "put {} {}", quoted(&here), quoted(&part));
    let _ = writeln!(lines, "rename {} {}", quoted(&part), quoted(&place));
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
