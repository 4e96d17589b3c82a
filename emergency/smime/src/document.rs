//! A signed document that stands for itself: the `.p7s` of an eAU or eEB (CAdES, enveloping).

use crate::{
    Checks, Finding, Signer,
    ber::{self, Fault},
    signed::SignedData,
};

/// Largest document that is read, in bytes. An eAU has some ten thousand; a KIM mail carries at most about 25 MiB.
pub const DOCUMENT_BYTES_MAX: usize = 32 << 20;

/// A signed document and what is to say about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// What was signed, byte for byte. It is here also when the findings say it is not to be believed.
    pub content: Vec<u8>,
    /// Everybody who signed. Not empty unless the findings say so.
    pub signers: Vec<Signer>,
    /// Everything that is not as it should be, of all signers. Empty: intact, trusted, status known.
    pub findings: Vec<Finding>,
}

/// Reads and checks an enveloping signature (BER or DER).
///
/// # Errors
/// If the bytes are not one: then there is no content to speak about.
pub fn verify(bytes: &[u8], checks: &Checks<'_>) -> Result<Document, Fault> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(Fault::TooLarge("SignedData"));
    }
    let data = SignedData::read(bytes)?;
    let signers: Vec<Signer> = data
        .check(bytes, checks)?
        .into_iter()
        .map(|(signer, _)| signer)
        .collect();
    let mut findings: Vec<Finding> = signers
        .iter()
        .flat_map(|signer| signer.findings.iter().cloned())
        .collect();
    if signers.is_empty() {
        findings.push(Finding::Unsigned);
    }
    let mut content = bytes.to_vec();
    let range = ber::gather(
        &mut content,
        data.content.clone().ok_or(Fault::Expected("eContent"))?,
    )?;
    content.truncate(range.end);
    content.drain(..range.start);
    Ok(Document {
        content,
        signers,
        findings,
    })
}
