//! Sentences for insured people, employers and the press.

use super::{Said, ServiceKind, State, audiences::general, said};

pub(super) const fn insured(kind: ServiceKind, state: State) -> Option<Said> {
    Some(match kind {
        ServiceKind::Eau => insured_eau(state),
        ServiceKind::Payments => insured_payments(state),
        ServiceKind::Contact => insured_contact(state),
        ServiceKind::Epa => insured_epa(state),
        ServiceKind::Lookup => insured_lookup(state),
        ServiceKind::Other => general(state),
        ServiceKind::Kim | ServiceKind::Statistics | ServiceKind::Exchange => return None,
    })
}

const fn insured_eau(state: State) -> Said {
    match state {
        State::Normal => said(
            "Ihre Praxis übermittelt die Krankmeldung wie gewohnt. Sie müssen nichts tun.",
            "Your practice transmits the sick note as usual. You need not do anything.",
        ),
        State::Restricted => said(
            "Ihre Praxis übermittelt die Krankmeldung. Die Bearbeitung kann länger dauern. Heben Sie den Ausdruck für Ihre Unterlagen auf.",
            "Your practice transmits the sick note. Processing may take longer. Keep the printout for your records.",
        ),
        State::Emergency => said(
            "Krankmeldungen werden im Notbetrieb bearbeitet. Sie müssen nichts tun. Heben Sie den Ausdruck für Ihre Unterlagen auf.",
            "Sick notes are processed in emergency operation. You need not do anything. Keep the printout for your records.",
        ),
        State::Held => said(
            "Ihre Krankmeldung wird von der Praxis übermittelt, angenommen und sicher gespeichert. Sie wartet auf die Bearbeitung. Sie müssen sie nicht noch einmal einreichen.",
            "Your sick note is transmitted by the practice, accepted and stored safely. It waits to be processed. You need not hand it in again.",
        ),
        State::OffDecided | State::OffFault => said(
            "Ihre Praxis kann die Krankmeldung zurzeit nicht übermitteln. Lassen Sie sich einen Ausdruck geben. Sagen Sie Ihrem Arbeitgeber wie immer selbst Bescheid.",
            "Your practice cannot transmit the sick note at the moment. Ask for a printout. Tell your employer yourself, as always.",
        ),
    }
}

const fn insured_payments(state: State) -> Said {
    match state {
        State::Normal => said(
            "Zahlungen laufen wie gewohnt. Sie müssen nichts tun.",
            "Payments run as usual. You need not do anything.",
        ),
        State::Restricted => said(
            "Zahlungen laufen, einzelne können später kommen. Brauchen Sie das Geld dringend, rufen Sie Ihre Kasse an.",
            "Payments run; some may arrive later. If you urgently need the money, telephone your insurer.",
        ),
        State::Emergency => said(
            "Krankengeld und Pflegegeld werden im Notbetrieb gezahlt. Fehlt Ihnen eine Zahlung, rufen Sie Ihre Kasse an.",
            "Sick pay and care allowance are paid in emergency operation. If a payment is missing, telephone your insurer.",
        ),
        State::Held => said(
            "Ihr Antrag wird angenommen und sicher gespeichert. Die Auszahlung wartet. Stellen Sie den Antrag nicht noch einmal. Brauchen Sie das Geld dringend, rufen Sie Ihre Kasse an.",
            "Your application is accepted and stored safely. The payment waits. Do not apply again. If you urgently need the money, telephone your insurer.",
        ),
        State::OffDecided | State::OffFault => said(
            "Zahlungen werden zurzeit nicht ausgeführt. Ihr Anspruch geht dadurch nicht verloren. Brauchen Sie das Geld dringend, rufen Sie Ihre Kasse an.",
            "Payments are not being made at the moment. You do not lose your entitlement. If you urgently need the money, telephone your insurer.",
        ),
    }
}

const fn insured_contact(state: State) -> Said {
    match state {
        State::Normal => general(State::Normal),
        State::Restricted | State::Emergency => said(
            "Ihre E-Mail kommt an. Die Antwort kann länger dauern. Dringendes klären Sie telefonisch.",
            "Your e-mail arrives. The answer may take longer. For urgent matters telephone.",
        ),
        State::Held => said(
            "Ihre E-Mail wird angenommen und sicher gespeichert. Sie wartet darauf, gelesen zu werden. Bitte nicht noch einmal senden. Dringendes klären Sie telefonisch.",
            "Your e-mail is accepted and stored safely. It waits to be read. Please do not send it again. For urgent matters telephone.",
        ),
        State::OffDecided | State::OffFault => said(
            "E-Mails an die Kasse kommen zurzeit nicht an. Rufen Sie an oder schreiben Sie einen Brief. Schicken Sie keine Gesundheitsdaten an andere Adressen.",
            "E-mails to the insurer do not arrive at the moment. Telephone or write a letter. Do not send health data to other addresses.",
        ),
    }
}

const fn insured_epa(state: State) -> Said {
    match state {
        State::Normal => general(State::Normal),
        State::Restricted | State::Emergency => said(
            "Ihre Akte ist erreichbar, einzelne Funktionen können fehlen. Für Ihre Behandlung fragen Sie Ihre Praxis.",
            "Your record can be reached; some functions may be missing. For your treatment ask your practice.",
        ),
        State::Held | State::OffDecided | State::OffFault => said(
            "Sie und Ihre Praxis erreichen die Akte zurzeit nicht. Nehmen Sie Medikationsplan und Befunde auf Papier zum Termin mit.",
            "You and your practice cannot reach the record at the moment. Take your medication plan and findings on paper to your appointment.",
        ),
    }
}

