//! The tree's hashes in a file, so that a proof costs a few reads. A cache: never synced, never believed. Every proof
//! made from it is checked against the ledger's own root, and the file is made anew when one does not fit.
//!
//! Hashes lie in the order in which they are completed: a leaf, then every subtree it completes.

use record::tree::{NodeAt, Nodes};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};
use vocabulary::Digest;

use crate::error::Error;

const HASH_BYTES: u64 = 32;
/// Hashes kept in memory before they go to the file.
const PENDING_BYTES_MAX: usize = 256 * 1024;

/// How many hashes a tree of this size has completed.
pub(crate) const fn completed(size: u64) -> u64 {
    2 * size - size.count_ones() as u64
}

/// Where in the order of completion a subtree's root stands.
const fn position(at: NodeAt) -> u64 {
    // The last leaf below it, then one step for each level above that leaf.
    let leaf = ((at.index + 1) << at.level) - 1;
    completed(leaf) + at.level as u64
}

/// The file and what has not reached it yet.
pub(crate) struct NodeFile {
    path: PathBuf,
    file: File,
    /// Hashes in the file.
    stored: u64,
    pending: Vec<u8>,
}

impl NodeFile {
    /// Opens the cache for a tree of this size. What is too much is cut off; whether it is enough, [`Self::fits`] says.
    pub(crate) fn open(path: &Path, size: u64) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("open", path))?.len();
        let stored = (length / HASH_BYTES).min(completed(size));
        file.set_len(stored * HASH_BYTES)
            .map_err(Error::io("cut", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            stored,
            pending: Vec::new(),
        })
    }

    /// Whether it holds as many hashes as a tree of this size has.
    pub(crate) fn fits(&self, size: u64) -> bool {
        self.stored + (self.pending.len() as u64) / HASH_BYTES == completed(size)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) -> Result<(), Error> {
        self.pending.clear();
        self.stored = 0;
        self.file.set_len(0).map_err(Error::io("cut", &self.path))
    }

    /// Takes hashes in the order of completion. A cache that cannot be written is no reason to stop a ledger, so the
    /// hashes wait for the next proof, which says so.
    pub(crate) fn add(&mut self, hashes: &[u8]) {
        self.pending.extend_from_slice(hashes);
        if self.pending.len() >= PENDING_BYTES_MAX && self.flush().is_err() {
            // Bounded memory matters more than the cache: without these hashes it no longer fits and is made anew.
            self.pending.clear();
        }
    }

    /// Brings everything to the file.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.file
            .write_all_at(&self.pending, self.stored * HASH_BYTES)
            .map_err(Error::io("write", &self.path))?;
        self.stored += self.pending.len() as u64 / HASH_BYTES;
        self.pending.clear();
        Ok(())
    }
}

impl Nodes for NodeFile {
    type Error = Error;

    fn node(&self, at: NodeAt) -> Result<Digest, Error> {
        let mut bytes = [0; 32];
        self.file
            .read_exact_at(&mut bytes, position(at) * HASH_BYTES)
            .map_err(Error::io("read", &self.path))?;
        Ok(Digest::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::tree::Frontier;

    #[test]
    fn positions_are_the_order_of_completion() {
        let mut frontier = Frontier::new();
        let mut count = 0;
        for leaf in 0..300_u64 {
            frontier.append_noting(Digest::of(&leaf.to_be_bytes()), |at, _| {
                assert_eq!(position(at), count, "{at:?}");
                count += 1;
            });
            assert_eq!(completed(leaf + 1), count);
        }
    }
}
