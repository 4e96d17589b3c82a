//! One door: order in, position out. Restrictions persisted before they are acted on, and permits as values for the
//! data planes that ask.
//!
//! # Specification
//!
//! - A [`House`] owns all doors of one process and one ledger. **The ledger is the state**: every effect is an entry,
//!   written with one sync, before it is in force; a start is a replay. An order over thousands of doors is verified
//!   once, recorded as one entry, then put in force at each door.
//! - A door's [`State`] moves by one total function, [`next`]. Every change moves its epoch by one; what changes
//!   nothing may be repeated. What a door does follows from its restrictions by one total function, [`flow_rules`]:
//!   the join per flow, loosened only by a grant that names restriction and flow.
//! - **Towards more shut** ([`House::tighten`], [`House::raise`], [`House::withdrawn`]) needs no fresh view, no
//!   authority log and no network, commutes, is idempotent by restriction, and takes effect even if the disk is full
//!   (then it is in force but not *applied*: no report is given).
//! - **Towards more open** ([`House::open_doors`]) is compare-and-set on the door's exact epoch through a
//!   `clearance::Permit`, which is consumed. Refused openings are recorded too, bounded by counting repetitions.
//! - **Tries of its own.** [`House::ready`] names the openings for which nothing but a fresh view is known to be missing,
//!   so that a process asks for one only then ([`House::try_ready`]). Only openings that came while the process lived and
//!   have matched a door's epoch ever since are looked at; the try itself is any other try.
//! - **Drains** last until the door's own monotonic deadline; a restart ends them. **Grants** end when witnessed time,
//!   carried on by the monotonic clock, reaches their end, and end at once when something they stand on is withdrawn.
//! - **A restart** leaves every door contained (Held where its service can be held, else Shut) until a fresh view:
//!   a checkpoint of the authority log that equals the store's own replica, contains a nonce of this process and is
//!   co-signed by the witnesses' quorum. It also moves every epoch, so that no opening made before fits afterwards.
//!   Freshness is of the process, not of the door: proving it again moves no epoch.
//! - **A store is enrolled once**, by its random name, the estate, its first charter and its doors. A missing, foreign
//!   or copied one is refused; an old copy of the own one stands contained, catches up with the authority log, and is
//!   reported as rolled back where others remember a later head.
//! - Emergency lies on top of Held: a restriction that asks for no more than Held leaves it standing, a Shut by name
//!   stops it unless it was given over that very restriction.
//! - The promises DOOR-1 to DOOR-3 are functions ([`promises`]). They run after each change, before anyone sees it; a
//!   door at which one does not hold is shut and reported.
//!
//! Wall time is recorded for people and decides nothing. This room knows neither the control room nor what runs
//! behind a door; it opens no socket and spawns nothing.

mod enrolment;
pub mod entry;
mod error;
mod fold;
mod gate;
mod house;
pub mod promises;
mod report;
mod restriction;
mod rules;
mod state;
mod view;

pub use enrolment::{BadEnrolment, DOORS_MAX, DoorPlace, Enrolment, StoreId};
pub use error::{Error, Foreign};
pub use fold::{Change, Door, Doors, Misfit};
pub use gate::{EmergencyPermit, Gate, Intake, Missing, PassPermit, Refusal, StorePermit};
pub use house::{Effect, House, Outcome, Proven, Ready, Tried};
pub use report::{
    Applied, Authority, DoorStatus, Moment, OpeningRefused, Recording, Report, Signal, Status, enrolled_twice,
};
pub use restriction::{Emergency, Grants, Limited, Origin, Peers, Restriction, StandsOn};
pub use rules::{Freshness, contained, emergency, flow_rules};
pub use state::{Becomes, Event, Opened, Opening, Refused, Restricted, State, next};
pub use view::{View, Why};
