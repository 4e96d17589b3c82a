//! Our side of the intake benchmark: the release binary as one door process, its doors held.
//!
//! A short drill makes everything a door process needs (estate, keys, charter in its replica of the authority log,
//! enrolled store), cuts everything, and ends. Then the door process is started again on its own. It has an order
//! that holds it and nobody who could open it, so what is measured is durable intake and nothing behind it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::load::Running;
use crate::{
    Failed,
    run::{self, Echo},
    workspace::Workspace,
};

/// A mailbox of the drill's estate.
pub(crate) const RECIPIENT: &str = "eau@kasse-001.kim.telematik-test";
/// The cell its mail goes to when no mark says otherwise.
const CELL: &str = "kasse-001/kim";
/// Longest wait for the drill that prepares a door process, and for the door process to listen.
const PREPARE_WAIT: Duration = Duration::from_secs(120);

/// No traffic, one order.
const SCRIPT: &str = r#"[script]
id = "bench"
name = "Held doors for a benchmark"
zero = "2023-04-24T22:00:00+02:00"
seed = 1

[traffic]
practices = 1
letters = 1
body-bytes = 2000
poll-ms = 600
retry-ms = 800
settle-ms = 2000

[[pace]]
at-hours = 0
drill-ms = 0

[[pace]]
at-hours = 1
drill-ms = 2000

[[step]]
at-hours = 0.5
action = "cut"
class = "containment"
scope.all = true
assumed = true
because = "Intake is measured at held doors."
"#;

/// On how many stores a message is durable before its sender reads 250.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stores {
    /// One, as a Postfix queue.
    One,
    /// A further copy in another folder of the same disk, as in the drill.
    Two,
}

/// A running door process.
#[derive(Debug)]
pub(crate) struct Held {
    program: PathBuf,
    tls: PathBuf,
    control: SocketAddr,
    running: Running,
}

/// Builds the binary.
pub(crate) fn build(workspace: &Workspace) -> Result<(), Failed> {
    run::show(&mut run::cargo(
        &workspace.root,
        &["build", "--release", "-p", "bulkhead"],
    ))
}

/// Where the binary lies.
pub(crate) fn program(workspace: &Workspace) -> PathBuf {
    workspace.target.join("release").join("bulkhead")
}

impl Held {
    /// Prepares a store by a drill and starts the door process over it.
    pub(crate) fn start(program: &Path, folder: &Path, stores: Stores) -> Result<Self, Failed> {
        let name = match stores {
            Stores::One => "held-one",
            Stores::Two => "held-two",
        };
        let (script, home) = (folder.join(format!("{name}.toml")), folder.join(name));
        write(&script, SCRIPT)?;
        let mut drill = Command::new(program);
        drill.arg("drill").arg(&script).arg("--dir").arg(&home);
        run::read_within(&mut drill, PREPARE_WAIT, Echo::Nothing)?;
        let config = home.join("door.toml");
        let text = fs::read_to_string(&config)
            .map_err(|cause| Failed::because(&format!("cannot read {}", config.display()), &cause))?;
        if stores == Stores::One {
            write(&config, &with_one_store(&text)?)?;
        }
        let endpoints = home.join("door.endpoints.json");
        // The drill's own addresses must not be taken for the new ones.
        fs::remove_file(&endpoints)
            .map_err(|cause| Failed::because(&format!("cannot remove {}", endpoints.display()), &cause))?;
        let log = fs::File::create(home.join("door-alone.log"))
            .map_err(|cause| Failed::because("cannot write the door process's log", &cause))?;
        let mut door = Command::new(program);
        door.args(["door", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut running = Running::spawn(&mut door, "bulkhead door")?;
        let listens = addresses(&endpoints)?;
        running.listens_at(listens.intake, "bulkhead door")?;
        let held = Self {
            program: program.to_owned(),
            tls: home.join("tls-people"),
            control: listens.control,
            running,
        };
        held.assert_held()?;
        Ok(held)
    }

    /// Where it takes mail.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Messages it holds, by its own count: what was acknowledged must be there, and each once.
    pub(crate) fn waiting(&self) -> Result<u64, Failed> {
        let said = self.ask(&["spool", "status"])?;
        let status: Value = serde_json::from_slice(&said)
            .map_err(|cause| Failed::because("the spool's status is not JSON", &cause))?;
        let cells = status.get("cells").and_then(Value::as_array);
        let waiting = cells.into_iter().flatten();
        Ok(waiting.filter_map(|cell| cell.get("waiting")?.as_u64()).sum())
    }

    fn assert_held(&self) -> Result<(), Failed> {
        let said = self.ask(&["status"])?;
        let said = String::from_utf8_lossy(&said);
        let line = said.lines().find(|line| line.starts_with(CELL)).unwrap_or(CELL);
        if line.contains(" Held ") {
            Ok(())
        } else {
            Err(Failed::new(format!("the door to measure is not held: {line}")))
        }
    }

    fn ask(&self, words: &[&str]) -> Result<Vec<u8>, Failed> {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .args(["--door", &self.control.to_string(), "--tls"])
            .arg(&self.tls);
        run::read(&mut command)
    }
}

/// The drill declares a further copy; a single store is the counterpart of a Postfix queue.
fn with_one_store(config: &str) -> Result<String, Failed> {
    let mut found = false;
    let lines = config.lines().map(|line| {
        if line.starts_with("copies = ") {
            found = true;
            "copies = []"
        } else {
            line
        }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    if found {
        Ok(text)
    } else {
        Err(Failed::new(
            "the drill's door.toml names no copies: bench and drill do not fit",
        ))
    }
}

struct Listens {
    control: SocketAddr,
    intake: SocketAddr,
}

fn addresses(endpoints: &Path) -> Result<Listens, Failed> {
    let started = Instant::now();
    loop {
        if let Some(listens) = fs::read(endpoints).ok().and_then(|bytes| parse(&bytes)) {
            return Ok(listens);
        }
        if started.elapsed() > PREPARE_WAIT {
            return Err(Failed::new(format!(
                "bulkhead door does not say in {} where it listens",
                endpoints.display()
            )));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn parse(bytes: &[u8]) -> Option<Listens> {
    let named: Value = serde_json::from_slice(bytes).ok()?;
    let address = |name: &str| named.get(name)?.as_str()?.parse().ok();
    Some(Listens {
        control: address("door")?,
        intake: address("intake")?,
    })
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    fs::write(path, text)
        .map_err(|cause| Failed::because(&format!("cannot write {}", path.display()), &cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_store_is_the_same_configuration_without_its_copies() {
        let text = with_one_store("[spool]\ndir = \"a\"\ncopies = [\"b\"]\n[mail]\n").unwrap();
        assert_eq!(text, "[spool]\ndir = \"a\"\ncopies = []\n[mail]");
        assert!(with_one_store("[spool]\ndir = \"a\"\n").is_err());
    }

    #[test]
    fn addresses_are_read_by_name() {
        let listens =
            parse(br#"{"door":"127.0.0.1:1","intake":"127.0.0.1:2","fetch":"127.0.0.1:3"}"#).unwrap();
        assert_eq!((listens.control.port(), listens.intake.port()), (1, 2));
        assert!(parse(b"{").is_none());
    }
}
