//! A practice's mail server as far as a test needs one: blocking, one mail after another, repeats until acknowledged.

use std::{
    io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Longest wait for one reply.
const REPLY: Duration = Duration::from_secs(30);

/// A session with the intake.
pub struct Session(BufReader<TcpStream>);

impl Session {
    /// Connects and says EHLO.
    pub fn new(to: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect_timeout(&to, REPLY)?;
        socket.set_read_timeout(Some(REPLY))?;
        socket.set_nodelay(true)?;
        let mut session = Self(BufReader::new(socket));
        session.wanted("220")?;
        session.say("EHLO praxis.test")?;
        session.wanted("250")?;
        Ok(session)
    }

    pub fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes())
    }

    /// A whole reply.
    pub fn hear(&mut self) -> std::io::Result<String> {
        let mut heard = String::new();
        loop {
            let start = heard.len();
            if (&mut self.0).take(8192).read_line(&mut heard)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if heard.as_bytes().get(start + 3) != Some(&b'-') {
                return Ok(heard);
            }
        }
    }

    fn wanted(&mut self, code: &str) -> std::io::Result<String> {
        let heard = self.hear()?;
        if heard.starts_with(code) {
            Ok(heard)
        } else {
            Err(Error::other(heard))
        }
    }

    pub fn ask(&mut self, line: &str, code: &str) -> std::io::Result<String> {
        self.say(line)?;
        self.wanted(code)
    }

    /// A session with the submission front that is logged in.
    pub fn logged_in(to: SocketAddr, mailbox: &str) -> std::io::Result<Self> {
        let mut session = Self::new(to)?;
        let plain = STANDARD.encode(format!("\0{mailbox}\0uebung"));
        session.ask(&format!("AUTH PLAIN {plain}"), "235")?;
        Ok(session)
    }

    /// Hands one mail in; the words of the `250`.
    pub fn mail(&mut self, from: &str, to: &str, message: &str) -> std::io::Result<String> {
        self.ask(&format!("MAIL FROM:<{from}>"), "250")?;
        self.ask(&format!("RCPT TO:<{to}>"), "250")?;
        self.ask("DATA", "354")?;
        self.0.get_mut().write_all(message.as_bytes())?;
        self.ask(".", "250")
    }
}

/// The item a `250` of the intake names.
pub fn item(reply: &str) -> spool::ItemId {
    let word = reply.split_whitespace().find(|word| word.len() == 32);
    word.unwrap_or_else(|| panic!("no item in {reply}"))
        .parse()
        .unwrap()
}

/// A sick note.
pub fn letter(id: &str, from: &str, to: &str, body: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nMessage-ID: <{id}>\r\nX-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n\
         Subject: {body}\r\n\r\n{body}\r\n"
    )
}
