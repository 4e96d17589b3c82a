//! Institution numbers and KIM addresses, by the rules of those who issue them.

use core::{fmt, str::FromStr};

/// Which world of the Telematikinfrastruktur an estate lives in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Telematik {
    /// Reference and test environment: addresses end in `.kim.telematik-test`.
    Test,
    /// Production: addresses end in `.kim.telematik`.
    Production,
}

impl Telematik {
    /// What the domain of every KIM address in this world ends in (gemSpec_CM_KOMLE, address rules).
    #[must_use]
    pub const fn domain_suffix(self) -> &'static str {
        match self {
            Self::Test => ".kim.telematik-test",
            Self::Production => ".kim.telematik",
        }
    }
}

/// An Institutionskennzeichen: nine digits, the last one checking digits three to eight (weights 2,1,2,1,2,1, cross sums,
/// modulo 10; the way ARGE IK describes it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ik([u8; 9]);

/// Why a text is no [`Ik`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadIk {
    /// Not nine digits.
    #[error(
        "Eine IK hat genau neun Ziffern. Vollständig eintragen. / An IK has exactly nine digits. Enter all of them."
    )]
    Shape,
    /// The last digit does not fit.
    #[error(
        "Die Prüfziffer stimmt nicht, erwartet wird {expected} am Ende. IK beim Aussteller nachsehen. / The check digit is wrong, {expected} is expected at the end. Look the IK up at its issuer."
    )]
    CheckDigit {
        /// The digit that fits the first eight.
        expected: char,
    },
}

impl Ik {
    /// The number with the check digit that belongs to these eight digits.
    pub(crate) fn with_check_digit(first_eight: &str) -> Option<Self> {
        let digits: [u8; 8] = first_eight.as_bytes().try_into().ok()?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let [a, b, c, d, e, f, g, h] = digits;
        Some(Self([a, b, c, d, e, f, g, h, check_digit(digits)]))
    }

    /// The nine digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn check_digit(first_eight: [u8; 8]) -> u8 {
    let [_, _, checked @ ..] = first_eight;
    let sum: u8 = checked
        .iter()
        .zip([2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| {
            let product = (digit - b'0') * weight;
            if product > 9 { product - 9 } else { product }
        })
        .sum();
    b'0' + sum % 10
}

impl FromStr for Ik {
    type Err = BadIk;
    fn from_str(text: &str) -> Result<Self, BadIk> {
        let digits: [u8; 9] = text.as_bytes().try_into().map_err(|_| BadIk::Shape)?;
        let [first_eight @ .., last] = digits;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(BadIk::Shape);
        }
        let expected = check_digit(first_eight);
        if expected == last {
            Ok(Self(digits))
        } else {
            Err(BadIk::CheckDigit {
                expected: char::from(expected),
            })
        }
    }
}

impl fmt::Display for Ik {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ik {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ik:{self}")
    }
}

/// A KIM address, in lower case because KIM compares addresses without regard to case (gemSpec_CM_KOMLE, address
/// rules: local part of `A-Z a-z 0-9 . _ -` up to 64, domain up to 189 characters).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox(String);

/// Why a text is no [`Mailbox`] of the wanted world.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadMailbox {
    /// Not of the form local@domain within KIM's rules.
    #[error(
        "Keine KIM-Adresse. Form: name@kasse.kim.telematik, vorn bis 64 aus A-Z a-z 0-9 . _ -, Domäne bis 189. / Not a KIM address. Form: name@fund.kim.telematik, local part up to 64 of A-Z a-z 0-9 . _ -, domain up to 189."
    )]
    Shape,
    /// The domain ends in something else.
    #[error(
        "Die Domäne muss auf {suffix} enden, weil estate.telematik es so sagt. Adresse oder estate.telematik ändern. / The domain must end in {suffix} because estate.telematik says so. Change the address or estate.telematik."
    )]
    Domain {
        /// What it must end in.
        suffix: &'static str,
    },
}

impl Mailbox {
    /// Reads an address of one world.
    ///
    /// # Errors
    /// [`BadMailbox`] when the text breaks KIM's address rules or belongs to the other world.
    pub fn new(text: &str, telematik: Telematik) -> Result<Self, BadMailbox> {
        let (local, domain) = text.split_once('@').ok_or(BadMailbox::Shape)?;
        let local_fits = (1..=64).contains(&local.len())
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let domain_fits = (1..=189).contains(&domain.len())
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            });
        if !local_fits || !domain_fits {
            return Err(BadMailbox::Shape);
        }
        let lower = text.to_ascii_lowercase();
        let suffix = telematik.domain_suffix();
        if lower.ends_with(suffix) {
            Ok(Self(lower))
        } else {
            Err(BadMailbox::Domain { suffix })
        }
    }

    /// The address in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mailbox:{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_agree_with_numbers_published_for_testing() {
        // Numbers gematik and KBV publish in test lists and examples.
        for good in ["109500969", "260326822"] {
            assert!(good.parse::<Ik>().is_ok(), "{good}");
        }
        assert_eq!(
            "101577501".parse::<Ik>(),
            Err(BadIk::CheckDigit { expected: '0' })
        );
        for bad in ["", "12345678", "1234567890", "10950096a", "１０９５００９６９"] {
            assert_eq!(bad.parse::<Ik>(), Err(BadIk::Shape), "{bad}");
        }
    }

    #[test]
    fn addresses_belong_to_one_world() {
        let test = Telematik::Test;
        assert_eq!(
            Mailbox::new("EAU@Kasse.KIM.telematik-test", test)
                .unwrap()
                .as_str(),
            "eau@kasse.kim.telematik-test"
        );
        assert!(matches!(
            Mailbox::new("eau@kasse.kim.telematik", test),
            Err(BadMailbox::Domain { .. })
        ));
        assert!(matches!(
            Mailbox::new("eau@kasse.kim.telematik-test", Telematik::Production),
            Err(BadMailbox::Domain { .. })
        ));
        for bad in [
            "eau",
            "@a.kim.telematik-test",
            "e u@a.kim.telematik-test",
            "a@b@c.kim.telematik-test",
            "a@.kim.telematik-test",
        ] {
            assert_eq!(Mailbox::new(bad, test), Err(BadMailbox::Shape), "{bad}");
        }
    }
}
