//! The listener for emergency environments: mutual TLS always, the environment's name from its certificate, bounded.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use vocabulary::EnvironmentId;

use super::{
    Service,
    stream::{OutBody, Outflow},
};
use crate::{
    command,
    emergency_wire::tls_name,
    http::{Call, Reply},
    report::{Code, Trouble},
    tls,
};

/// Connections at once: a few per emergency environment.
const CONNECTIONS_MAX: usize = 64;
/// Longest request: an index of the most items one may have.
const BODY_BYTES_MAX: usize = 16 << 20;
/// A caller that has not shaken hands or finished a request by then is cut.
const REQUEST_WAIT: Duration = Duration::from_secs(30);

/// Ends one connection, at once.
#[derive(Clone, Default)]
pub(super) struct Cut(Arc<Notify>);

impl Cut {
    /// Now.
    pub(super) fn now(&self) {
        self.0.notify_one();
    }
}

/// Opens the listener and serves until `stop` turns true.
///
/// # Errors
/// [`Trouble`] when the address cannot be opened or the certificate is not usable.
pub(super) async fn start(
    address: SocketAddr,
    identity: &tls::Identity,
    service: Arc<Service>,
    tasks: &mut JoinSet<()>,
    stop: watch::Receiver<bool>,
) -> Result<SocketAddr, Trouble> {
    let unable = |error: std::io::Error| {
        Trouble::because(
            Code::Listen,
            format!("{address} kann nicht geöffnet werden. / Cannot listen on {address}."),
            error,
        )
    };
    let acceptor = identity.acceptor().map_err(command::tls_trouble)?;
    let listener = TcpListener::bind(address).await.map_err(unable)?;
    let opened = listener.local_addr().map_err(unable)?;
    tasks.spawn(serve(listener, acceptor, service, stop));
    Ok(opened)
}

async fn serve(
    listener: TcpListener,
    acceptor: tls::Acceptor,
    service: Arc<Service>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Ended together with this task: nobody reads on when the process was told to stop.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, _peer)) = accepted else {
            // Out of file handles or a peer gone before accept: give the machine a moment, keep listening.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let (acceptor, service) = (acceptor.clone(), service.clone());
        connections.spawn(async move {
            let _place = place;
            connection(stream, acceptor, service).await;
        });
    }
}

async fn connection(stream: TcpStream, acceptor: tls::Acceptor, service: Arc<Service>) {
    stream.set_nodelay(true).ok();
    let Ok(Ok(stream)) = timeout(REQUEST_WAIT, acceptor.accept(stream)).await else {
        return;
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .cloned()
        .map(CertificateDer::into_owned);
    let Some(certificate) = certificate.map(Arc::new) else {
        return;
    };
    let cut = Cut::default();
    let answering = cut.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, certificate, cut) = (service.clone(), certificate.clone(), answering.clone());
        async move { Ok::<_, Infallible>(respond(&service, &certificate, request, &cut).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_WAIT * 2)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        // A broken connection is the caller's to notice.
        _ended = served => {}
        // Dropping the connection closes it: what was not sent yet is never sent.
        () = cut.0.notified() => {}
    }
}

async fn respond(
    service: &Service,
    certificate: &CertificateDer<'_>,
    request: Request<Incoming>,
    cut: &Cut,
) -> Response<OutBody> {
    let (head, body) = request.into_parts();
    let read = timeout(REQUEST_WAIT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let outflow = match read {
        Ok(Ok(body)) => {
            let call = Call {
                method: head.method,
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                body: body.to_bytes(),
            };
            match who(certificate, &call) {
                Ok(environment) => service.answer(&environment, call, cut).await,
                Err(reply) => whole(reply),
            }
        }
        Ok(Err(_)) | Err(_) => whole(Reply::refuse(
            413,
            "Die Anfrage ist zu groß oder brach ab. / The request is too large or broke off.",
        )),
    };
    let (status, content_type, body) = match outflow {
        Outflow::Whole {
            status,
            content_type,
            body,
        } => (status, content_type, OutBody::Whole(body)),
        Outflow::Stream(stream) => (200, "application/octet-stream", OutBody::Stream(stream)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}

fn whole(reply: Reply) -> Outflow {
    Outflow::Whole {
        status: reply.status,
        content_type: reply.content_type,
        body: http_body_util::Full::new(reply.body.into()),
    }
}

/// The environment that asks, if its certificate names it.
fn who(certificate: &CertificateDer<'_>, call: &Call) -> Result<EnvironmentId, Reply> {
    let named = call
        .query_value("environment")
        .and_then(|name| EnvironmentId::new(name).ok())
        .ok_or_else(|| {
            Reply::refuse(
                400,
                "Welche Notumgebung fragt? ?environment=… / Which emergency environment asks? ?environment=…",
            )
        })?;
    let proves = |name: String| {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        let name = ServerName::try_from(name).ok()?;
        verify_server_name(&parsed, &name).ok()
    };
    proves(tls_name(&named)).map(|()| named.clone()).ok_or_else(|| {
        Reply::refuse(
            403,
            &format!(
                "Das Zertifikat der Gegenstelle weist nicht die Notumgebung {named} aus. / \
                 The peer's certificate does not name emergency environment {named}."
            ),
        )
    })
}
