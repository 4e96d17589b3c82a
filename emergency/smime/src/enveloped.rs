//! AuthEnvelopedData (RFC 5083) as gemSMIME profiles it: AES-256-GCM, the key wrapped to each recipient by RSAES-OAEP.

use crate::{
    RecipientEmail,
    algorithm::is_oaep_sha256,
    attributes::{RECIPIENTS_MAX, attribute, recipient_emails},
    ber::{self, Element, Fault, Pieces, Reader},
    certificate::CertificateId,
    oid,
};

/// Largest set of attributes outside the encryption, in bytes: ten thousand recipients fit.
const ATTRIBUTES_BYTES_MAX: usize = 8 << 20;
/// Most entries for one of our certificates that are tried. More than one is odd; each costs a private-key operation.
const ENTRIES_TRIED_MAX: usize = 4;

/// A content key, wrapped for one of our keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wrapped {
    /// Index into the list of our certificates.
    pub(crate) key: usize,
    pub(crate) bytes: Vec<u8>,
}

/// What stands around the encrypted content.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// What is for us, wrapped as the profile says.
    pub(crate) ours: Vec<Wrapped>,
    /// An entry names one of our certificates but wraps the key in another way.
    pub(crate) otherwise_wrapped: bool,
    /// Recipients by name, whoever they are.
    pub(crate) recipients: usize,
    /// Recipients of a kind other than key transport: elliptic curves among them.
    pub(crate) other_kinds: usize,
    pub(crate) nonce: [u8; 12],
    pub(crate) content: Pieces,
    /// DER of the authenticated attributes; empty without them.
    pub(crate) authenticated: Vec<u8>,
    pub(crate) tag: [u8; 16],
    /// `recipient-emails` outside the encryption; none if it is missing.
    pub(crate) emails: Option<Vec<RecipientEmail>>,
}

impl Envelope {
    /// Reads `bytes`, which are one ContentInfo.
    pub(crate) fn read(bytes: &[u8], ours: &[&CertificateId]) -> Result<Self, Fault> {
        let mut reader = content(bytes, oid::AUTH_ENVELOPED_DATA, "authEnvelopedData")?;
        reader.expect(ber::INTEGER, "version")?;
        reader.optional(ber::context(0))?; // originatorInfo: KIM has none, and nothing of it is believed
        let recipients = Recipients::read(&reader.expect(ber::SET, "recipientInfos")?, ours)?;
        let mut info = reader.expect(ber::SEQUENCE, "authEncryptedContentInfo")?.reader();
        info.expect(ber::OID, "contentType")?;
        let nonce = nonce(&info.expect(ber::SEQUENCE, "contentEncryptionAlgorithm")?)?;
        let encrypted = info.any("encryptedContent")?;
        if encrypted.tag != ber::context(0) && encrypted.tag != ber::context_primitive(0) {
            return Err(Fault::Expected("encryptedContent"));
        }
        info.end("authEncryptedContentInfo")?;
        let authenticated = match reader.optional(ber::context(1))? {
            None => Vec::new(),
            Some(set) => {
                let mut bytes = ber::definite(set.whole, "authAttrs", ATTRIBUTES_BYTES_MAX)?;
                if let Some(tag) = bytes.first_mut() {
                    *tag = ber::SET; // what is authenticated is the SET, not the [1] (RFC 5083, 2.2)
                }
                bytes
            }
        };
        let tag = reader.expect(ber::OCTET_STRING, "mac")?.content;
        let tag = tag.try_into().map_err(|_| Fault::Expected("mac"))?;
        let emails = match reader.optional(ber::context(2))? {
            None => None,
            Some(set) => unauthenticated(&set)?,
        };
        reader.end("AuthEnvelopedData")?;
        Ok(Self {
            ours: recipients.ours,
            otherwise_wrapped: recipients.otherwise_wrapped,
            recipients: recipients.named,
            other_kinds: recipients.other_kinds,
            nonce,
            content: Pieces::of(&encrypted),
            authenticated,
            tag,
            emails,
        })
    }
}

