//! What was seen before: repeats, misused identifiers, cancellations that find or await their note, paper beside mail.
//!
//! Rules: Technische Anlage eAU, KP5-05 to KP5-09. A repeat is no error: rejected before and still bad, it gets its answer
//! again; rejected before and now fine, it is processed; accepted before, it is only noted. The same identifier with other
//! content is a misuse and an error of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    check::{Checked, Facts, Fingerprint, Kind, Verdict},
    paper::Key,
};

/// `Bundle.identifier` of a note or cancellation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identifier(String);

impl Identifier {
    /// As the document says it; letters of a UUID count the same in either case.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether mail from before may still be unread: held at a door, on the way, not yet decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OlderMail {
    /// Everything older has been read.
    Known,
    /// Something older may still come.
    Unknown,
}

/// What becomes of a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Accepted before: note it, do nothing.
    AlreadyAccepted,
    /// Rejected before and still invalid: answer again.
    StillInvalid,
    /// Rejected before and valid now: process it.
    NowValid,
}

/// What the register says of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Never seen; a note, or an invalid document to be answered.
    New,
    /// A note that a cancellation seen earlier had been waiting for.
    CancelledBefore(Identifier),
    /// Seen before, byte for byte.
    Duplicate(Repeat),
    /// The identifier was seen with other content.
    MisusedIdentifier {
        /// What was seen under it first.
        first: Fingerprint,
    },
    /// Cancels this note.
    StornoOf(Identifier),
    /// Cancels a note not seen yet; waits for it.
    StornoWaits(Identifier),
    /// Cancels a note nobody knows, though everything older was read: for a person.
    StornoOfUnknown(Identifier),
    /// Cancels a note that was rejected: answer 105.
    StornoOfRejected(Identifier),
    /// Cancels a note that another cancellation has cancelled already.
    StornoAgain(Identifier),
}

/// What the register says, and whether paper with the same content came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The answer.
    pub answer: Answer,
    /// The same note lies here on paper.
    pub on_paper: bool,
}

/// What the register says of a note on paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaperSeen {
    /// Not seen before.
    New,
    /// Came as mail under this identifier.
    AsMail(Identifier),
    /// The same paper again.
    Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    fingerprint: Fingerprint,
    kind: Kind,
    verdict: Verdict,
}

/// The register. Pure: the same documents in the same order give the same register. It holds digests and identifiers, no
/// names, numbers of insured persons or dates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    seen: BTreeMap<Identifier, Entry>,
    /// Documents without an identifier, by digest alone.
    nameless: BTreeMap<Fingerprint, Verdict>,
    /// Note → cancellation.
    cancelled: BTreeMap<Identifier, Identifier>,
    /// Note not seen yet → cancellation.
    waiting: BTreeMap<Identifier, Identifier>,
    /// Content of notes and papers, as a digest.
    notes: BTreeMap<Fingerprint, Identifier>,
    papers: BTreeMap<Fingerprint, ()>,
}

impl Register {
    /// An empty register.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of a checked document and says what it is to us.
    pub fn see(&mut self, checked: &Checked, older: OlderMail) -> Seen {
        let key = Key::of(&checked.facts).map(|key| key.digest());
        let on_paper = checked.kind == Kind::Note && key.is_some_and(|key| self.papers.contains_key(&key));
        let answer = self.answer(checked, older);
        if let (Kind::Note, Verdict::Valid, Some(key), Some(identifier)) =
            (checked.kind, checked.verdict(), key, &checked.identifier)
        {
            self.notes
                .entry(key)
                .or_insert_with(|| Identifier::new(identifier));
        }
        Seen { answer, on_paper }
    }

    /// Takes note of a note on paper.
    pub fn see_paper(&mut self, key: &Key) -> PaperSeen {
        let key = key.digest();
        if let Some(identifier) = self.notes.get(&key) {
            return PaperSeen::AsMail(identifier.clone());
        }
        if self.papers.insert(key, ()).is_some() {
            PaperSeen::Again
        } else {
            PaperSeen::New
        }
    }

