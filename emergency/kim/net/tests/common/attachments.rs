//! A small attachment store: download and head of interface 2.4.0, over plain text or mutual TLS, and some bad manners.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How the store answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// As the interface says.
    Good,
    /// With this status, whatever is asked.
    Status(u16),
    /// With a body that claims to be compressed.
    Encoded,
    /// With the content and much more behind it.
    Endless,
    /// Not at all.
    Silent,
}

/// By id: who may have it, and what it is.
type Content = Mutex<BTreeMap<String, (String, Vec<u8>)>>;

pub struct Attachments {
    pub address: SocketAddr,
    pub content: Arc<Content>,
    pub manner: Arc<Mutex<Manner>>,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Attachments {
    pub async fn start(security: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let store = Self {
            address: listener.local_addr().unwrap(),
            content: Arc::default(),
            manner: Arc::new(Mutex::new(Manner::Good)),
            asked: Arc::default(),
        };
        let (content, manner, asked) = (
            Arc::clone(&store.content),
            Arc::clone(&store.manner),
            Arc::clone(&store.asked),
        );
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (content, manner, asked) =
                    (Arc::clone(&content), Arc::clone(&manner), Arc::clone(&asked));
                let security = security.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let (content, manner, asked) =
                            (Arc::clone(&content), Arc::clone(&manner), Arc::clone(&asked));
                        async move { Ok::<_, Infallible>(answer(request, &content, &manner, &asked).await) }
                    });
                    // A client that goes away ends its connection; that is what is tested elsewhere.
                    match security {
                        Some(config) => {
                            if let Ok(stream) = TlsAcceptor::from(config).accept(socket).await {
                                let _ = http1::Builder::new()
                                    .serve_connection(TokioIo::new(stream), service)
                                    .await;
                            }
                        }
                        None => {
                            let _ = http1::Builder::new()
                                .serve_connection(TokioIo::new(socket), service)
                                .await;
                        }
                    }
                });
            }
        });
        store
    }

    /// Puts content for one recipient.
    pub fn put(&self, id: &str, recipient: &str, sealed: Vec<u8>) {
        self.content
            .lock()
            .unwrap()
            .insert(id.to_owned(), (recipient.to_owned(), sealed));
    }
}

async fn answer(
    request: Request<Incoming>,
    content: &Content,
    manner: &Mutex<Manner>,
    asked: &Mutex<Vec<String>>,
) -> Response<Full<Bytes>> {
    asked.lock().unwrap().push(request.uri().path().to_owned());
    let manner = *manner.lock().unwrap();
    let say = |status: u16, body: Vec<u8>| {
        Response::builder()
            .status(status)
            .body(Full::new(Bytes::from(body)))
            .unwrap()
    };
    let found = request
        .uri()
        .path()
        .strip_prefix("/attachments/v2.4/attachment/")
        .and_then(|id| content.lock().unwrap().get(id).cloned());
    let recipient = request
        .headers()
        .get("recipient")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    match (manner, found) {
        (Manner::Status(status), _) => {
            let answer = say(status, b"{\"errorCode\":\"x\"}".to_vec());
            let (mut parts, body) = answer.into_parts();
            parts
                .headers
                .insert("location", "http://127.0.0.1:1/".parse().unwrap());
            Response::from_parts(parts, body)
        }
        (Manner::Silent, _) => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            say(500, Vec::new())
        }
        (_, None) => say(404, Vec::new()),
        (_, Some(_)) if recipient.is_none() => say(400, Vec::new()),
        (_, Some((allowed, _))) if recipient.as_deref() != Some(&allowed) => say(403, Vec::new()),
        (_, Some(_)) if request.method() == Method::HEAD => say(200, Vec::new()),
        (_, Some(_)) if request.method() != Method::GET => {
            say(StatusCode::METHOD_NOT_ALLOWED.as_u16(), Vec::new())
        }
        (Manner::Good, Some((_, sealed))) => say(200, sealed),
        (Manner::Encoded, Some((_, sealed))) => {
            let (mut parts, body) = say(200, sealed).into_parts();
            parts.headers.insert("content-encoding", "gzip".parse().unwrap());
            Response::from_parts(parts, body)
        }
        (Manner::Endless, Some((_, mut sealed))) => {
            sealed.resize(sealed.len() + 5_000_000, 0);
            say(200, sealed)
        }
    }
}
