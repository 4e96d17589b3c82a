//! Lanes in memory: who may have the next item, who waits after a failure, and who uses how much.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vocabulary::{CellId, Digest, Millis};

use crate::{Limits, Refused, cache::Change, id::LaneId, query::LaneRow, state::State};

struct Lane {
    cell: CellId,
    peer: Digest,
    waiting: u64,
    /// Handed out and not settled: the lane gives nothing else until then.
    leased: Option<u64>,
    failures: u32,
    retry_at: u64,
    turn: u64,
    locked: bool,
}

#[derive(Default)]
struct Cell {
    /// Lanes that may give their head: by the time they may, then by turn, so that lanes of one cell alternate.
    ready: BTreeSet<(u64, u64, LaneId)>,
    locked: BTreeSet<LaneId>,
    waiting: u64,
    bytes: u64,
}

/// All lanes of a spool.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: HashMap<LaneId, Lane>,
    cells: BTreeMap<CellId, Cell>,
    peers: HashMap<Digest, u64>,
    bytes: u64,
    turn: u64,
}

/// Which lane may be asked now.
pub(crate) enum Turn {
    Lane(LaneId),
    Later(Millis),
    /// Only lanes whose head is locked are left.
    Locked(Vec<LaneId>),
    Empty,
}

impl Lanes {
    pub(crate) fn load(rows: Vec<LaneRow>) -> Self {
        let mut lanes = Self::default();
        for row in rows {
            lanes.know(row.id, &row.cell, row.peer);
            lanes.spend(&row.cell, row.peer, row.bytes);
            for_lane(&mut lanes.lanes, row.id, |lane| lane.waiting = row.waiting);
            if let Some(cell) = lanes.cells.get_mut(&row.cell) {
                cell.waiting += row.waiting;
            }
            lanes.queue(row.id);
        }
        lanes
    }

    fn know(&mut self, id: LaneId, cell: &CellId, peer: Digest) {
        self.lanes.entry(id).or_insert_with(|| Lane {
            cell: cell.clone(),
            peer,
            waiting: 0,
            leased: None,
            failures: 0,
            retry_at: 0,
            turn: 0,
            locked: false,
        });
        self.cells.entry(cell.clone()).or_default();
    }

    fn spend(&mut self, cell: &CellId, peer: Digest, bytes: u64) {
        self.bytes += bytes;
        *self.peers.entry(peer).or_default() += bytes;
        self.cells.entry(cell.clone()).or_default().bytes += bytes;
    }

    fn free(&mut self, cell: &CellId, peer: Digest, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(used) = self.peers.get_mut(&peer) {
            *used = used.saturating_sub(bytes);
        }
        if let Some(cell) = self.cells.get_mut(cell) {
            cell.bytes = cell.bytes.saturating_sub(bytes);
        }
    }

    /// Puts a lane where it belongs: ready, or nowhere while it is leased, locked or empty.
    fn queue(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        let Some(cell) = self.cells.get_mut(&lane.cell) else {
            return;
        };
        cell.ready.remove(&(lane.retry_at, lane.turn, id));
        if lane.waiting > 0 && lane.leased.is_none() && !lane.locked {
            self.turn += 1;
            lane.turn = self.turn;
            cell.ready.insert((lane.retry_at, lane.turn, id));
        }
    }