    /// Cancellations that still wait for their note, as (note, cancellation).
    pub fn waiting(&self) -> impl Iterator<Item = (&Identifier, &Identifier)> {
        self.waiting.iter()
    }

    /// The cancellation of a note, if any.
    #[must_use]
    pub fn cancelled_by(&self, note: &Identifier) -> Option<&Identifier> {
        self.cancelled.get(note)
    }

    /// Everything older has been read now: answers the cancellations whose note never came, as (note, cancellation), and
    /// waits for them no longer.
    pub fn settle(&mut self) -> Vec<(Identifier, Identifier)> {
        std::mem::take(&mut self.waiting).into_iter().collect()
    }

    fn answer(&mut self, checked: &Checked, older: OlderMail) -> Answer {
        let verdict = checked.verdict();
        let Some(identifier) = checked.identifier.as_deref().map(Identifier::new) else {
            return match self.nameless.insert(checked.fingerprint, verdict) {
                None => Answer::New,
                Some(earlier) => Answer::Duplicate(repeat(earlier, verdict)),
            };
        };
        let entry = Entry {
            fingerprint: checked.fingerprint,
            kind: checked.kind,
            verdict,
        };
        match self.seen.get(&identifier).copied() {
            Some(first) if first.fingerprint != entry.fingerprint => {
                return Answer::MisusedIdentifier {
                    first: first.fingerprint,
                };
            }
            Some(first) => {
                let what = repeat(first.verdict, verdict);
                if what != Repeat::NowValid {
                    return Answer::Duplicate(what);
                }
                self.seen.insert(identifier.clone(), entry);
                self.process(checked, identifier, older);
                return Answer::Duplicate(what);
            }
            None => {}
        }
        self.seen.insert(identifier.clone(), entry);
        self.process(checked, identifier, older)
    }

    /// A document under its own identifier, for the first time valid or at all.
    fn process(&mut self, checked: &Checked, identifier: Identifier, older: OlderMail) -> Answer {
        match (checked.kind, checked.verdict(), &checked.facts) {
            (
                Kind::Storno,
                Verdict::Valid,
                Facts {
                    cancels: Some(note), ..
                },
            ) => self.cancel(Identifier::new(note), identifier, older),
            (Kind::Note, Verdict::Valid, _) => match self.waiting.remove(&identifier) {
                Some(storno) => {
                    self.cancelled.insert(identifier, storno.clone());
                    Answer::CancelledBefore(storno)
                }
                None => Answer::New,
            },
            (Kind::Note | Kind::Storno | Kind::FundError, Verdict::Valid | Verdict::Invalid, _) => {
                Answer::New
            }
        }
    }

    fn cancel(&mut self, note: Identifier, storno: Identifier, older: OlderMail) -> Answer {
        match self.seen.get(&note) {
            Some(Entry {
                kind: Kind::Note,
                verdict: Verdict::Invalid,
                ..
            }) => Answer::StornoOfRejected(note),
            Some(Entry {
                kind: Kind::Note,
                verdict: Verdict::Valid,
                ..
            }) => match self.cancelled.get(&note) {
                Some(_) => Answer::StornoAgain(note),
                None => {
                    self.cancelled.insert(note.clone(), storno);
                    Answer::StornoOf(note)
                }
            },
            Some(_) => Answer::StornoOfUnknown(note),
            None if self.waiting.contains_key(&note) => Answer::StornoAgain(note),
            None if older == OlderMail::Unknown => {
                self.waiting.insert(note.clone(), storno);
                Answer::StornoWaits(note)
            }
            None => Answer::StornoOfUnknown(note),
        }
    }
}

fn repeat(earlier: Verdict, now: Verdict) -> Repeat {
    match (earlier, now) {
        (Verdict::Valid, Verdict::Valid | Verdict::Invalid) => Repeat::AlreadyAccepted,
        (Verdict::Invalid, Verdict::Invalid) => Repeat::StillInvalid,
        (Verdict::Invalid, Verdict::Valid) => Repeat::NowValid,
    }
}
