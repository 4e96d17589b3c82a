//! The number of an insured person (KVNR): a letter and nine digits, the last a check digit.

use core::fmt;

/// A KVNR that has the right form and the right check digit. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kvnr([u8; 10]);

/// Why a text is no KVNR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKvnr {
    /// Not a letter and nine digits.
    #[error(
        "Die Versichertennummer besteht nicht aus einem Buchstaben und neun Ziffern. / The insurance number is not a letter and nine digits."
    )]
    Form,
    /// The check digit is wrong.
    #[error(
        "Die Prüfziffer der Versichertennummer ist falsch. / The insurance number's check digit is wrong."
    )]
    CheckDigit,
}

impl Kvnr {
    /// Reads a number.
    ///
    /// The letter counts as its place in the alphabet with two digits; with the eight digits behind it, weighted 1, 2, 1,
    /// 2, …, the cross sums of the products add up to a number whose last digit is the tenth place.
    ///
    /// # Errors
    /// [`BadKvnr`].
    pub fn new(text: &str) -> Result<Self, BadKvnr> {
        let bytes: [u8; 10] = text.as_bytes().try_into().map_err(|_| BadKvnr::Form)?;
        let [letter, digits @ ..] = bytes;
        if !letter.is_ascii_uppercase() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(BadKvnr::Form);
        }
        let place = letter - b'A' + 1;
        let [first @ .., check] = digits;
        let figures = [place / 10, place % 10]
            .into_iter()
            .chain(first.iter().map(|digit| digit - b'0'));
        let sum: u32 = figures
            .zip([1u8, 2].into_iter().cycle())
            .map(|(figure, weight)| cross_sum(figure * weight))
            .sum();
        if sum % 10 == u32::from(check - b'0') {
            Ok(Self(bytes))
        } else {
            Err(BadKvnr::CheckDigit)
        }
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Of a product of one figure and a weight of at most 2.
const fn cross_sum(product: u8) -> u32 {
    (product / 10 + product % 10) as u32
}

impl fmt::Debug for Kvnr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kvnr")
    }
}
