//! The room `smime` opens KIM mails and makes them: gematik's S/MIME profile, and the signed documents inside.
//!
//! # Sources
//!
//! gemSMIME_KOMLE 1.7.0 and gemSpec_CM_KOMLE 1.16.0 (KIM 1.5), RFC 5652 (CMS), RFC 5083 and 5084 (AuthEnvelopedData with
//! AES-GCM), RFC 4055 (RSAES-OAEP, RSASSA-PSS), RFC 5035 (signing-certificate-v2), RFC 5126 (CAdES), RFC 6211, RFC 6960
//! (OCSP), RFC 5280 (certificates and lists). What our facts do not settle is marked `(?)`.
//!
//! # The profile
//!
//! An inner mail is wrapped as `message/rfc822`; that is signed as opaque CMS SignedData (CAdES: one signer, by issuer and
//! serial number, `signing-certificate-v2`, only the signer's certificate); that is encrypted as AuthEnvelopedData
//! (AES-256-GCM with a tag of 16 octets; the key by RSAES-OAEP, SHA-256, MGF1 with SHA-256, to each recipient and the
//! sender). The attribute `recipient-emails` (1.2.276.0.76.4.173) stands outside the encryption and, equal, under the
//! signature. Outer `Date`, `From`, `Sender`, `Reply-To`, `To`, `Cc`, `Bcc` and `Message-ID` equal the inner ones.
//! Senders write BER with indefinite lengths and octet strings in pieces; we write DER.
//!
//! # Opening
//!
//! [`open`] reads a mail once, keeps one buffer of its size and decrypts, checks and unwraps in it. What it says:
//!
//! | outcome | decryption | what follows |
//! |---|---|---|
//! | [`Outcome::Opened`] | 00 | its findings say what to think of it ([`Integrity`], [`Ground`]) |
//! | [`Outcome::Plain`] | – | no KIM S/MIME: a delivery notice, or an unencrypted mail |
//! | [`Outcome::Unreadable`] | 02 | no key opens it |
//! | [`Outcome::Hold`] | 01, 03 | it stays where it is. A missing or locked key, or a recipient format we do not know, is our trouble and never an answer |
//!
//! Nothing decrypted is handed out before AES-GCM's tag was checked. Which of key, content or tag was wrong is not said
//! (no oracle). An inner mail is handed out even when its signature fails, together with what is wrong: throwing it away
//! would lose a sick note whose delivery was already acknowledged (gemSpec_CM_KOMLE A_23165).
//!
//! [`verify`] does the same for a document that is signed only: the `.p7s` of an eAU or eEB.
//!
//! # Trust
//!
//! Anchors, helpers, revocation lists and OCSP answers are inputs ([`TrustStore`]); nothing is fetched. A signature is
//! judged at its signing time, which is the signer's own word; so it must not lie after the receipt, and a certificate
//! revoked between signing time and receipt leaves the status unknown. Revoked after the receipt: the mail was there
//! before. Without a list or answer the status is unknown (07), not bad. Certificate authorities count as not revoked
//! unless a list says otherwise. An algorithm nobody here can check is never a ground for an error answer.
//!
//! # What this room does not do
//!
//! It knows no clock, socket or policy, and reads files only where a folder or key file is named ([`TrustStore::read`],
//! [`FileKey::read`]). It does not fetch KAS attachments, answer anybody or decide what an answer is. Recipients with
//! elliptic curves (KIM since 1.5.4) are recognised and held: their format is in gemSpec_Krypt, which we could not obtain.
//! Signatures on brainpoolP256r1, P-256 and P-384 are checked.
//!
//! # Limits
//!
//! Mail 36 MiB after base64; header 1 MiB; nesting 24, octet strings 4; recipients 100,000; signatures 16; certificates 64;
//! private-key operations for one mail 4.

mod algorithm;
mod attributes;
mod ber;
mod certificate;
mod der;
mod document;
mod enveloped;
mod files;
mod finding;
mod key;
mod mime;
mod ocsp;
mod oid;
mod open;
pub mod pki;
pub mod promises;
mod seal;
mod signed;
mod trust;

pub use attributes::RecipientEmail;
pub use ber::Fault;
pub use certificate::{Certificate, CertificateId};
pub use document::{DOCUMENT_BYTES_MAX, Document, verify};
pub use files::FileTrouble;
pub use finding::{Decryption, Doubt, Finding, Ground, Integrity, PathFault};
pub use key::{FileKey, KeyTrouble, PrivateKey, SigningKey, Unreadable as KeyUnreadable};
pub use open::{Content, Hold, MAIL_BYTES_MAX, Opened, Outcome, Unreadable, open};
pub use seal::{Recipient, Refused, seal};
pub use signed::Signer;
pub use trust::{TrustStore, Unusable};

use vocabulary::Timestamp;

/// What a signature is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Checks<'a> {
    /// Whom we trust, and what is known about revocation.
    pub trust: &'a TrustStore,
    /// When we received the mail: when a door accepted it, not when it is opened.
    pub received: Timestamp,
}
