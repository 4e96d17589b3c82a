//! Sealing: HPKE (RFC 9180) base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
//!
//! One encapsulation per cell serves the items received within one second, at most [`Capsules::ITEMS_MAX`]; each item's
//! own key is exported from that context (section 5.3) under the item's number in it. Under an item's key the head is one ciphertext, the body a
//! sequence of chunks with a counter and a last-chunk mark in the nonce (the STREAM construction, as in the age file
//! format), so that a body of megabytes is sealed and opened in little memory and cannot be cut short unseen.

use std::{collections::HashMap, convert::Infallible};

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead as _, Payload},
};
use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _,
    aead::{AeadCtxS, ChaCha20Poly1305 as HpkeAead},
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
};
use vocabulary::{CellId, Timestamp};
use zeroize::Zeroizing;

use crate::{Entropy, Error, id::KeyEpoch};

/// Plaintext bytes per chunk of a body.
pub(crate) const CHUNK_LEN: usize = 64 << 10;
/// Poly1305 tag.
pub(crate) const TAG_LEN: usize = 16;

type PrivateKey = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;
type PublicKey = <X25519HkdfSha256 as hpke::Kem>::PublicKey;
type EncappedKey = <X25519HkdfSha256 as hpke::Kem>::EncappedKey;

/// The private half of a key epoch, in memory only; wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

struct Draw<'a>(&'a mut Entropy);

impl TryRng for Draw<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.array()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.array()))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Draw<'_> {}

/// Draws a key pair.
pub(crate) fn key_pair(entropy: &mut Entropy) -> (Secret, [u8; 32]) {
    let ikm = Zeroizing::new(entropy.array::<32>());
    let (private, public) = X25519HkdfSha256::derive_keypair(ikm.as_slice());
    (
        Zeroizing::new(private.to_bytes().into()),
        public.to_bytes().into(),
    )
}

/// The public half of a private one.
pub(crate) fn public_of(secret: &Secret) -> Result<[u8; 32], Error> {
    let private = PrivateKey::from_bytes(secret.as_slice()).map_err(|_| Error::Sealing {
        tried: "read a private key",
    })?;
    Ok(X25519HkdfSha256::sk_to_pk(&private).to_bytes().into())
}

fn info(epoch: KeyEpoch) -> [u8; 32] {
    let mut info = *b"bulkhead spool item v1, epoch \0\0";
    // The epoch's number binds an encapsulation to its key epoch; 64 bits take the place of the fixed tail.
    let (_, tail) = info.split_at_mut(24);
    tail.copy_from_slice(&epoch.0.to_be_bytes());
    info
}

fn export_label(index: u32) -> [u8; 8] {
    let mut label = *b"item\0\0\0\0";
    let (_, tail) = label.split_at_mut(4);
    tail.copy_from_slice(&index.to_be_bytes());
    label
}

/// The encapsulations in use, one per cell. An X25519 agreement costs as much as everything else about a sick note, and
/// a commit of 64 mixes dozens of cells, so an encapsulation outlives its commit.
///
/// Its context could open what was sealed under it. So it serves one second only, by the times that offers carry, and
/// so many items; it is wiped when the next second is told, by an offer or by
/// [`log_roots`](crate::Spool::log_roots), and at once when keys change.
#[derive(Default)]
pub(crate) struct Capsules {
    second: Option<Timestamp>,
    of: HashMap<CellId, Encapsulation>,
}

impl Capsules {
    /// Items per encapsulation.
    pub(crate) const ITEMS_MAX: u32 = 1_024;

    /// What was used in another second is wiped.
    pub(crate) fn at(&mut self, second: Timestamp) {
        if self.second != Some(second) {
            self.clear();
            self.second = Some(second);
        }
    }

    /// Wipes all of them.
    pub(crate) fn clear(&mut self) {
        self.of.clear();
    }

    /// The cell's encapsulation, or a new one.
    pub(crate) fn of(
        &mut self,
        cell: &CellId,
        begin: impl FnOnce() -> Result<Encapsulation, Error>,
    ) -> Result<&mut Encapsulation, Error> {
        if self
            .of
            .get(cell)
            .is_none_or(|capsule| capsule.next >= Self::ITEMS_MAX)
        {
            self.of.insert(cell.clone(), begin()?);
        }
        self.of.get_mut(cell).ok_or(Error::Sealing {
            tried: "seal an item",
        })
    }
}

