//! The authority log comes in, entry by entry; statements come in from files; and views are proven fresh.

use std::collections::BTreeSet;

use clearance::{Admitted, Authority, Followed, FreshView, Nonce};
use order::{StandingUse, Tightening, UseNumber};
use record::{Head, Note};
use vocabulary::{Envelope, Millis, StatementId, Timestamp};

use super::carrying::Urgency;
use super::closing::{raised, tightened, withdrawal};
use super::{Clock, House};
use crate::entry::{Body, Fresh};
use crate::error::Error;
use crate::fold::Doors;
use crate::report::{Moment, Report, Signal};
use crate::rules::Freshness;

/// How long the answer to a nonce is awaited, and how long it opens doors, in minutes. Long enough for witnesses who
/// carry files by hand; short, because a hostile control room can hide for so long what came after.
pub(super) const VIEW_MINUTES_MAX: u64 = 60;
/// Most entries followed with one sync.
const STEP_ENTRIES_MAX: usize = 1024;
/// Bytes after which a step ends: bounds memory and the size of one commit.
const STEP_BYTES_MAX: usize = 1024 * 1024;
/// Longest entry of the authority log a door follows: the longest statement, with room for its signatures.
const ENTRY_BYTES_MAX: usize = 7 * 1024 * 1024;

/// A nonce that waits for its answer.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    nonce: Nonce,
    at: Millis,
}

/// A fresh view, and when its nonce was drawn.
pub(super) struct Seen {
    pub(super) view: FreshView,
    asked: Millis,
}

impl Seen {
    pub(super) const fn is_recent(&self, now: Millis) -> bool {
        is_recent(self.asked, now)
    }
}

const fn is_recent(asked: Millis, now: Millis) -> bool {
    now.0.saturating_sub(asked.0) <= VIEW_MINUTES_MAX * 60 * 1000
}

/// What a statement or an entry of the authority log did here.
#[derive(Debug)]
pub enum Effect {
    /// It changed doors: these, as they are now.
    Doors(Vec<Report>),
    /// It was admitted and changed no door.
    Admitted,
    /// Known already; nothing changed.
    Repeat,
    /// It is part of the authority log, but whoever signed it may not do what it says: it changes nothing, ever.
    Refused(clearance::Refused),
    /// No statement: a nonce, or a kind that means nothing here.
    Nothing,
}

/// A fresh view was proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// Witnessed time.
    pub witnessed: Timestamp,
    /// Size of the authority log.
    pub size: u64,
    /// The doors that changed by it, grants that had ended included.
    pub reports: Vec<Report>,
}

impl House {
    /// Follows the authority log by its next entries, in order: the entries and what they do here are recorded together,
    /// with one sync for as many as fit into a bounded step. Entries that are known already may come again.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] when an entry is not the next of this log; those before it were followed.
    /// [`Error::ClosedUnrecorded`]: what they close is closed, but the ledger failed.
    pub fn follow(&mut self, entries: &[Vec<u8>], now: Moment) -> Result<Vec<Effect>, Error> {
        let mut effects = Vec::with_capacity(entries.len());
        let mut rest = entries;
        while !rest.is_empty() {
            let (step, after) = rest.split_at(step_len(rest));
            self.follow_step(step, &mut effects, now)?;
            rest = after;
        }
        Ok(effects)
    }

