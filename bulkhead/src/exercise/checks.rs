//! What a drill can say of the named promises: what it saw on the way, and what the rooms' own promise functions say at
//! the end.

use ::drill::side::{Kept, Promise};
use record::verify::Trust;
use vocabulary::{Class, DoorId, Position};

use super::{
    planned,
    side::{Bulkhead, promise},
    told,
};
use crate::{
    door_wire::{self, StatusReply},
    probe::Proof,
};

/// What the drill saw on the way.
#[derive(Default)]
pub struct Seen {
    cuts: u64,
    cut_doors: u64,
    short_cuts: Vec<String>,
    proven_doors: u64,
    shut_doors: u64,
    old_sessions: u64,
    unproven: Vec<String>,
    attacked_doors: u64,
    opened_by_attack: Vec<DoorId>,
    refusal: Option<String>,
    crashes: u64,
    opened_by_crash: Vec<String>,
}

impl Seen {
    /// Whether the door process was killed already.
    pub const fn has_crashed(&self) -> bool {
        self.crashes > 0
    }

    /// The door process was killed and came back: is any door more open than before?
    pub fn crashed(&mut self, before: &StatusReply, after: Result<StatusReply, String>) {
        self.crashes += 1;
        match after {
            Err(sentence) => self.opened_by_crash.push(sentence),
            Ok(after) => {
                for line in &before.doors {
                    let now = after.doors.iter().find(|other| other.door == line.door);
                    let same = now.is_some_and(|now| {
                        now.position != Position::Open
                            && line.restrictions.iter().all(|id| now.restrictions.contains(id))
                    });
                    if !same {
                        self.opened_by_crash.push(line.door.to_string());
                    }
                }
            }
        }
    }

    fn door_3(&self) -> Promise {
        if !self.opened_by_crash.is_empty() {
            return promise("DOOR-3", Kept::Broken, self.opened_by_crash.join("; "));
        }
        if self.crashes == 0 {
            return promise("DOOR-3", Kept::NotCovered, "no restart in this drill");
        }
        promise(
            "DOOR-3",
            Kept::Held,
            "the door process was killed (SIGKILL) while closed; at once and with a fresh view every restriction stood",
        )
    }

    /// A cut came back: fewer applied doors than meant is a broken ORDER-1.
    pub fn cut(&mut self, outcome: &door_wire::Outcome, class: Class, meant: usize) {
        self.cuts += 1;
        self.cut_doors += outcome.applied.len() as u64;
        if outcome.applied.len() < meant {
            self.short_cuts.push(format!(
                "{class}: {} of {meant} doors applied",
                outcome.applied.len()
            ));
        }
    }

    /// The prober failed to get through.
    pub fn proven<'a>(&mut self, proofs: impl Iterator<Item = &'a Proof>) {
        for proof in proofs {
            self.proven_doors += 1;
            self.shut_doors += u64::from(proof.position == Position::Shut);
            self.old_sessions += u64::from(proof.old_sessions);
        }
    }

    /// The prober got through, or found no end.
    pub fn unproven<'a>(&mut self, proofs: impl Iterator<Item = (&'a DoorId, &'a Proof)>) {
        let failed = proofs.filter(|(_, proof)| !proof.failures.is_empty());
        self.unproven
            .extend(failed.map(|(door, proof)| format!("{door}: {}", proof.failures.join(", "))));
        if self.unproven.is_empty() {
            self.unproven.push("the prober did not finish in time".to_owned());
        }
    }

    /// An opening by too few persons was tried.
    pub fn attacked(&mut self, tried: usize, outcome: &door_wire::Outcome) {
        self.attacked_doors += tried as u64;
        self.opened_by_attack
            .extend(outcome.applied.iter().map(|line| line.door.clone()));
        self.refusal = outcome.refused.first().map(|line| line.missing.clone());
    }

    /// The attempt was turned away before any door was asked.
    pub fn attack_failed(&mut self, sentence: String) {
        self.refusal = Some(sentence);
    }

    fn order_1(&self) -> Promise {
        if !self.opened_by_attack.is_empty() {
            return promise(
                "ORDER-1",
                Kept::Broken,
                format!("opened by one person: {:?}", self.opened_by_attack),
            );
        }
        if !self.short_cuts.is_empty() {
            return promise("ORDER-1", Kept::Broken, self.short_cuts.join("; "));
        }
        if self.cuts == 0 || self.attacked_doors == 0 {
            return promise(
                "ORDER-1",
                Kept::NotCovered,
                "no cut and no attempt to open with too few persons",
            );
        }
        promise(
            "ORDER-1",
            Kept::Held,
            format!(
                "{} cuts by one signature closed {} doors; {} doors refused an opening by one person: {}",
                self.cuts,
                self.cut_doors,
                self.attacked_doors,
                self.refusal.as_deref().unwrap_or("–")
            ),
        )
    }

    fn door_4(&self) -> Promise {
        if !self.unproven.is_empty() {
            return promise("DOOR-4", Kept::Broken, self.unproven.join("; "));
        }
        if self.proven_doors == 0 {
            return promise("DOOR-4", Kept::NotCovered, "nothing was proven");
        }
        promise(
            "DOOR-4",
            Kept::Held,
            format!(
                "the prober failed at {} closed doors ({} shut by name), on new connections and on {} that were open before",
                self.proven_doors, self.shut_doors, self.old_sessions
            ),
        )
    }
}

