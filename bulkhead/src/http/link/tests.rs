//! Kept links against peers that restart, hang up, fall silent, drip, lie and impersonate.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
    time::timeout,
};

use super::*;
use crate::{
    http::{Answerer, Reply, call, serve, serve_connection},
    tls,
};

/// Nothing here takes so long unless it is broken.
const LONG: Duration = Duration::from_secs(30);

/// Certificates of one estate.
struct Estate(tempfile::TempDir, tls::Authority);

impl Estate {
    fn new() -> Self {
        let authority = tls::Authority::make("probe").unwrap();
        Self(tempfile::tempdir().unwrap(), authority)
    }

    fn identity(&self, part: &str) -> tls::Identity {
        let folder = self.0.path().join(part);
        self.1.enrol(part, &folder).unwrap();
        tls::Identity::load(&folder).unwrap()
    }

    fn acceptor(&self) -> tls::Acceptor {
        self.identity("peer").acceptor().unwrap()
    }

    fn caller(&self, address: SocketAddr) -> Endpoint {
        Endpoint {
            address,
            tls: Some(self.identity("caller").connector().unwrap()),
        }
    }
}

/// A peer whose connections and requests are counted. What it does is up to the test.
#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Counts {
    fn seen(&self) -> (usize, usize) {
        let load = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (load(&self.connections), load(&self.requests))
    }
}

/// A whole peer of ours, listening again and again on one port; dropped, it is dead with all its connections.
struct Peer {
    address: SocketAddr,
    counts: Arc<Counts>,
    tasks: JoinSet<()>,
}

impl Peer {
    async fn start(estate: &Estate, port: u16, idle_max: Duration, counts: Arc<Counts>) -> Self {
        let listener = bind(port).await;
        let address = listener.local_addr().unwrap();
        let (acceptor, counted) = (estate.acceptor(), counts.clone());
        let answerer: Answerer = Arc::new(move |call| {
            counted.requests.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { Reply::text(200, format!("{} {}", call.path, call.body.len())) })
        });
        let mut tasks = JoinSet::new();
        let counted = counts.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, answerer) = (acceptor.clone(), answerer.clone());
                connections.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve_connection(stream, answerer, idle_max, || true).await;
                    }
                });
            }
        });
        Self {
            address,
            counts,
            tasks,
        }
    }

    async fn die(mut self) -> u16 {
        self.tasks.shutdown().await;
        self.address.port()
    }
}

/// The port of a peer that has just died may still be in use for a moment.
async fn bind(port: u16) -> TcpListener {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let bound = async {
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(LONG, bound).await.unwrap()
}

async fn get(endpoint: &Endpoint) -> Result<String, CallError> {
    let answer = call(endpoint, Method::GET, "/a", Vec::new(), LONG).await?;
    Ok(String::from_utf8(answer).unwrap())
}

async fn post(endpoint: &Endpoint) -> Result<Vec<u8>, CallError> {
    call(endpoint, Method::POST, "/b", vec![7; 1000], LONG).await
}

/// Waits until the peer has ended the idle link of this caller.
async fn ended_by_peer(endpoint: &Endpoint) {
    let links = endpoint.tls.as_ref().unwrap().links();
    let over = async {
        loop {
            let open = |link: &Link| !link.sender.is_closed();
            if !links.0.lock().unwrap().values().flatten().any(open) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, over).await.unwrap();
}

#[tokio::test]
async fn many_calls_share_one_handshake() {
    let estate = Estate::new();
    let peer = Peer::start(&estate, 0, LONG, Arc::default()).await;
    let endpoint = estate.caller(peer.address);
    for _ in 0..20 {
        assert_eq!(get(&endpoint).await.unwrap(), "/a 0");
        assert_eq!(post(&endpoint.clone()).await.unwrap(), b"/b 1000");
    }
    assert_eq!(peer.counts.seen(), (1, 40));
}

#[tokio::test]
async fn calls_at_once_have_a_link_each_and_few_are_kept() {
    let estate = Estate::new();
    let peer = Peer::start(&estate, 0, LONG, Arc::default()).await;
    let endpoint = estate.caller(peer.address);
    let mut calls = JoinSet::new();
    for _ in 0..3 * PEER_LINKS_MAX {
        let endpoint = endpoint.clone();
        calls.spawn(async move { get(&endpoint).await.unwrap() });
    }
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap(), "/a 0");
    }
    let links = endpoint.tls.as_ref().unwrap().links();
    let kept = links.0.lock().unwrap()[&peer.address].len();
    assert!((1..=PEER_LINKS_MAX).contains(&kept), "{kept}");
}

#[tokio::test]
async fn a_peer_that_restarted_between_calls_is_found_again() {
    let estate = Estate::new();
    let mut peer = Peer::start(&estate, 0, LONG, Arc::default()).await;
    let endpoint = estate.caller(peer.address);
    for round in 1..=3 {
        get(&endpoint).await.unwrap();
        let (counts, port) = (peer.counts.clone(), peer.die().await);
        ended_by_peer(&endpoint).await;
        peer = Peer::start(&estate, port, LONG, counts).await;
        // What changes something goes through as well: the dead link was never written to.
        post(&endpoint).await.unwrap();
        assert_eq!(peer.counts.seen(), (round + 1, 2 * round));
    }
}

