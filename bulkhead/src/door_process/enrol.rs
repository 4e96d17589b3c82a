//! Enrolling a store once, and opening it at every start.
//!
//! What the starter knows of its own store lies beside it, not in it (`enrolment.json` next to the folder of the
//! ledger), so that a store that was swapped or copied is noticed.

use std::path::PathBuf;

use door::{DoorPlace, Enrolment, House, Moment, StoreId};
use vocabulary::Digest;

use super::Config;
use crate::{
    clock, files,
    report::{Code, Trouble},
};

/// A store that was opened; every door of it stands contained.
pub struct Opened {
    /// What it is.
    pub enrolment: Enrolment,
    /// Its doors.
    pub house: House,
}

fn enrolment_path(config: &Config) -> PathBuf {
    config.dir.join("enrolment.json")
}

fn moment() -> Moment {
    Moment {
        wall: clock::now(),
        mono: clock::monotonic(),
    }
}

/// Enrols the doors of its sites: once, in peace, by the person who installs the process.
///
/// # Errors
/// [`Trouble`] when the estate has no such doors, or a store lies there already.
pub fn enrol(config: &Config) -> Result<Enrolment, Trouble> {
    let estate = config.read_estate()?;
    let doors: Vec<DoorPlace> = estate
        .doors()
        .filter(|(_, place, _)| {
            config.sites.contains(&place.site) && config.services.contains(&place.service)
        })
        .map(|(door, place, holdable)| DoorPlace {
            door,
            place,
            holdable,
        })
        .collect();
    let mut name = [0; 32];
    getrandom::fill(&mut name).map_err(|error| {
        Trouble::new(
            Code::Store,
            format!("Das System gibt keinen Zufall: {error}. / The system yields no randomness: {error}."),
        )
    })?;
    let store = StoreId(Digest::from_bytes(name));
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Store,
            "Die Türen können nicht eingetragen werden. / The doors cannot be enrolled.",
            error,
        )
    };
    let enrolment = Enrolment::new(store, estate.id().clone(), config.charter, doors)
        .map_err(|error| wrong(error.into()))?;
    let ledger = config.dir.join("doors");
    files::make_private_folder(&ledger).map_err(|error| wrong(error.into()))?;
    House::enrol(&ledger, &enrolment, moment()).map_err(|error| wrong(error.into()))?;
    let text = serde_json::to_vec_pretty(&enrolment).map_err(|error| wrong(error.into()))?;
    files::write_private(&enrolment_path(config), &text).map_err(|error| wrong(error.into()))?;
    Ok(enrolment)
}

/// Opens the enrolled store.
///
/// # Errors
/// [`Trouble`] when it is missing, foreign, copied or damaged. Nothing is open then.
pub fn open(config: &Config) -> Result<Opened, Trouble> {
    let path = enrolment_path(config);
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        let name = config.dir.display();
        Trouble::because(
            Code::Store,
            format!(
                "Der Türspeicher in {name} ist nicht zu öffnen. / The door store in {name} cannot be opened."
            ),
            error,
        )
    };
    let bytes = std::fs::read(&path).map_err(|error| {
        let name = path.display();
        Trouble::because(
            Code::Store,
            format!("{name} fehlt: zuerst `bulkhead door --enrol`. / {name} is missing: run `bulkhead door --enrol` first."),
            error,
        )
    })?;
    let enrolment: Enrolment = serde_json::from_slice(&bytes).map_err(|error| wrong(error.into()))?;
    let house =
        House::open(&config.dir.join("doors"), &enrolment, moment()).map_err(|error| wrong(error.into()))?;
    Ok(Opened { enrolment, house })
}
