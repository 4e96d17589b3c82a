//! People at the console: they log in with their keys, hold a stream of events open, and fetch the matrix again
//! whenever something happened, as the page's script does.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Instant};

use bulkhead::exercise::sign;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinSet,
};

/// A connection to the console, kept.
pub struct Screen {
    host: SocketAddr,
    token: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Screen {
    async fn connect(host: SocketAddr, token: String) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        // Ends with the connection, which ends when the sender is dropped.
        tokio::spawn(connection);
        Self { host, token, sender }
    }

    /// Logs a person in.
    pub async fn log_in(host: SocketAddr, key: &Path) -> Self {
        let mut screen = Self::connect(host, String::new()).await;
        let asked = screen.json(Method::GET, "/api/v1/login", None).await;
        let text = asked["challenge"].as_str().unwrap();
        let origin = format!("http://{host}").parse().unwrap();
        let signature = sign::answer_challenge(text, &origin, key).unwrap();
        let body = json!({ "challenge": text, "signature": signature.0 });
        let answer = screen.json(Method::POST, "/api/v1/login", Some(&body)).await;
        screen.token = answer["token"].as_str().unwrap().to_owned();
        screen
    }

    /// Another connection of the same session.
    pub async fn again(&self) -> Self {
        Self::connect(self.host, self.token.clone()).await
    }

    /// What the console answers, as JSON.
    pub async fn json(&mut self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.ask(method, path, body).await;
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    async fn fragment(&mut self) -> Bytes {
        let answer = self.ask(Method::GET, "/?fragment=1", None).await;
        answer.into_body().collect().await.unwrap().to_bytes()
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Response<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.host.to_string());
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::from(body.map(Value::to_string).unwrap_or_default());
        if self.sender.ready().await.is_err() {
            // The console ends a connection that was idle for long; a browser connects again.
            let token = std::mem::take(&mut self.token);
            *self = Self::connect(self.host, token).await;
            self.sender.ready().await.unwrap();
        }
        let answer = self
            .sender
            .send_request(request.body(body).unwrap())
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer
    }
}

/// What one watcher saw.
pub struct Seen {
    pub watcher: usize,
    pub at: Instant,
    /// The cell it looks at, as it stands on its screen.
    pub cell: String,
    /// Length of the fragment.
    pub bytes: usize,
}

/// People who watch one cell of the matrix.
pub struct Watchers {
    pub seen: mpsc::UnboundedReceiver<Seen>,
    _tasks: JoinSet<()>,
}

impl Watchers {
    /// Seats `count` watchers, some at each session.
    pub async fn seat(sessions: &[Screen], count: usize, cell: &str) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let needle: Arc<str> = format!("href=\"/zelle/{cell}\"").into();
        let mut tasks = JoinSet::new();
        for (watcher, session) in sessions.iter().cycle().take(count).enumerate() {
            let (events, screen) = (session.again().await, session.again().await);
            let (stand, stands) = watch::channel(());
            tasks.spawn(listen(events, stand));
            tasks.spawn(look(watcher, screen, stands, needle.clone(), sender.clone()));
        }
        Self { seen, _tasks: tasks }
    }
}

/// Passes every event on; several that came while nobody looked are one.
async fn listen(mut events: Screen, stand: watch::Sender<()>) {
    let mut body = events.ask(Method::GET, "/ereignisse", None).await.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(line) = frame.into_data() else { continue };
        if line.starts_with(b"event: stand") {
            stand.send_replace(());
        }
    }
}

async fn look(
    watcher: usize,
    mut screen: Screen,
    mut stands: watch::Receiver<()>,
    needle: Arc<str>,
    sender: mpsc::UnboundedSender<Seen>,
) {
    let mut place = 0;
    loop {
        let page = screen.fragment().await;
        let at = Instant::now();
        let (cell, found) = cell_in(&page, &needle, place);
        place = found;
        let seen = Seen {
            watcher,
            at,
            cell,
            bytes: page.len(),
        };
        if sender.send(seen).is_err() || stands.changed().await.is_err() {
            return;
        }
    }
}

/// The cell's text, and where it begins. It hardly moves, so it is looked for near its last place first: 50 people have
/// 50 computers to search with, here they share two cores with what is measured.
fn cell_in(page: &[u8], needle: &str, place: usize) -> (String, usize) {
    let page = std::str::from_utf8(page).unwrap();
    let near = place.saturating_sub(2_000);
    let near = if page.is_char_boundary(near) { near } else { 0 };
    let start = page[near..].find(needle).map(|at| near + at);
    let start = start
        .or_else(|| page.find(needle))
        .unwrap_or_else(|| panic!("no {needle} on the screen"));
    let text = &page[start..];
    let end = text.find("<td").unwrap_or(text.len());
    (text[..end].to_owned(), start)
}
