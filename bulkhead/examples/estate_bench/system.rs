//! The processes: three witnesses, the control room with its console, 80 door processes, and the prober, all of the
//! binary that is measured, each with a folder, a certificate and a port of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use bulkhead::{
    clock, control,
    control::screen,
    door_process, endpoints,
    exercise::cast::Cast,
    files,
    http::Endpoint,
    keys, probe,
    tls::{Authority, Connector, Identity},
    witness,
};
use record::Origin;
use serde::Serialize;
use vocabulary::{DoorId, WitnessId};

use crate::{
    ground::{Ground, Part},
    regular::Regular,
};

const WITNESSES: [&str; 3] = ["zeuge-1", "zeuge-2", "zeuge-3"];
/// Door processes that start beside each other.
const STARTING: usize = 8;
/// How long a process may take to open its listeners.
const START_WAIT: Duration = Duration::from_secs(60);
/// How long a process may take to end by itself.
const END_WAIT: Duration = Duration::from_secs(15);
const PASSWORD: &str = "messung";

/// A running process; ended when this is dropped, whatever happened.
struct Process {
    name: String,
    child: Child,
    endpoints: PathBuf,
    log: PathBuf,
}

/// Everything that runs.
pub struct System {
    program: PathBuf,
    folder: PathBuf,
    authority: Authority,
    connector: Connector,
    processes: Vec<Process>,
    regular: Regular,
    pub control: SocketAddr,
    pub console: SocketAddr,
    /// Door processes, in the order of the ground's parts, with the addresses of each.
    pub doors: Vec<BTreeMap<String, SocketAddr>>,
}

