//! Opening a spool: which store is the truth, what the cache lacks, what must be copied.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicU64},
    },
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{
    Config, Entropy, Error, Spool,
    cache::{Cache, Position},
    commit::Committer,
    copies, disk,
    id::SpoolId,
    keys::KeyRing,
    lanes::Lanes,
    log::Log,
    query,
    queue::Queue,
    replay::{self, Damage, Replayed},
    seal::Capsules,
    spool::Shared,
    stores::{ReadSide, Store, Stores},
    writer::Writer,
};

/// What opening a spool found and did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Recovered {
    /// Items that wait, held or in doubt.
    pub waiting: u64,
    /// Items in doubt: their hand-over had begun when the spool was last closed or killed. They will be repeated
    /// under the same ids.
    pub in_doubt: u64,
    /// Records that the pointer cache lacked and that were read from the segments.
    pub replayed: u64,
    /// The cache was lost, damaged or foreign and was rebuilt from the segments.
    pub rebuilt: bool,
    /// Bytes of a commit that was never finished, and so never acknowledged; cut off.
    pub torn_bytes: u64,
    /// Durable bytes that no longer read, on no store.
    pub damage: Vec<Damage>,
    /// Stores that lacked something and were brought up from another one.
    pub mended: Vec<PathBuf>,
    /// Stores that cannot be used, and why.
    pub down: Vec<(PathBuf, String)>,
}

impl Spool {
    /// Opens a spool, or makes it. The first declared directory must be usable; a further one that is not is down.
    ///
    /// # Errors
    /// When the first directory cannot be used, another process has the spool open, or a directory belongs to another
    /// spool.
    pub fn open(config: Config, mut entropy: Entropy) -> Result<(Self, Recovered), Error> {
        let mut recovered = Recovered::default();
        let (lock, stores) = prepare(&config, &mut recovered)?;
        let usable: Vec<&Path> = stores
            .iter()
            .filter(|store| store.down.is_none())
            .map(|store| store.dir.as_path())
            .collect();
        let commit = Committer::open(&usable, &mut entropy)?;
        recovered.mended.extend(copies::even_out(&usable)?);

        let read = ReadSide::new(usable.iter().map(|dir| dir.to_path_buf()).collect());
        let path = config.dir.join("pointers.sqlite");
        let (cache, at) = fill_or_name(&config.dir, &path, &read, &commit, &mut recovered)?;
        let log = Log::open(&config.dir, SpoolId(at.spool))?;
        let mut keys = KeyRing::new(&config.dir);
        cache.keys()?.into_iter().for_each(|record| keys.insert(record));
        keys.load()?;

        let pointers = Cache::reader(&path)?;
        let lanes = query::lanes(&pointers)?;
        recovered.waiting = lanes.iter().map(|lane| lane.waiting).sum();
        recovered.in_doubt = query::in_doubt(&pointers)?;

        disk::take_ballast(&config.dir, config.limits.ballast_bytes);
        let mut stores = Stores { list: stores };
        let room = open_segment(&mut stores, &config.dir, at.segment);
        let shared = Arc::new(Shared {
            id: SpoolId(at.spool),
            queue: Queue::new(config.limits.queue_items_max, config.limits.queue_bytes_max),
            limits: config.limits,
            when_copy_down: config.when_copy_down,
            commit,
            entropy: Mutex::new(entropy),
            keys: RwLock::new(keys),
            lanes: Mutex::new(Lanes::load(lanes)),
            read,
            pointers: Mutex::new(pointers),
            cache_path: path,
            staging: config.dir.join("staging"),
            staged: AtomicU64::new(0),
            stale: AtomicBool::new(false),
            stores: Mutex::new(Vec::new()),
            activity: watch::Sender::new(0),
            refusals: Mutex::new(std::collections::BTreeMap::new()),
        });
        shared.set_stores(&stores, false);
        recovered.down = stores
            .list
            .iter()
            .filter_map(|store| store.down.clone().map(|why| (store.dir.clone(), why)))
            .collect();
        let writer = Writer {
            shared: Arc::clone(&shared),
            cache,
            stores,
            at,
            room,
            behind: false,
            log,
            when_copy_down: config.when_copy_down,
            capsules: Capsules::default(),
            shares: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(Error::disk("start the writer of", &config.dir))?;
        let spool = Self {
            shared,
            writer: Mutex::new(Some(thread)),
            _lock: lock,
        };
        Ok((spool, recovered))
    }
}

/// Fills the pointer cache from the segments, and names a spool that has none yet.
fn fill_or_name(
    dir: &Path,
    path: &Path,
    read: &ReadSide,
    commit: &Committer,
    recovered: &mut Recovered,
) -> Result<(Cache, Position), Error> {
    let (cache, mut at) = match fill(path, read, recovered) {
        // A full disk must not keep a spool from starting.
        Err(error) if error.is_disk_full() && disk::drop_ballast(dir) => fill(path, read, recovered)?,
        other => other?,
    };
    if at.segment == 0 {
        // From the secret, so that a first start that a crash cut short ends up with the same name.
        let name = commit.commit(b"spool", &[]);
        at.spool = name
            .as_bytes()
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    }
    Ok((cache, at))
}

/// Opens the segment that was written last on every store; its length, zero where there is none yet.
fn open_segment(stores: &mut Stores, dir: &Path, segment: u64) -> u64 {
    if segment == 0 {
        return 0;
    }
    stores.open_segment(segment);
    std::fs::metadata(disk::segment_path(dir, segment)).map_or(0, |file| file.len())
}

/// Makes the folders, takes the lock, clears what a crash left in staging.
fn prepare(config: &Config, recovered: &mut Recovered) -> Result<(File, Vec<Store>), Error> {
    disk::make_dir(&config.dir)?;
    let lock = lock(&config.dir)?;
    let mut stores = Vec::new();
    for (index, dir) in std::iter::once(&config.dir).chain(&config.copies).enumerate() {
        let mut store = Store::new(dir);
        match disk::make_dir(&disk::segment_dir(dir)) {
            Ok(()) => {}
            Err(error) if index == 0 => return Err(error),
            Err(error) => {
                let why = crate::stores::chain_of(&error);
                recovered.down.push((dir.clone(), why.clone()));
                store.down = Some(why);
            }
        }
        stores.push(store);
    }
    let staging = config.dir.join("staging");
    if staging.exists() {
        std::fs::remove_dir_all(&staging).map_err(Error::disk("clear", &staging))?;
    }
    disk::make_dir(&staging)?;
    Ok((lock, stores))
}

/// Takes the lock of a spool without changing anything in it: what only reads must not read under a writer. `None`
/// when nobody ever opened it here, as with a copy on other media.
pub(crate) fn lock_existing(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join("lock");
    match File::open(&path) {
        Ok(file) => take_lock(file, dir).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::disk("open", path)(error)),
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::disk("open", &path))?;
    take_lock(file, dir)
}

