//! The insurer's side: re-wrapping keys for whom its consent names, and splitting its recovery identity among people.
//!
//! These functions run where the insurer's identities are, never in a process of the estate.

use std::collections::BTreeMap;

use age::secrecy::ExposeSecret as _;
use blahaj::{Share, Sharks};
use vocabulary::Digest;
use zeroize::Zeroizing;

use crate::{
    Entropy, Error,
    keys::{Recipient, WrappedKey, parse_identity, unwrap_key, wrap_key},
    seal::entropy_rng,
};

/// Opens a wrapped key with the insurer's identity and wraps it to exactly the recipient its consent names. Nothing
/// is written anywhere, and the identity does not leave this call.
///
/// # Errors
/// [`Error::Key`] when the identity cannot be read or does not open this key.
pub fn rewrap(key: &WrappedKey, identity: &str, to: &Recipient) -> Result<WrappedKey, Error> {
    let identity = parse_identity(identity)?;
    let secret = unwrap_key(&key.wrapped, &identity)?.ok_or(Error::Key {
        what: "the identity",
        why: format!("it does not open {} of {}", key.epoch, key.cell),
    })?;
    Ok(WrappedKey {
        epoch: key.epoch,
        cell: key.cell.clone(),
        wrapped: wrap_key(secret.as_slice(), &[to])?,
    })
}

/// How many shares exist and how many bring the identity back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quorum {
    needed: u8,
    shares: u8,
}

impl Quorum {
    /// `needed` of `shares`.
    ///
    /// # Errors
    /// [`Error::Limit`] unless 2 ≤ needed ≤ shares.
    pub fn new(needed: u8, shares: u8) -> Result<Self, Error> {
        if needed < 2 || needed > shares {
            return Err(Error::Limit {
                what: "the number of recovery shares needed",
                limit: u64::from(shares),
            });
        }
        Ok(Self { needed, shares })
    }
}

/// One person's share of a recovery identity: text for paper or a password safe. Fewer than the quorum say nothing
/// about the identity (Shamir's secret sharing over GF(256)).
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryShare(Zeroizing<String>);

const PREFIX: &str = "bulkhead-recovery-1";

impl RecoveryShare {
    /// Reads a share as it was written down: case and blanks at the ends do not matter.
    ///
    /// # Errors
    /// [`Error::Key`] when the text is no share or was mistyped.
    pub fn read(text: &str) -> Result<Self, Error> {
        let share = Self(Zeroizing::new(text.trim().to_lowercase()));
        share.parts().map(|_| share.clone())
    }

    /// The share as text: version, shares needed, the share itself and a checksum, all on one line.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> Result<(u8, Zeroizing<Vec<u8>>), Error> {
        let bad = |why: &str| Error::Key {
            what: "a recovery share",
            why: why.to_owned(),
        };
        let mut words = self.0.split('-');
        let mut next = || words.next_back().ok_or_else(|| bad("it is incomplete"));
        let (sum, share, needed) = (next()?, next()?, next()?);
        let body = self.0.strip_suffix(&format!("-{sum}")).unwrap_or_default();
        if !body.starts_with(PREFIX) || Digest::of(body.as_bytes()).short() != sum {
            return Err(bad(
                "its checksum does not fit; compare it with what was written down",
            ));
        }
        let needed = needed
            .parse()
            .map_err(|_| bad("it does not say how many are needed"))?;
        let share = hex::decode(share).map_err(|_| bad("it is not hexadecimal"))?;
        Ok((needed, Zeroizing::new(share)))
    }
}

impl std::fmt::Debug for RecoveryShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryShare")
    }
}

/// Splits a recovery identity (`AGE-SECRET-KEY-1…`) among people.
///
/// # Errors
/// [`Error::Key`] when the identity cannot be read.
pub fn split_identity(
    identity: &str,
    quorum: Quorum,
    entropy: &mut Entropy,
) -> Result<Vec<RecoveryShare>, Error> {
    let identity = parse_identity(identity)?;
    let text = identity.to_string();
    let dealer = Sharks(quorum.needed);
    let mut rng = entropy_rng(entropy);
    let shares = dealer.dealer_rng(text.expose_secret().as_bytes(), &mut rng);
    Ok(shares
        .take(usize::from(quorum.shares))
        .map(|share| {
            let body = Zeroizing::new(format!(
                "{PREFIX}-{}-{}",
                quorum.needed,
                hex::encode(Zeroizing::new(Vec::from(&share)))
            ));
            let sum = Digest::of(body.as_bytes()).short();
            RecoveryShare(Zeroizing::new(format!("{}-{sum}", *body)))
        })
        .collect())
}

/// Brings a recovery identity back from shares of different people.
///
/// # Errors
/// [`Error::Key`] when there are too few different shares or they do not belong together.
pub fn combine_identity(shares: &[RecoveryShare]) -> Result<Zeroizing<String>, Error> {
    let bad = |why: String| Error::Key {
        what: "the recovery shares",
        why,
    };
    let mut different: BTreeMap<u8, Zeroizing<Vec<u8>>> = BTreeMap::new();
    let mut needed_by_all = None;
    for share in shares {
        let (needed, bytes) = share.parts()?;
        if *needed_by_all.get_or_insert(needed) != needed {
            return Err(bad("they belong to different identities".to_owned()));
        }
        // The first byte is the share's number: the same share twice counts once.
        let number = bytes.first().copied().unwrap_or(0);
        different.insert(number, bytes);
    }
    let needed = needed_by_all.unwrap_or(2);
    if different.len() < usize::from(needed) {
        return Err(bad(format!(
            "{needed} different ones are needed, {} are here",
            different.len()
        )));
    }
    let parsed = different
        .values()
        .map(|bytes| Share::try_from(bytes.as_slice()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| bad(why.to_owned()))?;
    let secret = Zeroizing::new(
        Sharks(needed)
            .recover(&parsed)
            .map_err(|why| bad(why.to_owned()))?,
    );
    let text = std::str::from_utf8(&secret).map_err(|_| bad("they do not belong together".to_owned()))?;
    parse_identity(text).map_err(|_| bad("they do not belong together".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}
