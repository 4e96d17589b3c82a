//! The file of one alarm: one event per line, synced before anything follows from it. Several processes may write into
//! it; each takes in what others wrote before it adds its own.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use readiness::callout::{Effect, Entry, Event, Filling, Sent, State, decide};
use vocabulary::Timestamp;

use crate::{
    files,
    report::{Code, Trouble},
};

/// Longest file that is read: a storm over a full contact book has less than a tenth.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The file, and the state its lines lead to.
pub struct Log {
    path: PathBuf,
    file: File,
    read: u64,
    entries: Vec<Entry>,
    state: State,
}

impl Log {
    /// Opens the file, or makes it for its owner alone.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be used or a line in its middle is none of ours.
    pub fn open(path: &Path) -> Result<Self, Trouble> {
        let unusable = |error| unusable(path, error);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::make_private_folder(folder).map_err(unusable)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(unusable)?;
        let mut log = Self {
            path: path.to_owned(),
            file,
            read: 0,
            entries: Vec::new(),
            state: State::Quiet,
        };
        log.refresh()?;
        Ok(log)
    }

    /// Where the alarm stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Every event so far.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes in what others wrote, and gives what follows from it.
    ///
    /// # Errors
    /// [`Trouble`] when the file cannot be read.
    pub fn refresh(&mut self) -> Result<Vec<Effect>, Trouble> {
        self.file.lock().map_err(|error| unusable(&self.path, error))?;
        let taken = self.take_in();
        let unlocked = self.file.unlock().map_err(|error| unusable(&self.path, error));
        let effects = taken?;
        unlocked.map(|()| effects)
    }

    /// Adds an event, synced, after whatever others wrote; gives what follows from all of it.
    ///
    /// # Errors
    /// [`Trouble`] when it is not on disk: then nothing may be sent because of it.
    pub fn append(&mut self, event: Event, at: Timestamp) -> Result<Vec<Effect>, Trouble> {
        self.file.lock().map_err(|error| unusable(&self.path, error))?;
        let taken = self.take_in().and_then(|mut effects| {
            let entry = Entry { at, event };
            self.write(&entry)?;
            effects.extend(self.fold(entry));
            Ok(effects)
        });
        let unlocked = self.file.unlock().map_err(|error| unusable(&self.path, error));
        let effects = taken?;
        unlocked.map(|()| effects)
    }

    fn write(&mut self, entry: &Entry) -> Result<(), Trouble> {
        let wrong = |error| unusable(&self.path, error);
        let mut line = serde_json::to_vec(entry).map_err(|error| wrong(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(wrong)?;
        self.file.sync_data().map_err(wrong)?;
        self.read += line.len() as u64;
        Ok(())
    }

    fn take_in(&mut self) -> Result<Vec<Effect>, Trouble> {
        let wrong = |error| unusable(&self.path, error);
        let len = self.file.metadata().map_err(wrong)?.len();
        if len > BYTES_MAX {
            return Err(wrong(std::io::Error::other("longer than any call-out")));
        }
        self.file.seek(SeekFrom::Start(self.read)).map_err(wrong)?;
        let mut bytes = Vec::new();
        (&self.file)
            .take(BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(wrong)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        if whole < bytes.len() {
            // Somebody's line was torn by a crash; nothing was sent because of it, and what follows needs a line of its own.
            self.file.set_len(self.read + whole as u64).map_err(wrong)?;
        }
        let lines = bytes.get(..whole).unwrap_or_default();
        let mut effects = Vec::new();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let entry = serde_json::from_slice(line).map_err(|error| unusable(&self.path, error.into()))?;
            effects.extend(self.fold(entry));
        }
        self.read += whole as u64;
        Ok(effects)
    }

    fn fold(&mut self, entry: Entry) -> Vec<Effect> {
        let (state, effects) = decide(std::mem::take(&mut self.state), &entry.event, entry.at);
        self.state = state;
        self.entries.push(entry);
        effects
    }

    /// Whether time alone would change something now.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let State::Calling(calling) = &self.state else {
            return false;
        };
        let patience = calling.alarm.patience.seconds();
        let seats = calling.seats.iter().any(|(_, filling)| match filling {
            Filling::Waiting { since, .. } => now >= since.plus(patience),
            Filling::Filled { .. } | Filling::NotReached { .. } => false,
        });
        let messages = calling
            .called
            .values()
            .filter(|called| called.answer.is_none())
            .flat_map(|called| called.messages.values())
            .any(|sent| match sent {
                Sent::InDoubt { at, .. } => now >= at.plus(readiness::callout::DOUBT_SECS_MAX),
                Sent::Failed { again, .. } => now >= *again,
                Sent::Accepted { .. } | Sent::Delivered { .. } | Sent::GivenUp { .. } => false,
            });
        seats || messages
    }
}

fn unusable(path: &Path, error: std::io::Error) -> Trouble {
    let name = path.display();
    Trouble::because(
        Code::Callout,
        format!(
            "Die Datei des Rufs {name} ist nicht brauchbar; es wird nichts mehr gesendet. / \
             The call-out's file {name} is not usable; nothing more is sent."
        ),
        error,
    )
}
