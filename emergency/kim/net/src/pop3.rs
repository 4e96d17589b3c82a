//! The POP3 server: sockets, waits and mailboxes around [`kim::pop3::Session`].

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kim::{
    address::KimAddress,
    pop3::{Limits, Login, Mailbox, Unavailable},
    profile,
};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use vocabulary::Digest;

mod talk;

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// How.
    pub security: Security,
    /// Longest wait for a line, and for the client to take a piece.
    pub wait: Duration,
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Most sessions at once.
    pub sessions_max: usize,
    /// Bounds of one session.
    pub limits: Limits,
}

/// How connections are taken.
#[derive(Clone, Debug)]
pub enum Security {
    /// Plain text, on loopback only.
    LoopbackPlain,
    /// TLS from the first byte.
    Tls(Arc<ServerConfig>),
}

impl Config {
    /// The waits of the field: five minutes, 995 in earnest.
    #[must_use]
    pub fn new(listen: SocketAddr, security: Security) -> Self {
        Self {
            listen,
            security,
            wait: Duration::from_secs(profile::WAIT_SECS),
            handshake: Duration::from_secs(30),
            sessions_max: 200,
            limits: Limits::default(),
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// Plain text beyond this machine.
    #[error(
        "Das Notfall-Postfach soll auf {0} im Klartext lauschen; das geht nur auf diesem Rechner. Geben Sie TLS-Dateien an. / The emergency mailbox is to listen on {0} in plain text; that is possible on this machine only. Name TLS files."
    )]
    PlainBeyondLoopback(SocketAddr),
    /// The address cannot be used.
    #[error("Auf {0} kann nicht gelauscht werden. / Cannot listen on {0}.")]
    Listen(SocketAddr, #[source] io::Error),
}

/// Who may open which mailbox. Calls may block.
pub trait Doorkeeper: Send + Sync {
    /// The mailbox of a login.
    ///
    /// # Errors
    /// [`Denied`].
    fn open(&self, login: &Login) -> Result<Arc<dyn Mailbox>, Denied>;
}

/// Why a login got no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Name or password is wrong; nobody learns which.
    #[error("Die Anmeldung wurde abgelehnt. / The login was refused.")]
    Rejected,
    /// It cannot be checked or opened now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Mailboxes by name and password. Passwords are tokens that a machine drew with at least 128 bits: their plain digest is
/// enough to keep, and too much to guess.
#[derive(Default)]
pub struct Accounts(BTreeMap<KimAddress, (Digest, Arc<dyn Mailbox>)>);

impl Accounts {
    /// Adds a mailbox, or replaces it.
    pub fn insert(&mut self, user: KimAddress, password: Digest, mailbox: Arc<dyn Mailbox>) {
        self.0.insert(user, (password, mailbox));
    }
}

impl Doorkeeper for Accounts {
    fn open(&self, login: &Login) -> Result<Arc<dyn Mailbox>, Denied> {
        let (password, mailbox) = self.0.get(&login.user).ok_or(Denied::Rejected)?;
        if *password == Digest::of(login.password.bytes()) {
            Ok(Arc::clone(mailbox))
        } else {
            Err(Denied::Rejected)
        }
    }
}

/// A running server. Dropped, it stops without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// [`NotStarted`].
    pub async fn start(config: Config, doorkeeper: Arc<dyn Doorkeeper>) -> Result<Self, NotStarted> {
        let plain = matches!(config.security, Security::LoopbackPlain);
        if plain && !config.listen.ip().is_loopback() {
            return Err(NotStarted::PlainBeyondLoopback(config.listen));
        }
        let failed = |error| NotStarted::Listen(config.listen, error);
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            sessions: Semaphore::new(config.sessions_max),
            config,
            doorkeeper,
            taken: Arc::default(),
        });
        let task = tokio::spawn(accept(listener, shared, stopped));
        Ok(Self {
            address,
            stop,
            task: Some(task),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, cuts every session, and returns when all are gone. Nothing is deleted by it.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            // A panicked accept loop is gone as well.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// What all sessions share.
struct Shared {
    config: Config,
    doorkeeper: Arc<dyn Doorkeeper>,
    sessions: Semaphore,
    taken: Arc<Mutex<BTreeSet<KimAddress>>>,
}

/// A mailbox taken for one session; given back when dropped.
struct Claim {
    user: KimAddress,
    taken: Arc<Mutex<BTreeSet<KimAddress>>>,
}

impl Claim {
    fn take(user: &KimAddress, taken: &Arc<Mutex<BTreeSet<KimAddress>>>) -> Option<Self> {
        let free = taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(user.clone());
        free.then(|| Self {
            user: user.clone(),
            taken: Arc::clone(taken),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.user);
    }
}

/// Takes connections until it is told to stop. Cancelled: sessions are aborted with their set. Failed: `accept` fails for
/// lack of file handles, passes after a while, and loses nothing.
async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let (mut sessions, told) = (JoinSet::new(), stopped.clone());
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopped) => break,
            Some(_) = sessions.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    let (shared, stopped) = (Arc::clone(&shared), told.clone());
                    sessions.spawn(serve(socket, shared, stopped));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to the emergency mailbox");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

/// One connection. It ends by itself within the configured waits, or at once when the server stops.
async fn serve(socket: TcpStream, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let session = async {
        let Ok(_slot) = shared.sessions.try_acquire() else {
            return talk::turn_away(socket, shared.config.handshake).await;
        };
        socket.set_nodelay(true)?;
        match &shared.config.security {
            Security::LoopbackPlain => talk::talk(socket, &shared).await,
            Security::Tls(config) => {
                let handshake = TlsAcceptor::from(Arc::clone(config)).accept(socket);
                let stream = timeout(shared.config.handshake, handshake)
                    .await
                    .map_err(io::Error::other)??;
                talk::talk(stream, &shared).await
            }
        }
    };
    tokio::select! {
        () = told_to_stop(&mut stopped) => {}
        done = session => {
            if let Err(error) = done {
                tracing::debug!(%error, "a session of the emergency mailbox ended early");
            }
        }
    }
}

/// Waits for the word to stop; a server that is gone counts as the word.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone.
    let _ = stopped.wait_for(|stop| *stop).await;
}
