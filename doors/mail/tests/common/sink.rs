//! A regular SMTP server for tests: takes mail, or refuses it as told. One thread per connection.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// How the server behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Takes,
    /// 451 at RCPT.
    Later,
    /// 550 at RCPT.
    Never,
    /// Takes the mail and closes without an answer to the final dot.
    Vanishes,
    /// Closes at once.
    Away,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub mail: String,
    pub rcpt: Vec<String>,
    pub data: String,
}

impl Taken {
    pub fn item(&self) -> Option<&str> {
        self.header("X-Bulkhead-Item")
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.data
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub struct State {
    pub mood: Mood,
    pub dsn: bool,
    pub taken: Vec<Taken>,
    pub sessions: usize,
}

pub struct Sink {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
}

impl Sink {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            mood: Mood::Takes,
            dsn: true,
            taken: Vec::new(),
            sessions: 0,
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    shared.lock().unwrap().sessions += 1;
                    // A client that goes away ends its thread; that is no failure of the server.
                    let _ = session(socket, &shared);
                    shared.lock().unwrap().sessions -= 1;
                });
            }
        });
        Self { port, state }
    }

    pub fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }

    pub fn count(&self) -> usize {
        self.state.lock().unwrap().taken.len()
    }

    /// Distinct items: what a receiver that confirms by item id keeps.
    pub fn items(&self) -> BTreeSet<String> {
        self.taken()
            .iter()
            .filter_map(|taken| taken.item().map(str::to_owned))
            .collect()
    }
}

fn session(socket: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mood = || state.lock().unwrap().mood;
    if mood() == Mood::Away {
        return Ok(());
    }
    socket.set_nodelay(true)?;
    let mut out = socket.try_clone()?;
    let mut lines = BufReader::new(socket);
    out.write_all(b"220 regular.test ESMTP\r\n")?;
    let mut now = Taken::default();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let word = line.split(' ').next().unwrap_or("").to_ascii_uppercase();
        let answer = match (word.as_str(), mood()) {
            ("EHLO", _) => {
                let dsn = if state.lock().unwrap().dsn {
                    "250-DSN\r\n"
                } else {
                    ""
                };
                format!(
                    "250-regular.test\r\n250-SIZE 40000000\r\n250-PIPELINING\r\n250-8BITMIME\r\n{dsn}250 AUTH PLAIN LOGIN"
                )
            }
            ("AUTH", _) if line.ends_with(GOOD) => "235 2.7.0 welcome".to_owned(),
            ("AUTH", _) => "535 5.7.8 no".to_owned(),
            ("MAIL", _) => {
                now = Taken {
                    mail: line.clone(),
                    ..Taken::default()
                };
                "250 2.1.0 ok".to_owned()
            }
            ("RCPT", Mood::Later) => "451 4.2.0 later".to_owned(),
            ("RCPT", Mood::Never) => "550 5.1.1 never".to_owned(),
            ("RCPT", _) => {
                now.rcpt.push(line.clone());
                "250 2.1.5 ok".to_owned()
            }
            ("DATA", _) => {
                out.write_all(b"354 go\r\n")?;
                now.data = data(&mut lines)?;
                state.lock().unwrap().taken.push(std::mem::take(&mut now));
                if mood() == Mood::Vanishes {
                    return Ok(());
                }
                "250 2.0.0 queued".to_owned()
            }
            ("RSET" | "NOOP", _) => "250 2.0.0 ok".to_owned(),
            ("QUIT", _) => {
                out.write_all(b"221 2.0.0 bye\r\n")?;
                return Ok(());
            }
            _ => "500 5.5.2 what".to_owned(),
        };
        out.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

/// `\0kasse-001@kasse.kim.telematik-test\0secret`
pub const GOOD: &str = "AGthc3NlLTAwMUBrYXNzZS5raW0udGVsZW1hdGlrLXRlc3QAc2VjcmV0";

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
