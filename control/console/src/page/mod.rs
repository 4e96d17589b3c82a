//! Pages: one shell, one page per question. A page shows a [view](crate::view) and looks at nothing else, so that it can
//! show nobody what the view left out.

mod cell;
mod clocks;
mod draft;
mod incident;
mod insurer;
mod logs;
mod matrix;
mod ready;
mod rooms;
mod search;
mod shell;
mod small;
mod waiting;
pub(crate) mod words;

use maud::{Markup, html};

pub(crate) use cell::cell;
pub(crate) use clocks::{clocks, notice};
pub(crate) use draft::{draft, drafts, new_draft};
pub(crate) use incident::{incident, incidents};
pub(crate) use insurer::insurer;
pub(crate) use logs::{journal, sources};
pub(crate) use matrix::matrix;
pub(crate) use ready::readiness;
pub(crate) use rooms::plan;
pub(crate) use search::search;
pub use shell::{Ctx, Page, form, hidden_token};
pub(crate) use shell::{Live, next, render, render_live};
pub(crate) use small::{help, login, refusal, sessions};
pub(crate) use waiting::waiting;

/// A statement by the first digits of its name, with a way to look at it.
fn statement_link(ctx: &Ctx<'_>, id: &str) -> Markup {
    let what = ctx.of("Erklärung ", "statement ");
    html! { a href={ "/entwurf/" (id) } title=(id) { (what) code { (cell::short(id)) } } }
}
