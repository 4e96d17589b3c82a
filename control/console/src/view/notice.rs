//! One legal notice: its clock, and the draft that a person completes and sends.

use publication::{
    FactSheet, Lang,
    obligations::{Clock, draft},
};

use super::{
    clocks::{ClockView, clock_view, insurer_of, is_seen},
    shape::{Both, views},
};
use crate::{Asked, room::Room, viewer::Seat};

views! {
    /// One legal notice.
    NoticeView {
        /// Its clock.
        clock: ClockView,
        /// Which way it goes; empty where none is known.
        channel: Both,
        /// Whether the duty is in force.
        status: Both,
        /// The draft in both languages, German first; null while the facts cannot be told.
        draft: Option<Both>,
        /// What only a person can add.
        missing: Vec<Both>,
        /// Whether the viewer may note that it was sent.
        may_note: bool,
        /// The entry of the authority's request it answers, where there are several.
        request: Option<u64>,
    }
}

/// The clock a path names, if the viewer sees it.
pub(crate) fn clock_of<'a>(asked: &'a Asked<'_>) -> Option<&'a Clock> {
    let names = &asked.names;
    let (incident, entity, duty) = (
        names.incident.as_ref()?,
        names.entity.as_ref()?,
        names.duty.as_ref()?,
    );
    let wanted = asked
        .request
        .query_field("anfrage")
        .or_else(|| asked.form.field("request").map(String::from))
        .and_then(|text| text.trim().parse::<u64>().ok());
    let mut same = asked.ctx.room.others.clocks.iter().filter(|clock| {
        (&clock.incident, &clock.legal_person, &clock.obligation) == (incident, entity, duty)
            && (wanted.is_none() || clock.request.map(|entry| entry.0) == wanted)
    });
    same.find(|clock| is_seen(asked, &clock.legal_person))
}

/// Whether the viewer may note that it was sent: an insurer's people for their insurer, who leads for everybody else.
pub(crate) fn may_note(asked: &Asked<'_>, clock: &Clock) -> bool {
    let Some(viewer) = asked.ctx.viewer else {
        return false;
    };
    let has = |seats: &[Seat]| seats.iter().any(|seat| viewer.has(*seat));
    match insurer_of(asked.ctx.room, &clock.legal_person) {
        Some(insurer) => {
            !viewer.sight().is_everything()
                && viewer.sight().covers(&insurer)
                && has(&[Seat::InsurerConsent, Seat::InsurerRefuse])
        }
        None => has(&[Seat::Commander, Seat::RestorationLead]),
    }
}

/// The facts a legal person may tell: an insurer of itself, everybody else of all.
fn facts(room: &Room<'_>, clock: &Clock) -> Option<FactSheet> {
    let sheet = room.others.beyond?.sheet()?;
    Some(match insurer_of(room, &clock.legal_person) {
        Some(insurer) => sheet.of_insurer(&insurer),
        None => sheet,
    })
}

/// The notice a path names.
pub(crate) fn view(asked: &Asked<'_>) -> Option<NoticeView> {
    let room = asked.ctx.room;
    let clock = clock_of(asked)?;
    let duty = room.others.law?.get(&clock.obligation)?;
    let drafts = facts(room, clock).map(|sheet| {
        [
            draft(duty, Some(clock), &sheet, Lang::De),
            draft(duty, Some(clock), &sheet, Lang::En),
        ]
    });
    let missing = drafts.iter().flat_map(|[german, _]| &german.missing);
    Some(NoticeView {
        clock: clock_view(clock, room.others.law),
        channel: super::clocks::both(&duty.channel),
        status: super::clocks::both(&duty.status),
        missing: missing
            .map(|gap| Both {
                de: gap.de.into(),
                en: gap.en.into(),
            })
            .collect(),
        draft: drafts.map(|[german, english]| Both {
            de: german.text,
            en: english.text,
        }),
        may_note: may_note(asked, clock),
        request: clock.request.map(|entry| entry.0),
    })
}
