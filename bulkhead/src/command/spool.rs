//! `bulkhead spool`: asking a running door process about what it holds.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::order::get;
use crate::report::Trouble;

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Abrechnung: angeboten, angenommen, gespeichert, übergeben. / Certificate: offered, accepted, held, handed over.
    Certificate(Asking),
    /// Zustand der Speicherorte und Zellen. / State of stores and cells.
    Status(Asking),
    /// Verpackte Schlüssel einer Kasse, für ihre Zustimmung. / An insurer's wrapped keys, for its consent.
    Keys(Asking),
    /// Empfänger, für den eine Kasse ihre Schlüssel neu verpackt. / Recipient an insurer re-wraps its keys to.
    Recipient(Asking),
}

/// Whom to ask.
#[derive(Debug, Args)]
pub struct Asking {
    /// Adresse des Türprozesses. / Address of the door process.
    #[arg(long)]
    door: SocketAddr,
    /// Nur diese Kasse. / Only this insurer.
    #[arg(long)]
    insurer: Option<String>,
    /// Ordner mit ca.pem, cert.pem, key.pem. / Folder with ca.pem, cert.pem, key.pem.
    #[arg(long)]
    tls: Option<PathBuf>,
}

/// Asks and prints the answer.
///
/// # Errors
/// [`Trouble`] when nobody answers.
pub fn run(command: Command) -> Result<ExitCode, Trouble> {
    let (path, asking) = match command {
        Command::Certificate(asking) => ("/spool/certificate", asking),
        Command::Status(asking) => ("/spool/status", asking),
        Command::Keys(asking) => ("/spool/keys", asking),
        Command::Recipient(asking) => ("/spool/recipient", asking),
    };
    let path = match &asking.insurer {
        Some(insurer) => format!("{path}?insurer={insurer}"),
        None => path.to_owned(),
    };
    let answer = get(asking.door, asking.tls.as_deref(), &path)?;
    println!("{}", String::from_utf8_lossy(&answer).trim_end());
    Ok(ExitCode::SUCCESS)
}
