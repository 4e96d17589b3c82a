//! The operator's web pages and HTTP API: what is, what waits for whom, and what to do next.
//!
//! # Specification
//!
//! - Pure: a [`Room`] and a [`Request`] go into [`answer()`], an [`Answer`] comes out: a [`Response`] and the [`Effect`]s
//!   that must happen before it is sent. No clock, no disk, no socket, no randomness; the binary hands in the time and
//!   the chance. If an effect fails, [`not_carried_out`] is sent instead.
//! - It never writes and never signs. What people decide leaves as an entry of the journal or as a draft; signatures come
//!   from their own machines, and every door judges them for itself.
//! - Who may do what is one table ([`permission::access`]), asked at every request with the charter in force at that
//!   moment. A page and the API path of the same thing are one [`route::Kind`], so they cannot differ.
//! - Whoever belongs to one insurer sees that insurer and nothing of any other: views are made for one viewer, and pages
//!   and JSON show nothing but the view.
//! - Log-in is a signature over a challenge that names estate, console, nonce and time. A session is a random token of
//!   which only the hash is kept; it ends after 30 minutes without use and after 8 hours in any case.
//! - What acts needs the session's own token in the form and an `Origin` that is ours.
//! - Every page works without script, says what to do next, and tells no state by colour alone.
//! - Everything that comes in is bounded; everything that goes out is escaped. No text of a request is repeated in an
//!   answer, except the filter somebody typed.

mod act;
mod act_draft;
mod act_drop;
mod act_move;
mod act_notice;
mod answer;
pub mod draft;
mod gate;
mod lang;
mod login;
mod openapi;
pub mod page;
pub mod permission;
pub mod preview;
mod request;
mod response;
mod room;
pub mod route;
mod session;
mod shrink;
mod view;
mod viewer;
mod when;

pub use answer::{Asked, answer, not_carried_out, refused_late, still_welcome, turned_away};
pub use gate::{BODY_BYTES_MAX, Turned};
pub use login::NotLoggedIn;
pub use openapi::document as openapi;
pub use request::{Form, Method, Request};
pub use response::Response;
pub use room::{Answer, Beyond, Effect, Journal, Line, Others, Room, SILENCE_LIMIT, SealedBehind, Vouched};
pub use session::{AnsweredTwice, Session, SessionEffect, SessionId, Sessions};
pub use shrink::Shrink;
pub use viewer::{Seat, Sight, Viewer};
pub use when::Clock;
