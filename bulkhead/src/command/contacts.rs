//! `bulkhead contacts`: the contact book, sealed with age to those who may open it. Offline: no server is asked.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use age::x25519;
use clap::Subcommand;
use order::{AgeRecipient, Lang};
use readiness::contacts::{BYTES_MAX, ContactBook, Weakness, phone_tree};
use zeroize::Zeroizing;

use super::read_text;
use crate::{
    files, keys,
    report::{Code, Trouble},
};

/// Longest sealed file: the longest book, and what sealing to many adds.
const SEALED_BYTES_MAX: u64 = BYTES_MAX as u64 + 1024 * 1024;

/// What can be done with a contact book.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Aus TOML ein versiegeltes Buch machen. / Make a sealed book from TOML.
    Seal {
        /// Kontaktbuch (TOML). / Contact book (TOML).
        file: PathBuf,
        /// Wer es öffnen darf (age1…), mehrfach. / Who may open it (age1…), repeatable.
        #[arg(long = "to", required = true)]
        to: Vec<AgeRecipient>,
        /// Neue Datei. / New file.
        #[arg(long)]
        out: PathBuf,
        /// Gegen diesen Verbund prüfen. / Check against this estate.
        #[arg(long)]
        estate: Option<PathBuf>,
    },
    /// Ein versiegeltes Buch zeigen. / Show a sealed book.
    Show {
        /// Versiegeltes Kontaktbuch (age). / Sealed contact book (age).
        file: PathBuf,
        /// Datei mit dem age-Schlüssel. / File with the age key.
        #[arg(long)]
        identity: PathBuf,
        /// Genau die versiegelten Bytes. / Exactly the bytes that were sealed.
        #[arg(long)]
        raw: bool,
    },
}

/// Does it.
///
/// # Errors
/// [`Trouble`] with the file and what to do.
pub fn run(command: Command) -> Result<ExitCode, Trouble> {
    match command {
        Command::Seal {
            file,
            to,
            out,
            estate,
        } => {
            let book = ContactBook::from_toml(&read_text(&file, Code::Callout)?)
                .map_err(|error| bad(&file, error))?;
            let weak = estate
                .map(|estate| crate::door_process::config::read_estate(&estate))
                .transpose()?
                .map(|estate| book.weaknesses_for(&estate))
                .unwrap_or_default();
            seal(&book, &to, &out)?;
            tell(&book, &weak, to.len());
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { file, identity, raw } => {
            let book = open(&file, &identity)?;
            if raw {
                let written = std::io::stdout().write_all(&book.to_bytes());
                written.map_err(|error| bad(&file, error))?;
            } else {
                print!("{}", phone_tree(&book, Lang::De));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn tell(book: &ContactBook, weak: &[Weakness], recipients: usize) {
    let count = book.contacts().len();
    println!(
        "{count} Personen, versiegelt an {recipients} Empfänger, Fingerabdruck {}. / \
         {count} persons, sealed to {recipients} recipients, digest {0}.",
        book.digest()
    );
    for weakness in weak {
        println!("- {}", weakness.in_words());
    }
}

fn bad(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    let name = path.display();
    Trouble::because(
        Code::Callout,
        format!("Kontaktbuch {name} ist nicht brauchbar. / Contact book {name} is not usable."),
        error,
    )
}

/// Seals a book into a file for its owner alone.
///
/// # Errors
/// [`Trouble`] with the recipient or file that is wrong.
pub fn seal(book: &ContactBook, to: &[AgeRecipient], out: &Path) -> Result<(), Trouble> {
    let mut recipients = Vec::new();
    for one in to {
        let parsed: x25519::Recipient = one
            .as_str()
            .parse()
            .map_err(|why: &str| bad(out, format!("{one}: {why}")))?;
        recipients.push(parsed);
    }
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|one| one as &dyn age::Recipient))
        .map_err(|error| bad(out, error))?;
    let mut sealed = Vec::new();
    let mut writer = encryptor
        .wrap_output(&mut sealed)
        .map_err(|error| bad(out, error))?;
    writer
        .write_all(&book.to_bytes())
        .map_err(|error| bad(out, error))?;
    writer.finish().map_err(|error| bad(out, error))?;
    files::write_private(out, &sealed).map_err(|error| bad(out, error))
}

/// Opens a sealed book with the age key in a file.
///
/// # Errors
/// [`Trouble`] when the key file is open to others, or the book does not open or is none.
pub fn open(path: &Path, identity: &Path) -> Result<ContactBook, Trouble> {
    let identity = read_identity(identity)?;
    let mut sealed = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| bad(path, error))?;
    file.take(SEALED_BYTES_MAX)
        .read_to_end(&mut sealed)
        .map_err(|error| bad(path, error))?;
    let decryptor = age::Decryptor::new(sealed.as_slice()).map_err(|error| bad(path, error))?;
    let reader = decryptor
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .map_err(|error| bad(path, error))?;
    let mut plain = Zeroizing::new(Vec::new());
    reader
        .take(SEALED_BYTES_MAX)
        .read_to_end(&mut plain)
        .map_err(|error| bad(path, error))?;
    ContactBook::from_bytes(&plain).map_err(|error| bad(path, error))
}

/// The key that opens contact books; nobody signs with it.
fn read_identity(path: &Path) -> Result<x25519::Identity, Trouble> {
    keys::private(path)?;
    let text = Zeroizing::new(read_text(path, Code::Keys)?);
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let name = path.display();
    let wrong = || {
        Trouble::new(
            Code::Keys,
            format!("{name} ist keine Datei mit einem age-Schlüssel. / {name} is no file with one age key."),
        )
    };
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.parse().map_err(|_: &str| wrong()),
        (_, _) => Err(wrong()),
    }
}
