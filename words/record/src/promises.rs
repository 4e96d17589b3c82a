//! Named promises of this room, used by tests, drills and production alike.

use alloc::boxed::Box;

use crate::checkpoint::Origin;
use crate::note::Note;
use crate::verify::{Report, Trust, verify};

/// LOG-1, second half: no entry changes or disappears unseen. Holds when a log's entries are sound under the checkpoints
/// somebody outside holds.
///
/// # Errors
/// The report that names what is wrong.
pub fn log_1<B: AsRef<[u8]>>(
    origin: &Origin,
    entries: impl IntoIterator<Item = B>,
    notes: &[Note],
    trust: &Trust,
) -> Result<Report, Box<Report>> {
    let report = verify(origin, entries, notes, trust);
    if report.is_sound() {
        Ok(report)
    } else {
        Err(Box::new(report))
    }
}
