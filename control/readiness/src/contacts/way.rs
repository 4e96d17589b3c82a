//! Ways to reach a person.

use core::{fmt, str::FromStr};

use order::Lang;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest mail address in bytes (RFC 5321, 4.5.3.1.3, path without its brackets).
const MAIL_BYTES_MAX: usize = 254;
/// Longest note for a way on paper, in characters.
const PAPER_CHARS_MAX: usize = 160;

/// A telephone number by ITU-T E.164: a plus sign and 7 to 15 digits, the first not zero.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Phone(String);

/// A mail address outside the estate. Printable ASCII without blanks, one `@`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MailAddress(String);

/// Why a text is no way.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadWay {
    /// No known kind before the colon.
    #[error(
        "„{0}“ ist kein Weg; möglich sind sms:, voice:, mail: und paper:. / \"{0}\" is no way; use sms:, voice:, mail: or paper:."
    )]
    Kind(String),
    /// No telephone number.
    #[error(
        "„{0}“ ist keine Rufnummer; sie beginnt mit + und der Landeskennzahl, etwa +49 201 1234. / \"{0}\" is no telephone number; it begins with + and the country, such as +49 201 1234."
    )]
    Phone(String),
    /// No mail address.
    #[error("„{0}“ ist keine Mailadresse. / \"{0}\" is no mail address.")]
    Mail(String),
    /// Nothing to read on paper.
    #[error(
        "Ein Weg auf Papier braucht 1 bis {PAPER_CHARS_MAX} druckbare Zeichen. / A way on paper needs 1 to {PAPER_CHARS_MAX} printable characters."
    )]
    Paper,
}

/// How a message travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A short message.
    Sms,
    /// A call with a spoken text.
    Voice,
    /// Mail from outside the estate.
    Mail,
    /// Somebody goes, or dials by hand from the printed tree.
    Paper,
}

impl Kind {
    /// Its name for people.
    #[must_use]
    pub const fn in_words(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Sms, Lang::De | Lang::En) => "SMS",
            (Self::Voice, Lang::De) => "Anruf",
            (Self::Voice, Lang::En) => "call",
            (Self::Mail, Lang::De) => "Mail",
            (Self::Mail, Lang::En) => "mail",
            (Self::Paper, Lang::De) => "Papier",
            (Self::Paper, Lang::En) => "paper",
        }
    }
}

/// What a way depends on. Two ways are independent when their carriers differ: a short message and a call to the same
/// number fail together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Carrier<'a> {
    /// One telephone.
    Telephone(&'a Phone),
    /// The mail of one domain.
    MailDomain(&'a str),
    /// People's feet.
    Feet,
}

/// One way to reach a person, written `sms:+49…`, `voice:+49…`, `mail:…@…`, `paper:…`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// A short message to this number.
    Sms(Phone),
    /// A call to this number.
    Voice(Phone),
    /// Mail to this address.
    Mail(MailAddress),
    /// A note for a person who goes or dials.
    Paper(String),
}

impl Way {
    /// How a message travels.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Sms(_) => Kind::Sms,
            Self::Voice(_) => Kind::Voice,
            Self::Mail(_) => Kind::Mail,
            Self::Paper(_) => Kind::Paper,
        }
    }

    /// What it depends on.
    #[must_use]
    pub fn carrier(&self) -> Carrier<'_> {
        match self {
            Self::Sms(phone) | Self::Voice(phone) => Carrier::Telephone(phone),
            Self::Mail(address) => Carrier::MailDomain(address.domain()),
            Self::Paper(_) => Carrier::Feet,
        }
    }

    /// For people: kind and address.
    #[must_use]
    pub fn in_words(&self, lang: Lang) -> String {
        let kind = self.kind().in_words(lang);
        match self {
            Self::Sms(phone) | Self::Voice(phone) => format!("{kind} {}", phone.grouped()),
            Self::Mail(address) => format!("{kind} {}", address.as_str()),
            Self::Paper(note) => format!("{kind}: {note}"),
        }
    }
}

