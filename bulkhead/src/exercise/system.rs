//! The system of a drill: real processes of this same binary on loopback, configured, started, watched and ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use estate::Estate;
use record::{KeyName, Origin};
use serde::Serialize;
use vocabulary::{DoorId, EnvironmentId, ServiceId, SiteId, WitnessId, service};

use super::{
    cast::Cast,
    door_text::{DoorText, SpoolText},
    ports::{FrontPorts, free_port, loopback},
};
use crate::{
    command,
    control::{self, screen},
    door_process, endpoints, files,
    http::Endpoint,
    keys, probe, publish,
    report::{Code, Trouble},
    tls, witness,
};

/// The services whose cells have a data plane so far.
pub const GUARDED: [&str; 2] = [service::KIM, service::EAU];
/// The emergency environment that has a certificate.
pub const EMERGENCY: &str = "notbetrieb-kim";
/// How long a process may take to open its listeners.
const START_WAIT: Duration = Duration::from_secs(30);

fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::because(
        Code::Drill,
        "Das System der Übung konnte nicht gestartet werden. / The system of the drill could not be started.",
        error,
    )
}

/// A running part.
struct Part {
    name: String,
    child: Child,
}

/// Everything that runs.
pub struct System {
    program: PathBuf,
    folder: PathBuf,
    parts: Vec<Part>,
    connector: tls::Connector,
    /// Addresses of the door process, by name.
    pub door: BTreeMap<String, SocketAddr>,
    /// The control room.
    pub control: SocketAddr,
    /// The console, for browsers.
    pub console: SocketAddr,
    /// The prober.
    pub probe: SocketAddr,
    /// The doors the system guards.
    pub doors: BTreeSet<DoorId>,
}

/// Where the regular server is, and how to log in there.
pub struct Regular<'a> {
    /// SMTP.
    pub intake: SocketAddr,
    /// POP3.
    pub store: SocketAddr,
    /// Mailbox by insurer.
    pub mailboxes: &'a BTreeMap<vocabulary::InsurerId, String>,
    /// Password of every mailbox.
    pub password: &'a str,
}

/// What must exist before the charter can be written: names and keys of log and witnesses.
pub struct Foundation {
    authority: tls::Authority,
    /// The witnesses' keys as text.
    pub witnesses: BTreeMap<WitnessId, String>,
    /// The logs witnesses watch, each with its key.
    logs: BTreeMap<Origin, Vec<String>>,
}

const WITNESSES: [&str; 3] = ["zeuge-kasse-nord", "zeuge-kasse-sued", "zeuge-pruefer"];

/// Makes the keys of log and witnesses.
///
/// # Errors
/// [`Trouble`] when the folder cannot be written.
pub fn lay(folder: &Path, estate: &Estate) -> Result<Foundation, Trouble> {
    let mut logs = BTreeMap::new();
    for (file, origin) in [
        (
            "log.key",
            clearance::authority_origin(estate.id()).map_err(wrong)?,
        ),
        (
            "journal.key",
            evidence::journal_origin(estate.id()).map_err(wrong)?,
        ),
    ] {
        let key = keys::log_key(&folder.join("control").join(file), &origin)?;
        logs.insert(origin, vec![key.verifier().to_string()]);
    }
    let mut witnesses = BTreeMap::new();
    for name in WITNESSES {
        let key_name = KeyName::new(name).map_err(wrong)?;
        let key = keys::witness_key(&folder.join(name).join("witness.key"), &key_name)?;
        witnesses.insert(WitnessId::new(name).map_err(wrong)?, key.verifier().to_string());
    }
    Ok(Foundation {
        authority: tls::Authority::make(estate.id().as_str()).map_err(command::tls_trouble)?,
        witnesses,
        logs,
    })
}

