//! The verifier that stands alone: entries and checkpoints from anywhere, no server, no ledger.
//!
//! It follows numbers, chain and tree, and compares the root with every checkpoint it was given. What it can name:
//!
//! | found | how |
//! |---|---|
//! | changed | the next entry names another hash |
//! | removed | a number is skipped |
//! | reordered, repeated | a number comes again or late |
//! | rewritten | chain and numbers fit, a checkpoint's root does not: between which two checkpoints |
//! | forked | two checkpoints of one size with different roots, both signed |
//! | truncated | a checkpoint knows of more entries |
//!
//! Without a checkpoint from outside, a log whose owner rewrote everything looks sound; the report says so.

mod report;

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use vocabulary::Digest;

use crate::checkpoint::{Checkpoint, NotSigned, Origin, SignedCheckpoint};
use crate::cosigned::{Cosigned, WitnessSet};
use crate::entry::{BadEntry, Chain, EntryRef};
use crate::note::{Note, VerifierKey};
use crate::tree::leaf_hash;

pub use report::{FINDINGS_MAX, Finding, Report, Word};

/// Gaps that are remembered in case their entries come later; more are reported at once.
const GAPS_MAX: usize = 1000;

/// Whom the verifier believes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trust {
    /// Keys of the log itself.
    pub log: Vec<VerifierKey>,
    /// Witnesses outside.
    pub witnesses: Option<WitnessSet>,
}

/// What the verifier needs to know of one entry. Independent of its neighbours, so many can be made side by side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// The entry's number.
    pub index: u64,
    /// The chain it names.
    pub previous: Digest,
    /// Its own leaf hash.
    pub leaf: Digest,
}

impl Link {
    /// Reads and hashes an encoded entry.
    ///
    /// # Errors
    /// [`BadEntry`].
    pub fn of(bytes: &[u8]) -> Result<Self, BadEntry> {
        let entry = EntryRef::decode(bytes)?;
        Ok(Self {
            index: entry.index,
            previous: entry.previous,
            leaf: leaf_hash(bytes),
        })
    }
}

/// Whether the entry after the last one of a run of broken links names it rightly.
#[derive(Clone, Copy)]
enum Innocent {
    Yes,
    Unknown,
}

struct Claim {
    size: u64,
    root: Digest,
    word: Word,
    text: String,
}

/// Follows a log entry by entry. Memory is bounded by the checkpoints and findings, not by the log.
pub struct Verifier {
    origin: Origin,
    chain: Chain,
    /// What the next entry must name; unknown behind a gap.
    tip: Option<Digest>,
    /// Number after the one seen last.
    cursor: u64,
    /// Number after the largest one seen.
    top: u64,
    /// Whether everything so far was in its place, so that the tree means something.
    whole: bool,
    /// Missing numbers, from and to.
    gaps: BTreeMap<u64, u64>,
    /// First and last entry whose link to the one before is broken, without a good link between.
    broken: Option<(u64, u64)>,
    /// By size, largest first.
    claims: Vec<Claim>,
    agreed_size: u64,
    report: Report,
}

impl Verifier {
    /// Begins with the checkpoints somebody holds and whom one believes.
    #[must_use]
    pub fn new(origin: &Origin, notes: &[Note], trust: &Trust) -> Self {
        let chain = Chain::new(origin);
        let report = Report {
            origin: origin.clone(),
            entries: 0,
            head: None,
            agreed: Vec::new(),
            findings: Vec::new(),
            unlisted: 0,
        };
        let mut verifier = Self {
            origin: origin.clone(),
            tip: Some(chain.tip()),
            chain,
            cursor: 0,
            top: 0,
            whole: true,
            gaps: BTreeMap::new(),
            broken: None,
            claims: Vec::new(),
            agreed_size: 0,
            report,
        };
        for (number, note) in notes.iter().enumerate() {
            verifier.take_note(number, note, trust);
        }
        verifier
            .claims
            .sort_by_key(|claim| core::cmp::Reverse(claim.size));
        verifier.find_forks();
        verifier.compare();
        verifier
    }

    fn take_note(&mut self, number: usize, note: &Note, trust: &Trust) {
        let mut claim = |checkpoint: &Checkpoint, word| {
            let (size, root, text) = (checkpoint.size, checkpoint.root, note.to_string());
            self.claims.push(Claim {
                size,
                root,
                word,
                text,
            });
        };
        let signed = SignedCheckpoint::verify(note, &self.origin, &trust.log);
        if let Ok(signed) = &signed {
            claim(signed.checkpoint(), Word::Log);
        }
        let cosigned = trust
            .witnesses
            .as_ref()
            .map(|set| Cosigned::verify(note, &self.origin, set));
        if let Some(Ok(cosigned)) = &cosigned {
            claim(cosigned.checkpoint(), Word::Witnesses);
        }
        let why = match (signed, cosigned) {
            (Ok(_), _) | (_, Some(Ok(_))) => return,
            (Err(NotSigned::Unsigned { .. }), Some(Err(why))) => why.to_string(),
            (Err(why), _) => why.to_string(),
        };
        self.find(Finding::Untrusted { note: number, why });
    }

