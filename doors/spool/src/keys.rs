//! Key epochs: which key a cell's items are sealed to, and where its private half is.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    str::FromStr as _,
};

use serde::{Deserialize, Serialize};
use vocabulary::CellId;
use zeroize::Zeroizing;

use crate::{
    Entropy, Error, disk,
    id::KeyEpoch,
    record::{Custody, KeyRecord},
    seal::{Encapsulation, Secret, key_pair, public_of},
};

/// An age X25519 recipient (`age1…`), checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient(String);

impl Recipient {
    /// Reads a recipient.
    ///
    /// # Errors
    /// [`Error::Key`] when the text is no age X25519 recipient.
    pub fn new(text: &str) -> Result<Self, Error> {
        age::x25519::Recipient::from_str(text)
            .map(|recipient| Self(recipient.to_string()))
            .map_err(|why| Error::Key {
                what: "a release recipient",
                why: why.to_owned(),
            })
    }

    /// The recipient as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(&self) -> Result<age::x25519::Recipient, Error> {
        age::x25519::Recipient::from_str(&self.0).map_err(|why| Error::Key {
            what: "a release recipient",
            why: why.to_owned(),
        })
    }
}

impl TryFrom<String> for Recipient {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(&text)
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.0
    }
}

/// Whom a cell's keys are wrapped to, always both: either alone can release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRecipients {
    /// The key the insurer uses.
    pub active: Recipient,
    /// The key whose private half is split k-of-n among people outside the estate.
    pub recovery: Recipient,
}

/// A private key of a key epoch, wrapped: an age file (age-encryption.org/v1) to one or more X25519 recipients.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// Which key epoch it opens.
    pub epoch: KeyEpoch,
    /// The cell whose items it opens.
    pub cell: CellId,
    /// The age file, in hexadecimal on the wire.
    #[serde(with = "hex::serde")]
    pub wrapped: Vec<u8>,
}

/// Private keys of key epochs in clear, in memory: what an insurer's consent brings. Wiped when dropped; shows
/// nothing when printed.
#[derive(Clone, Default)]
pub struct ReleasedKeys(pub(crate) BTreeMap<KeyEpoch, Secret>);

impl ReleasedKeys {
    /// The epochs these keys open.
    #[must_use]
    pub fn epochs(&self) -> BTreeSet<KeyEpoch> {
        self.0.keys().copied().collect()
    }

    /// Unwraps keys with an age identity (`AGE-SECRET-KEY-1…`). Keys wrapped to somebody else are left out.
    ///
    /// # Errors
    /// [`Error::Key`] when the identity cannot be read or a key is damaged.
    pub fn unwrap(wrapped: &[WrappedKey], identity: &str) -> Result<Self, Error> {
        let identity = parse_identity(identity)?;
        let mut keys = BTreeMap::new();
        for key in wrapped {
            if let Some(secret) = unwrap_key(&key.wrapped, &identity)? {
                keys.insert(key.epoch, secret);
            }
        }
        Ok(Self(keys))
    }
}

impl std::fmt::Debug for ReleasedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReleasedKeys({:?})", self.epochs())
    }
}

pub(crate) fn parse_identity(text: &str) -> Result<age::x25519::Identity, Error> {
    age::x25519::Identity::from_str(text).map_err(|why| Error::Key {
        what: "an age identity",
        why: why.to_owned(),
    })
}

pub(crate) fn wrap_key(secret: &[u8], to: &[&Recipient]) -> Result<Vec<u8>, Error> {
    let failed = |why: String| Error::Key {
        what: "a key to be wrapped",
        why,
    };
    let recipients = to
        .iter()
        .map(|recipient| recipient.parse())
        .collect::<Result<Vec<_>, _>>()?;
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn age::Recipient))
        .map_err(|error| failed(error.to_string()))?;
    let mut wrapped = Vec::new();
    let mut writer = encryptor
        .wrap_output(&mut wrapped)
        .map_err(|error| failed(error.to_string()))?;
    writer
        .write_all(secret)
        .map_err(|error| failed(error.to_string()))?;
    writer.finish().map_err(|error| failed(error.to_string()))?;
    Ok(wrapped)
}

/// `None` when the key is wrapped to somebody else.
pub(crate) fn unwrap_key(wrapped: &[u8], identity: &age::x25519::Identity) -> Result<Option<Secret>, Error> {
    let failed = |why: String| Error::Key {
        what: "a wrapped key",
        why,
    };
    let decryptor = age::Decryptor::new(wrapped).map_err(|error| failed(error.to_string()))?;
    let mut reader = match decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)) {
        Ok(reader) => reader,
        Err(age::DecryptError::NoMatchingKeys) => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut secret = Zeroizing::new([0; 32]);
    reader
        .read_exact(secret.as_mut_slice())
        .map_err(|error| failed(error.to_string()))?;
    Ok(Some(secret))
}

