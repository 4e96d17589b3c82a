//! Starting the long-running parts, and checking or explaining their configuration.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::read_text;
use crate::{
    control, door_process, emergency, probe, publish,
    report::{Code, Trouble},
    warn, witness,
};

/// Which file to start from.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Konfiguration (TOML). / Configuration (TOML).
    #[arg(long)]
    config: PathBuf,
}

/// `bulkhead door`.
#[derive(Debug, Args)]
pub struct DoorArguments {
    /// Konfiguration (TOML). / Configuration (TOML).
    #[arg(long)]
    config: PathBuf,
    /// Die Türen dieses Prozesses einmalig eintragen, ohne zu starten. / Enrol the doors of this process, once, without starting.
    #[arg(long)]
    enrol: bool,
}

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Prüfen, ohne zu starten. / Check without starting.
    Check {
        /// Konfiguration (TOML). / Configuration (TOML).
        file: PathBuf,
        /// Wofür. / What for.
        #[arg(long = "for", value_enum)]
        part: Part,
    },
    /// Jeden Wert zeigen und woher er kommt. / Show every value and where it comes from.
    Show {
        /// Konfiguration (TOML). / Configuration (TOML).
        file: PathBuf,
        /// Wofür. / What for.
        #[arg(long = "for", value_enum)]
        part: Part,
    },
}

/// A part that is started from a configuration.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Part {
    /// Türprozess. / Door process.
    Door,
    /// Leitstand. / Control room.
    Control,
    /// Zeuge. / Witness.
    Witness,
    /// Probe. / Prober.
    Probe,
    /// Veröffentlichung. / Publisher.
    Publish,
    /// Ruf. / Call-out.
    Callout,
    /// Krisenheft. / Booklet.
    Booklet,
    /// Was im Frieden festgestellt wurde (`readiness.toml`). / What was found out in peace (`readiness.toml`).
    Readiness,
    /// Warnung. / Warning.
    Warn,
    /// Notumgebung. / Emergency environment.
    Emergency,
}

/// Reads a configuration; unknown keys are errors, and the sentence names line and column.
///
/// # Errors
/// [`Trouble`] with the place in the file.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Trouble> {
    let text = read_text(path, Code::Config)?;
    toml::from_str(&text).map_err(|error| {
        let name = path.display();
        Trouble::because(
            Code::Config,
            format!("{name} hat einen Fehler. / {name} has a mistake."),
            error,
        )
    })
}

