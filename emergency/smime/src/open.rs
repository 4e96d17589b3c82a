//! Opening a KIM mail: decrypt, check, unwrap; all in one buffer.

use std::{
    io::{self, BufReader, Read},
    ops::Range,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::{
    CertificateId, Checks, Decryption, Finding, Integrity, KeyTrouble, PrivateKey, RecipientEmail, Signer,
    ber::{self, Fault},
    enveloped::Envelope,
    mime::{self, Encoding, Header, Kind},
    signed::SignedData,
};

/// Largest mail that is opened, in bytes after base64. KIM servers must take 35,882,577 bytes of SMTP (about 25.6 MiB of
/// mail); larger ones travel as KAS attachments.
pub const MAIL_BYTES_MAX: usize = 36 << 20;

/// What became of a mail.
#[derive(Debug)]
pub enum Outcome {
    /// Decrypted. Whether what came out is to be believed is in its findings.
    Opened(Box<Opened>),
    /// Not a KIM S/MIME mail: a delivery notice, or a mail somebody forgot to encrypt. As it came, header and body.
    Plain(Vec<u8>),
    /// An S/MIME mail in a form that cannot be opened with any key (decryption result 02).
    Unreadable(Unreadable),
    /// It cannot be opened now or by us. It stays where it is; no answer is made of it.
    Hold(Hold),
}

impl Outcome {
    /// `X-KIM-DecryptionResult`; none for a mail that was not encrypted.
    #[must_use]
    pub const fn decryption(&self) -> Option<Decryption> {
        match self {
            Self::Opened(_) => Some(Decryption::Done),
            Self::Plain(_) => None,
            Self::Unreadable(_) => Some(Decryption::Format),
            Self::Hold(hold) => Some(hold.decryption()),
        }
    }
}

/// A decrypted mail.
#[derive(Debug)]
pub struct Opened {
    /// What was inside.
    pub content: Content,
    /// Who signed; none if nobody did or it could not be read.
    pub signer: Option<Signer>,
    /// Everything that is not as it should be, the signer's findings included. Empty: intact.
    pub findings: Vec<Finding>,
    /// For whom it was encrypted, as the signer signed it; if it did not, as it stands outside.
    pub recipients: Vec<RecipientEmail>,
    /// The certificate it was decrypted with.
    pub decrypted_as: CertificateId,
}

impl Opened {
    /// `X-KIM-IntegrityCheckResult`.
    #[must_use]
    pub fn integrity(&self) -> Integrity {
        Integrity::of(&self.findings)
    }
}

/// What was inside a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// The inner mail, byte for byte as it was signed.
    Mail(Vec<u8>),
    /// Decrypted, but no signed mail: what came out of the decryption, as it is.
    Other(Vec<u8>),
}

impl Content {
    /// The bytes, whatever they are.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Mail(bytes) | Self::Other(bytes) => bytes,
        }
    }
}

/// Why a mail cannot be opened with any key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Header or body of the mail are not those of an S/MIME mail, though it says it is one.
    #[error("kein lesbares S/MIME: {} / not readable S/MIME: {}", vocabulary::german(.0), vocabulary::english(.0))]
    Mail(Fault),
    /// S/MIME, but not AuthEnvelopedData.
    #[error(
        "nicht als authenticated-enveloped-data verschlüsselt / not encrypted as authenticated-enveloped-data"
    )]
    OtherType,
    /// The encrypted structure cannot be read.
    #[error("CMS nicht lesbar: {} / CMS cannot be read: {}", vocabulary::german(.0), vocabulary::english(.0))]
    Structure(Fault),
    /// The content key is wrapped for us in another way than RSAES-OAEP with SHA-256.
    #[error(
        "Inhaltsschlüssel nicht mit RSAES-OAEP/SHA-256 verpackt / content key not wrapped with RSAES-OAEP/SHA-256"
    )]
    OtherWrapping,
    /// Key or content do not open: damaged, changed, or made for another key. Which one is not said.
    #[error(
        "lässt sich nicht entschlüsseln: beschädigt oder verändert / does not decrypt: damaged or changed"
    )]
    Undecryptable,
}