    fn find_forks(&mut self) {
        let mut forks = Vec::new();
        for pair in self.claims.windows(2) {
            if let [one, other] = pair
                && one.size == other.size
                && one.root != other.root
            {
                let (one_text, other_text) = (one.text.clone(), other.text.clone());
                forks.push(Finding::Forked {
                    size: one.size,
                    one: one_text,
                    other: other_text,
                });
            }
        }
        forks.into_iter().for_each(|fork| self.find(fork));
    }

    fn find(&mut self, finding: Finding) {
        if self.report.findings.contains(&finding) {
            return;
        }
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(finding);
        } else {
            self.report.unlisted += 1;
        }
    }

    /// Takes the next entry.
    pub fn push(&mut self, link: Link) {
        self.report.entries += 1;
        // An entry that continues the chain stands where it should; then only its number was changed.
        let renumbered = link.index != self.cursor && self.whole && self.tip == Some(link.previous);
        if renumbered {
            self.whole = false;
            self.find(Finding::Changed {
                from: self.cursor,
                to: self.cursor,
            });
        }
        let index = if renumbered { self.cursor } else { link.index };
        if index == self.cursor && index == self.top {
            self.follow(index, link);
        } else {
            self.displaced(index);
        }
        self.tip = Some(link.leaf);
        self.cursor = index.saturating_add(1);
        self.top = self.top.max(self.cursor);
        self.compare();
    }

    fn follow(&mut self, index: u64, link: Link) {
        if self.tip.is_some_and(|tip| tip != link.previous) {
            self.whole = false;
            let first = self.broken.map_or(index, |(first, _)| first);
            self.broken = Some((first, index));
        } else {
            self.settle(Innocent::Yes);
        }
        if self.whole {
            self.chain.follow(link.leaf, |_, _| ());
        }
    }

    /// A run of broken links `i..=j` means that one or more of the entries `i-1..=j` are not what they were; `j` itself
    /// is cleared when the entry after it names it rightly.
    fn settle(&mut self, last_is: Innocent) {
        if let Some((first, last)) = self.broken.take() {
            let from = first.saturating_sub(1);
            let to = match last_is {
                Innocent::Yes => last.saturating_sub(1),
                Innocent::Unknown => last,
            };
            self.find(Finding::Changed { from, to });
        }
    }

    fn displaced(&mut self, index: u64) {
        self.settle(Innocent::Unknown);
        self.whole = false;
        if index > self.top {
            if self.gaps.len() < GAPS_MAX {
                self.gaps.insert(self.top, index);
            } else {
                self.find(Finding::Removed {
                    from: self.top,
                    to: index,
                });
            }
        } else if index < self.top {
            let late = self.fill_gap(index);
            if !late {
                self.find(Finding::Repeated { index });
            } else if index != self.cursor {
                self.find(Finding::Reordered {
                    index,
                    after: self.cursor.saturating_sub(1),
                });
            }
        }
    }

    /// Takes a number out of the missing ones; whether it was among them.
    fn fill_gap(&mut self, index: u64) -> bool {
        let Some((from, to)) = self
            .gaps
            .range(..=index)
            .next_back()
            .map(|(from, to)| (*from, *to))
        else {
            return false;
        };
        if index >= to {
            return false;
        }
        self.gaps.remove(&from);
        if from < index {
            self.gaps.insert(from, index);
        }
        if index + 1 < to {
            self.gaps.insert(index + 1, to);
        }
        true
    }

    /// Takes note that bytes which are no entry stand where the next one should.
    pub fn push_unreadable(&mut self) {
        self.settle(Innocent::Unknown);
        self.report.entries += 1;
        self.whole = false;
        self.find(Finding::Unreadable { index: self.cursor });
        self.tip = None;
        self.cursor = self.cursor.saturating_add(1);
        self.top = self.top.max(self.cursor);
    }

    fn compare(&mut self) {
        let size = self.chain.len();
        let due = |claims: &[Claim]| claims.last().is_some_and(|claim| claim.size == size);
        if !self.whole || !due(&self.claims) {
            return;
        }
        let root = self.chain.frontier().root();
        let agreed_before = self.report.agreed.len();
        while due(&self.claims) {
            if let Some(claim) = self.claims.pop().filter(|claim| claim.root == root) {
                self.report.agreed.push((size, claim.word));
            }
        }
        // Where one of several agrees, the others are a fork of the log, not a change to these entries.
        if self.report.agreed.len() > agreed_before {
            self.agreed_size = size;
        } else {
            self.find(Finding::Rewritten {
                from: self.agreed_size,
                to: size,
            });
        }
    }

    /// What was found, when there are no more entries.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.settle(Innocent::Unknown);
        for (from, to) in core::mem::take(&mut self.gaps) {
            self.find(Finding::Removed { from, to });
        }
        let largest = self.claims.iter().map(|claim| claim.size).max().unwrap_or(0);
        if largest > self.top {
            self.find(Finding::Truncated {
                len: self.top,
                size: largest,
            });
        }
        self.report.head = self.whole.then(|| self.chain.head());
        self.report
    }
}

/// Verifies a whole log at once.
#[must_use]
pub fn verify<B: AsRef<[u8]>>(
    origin: &Origin,
    entries: impl IntoIterator<Item = B>,
    notes: &[Note],
    trust: &Trust,
) -> Report {
    let mut verifier = Verifier::new(origin, notes, trust);
    for bytes in entries {
        match Link::of(bytes.as_ref()) {
            Ok(link) => verifier.push(link),
            Err(_) => verifier.push_unreadable(),
        }
    }
    verifier.finish()
}