/// One encapsulation: hands out the keys of items, each once.
pub(crate) struct Encapsulation {
    context: AeadCtxS<HpkeAead, HkdfSha256, X25519HkdfSha256>,
    pub(crate) encapsulated: [u8; 32],
    pub(crate) epoch: KeyEpoch,
    next: u32,
}

impl Encapsulation {
    pub(crate) fn new(epoch: KeyEpoch, public: &[u8; 32], entropy: &mut Entropy) -> Result<Self, Error> {
        let failed = |_| Error::Sealing {
            tried: "seal to a key epoch",
        };
        let public = PublicKey::from_bytes(public).map_err(failed)?;
        let (encapsulated, context) = hpke::setup_sender_with_rng::<HpkeAead, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            &info(epoch),
            &mut Draw(entropy),
        )
        .map_err(failed)?;
        Ok(Self {
            context,
            encapsulated: encapsulated.to_bytes().into(),
            epoch,
            next: 0,
        })
    }

    pub(crate) fn item_key(&mut self) -> Result<(u32, ItemKey), Error> {
        let index = self.next;
        self.next = index.checked_add(1).ok_or(Error::Sealing {
            tried: "number an item",
        })?;
        let mut key = Zeroizing::new([0; 32]);
        self.context
            .export(&export_label(index), key.as_mut_slice())
            .map_err(|_| Error::Sealing {
                tried: "derive an item's key",
            })?;
        Ok((index, ItemKey::new(&key)))
    }
}

/// Opens what one item's key sealed, or seals with it.
pub(crate) struct ItemKey(ChaCha20Poly1305);

const HEAD_NONCE: [u8; 12] = [0xff; 12];

fn chunk_nonce(number: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    let (counter, mark) = nonce.split_at_mut(11);
    let (_, low) = counter.split_at_mut(3);
    low.copy_from_slice(&number.to_be_bytes());
    mark.copy_from_slice(&[u8::from(last)]);
    nonce
}

impl ItemKey {
    fn new(key: &Secret) -> Self {
        Self(ChaCha20Poly1305::new(&(**key).into()))
    }

    /// The key of an item, given the private half of its key epoch.
    pub(crate) fn open(
        secret: &Secret,
        epoch: KeyEpoch,
        encapsulated: &[u8; 32],
        index: u32,
    ) -> Result<Self, Error> {
        let failed = |_| Error::Sealing {
            tried: "open an item",
        };
        let private = PrivateKey::from_bytes(secret.as_slice()).map_err(failed)?;
        let encapsulated = EncappedKey::from_bytes(encapsulated).map_err(failed)?;
        let context = hpke::setup_receiver::<HpkeAead, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            &info(epoch),
        )
        .map_err(failed)?;
        let mut key = Zeroizing::new([0; 32]);
        context
            .export(&export_label(index), key.as_mut_slice())
            .map_err(failed)?;
        Ok(Self::new(&key))
    }

    fn seal(&self, nonce: [u8; 12], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
        self.0
            .encrypt(&nonce.into(), Payload { msg, aad })
            .map_err(|_| Error::Sealing {
                tried: "seal an item",
            })
    }

    fn unseal(&self, nonce: [u8; 12], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
        self.0
            .decrypt(&nonce.into(), Payload { msg, aad })
            .map_err(|_| Error::Sealing {
                tried: "open an item",
            })
    }

    /// The head, bound to the item's public part.
    pub(crate) fn seal_head(&self, head: &[u8], meta: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal(HEAD_NONCE, head, meta)
    }

    pub(crate) fn open_head(&self, head: &[u8], meta: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.unseal(HEAD_NONCE, head, meta).map(Zeroizing::new)
    }

    pub(crate) fn seal_chunk(&self, number: u64, last: bool, chunk: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal(chunk_nonce(number, last), chunk, &[])
    }

    pub(crate) fn open_chunk(&self, number: u64, last: bool, chunk: &[u8]) -> Result<Vec<u8>, Error> {
        self.unseal(chunk_nonce(number, last), chunk, &[])
    }

    /// A body that is in memory already, whole.
    pub(crate) fn seal_body(&self, body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = Vec::with_capacity(body.len() + TAG_LEN * (body.len() / CHUNK_LEN + 1));
        let mut chunks = body.chunks(CHUNK_LEN).peekable();
        if chunks.peek().is_none() {
            return self.seal_chunk(0, true, &[]);
        }
        let mut number = 0;
        while let Some(chunk) = chunks.next() {
            sealed.extend_from_slice(&self.seal_chunk(number, chunks.peek().is_none(), chunk)?);
            number += 1;
        }
        Ok(sealed)
    }
}

