//! A desk: the keys, anchors and rules by which mails of one cell are worked on.

use std::path::PathBuf;

use eau::{Checked, Kind, Validator};
use kim::{
    header::{Header, Service},
    mime::{Limits, Mail, Part, Payload, examine},
    reply::{Releasable, Subject},
    result::{Decryption, Follows, Integrity},
};
use serde::{Deserialize, Serialize};
use smime::{Checks, FileKey, Ground, Opened, Outcome, PrivateKey, TrustStore};
use vocabulary::{CellId, Digest, Timestamp};

use super::{Record, Verdict, Worked};
use crate::report::{Code, Trouble};

/// `[[desks]]` of `emergency.toml`: by what the mails of a cell are opened and judged.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskConfig {
    /// Whose mails.
    pub cell: CellId,
    /// Folder of trust anchors, with `intermediates/`, `lists/` and `answers/`.
    pub trust: PathBuf,
    /// The mailbox's keys, older ones included: mail is encrypted to whichever the sender found in the directory.
    pub keys: Vec<KeyFiles>,
}

/// A private key and its certificate.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFiles {
    /// PKCS#8, for its owner alone.
    pub key: PathBuf,
    /// The certificate.
    pub certificate: PathBuf,
}

/// By what the mails of one cell are worked on.
pub struct Desk {
    trust: TrustStore,
    keys: Vec<FileKey>,
    validator: Validator,
}

/// What was found out so far about one mail.
#[derive(Default)]
struct Course {
    /// The first error answer the rules ask for.
    proposed: Option<Releasable>,
    /// Something a person decides.
    asks: bool,
    checked: Option<Checked>,
    document: Option<Digest>,
}

impl Course {
    fn follows(&mut self, follows: Follows) {
        match follows {
            Follows::Proceed => {}
            Follows::Propose(code) => self.proposed = self.proposed.or(Some(code)),
            // What is held was told apart before; a person looks at anything else that cannot go on.
            Follows::Ask | Follows::Hold => self.asks = true,
        }
    }
}

impl Desk {
    /// Reads keys and anchors.
    ///
    /// # Errors
    /// [`Trouble`] with the file that cannot be used.
    pub fn open(config: &DeskConfig) -> Result<Self, Trouble> {
        let cell = &config.cell;
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
            Trouble::because(
                Code::Keys,
                format!(
                    "Schlüssel oder Vertrauensanker für {cell} sind nicht brauchbar. / Keys or trust anchors for {cell} are not usable."
                ),
                error,
            )
        };
        let keys = config
            .keys
            .iter()
            .map(|files| FileKey::read(&files.key, &files.certificate));
        Ok(Self {
            trust: TrustStore::read(&config.trust).map_err(|error| wrong(error.into()))?,
            keys: keys
                .collect::<Result<_, _>>()
                .map_err(|error| wrong(error.into()))?,
            validator: Validator::new().map_err(|error| wrong(error.to_string().into()))?,
        })
    }

    pub(super) fn work(&self, raw: &[u8], received: Timestamp, mut record: Record) -> Worked {
        let checks = Checks {
            trust: &self.trust,
            received,
        };
        let keys: Vec<&dyn PrivateKey> = self.keys.iter().map(|key| key as &dyn PrivateKey).collect();
        let mut course = Course::default();
        let held = match smime::open(raw, &keys, &checks) {
            Ok(Outcome::Opened(opened)) => {
                record.decryption = Some("00");
                self.opened(*opened, &checks, &mut course, &mut record);
                false
            }
            Ok(Outcome::Plain(_)) => {
                course.asks = true;
                record
                    .notes
                    .push("nicht verschlüsselt / not encrypted".to_owned());
                false
            }
            Ok(outcome @ (Outcome::Hold(_) | Outcome::Unreadable(_))) => {
                closed(&outcome, subject_of(raw), &mut course, &mut record)
            }
            Err(error) => {
                course.asks = true;
                record.notes.push(error.to_string());
                false
            }
        };
        let verdict = if held {
            Verdict::Held
        } else if course.asks {
            Verdict::ForPerson
        } else if course.proposed.is_some() {
            Verdict::Faulty
        } else {
            Verdict::Accepted
        };
        Worked {
            verdict,
            identifier: course
                .checked
                .as_ref()
                .and_then(|checked| checked.identifier.clone()),
            document: course.document,
            proposed: course.proposed.filter(|_| !held).map(Releasable::number),
            record: record.write(),
        }
    }

    fn opened(&self, opened: Opened, checks: &Checks<'_>, course: &mut Course, record: &mut Record) {
        let mail = match Mail::read(opened.content.bytes(), &Limits::default()) {
            Ok(mail) => mail,
            Err(error) => {
                course.asks = true;
                record.notes.push(error.to_string());
                return;
            }
        };
        let subject = subject(&mail.header);
        record.integrity = Some(opened.integrity().code());
        record
            .notes
            .extend(opened.findings.iter().map(ToString::to_string));
        course.follows(
            Integrity::read(opened.integrity().code()).map_or(Follows::Ask, |result| result.follows(subject)),
        );
        let examined = examine(&mail);
        for finding in &examined.findings {
            course.follows(finding.follows(subject));
            record.notes.push(finding.sentence().to_owned());
        }
        match examined.payload {
            Payload::Eau(part) => self.document(part, Subject::Eau, &mail, checks, course, record),
            Payload::Cancellation(part) => {
                self.document(part, Subject::Cancellation, &mail, checks, course, record);
            }
            Payload::EebRequest(_) | Payload::Stored(_) | Payload::None => course.asks = true,
        }
    }

    /// The signed document inside: its signature, then its content by the rules of the mail's day.
    fn document(
        &self,
        part: &Part,
        subject: Subject,
        mail: &Mail,
        checks: &Checks<'_>,
        course: &mut Course,
        record: &mut Record,
    ) {
        let document = match smime::verify(&part.content, checks) {
            Ok(document) => document,
            Err(fault) => {
                // Not a signature we can read: whether it is none is for a person to say.
                course.asks = true;
                record.notes.push(fault.to_string());
                return;
            }
        };
        for finding in &document.findings {
            record.notes.push(finding.to_string());
            // What nobody here can check is for a person, never a ground for an answer.
            course.asks |= matches!(finding, smime::Finding::NotCheckable(_));
            course.follows(of_document(finding.ground(), subject));
        }
        course.document = Some(Digest::of(&document.content));
        match self
            .validator
            .check(&document.content, mail.header.sent.map(|sent| sent.day))
        {
            Ok(checked) => {
                record
                    .notes
                    .extend(checked.findings.iter().map(ToString::to_string));
                let fits = match (checked.kind, subject) {
                    (Kind::Note, Subject::Eau) | (Kind::Storno, Subject::Cancellation) => true,
                    (Kind::Note | Kind::Storno | Kind::FundError, Subject::Eau | Subject::Cancellation) => {
                        false
                    }
                };
                course.asks |= !fits;
                if checked.verdict() == eau::Verdict::Invalid {
                    course.follows(Follows::Propose(unreadable(subject)));
                }
                record.facts = Some(checked.facts.clone());
                course.checked = Some(checked);
            }
            Err(eau::Unreadable::Xml(error)) => {
                record.notes.push(error.to_string());
                course.follows(Follows::Propose(unreadable(subject)));
            }
            Err(error @ (eau::Unreadable::Stranger | eau::Unreadable::NoRules(_))) => {
                record.notes.push(error.to_string());
                course.asks = true;
            }
        }
    }
}

