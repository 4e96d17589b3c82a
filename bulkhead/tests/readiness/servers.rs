//! A mail server and a gateway of our own on loopback, with TLS of an authority of our own. They write down every byte.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

/// What was heard, in order: one text per message or request.
pub(crate) type Heard = Arc<Mutex<Vec<String>>>;

/// A server that believes nobody and is believed through its authority's file.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Heard,
}

/// When the mail server begins TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    AtOnce,
    AfterStarttls,
}

/// TLS for a name, and the authority's certificate in a file.
fn tls(name: &str, roots: &Path) -> Arc<ServerConfig> {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    bulkhead::files::write_private(roots, certificate.pem().as_bytes()).unwrap();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    Arc::new(config)
}

fn listen(serve: impl Fn(TcpStream) -> std::io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Both end with the test's process.
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || drop(serve(socket)));
        }
    });
    address
}

fn secured(socket: TcpStream, config: &Arc<ServerConfig>) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket)
}

/// Takes mail from `leitung` with the password `geheim 1`.
pub(crate) fn mail(roots: &Path, begins: Begins) -> Server {
    let config = tls("mail.notfall.example", roots);
    let heard = Heard::default();
    let noted = heard.clone();
    let address = listen(move |mut socket| {
        if begins == Begins::AtOnce {
            return submission(secured(socket, &config), &noted, true);
        }
        socket.write_all(b"220 mail.notfall.example\r\n")?;
        let mut plain = BufReader::new(socket.try_clone()?);
        for (wanted, reply) in [
            (
                "EHLO bulkhead\r\n",
                "250-mail.notfall.example\r\n250 STARTTLS\r\n",
            ),
            ("STARTTLS\r\n", "220 go\r\n"),
        ] {
            let mut line = String::new();
            plain.read_line(&mut line)?;
            assert_eq!(line, wanted);
            socket.write_all(reply.as_bytes())?;
        }
        submission(secured(socket, &config), &noted, false)
    });
    Server { address, heard }
}

fn submission<S: std::io::Read + Write>(stream: S, heard: &Heard, greets: bool) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    if greets {
        lines.get_mut().write_all(b"220 mail.notfall.example\r\n")?;
    }
    let mut session = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        session.push_str(&line);
        // base64 of NUL leitung NUL geheim 1
        let reply = match line.as_str() {
            "EHLO bulkhead\r\n" => "250-mail.notfall.example\r\n250 AUTH PLAIN\r\n",
            "AUTH PLAIN AGxlaXR1bmcAZ2VoZWltIDE=\r\n" => "235 ok\r\n",
            "MAIL FROM:<krise@notfall.example>\r\n" => "250 ok\r\n",
            "DATA\r\n" => {
                lines.get_mut().write_all(b"354 go\r\n")?;
                loop {
                    let mut line = String::new();
                    if lines.read_line(&mut line)? == 0 {
                        return Ok(());
                    }
                    session.push_str(&line);
                    if line == ".\r\n" {
                        break;
                    }
                }
                heard.lock().unwrap().push(std::mem::take(&mut session));
                "250 taken\r\n"
            }
            "QUIT\r\n" => "221 bye\r\n",
            to if to.starts_with("RCPT TO:<") => "250 ok\r\n",
            _ => "535 no\r\n",
        };
        lines.get_mut().write_all(reply.as_bytes())?;
        lines.get_mut().flush()?;
    }
}

/// Answers as seven.io does.
pub(crate) fn gateway(roots: &Path) -> Server {
    let config = tls("gateway.seven.io", roots);
    let heard = Heard::default();
    let noted = heard.clone();
    let address = listen(move |socket| {
        let mut lines = BufReader::new(secured(socket, &config));
        let (mut request, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
                length = number.trim().parse().unwrap();
            }
            request.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body)?;
        request.push_str(&String::from_utf8(body).unwrap());
        noted.lock().unwrap().push(request);
        let answer = r#"{"success":"100","messages":[{"id":"4711","success":true,"error":null}]}"#;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        lines.get_mut().write_all(format!("{head}{answer}").as_bytes())?;
        lines.get_mut().flush()
    });
    Server { address, heard }
}