/// Why a mail stays where it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Hold {
    /// None of the keys at hand is among the recipients.
    #[error(
        "für keinen der vorhandenen Schlüssel verschlüsselt ({recipients} Empfänger) / encrypted to none of the keys at hand ({recipients} recipients)"
    )]
    NotForUs {
        /// How many recipients it has.
        recipients: usize,
    },
    /// It has recipients of a kind whose format is not known here: elliptic curves in KIM. One of them may be us.
    #[error(
        "Empfänger mit elliptischer Kurve oder anderer Art ({others} von {all}): Format hier nicht bekannt / recipients with elliptic curves or of another kind ({others} of {all}): format not known here"
    )]
    OtherRecipients {
        /// How many are of another kind.
        others: usize,
        /// How many there are.
        all: usize,
    },
    /// A key of ours is named but cannot be used.
    #[error("{} / {}", vocabulary::german(.0), vocabulary::english(.0))]
    Key(KeyTrouble),
}

impl Hold {
    /// `X-KIM-DecryptionResult`.
    #[must_use]
    pub const fn decryption(&self) -> Decryption {
        match self {
            Self::NotForUs { .. } | Self::OtherRecipients { .. } => Decryption::KeyMissing,
            Self::Key(KeyTrouble::Unreachable(_)) => Decryption::Unreachable,
            Self::Key(KeyTrouble::Missing(_) | KeyTrouble::Locked(_) | KeyTrouble::Failed) => {
                Decryption::KeyMissing
            }
        }
    }
}

/// Opens a mail as it came from the mail server.
///
/// Streams the mail in and keeps one buffer of its size after base64 (at most [`MAIL_BYTES_MAX`]), in which it is
/// decrypted, checked and unwrapped. Nothing of the content leaves this function before its tag was checked.
///
/// # Errors
/// Only if the mail itself cannot be read from where it comes.
pub fn open(mail: impl Read, keys: &[&dyn PrivateKey], checks: &Checks<'_>) -> io::Result<Outcome> {
    let mut mail = BufReader::with_capacity(64 * 1024, mail);
    let Some(header_bytes) = mime::read_header(&mut mail)? else {
        return Ok(Outcome::Unreadable(Unreadable::Mail(Fault::TooLarge("Header"))));
    };
    let header = Header::read(&header_bytes);
    let kind = header.as_ref().map_or(Kind::Other, Header::kind);
    let says_kim = header
        .as_ref()
        .is_some_and(|header| header.has("X-KOM-LE-Version"));
    let encoding = match (kind, says_kim) {
        (Kind::Enveloped, _) => header.as_ref().map_or(Encoding::Plain, Header::encoding),
        (Kind::Signed | Kind::OtherSmime, _) | (Kind::Mail | Kind::Other, true) => {
            return Ok(Outcome::Unreadable(Unreadable::OtherType));
        }
        (Kind::Mail | Kind::Other, false) => {
            return Ok(
                match mime::read_body(&mut mail, Encoding::Plain, MAIL_BYTES_MAX)? {
                    Ok(body) => Outcome::Plain([header_bytes, body].concat()),
                    Err(fault) => Outcome::Unreadable(Unreadable::Mail(fault)),
                },
            );
        }
    };
    let body = match mime::read_body(&mut mail, encoding, MAIL_BYTES_MAX)? {
        Ok(body) => body,
        Err(fault) => return Ok(Outcome::Unreadable(Unreadable::Mail(fault))),
    };
    Ok(open_body(header.as_ref(), body, keys, checks))
}

/// The mail's body is here; from now on nothing waits for anybody.
fn open_body(
    header: Option<&Header<'_>>,
    mut body: Vec<u8>,
    keys: &[&dyn PrivateKey],
    checks: &Checks<'_>,
) -> Outcome {
    let ours: Vec<&CertificateId> = keys.iter().map(|key| key.recipient()).collect();
    let envelope = match Envelope::read(&body, &ours) {
        Ok(envelope) => envelope,
        Err(fault) => return Outcome::Unreadable(Unreadable::Structure(fault)),
    };
    let opened_with = match decrypt(&mut body, &envelope, keys) {
        Ok(key) => key,
        Err(outcome) => return outcome,
    };
    let Some(decrypted_as) = keys.get(opened_with).map(|key| key.recipient().clone()) else {
        return Outcome::Unreadable(Unreadable::Undecryptable);
    };
    let mut opened = Opened {
        content: Content::Other(Vec::new()),
        signer: None,
        findings: Vec::new(),
        recipients: envelope.emails.clone().unwrap_or_default(),
        decrypted_as,
    };
    unwrap(&mut opened, body, header, &envelope, checks);
    Outcome::Opened(Box::new(opened))
}

