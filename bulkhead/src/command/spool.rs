//! `bulkhead spool`: asking a running door process about what it holds, and checking a spool that no process has open.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::order::get;
use crate::report::{Code, Trouble};

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
    /// Ruhenden Speicher prüfen, jedes Byte. / Check a spool that no process has open, every byte.
    Check(Checking),
}

/// What to check.
#[derive(Debug, Args)]
pub struct Checking {
    /// Erster Speicherort. / The first store.
    dir: PathBuf,
    /// Weitere Kopie; mehrfach möglich. / A further copy; may be repeated.
    #[arg(long)]
    copy: Vec<PathBuf>,
    /// Befunde als JSON. / Findings as JSON.
    #[arg(long)]
    json: bool,
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

/// Asks or checks, and prints the answer. Ends with 1 when a check found something.
///
/// # Errors
/// [`Trouble`] when nobody answers, or when the spool to be checked is in use.
pub fn run(command: Command) -> Result<ExitCode, Trouble> {
    let (path, asking) = match command {
        Command::Certificate(asking) => ("/spool/certificate", asking),
        Command::Status(asking) => ("/spool/status", asking),
        Command::Keys(asking) => ("/spool/keys", asking),
        Command::Recipient(asking) => ("/spool/recipient", asking),
        Command::Check(checking) => return check(&checking),
    };
    let path = match &asking.insurer {
        Some(insurer) => format!("{path}?insurer={insurer}"),
        None => path.to_owned(),
    };
    let answer = get(asking.door, asking.tls.as_deref(), &path)?;
    println!("{}", String::from_utf8_lossy(&answer).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn check(checking: &Checking) -> Result<ExitCode, Trouble> {
    let name = checking.dir.display();
    let report = spool::check(&checking.dir, &checking.copy).map_err(|error| {
        let sentence = format!(
            "Der Speicher {name} kann jetzt nicht geprüft werden; den Türprozess vorher beenden. / \
             The spool {name} cannot be checked now; end its door process first."
        );
        Trouble::because(Code::Spool, sentence, error)
    })?;
    if checking.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| {
            let sentence = "Der Bericht ist nicht darstellbar. / The report cannot be written down.";
            Trouble::because(Code::Spool, sentence.to_owned(), error)
        })?;
        println!("{json}");
    } else {
        println!("{report}");
    }
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
