//! The regular server behind the doors: lets anybody log in, and holds as many sessions as come.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Where it stands. It ends with the runtime.
pub struct Regular {
    pub intake: SocketAddr,
    pub store: SocketAddr,
}

impl Regular {
    pub async fn start() -> Self {
        Self {
            intake: listen("220 regular.test ESMTP\r\n", smtp).await,
            store: listen("+OK regular.test\r\n", pop3).await,
        }
    }
}

async fn listen(greeting: &'static str, answer: fn(&str) -> &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A session that breaks is its client's affair.
            tokio::spawn(async move { drop(talk(stream, greeting, answer).await) });
        }
    });
    address
}

async fn talk(
    mut stream: TcpStream,
    greeting: &str,
    answer: fn(&str) -> &'static str,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.split();
    // Thousands of sessions: a small buffer each.
    let mut lines = BufReader::with_capacity(256, read).lines();
    write.write_all(greeting.as_bytes()).await?;
    while let Some(line) = lines.next_line().await? {
        write.write_all(answer(&line).as_bytes()).await?;
        if line.eq_ignore_ascii_case("QUIT") {
            break;
        }
    }
    Ok(())
}

/// Nobody hands in mail while this is measured.
fn smtp(line: &str) -> &'static str {
    match line.split(' ').next().unwrap_or("").to_ascii_uppercase().as_str() {
        "EHLO" => {
            "250-regular.test\r\n250-SIZE 40000000\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 AUTH PLAIN\r\n"
        }
        "AUTH" => "235 2.7.0 welcome\r\n",
        "RSET" | "NOOP" | "MAIL" | "RCPT" => "250 2.0.0 ok\r\n",
        "QUIT" => "221 2.0.0 bye\r\n",
        _ => "500 5.5.2 what\r\n",
    }
}

/// Every mailbox is empty.
fn pop3(line: &str) -> &'static str {
    match line.split(' ').next().unwrap_or("").to_ascii_uppercase().as_str() {
        "STAT" => "+OK 0 0\r\n",
        "LIST" | "UIDL" => "+OK\r\n.\r\n",
        "CAPA" => "+OK\r\nUSER\r\nUIDL\r\n.\r\n",
        _ => "+OK\r\n",
    }
}
