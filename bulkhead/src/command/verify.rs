//! `bulkhead verify DIR`: checks a copy of a ledger with no server.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::report::{Code, Trouble};

/// What to check, and whom to trust.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Ordner des Protokolls oder einer Kopie. / Folder of the ledger or of a copy.
    dir: PathBuf,
    /// Öffentlicher Schlüssel eines Zeugen oder des Protokolls (vkey), mehrfach möglich. / Public key of a witness or of the log (vkey), repeatable.
    #[arg(long = "key")]
    keys: Vec<String>,
    /// Protokollstand von außen (Datei), mehrfach möglich. / Checkpoint from outside (file), repeatable.
    #[arg(long = "checkpoint")]
    notes: Vec<PathBuf>,
    /// Ergebnis als JSON. / Result as JSON.
    #[arg(long)]
    json: bool,
}

/// Reads the checkpoints somebody brought along. They are what makes a check worth something: whoever owns the folder
/// owns the checkpoints in it.
pub(super) fn brought(paths: &[PathBuf]) -> Result<Vec<record::Note>, Trouble> {
    let read = |path: &PathBuf| {
        let text = super::read_text(path, Code::Ledger)?;
        text.parse().map_err(|error| {
            let name = path.display();
            Trouble::because(
                Code::Ledger,
                format!("{name} ist kein Protokollstand. / {name} is not a checkpoint."),
                error,
            )
        })
    };
    paths.iter().map(read).collect()
}

/// Checks it; exit code 1 when something is not as it was recorded.
///
/// # Errors
/// [`Trouble`] when the folder holds no ledger or a key cannot be read.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let mut trust = record::verify::Trust::default();
    let mut witnesses = std::collections::BTreeMap::new();
    for text in &arguments.keys {
        let key: record::VerifierKey = text.parse().map_err(|error| {
            Trouble::because(
                Code::Keys,
                format!("{text}: kein Schlüssel. / {text}: not a key."),
                error,
            )
        })?;
        match key.kind() {
            record::KeyKind::Log => trust.log.push(key),
            record::KeyKind::Witness => {
                let name = key.name().as_str().parse().map_err(|error| {
                    Trouble::because(
                        Code::Keys,
                        format!("{text}: kein Name eines Zeugen. / {text}: not a witness's name."),
                        error,
                    )
                })?;
                witnesses.insert(name, key);
            }
        }
    }
    if !witnesses.is_empty() {
        let all = witnesses.len();
        trust.witnesses = Some(record::WitnessSet::new(witnesses, all).map_err(|error| {
            Trouble::because(
                Code::Keys,
                "Die Zeugen sind nicht brauchbar. / The witnesses are not usable.",
                error,
            )
        })?);
    }
    let name = arguments.dir.display();
    let unreadable = |error| {
        Trouble::because(
            Code::Ledger,
            format!("{name} ist nicht prüfbar. / Cannot check {name}."),
            error,
        )
    };
    let origin = ledger::origin_of(&arguments.dir).map_err(unreadable)?;
    let report =
        ledger::verify(&arguments.dir, &origin, &brought(&arguments.notes)?, &trust).map_err(unreadable)?;
    if arguments.json {
        println!(
            "{}",
            serde_json::json!({ "sound": report.is_sound(), "report": report.to_string() })
        );
    } else {
        println!("{report}");
    }
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
