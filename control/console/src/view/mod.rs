//! What may be seen, as data: made for one viewer, then shown as a page or sent as JSON. What is left out here is in
//! neither.

pub(crate) mod cell;
pub(crate) mod cells;
pub(crate) mod clocks;
pub(crate) mod concern;
pub(crate) mod draft;
pub(crate) mod incident;
pub(crate) mod insurer;
pub(crate) mod logs;
pub(crate) mod notice;
pub(crate) mod own;
pub(crate) mod ready;
pub(crate) mod rooms;
pub(crate) mod sealed;
pub(crate) mod search;
pub(crate) mod shape;
pub(crate) mod tellers;
pub(crate) mod waiting;

use serde::Serialize;

use crate::{
    answer::{Asked, NothingHere, refuse},
    page,
    response::Response,
    route::{Format, Kind},
};

/// Sends a view as JSON, or draws it.
fn either<T: Serialize>(asked: &Asked<'_>, view: Option<T>, draw: impl FnOnce(&T) -> Response) -> Response {
    let Some(view) = view else {
        return refuse(&asked.ctx, asked.format, 404, &NothingHere);
    };
    match asked.format {
        Format::Page => draw(&view),
        Format::Api => {
            Response::data(200, &view).unwrap_or_else(|error| refuse(&asked.ctx, asked.format, 500, &error))
        }
    }
}

/// Answers a request that only looks.
#[must_use]
pub(crate) fn show(asked: &Asked<'_>) -> Response {
    let names = &asked.names;
    match asked.kind {
        Kind::Matrix => {
            let filter = cells::Filter::read(asked);
            let view = cells::matrix(asked, &filter);
            either(asked, Some(view), |view| page::matrix(&asked.ctx, view, &filter))
        }
        Kind::Cell => {
            let view = names.cell().and_then(|id| cell::detail(asked, &id));
            either(asked, view, |view| page::cell(&asked.ctx, view))
        }
        Kind::Incidents => either(asked, Some(incident::list(asked)), |view| {
            page::incidents(&asked.ctx, view)
        }),
        Kind::Incident => {
            let view = names.incident.as_ref().and_then(|id| incident::detail(asked, id));
            either(asked, view, |view| page::incident(&asked.ctx, view))
        }
        Kind::Waiting => either(asked, Some(waiting::waiting(asked)), |view| {
            page::waiting(&asked.ctx, view)
        }),
        Kind::Drafts => either(asked, Some(draft::list(asked)), |view| {
            page::drafts(&asked.ctx, view)
        }),
        Kind::Draft => either(asked, draft::detail(asked), |view| page::draft(&asked.ctx, view)),
        // For the companion: there is no page of it.
        Kind::DraftKeys => either(asked, sealed::keys(asked), |_| {
            refuse(&asked.ctx, asked.format, 404, &NothingHere)
        }),
        Kind::Preview => either(asked, Some(draft::preview_of_query(asked)), |view| {
            page::new_draft(asked, view)
        }),
        Kind::Sources => either(asked, Some(logs::sources(asked)), |view| {
            page::sources(&asked.ctx, view)
        }),
        Kind::Journal => either(asked, Some(logs::journal(asked)), |view| {
            page::journal(&asked.ctx, view)
        }),
        Kind::Insurer => {
            let view = names.insurer.as_ref().and_then(|id| insurer::view(asked, id));
            either(asked, view, |view| page::insurer(&asked.ctx, view))
        }
        Kind::Sessions => either(asked, own::sessions(asked), |view| {
            page::sessions(&asked.ctx, view)
        }),
        Kind::Help => page::help(&asked.ctx),
        Kind::Plan => either(asked, Some(rooms::plan(asked)), |view| {
            page::plan(&asked.ctx, view)
        }),
        Kind::Clocks => either(asked, Some(clocks::clocks(asked)), |view| {
            page::clocks(&asked.ctx, view)
        }),
        Kind::Notice => either(asked, notice::view(asked), |view| page::notice(&asked.ctx, view)),
        Kind::Search => search::answer(asked),
        Kind::Readiness => either(asked, Some(ready::readiness(asked)), |view| {
            page::readiness(&asked.ctx, view)
        }),
        // Answered before they come here.
        Kind::IncidentOpen
        | Kind::IncidentNote
        | Kind::IncidentClose
        | Kind::EnvironmentMove
        | Kind::DraftNew
        | Kind::DraftSign
        | Kind::DraftDrop
        | Kind::NoticeSent
        | Kind::Rank
        | Kind::Slot
        | Kind::TestAccept
        | Kind::TestRefuse
        | Kind::Consent
        | Kind::Refuse
        | Kind::StandingConsent
        | Kind::SessionEnd
        | Kind::Login
        | Kind::LoginTry
        | Kind::Logout
        | Kind::Events
        | Kind::OpenApi
        | Kind::Style
        | Kind::Script
        | Kind::Icon => refuse(&asked.ctx, asked.format, 404, &NothingHere),
    }
}
