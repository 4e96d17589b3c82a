//! What a request must pass before anything looks at what it wants: its host, its size, its session, and for everything
//! that acts the proof that one of our own pages sent it.

use serde_json::{Map, Value};

use crate::{
    request::{Form, Method, Request},
    room::Room,
    route::Format,
    session::{Session, SessionId, same_secret},
    viewer::{self, Viewer},
};

/// Largest body of a request. A consent with re-wrapped keys, or a charter of eighty insurers, is the largest.
pub const BODY_BYTES_MAX: usize = 7 * 1024 * 1024;
/// Largest body of a form a person fills in.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// The header in which programs that use a cookie repeat the session's form token.
pub(crate) const TOKEN_HEADER: &str = "x-bulkhead-token";

/// Why a request is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Turned {
    /// For another name than ours: a browser was told that our address is somebody else's.
    #[error(
        "Dieser Leitstand heißt anders. Bitte die eingerichtete Adresse benutzen. / This console has another name. Please use the address it was set up with."
    )]
    OtherHost,
    /// Too long.
    #[error("Die Anfrage ist zu groß. / The request is too large.")]
    TooLarge,
    /// Sent by a page that is not ours.
    #[error(
        "Die Anfrage kam nicht von einer Seite dieses Leitstands und wurde nicht ausgeführt. / The request did not come from a page of this console and was not carried out."
    )]
    OtherSite,
    /// Without the token of this session, or with another's.
    #[error(
        "Das Formular gehört nicht zu dieser Sitzung. Bitte die Seite neu laden und noch einmal absenden. / The form does not belong to this session. Please reload the page and send it again."
    )]
    OtherForm,
    /// Not in a form we read.
    #[error(
        "Der Inhalt ist nicht lesbar; erwartet wird ein JSON-Objekt. / The body cannot be read; a JSON object is expected."
    )]
    Unreadable,
}

impl Turned {
    /// The HTTP status that says so.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::OtherHost => 421,
            Self::TooLarge => 413,
            Self::OtherSite | Self::OtherForm => 403,
            Self::Unreadable => 400,
        }
    }
}

/// How the caller showed who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    /// A browser's cookie, sent whether its user meant it or not.
    Cookie,
    /// A header no browser adds by itself.
    Bearer,
}

/// A session and how it was shown.
pub(crate) struct Came<'a> {
    pub(crate) viewer: Viewer,
    pub(crate) session: &'a Session,
    pub(crate) shown: Shown,
}

/// The name of the session's cookie. On loopback without TLS a browser would not take the safer one.
pub(crate) fn cookie_name(room: &Room<'_>) -> &'static str {
    if room.origin.is_tls() {
        "__Host-bulkhead"
    } else {
        "bulkhead"
    }
}

/// Who is asking, by the charter in force now.
pub(crate) fn who<'a>(room: &Room<'a>, request: &Request) -> Option<Came<'a>> {
    let bearer = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let (token, shown) = match bearer {
        Some(token) => (token, Shown::Bearer),
        None => (request.cookie(cookie_name(room))?, Shown::Cookie),
    };
    let id = SessionId::of_token(token)?;
    let session = room.sessions.get(&id, request.now)?;
    let viewer = viewer::of_session(room.authority, session, id, token, request)?;
    Some(Came {
        viewer,
        session,
        shown,
    })
}

/// Checks everything about a request that does not depend on what it wants.
pub(crate) fn pass(
    room: &Room<'_>,
    request: &Request,
    format: Format,
    came: Option<&Came<'_>>,
) -> Result<Form, Turned> {
    host(room, request)?;
    if request.body.len() > BODY_BYTES_MAX {
        return Err(Turned::TooLarge);
    }
    if !request.method.is_unsafe() {
        return Ok(Form::default());
    }
    same_site(room, request, came)?;
    let form = match format {
        Format::Page => {
            if request.body.len() > FORM_BYTES_MAX {
                return Err(Turned::TooLarge);
            }
            request.form()
        }
        Format::Api => from_json(request)?,
    };
    if let Some(came) = came {
        let token = match format {
            Format::Page => form.field("_token"),
            Format::Api => request.header(TOKEN_HEADER),
        };
        let shown = match came.shown {
            Shown::Bearer => true,
            Shown::Cookie => token.is_some_and(|token| same_secret(token, came.viewer.form_token())),
        };
        if !shown {
            return Err(Turned::OtherForm);
        }
    }
    Ok(form)
}

fn host(room: &Room<'_>, request: &Request) -> Result<(), Turned> {
    let ours = room
        .origin
        .as_str()
        .split_once("://")
        .map_or("", |(_, host)| host);
    let fits = match request.header("host") {
        Some(host) => host.eq_ignore_ascii_case(ours),
        None => false,
    };
    if fits { Ok(()) } else { Err(Turned::OtherHost) }
}

/// What acts must come from our own pages. A browser always says where from; a program with a bearer token need not.
fn same_site(room: &Room<'_>, request: &Request, came: Option<&Came<'_>>) -> Result<(), Turned> {
    let origin_fits = match request.header("origin") {
        Some(origin) => origin == room.origin.as_str(),
        None => {
            let program = came.is_some_and(|came| came.shown == Shown::Bearer)
                || (came.is_none() && !request.has_header("cookie"));
            program && !request.has_header("origin")
        }
    };
    let site_fits = match request.header("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => !request.has_header("sec-fetch-site"),
    };
    if origin_fits && site_fits {
        Ok(())
    } else {
        Err(Turned::OtherSite)
    }
}

/// A flat JSON object as the fields of a form, so that pages and programs act through the same code. Deeper values keep
/// their JSON text.
fn from_json(request: &Request) -> Result<Form, Turned> {
    let is_json = request.header("content-type").is_some_and(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "application/json")
    });
    if request.body.is_empty() {
        return Ok(Form::default());
    }
    if !is_json {
        return Err(Turned::Unreadable);
    }
    let object: Map<String, Value> = serde_json::from_slice(&request.body).map_err(|_| Turned::Unreadable)?;
    let mut fields = Vec::new();
    for (key, value) in object {
        match value {
            Value::Array(items) => {
                fields.extend(items.into_iter().map(|item| (key.clone(), plain(item))));
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                fields.push((key, plain(value)));
            }
        }
    }
    Ok(Form::of(fields))
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

/// Whether a request wants only the part of a page that the script swaps in. Such requests are the script's, not the
/// person's: they do not keep a session alive.
pub(crate) fn is_fragment(request: &Request) -> bool {
    !request.method.is_unsafe()
        && request.method != Method::Other
        && request.query_field("fragment").is_some()
}
