//! The data plane's handle on a door: permits as values, and refusals that say why.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use vocabulary::{Class, DoorId, Epoch, Flow, Position};

use crate::restriction::{Emergency, Peers};
use crate::view::{View, Why};

/// A cheap handle on one door for data planes. It cannot change the door.
#[derive(Clone, Debug)]
pub struct Gate {
    door: Arc<DoorId>,
    view: watch::Receiver<View>,
}

/// What to do with something handed in at a front that stands in the service's place.
#[derive(Debug)]
pub enum Intake {
    /// Store it durably, then acknowledge it. Also when the door is Open: what passes on is read from the store.
    Store(StorePermit),
    /// Refuse it, temporarily, in the protocol's own words.
    Refuse(Refusal),
}

impl Gate {
    pub(crate) const fn new(door: Arc<DoorId>, view: watch::Receiver<View>) -> Self {
        Self { door, view }
    }

    /// Which door.
    #[must_use]
    pub fn door(&self) -> &DoorId {
        &self.door
    }

    /// What the door does at this moment.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Told of every change. When the owner ends, the last view is a contained one; after it the channel closes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Asks to take in something at a front that stands in the service's place (`intake = front`).
    #[must_use]
    pub fn intake(&self) -> Intake {
        let view = self.view.borrow();
        if view.stores() {
            Intake::Store(StorePermit {
                door: Arc::clone(&self.door),
                epoch: view.epoch,
                since: view.since_stored(),
                view: self.view.clone(),
            })
        } else {
            Intake::Refuse(Refusal::of(
                &self.door,
                Some(Flow::Intake),
                &view,
                Missing::Passage,
            ))
        }
    }

    /// Asks to let a flow through, for nobody in particular.
    ///
    /// # Errors
    /// [`Refusal`] when the door does not pass this flow, or passes it only for named peers.
    pub fn pass(&self, flow: Flow) -> Result<PassPermit, Refusal> {
        self.permit(flow, None)
    }

    /// Asks to let a flow through for a peer, by the name it was authenticated under.
    ///
    /// # Errors
    /// [`Refusal`] when the door does not pass this flow, or not for this peer.
    pub fn pass_for(&self, flow: Flow, peer: &str) -> Result<PassPermit, Refusal> {
        self.permit(flow, Some(peer))
    }

    /// Asks for the emergency environment's way: its own read cursor on what is stored, and a way out for released
    /// answers.
    ///
    /// # Errors
    /// [`Refusal`] when no emergency grant is in force.
    pub fn emergency(&self) -> Result<EmergencyPermit, Refusal> {
        let view = self.view.borrow();
        match &view.emergency {
            Some(grant) => Ok(EmergencyPermit {
                door: Arc::clone(&self.door),
                epoch: view.epoch,
                grant: grant.clone(),
                since: view.since_emergency(),
                view: self.view.clone(),
            }),
            None => Err(Refusal::of(&self.door, None, &view, Missing::EmergencyGrant)),
        }
    }

    fn permit(&self, flow: Flow, peer: Option<&str>) -> Result<PassPermit, Refusal> {
        let view = self.view.borrow();
        if view.passes(flow, peer) {
            return Ok(PassPermit {
                door: Arc::clone(&self.door),
                epoch: view.epoch,
                flow,
                peer: peer.map(String::from),
                since: view.since_passing(flow),
                view: self.view.clone(),
            });
        }
        let missing = match (&view.peers, peer) {
            (Peers::Only(_), None) => Missing::NamedPeer,
            (Peers::Only(_), Some(name)) if !view.peers.admit(name) => Missing::ThisPeer,
            (Peers::Only(_), Some(_)) | (Peers::Any, None | Some(_)) => Missing::Passage,
        };
        Err(Refusal::of(&self.door, Some(flow), &view, missing))
    }
}

