//! KIM addresses and who may stand where (CM chapter on addressing, A_23421, A_23422).

use core::fmt;

/// Longest local part, in bytes.
const LOCAL_BYTES_MAX: usize = 64;
/// Longest domain, in bytes.
const DOMAIN_BYTES_MAX: usize = 189;
/// Domain suffix of the productive environment.
const PRODUCTIVE: &str = ".kim.telematik";
/// Domain suffix of the reference and test environments.
const TEST: &str = ".kim.telematik-test";

/// A KIM address, lower case: KIM addresses compare without case. `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KimAddress(Box<str>);

/// Which environment an address belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Realm {
    /// Productive (PU); file names begin with `E`.
    Production,
    /// Reference or test (RU, TU); file names begin with `T`.
    Test,
}

/// Why a text is no KIM address. Names the rule, not the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// No `@`, or an empty part.
    #[error("Die Adresse hat nicht die Form lokal@domäne. / The address is not of the form local@domain.")]
    Form,
    /// Longer than allowed.
    #[error(
        "Die Adresse ist zu lang: lokal höchstens {LOCAL_BYTES_MAX}, Domäne höchstens {DOMAIN_BYTES_MAX} Zeichen. / The address is too long: local part at most {LOCAL_BYTES_MAX}, domain at most {DOMAIN_BYTES_MAX} characters."
    )]
    TooLong,
    /// A character that KIM addresses do not have.
    #[error(
        "Die Adresse enthält ein unzulässiges Zeichen. / The address contains a character that is not allowed."
    )]
    Character,
    /// Not below `.kim.telematik` or `.kim.telematik-test`.
    #[error("Die Adresse liegt außerhalb von KIM. / The address lies outside KIM.")]
    Outside,
}

impl KimAddress {
    /// Reads `local@domain`.
    ///
    /// # Errors
    /// [`BadAddress`] with the rule that was broken.
    pub fn new(text: &str) -> Result<Self, BadAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(BadAddress::Form)?;
        if local.is_empty() || domain.is_empty() {
            return Err(BadAddress::Form);
        }
        if local.len() > LOCAL_BYTES_MAX || domain.len() > DOMAIN_BYTES_MAX {
            return Err(BadAddress::TooLong);
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !local.bytes().all(fits) || !domain.bytes().all(fits) {
            return Err(BadAddress::Character);
        }
        if domain.split('.').any(str::is_empty) && !domain.starts_with('.') {
            return Err(BadAddress::Form);
        }
        let folded = text.to_ascii_lowercase();
        let below = |suffix: &str| {
            folded
                .strip_suffix(suffix)
                .is_some_and(|rest| !rest.ends_with(['@', '.']))
        };
        if below(PRODUCTIVE) || below(TEST) {
            Ok(Self(folded.into()))
        } else {
            Err(BadAddress::Outside)
        }
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Its environment.
    #[must_use]
    pub fn realm(&self) -> Realm {
        if self.0.ends_with(TEST) {
            Realm::Test
        } else {
            Realm::Production
        }
    }
}

impl fmt::Debug for KimAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address:{} bytes", self.0.len())
    }
}

/// Which sender rule a submitted mail breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderRule {
    /// The authenticated user is not the envelope sender.
    #[error(
        "Der angemeldete Nutzer ist nicht der Absender in MAIL FROM. / The authenticated user is not the sender in MAIL FROM."
    )]
    Envelope,
    /// The header names another sender.
    #[error(
        "From oder Sender ist nicht der Absender in MAIL FROM. / From or Sender is not the sender in MAIL FROM."
    )]
    Header,
    /// An answer would leave KIM.
    #[error("Reply-To liegt außerhalb von KIM. / Reply-To lies outside KIM.")]
    ReplyTo,
}

/// What a KIM service checks of a submitted mail: AUTH user = MAIL FROM = From or Sender, and `Reply-To` inside KIM.
///
/// `sender` decides before `from` when it is there (RFC 5322 section 3.6.2).
///
/// # Errors
/// The first [`SenderRule`] that is broken.
pub fn sender_rules(
    user: &KimAddress,
    mail_from: &KimAddress,
    from: &str,
    sender: Option<&str>,
    reply_to: &[&str],
) -> Result<(), SenderRule> {
    if user != mail_from {
        return Err(SenderRule::Envelope);
    }
    if KimAddress::new(sender.unwrap_or(from)).as_ref() != Ok(mail_from) {
        return Err(SenderRule::Header);
    }
    if reply_to.iter().any(|address| KimAddress::new(address).is_err()) {
        return Err(SenderRule::ReplyTo);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rules_of_an_address() {
        let address = KimAddress::new("Praxis.Nord_1@Akquinet.kim.telematik-test").unwrap();
        assert_eq!(address.as_str(), "praxis.nord_1@akquinet.kim.telematik-test");
        assert_eq!(address.realm(), Realm::Test);
        assert_eq!(
            KimAddress::new("a@b.kim.telematik").unwrap().realm(),
            Realm::Production
        );
        for (bad, rule) in [
            ("a", BadAddress::Form),
            ("@b.kim.telematik", BadAddress::Form),
            ("a@b..kim.telematik", BadAddress::Form),
            ("a+b@c.kim.telematik", BadAddress::Character),
            ("ä@c.kim.telematik", BadAddress::Character),
            ("a@kim.telematik", BadAddress::Outside),
            ("a@.kim.telematik", BadAddress::Outside),
            ("a@b.kim.telematik.example", BadAddress::Outside),
            ("a@xkim.telematik", BadAddress::Outside),
        ] {
            assert_eq!(KimAddress::new(bad), Err(rule), "{bad}");
        }
        let long = format!("{}@b.kim.telematik", "a".repeat(65));
        assert_eq!(KimAddress::new(&long), Err(BadAddress::TooLong));
        assert!(!format!("{address:?}").contains("praxis"));
    }

    #[test]
    fn who_may_send() {
        let (a, b) = ("a@x.kim.telematik", "b@x.kim.telematik");
        let address = |text| KimAddress::new(text).unwrap();
        assert_eq!(
            sender_rules(&address(a), &address(a), "A@x.kim.telematik", None, &[b]),
            Ok(())
        );
        assert_eq!(sender_rules(&address(a), &address(a), b, Some(a), &[]), Ok(()));
        assert_eq!(
            sender_rules(&address(a), &address(b), b, None, &[]),
            Err(SenderRule::Envelope)
        );
        assert_eq!(
            sender_rules(&address(a), &address(a), b, None, &[]),
            Err(SenderRule::Header)
        );
        assert_eq!(
            sender_rules(&address(a), &address(a), a, None, &["a@example.org"]),
            Err(SenderRule::ReplyTo)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_reads_again(text in "\\PC{0,80}|[a-z.@_-]{0,20}@[a-z.-]{0,10}\\.kim\\.telematik(-test)?") {
            if let Ok(address) = KimAddress::new(&text) {
                prop_assert_eq!(KimAddress::new(address.as_str()), Ok(address.clone()));
                prop_assert!(!address.domain().is_empty());
            }
        }
    }
}