struct Key {
    record: KeyRecord,
    secret: Option<Secret>,
}

/// All key epochs of a spool, and the door's key store.
pub(crate) struct KeyRing {
    dir: PathBuf,
    epochs: BTreeMap<KeyEpoch, Key>,
    current: BTreeMap<CellId, KeyEpoch>,
}

impl KeyRing {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.join("keys"),
            epochs: BTreeMap::new(),
            current: BTreeMap::new(),
        }
    }

    fn path(&self, epoch: KeyEpoch) -> PathBuf {
        self.dir.join(format!("{:010}.key", epoch.0))
    }

    /// Draws a key pair for a new epoch and wraps its private half. Nothing is kept yet: the record must be durable
    /// before anything is sealed to it.
    pub(crate) fn draw(
        epoch: KeyEpoch,
        cell: &CellId,
        recipients: &ReleaseRecipients,
        custody: Custody,
        entropy: &mut Entropy,
    ) -> Result<(KeyRecord, Option<Secret>), Error> {
        let (secret, public) = key_pair(entropy);
        let mut to = vec![&recipients.active, &recipients.recovery];
        let emergency = match &custody {
            Custody::Door | Custody::InsurerOnly => None,
            Custody::Emergency(recipient) => Some(Recipient::new(recipient)?),
        };
        to.extend(&emergency);
        let wrapped = wrap_key(secret.as_slice(), &to)?;
        let kept = match custody {
            Custody::Door => Some(secret),
            Custody::InsurerOnly | Custody::Emergency(_) => None,
        };
        let record = KeyRecord {
            epoch,
            cell: cell.clone(),
            custody,
            public,
            wrapped,
            active: recipients.active.0.clone(),
            recovery: recipients.recovery.0.clone(),
        };
        Ok((record, kept))
    }

    /// Takes a record that is durable; the newest epoch of a cell is what its items are sealed to.
    pub(crate) fn insert(&mut self, record: KeyRecord) {
        let newest = self.current.entry(record.cell.clone()).or_insert(record.epoch);
        *newest = (*newest).max(record.epoch);
        let epoch = record.epoch;
        if let Some(known) = self.epochs.get_mut(&epoch) {
            known.record = record;
        } else {
            self.epochs.insert(epoch, Key { record, secret: None });
        }
    }

    /// Puts a private half into the door's key store, on disk and in memory, after checking that it fits.
    pub(crate) fn keep(&mut self, epoch: KeyEpoch, secret: Secret) -> Result<(), Error> {
        let path = self.path(epoch);
        let key = self.epochs.get_mut(&epoch).ok_or(Error::Key {
            what: "a released key",
            why: format!("{epoch} is not known here"),
        })?;
        if public_of(&secret)? != key.record.public {
            return Err(Error::Key {
                what: "a released key",
                why: format!("it does not fit {epoch}"),
            });
        }
        disk::make_dir(&self.dir)?;
        disk::write_secret(&path, secret.as_slice())?;
        key.secret = Some(secret);
        Ok(())
    }

    /// Whether every released key is one of this cell's and fits.
    pub(crate) fn check(&self, cell: &CellId, keys: &ReleasedKeys) -> Result<(), Error> {
        for (epoch, secret) in &keys.0 {
            let known = self.epochs.get(epoch).filter(|key| key.record.cell == *cell);
            let public = public_of(secret)?;
            if known.is_none_or(|key| key.record.public != public) {
                return Err(Error::Key {
                    what: "a released key",
                    why: format!("it does not fit {epoch} of {cell}"),
                });
            }
        }
        Ok(())
    }

    /// Reads the door's key store. A file that fits no epoch (a destruction that a crash cut short) is destroyed.
    pub(crate) fn load(&mut self) -> Result<(), Error> {
        disk::make_dir(&self.dir)?;
        let entries = std::fs::read_dir(&self.dir).map_err(Error::disk("list", &self.dir))?;
        for entry in entries {
            let path = entry.map_err(Error::disk("list", &self.dir))?.path();
            let epoch = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".key"))
                .and_then(|number| number.parse().ok())
                .map(KeyEpoch);
            let bytes = Zeroizing::new(std::fs::read(&path).map_err(Error::disk("read", &path))?);
            let secret: Option<Secret> = bytes.as_slice().try_into().ok().map(Zeroizing::new);
            let fits = match (epoch.and_then(|epoch| self.epochs.get_mut(&epoch)), secret) {
                (Some(key), Some(secret))
                    if public_of(&secret).is_ok_and(|public| public == key.record.public) =>
                {
                    key.secret = Some(secret);
                    true
                }
                _ => false,
            };
            if !fits {
                disk::destroy(&path)?;
            }
        }
        Ok(())
    }

    /// Wipes every private half of a cell from memory and destroys its files.
    pub(crate) fn destroy(&mut self, cell: &CellId) -> Result<(), Error> {
        let epochs: Vec<KeyEpoch> = self.of(cell).map(|(epoch, _)| epoch).collect();
        // Memory first: it is the copy a running process could still use.
        for epoch in &epochs {
            if let Some(key) = self.epochs.get_mut(epoch) {
                key.secret = None;
            }
        }
        // Every file is tried, also when one of them resists.
        let failures: Vec<Error> = epochs
            .iter()
            .filter_map(|epoch| disk::destroy(&self.path(*epoch)).err())
            .collect();
        failures.into_iter().next().map_or(Ok(()), Err)
    }

    /// Whether any private half of a cell is here.
    pub(crate) fn holds_any(&self, cell: &CellId) -> bool {
        self.of(cell).any(|(_, key)| key.secret.is_some())
    }

    fn of<'a>(&'a self, cell: &'a CellId) -> impl Iterator<Item = (KeyEpoch, &'a Key)> + 'a {
        self.epochs
            .iter()
            .filter(move |(_, key)| key.record.cell == *cell)
            .map(|(epoch, key)| (*epoch, key))
    }

    /// The record of the epoch a cell's items are sealed to now.
    pub(crate) fn current(&self, cell: &CellId) -> Result<&KeyRecord, Error> {
        self.current
            .get(cell)
            .and_then(|epoch| self.epochs.get(epoch))
            .map(|key| &key.record)
            .ok_or_else(|| Error::NotEnrolled { cell: cell.clone() })
    }

    pub(crate) fn recipients(&self, cell: &CellId) -> Result<ReleaseRecipients, Error> {
        let record = self.current(cell)?;
        Ok(ReleaseRecipients {
            active: Recipient::new(&record.active)?,
            recovery: Recipient::new(&record.recovery)?,
        })
    }

    pub(crate) fn encapsulate(&self, cell: &CellId, entropy: &mut Entropy) -> Result<Encapsulation, Error> {
        let record = self.current(cell)?;
        Encapsulation::new(record.epoch, &record.public, entropy)
    }

    /// The private half, if it is here.
    pub(crate) fn secret(&self, epoch: KeyEpoch) -> Option<&Secret> {
        self.epochs.get(&epoch).and_then(|key| key.secret.as_ref())
    }

    /// Whether the door can open what comes in for a cell now.
    pub(crate) fn is_open(&self, cell: &CellId) -> bool {
        self.current
            .get(cell)
            .is_some_and(|epoch| self.secret(*epoch).is_some())
    }

    pub(crate) fn cells(&self) -> Vec<CellId> {
        self.current.keys().cloned().collect()
    }

    pub(crate) fn wrapped(&self, cell: &CellId) -> Vec<WrappedKey> {
        self.of(cell)
            .map(|(epoch, key)| WrappedKey {
                epoch,
                cell: cell.clone(),
                wrapped: key.record.wrapped.clone(),
            })
            .collect()
    }

    /// Keys of a cell for an emergency environment: those that were wrapped to its recipient when they were drawn, and
    /// those whose private half is here, wrapped now.
    pub(crate) fn shared_with(&self, cell: &CellId, recipient: &Recipient) -> Result<Vec<WrappedKey>, Error> {
        let mut keys = Vec::new();
        for (epoch, key) in self.of(cell) {
            let wrapped = match (&key.record.custody, &key.secret) {
                (Custody::Emergency(named), _) if *named == recipient.0 => key.record.wrapped.clone(),
                (Custody::Door | Custody::InsurerOnly | Custody::Emergency(_), Some(secret)) => {
                    wrap_key(secret.as_slice(), &[recipient])?
                }
                (Custody::Door | Custody::InsurerOnly | Custody::Emergency(_), None) => continue,
            };
            keys.push(WrappedKey {
                epoch,
                cell: cell.clone(),
                wrapped,
            });
        }
        Ok(keys)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &KeyRecord> {
        self.epochs.values().map(|key| &key.record)
    }

    /// Forgets epochs that nothing is sealed to any more.
    pub(crate) fn forget(&mut self, epoch: KeyEpoch) -> Result<(), Error> {
        self.epochs.remove(&epoch);
        disk::destroy(&self.path(epoch))
    }
}
