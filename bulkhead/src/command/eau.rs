//! `bulkhead eau check FILE…`: judges sick notes by the rules of the field.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use eau::{Checked, Finding, Kind, Severity, Unreadable, Validator, Verdict};
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::report::{Code, Trouble};

/// Exit code when every file is valid.
const VALID: u8 = 0;
/// Exit code when at least one file breaks a rule.
const INVALID: u8 = 1;
/// Exit code when at least one file cannot be judged.
const UNREADABLE: u8 = 2;

/// What to do with sick notes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prüfen: 0 gültig, 1 ungültig mit Befunden, 2 unlesbar. / Check: 0 valid, 1 invalid with findings, 2 unreadable.
    Check(Check),
}

/// Which notes, by the rules of which day.
#[derive(Debug, Args)]
pub struct Check {
    /// eAU, Storno oder Fehlermeldung als FHIR-XML. / Note, cancellation or error message as FHIR XML.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Tag der Mail (Date), JJJJ-MM-TT; ohne Angabe das Ausstellungsdatum. / Day of the mail (Date), YYYY-MM-DD; by default the date of issue.
    #[arg(long)]
    date: Option<Date>,
    /// Ergebnis als JSON. / Result as JSON.
    #[arg(long)]
    json: bool,
}

/// Carries it out.
///
/// # Errors
/// [`Trouble`] when the program's own tables are damaged. What is wrong with a file is said in the result.
pub fn run(command: Command) -> Result<ExitCode, Trouble> {
    match command {
        Command::Check(arguments) => check(&arguments),
    }
}

/// One file and what became of it.
struct Outcome<'f> {
    file: &'f Path,
    result: Result<Checked, String>,
}

fn check(arguments: &Check) -> Result<ExitCode, Trouble> {
    let validator = Validator::new().map_err(|fault| {
        Trouble::because(
            Code::Files,
            "Die Regeltabellen der eAU sind beschädigt; bitte das Programm neu einspielen. / \
             The eAU rule tables are damaged; please reinstall the program.",
            fault,
        )
    })?;
    let judge = |file: &PathBuf| -> Result<Checked, String> {
        let bytes = read(file)?;
        validator.check(&bytes, arguments.date).map_err(|unreadable| said(&bytes, &unreadable))
    };
    let outcomes: Vec<Outcome<'_>> =
        arguments.files.iter().map(|file| Outcome { file, result: judge(file) }).collect();
    if arguments.json {
        let all: Vec<Value> = outcomes.iter().map(Outcome::json).collect();
        println!("{}", Value::Array(all));
    } else {
        outcomes.iter().for_each(Outcome::print);
    }
    let worst = outcomes.iter().map(Outcome::exit).max().unwrap_or(VALID);
    Ok(ExitCode::from(worst))
}

/// Reads a file, but never more than a note can have.
fn read(file: &Path) -> Result<Vec<u8>, String> {
    let limit = u64::try_from(eau::BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("nicht lesbar / cannot be read: {error}"))?;
    Ok(bytes)
}

/// Why a file was not judged. A signed envelope is named as such.
fn said(bytes: &[u8], unreadable: &Unreadable) -> String {
    // A signed envelope is a SEQUENCE (BER or DER); XML begins with a character.
    if bytes.first() == Some(&0x30) {
        return "ein signierter Umschlag (.p7s), kein XML / a signed envelope (.p7s), not XML".to_owned();
    }
    unreadable.to_string()
}

impl Outcome<'_> {
    fn exit(&self) -> u8 {
        match self.result.as_ref().map(Checked::verdict) {
            Ok(Verdict::Valid) => VALID,
            Ok(Verdict::Invalid) => INVALID,
            Err(_) => UNREADABLE,
        }
    }

    fn json(&self) -> Value {
        let file = self.file.display().to_string();
        match &self.result {
            Ok(checked) => json!({
                "file": file,
                "verdict": checked.verdict(),
                "kind": checked.kind,
                "version": checked.version,
                "identifier": checked.identifier,
                "sha256": checked.fingerprint,
                "findings": checked.findings,
            }),
            Err(reason) => json!({ "file": file, "verdict": "unreadable", "reason": reason }),
        }
    }

    fn print(&self) {
        let file = self.file.display();
        let checked = match &self.result {
            Ok(checked) => checked,
            Err(reason) => {
                println!("{file}: UNLESBAR / UNREADABLE: {reason}");
                return;
            }
        };
        let verdict = match checked.verdict() {
            Verdict::Valid => "gültig / valid",
            Verdict::Invalid => "UNGÜLTIG / INVALID",
        };
        let kind = match checked.kind {
            Kind::Note => "eAU",
            Kind::Storno => "Storno",
            Kind::FundError => "Fehlermeldung / error message",
        };
        println!("{file}: {verdict} ({kind} {})", checked.version);
        checked.findings.iter().for_each(print_finding);
    }
}

fn print_finding(finding: &Finding) {
    let weight = match finding.severity {
        Severity::Error => "Fehler / error",
        Severity::Report => "Hinweis / note",
    };
    println!("  {weight}: {}", finding.path);
    println!("    Regel / rule:       {}", finding.rule);
    println!("    erwartet / expects: {} / {}", finding.expected, finding.expected_english);
    if !finding.found.reveal().is_empty() {
        println!("    gefunden / found:   {}", finding.found.reveal());
    }
}
