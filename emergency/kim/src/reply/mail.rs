//! The mail of an answer, before it is signed and encrypted (TA KP5-05).

use mail_builder::{
    MessageBuilder,
    headers::{HeaderType, content_type::ContentType, raw::Raw},
    mime::MimePart,
};
use vocabulary::{Digest, Timestamp};

use super::{After, DocumentId, Ready, Subject, Suspicion, outcome};
use crate::{
    address::KimAddress,
    header::{MessageId, ServiceMark},
    name::{FileName, Kind},
    promises,
};

/// What an answer cannot know by itself: clock and randomness belong to the shell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The insurer's own mailbox.
    pub from: KimAddress,
    /// The `Message-ID` of the answer.
    pub message_id: MessageId,
    /// `Date`.
    pub sent: Timestamp,
    /// The id of the document inside; also in subject and file name.
    pub document: DocumentId,
}

/// A mail to sign and encrypt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// From whom.
    pub from: KimAddress,
    /// To whom.
    pub to: KimAddress,
    /// What a release of it has to name.
    pub says: Says,
    /// Its mark, for the outer header.
    pub mark: ServiceMark,
    /// Name of the file inside.
    pub file: FileName,
    /// The document inside.
    pub document: Vec<u8>,
    /// The inner mail.
    pub mail: Vec<u8>,
}

/// What an answer says, as far as a release names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Says {
    /// An error with this code; never 313 or 314.
    Error(u16),
    /// A substitute certificate.
    Certificate,
}

/// Why an answer was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// It would have broken the promise.
    #[error("Die Antwort wurde nicht geschrieben. / The answer was not written.")]
    Broken(#[from] promises::Broken),
    /// The mail could not be put together.
    #[error(
        "Die Antwort ließ sich nicht als Nachricht schreiben. / The answer could not be written as a mail."
    )]
    Mail,
}

/// `X-KIM-Sendersystem` of our mails.
const SENDER_SYSTEM: &str = concat!("Bulkhead;", env!("CARGO_PKG_VERSION"));
/// The whole text when a virus is suspected (TA KP5-06).
const VIRUS: &str = "Achtung möglicher Virenbefall";
/// Most notes of the validator in one text.
const NOTES_MAX: usize = 50;
/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 500;

impl Ready {
    /// Writes the mail. It asks for a DSN at submission and answers no MDN: both are the shell's part.
    ///
    /// # Errors
    /// [`NotWritten`].
    pub fn mail(&self, envelope: &Envelope) -> Result<Answer, NotWritten> {
        let document = outcome::eau(&envelope.document, self.version, self.code, &self.about).document();
        promises::mail_1(&document)?;
        let file =
            FileName::new(self.realm, Kind::EauError, envelope.document.as_str()).ok_or(NotWritten::Mail)?;
        let letter = Letter {
            envelope,
            to: &self.to,
            mark: self.version.mark(),
            in_reply_to: None,
            text: text(self),
            file: &file,
            kind: "application/xml",
            document: &document,
        };
        let mail = write(&letter)?;
        Ok(Answer {
            from: envelope.from.clone(),
            to: self.to.clone(),
            says: Says::Error(self.code.number()),
            mark: letter.mark,
            file,
            document,
            mail,
        })
    }
}

/// What the practice reads: what happened, what to do, what the check found.
fn text(ready: &Ready) -> String {
    let unreadable = matches!(ready.code.number(), 101 | 102);
    if ready.suspicion == Suspicion::Virus && unreadable {
        return VIRUS.to_owned();
    }
    let (what, what_en) = match ready.code.subject() {
        Subject::Eau => (
            "Ihre elektronische Arbeitsunfähigkeitsbescheinigung",
            "Your electronic sick note",
        ),
        Subject::Cancellation => ("Ihre Stornomeldung", "Your cancellation"),
    };
    let (next, next_en) = match ready.code.after() {
        After::IssueAgain => (
            "Bitte stellen Sie sie neu aus und signieren Sie sie neu.",
            "Please issue and sign it again.",
        ),
        After::SendAgain => (
            "Bitte senden Sie dieselbe Datei erneut.",
            "Please send the same file again.",
        ),
    };
    let mut lines = vec![
        format!("{what} konnte nicht angenommen werden (Code {}).", ready.code),
        ready.code.display().to_owned(),
        next.to_owned(),
        String::new(),
        format!("{what_en} could not be accepted (code {}).", ready.code),
        next_en.to_owned(),
    ];
    if !ready.notes.is_empty() {
        lines.extend([
            String::new(),
            "Befunde der Prüfung / Findings of the check:".to_owned(),
        ]);
        lines.extend(ready.notes.iter().take(NOTES_MAX).map(|note| {
            let note = note
                .get(..note.floor_char_boundary(NOTE_BYTES_MAX))
                .unwrap_or_default();
            format!("- {}", note.replace(['\r', '\n'], " "))
        }));
    }
    if ready.notes.len() > NOTES_MAX {
        lines.push(format!("- … {}", ready.notes.len() - NOTES_MAX));
    }
    lines.join("\r\n") + "\r\n"
}

/// A mail with one text and one file.
pub(crate) struct Letter<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) to: &'a KimAddress,
    pub(crate) mark: ServiceMark,
    pub(crate) in_reply_to: Option<&'a MessageId>,
    pub(crate) text: String,
    pub(crate) file: &'a FileName,
    pub(crate) kind: &'a str,
    pub(crate) document: &'a [u8],
}

/// Writes it. The boundary is a digest of what it parts, so that nothing is drawn and nothing can contain it.
///
/// # Errors
/// [`NotWritten::Mail`].
pub(crate) fn write(letter: &Letter<'_>) -> Result<Vec<u8>, NotWritten> {
    let seed = [
        letter.document,
        letter.text.as_bytes(),
        letter.envelope.message_id.as_str().as_bytes(),
    ]
    .concat();
    let boundary = format!("bulkhead_{}", Digest::of(&seed));
    let file = letter.file.file();
    let attached = MimePart::new(
        ContentType::new(letter.kind).attribute("name", file.clone()),
        letter.document.to_vec(),
    )
    .attachment(file)
    .header("Content-Description", Raw::new(letter.file.kind.description()));
    let body = MimePart::new(
        ContentType::new("multipart/mixed").attribute("boundary", boundary),
        vec![MimePart::new("text/plain", letter.text.as_str()), attached],
    );
    let mut mail = MessageBuilder::new()
        .message_id(letter.envelope.message_id.as_str())
        .date(letter.envelope.sent.0)
        .from(letter.envelope.from.as_str())
        .to(letter.to.as_str())
        .reply_to(letter.envelope.from.as_str())
        .subject(letter.file.subject());
    if let Some(id) = letter.in_reply_to {
        mail = mail.in_reply_to(id.as_str());
    }
    let raw = |text: &str| HeaderType::Raw(Raw::new(text.to_owned()));
    mail.header("X-KIM-Dienstkennung", raw(letter.mark.as_str()))
        .header("X-KIM-Sendersystem", raw(SENDER_SYSTEM))
        .body(body)
        .write_to_vec()
        .map_err(|_| NotWritten::Mail)
}
