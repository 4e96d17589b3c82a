//! Chance from one seed, and the clock the exercise runs by: both are arguments, so that a simulator can bring its own.

use core::{convert::Infallible, future::Future, pin::Pin};

use hpke::rand_core::{TryCryptoRng, TryRng};
use vocabulary::Millis;

/// Where chance comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// SplitMix64 (Steele, Lea, Flood 2014). The same seed gives the same exercise.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Begins at a seed; `stream` keeps users of the same seed apart.
    #[must_use]
    pub const fn new(seed: Seed, stream: u64) -> Self {
        let mut chance = Self(seed.0 ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        chance.0 = chance.next();
        chance
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `end`; 0 when `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        // Multiply and take the upper half: the bias is far below anything an exercise can show.
        ((self.next() as u128 * end as u128) >> 64) as u64
    }
}

// The exercise must be the same for the same seed, also in its ciphertexts. What it seals is invented and public, so
// nothing is lost by a predictable generator; the key that opens it is what counts here.
impl TryRng for Chance {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = random;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Chance {}

/// A future a clock returns.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The clock of one exercise: milliseconds since it began.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Millis;
    /// Waits until an instant; returns at once when it is past. May be dropped.
    fn until(&self, at: Millis) -> Waiting<'_>;
}

/// The clock of the wall beside us, by tokio's timer.
#[derive(Clone, Copy, Debug)]
pub struct RealClock(tokio::time::Instant);

impl RealClock {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for RealClock {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn until(&self, at: Millis) -> Waiting<'_> {
        let Some(deadline) = self.0.checked_add(core::time::Duration::from_millis(at.0)) else {
            return Box::pin(core::future::pending());
        };
        Box::pin(tokio::time::sleep_until(deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_numbers_and_streams_differ() {
        let take = |seed, stream| {
            let mut chance = Chance::new(Seed(seed), stream);
            [chance.next(), chance.next(), chance.below(10)]
        };
        assert_eq!(take(1, 1), take(1, 1));
        assert_ne!(take(1, 1), take(1, 2));
        assert_ne!(take(1, 1), take(2, 1));
        let mut chance = Chance::new(Seed(9), 0);
        assert!((0..1_000).all(|_| chance.below(7) < 7));
    }
}