macro_rules! revocable {
    ($permit:ident, $valid:expr) => {
        impl $permit {
            /// Which door gave it.
            #[must_use]
            pub fn door(&self) -> &DoorId {
                &self.door
            }

            /// The door's epoch when it was given.
            #[must_use]
            pub const fn epoch(&self) -> Epoch {
                self.epoch
            }

            /// Whether the right has existed without a gap from when it was given until now.
            #[must_use]
            pub fn still_valid(&self) -> bool {
                let valid: fn(&Self, &View) -> bool = $valid;
                valid(self, &self.view.borrow())
            }

            /// Returns when the permit is no longer valid, so that an open connection can be cut. May be dropped.
            pub async fn revoked(&mut self) {
                loop {
                    // Marked as seen before looking, so that a change in between wakes us again.
                    self.view.borrow_and_update();
                    if !self.still_valid() {
                        return;
                    }
                    if self.view.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    };
}

/// The right to store something handed in and to acknowledge it. Stays valid from Open to Held, for the sender in
/// mid-transfer may finish: what it hands in is stored anyway.
#[derive(Debug)]
pub struct StorePermit {
    door: Arc<DoorId>,
    epoch: Epoch,
    since: u64,
    view: watch::Receiver<View>,
}

revocable!(StorePermit, |permit, view| view.stores()
    && view.since_stored() == permit.since);

/// The right to let one flow through.
#[derive(Debug)]
pub struct PassPermit {
    door: Arc<DoorId>,
    epoch: Epoch,
    flow: Flow,
    peer: Option<String>,
    since: u64,
    view: watch::Receiver<View>,
}

revocable!(PassPermit, |permit, view| {
    view.passes(permit.flow, permit.peer.as_deref()) && view.since_passing(permit.flow) == permit.since
});

impl PassPermit {
    /// The flow it lets through.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.flow
    }
}

/// The right of the emergency environment to read what is stored and to send released answers.
#[derive(Debug)]
pub struct EmergencyPermit {
    door: Arc<DoorId>,
    epoch: Epoch,
    grant: Emergency,
    since: u64,
    view: watch::Receiver<View>,
}

revocable!(EmergencyPermit, |permit, view| {
    view.emergency.as_ref() == Some(&permit.grant) && view.since_emergency() == permit.since
});

impl EmergencyPermit {
    /// Which environment reads, under which identity, until when.
    #[must_use]
    pub const fn grant(&self) -> &Emergency {
        &self.grant
    }
}

/// What a data plane would have needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// The door would have to pass the flow.
    Passage,
    /// Limited operation: a peer the grant names would have to ask.
    NamedPeer,
    /// Limited operation: this peer is not among those the grant names.
    ThisPeer,
    /// An emergency grant in force.
    EmergencyGrant,
}

/// A door's no. Always temporary: a position is never a fault of the sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Which door.
    pub door: DoorId,
    /// What was asked; `None` for the emergency environment's way.
    pub flow: Option<Flow>,
    /// The position it refused from.
    pub position: Position,
    /// The epoch it refused at.
    pub epoch: Epoch,
    /// What keeps it closed.
    pub why: Why,
    /// What would have been needed.
    pub missing: Missing,
}

impl Refusal {
    fn of(door: &DoorId, flow: Option<Flow>, view: &View, missing: Missing) -> Self {
        Self {
            door: door.clone(),
            flow,
            position: view.position,
            epoch: view.epoch,
            why: view.why,
            missing,
        }
    }
}

const fn flow_in_words(flow: Option<Flow>) -> (&'static str, &'static str) {
    match flow {
        Some(Flow::Intake) => ("Annahme", "intake"),
        Some(Flow::Forward) => ("Weiterleitung", "forwarding"),
        Some(Flow::Fetch) => ("Abholung", "fetching"),
        Some(Flow::Send) => ("Versand", "sending"),
        Some(Flow::Sessions) => ("laufende Sitzung", "running session"),
        None => ("Notbetrieb", "emergency operation"),
    }
}

const fn why_in_words(why: Why, missing: Missing) -> (&'static str, &'static str) {
    match (missing, why) {
        (_, Why::OwnerGone) => (
            "der Türprozess ist beendet; die Tür muss neu gestartet werden",
            "the door's process has ended; the door must be started again",
        ),
        (_, Why::NotFresh) => (
            "seit dem Start fehlt der Nachweis der Zeugen, dass alle Befehle bekannt sind",
            "since the start the witnesses' proof that every order is known is missing",
        ),
        (Missing::NamedPeer, Why::Nothing | Why::Restricted(_)) => (
            "eingeschränkter Betrieb: nur namentlich freigegebene Gegenstellen",
            "limited operation: only peers released by name",
        ),
        (Missing::ThisPeer, Why::Nothing | Why::Restricted(_)) => (
            "eingeschränkter Betrieb: diese Gegenstelle ist nicht freigegeben",
            "limited operation: this peer is not released",
        ),
        (Missing::EmergencyGrant, Why::Nothing | Why::Restricted(_)) => (
            "es gibt keine gültige Erlaubnis zum Notbetrieb",
            "there is no emergency grant in force",
        ),
        (Missing::Passage, Why::Restricted(Class::Maintenance)) => (
            "geschlossen für geplante Arbeiten; eine Einsatzleitung kann öffnen",
            "closed for planned work; one commander may open",
        ),
        (Missing::Passage, Why::Restricted(Class::Precautionary)) => (
            "vorsorglich geschlossen; im Zeitfenster können zwei Einsatzleitungen öffnen",
            "closed out of caution; two commanders may open inside the window",
        ),
        (Missing::Passage, Why::Restricted(Class::Containment)) => (
            "abgeschottet; zum Öffnen fehlen Freigabe, Einsatzleitung und Zustimmung der Kasse",
            "contained; opening needs a clearance, a commander and the insurer's consent",
        ),
        (Missing::Passage, Why::Nothing) => ("nicht freigegeben", "not permitted"),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            door,
            position,
            epoch,
            ..
        } = self;
        let (flow_de, flow_en) = flow_in_words(self.flow);
        let (why_de, why_en) = why_in_words(self.why, self.missing);
        write!(
            f,
            "Tür {door} steht auf {position} (Stand {epoch}), {flow_de} vorübergehend nicht möglich: {why_de}. / \
             Door {door} is {position} (epoch {epoch}), {flow_en} temporarily not possible: {why_en}."
        )
    }
}

impl std::error::Error for Refusal {}
