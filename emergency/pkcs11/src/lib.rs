//! The room `hsm` uses private keys that lie in a PKCS#11 token: an HSM or a card in earnest, a software token in drills.
//!
//! # Sources
//!
//! PKCS#11 2.40 and 3.0 (OASIS): `CKM_RSA_PKCS_OAEP` and `CKM_SHA256_RSA_PKCS_PSS`. gemSpec_Basis_KTR_Consumer A_17337,
//! A_17338: decryption stops when the key is absent or cannot be unlocked.
//!
//! # Guarantees
//!
//! - The private key never leaves the token. It is found by its certificate (equal modulus): no label can be wrong.
//! - **Whatever goes wrong with the token is our trouble**: missing, locked or unreachable, never "the mail does not open".
//!   Only the codes of PKCS#11 that speak about the encrypted bytes say that ([`KeyTrouble::Failed`]).
//! - **A wrong PIN is tried once.** After that the key stays locked until somebody opens it anew: three tries block a card.
//! - A session that was lost (token pulled, HSM restarted) is opened again at the next use, with the PIN that worked.
//!
//! # Tokens that cannot do it
//!
//! KIM wraps keys with RSAES-OAEP over SHA-256. SoftHSM 2.6 offers OAEP over SHA-1 only; it signs, locks and refuses like a
//! real token and is tested with, but cannot open KIM mails. NSS' software token can, and is tested with too. Undoing the
//! padding outside the token is not built: that would be cryptography of our own around a secret.

mod token;
mod trouble;

pub use smime::KeyTrouble;
pub use token::{Module, ModuleTrouble, Pin, TokenKey};
