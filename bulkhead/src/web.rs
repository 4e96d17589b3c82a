//! The listener browsers talk to. Strangers may reach it, so everything has a bound: how many connections, how long a
//! request may take to arrive, how large it is, how long an open stream of events lives. Unlike [`crate::http`] it asks for
//! no certificate: who somebody is, the console finds out itself.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use console::{Method, Response};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::{Body, Bytes, Frame, Incoming},
    header::{HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};

use crate::{clock, tls};

/// Connections served at once. One costs about 20 KiB: a thousand slow ones leave room for the people who work.
const CONNECTIONS_MAX: usize = 4096;
/// A caller that has not sent the head of a request by then is cut; also how long a connection may idle.
const HEAD_WAIT: Duration = Duration::from_secs(15);
/// A caller that has not sent the rest of it by then is cut.
const BODY_WAIT: Duration = Duration::from_secs(20);
/// Longest handshake.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// Largest head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Streams of events one address may hold open: a room full of screens behind one router.
const STREAMS_PER_ADDRESS_MAX: usize = 256;
/// Streams of events held open at once, by everybody: enough places stay for requests.
const STREAMS_MAX: usize = 1024;
/// Lines that wait for a slow listener; one that does not listen is cut, and asks again.
const LINES_MAX: usize = 8;

/// What a request is answered with.
pub enum Answer {
    /// One answer.
    Whole(Response),
    /// Its head now, and then lines as they come until the sender is dropped.
    Events(Response, mpsc::Receiver<String>),
}

/// The future of one answer.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;
/// What answers requests. Cloned per connection.
pub type Answerer = Arc<dyn Fn(console::Request) -> Answering + Send + Sync>;

/// A line of communication for events, with its bound.
#[must_use]
pub fn events() -> (mpsc::Sender<String>, mpsc::Receiver<String>) {
    mpsc::channel(LINES_MAX)
}

/// How many streams each address holds open.
#[derive(Clone, Default)]
pub struct Streams(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One open stream; its place is free again when this is dropped.
pub struct Stream(Streams, IpAddr);

impl Streams {
    /// A place for one more stream of an address, if it may have one.
    #[must_use]
    pub fn take(&self, peer: IpAddr) -> Option<Stream> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= STREAMS_MAX {
            return None;
        }
        let count = open.entry(peer).or_default();
        if *count >= STREAMS_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Stream(self.clone(), peer))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// Serves until `stop` turns true. Cancelling closes the listener; connections end with the runtime.
pub async fn serve(
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    answerer: Answerer,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file handles or a peer gone before accept: give the machine a moment, keep listening.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let (answerer, tls) = (answerer.clone(), tls.clone());
        tokio::spawn(async move {
            let _place = place;
            stream.set_nodelay(true).ok();
            match tls {
                None => serve_connection(stream, peer, answerer).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE_WAIT, acceptor.accept(stream)).await {
                        serve_connection(stream, peer, answerer).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection<S>(stream: S, peer: SocketAddr, answerer: Answerer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let answerer = answerer.clone();
        async move {
            let answer = match timeout(BODY_WAIT, read(request, peer.ip())).await {
                Ok(Ok(request)) => answerer(request).await,
                Ok(Err(refused)) => Answer::Whole(refused),
                Err(_) => Answer::Whole(refuse(
                    408,
                    "Die Anfrage kam nicht vollständig an. / The request did not arrive whole.\n",
                )),
            };
            Ok::<_, Infallible>(write(answer))
        }
    });
    // A broken connection is the caller's to notice; nothing was promised before the answer was written.
    let _ended = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn refuse(status: u16, sentence: &str) -> Response {
    Response::new(status, "text/plain; charset=utf-8", sentence.into())
}

async fn read(request: Request<Incoming>, peer: IpAddr) -> Result<console::Request, Response> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, console::BODY_BYTES_MAX)
        .collect()
        .await
        .map_err(|_| {
            refuse(
                413,
                "Die Anfrage ist zu groß oder brach ab. / The request is too large or broke off.\n",
            )
        })?;
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|_| {
        refuse(
            500,
            "Kein Zufall verfügbar; niemand kann sich anmelden. / No randomness; nobody can log in.\n",
        )
    })?;
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    Ok(console::Request {
        method: Method::read(head.method.as_str()),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
            .collect(),
        body: body.to_bytes().to_vec(),
        peer,
        now: clock::now(),
        entropy,
    })
}

fn write(answer: Answer) -> hyper::Response<Either<Full<Bytes>, Lines>> {
    let (response, body) = match answer {
        Answer::Whole(mut response) => {
            let body = std::mem::take(&mut response.body);
            (response, Either::Left(Full::new(Bytes::from(body))))
        }
        Answer::Events(response, lines) => (response, Either::Right(Lines(lines))),
    };
    let mut written = hyper::Response::new(body);
    *written.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            written.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    written
}

/// Lines as a body that ends when nobody sends any more.
struct Lines(mpsc::Receiver<String>);

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|line| line.map(|line| Ok(Frame::data(Bytes::from(line)))))
    }
}