#[tokio::test]
async fn a_dead_peer_is_said_to_be_unreached() {
    let estate = Estate::new();
    let peer = Peer::start(&estate, 0, LONG, Arc::default()).await;
    let endpoint = estate.caller(peer.address);
    get(&endpoint).await.unwrap();
    peer.die().await;
    ended_by_peer(&endpoint).await;
    let error = get(&endpoint).await.unwrap_err();
    assert!(matches!(error, CallError::Unreached { .. }), "{error}");
}

#[tokio::test]
async fn a_listener_ends_idle_connections_and_the_caller_connects_again() {
    let estate = Estate::new();
    let peer = Peer::start(&estate, 0, Duration::from_millis(20), Arc::default()).await;
    let endpoint = estate.caller(peer.address);
    get(&endpoint).await.unwrap();
    ended_by_peer(&endpoint).await;
    post(&endpoint).await.unwrap();
    assert_eq!(peer.counts.seen(), (2, 2));
}

/// A peer that answers the first request of each connection and then hangs up over the next one, after reading it.
async fn hangs_up_over_the_second(estate: &Estate, counts: Arc<Counts>) -> SocketAddr {
    let listener = bind(0).await;
    let address = listener.local_addr().unwrap();
    let acceptor = estate.acceptor();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counts.connections.fetch_add(1, Ordering::SeqCst);
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut buffer = [0; 4096];
            for answers in [true, false] {
                if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
                    break;
                }
                counts.requests.fetch_add(1, Ordering::SeqCst);
                if answers {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap();
                }
            }
        }
    });
    address
}

#[tokio::test]
async fn only_what_may_be_repeated_is_repeated() {
    let estate = Estate::new();
    let counts = Arc::new(Counts::default());
    let address = hangs_up_over_the_second(&estate, counts.clone()).await;
    let endpoint = estate.caller(address);
    assert_eq!(get(&endpoint).await.unwrap(), "ok");
    // The kept link fails under it; a question is asked again on a new one.
    assert_eq!(get(&endpoint).await.unwrap(), "ok");
    assert_eq!(counts.seen(), (2, 3));
    // The kept link fails under it again; the peer may have done what was asked, so nobody asks twice.
    post(&endpoint).await.unwrap_err();
    assert_eq!(counts.seen(), (2, 4));
    // And the failed link is not used again.
    call(&endpoint, Method::POST, "/b", Vec::new(), LONG)
        .await
        .unwrap();
    assert_eq!(counts.seen(), (3, 5));
}

/// Bytes pass in both directions until they are lost: the two ends of a cable that was cut, without a word to either.
async fn cable(to: SocketAddr, cut: Arc<AtomicBool>) -> SocketAddr {
    let listener = bind(0).await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let far = TcpStream::connect(to).await.unwrap();
            let (near, far) = (near.into_split(), far.into_split());
            // Each connection is cut for itself, so that a new one lives.
            let cut_now = Arc::new(AtomicBool::new(false));
            for (mut from, mut to) in [(near.0, far.1), (far.0, near.1)] {
                let (cut, cut_now) = (cut.clone(), cut_now.clone());
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = from.read(&mut buffer).await {
                        if cut.swap(false, Ordering::SeqCst) {
                            cut_now.store(true, Ordering::SeqCst);
                        }
                        if !cut_now.load(Ordering::SeqCst) {
                            to.write_all(&buffer[..count]).await.unwrap();
                        }
                    }
                    // A cut cable does not say that the other end is gone.
                    if cut_now.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                });
            }
        }
    });
    address
}

#[tokio::test]
async fn a_half_open_link_costs_one_wait_and_is_not_tried_again() {
    let estate = Estate::new();
    let peer = Peer::start(&estate, 0, LONG, Arc::default()).await;
    let cut = Arc::new(AtomicBool::new(false));
    let endpoint = estate.caller(cable(peer.address, cut.clone()).await);
    // Two links are kept; both are as old as the cut.
    let (one, other) = tokio::join!(get(&endpoint), get(&endpoint));
    one.and(other).unwrap();
    cut.store(true, Ordering::SeqCst);
    let short = Duration::from_millis(200);
    let error = call(&endpoint, Method::GET, "/a", Vec::new(), short)
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Garbled { .. }), "{error}");
    let before = peer.counts.seen().0;
    get(&endpoint).await.unwrap();
    assert_eq!(
        peer.counts.seen().0,
        before + 1,
        "none of the old links is tried again"
    );
}

