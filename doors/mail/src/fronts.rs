//! Starts all fronts of a configuration and ends them in order.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use door::Gate;
use spool::Spool;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use vocabulary::{CellId, Millis, Timestamp};

use crate::{
    address::{Address, Mailbox},
    board::Board,
    book::{Book, Salt, Tally},
    config::{Config, Error, Listener, Proxy},
    copier::Copier,
    event::{Event, Events},
    forward::Forwarder,
    intake::{Clock, Intake},
    listen::{Ending, Serve, listen},
    minutes::Minutes,
    outbox::Outbox,
    pop3::session::Fetch,
    recut::{Restrictions, Roll},
    route::Routes,
    smtp::{
        command::Secret,
        reply::Reply,
        session::{Limits, ehlo},
    },
    submission::Submission,
    tls::{Acceptor, Dialer, owner_only},
};

/// What the fronts stand among. Time is an argument: only the shell reads clocks.
pub struct Surroundings {
    /// The door of every configured cell.
    pub gates: BTreeMap<CellId, Gate>,
    /// The store.
    pub spool: Arc<Spool>,
    /// Wall time, for people.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Monotonic time; the same one that the spool's waits are counted by.
    pub monotonic: Arc<dyn Fn() -> Millis + Send + Sync>,
    /// Hides mailbox and message names in records, and proves what was handed over. A secret, drawn once per
    /// installation and kept: with another one, nothing recorded or handed over before is recognised.
    pub salt: Salt,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings")
            .field("cells", &self.gates.len())
            .finish_non_exhaustive()
    }
}

/// Where the fronts listen, in the order of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Intake.
    pub intake: Vec<SocketAddr>,
    /// Submission.
    pub submission: Vec<SocketAddr>,
    /// POP3.
    pub fetch: Vec<SocketAddr>,
}

/// How the end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every session and hand-over finished.
    All,
    /// The deadline came first; so many parts were ended at once. Nothing that was acknowledged is lost.
    CutShort(usize),
}

/// Starts fronts.
#[derive(Debug)]
pub struct Fronts;

impl Fronts {
    /// Listens, forwards and copies as configured, on the calling Tokio runtime.
    ///
    /// # Errors
    /// [`Error`] with what cannot be used; then nothing runs.
    pub async fn start(config: Config, around: Surroundings) -> Result<Running, Error> {
        let routes = Arc::new(config.routes()?);
        let wanted = routes
            .cells()
            .into_iter()
            .chain(config.forward.iter().flat_map(|one| one.cells.iter().cloned()));
        for cell in wanted {
            if !around.gates.contains_key(&cell) {
                return Err(Error::NoDoor { cell });
            }
        }
        let minutes = Minutes::new(around.salt.clone(), config.canaries()?, (around.clock)());
        std::fs::create_dir_all(&config.dir).map_err(file("make", &config.dir))?;
        let book = records(&config, &around, "fetched")?;
        let outbox = match &config.notify_through {
            Some(_) => {
                let outbox = Outbox::open(config.dir.join("outbox"), config.host.clone());
                Some(Arc::new(outbox.map_err(|error| unusable(&config.dir, error))?))
            }
            None => None,
        };
        let (board, events) = (Board::new(around.gates.clone()), Arc::<Events>::default());
        let mut build = Build {
            roll: Roll::new(board.clone(), Arc::clone(&events)),
            board,
            host: config.host.as_str().into(),
            events,
            minutes: Arc::new(minutes),
            ending: watch::Sender::new(Ending::Running),
            tasks: JoinSet::new(),
            addresses: Addresses::default(),
            routes,
            book,
            outbox,
            config,
            around,
        };
        build.intakes().await?;
        build.submissions().await?;
        build.fetches().await?;
        build.forwarders()?;
        build.copiers()?;
        let sweeping = build.roll.clone().sweep_always(build.ending.subscribe());
        build.own("recut".to_owned(), sweeping);
        let mut bells = JoinSet::new();
        build.board.ring(&mut bells);
        Ok(Running {
            events: build.events,
            minutes: build.minutes,
            restrictions: Restrictions(build.roll),
            addresses: build.addresses,
            book: build.book,
            outbox: build.outbox,
            ending: build.ending,
            tasks: build.tasks,
            _bells: bells,
        })
    }
}

fn file(tried: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { tried, path, source }
}

/// Records belong to one spool: with another one, what they say was fetched or copied would be missing there.
fn records(config: &Config, around: &Surroundings, name: &str) -> Result<Book, Error> {
    let origin = format!("bulkhead/mail/{}/{name}", around.spool.id());
    Book::open(&config.dir.join(name), &origin).map_err(|error| unusable(&config.dir, error))
}

fn unusable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    file("use", path)(std::io::Error::other(error))
}

