//! The insurer's own keys: to whom held work is sealed, and how it comes back.
//!
//! An identity is a plain age X25519 identity file, as `age-keygen` writes it. Held work is sealed to two of them: the
//! active one, and the recovery identity, which exists only as parts outside the estate (Shamir's secret sharing, any
//! `needed` of them give it back). A consent carries the keys of what is held re-wrapped to exactly the door or
//! emergency process it names; re-wrapping happens here, on the insurer's machine, from age file to age file.
//!
//! age and the dealer of parts draw their randomness from the operating system; nothing else in this room does.

use age::{secrecy::ExposeSecret as _, x25519};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blahaj::{Share, Sharks};
use clearance::RewrappedKey;
use order::AgeRecipient;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use vocabulary::{Digest, PayloadType, Timestamp};
use zeroize::Zeroizing;

use crate::{Refused, draft, files};

/// How many parts an identity is split into, and how many give it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    needed: u8,
    made: u8,
}

impl Parts {
    /// `needed` of `made`: at least two needed, or one thief is enough; at most 32 made, or nobody knows where they
    /// are.
    ///
    /// # Errors
    /// [`Refused::Release`] outside these bounds.
    pub fn new(needed: u8, made: u8) -> Result<Self, Refused> {
        if needed >= 2 && needed <= made && made <= 32 {
            Ok(Self { needed, made })
        } else {
            Err(Refused::release(
                format!(
                    "{needed} von {made} Teilen geht nicht: nötig sind 2 bis 32 Teile, mindestens 2 müssen zusammenkommen."
                ),
                format!(
                    "{needed} of {made} parts is not possible: make 2 to 32, at least 2 must come together."
                ),
            ))
        }
    }
}

/// Makes a new identity in a new file for its owner alone, and gives back what others seal to.
///
/// # Errors
/// [`Refused`] when the file exists already or cannot be written.
pub fn keygen(path: &Path, now: Timestamp) -> Result<AgeRecipient, Refused> {
    let identity = x25519::Identity::generate();
    write_identity(path, &identity, now)
}

fn write_identity(path: &Path, identity: &x25519::Identity, now: Timestamp) -> Result<AgeRecipient, Refused> {
    let recipient = identity.to_public().to_string();
    let secret = identity.to_string();
    let text = Zeroizing::new(format!(
        "# created: {now}\n# public key: {recipient}\n{}\n",
        secret.expose_secret()
    ));
    files::create(path, text.as_bytes())?;
    named(&recipient)
}

/// An insurer's identity, opened.
pub struct Identity(x25519::Identity);

impl Identity {
    /// Opens an identity file. It must be readable by its owner alone.
    ///
    /// # Errors
    /// [`Refused`] when it is open to others, unreadable, or holds no age X25519 identity.
    pub fn open(path: &Path) -> Result<Self, Refused> {
        let bytes = files::read_secret(path)?;
        let no_key = |cause: &str| Refused::NoKey {
            path: path.to_path_buf(),
            cause: cause.to_owned(),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| no_key("no text"))?;
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next(), lines.next()) {
            (Some(line), None) => line.parse().map(Self).map_err(no_key),
            (Some(_), Some(_)) => Err(no_key("more than one identity")),
            (None, _) => Err(no_key("no identity")),
        }
    }

    /// What others seal to.
    ///
    /// # Errors
    /// Never in practice: age writes recipients that we can read.
    pub fn recipient(&self) -> Result<AgeRecipient, Refused> {
        named(&self.0.to_public().to_string())
    }

    /// Wraps keys again, from this identity to one recipient. All or nothing: a key that does not open names the
    /// segment, so that somebody can look for the identity it was sealed to.
    ///
    /// # Errors
    /// [`Refused::Release`] when the recipient is no X25519 recipient or a key does not open.
    pub fn rewrap(&self, wrapped: &[RewrappedKey], to: &AgeRecipient) -> Result<Vec<RewrappedKey>, Refused> {
        rewrap_with(std::slice::from_ref(self), wrapped, to)
    }

    /// Puts parts together in memory only: no file of the whole identity is written.
    ///
    /// # Errors
    /// [`Refused`] as [`combine`].
    pub fn of_parts(parts: &[PathBuf]) -> Result<Self, Refused> {
        recover(parts).map(Self)
    }
}

