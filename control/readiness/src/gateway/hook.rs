//! Whether a web hook comes from seven.io: its signature, its time, and that it did not come before.
//!
//! Source: the vendor's public documentation, `https://docs.seven.io/en/rest-api/webhooks` (headers `X-Signature`,
//! `X-Timestamp`, `X-Nonce` of 32 characters, under every hook; a body of JSON) and `…/rest-api/signing` (HMAC with SHA-256
//! and the account's signing key over time, nonce, method, full address and the MD5 of the body, one line each, the MD5 in
//! hexadecimal). That the signature itself is written in hexadecimal, and that a hook may be as old as
//! [`AGE_SECS_MAX`], is how the vendor's own JavaScript client reads it; the documentation does not say. ? Not tried with the
//! real gateway.
//!
//! What this is worth: HMAC keeps strangers out, but of the body it covers an MD5 only, and colliding bodies can be made by
//! whoever may choose both. So a hook is believed no more than a short message would be: it may carry a code that was sent
//! to one person, or the state of a message of ours. The address it is sent to is a secret besides.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha2::Sha256;
use vocabulary::{Seconds, Timestamp};

/// Oldest hook that is taken, and how far its clock may be ahead of ours.
pub const AGE_SECS_MAX: Seconds = Seconds(300);
/// Nonces remembered: a gateway that sends more within [`AGE_SECS_MAX`] is not ours.
const NONCES_MAX: usize = 16_384;
/// Characters of a nonce, as documented.
const NONCE_CHARS: usize = 32;
/// Least characters of the address's last part: what a stranger would have to guess.
const TOKEN_CHARS_MIN: usize = 32;
/// Longest address.
const ADDRESS_CHARS_MAX: usize = 512;

/// The account's signing key. Never shown.
#[derive(Clone)]
pub struct SigningKey(String);

/// A text that cannot be a signing key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Der Signaturschlüssel hat 16 bis 256 druckbare Zeichen ohne Leerzeichen; Datei prüfen. / The signing key has 16 to 256 printable characters without blanks; check the file."
)]
pub struct BadSigningKey;

impl SigningKey {
    /// Takes the content of the key file; blanks around it are dropped.
    ///
    /// # Errors
    /// [`BadSigningKey`] when it is too short to keep anybody out, or cannot be a key.
    pub fn new(text: &str) -> Result<Self, BadSigningKey> {
        let text = text.trim();
        if (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadSigningKey)
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("signing key")
    }
}

/// The address a hook is sent to, exactly as it was entered at the gateway. Its last part is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    whole: String,
    path_at: usize,
}

/// A text that cannot be the address of a hook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Die Adresse des Rückrufs beginnt mit https://, hat keine Abfrage (?) und endet mit einem geheimen Teil aus mindestens 32 Buchstaben und Ziffern. / The hook's address begins with https://, has no query (?), and ends with a secret part of at least 32 letters and digits."
)]
pub struct BadAddress;

impl Address {
    /// Takes the content of the file; blanks around it are dropped.
    ///
    /// # Errors
    /// [`BadAddress`] when it is not reached over TLS, or could be guessed.
    pub fn new(text: &str) -> Result<Self, BadAddress> {
        let text = text.trim();
        let rest = text.strip_prefix("https://").ok_or(BadAddress)?;
        let slash = rest.find('/').filter(|at| *at > 0).ok_or(BadAddress)?;
        let path_at = "https://".len() + slash;
        let token = text.rsplit('/').next().unwrap_or_default();
        let secret = token.len() >= TOKEN_CHARS_MIN
            && token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && token.bytes().collect::<BTreeSet<u8>>().len() >= 8;
        let plain = text.len() <= ADDRESS_CHARS_MAX
            && text
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#');
        if secret && plain {
            Ok(Self {
                whole: text.to_owned(),
                path_at,
            })
        } else {
            Err(BadAddress)
        }
    }

    /// The path a request must ask for.
    #[must_use]
    pub fn path(&self) -> &str {
        self.whole.get(self.path_at..).unwrap_or_default()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hook address")
    }
}

/// What came, as HTTP carried it.
#[derive(Clone, Copy)]
pub struct Came<'a> {
    /// The method.
    pub method: &'a str,
    /// `X-Timestamp`.
    pub timestamp: &'a str,
    /// `X-Nonce`.
    pub nonce: &'a str,
    /// `X-Signature`.
    pub signature: &'a str,
    /// The body, as it came.
    pub body: &'a [u8],
}

