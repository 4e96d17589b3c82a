//! Chance from a seed: the same seed, the same document.

/// A stream of numbers (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    pub(crate) fn pick<'c, T>(&mut self, of: &'c [T]) -> Option<&'c T> {
        let place = self.below(u64::try_from(of.len()).unwrap_or(u64::MAX));
        of.get(usize::try_from(place).unwrap_or_default())
    }

    pub(crate) fn digit(&mut self) -> u8 {
        u8::try_from(self.below(10)).unwrap_or_default()
    }

    pub(crate) fn digits<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.digit())
    }

    /// A UUID that says version 5, as the field's rules ask of documents.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        let (high, low) = ((a & !0xF000) | 0x5000, (b & !(0b11 << 62)) | (0b10 << 62));
        let text = format!("{high:016x}{low:016x}");
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
        format!(
            "{}-{}-{}-{}-{}",
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32)
        )
    }
}

/// Digits as text.
pub(crate) fn written(digits: &[u8]) -> String {
    digits
        .iter()
        .map(|digit| char::from(b'0'.wrapping_add(*digit)))
        .collect()
}