impl Phone {
    /// As E.164, with the plus sign.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In groups of three, as one dials it from paper; the last group has two to four digits.
    #[must_use]
    pub fn grouped(&self) -> String {
        let length = self.0.len();
        let mut text = String::with_capacity(length + length / 3);
        for (at, c) in self.0.chars().enumerate() {
            if at >= 3 && at % 3 == 0 && length - at >= 2 {
                text.push(' ');
            }
            text.push(c);
        }
        text
    }
}

impl MailAddress {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn domain(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or_default()
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

impl FromStr for Phone {
    type Err = BadWay;
    fn from_str(text: &str) -> Result<Self, BadWay> {
        let bare: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '/' | '(' | ')' | '.'))
            .collect();
        let digits = bare.strip_prefix('+').unwrap_or_default();
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if fits {
            Ok(Self(bare))
        } else {
            Err(BadWay::Phone(shown(text)))
        }
    }
}

impl FromStr for MailAddress {
    type Err = BadWay;
    fn from_str(text: &str) -> Result<Self, BadWay> {
        let safe = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"\"<>()[],;:\\".contains(&b))
                && !part.starts_with('.')
                && !part.ends_with('.')
                && !part.contains("..")
        };
        let fits = text.len() <= MAIL_BYTES_MAX
            && text.split_once('@').is_some_and(|(local, domain)| {
                safe(local) && safe(domain) && domain.contains('.') && !domain.contains('@')
            });
        if fits {
            let (local, domain) = text.split_once('@').unwrap_or_default();
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(BadWay::Mail(shown(text)))
        }
    }
}

impl FromStr for Way {
    type Err = BadWay;
    fn from_str(text: &str) -> Result<Self, BadWay> {
        let (kind, rest) = text.split_once(':').ok_or_else(|| BadWay::Kind(shown(text)))?;
        let rest = rest.trim();
        match kind.trim() {
            "sms" => rest.parse().map(Self::Sms),
            "voice" => rest.parse().map(Self::Voice),
            "mail" => rest.parse().map(Self::Mail),
            "paper" => {
                let chars = rest.chars().count();
                if (1..=PAPER_CHARS_MAX).contains(&chars) && order::Text::new(rest).is_ok() {
                    Ok(Self::Paper(rest.to_owned()))
                } else {
                    Err(BadWay::Paper)
                }
            }
            _ => Err(BadWay::Kind(shown(text))),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sms(phone) => write!(f, "sms:{}", phone.0),
            Self::Voice(phone) => write!(f, "voice:{}", phone.0),
            Self::Mail(address) => write!(f, "mail:{}", address.0),
            Self::Paper(note) => write!(f, "paper:{note}"),
        }
    }
}

impl Serialize for Way {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Way {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_read_back_and_nonsense_is_refused() {
        for text in [
            "sms:+49 171 2345678",
            "voice:+49(201)1234-5",
            "mail:Anna@Notfall.example",
            "paper: Wohnung, 2. Stock",
        ] {
            let way: Way = text.parse().unwrap();
            assert_eq!(way.to_string().parse::<Way>().unwrap(), way);
        }
        for bad in [
            "fax:+49123456789",
            "sms:0171 2345678",
            "sms:+0171234567",
            "sms:+49",
            "sms:+49171234567890123",
            "mail:anna",
            "mail:anna@localhost",
            "mail:a b@c.d",
            "mail:a@b.c\r\nBcc: x@y.z",
            "mail:a@b@c.d",
            "paper:",
            "paper:a\nb",
            "+49171",
        ] {
            assert!(bad.parse::<Way>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_message_and_a_call_to_one_telephone_are_one_carrier() {
        let way = |text: &str| text.parse::<Way>().unwrap();
        assert_eq!(
            way("sms:+49171234567").carrier(),
            way("voice:+49 171 234567").carrier()
        );
        assert_ne!(
            way("sms:+49171234567").carrier(),
            way("voice:+49201234567").carrier()
        );
        assert_eq!(way("mail:a@x.de").carrier(), way("mail:b@X.de").carrier());
    }
}
