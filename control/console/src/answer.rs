//! One request in, one answer out.

use evidence::{RoomEntry, room::SessionOpened};
use serde_json::json;

use crate::{
    act, act_draft, act_drop, act_notice,
    gate::{self, Came, Turned},
    lang,
    login::{self, NotLoggedIn},
    openapi,
    page::{self, Ctx},
    permission::{Verdict, judge},
    request::{Form, Method, Request},
    response::Response,
    room::{Answer, Effect, Room},
    route::{self, Format, Found, Kind, Names},
    session::{LIFE_MAX, SessionEffect, Sessions},
    view,
    viewer::{Sight, Viewer},
    when::Clock,
};

/// A request that has passed the gate: who asks, what for, and how far they see.
pub struct Asked<'a> {
    /// What pages are drawn with; also the room and the viewer.
    pub ctx: Ctx<'a>,
    /// The request as it came.
    pub request: &'a Request,
    /// What for.
    pub kind: Kind,
    /// The names in the path.
    pub names: Names,
    /// Page or API.
    pub format: Format,
    /// Whose cells the viewer sees.
    pub sight: Sight,
    /// What was sent along, from a form or a JSON object.
    pub form: Form,
}

/// Answers a request. Total: whatever comes in, something readable goes out.
#[must_use]
pub fn answer(room: &Room<'_>, request: &Request) -> Answer {
    let mut answer = decide(room, request);
    if let Some(lang) = lang::chosen_now(request) {
        let secure = if room.origin.is_tls() { "; Secure" } else { "" };
        answer.response.add(
            "set-cookie",
            &format!(
                "{}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict{secure}",
                lang::COOKIE,
                lang::tag(lang)
            ),
        );
    }
    answer
}

fn decide(room: &Room<'_>, request: &Request) -> Answer {
    let found = route::find(request.method, &request.path);
    let came = gate::who(room, request);
    let format = match &found {
        Found::Way { format, .. } | Found::OtherMethod { format, .. } | Found::Nothing { format } => *format,
    };
    let ctx = Ctx {
        room,
        viewer: came.as_ref().map(|came| &came.viewer),
        lang: lang::of(request),
        clock: Clock::new(request.now),
        fragment: gate::is_fragment(request),
        path: match &found {
            Found::Way { .. } if !request.method.is_unsafe() => &request.path,
            Found::Way { .. } | Found::OtherMethod { .. } | Found::Nothing { .. } => "/",
        },
    };
    let form = match gate::pass(room, request, format, came.as_ref()) {
        Ok(form) => form,
        Err(turned) => return refuse(&ctx, format, turned.status(), &turned).into(),
    };
    let (kind, names) = match found {
        Found::Way { kind, names, .. } => (kind, names),
        Found::OtherMethod { allow, .. } => {
            let mut response = refuse(&ctx, format, 405, &NoSuchAct);
            response.set("allow", allow);
            return response.into();
        }
        Found::Nothing { .. } => return refuse(&ctx, format, 404, &NothingHere).into(),
    };
    let sight = match judge(kind, &names, ctx.viewer) {
        Verdict::Yes(sight) => sight,
        Verdict::LogIn => return log_in_first(&ctx, request, format).into(),
        Verdict::No => return refuse(&ctx, format, 403, &NotYours).into(),
        Verdict::NotSeen => return refuse(&ctx, format, 404, &NothingHere).into(),
    };
    let asked = Asked {
        ctx,
        request,
        kind,
        names,
        format,
        sight,
        form,
    };
    let answer = dispatch(&asked);
    seen(answer, came.as_ref(), request)
}

/// Notes that a session was used. What the script fetches by itself is no use.
fn seen(answer: Answer, came: Option<&Came<'_>>, request: &Request) -> Answer {
    match came {
        Some(came) if !gate::is_fragment(request) && Sessions::is_stale(came.session, request.now) => answer
            .after(Effect::Session(SessionEffect::Seen {
                id: came.viewer.session,
                at: request.now,
            })),
        Some(_) | None => answer,
    }
}

