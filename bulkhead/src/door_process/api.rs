//! The control listener: its own thread and runtime, so that a door can be shut while its fronts are under full load.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::{net::TcpListener, sync::watch};

use super::{
    Config,
    follow::{self, Follower},
};
use crate::{
    command, http,
    report::{Code, Trouble},
    tls,
};

/// The listener's thread.
pub struct Control {
    /// Where it really listens.
    pub address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Control {
    /// Waits for the thread, which ends with the stop signal.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the control listener's thread panicked");
        }
    }
}

/// Opens the listener and starts its thread.
///
/// # Errors
/// [`Trouble`] when the address cannot be opened.
pub fn start(
    config: &Config,
    identity: Option<&tls::Identity>,
    follower: Arc<Follower>,
    stop: watch::Receiver<bool>,
) -> Result<Control, Trouble> {
    let acceptor = identity
        .map(tls::Identity::acceptor)
        .transpose()
        .map_err(command::tls_trouble)?;
    let (address, tls) = (config.listen, identity.is_some());
    let unable = |error: std::io::Error| {
        Trouble::because(
            Code::Listen,
            format!("{address} kann nicht geöffnet werden. / Cannot listen on {address}."),
            error,
        )
    };
    command::may_listen(address, tls)?;
    let listener = std::net::TcpListener::bind(address).map_err(unable)?;
    listener.set_nonblocking(true).map_err(unable)?;
    let address = listener.local_addr().map_err(unable)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unable)?;
    let answerer: http::Answerer = Arc::new(move |call| {
        let follower = follower.clone();
        Box::pin(async move { follow::answer(&follower, call).await })
    });
    let thread = thread::Builder::new()
        .name("door-control".into())
        .spawn(move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => http::serve(listener, acceptor, answerer, stop).await,
                    Err(error) => tracing::error!(%error, "the control listener cannot be used"),
                }
            });
        })
        .map_err(unable)?;
    Ok(Control { address, thread })
}
