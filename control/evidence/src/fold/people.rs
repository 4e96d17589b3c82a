//! What people and machines of the room said.

use std::collections::VecDeque;
use std::sync::Arc;

use vocabulary::{DoorId, Timestamp};

use super::Fold;
use crate::door_view::Proof;
use crate::picture::{Environment, Incident, LIST_MAX, People, Test, Written};
use crate::room::{DraftDropped, RoomEntry};

impl Fold {
    pub(super) fn room(&mut self, entry: u64, at: Timestamp, said: RoomEntry) {
        match said {
            RoomEntry::ProofMeasured(body) => {
                let proof = Proof {
                    epoch: body.epoch,
                    position: body.position,
                    at: body.at,
                    failures: body.failures,
                    old_sessions: body.old_sessions,
                };
                self.touch(&body.door);
                self.measured.insert(body.door, proof);
            }
            RoomEntry::BacklogCounted(body) => {
                let backlog = Arc::make_mut(&mut self.picture.backlog);
                for (cell, body) in body.cells {
                    backlog.insert(cell, Written { entry, at, body });
                }
            }
            RoomEntry::EnvironmentMoved(body) => {
                let environments = Arc::make_mut(&mut self.picture.environments);
                let moved = Environment {
                    state: body.state,
                    since: at,
                };
                environments.insert(body.environment, moved);
            }
            RoomEntry::LevelSet(body) => {
                self.touch(&body.door);
                Arc::make_mut(&mut self.picture.people)
                    .levels
                    .insert(body.door, body.level);
            }
            RoomEntry::DraftProposed(ref body) if self.is_decided(body.draft.id()) => {}
            RoomEntry::IncidentOpened(_)
            | RoomEntry::IncidentUpdated(_)
            | RoomEntry::IncidentClosed(_)
            | RoomEntry::SignalSeen(_)
            | RoomEntry::PlanRanked(_)
            | RoomEntry::PlanSlot(_)
            | RoomEntry::TestAccepted(_)
            | RoomEntry::TestRefused(_)
            | RoomEntry::PromiseMade(_)
            | RoomEntry::ClaimMade(_)
            | RoomEntry::CalloutEvent(_)
            | RoomEntry::NoticePublished(_)
            | RoomEntry::ObligationSent(_)
            | RoomEntry::SessionOpened(_)
            | RoomEntry::DraftProposed(_)
            | RoomEntry::DraftDropped(_) => {
                Arc::make_mut(&mut self.picture.people).said(entry, at, said);
            }
        }
    }

    fn touch(&mut self, door: &DoorId) {
        self.touched.insert(door.clone());
    }
}

impl People {
    fn said(&mut self, entry: u64, at: Timestamp, said: RoomEntry) {
        match said {
            RoomEntry::IncidentOpened(_)
            | RoomEntry::IncidentUpdated(_)
            | RoomEntry::IncidentClosed(_)
            | RoomEntry::SignalSeen(_) => self.incident(entry, at, said),
            RoomEntry::PlanRanked(body) => {
                let written = Written {
                    entry,
                    at,
                    body: body.services,
                };
                self.ranks.insert(body.insurer, written);
            }
            RoomEntry::PlanSlot(body) => {
                self.slots.insert(body.cell.clone(), Written { entry, at, body });
            }
            RoomEntry::TestAccepted(body) => {
                let cell = body.cell.clone();
                self.tests
                    .insert(cell, Test::Accepted(Written { entry, at, body }));
            }
            RoomEntry::TestRefused(body) => {
                let cell = body.cell.clone();
                self.tests
                    .insert(cell, Test::Refused(Written { entry, at, body }));
            }
            RoomEntry::PromiseMade(body) => push(&mut self.promises, Written { entry, at, body }),
            RoomEntry::CalloutEvent(body) => push(&mut self.callouts, Written { entry, at, body }),
            RoomEntry::NoticePublished(body) => push(&mut self.notices, Written { entry, at, body }),
            RoomEntry::ObligationSent(body) => push(&mut self.obligations, Written { entry, at, body }),
            RoomEntry::ClaimMade(body) => {
                let history = self.claims.entry(body.claim.clone()).or_default();
                history.push(Written { entry, at, body });
                if history.len() > LIST_MAX {
                    history.remove(0);
                }
            }
            RoomEntry::SessionOpened(body) => {
                self.sessions.retain(|_, (_, until)| *until > at);
                self.sessions.insert(body.session, (body.by, body.until));
            }
            // Somebody signed what another had dropped, or a copy of the journal brings it again.
            RoomEntry::DraftProposed(body) if self.dropped.contains_key(&body.draft.id()) => {}
            RoomEntry::DraftProposed(body) => {
                self.drafts.insert(body.draft.id(), Written { entry, at, body });
                // The oldest give way: a draft is a proposal, and the journal has it.
                while self.drafts.len() > LIST_MAX {
                    let oldest = self.drafts.iter().min_by_key(|(_, draft)| draft.entry);
                    let Some(oldest) = oldest.map(|(id, _)| *id) else {
                        break;
                    };
                    self.drafts.remove(&oldest);
                }
            }
            RoomEntry::DraftDropped(body) => self.drop_draft(Written { entry, at, body }),
            // Kept elsewhere in the picture.
            RoomEntry::ProofMeasured(_)
            | RoomEntry::BacklogCounted(_)
            | RoomEntry::EnvironmentMoved(_)
            | RoomEntry::LevelSet(_) => {}
        }
    }

