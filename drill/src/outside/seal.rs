//! Real sealing for invented letters: HPKE (RFC 9180, X25519, HKDF-SHA256, ChaCha20-Poly1305) to an insurer's public
//! key. It stands for KIM's S/MIME, whose format does not matter here; what matters is that nobody without the private
//! key can read a letter, so that "the keys are gone" is a fact and not a flag.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hpke::{
    Deserializable, Kem as KemTrait, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use vocabulary::InsurerId;

use crate::chance::{Chance, Seed};

type Kem = X25519HkdfSha256;
type PublicKey = <Kem as KemTrait>::PublicKey;
type PrivateKey = <Kem as KemTrait>::PrivateKey;

const INFO: &[u8] = b"bulkhead drill letter";
const ENCAPSULATED_LEN: usize = 32;

/// Every insurer's key pair, kept where no incident reaches it.
pub struct Vault {
    seed: Seed,
    pairs: BTreeMap<InsurerId, (PrivateKey, PublicKey)>,
}

impl Vault {
    pub(super) fn new<'i>(insurers: impl Iterator<Item = &'i InsurerId>, seed: Seed) -> Self {
        let mut chance = Chance::new(seed, 2);
        let mut pair = |insurer: &InsurerId| {
            let material: Vec<u8> = (0..4).flat_map(|_| chance.next().to_le_bytes()).collect();
            (insurer.clone(), Kem::derive_keypair(&material))
        };
        Self {
            seed,
            pairs: insurers.map(&mut pair).collect(),
        }
    }

    pub(super) const fn seed(&self) -> Seed {
        self.seed
    }

    pub(super) fn public_keys(&self) -> BTreeMap<InsurerId, PublicKey> {
        self.pairs
            .iter()
            .map(|(insurer, (_, public))| (insurer.clone(), public.clone()))
            .collect()
    }
}

/// Seals a letter. `None` when the recipient has no key.
pub(super) fn seal(
    to: &InsurerId,
    keys: &BTreeMap<InsurerId, PublicKey>,
    plain: &[u8],
    chance: &mut Chance,
) -> Option<Vec<u8>> {
    let key = keys.get(to)?;
    let (encapsulated, mut context) =
        hpke::setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(&OpModeS::Base, key, INFO, chance)
            .ok()?;
    let mut sealed = encapsulated.to_bytes().to_vec();
    sealed.extend(context.seal(plain, to.as_str().as_bytes()).ok()?);
    Some(sealed)
}

/// Why a letter stays closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closed {
    /// There is no key to try.
    NoKey,
    /// There is a key, but the letter is not what was sealed for it.
    Damaged,
}

/// The private keys the consumers have at hand.
pub struct KeyRing(Mutex<BTreeMap<InsurerId, PrivateKey>>);

impl KeyRing {
    pub(super) fn full(vault: &Vault) -> Self {
        let ring = Self(Mutex::new(BTreeMap::new()));
        ring.refill(vault);
        ring
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<InsurerId, PrivateKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refill(&self, vault: &Vault) {
        *self.keys() = vault
            .pairs
            .iter()
            .map(|(insurer, (private, _))| (insurer.clone(), private.clone()))
            .collect();
    }

    pub(super) fn clear(&self) {
        self.keys().clear();
    }

    pub(super) fn open(&self, to: &InsurerId, sealed: &[u8]) -> Result<Vec<u8>, Closed> {
        let key = self.keys().get(to).cloned().ok_or(Closed::NoKey)?;
        let (encapsulated, ciphertext) = sealed.split_at_checked(ENCAPSULATED_LEN).ok_or(Closed::Damaged)?;
        let encapsulated =
            <Kem as KemTrait>::EncappedKey::from_bytes(encapsulated).map_err(|_| Closed::Damaged)?;
        hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, Kem>(&OpModeR::Base, &key, &encapsulated, INFO)
            .and_then(|mut context| context.open(ciphertext, to.as_str().as_bytes()))
            .map_err(|_| Closed::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens_a_letter() {
        let insurers: Vec<InsurerId> = ["a", "b"].iter().map(|id| id.parse().unwrap()).collect();
        let vault = Vault::new(insurers.iter(), Seed(1));
        let ring = KeyRing::full(&vault);
        let mut chance = Chance::new(Seed(1), 3);
        let sealed = seal(&insurers[0], &vault.public_keys(), b"sick note", &mut chance).unwrap();
        assert!(!sealed.windows(9).any(|window| window == b"sick note"));
        assert_eq!(ring.open(&insurers[0], &sealed).unwrap(), b"sick note");
        assert_eq!(
            ring.open(&insurers[1], &sealed),
            Err(Closed::Damaged),
            "another insurer's key"
        );
        ring.clear();
        assert_eq!(ring.open(&insurers[0], &sealed), Err(Closed::NoKey));
        ring.refill(&vault);
        assert_eq!(ring.open(&insurers[0], &sealed).unwrap(), b"sick note");
        assert_eq!(ring.open(&insurers[0], b"short"), Err(Closed::Damaged));
    }
}
