//! Who may do what: one total function over every way in and every seat, asked at every request.

use crate::{
    route::{Kind, Names},
    viewer::{Seat, Sight, Viewer},
};

/// What a seat may do at a way in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Access {
    /// Nothing.
    None,
    /// What is about the insurers it sees; of all others, nothing.
    Own,
    /// Everything.
    Full,
}

/// The table. A row is a set of kinds that are treated alike; every kind stands in exactly one.
#[must_use]
pub const fn access(kind: Kind, seat: Seat) -> Access {
    match kind {
        // What a browser needs to show the log-in page, and what says nothing about anybody.
        Kind::Login
        | Kind::LoginTry
        | Kind::Help
        | Kind::Style
        | Kind::Script
        | Kind::Icon
        | Kind::OpenApi => Access::Full,
        // One's own log-in.
        Kind::Logout | Kind::Sessions | Kind::SessionEnd | Kind::Events => any_person(seat),
        // The picture, each as far as they see.
        Kind::Matrix
        | Kind::Cell
        | Kind::Incidents
        | Kind::Incident
        | Kind::Waiting
        | Kind::Plan
        | Kind::Clocks
        | Kind::Notice
        | Kind::Readiness
        | Kind::Search
        | Kind::Insurer => as_far_as_seen(seat),
        // Logs name everybody: the central people only. Insurers hold the proofs of them as witnesses.
        Kind::Sources | Kind::Journal => central(seat),
        Kind::IncidentOpen | Kind::IncidentNote => leads_or_examines(seat),
        // Whether a root is up, its people say; whoever leads writes it down.
        Kind::EnvironmentMove => leads(seat),
        Kind::IncidentClose => only(seat, Seat::Commander, Access::Full),
        // Whoever signs must see what is signed. What may be proposed is judged by the kind of statement.
        Kind::Drafts
        | Kind::Draft
        | Kind::DraftNew
        | Kind::DraftSign
        | Kind::DraftDrop
        | Kind::DraftKeys
        | Kind::Preview => as_far_as_seen(seat),
        // A duty is its legal person's own: who leads notes for the provider, each insurer for itself.
        Kind::NoticeSent => leads_or_speaks(seat),
        // The insurer's own decisions. Nobody else makes them for it.
        Kind::Rank | Kind::Slot | Kind::TestRefuse => insurer_voice(seat),
        Kind::TestAccept | Kind::Consent | Kind::StandingConsent => {
            only(seat, Seat::InsurerConsent, Access::Own)
        }
        Kind::Refuse => only(seat, Seat::InsurerRefuse, Access::Own),
    }
}

const fn any_person(seat: Seat) -> Access {
    match seat {
        Seat::Nobody => Access::None,
        Seat::Root
        | Seat::Commander
        | Seat::Examiner
        | Seat::Delegate
        | Seat::RestorationLead
        | Seat::InsurerConsent
        | Seat::InsurerRefuse
        | Seat::InsurerDeputy => Access::Full,
    }
}

const fn as_far_as_seen(seat: Seat) -> Access {
    match seat {
        Seat::Nobody => Access::None,
        Seat::Root | Seat::Commander | Seat::Examiner | Seat::RestorationLead => Access::Full,
        Seat::Delegate | Seat::InsurerConsent | Seat::InsurerRefuse | Seat::InsurerDeputy => Access::Own,
    }
}

const fn central(seat: Seat) -> Access {
    match seat {
        Seat::Root | Seat::Commander | Seat::Examiner | Seat::RestorationLead => Access::Full,
        Seat::Nobody | Seat::Delegate | Seat::InsurerConsent | Seat::InsurerRefuse | Seat::InsurerDeputy => {
            Access::None
        }
    }
}

const fn leads_or_examines(seat: Seat) -> Access {
    match seat {
        Seat::Commander | Seat::Examiner | Seat::RestorationLead => Access::Full,
        Seat::Nobody
        | Seat::Root
        | Seat::Delegate
        | Seat::InsurerConsent
        | Seat::InsurerRefuse
        | Seat::InsurerDeputy => Access::None,
    }
}

const fn leads(seat: Seat) -> Access {
    match seat {
        Seat::Commander | Seat::RestorationLead => Access::Full,
        Seat::Nobody
        | Seat::Root
        | Seat::Examiner
        | Seat::Delegate
        | Seat::InsurerConsent
        | Seat::InsurerRefuse
        | Seat::InsurerDeputy => Access::None,
    }
}

const fn leads_or_speaks(seat: Seat) -> Access {
    match seat {
        Seat::Commander | Seat::RestorationLead => Access::Full,
        Seat::InsurerConsent | Seat::InsurerRefuse => Access::Own,
        Seat::Nobody | Seat::Root | Seat::Examiner | Seat::Delegate | Seat::InsurerDeputy => Access::None,
    }
}

const fn insurer_voice(seat: Seat) -> Access {
    match seat {
        Seat::InsurerConsent | Seat::InsurerRefuse => Access::Own,
        Seat::Nobody
        | Seat::Root
        | Seat::Commander
        | Seat::Examiner
        | Seat::Delegate
        | Seat::RestorationLead
        | Seat::InsurerDeputy => Access::None,
    }
}

const fn only(seat: Seat, holder: Seat, access: Access) -> Access {
    if seat as u8 == holder as u8 {
        access
    } else {
        Access::None
    }
}

/// The answer for one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Go on, seeing as far as this.
    Yes(Sight),
    /// Log in first.
    LogIn,
    /// Not with these seats.
    No,
    /// As if it did not exist: it is somebody else's.
    NotSeen,
}

/// Judges one request: the best of the viewer's seats, narrowed to what they see.
#[must_use]
pub fn judge(kind: Kind, names: &Names, viewer: Option<&Viewer>) -> Verdict {
    let Some(viewer) = viewer else {
        return match access(kind, Seat::Nobody) {
            Access::Full | Access::Own => Verdict::Yes(Sight::Only(std::collections::BTreeSet::new())),
            Access::None => Verdict::LogIn,
        };
    };
    let best = viewer
        .seats
        .iter()
        .map(|seat| access(kind, *seat))
        .max()
        .unwrap_or(access(kind, Seat::Nobody));
    let seen = names
        .insurer
        .as_ref()
        .is_none_or(|insurer| viewer.sight.covers(insurer));
    match (best, seen) {
        (Access::Own | Access::Full, false) => Verdict::NotSeen,
        (Access::Own | Access::Full, true) => Verdict::Yes(viewer.sight.clone()),
        (Access::None, _) => Verdict::No,
    }
}