fn dispatch(asked: &Asked<'_>) -> Answer {
    match asked.kind {
        Kind::Style => asset("text/css; charset=utf-8", include_str!("files/stil.css")),
        Kind::Script => asset("text/javascript; charset=utf-8", include_str!("files/skript.js")),
        Kind::Icon => asset("image/svg+xml", include_str!("files/zeichen.svg")),
        Kind::OpenApi => Response::json(200, &openapi::document()).into(),
        Kind::Login => ask_to_sign(asked, 200, None).into(),
        Kind::LoginTry => try_login(asked),
        Kind::Logout => log_out(asked),
        Kind::SessionEnd => end_session(asked),
        Kind::Events => watch(asked),
        Kind::Matrix
        | Kind::Cell
        | Kind::Incidents
        | Kind::Incident
        | Kind::Waiting
        | Kind::Drafts
        | Kind::Draft
        | Kind::DraftKeys
        | Kind::Preview
        | Kind::Plan
        | Kind::Clocks
        | Kind::Notice
        | Kind::Readiness
        | Kind::Sources
        | Kind::Journal
        | Kind::Search
        | Kind::Insurer
        | Kind::Sessions
        | Kind::Help => view::show(asked).into(),
        Kind::IncidentOpen
        | Kind::IncidentNote
        | Kind::IncidentClose
        | Kind::EnvironmentMove
        | Kind::Rank
        | Kind::Slot
        | Kind::TestAccept
        | Kind::TestRefuse
        | Kind::Consent
        | Kind::Refuse
        | Kind::StandingConsent => act::answer(asked),
        Kind::DraftNew | Kind::DraftSign => act_draft::answer(asked),
        Kind::DraftDrop => act_drop::answer(asked),
        Kind::NoticeSent => act_notice::answer(asked),
    }
}

fn asset(kind: &'static str, text: &'static str) -> Answer {
    let mut response = Response::new(200, kind, text.as_bytes().to_vec());
    response.set("cache-control", "no-cache");
    response.into()
}

/// Nothing stands at this path. The path itself is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("Hier gibt es nichts, was Sie sehen können. / There is nothing here that you can see.")]
pub(crate) struct NothingHere;

#[derive(Debug, thiserror::Error)]
#[error("Das geht hier nicht. / That cannot be done here.")]
struct NoSuchAct;

#[derive(Debug, thiserror::Error)]
#[error(
    "Das steht Ihren Rollen in der geltenden Verfassung nicht zu. / Your roles in the charter in force do not allow that."
)]
struct NotYours;

#[derive(Debug, thiserror::Error)]
#[error("Bitte zuerst anmelden. / Please log in first.")]
struct Unknown;

/// A refusal, as page or JSON, with its sentence and what to do next.
#[must_use]
pub(crate) fn refuse(ctx: &Ctx<'_>, format: Format, status: u16, why: &dyn core::fmt::Display) -> Response {
    match format {
        Format::Api => Response::json(status, &json!({ "refused": why.to_string() })),
        Format::Page => page::refusal(ctx, status, &why),
    }
}

fn log_in_first(ctx: &Ctx<'_>, request: &Request, format: Format) -> Response {
    match (format, request.method) {
        // What the script fetches must not be answered with another page.
        (Format::Page, Method::Get | Method::Head) if gate::is_fragment(request) => {
            refuse(ctx, format, 401, &Unknown)
        }
        (Format::Page, Method::Get | Method::Head) if request.path == "/" => Response::see("/anmelden"),
        (Format::Page, Method::Get | Method::Head) => {
            Response::see(&format!("/anmelden?weiter={}", request.path))
        }
        (Format::Page, Method::Post | Method::Other) => refuse(ctx, format, 401, &Unknown),
        (Format::Api, _) => {
            let mut response = refuse(ctx, format, 401, &Unknown);
            response.set("www-authenticate", "Bearer realm=\"bulkhead\"");
            response
        }
    }
}

/// Where to go after the log-in: one of our own pages, or the picture. Never anywhere else.
fn onward(asked: &Asked<'_>) -> String {
    let wanted = asked
        .request
        .query_field("weiter")
        .or_else(|| asked.form.field("weiter").map(String::from));
    wanted
        .filter(|path| {
            matches!(
                route::find(Method::Get, path),
                Found::Way {
                    format: Format::Page,
                    ..
                }
            )
        })
        .unwrap_or_else(|| String::from("/"))
}

fn ask_to_sign(asked: &Asked<'_>, status: u16, why: Option<&NotLoggedIn>) -> Response {
    let challenge = login::challenge(asked.ctx.room, asked.request);
    match asked.format {
        Format::Api => Response::json(
            status,
            &json!({
                "challenge": challenge.text(),
                "namespace": order::LOGIN_NAMESPACE,
                "refused": why.map(ToString::to_string),
            }),
        ),
        Format::Page => page::login(&asked.ctx, status, &challenge, why, &onward(asked)),
    }
}

fn try_login(asked: &Asked<'_>) -> Answer {
    let (room, request) = (asked.ctx.room, asked.request);
    let text = asked.form.field("challenge").unwrap_or_default();
    let signature = asked.form.field("signature").unwrap_or_default();
    let logged_in = match login::answer(room, request, text, signature) {
        Ok(logged_in) => logged_in,
        Err(why) => return not_logged_in(asked, &why),
    };
    let mut response = match asked.format {
        Format::Page => Response::see(&onward(asked)),
        Format::Api => Response::json(
            200,
            &json!({
                "person": logged_in.session.person,
                "token": logged_in.token,
                "formToken": crate::session::form_token(&logged_in.token),
                "until": logged_in.session.opened.plus(LIFE_MAX).to_string(),
            }),
        ),
    };
    response.add("set-cookie", &cookie(room, &logged_in.token, ""));
    let entry = RoomEntry::from(SessionOpened {
        by: Some(logged_in.session.person.clone()),
        session: logged_in.id.digest(),
        until: logged_in.session.opened.plus(LIFE_MAX),
    });
    Answer::from(response)
        .after(Effect::Session(logged_in.effect))
        .after(Effect::Append(Box::new(entry)))
}

