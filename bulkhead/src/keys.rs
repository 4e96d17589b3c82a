//! Keys of servers: a log's signing key and a witness's cosigning key, each a private file of 32 bytes.
//!
//! A person's key never comes near this module; those stay with `bulkhead sign` on the person's own machine.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use record::{KeyName, LogKey, Origin, WitnessKey};

use crate::report::{Code, Trouble};

/// Reads a 32-byte seed, or makes one if the file does not exist.
///
/// # Errors
/// [`Trouble`] when the file is readable for others, has another length, or cannot be made.
pub fn seed(path: &Path) -> Result<[u8; 32], Trouble> {
    let name = path.display();
    match fs::read(path) {
        Ok(bytes) => {
            private(path)?;
            bytes.try_into().map_err(|_| {
                Trouble::new(
                    Code::Keys,
                    format!("{name} ist kein Schlüssel von 32 Bytes. / {name} is not a key of 32 bytes."),
                )
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut fresh = [0; 32];
            getrandom::fill(&mut fresh).map_err(|error| {
                Trouble::new(
                    Code::Keys,
                    format!(
                        "Das System gibt keinen Zufall: {error}. / The system yields no randomness: {error}."
                    ),
                )
            })?;
            crate::files::write_private(path, &fresh).map_err(|error| {
                Trouble::because(
                    Code::Keys,
                    format!("Schlüssel {name} kann nicht angelegt werden. / Cannot create key {name}."),
                    error,
                )
            })?;
            Ok(fresh)
        }
        Err(error) => Err(Trouble::because(
            Code::Keys,
            format!("Schlüssel {name} kann nicht gelesen werden. / Cannot read key {name}."),
            error,
        )),
    }
}

/// Refuses a key file that anybody but its owner may read.
///
/// # Errors
/// [`Trouble`] with the file and the command that mends it.
pub fn private(path: &Path) -> Result<(), Trouble> {
    let name = path.display();
    let mode = fs::metadata(path)
        .map_err(|error| {
            Trouble::because(
                Code::Keys,
                format!("{name} ist nicht zugänglich. / Cannot look at {name}."),
                error,
            )
        })?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Trouble::new(
        Code::Keys,
        format!(
            "{name} darf von anderen gelesen werden (Rechte {:o}); bitte: chmod 600 {name}. / \
             {name} is readable for others (mode {:o}); please: chmod 600 {name}.",
            mode & 0o777,
            mode & 0o777
        ),
    ))
}

/// The key a log signs its own checkpoints with; made on first use.
///
/// # Errors
/// [`Trouble`] with the file and what to do.
pub fn log_key(path: &Path, origin: &Origin) -> Result<LogKey, Trouble> {
    LogKey::from_seed(origin, &seed(path)?).map_err(|error| unusable(path, error))
}

/// The key a witness cosigns with; made on first use.
///
/// # Errors
/// [`Trouble`] with the file and what to do.
pub fn witness_key(path: &Path, name: &KeyName) -> Result<WitnessKey, Trouble> {
    WitnessKey::from_seed(name.clone(), &seed(path)?).map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Trouble {
    let name = path.display();
    Trouble::because(
        Code::Keys,
        format!("Schlüssel {name} ist nicht brauchbar. / Key {name} is not usable."),
        error,
    )
}

/// 32 random bytes that hide names in records; made on first use, the same for as long as the installation lives.
///
/// # Errors
/// [`Trouble`] with the file and what to do.
pub fn salt(path: &Path) -> Result<[u8; 32], Trouble> {
    seed(path)
}
