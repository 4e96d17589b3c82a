//! Sentences for practices, hospitals, pharmacies and makers of digital health applications.

use super::{Said, ServiceKind, State, audiences::general, said};

pub(super) const fn practice(kind: ServiceKind, state: State) -> Option<Said> {
    Some(match kind {
        ServiceKind::Eau => sick_notes(state),
        ServiceKind::Kim => kim(state),
        ServiceKind::Epa => epa(state),
        ServiceKind::Lookup => counter(state),
        ServiceKind::Other => general(state),
        ServiceKind::Contact | ServiceKind::Payments | ServiceKind::Statistics | ServiceKind::Exchange => {
            return None;
        }
    })
}

pub(super) const fn hospital(kind: ServiceKind, state: State) -> Option<Said> {
    Some(match kind {
        ServiceKind::Eau => sick_notes(state),
        ServiceKind::Kim => kim(state),
        ServiceKind::Epa => epa(state),
        ServiceKind::Exchange => exchange(state),
        ServiceKind::Payments => provider_payments(state),
        ServiceKind::Other => general(state),
        ServiceKind::Contact | ServiceKind::Statistics | ServiceKind::Lookup => return None,
    })
}

pub(super) const fn pharmacy(kind: ServiceKind, state: State) -> Option<Said> {
    Some(match kind {
        ServiceKind::Lookup => counter(state),
        ServiceKind::Epa => epa(state),
        ServiceKind::Kim => kim(state),
        ServiceKind::Exchange => exchange(state),
        ServiceKind::Payments => provider_payments(state),
        ServiceKind::Other => general(state),
        ServiceKind::Eau | ServiceKind::Contact | ServiceKind::Statistics => return None,
    })
}

pub(super) const fn diga_maker(kind: ServiceKind, state: State) -> Option<Said> {
    Some(match kind {
        ServiceKind::Lookup => codes(state),
        ServiceKind::Exchange => exchange(state),
        ServiceKind::Payments => provider_payments(state),
        ServiceKind::Other => general(state),
        ServiceKind::Kim
        | ServiceKind::Eau
        | ServiceKind::Contact
        | ServiceKind::Epa
        | ServiceKind::Statistics => return None,
    })
}

const fn sick_notes(state: State) -> Said {
    match state {
        State::Normal => said("Senden Sie wie gewohnt.", "Send as usual."),
        State::Restricted => said(
            "Senden Sie wie gewohnt. Meldet Ihr System die Annahme, ist nichts nachzuholen.",
            "Send as usual. If your system reports acceptance, nothing needs to be made up for.",
        ),
        State::Emergency => said(
            "Senden Sie wie gewohnt. Krankmeldungen werden im Notbetrieb bearbeitet. Meldet Ihr System die Annahme, ist nichts nachzuholen.",
            "Send as usual. Sick notes are processed in emergency operation. If your system reports acceptance, nothing needs to be made up for.",
        ),
        State::Held => said(
            "Senden Sie wie gewohnt. Ihre Nachricht wird angenommen, sicher gespeichert und wartet auf die Bearbeitung. Senden Sie sie nicht noch einmal. Mit dem Schlüssel aus der Empfangsquittung können Sie den Stand abfragen.",
            "Send as usual. Your message is accepted, stored safely and waits to be processed. Do not send it again. With the key from the receipt you can ask for its state.",
        ),
        State::OffDecided | State::OffFault => said(
            "Ihre Nachricht wird vorübergehend nicht angenommen; Ihr Postausgang behält sie und versucht es selbst erneut. Geben Sie den Ausdruck mit. Gelingt die Übermittlung binnen 24 Stunden nicht, gilt das Papierverfahren Ihrer Vereinbarung.",
            "Your message is temporarily not accepted; your outbox keeps it and tries again by itself. Hand out the printout. If transmission does not succeed within 24 hours, the paper procedure of your agreement applies.",
        ),
    }
}

const fn kim(state: State) -> Said {
    match state {
        State::Normal => said("Senden Sie wie gewohnt.", "Send as usual."),
        State::Restricted | State::Emergency => said(
            "Senden Sie wie gewohnt. Antworten der Kasse können später kommen.",
            "Send as usual. Answers from the insurer may come later.",
        ),
        State::Held => said(
            "Senden Sie wie gewohnt. Ihre Nachricht wird angenommen, sicher gespeichert und wartet auf die Bearbeitung. Senden Sie sie nicht noch einmal.",
            "Send as usual. Your message is accepted, stored safely and waits to be processed. Do not send it again.",
        ),
        State::OffDecided | State::OffFault => said(
            "Ihre Nachricht wird vorübergehend nicht angenommen; Ihr Postausgang behält sie und versucht es selbst erneut. Senden Sie nicht von Hand nach.",
            "Your message is temporarily not accepted; your outbox keeps it and tries again by itself. Do not re-send by hand.",
        ),
    }
}

