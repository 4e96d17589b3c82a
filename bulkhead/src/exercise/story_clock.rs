//! The clock of a drill: stands at zero until everything is up, then runs.

use ::drill::chance::{Clock, Waiting};
use tokio::{
    sync::watch,
    time::{Duration, Instant, sleep_until},
};
use vocabulary::Millis;

/// Milliseconds since [`StoryClock::begin`]; zero before.
pub struct StoryClock(watch::Sender<Option<Instant>>);

impl StoryClock {
    /// A clock that stands.
    pub fn waiting() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Lets it run from now on.
    pub fn begin(&self) {
        self.0.send_replace(Some(Instant::now()));
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Millis {
        let began = *self.0.borrow();
        Millis(began.map_or(0, |began| {
            u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
        }))
    }

    fn until(&self, at: Millis) -> Waiting<'_> {
        Box::pin(async move {
            if at == Millis(0) {
                return;
            }
            let mut began = self.0.subscribe();
            // The sender lives as long as `self`, so this ends only with a beginning.
            let Ok(began) = began.wait_for(Option::is_some).await.map(|began| *began) else {
                return;
            };
            match began.and_then(|began| began.checked_add(Duration::from_millis(at.0))) {
                Some(deadline) => sleep_until(deadline).await,
                None => core::future::pending().await,
            }
        })
    }
}