    fn follow_step(&mut self, step: &[Vec<u8>], effects: &mut Vec<Effect>, now: Moment) -> Result<(), Error> {
        let since = self.begins(now);
        let known = self.authority.head().len;
        // What earlier entries of this step do to the doors, before it is recorded. Most steps need no such copy.
        let mut ahead: Option<Doors> = None;
        let mut bodies = Vec::new();
        let mut followed = Vec::with_capacity(step.len());
        let mut gap = None;
        for (place, entry) in step.iter().enumerate() {
            if already_followed(entry, known) {
                followed.push(Followed::Other);
                continue;
            }
            match self.follow_one(entry) {
                Ok(done) => {
                    bodies.push(Body::Authority(entry.clone()));
                    let doors = ahead.as_ref().unwrap_or(&self.doors);
                    let effect = admitted(&done).map(|admitted| bodies_of(doors, admitted, since, now));
                    for body in effect.into_iter().flatten() {
                        let is_last = place.saturating_add(1) == step.len();
                        if !is_last {
                            let index = self.ledger.head().len;
                            let doors = ahead.get_or_insert_with(|| self.doors.clone());
                            // What an order does was computed for these very doors, so they cannot refuse it.
                            let _ = doors.apply(index, &body);
                        }
                        bodies.push(body);
                    }
                    followed.push(done);
                }
                // What came before it is followed; the caller brings the missing ones.
                Err(refused) => {
                    gap = Some(refused);
                    break;
                }
            }
        }
        let done = self.carry_out(&bodies, Urgency::Closing, now)?;
        followed
            .iter()
            .filter_map(admitted)
            .for_each(|one| self.note_admitted(one));
        let mut reports = Some(self.reports_of(&done, now));
        effects.extend(followed.into_iter().map(|one| effect_of(one, &mut reports)));
        gap.map_or(Ok(()), |refused| Err(Error::NotAdmitted(refused)))
    }

