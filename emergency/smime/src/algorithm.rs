//! Which signature was made how, and who can check it.
//!
//! RSA, P-256 and P-384 by aws-lc-rs through rustls-webpki's interface; brainpoolP256r1, the curve of the
//! Telematikinfrastruktur's own certificates, by RustCrypto's `bp256` (checking a signature touches no secret).

use bp256::BrainpoolP256r1;
use ecdsa::signature::Verifier as _;
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use webpki::aws_lc_rs as known;

use crate::{
    ber::{self, Element, Fault, Reader},
    certificate::Certificate,
    der, oid,
};

/// A hash function signatures are made over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    pub(crate) const fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
        }
    }

    pub(crate) fn context(self) -> aws_lc_rs::digest::Context {
        aws_lc_rs::digest::Context::new(match self {
            Self::Sha256 => &aws_lc_rs::digest::SHA256,
            Self::Sha384 => &aws_lc_rs::digest::SHA384,
            Self::Sha512 => &aws_lc_rs::digest::SHA512,
        })
    }

    /// The hash an AlgorithmIdentifier names; none if it is not one of ours.
    pub(crate) fn read(identifier: &Element<'_>) -> Result<Option<Self>, Fault> {
        let id = identifier.reader().expect(ber::OID, "digestAlgorithm")?.content;
        Ok(Self::ALL.into_iter().find(|hash| hash.oid() == id))
    }

    /// The salt KIM uses with RSASSA-PSS: as long as the hash.
    const fn salt(self) -> u8 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// How a signature was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scheme {
    RsaPkcs1,
    RsaPss,
    Ecdsa,
}

/// What a SignerInfo says about how it was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Known(Scheme, Hash),
    /// Something this program cannot check, in words.
    Unknown(String),
}

impl Method {
    /// Reads signatureAlgorithm in the light of digestAlgorithm.
    pub(crate) fn read(signature: &Element<'_>, digest: Option<Hash>) -> Result<Self, Fault> {
        let mut reader = signature.reader();
        let id = reader.expect(ber::OID, "signatureAlgorithm")?.content;
        let parameters = reader.next()?;
        let named = match id {
            oid::SHA256_RSA => Some((Scheme::RsaPkcs1, Hash::Sha256)),
            oid::SHA384_RSA => Some((Scheme::RsaPkcs1, Hash::Sha384)),
            oid::SHA512_RSA => Some((Scheme::RsaPkcs1, Hash::Sha512)),
            oid::ECDSA_SHA256 => Some((Scheme::Ecdsa, Hash::Sha256)),
            oid::ECDSA_SHA384 => Some((Scheme::Ecdsa, Hash::Sha384)),
            oid::ECDSA_SHA512 => Some((Scheme::Ecdsa, Hash::Sha512)),
            oid::RSA => digest.map(|hash| (Scheme::RsaPkcs1, hash)),
            oid::RSA_PSS => match parameters {
                Some(parameters) => pss(&parameters)?.map(|hash| (Scheme::RsaPss, hash)),
                None => None, // the defaults are SHA-1
            },
            _ => None,
        };
        Ok(match named {
            Some((scheme, hash)) if digest == Some(hash) => Self::Known(scheme, hash),
            Some(_) | None => Self::Unknown(oid::text(id)),
        })
    }

    /// Who can check this method under this certificate's key.
    pub(crate) fn verifier(
        &self,
        certificate: &Certificate,
    ) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        let (key, _) = certificate.key_parts().ok()?;
        let Self::Known(scheme, hash) = self else {
            return None;
        };
        candidates(*scheme, *hash)
            .iter()
            .copied()
            .find(|candidate| candidate.public_key_alg_id().as_ref() == key)
    }
}

