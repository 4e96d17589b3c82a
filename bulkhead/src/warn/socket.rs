//! Lines of a sensor over a connection: mutual TLS, newline JSON, everything bounded. What a sensor sends while we are
//! away it must send again; only a file is read on where it was left.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use warning::{Finding, Importer, Line, LineReader};

use super::{brain::Input, tail};
use crate::{clock, tls};

/// Bytes taken from a connection at once.
const READ_BYTES: usize = 64 * 1024;
/// A connection that is silent for longer is closed; a sensor connects again.
const IDLE: Duration = Duration::from_secs(600);
/// Longest handshake.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// One source of connections.
pub(super) struct Socket {
    pub(super) name: String,
    pub(super) listener: TcpListener,
    pub(super) acceptor: Option<tls::Acceptor>,
    pub(super) importer: Importer,
    pub(super) connections_max: usize,
}

/// Takes connections for as long as somebody wants their lines.
pub(super) async fn serve(socket: Socket, inputs: mpsc::Sender<Input>) {
    let places = Arc::new(Semaphore::new(socket.connections_max));
    let importer = Arc::new(Mutex::new(socket.importer));
    let mut talks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.listener.accept() => accepted,
            Some(_ended) = talks.join_next() => continue,
            () = inputs.closed() => return,
        };
        let Ok((stream, _peer)) = accepted else {
            // Out of file handles, or gone before it was taken: give the machine a moment.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!(
                source = socket.name,
                "more connections than configured; one was turned away"
            );
            continue;
        };
        let (acceptor, name) = (socket.acceptor.clone(), socket.name.clone());
        let (importer, inputs) = (importer.clone(), inputs.clone());
        talks.spawn(async move {
            let _place = place;
            match acceptor {
                None => read(stream, &name, &importer, &inputs).await,
                Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => read(stream, &name, &importer, &inputs).await,
                    Ok(Err(error)) => tracing::warn!(source = name, %error, "no TLS with a sensor"),
                    Err(_late) => tracing::warn!(source = name, "no TLS with a sensor in time"),
                },
            }
        });
    }
}

async fn read<S: AsyncRead + Unpin>(
    mut stream: S,
    name: &str,
    importer: &Mutex<Importer>,
    inputs: &mpsc::Sender<Input>,
) {
    let mut reader = LineReader::new();
    let mut piece = vec![0; READ_BYTES];
    loop {
        let count = match timeout(IDLE, stream.read(&mut piece)).await {
            Ok(Ok(count)) => count,
            Ok(Err(_)) | Err(_) => 0,
        };
        let (mut findings, mut lines) = (Vec::new(), 0);
        {
            let mut importer = importer.lock().unwrap_or_else(PoisonError::into_inner);
            let mut each = |line: Line<'_>| {
                lines += 1;
                tail::take(&mut importer, line, clock::now(), &mut findings);
            };
            match count {
                0 => reader.end(&mut each),
                _ => reader.feed(piece.get(..count).unwrap_or_default(), &mut each),
            }
        }
        // The channel is bounded: a sensor that writes faster than we think is slowed down by its own connection.
        if lines > 0 && inputs.send(lines_of(name, findings, lines)).await.is_err() {
            return;
        }
        if count == 0 {
            return;
        }
    }
}

fn lines_of(name: &str, findings: Vec<Finding>, lines: u64) -> Input {
    Input::Lines {
        source: name.to_owned(),
        findings,
        lines,
        position: None,
    }
}
