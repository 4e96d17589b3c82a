//! Drafts: what people are about to sign, and who is still missing.
//!
//! # For the pages
//!
//! 1. A page fills a typed input ([`Cut`], [`Reopen`], [`Clear`] …) and hands it to a [`Desk`]: `desk.cut(..)`. What comes
//!    back is a [`Draft`] whose bytes every door could read, or a [`Refused`] with a German and an English sentence. Store
//!    `draft.envelope()` (journal entry `draft.proposed`); `draft.id()` is the name of the statement it will be.
//! 2. Read it back with [`Draft::proposed`] and bring it up to date with [`look`]: [`State::Waiting`] says how many persons
//!    there are and how many it takes, [`Progress::of`] who they are and who could still sign.
//! 3. A signature that comes in goes through [`next`] with [`Event::Signed`]. Store the new envelope; when the state is
//!    [`State::Complete`], publish `draft.envelope()` to the authority log, and [`Event::Published`] when it stands there.
//! 4. For an opening ask [`stale`] before and after: doors whose epoch moved on. When all of them did, signing is refused
//!    and [`Desk::redraft`] makes the same opening for the doors as they are now.
//! 5. Show [`sentence`], never a text of your own: it is made from the exact bytes. The companion makes it again on the
//!    signer's machine and trusts nothing that the console says.
//!
//! Nothing here signs, appends or opens anything; a complete draft is judged by the log and by every door again.
//!
//! # States
//!
//! `Waiting → Complete → Published`; `Waiting` and `Complete` can be dropped by a person or run out of time. A statement
//! that stands in the log is published, whatever happened to its draft. Persons are counted, not keys, by the charter in
//! force at each look; that is why the numbers of a waiting draft can go down.

mod asked;
mod build;
mod needs;
mod refused;
mod say;
mod state;

pub use asked::{Agree, Clear, Cut, Decline, Delegate, OnCall, Pledge, RaiseClass, Reopen, TakeBack};
pub use build::Desk;
pub use needs::{Need, Progress};
pub use refused::{Refused, text};
pub use say::{about, census, sentence};
pub use state::{Draft, Event, Ground, Stale, State, look, next, stale};
