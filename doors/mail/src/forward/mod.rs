//! The forwarder: hands on what the spool holds, in lane order, to the regular server; only with a valid right to
//! forward, never a bounce.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use door::PassPermit;
use spool::{Next, Spool};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use vocabulary::{CellId, Flow, Millis};

use self::client::Client;
use crate::{
    board::Board,
    book::Salt,
    event::Events,
    intake::Clock,
    listen::{Ending, ended},
    outbox::Outbox,
    tls::Dialer,
};

pub(crate) mod client;
mod hand_over;

/// Reads the monotonic clock of the shell; the same one the spool's waits are counted by.
pub(crate) type Monotonic = Arc<dyn Fn() -> Millis + Send + Sync>;

/// One regular server and the cells it takes mail of.
pub(crate) struct Forwarder {
    pub(crate) cells: Vec<CellId>,
    pub(crate) board: Board,
    pub(crate) spool: Arc<Spool>,
    pub(crate) dialer: Dialer,
    pub(crate) host: Arc<str>,
    pub(crate) within: Duration,
    pub(crate) lanes_max: usize,
    pub(crate) items_per_second_max: Option<u32>,
    pub(crate) events: Arc<Events>,
    pub(crate) outbox: Option<Arc<Outbox>>,
    /// Makes the proofs by which what was handed over is known again.
    pub(crate) salt: Salt,
    pub(crate) clock: Clock,
    pub(crate) monotonic: Monotonic,
    pub(crate) idle: Mutex<Vec<(Client, Instant)>>,
}

/// How long a connection that is not used is kept.
const IDLE: Duration = Duration::from_secs(10);
/// Longest wait without a look, in case a nudge was missed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Wait after the store or the server could not be used at all.
const RETRY: Duration = Duration::from_secs(1);

/// One cell as the forwarder sees it.
struct Line {
    permit: Option<Arc<PassPermit>>,
    under_way: usize,
    /// Items that may still go in the current second, and when the next second begins.
    allowance: u32,
    renewed: Instant,
    /// Not before this reading of the monotonic clock: every lane waits.
    not_before: Millis,
}

/// Whether the regular server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Answers,
    Fails,
}

/// Hand-overs under way, and which cell each belongs to.
#[derive(Default)]
struct Work {
    tasks: JoinSet<Server>,
    cells: HashMap<tokio::task::Id, CellId>,
}

impl Work {
    fn start(&mut self, cell: &CellId, work: impl Future<Output = Server> + Send + 'static) {
        let handle = self.tasks.spawn(work);
        self.cells.insert(handle.id(), cell.clone());
    }

    /// The next hand-over that ends. One that fell leaves its item in doubt or untouched, and counts as a failure.
    async fn next(&mut self) -> Option<(Option<CellId>, Server)> {
        let (id, server) = match self.tasks.join_next_with_id().await? {
            Ok((id, server)) => (id, server),
            Err(fell) => (fell.id(), Server::Fails),
        };
        Some((self.cells.remove(&id), server))
    }
}

impl Forwarder {
    /// Forwards until the end begins, then lets what is under way finish. Dropping it is safe: what was begun is in
    /// doubt, and says so.
    pub(crate) async fn run(self: Arc<Self>, mut ending: watch::Receiver<Ending>) {
        let mut lines = self
            .cells
            .iter()
            .map(|cell| (cell.clone(), Line::new()))
            .collect::<BTreeMap<_, _>>();
        let (mut activity, mut bell) = (self.spool.activity(), self.board.bell());
        let mut work = Work::default();
        let mut hold_off = None;
        loop {
            activity.borrow_and_update();
            bell.borrow_and_update();
            let resting = hold_off.is_some_and(|until| Instant::now() < until);
            let mut wake = LOOK_EVERY;
            if !resting {
                hold_off = None;
                wake = self.start(&mut lines, &mut work).await;
            } else if let Some(until) = hold_off {
                wake = until.saturating_duration_since(Instant::now());
            }
            self.prune();
            tokio::select! {
                biased;
                () = ended(&mut ending) => break,
                Some((cell, server)) = work.next(), if !work.tasks.is_empty() => {
                    if let Some(line) = cell.and_then(|cell| lines.get_mut(&cell)) {
                        line.under_way = line.under_way.saturating_sub(1);
                        line.not_before = Millis(0);
                    }
                    if server == Server::Fails {
                        hold_off = Some(Instant::now() + RETRY);
                    }
                }
                _ = activity.changed() => {}
                _ = bell.changed() => {}
                () = tokio::time::sleep(wake) => {}
            }
        }
        while work.next().await.is_some() {}
        for (client, _) in self.take_idle() {
            client.quit().await;
        }
    }