fn take_lock(file: File, dir: &Path) -> Result<File, Error> {
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Error::Foreign {
            path: dir.to_path_buf(),
            why: "another process has it open",
        }
    })?;
    Ok(file)
}

/// Brings the cache up to the segments, from scratch if it cannot be believed.
fn fill(path: &Path, read: &ReadSide, recovered: &mut Recovered) -> Result<(Cache, Position), Error> {
    let attempt = believable(path, read).and_then(|found| match found {
        None => Ok(None),
        Some((cache, mut at)) => {
            let replayed = replay::forward(&cache, read, &mut at)?;
            Ok(Some((cache, at, replayed)))
        }
    });
    // Whatever is wrong with the cache, the segments have everything.
    let (cache, at, replayed) = match attempt {
        Ok(Some(filled)) => filled,
        Ok(None) | Err(Error::Cache { .. }) => {
            let existed = path.exists();
            let has_segments = read
                .dirs()
                .first()
                .is_some_and(|dir| disk::segments(dir).is_ok_and(|all| !all.is_empty()));
            recovered.rebuilt = existed || has_segments;
            rebuild(path, read)?
        }
        Err(error) => return Err(error),
    };
    recovered.replayed = replayed.records;
    recovered.torn_bytes = replayed.torn_bytes;
    recovered.damage = replayed.damage;
    Ok((cache, at))
}

fn rebuild(path: &Path, read: &ReadSide) -> Result<(Cache, Position, Replayed), Error> {
    Cache::remove(path)?;
    let cache = Cache::open(path)?;
    let mut at = replay::start(0);
    let replayed = replay::forward(&cache, read, &mut at)?;
    Ok((cache, at, replayed))
}

/// A cache whose position is a place where the segments have exactly the chain it remembers.
fn believable(path: &Path, read: &ReadSide) -> Result<Option<(Cache, Position)>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let cache = Cache::open(path)?;
    let Some(at) = cache.position()? else {
        return Ok(None);
    };
    let Ok(file) = read.file_of(0, at.segment) else {
        return Ok(None);
    };
    let fits = copies::chain_at(&file, at.offset).is_some_and(|chain| chain == at.chain);
    Ok(fits.then_some((cache, at)))
}