/// Everything that can be said at the end.
pub async fn promises(side: &mut Bulkhead) -> Vec<Promise> {
    let mut found = vec![side.seen.order_1(), side.seen.door_3(), side.seen.door_4()];
    found.push(match side.spool_certificate().await {
        Ok(certificate) => match spool::promises::spool_2(&certificate, None) {
            Ok(()) => promise(
                "SPOOL-2",
                Kept::Held,
                format!("{} accepted, every id in exactly one class", certificate.accepted),
            ),
            Err(broken) => promise("SPOOL-2", Kept::Broken, format!("{broken:?}")),
        },
        Err(error) => promise("SPOOL-2", Kept::Broken, error.to_string()),
    });
    found.push(door_2(side).await);
    found.push(door_1(side).await);
    found.push(log_1(side));
    found.push(planned::plan_1(side));
    found.push(told::public(&side.system.site(), &side.system.path("publish/facts.json")).await);
    found
}

/// A withdrawal closes the doors that stand on it, with no other order.
async fn door_2(side: &mut Bulkhead) -> Promise {
    match side.withdraw_one().await {
        Some((0, _)) | None => promise("DOOR-2", Kept::NotCovered, "no open door stands on a clearance"),
        Some((open, 0)) => promise(
            "DOOR-2",
            Kept::Held,
            format!(
                "an examiner withdrew one clearance; the {open} doors that stood on it closed by themselves"
            ),
        ),
        Some((open, still)) => promise(
            "DOOR-2",
            Kept::Broken,
            format!("{still} of {open} doors stayed open after a withdrawal"),
        ),
    }
}

/// Every log of the drill, read back from disk by the verifier that stands alone.
fn log_1(side: &Bulkhead) -> Promise {
    let mut entries = 0;
    for (name, inside) in [
        ("authority", "control/log"),
        ("doors", "door/doors"),
        ("spool", "door/spool/ledger"),
        ("journal", "control/journal"),
    ] {
        let dir = side.system.path(inside);
        let verified =
            ledger::origin_of(&dir).and_then(|origin| ledger::verify(&dir, &origin, &[], &Trust::default()));
        match verified {
            Ok(verified) if verified.is_sound() => entries += verified.report.entries,
            Ok(verified) => return promise("LOG-1", Kept::Broken, format!("{name}: {verified}")),
            Err(error) => return promise("LOG-1", Kept::Broken, format!("{name}: {error}")),
        }
    }
    promise(
        "LOG-1",
        Kept::Held,
        format!("{entries} entries of four logs read back, every one chained to the one before"),
    )
}

/// The doors watch DOOR-1 to DOOR-3 themselves after every change; a broken one is a signal in their status.
async fn door_1(side: &Bulkhead) -> Promise {
    match side.status().await {
        Ok(status) if status.signals.is_empty() => promise(
            "DOOR-1",
            Kept::Held,
            format!(
                "{} doors checked after every change, {} ledger entries, no signal",
                status.doors.len(),
                status.ledger_len
            ),
        ),
        Ok(status) => promise("DOOR-1", Kept::Broken, status.signals.join("; ")),
        Err(error) => promise("DOOR-1", Kept::Broken, error.to_string()),
    }
}
