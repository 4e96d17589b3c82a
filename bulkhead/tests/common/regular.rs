//! The regular server behind the doors: takes every mail and writes it down, lets anybody log in, has empty mailboxes.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// A mail it took.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
}

impl Taken {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.data
            .lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn item(&self) -> &str {
        self.header("X-Bulkhead-Item").unwrap()
    }

    pub fn id(&self) -> &str {
        self.header("Message-ID").unwrap()
    }
}

#[derive(Default)]
struct Inside {
    taken: Vec<Taken>,
    /// Sessions that broke with a transaction open: begun, and no word after the last reply.
    broken: usize,
}

/// It listens until the test process ends.
pub struct Regular {
    pub intake: SocketAddr,
    pub store: SocketAddr,
    inside: Arc<Mutex<Inside>>,
}

impl Regular {
    pub fn start() -> Self {
        let inside: Arc<Mutex<Inside>> = Arc::default();
        let shared = inside.clone();
        let intake = listen(move |socket| smtp(socket, &shared));
        let store = listen(pop3);
        Self {
            intake,
            store,
            inside,
        }
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.inside.lock().unwrap().taken.clone()
    }

    pub fn count(&self) -> usize {
        self.inside.lock().unwrap().taken.len()
    }

    pub fn broken(&self) -> usize {
        self.inside.lock().unwrap().broken
    }

    /// Distinct items: what a receiver keeps that confirms by item id.
    pub fn items(&self) -> BTreeSet<String> {
        self.taken().iter().map(|mail| mail.item().to_owned()).collect()
    }
}

fn listen(serve: impl Fn(TcpStream) -> std::io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            // A client that goes away ends its thread; that is no failure of the server.
            std::thread::spawn(move || drop(serve(socket)));
        }
    });
    address
}

fn smtp(socket: TcpStream, inside: &Mutex<Inside>) -> std::io::Result<()> {
    let mut open = false;
    let ended = smtp_session(socket, inside, &mut open);
    if open {
        inside.lock().unwrap().broken += 1;
    }
    ended
}

fn smtp_session(socket: TcpStream, inside: &Mutex<Inside>, open: &mut bool) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut out = socket.try_clone()?;
    let mut lines = BufReader::new(socket);
    out.write_all(b"220 regular.test ESMTP\r\n")?;
    let mut mail = Taken::default();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        // Any word after a reply shows that the reply was read.
        *open = false;
        let line = line.trim_end();
        let answer = match line.split(' ').next().unwrap_or("").to_ascii_uppercase().as_str() {
            "EHLO" => {
                "250-regular.test\r\n250-SIZE 40000000\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 AUTH PLAIN"
            }
            "AUTH" => "235 2.7.0 welcome",
            "MAIL" => {
                *open = true;
                mail = Taken {
                    from: line.to_owned(),
                    ..Taken::default()
                };
                "250 2.1.0 ok"
            }
            "RCPT" => {
                *open = true;
                mail.to.push(line.to_owned());
                "250 2.1.5 ok"
            }
            "DATA" => {
                *open = true;
                out.write_all(b"354 go\r\n")?;
                mail.data = data(&mut lines)?;
                inside.lock().unwrap().taken.push(std::mem::take(&mut mail));
                "250 2.0.0 stored"
            }
            "RSET" | "NOOP" => "250 2.0.0 ok",
            "QUIT" => {
                out.write_all(b"221 2.0.0 bye\r\n")?;
                return Ok(());
            }
            _ => "500 5.5.2 what",
        };
        out.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

fn data(lines: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(String::from_utf8_lossy(&data).into_owned());
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// Two mails in every mailbox, the same for everybody; nothing is ever deleted.
fn pop3(socket: TcpStream) -> std::io::Result<()> {
    let mut out = socket.try_clone()?;
    let mut lines = BufReader::new(socket);
    out.write_all(b"+OK regular.test\r\n")?;
    let message = "From: praxis@praxis.test\r\nMessage-ID: <alt@praxis.test>\r\n\r\nciphertext\r\n";
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["STAT", ..] => "+OK 1 70\r\n".to_owned(),
            ["LIST"] => "+OK\r\n1 70\r\n.\r\n".to_owned(),
            ["UIDL"] => "+OK\r\n1 uid1\r\n.\r\n".to_owned(),
            ["CAPA", ..] => "+OK\r\nUSER\r\nUIDL\r\n.\r\n".to_owned(),
            ["RETR", ..] => format!("+OK\r\n{message}.\r\n"),
            ["QUIT", ..] => {
                out.write_all(b"+OK bye\r\n")?;
                return Ok(());
            }
            _ => "+OK\r\n".to_owned(),
        };
        out.write_all(answer.as_bytes())?;
    }
}
