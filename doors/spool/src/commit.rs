//! Commitments: digests under this spool's own secret, so that what lies on the disk in clear names nobody.
//!
//! Keyed SHA-256 in the nested form of HMAC (RFC 2104) with a full-length key: `H(k2 · H(k1 · label · parts))`, each
//! part with its length before it.

use std::path::Path;

use vocabulary::{CellId, Digest, Hasher};
use zeroize::Zeroizing;

use crate::{Entropy, Error, disk, id::PeerCommitment};

/// Makes commitments.
pub(crate) struct Committer {
    inner: Zeroizing<[u8; 64]>,
    outer: Zeroizing<[u8; 64]>,
}

impl Committer {
    fn new(secret: &[u8; 32]) -> Self {
        let pad = |with: u8| {
            let mut block = Zeroizing::new([with; 64]);
            block.iter_mut().zip(secret).for_each(|(byte, key)| *byte ^= key);
            block
        };
        Self {
            inner: pad(0x36),
            outer: pad(0x5c),
        }
    }

    /// Reads the secret of a store.
    pub(crate) fn read(dir: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, Error> {
        let path = dir.join("secret");
        match std::fs::read(&path) {
            Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice())
                .map(|secret| Some(Zeroizing::new(secret)))
                .map_err(|_| Error::Foreign {
                    path,
                    why: "it is not 32 bytes long",
                }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::disk("read", path)(error)),
        }
    }

    /// Takes the secret from the first store that has it, or draws one, and puts it into every store that lacks it.
    pub(crate) fn open(dirs: &[&Path], entropy: &mut Entropy) -> Result<Self, Error> {
        let mut secret = None;
        for dir in dirs {
            if secret.is_none() {
                secret = Self::read(dir)?;
            }
        }
        let secret = secret.unwrap_or_else(|| Zeroizing::new(entropy.array()));
        for dir in dirs {
            match Self::read(dir)? {
                None => disk::write_secret(&dir.join("secret"), secret.as_slice())?,
                Some(theirs) if *theirs == *secret => {}
                Some(_) => {
                    return Err(Error::Foreign {
                        path: dir.to_path_buf(),
                        why: "it is a copy of another spool",
                    });
                }
            }
        }
        Ok(Self::new(&secret))
    }

    /// Gives a store that lacks it the secret of another.
    pub(crate) fn hand_on(from: &Path, to: &Path) -> Result<(), Error> {
        match (Self::read(from)?, Self::read(to)?) {
            (Some(secret), None) => disk::write_secret(&to.join("secret"), secret.as_slice()),
            (Some(ours), Some(theirs)) if ours != theirs => Err(Error::Foreign {
                path: to.to_path_buf(),
                why: "it is a copy of another spool",
            }),
            (Some(_), Some(_)) | (None, _) => Ok(()),
        }
    }

    pub(crate) fn commit(&self, label: &[u8], parts: &[&[u8]]) -> Digest {
        let mut inner = Hasher::new();
        inner.update(self.inner.as_slice());
        for part in std::iter::once(&label).chain(parts) {
            inner.update(&(part.len() as u64).to_be_bytes());
            inner.update(part);
        }
        let mut outer = Hasher::new();
        outer.update(self.outer.as_slice());
        outer.update(inner.finish().as_bytes());
        outer.finish()
    }

    pub(crate) fn peer(&self, peer: &str) -> PeerCommitment {
        PeerCommitment(self.commit(b"peer", &[peer.as_bytes()]))
    }

    pub(crate) fn lane(&self, cell: &CellId, peer: &str, lane: &str) -> Digest {
        self.commit(
            b"lane",
            &[cell.to_string().as_bytes(), peer.as_bytes(), lane.as_bytes()],
        )
    }
}
