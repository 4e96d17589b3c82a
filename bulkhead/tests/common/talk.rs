//! The insurer's consumer as far as a test needs one: a POP3 session that says lines and hears lines.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
};

use super::LIMIT;

/// A session with the fetch front.
pub struct Talk(BufReader<TcpStream>);

impl Talk {
    pub fn new(to: SocketAddr) -> Self {
        let socket = TcpStream::connect(to).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let mut talk = Self(BufReader::new(socket));
        talk.hear();
        talk
    }

    /// A session that is logged in.
    pub fn logged_in(to: SocketAddr, mailbox: &str) -> Self {
        let mut talk = Self::new(to);
        assert!(talk.ask(&format!("USER {mailbox}")).starts_with("+OK"));
        assert!(talk.ask("PASS uebung").starts_with("+OK"));
        talk
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.0
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
        let first = self.hear();
        let many = first.starts_with("+OK") && ["LIST", "UIDL", "CAPA"].contains(&line);
        while many && self.hear() != ".\r\n" {}
        first
    }

    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        // A reset by the door is its way of ending a session that it cut.
        let _ended = self.0.read_line(&mut line);
        line
    }
}