    fn follow_one(&mut self, entry: &[u8]) -> Result<Followed, clearance::Refused> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(clearance::Refused::Entry(format!("> {ENTRY_BYTES_MAX} bytes")));
        }
        self.authority.follow(entry, None)
    }

    /// Admits a statement that came without the authority log: a pre-signed order from a file, with everything else
    /// off. Needs no network and no fresh view.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] says what is missing; nothing changed. [`Error::ClosedUnrecorded`]: what it closes is
    /// closed, but the ledger failed.
    pub fn admit(&mut self, envelope: &Envelope, now: Moment) -> Result<Effect, Error> {
        let admitted = self.authority.admit(envelope, None).map_err(Error::NotAdmitted)?;
        if admitted == Admitted::Repeat {
            self.settle(now)?;
            return Ok(Effect::Repeat);
        }
        let effect = bodies_of(&self.doors, &admitted, self.begins(now), now);
        let bodies: Vec<Body> = std::iter::once(Body::Statement(envelope.clone()))
            .chain(effect)
            .collect();
        let done = self.carry_out(&bodies, Urgency::Closing, now)?;
        self.note_admitted(&admitted);
        Ok(effect_of(
            Followed::Admitted(admitted),
            &mut Some(self.reports_of(&done, now)),
        ))
    }

    /// The number of the next use of a pre-signed order here. A person who brings the same paper again to close again
    /// means a new use; a message delivered twice does not.
    #[must_use]
    pub fn next_use(&self, order: &StatementId) -> UseNumber {
        let last = self
            .doors
            .uses(order)
            .last_key_value()
            .map_or(0, |(number, _)| number.0);
        UseNumber(last.saturating_add(1))
    }

    /// Uses an order that was pre-signed for many uses once more. The same number again is the same restriction.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] when it is not known or over; [`Error::ClosedUnrecorded`].
    pub fn use_again(
        &mut self,
        order: StatementId,
        number: UseNumber,
        now: Moment,
    ) -> Result<Vec<Report>, Error> {
        let witnessed = self.view.as_ref().map(|seen| seen.view.time());
        let tightening = self
            .authority
            .tightening(order, number, witnessed)
            .map_err(Error::NotAdmitted)?;
        self.tighten(&tightening, now)
    }

    /// Lets a detector use a standing order, inside its scope and rate.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] says what the order does not allow; [`Error::ClosedUnrecorded`].
    pub fn use_standing(&mut self, asked: &StandingUse, now: Moment) -> Result<Vec<Report>, Error> {
        let witnessed = self.view.as_ref().map(|seen| seen.view.time());
        let earlier = self.doors.uses(&asked.order);
        let tightening: Tightening = self
            .authority
            .use_standing(asked, &earlier, now.wall, witnessed)
            .map_err(Error::NotAdmitted)?;
        self.tighten(&tightening, now)
    }

    /// Begins to ask for a fresh view: the shell draws the nonce at random and brings it into the authority log. An
    /// earlier question is forgotten.
    pub const fn ask(&mut self, nonce: Nonce, now: Moment) {
        self.asked = Some(Asked { nonce, at: now.mono });
    }

    /// Takes the answer: a checkpoint of the authority log, co-signed by the witnesses' quorum, with the nonce asked
    /// last in the log. From then on the doors stand as their ledger says. `last_known` is the latest head of this
    /// store's ledger that neighbours or witnesses remember, if any does.
    ///
    /// # Errors
    /// [`Error::NotAsked`], [`Error::NotFresh`], [`Error::Ledger`]: the doors stay as they are.
    pub fn fresh(&mut self, note: &Note, last_known: Option<&Head>, now: Moment) -> Result<Proven, Error> {
        let not_asked = Error::NotAsked {
            minutes: VIEW_MINUTES_MAX,
        };
        let Some(asked) = self.asked.filter(|asked| is_recent(asked.at, now.mono)) else {
            return Err(not_asked);
        };
        self.settle(now)?;
        let rolled_back = match last_known {
            Some(seen) => self.remembered_otherwise(seen)?.then_some(seen),
            None => None,
        };
        let view = self.authority.fresh(note, asked.nonce).map_err(Error::NotFresh)?;
        // Witnessed time never goes back, whatever clocks the witnesses have today.
        let witnessed = view.time().instant();
        let effective = self
            .witnessed(now)
            .map_or(witnessed, |known| known.max(witnessed));
        let mut bodies = vec![Body::Fresh(Fresh {
            note: note.to_string(),
            nonce: asked.nonce,
            size: view.size(),
            root: view.root(),
            witnessed: effective,
        })];
        bodies.extend(rolled_back.and_then(|seen| self.rolled_back(seen, now)));
        bodies.extend(self.grants_ended(effective).map(Body::GrantsEnded));
        let done = self.carry_out(&bodies, Urgency::Ordinary, now)?;
        if let Some(seen) = rolled_back {
            let have = self.head().len;
            self.raise_signal(Signal::RolledBack { have, seen: seen.len });
        }
        self.asked = None;
        self.clock = Some(Clock {
            witnessed: effective,
            at: now.mono,
        });
        let size = view.size();
        self.view = Some(Seen {
            view,
            asked: asked.at,
        });
        let was = std::mem::replace(&mut self.freshness, Freshness::Fresh);
        let reports = match was {
            Freshness::Fresh => self.reports_of(&done, now),
            Freshness::Stale => {
                self.publish_all(now);
                self.reports_of_all(&done, now)
            }
        };
        Ok(Proven {
            witnessed: effective,
            size,
            reports,
        })
    }

    /// Whether somebody remembers a state of this store that it does not have.
    fn remembered_otherwise(&self, seen: &Head) -> Result<bool, Error> {
        let own = self.head();
        if seen.len > own.len {
            return Ok(true);
        }
        let chain = if seen.len == own.len {
            own.chain
        } else {
            self.ledger.entry(seen.len).map_err(Error::Ledger)?.previous
        };
        Ok(chain != seen.chain)
    }
}

/// How many entries make the next step: at least one.
fn step_len(entries: &[Vec<u8>]) -> usize {
    let mut bytes = 0_usize;
    entries
        .iter()
        .take(STEP_ENTRIES_MAX)
        .take_while(|entry| {
            let fits = bytes == 0 || bytes.saturating_add(entry.len()) <= STEP_BYTES_MAX;
            bytes = bytes.saturating_add(entry.len()).max(1);
            fits
        })
        .count()
}

const fn admitted(followed: &Followed) -> Option<&Admitted> {
    match followed {
        Followed::Admitted(admitted) => Some(admitted),
        Followed::Refused(_) | Followed::Nonce(_) | Followed::Witnessed(_) | Followed::Other => None,
    }
}

/// An entry whose number says that it was followed before. Whether it is the same is not asked: it changes nothing.
fn already_followed(entry: &[u8], known: u64) -> bool {
    record::EntryRef::decode(entry).is_ok_and(|entry| entry.index < known)
}