/// Why a hook is not believed. Nothing of it is told to whoever sent it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotBelieved {
    /// No hook of this gateway looks so.
    #[error("Kopfzeilen fehlen oder sind unlesbar. / Headers are missing or cannot be read.")]
    Headers,
    /// Too old, or from the future.
    #[error(
        "Die Meldung ist älter als fünf Minuten oder ihre Uhr geht vor. / The report is older than five minutes, or its clock is ahead."
    )]
    Time,
    /// Not signed with our key, for our address, over this body.
    #[error(
        "Die Signatur passt nicht: Schlüssel und Adresse mit dem Konto vergleichen. / The signature does not fit: compare key and address with the account."
    )]
    Signature,
    /// It came before.
    #[error("Die Meldung kam schon einmal. / The report came before.")]
    Repeated,
    /// More hooks than a gateway of ours sends.
    #[error("Zu viele Meldungen in fünf Minuten. / Too many reports within five minutes.")]
    TooMany,
}

/// Judges hooks, and remembers those it believed.
#[derive(Debug)]
pub struct Judge {
    key: SigningKey,
    address: Address,
    /// Nonces of what was believed, by the time they were signed.
    seen: BTreeMap<i64, BTreeSet<String>>,
}

impl Judge {
    /// For hooks that are signed with this key and sent to this address.
    #[must_use]
    pub const fn new(key: SigningKey, address: Address) -> Self {
        Self {
            key,
            address,
            seen: BTreeMap::new(),
        }
    }