/// The content of a ContentInfo of this type.
pub(crate) fn content<'a>(bytes: &'a [u8], kind: &[u8], what: &'static str) -> Result<Reader<'a>, Fault> {
    let mut info = ber::single(bytes, ber::SEQUENCE, "ContentInfo")?.reader();
    if info.expect(ber::OID, "contentType")?.content != kind {
        return Err(Fault::Expected(what));
    }
    let mut wrapper = info.expect(ber::context(0), "content")?.reader();
    info.end("ContentInfo")?;
    let content = wrapper.expect(ber::SEQUENCE, what)?;
    wrapper.end("content")?;
    Ok(content.reader())
}

#[derive(Default)]
struct Recipients {
    ours: Vec<Wrapped>,
    otherwise_wrapped: bool,
    named: usize,
    other_kinds: usize,
}

impl Recipients {
    fn read(set: &Element<'_>, ours: &[&CertificateId]) -> Result<Self, Fault> {
        let mut found = Self::default();
        let mut reader = set.reader();
        while let Some(info) = reader.next()? {
            if found.named + found.other_kinds >= RECIPIENTS_MAX {
                return Err(Fault::TooLarge("recipientInfos"));
            }
            if info.tag == ber::SEQUENCE {
                found.named += 1;
                found.key_transport(&info, ours)?;
            } else {
                found.other_kinds += 1;
            }
        }
        Ok(found)
    }

    fn key_transport(&mut self, info: &Element<'_>, ours: &[&CertificateId]) -> Result<(), Fault> {
        let mut reader = info.reader();
        reader.expect(ber::INTEGER, "KeyTransRecipientInfo")?;
        let recipient = reader.any("rid")?;
        if recipient.tag != ber::SEQUENCE {
            return Ok(()); // by key identifier: outside the profile, and nobody we know
        }
        let id = CertificateId::read(&recipient)?;
        let Some(key) = ours.iter().position(|our| **our == id) else {
            return Ok(());
        };
        let algorithm = reader.expect(ber::SEQUENCE, "keyEncryptionAlgorithm")?;
        let wrapped = reader.expect(ber::OCTET_STRING, "encryptedKey")?.content;
        if !is_oaep_sha256(&algorithm)? {
            self.otherwise_wrapped = true;
        } else if self.ours.len() < ENTRIES_TRIED_MAX && wrapped.len() <= 1_024 {
            self.ours.push(Wrapped {
                key,
                bytes: wrapped.to_vec(),
            });
        }
        Ok(())
    }
}

/// The nonce of AES-256-GCM with a tag of 16 octets.
fn nonce(algorithm: &Element<'_>) -> Result<[u8; 12], Fault> {
    const WHAT: Fault = Fault::Expected("AES-256-GCM");
    let mut reader = algorithm.reader();
    if reader.expect(ber::OID, "AES-256-GCM")?.content != oid::AES_256_GCM {
        return Err(WHAT);
    }
    let mut parameters = reader.expect(ber::SEQUENCE, "GCMParameters")?.reader();
    let nonce = parameters.expect(ber::OCTET_STRING, "aes-nonce")?.content;
    if parameters.expect(ber::INTEGER, "aes-ICVlen")?.content != [16] {
        return Err(WHAT); // left out it means 12, which the profile does not have
    }
    nonce.try_into().map_err(|_| WHAT)
}

fn unauthenticated(set: &Element<'_>) -> Result<Option<Vec<RecipientEmail>>, Fault> {
    let bytes = ber::definite(set.whole, "unauthAttrs", ATTRIBUTES_BYTES_MAX)?;
    let mut attributes = Reader::new(&bytes).any("unauthAttrs")?.reader();
    while let Some(element) = attributes.next()? {
        let (id, values) = attribute(&element)?;
        if id == oid::RECIPIENT_EMAILS {
            return recipient_emails(&values).map(Some);
        }
    }
    Ok(None)
}
