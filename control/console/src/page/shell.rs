//! The frame of every page: what this is, who is looking, where to go, what to do next.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use order::Lang;
use vocabulary::InsurerId;

use crate::{
    lang,
    permission::{Verdict, judge},
    response::Response,
    room::Room,
    route::{self, Kind, Names},
    view::shape::Both,
    viewer::{Sight, Viewer},
    when::Clock,
};

/// What every page is drawn with.
pub struct Ctx<'a> {
    /// What the answer may look at.
    pub room: &'a Room<'a>,
    /// Who is looking.
    pub viewer: Option<&'a Viewer>,
    /// The reader's language.
    pub lang: Lang,
    /// The time, and how it is written.
    pub clock: Clock,
    /// The path of this page, as found in the table: safe to link to.
    pub path: &'a str,
    /// Whether the script asks, for the part of the page that shows states only.
    pub fragment: bool,
}

impl Ctx<'_> {
    /// Chooses between two texts.
    pub fn of<T>(&self, de: T, en: T) -> T {
        self.lang.of(de, en)
    }

    /// The language half of a sentence written `Deutsch. / English.`
    #[must_use]
    pub fn half(&self, sentence: &impl core::fmt::Display) -> String {
        lang::half(self.lang, sentence)
    }

    /// A sentence in the reader's language.
    #[must_use]
    pub(crate) fn both<'b>(&self, sentence: &'b Both) -> &'b str {
        self.lang.of(&sentence.de, &sentence.en)
    }

    /// Whether the viewer may go there: links and buttons are shown to those only for whom they work.
    #[must_use]
    pub fn may(&self, kind: Kind, insurer: Option<&InsurerId>) -> bool {
        let names = Names {
            insurer: insurer.cloned(),
            ..Names::default()
        };
        matches!(judge(kind, &names, self.viewer), Verdict::Yes(_))
    }
}

/// One page.
pub struct Page {
    /// HTTP status.
    pub status: u16,
    /// What the page is about; the only first-level heading.
    pub title: String,
    /// Which entry of the navigation it belongs to.
    pub here: Option<Kind>,
    /// What the reader does next. Every page says so.
    pub next: Markup,
    /// The rest.
    pub body: Markup,
}

/// The part of a page that the script fetches again when something happened, and swaps.
///
/// No form stands in it: what somebody is filling in is never swapped away, and no button moves under a hand.
pub(crate) struct Live {
    /// Stands between what to do next and the part, and stays: filters.
    pub(crate) above: Markup,
    /// What is swapped.
    pub(crate) part: Markup,
    /// Whether it also shows what other rooms make of the picture a moment later: plan, board, clocks.
    pub(crate) rooms: bool,
    /// What the forms below depend on. When it changes the reader is told to load the page again.
    pub(crate) mark: String,
}

impl Live {
    /// A part that shows the picture.
    pub(crate) const fn picture(part: Markup) -> Self {
        Self {
            above: PreEscaped(String::new()),
            part,
            rooms: false,
            mark: String::new(),
        }
    }

    /// A part that shows what other rooms make of it too.
    pub(crate) fn rooms(part: Markup) -> Self {
        let mut live = Self::picture(part);
        live.rooms = true;
        live
    }

    /// The same, above forms that depend on this.
    pub(crate) fn marked(mut self, mark: &str) -> Self {
        self.mark = mark.into();
        self
    }
}

/// Draws a page whose states renew themselves; for the script, only what it swaps in.
#[must_use]
pub(crate) fn render_live(ctx: &Ctx<'_>, page: Page, live: Live) -> Response {
    let mark = Some(live.mark.as_str()).filter(|mark| !mark.is_empty());
    if ctx.fragment {
        let parts = html! { (page.next) div data-mark=[mark] { (live.part) } };
        return Response::html(page.status, parts.into_string());
    }
    let kind = if live.rooms { "raeume" } else { "lage" };
    let body = html! {
        (live.above)
        div id="teil" data-live=(kind) data-mark=[mark] { (live.part) }
        (page.body)
    };
    render(ctx, Page { body, ..page })
}

/// Main navigation, in the order of the night: what is, what is wrong, what waits, then everything else.
const NAVIGATION: [Kind; 9] = [
    Kind::Matrix,
    Kind::Incidents,
    Kind::Waiting,
    Kind::Drafts,
    Kind::Plan,
    Kind::Clocks,
    Kind::Readiness,
    Kind::Sources,
    Kind::Journal,
];

/// Draws a page into its frame.
#[must_use]
pub(crate) fn render(ctx: &Ctx<'_>, page: Page) -> Response {
    let status = page.status;
    let body = html! {
        (DOCTYPE)
        html lang=(lang::tag(ctx.lang)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · " (ctx.room.estate.name()) " · Bulkhead" }
                link rel="icon" href="/zeichen.svg" type="image/svg+xml";
                link rel="stylesheet" href="/stil.css";
                script src="/skript.js" defer {}
            }
            body data-events=[ctx.viewer.map(|_| "/ereignisse")] {
                a.skip href="#inhalt" { (ctx.of("Zum Inhalt", "Skip to content")) }
                (header(ctx, page.here))
                main id="inhalt" tabindex="-1" {
                    h1 { (page.title) }
                    (page.body_after_next())
                }
                (footer(ctx))
            }
        }
    };
    Response::html(status, body.into_string())
}

