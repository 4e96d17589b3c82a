//! A blunt client: says lines, hears lines.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

pub struct Talk(BufReader<TcpStream>);

impl Talk {
    /// Connects and hears the greeting.
    pub async fn new(to: SocketAddr) -> (Self, String) {
        let mut talk = Self(BufReader::new(TcpStream::connect(to).await.unwrap()));
        let greeting = talk.hear().await;
        (talk, greeting)
    }

    /// Connects, says EHLO.
    pub async fn ehlo(to: SocketAddr) -> Self {
        let (mut talk, greeting) = Self::new(to).await;
        assert!(greeting.starts_with("220 "), "{greeting}");
        assert!(talk.say("EHLO praxis.test").await.starts_with("250"));
        talk
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        // A peer that cut us has closed: what it said before that is still to be heard.
        let _ = self.0.get_mut().write_all(bytes).await;
    }

    /// Says that nothing more will come, and still listens.
    pub async fn end_sending(&mut self) {
        self.0.get_mut().shutdown().await.unwrap();
    }

    /// Says a line and hears the whole SMTP reply.
    pub async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.hear().await
    }

    /// A whole reply: up to a line whose fourth character is no `-`. Empty when the peer has closed.
    pub async fn hear(&mut self) -> String {
        let mut heard = String::new();
        loop {
            let line = self.line().await;
            heard.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return heard;
            }
        }
    }

    pub async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(super::LIMIT, self.0.read_line(&mut line))
            .await
            .expect("an answer in time");
        if read.is_err() { String::new() } else { line }
    }

    /// Waits until the peer closes; gives back what it said before.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = timeout(super::LIMIT, self.0.read_to_end(&mut rest))
            .await
            .expect("a close in time");
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Whether nothing comes for a moment. Only for asserting that a session was left alone.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(Duration::from_millis(100), self.0.fill_buf())
            .await
            .is_err()
    }

    /// Hands a mail in; gives back the answer to the final dot, or the first refusal.
    pub async fn mail(&mut self, from: &str, to: &[&str], message: &str) -> String {
        let heard = self.say(&format!("MAIL FROM:<{from}>")).await;
        if !heard.starts_with("250") {
            return heard;
        }
        for one in to {
            let heard = self.say(&format!("RCPT TO:<{one}>")).await;
            if !heard.starts_with("250") {
                return heard;
            }
        }
        let heard = self.say("DATA").await;
        if !heard.starts_with("354") {
            return heard;
        }
        self.send(message.as_bytes()).await;
        self.say(".").await
    }
}
