//! The publisher: a process of its own, outside the control room and meant for another place. It asks for the facts,
//! renders the site, reads it back against PUBLIC-1, writes it to a directory and, if told so, pushes it to a web host.
//! While the control room is dead the site stays as it is, with the time of its facts on every page.

mod answers;
mod directory;
mod push;

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use hyper::Method;
use publication::{
    FactSheet,
    promises::{Breach, public_1, public_1_change},
    site,
    text::Name,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use vocabulary::{Digest, EstateId, Seconds};

use self::{answers::Answers, directory::Directory, push::Push};
use crate::{
    command,
    control_wire::{Facts, Published},
    files,
    http::{self, Endpoint},
    report::{Code, Trouble},
};

/// Longest wait of one long poll for new facts, in seconds, and the wait for its answer.
const POLL_SECS: u64 = 15;
const POLL_WAIT: Duration = Duration::from_secs(POLL_SECS + 10);
/// Wait after the control room could not be reached, or a site could not be written.
const AGAIN: Duration = Duration::from_secs(1);
/// Least time between two sites: a flood of orders makes a few sites, not one for each.
const REST: Duration = Duration::from_millis(200);
/// Pages are made again after this, even if nothing changed.
const FRESH: Seconds = Seconds(300);

/// `publish.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The control room.
    pub control: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; needed outside loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// Where the site is written: what a web server serves as it is. Nothing else may lie there.
    pub dir: PathBuf,
    /// Folder of what the publisher remembers: the facts of the site that stands.
    pub state: PathBuf,
    /// Door processes that are asked what became of each message, for the answers by key.
    #[serde(default)]
    pub houses: Vec<SocketAddr>,
    /// The estate whose answers these are; needed with `houses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estate: Option<EstateId>,
    /// Where the site will stand (`https://…/`): feeds need whole addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Name>,
    /// How to reach the editors by telephone or letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Name>,
    /// Where it is pushed to, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<push::Target>,
}

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when a folder or certificate cannot be used.
pub async fn run(config: Config, mut stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    let connector = command::connector(config.tls.as_deref())?;
    let mut answers = match (&config.estate, config.houses.is_empty()) {
        (_, true) => None,
        (Some(estate), false) => Some(Answers::open(
            &config.houses,
            connector.as_ref(),
            estate.clone(),
            &config.dir,
            &config.state,
            config.push.clone().map(Push::new),
        )?),
        (None, false) => {
            return Err(Trouble::new(
                Code::Config,
                "Mit `houses` braucht es `estate`. / With `houses`, `estate` is needed.",
            ));
        }
    };
    let answer_key = match &answers {
        Some(_) => Name::new(&Answers::public_key(&config.state.join("answer.key"))?).ok(),
        None => None,
    };
    let mut publisher = Publisher {
        control: Endpoint {
            address: config.control,
            tls: connector,
        },
        directory: Directory::open(&config.dir)?,
        memory: config.state.join("facts.json"),
        standing: remembered(&config.state.join("facts.json"))?,
        address: config.address,
        contact: config.contact,
        answer_key,
        push: config.push.map(Push::new),
        seen: 0,
    };
    publisher.stand_up()?;
    let answering = async {
        match &mut answers {
            Some(answers) => answers.answer_always().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        never = publisher.publish_always() => match never {},
        () = answering => Ok(()),
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    }
}

/// No value: a loop that does not end.
enum Never {}

struct Publisher {
    control: Endpoint,
    directory: Directory,
    memory: PathBuf,
    /// The facts of the site that stands.
    standing: Option<FactSheet>,
    address: Option<Name>,
    contact: Option<Name>,
    answer_key: Option<Name>,
    push: Option<Push>,
    /// Serial number of the facts looked at last.
    seen: u64,
}

impl Publisher {
    /// Writes the site that stood again, whole: the directory may have been lost.
    fn stand_up(&mut self) -> Result<(), Trouble> {
        if let Some(sheet) = &self.standing
            && let Ok(site) = site::render(sheet)
        {
            self.directory.replace(&site)?;
        }
        Ok(())
    }

    /// Cancelling leaves a site of whole files.
    async fn publish_always(&mut self) -> Never {
        loop {
            match self.publish_once().await {
                Ok(()) => tokio::time::sleep(REST).await,
                Err(trouble) => {
                    tracing::warn!(%trouble, cause = ?trouble.cause, "the site stays as it is");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn publish_once(&mut self) -> Result<(), Trouble> {
        let path = format!("/facts?seen={}&wait={POLL_SECS}", self.seen);
        let facts: Facts = http::call_json(&self.control, Method::GET, &path, Vec::new(), POLL_WAIT)
            .await
            .map_err(|error| {
                let address = self.control.address;
                Trouble::because(
                    Code::Unreached,
                    format!("Der Leitstand {address} gibt keine Fakten. / The control room {address} gives no facts."),
                    error,
                )
            })?;
        let began = Instant::now();
        let serial = facts.serial;
        if let Some(sheet) = self.news(facts.sheet) {
            let digest = self.write(sheet)?;
            if let Some(push) = &mut self.push {
                push.bring(&self.directory).await?;
            }
            let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(serial, millis, "the site stands");
            self.tell(&Published {
                serial,
                digest,
                millis,
            })
            .await;
        }
        self.seen = serial;
        Ok(())
    }

    /// The sheet with its log of updates, if it says anything the standing one does not.
    fn news(&self, mut sheet: FactSheet) -> Option<FactSheet> {
        sheet.address.clone_from(&self.address);
        sheet.contact.clone_from(&self.contact);
        sheet.answer_key.clone_from(&self.answer_key);
        let Some(standing) = &self.standing else {
            return Some(sheet);
        };
        let sheet = sheet.following(standing);
        let mut same_time = sheet.clone();
        (same_time.as_of, same_time.journal) = (standing.as_of, standing.journal);
        // What is overdue becomes so on a page only when it is rendered again.
        let is_old = sheet.as_of.since(standing.as_of) >= FRESH;
        (is_old || same_time != *standing).then_some(sheet)
    }

    /// Renders, reads back, writes. Nothing is written that does not hold PUBLIC-1.
    fn write(&mut self, sheet: FactSheet) -> Result<Digest, Trouble> {
        let unpublishable = |error: Box<dyn std::error::Error + Send + Sync>| {
            Trouble::because(
                Code::Publication,
                "Die Seite wird nicht veröffentlicht; die alte bleibt stehen. / The site is not published; the old one stays.",
                error,
            )
        };
        let broken = |breaches: Vec<Breach>| {
            let first = breaches.first().map(ToString::to_string).unwrap_or_default();
            unpublishable(format!("PUBLIC-1: {first}").into())
        };
        match &self.standing {
            Some(standing) => {
                let changed = site::changed(standing, &sheet).map_err(|error| unpublishable(error.into()))?;
                public_1_change(&sheet, &changed).map_err(broken)?;
                self.directory.change(&changed)?;
            }
            None => {
                let site = site::render(&sheet).map_err(|error| unpublishable(error.into()))?;
                public_1(&sheet, &site).map_err(broken)?;
                self.directory.replace(&site)?;
            }
        }
        let bytes = serde_json::to_vec(&sheet).map_err(|error| unpublishable(error.into()))?;
        files::write_private(&self.memory, &bytes).map_err(|error| unpublishable(error.into()))?;
        self.standing = Some(sheet);
        Ok(self.directory.digest())
    }

    /// Tells the control room what stands, for its journal. A site that nobody noted stands all the same.
    async fn tell(&self, published: &Published) {
        let body = serde_json::to_vec(published).unwrap_or_default();
        if let Err(error) = http::call(&self.control, Method::POST, "/published", body, POLL_WAIT).await {
            tracing::info!(%error, "the control room does not know yet that the site changed");
        }
    }
}

fn remembered(path: &std::path::Path) -> Result<Option<FactSheet>, Trouble> {
    let name = path.display();
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Files,
            format!("{name} ist nicht lesbar. / Cannot read {name}."),
            error,
        )
    };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| wrong(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.into())),
    }
}
