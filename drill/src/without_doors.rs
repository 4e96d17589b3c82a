//! The same traffic with nothing in between: practices hand in at the regular server, consumers fetch there, and while
//! the keys are gone every letter comes back as faulty.

use std::{io, sync::Arc};

use estate::Estate;
use vocabulary::Place;

use crate::{
    chance::Clock,
    outside::{Outside, Way},
    run::{self, Played, Progress},
    script::{Action, Script},
    side::{Certificate, Outcome, Promise, Side, Ways},
};

/// Nothing in between.
struct NoDoors {
    ways: Ways,
}

impl Side for NoDoors {
    fn ways(&self) -> Ways {
        self.ways.clone()
    }

    fn guards(&self, _place: &Place) -> bool {
        false
    }

    async fn act(&mut self, _action: &Action) -> Outcome {
        Outcome::NotBuilt
    }

    async fn certificate(&mut self) -> Option<Certificate> {
        None
    }

    async fn promises(&mut self) -> Vec<Promise> {
        Vec::new()
    }
}

/// Plays a script without doors.
///
/// # Errors
/// When no port on loopback can be had.
pub async fn run(
    estate: &Estate,
    script: &Script,
    clock: Arc<dyn Clock>,
    progress: impl FnMut(&Progress<'_>) + Send,
) -> io::Result<Played> {
    let mut outside = Outside::start(estate, script, clock).await?;
    let intake = Way::plain(outside.regular_intake());
    let fetch = Way::plain(outside.regular_store());
    let mut side = NoDoors {
        ways: Ways {
            submission: intake.clone(),
            intake,
            fetch,
        },
    };
    Ok(run::run(estate, script, &mut outside, &mut side, progress).await)
}
