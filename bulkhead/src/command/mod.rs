//! What can be typed: one subcommand per job, each with `--json` where a script may want it.

pub mod booklet;
pub mod callout;
pub mod contacts;
pub mod eau;
pub mod estate;
pub mod onboard;
pub mod order;
pub mod process;
mod rebuild;
pub mod sign;
pub mod spool;
pub mod verify;

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};
use ledger::Ledger;
use record::Origin;
use tokio::net::TcpListener;

use crate::{
    exercise,
    report::{Code, Trouble},
    tls,
};

/// Schotten für einen gemeinsamen IT-Dienstleister: schließt in Sekunden, verliert nichts, öffnet nur mit Nachweis. /
/// Watertight doors for a shared IT provider: closes in seconds, loses nothing, opens only with proof.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Übung: das ganze System auf diesem Rechner, nach Drehbuch. / Drill: the whole system on this machine, by script.
    Drill(exercise::Arguments),
    /// Den Verbund prüfen, ein Muster zeigen, Kassen übernehmen. / Check an estate, show a sample, import insurers.
    #[command(subcommand)]
    Estate(estate::Command),
    /// Erklärungen entwerfen, als Satz lesen und zeichnen. / Draft statements, read them as a sentence, sign them.
    Sign(sign::Arguments),
    /// Gezeichnete Erklärungen zustellen. / Deliver signed statements.
    #[command(subcommand)]
    Order(order::Command),
    /// Stellung aller Türen eines Prozesses. / Position of every door of a process.
    Status(order::Status),
    /// Ein Protokoll ohne Server prüfen. / Check a ledger with no server.
    Verify(verify::Arguments),
    /// Einen verlorenen Leitstand aus den Türen neu beginnen. / Begin a lost control room anew from the doors.
    Rebuild(rebuild::Arguments),
    /// Einen Zwischenspeicher prüfen oder abrechnen. / Check a spool or draw up its certificate.
    #[command(subcommand)]
    Spool(spool::Command),
    /// Türprozess: Türen, Speicher, drei Postfronten. / Door process: doors, spool, three mail fronts.
    Door(process::DoorArguments),
    /// Leitstand: hält das Befehlsprotokoll. / Control room: keeps the authority log.
    Control(process::Arguments),
    /// Zeuge: unterschreibt Stände mit. / Witness: co-signs checkpoints.
    Witness(process::Arguments),
    /// Probe: versucht durchzukommen. / Prober: tries to get through.
    Probe(process::Arguments),
    /// Veröffentlichung: die Statusseite aus den Fakten. / Publisher: the status site from the facts.
    Publish(process::Arguments),
    /// Warnung: liest Sensoren und Türen, meldet, nutzt nur Dauerbefehle. / Warning: reads sensors and doors, tells, uses standing orders only.
    Warn(process::Arguments),
    /// Notumgebung: liest, was Türen ihr gestatten, legt ab, antwortet nach Freigabe. / Emergency environment: reads what doors grant, files it, answers what was released.
    Emergency(process::Arguments),
    /// Krankschreibungen nach den Regeln des Fachs prüfen. / Check sick notes by the rules of the field.
    #[command(subcommand)]
    Eau(eau::Command),
    /// Eine Kasse bereit machen: die Liste, Schritt für Schritt. / Make an insurer ready: the list, step by step.
    Onboard(onboard::Arguments),
    /// Kontaktbuch versiegeln oder zeigen. / Seal or show the contact book.
    #[command(subcommand)]
    Contacts(contacts::Command),
    /// Menschen rufen, auf zwei unabhängigen Wegen. / Call people out, on two independent ways.
    Callout(callout::Arguments),
    /// Das Krisenheft für Papier. / The crisis booklet for paper.
    Booklet(booklet::Arguments),
    /// Einstellungen prüfen oder erklären. / Check or explain a configuration.
    #[command(subcommand)]
    Config(process::ConfigCommand),
}