fn candidates(scheme: Scheme, hash: Hash) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    static CURVES_OF_256: [&dyn SignatureVerificationAlgorithm; 2] =
        [known::ECDSA_P256_SHA256, &BrainpoolP256];
    match (scheme, hash) {
        (Scheme::RsaPkcs1, Hash::Sha256) => std::slice::from_ref(&known::RSA_PKCS1_2048_8192_SHA256),
        (Scheme::RsaPkcs1, Hash::Sha384) => std::slice::from_ref(&known::RSA_PKCS1_2048_8192_SHA384),
        (Scheme::RsaPkcs1, Hash::Sha512) => std::slice::from_ref(&known::RSA_PKCS1_2048_8192_SHA512),
        (Scheme::RsaPss, Hash::Sha256) => std::slice::from_ref(&known::RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
        (Scheme::RsaPss, Hash::Sha384) => std::slice::from_ref(&known::RSA_PSS_2048_8192_SHA384_LEGACY_KEY),
        (Scheme::RsaPss, Hash::Sha512) => std::slice::from_ref(&known::RSA_PSS_2048_8192_SHA512_LEGACY_KEY),
        (Scheme::Ecdsa, Hash::Sha256) => &CURVES_OF_256,
        (Scheme::Ecdsa, Hash::Sha384) => std::slice::from_ref(&known::ECDSA_P384_SHA384),
        (Scheme::Ecdsa, Hash::Sha512) => &[],
    }
}

/// Everything that may sign certificates and revocation lists.
pub(crate) static FOR_CERTIFICATES: &[&dyn SignatureVerificationAlgorithm] = &[
    known::RSA_PKCS1_2048_8192_SHA256,
    known::RSA_PKCS1_2048_8192_SHA384,
    known::RSA_PKCS1_2048_8192_SHA512,
    known::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    known::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    known::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    known::ECDSA_P256_SHA256,
    known::ECDSA_P384_SHA384,
    &BrainpoolP256,
];

/// ECDSA with SHA-256 on brainpoolP256r1.
#[derive(Debug)]
pub(crate) struct BrainpoolP256;

impl SignatureVerificationAlgorithm for BrainpoolP256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = ecdsa::VerifyingKey::<BrainpoolP256r1>::from_sec1_bytes(public_key)
            .map_err(|_| InvalidSignature)?;
        let signature = bp256::r1::ecdsa::DerSignature::try_from(signature).map_err(|_| InvalidSignature)?;
        key.verify(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        // id-ecPublicKey, brainpoolP256r1 1.3.36.3.3.2.8.1.1.7 (RFC 5639)
        AlgorithmIdentifier::from_slice(&[
            6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7,
        ])
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])
    }
}

/// AlgorithmIdentifier of a hash, with the NULL that KIM's senders write.
pub(crate) fn hash_identifier(hash: Hash) -> Vec<u8> {
    der::sequence(&[&der::oid(hash.oid()), der::NULL])
}

/// `[0] hash, [1] MGF1 with the same hash`: what PSS and OAEP parameters have in common.
fn hash_and_mask() -> (Vec<u8>, Vec<u8>) {
    let hash = hash_identifier(Hash::Sha256);
    let mask = der::sequence(&[&der::oid(oid::MGF1), &hash]);
    (
        der::element(ber::context(0), &[&hash]),
        der::element(ber::context(1), &[&mask]),
    )
}

/// AlgorithmIdentifier of RSASSA-PSS with SHA-256 and a salt of 32; every parameter is written out, since what is left
/// out means SHA-1.
pub(crate) fn pss_identifier() -> Vec<u8> {
    let (hash, mask) = hash_and_mask();
    let salt = der::element(ber::context(2), &[&der::small(Hash::Sha256.salt())]);
    der::sequence(&[&der::oid(oid::RSA_PSS), &der::sequence(&[&hash, &mask, &salt])])
}

/// AlgorithmIdentifier of RSAES-OAEP with SHA-256; every parameter is written out.
pub(crate) fn oaep_identifier() -> Vec<u8> {
    let (hash, mask) = hash_and_mask();
    der::sequence(&[&der::oid(oid::RSA_OAEP), &der::sequence(&[&hash, &mask])])
}

