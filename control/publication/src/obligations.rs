//! Legal duties as data, their clocks, and drafts of what a person then sends.
//!
//! - The duties are a versioned table ([`Law`]): the one built in, or a newer file. What was not read in the original
//!   is marked there and stays marked on every clock and draft.
//! - A clock starts when a legal person *knows*, which is an entry in the journal, not when something happened.
//! - One incident starts many clocks: per duty and legal person, and by service: the same provider answers under NIS2
//!   for some services and under § 329 SGB V for those of the telematics infrastructure.
//! - Hours run by the second. Days and months end with the day, in Berlin (§§ 187, 188 BGB); weekends and holidays do
//!   not extend them here, because the earlier end is the safe one.
//! - Nothing is sent from here. A draft says that it is one. Who sends late says why.

mod clock;
mod draft;
mod law;
mod threshold;
mod words;

pub use clock::{Clock, Due, Entry, Knowledge, ReasonMissing, Sent, Standing, clocks};
pub use draft::{Draft, draft};
pub use law::{BadLaw, Law, Noted, Obligation, ObligationId, Regime, Version};
pub use threshold::{Harm, Outage, Provider, Work, significant};
pub use words::{Period, PersonKind, Trigger};