    /// Takes over what a commit changed.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Added {
                lane,
                cell,
                peer,
                bytes,
            } => {
                self.know(*lane, cell, *peer);
                self.spend(cell, *peer, *bytes);
                self.more(*lane);
            }
            Change::Moved {
                lane,
                from,
                to,
                bytes,
            } => {
                match (from.waits(), to.waits()) {
                    (false, true) => self.more(*lane),
                    (true, false) => self.fewer(*lane),
                    (true, true) | (false, false) => {}
                }
                if *to == State::Done && *from != State::Done {
                    let owner = self.lanes.get(lane).map(|lane| (lane.cell.clone(), lane.peer));
                    if let Some((cell, peer)) = owner {
                        self.free(&cell, peer, *bytes);
                    }
                }
            }
        }
    }

    fn more(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        lane.waiting += 1;
        let idle = lane.waiting == 1;
        if let Some(cell) = self.cells.get_mut(&lane.cell) {
            cell.waiting += 1;
        }
        if idle {
            self.queue(id);
        }
    }

    fn fewer(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        lane.waiting = lane.waiting.saturating_sub(1);
        if let Some(cell) = self.cells.get_mut(&lane.cell) {
            cell.waiting = cell.waiting.saturating_sub(1);
        }
        self.queue(id);
    }

    /// Whose turn it is in a cell.
    pub(crate) fn turn(&self, cell: &CellId, now: Millis) -> Turn {
        let Some(cell) = self.cells.get(cell) else {
            return Turn::Empty;
        };
        match cell.ready.first() {
            Some((at, _, lane)) if *at <= now.0 => Turn::Lane(*lane),
            Some((at, _, _)) => Turn::Later(Millis(*at)),
            None if cell.locked.is_empty() => Turn::Empty,
            None => Turn::Locked(cell.locked.iter().copied().collect()),
        }
    }

    /// Whether a lane may give its head.
    pub(crate) fn is_ready(&self, id: LaneId) -> bool {
        self.lanes
            .get(&id)
            .is_some_and(|lane| lane.waiting > 0 && lane.leased.is_none() && !lane.locked)
    }

    /// Nothing waits in a lane after all.
    pub(crate) fn correct(&mut self, id: LaneId) {
        for_lane(&mut self.lanes, id, |lane| lane.waiting = 0);
        self.queue(id);
    }

    /// The lane's head is out; nothing else leaves the lane until it is settled.
    pub(crate) fn lease(&mut self, id: LaneId, seq: u64) {
        for_lane(&mut self.lanes, id, |lane| lane.leased = Some(seq));
        self.queue(id);
    }

    /// The head cannot be read for want of a key; the lane keeps its place.
    pub(crate) fn lock(&mut self, id: LaneId) {
        for_lane(&mut self.lanes, id, |lane| lane.locked = true);
        self.queue(id);
        if let Some(cell) = self.lanes.get(&id).map(|lane| lane.cell.clone())
            && let Some(cell) = self.cells.get_mut(&cell)
        {
            cell.locked.insert(id);
        }
    }

    /// Keys came back: every locked lane of the cell is looked at again.
    pub(crate) fn unlock(&mut self, cell: &CellId) {
        let lanes = self
            .cells
            .get_mut(cell)
            .map(|cell| std::mem::take(&mut cell.locked))
            .unwrap_or_default();
        for id in lanes {
            for_lane(&mut self.lanes, id, |lane| lane.locked = false);
            self.queue(id);
        }
    }

    /// An item was settled, or its reader gave it back: its lane may go on.
    pub(crate) fn settle(&mut self, id: LaneId, seq: u64) {
        for_lane(&mut self.lanes, id, |lane| {
            if lane.leased == Some(seq) {
                lane.leased = None;
            }
        });
        self.queue(id);
    }

    /// The hand-over worked: the next failure starts from the shortest wait again.
    pub(crate) fn succeeded(&mut self, id: LaneId) {
        self.set_retry(id, 0, 0);
    }

    /// The receiver refused for now: the lane waits, longer each time. Returns until when.
    pub(crate) fn back_off(&mut self, id: LaneId, now: Millis, limits: &Limits) -> Millis {
        let failures = self.lanes.get(&id).map_or(0, |lane| lane.failures);
        let wait = limits
            .backoff_millis_min
            .saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX))
            .min(limits.backoff_millis_max);
        let until = now.0.saturating_add(wait);
        self.set_retry(id, until, failures.saturating_add(1).min(62));
        Millis(until)
    }

    fn set_retry(&mut self, id: LaneId, at: u64, failures: u32) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        if let Some(cell) = self.cells.get_mut(&lane.cell) {
            cell.ready.remove(&(lane.retry_at, lane.turn, id));
        }
        lane.retry_at = at;
        lane.failures = failures;
        self.queue(id);
    }

    /// Ends every wait of a cell's lanes: a person, or a door that just opened, wants to try now.
    pub(crate) fn retry_now(&mut self, cell: &CellId) {
        let waiting: Vec<LaneId> = self
            .cells
            .get(cell)
            .map(|cell| cell.ready.iter().map(|(_, _, id)| *id).collect())
            .unwrap_or_default();
        for id in waiting {
            self.set_retry(id, 0, 0);
        }
    }

    /// Whether so many more bytes fit, and if not, why. `coming` is what the current commit already promised, in
    /// total, for this cell, and for this peer.
    pub(crate) fn fits(
        &self,
        cell: &CellId,
        peer: &Digest,
        bytes: u64,
        limits: &Limits,
    ) -> Result<(), Refused> {
        if self.bytes.saturating_add(bytes) > limits.capacity_bytes {
            return Err(Refused::Full);
        }
        let share = limits.capacity_bytes / 100 * u64::from(limits.peer_share_percent.min(100));
        if limits.peer_share_percent < 100 && self.peers.get(peer).copied().unwrap_or(0) + bytes > share {
            return Err(Refused::PeerShare);
        }
        if limits.cell_reserve_bytes > 0 {
            let reserved: u64 = self
                .cells
                .iter()
                .filter(|(id, _)| *id != cell)
                .map(|(_, other)| limits.cell_reserve_bytes.saturating_sub(other.bytes))
                .sum();
            if self.bytes.saturating_add(bytes).saturating_add(reserved) > limits.capacity_bytes {
                return Err(Refused::DiskReserve);
            }
        }
        Ok(())
    }

    /// A cell is known from now on, and its reserve is kept.
    pub(crate) fn know_cell(&mut self, cell: &CellId) {
        self.cells.entry(cell.clone()).or_default();
    }

    pub(crate) fn backlog(&self, cell: &CellId) -> u64 {
        self.cells.get(cell).map_or(0, |cell| cell.waiting)
    }

    pub(crate) fn cells(&self) -> Vec<(CellId, u64, u64)> {
        self.cells
            .iter()
            .map(|(id, cell)| (id.clone(), cell.waiting, cell.bytes))
            .collect()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn for_lane(lanes: &mut HashMap<LaneId, Lane>, id: LaneId, change: impl FnOnce(&mut Lane)) {
    if let Some(lane) = lanes.get_mut(&id) {
        change(lane);
    }
}
