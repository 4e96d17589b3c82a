//! The truth told to everyone, from one fact sheet.
//!
//! A [`FactSheet`](sheet::FactSheet) holds everything the public may know: states of cells, public names, graded
//! claims. Every text is made from it and from fixed, reviewed sentences ([`words`]): the static status site in German
//! and English ([`site`]), the Atom feed, the Statuspage-shaped summary, the phone scripts, the answers by key
//! ([`ask`]), and the drafts of legal notices ([`obligations`]). So no two texts can contradict each other, and
//! [`promises::public_1`] reads the finished bytes back to prove it.
//!
//! # What always holds
//! - "Held" is a state of its own and says: accepted, stored, waits; do not send again.
//! - The next update is a time at which we speak again, never a promise that something works by then.
//! - A correction stands beside the text it corrects. A claim past its review is shown as overdue.
//! - "Not known yet" is a sentence with a review time, not an empty space.
//! - A state is never told by colour alone; no page needs a script.
//! - Clocks of legal duties start at knowledge. Drafts are marked as drafts; a person sends them.
//!
//! # What it must not know
//! Mails, exhibits, emergency cases: this room cannot reach the rooms that hold them, so the public page cannot leak
//! what it cannot see. It is pure: no clock, no disk, no socket, no randomness; time and signatures are arguments.

pub mod ask;
pub mod obligations;
pub mod promises;
pub mod sheet;
pub mod site;
pub mod text;
pub mod when;
pub mod words;

pub use sheet::{BadSheet, FactSheet};
pub use site::Site;
pub use words::{Audience, Lang, State};