impl Page {
    fn body_after_next(self) -> Markup {
        html! { (self.next) (self.body) }
    }
}

fn header(ctx: &Ctx<'_>, here: Option<Kind>) -> Markup {
    html! {
        header.top {
            p.name { a href="/" { "Bulkhead" } " " span { (ctx.room.estate.name()) } }
            @if let Some(viewer) = ctx.viewer {
                nav aria-label=(ctx.of("Bereiche", "Sections")) {
                    ul {
                        @for kind in NAVIGATION {
                            @if ctx.may(kind, None) && let Some(row) = route::row(kind) {
                                li { a href=(row.page) aria-current=[(here == Some(kind)).then_some("page")] {
                                    (lang::pick(ctx.lang, row.says))
                                } }
                            }
                        }
                        @if let Sight::Only(own) = &viewer.sight {
                            @for insurer in own {
                                li { a href={ "/kasse/" (insurer) } { (insurer_name(ctx, insurer)) } }
                            }
                        }
                    }
                }
            }
            @if ctx.may(Kind::Search, None) && here != Some(Kind::Search) {
                form.find method="get" action="/suche" role="search" aria-label=(ctx.of("Alles durchsuchen", "Search everything")) {
                    input id="finden" type="search" name="was" aria-label=(ctx.of("Kasse, Zelle, Vorfall, Erklärung, Eintrag", "insurer, cell, incident, statement, entry")) placeholder=(ctx.of("Finden …", "Find …")) autocomplete="off";
                    button type="submit" { (ctx.of("Los", "Go")) }
                }
            }
            (account(ctx))
        }
    }
}

fn account(ctx: &Ctx<'_>) -> Markup {
    let other = ctx.lang.of(Lang::En, Lang::De);
    html! {
        div.account {
            a href={ (ctx.path) "?lang=" (lang::tag(other)) } lang=(lang::tag(other)) hreflang=(lang::tag(other)) {
                (other.of("Deutsch", "English"))
            }
            a href="/hilfe" { (ctx.of("Hilfe", "Help")) }
            @if let Some(viewer) = ctx.viewer {
                a href="/sitzungen" { (viewer.person) }
                span.seats { (seats(ctx, viewer)) }
                (form(ctx, "/abmelden", html! {
                    button type="submit" { (ctx.of("Abmelden", "Log out")) }
                }))
            }
        }
    }
}

fn seats(ctx: &Ctx<'_>, viewer: &Viewer) -> String {
    let words: Vec<&str> = viewer
        .seats
        .iter()
        .map(|seat| lang::pick(ctx.lang, seat.in_words()))
        .collect();
    words.join(", ")
}

fn footer(ctx: &Ctx<'_>) -> Markup {
    html! {
        footer {
            p {
                (ctx.of("Stand ", "As of "))
                (ctx.clock.full(ctx.lang, ctx.clock.now()))
                @if ctx.viewer.is_some() {
                    " · " (ctx.of("Protokolleintrag ", "journal entry ")) span id="stand" { (ctx.room.picture.head().len) }
                    " " span id="verbindung" role="status" data-still=(ctx.of("Verbindung weg, Stand veraltet", "connection lost, picture is old")) data-changed=(ctx.of("Die Formulare auf dieser Seite haben sich geändert: bitte neu laden", "The forms on this page have changed: please reload")) {}
                }
            }
            p { (ctx.of(
                "Zeiten in Berliner Zeit. Diese Seite öffnet und schließt nichts: Türen folgen nur Unterschriften.",
                "Times are Berlin time. This page opens and shuts nothing: doors follow signatures only.",
            )) }
        }
    }
}

/// The insurer's name for people, or its id where the estate does not know it.
fn insurer_name(ctx: &Ctx<'_>, insurer: &InsurerId) -> String {
    ctx.room
        .estate
        .insurer(insurer)
        .map_or_else(|| insurer.to_string(), |known| known.name.clone())
}

/// What to do next: the box above everything else on a page.
#[must_use]
pub(crate) fn next(ctx: &Ctx<'_>, body: Markup) -> Markup {
    html! {
        section.next aria-labelledby="weiter" {
            h2 id="weiter" { (ctx.of("Was jetzt zu tun ist", "What to do next")) }
            (body)
        }
    }
}

/// The hidden field that proves a form came from a page of this session.
#[must_use]
pub fn hidden_token(ctx: &Ctx<'_>) -> Markup {
    match ctx.viewer {
        Some(viewer) => html! { input type="hidden" name="_token" value=(viewer.form_token); },
        None => PreEscaped(String::new()),
    }
}

/// A form that acts, with the session's token in it.
#[must_use]
pub fn form(ctx: &Ctx<'_>, action: &str, body: Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            (hidden_token(ctx))
            (body)
        }
    }
}
