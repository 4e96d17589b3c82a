//! Lines over a stream, with bounds.

use core::{fmt, future::Future, pin::Pin};
use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Longest line of a protocol, CRLF included (RFC 5321 section 4.5.3.1.6 allows 1,000 for text).
const LINE_MAX: u64 = 2_048;

/// A connection of any kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection being made.
pub type Dialing = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Where something listens and how one connects to it. The exercise connects in plain on loopback; whoever plugs in a
/// system that wants TLS brings its own way to connect.
#[derive(Clone)]
pub struct Way {
    address: SocketAddr,
    dial: Arc<dyn Fn(SocketAddr) -> Dialing + Send + Sync>,
}

impl Way {
    /// Plain TCP.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self::with(address, |address| {
            Box::pin(async move {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let boxed: Box<dyn Stream> = Box::new(stream);
                Ok(boxed)
            })
        })
    }

    /// Any other way to connect.
    #[must_use]
    pub fn with(address: SocketAddr, dial: impl Fn(SocketAddr) -> Dialing + Send + Sync + 'static) -> Self {
        Self {
            address,
            dial: Arc::new(dial),
        }
    }

    /// Where it leads.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn open(&self) -> io::Result<Lines> {
        Ok(Lines::new((self.dial)(self.address).await?))
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "way to {}", self.address)
    }
}

/// A stream read line by line.
pub(super) struct Lines {
    stream: BufReader<Box<dyn Stream>>,
}

impl Lines {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// One line without its CRLF. `None` at the end of the stream.
    ///
    /// # Errors
    /// `InvalidData` for a line that is too long or not ended by CRLF (RFC 5321 section 2.3.8), and the stream's own.
    pub(super) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = (&mut self.stream)
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Ok(None);
        }
        let Some(text) = line.strip_suffix(b"\r\n") else {
            let what = if line.ends_with(b"\n") {
                "bare LF"
            } else {
                "line too long or cut off"
            };
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        };
        let len = text.len();
        line.truncate(len);
        Ok(Some(line))
    }

    /// A line as text; an ended stream is an error.
    pub(super) async fn text(&mut self) -> io::Result<String> {
        match self.line().await? {
            Some(line) => Ok(String::from_utf8_lossy(&line).into_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Lines up to the single dot, dots unstuffed (RFC 5321 section 4.5.2, RFC 1939 section 3), each with CRLF.
    pub(super) async fn dotted(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        loop {
            let Some(line) = self.line().await? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if line == b"." {
                return Ok(data);
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            data.extend_from_slice(b"\r\n");
            if data.len() > bytes_max {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
            }
        }
    }

    /// Sends text as it is.
    pub(super) async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await?;
        self.stream.get_mut().flush().await
    }

    /// Sends lines dot-stuffed and the single dot that ends them.
    pub(super) async fn say_dotted(&mut self, data: &[u8]) -> io::Result<()> {
        let mut out = Vec::with_capacity(data.len().saturating_add(16));
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                out.push(b'.');
            }
            out.extend_from_slice(line);
        }
        if !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
        self.stream.get_mut().write_all(&out).await?;
        self.stream.get_mut().flush().await
    }
}