impl System {
    /// Starts witnesses and control room, and makes the people.
    pub async fn start(program: &Path, folder: &Path, ground: &Ground) -> (Self, Cast) {
        files::write_private(&folder.join("estate.toml"), ground.text.as_bytes()).unwrap();
        let authority = Authority::make("messung").unwrap();
        authority.enrol("people", &folder.join("tls-people")).unwrap();
        let connector = Identity::load(&folder.join("tls-people"))
            .unwrap()
            .connector()
            .unwrap();
        let mut system = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            authority,
            connector,
            processes: Vec::new(),
            regular: Regular::start().await,
            control: loopback(),
            console: loopback(),
            doors: Vec::new(),
        };
        let logs = system.log_keys(ground);
        let (mut witness_keys, mut witnesses) = (BTreeMap::new(), BTreeMap::new());
        for name in WITNESSES {
            let id: WitnessId = name.parse().unwrap();
            let key = keys::witness_key(
                &folder.join(name).join("witness.key"),
                &record::KeyName::new(name).unwrap(),
            );
            witness_keys.insert(id.clone(), key.unwrap().verifier().to_string());
            let config = witness::Config {
                name: name.to_owned(),
                dir: folder.join(name),
                listen: loopback(),
                tls: Some(system.tls(name)),
                logs: logs.clone(),
                endpoints: Some(system.endpoints_of(name)),
            };
            let opened = system.launch("witness", name, &toml_of(&config)).await;
            witnesses.insert(id, opened["witness"]);
        }
        let cast = Cast::make(
            &folder.join("people"),
            &ground.estate,
            &witness_keys,
            clock::now(),
        )
        .unwrap();
        system.start_control(ground, &cast, witnesses).await;
        (system, cast)
    }

    fn log_keys(&self, ground: &Ground) -> BTreeMap<Origin, Vec<String>> {
        let id = ground.estate.id();
        let logs = [
            ("log.key", clearance::authority_origin(id).unwrap()),
            ("journal.key", evidence::journal_origin(id).unwrap()),
        ];
        let keys = logs.map(|(file, origin)| {
            let key = keys::log_key(&self.folder.join("control").join(file), &origin).unwrap();
            (origin, vec![key.verifier().to_string()])
        });
        keys.into()
    }

    async fn start_control(
        &mut self,
        ground: &Ground,
        cast: &Cast,
        witnesses: BTreeMap<WitnessId, SocketAddr>,
    ) {
        // The console's name is part of what people sign when they log in, so its port is chosen here.
        let console = std::net::TcpListener::bind(loopback())
            .unwrap()
            .local_addr()
            .unwrap();
        let config = control::Config {
            estate: ground.estate.id().clone(),
            dir: self.folder.join("control"),
            listen: loopback(),
            tls: Some(self.tls("control")),
            witnesses,
            charter: Some(cast.charter.id().0),
            console: Some(screen::Config {
                estate: self.folder.join("estate.toml"),
                listen: console,
                origin: format!("http://{console}").parse().unwrap(),
                tls: None,
                readiness: None,
            }),
            endpoints: Some(self.endpoints_of("control")),
        };
        let opened = self.launch("control", "control", &toml_of(&config)).await;
        (self.control, self.console) = (opened["control"], opened["console"]);
    }

    /// Enrols and starts the door processes, some beside each other.
    pub async fn start_doors(&mut self, ground: &Ground, cast: &Cast) {
        for group in ground.parts.chunks(STARTING) {
            let first = self.processes.len();
            for part in group {
                let text = self.door_text(part, cast);
                let config: door_process::Config = toml::from_str(&text).unwrap();
                door_process::enrol(&config)
                    .unwrap_or_else(|trouble| panic!("{trouble}: {:?}", trouble.cause));
                self.spawn("door", &part.name, &text);
            }
            for process in self.processes.iter_mut().skip(first) {
                self.doors.push(process.opened().await);
            }
        }
    }

    fn door_text(&self, part: &Part, cast: &Cast) -> String {
        let home = self.folder.join(&part.name);
        let services = list(&part.services);
        let (estate, tls) = (self.folder.join("estate.toml"), self.tls(&part.name));
        let (control, regular) = (self.control, &self.regular);
        let charter = serde_json::to_string(&cast.charter.id().0).unwrap();
        let upstream = |to: SocketAddr| {
            format!(
                "{{ address = \"{to}\", name = \"regular.kim.telematik-test\", security = \"loopback-plain\" }}"
            )
        };
        let listener = "{ listen = \"127.0.0.1:0\", security = \"loopback-plain\" }";
        let mut mailboxes = String::new();
        let mut cells = Vec::new();
        for (insurer, address) in &part.insurers {
            let own: Vec<String> = part
                .services
                .iter()
                .map(|name| format!("{insurer}/{name}"))
                .collect();
            let marks: Vec<String> = part
                .services
                .iter()
                .zip(&own)
                .map(|(service, cell)| format!("\"{service}\" = \"{cell}\""))
                .collect();
            mailboxes.push_str(&format!(
                "[[mail.mailboxes]]\naddress = \"{address}\"\ncell = \"{}\"\nmarks = {{ {} }}\n",
                own[0],
                marks.join(", ")
            ));
            cells.extend(own);
        }
        format!(
            "dir = {home:?}\nestate = {estate:?}\ncharter = {charter}\nsites = [\"{site}\"]\nservices = {services}\n\
             listen = \"127.0.0.1:0\"\ncontrol = \"{control}\"\ntls = {tls:?}\nendpoints = {endpoints:?}\n\
             [spool]\ndir = {spool:?}\n[spool.limits]\nsegment_bytes = 1048576\nballast_bytes = 1048576\n\
             [mail]\nhost = \"tuer.kim.telematik-test\"\ndir = {mail:?}\nintake = [{listener}]\n\
             submission = [{{ listener = {listener}, upstream = {smtp} }}]\n\
             fetch = [{{ listener = {listener}, upstream = {pop3} }}]\n\
             forward = [{{ cells = {cells}, upstream = {smtp} }}]\n{mailboxes}",
            site = part.site,
            endpoints = self.endpoints_of(&part.name),
            spool = home.join("spool"),
            mail = home.join("mail"),
            smtp = upstream(regular.intake),
            pop3 = upstream(regular.store),
            cells = list(&cells),
        )
    }

    /// Starts the prober with an account for each of the first `per_insurer` cells of every insurer in every process.
    /// Tells which doors it tries.
    pub async fn start_prober(&mut self, ground: &Ground, per_insurer: usize) -> BTreeSet<DoorId> {
        let password_file = self.folder.join("probe-password");
        files::write_private(&password_file, PASSWORD.as_bytes()).unwrap();
        let mut accounts = BTreeMap::new();
        for part in &ground.parts {
            for (insurer, mailbox) in &part.insurers {
                for service in part.services.iter().take(per_insurer) {
                    let account = probe::Account {
                        mailbox: mailbox.clone(),
                        password_file: password_file.clone(),
                        mark: Some(service.to_string().try_into().unwrap()),
                    };
                    accounts.insert(
                        DoorId::of(format!("{insurer}/{service}").parse().unwrap()),
                        account,
                    );
                }
            }
        }
        let tried = accounts.keys().cloned().collect();
        let houses = self.doors.iter().map(|opened| probe::House {
            control: opened["door"],
            fetch: opened["fetch"],
            submission: opened["submission"],
            intake: opened["intake"],
            plain_fronts: true,
        });
        let config = probe::Config {
            listen: loopback(),
            tls: Some(self.tls("probe")),
            endpoints: Some(self.endpoints_of("probe")),
            control: Some(self.control),
            every_millis: 1_000,
            houses: houses.collect(),
            accounts,
        };
        self.launch("probe", "probe", &toml_of(&config)).await;
        tried
    }

    /// How people reach a part.
    pub fn endpoint(&self, address: SocketAddr) -> Endpoint {
        Endpoint {
            address,
            tls: Some(self.connector.clone()),
        }
    }

    /// When the last door process wrote to its ledger. Looking costs the processes nothing.
    pub fn last_written(&self, ground: &Ground) -> SystemTime {
        let times = ground.parts.iter().flat_map(|part| {
            let entries = self.folder.join(&part.name).join("doors/entries");
            let files = std::fs::read_dir(entries).unwrap().flatten();
            files.map(|file| file.metadata().unwrap().modified().unwrap())
        });
        times.max().unwrap()
    }

    /// Most memory that all processes together, and the largest of them, ever had resident, in MiB.
    pub fn memory(&self) -> (u64, u64) {
        let each = self.processes.iter().map(|process| {
            let path = format!("/proc/{}/status", process.child.id());
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
                .unwrap_or(0)
                / 1024
        });
        let each: Vec<u64> = each.collect();
        (each.iter().sum(), each.iter().copied().max().unwrap_or(0))
    }

    /// Asks every process to end, in the order that leaves nobody complaining, and says which had to be killed.
    pub fn end(mut self) -> Vec<String> {
        for process in self.processes.iter().rev() {
            let pid = process.child.id().to_string();
            let _gone_already = Command::new("kill").args(["-TERM", &pid]).status();
        }
        let began = Instant::now();
        let mut killed = Vec::new();
        for process in self.processes.iter_mut().rev() {
            if !process.ended_within(END_WAIT.saturating_sub(began.elapsed())) {
                killed.push(process.name.clone());
            }
        }
        killed
    }

    fn tls(&self, part: &str) -> PathBuf {
        let folder = self.folder.join(format!("tls-{part}"));
        if !folder.exists() {
            self.authority.enrol(part, &folder).unwrap();
        }
        folder
    }

    fn endpoints_of(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.endpoints.json"))
    }

    async fn launch(&mut self, job: &str, name: &str, config: &str) -> BTreeMap<String, SocketAddr> {
        self.spawn(job, name, config);
        self.processes.last_mut().unwrap().opened().await
    }

    fn spawn(&mut self, job: &str, name: &str, config: &str) {
        let path = self.folder.join(format!("{name}.toml"));
        files::write_private(&path, config.as_bytes()).unwrap();
        let log = self.folder.join(format!("{name}.log"));
        let child = Command::new(&self.program)
            .args([job, "--config"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        self.processes.push(Process {
            name: name.to_owned(),
            child,
            endpoints: self.endpoints_of(name),
            log,
        });
    }
}

impl Process {
    /// Waits until it says where it listens.
    async fn opened(&mut self) -> BTreeMap<String, SocketAddr> {
        let began = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        loop {
            looks.tick().await;
            if let Ok(addresses) = endpoints::read(&self.endpoints) {
                return addresses;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > START_WAIT {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                panic!("{} did not start ({ended:?}):\n{said}", self.name);
            }
        }
    }

    fn ended_within(&mut self, wait: Duration) -> bool {
        let began = Instant::now();
        loop {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return true;
            }
            if began.elapsed() > wait {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn toml_of<T: Serialize>(config: &T) -> String {
    toml::to_string(config).unwrap()
}

fn list<T: ToString>(values: &[T]) -> String {
    let quoted: Vec<String> = values
        .iter()
        .map(|value| format!("\"{}\"", value.to_string()))
        .collect();
    format!("[{}]", quoted.join(", "))
}