/// How long a body is once sealed.
pub(crate) fn sealed_len(body: u64) -> u64 {
    let chunks = body.div_ceil(CHUNK_LEN as u64).max(1);
    body + chunks * TAG_LEN as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entropy() -> Entropy {
        Entropy::new(|bytes| getrandom::fill(bytes).unwrap())
    }

    #[test]
    fn what_is_sealed_opens_with_the_private_half_and_with_nothing_else() {
        let mut entropy = entropy();
        let (secret, public) = key_pair(&mut entropy);
        let (other, _) = key_pair(&mut entropy);
        assert_eq!(public_of(&secret).unwrap(), public);
        let epoch = KeyEpoch(3);
        let mut capsule = Encapsulation::new(epoch, &public, &mut entropy).unwrap();
        let (_, first) = capsule.item_key().unwrap();
        let (index, key) = capsule.item_key().unwrap();
        let body = vec![b'x'; CHUNK_LEN + 1];
        let sealed = key.seal_body(&body).unwrap();
        assert_eq!(sealed.len() as u64, sealed_len(body.len() as u64));
        let head = key.seal_head(b"head", b"meta").unwrap();

        let opened = ItemKey::open(&secret, epoch, &capsule.encapsulated, index).unwrap();
        assert_eq!(opened.open_head(&head, b"meta").unwrap().as_slice(), b"head");
        assert!(
            opened.open_head(&head, b"other").is_err(),
            "bound to the public part"
        );
        let (one, two) = sealed.split_at(CHUNK_LEN + TAG_LEN);
        assert_eq!(opened.open_chunk(0, false, one).unwrap(), body[..CHUNK_LEN]);
        assert_eq!(opened.open_chunk(1, true, two).unwrap(), b"x");
        assert!(opened.open_chunk(0, true, one).is_err(), "a cut body is noticed");
        assert!(
            first.open_head(&head, b"meta").is_err(),
            "each item has its own key"
        );
        for (secret, epoch) in [(&other, epoch), (&secret, KeyEpoch(4))] {
            let wrong = ItemKey::open(secret, epoch, &capsule.encapsulated, index).unwrap();
            assert!(wrong.open_head(&head, b"meta").is_err());
        }
    }

    #[test]
    fn an_encapsulation_serves_one_cell_for_one_second_and_so_many_items_and_no_longer() {
        let mut entropy = entropy();
        let (_, public) = key_pair(&mut entropy);
        let kim: CellId = "kasse-001/kim".parse().unwrap();
        let eau: CellId = "kasse-001/eau".parse().unwrap();
        let mut capsules = Capsules::default();
        let mut of = |capsules: &mut Capsules, cell: &CellId| {
            let begin = || Encapsulation::new(KeyEpoch(1), &public, &mut entropy);
            let capsule = capsules.of(cell, begin).unwrap();
            (capsule.item_key().unwrap().0, capsule.encapsulated)
        };
        capsules.at(Timestamp(1));
        let (_, first) = of(&mut capsules, &kim);
        assert_ne!(of(&mut capsules, &eau).1, first);
        for number in 1..Capsules::ITEMS_MAX {
            capsules.at(Timestamp(1));
            assert_eq!(of(&mut capsules, &kim), (number, first));
        }
        let (index, second) = of(&mut capsules, &kim);
        assert!(index == 0 && second != first, "so many items");
        capsules.at(Timestamp(2));
        let (index, third) = of(&mut capsules, &kim);
        assert!(index == 0 && third != second, "one second");
        capsules.clear();
        assert_ne!(of(&mut capsules, &kim).1, third, "until keys change");
    }
}