    /// Where hooks are sent to.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Whether a hook is the gateway's own and came for the first time.
    ///
    /// # Errors
    /// [`NotBelieved`].
    pub fn believe(&mut self, came: &Came<'_>, now: Timestamp) -> Result<(), NotBelieved> {
        let nonce_fits =
            came.nonce.len() == NONCE_CHARS && came.nonce.bytes().all(|b| b.is_ascii_alphanumeric());
        let digits = !came.timestamp.is_empty() && came.timestamp.bytes().all(|b| b.is_ascii_digit());
        let at: i64 = came.timestamp.parse().map_err(|_| NotBelieved::Headers)?;
        if !nonce_fits || !digits {
            return Err(NotBelieved::Headers);
        }
        let signed = Timestamp(at);
        if now.since(signed) > AGE_SECS_MAX || signed.since(now) > AGE_SECS_MAX {
            return Err(NotBelieved::Time);
        }
        let signature = hex::decode(came.signature).map_err(|_| NotBelieved::Headers)?;
        let body = hex::encode(Md5::digest(came.body));
        let (time, nonce, method, address) = (came.timestamp, came.nonce, came.method, &self.address.whole);
        let text = format!("{time}\n{nonce}\n{method}\n{address}\n{body}");
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.0.as_bytes()).map_err(|_| NotBelieved::Signature)?;
        mac.update(text.as_bytes());
        // Compared in constant time.
        mac.verify_slice(&signature).map_err(|_| NotBelieved::Signature)?;
        // Only what is believed is remembered: strangers cost no memory.
        let oldest = now
            .0
            .saturating_sub(i64::try_from(AGE_SECS_MAX.0).unwrap_or(i64::MAX));
        self.seen = self.seen.split_off(&oldest);
        if self.seen.values().map(BTreeSet::len).sum::<usize>() >= NONCES_MAX {
            return Err(NotBelieved::TooMany);
        }
        // Whatever time it is signed with: a nonce is used once.
        if self.seen.values().any(|nonces| nonces.contains(nonce)) {
            return Err(NotBelieved::Repeated);
        }
        self.seen.entry(at).or_default().insert(nonce.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ein-geheimer-signaturschluessel";
    const ADDRESS: &str = "https://ruf.notfall.example/seven/q8Zr2LmT0vXk5WcY7nJh4PdS1aGb9EfU";
    const NONCE: &str = "fpPRhAd1s8GXacfR39mWqKPynmmXfJnc";
    const NOW: Timestamp = Timestamp(1_682_366_400);

    fn judge() -> Judge {
        Judge::new(SigningKey::new(KEY).unwrap(), Address::new(ADDRESS).unwrap())
    }

    /// Signed as the documentation says, by openssl:
    /// `printf '%s\n%s\nPOST\n%s\n%s' TIME NONCE ADDRESS "$(printf %s BODY | md5sum | cut -c1-32)" | openssl dgst -sha256 -hmac KEY`
    fn signature(timestamp: &str, nonce: &str, body: &[u8]) -> String {
        let text = format!(
            "{timestamp}\n{nonce}\nPOST\n{ADDRESS}\n{}",
            hex::encode(Md5::digest(body))
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    fn came<'a>(timestamp: &'a str, nonce: &'a str, signature: &'a str, body: &'a [u8]) -> Came<'a> {
        Came {
            method: "POST",
            timestamp,
            nonce,
            signature,
            body,
        }
    }

    #[test]
    fn a_signed_hook_is_believed_once() {
        let (mut judge, body) = (judge(), br#"{"webhook_event":"sms_mo"}"#);
        let signed = signature("1682366400", NONCE, body);
        let hook = came("1682366400", NONCE, &signed, body);
        assert_eq!(judge.believe(&hook, NOW), Ok(()));
        assert_eq!(judge.believe(&hook, NOW), Err(NotBelieved::Repeated));
        // Signed anew a moment later, the nonce is still the same.
        let again = signature("1682366401", NONCE, body);
        let again = came("1682366401", NONCE, &again, body);
        assert_eq!(judge.believe(&again, NOW), Err(NotBelieved::Repeated));
        // Old hooks cost nothing: they are not believed, and their nonces are forgotten.
        let later = NOW.plus(Seconds(301));
        assert_eq!(judge.believe(&hook, later), Err(NotBelieved::Time));
        let other = signature("1682366701", NONCE, body);
        assert_eq!(
            judge.believe(&came("1682366701", NONCE, &other, body), later),
            Ok(())
        );
        assert_eq!(judge.seen.len(), 1);
    }

    #[test]
    fn what_is_changed_late_or_half_there_is_not_believed() {
        let body = br#"{"webhook_event":"sms_mo"}"#;
        let signed = signature("1682366400", NONCE, body);
        let short = &signed[..62];
        let upper = NONCE.replace('f', "F");
        for (hook, why) in [
            (came("1682366400", NONCE, &signed, b"{}"), NotBelieved::Signature),
            (came("1682366401", NONCE, &signed, body), NotBelieved::Signature),
            (came("1682366400", &upper, &signed, body), NotBelieved::Signature),
            (came("1682366400", NONCE, short, body), NotBelieved::Signature),
            (came("1682366400", NONCE, "keine", body), NotBelieved::Headers),
            (came("", NONCE, &signed, body), NotBelieved::Headers),
            (came("+1682366400", NONCE, &signed, body), NotBelieved::Headers),
            (came("1682366400", "kurz", &signed, body), NotBelieved::Headers),
            (
                came("9223372036854775807", NONCE, &signed, body),
                NotBelieved::Time,
            ),
            (came("1682366000", NONCE, &signed, body), NotBelieved::Time),
        ] {
            assert_eq!(judge().believe(&hook, NOW), Err(why));
        }
        let mut get = came("1682366400", NONCE, &signed, body);
        get.method = "GET";
        assert_eq!(judge().believe(&get, NOW), Err(NotBelieved::Signature));
    }

    #[test]
    fn an_address_that_can_be_guessed_and_a_short_key_are_refused() {
        assert_eq!(
            Address::new(&format!(" {ADDRESS}\n")).unwrap().path(),
            "/seven/q8Zr2LmT0vXk5WcY7nJh4PdS1aGb9EfU"
        );
        for bad in [
            "",
            "https://ruf.notfall.example",
            "https://ruf.notfall.example/seven",
            "https:///q8Zr2LmT0vXk5WcY7nJh4PdS1aGb9EfU",
            "http://ruf.notfall.example/q8Zr2LmT0vXk5WcY7nJh4PdS1aGb9EfU",
            "https://ruf.notfall.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "https://ruf.notfall.example/x?token=q8Zr2LmT0vXk5WcY7nJh4PdS1aGb9EfU",
            "https://ruf.notfall.example/a b/q8Zr2LmT0vXk5WcY7nJh4PdS1aGb9EfU",
        ] {
            assert!(Address::new(bad).is_err(), "{bad}");
        }
        SigningKey::new("kurz").unwrap_err();
    }
}
