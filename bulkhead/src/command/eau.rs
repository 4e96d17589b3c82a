//! `bulkhead eau check FILE…`: judges sick notes by the rules of the field, plain or in their signed envelope.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use eau::{Checked, Finding, Kind, Severity, Validator, Verdict};
use jiff::civil::Date;
use serde_json::{Value, json};
use smime::{Checks, Ground, TrustStore};

use crate::{
    clock,
    report::{Code, Trouble},
};

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
    /// eAU, Storno oder Fehlermeldung: FHIR-XML oder signiert (.p7s). / Note, cancellation or error message: FHIR XML or signed (.p7s).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Tag der Mail (Date), JJJJ-MM-TT; ohne Angabe das Ausstellungsdatum. / Day of the mail (Date), YYYY-MM-DD; by default the date of issue.
    #[arg(long)]
    date: Option<Date>,
    /// Ordner der Vertrauensanker für Signaturen; ohne ihn wird nur geprüft, ob sie unversehrt sind. / Folder of trust anchors for signatures; without it they are only checked for being intact.
    #[arg(long)]
    trust: Option<PathBuf>,
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
    result: Result<Judged, String>,
}

/// A document that could be read.
struct Judged {
    checked: Checked,
    /// The envelope, if it came in one.
    envelope: Option<Envelope>,
}

/// What is to say about a signed envelope.
struct Envelope {
    findings: Vec<smime::Finding>,
    /// Whether a certificate without a path to an anchor counts: only when anchors were named.
    anchored: bool,
}

impl Envelope {
    /// A ground to refuse, as the field's codes 201 to 204 and 309 to 311 know them.
    fn weighs(&self, finding: &smime::Finding) -> bool {
        match finding.ground() {
            Ground::Unsigned | Ground::Format | Ground::Mismatch | Ground::Encryption => true,
            Ground::Certificate => self.anchored,
            Ground::Outside | Ground::Undecided => false,
        }
    }

    fn is_intact(&self) -> bool {
        !self.findings.iter().any(|finding| self.weighs(finding))
    }
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
    let trust = match &arguments.trust {
        Some(folder) => TrustStore::read(folder).map_err(|error| {
            let name = folder.display();
            Trouble::because(
                Code::Keys,
                format!("Vertrauensanker in {name} sind nicht brauchbar. / The trust anchors in {name} are not usable."),
                error,
            )
        })?,
        None => TrustStore::default(),
    };
    let judge = |file: &PathBuf| -> Result<Judged, String> {
        let bytes = read(file)?;
        let (content, envelope) = opened(bytes, &trust, arguments.trust.is_some())?;
        let checked = validator
            .check(&content, arguments.date)
            .map_err(|unreadable| unreadable.to_string())?;
        Ok(Judged { checked, envelope })
    };
    let outcomes: Vec<Outcome<'_>> = arguments
        .files
        .iter()
        .map(|file| Outcome {
            file,
            result: judge(file),
        })
        .collect();
    if arguments.json {
        let all: Vec<Value> = outcomes.iter().map(Outcome::json).collect();
        println!("{}", Value::Array(all));
    } else {
        outcomes.iter().for_each(Outcome::print);
    }
    let worst = outcomes.iter().map(Outcome::exit).max().unwrap_or(VALID);
    Ok(ExitCode::from(worst))
}

/// Reads a file, but never more than a note in its envelope can have.
fn read(file: &Path) -> Result<Vec<u8>, String> {
    // An envelope adds a certificate, its path and revocation answers to the note.
    let limit = u64::try_from(eau::BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_mul(2);
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("nicht lesbar / cannot be read: {error}"))?;
    Ok(bytes)
}