/// Wraps keys again, each with the first of these identities that opens it: what was sealed before a release key was
/// exchanged opens with the older one.
pub(crate) fn rewrap_with(
    identities: &[Identity],
    wrapped: &[RewrappedKey],
    to: &AgeRecipient,
) -> Result<Vec<RewrappedKey>, Refused> {
    let recipient: x25519::Recipient = to.as_str().parse().map_err(|cause: &str| {
        Refused::release(
            format!("{to} ist kein age-Empfänger (X25519): {cause}."),
            format!("{to} is no age recipient (X25519): {cause}."),
        )
    })?;
    let one = |key| rewrap_one(identities, key, &recipient);
    wrapped.iter().map(one).collect()
}

fn rewrap_one(
    identities: &[Identity],
    key: &RewrappedKey,
    to: &x25519::Recipient,
) -> Result<RewrappedKey, Refused> {
    let failed = |cause: &dyn std::fmt::Display| {
        Refused::release(
            format!(
                "Der Schlüssel des Segments {} der Tür {} lässt sich nicht neu verpacken ({cause}).",
                key.segment, key.door
            ),
            format!(
                "The key of segment {} of door {} cannot be wrapped again ({cause}).",
                key.segment, key.door
            ),
        )
    };
    let bytes = STANDARD.decode(&key.wrapped).map_err(|cause| failed(&cause))?;
    let mut last = None;
    for identity in identities {
        match age::decrypt(&identity.0, &bytes) {
            Ok(secret) => {
                let secret = Zeroizing::new(secret);
                let again = age::encrypt(to, &secret).map_err(|cause| failed(&cause))?;
                return Ok(RewrappedKey {
                    door: key.door.clone(),
                    segment: key.segment,
                    wrapped: STANDARD.encode(again),
                });
            }
            Err(cause) => last = Some(cause),
        }
    }
    Err(match last {
        Some(cause) => failed(&cause),
        None => failed(&"kein Freigabeschlüssel / no release key"),
    })
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "identity({})", self.0.to_public())
    }
}

fn named(recipient: &str) -> Result<AgeRecipient, Refused> {
    recipient
        .parse()
        .map_err(|cause| Refused::release(format!("{cause}."), format!("{cause}.")))
}

/// Longest file of wrapped keys in bytes: what a consent may carry, and its JSON around it.
const KEYS_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Wraps the keys of a file (a JSON list as doors export it) again and writes them into a consent's draft, for the
/// person who signs it next. Gives back how many.
///
/// # Errors
/// [`Refused`] when a file is unreadable, the draft is no consent's or signed already, or a key does not open.
pub fn rewrap_into(
    consent: &Path,
    keys: &Path,
    identity: &Identity,
    to: &AgeRecipient,
) -> Result<usize, Refused> {
    let bytes = files::read(keys, KEYS_BYTES_MAX)?;
    let wrapped: Vec<RewrappedKey> = serde_json::from_slice(&bytes).map_err(|cause| {
        Refused::release(
            format!(
                "{} ist keine Liste verpackter Schlüssel ({cause}).",
                keys.display()
            ),
            format!("{} is no list of wrapped keys ({cause}).", keys.display()),
        )
    })?;
    let again = identity.rewrap(&wrapped, to)?;
    let count = again.len();
    draft::edit(consent, PayloadType::Consent, |body| {
        let again = serde_json::to_value(again).unwrap_or_default();
        body.insert("rewrapped".to_owned(), again);
    })?;
    Ok(count)
}

/// The first word of a part's line; another version would have another word.
const PART_WORD: &str = "BULKHEAD-PART-1";

