//! The same line again: a file read twice after a restart, a relay that delivers at least once.

use std::collections::{BTreeSet, VecDeque};
use vocabulary::{Digest, Timestamp};

use super::REPEATS_SECS;

/// Digests remembered at most: about 3 MiB. When a storm exceeds it the oldest are forgotten early, and a repeat then
/// counts as another sighting of the same rule, which changes no signal.
const REMEMBERED_MAX: usize = 32_768;

#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    order: VecDeque<(Timestamp, Digest)>,
    known: BTreeSet<Digest>,
}

impl Repeats {
    /// Whether this digest was seen within the window; from now on it was.
    pub(super) fn seen(&mut self, digest: Digest, now: Timestamp) -> bool {
        while let Some((at, oldest)) = self.order.front() {
            let old = now.since(*at).0 > REPEATS_SECS;
            if !old && self.order.len() < REMEMBERED_MAX {
                break;
            }
            self.known.remove(oldest);
            self.order.pop_front();
        }
        if !self.known.insert(digest) {
            return true;
        }
        self.order.push_back((now, digest));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_known_for_a_while_and_memory_is_bounded() {
        let mut repeats = Repeats::default();
        let digest = Digest::of(b"line");
        assert!(!repeats.seen(digest, Timestamp(0)));
        assert!(repeats.seen(digest, Timestamp(600)));
        assert!(
            !repeats.seen(digest, Timestamp(601)),
            "the window counts from the first"
        );
        for n in 0..100_000_u32 {
            assert!(!repeats.seen(Digest::of(&n.to_be_bytes()), Timestamp(700)));
        }
        assert_eq!(repeats.order.len(), repeats.known.len());
        assert!(repeats.order.len() <= REMEMBERED_MAX);
    }
}
