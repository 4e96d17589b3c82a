//! The way of a statement file: draft, show, confirm, sign; and out to `ssh-keygen -Y sign` and back.

use order::{KeyId, Lang};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use vocabulary::{Envelope, PayloadType, Signature, StatementId};

use crate::{Census, Refused, Signer, files, statement};

/// Longest statement file in bytes: the longest envelope in base64, with room for signatures.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Longest signature file in bytes.
const SIGNATURE_BYTES_MAX: u64 = 64 * 1024;

/// A statement file that was read, checked and put into one sentence.
#[derive(Debug)]
pub struct Shown {
    paper: Paper,
    sentence: String,
    word: &'static str,
}

/// A statement a person read and confirmed by typing its word. Only this can be signed.
#[derive(Debug)]
pub struct Confirmed(Paper);

/// What came of signing or attaching.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed {
    /// The statement.
    pub id: StatementId,
    /// How many signatures it has now.
    pub signatures: usize,
}

/// Reads a statement or draft file and puts it into one sentence, from the exact bytes. `expected` is the name of the
/// statement the signer was told to expect, if they were told one.
///
/// # Errors
/// [`Refused`] when the file cannot be read, is not what its type says, contradicts itself, cannot be rendered, or is
/// another statement than expected.
pub fn show(
    path: &Path,
    lang: Lang,
    census: Option<&dyn Census>,
    expected: Option<StatementId>,
) -> Result<Shown, Refused> {
    let paper = Paper::read(path)?;
    let found = paper.envelope.id();
    if let Some(expected) = expected
        && expected != found
    {
        return Err(Refused::OtherStatement { expected, found });
    }
    let counts = statement::counts(&paper.envelope, census)?;
    let sentence = clearance::sentence::of(&paper.envelope, lang, &counts)?;
    let (de, en) = statement::word(paper.envelope.payload_type);
    let word = lang.of(de, en);
    Ok(Shown {
        paper,
        sentence,
        word,
    })
}

impl Shown {
    /// The sentence, with counts.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The word to type.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        self.word
    }

    /// The name of the statement.
    #[must_use]
    pub fn id(&self) -> StatementId {
        self.paper.envelope.id()
    }

    /// What kind of statement it is.
    #[must_use]
    pub const fn kind(&self) -> PayloadType {
        self.paper.envelope.payload_type
    }

    /// The keys that have signed it, as far as their signatures count.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<KeyId> {
        self.paper.keys()
    }

    /// How many signatures count.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.keys().len()
    }

    /// Takes the word the person typed.
    ///
    /// # Errors
    /// [`Refused::NotConfirmed`] when it is another word.
    pub fn confirm(self, typed: &str) -> Result<Confirmed, Refused> {
        if typed.trim().to_lowercase() == self.word {
            Ok(Confirmed(self.paper))
        } else {
            Err(Refused::NotConfirmed { word: self.word })
        }
    }
}

/// Signs what was confirmed, and writes the signature into the file. The file is read once more before: if it is not
/// byte for byte what was shown, nothing is signed. A draft becomes a statement file here.
///
/// # Errors
/// [`Refused`] when the file changed, the key has signed already, the signer could not, or writing failed.
pub fn sign(confirmed: Confirmed, signer: &Signer) -> Result<Signed, Refused> {
    let Confirmed(paper) = confirmed;
    let key = signer.public_key().id();
    if paper.keys().contains(&key) {
        return Err(Refused::SignedAlready(key));
    }
    paper.unchanged()?;
    let signature = signer.sign(&paper.envelope)?;
    paper.add(signature)
}

/// Writes the exact bytes to sign next to the statement (`FILE.pae`), for `ssh-keygen -Y sign -n bulkhead FILE.pae` on
/// a machine without a network. A draft becomes a statement file here, so that the signature fits it later. Repeating it
/// changes nothing.
///
/// # Errors
/// [`Refused`] as for [`show`], or when a file cannot be written.
pub fn export(path: &Path) -> Result<PathBuf, Refused> {
    let paper = Paper::read(path)?;
    let out = files::beside(path, ".pae");
    files::create_once(&out, &paper.envelope.signed_bytes())?;
    let fixed = write(&paper.envelope)?;
    if fixed != paper.bytes {
        files::swap(path, &paper.bytes, &fixed)?;
    }
    Ok(out)
}

/// Adds a signature made elsewhere (`FILE.pae.sig`). It must fit the statement's exact bytes.
///
/// # Errors
/// [`Refused`] when the signature does not fit, is of a kind no door accepts, or its key has signed already.
pub fn attach(path: &Path, signature: &Path) -> Result<Signed, Refused> {
    let paper = Paper::read(path)?;
    let text = files::read(signature, SIGNATURE_BYTES_MAX)?;
    let signature = Signature(format!("{}\n", String::from_utf8_lossy(&text).trim()));
    let key = order::verify(&signature, &paper.envelope.signed_bytes())?;
    if paper.keys().contains(&key) {
        return Err(Refused::SignedAlready(key));
    }
    paper.add(signature)
}

/// A draft as a person edits it; its exact bytes are made from it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Draft {
    payload_type: PayloadType,
    body: Value,
}

/// A file as it was when it was read.
#[derive(Debug)]
struct Paper {
    path: PathBuf,
    bytes: Vec<u8>,
    envelope: Envelope,
}

impl Paper {
    fn read(path: &Path) -> Result<Self, Refused> {
        let bytes = files::read(path, FILE_BYTES_MAX)?;
        let no_statement = |cause: serde_json::Error| Refused::NoStatement {
            path: path.to_path_buf(),
            cause: cause.to_string(),
        };
        let value: Value = serde_json::from_slice(&bytes).map_err(no_statement)?;
        let envelope: Envelope = if value.get("body").is_some() {
            let draft: Draft = serde_json::from_value(value).map_err(no_statement)?;
            statement::fix(draft.payload_type, draft.body)?
        } else {
            // From the bytes again: a value has already forgotten a key that stood there twice.
            serde_json::from_slice(&bytes).map_err(no_statement)?
        };
        envelope.check_limits()?;
        statement::check(&envelope)?;
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
            envelope,
        })
    }

    /// Whether the file still holds what was read.
    fn unchanged(&self) -> Result<(), Refused> {
        if files::read(&self.path, FILE_BYTES_MAX)? == self.bytes {
            Ok(())
        } else {
            Err(Refused::Changed {
                path: self.path.clone(),
            })
        }
    }

    /// Adds a signature and replaces the file, if it still holds what was read.
    fn add(mut self, signature: Signature) -> Result<Signed, Refused> {
        self.envelope.signatures.push(signature);
        self.envelope.check_limits()?;
        files::swap(&self.path, &self.bytes, &write(&self.envelope)?)?;
        Ok(Signed {
            id: self.envelope.id(),
            signatures: self.envelope.signatures.len(),
        })
    }

    /// The keys whose signatures count.
    fn keys(&self) -> BTreeSet<KeyId> {
        let message = self.envelope.signed_bytes();
        let key = |signature| order::verify(signature, &message).ok();
        self.envelope.signatures.iter().filter_map(key).collect()
    }
}

/// A statement file's bytes: the envelope as it travels, and a line end.
fn write(envelope: &Envelope) -> Result<Vec<u8>, Refused> {
    let mut bytes = serde_json::to_vec(envelope).map_err(order::BadBody::from)?;
    bytes.push(b'\n');
    Ok(bytes)
}