/// Runs a part until SIGINT or SIGTERM; a second signal ends it at once.
fn run_until_signal<F, R>(name: &'static str, workers: usize, part: F) -> Result<ExitCode, Trouble>
where
    F: FnOnce(watch::Receiver<bool>) -> R,
    R: Future<Output = Result<(), Trouble>>,
{
    crate::log::to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|error| {
            Trouble::because(
                Code::Files,
                "Der Prozess kann keine Fäden starten. / Cannot start threads.",
                error,
            )
        })?;
    runtime.block_on(async {
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(stop_on_signal(stop));
        part(stopping).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Turns the first signal into an orderly stop and the second into an immediate end. Lives as long as the process.
async fn stop_on_signal(stop: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    for asked in 0..2 {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if asked == 0 {
            stop.send_replace(true);
        }
    }
    std::process::exit(130);
}

/// `bulkhead door`.
///
/// # Errors
/// [`Trouble`] that kept it from starting or made it stop.
pub fn door(arguments: &DoorArguments) -> Result<ExitCode, Trouble> {
    let config: door_process::Config = load(&arguments.config)?;
    if arguments.enrol {
        let enrolment = door_process::enrol(&config)?;
        let count = enrolment.doors().len();
        println!(
            "{count} Türen eingetragen; alle stehen geschlossen. / {count} doors enrolled; all stand contained."
        );
        return Ok(ExitCode::SUCCESS);
    }
    run_until_signal("door", 2, |stop| door_process::run(config, stop))
}

/// `bulkhead control`.
///
/// # Errors
/// As [`door`].
pub fn control(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let config = load(&arguments.config)?;
    run_until_signal("control", 2, |stop| control::run(config, stop))
}

/// `bulkhead witness`.
///
/// # Errors
/// As [`door`].
pub fn witness(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let config = load(&arguments.config)?;
    run_until_signal("witness", 1, |stop| witness::run(config, stop))
}

/// `bulkhead probe`.
///
/// # Errors
/// As [`door`].
pub fn probe(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let config = load(&arguments.config)?;
    run_until_signal("probe", 1, |stop| probe::run(config, stop))
}

/// `bulkhead publish`.
///
/// # Errors
/// As [`door`].
pub fn publish(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let config = load(&arguments.config)?;
    run_until_signal("publish", 1, |stop| publish::run(config, stop))
}

/// `bulkhead warn`.
///
/// # Errors
/// As [`door`].
pub fn warn(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let config = load(&arguments.config)?;
    run_until_signal("warn", 1, |stop| warn::run(config, stop))
}

/// `bulkhead emergency`.
///
/// # Errors
/// As [`door`].
pub fn emergency(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let config = load(&arguments.config)?;
    run_until_signal("emergency", 2, |stop| emergency::run(config, stop))
}

/// `bulkhead config`.
///
/// # Errors
/// [`Trouble`] with the place in the file.
pub fn config(command: ConfigCommand) -> Result<ExitCode, Trouble> {
    let (file, part, explain) = match command {
        ConfigCommand::Check { file, part } => (file, part, false),
        ConfigCommand::Show { file, part } => (file, part, true),
    };
    let (given, effective) = match part {
        Part::Door => both::<door_process::Config>(&file)?,
        Part::Control => both::<control::Config>(&file)?,
        Part::Witness => both::<witness::Config>(&file)?,
        Part::Probe => both::<probe::Config>(&file)?,
        Part::Publish => both::<publish::Config>(&file)?,
        Part::Callout => both::<crate::callout::Config>(&file)?,
        Part::Booklet => both::<super::booklet::Settings>(&file)?,
        Part::Readiness => both::<control::others::Peace>(&file)?,
        Part::Warn => both::<warn::Config>(&file)?,
        Part::Emergency => both::<emergency::Config>(&file)?,
    };
    if explain {
        show(&file, &given, &effective, "");
    } else {
        println!("{}: in Ordnung. / in order.", file.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The file as it was written, and the values that are in force.
fn both<T: DeserializeOwned + serde::Serialize>(file: &Path) -> Result<(toml::Table, toml::Table), Trouble> {
    let config: T = load(file)?;
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Config,
            "Die Einstellungen sind nicht darstellbar. / Cannot show the configuration.",
            error,
        )
    };
    let given = read_text(file, Code::Config)?
        .parse::<toml::Table>()
        .map_err(|error| wrong(error.into()))?;
    let effective = toml::Table::try_from(&config).map_err(|error| wrong(error.into()))?;
    Ok((given, effective))
}

fn show(file: &Path, given: &toml::Table, effective: &toml::Table, above: &str) {
    let names: std::collections::BTreeSet<&String> = given.keys().chain(effective.keys()).collect();
    for key in names {
        let name = if above.is_empty() {
            key.clone()
        } else {
            format!("{above}.{key}")
        };
        let (written, used) = (given.get(key), effective.get(key));
        match (written, used) {
            (Some(toml::Value::Table(written)), Some(toml::Value::Table(used))) => {
                show(file, written, used, &name)
            }
            (None, Some(toml::Value::Table(used))) => show(file, &toml::Table::new(), used, &name),
            (Some(toml::Value::Table(written)), None) => show(file, written, &toml::Table::new(), &name),
            (Some(value), _) => println!("{name} = {}    # {}", in_words(value), file.display()),
            (None, Some(value)) => println!("{name} = {}    # Voreinstellung / default", in_words(value)),
            (None, None) => {}
        }
    }
}

fn in_words(value: &toml::Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "?".to_owned())
}
