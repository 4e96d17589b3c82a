//! Clocks of legal duties, as far as the viewer sees: by legal person, the one in most hurry first.

use publication::{
    obligations::{Clock, Due, Law, Standing},
    text,
};
use vocabulary::{InsurerId, LegalEntityId};

use super::shape::{At, Both, views};
use crate::{Asked, room::Room, viewer::Sight};

views! {
    /// Legal clocks by legal person, the one in most hurry first.
    Clocks {
        /// Legal persons with a clock.
        persons: Vec<PersonClocks>,
        /// Clocks that have run out.
        overdue: u64,
        /// Clocks that run or are open.
        open: u64,
    }
    /// The clocks of one legal person.
    PersonClocks {
        /// Its name in the charter.
        legal_person: String,
        /// Its name for people, where it is an insurer of the estate.
        name: Option<String>,
        /// Clocks that have run out.
        overdue: u64,
        /// Clocks that run or are open.
        open: u64,
        /// They, the most urgent first.
        clocks: Vec<ClockView>,
    }
    /// One duty of one legal person in one incident.
    ClockView {
        /// Its name in the list of obligations.
        obligation: String,
        /// What people call it.
        title: Both,
        /// Which law.
        legal_basis: Both,
        /// To whom; empty where nobody in particular.
        recipient: Both,
        /// In which incident.
        incident: String,
        /// Whose.
        legal_person: String,
        /// When it started: at knowledge.
        starts: At,
        /// When it is due; null where no instant is set.
        due: Option<At>,
        /// `at`, `without-delay`, `as-set`, `before` or `no-deadline`.
        due_kind: &'static str,
        /// `running`, `overdue`, `open`, `sent` or `sent-late`.
        standing: &'static str,
        /// When it was sent.
        sent: Option<At>,
        /// Why it was late, in the sender's words.
        late_because: Option<String>,
        /// What about it was not read in the original; shown so.
        unverified: Option<Both>,
        /// Where the duty was read.
        source: Both,
        /// Duties that begin when it is sent.
        follow_up: Vec<Both>,
        /// Its own page, with the draft of the notice.
        page: String,
    }
}

pub(crate) fn both(known: &text::Both<String>) -> Both {
    Both {
        de: known.de.clone(),
        en: known.en.clone(),
    }
}

/// The insurer a legal person is: by name, or as the employer of those who speak for it. The provider is none, whoever
/// works for it.
pub(crate) fn insurer_of(room: &Room<'_>, person: &LegalEntityId) -> Option<InsurerId> {
    let charter = room.authority.charter();
    if charter.is_some_and(|charter| charter.provider() == person) {
        return None;
    }
    if let Some(named) = InsurerId::new(person.as_str())
        .ok()
        .filter(|id| room.estate.insurer(id).is_some())
    {
        return Some(named);
    }
    let sections = charter.into_iter().flat_map(|charter| charter.sections());
    sections
        .filter(|(_, section)| {
            let draft = section.draft();
            let speaks = |id| draft.consent.contains(id) || draft.refuse.contains(id);
            let mut voices = draft.persons.iter().filter(|known| speaks(&known.id));
            voices.any(|known| known.entity == *person)
        })
        .map(|(insurer, _)| insurer.clone())
        .next()
}

/// Whether a legal person's duties are shown to the viewer.
pub(crate) fn is_seen(asked: &Asked<'_>, person: &LegalEntityId) -> bool {
    match &asked.sight {
        Sight::Everything => true,
        Sight::Only(own) => insurer_of(asked.ctx.room, person).is_some_and(|insurer| own.contains(&insurer)),
    }
}

/// Every clock the viewer sees.
pub(crate) fn clocks(asked: &Asked<'_>) -> Clocks {
    of(asked, |_| true)
}

/// One insurer's clocks.
pub(crate) fn of_insurer(asked: &Asked<'_>, insurer: &InsurerId) -> Vec<ClockView> {
    let own = of(asked, |person| {
        insurer_of(asked.ctx.room, person).as_ref() == Some(insurer)
    });
    own.persons.into_iter().flat_map(|person| person.clocks).collect()
}