/// Splits an identity into parts, each a new file `part-1-of-5.txt` … in `folder`, for its owner alone. The identity's
/// own file stays; whoever splits it removes it when the parts are where they belong.
///
/// # Errors
/// [`Refused`] when the identity cannot be opened or a part exists already or cannot be written.
pub fn split(identity: &Path, parts: Parts, folder: &Path) -> Result<Vec<PathBuf>, Refused> {
    let identity = Identity::open(identity)?;
    let recipient = identity.recipient()?;
    let secret = identity.0.to_string();
    let Parts { needed, made } = parts;
    let dealer = Sharks(needed).dealer(secret.expose_secret().as_bytes());
    let mut paths = Vec::new();
    for (number, share) in (1..=made).zip(dealer) {
        let bytes = Zeroizing::new(Vec::from(&share));
        let digits = Zeroizing::new(hex::encode(bytes.as_slice()));
        let text = Zeroizing::new(format!(
            "# Teil {number} von {made} des Wiederherstellungsschlüssels {recipient}.\n\
             # {needed} Teile geben ihn zurück. Außerhalb des Betriebs aufbewahren, jeden an einem anderen Ort.\n\
             # Part {number} of {made} of the recovery identity {recipient}.\n\
             # {needed} parts give it back. Keep outside the estate, each in another place.\n\
             {PART_WORD} {needed} {made} {recipient} {} {}\n",
            *digits,
            check_digits(&bytes),
        ));
        let path = folder.join(format!("part-{number}-of-{made}.txt"));
        files::create(&path, text.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}

/// Finds a part that was copied wrongly from paper before it spoils the whole: eight digits of its digest.
fn check_digits(bytes: &[u8]) -> String {
    Digest::of(bytes).short()
}

/// One part, read from its file.
struct Part {
    needed: u8,
    recipient: String,
    number: u8,
    share: Share,
}

/// Puts parts together into a new identity file.
///
/// # Errors
/// [`Refused`] when a part is open to others, unreadable or miscopied, when parts belong to different identities, when
/// too few are there, or when what comes out is not the identity they name.
pub fn combine(parts: &[PathBuf], out: &Path, now: Timestamp) -> Result<AgeRecipient, Refused> {
    write_identity(out, &recover(parts)?, now)
}

fn recover(parts: &[PathBuf]) -> Result<x25519::Identity, Refused> {
    let parts: Vec<Part> = parts
        .iter()
        .map(|path| Part::read(path))
        .collect::<Result<_, _>>()?;
    let Some(first) = parts.first() else {
        return Err(Refused::release("Es ist kein Teil genannt.", "No part is named."));
    };
    if let Some(other) = parts
        .iter()
        .find(|part| part.recipient != first.recipient || part.needed != first.needed)
    {
        return Err(Refused::release(
            format!(
                "Die Teile gehören zu verschiedenen Schlüsseln: {} und {}.",
                first.recipient, other.recipient
            ),
            format!(
                "The parts belong to different identities: {} and {}.",
                first.recipient, other.recipient
            ),
        ));
    }
    // The same part given twice counts once; given twice to the arithmetic it would spoil the result.
    let shares: BTreeMap<u8, &Share> = parts.iter().map(|part| (part.number, &part.share)).collect();
    let (there, needed) = (shares.len(), first.needed);
    if there < usize::from(needed) {
        return Err(Refused::release(
            format!("Es sind {there} Teile da, nötig sind {needed}."),
            format!("{there} parts are here, {needed} are needed."),
        ));
    }
    let spoiled = || {
        Refused::release(
            format!("Die Teile ergeben nicht den Schlüssel {}.", first.recipient),
            format!("The parts do not give identity {}.", first.recipient),
        )
    };
    let secret = Sharks(needed)
        .recover(shares.into_values())
        .map_err(|_| spoiled())?;
    let secret = Zeroizing::new(secret);
    let identity: x25519::Identity = std::str::from_utf8(&secret)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(spoiled)?;
    if identity.to_public().to_string() != first.recipient {
        return Err(spoiled());
    }
    Ok(identity)
}

impl Part {
    fn read(path: &Path) -> Result<Self, Refused> {
        let bytes = files::read_secret(path)?;
        let unreadable = || {
            Refused::release(
                format!(
                    "{} ist kein Teil eines Schlüssels, oder falsch abgeschrieben.",
                    path.display()
                ),
                format!(
                    "{} is no part of an identity, or was copied wrongly.",
                    path.display()
                ),
            )
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
        let line = text
            .lines()
            .find(|line| line.starts_with(PART_WORD))
            .ok_or_else(unreadable)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, needed, _made, recipient, digits, check] = words.as_slice() else {
            return Err(unreadable());
        };
        let share = Zeroizing::new(hex::decode(digits).map_err(|_| unreadable())?);
        if check_digits(&share) != check.to_ascii_lowercase() {
            return Err(unreadable());
        }
        Ok(Self {
            needed: needed.parse().map_err(|_| unreadable())?,
            recipient: (*recipient).to_owned(),
            number: share.first().copied().ok_or_else(unreadable)?,
            share: Share::try_from(share.as_slice()).map_err(|_| unreadable())?,
        })
    }
}