/// A peer that says these bytes after each request and then nothing more, on connections it never ends.
async fn says(estate: &Estate, words: Vec<u8>, connections: Arc<Counts>) -> SocketAddr {
    let listener = bind(0).await;
    let address = listener.local_addr().unwrap();
    let acceptor = estate.acceptor();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.connections.fetch_add(1, Ordering::SeqCst);
            let (acceptor, words) = (acceptor.clone(), words.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    if stream.write_all(&words).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_peer_that_never_finishes_its_answer_is_left() {
    let estate = Estate::new();
    let counts = Arc::new(Counts::default());
    let dripping = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nslow".to_vec();
    let endpoint = estate.caller(says(&estate, dripping, counts.clone()).await);
    for round in 1..=2 {
        let short = Duration::from_millis(100);
        let error = call(&endpoint, Method::GET, "/a", Vec::new(), short)
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::Garbled { .. }), "{error}");
        assert_eq!(counts.seen().0, round, "a link with half an answer is not kept");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_bounded() {
    let estate = Estate::new();
    let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [&b"100000\r\n"[..], &vec![b'x'; 0x10_0000][..], b"\r\n"].concat();
    for _ in 0..=BODY_BYTES_MAX / 0x10_0000 {
        endless.extend_from_slice(&chunk);
    }
    let endpoint = estate.caller(says(&estate, endless, Arc::default()).await);
    let error = get(&endpoint).await.unwrap_err();
    assert!(matches!(error, CallError::Garbled { .. }), "{error}");
    let heads = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
    let heads = [heads, vec![b'x'; 2 * BUFFER_BYTES_MAX]].concat();
    let endpoint = estate.caller(says(&estate, heads, Arc::default()).await);
    let error = get(&endpoint).await.unwrap_err();
    assert!(matches!(error, CallError::Garbled { .. }), "{error}");
}

#[tokio::test]
async fn what_a_peer_says_unasked_ends_the_link() {
    let estate = Estate::new();
    let counts = Arc::new(Counts::default());
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec();
    let twice = [answer.clone(), answer].concat();
    let endpoint = estate.caller(says(&estate, twice, counts.clone()).await);
    for round in 1..=3 {
        assert_eq!(get(&endpoint).await.unwrap(), "ok");
        // The second answer belongs to no question; it must not become the answer to the next one.
        ended_by_peer(&endpoint).await;
        assert_eq!(counts.seen().0, round);
    }
}

#[tokio::test]
async fn a_peer_with_a_certificate_of_another_estate_is_refused() {
    let (ours, theirs) = (Estate::new(), Estate::new());
    let peer = Peer::start(&theirs, 0, LONG, Arc::default()).await;
    let error = get(&ours.caller(peer.address)).await.unwrap_err();
    assert!(matches!(error, CallError::Unreached { .. }), "{error}");
    assert_eq!(peer.counts.seen().1, 0, "nothing was asked of a stranger");
    // And whoever took over the address of a peer we have links to is a stranger too.
    let own = Peer::start(&ours, 0, LONG, Arc::default()).await;
    let endpoint = ours.caller(own.address);
    get(&endpoint).await.unwrap();
    let port = own.die().await;
    ended_by_peer(&endpoint).await;
    let stranger = Peer::start(&theirs, port, LONG, Arc::default()).await;
    post(&endpoint).await.unwrap_err();
    assert_eq!(stranger.counts.seen().1, 0);
}

#[tokio::test]
async fn a_crowded_listener_keeps_no_connections() {
    let estate = Estate::new();
    let (acceptor, counts) = (estate.acceptor(), Arc::new(Counts::default()));
    let listener = bind(0).await;
    let endpoint = estate.caller(listener.local_addr().unwrap());
    let counted = counts.clone();
    tokio::spawn(async move {
        let answerer: Answerer = Arc::new(|_| Box::pin(async { Reply::text(200, "ok".to_owned()) }));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.connections.fetch_add(1, Ordering::SeqCst);
            let stream = acceptor.accept(stream).await.unwrap();
            serve_connection(stream, answerer.clone(), LONG, || false).await;
        }
    });
    for round in 1..=3 {
        post(&endpoint).await.unwrap();
        assert_eq!(counts.seen().0, round);
    }
}

#[tokio::test]
async fn a_cancelled_call_takes_its_link_with_it() {
    let estate = Estate::new();
    let (listener, asked) = (bind(0).await, Arc::new(Notify::new()));
    let endpoint = estate.caller(listener.local_addr().unwrap());
    let (_running, stop) = watch::channel(false);
    let (acceptor, told) = (estate.acceptor(), asked.clone());
    let answerer: Answerer = Arc::new(move |call| {
        let told = told.clone();
        Box::pin(async move {
            if call.path == "/a" {
                return Reply::text(200, "ok".to_owned());
            }
            told.notify_one();
            std::future::pending().await
        })
    });
    tokio::spawn(serve(listener, Some(acceptor), answerer, stop));
    get(&endpoint).await.unwrap();
    tokio::select! {
        _ = post(&endpoint) => panic!("nobody answers"),
        () = asked.notified() => {}
    }
    assert!(
        endpoint
            .tls
            .as_ref()
            .unwrap()
            .links()
            .0
            .lock()
            .unwrap()
            .is_empty()
    );
    get(&endpoint).await.unwrap();
}