/// The parts while they are put together. When a later one fails, dropping this ends the earlier ones.
struct Build {
    config: Config,
    around: Surroundings,
    routes: Arc<Routes>,
    board: Board,
    roll: Roll,
    host: Arc<str>,
    events: Arc<Events>,
    minutes: Arc<Minutes>,
    book: Book,
    outbox: Option<Arc<Outbox>>,
    ending: watch::Sender<Ending>,
    tasks: JoinSet<()>,
    addresses: Addresses,
}

impl Build {
    /// Runs a named part. If it falls, that is told; the others go on.
    fn own(&mut self, part: String, work: impl Future<Output = ()> + Send + 'static) {
        let events = Arc::clone(&self.events);
        self.tasks.spawn(async move {
            let mut inner = JoinSet::new();
            inner.spawn(work);
            while let Some(done) = inner.join_next().await {
                if done.is_err_and(|error| error.is_panic()) {
                    tracing::error!(part, "a part of the mail fronts has fallen");
                    events.tell(Event::Trouble {
                        part: part.clone(),
                        what: "it has fallen; restart this process".to_owned(),
                    });
                }
            }
        });
    }

    async fn serve<S: Serve>(
        &mut self,
        name: &str,
        listener: &Listener,
        serve: S,
    ) -> Result<SocketAddr, Error> {
        let acceptor = Acceptor::new(&listener.security, listener.listen)?;
        let error = |source| Error::Listen {
            address: listener.listen,
            source,
        };
        let socket = TcpListener::bind(listener.listen).await.map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        let (bounds, events) = (self.config.connections, Arc::clone(&self.events));
        let work = listen(
            socket,
            acceptor,
            bounds,
            events,
            Arc::new(serve),
            self.ending.subscribe(),
            self.roll.clone(),
        );
        self.own(format!("{name} {address}"), work);
        Ok(address)
    }

    fn ehlo(&self, limits: Limits, auth: bool) -> Arc<str> {
        let mut text = ehlo(&self.host, limits);
        if auth {
            // What a submission client sends after login goes straight to the regular server, which knows no
            // pipelining that we could promise.
            text = text.replace("\nPIPELINING", "\nAUTH PLAIN LOGIN");
        }
        text.into()
    }

    async fn intakes(&mut self) -> Result<(), Error> {
        for listener in self.config.intake.clone() {
            let limits = self.config.limits;
            let intake = Intake {
                routes: Arc::clone(&self.routes),
                board: self.board.clone(),
                spool: Arc::clone(&self.around.spool),
                events: Arc::clone(&self.events),
                limits,
                bounds: self.config.connections,
                ehlo: self.ehlo(limits, false),
                greeting: Reply::made(220, format!("{} ESMTP", self.host)),
                dsn_while_held: self.config.dsn_while_held,
                outbox: self.outbox.clone(),
                minutes: Arc::clone(&self.minutes),
                clock: self.clock(),
                alarmed: AtomicBool::new(false),
            };
            let address = self.serve("intake", &listener, intake).await?;
            self.addresses.intake.push(address);
        }
        Ok(())
    }

    fn clock(&self) -> Clock {
        Arc::clone(&self.around.clock)
    }

    fn dialer(&self, proxy: &Proxy) -> Result<Dialer, Error> {
        Dialer::new(&proxy.upstream, self.config.connections.upstream())
    }

    async fn submissions(&mut self) -> Result<(), Error> {
        for proxy in self.config.submission.clone() {
            let submission = Submission {
                routes: Arc::clone(&self.routes),
                board: self.board.clone(),
                events: Arc::clone(&self.events),
                minutes: Arc::clone(&self.minutes),
                clock: self.clock(),
                bounds: self.config.connections,
                dialer: self.dialer(&proxy)?,
                host: Arc::clone(&self.host),
                ehlo: self.ehlo(self.config.limits, true),
            };
            let address = self.serve("submission", &proxy.listener, submission).await?;
            self.addresses.submission.push(address);
        }
        Ok(())
    }

    async fn fetches(&mut self) -> Result<(), Error> {
        for proxy in self.config.fetch.clone() {
            let fetch = Fetch {
                routes: Arc::clone(&self.routes),
                board: self.board.clone(),
                events: Arc::clone(&self.events),
                bounds: self.config.connections,
                dialer: self.dialer(&proxy)?,
                book: self.book.clone(),
                salt: self.around.salt.clone(),
                spool: Arc::clone(&self.around.spool),
                clock: self.clock(),
            };
            let address = self.serve("fetch", &proxy.listener, fetch).await?;
            self.addresses.fetch.push(address);
        }
        Ok(())
    }

