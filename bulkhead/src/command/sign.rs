//! `bulkhead sign`: the companion on a signer's own machine. No other command touches a person's private key.

pub mod console;
mod keys;
mod watch;

use std::{
    io::{BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};
use order::login::ConsoleOrigin;
use sign::{Lang, LogIn, Refused, Signer};
use vocabulary::{EstateId, PayloadType, Scope, StatementId};
use zeroize::Zeroizing;

use super::read_text;
use crate::{
    clock,
    report::{Code, Trouble},
};

/// Longest challenge file in bytes; a challenge is one line.
const CHALLENGE_BYTES_MAX: u64 = 4096;

/// A subcommand, or `--watch` to wait at a console.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    watch: watch::Watch,
}

/// What a signer can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Einen Entwurf zum Ausfüllen anlegen. / Make a draft to fill in.
    Draft {
        /// Art der Erklärung, etwa `closing`. / Kind of statement, such as `closing`.
        kind: String,
        /// Neue Datei. / New file.
        file: PathBuf,
        /// Verbund. / Estate.
        #[arg(long)]
        estate: EstateId,
    },
    /// Die Erklärung als einen Satz zeigen. / Show the statement as one sentence.
    Show(Reading),
    /// Zeigen, bestätigen lassen, zeichnen. / Show, ask, sign.
    Add {
        /// What is signed, and how it is read.
        #[command(flatten)]
        reading: Reading,
        /// Schlüsseldatei (OpenSSH, Rechte 0600). / Key file (OpenSSH, mode 0600).
        #[arg(long, conflicts_with = "agent_key")]
        key: Option<PathBuf>,
        /// Öffentlicher Schlüssel, dessen privater im ssh-agent liegt. / Public key whose private half the ssh-agent holds.
        #[arg(long)]
        agent_key: Option<PathBuf>,
        /// Das Bestätigungswort, für Übungen und Skripte. / The word of confirmation, for drills and scripts.
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Die genauen Bytes für `ssh-keygen -Y sign -n bulkhead` schreiben. / Write the exact bytes for `ssh-keygen -Y sign -n bulkhead`.
    Export {
        /// Erklärung. / Statement.
        file: PathBuf,
    },
    /// Eine anderswo gemachte Unterschrift anfügen. / Attach a signature made elsewhere.
    Attach {
        /// Erklärung. / Statement.
        file: PathBuf,
        /// Datei von ssh-keygen (`.sig`). / File from ssh-keygen (`.sig`).
        signature: PathBuf,
    },
    /// Eine Anmelde-Aufforderung des genannten Leitstands zeichnen; die Unterschrift geht auf die Ausgabe. / Sign a log-in challenge of the named console; the signature goes to standard output.
    Login {
        /// Datei mit der Aufforderung, oder `-`. / File with the challenge, or `-`.
        challenge: PathBuf,
        /// Adresse des Leitstands, wie im Browser; eine andere wird nicht unterschrieben. / Address of the console, as in the browser; no other is signed for.
        #[arg(long)]
        console: ConsoleOrigin,
        /// Schlüsseldatei (OpenSSH, Rechte 0600). / Key file (OpenSSH, mode 0600).
        #[arg(long, conflicts_with = "agent_key")]
        key: Option<PathBuf>,
        /// Öffentlicher Schlüssel, dessen privater im ssh-agent liegt. / Public key whose private half the ssh-agent holds.
        #[arg(long)]
        agent_key: Option<PathBuf>,
        /// Sprache. / Language.
        #[arg(long, value_enum, default_value_t = Language::De)]
        lang: Language,
    },
    /// Schlüssel der Kasse zur Freigabe gespeicherter Sendungen. / The insurer's keys for releasing stored items.
    #[command(subcommand)]
    Release(Release),
}

/// How a statement is read.
#[derive(Debug, Args)]
pub struct Reading {
    /// Erklärung oder Entwurf. / Statement or draft.
    file: PathBuf,
    /// Sprache. / Language.
    #[arg(long, value_enum, default_value_t = Language::De)]
    lang: Language,
    /// Verbund, um Zellen und Personen zu zählen. / Estate, to count cells and persons.
    #[arg(long)]
    estate: Option<PathBuf>,
    /// Name der erwarteten Erklärung. / Name of the statement one was told to expect.
    #[arg(long)]
    expect: Option<String>,
}

/// Language of a screen.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Language {
    /// Deutsch.
    De,
    /// English.
    En,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::De => Self::De,
            Language::En => Self::En,
        }
    }
}

