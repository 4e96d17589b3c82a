//! Proofs for witnesses and readers: made from the cache of hashes, checked against the ledger's own root before they
//! leave. A cache that does not fit is made anew from the entries.

use super::{ConsistencyProof, Digest, Error, InclusionProof, Ledger, NoProof, root_of};
use record::tree::Nodes as _;

impl Ledger {
    /// The root over the first `size` entries.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or what the file system says.
    pub fn root_at(&mut self, size: u64) -> Result<Digest, Error> {
        self.with_nodes(size, |ledger| {
            let root = root_of(&ledger.nodes, size).map_err(NoProof::Store)?;
            ledger.check_size(size, &root)?;
            Ok(root)
        })
    }

    /// Proves that the first `old` entries begin the first `size`, for a witness that saw `old`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or what the file system says.
    pub fn consistency_proof(&mut self, old: u64, size: u64) -> Result<ConsistencyProof, Error> {
        if old > size {
            return Err(Error::OutOfRange {
                asked: old,
                len: size,
            });
        }
        self.with_nodes(size, |ledger| {
            let root = root_of(&ledger.nodes, size).map_err(NoProof::Store)?;
            ledger.check_size(size, &root)?;
            let proof = ConsistencyProof::make(&ledger.nodes, old, size)?;
            let old_root = root_of(&ledger.nodes, old).map_err(NoProof::Store)?;
            fits(proof.verify(old, &old_root, size, &root))?;
            Ok(proof)
        })
    }

    /// Proves that entry `index` is among the first `size`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or what the file system says.
    pub fn inclusion_proof(&mut self, index: u64, size: u64) -> Result<InclusionProof, Error> {
        if index >= size {
            return Err(Error::OutOfRange {
                asked: index,
                len: size,
            });
        }
        self.with_nodes(size, |ledger| {
            let root = root_of(&ledger.nodes, size).map_err(NoProof::Store)?;
            ledger.check_size(size, &root)?;
            let proof = InclusionProof::make(&ledger.nodes, index, size)?;
            let leaf = ledger
                .nodes
                .node(record::tree::NodeAt { level: 0, index })
                .map_err(NoProof::Store)?;
            fits(proof.verify(&leaf, index, size, &root))?;
            Ok(proof)
        })
    }

    /// Whether a root from the cache belongs to the beginning of what the ledger itself knows.
    fn check_size(&self, size: u64, root: &Digest) -> Result<(), NoProof<Error>> {
        let (len, own) = (self.durable.len(), self.durable.frontier().root());
        let proof = ConsistencyProof::make(&self.nodes, size, len)?;
        fits(proof.verify(size, root, len, &own))
    }

    fn with_nodes<T>(
        &mut self,
        size: u64,
        make: impl Fn(&Self) -> Result<T, NoProof<Error>>,
    ) -> Result<T, Error> {
        let len = self.durable.len();
        if size > len {
            return Err(Error::OutOfRange { asked: size, len });
        }
        if self.nodes.fits(len)
            && self.nodes.flush().is_ok()
            && let Ok(made) = make(self)
        {
            return Ok(made);
        }
        self.rebuild_nodes()?;
        make(self).map_err(|error| match error {
            NoProof::Store(error) => error,
            NoProof::OutOfRange { asked, size } => Error::OutOfRange { asked, len: size },
        })
    }

    fn rebuild_nodes(&mut self) -> Result<(), Error> {
        self.nodes.clear()?;
        let mut chain = record::Chain::new(&self.origin);
        for entry in self.read(0)? {
            let leaf = record::tree::leaf_hash(&entry?.encode()?);
            let mut hashes = Vec::new();
            chain.follow(leaf, |_, hash| hashes.extend_from_slice(hash.as_bytes()));
            self.nodes.add(&hashes);
        }
        self.nodes.flush()?;
        if chain.head() == self.head() {
            return Ok(());
        }
        Err(Error::Damaged {
            file: self.dir.join("entries"),
            index: self.len().saturating_sub(1),
            what: crate::error::Damage::Chain,
        })
    }
}

/// A proof that does not fit our own root means that the cache is not what it should be.
fn fits(result: Result<(), record::tree::BadProof>) -> Result<(), NoProof<Error>> {
    result.map_err(|bad| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, bad);
        NoProof::Store(Error::Io {
            doing: "check",
            path: "nodes".into(),
            source,
        })
    })
}
