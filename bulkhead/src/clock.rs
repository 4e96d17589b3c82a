//! The only clocks: wall time for people, monotonic time for waiting.

use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use vocabulary::{Millis, Timestamp};

/// Wall time, for people and for what is signed here and now. Never for order, never for a door's expiry.
pub fn now() -> Timestamp {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |span| span.as_secs());
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Milliseconds since this process began.
pub fn monotonic() -> Millis {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let began = *BEGAN.get_or_init(Instant::now);
    Millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))
}