    /// The first word counts; the oldest give way, far later than any draft could still be signed.
    fn drop_draft(&mut self, written: Written<DraftDropped>) {
        let draft = written.body.draft;
        self.drafts.remove(&draft);
        self.dropped.entry(draft).or_insert(written);
        while self.dropped.len() > LIST_MAX {
            let oldest = self.dropped.iter().min_by_key(|(_, dropped)| dropped.entry);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            self.dropped.remove(&oldest);
        }
    }

    fn incident(&mut self, entry: u64, at: Timestamp, said: RoomEntry) {
        match said {
            RoomEntry::IncidentOpened(body) => {
                // A name that is taken stays with what it names: the second opening is one more word about it.
                let incident = self.incidents.entry(body.incident).or_insert_with(|| Incident {
                    title: body.title.clone(),
                    scope: body.scope,
                    signals: body.signals,
                    opened: (at, body.by.clone()),
                    updates: Vec::new(),
                    closed: None,
                });
                if incident.opened.0 != at || incident.title != body.title {
                    incident.updates.push((at, body.by, body.title));
                }
            }
            RoomEntry::IncidentUpdated(body) => {
                if let Some(incident) = self.incidents.get_mut(&body.incident) {
                    incident.updates.push((at, body.by, body.text));
                    incident.signals.extend(body.signals);
                    if let Some(scope) = body.scope {
                        incident.scope = scope;
                    }
                }
            }
            RoomEntry::IncidentClosed(body) => {
                if let Some(incident) = self.incidents.get_mut(&body.incident) {
                    incident.closed.get_or_insert((at, body.by, body.why));
                }
            }
            RoomEntry::SignalSeen(body) => {
                if let Some(incident) = body
                    .incident
                    .as_ref()
                    .and_then(|name| self.incidents.get_mut(name))
                {
                    incident.signals.insert(body.signal.clone());
                }
                push(&mut self.signals, Written { entry, at, body });
            }
            RoomEntry::PlanRanked(_)
            | RoomEntry::PlanSlot(_)
            | RoomEntry::TestAccepted(_)
            | RoomEntry::TestRefused(_)
            | RoomEntry::PromiseMade(_)
            | RoomEntry::ClaimMade(_)
            | RoomEntry::CalloutEvent(_)
            | RoomEntry::NoticePublished(_)
            | RoomEntry::ObligationSent(_)
            | RoomEntry::ProofMeasured(_)
            | RoomEntry::BacklogCounted(_)
            | RoomEntry::SessionOpened(_)
            | RoomEntry::DraftProposed(_)
            | RoomEntry::DraftDropped(_)
            | RoomEntry::EnvironmentMoved(_)
            | RoomEntry::LevelSet(_) => {}
        }
    }
}

/// Appends, and lets the oldest go where the list is full; the journal has it.
pub(super) fn push<T>(list: &mut VecDeque<T>, new: T) {
    if list.len() >= LIST_MAX {
        list.pop_front();
    }
    list.push_back(new);
}
