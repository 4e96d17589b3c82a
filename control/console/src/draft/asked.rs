//! What a form asks for, one type per kind of statement. Estate, author and time are the desk's.

use std::collections::{BTreeMap, BTreeSet};

use clearance::{Against, Basis, ChecklistItem, Grade, RewrappedKey, StandingFor, Withdraws};
use order::{Becomes, Person, Rate, Stance, Text, Uses};
use vocabulary::{
    Class, DetectorId, Digest, DoorId, EnvironmentId, InsurerId, RestrictionId, Scope, Seconds, ServiceId,
    SignalId, StatementId,
};

/// A closing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// Which doors.
    pub scope: Scope,
    /// What they do.
    pub stance: Stance,
    /// Who may lift it later.
    pub class: Class,
    /// How long sessions may finish.
    pub drain: Option<Seconds>,
    /// Once, or pre-signed for many uses.
    pub uses: Uses,
    /// The signal it answers.
    pub signal: Option<SignalId>,
    /// Why.
    pub reason: Text,
}

/// A raising of a class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RaiseClass {
    /// At which doors.
    pub scope: Scope,
    /// To which class at least.
    pub to: Class,
    /// Only these restrictions; absent means all that are active.
    pub only: Option<BTreeSet<RestrictionId>>,
    /// Why.
    pub reason: Text,
}

/// An opening. Epochs are taken from the picture, never from the form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reopen {
    /// Which doors.
    pub doors: BTreeSet<DoorId>,
    /// What they become.
    pub becomes: Becomes,
    /// The clearances it stands on.
    pub clearances: BTreeSet<StatementId>,
    /// What is lifted at a door; doors that are not named here lift everything that is active.
    pub lifts: BTreeMap<DoorId, BTreeSet<RestrictionId>>,
    /// Why.
    pub reason: Text,
    /// How long it may be used.
    pub lasts: Seconds,
}

/// A clearance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clear {
    /// Of which environment.
    pub environment: EnvironmentId,
    /// Limited or full.
    pub grade: Grade,
    /// Examined, not endangered, or one signal explained.
    pub basis: Basis,
    /// Digests of what was examined.
    pub examined: BTreeSet<Digest>,
    /// Root of the evidence.
    pub evidence_root: Digest,
    /// What was checked, with results.
    pub checklist: Vec<ChecklistItem>,
    /// Clearances it relies on.
    pub relies_on: BTreeSet<StatementId>,
    /// How long it may open something.
    pub lasts: Seconds,
}

/// A withdrawal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakeBack {
    /// Of what.
    pub withdraws: Withdraws,
    /// Why.
    pub reason: Text,
}

/// An insurer's consent to one opening.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agree {
    /// Whose.
    pub insurer: InsurerId,
    /// To which opening in the log.
    pub opening: StatementId,
    /// Keys to what is held, wrapped again on the insurer's own machine.
    pub rewrapped: Vec<RewrappedKey>,
    /// How long it is good.
    pub lasts: Seconds,
}

/// An insurer's refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decline {
    /// Whose.
    pub insurer: InsurerId,
    /// Of what.
    pub against: Against,
    /// Why.
    pub reason: Text,
}

/// An insurer's standing consent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pledge {
    /// Whose.
    pub insurer: InsurerId,
    /// For which services.
    pub services: BTreeSet<ServiceId>,
    /// To what.
    pub to: StandingFor,
    /// At which hours, UTC.
    pub hours: Option<(u8, u8)>,
    /// How long it is good.
    pub lasts: Seconds,
}

/// A standing order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnCall {
    /// The most it may ever cover.
    pub scope_max: Scope,
    /// What the doors do.
    pub stance: Stance,
    /// Precautionary or containment.
    pub class: Class,
    /// How long sessions may finish.
    pub drain: Option<Seconds>,
    /// Which detectors may use it.
    pub detectors: BTreeSet<DetectorId>,
    /// How often.
    pub rate: Rate,
    /// Why it exists.
    pub reason: Text,
    /// How long it is good.
    pub lasts: Seconds,
}

/// A delegation of an outside examiner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delegate {
    /// Who.
    pub person: Person,
    /// For which environments.
    pub environments: BTreeSet<EnvironmentId>,
    /// Why.
    pub reason: Text,
    /// How long.
    pub lasts: Seconds,
}
