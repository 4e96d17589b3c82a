//! A line of text at a time over TCP or TLS, with a wait on everything: all a prober needs of SMTP and POP3.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    time::timeout,
};

use crate::tls;

/// Longest wait for any step. A front that is silent longer counts as not answering.
const STEP: Duration = Duration::from_secs(5);
/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 4_096;
/// Bytes that are read or written at once.
const BUFFER_BYTES: usize = 512;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that speaks lines.
pub(super) struct Line {
    stream: BufStream<Box<dyn Duplex>>,
    /// The other side said that it takes several commands at once (RFC 2920).
    takes_many: bool,
}

fn late<T>(result: Result<io::Result<T>, tokio::time::error::Elapsed>) -> io::Result<T> {
    result.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

impl Line {
    pub(super) async fn connect(address: SocketAddr, tls: Option<&tls::Connector>) -> io::Result<Self> {
        let stream = late(timeout(STEP, TcpStream::connect(address)).await)?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Duplex> = match tls {
            None => Box::new(stream),
            Some(connector) => Box::new(late(timeout(STEP, connector.connect(stream)).await)?),
        };
        // Thousands of sessions are held at once, and every line is short.
        Ok(Self {
            stream: BufStream::with_capacity(BUFFER_BYTES, BUFFER_BYTES, stream),
            takes_many: false,
        })
    }

    /// Sends one line.
    pub(super) async fn say(&mut self, line: &str) -> io::Result<()> {
        let send = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        late(timeout(STEP, send).await)
    }

    /// Says that nothing more will be sent; answers can still be heard.
    pub(super) async fn end_sending(&mut self) -> io::Result<()> {
        late(timeout(STEP, self.stream.shutdown()).await)
    }

    /// Reads one line; `None` at the end of the connection.
    pub(super) async fn hear(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let read = (&mut self.stream).take(LINE_BYTES_MAX);
        tokio::pin!(read);
        let count = late(timeout(STEP, read.read_until(b'\n', &mut bytes)).await)?;
        Ok((count > 0).then(|| String::from_utf8_lossy(&bytes).trim_end().to_owned()))
    }

    /// Reads an SMTP reply, all its lines; the code and the last line.
    pub(super) async fn reply(&mut self) -> io::Result<Option<(u16, String)>> {
        loop {
            let Some(line) = self.hear().await? else {
                return Ok(None);
            };
            let code = line.get(..3).and_then(|code| code.parse().ok());
            self.takes_many |= line
                .get(4..)
                .is_some_and(|word| word.eq_ignore_ascii_case("PIPELINING"));
            match (code, line.as_bytes().get(3)) {
                (Some(_), Some(b'-')) => {}
                (Some(code), _) => return Ok(Some((code, line))),
                (None, _) => return Err(io::Error::from(io::ErrorKind::InvalidData)),
            }
        }
    }

    /// Says a line and reads the SMTP reply.
    pub(super) async fn ask(&mut self, line: &str) -> io::Result<Option<(u16, String)>> {
        self.say(line).await?;
        self.reply().await
    }

    /// Says these lines, each after the reply to the one before or all at once where that is taken; stops at the first
    /// reply that is not the one wanted, which `heard` judges. The last of them may be one that ends such a group.
    pub(super) async fn ask_all<E>(
        &mut self,
        lines: &[(&str, u16)],
        heard: impl Fn(io::Result<Option<(u16, String)>>, u16) -> Result<(), E>,
    ) -> Result<(), E> {
        let many = self.takes_many;
        if many {
            let commands: Vec<&str> = lines.iter().map(|(line, _)| *line).collect();
            if let Err(error) = self.say(&commands.join("\r\n")).await {
                return heard(Err(error), 0);
            }
        }
        for (line, wanted) in lines {
            let reply = if many {
                self.reply().await
            } else {
                self.ask(line).await
            };
            heard(reply, *wanted)?;
        }
        Ok(())
    }
}
