//! The few file operations of this room: secrets are read and written with strict permissions, and what replaces a
//! file replaces it whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

use crate::Refused;

/// Longest secret file in bytes: keys and shares are a few kilobytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// For the owner alone.
const OWNER_ONLY: u32 = 0o600;

/// Reads a secret. The file must belong to its owner alone.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let file = File::open(path).map_err(|cause| Refused::file(path, cause))?;
    let facts = file.metadata().map_err(|cause| Refused::file(path, cause))?;
    if facts.mode() & 0o077 != 0 {
        return Err(Refused::OpenToOthers {
            path: path.to_path_buf(),
            mode: facts.mode() & 0o777,
        });
    }
    let length = bounded(path, &facts, SECRET_BYTES_MAX)?;
    // Room for everything at once: a buffer that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(1)));
    file.take(SECRET_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|cause| Refused::file(path, cause))?;
    Ok(bytes)
}

/// Reads a file that is no secret, up to a limit.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Refused> {
    let file = File::open(path).map_err(|cause| Refused::file(path, cause))?;
    let facts = file.metadata().map_err(|cause| Refused::file(path, cause))?;
    bounded(path, &facts, bytes_max)?;
    let mut bytes = Vec::new();
    file.take(bytes_max)
        .read_to_end(&mut bytes)
        .map_err(|cause| Refused::file(path, cause))?;
    Ok(bytes)
}

fn bounded(path: &Path, facts: &fs::Metadata, bytes_max: u64) -> Result<usize, Refused> {
    let not_a_file = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
    if !facts.is_file() {
        return Err(Refused::file(path, not_a_file()));
    }
    if facts.len() > bytes_max {
        return Err(Refused::TooLong {
            path: path.to_path_buf(),
            bytes: facts.len(),
            bytes_max,
        });
    }
    Ok(usize::try_from(facts.len()).unwrap_or(0))
}

/// Writes a file that must not exist yet, for its owner alone, and syncs it.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), Refused> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        sync_folder(path)
    };
    write().map_err(|cause| Refused::file(path, cause))
}

/// Writes a new file, or finds that it holds these bytes already: safe to repeat after a crash.
pub(crate) fn create_once(path: &Path, bytes: &[u8]) -> Result<(), Refused> {
    match create(path, bytes) {
        Err(Refused::File { cause, .. })
            if cause.kind() == io::ErrorKind::AlreadyExists
                && fs::read(path).is_ok_and(|there| there == bytes) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Replaces a file whole, if it still holds `old`: a reader sees the old bytes or the new ones, and of two signers at
/// one file the later is refused instead of wiping out the earlier one's signature. Keeps the file's permissions.
pub(crate) fn swap(path: &Path, old: &[u8], new: &[u8]) -> Result<(), Refused> {
    let part = beside(path, ".part");
    let write = || -> io::Result<bool> {
        let held = File::open(path)?;
        // Whoever waited here may hold a file that was replaced meanwhile; the bytes at the path decide.
        held.lock()?;
        if fs::read(path)? != old {
            return Ok(false);
        }
        let mode = held.metadata()?.permissions().mode() & 0o777;
        // A part left by a crash is overwritten: nobody else writes it while we hold the lock.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(OWNER_ONLY)
            .open(&part)?;
        file.write_all(new)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        sync_folder(path)?;
        Ok(true)
    };
    match write() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refused::Changed {
            path: path.to_path_buf(),
        }),
        Err(cause) => Err(Refused::file(path, cause)),
    }
}

/// The path with something added to its last part.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// A new name in a folder is durable when the folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, b"secret").unwrap();
        assert_eq!(*read_secret(&path).unwrap(), b"secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = read_secret(&path).unwrap_err();
        assert!(
            matches!(refused, Refused::OpenToOthers { mode: 0o640, .. }),
            "{refused}"
        );
    }

    #[test]
    fn a_file_is_replaced_whole_and_only_from_the_bytes_that_were_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper");
        create(&path, b"one").unwrap();
        assert!(create(&path, b"two").is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(beside(&path, ".part"), b"left by a crash, and longer").unwrap();
        swap(&path, b"one", b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
        assert!(matches!(
            swap(&path, b"one", b"four"),
            Err(Refused::Changed { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), b"three");
    }

    #[test]
    fn of_many_writers_at_once_exactly_one_gets_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper");
        create(&path, b"start").unwrap();
        let through = std::thread::scope(|scope| {
            let path = &path;
            let writers: Vec<_> = (0..16_u8)
                .map(|number| scope.spawn(move || swap(path, b"start", &[number]).is_ok()))
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().unwrap())
                .filter(|won| *won)
                .count()
        });
        assert_eq!(through, 1);
    }
}
