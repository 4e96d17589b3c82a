//! The forwarder: hands on what the spool holds, in lane order, to the regular server; only with a valid right to
//! forward, never a bounce.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use door::PassPermit;
use spool::{Item, Next, Receipt, Spool, WhyParked};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use vocabulary::{CellId, Digest, Flow, Millis};

use self::client::{BeforeDot, Client, Handed, Letter};
use crate::{
    board::Board,
    dsn,
    event::{Event, Events},
    header::{self, HEADER_BYTES_MAX},
    intake::Clock,
    letter::{DsnIssuer, Envelope},
    listen::{Ending, ended},
    outbox::{Action, Notice, Outbox},
    tls::Dialer,
};

pub(crate) mod client;

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

/// What came of one item.
struct Done {
    cell: CellId,
    server_fails: bool,
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
        let mut work: JoinSet<Done> = JoinSet::new();
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
                Some(done) = work.join_next(), if !work.is_empty() => {
                    if settle(&mut lines, done) {
                        hold_off = Some(Instant::now() + RETRY);
                    }
                }
                _ = activity.changed() => {}
                _ = bell.changed() => {}
                () = tokio::time::sleep(wake) => {}
            }
        }
        while work.join_next().await.is_some() {}
        for (client, _) in self.take_idle() {
            client.quit().await;
        }
    }

    /// Takes every item that may go now and starts handing it over; says how long nothing else is due.
    async fn start(
        self: &Arc<Self>,
        lines: &mut BTreeMap<CellId, Line>,
        work: &mut JoinSet<Done>,
    ) -> Duration {
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
                            work.spawn(Arc::clone(self).forward(cell.clone(), item, permit));
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

    async fn forward(self: Arc<Self>, cell: CellId, item: Box<Item>, permit: Arc<PassPermit>) -> Done {
        let done = |server_fails| Done {
            cell: cell.clone(),
            server_fails,
        };
        let Ok(envelope) = Envelope::read(item.sealed().envelope()) else {
            self.park(&cell, &item, WhyParked::Unreadable, "envelope unreadable")
                .await;
            return done(false);
        };
        let mut client = match self.connection().await {
            Ok(client) => client,
            Err(error) => {
                self.put_off(&cell, &item, error.to_string()).await;
                return done(true);
            }
        };
        let mut header = Vec::new();
        let mut attempt = Attempt {
            forwarder: &self,
            item: &item,
            permit,
            begun: false,
        };
        let (left, handed) = loop {
            let recipients = envelope
                .recipients
                .iter()
                .map(|one| (one.clone(), envelope.notify_onward(one)))
                .collect::<Vec<_>>();
            let received = received_line(&self.host, item.id(), item.sealed().received());
            let trace = [received, format!("X-Bulkhead-Item: {}", item.id())];
            let mut body = Tee {
                inner: item.sealed().body(),
                kept: &mut header,
                keep: envelope.wishes().next().is_some(),
            };
            let bytes = item.sealed().body_len();
            let letter = Letter {
                origin: &envelope.origin,
                recipients: &recipients,
                trace: &trace,
                message: &mut body,
                bytes,
            };
            let fresh = client.fresh;
            let dsn = client.offers.dsn;
            match client.hand(letter, &mut attempt).await {
                // A kept connection that the server closed meanwhile says nothing about the server.
                (None, Handed::Later(_)) if !fresh && !attempt.begun => match self.connect().await {
                    Ok(again) => {
                        header.clear();
                        client = again;
                    }
                    Err(error) => break (None, Handed::Later(error.to_string())),
                },
                (client, handed) => break (client.map(|client| (client, dsn)), handed),
            }
        };
        let dsn = left.as_ref().is_some_and(|(_, dsn)| *dsn);
        let begun = attempt.begun;
        let server_fails = left.is_none() && matches!(handed, Handed::Later(_) | Handed::InDoubt(_));
        if let Some((client, _)) = left {
            self.keep(client);
        }
        self.settle_item(&cell, &item, &envelope, &header, handed, begun, dsn)
            .await;
        done(server_fails)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the outcome of one attempt, taken apart in one place"
    )]
    async fn settle_item(
        &self,
        cell: &CellId,
        item: &Item,
        envelope: &Envelope,
        header: &[u8],
        handed: Handed,
        begun: bool,
        dsn: bool,
    ) {
        let id = item.id();
        match handed {
            Handed::Taken(answer) => {
                if !dsn {
                    self.relayed(item, envelope, header).await;
                }
                match self
                    .spool
                    .handed_over(id, &Receipt::new(&answer), (self.clock)())
                    .await
                {
                    Ok(()) => self.events.tell(Event::HandedOver {
                        cell: cell.clone(),
                        item: id,
                    }),
                    Err(error) => self.trouble(format!(
                        "{id} was handed over, but that cannot be recorded: {error}"
                    )),
                }
            }
            Handed::Later(answer) => self.put_off(cell, item, answer).await,
            Handed::Never(answer) => {
                let code = answer.get(..3).and_then(|code| code.parse().ok()).unwrap_or(500);
                self.park(cell, item, WhyParked::Refused(code), &answer).await;
            }
            Handed::InDoubt(answer) => {
                self.events.tell(Event::InDoubt {
                    cell: cell.clone(),
                    item: id,
                });
                self.put_off(cell, item, answer).await;
            }
            // Nothing was sent that counts. If it was marked as begun, the mark goes; otherwise it is as it was.
            Handed::Stopped if begun => {
                self.put_off(cell, item, "stopped before the final dot".to_owned())
                    .await
            }
            Handed::Stopped => {}
            Handed::Unreadable => {
                self.park(cell, item, WhyParked::Unreadable, "stored bytes unreadable")
                    .await
            }
        }
    }

    /// The server took the mail but will not notify: RFC 3461 section 5.2.2 makes that ours. Written down before the
    /// item counts as handed over; a crash in between may say it twice, never not at all.
    async fn relayed(&self, item: &Item, envelope: &Envelope, header: &[u8]) {
        if envelope.dsn != DsnIssuer::Regular || envelope.wishes().next().is_none() {
            return;
        }
        let Some(outbox) = &self.outbox else {
            self.trouble(format!(
                "{} wants a notification, the server knows no DSN, and notify_through is not set",
                item.id()
            ));
            return;
        };
        let header = header::end(header, 0)
            .and_then(|end| header.get(..end))
            .unwrap_or(header);
        let key = Digest::of(format!("relayed {}", item.id()).as_bytes());
        let notice = Notice {
            action: Action::Relayed,
            envelope,
            header,
            at: item.sealed().received(),
        };
        let written = async {
            outbox.prepare(key, &notice).await?;
            outbox.due(key, item.id()).await
        };
        match written.await {
            Ok(()) => self.events.tell(Event::Notified { item: item.id() }),
            Err(error) => self.trouble(error.to_string()),
        }
    }

    async fn put_off(&self, cell: &CellId, item: &Item, answer: String) {
        let (id, cell) = (item.id(), cell.clone());
        match self.spool.returned(id, (self.clock)(), (self.monotonic)()).await {
            Ok(()) => self.events.tell(Event::PutOff {
                cell,
                item: id,
                answer,
            }),
            Err(error) => self.trouble(format!("{id} cannot be given back: {error}")),
        }
    }

    async fn park(&self, cell: &CellId, item: &Item, why: WhyParked, answer: &str) {
        let (id, cell) = (item.id(), cell.clone());
        match self.spool.park(id, why, (self.clock)()).await {
            Ok(()) => self.events.tell(Event::Parked {
                cell,
                item: id,
                answer: answer.to_owned(),
            }),
            Err(error) => self.trouble(format!("{id} cannot be parked: {error}")),
        }
    }

    fn trouble(&self, what: String) {
        self.events.tell(Event::Trouble {
            part: "forward".to_owned(),
            what,
        });
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

/// Takes what came of an item into account; whether the server seems to be away.
fn settle(lines: &mut BTreeMap<CellId, Line>, done: Result<Done, tokio::task::JoinError>) -> bool {
    match done {
        Ok(done) => {
            if let Some(line) = lines.get_mut(&done.cell) {
                line.under_way = line.under_way.saturating_sub(1);
                line.not_before = Millis(0);
            }
            done.server_fails
        }
        // A hand-over that fell: its item is in doubt or untouched. Which cell it was is not known, so all look again.
        Err(_) => {
            for line in lines.values_mut() {
                line.under_way = line.under_way.saturating_sub(1);
            }
            true
        }
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

/// One attempt: the right to make it, and its mark in the spool.
struct Attempt<'a> {
    forwarder: &'a Forwarder,
    item: &'a Item,
    permit: Arc<PassPermit>,
    begun: bool,
}

impl BeforeDot for Attempt<'_> {
    fn may(&self) -> bool {
        self.permit.still_valid()
    }

    async fn mark(&mut self) -> bool {
        let (id, at) = (self.item.id(), (self.forwarder.clock)());
        self.begun = true;
        match self.forwarder.spool.begin(id, self.item.attempt(), at).await {
            Ok(()) => true,
            Err(error) => {
                self.forwarder.trouble(format!("{id} cannot be marked: {error}"));
                false
            }
        }
    }
}

/// Keeps the beginning of what is read, for a notification that may be due.
struct Tee<'a, R> {
    inner: R,
    kept: &'a mut Vec<u8>,
    keep: bool,
}

impl<R: std::io::Read> std::io::Read for Tee<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(into)?;
        if self.keep && self.kept.len() < HEADER_BYTES_MAX {
            self.kept.extend_from_slice(into.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

/// A trace line as RFC 5321 section 4.4 wants it; names nobody.
fn received_line(host: &str, item: spool::ItemId, at: vocabulary::Timestamp) -> String {
    format!("Received: by {host} with ESMTP id {item}; {}", dsn::date(at))
}
