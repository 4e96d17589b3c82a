//! `bulkhead estate`: check, sample, import.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use serde_json::json;

use super::read_text;
use crate::report::{Code, Trouble};

/// What can be done with an estate file.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prüfen; jeder Fehler mit Zeile und Abhilfe. / Check; every mistake with its line and what to do.
    Check {
        /// TOML-Datei. / TOML file.
        file: PathBuf,
        /// Ergebnis als JSON. / Result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ein vollständiges, erfundenes Muster ausgeben. / Print a complete, invented sample.
    Sample {
        /// Startwert der Erfindung. / Seed of the invention.
        #[arg(long, default_value_t = 2023)]
        seed: u64,
    },
    /// Eine Kassenliste (CSV) in einen Verbund übernehmen. / Turn a list of insurers (CSV) into an estate.
    Import {
        /// CSV-Datei. / CSV file.
        #[arg(long)]
        insurers: PathBuf,
    },
}

/// Does it.
///
/// # Errors
/// [`Trouble`] when a file cannot be read; mistakes in it are printed and lead to exit code 1.
pub fn run(command: Command) -> Result<ExitCode, Trouble> {
    match command {
        Command::Sample { seed } => {
            print!("{}", estate::sample(estate::Seed(seed)));
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { file, json } => {
            let text = read_text(&file, Code::Estate)?;
            match estate::check(&text, &file.display().to_string()) {
                Ok(estate) => {
                    tell(&estate, json);
                    Ok(ExitCode::SUCCESS)
                }
                Err(mistakes) => Ok(mistaken(&mistakes, json)),
            }
        }
        Command::Import { insurers } => {
            let text = read_text(&insurers, Code::Estate)?;
            match estate::import(&text, &insurers.display().to_string()) {
                Ok(toml) => {
                    print!("{toml}");
                    Ok(ExitCode::SUCCESS)
                }
                Err(mistakes) => Ok(mistaken(&mistakes, false)),
            }
        }
    }
}

fn tell(estate: &estate::Estate, json: bool) {
    let (insurers, sites) = (estate.insurers().len(), estate.sites().len());
    let (doors, insured) = (estate.doors().count(), estate.insured().0);
    if json {
        let told = json!({
            "valid": true, "estate": estate.id(), "digest": estate.digest(),
            "insurers": insurers, "sites": sites, "doors": doors, "insured": insured,
        });
        println!("{told}");
    } else {
        println!(
            "{}: gültig; {insurers} Kassen, {sites} Rechenzentren, {doors} Türen, {insured} Versicherte. / \
             valid; {insurers} insurers, {sites} data centres, {doors} doors, {insured} insured persons.",
            estate.id()
        );
    }
}

fn mistaken(mistakes: &estate::Mistakes, json: bool) -> ExitCode {
    if json {
        let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        println!("{}", json!({ "valid": false, "mistakes": list }));
    } else {
        eprintln!("{mistakes}");
        eprintln!("Hilfe / help: docs/errors/{}.md", Code::Estate);
    }
    ExitCode::from(1)
}
