//! What a door does now, as data planes see it.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::Holdable;
use vocabulary::{Class, Epoch, Flow, FlowRules, IntakeRule, Millis, Position, RestrictionId};

use crate::restriction::{Emergency, Peers};
use crate::rules::{Freshness, contained, emergency, flow_rules, passes, position};
use crate::state::State;

/// Drains that still run, with the deadline of each by the door's own monotonic clock.
pub(crate) type Drains = BTreeMap<RestrictionId, Millis>;

/// What a door does now. Every change is published to all who watch the door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// The door's count of state changes.
    pub epoch: Epoch,
    /// How people name it.
    pub position: Position,
    /// What happens to each flow.
    pub rules: FlowRules,
    /// While sessions may finish: until when, by the monotonic clock the owner is given.
    pub draining_until: Option<Millis>,
    /// For whom flows pass.
    pub peers: Peers,
    /// The emergency grant in force.
    pub emergency: Option<Emergency>,
    /// What keeps it closed.
    pub why: Why,
    /// Since which publication each right has existed without a gap.
    since: Since,
}

/// What keeps a door closed, in as much detail as a stranger may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Nothing does.
    Nothing,
    /// No proof since the start that every order and withdrawal is known.
    NotFresh,
    /// Restrictions; the heaviest class among them.
    Restricted(Class),
    /// The process that owns the door has ended or is ending.
    OwnerGone,
}

/// Per right: the number of the publication since which it has existed without a gap. A right that ended and came
/// back is another right, however quickly it came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Since {
    store: u64,
    intake: u64,
    forward: u64,
    fetch: u64,
    send: u64,
    sessions: u64,
    emergency: u64,
}

impl Since {
    const fn of(self, flow: Flow) -> u64 {
        match flow {
            Flow::Intake => self.intake,
            Flow::Forward => self.forward,
            Flow::Fetch => self.fetch,
            Flow::Send => self.send,
            Flow::Sessions => self.sessions,
        }
    }
}

impl View {
    /// The view that follows from a door's state, with rights counted on from the view before.
    pub(crate) fn of(
        state: &State,
        holdable: Holdable,
        freshness: Freshness,
        drains: &Drains,
        before: Option<&Self>,
    ) -> Self {
        let none = BTreeSet::new();
        let draining: BTreeSet<RestrictionId> = drains
            .keys()
            .filter(|id| state.restriction(id).is_some())
            .copied()
            .collect();
        let rules = flow_rules(state, holdable, freshness, &draining);
        let rules_after = flow_rules(state, holdable, freshness, &none);
        let position = position(rules, &draining, rules_after);
        let draining_until = match position {
            Position::Draining => drains
                .iter()
                .filter(|(id, _)| draining.contains(id))
                .map(|(_, until)| *until)
                .max(),
            Position::Open | Position::Held | Position::Shut | Position::Islanded => None,
        };
        let peers = match (&state.grants().limited, freshness) {
            (Some(limited), Freshness::Fresh) => limited.peers.clone(),
            (Some(_), Freshness::Stale) | (None, Freshness::Fresh | Freshness::Stale) => Peers::Any,
        };
        let why = match (freshness, state.class()) {
            (Freshness::Stale, _) => Why::NotFresh,
            (Freshness::Fresh, Some(class)) => Why::Restricted(class),
            (Freshness::Fresh, None) => Why::Nothing,
        };
        Self {
            epoch: state.epoch(),
            position,
            rules,
            draining_until,
            peers,
            emergency: emergency(state, freshness).cloned(),
            why,
            since: Since::default(),
        }
        .counted_on(before)
    }

    /// The view after the owner has gone: contained, whatever it was.
    pub(crate) fn orphaned(&self, holdable: Holdable) -> Self {
        let rules = self.rules.join(contained(holdable));
        Self {
            epoch: self.epoch,
            position: rules.position(),
            rules,
            draining_until: None,
            peers: Peers::Any,
            emergency: None,
            why: Why::OwnerGone,
            since: Since::default(),
        }
        .counted_on(Some(self))
    }

    fn counted_on(mut self, before: Option<&Self>) -> Self {
        let Some(before) = before else {
            self.since = Since {
                store: 1,
                intake: 1,
                forward: 1,
                fetch: 1,
                send: 1,
                sessions: 1,
                emergency: 1,
            };
            return self;
        };
        let number = before.since_max().saturating_add(1);
        // A changed list of peers is a new right for everyone: who was struck off and comes back starts anew.
        let same_peers = self.peers == Peers::Any || self.peers == before.peers;
        let of = |flow: Flow| {
            let begins = passes(self.rules, flow) && !(same_peers && passes(before.rules, flow));
            if begins { number } else { before.since.of(flow) }
        };
        let store_begins = self.stores() && !before.stores();
        let emergency_begins = self.emergency.is_some() && self.emergency != before.emergency;
        self.since = Since {
            store: if store_begins { number } else { before.since.store },
            intake: of(Flow::Intake),
            forward: of(Flow::Forward),
            fetch: of(Flow::Fetch),
            send: of(Flow::Send),
            sessions: of(Flow::Sessions),
            emergency: if emergency_begins {
                number
            } else {
                before.since.emergency
            },
        };
        self
    }

    fn since_max(&self) -> u64 {
        let Since {
            store,
            intake,
            forward,
            fetch,
            send,
            sessions,
            emergency,
        } = self.since;
        [store, intake, forward, fetch, send, sessions, emergency]
            .into_iter()
            .max()
            .unwrap_or(0)
    }

    /// Whether intake in front placement may store.
    #[must_use]
    pub fn stores(&self) -> bool {
        match self.rules.intake {
            IntakeRule::Pass | IntakeRule::Store => true,
            IntakeRule::Refuse => false,
        }
    }

    /// Whether a flow passes, for a named peer or (where no list of peers limits the door) for anyone.
    #[must_use]
    pub fn passes(&self, flow: Flow, peer: Option<&str>) -> bool {
        let admitted = match (&self.peers, peer) {
            (Peers::Any, None | Some(_)) => true,
            (Peers::Only(_), None) => false,
            (Peers::Only(_), Some(peer)) => self.peers.admit(peer),
        };
        admitted && passes(self.rules, flow)
    }

    pub(crate) const fn since_stored(&self) -> u64 {
        self.since.store
    }

    pub(crate) const fn since_passing(&self, flow: Flow) -> u64 {
        self.since.of(flow)
    }

    pub(crate) const fn since_emergency(&self) -> u64 {
        self.since.emergency
    }
}
