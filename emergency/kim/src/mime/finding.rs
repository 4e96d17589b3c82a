//! What an eAU, cancellation or eEB mail carries, and what is unusual about it (TA chapters 3 to 5, KP5-06).

use crate::{
    header::{Header, Service},
    name::{FileName, Kind},
    reply::{Releasable, Subject},
    result::Follows,
};

use super::{Condition, Disposition, Mail, Part};

/// What a mail carries for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A signed sick note.
    Eau(&'a Part),
    /// A signed cancellation.
    Cancellation(&'a Part),
    /// A signed request for a substitute certificate.
    EebRequest(&'a Part),
    /// The ticket of a mail in the attachment store: fetch it, then read that mail.
    Stored(&'a Part),
    /// Nothing that is processed without a person.
    None,
}

/// Something unusual. Sorted by weight in [`follows`](Self::follows), not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The mark promises a payload and there is none.
    NoPayload,
    /// There are several; one per mail is the rule.
    SeveralPayloads(usize),
    /// The payload's transfer encoding is damaged.
    Damaged,
    /// The payload is empty.
    Empty,
    /// The file's name does not follow the rule.
    Name,
    /// `Content-Description` is missing or names something else.
    Description,
    /// The part is not `application/octet-stream`.
    ContentType,
    /// The subject is not the file's name.
    Subject,
    /// The service mark promises something else than the file is.
    Mark,
    /// A copy was sent to others.
    Copies,
    /// There is no `Reply-To` inside KIM.
    ReplyTo,
    /// A test file at a productive address, or the other way round.
    Realm,
}

impl Finding {
    /// What follows. Only what makes the file unreadable justifies an error answer; a wrong mark, name or subject never
    /// does while the file can be processed (TA KP5-06). For several files and for the wrong realm a person decides (our
    /// reading).
    #[must_use]
    pub const fn follows(self, subject: Subject) -> Follows {
        match (self, subject) {
            (Self::NoPayload | Self::Damaged | Self::Empty, Subject::Eau) => {
                Follows::Propose(Releasable::EauUnreadable)
            }
            (Self::NoPayload | Self::Damaged | Self::Empty, Subject::Cancellation) => {
                Follows::Propose(Releasable::CancellationUnreadable)
            }
            (Self::SeveralPayloads(_) | Self::Realm, _) => Follows::Ask,
            (
                Self::Name
                | Self::Description
                | Self::ContentType
                | Self::Subject
                | Self::Mark
                | Self::Copies
                | Self::ReplyTo,
                _,
            ) => Follows::Proceed,
        }
    }

    /// For people, German first.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoPayload => "Die Nachricht enthält keine Datei. / The mail carries no file.",
            Self::SeveralPayloads(_) => {
                "Die Nachricht enthält mehrere Dateien. / The mail carries several files."
            }
            Self::Damaged => "Die Datei ist beschädigt. / The file is damaged.",
            Self::Empty => "Die Datei ist leer. / The file is empty.",
            Self::Name => "Der Dateiname folgt nicht der Regel. / The file name does not follow the rule.",
            Self::Description => {
                "Content-Description fehlt oder passt nicht. / Content-Description is missing or wrong."
            }
            Self::ContentType => {
                "Der Inhaltstyp ist nicht application/octet-stream. / The content type is not application/octet-stream."
            }
            Self::Subject => "Der Betreff ist nicht der Dateiname. / The subject is not the file name.",
            Self::Mark => {
                "Die Dienstkennung passt nicht zur Datei. / The service mark does not fit the file."
            }
            Self::Copies => "Die Nachricht ging in Kopie an andere. / The mail was copied to others.",
            Self::ReplyTo => {
                "Reply-To fehlt oder liegt außerhalb von KIM. / Reply-To is missing or lies outside KIM."
            }
            Self::Realm => {
                "Testdatei an Echtadresse oder umgekehrt. / A test file at a productive address or the reverse."
            }
        }
    }
}

/// A mail examined: what it carries and what is unusual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined<'a> {
    /// What it carries.
    pub payload: Payload<'a>,
    /// The payload's name, if it follows the rule.
    pub name: Option<FileName>,
    /// What is unusual, each once.
    pub findings: Vec<Finding>,
}