    /// Takes every item that may go now and starts handing it over; says how long nothing else is due.
    async fn start(self: &Arc<Self>, lines: &mut BTreeMap<CellId, Line>, work: &mut Work) -> Duration {
        let mut wake = LOOK_EVERY;
        for (cell, line) in lines {
            let now = (self.monotonic)();
            if !self.permitted(cell, line) {
                continue;
            }
            while line.under_way < self.lanes_max && self.spool.backlog(cell) > line.under_way as u64 {
                if line.not_before > now {
                    wake = wake.min(Duration::from_millis(line.not_before.0 - now.0));
                    break;
                }
                if let Some(wait) = line.must_wait(self.items_per_second_max) {
                    wake = wake.min(wait);
                    break;
                }
                match self.next(cell, now).await {
                    Ok(Next::Item(item)) => {
                        line.under_way += 1;
                        line.allowance = line.allowance.saturating_sub(1);
                        if let Some(permit) = line.permit.clone() {
                            work.start(cell, Arc::clone(self).forward(cell.clone(), item, permit));
                        }
                    }
                    Ok(Next::Later(at)) => {
                        line.not_before = at;
                        wake = wake.min(Duration::from_millis(at.0.saturating_sub(now.0)));
                        break;
                    }
                    Ok(Next::Locked(_) | Next::Empty) => break,
                    Err(what) => {
                        self.trouble(format!("cannot take an item from the spool: {what}"));
                        wake = wake.min(RETRY);
                        break;
                    }
                }
            }
        }
        wake
    }

    /// Keeps the right to forward of a cell current. A new right ends the waits of its lanes.
    fn permitted(&self, cell: &CellId, line: &mut Line) -> bool {
        if line.permit.as_ref().is_some_and(|permit| permit.still_valid()) {
            return true;
        }
        line.permit = self
            .board
            .gate(cell)
            .and_then(|gate| gate.pass_for(Flow::Forward, &self.dialer.name).ok())
            .map(Arc::new);
        if line.permit.is_some() {
            self.spool.retry_now(cell);
            line.not_before = Millis(0);
        }
        line.permit.is_some()
    }

    async fn next(&self, cell: &CellId, now: Millis) -> Result<Next, String> {
        let (spool, cell) = (Arc::clone(&self.spool), cell.clone());
        let next = tokio::task::spawn_blocking(move || spool.next(&cell, now)).await;
        next.map_err(|gone| gone.to_string())?
            .map_err(|error| error.to_string())
    }

    async fn connect(&self) -> Result<Client, client::Error> {
        Client::connect(&self.dialer, &self.host, self.within).await
    }

    async fn connection(&self) -> Result<Client, client::Error> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept {
            Some((client, _)) => Ok(client),
            None => self.connect().await,
        }
    }

    fn keep(&self, mut client: Client) {
        client.fresh = false;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((client, Instant::now()));
    }

    fn take_idle(&self) -> Vec<(Client, Instant)> {
        std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn prune(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(_, since)| since.elapsed() < IDLE);
    }
}

impl Line {
    fn new() -> Self {
        Self {
            permit: None,
            under_way: 0,
            allowance: 0,
            renewed: Instant::now(),
            not_before: Millis(0),
        }
    }

    /// How long this cell must wait for its allowance, if it must.
    fn must_wait(&mut self, per_second: Option<u32>) -> Option<Duration> {
        let per_second = per_second?.max(1);
        let now = Instant::now();
        if now >= self.renewed {
            self.allowance = per_second;
            self.renewed = now + Duration::from_secs(1);
        }
        (self.allowance == 0).then(|| self.renewed.saturating_duration_since(now))
    }
}