fn of(asked: &Asked<'_>, wanted: impl Fn(&LegalEntityId) -> bool) -> Clocks {
    let room = asked.ctx.room;
    let mut persons: Vec<PersonClocks> = Vec::new();
    let clocks = room.others.clocks.iter();
    for clock in clocks.filter(|clock| is_seen(asked, &clock.legal_person) && wanted(&clock.legal_person)) {
        let view = clock_view(clock, room.others.law);
        let at = persons
            .iter()
            .position(|known| known.legal_person == view.legal_person);
        let at = at.unwrap_or_else(|| {
            let insurer = insurer_of(room, &clock.legal_person);
            let known = insurer.and_then(|insurer| room.estate.insurer(&insurer));
            persons.push(PersonClocks {
                legal_person: view.legal_person.clone(),
                name: known.map(|known| known.name.clone()),
                overdue: 0,
                open: 0,
                clocks: Vec::new(),
            });
            persons.len().saturating_sub(1)
        });
        if let Some(person) = persons.get_mut(at) {
            person.overdue = person.overdue.saturating_add(u64::from(view.is_overdue()));
            person.open = person.open.saturating_add(u64::from(view.is_open()));
            person.clocks.push(view);
        }
    }
    Clocks {
        overdue: persons.iter().map(|person| person.overdue).sum(),
        open: persons.iter().map(|person| person.open).sum(),
        persons,
    }
}

impl ClockView {
    /// Whether its time has passed unsent.
    pub(crate) fn is_overdue(&self) -> bool {
        self.standing == "overdue"
    }

    /// Whether it still waits for somebody, its time not passed.
    pub(crate) fn is_open(&self) -> bool {
        ["running", "open"].contains(&self.standing)
    }
}

/// One clock, with what the list of obligations says of its duty.
pub(crate) fn clock_view(clock: &Clock, law: Option<&Law>) -> ClockView {
    let duty = law.and_then(|law| law.get(&clock.obligation));
    let name = Both::same(clock.obligation.as_str());
    let (due_kind, due) = match clock.due {
        Due::At(at) => ("at", Some(At(at))),
        Due::WithoutDelay => ("without-delay", None),
        Due::AsSet => ("as-set", None),
        Due::Before => ("before", None),
        Due::NoDeadline => ("no-deadline", None),
    };
    let (standing, sent, because) = match &clock.standing {
        Standing::Running { .. } => ("running", None, None),
        Standing::Overdue { .. } => ("overdue", None, None),
        Standing::Open { .. } => ("open", None, None),
        Standing::Sent { at } => ("sent", Some(At(*at)), None),
        Standing::SentLate { at, because, .. } => ("sent-late", Some(At(*at)), because.as_ref()),
    };
    let title_of = |id| match law.and_then(|law| law.get(id)) {
        Some(duty) => both(&duty.title),
        None => Both::same(id.as_str()),
    };
    ClockView {
        obligation: clock.obligation.to_string(),
        title: duty.map_or_else(|| name.clone(), |duty| both(&duty.title)),
        legal_basis: duty.map_or_else(|| name.clone(), |duty| both(&duty.legal_basis)),
        recipient: duty.map_or_else(|| Both::same(""), |duty| both(&duty.recipient)),
        incident: clock.incident.to_string(),
        legal_person: clock.legal_person.to_string(),
        starts: At(clock.starts),
        due,
        due_kind,
        standing,
        sent,
        late_because: because.map(ToString::to_string),
        unverified: clock.unverified.as_ref().map(both),
        source: duty.map_or_else(|| Both::same(""), |duty| both(&duty.source)),
        follow_up: clock.follow_up.iter().map(title_of).collect(),
        page: page_of(clock),
    }
}

/// Where the draft of a clock's notice stands. Paths are lower case; names of duties are not.
pub(crate) fn page_of(clock: &Clock) -> String {
    let duty = clock.obligation.as_str().to_ascii_lowercase();
    let request = clock
        .request
        .map_or_else(String::new, |entry| format!("?anfrage={}", entry.0));
    format!(
        "/fristen/{}/{}/{duty}{request}",
        clock.incident, clock.legal_person
    )
}
