//! Which answers may go over the wire compressed.
//!
//! Compression tells by the length of an answer whether two things in it are alike. Whoever can have a reader's browser ask
//! for an address of their choice, and can see how long the answer is, finds out what secret stands beside what they chose
//! (the attack called BREACH). Here two things must come together for that, and never do in a compressed answer:
//!
//! - the session's form token, which stands in every whole page, and
//! - words of the request, which stand only where a query was sent: a filter, a search, the beginning of a form.
//!
//! So what is compressed is: our own files; the parts that the script swaps in and the API's data, which hold no token; and
//! whole pages that were asked for without any query. Answers to what acts are never compressed, streams of events neither.

use crate::{
    gate,
    request::{Method, Request},
    response::Response,
    route::{self, Format, Found, Kind},
};

/// Shorter answers fit into a packet or two as they are.
const BYTES_MIN: usize = 1024;

/// What of a request decides, kept while the request is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shrink {
    may: bool,
}

impl Shrink {
    /// Whether the answer to a request may be compressed, as far as the request says.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let allowed = match route::find(request.method, &request.path) {
            Found::Way { kind, format, .. } => request.method == Method::Get && may(kind, format, request),
            Found::OtherMethod { .. } | Found::Nothing { .. } => false,
        };
        Self {
            may: allowed && takes_gzip(request),
        }
    }

    /// Whether this answer is compressed with gzip.
    #[must_use]
    pub fn fits(self, response: &Response) -> bool {
        let text = response.header("content-type").is_some_and(|kind| {
            [
                "text/html",
                "text/css",
                "text/javascript",
                "image/svg+xml",
                "application/json",
            ]
            .iter()
            .any(|known| kind.starts_with(known))
        });
        self.may && text && response.status == 200 && response.body.len() >= BYTES_MIN
    }
}

fn may(kind: Kind, format: Format, request: &Request) -> bool {
    match (kind, format) {
        (Kind::Events | Kind::Login, _) => false,
        (Kind::Style | Kind::Script | Kind::Icon | Kind::OpenApi, _) | (_, Format::Api) => true,
        (_, Format::Page) => gate::is_fragment(request) || request.query.is_empty(),
    }
}

/// Whether the caller names gzip, and not only to say that it does not want it.
fn takes_gzip(request: &Request) -> bool {
    let Some(accepted) = request.header("accept-encoding") else {
        return false;
    };
    accepted.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let unwanted = words.any(|word| {
            let weight = word
                .strip_prefix("q=")
                .and_then(|number| number.parse::<f32>().ok());
            weight.is_some_and(|weight| weight <= 0.0)
        });
        named && !unwanted
    })
}
