//! Which audience is told what about which service.

use super::{Audience, Said, ServiceKind, State, providers, public, said};

pub(super) const fn what_to_do(audience: Audience, kind: ServiceKind, state: State) -> Option<Said> {
    match audience {
        Audience::Insured => public::insured(kind, state),
        Audience::Employer => public::employer(kind, state),
        Audience::Press => Some(public::press(state)),
        Audience::Practice => providers::practice(kind, state),
        Audience::Hospital => providers::hospital(kind, state),
        Audience::Pharmacy => providers::pharmacy(kind, state),
        Audience::DigaMaker => providers::diga_maker(kind, state),
    }
}

/// What holds where a service has no sentences of its own.
pub(super) const fn general(state: State) -> Said {
    match state {
        State::Normal => said("Sie müssen nichts tun.", "You need not do anything."),
        State::Restricted => said(
            "Nutzen Sie den Dienst wie gewohnt. Rechnen Sie mit Verzögerungen.",
            "Use the service as usual. Be prepared for delays.",
        ),
        State::Emergency => said(
            "Nutzen Sie den Dienst wie gewohnt. Dringendes wird im Notbetrieb zuerst bearbeitet.",
            "Use the service as usual. Urgent matters are handled first in emergency operation.",
        ),
        State::Held => said(
            "Ihre Sendung wird angenommen und sicher gespeichert. Sie wartet auf die Bearbeitung. Bitte nicht noch einmal senden.",
            "What you send is accepted and stored safely. It waits to be processed. Please do not send it again.",
        ),
        State::OffDecided | State::OffFault => said(
            "Warten Sie mit Anfragen bis zur nächsten Meldung auf dieser Seite. Dringendes klären Sie telefonisch mit der Kasse.",
            "Wait with requests until the next update on this page. For urgent matters telephone the insurer.",
        ),
    }
}
