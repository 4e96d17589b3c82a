//! `bulkhead rebuild`: a control room was lost; a new one puts itself together from the doors' ledgers and from checkpoints
//! that witnesses bring. Nothing is written while anything contradicts it, unless a person says so by name.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use evidence::{Brought, Feed, Recovery, SourceId, SourceKind};
use hyper::Method;
use record::{Note, Origin};
use vocabulary::EstateId;

use super::{connector, verify};
use crate::{
    clock, control,
    door_wire::LedgerPiece,
    http::{self, Endpoint},
    keys,
    report::{Code, Trouble},
};

/// How long a door process may take for one piece of its ledger.
const WAIT: Duration = Duration::from_secs(30);

/// Whom to ask, and what to believe.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Konfiguration des neuen Leitstands (TOML), mit `charter`. / Configuration of the new control room (TOML), with `charter`.
    #[arg(long)]
    config: PathBuf,
    /// Türprozesse, deren Protokolle gelesen werden, mehrfach. / Door processes whose ledgers are read, repeatable.
    #[arg(long = "door", required = true)]
    doors: Vec<SocketAddr>,
    /// Protokollstand, den ein Zeuge bringt (Datei), mehrfach. / Checkpoint that a witness brings (file), repeatable.
    #[arg(long = "checkpoint")]
    notes: Vec<PathBuf>,
    /// Trotz der genannten Widersprüche anlegen; eine Person hat jeden gelesen. / Begin in spite of the contradictions named; a
    /// person has read each.
    #[arg(long)]
    contradictions_read: bool,
}

/// Does it; exit code 1 when something contradicts and nobody said it was read: then nothing was written.
///
/// # Errors
/// [`Trouble`] when a door cannot be reached, or a control room lies there already.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let config: control::Config = super::process::load(&arguments.config)?;
    let Some(charter) = config.charter else {
        return Err(Trouble::new(
            Code::Config,
            "In der Konfiguration fehlt `charter`, der Fingerabdruck der ersten Verfassung vom Papier. / The configuration lacks \
             `charter`, the digest of the first charter from the paper.",
        ));
    };
    for folder in ["log", "journal"] {
        let path = config.dir.join(folder);
        if path.exists() {
            let name = path.display();
            return Err(Trouble::new(
                Code::Ledger,
                format!(
                    "{name} liegt schon da; ein Leitstand wird nicht überschrieben. / {name} is there already; a control room \
                     is not overwritten."
                ),
            ));
        }
    }
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
    let mut brought = Vec::new();
    for door in &arguments.doors {
        let asked = runtime.block_on(ask(&config, *door))?;
        println!(
            "{door}: {} Einträge von / entries of {}",
            asked.entries.len(),
            asked.feed.source
        );
        brought.push(asked);
    }
    let notes = verify::brought(&arguments.notes)?;
    let recovery =
        evidence::recover_authority(&config.estate, charter, &brought, &notes).map_err(unusable)?;
    tell(&recovery);
    if !recovery.contradictions.is_empty() && !arguments.contradictions_read {
        println!(
            "Nichts wurde geschrieben. Wer jeden Widerspruch gelesen hat, nennt --contradictions-read. / Nothing was written. \
             Whoever has read each contradiction names --contradictions-read."
        );
        return Ok(ExitCode::FAILURE);
    }
    begin(&config, charter, &recovery, &brought, &notes)?;
    Ok(ExitCode::SUCCESS)
}

fn begin(
    config: &control::Config,
    charter: vocabulary::Digest,
    recovery: &Recovery,
    brought: &[Brought],
    notes: &[Note],
) -> Result<(), Trouble> {
    let ledger = recovery
        .recreate(&config.dir.join("log"), &config.estate)
        .map_err(unusable)?;
    drop(ledger);
    let rebuilt = evidence::rebuild(
        &config.dir.join("journal"),
        &config.estate,
        charter,
        brought,
        notes,
        clock::now(),
    )
    .map_err(unusable)?;
    let doors = rebuilt.journal.picture().doors().len();
    println!("{doors} Türen im Bild. / {doors} doors in the picture.");
    for (file, origin) in [
        ("log.key", clearance::authority_origin(&config.estate)),
        ("journal.key", evidence::journal_origin(&config.estate)),
    ] {
        let path = config.dir.join(file);
        if path.exists() {
            continue;
        }
        let origin = origin.map_err(|error| unusable(error.into()))?;
        let key = keys::log_key(&path, &origin)?;
        println!(
            "Neuer Schlüssel für {origin}; jeder Zeuge muss ihn eintragen, sonst wird keine Sicht frisch: / \
             New key for {origin}; every witness must enter it, or no view becomes fresh:\n  {}",
            key.verifier()
        );
    }
    Ok(())
}

fn tell(recovery: &Recovery) {
    let len = recovery.entries.len();
    println!("Weisungsprotokoll: {len} Einträge. / Authority log: {len} entries.");
    match &recovery.cosigned {
        Some(seen) => println!(
            "Bezeugt bis {} ({}). / Witnessed up to {} ({}).",
            seen.size, seen.at, seen.size, seen.at
        ),
        None => println!("Kein bezeugter Stand wurde gebracht. / No witnessed checkpoint was brought."),
    }
    if recovery.unwitnessed > 0 {
        let count = recovery.unwitnessed;
        println!(
            "{count} Einträge danach hat kein Quorum gesehen. / {count} entries after it were seen by no quorum."
        );
    }
    for contradiction in &recovery.contradictions {
        println!("WIDERSPRUCH / CONTRADICTION: {contradiction}");
    }
}

fn unusable(error: evidence::Error) -> Trouble {
    Trouble::because(
        Code::Ledger,
        "Der Leitstand kann so nicht neu beginnen. / The control room cannot begin anew like this.",
        error,
    )
}

/// Reads the whole ledger of one door process.
async fn ask(config: &control::Config, door: SocketAddr) -> Result<Brought, Trouble> {
    let tls = connector(config.tls.as_deref())?;
    let endpoint = Endpoint { address: door, tls };
    let mut entries = Vec::new();
    loop {
        let path = format!("/ledger?from={}", entries.len());
        let piece: LedgerPiece = http::call_json(&endpoint, Method::GET, &path, Vec::new(), WAIT)
            .await
            .map_err(|error| {
                Trouble::because(
                    Code::Unreached,
                    format!("Die Türen an {door} geben ihr Protokoll nicht. / The doors at {door} do not give their ledger."),
                    error,
                )
            })?;
        let bytes = piece
            .entries
            .iter()
            .map(hex::decode)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                Trouble::because(
                    Code::Ledger,
                    format!(
                        "Die Antwort von {door} ist nicht lesbar. / The answer of {door} cannot be read."
                    ),
                    error.to_string(),
                )
            })?;
        let is_last = bytes.is_empty();
        entries.extend(bytes);
        if is_last || entries.len() as u64 >= piece.head.len {
            let feed = Feed {
                source: source(&config.estate, &piece)?,
                kind: SourceKind::Doors,
            };
            return Ok(Brought {
                feed,
                entries,
                claimed: Some(piece.head),
            });
        }
    }
}

fn source(estate: &EstateId, piece: &LedgerPiece) -> Result<SourceId, Trouble> {
    let name = format!("{estate}/doors/{}", piece.store);
    Origin::new(&name).map(SourceId).map_err(|error| {
        Trouble::because(
            Code::Ledger,
            format!("{name} ist kein Name eines Protokolls. / {name} is no name of a ledger."),
            error,
        )
    })
}
