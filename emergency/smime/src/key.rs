//! Private keys: what the room asks of them, and keys from a PKCS#8 file for drills. In earnest they lie in a PKCS#11
//! token (room `hsm`), which never gives them out.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
    signature::RSA_PSS_SHA256,
};
use zeroize::Zeroizing;

use crate::{Certificate, CertificateId, ber::Fault, certificate::pem};

/// Why a key did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// It is not there.
    #[error("Schlüssel fehlt: {0} / key missing: {0}")]
    Missing(String),
    /// It is there but may not be used now: not logged in, PIN blocked.
    #[error("Schlüssel gesperrt: {0} / key locked: {0}")]
    Locked(String),
    /// What holds it cannot be reached or does not work.
    #[error("Schlüsselspeicher nicht erreichbar: {0} / key store out of reach: {0}")]
    Unreachable(String),
    /// The key worked and what it was given does not open: it was made for another key, or damaged.
    #[error("mit diesem Schlüssel nicht zu öffnen / does not open with this key")]
    Failed,
}

/// A key mails are encrypted to.
pub trait PrivateKey {
    /// The certificate the key belongs to.
    fn recipient(&self) -> &CertificateId;

    /// Unwraps a content key: RSAES-OAEP with SHA-256, MGF1 with SHA-256 and no label.
    ///
    /// # Errors
    /// [`KeyTrouble`]; only [`KeyTrouble::Failed`] is about the message, everything else about the key and means *hold*.
    fn decrypt_oaep(&self, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyTrouble>;
}

/// A key mails are signed with.
pub trait SigningKey {
    /// The certificate the key belongs to.
    fn certificate(&self) -> &Certificate;

    /// Signs a message: RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 octets.
    ///
    /// # Errors
    /// [`KeyTrouble`].
    fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, KeyTrouble>;
}

/// Why a key cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not a file of the form `-----BEGIN PRIVATE KEY-----` and not DER.
    #[error("kein PKCS#8-Schlüssel: {0} / not a PKCS#8 key: {0}")]
    Bytes(#[from] Fault),
    /// The library does not take it, for example because it is no RSA key of 2,048 bits or more.
    #[error("kein verwendbarer RSA-Schlüssel / not a usable RSA key")]
    Key,
    /// Key and certificate do not belong together.
    #[error("Schlüssel und Zertifikat gehören nicht zusammen / key and certificate do not belong together")]
    OtherCertificate,
}

/// A key from a PKCS#8 file. It lies in this process's memory: for drills.
pub struct FileKey {
    certificate: Certificate,
    unwrap: OaepPrivateDecryptingKey,
    sign: KeyPair,
}

impl FileKey {
    /// Takes a key (PKCS#8 in PEM or DER, not encrypted) and its certificate.
    ///
    /// # Errors
    /// If one of them cannot be used or they do not belong together.
    pub fn new(pkcs8: &[u8], certificate: Certificate) -> Result<Self, Unreadable> {
        use aws_lc_rs::signature::KeyPair as _;
        let blocks = Zeroizing::new(pem(pkcs8, "PRIVATE KEY", 1)?);
        let der = blocks.first().map_or(pkcs8, Vec::as_slice);
        let sign = KeyPair::from_pkcs8(der).map_err(|_| Unreadable::Key)?;
        let unwrap = PrivateDecryptingKey::from_pkcs8(der)
            .and_then(|key| OaepPrivateDecryptingKey::new(key).map_err(|_| rejected()))
            .map_err(|_| Unreadable::Key)?;
        let (_, public) = certificate.key_parts()?;
        if sign.public_key().as_ref() != public {
            return Err(Unreadable::OtherCertificate);
        }
        Ok(Self {
            certificate,
            unwrap,
            sign,
        })
    }
}

fn rejected() -> aws_lc_rs::error::KeyRejected {
    aws_lc_rs::error::Unspecified.into()
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileKey")
            .field("certificate", self.certificate.id())
            .finish_non_exhaustive()
    }
}

impl PrivateKey for FileKey {
    fn recipient(&self) -> &CertificateId {
        self.certificate.id()
    }

    fn decrypt_oaep(&self, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyTrouble> {
        let mut out = Zeroizing::new(vec![0; self.unwrap.min_output_size()]);
        let length = self
            .unwrap
            .decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut out, None)
            .map_err(|_| KeyTrouble::Failed)?
            .len();
        out.truncate(length);
        Ok(out)
    }
}

impl SigningKey for FileKey {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, KeyTrouble> {
        let mut signature = vec![0; self.sign.public_modulus_len()];
        self.sign
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyTrouble::Failed)?;
        Ok(signature)
    }
}
