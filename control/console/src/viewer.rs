//! Who asks: the person behind a session, and what the charter in force says about this person now.

use std::{collections::BTreeSet, net::IpAddr};

use clearance::Authority;
use order::{Charter, KeyId, Person};
use vocabulary::{InsurerId, PersonId, Role, Timestamp};

use crate::{
    request::Request,
    session::{Session, SessionId, form_token},
};

/// A seat at the table: why somebody may look or act. One person can have several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Seat {
    /// Not logged in.
    Nobody,
    /// May change the charter.
    Root,
    /// May close alone, and open together with others.
    Commander,
    /// States, with others, what was examined and found.
    Examiner,
    /// An examiner from outside, for named environments and days.
    Delegate,
    /// Leads the return.
    RestorationLead,
    /// May say yes for one insurer.
    InsurerConsent,
    /// May say no for one insurer.
    InsurerRefuse,
    /// Helps to recover one insurer's section; may look.
    InsurerDeputy,
}

impl Seat {
    /// Every seat, for tests and documents.
    pub const ALL: [Self; 9] = [
        Self::Nobody,
        Self::Root,
        Self::Commander,
        Self::Examiner,
        Self::Delegate,
        Self::RestorationLead,
        Self::InsurerConsent,
        Self::InsurerRefuse,
        Self::InsurerDeputy,
    ];

    /// The seat in German and English.
    #[must_use]
    pub const fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Nobody => ("nicht angemeldet", "not logged in"),
            Self::Root => Role::Root.in_words(),
            Self::Commander => Role::Commander.in_words(),
            Self::Examiner => Role::Examiner.in_words(),
            Self::Delegate => ("Forensik von außen", "outside examiner"),
            Self::RestorationLead => Role::RestorationLead.in_words(),
            Self::InsurerConsent => Role::InsurerConsent.in_words(),
            Self::InsurerRefuse => Role::InsurerRefuse.in_words(),
            Self::InsurerDeputy => ("Vertretung der Kasse", "insurer's deputy"),
        }
    }

    const fn of_role(role: Role) -> Self {
        match role {
            Role::Root => Self::Root,
            Role::Commander => Self::Commander,
            Role::Examiner => Self::Examiner,
            Role::RestorationLead => Self::RestorationLead,
            Role::InsurerConsent => Self::InsurerConsent,
            Role::InsurerRefuse => Self::InsurerRefuse,
        }
    }
}

/// Whose cells somebody sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sight {
    /// Everybody's.
    Everything,
    /// These insurers' only; of all others, nothing.
    Only(BTreeSet<InsurerId>),
}

impl Sight {
    /// Whether this insurer's cells are seen.
    #[must_use]
    pub fn covers(&self, insurer: &InsurerId) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(own) => own.contains(insurer),
        }
    }

    /// Whether everybody's cells are seen.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(_) => false,
        }
    }
}

/// Somebody who is logged in, as the charter in force knows them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Viewer {
    pub(crate) person: PersonId,
    pub(crate) seats: BTreeSet<Seat>,
    pub(crate) sight: Sight,
    pub(crate) session: SessionId,
    pub(crate) form_token: String,
    pub(crate) peer: IpAddr,
}

impl Viewer {
    /// The person.
    #[must_use]
    pub const fn person(&self) -> &PersonId {
        &self.person
    }

    /// Every seat this person has.
    #[must_use]
    pub const fn seats(&self) -> &BTreeSet<Seat> {
        &self.seats
    }

    /// Whose cells this person sees.
    #[must_use]
    pub const fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The value of the hidden field `_token` in every form of this session.
    #[must_use]
    pub fn form_token(&self) -> &str {
        &self.form_token
    }

    /// Whether this person has a seat.
    #[must_use]
    pub fn has(&self, seat: Seat) -> bool {
        self.seats.contains(&seat)
    }
}

/// What the charter in force says about the owner of a key: who, with which seats, seeing what. Nothing if the key is
/// nobody's, which ends every session opened with it.
#[must_use]
pub(crate) fn owner(
    authority: &Authority,
    key: KeyId,
    now: Timestamp,
) -> Option<(PersonId, BTreeSet<Seat>, Sight)> {
    let charter = authority.charter()?;
    central(charter, key)
        .or_else(|| of_insurer(charter, key))
        .or_else(|| delegate(authority, key, now))
}

fn owns(person: &Person, key: KeyId) -> bool {
    person.keys.iter().any(|known| known.id() == key)
}

fn central(charter: &Charter, key: KeyId) -> Option<(PersonId, BTreeSet<Seat>, Sight)> {
    let person = charter.persons().values().find(|person| owns(person, key))?;
    let seats = person.roles.iter().map(|role| Seat::of_role(*role)).collect();
    Some((person.id.clone(), seats, Sight::Everything))
}

fn of_insurer(charter: &Charter, key: KeyId) -> Option<(PersonId, BTreeSet<Seat>, Sight)> {
    charter.sections().iter().find_map(|(insurer, section)| {
        let draft = section.draft();
        let person = draft.persons.iter().find(|person| owns(person, key))?;
        let lists = [
            (draft.consent.contains(&person.id), Seat::InsurerConsent),
            (draft.refuse.contains(&person.id), Seat::InsurerRefuse),
            (draft.deputy == person.id, Seat::InsurerDeputy),
        ];
        let seats: BTreeSet<Seat> = lists
            .iter()
            .filter(|(named, _)| *named)
            .map(|(_, seat)| *seat)
            .collect();
        let sight = Sight::Only(BTreeSet::from([insurer.clone()]));
        (!seats.is_empty()).then(|| (person.id.clone(), seats, sight))
    })
}

fn delegate(authority: &Authority, key: KeyId, now: Timestamp) -> Option<(PersonId, BTreeSet<Seat>, Sight)> {
    let mut environments = BTreeSet::new();
    let mut person = None;
    for delegation in authority.delegates(now) {
        if owns(&delegation.person, key) {
            person = Some(delegation.person.id.clone());
            // An environment that is no insurer's (the provider's own, an emergency system) has no cells to see here.
            let own = delegation.environments.iter();
            environments.extend(own.filter_map(|name| InsurerId::new(name.as_str()).ok()));
        }
    }
    Some((
        person?,
        BTreeSet::from([Seat::Delegate]),
        Sight::Only(environments),
    ))
}

/// The viewer behind a session, judged by the charter in force at this moment.
#[must_use]
pub(crate) fn of_session(
    authority: &Authority,
    session: &Session,
    id: SessionId,
    token: &str,
    request: &Request,
) -> Option<Viewer> {
    let (person, seats, sight) = owner(authority, session.key, request.now)?;
    (person == session.person).then(|| Viewer {
        person,
        seats,
        sight,
        session: id,
        form_token: form_token(token),
        peer: request.peer,
    })
}
