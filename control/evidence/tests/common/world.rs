//! An estate that has lived a little, as logs.

use std::path::Path;
use std::sync::OnceLock;

use door::House;
use evidence::{Content, Feed, Journal, JournalEntry};
use order::Stance;
use vocabulary::{Class, Holdable, Seconds};

use super::estate::*;
use super::{authority_feed, house_feed, journal, raw};

/// An estate with two stores that have lived a little.
pub struct World {
    pub outside: Outside,
    pub feeds: Vec<Feed>,
    pub logs: Vec<Vec<Vec<u8>>>,
}

pub fn second_store(outside: &Outside, dir: &Path) -> House {
    let doors = places(
        &outside.insurers,
        &[("payments", Holdable::Yes), ("lookup", Holdable::No)],
    );
    House::enrol(dir, &enrolment(outside, "store-2", doors), moment(outside)).unwrap()
}

/// Made once: signing takes longer than everything else here.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(make_world)
}

fn make_world() -> World {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut outside = Outside::new(2);
    let mut one = enrol(&outside, dirs.0.path());
    let mut two = second_store(&outside, dirs.1.path());
    open_all(&mut outside, &mut one);
    open_all(&mut outside, &mut two);
    let by_hand = outside.closing(scope_all(), Stance::Contain, Class::Precautionary, None);
    let by_hand = outside.signed(&by_hand, &["commander-2"]);
    two.admit(&by_hand, moment(&outside)).unwrap();
    outside.time = outside.time.plus(Seconds(9));
    close(
        &mut outside,
        &mut one,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    drop(one);
    let mut one = reopen(&outside, dirs.0.path()).unwrap();
    freshen(&mut outside, &mut one);
    // The second store stays behind: what it has not followed is ordered there, not applied.
    let feeds = vec![authority_feed(&outside), house_feed(&one), house_feed(&two)];
    let logs = vec![outside.log.clone(), raw(one.ledger()), raw(two.ledger())];
    World { outside, feeds, logs }
}

impl World {
    pub fn journal(&self, dir: &Path) -> Journal {
        journal(&self.outside, dir)
    }

    pub fn bring(&self, journal: &mut Journal, which: usize, from: usize, to: usize) -> evidence::Ingested {
        let log = &self.logs[which];
        let (from, to) = (from.min(log.len()), to.min(log.len()));
        journal
            .ingest(
                &self.feeds[which],
                from as u64,
                &log[from..to.max(from)],
                None,
                self.outside.time,
            )
            .unwrap()
    }

    pub fn bring_all(&self, journal: &mut Journal) {
        for which in 0..self.logs.len() {
            let next = usize::try_from(journal.next_of(&self.feeds[which].source)).unwrap();
            let taken = self.bring(journal, which, next, usize::MAX);
            assert_eq!(taken.troubles, vec![]);
        }
        evidence::promises::log_1(journal).unwrap().unwrap();
    }
}

pub fn troubled(journal: &Journal) -> usize {
    let entries = journal.read(0).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| matches!(JournalEntry::read(entry).content, Content::Troubled(_)))
        .count()
}