    fn forwarders(&mut self) -> Result<(), Error> {
        let within = self.config.connections.upstream();
        for one in self.config.forward.clone() {
            let forwarder = Arc::new(Forwarder {
                cells: one.cells,
                board: self.board.clone(),
                spool: Arc::clone(&self.around.spool),
                dialer: Dialer::new(&one.upstream, within)?,
                host: Arc::clone(&self.host),
                within,
                lanes_max: one.lanes_max.max(1),
                items_per_second_max: one.items_per_second_max,
                events: Arc::clone(&self.events),
                outbox: self.outbox.clone(),
                salt: self.around.salt.clone(),
                clock: self.clock(),
                monotonic: Arc::clone(&self.around.monotonic),
                idle: Mutex::default(),
            });
            self.own(
                format!("forward to {}", one.upstream.name),
                forwarder.run(self.ending.subscribe()),
            );
        }
        let outlet = self
            .config
            .notify_through
            .as_ref()
            .map(|upstream| Dialer::new(upstream, within))
            .transpose()?;
        if let (Some(outbox), Some(dialer)) = (self.outbox.clone(), outlet) {
            let events = Arc::clone(&self.events);
            let mut ending = self.ending.subscribe();
            self.own("outbox".to_owned(), async move {
                tokio::select! {
                    () = crate::listen::ended(&mut ending) => {}
                    () = outbox.run(dialer, events, within) => {}
                }
            });
        }
        Ok(())
    }

    fn copiers(&mut self) -> Result<(), Error> {
        let within = self.config.connections.upstream();
        let book = records(&self.config, &self.around, "copied")?;
        for (number, one) in (1..).zip(self.config.copy.clone()) {
            owner_only(&one.password_file)?;
            let password = std::fs::read(&one.password_file).map_err(file("read", &one.password_file))?;
            let password = password
                .split(|byte| matches!(byte, b'\r' | b'\n'))
                .next()
                .unwrap_or_default();
            let address = Address::new(&one.mailbox)
                .ok()
                .filter(|address| self.routes.knows(&address.mailbox()));
            let address = address.ok_or(Error::CopyMailbox { number })?;
            let copier = Copier {
                mailbox: Mailbox::clone(&address.mailbox()),
                address,
                password: Secret(password.into()),
                dialer: Dialer::new(&one.upstream, within)?,
                within,
                every: Duration::from_secs(one.every_secs.max(1)),
                quota_octets: one.quota_octets,
                watch_percent: one.watch_percent,
                alarm_percent: one.alarm_percent,
                routes: Arc::clone(&self.routes),
                board: self.board.clone(),
                spool: Arc::clone(&self.around.spool),
                book: book.clone(),
                salt: self.around.salt.clone(),
                events: Arc::clone(&self.events),
                clock: self.clock(),
            };
            self.own(format!("copy {number}"), copier.run(self.ending.subscribe()));
        }
        Ok(())
    }
}

/// The running fronts. Dropping this ends everything at once; [`drain`](Self::drain) ends it in order.
#[derive(Debug)]
pub struct Running {
    events: Arc<Events>,
    minutes: Arc<Minutes>,
    restrictions: Restrictions,
    addresses: Addresses,
    book: Book,
    outbox: Option<Arc<Outbox>>,
    ending: watch::Sender<Ending>,
    tasks: JoinSet<()>,
    /// One small task per door; ended with this value.
    _bells: JoinSet<()>,
}

impl Running {
    /// Counts and events.
    #[must_use]
    pub fn events(&self) -> Arc<Events> {
        Arc::clone(&self.events)
    }

    /// What came through, minute by minute.
    #[must_use]
    pub fn minutes(&self) -> Arc<Minutes> {
        Arc::clone(&self.minutes)
    }

    /// The way to apply the doors' restrictions to open sessions anew.
    #[must_use]
    pub fn restrictions(&self) -> Restrictions {
        self.restrictions.clone()
    }

    /// Where the fronts listen.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What the consumer of a cell fetched and deleted, for the certificate at a cut.
    #[must_use]
    pub fn fetched(&self, cell: &CellId) -> Tally {
        self.book.tally(cell)
    }

    /// Notifications of success that wait to be handed in.
    #[must_use]
    pub fn notifications_waiting(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.waiting())
    }

    /// Ends in order: nothing new is accepted, idle sessions hear 421 or `[SYS/TEMP]`, messages in transfer and
    /// hand-overs under way finish; what is left at the deadline is ended at once.
    pub async fn drain(mut self, deadline: Duration) -> Drained {
        self.ending.send_replace(Ending::Draining);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        match tokio::time::timeout(deadline, all).await {
            Ok(()) => Drained::All,
            Err(_) => {
                let left = self.tasks.len();
                self.tasks.shutdown().await;
                Drained::CutShort(left)
            }
        }
    }
}
