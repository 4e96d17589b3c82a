//! What the rooms say to each other: names, scopes, flows, positions, digests and signed envelopes, each valid by
//! construction.
//!
//! This room is pure: no clock, no disk, no socket, no randomness. A value that exists here has been parsed at the
//! edge; nobody checks it twice. It depends on no other room, and every other room may depend on it.
#![no_std]
extern crate alloc;

mod bilingual;
mod digest;
mod envelope;
mod flow;
mod id;
mod role;
mod scope;
mod time;

pub use bilingual::{english, german};
pub use digest::{Digest, Hasher, StatementId};
pub use envelope::{Envelope, EnvelopeError, PayloadType, Signature, pre_authentication_encoding};
pub use flow::{Class, Epoch, Flow, FlowRules, Holdable, IntakeRule, Position, SessionRule, TransitRule};
pub use id::{
    BadId, CellId, DetectorId, DoorId, EnvironmentId, EstateId, HostId, IncidentId, InsurerId, LegalEntityId,
    PersonId, RestrictionId, ServiceId, SignalId, SiteId, WitnessId, service,
};
pub use role::Role;
pub use scope::{Place, Scope, Selector};
pub use time::{Millis, Seconds, Timestamp};