/// The hash of PSS parameters, if hash, mask and salt are of one kind.
fn pss(parameters: &Element<'_>) -> Result<Option<Hash>, Fault> {
    let mut reader = parameters.reader();
    let Some((hash, mask)) = hashes(&mut reader)? else {
        return Ok(None);
    };
    let salt = match reader.optional(ber::context(2))? {
        Some(wrapper) => ber::single(wrapper.content, ber::INTEGER, "saltLength")?
            .content
            .to_vec(),
        None => return Ok(None), // 20, which goes with SHA-1
    };
    Ok((hash == mask && salt == [hash.salt()]).then_some(hash))
}

/// Whether these are the parameters of RSAES-OAEP with SHA-256, MGF1 with SHA-256 and no label.
pub(crate) fn is_oaep_sha256(identifier: &Element<'_>) -> Result<bool, Fault> {
    let mut reader = identifier.reader();
    if reader.expect(ber::OID, "keyEncryptionAlgorithm")?.content != oid::RSA_OAEP {
        return Ok(false);
    }
    let Some(parameters) = reader.optional(ber::SEQUENCE)? else {
        return Ok(false);
    };
    let mut reader = parameters.reader();
    let hashes = hashes(&mut reader)?;
    let label_is_empty = match reader.optional(ber::context(2))? {
        None => true,
        Some(source) => {
            let mut source = ber::single(source.content, ber::SEQUENCE, "pSourceAlgorithm")?.reader();
            source.expect(ber::OID, "pSourceAlgorithm")?.content == oid::LABEL
                && source.expect(ber::OCTET_STRING, "label")?.content.is_empty()
        }
    };
    Ok(hashes == Some((Hash::Sha256, Hash::Sha256)) && label_is_empty)
}

/// `[0]` hash and `[1]` mask generation function; none if one is left out or unknown.
fn hashes(reader: &mut Reader<'_>) -> Result<Option<(Hash, Hash)>, Fault> {
    let (Some(hash), Some(mask)) = (
        reader.optional(ber::context(0))?,
        reader.optional(ber::context(1))?,
    ) else {
        return Ok(None);
    };
    let hash = Hash::read(&ber::single(hash.content, ber::SEQUENCE, "hashAlgorithm")?)?;
    let mut mask = ber::single(mask.content, ber::SEQUENCE, "maskGenAlgorithm")?.reader();
    if mask.expect(ber::OID, "maskGenAlgorithm")?.content != oid::MGF1 {
        return Ok(None);
    }
    let mask = Hash::read(&mask.expect(ber::SEQUENCE, "maskGenAlgorithm")?)?;
    Ok(hash.zip(mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_is_what_we_read() {
        let bytes = pss_identifier();
        let element = Reader::new(&bytes).next().unwrap().unwrap();
        assert_eq!(
            Method::read(&element, Some(Hash::Sha256)),
            Ok(Method::Known(Scheme::RsaPss, Hash::Sha256))
        );
        // The hash over the content must be the one of the signature.
        assert_eq!(
            Method::read(&element, Some(Hash::Sha512)),
            Ok(Method::Unknown("1.2.840.113549.1.1.10".into()))
        );
        let bytes = oaep_identifier();
        assert!(is_oaep_sha256(&Reader::new(&bytes).next().unwrap().unwrap()).unwrap());
    }

    #[test]
    fn left_out_parameters_mean_sha1_and_are_not_taken() {
        let bare = der::sequence(&[&der::oid(oid::RSA_PSS), &der::sequence(&[])]);
        let element = Reader::new(&bare).next().unwrap().unwrap();
        assert!(matches!(
            Method::read(&element, Some(Hash::Sha256)),
            Ok(Method::Unknown(_))
        ));
        let bare = der::sequence(&[&der::oid(oid::RSA_OAEP), &der::sequence(&[])]);
        assert!(!is_oaep_sha256(&Reader::new(&bare).next().unwrap().unwrap()).unwrap());
    }
}
