//! A connection: plain on loopback or TLS, with buffers that exist only while they hold something.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::TlsStream;

/// Bytes taken from a connection at once; lies on the stack during one poll, so that waiting costs no buffer.
const READ_BYTES: usize = 32 * 1024;
/// A buffer larger than this is given back when it runs empty.
const KEPT_BYTES_MAX: usize = 512;

/// A connection of either kind.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Loopback, by explicit configuration.
    Plain(TcpStream),
    /// TLS of either side.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A connection with what was read and not yet used, and what is to be written.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    read: Vec<u8>,
    used: usize,
    out: Vec<u8>,
    written: usize,
}

impl Wire {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self {
            stream,
            read: Vec::new(),
            used: 0,
            out: Vec::new(),
            written: 0,
        }
    }

    /// Bytes read and not yet used.
    pub(crate) fn unread(&self) -> &[u8] {
        self.read.get(self.used..).unwrap_or_default()
    }

    /// Marks bytes as used.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes);
        if self.used >= self.read.len() {
            self.used = 0;
            release(&mut self.read);
        }
    }

    /// What will be written by the next [`flush`](Self::flush).
    pub(crate) const fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Reads once; 0 means the peer closed. May be dropped: nothing read is lost.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        if self.used > 0 {
            self.read.drain(..self.used.min(self.read.len()));
            self.used = 0;
        }
        let (stream, read) = (&mut self.stream, &mut self.read);
        poll_fn(|cx| {
            let mut space = [MaybeUninit::<u8>::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) => {
                    read.extend_from_slice(buffer.filled());
                    Poll::Ready(Ok(buffer.filled().len()))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Writes all that waits. May be dropped: what was written is remembered.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            let (stream, rest) = (&mut self.stream, self.out.get(self.written..).unwrap_or_default());
            let count = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, rest)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.written = self.written.saturating_add(count);
        }
        self.written = 0;
        release(&mut self.out);
        let stream = &mut self.stream;
        poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
    }

    /// Says what waits, if the peer takes it in time, and closes.
    pub(crate) async fn close(mut self, within: Duration) {
        let farewell = async {
            self.flush().await?;
            poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await
        };
        // Neither a late nor a broken peer changes anything now: the connection ends here.
        let _ = tokio::time::timeout(within, farewell).await;
    }
}

fn release(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEPT_BYTES_MAX {
        *buffer = Vec::new();
    }
}