/// Keys for releasing what a spool holds.
#[derive(Debug, Subcommand)]
pub enum Release {
    /// Einen Freigabeschlüssel erzeugen. / Make a release key.
    Keygen {
        /// Neue Datei. / New file.
        file: PathBuf,
    },
    /// Einen Wiederherstellungsschlüssel in Teile zerlegen. / Split a recovery key into parts.
    Split {
        /// Schlüsseldatei. / Key file.
        identity: PathBuf,
        /// So viele Teile genügen. / So many parts suffice.
        #[arg(long)]
        needed: u8,
        /// So viele Teile entstehen. / So many parts are made.
        #[arg(long)]
        made: u8,
        /// Ordner für die Teile. / Folder for the parts.
        #[arg(long)]
        into: PathBuf,
    },
    /// Schlüssel einer Kasse für eine Tür neu verpacken, in den Entwurf einer Zustimmung. / Wrap an insurer's keys again for a door, into a consent's draft.
    Rewrap {
        /// Entwurf der Zustimmung. / Draft of the consent.
        consent: PathBuf,
        /// Verpackte Schlüssel (`bulkhead spool keys`). / Wrapped keys (`bulkhead spool keys`).
        #[arg(long)]
        keys: PathBuf,
        /// Freigabeschlüssel der Kasse. / The insurer's release key.
        #[arg(long)]
        identity: PathBuf,
        /// Empfänger der Tür (`bulkhead spool recipient`). / The door's recipient (`bulkhead spool recipient`).
        #[arg(long)]
        to: String,
    },
    /// Teile wieder zusammensetzen. / Put parts together again.
    Combine {
        /// Teile. / Parts.
        parts: Vec<PathBuf>,
        /// Neue Schlüsseldatei. / New key file.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Does it.
///
/// # Errors
/// [`Trouble`] with what the companion refused and why.
pub fn run(arguments: Arguments) -> Result<ExitCode, Trouble> {
    match arguments.command {
        Some(command) => run_command(command),
        None => watch::run(&arguments.watch),
    }
}

fn run_command(command: Command) -> Result<ExitCode, Trouble> {
    match command {
        Command::Draft { kind, file, estate } => {
            let kind: PayloadType = serde_json::from_value(serde_json::Value::String(format!(
                "application/vnd.bulkhead.{kind}+json;v=1"
            )))
            .map_err(|error| {
                Trouble::because(
                    Code::Statement,
                    format!("Art „{kind}“ gibt es nicht. / There is no kind \"{kind}\"."),
                    error,
                )
            })?;
            sign::draft(&file, kind, &estate, clock::now()).map_err(refused)?;
            println!("{}: Entwurf angelegt. / draft made.", file.display());
        }
        Command::Show(reading) => {
            let shown = show(&reading)?;
            println!("{}", shown.sentence());
            println!(
                "({}; {} Unterschriften / signatures)",
                shown.id(),
                shown.signatures()
            );
        }
        Command::Add {
            reading,
            key,
            agent_key,
            confirm,
        } => add(&reading, key, agent_key, confirm)?,
        Command::Export { file } => {
            let out = sign::export(&file).map_err(refused)?;
            println!("ssh-keygen -Y sign -n bulkhead -f KEY {}", out.display());
        }
        Command::Attach { file, signature } => {
            let signed = sign::attach(&file, &signature).map_err(refused)?;
            println!("{}: {} Unterschriften / signatures", signed.id, signed.signatures);
        }
        Command::Login {
            challenge,
            console,
            key,
            agent_key,
            lang,
        } => {
            let login = LogIn::read(&read_challenge(&challenge)?, &console).map_err(refused)?;
            eprintln!("{}", login.sentence(lang.into()));
            let signer = signer(key.as_deref(), agent_key.as_deref())?;
            print!("{}", login.sign(&signer).map_err(refused)?.0);
        }
        Command::Release(release) => run_release(release)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read_challenge(path: &Path) -> Result<String, Trouble> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(CHALLENGE_BYTES_MAX)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(CHALLENGE_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| {
        let name = path.display();
        Trouble::because(
            Code::Statement,
            format!("{name} ist nicht lesbar. / Cannot read {name}."),
            error,
        )
    })?;
    Ok(text)
}

fn run_release(release: Release) -> Result<(), Trouble> {
    match release {
        Release::Keygen { file } => {
            println!("{}", sign::keygen(&file, clock::now()).map_err(refused)?);
        }
        Release::Split {
            identity,
            needed,
            made,
            into,
        } => {
            let parts = sign::Parts::new(needed, made).map_err(refused)?;
            for part in sign::split(&identity, parts, &into).map_err(refused)? {
                println!("{}", part.display());
            }
        }
        Release::Rewrap {
            consent,
            keys,
            identity,
            to,
        } => {
            let to: order::AgeRecipient = to.trim().parse().map_err(|error| {
                Trouble::because(Code::Keys, "Kein age-Empfänger. / Not an age recipient.", error)
            })?;
            let identity = sign::Identity::open(&identity).map_err(refused)?;
            let count = sign::rewrap_into(&consent, &keys, &identity, &to).map_err(refused)?;
            println!("{count} Schlüssel neu verpackt. / {count} keys wrapped again.");
        }
        Release::Combine { parts, out } => {
            println!("{}", sign::combine(&parts, &out, clock::now()).map_err(refused)?);
        }
    }
    Ok(())
}

fn add(
    reading: &Reading,
    key: Option<PathBuf>,
    agent_key: Option<PathBuf>,
    confirm: Option<String>,
) -> Result<(), Trouble> {
    let shown = show(reading)?;
    println!("{}", shown.sentence());
    println!("({})", shown.id());
    let typed = match confirm {
        Some(word) => word,
        None => ask(&format!(
            "Zum Zeichnen bitte „{}“ eintippen. / To sign, type \"{}\": ",
            shown.word(),
            shown.word()
        ))?,
    };
    let signer = signer(key.as_deref(), agent_key.as_deref())?;
    let confirmed = shown.confirm(&typed).map_err(refused)?;
    let signed = sign::sign(confirmed, &signer).map_err(refused)?;
    println!(
        "Gezeichnet: {} Unterschriften. / Signed: {} signatures.",
        signed.signatures, signed.signatures
    );
    Ok(())
}

fn signer(key: Option<&Path>, agent_key: Option<&Path>) -> Result<Signer, Trouble> {
    match (key, agent_key) {
        (Some(path), _) => Signer::from_file(path, &mut ask_passphrase).map_err(refused),
        (None, Some(path)) => {
            let line = read_text(path, Code::Keys)?;
            let key = order::PublicKey::from_openssh(&line).map_err(|error| {
                Trouble::because(
                    Code::Keys,
                    "Kein brauchbarer öffentlicher Schlüssel. / Not a usable public key.",
                    error,
                )
            })?;
            let socket = std::env::var_os("SSH_AUTH_SOCK").ok_or_else(|| {
                Trouble::new(Code::Keys, "Kein ssh-agent: SSH_AUTH_SOCK ist nicht gesetzt. / No ssh-agent: SSH_AUTH_SOCK is not set.")
            })?;
            Signer::from_agent(Path::new(&socket), &key).map_err(refused)
        }
        (None, None) => Err(Trouble::new(
            Code::Keys,
            "Womit zeichnen? Bitte --key DATEI oder --agent-key DATEI. / Sign with what? Give --key FILE or --agent-key FILE.",
        )),
    }
}

fn show(reading: &Reading) -> Result<sign::Shown, Trouble> {
    let estate = reading.estate.as_deref().map(counted).transpose()?;
    let expected = match &reading.expect {
        None => None,
        Some(text) => Some(StatementId(text.parse().map_err(|_| {
            Trouble::new(
                Code::Statement,
                "--expect verlangt 64 Hexadezimalziffern. / --expect takes 64 hexadecimal digits.",
            )
        })?)),
    };
    let census = estate.as_ref().map(|counted| counted as &dyn sign::Census);
    sign::show(&reading.file, reading.lang.into(), census, expected).map_err(refused)
}

/// Counts what a scope covers, from the estate file on the signer's own machine.
struct Counted(estate::Estate);

fn counted(path: &Path) -> Result<Counted, Trouble> {
    let text = read_text(path, Code::Estate)?;
    let checked = estate::check(&text, &path.display().to_string())
        .map_err(|mistakes| Trouble::new(Code::Estate, mistakes.to_string()))?;
    Ok(Counted(checked))
}

impl sign::Census for Counted {
    fn count(&self, scope: &Scope) -> sign::Counts {
        let counts = self.0.counts(scope);
        sign::Counts {
            cells: Some(counts.cells),
            insurers: Some(counts.insurers),
            persons: Some(counts.persons.0),
        }
    }
}

fn ask(question: &str) -> Result<String, Trouble> {
    let failed = |error| {
        Trouble::because(
            Code::Statement,
            "Keine Eingabe möglich. / Cannot read an answer.",
            error,
        )
    };
    print!("{question}");
    std::io::stdout().flush().map_err(failed)?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line)
}

/// Asks for a passphrase, without echo where the terminal allows it.
fn ask_passphrase(path: &Path) -> Option<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let _hidden = Echo::off();
    ask(&format!("Passphrase {}: ", path.display()))
        .ok()
        .map(|line| Zeroizing::new(line.trim_end().to_owned()))
}

/// Terminal echo switched off until dropped.
struct Echo;

impl Echo {
    fn off() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        stty("echo");
        eprintln!();
    }
}

fn stty(setting: &str) {
    // Without stty the passphrase is visible while typed, which is better than not being able to sign at night.
    let _result = std::process::Command::new("stty").arg(setting).status();
}

fn refused(refused: Refused) -> Trouble {
    Trouble::because(Code::Statement, "Nicht gezeichnet. / Not signed.", refused)
}
