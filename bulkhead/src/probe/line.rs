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

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that speaks lines.
pub(super) struct Line(BufStream<Box<dyn Duplex>>);

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
        Ok(Self(BufStream::new(stream)))
    }

    /// Sends one line.
    pub(super) async fn say(&mut self, line: &str) -> io::Result<()> {
        let send = async {
            self.0.write_all(line.as_bytes()).await?;
            self.0.write_all(b"\r\n").await?;
            self.0.flush().await
        };
        late(timeout(STEP, send).await)
    }

    /// Says that nothing more will be sent; answers can still be heard.
    pub(super) async fn end_sending(&mut self) -> io::Result<()> {
        late(timeout(STEP, self.0.shutdown()).await)
    }

    /// Reads one line; `None` at the end of the connection.
    pub(super) async fn hear(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let read = (&mut self.0).take(LINE_BYTES_MAX);
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
}
