//! Notifications of success that we issue: written down before they are due, handed in once, then forgotten.
//!
//! One file per notification in a folder of its own, mode 0600: `KEY.pending` before the mail is offered to the store,
//! `KEY.due` when it is durable, gone when the notification was handed in, `KEY.parked` when the server said "never".
//! The files carry addresses, as every mail queue does; they are never logged, and live for minutes.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use spool::ItemId;
use tokio::sync::Notify;
use vocabulary::{Digest, Timestamp};

use crate::{
    dsn,
    event::{Event, Events},
    forward::client::{Client, Handed, Letter},
    letter::Envelope,
    smtp::command::{Origin, Recipient},
    tls::Dialer,
};

pub(crate) use crate::dsn::Action;

/// Wait between two rounds while something could not be handed in.
const RETRY: Duration = Duration::from_secs(30);

/// What a notification says.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    /// Delivered or relayed.
    pub(crate) action: Action,
    /// The envelope of the item.
    pub(crate) envelope: &'a Envelope,
    /// The outer header of the mail; only headers are returned.
    pub(crate) header: &'a [u8],
    /// When the mail came in.
    pub(crate) at: Timestamp,
}

/// Whether a note was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is new.
    New,
    /// It was written by an earlier attempt of the same peer.
    Before,
}

/// What went wrong with the folder.
#[derive(Debug, thiserror::Error)]
#[error("mail: cannot {tried} {path}")]
pub(crate) struct Error {
    /// What was tried.
    tried: &'static str,
    /// On what.
    path: PathBuf,
    source: std::io::Error,
}

/// The folder of notifications.
#[derive(Debug)]
pub(crate) struct Outbox {
    dir: PathBuf,
    host: String,
    bell: Notify,
}

impl Outbox {
    /// Opens or makes the folder.
    ///
    /// # Errors
    /// [`Error`] when it cannot be made.
    pub(crate) fn open(dir: PathBuf, host: String) -> Result<Self, Error> {
        std::fs::create_dir_all(&dir).map_err(|source| Error {
            tried: "make",
            path: dir.clone(),
            source,
        })?;
        Ok(Self {
            dir,
            host,
            bell: Notify::new(),
        })
    }

    fn path(&self, key: Digest, state: &str) -> PathBuf {
        self.dir.join(format!("{key}.{state}"))
    }

    /// Writes the notification down; durable when this returns.
    ///
    /// # Errors
    /// [`Error`]: nothing is written, and the mail must be refused temporarily.
    pub(crate) async fn prepare(&self, key: Digest, notice: &Notice<'_>) -> Result<Known, Error> {
        if [self.path(key, "pending"), self.path(key, "due")]
            .iter()
            .any(|path| path.exists())
        {
            return Ok(Known::Before);
        }
        let bytes = dsn::write(&self.host, key, notice);
        let (dir, path) = (self.dir.clone(), self.path(key, "pending"));
        blocking("write", path.clone(), move || {
            durable(&path, &bytes)?;
            sync_dir(&dir)
        })
        .await?;
        Ok(Known::New)
    }

    /// The item is durable: the notification may go.
    ///
    /// # Errors
    /// [`Error`]: the mail must be refused temporarily; its repeat finds the note.
    pub(crate) async fn due(&self, key: Digest, item: ItemId) -> Result<(), Error> {
        let (dir, from, to) = (self.dir.clone(), self.path(key, "pending"), self.path(key, "due"));
        blocking("rename", from.clone(), move || {
            match std::fs::rename(&from, &to) {
                // An earlier attempt got this far.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
            sync_dir(&dir)
        })
        .await?;
        tracing::debug!(%item, "a notification of success is due");
        self.bell.notify_one();
        Ok(())
    }

    /// The notification is somebody else's: the note goes.
    ///
    /// # Errors
    /// [`Error`] when it cannot be removed; the mail must be refused temporarily.
    pub(crate) async fn forget(&self, key: Digest) -> Result<(), Error> {
        let path = self.path(key, "pending");
        blocking("remove", path.clone(), move || {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        })
        .await
    }

    /// How many notifications wait to be handed in.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.listed("due").len()
    }

    fn listed(&self, state: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else {
            return Vec::new();
        };
        let mut found = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == state));
        found.by_ref().take(1_000).collect()
    }

    /// Hands in what is due, for ever. Dropping it loses nothing: the files stay.
    pub(crate) async fn run(self: Arc<Self>, dialer: Dialer, events: Arc<Events>, within: Duration) {
        loop {
            let mut failed = false;
            let mut client: Option<Client> = None;
            for path in self.listed("due") {
                match self.hand_in(&path, &dialer, &mut client, within).await {
                    Ok(()) => {}
                    Err(what) => {
                        failed = true;
                        client = None;
                        events.tell(Event::Trouble {
                            part: "outbox".to_owned(),
                            what,
                        });
                        break;
                    }
                }
            }
            if let Some(client) = client {
                client.quit().await;
            }
            if failed {
                tokio::time::sleep(RETRY).await;
            } else {
                self.bell.notified().await;
            }
        }
    }

    async fn hand_in(
        &self,
        path: &Path,
        dialer: &Dialer,
        client: &mut Option<Client>,
        within: Duration,
    ) -> Result<(), String> {
        let bytes = tokio::fs::read(path)
            .await
            .map_err(|error| format!("cannot read a due notification: {error}"))?;
        let (to, message) = dsn::recipient(&bytes).ok_or("a due notification has no recipient")?;
        let connected = match client.take() {
            Some(client) => client,
            None => Client::connect(dialer, &self.host, within)
                .await
                .map_err(|error| format!("cannot reach the server for notifications: {error}"))?,
        };
        // RFC 3464 section 2: a notification asks for none.
        let never = crate::smtp::command::Notify::Never;
        let recipients = [(
            Recipient {
                to,
                notify: None,
                orcpt: None,
            },
            Some(never),
        )];
        let bytes = message.len() as u64;
        let mut message = message;
        let letter = Letter {
            origin: &Origin::default(),
            recipients: &recipients,
            trace: &[],
            message: &mut message,
            bytes,
        };
        let (connected, handed) = connected.hand(letter, &mut ()).await;
        *client = connected;
        match handed {
            Handed::Taken(_) => remove(path).await,
            Handed::Never(answer) => {
                let parked = path.with_extension("parked");
                tokio::fs::rename(path, parked)
                    .await
                    .map_err(|error| format!("cannot park a notification: {error}"))?;
                Err(format!(
                    "a notification was refused for good with {answer}; it is parked"
                ))
            }
            Handed::Later(answer) | Handed::InDoubt(answer) => {
                Err(format!("a notification was put off: {answer}"))
            }
            Handed::Stopped | Handed::Unreadable => Err("a notification could not be handed in".to_owned()),
        }
    }
}

async fn remove(path: &Path) -> Result<(), String> {
    tokio::fs::remove_file(path)
        .await
        .map_err(|error| format!("cannot remove a notification that was handed in: {error}"))
}

async fn blocking(
    tried: &'static str,
    path: PathBuf,
    work: impl FnOnce() -> std::io::Result<()> + Send + 'static,
) -> Result<(), Error> {
    let done = tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|gone| Err(std::io::Error::other(gone)));
    done.map_err(|source| Error { tried, path, source })
}

/// Writes a file so that it survives a power cut once its folder is synced.
pub(crate) fn durable(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}
