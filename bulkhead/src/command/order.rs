//! `bulkhead order` and `bulkhead status`: delivering signed statements, asking doors where they stand.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Subcommand};
use hyper::Method;
use vocabulary::{Envelope, Seconds};

use super::{identity, tls_trouble};
use crate::{
    door_wire::{Outcome, StatusReply, TryOpening},
    http::{self, CallError, Endpoint},
    report::{Code, Trouble},
};

/// Longest wait for an answer; a door that takes longer is "unreached".
const WAIT: Duration = Duration::from_secs(30);

/// What can be delivered.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Eine gezeichnete Schließung unmittelbar an eine Tür geben, auch wenn sonst alles aus ist. / Hand a signed closing straight to a door, with everything else off.
    Close {
        /// Gezeichnete Erklärung. / Signed statement.
        file: PathBuf,
        /// Which door process.
        #[command(flatten)]
        door: Door,
    },
    /// Eine gezeichnete Erklärung ins Befehlsprotokoll geben. / Hand a signed statement to the authority log.
    Send {
        /// Gezeichnete Erklärung. / Signed statement.
        file: PathBuf,
        /// Adresse des Leitstands. / Address of the control room.
        #[arg(long)]
        control: SocketAddr,
        /// Ordner mit ca.pem, cert.pem, key.pem. / Folder with ca.pem, cert.pem, key.pem.
        #[arg(long)]
        tls: Option<PathBuf>,
    },
    /// Eine Öffnung an einer Tür versuchen; die Tür sagt, was fehlt. / Try an opening at a door; the door says what is missing.
    Open {
        /// Gezeichnete Öffnung, schon im Befehlsprotokoll. / Signed opening, already in the authority log.
        file: PathBuf,
        /// Which door process.
        #[command(flatten)]
        door: Door,
    },
}

/// Which door process.
#[derive(Debug, Args)]
pub struct Door {
    /// Adresse des Türprozesses. / Address of the door process.
    #[arg(long)]
    door: SocketAddr,
    /// Ordner mit ca.pem, cert.pem, key.pem. / Folder with ca.pem, cert.pem, key.pem.
    #[arg(long)]
    tls: Option<PathBuf>,
    /// Ergebnis als JSON. / Result as JSON.
    #[arg(long)]
    json: bool,
}

/// `bulkhead status`.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    door: Door,
}

/// Does it.
///
/// # Errors
/// [`Trouble`] when nobody answers; a refusal is printed and leads to exit code 1.
pub fn run(command: Command) -> Result<ExitCode, Trouble> {
    match command {
        Command::Close { file, door } => deliver(&door, "/close", serde_json::to_vec(&read(&file)?)),
        Command::Open { file, door } => {
            let asked = TryOpening {
                opening: read(&file)?.id(),
                wait: Seconds(10),
            };
            deliver(&door, "/open", serde_json::to_vec(&asked))
        }
        Command::Send { file, control, tls } => {
            let endpoint = endpoint(control, tls.as_deref())?;
            match ask(&endpoint, "/statement", serde_json::to_vec(&read(&file)?)) {
                Ok(answer) => {
                    println!("{}", String::from_utf8_lossy(&answer));
                    Ok(ExitCode::SUCCESS)
                }
                Err(error) => refused(error),
            }
        }
    }
}

/// Prints where every door of a process stands.
///
/// # Errors
/// [`Trouble`] when nobody answers.
pub fn status(arguments: Status) -> Result<ExitCode, Trouble> {
    let answer = get(arguments.door.door, arguments.door.tls.as_deref(), "/status")?;
    if arguments.door.json {
        println!("{}", String::from_utf8_lossy(&answer));
        return Ok(ExitCode::SUCCESS);
    }
    let status: StatusReply = serde_json::from_slice(&answer).map_err(|error| {
        Trouble::because(
            Code::Unreached,
            "Die Antwort der Tür ist nicht lesbar. / The door's answer cannot be read.",
            error,
        )
    })?;
    print!("{status}");
    Ok(ExitCode::SUCCESS)
}

/// Asks one of our parts a question.
///
/// # Errors
/// [`Trouble`] when nobody answers, or the answer is a refusal.
pub fn get(address: SocketAddr, tls: Option<&Path>, path: &str) -> Result<Vec<u8>, Trouble> {
    let endpoint = endpoint(address, tls)?;
    block_on(http::call(&endpoint, Method::GET, path, Vec::new(), WAIT))?.map_err(|error| match error {
        error @ CallError::Refused { .. } => Trouble::new(Code::Refused, error.to_string()),
        error @ (CallError::Unreached { .. } | CallError::Garbled { .. }) => unreached(error),
    })
}

fn deliver(door: &Door, path: &str, body: serde_json::Result<Vec<u8>>) -> Result<ExitCode, Trouble> {
    let endpoint = endpoint(door.door, door.tls.as_deref())?;
    match ask(&endpoint, path, body) {
        Ok(answer) if door.json => println!("{}", String::from_utf8_lossy(&answer)),
        Ok(answer) => {
            let outcome: Outcome = serde_json::from_slice(&answer).map_err(|error| {
                Trouble::because(
                    Code::Unreached,
                    "Die Antwort der Tür ist nicht lesbar. / The door's answer cannot be read.",
                    error,
                )
            })?;
            print!("{outcome}");
            if !outcome.refused.is_empty() {
                return Ok(ExitCode::from(1));
            }
        }
        Err(error) => return refused(error),
    }
    Ok(ExitCode::SUCCESS)
}

fn refused(error: CallError) -> Result<ExitCode, Trouble> {
    match error {
        CallError::Refused { sentence, .. } => {
            eprintln!("{sentence}\nHilfe / help: docs/errors/{}.md", Code::Refused);
            Ok(ExitCode::from(1))
        }
        error @ (CallError::Unreached { .. } | CallError::Garbled { .. }) => Err(unreached(error)),
    }
}

fn unreached(error: CallError) -> Trouble {
    Trouble::because(Code::Unreached, "Keine Antwort. / No answer.", error)
}

fn read(file: &Path) -> Result<Envelope, Trouble> {
    let text = super::read_text(file, Code::Statement)?;
    serde_json::from_str(&text).map_err(|error| {
        let name = file.display();
        Trouble::because(
            Code::Statement,
            format!("{name} ist keine gezeichnete Erklärung. / {name} is not a signed statement."),
            error,
        )
    })
}

fn endpoint(address: SocketAddr, tls: Option<&Path>) -> Result<Endpoint, Trouble> {
    let tls = tls
        .map(|folder| identity(folder)?.connector().map_err(tls_trouble))
        .transpose()?;
    Ok(Endpoint { address, tls })
}

fn ask(endpoint: &Endpoint, path: &str, body: serde_json::Result<Vec<u8>>) -> Result<Vec<u8>, CallError> {
    let body = body.map_err(|error| CallError::Garbled {
        address: endpoint.address,
        what: error.to_string(),
    })?;
    match block_on(http::call(endpoint, Method::POST, path, body, WAIT)) {
        Ok(answer) => answer,
        Err(trouble) => Err(CallError::Garbled {
            address: endpoint.address,
            what: trouble.to_string(),
        }),
    }
}

fn block_on<F: Future>(future: F) -> Result<F::Output, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Trouble::because(
                Code::Files,
                "Der Prozess kann nicht arbeiten. / The process cannot work.",
                error,
            )
        })?;
    Ok(runtime.block_on(future))
}