/// What an admitted statement does at these doors.
fn bodies_of(doors: &Doors, admitted: &Admitted, since: Option<Timestamp>, now: Moment) -> Vec<Body> {
    match admitted {
        Admitted::Tighten(order) => tightened(doors, order, since, now.wall).into_iter().collect(),
        Admitted::Raise(order) => raised(doors, order),
        Admitted::Withdraw(proof) => withdrawal(doors, proof, since).into_iter().collect(),
        Admitted::Charter(_)
        | Admitted::Section(_)
        | Admitted::StandingOrder(_)
        | Admitted::Opening(_)
        | Admitted::Clearance(_)
        | Admitted::Consent(_)
        | Admitted::Refusal(_)
        | Admitted::StandingConsent(_)
        | Admitted::Delegation(_)
        | Admitted::Repeat => Vec::new(),
    }
}

fn effect_of(followed: Followed, reports: &mut Option<Vec<Report>>) -> Effect {
    match followed {
        // All changes of one call are one commit; the first statement that changes doors carries all reports.
        Followed::Admitted(Admitted::Tighten(_) | Admitted::Raise(_) | Admitted::Withdraw(_)) => {
            Effect::Doors(reports.take().unwrap_or_default())
        }
        Followed::Admitted(Admitted::Repeat) => Effect::Repeat,
        Followed::Admitted(
            Admitted::Charter(_)
            | Admitted::Section(_)
            | Admitted::StandingOrder(_)
            | Admitted::Opening(_)
            | Admitted::Clearance(_)
            | Admitted::Consent(_)
            | Admitted::Refusal(_)
            | Admitted::StandingConsent(_)
            | Admitted::Delegation(_),
        ) => Effect::Admitted,
        Followed::Refused(refused) => Effect::Refused(refused),
        Followed::Nonce(_) | Followed::Witnessed(_) | Followed::Other => Effect::Nothing,
    }
}

/// The replica while a store is replayed, and what the openings in the ledger may stand on.
pub(super) struct Replay {
    pub(super) authority: Authority,
    openings: BTreeSet<StatementId>,
    clearances: BTreeSet<StatementId>,
}

impl Replay {
    pub(super) const fn new(authority: Authority) -> Self {
        Self {
            authority,
            openings: BTreeSet::new(),
            clearances: BTreeSet::new(),
        }
    }

    /// Does to the replica exactly what was done to it when the entry was written.
    pub(super) fn replay(&mut self, index: u64, body: &Body) -> Result<(), Error> {
        let not_replayed = |source| Error::NotReplayed { index, source };
        match body {
            Body::Authority(entry) => {
                if let Followed::Admitted(admitted) =
                    self.authority.follow(entry, None).map_err(not_replayed)?
                {
                    self.remember(&admitted);
                }
            }
            Body::Statement(envelope) => {
                let admitted = self.authority.admit(envelope, None).map_err(not_replayed)?;
                self.remember(&admitted);
            }
            Body::Opened(opened) => {
                let known = opened.on.values().all(|opening| {
                    self.openings.contains(&opening.statement)
                        && opening.stands_on.clearances.is_subset(&self.clearances)
                });
                if !known {
                    return Err(Error::OpeningWithoutOrder { index });
                }
            }
            Body::Enrolled(_)
            | Body::Started(_)
            | Body::Tightened(_)
            | Body::Raised(_)
            | Body::Withdrawn(_)
            | Body::GrantsEnded(_)
            | Body::Fresh(_)
            | Body::Refused(_) => {}
        }
        Ok(())
    }

    fn remember(&mut self, admitted: &Admitted) {
        match admitted {
            Admitted::Opening(id) => {
                self.openings.insert(*id);
            }
            Admitted::Clearance(id) => {
                self.clearances.insert(*id);
            }
            Admitted::Charter(_)
            | Admitted::Section(_)
            | Admitted::Tighten(_)
            | Admitted::Raise(_)
            | Admitted::StandingOrder(_)
            | Admitted::Withdraw(_)
            | Admitted::Consent(_)
            | Admitted::Refusal(_)
            | Admitted::StandingConsent(_)
            | Admitted::Delegation(_)
            | Admitted::Repeat => {}
        }
    }
}
