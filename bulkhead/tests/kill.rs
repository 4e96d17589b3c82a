//! Kills the door process (doors, spool and fronts in one) without warning, again and again, while practices send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{
    World,
    estate_text::INSURERS,
    mailbox,
    smtp::{Session, item, letter},
    until,
};
use spool::{ItemId, State};
use vocabulary::{Position, Scope};

const PRACTICES: usize = 6;
/// Deaths one store lives through before the next world begins with a new one. Each death is followed by reading every
/// byte of both stores, here and in the process that comes back: with one store for all of them, two hundred deaths
/// would mostly be reading.
const LIFE: u64 = 50;
/// Mails that may still be begun behind the one a death waits for: enough that it meets the practices at work.
const BEHIND: usize = 15;

/// Practices that send one mail after another, each until it is acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    /// Mails that may be begun.
    pile: Arc<AtomicUsize>,
    practices: Vec<std::thread::JoinHandle<BTreeMap<String, ItemId>>>,
}

impl Load {
    fn start(intake: SocketAddr, items: &Arc<Mutex<Vec<ItemId>>>) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let pile = Arc::new(AtomicUsize::new(0));
        let practices = (0..PRACTICES)
            .map(|practice| {
                let (stop, count, items) = (stop.clone(), acknowledged.clone(), items.clone());
                let pile = pile.clone();
                std::thread::spawn(move || practise(practice, intake, &stop, &pile, &count, &items))
            })
            .collect();
        Self {
            stop,
            acknowledged,
            pile,
            practices,
        }
    }

    /// Lets the practices send so many more, and some behind them.
    fn go_on(&self, mails: usize) {
        self.pile.store(mails + BEHIND, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Every message that was acknowledged, with its item.
    fn end(self) -> BTreeMap<String, ItemId> {
        self.stop.store(true, Ordering::SeqCst);
        self.practices
            .into_iter()
            .flat_map(|practice| practice.join().unwrap())
            .collect()
    }
}

fn practise(
    practice: usize,
    intake: SocketAddr,
    stop: &AtomicBool,
    pile: &AtomicUsize,
    count: &AtomicUsize,
    items: &Mutex<Vec<ItemId>>,
) -> BTreeMap<String, ItemId> {
    let from = format!("p{practice}@praxis.test");
    let mut acknowledged = BTreeMap::new();
    let mut session = None;
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        let take = |left: usize| left.checked_sub(1);
        if pile
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .is_err()
        {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let to = mailbox(number % INSURERS + 1);
        let id = format!("{practice}-{number:06}@praxis.test");
        let mail = letter(
            &id,
            &from,
            &to,
            &format!("ciphertext {number} {}", "x".repeat(number * 97 % 3000)),
        );
        // A mail whose transaction was begun is repeated until it is acknowledged, also after the end: a practice does.
        loop {
            let sent = match session.take() {
                Some(open) => Ok(open),
                None => Session::new(intake),
            }
            .and_then(|mut open| {
                let reply = open.mail(&from, &to, &mail)?;
                Ok((open, reply))
            });
            match sent {
                Ok((open, reply)) => {
                    session = Some(open);
                    let item = item(&reply);
                    items.lock().unwrap().push(item);
                    acknowledged.insert(format!("<{id}>"), item);
                    count.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                // The door is dead or just coming back; a real practice waits longer before it tries again.
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        number += 1;
    }
    acknowledged
}

/// Numbers for the moments of dying. The seed is printed; the moments themselves depend on the machine anyway.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).unwrap();
        let seed = u64::from_le_bytes(seed) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Kills the process once, checks the stores while nobody writes, and brings it back. Gives the items in doubt.
async fn die_once(world: &mut World, load: &Load, dice: &mut Dice) -> u64 {
    let mails = 1 + usize::try_from(dice.below(20)).unwrap();
    let aim = load.count() + mails;
    load.go_on(mails);
    until("practices get through", || load.count() >= aim);
    // Not right behind an acknowledgement: anywhere in the work.
    let moment = std::time::Instant::now() + Duration::from_micros(dice.below(30_000));
    until("the moment comes", || std::time::Instant::now() >= moment);
    world.kill("door");
    let [first, copy] = world.check_stores();
    assert!(first.damage.is_empty() && copy.damage.is_empty());
    let in_doubt = first.count(State::InDoubt).max(copy.count(State::InDoubt));
    let before = world.acknowledged.lock().unwrap().len() as u64;
    world.side.system.crash_doors().unwrap();
    let certificate = world.certificate().await;
    let sum = certificate.held.count
        + certificate.in_doubt.count
        + certificate.handed_over.count
        + certificate.parked.count;
    assert!(sum + certificate.reclaimed >= before, "{certificate}");
    assert_eq!(certificate.parked.count, 0);
    in_doubt
}

/// What became of one store.
#[derive(Default)]
struct Life {
    kills: u64,
    held_kills: u64,
    mails: usize,
    repeats: usize,
    broken: usize,
    in_doubt: u64,
}

impl Life {
    fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.held_kills += other.held_kills;
        self.mails += other.mails;
        self.repeats += other.repeats;
        self.broken += other.broken;
        self.in_doubt += other.in_doubt;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_nothing_acknowledged_is_lost() {
    // A newcomer's run takes a few; CI, which requires every counterpart, takes all two hundred.
    let by_default = if std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_some() {
        200
    } else {
        20
    };
    let kills: u64 = std::env::var("BULKHEAD_KILLS").map_or(by_default, |text| text.parse().unwrap());
    let mut dice = Dice::new();
    let mut all = Life::default();
    let lives = kills.div_ceil(LIFE);
    for number in 0..lives {
        // As even as can be: a life of one death would prove little.
        let share = kills * (number + 1) / lives - kills * number / lives;
        all.add(&live(share, &mut dice).await);
        println!(
            "{} kills ({} held), {} mails, {} repeats, {} broken, {} in doubt",
            all.kills, all.held_kills, all.mails, all.repeats, all.broken, all.in_doubt
        );
    }
}

/// One world from its beginning to its end, with so many deaths in between.
async fn live(kills: u64, dice: &mut Dice) -> Life {
    let mut world = World::open().await;
    let load = Load::start(world.intake(), &world.acknowledged);
    let mut life = Life::default();
    for kill in 0..kills {
        // The middle third of the deaths comes while everything is held.
        if kill == kills / 3 {
            world.cut(Scope::everything()).await;
        }
        let is_held = (kills / 3..kills * 2 / 3).contains(&kill);
        if kill == kills * 2 / 3 {
            world.clear_and_open().await;
        }
        let taken = world.regular.count();
        life.in_doubt += die_once(&mut world, &load, dice).await;
        let status = world
            .until_status("the view is fresh", |status| status.fresh)
            .await;
        let wanted = if is_held { Position::Held } else { Position::Open };
        assert!(
            status.doors.iter().all(|line| line.position == wanted),
            "{status}"
        );
        if is_held {
            life.held_kills += 1;
            assert_eq!(world.regular.count(), taken, "nothing leaves a held door");
        }
        life.kills += 1;
    }
    let acknowledged = load.end();
    world.until_handed_over().await;
    life.mails = acknowledged.len();
    let taken = world.regular.taken();
    assert_all_arrived(&taken, &acknowledged);
    // Repeats are few, and a receiver that confirms item ids has none: one message, one item.
    life.repeats = taken.len() - acknowledged.len();
    life.broken = world.regular.broken();
    assert!(
        life.repeats <= life.broken,
        "{} repeats, {} transactions were open",
        life.repeats,
        life.broken
    );
    assert!(
        life.repeats as u64 <= life.in_doubt,
        "{} repeats, {} were listed in doubt",
        life.repeats,
        life.in_doubt
    );
    assert_in_order(&taken);
    world.end().await;
    life
}

/// Every mail that was acknowledged has come, under the item that was told, and no other.
fn assert_all_arrived(taken: &[common::regular::Taken], acknowledged: &BTreeMap<String, ItemId>) {
    let arrived: BTreeSet<&str> = taken.iter().map(|mail| mail.id()).collect();
    let lost: Vec<&String> = acknowledged
        .keys()
        .filter(|id| !arrived.contains(id.as_str()))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert_eq!(arrived.len(), acknowledged.len());
    let items: BTreeSet<&str> = taken.iter().map(|mail| mail.item()).collect();
    assert_eq!(items.len(), arrived.len());
    for mail in taken {
        assert_eq!(
            mail.item(),
            acknowledged[mail.id()].to_string(),
            "another item than was acknowledged"
        );
    }
}

/// Per lane (one practice to one mailbox) first arrivals come in the order they were sent.
fn assert_in_order(taken: &[common::regular::Taken]) {
    let mut lanes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for mail in taken {
        let lane = lanes.entry((mail.from.clone(), mail.to.join(","))).or_default();
        if !lane.iter().any(|id| id == mail.id()) {
            lane.push(mail.id().to_owned());
        }
    }
    assert!(lanes.len() >= PRACTICES * INSURERS);
    for (lane, ids) in lanes {
        assert!(ids.is_sorted(), "order broken in {lane:?}: {ids:?}");
    }
}