/// Decrypts the content inside the buffer, which then holds nothing else; says with which key.
fn decrypt(body: &mut Vec<u8>, envelope: &Envelope, keys: &[&dyn PrivateKey]) -> Result<usize, Outcome> {
    let closed = || Outcome::Unreadable(Unreadable::Undecryptable);
    if envelope.ours.is_empty() {
        return Err(nobody(envelope));
    }
    let mut content_key = None;
    let mut trouble = None;
    for wrapped in &envelope.ours {
        let Some(key) = keys.get(wrapped.key) else {
            continue;
        };
        match key.decrypt_oaep(&wrapped.bytes) {
            Ok(secret) if secret.len() == AES_256_GCM.key_len() => {
                content_key = Some((wrapped.key, secret));
                break;
            }
            Ok(_) | Err(KeyTrouble::Failed) => {}
            Err(other) => trouble = Some(other),
        }
    }
    let Some((opened_with, secret)) = content_key else {
        return Err(trouble.map_or_else(closed, |trouble| Outcome::Hold(Hold::Key(trouble))));
    };
    let key = UnboundKey::new(&AES_256_GCM, &secret)
        .map(LessSafeKey::new)
        .map_err(|_| closed())?;
    let at = ber::gather(body, envelope.content.clone())
        .map_err(|fault| Outcome::Unreadable(Unreadable::Structure(fault)))?;
    // The content is followed by an element with the tag, so there is room behind it.
    let sealed = at.start..at.end + envelope.tag.len();
    body.get_mut(at.end..sealed.end)
        .ok_or_else(closed)?
        .copy_from_slice(&envelope.tag);
    let nonce = Nonce::assume_unique_for_key(envelope.nonce);
    key.open_in_place(
        nonce,
        Aad::from(&envelope.authenticated),
        body.get_mut(sealed).ok_or_else(closed)?,
    )
    .map_err(|_| closed())?;
    body.truncate(at.end);
    body.drain(..at.start);
    Ok(opened_with)
}

/// Why nobody here can open it.
const fn nobody(envelope: &Envelope) -> Outcome {
    if envelope.otherwise_wrapped {
        return Outcome::Unreadable(Unreadable::OtherWrapping);
    }
    if envelope.other_kinds > 0 {
        return Outcome::Hold(Hold::OtherRecipients {
            others: envelope.other_kinds,
            all: envelope.other_kinds + envelope.recipients,
        });
    }
    Outcome::Hold(Hold::NotForUs {
        recipients: envelope.recipients,
    })
}

/// Checks the signature around the inner mail and takes the mail out.
fn unwrap(
    opened: &mut Opened,
    mut plain: Vec<u8>,
    outer: Option<&Header<'_>>,
    envelope: &Envelope,
    checks: &Checks<'_>,
) {
    match signed_part(&mut plain) {
        Part::Unsigned => {
            opened.findings.push(Finding::Unsigned);
            opened.content = Content::Other(plain);
        }
        Part::Faulty(fault) => {
            opened.findings.push(Finding::Format(fault));
            opened.content = Content::Other(plain);
        }
        Part::Signed(data, at) => match data.check(plain.get(at.clone()).unwrap_or_default(), checks) {
            Err(fault) => {
                opened.findings.push(Finding::Format(fault));
                opened.content = Content::Other(plain);
            }
            Ok(signers) => {
                if signers.len() != 1 {
                    opened.findings.push(Finding::SignerCount(signers.len()));
                }
                let mut signers = signers.into_iter();
                if let Some((signer, signed)) = signers.next() {
                    opened.findings.extend(signer.findings.iter().cloned());
                    opened.signer = Some(signer);
                    if signed.recipients.is_none() || signed.recipients != envelope.emails {
                        opened.findings.push(Finding::RecipientsDiffer);
                    }
                    if let Some(recipients) = signed.recipients {
                        opened.recipients = recipients;
                    }
                }
                opened
                    .findings
                    .extend(signers.flat_map(|(signer, _)| signer.findings));
                take_mail(opened, plain, &data, &at, outer);
            }
        },
    }
}

