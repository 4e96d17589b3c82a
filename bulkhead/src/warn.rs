//! The warning process: reads what sensors write and what the doors see, tells the control room, and asks doors to use
//! standing orders.
//!
//! It holds no person's key and signs nothing. All it can do to a door is ask for one use of an order that a commander
//! signed in peace; the door verifies order, scope, kind of detector, rate and expiry itself.
//!
//! - **Sensors**: Suricata EVE and Wazuh alerts, from files (read on where they were left) and over mutual TLS.
//! - **Doors**: mails taken per minute and senders answered with an error mail, as SMTP and the outer header show them;
//!   recipients nobody should know (canaries). Why an error mail was sent (its code, for example "key missing") lies
//!   inside the encrypted mail and is not seen here.
//! - **Kept on disk**: incidents, positions, what waits for the control room, uses under way; and what was learned.
//!   An input counts as read only together with what followed from it.

mod brain;
mod houses;
mod keep;
mod probers;
mod room;
mod say;
mod socket;
mod tail;
pub mod wire;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use hyper::Method;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use vocabulary::{HostId, InsurerId, Seconds, SiteId};
use warning::{Behind, Engine, Event, Importer, Prefix, Roll, SourceName, Touched, Watch, decide};

pub use brain::Status;
pub use probers::ProberSource;

use self::{
    brain::{Around, Brain, Input},
    houses::House,
    keep::{Kept, Store},
    socket::Socket,
    tail::Tail,
};
use crate::{
    clock, command, door_process, endpoints,
    http::{self, Call, Endpoint, Reply},
    report::{Code, Trouble},
    tls,
};

/// Inputs that may wait; then sources wait.
const INPUTS_MAX: usize = 64;

/// `warn.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The estate file.
    pub estate: PathBuf,
    /// Folder of what is kept.
    pub dir: PathBuf,
    /// Where its own state is asked for; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; needed outside loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// Where to write the addresses that were really opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PathBuf>,
    /// The control room.
    pub control: SocketAddr,
    /// Milliseconds between two looks at a file or a door process.
    #[serde(default = "every_default")]
    pub every_millis: u64,
    /// Days that are like Sundays, `2026-12-25`. They are compared with Sundays and not learned.
    #[serde(default)]
    pub holidays: BTreeSet<String>,
    /// Files of sensors.
    #[serde(default)]
    pub files: Vec<FileSource>,
    /// Sensors that connect.
    #[serde(default)]
    pub sockets: Vec<SocketSource>,
    /// Door processes.
    #[serde(default)]
    pub houses: Vec<HouseSource>,
    /// Probers: what they find passing a closed door is a signal.
    #[serde(default)]
    pub probers: Vec<ProberSource>,
    /// Whose addresses are whose: an estate names hosts, not addresses.
    #[serde(default)]
    pub addresses: Vec<AddressLine>,
}

const fn every_default() -> u64 {
    500
}

/// Whose lines these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// Suricata's EVE JSON.
    Suricata,
    /// Wazuh's `alerts.json`.
    Wazuh,
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Suricata => Self::Suricata,
            EngineName::Wazuh => Self::Wazuh,
        }
    }
}

/// What to do with a file that is there before we ever read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begin {
    /// Read it.
    Beginning,
    /// Read what comes from now on.
    #[default]
    End,
}

/// When the silence of a source is a signal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// Nothing heard for so long.
    pub after_secs: u64,
    /// What nobody sees then.
    #[serde(default)]
    pub watches: BTreeSet<Touched>,
}

/// A file of a sensor.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSource {
    /// Its name, used once.
    pub name: String,
    /// Who writes it.
    pub engine: EngineName,
    /// Where it lies.
    pub path: PathBuf,
    /// Where to begin the first time.
    #[serde(default)]
    pub begin: Begin,
    /// When silence is a signal; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

/// Sensors that connect and write lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketSource {
    /// Its name, used once.
    pub name: String,
    /// Who connects.
    pub engine: EngineName,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Connections at once.
    #[serde(default = "connections_default")]
    pub connections_max: usize,
    /// When silence is a signal; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

const fn connections_default() -> usize {
    16
}

/// A door process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HouseSource {
    /// Its name, used once.
    pub name: String,
    /// Control listener.
    pub control: SocketAddr,
    /// When silence is a signal; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

/// Whose an address or range is: exactly one of host, insurer and site.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressLine {
    /// `10.20.0.0/16`, or one address.
    pub range: String,
    /// One machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostId>,
    /// A network of one insurer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurer: Option<InsurerId>,
    /// A network of a data centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
}