const fn epa(state: State) -> Said {
    match state {
        State::Normal => said("Nutzen Sie die Akte wie gewohnt.", "Use the record as usual."),
        State::Restricted | State::Emergency => said(
            "Die Akte ist erreichbar, einzelne Funktionen können fehlen. Prüfen Sie, ob Ihr Eintrag angezeigt wird.",
            "The record can be reached; some functions may be missing. Check that your entry is shown.",
        ),
        State::Held | State::OffDecided | State::OffFault => said(
            "Die Akte ist nicht erreichbar, Einträge werden nicht gespeichert. Dokumentieren Sie in Ihrem System und stellen Sie später ein.",
            "The record cannot be reached; entries are not stored. Document in your own system and upload later.",
        ),
    }
}

const fn counter(state: State) -> Said {
    match state {
        State::Normal => said("Fragen Sie wie gewohnt ab.", "Look up as usual."),
        State::Restricted | State::Emergency => said(
            "Die Auskunft nennt den letzten bekannten Stand mit Datum. Achten Sie auf das Datum.",
            "The look-up gives the last known answer with its date. Mind the date.",
        ),
        State::Held | State::OffDecided | State::OffFault => said(
            "Die Abfrage ist nicht möglich. Lassen Sie sich den Befreiungsausweis zeigen und stellen Sie eine Quittung aus.",
            "The look-up is not possible. Ask for the exemption card and issue a receipt.",
        ),
    }
}

const fn codes(state: State) -> Said {
    match state {
        State::Normal => said(
            "Prüfen Sie Freischaltcodes wie gewohnt.",
            "Validate activation codes as usual.",
        ),
        State::Restricted | State::Emergency => said(
            "Codes werden gegen den letzten bekannten Stand geprüft; die Antwort trägt dessen Datum. Achten Sie auf das Datum.",
            "Codes are checked against the last known state; the answer carries its date. Mind the date.",
        ),
        State::Held | State::OffDecided | State::OffFault => said(
            "Codes können nicht geprüft werden. Eine Abweisung heißt zurzeit nicht, dass der Code ungültig ist. Behalten Sie die Codes und prüfen Sie später.",
            "Codes cannot be validated. A refusal does not at present mean that a code is invalid. Keep the codes and validate later.",
        ),
    }
}

const fn exchange(state: State) -> Said {
    match state {
        State::Normal => said("Senden Sie wie gewohnt.", "Send as usual."),
        State::Restricted | State::Emergency => said(
            "Senden Sie wie gewohnt. Rückmeldungen können später kommen.",
            "Send as usual. Answers may come later.",
        ),
        State::Held => said(
            "Ihre Dateien werden angenommen, sicher gespeichert und warten auf die Bearbeitung. Senden Sie sie nicht noch einmal.",
            "Your files are accepted, stored safely and wait to be processed. Do not send them again.",
        ),
        State::OffDecided | State::OffFault => said(
            "Dateien werden vorübergehend nicht angenommen. Behalten Sie sie und senden Sie nach der nächsten Meldung.",
            "Files are temporarily not accepted. Keep them and send after the next update.",
        ),
    }
}

const fn provider_payments(state: State) -> Said {
    match state {
        State::Normal => general(State::Normal),
        State::Restricted | State::Emergency => said(
            "Zahlungen an Leistungserbringer können später kommen. Stellen Sie Rechnungen nicht doppelt.",
            "Payments to providers may come later. Do not invoice twice.",
        ),
        State::Held => said(
            "Ihre Abrechnung wird angenommen und sicher gespeichert. Die Zahlung wartet. Rechnen Sie nicht noch einmal ab.",
            "Your invoice is accepted and stored safely. The payment waits. Do not invoice again.",
        ),
        State::OffDecided | State::OffFault => said(
            "Zahlungen an Leistungserbringer werden zurzeit nicht ausgeführt. Behalten Sie Ihre Abrechnung und rechnen Sie nicht doppelt ab.",
            "Payments to providers are not being made at the moment. Keep your invoice and do not invoice twice.",
        ),
    }
}