const fn insured_lookup(state: State) -> Said {
    match state {
        State::Normal => general(State::Normal),
        State::Restricted | State::Emergency => said(
            "Auskünfte nennen den letzten bekannten Stand mit Datum. Nehmen Sie Ihren Befreiungsausweis mit.",
            "Look-ups give the last known answer with its date. Take your exemption card with you.",
        ),
        State::Held | State::OffDecided | State::OffFault => said(
            "Ihre Zuzahlungsbefreiung kann zurzeit nicht abgefragt werden. Nehmen Sie Ihren Befreiungsausweis mit und heben Sie Quittungen auf.",
            "Your co-payment exemption cannot be looked up at the moment. Take your exemption card with you and keep receipts.",
        ),
    }
}

pub(super) const fn employer(kind: ServiceKind, state: State) -> Option<Said> {
    Some(match kind {
        ServiceKind::Exchange => employer_exchange(state),
        ServiceKind::Eau => employer_eau(state),
        ServiceKind::Contact => insured_contact(state),
        ServiceKind::Other => general(state),
        ServiceKind::Kim
        | ServiceKind::Epa
        | ServiceKind::Payments
        | ServiceKind::Statistics
        | ServiceKind::Lookup => return None,
    })
}

const fn employer_eau(state: State) -> Said {
    match state {
        State::Normal => general(State::Normal),
        State::Restricted | State::Emergency => said(
            "Krankmeldungen liegen später zum Abruf bereit. Eine fehlende Krankmeldung heißt zurzeit nicht, dass es keine gibt.",
            "Sick notes become available for retrieval later. A missing sick note does not at present mean that there is none.",
        ),
        State::Held => said(
            "Krankmeldungen der Praxen werden angenommen und sicher gespeichert und warten auf die Bearbeitung. Eine fehlende Krankmeldung heißt zurzeit nicht, dass es keine gibt. Fordern Sie sie nicht erneut an.",
            "Sick notes from practices are accepted and stored safely and wait to be processed. A missing sick note does not at present mean that there is none. Do not ask for it again.",
        ),
        State::OffDecided | State::OffFault => said(
            "Krankmeldungen können zurzeit nicht übermittelt werden. Eine fehlende Krankmeldung heißt nicht, dass es keine gibt. Lassen Sie sich den Ausdruck zeigen.",
            "Sick notes cannot be transmitted at the moment. A missing sick note does not mean that there is none. Ask to see the printout.",
        ),
    }
}

const fn employer_exchange(state: State) -> Said {
    match state {
        State::Normal => general(State::Normal),
        State::Restricted | State::Emergency => said(
            "Senden Sie Meldungen und Beitragsnachweise wie gewohnt. Rückmeldungen können später kommen. Zahlen Sie Beiträge pünktlich.",
            "Send reports and contribution statements as usual. Answers may come later. Pay contributions on time.",
        ),
        State::Held => said(
            "Ihre Meldungen und Beitragsnachweise werden angenommen und sicher gespeichert und warten auf die Bearbeitung. Bitte nicht noch einmal senden. Zahlen Sie Beiträge pünktlich.",
            "Your reports and contribution statements are accepted and stored safely and wait to be processed. Do not send them again. Pay contributions on time.",
        ),
        State::OffDecided | State::OffFault => said(
            "Meldungen werden vorübergehend nicht angenommen. Ihre Software behält sie und sendet später. Zahlen Sie Beiträge pünktlich.",
            "Reports are temporarily not accepted. Your software keeps them and sends later. Pay contributions on time.",
        ),
    }
}

pub(super) const fn press(state: State) -> Said {
    match state {
        State::Normal => said("Der Dienst arbeitet wie gewohnt.", "The service works as usual."),
        State::Restricted => said(
            "Der Dienst arbeitet mit Einschränkungen. Was wir wissen und was nicht, steht unter „Aussagen“.",
            "The service works with restrictions. What we know and do not know is on the page “Claims”.",
        ),
        State::Emergency => said(
            "Ein getrennter Notbetrieb erledigt das Nötigste. Was wir wissen und was nicht, steht unter „Aussagen“.",
            "A separate emergency system does what is most needed. What we know and do not know is on the page “Claims”.",
        ),
        State::Held => said(
            "Eingehendes wird angenommen, sicher gespeichert und wartet auf die Bearbeitung. Absender müssen nicht erneut senden.",
            "What comes in is accepted, stored safely and waits to be processed. Senders need not send again.",
        ),
        State::OffDecided => said(
            "Der Dienst wurde vom Betreiber zum Schutz abgeschaltet. Er öffnet erst nach geprüfter Freigabe.",
            "The operator switched the service off to protect it. It opens only after an examined clearance.",
        ),
        State::OffFault => said(
            "Der Dienst ist ausgefallen; er wurde nicht vom Betreiber abgeschaltet. Zur Ursache siehe „Aussagen“.",
            "The service is down; the operator did not switch it off. For the cause see “Claims”.",
        ),
    }
}