impl Config {
    /// Every source's name, and when its silence is a signal.
    fn sources(&self) -> impl Iterator<Item = (&str, Option<&Silence>)> {
        let files = self
            .files
            .iter()
            .map(|one| (one.name.as_str(), one.silence.as_ref()));
        let sockets = self
            .sockets
            .iter()
            .map(|one| (one.name.as_str(), one.silence.as_ref()));
        let houses = self
            .houses
            .iter()
            .map(|one| (one.name.as_str(), one.silence.as_ref()));
        let probers = self
            .probers
            .iter()
            .map(|one| (one.name.as_str(), one.silence.as_ref()));
        files.chain(sockets).chain(houses).chain(probers)
    }

    fn check(&self) -> Result<(), Trouble> {
        let mut names = BTreeSet::new();
        for (name, _) in self.sources() {
            if !names.insert(name) {
                return Err(wrong(&format!(
                    "Die Quelle {name} ist zweimal genannt. / The source {name} is named twice."
                )));
            }
        }
        Ok(())
    }

    fn roll(&self, estate: &estate::Estate) -> Result<Roll, Trouble> {
        let mut ranges = Vec::new();
        for line in &self.addresses {
            let range: Prefix = line.range.parse().map_err(|bad| wrong(&format!("{bad}")))?;
            let behind = match (&line.host, &line.insurer, &line.site) {
                (Some(host), None, None) => Behind::Host(host.clone()),
                (None, Some(insurer), None) => Behind::Insurer(insurer.clone()),
                (None, None, Some(site)) => Behind::Site(site.clone()),
                (None, None, None)
                | (Some(_), Some(_), _)
                | (Some(_), _, Some(_))
                | (_, Some(_), Some(_)) => {
                    return Err(wrong(&format!(
                        "{}: genau eines von host, insurer, site angeben. / {}: name exactly one of host, insurer, site.",
                        line.range, line.range
                    )));
                }
            };
            ranges.push((range, behind));
        }
        let (roll, unknown) = Roll::of(estate, ranges);
        match unknown.first() {
            None => Ok(roll),
            Some((range, _)) => Err(wrong(&format!(
                "{range} gehört zu nichts, was der Verbund kennt ({} solche). / {range} belongs to nothing the estate knows ({} such).",
                unknown.len(),
                unknown.len()
            ))),
        }
    }

    /// From now on these sources must be heard.
    fn expect(&self, mut watching: Watch) -> Watch {
        for (name, silence) in self.sources() {
            if let Some(silence) = silence {
                let expected = Event::Expect {
                    source: SourceName::new(name),
                    within: Seconds(silence.after_secs),
                    touched: silence.watches.clone(),
                };
                (watching, _) = decide(watching, expected, clock::now());
            }
        }
        watching
    }

    fn houses(&self, connector: Option<&tls::Connector>) -> Vec<House> {
        let houses = self.houses.iter().map(|house| House {
            name: house.name.clone(),
            control: Endpoint {
                address: house.control,
                tls: connector.cloned(),
            },
        });
        houses.collect()
    }

    fn holidays(&self) -> Result<BTreeSet<estate::CivilDate>, Trouble> {
        let read = self.holidays.iter().map(|text| {
            let mut parts = text.splitn(3, '-');
            let date = (|| {
                Some(estate::CivilDate {
                    year: parts.next()?.parse().ok()?,
                    month: parts
                        .next()?
                        .parse()
                        .ok()
                        .filter(|month| (1..=12).contains(month))?,
                    day: parts.next()?.parse().ok().filter(|day| (1..=31).contains(day))?,
                })
            })();
            date.ok_or_else(|| {
                wrong(&format!(
                    "{text} ist kein Datum wie 2026-12-25. / {text} is no date like 2026-12-25."
                ))
            })
        });
        read.collect()
    }
}

