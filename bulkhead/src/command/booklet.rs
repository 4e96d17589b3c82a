//! `bulkhead booklet`: the crisis booklet as a PDF, for paper.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Args;
use order::{Body as _, Charter, CharterDraft};
use readiness::{
    booklet::{Booklet, DoorProcess, Presigned, Reader},
    contacts::ContactBook,
};
use serde::{Deserialize, Serialize};
use vocabulary::{Envelope, InsurerId, SiteId, StatementId, Timestamp};

use super::{contacts, read_text};
use crate::{
    clock,
    door_process::config::read_estate,
    files,
    report::{Code, Trouble},
};

/// What the booklet is made from.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Verbund (TOML). / Estate (TOML).
    #[arg(long)]
    estate: PathBuf,
    /// Urkunde, die gilt (gezeichnete Erklärung). / Charter in force (signed statement).
    #[arg(long)]
    charter: PathBuf,
    /// Kontaktbuch, versiegelt (age) oder als TOML. / Contact book, sealed (age) or as TOML.
    #[arg(long)]
    contacts: PathBuf,
    /// Datei mit dem age-Schlüssel, wenn das Kontaktbuch versiegelt ist. / File with the age key, if the book is sealed.
    #[arg(long)]
    identity: Option<PathBuf>,
    /// Türen, vorgezeichnete Befehle, Adressen (`booklet.toml`). / Doors, pre-signed orders, addresses (`booklet.toml`).
    #[arg(long)]
    settings: PathBuf,
    /// Nur für diese Kasse. / For this insurer only.
    #[arg(long)]
    insurer: Option<InsurerId>,
    /// Ausgabe. / Edition.
    #[arg(long, default_value_t = 1)]
    edition: u32,
    /// PDF-Datei. / PDF file.
    #[arg(long)]
    out: PathBuf,
}

/// `booklet.toml`: what stands in no other file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The control room.
    pub control: SocketAddr,
    /// Folder on the stick with `ca.pem`, `cert.pem`, `key.pem`.
    pub tls: String,
    /// Address of the public status site, as people type it.
    pub status_site: String,
    /// Door processes.
    #[serde(default)]
    pub door: Vec<Door>,
    /// Orders signed in peace.
    #[serde(default)]
    pub presigned: Vec<Order>,
}

/// A door process as it is reached with everything else off.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Door {
    /// Its name for people.
    pub name: String,
    /// Where it listens for orders.
    pub address: SocketAddr,
    /// In which data centre.
    pub site: SiteId,
    /// Room, rack, console.
    pub place: String,
}

/// An order signed in peace.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Order {
    /// Its path on the stick.
    pub file: String,
    /// What it says, as `bulkhead sign show` prints it.
    pub sentence: String,
    /// Its name.
    pub statement: StatementId,
    /// Not valid after this instant, in seconds since 1970 as in the statement.
    pub until: Timestamp,
    /// Which safe.
    pub kept: String,
}

fn bad(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::because(
        Code::Readiness,
        "Das Krisenheft kann so nicht gedruckt werden. / The booklet cannot be printed like this.",
        error,
    )
}

/// Reads a charter that somebody signed. Whether it is the one in force, the digest on the paper says.
///
/// # Errors
/// [`Trouble`] when it is no charter or contradicts itself.
pub(super) fn read_charter(path: &std::path::Path) -> Result<Charter, Trouble> {
    let envelope: Envelope = serde_json::from_str(&read_text(path, Code::Statement)?).map_err(bad)?;
    let draft = CharterDraft::read(&envelope).map_err(|error| bad(error.to_string()))?;
    Charter::check(envelope.id(), draft).map_err(|error| bad(error.to_string()))
}

/// Makes it.
///
/// # Errors
/// [`Trouble`] with the file that is missing or wrong.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let estate = read_estate(&arguments.estate)?;
    let charter = read_charter(&arguments.charter)?;
    if charter.estate() != estate.id() {
        return Err(bad("charter and estate are not of the same estate"));
    }
    let book = match &arguments.identity {
        Some(identity) => contacts::open(&arguments.contacts, identity)?,
        None => ContactBook::from_toml(&read_text(&arguments.contacts, Code::Callout)?).map_err(bad)?,
    };
    let settings: Settings = super::process::load(&arguments.settings)?;
    let reader = match &arguments.insurer {
        None => Reader::Estate,
        Some(insurer) if estate.insurer(insurer).is_some() => Reader::Insurer(insurer.clone()),
        Some(insurer) => return Err(bad(format!("there is no insurer {insurer} in the estate"))),
    };
    let doors: Vec<DoorProcess> = settings.door.into_iter().map(DoorProcess::from).collect();
    let presigned: Vec<Presigned> = settings.presigned.into_iter().map(Presigned::from).collect();
    let booklet = Booklet {
        estate: &estate,
        charter: &charter,
        contacts: &book,
        reader: &reader,
        edition: arguments.edition,
        made: clock::now(),
        doors: &doors,
        presigned: &presigned,
        control: settings.control,
        tls: &settings.tls,
        status_site: &settings.status_site,
    };
    let pdf = booklet.to_pdf();
    files::write_private(&arguments.out, &pdf).map_err(bad)?;
    println!(
        "{}: {} Bytes, Urkunde {}. Drucken, Exemplare zählen, alte einsammeln. / \
         {0}: {1} bytes, charter {2}. Print it, count the copies, collect the old ones.",
        arguments.out.display(),
        pdf.len(),
        charter.version()
    );
    Ok(ExitCode::SUCCESS)
}

impl From<Door> for DoorProcess {
    fn from(door: Door) -> Self {
        Self {
            name: door.name,
            address: door.address,
            site: door.site,
            place: door.place,
        }
    }
}

impl From<Order> for Presigned {
    fn from(order: Order) -> Self {
        Self {
            file: order.file,
            sentence: order.sentence,
            statement: order.statement,
            until: order.until,
            kept: order.kept,
        }
    }
}
