//! The mail of an answer: a refusal leaves as it is, a certificate once it is signed.

use jiff::civil::Date;

use super::{
    Decision, Fund, Lookup, Member, Refusal, Request, RequestId, Seed,
    certificate::{self, Words},
};
use crate::{
    address::{KimAddress, Realm},
    header::{Header, MessageId, ServiceMark},
    name::{FileName, Kind},
    promises,
    reply::{Answer, BundleId, Envelope, Letter, NotWritten, Outcome, Reference, Says, outcome, write},
};

/// Who asked, from the outer header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asker {
    /// Where the answer goes: `Reply-To` inside KIM, else `From`.
    pub to: KimAddress,
    /// The request's outer `Message-ID`.
    pub message_id: MessageId,
    /// Productive or test.
    pub realm: Realm,
}

/// An answer, as far as it can be made here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Prepared {
    /// A refusal: it leaves as it is.
    Refusal(Answer),
    /// A certificate: its document has to be signed first.
    Certificate(Unsigned),
}

/// A certificate whose document is not signed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsigned {
    document: Vec<u8>,
    file: FileName,
    asker: Asker,
    envelope: Envelope,
    as_of: Date,
}

impl Asker {
    /// Who asked, by the outer header of a mail to our own mailbox: `Reply-To` inside KIM, else `From`; `None` when both lie
    /// outside.
    #[must_use]
    pub fn of(header: &Header, own: &KimAddress) -> Option<Self> {
        Some(Self {
            to: header.reply_to_kim().or_else(|| header.from_kim())?,
            message_id: header.message_id.clone(),
            realm: own.realm(),
        })
    }
}

impl Unsigned {
    /// The bytes to sign: enveloping, with the organisation's signing key (C.HCI.OSIG).
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// The mail, with the signed bytes.
    ///
    /// # Errors
    /// [`NotWritten::Mail`].
    pub fn mail(self, signed: Vec<u8>) -> Result<Answer, NotWritten> {
        let (date, date_en) = (
            self.as_of.strftime("%d.%m.%Y").to_string(),
            self.as_of.to_string(),
        );
        let text = format!(
            "Ersatzbescheinigung aus dem Notbetrieb der Krankenkasse.\r\nStand der Daten: {date}. Änderungen danach sind nicht enthalten.\r\n\r\nSubstitute certificate from the insurer's emergency operation.\r\nData as of {date_en}. Later changes are not included.\r\n"
        );
        finish(
            &self.envelope,
            &self.asker,
            Says::Certificate,
            text,
            self.file,
            signed,
        )
    }
}

/// Prepares the answer to a request. `request` is what could be read of it.
///
/// # Errors
/// [`NotWritten`].
pub fn prepare(
    decision: &Decision,
    asker: Asker,
    request: Option<&Request>,
    lookup: Option<&impl Lookup>,
    envelope: Envelope,
    seed: &Seed,
) -> Result<Prepared, NotWritten> {
    match (decision, request, lookup) {
        (Decision::Certify(member), Some(request), Some(lookup)) => certify(
            member,
            asker,
            request,
            (lookup.fund(), lookup.as_of()),
            envelope,
            seed,
        )
        .map(Prepared::Certificate),
        (Decision::Refuse(refusal), _, _) => {
            refuse(*refusal, &asker, request.map(|request| &request.id), &envelope).map(Prepared::Refusal)
        }
        // Nothing to certify from: the decision was made elsewhere, from something we do not have.
        (Decision::Certify(_), _, _) => refuse(
            Refusal::SpecialCase,
            &asker,
            request.map(|request| &request.id),
            &envelope,
        )
        .map(Prepared::Refusal),
    }
}

fn certify(
    member: &Member,
    asker: Asker,
    request: &Request,
    (fund, as_of): (&Fund, Date),
    envelope: Envelope,
    seed: &Seed,
) -> Result<Unsigned, NotWritten> {
    let file = FileName::new(asker.realm, Kind::EebCertificate, envelope.document.as_str())
        .ok_or(NotWritten::Mail)?;
    let document = certificate::document(&Words {
        id: &envelope.document,
        seed,
        at: envelope.sent,
        request: &request.id,
        profession: request.profession.as_deref(),
        endpoint: &format!("https://{}/KIM", envelope.from.domain()),
        fund,
        member,
        day: request.service_day,
    });
    Ok(Unsigned {
        document,
        file,
        asker,
        envelope,
        as_of,
    })
}

fn refuse(
    refusal: Refusal,
    asker: &Asker,
    request: Option<&RequestId>,
    envelope: &Envelope,
) -> Result<Answer, NotWritten> {
    let bundle = request.and_then(|id| BundleId::new(&format!("urn:uuid:{}", id.as_str())));
    // Of a mail that was never opened, only its id is known.
    let about = match bundle {
        Some(bundle) if refusal.number() < 300 => Reference::Bundle(bundle),
        Some(_) | None => Reference::Mail(asker.message_id.clone()),
    };
    let words = Outcome {
        id: &envelope.document,
        profile: "https://gematik.de/fhir/eeb/StructureDefinition/EEBFehler",
        extension: "https://gematik.de/fhir/eeb/StructureDefinition/EEBOperationOutcomeIssueIdentifier",
        mail_system: "https://gematik.de/fhir/eeb/StructureDefinition/Message_ID_KIM",
        code_system: "https://gematik.de/fhir/eeb/CodeSystem/EEBErrorcodeCS",
        code: refusal.number(),
        display: refusal.display(),
    };
    let document = outcome(&words, &about).document();
    promises::mail_1(&document)?;
    let file =
        FileName::new(asker.realm, Kind::EebError, envelope.document.as_str()).ok_or(NotWritten::Mail)?;
    let text = format!(
        "Es kann keine Ersatzbescheinigung ausgestellt werden (Code {}).\r\n{}\r\n\r\nNo substitute certificate can be issued (code {}).\r\n",
        refusal.number(),
        refusal.display(),
        refusal.number()
    );
    finish(
        envelope,
        asker,
        Says::Error(refusal.number()),
        text,
        file,
        document,
    )
}

fn finish(
    envelope: &Envelope,
    asker: &Asker,
    says: Says,
    text: String,
    file: FileName,
    document: Vec<u8>,
) -> Result<Answer, NotWritten> {
    let (mark, kind) = match says {
        Says::Error(_) => ("eEB;Fehler;V1.1", "application/xml"),
        Says::Certificate => ("eEB;Bescheinigung;V1.1", "application/octet-stream"),
    };
    let mark = ServiceMark::new(mark);
    let mail = write(&Letter {
        envelope,
        to: &asker.to,
        mark: mark.clone(),
        in_reply_to: Some(&asker.message_id),
        text,
        file: &file,
        kind,
        document: &document,
    })?;
    Ok(Answer {
        from: envelope.from.clone(),
        to: asker.to.clone(),
        says,
        mark,
        file,
        document,
        mail,
    })
}
