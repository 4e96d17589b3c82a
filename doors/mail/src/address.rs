//! Mail addresses: kept as they were written for onward relay, folded for routing, never printed.

use core::fmt;

/// Longest accepted path in bytes, without the angle brackets (RFC 5321 section 4.5.3.1.3).
const PATH_BYTES_MAX: usize = 254;
/// Longest accepted local part in bytes (RFC 5321 section 4.5.3.1.1; the same limit holds for KIM addresses).
const LOCAL_BYTES_MAX: usize = 64;

/// A mail address exactly as its owner wrote it. `Debug` shows only its length: addresses are personal data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Box<str>);

/// Why a text is no address. Names the rule, not the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Longer than a path may be.
    #[error("the address is longer than {PATH_BYTES_MAX} bytes, or its local part than {LOCAL_BYTES_MAX}")]
    TooLong,
    /// No `@`, an empty part, or two dots in a row.
    #[error("the address is not of the form local@domain")]
    Form,
    /// A character outside the dot-string and domain rules of RFC 5321 section 4.1.2 (quoted local parts included).
    #[error("the address contains a character that is not accepted here")]
    Character,
}

impl Address {
    /// Reads `local@domain`: dot-string local part, host name or address literal as domain.
    ///
    /// # Errors
    /// [`BadAddress`] with the rule that was broken.
    pub fn new(text: &str) -> Result<Self, BadAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(BadAddress::Form)?;
        if text.len() > PATH_BYTES_MAX || local.len() > LOCAL_BYTES_MAX {
            return Err(BadAddress::TooLong);
        }
        dotted(local, is_atext)?;
        match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some("") => return Err(BadAddress::Form),
            Some(literal) if !literal.bytes().all(is_literal) => return Err(BadAddress::Character),
            Some(_) => {}
            None => dotted(domain, is_domain)?,
        }
        Ok(Self(text.into()))
    }

    /// The address as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as routing sees it: KIM addresses compare without case.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox(self.0.to_ascii_lowercase().into())
    }
}

fn dotted(text: &str, fits: fn(u8) -> bool) -> Result<(), BadAddress> {
    if text.split('.').any(str::is_empty) {
        return Err(BadAddress::Form);
    }
    if text.bytes().all(|byte| byte == b'.' || fits(byte)) {
        Ok(())
    } else {
        Err(BadAddress::Character)
    }
}

const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
        )
}

const fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const fn is_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-')
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address:{} bytes", self.0.len())
    }
}

impl TryFrom<String> for Address {
    type Error = BadAddress;
    fn try_from(text: String) -> Result<Self, BadAddress> {
        Self::new(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.into()
    }
}

/// A mailbox as routing tables and records know it: lower case. `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox(Box<str>);

impl Mailbox {
    /// Reads an address and folds its case.
    ///
    /// # Errors
    /// [`BadAddress`] with the rule that was broken.
    pub fn new(text: &str) -> Result<Self, BadAddress> {
        Ok(Address::new(text)?.mailbox())
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mailbox:{} bytes", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_dot_string_rule() {
        for good in ["a@b", "Praxis.Nord_1@x.kim.telematik-test", "a+b@[127.0.0.1]"] {
            assert_eq!(Address::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "", "a", "@b", "a@", "a..b@c", ".a@c", "a b@c", "\"a\"@c", "a@b\r\nc", "ä@b", "a@[]", "a>@b",
        ] {
            assert!(Address::new(bad).is_err(), "{bad:?} must be refused");
        }
        assert!(Address::new(&format!("{}@b", "x".repeat(65))).is_err());
    }

    #[test]
    fn no_address_is_ever_printed() {
        let address = Address::new("praxis@x.kim").unwrap();
        assert!(!format!("{address:?} {:?}", address.mailbox()).contains("praxis"));
    }
}