fn wrong(sentence: &str) -> Trouble {
    Trouble::new(Code::Config, sentence)
}

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when the configuration does not fit the estate, what was kept cannot be read, or a listener cannot be
/// opened.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    config.check()?;
    let estate = door_process::config::read_estate(&config.estate)?;
    let roll = Arc::new(config.roll(&estate)?);
    let store = Store::new(&config.dir);
    let (kept, learned) = store.open(estate.id())?;
    let watching = Watch::new(roll.clone(), config.holidays()?)
        .remember(learned)
        .go_on(kept.windows.iter().cloned())
        .resume(kept.incidents.iter().cloned());
    let watching = config.expect(watching);
    let identity = config.tls.as_deref().map(command::identity).transpose()?;
    let connector = identity
        .as_ref()
        .map(tls::Identity::connector)
        .transpose()
        .map_err(command::tls_trouble)?;
    let acceptor = identity
        .as_ref()
        .map(tls::Identity::acceptor)
        .transpose()
        .map_err(command::tls_trouble)?;
    let (inputs, taken) = mpsc::channel(INPUTS_MAX);
    let (front, front_seen) = watch::channel((0, Arc::default()));
    let control = Endpoint {
        address: config.control,
        tls: connector.clone(),
    };
    let houses = config.houses(connector.as_ref());
    let mut tasks = JoinSet::new();
    let listener = command::listen(config.listen, acceptor.is_some()).await?;
    let sockets = open_sockets(&config, &roll, acceptor.as_ref()).await?;
    let mut listeners = vec![("warn", &listener)];
    listeners.extend(sockets.iter().map(|one| (one.name.as_str(), &one.listener)));
    endpoints::publish(config.endpoints.as_deref(), &listeners)?;
    for socket in sockets {
        tasks.spawn(socket::serve(socket, inputs.clone()));
    }
    start_files(&config, &roll, &kept, &inputs, &mut tasks);
    let every = Duration::from_millis(config.every_millis.max(10));
    for house in houses.iter().cloned() {
        let heard = kept.houses.get(&house.name).copied();
        tasks.spawn(houses::hear_always(house, heard, every, inputs.clone()));
    }
    for one in &config.probers {
        let prober = probers::Prober {
            name: one.name.clone(),
            address: Endpoint {
                address: one.address,
                tls: connector.clone(),
            },
        };
        tasks.spawn(probers::hear_always(prober, every, inputs.clone()));
    }
    tasks.spawn(room::tell_always(control.clone(), front_seen, inputs.clone()));
    tasks.spawn(room::ask_always(control.clone(), inputs.clone()));
    tasks.spawn(http::serve(
        listener,
        acceptor,
        answerer(inputs.clone()),
        stop.clone(),
    ));
    let around = Around {
        roll,
        houses,
        control,
        store,
        inputs,
        front,
    };
    Brain::new(around, watching, kept).live(taken, stop).await;
    tasks.shutdown().await;
    Ok(())
}

async fn open_sockets(
    config: &Config,
    roll: &Arc<Roll>,
    acceptor: Option<&tls::Acceptor>,
) -> Result<Vec<Socket>, Trouble> {
    let mut sockets = Vec::new();
    for one in &config.sockets {
        sockets.push(Socket {
            name: one.name.clone(),
            listener: command::listen(one.listen, acceptor.is_some()).await?,
            acceptor: acceptor.cloned(),
            importer: Importer::new(one.engine.into(), roll.clone()),
            connections_max: one.connections_max.clamp(1, 1_000),
        });
    }
    Ok(sockets)
}

fn start_files(
    config: &Config,
    roll: &Arc<Roll>,
    kept: &Kept,
    inputs: &mpsc::Sender<Input>,
    tasks: &mut JoinSet<()>,
) {
    let every = Duration::from_millis(config.every_millis.max(10));
    for one in &config.files {
        let importer = Importer::new(one.engine.into(), roll.clone());
        let position = kept.files.get(&one.name).cloned();
        let tail = Tail::new(one.path.clone(), importer, position, one.begin);
        tasks.spawn(read_always(one.name.clone(), tail, every, inputs.clone()));
    }
}

/// Reads a file for as long as somebody wants its lines. Reading waits for the disk: not on a thread that answers others.
async fn read_always(name: String, mut tail: Tail, every: Duration, inputs: mpsc::Sender<Input>) {
    let mut failed = false;
    loop {
        let stepping = tokio::task::spawn_blocking(move || {
            let step = tail.step(clock::now());
            (tail, step)
        });
        let Ok((back, step)) = stepping.await else { return };
        tail = back;
        match step {
            Ok(Some(step)) => {
                failed = false;
                let input = Input::Lines {
                    source: name.clone(),
                    findings: step.findings,
                    lines: step.lines,
                    position: Some(step.position),
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
                if step.is_full {
                    continue;
                }
            }
            Ok(None) => {}
            Err(error) => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::error!(source = name, %error, "a sensor's file cannot be read; trying on");
                }
            }
        }
        tokio::time::sleep(every).await;
    }
}

fn answerer(inputs: mpsc::Sender<Input>) -> http::Answerer {
    Arc::new(move |call: Call| {
        let inputs = inputs.clone();
        Box::pin(async move {
            match (&call.method, call.path.as_str()) {
                (&Method::GET, "/status") => {
                    let (reply, answer) = oneshot::channel();
                    // Both fail only while the process ends.
                    drop(inputs.send(Input::Ask(reply)).await);
                    match answer.await {
                        Ok(status) => Reply::json(&status),
                        Err(_ending) => Reply::refuse(503, "Wird beendet. / Ending."),
                    }
                }
                _ => Reply::not_found(&call.path),
            }
        })
    })
}