/// A mail that did not open: held where it may be our fault, whatever else it may be. Says whether it is.
fn closed(outcome: &Outcome, subject: Subject, course: &mut Course, record: &mut Record) -> bool {
    let code = outcome.decryption().map(|result| result.code());
    record.decryption = code;
    let note = match outcome {
        Outcome::Hold(hold) => hold.to_string(),
        Outcome::Unreadable(why) => why.to_string(),
        Outcome::Opened(_) | Outcome::Plain(_) => String::new(),
    };
    record.notes.push(note);
    if let Outcome::Unreadable(smime::Unreadable::Undecryptable) = outcome {
        course.asks = true;
        return false;
    }
    match code
        .and_then(Decryption::read)
        .map(|result| result.follows(subject))
    {
        Some(Follows::Hold) | None => true,
        Some(follows @ (Follows::Proceed | Follows::Ask | Follows::Propose(_))) => {
            course.follows(follows);
            false
        }
    }
}

fn subject_of(raw: &[u8]) -> Subject {
    let head = kim::header::end(raw)
        .and_then(|end| raw.get(..end))
        .unwrap_or_default();
    Header::read(head).map_or(Subject::Eau, |header| subject(&header))
}

fn subject(header: &Header) -> Subject {
    match header.mark.service() {
        Service::EauCancellation(_) => Subject::Cancellation,
        Service::EauDelivery(_)
        | Service::EauError(_)
        | Service::EebRequest(_)
        | Service::EebCertificate(_)
        | Service::EebError(_)
        | Service::Letter
        | Service::Other => Subject::Eau,
    }
}

const fn unreadable(subject: Subject) -> Releasable {
    match subject {
        Subject::Eau => Releasable::EauUnreadable,
        Subject::Cancellation => Releasable::CancellationUnreadable,
    }
}

/// What follows from what is wrong with a document's signature (eAU 201 to 204; the others have no code of their own).
const fn of_document(ground: Ground, subject: Subject) -> Follows {
    match (ground, subject) {
        (Ground::Certificate, Subject::Eau) => Follows::Propose(Releasable::EauCertificate),
        (Ground::Certificate, Subject::Cancellation) => Follows::Propose(Releasable::CancellationCertificate),
        (Ground::Mismatch, Subject::Eau) => Follows::Propose(Releasable::EauSignature),
        (Ground::Mismatch, Subject::Cancellation) => Follows::Propose(Releasable::CancellationSignature),
        (Ground::Encryption | Ground::Unsigned | Ground::Format, Subject::Eau | Subject::Cancellation) => {
            Follows::Ask
        }
        (Ground::Outside | Ground::Undecided, Subject::Eau | Subject::Cancellation) => Follows::Proceed,
    }
}
