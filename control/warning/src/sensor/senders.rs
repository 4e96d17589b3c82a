//! How many different senders, without knowing any of them.
//!
//! A single practice that sends forty bad mails is no failure of the insurer; forty practices with one bad answer each
//! are. So shares count senders, not mails. Which senders they are must not be kept here: each leaves one mark in a field
//! of [`BITS`] (linear counting; Whang, Vander-Zanden, Taylor 1990). Fields of minutes are laid over each other, so a
//! sender counts once per window however often it sends.

use core::fmt;
use serde::{Deserialize, Serialize};
use vocabulary::Digest;

/// Marks of a field. With 256 the estimate is within about a tenth up to some 300 senders, more than a window of the
/// largest insurer has; beyond that it errs for both halves of a share alike.
const BITS: u32 = 256;

/// A field of marks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Senders([u64; 4]);

impl Senders {
    /// No sender.
    #[must_use]
    pub const fn none() -> Self {
        Self([0; 4])
    }

    /// Marks a sender, named by a digest or commitment of its address; the same secret salt for a whole source.
    pub fn add(&mut self, sender: &Digest) {
        let [first, ..] = *sender.as_bytes();
        let word = usize::from(first / 64);
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (first % 64);
        }
    }

    /// Both fields over each other.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let [a, b, c, d] = self.0;
        let [e, f, g, h] = other.0;
        Self([a | e, b | f, c | g, d | h])
    }

    /// About how many senders: the expected number of draws until so many different marks are set.
    #[must_use]
    pub fn count(self) -> u32 {
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let thousandths: u32 = (0..set).map(|i| BITS * 1000 / (BITS - i)).sum();
        thousandths.saturating_add(500) / 1000
    }
}

impl fmt::Debug for Senders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {} senders", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_counts_once_and_many_are_about_right() {
        for (real, least, most) in [(0_u32, 0, 0), (1, 1, 1), (5, 4, 6), (50, 44, 56), (300, 255, 345)] {
            let mut senders = Senders::none();
            for _ in 0..3 {
                for n in 0..real {
                    senders.add(&Digest::of(&n.to_be_bytes()));
                }
            }
            assert!((least..=most).contains(&senders.count()), "{real}: {senders:?}");
        }
        let full = Senders([u64::MAX; 4]);
        assert!(full.count() > 1000 && full.with(Senders::none()) == full);
    }
}
