//! Accepts connections of one front within its bounds, and ends them in order.

use std::{
    collections::HashMap,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    config::Connections,
    event::{Event, Events, Front, Reason},
    recut::{Badge, Place, Roll},
    tls::{Acceptor, Peer},
    wire::Stream,
};

/// How far the end of the fronts has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// Not begun.
    Running,
    /// Nothing new; what is under way may finish.
    Draining,
}

/// One kind of session.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Which front it is counted under.
    const FRONT: Front;
    /// Runs one session. May be dropped at any await: what was acknowledged is durable, everything else is repeated by
    /// the peer.
    fn serve(
        &self,
        stream: Stream,
        peer: Peer,
        ending: watch::Receiver<Ending>,
        badge: &Badge,
    ) -> impl Future<Output = ()> + Send;
}

/// Who is here, by network address.
#[derive(Debug, Default)]
struct Crowd(Mutex<HashMap<IpAddr, usize>>);

impl Crowd {
    fn here(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A count is right after every step, so a panic elsewhere cannot have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, from: IpAddr, per_peer_max: usize) -> Option<Seat> {
        let mut here = self.here();
        let count = here.entry(from).or_insert(0);
        if *count >= per_peer_max {
            return None;
        }
        *count += 1;
        Some(Seat {
            crowd: Arc::clone(self),
            from,
        })
    }
}

/// A place in the crowd, given back when it is dropped.
struct Seat {
    crowd: Arc<Crowd>,
    from: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut here = self.crowd.here();
        if let Some(count) = here.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.from);
            }
        }
    }
}

/// Wait after a failed accept (descriptors used up): connections that end free them.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Accepts until the end begins, then waits for the open sessions. Dropping the future ends them at once.
pub(crate) async fn listen<S: Serve>(
    listener: TcpListener,
    acceptor: Acceptor,
    bounds: Connections,
    events: Arc<Events>,
    serve: Arc<S>,
    mut ending: watch::Receiver<Ending>,
    roll: Roll,
) {
    let crowd = Arc::new(Crowd::default());
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = ended(&mut ending) => break,
            Some(_) = sessions.join_next(), if !sessions.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, from)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let refuse = |reason| {
            events.tell(Event::Refused {
                front: S::FRONT,
                reason,
            })
        };
        if sessions.len() >= bounds.per_front_max {
            refuse(Reason::Crowded);
            continue;
        }
        let Some(seat) = crowd.enter(from.ip(), bounds.per_peer_max()) else {
            refuse(Reason::Crowded);
            continue;
        };
        let (acceptor, serve, events, ending) = (
            acceptor.clone(),
            Arc::clone(&serve),
            Arc::clone(&events),
            ending.clone(),
        );
        let (place, number) = roll.enter(S::FRONT);
        let running = sessions.spawn(session(
            socket, from, seat, place, acceptor, bounds, events, serve, ending,
        ));
        roll.runs(number, running);
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, and every part is owned by the session for its life"
)]
async fn session<S: Serve>(
    socket: tokio::net::TcpStream,
    from: SocketAddr,
    seat: Seat,
    place: Place,
    acceptor: Acceptor,
    bounds: Connections,
    events: Arc<Events>,
    serve: Arc<S>,
    ending: watch::Receiver<Ending>,
) {
    let _seat = seat;
    match tokio::time::timeout(bounds.handshake(), acceptor.accept(socket, from)).await {
        Ok(Ok((stream, peer))) => {
            let _open = events.session(S::FRONT);
            serve.serve(stream, peer, ending, place.badge()).await;
        }
        Ok(Err(_)) | Err(_) => events.tell(Event::Refused {
            front: S::FRONT,
            reason: Reason::Handshake,
        }),
    }
}

/// Returns when the end has begun. May be dropped.
pub(crate) async fn ended(ending: &mut watch::Receiver<Ending>) {
    // A closed channel means that the fronts are gone: the end as well.
    let _ = ending.wait_for(|ending| *ending == Ending::Draining).await;
}
