//! The warning process beside a world.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bulkhead::{
    clock, endpoints,
    warn::{self, AddressLine, Begin, Config, EngineName, FileSource, HouseSource, SocketSource},
};
use serde_json::json;

use crate::{
    common::{self, LIMIT, World, get, program},
    insurer,
};

/// A process of ours that ends with its value.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

pub fn spawn(job: &str, config: &std::path::Path) -> Process {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(config.with_extension("log"))
        .unwrap();
    let child = Command::new(program())
        .args([job, "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Process(child.unwrap())
}

/// The warning process beside a world.
pub struct Warner {
    process: Option<Process>,
    pub config: Config,
    folder: PathBuf,
    pub at: BTreeMap<String, SocketAddr>,
}

impl Warner {
    pub fn beside(world: &World) -> Self {
        let folder = world.folder();
        let address = |range: &str, number: usize| AddressLine {
            range: range.into(),
            host: None,
            insurer: Some(insurer(number)),
            site: None,
        };
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = Config {
            estate: folder.join("estate.toml"),
            dir: folder.join("warn"),
            listen: loopback,
            tls: Some(world.side.system.people_tls()),
            endpoints: Some(folder.join("warn.endpoints.json")),
            control: world.side.system.control,
            every_millis: 50,
            holidays: BTreeSet::new(),
            files: vec![FileSource {
                name: "eve".into(),
                engine: EngineName::Suricata,
                path: folder.join("eve.json"),
                begin: Begin::Beginning,
                silence: None,
            }],
            sockets: vec![SocketSource {
                name: "wazuh".into(),
                engine: EngineName::Wazuh,
                listen: loopback,
                connections_max: 2,
                silence: None,
            }],
            houses: vec![HouseSource {
                name: "tueren".into(),
                control: world.side.system.door["door"],
                silence: None,
            }],
            probers: Vec::new(),
            addresses: vec![
                address("10.1.0.0/16", 1),
                address("10.2.0.0/16", 2),
                address("10.3.0.0/16", 3),
            ],
        };
        let mut warner = Self {
            process: None,
            config,
            folder,
            at: BTreeMap::new(),
        };
        warner.start();
        warner
    }

    /// Starts it, after an end without warning if it runs.
    pub fn start(&mut self) {
        drop(self.process.take());
        let path = self.folder.join("warn.toml");
        bulkhead::files::write_private(&path, toml::to_string(&self.config).unwrap().as_bytes()).unwrap();
        let said = self.folder.join("warn.endpoints.json");
        let _absent = std::fs::remove_file(&said);
        self.process = Some(spawn("warn", &path));
        common::until("warn listens", || endpoints::read(&said).is_ok());
        self.at = endpoints::read(&said).unwrap();
    }

    /// Waits until its own word is as wanted.
    pub async fn until(
        &self,
        world: &World,
        what: &str,
        wanted: impl Fn(&warn::Status) -> bool,
    ) -> warn::Status {
        let began = Instant::now();
        loop {
            let status: warn::Status =
                serde_json::from_slice(&get(world, self.at["warn"], "/status").await).unwrap();
            if wanted(&status) {
                return status;
            }
            assert!(
                began.elapsed() < LIMIT,
                "waited in vain until {what}: {status:#?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("warn.log")).unwrap_or_default()
    }

    /// Suricata sees something bad come from an address.
    pub fn eve(&self, rule: u32, from: &str) {
        let now = clock::now().to_string();
        let now = now.trim_end_matches('Z');
        let line = json!({
            "timestamp": format!("{now}.000000+0000"), "event_type": "alert", "src_ip": from, "dest_ip": "192.0.2.1",
            "alert": { "action": "allowed", "gid": 1, "signature_id": rule, "signature": "ET TEST bad", "severity": 1 },
        });
        let path = self.folder.join("eve.json");
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        writeln!(file, "{line}").unwrap();
    }
}