enum Part {
    /// The structure, and where its bytes lie in the buffer.
    Signed(SignedData, Range<usize>),
    Unsigned,
    Faulty(Fault),
}

/// The signed structure inside what was decrypted.
fn signed_part(plain: &mut Vec<u8>) -> Part {
    let Some(body_at) = mime::body_at(plain) else {
        return Part::Unsigned;
    };
    let header = plain.get(..body_at).and_then(Header::read);
    let (kind, encoding) = header.map_or((Kind::Other, Encoding::Plain), |header| {
        (header.kind(), header.encoding())
    });
    if kind != Kind::Signed {
        return Part::Unsigned;
    }
    let mut body = body_at..plain.len();
    if encoding != Encoding::Plain {
        let mut text = plain.get(body).unwrap_or_default();
        match mime::read_body(&mut text, encoding, MAIL_BYTES_MAX) {
            Ok(Ok(decoded)) => *plain = decoded,
            Ok(Err(fault)) => return Part::Faulty(fault),
            Err(_) => return Part::Faulty(Fault::Truncated), // memory does not fail to be read
        }
        body = 0..plain.len();
    }
    let bytes = trimmed(plain.get(body.clone()).unwrap_or_default());
    match SignedData::read(bytes) {
        Ok(data) => Part::Signed(data, body.start..body.start + bytes.len()),
        Err(_) if line_ends_converted(bytes) => Part::Faulty(Fault::LineEnds),
        Err(fault) => Part::Faulty(fault),
    }
}

/// Whether binary bytes hold no CR without LF and no LF without CR, though they hold some: somebody took them for text.
/// Gematik's own sample was damaged that way between signing and encrypting.
fn line_ends_converted(bytes: &[u8]) -> bool {
    let mut pairs = 0_usize;
    let mut before = 0;
    for octet in bytes {
        match (before, octet) {
            (b'\r', b'\n') => pairs += 1,
            (b'\r', _) | (_, b'\n') => return false,
            (_, _) => {}
        }
        before = *octet;
    }
    pairs > 8 && before != b'\r'
}

/// A line end behind the structure belongs to the mail around it.
fn trimmed(body: &[u8]) -> &[u8] {
    match ber::Reader::new(body).next() {
        Ok(Some(element)) => {
            let rest = body.get(element.whole.len()..).unwrap_or_default();
            if rest.len() <= 4 && rest.iter().all(u8::is_ascii_whitespace) {
                element.whole
            } else {
                body
            }
        }
        Ok(None) | Err(_) => body,
    }
}

/// Takes the inner mail out of its wrapping and compares the headers.
fn take_mail(
    opened: &mut Opened,
    mut plain: Vec<u8>,
    data: &SignedData,
    at: &Range<usize>,
    outer: Option<&Header<'_>>,
) {
    let content = data.content.clone().zip(plain.get_mut(at.clone()));
    let Some(range) = content.and_then(|(pieces, bytes)| ber::gather(bytes, pieces).ok()) else {
        opened.content = Content::Other(plain);
        return;
    };
    plain.truncate(at.start + range.end);
    plain.drain(..at.start + range.start);
    let wrapped = mime::body_at(&plain).filter(|at| {
        plain
            .get(..*at)
            .and_then(Header::read)
            .is_some_and(|header| header.kind() == Kind::Mail)
    });
    let Some(at) = wrapped else {
        opened
            .findings
            .push(Finding::Format(Fault::Expected("message/rfc822")));
        opened.content = Content::Other(plain);
        return;
    };
    plain.drain(..at);
    let inner_header = mime::body_at(&plain)
        .and_then(|at| plain.get(..at))
        .unwrap_or(&plain);
    let differing = match (outer, Header::read(inner_header)) {
        (Some(outer), Some(inner)) => outer.differs(&inner),
        (_, _) => vec!["Header"],
    };
    if !differing.is_empty() {
        opened.findings.push(Finding::HeaderDiffers(differing));
    }
    opened.content = Content::Mail(plain);
}