/// The FHIR XML, taken out of its signed envelope where it is in one.
fn opened(bytes: Vec<u8>, trust: &TrustStore, anchored: bool) -> Result<(Vec<u8>, Option<Envelope>), String> {
    // A signed envelope is a SEQUENCE (BER or DER); XML begins with a character.
    if bytes.first() != Some(&0x30) {
        return Ok((bytes, None));
    }
    let checks = Checks {
        trust,
        received: clock::now(),
    };
    let document = smime::verify(&bytes, &checks).map_err(|fault| {
        format!("kein lesbarer signierter Umschlag / no readable signed envelope: {fault}")
    })?;
    Ok((
        document.content,
        Some(Envelope {
            findings: document.findings,
            anchored,
        }),
    ))
}

impl Judged {
    fn is_valid(&self) -> bool {
        let intact = self.envelope.as_ref().is_none_or(Envelope::is_intact);
        intact && self.checked.verdict() == Verdict::Valid
    }
}

impl Outcome<'_> {
    fn exit(&self) -> u8 {
        match self.result.as_ref().map(Judged::is_valid) {
            Ok(true) => VALID,
            Ok(false) => INVALID,
            Err(_) => UNREADABLE,
        }
    }

    fn json(&self) -> Value {
        let file = self.file.display().to_string();
        match &self.result {
            Ok(judged) => {
                let checked = &judged.checked;
                let signature = judged.envelope.as_ref().map(|envelope| {
                    let findings: Vec<Value> = envelope
                        .findings
                        .iter()
                        .map(|finding| json!({ "refuses": envelope.weighs(finding), "finding": finding.to_string() }))
                        .collect();
                    json!({ "intact": envelope.is_intact(), "trust-checked": envelope.anchored, "findings": findings })
                });
                json!({
                    "file": file,
                    "verdict": if judged.is_valid() { "valid" } else { "invalid" },
                    "kind": checked.kind,
                    "version": checked.version,
                    "identifier": checked.identifier,
                    "sha256": checked.fingerprint,
                    "signature": signature,
                    "findings": checked.findings,
                })
            }
            Err(reason) => json!({ "file": file, "verdict": "unreadable", "reason": reason }),
        }
    }

    fn print(&self) {
        let file = self.file.display();
        let judged = match &self.result {
            Ok(judged) => judged,
            Err(reason) => {
                println!("{file}: UNLESBAR / UNREADABLE: {reason}");
                return;
            }
        };
        let verdict = if judged.is_valid() {
            "gültig / valid"
        } else {
            "UNGÜLTIG / INVALID"
        };
        let kind = match judged.checked.kind {
            Kind::Note => "eAU",
            Kind::Storno => "Storno",
            Kind::FundError => "Fehlermeldung / error message",
        };
        println!("{file}: {verdict} ({kind} {})", judged.checked.version);
        if let Some(envelope) = &judged.envelope {
            print_envelope(envelope);
        }
        judged.checked.findings.iter().for_each(print_finding);
    }
}

fn print_envelope(envelope: &Envelope) {
    let intact = if envelope.is_intact() {
        "unversehrt / intact"
    } else {
        "NICHT IN ORDNUNG / NOT IN ORDER"
    };
    let trust = if envelope.anchored {
        ""
    } else {
        "; Vertrauen nicht geprüft (--trust) / trust not checked (--trust)"
    };
    println!("  Signatur / signature: {intact}{trust}");
    for finding in &envelope.findings {
        let weight = if envelope.weighs(finding) {
            "Fehler / error"
        } else {
            "Hinweis / note"
        };
        println!("    {weight}: {finding}");
    }
}

fn print_finding(finding: &Finding) {
    let weight = match finding.severity {
        Severity::Error => "Fehler / error",
        Severity::Report => "Hinweis / note",
    };
    println!("  {weight}: {}", finding.path);
    println!("    Regel / rule:       {}", finding.rule);
    println!(
        "    erwartet / expects: {} / {}",
        finding.expected, finding.expected_english
    );
    if !finding.found.reveal().is_empty() {
        println!("    gefunden / found:   {}", finding.found.reveal());
    }
}