/// Examines a mail. Which kind a payload is, is told by its file name, then by its description, then by the mark: the mark
/// alone is the weakest witness (TA KP5-06).
#[must_use]
pub fn examine(mail: &Mail) -> Examined<'_> {
    if let Some(ticket) = mail.tickets().next() {
        return Examined {
            payload: Payload::Stored(ticket),
            name: None,
            findings: Vec::new(),
        };
    }
    let marked = marked(&mail.header);
    let mut candidates: Vec<(&Part, Kind)> = mail
        .parts
        .iter()
        .filter_map(|part| Some((part, by_itself(part)?)))
        .collect();
    if candidates.is_empty()
        && let Some(kind) = marked
    {
        // Nothing says what it is: a single binary attachment is what the mark promises.
        candidates = mail
            .parts
            .iter()
            .filter(|part| is_binary(part))
            .map(|part| (part, kind))
            .collect();
    }
    let mut findings = Vec::new();
    if candidates.len() > 1 {
        findings.push(Finding::SeveralPayloads(candidates.len()));
    }
    let Some((part, kind)) = candidates.first().copied() else {
        if marked.is_some() {
            findings.push(Finding::NoPayload);
        }
        return Examined {
            payload: Payload::None,
            name: None,
            findings,
        };
    };
    let name = part
        .name
        .as_deref()
        .and_then(FileName::read)
        .filter(|name| name.kind == kind);
    of_part(part, kind, name.as_ref(), &mut findings);
    of_header(&mail.header, kind, name.as_ref(), marked, &mut findings);
    let payload = match kind {
        Kind::Eau => Payload::Eau(part),
        Kind::Cancellation => Payload::Cancellation(part),
        Kind::EebRequest => Payload::EebRequest(part),
        Kind::EauError | Kind::EebCertificate | Kind::EebError => Payload::None,
    };
    Examined {
        payload,
        name,
        findings,
    }
}

fn of_part(part: &Part, kind: Kind, name: Option<&FileName>, findings: &mut Vec<Finding>) {
    let facts = [
        (part.condition == Condition::Damaged, Finding::Damaged),
        (part.content.is_empty(), Finding::Empty),
        (name.is_none(), Finding::Name),
        (
            part.description.as_deref().and_then(Kind::described) != Some(kind),
            Finding::Description,
        ),
        (&*part.kind != "application/octet-stream", Finding::ContentType),
    ];
    findings.extend(
        facts
            .into_iter()
            .filter_map(|(is, finding)| is.then_some(finding)),
    );
}

fn of_header(
    header: &Header,
    kind: Kind,
    name: Option<&FileName>,
    marked: Option<Kind>,
    findings: &mut Vec<Finding>,
) {
    let subject = header.subject.as_deref().and_then(FileName::read_subject);
    let addressed = header.to.iter().find_map(|mailbox| mailbox.kim().ok());
    let crossed = match (name, addressed) {
        (Some(name), Some(address)) => name.realm != address.realm(),
        (None, _) | (_, None) => false,
    };
    let facts = [
        (name.is_none() || subject.as_ref() != name, Finding::Subject),
        (marked != Some(kind), Finding::Mark),
        (!header.cc.is_empty() || !header.bcc.is_empty(), Finding::Copies),
        (header.reply_to_kim().is_none(), Finding::ReplyTo),
        (crossed, Finding::Realm),
    ];
    findings.extend(
        facts
            .into_iter()
            .filter_map(|(is, finding)| is.then_some(finding)),
    );
}

/// What a part says about itself.
fn by_itself(part: &Part) -> Option<Kind> {
    let name = part
        .name
        .as_deref()
        .and_then(FileName::read)
        .map(|name| name.kind);
    name.or_else(|| part.description.as_deref().and_then(Kind::described))
}

/// What the service mark promises.
fn marked(header: &Header) -> Option<Kind> {
    match header.mark.service() {
        Service::EauDelivery(_) => Some(Kind::Eau),
        Service::EauCancellation(_) => Some(Kind::Cancellation),
        Service::EebRequest(_) => Some(Kind::EebRequest),
        Service::EauError(_)
        | Service::EebCertificate(_)
        | Service::EebError(_)
        | Service::Letter
        | Service::Other => None,
    }
}

fn is_binary(part: &Part) -> bool {
    let signed = part
        .name
        .as_deref()
        .is_some_and(|name| name.to_ascii_lowercase().ends_with(".p7s"));
    signed || (part.disposition == Disposition::Attachment && &*part.kind == "application/octet-stream")
}