impl System {
    /// Starts `program` as witnesses, control room, doors and prober, in this order, each when the one before it listens.
    ///
    /// # Errors
    /// [`Trouble`] with the part that did not start and where its output is.
    pub fn start(
        program: &Path,
        folder: &Path,
        estate: &Estate,
        estate_file: &Path,
        foundation: &Foundation,
        cast: &Cast,
        regular: &Regular<'_>,
    ) -> Result<Self, Trouble> {
        let tls_folder = folder.join("tls-people");
        foundation
            .authority
            .enrol("people", &tls_folder)
            .map_err(command::tls_trouble)?;
        let connector = command::identity(&tls_folder)?
            .connector()
            .map_err(command::tls_trouble)?;
        let mut system = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            parts: Vec::new(),
            connector,
            door: BTreeMap::new(),
            control: loopback(),
            console: loopback(),
            probe: loopback(),
            doors: BTreeSet::new(),
        };
        let mut witnesses = BTreeMap::new();
        for id in foundation.witnesses.keys() {
            let config = witness::Config {
                name: id.to_string(),
                dir: folder.join(id.as_str()),
                listen: loopback(),
                tls: Some(system.tls_for(foundation, id.as_str())?),
                logs: foundation.logs.clone(),
                endpoints: Some(system.endpoints_of(id.as_str())),
            };
            let opened = system.launch("witness", id.as_str(), &config)?;
            witnesses.insert(id.clone(), address(&opened, "witness")?);
        }
        let console = free_port()?;
        let config = control::Config {
            estate: estate.id().clone(),
            dir: folder.join("control"),
            listen: free_port()?,
            tls: Some(system.tls_for(foundation, "control")?),
            witnesses,
            charter: Some(cast.charter.id().0),
            console: Some(screen::Config {
                estate: estate_file.to_owned(),
                listen: console,
                origin: format!("http://{console}").parse().map_err(wrong)?,
                tls: None,
                readiness: None,
            }),
            endpoints: Some(system.endpoints_of("control")),
        };
        let opened = system.launch("control", "control", &config)?;
        system.control = address(&opened, "control")?;
        system.console = address(&opened, "console")?;
        system.start_doors(estate, estate_file, foundation, cast, regular)?;
        system.start_prober(foundation, estate, regular)?;
        system.start_publisher(foundation, estate)?;
        Ok(system)
    }

    fn tls_for(&self, foundation: &Foundation, part: &str) -> Result<PathBuf, Trouble> {
        let folder = self.folder.join(format!("tls-{part}"));
        foundation
            .authority
            .enrol(part, &folder)
            .map_err(command::tls_trouble)?;
        Ok(folder)
    }

    fn endpoints_of(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.endpoints.json"))
    }

    fn config_of(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.toml"))
    }

    fn start_doors(
        &mut self,
        estate: &Estate,
        estate_file: &Path,
        foundation: &Foundation,
        cast: &Cast,
        regular: &Regular<'_>,
    ) -> Result<(), Trouble> {
        let sites: BTreeSet<SiteId> = estate.sites().map(|site| site.id.clone()).collect();
        let services: BTreeSet<ServiceId> = GUARDED
            .iter()
            .map(|name| ServiceId::new(name).map_err(wrong))
            .collect::<Result<_, _>>()?;
        let guarded = estate
            .doors()
            .filter(|(_, place, _)| services.contains(&place.service));
        self.doors = guarded.map(|(door, _, _)| door).collect();
        let text = DoorText {
            dir: self.folder.join("door"),
            estate: estate_file.to_owned(),
            charter: cast.charter.id().0,
            sites,
            services,
            listen: free_port()?,
            control: self.control,
            tls: self.tls_for(foundation, "door")?,
            endpoints: self.endpoints_of("door"),
            spool: SpoolText {
                dir: self.folder.join("door/spool"),
                copies: vec![self.folder.join("door/spool-copy")],
            },
            emergency: super::mail_text::emergency(regular, free_port()?),
            mail: super::mail_text::mail(
                &self.folder.join("door/mail"),
                &self.doors,
                regular,
                &FrontPorts::free()?,
            ),
        };
        let path = self.config_of("door");
        write_toml(&path, &text)?;
        foundation
            .authority
            .enrol_emergency(
                &EnvironmentId::new(EMERGENCY).map_err(wrong)?,
                &self.emergency_tls(),
            )
            .map_err(command::tls_trouble)?;
        // The person who installs the process enrols its doors, once.
        let config: door_process::Config =
            toml::from_str(&command::read_text(&path, Code::Drill)?).map_err(wrong)?;
        door_process::enrol(&config)?;
        self.door = self.launch_from("door", "door", &path)?;
        Ok(())
    }

    fn start_prober(
        &mut self,
        foundation: &Foundation,
        _estate: &Estate,
        regular: &Regular<'_>,
    ) -> Result<(), Trouble> {
        let password_file = self.folder.join("probe-password");
        files::write_private(&password_file, regular.password.as_bytes()).map_err(wrong)?;
        let account = |door: &DoorId| {
            let mailbox = regular.mailboxes.get(&door.cell().insurer)?.clone();
            Some(super::mail_text::mark(door).map(|mark| {
                let account = probe::Account {
                    mailbox,
                    password_file: password_file.clone(),
                    mark,
                };
                (door.clone(), account)
            }))
        };
        let accounts = self.doors.iter().filter_map(account);
        let accounts = accounts.collect::<Result<_, _>>().map_err(wrong)?;
        let config = probe::Config {
            listen: loopback(),
            tls: Some(self.tls_for(foundation, "probe")?),
            endpoints: Some(self.endpoints_of("probe")),
            control: Some(self.control),
            every_millis: 100,
            houses: vec![probe::House {
                control: address(&self.door, "door")?,
                fetch: address(&self.door, "fetch")?,
                submission: address(&self.door, "submission")?,
                intake: address(&self.door, "intake")?,
                plain_fronts: true,
            }],
            accounts,
        };
        let opened = self.launch("probe", "probe", &config)?;
        self.probe = address(&opened, "probe")?;
        Ok(())
    }

    /// The publisher has no listener: it is there once its process is.
    fn start_publisher(&mut self, foundation: &Foundation, estate: &Estate) -> Result<(), Trouble> {
        let config = publish::Config {
            control: self.control,
            tls: Some(self.tls_for(foundation, "publish")?),
            dir: self.site(),
            state: self.folder.join("publish"),
            houses: vec![address(&self.door, "door")?],
            estate: Some(estate.id().clone()),
            address: None,
            contact: None,
            push: None,
        };
        let path = self.config_of("publish");
        write_toml(&path, &config)?;
        self.spawn("publish", "publish", &path).map(drop)
    }

    /// Where the status site lies.
    pub fn site(&self) -> PathBuf {
        self.folder.join("site")
    }

    /// Writes a configuration and starts the part from it.
    fn launch<T: Serialize>(
        &mut self,
        job: &str,
        name: &str,
        config: &T,
    ) -> Result<BTreeMap<String, SocketAddr>, Trouble> {
        let path = self.config_of(name);
        write_toml(&path, config)?;
        self.launch_from(job, name, &path)
    }

    /// Starts a part; gives the file with what it says.
    fn spawn(&mut self, job: &str, name: &str, config: &Path) -> Result<PathBuf, Trouble> {
        let log_path = self.folder.join(format!("{name}.log"));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log_path)
            .map_err(wrong)?;
        let child = Command::new(&self.program)
            .args([job, "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(wrong)?;
        self.parts.push(Part {
            name: name.to_owned(),
            child,
        });
        Ok(log_path)
    }

    fn launch_from(
        &mut self,
        job: &str,
        name: &str,
        config: &Path,
    ) -> Result<BTreeMap<String, SocketAddr>, Trouble> {
        let endpoints = self.endpoints_of(name);
        // An old list of addresses must not be taken for the new one.
        let _absent = std::fs::remove_file(&endpoints);
        let log_path = self.spawn(job, name, config)?;
        let began = Instant::now();
        loop {
            if let Ok(addresses) = endpoints::read(&endpoints) {
                return Ok(addresses);
            }
            let ended = self
                .parts
                .last_mut()
                .and_then(|part| part.child.try_wait().ok().flatten());
            if ended.is_some() || began.elapsed() > START_WAIT {
                let said = std::fs::read_to_string(&log_path).unwrap_or_default();
                return Err(wrong(format!(
                    "{name} did not start; {}:\n{said}",
                    log_path.display()
                )));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How people of the drill reach a part.
    pub fn endpoint(&self, address: SocketAddr) -> Endpoint {
        Endpoint {
            address,
            tls: Some(self.connector.clone()),
        }
    }

    /// The control listener of the door process.
    ///
    /// # Errors
    /// [`Trouble`] never in practice: the door process names it when it starts.
    pub fn door_endpoint(&self) -> Result<Endpoint, Trouble> {
        Ok(self.endpoint(address(&self.door, "door")?))
    }

    /// Folder of the TLS files that people of the drill use.
    pub fn people_tls(&self) -> PathBuf {
        self.folder.join("tls-people")
    }

    /// The folder with the TLS files of the emergency environment.
    pub fn emergency_tls(&self) -> PathBuf {
        self.folder.join("tls-emergency")
    }

    /// Folder of a part's ledger or store inside the drill's folder.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside)
    }

    /// Process number of a part.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.parts
            .iter()
            .find(|part| part.name == name)
            .map(|part| part.child.id())
    }

    /// Kills the door process without warning (SIGKILL) and starts it again from the same folder, at the same addresses.
    ///
    /// # Errors
    /// [`Trouble`] when it does not come back.
    pub fn crash_doors(&mut self) -> Result<(), Trouble> {
        self.kill("door")?;
        files::copy_folder(&self.folder.join("door/doors"), &self.folder.join("yesterday")).map_err(wrong)?;
        let path = self.config_of("door");
        self.door = self.launch_from("door", "door", &path)?;
        Ok(())
    }

    /// Kills a part without warning and waits until it is gone.
    ///
    /// # Errors
    /// [`Trouble`] when the system does not let us.
    pub fn kill(&mut self, name: &str) -> Result<(), Trouble> {
        if let Some(place) = self.parts.iter().position(|part| part.name == name) {
            let mut part = self.parts.remove(place);
            part.child.kill().map_err(wrong)?;
            part.child.wait().map_err(wrong)?;
        }
        Ok(())
    }

    /// Starts the control room again, at the same addresses, from what its folder holds now.
    ///
    /// # Errors
    /// [`Trouble`] when it does not come back.
    pub fn start_control(&mut self) -> Result<(), Trouble> {
        let path = self.config_of("control");
        self.launch_from("control", "control", &path).map(drop)
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // Prober first, doors before the control room: nobody complains about a part that ends on purpose.
        for part in self.parts.iter_mut().rev() {
            let _gone = part.child.kill();
            let _waited = part.child.wait();
        }
    }
}

fn address(opened: &BTreeMap<String, SocketAddr>, name: &str) -> Result<SocketAddr, Trouble> {
    opened
        .get(name)
        .copied()
        .ok_or_else(|| wrong(format!("no listener named {name}")))
}

fn write_toml<T: Serialize>(path: &Path, config: &T) -> Result<(), Trouble> {
    let text = toml::to_string(config).map_err(wrong)?;
    files::write_private(path, text.as_bytes()).map_err(wrong)
}