fn not_logged_in(asked: &Asked<'_>, why: &NotLoggedIn) -> Answer {
    let failed = Effect::Session(SessionEffect::Failed {
        peer: asked.request.peer,
        at: asked.request.now,
    });
    match why {
        NotLoggedIn::TooOften(wait) => {
            let mut response = ask_to_sign(asked, 429, Some(why));
            response.set("retry-after", &wait.0.to_string());
            response.into()
        }
        NotLoggedIn::Challenge(_)
        | NotLoggedIn::Foreign
        | NotLoggedIn::Expired
        | NotLoggedIn::Twice(_)
        | NotLoggedIn::Signature(_)
        | NotLoggedIn::Nobody => Answer::from(ask_to_sign(asked, 403, Some(why))).after(failed),
    }
}

fn cookie(room: &Room<'_>, token: &str, more: &str) -> String {
    let secure = if room.origin.is_tls() { "; Secure" } else { "" };
    format!(
        "{}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{more}",
        gate::cookie_name(room)
    )
}

fn log_out(asked: &Asked<'_>) -> Answer {
    let mut response = match asked.format {
        Format::Page => Response::see("/anmelden"),
        Format::Api => Response::json(200, &json!({ "done": true })),
    };
    response.add("set-cookie", &cookie(asked.ctx.room, "", "; Max-Age=0"));
    let ended = asked.ctx.viewer.map(|viewer| viewer.session);
    ended.into_iter().fold(Answer::from(response), |answer, id| {
        answer.after(Effect::Session(SessionEffect::Ended { id }))
    })
}

/// Ends one of the viewer's own sessions, named by its public name.
fn end_session(asked: &Asked<'_>) -> Answer {
    let own = asked.ctx.viewer.and_then(|viewer: &Viewer| {
        asked
            .ctx
            .room
            .sessions
            .of(&viewer.person, asked.request.now)
            .map(|(id, _)| *id)
            .find(|id| asked.names.session.as_deref() == Some(&id.public()))
    });
    let Some(id) = own else {
        return refuse(&asked.ctx, asked.format, 404, &NothingHere).into();
    };
    let response = match asked.format {
        Format::Page => Response::see("/sitzungen"),
        Format::Api => Response::json(200, &json!({ "done": true })),
    };
    Answer::from(response).after(Effect::Session(SessionEffect::Ended { id }))
}

fn watch(asked: &Asked<'_>) -> Answer {
    let first = format!("event: stand\ndata: {}\n\n", asked.ctx.room.picture.head().len);
    Answer::from(Response::new(200, "text/event-stream", first.into_bytes())).after(Effect::Watch)
}

/// Whether a connection that watches may go on: asked by the binary before each event.
#[must_use]
pub fn still_welcome(room: &Room<'_>, request: &Request) -> bool {
    gate::who(room, request).is_some()
}

/// What is sent instead of an answer whose effect failed: nothing happened, and the page says so.
#[must_use]
pub fn not_carried_out(room: &Room<'_>, request: &Request, why: &dyn core::fmt::Display) -> Response {
    let (ctx_viewer, format) = (gate::who(room, request), format_of(request));
    let ctx = Ctx {
        room,
        viewer: ctx_viewer.as_ref().map(|came| &came.viewer),
        lang: lang::of(request),
        clock: Clock::new(request.now),
        fragment: gate::is_fragment(request),
        path: "/",
    };
    refuse(&ctx, format, 503, why)
}

/// What is sent when two answers to one challenge raced and this one came second.
#[must_use]
pub fn refused_late(room: &Room<'_>, request: &Request) -> Response {
    let ctx = Ctx {
        room,
        viewer: None,
        lang: lang::of(request),
        clock: Clock::new(request.now),
        fragment: gate::is_fragment(request),
        path: "/anmelden",
    };
    refuse(&ctx, format_of(request), 409, &crate::session::AnsweredTwice)
}

/// What is sent when the binary could not even read the request whole.
#[must_use]
pub fn turned_away(room: &Room<'_>, request: &Request, turned: Turned) -> Response {
    let ctx = Ctx {
        room,
        viewer: None,
        lang: lang::of(request),
        clock: Clock::new(request.now),
        fragment: gate::is_fragment(request),
        path: "/",
    };
    refuse(&ctx, format_of(request), turned.status(), &turned)
}

fn format_of(request: &Request) -> Format {
    match route::find(request.method, &request.path) {
        Found::Way { format, .. } | Found::OtherMethod { format, .. } | Found::Nothing { format } => format,
    }
}
