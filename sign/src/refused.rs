//! Why nothing was signed, opened or written: German first, then English.

use order::{
    BadBody, BadKey, BadSignature, KeyId,
    login::{BadChallenge, ConsoleOrigin},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use vocabulary::{EnvelopeError, PayloadType, StatementId};

/// A refusal of this room. It names what is missing and who must act.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The operating system said no.
    #[error(
        "Datei {path}: Lesen oder Schreiben ist nicht gelungen. / File {path}: reading or writing failed.",
        path = path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Others may read a secret.
    #[error(
        "Die Schlüsseldatei {path} ist für andere lesbar ({mode:03o}). Abhilfe: chmod 600. / The key file {path} is open to others ({mode:03o}). Remedy: chmod 600.",
        path = path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Longer than anything that belongs here.
    #[error(
        "Die Datei {path} hat {bytes} Bytes, erlaubt sind {bytes_max}. / The file {path} has {bytes} bytes; {bytes_max} are allowed.",
        path = path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// Neither a draft nor a statement.
    #[error(
        "Die Datei {path} ist weder Entwurf noch Erklärung ({cause}). / The file {path} is neither a draft nor a statement ({cause}).",
        path = path.display()
    )]
    NoStatement {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        cause: String,
    },
    /// The payload is not what its type says, or contradicts itself.
    #[error("{0}")]
    Body(#[from] BadBody),
    /// There is no sentence for this kind, so nobody can know what they sign.
    #[error(
        "Für die Art „{kind}“ gibt es keinen lesbaren Satz; was nicht gezeigt werden kann, wird nicht unterschrieben. / There is no readable sentence for kind \"{kind}\"; what cannot be shown is not signed.",
        kind = .0.word()
    )]
    Unreadable(PayloadType),
    /// The bytes hold more than the sentence shows.
    #[error(
        "Die Bytes sind anders geschrieben als ihr Inhalt (Leerzeichen, doppelte oder vertauschte Einträge); was nicht gezeigt wird, wird nicht unterschrieben. Abhilfe: den Entwurf neu erzeugen. / The bytes are written differently from what they say (spaces, repeated or swapped entries); what is not shown is not signed. Remedy: make the draft again."
    )]
    OtherBytes,
    /// Somebody changed the file between showing and signing.
    #[error(
        "Die Datei {path} wurde nach dem Anzeigen geändert; nichts wurde unterschrieben. Abhilfe: neu anzeigen und lesen. / The file {path} was changed after it was shown; nothing was signed. Remedy: show and read it again.",
        path = path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It is not the statement that was agreed on.
    #[error(
        "Erwartet wurde die Erklärung {expected}, in der Datei steht {found}. / Expected statement {expected}, the file holds {found}."
    )]
    OtherStatement {
        /// What the signer was told to expect.
        expected: StatementId,
        /// What the file holds.
        found: StatementId,
    },
    /// Not a log-in challenge.
    #[error("{0}")]
    Challenge(#[from] BadChallenge),
    /// A challenge for another console than the one the person went to.
    #[error(
        "Die Aufforderung gilt für den Leitstand {found}, angemeldet werden soll bei {expected}: womöglich reicht sie jemand weiter. Nichts wurde unterschrieben. / The challenge is for control room {found}, the log-in is meant for {expected}: somebody may be passing it on. Nothing was signed."
    )]
    OtherConsole {
        /// Where the person went.
        expected: ConsoleOrigin,
        /// What the challenge says.
        found: ConsoleOrigin,
    },
    /// The person did not type the word.
    #[error(
        "Nicht bestätigt: Das verlangte Wort war „{word}“. Nichts wurde unterschrieben. / Not confirmed: the word asked for was \"{word}\". Nothing was signed."
    )]
    NotConfirmed {
        /// The word.
        word: &'static str,
    },
    /// The key file cannot be used.
    #[error(
        "Der Schlüssel in {path} ist nicht lesbar ({cause}). / The key in {path} cannot be read ({cause}).",
        path = path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        cause: String,
    },
    /// No passphrase, or the wrong one.
    #[error(
        "Die Passphrase für {path} fehlt oder ist falsch. / The passphrase for {path} is missing or wrong.",
        path = path.display()
    )]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// The private half is in hardware.
    #[error(
        "Der Schlüssel in {path} liegt auf einem Hardware-Token; unterschreiben kann ihn nur der ssh-agent. Abhilfe: ssh-add {path}, dann mit dem Agenten unterschreiben. / The key in {path} lives on a hardware token; only ssh-agent can sign with it. Remedy: ssh-add {path}, then sign with the agent.",
        path = path.display()
    )]
    InHardware {
        /// The file.
        path: PathBuf,
    },
    /// A kind of key no door accepts.
    #[error("{0}")]
    Key(#[from] BadKey),
    /// The agent cannot be talked to, or said no.
    #[error("Der ssh-agent hat nicht unterschrieben: {de} / The ssh-agent did not sign: {en}")]
    Agent {
        /// Why, in German.
        de: String,
        /// Why, in English.
        en: String,
        /// What the system said, if it said something.
        #[source]
        cause: Option<io::Error>,
    },
    /// No signature could be made.
    #[error("Die Unterschrift ist nicht gelungen ({cause}). / The signature could not be made ({cause}).")]
    Making {
        /// What went wrong.
        cause: String,
    },
    /// The statement exceeds a limit of the wire.
    #[error(
        "Die Erklärung ist zu groß oder hat zu viele Unterschriften ({0}). / The statement is too large or has too many signatures ({0})."
    )]
    Full(#[from] EnvelopeError),
    /// The signature does not fit the statement.
    #[error(
        "Die Unterschrift zählt für diese Erklärung nicht. / The signature does not count for this statement. ({0})"
    )]
    BadSignature(#[from] BadSignature),
    /// The key's signature is already there.
    #[error("Dieser Schlüssel ({0}) hat schon unterschrieben. / This key ({0}) has signed already.")]
    SignedAlready(KeyId),
    /// Keys and shares of the insurer.
    #[error("{de} / {en}")]
    Release {
        /// What is missing, in German.
        de: String,
        /// What is missing, in English.
        en: String,
    },
}

impl Refused {
    pub(crate) fn file(path: &Path, cause: io::Error) -> Self {
        Self::File {
            path: path.to_path_buf(),
            cause,
        }
    }

    pub(crate) fn agent(de: impl Into<String>, en: impl Into<String>, cause: Option<io::Error>) -> Self {
        Self::Agent {
            de: de.into(),
            en: en.into(),
            cause,
        }
    }

    pub(crate) fn release(de: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Release {
            de: de.into(),
            en: en.into(),
        }
    }
}
