//! Answers that come when the disk has spoken.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::Error;

/// The answer to a step, once the disk has spoken. Await it, or [`wait`](Self::wait) on a thread of your own.
#[derive(Debug)]
#[must_use = "a step is durable only when this resolves"]
pub struct Durable<T = ()>(pub(crate) oneshot::Receiver<Result<T, Error>>);

impl<T> Durable<T> {
    /// Blocks until the answer is there. Not for asynchronous code: await the value instead.
    ///
    /// # Errors
    /// Why the step was not taken; nothing changed.
    pub fn wait(self) -> Result<T, Error> {
        block_on(self)
    }
}

/// Waits for a future on this thread. Unlike the channel's own blocking receive this does not panic inside a runtime;
/// it blocks the thread all the same.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

impl<T> Future for Durable<T> {
    type Output = Result<T, Error>;
    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(stopped())))
    }
}

fn stopped() -> Error {
    Error::Stopped {
        why: "it is closing or was closed".to_owned(),
    }
}
