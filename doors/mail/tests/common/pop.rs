//! A regular POP3 store for tests: one mailbox, password `secret`. One thread per connection; deletes at QUIT only.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

#[derive(Clone, Debug)]
pub struct Kept {
    pub uidl: String,
    pub message: String,
}

pub struct Store {
    pub port: u16,
    pub mails: Arc<Mutex<Vec<Kept>>>,
    /// Whether QUIT is answered; otherwise the store deletes and closes without a word.
    pub answers_quit: Arc<Mutex<bool>>,
}

impl Store {
    pub fn start(mails: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mail = |number| Kept {
            uidl: format!("uid{number}"),
            message: super::letter(&format!("mail-{number}"), Some("eAU;Lieferung;V1.2")) + ".dot\r\n",
        };
        let mails = Arc::new(Mutex::new((1..=mails).map(mail).collect::<Vec<_>>()));
        let answers_quit = Arc::new(Mutex::new(true));
        let (shared, answers) = (Arc::clone(&mails), Arc::clone(&answers_quit));
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (shared, answers) = (Arc::clone(&shared), Arc::clone(&answers));
                std::thread::spawn(move || {
                    // A client that goes away ends its thread; nothing is deleted then.
                    let _ = session(socket, &shared, &answers);
                });
            }
        });
        Self {
            port,
            mails,
            answers_quit,
        }
    }

    pub fn left(&self) -> Vec<String> {
        self.mails
            .lock()
            .unwrap()
            .iter()
            .map(|kept| kept.uidl.clone())
            .collect()
    }
}

fn stuffed(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive("\r\n") {
        if line.starts_with('.') {
            out.push('.');
        }
        out.push_str(line);
    }
    out + ".\r\n"
}

fn session(socket: TcpStream, mails: &Mutex<Vec<Kept>>, answers: &Mutex<bool>) -> std::io::Result<()> {
    let mut out = socket.try_clone()?;
    let mut lines = BufReader::new(socket);
    out.write_all(b"+OK store\r\n")?;
    let seen = mails.lock().unwrap().clone();
    let mut deleted = BTreeSet::new();
    let mut logged_in = false;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = words.get(1).and_then(|word| word.parse::<usize>().ok());
        let one = number.and_then(|number| seen.get(number - 1).map(|kept| (number, kept)));
        let answer = match (words.first().copied().unwrap_or(""), one) {
            ("USER", _) => "+OK\r\n".to_owned(),
            ("PASS", _) | ("AUTH", _) => {
                logged_in = words.last() == Some(&"secret") || line.contains(super::sink::GOOD);
                if logged_in {
                    "+OK hello\r\n".to_owned()
                } else {
                    "-ERR [AUTH] no\r\n".to_owned()
                }
            }
            _ if !logged_in => "-ERR\r\n".to_owned(),
            ("STAT", _) => format!(
                "+OK {} {}\r\n",
                seen.len(),
                seen.iter().map(|kept| kept.message.len()).sum::<usize>()
            ),
            ("LIST", None) => {
                let list = (1..)
                    .zip(&seen)
                    .map(|(n, kept)| format!("{n} {}\r\n", kept.message.len()));
                format!("+OK\r\n{}.\r\n", list.collect::<String>())
            }
            ("LIST", Some((n, kept))) => format!("+OK {n} {}\r\n", kept.message.len()),
            ("UIDL", None) => {
                let list = (1..).zip(&seen).map(|(n, kept)| format!("{n} {}\r\n", kept.uidl));
                format!("+OK\r\n{}.\r\n", list.collect::<String>())
            }
            ("UIDL", Some((n, kept))) => format!("+OK {n} {}\r\n", kept.uidl),
            ("RETR", Some((_, kept))) => format!("+OK\r\n{}", stuffed(&kept.message)),
            ("TOP", Some((_, kept))) => {
                let head = kept.message.split("\r\n\r\n").next().unwrap();
                format!("+OK\r\n{}", stuffed(&format!("{head}\r\n\r\n")))
            }
            ("DELE", Some((_, kept))) => {
                deleted.insert(kept.uidl.clone());
                "+OK\r\n".to_owned()
            }
            ("RSET", _) => {
                deleted.clear();
                "+OK\r\n".to_owned()
            }
            ("NOOP", _) => "+OK\r\n".to_owned(),
            ("QUIT", _) => {
                mails.lock().unwrap().retain(|kept| !deleted.contains(&kept.uidl));
                if *answers.lock().unwrap() {
                    out.write_all(b"+OK bye\r\n")?;
                }
                return Ok(());
            }
            _ => "-ERR\r\n".to_owned(),
        };
        out.write_all(answer.as_bytes())?;
    }
}