impl Cli {
    /// Does what was typed.
    ///
    /// # Errors
    /// [`Trouble`] with a code, a sentence and a page.
    pub fn run(self) -> Result<ExitCode, Trouble> {
        match self.command {
            Command::Drill(arguments) => exercise::run(arguments),
            Command::Estate(command) => estate::run(command),
            Command::Sign(command) => sign::run(command),
            Command::Order(command) => order::run(command),
            Command::Status(arguments) => order::status(arguments),
            Command::Verify(arguments) => verify::run(&arguments),
            Command::Rebuild(arguments) => rebuild::run(&arguments),
            Command::Spool(command) => spool::run(command),
            Command::Door(arguments) => process::door(&arguments),
            Command::Control(arguments) => process::control(&arguments),
            Command::Witness(arguments) => process::witness(&arguments),
            Command::Probe(arguments) => process::probe(&arguments),
            Command::Publish(arguments) => process::publish(&arguments),
            Command::Warn(arguments) => process::warn(&arguments),
            Command::Emergency(arguments) => process::emergency(&arguments),
            Command::Eau(command) => eau::run(command),
            Command::Onboard(arguments) => onboard::run(&arguments),
            Command::Contacts(command) => contacts::run(command),
            Command::Callout(arguments) => callout::run(&arguments),
            Command::Booklet(arguments) => booklet::run(&arguments),
            Command::Config(command) => process::config(command),
        }
    }
}

/// Reads a text file.
///
/// # Errors
/// [`Trouble`] with the file's name.
pub fn read_text(path: &Path, code: Code) -> Result<String, Trouble> {
    let name = path.display();
    std::fs::read_to_string(path).map_err(|error| {
        Trouble::because(
            code,
            format!("{name} ist nicht lesbar. / Cannot read {name}."),
            error,
        )
    })
}

/// Opens a listener. Outside loopback only with TLS.
///
/// # Errors
/// [`Trouble`] when the address is taken or would be open to the world in plain text.
pub async fn listen(address: std::net::SocketAddr, tls: bool) -> Result<TcpListener, Trouble> {
    may_listen(address, tls)?;
    TcpListener::bind(address).await.map_err(|error| {
        Trouble::because(
            Code::Listen,
            format!("{address} kann nicht geöffnet werden. / Cannot listen on {address}."),
            error,
        )
    })
}

/// Refuses plain text beyond loopback.
///
/// # Errors
/// [`Trouble`] with what to configure.
pub fn may_listen(address: std::net::SocketAddr, tls: bool) -> Result<(), Trouble> {
    if !tls && !address.ip().is_loopback() {
        return Err(Trouble::new(
            Code::Listen,
            format!(
                "{address}: außerhalb von Loopback nur mit TLS; bitte `tls` angeben. / \
                 {address}: outside loopback only with TLS; please set `tls`."
            ),
        ));
    }
    Ok(())
}

/// Loads a part's TLS files.
///
/// # Errors
/// [`Trouble`] with the file that is wrong.
pub fn identity(folder: &Path) -> Result<tls::Identity, Trouble> {
    tls::Identity::load(folder).map_err(tls_trouble)
}

/// How a part with these TLS files talks to another; without files, in plain text, which only loopback allows.
///
/// # Errors
/// [`Trouble`] with the file that is wrong.
pub fn connector(folder: Option<&Path>) -> Result<Option<tls::Connector>, Trouble> {
    let identity = folder.map(identity).transpose()?;
    let connector = identity.as_ref().map(tls::Identity::connector);
    connector.transpose().map_err(tls_trouble)
}

/// TLS trouble as an operator meets it.
pub fn tls_trouble(error: tls::TlsError) -> Trouble {
    Trouble::because(
        Code::Keys,
        "TLS ist nicht eingerichtet. / TLS is not set up.",
        error,
    )
}

/// Opens a ledger, or makes it where there is none yet.
///
/// # Errors
/// [`Trouble`] when it is damaged, foreign or in use.
pub fn open_or_create_ledger(folder: &Path, origin: &Origin) -> Result<Ledger, Trouble> {
    let name = folder.display();
    let opened = match Ledger::open(folder, origin) {
        Err(ledger::Error::NotALedger(_)) => {
            crate::files::make_private_folder(folder).map_err(|error| {
                Trouble::because(
                    Code::Files,
                    format!("{name} kann nicht angelegt werden. / Cannot make {name}."),
                    error,
                )
            })?;
            Ledger::create(folder, origin)
        }
        Ok((ledger, recovered)) => {
            if recovered.cut_bytes > 0 {
                tracing::warn!(folder = %name, bytes = recovered.cut_bytes, "torn tail cut");
            }
            Ok(ledger)
        }
        Err(error) => Err(error),
    };
    opened.map_err(|error| {
        Trouble::because(
            Code::Ledger,
            format!("Protokoll {name} ist nicht brauchbar. / Ledger {name} is not usable."),
            error,
        )
    })
}
