//! `bulkhead onboard INSURER`: the guided list by which an insurer is made ready. What a machine can check it checks: a key
//! by a signature over a test text, the recipients by two test segments that somebody opened.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use age::x25519;
use clap::{Args, Subcommand};
use estate::Estate;
use order::{Charter, Lang, Text, verify_in};
use readiness::onboarding::{Done, Onboarding, Part, Standing, Step, Task, Word};
use serde_json::json;
use vocabulary::{Digest, InsurerId, PersonId, Signature, Timestamp};

use super::{booklet::read_charter, read_text};
use crate::{
    clock,
    door_process::config::read_estate,
    files,
    report::{Code, Trouble},
};

/// The namespace of test texts: a signature in it is no statement and no log-in.
const TEST_NAMESPACE: &str = "bulkhead-test";
/// A test text older than this is made again.
const TEST_SECS_MAX: u64 = 7 * 86_400;
/// The two recipients of a section, and the file each one's test segment lies in.
const SEGMENTS: [&str; 2] = ["active", "recovery"];

/// Whose list, and what to do with it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Kasse. / Insurer.
    insurer: InsurerId,
    /// Verbund (TOML). / Estate (TOML).
    #[arg(long)]
    estate: PathBuf,
    /// Datei der Liste; wird angelegt. / File of the list; made if missing.
    #[arg(long)]
    state: PathBuf,
    /// Ergebnis als JSON. / Result as JSON.
    #[arg(long)]
    json: bool,
    /// Auf Englisch. / In English.
    #[arg(long)]
    english: bool,
    #[command(subcommand)]
    word: Option<Command>,
}

/// What can be said about a list.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Personen aus dem Abschnitt der Urkunde übernehmen; der Schlüssel jeder ist damit aufgenommen. / Take the persons of the charter's section; with it everybody's key is enrolled.
    Section {
        /// Urkunde (gezeichnete Erklärung). / Charter (signed statement).
        #[arg(long)]
        charter: PathBuf,
        /// Wer das einträgt. / Who enters this.
        #[arg(long)]
        by: PersonId,
    },
    /// Einen Schritt von Hand als erledigt eintragen. / Enter a step as done, by hand.
    Done {
        /// Schritt, wie die Liste ihn nennt: `papers`, `door-holds/kim`. / Step, as the list names it.
        step: String,
        /// Wer das einträgt. / Who enters this.
        #[arg(long)]
        by: PersonId,
        /// Was es zeigt: Protokolleintrag, Erklärung, Akte. / What shows it: journal entry, statement, file.
        #[arg(long)]
        evidence: String,
    },
    /// Ein Schritt muss noch einmal getan werden. / A step must be done again.
    Again {
        /// Schritt, wie die Liste ihn nennt. / Step, as the list names it.
        step: String,
    },
    /// Den Probetext für eine Person schreiben. / Write the test text for a person.
    TestText {
        /// Wer zeichnen wird. / Who will sign.
        person: PersonId,
        /// Neue Datei. / New file.
        #[arg(long)]
        out: PathBuf,
    },
    /// Die Zeichnung des Probetextes prüfen und eintragen. / Check the signature of the test text and enter it.
    KeyExercised {
        /// Wer gezeichnet hat. / Who signed.
        person: PersonId,
        /// Der Probetext. / The test text.
        #[arg(long)]
        text: PathBuf,
        /// Die Zeichnung (`ssh-keygen -Y sign -n bulkhead-test`). / The signature.
        #[arg(long)]
        signature: PathBuf,
        /// Urkunde (gezeichnete Erklärung). / Charter (signed statement).
        #[arg(long)]
        charter: PathBuf,
        /// Wer das einträgt. / Who enters this.
        #[arg(long)]
        by: PersonId,
    },
    /// Zwei Testsegmente an die Schlüssel der Urkunde versiegeln. / Seal two test segments to the charter's recipients.
    TestSegment {
        /// Urkunde (gezeichnete Erklärung). / Charter (signed statement).
        #[arg(long)]
        charter: PathBuf,
        /// Ordner dafür. / Folder for them.
        #[arg(long)]
        into: PathBuf,
    },
    /// Prüfen, was die Kasse geöffnet hat, und eintragen. / Check what the insurer opened, and enter it.
    SegmentReleased {
        /// Ordner der Testsegmente. / Folder of the test segments.
        #[arg(long)]
        folder: PathBuf,
        /// Mit dem aktiven Schlüssel geöffnet (`age -d`). / Opened with the active key (`age -d`).
        #[arg(long)]
        active: PathBuf,
        /// Mit dem zusammengesetzten Schlüssel geöffnet. / Opened with the combined key.
        #[arg(long)]
        recovery: PathBuf,
        /// Wer das einträgt. / Who enters this.
        #[arg(long)]
        by: PersonId,
    },
}

fn bad(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::because(
        Code::Readiness,
        "Das wurde nicht eingetragen; die Liste steht wie zuvor. / This was not entered; the list stands as before.",
        error,
    )
}

/// Does it, and prints the list as it then stands.
///
/// # Errors
/// [`Trouble`] with what is missing; the file is then as it was.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let estate = read_estate(&arguments.estate)?;
    let now = clock::now();
    let (mut list, is_new) = read(arguments, &estate, now)?;
    let words = match &arguments.word {
        Some(command) => words(&list, command, now)?,
        None => Vec::new(),
    };
    for word in &words {
        list = list.next(word).map_err(bad)?;
    }
    if is_new || !words.is_empty() {
        files::write_private(&arguments.state, list.to_json().as_bytes()).map_err(bad)?;
    }
    if arguments.json {
        println!("{}", as_json(&list));
    } else {
        let lang = if arguments.english { Lang::En } else { Lang::De };
        print!("{}", list.in_words(lang));
    }
    Ok(ExitCode::from(u8::from(!list.is_complete())))
}

fn read(arguments: &Arguments, estate: &Estate, now: Timestamp) -> Result<(Onboarding, bool), Trouble> {
    match std::fs::read_to_string(&arguments.state) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let list = Onboarding::begin(estate, &arguments.insurer, now).map_err(bad)?;
            Ok((list, true))
        }
        Err(error) => Err(bad(error)),
        Ok(text) => {
            let list = Onboarding::from_json(&text).map_err(bad)?;
            if *list.insurer() != arguments.insurer || list.estate() != estate.id() {
                let sentence = format!(
                    "Die Liste ist für {} in {}. / The list is for {0} in {1}.",
                    list.insurer(),
                    list.estate()
                );
                return Err(bad(sentence));
            }
            Ok((list.with_services_of(estate), false))
        }
    }
}

fn as_json(list: &Onboarding) -> serde_json::Value {
    let tasks: Vec<serde_json::Value> = list
        .tasks()
        .iter()
        .map(|(task, standing)| match standing {
            Standing::Done(done) => json!({ "task": task.to_string(), "done": done }),
            Standing::Next => json!({ "task": task.to_string(), "next": true }),
            Standing::Blocked(by) => {
                let by: Vec<String> = by.iter().map(ToString::to_string).collect();
                json!({ "task": task.to_string(), "blockedBy": by })
            }
        })
        .collect();
    json!({ "insurer": list.insurer(), "estate": list.estate(), "complete": list.is_complete(), "tasks": tasks })
}

/// What a command says about the list, after checking what can be checked.
fn words(list: &Onboarding, command: &Command, now: Timestamp) -> Result<Vec<Word>, Trouble> {
    let done = |task: Task, by: &PersonId, evidence: String| -> Result<Word, Trouble> {
        let evidence = Text::new(&evidence).map_err(bad)?;
        let by = by.clone();
        Ok(Word::Done {
            task,
            done: Done {
                at: now,
                by,
                evidence,
            },
        })
    };
    match command {
        Command::Section { charter, by } => section(list, &read_charter(charter)?, by, now),
        Command::Done { step, by, evidence } => {
            let task = named(list, step)?;
            match task.step {
                Step::KeyExercised | Step::SegmentReleased => Err(bad(format!(
                    "{task} prüft das Programm: bulkhead onboard … {0} / the program checks {task}: bulkhead onboard … {0}",
                    task.step.slug()
                ))),
                Step::SectionDrafted
                | Step::KeyEnrolled
                | Step::RecipientsMade
                | Step::ConsentDecided
                | Step::MailboxConfirmed
                | Step::DoorObserves
                | Step::DoorHolds
                | Step::DoorEnforces
                | Step::ContactsEntered
                | Step::ContactsTested
                | Step::SlotRules
                | Step::Papers
                | Step::FirstDrill => Ok(vec![done(task, by, evidence.clone())?]),
            }
        }
        Command::Again { step } => Ok(vec![Word::Again(named(list, step)?)]),
        Command::TestText { person, out } => {
            files::write_private(out, list.test_text(person, now).as_bytes()).map_err(bad)?;
            Ok(Vec::new())
        }
        Command::KeyExercised {
            person,
            text,
            signature,
            charter,
            by,
        } => {
            let evidence = exercised(list, person, text, signature, &read_charter(charter)?, now)?;
            let task = Task {
                step: Step::KeyExercised,
                part: Part::Person(person.clone()),
            };
            Ok(vec![done(task, by, evidence)?])
        }
        Command::TestSegment { charter, into } => {
            seal(list, &read_charter(charter)?, into)?;
            Ok(Vec::new())
        }
        Command::SegmentReleased {
            folder,
            active,
            recovery,
            by,
        } => {
            let evidence = released(folder, [active, recovery])?;
            let task = Task {
                step: Step::SegmentReleased,
                part: Part::Whole,
            };
            Ok(vec![done(task, by, evidence)?])
        }
    }
}

/// The line of the list with this name.
fn named(list: &Onboarding, name: &str) -> Result<Task, Trouble> {
    let mut tasks = list.tasks().into_iter().map(|(task, _)| task);
    tasks.find(|task| task.to_string() == name).ok_or_else(|| {
        bad(format!(
            "„{name}“ steht nicht auf der Liste. / \"{name}\" is not on the list."
        ))
    })
}

/// A section of a charter is drafted, names persons, and holds their keys.
fn section(
    list: &Onboarding,
    charter: &Charter,
    by: &PersonId,
    now: Timestamp,
) -> Result<Vec<Word>, Trouble> {
    let section = own_section(list, charter)?;
    let persons: BTreeSet<PersonId> = section.persons.iter().map(|person| person.id.clone()).collect();
    let evidence = format!("charter {} version {}", charter.statement(), charter.version());
    let evidence = Text::new(&evidence).map_err(bad)?;
    let done = |task| Word::Done {
        task,
        done: Done {
            at: now,
            by: by.clone(),
            evidence: evidence.clone(),
        },
    };
    let drafted = Task {
        step: Step::SectionDrafted,
        part: Part::Whole,
    };
    let enrolled = section
        .persons
        .iter()
        .filter(|person| !person.keys.is_empty())
        .map(|person| Task {
            step: Step::KeyEnrolled,
            part: Part::Person(person.id.clone()),
        });
    let mut words = vec![Word::Persons(persons), done(drafted)];
    words.extend(enrolled.map(done));
    Ok(words)
}

fn own_section<'a>(list: &Onboarding, charter: &'a Charter) -> Result<&'a order::SectionDraft, Trouble> {
    if charter.estate() != list.estate() {
        return Err(bad("the charter is of another estate"));
    }
    charter
        .section(list.insurer())
        .map(order::Section::draft)
        .ok_or_else(|| bad(format!("the charter has no section of {}", list.insurer())))
}

/// Checks that the person signed exactly this list's test text, not long ago, with a key of the charter.
fn exercised(
    list: &Onboarding,
    person: &PersonId,
    text: &Path,
    signature: &Path,
    charter: &Charter,
    now: Timestamp,
) -> Result<String, Trouble> {
    let text = read_text(text, Code::Readiness)?;
    let at = text
        .lines()
        .last()
        .and_then(|line| line.parse::<jiff::Timestamp>().ok());
    let at = Timestamp(at.ok_or_else(|| bad("the test text has no time"))?.as_second());
    if text != list.test_text(person, at) {
        return Err(bad("this is not the test text of this list and person"));
    }
    if now.since(at).0 > TEST_SECS_MAX || at.since(now).0 > 3_600 {
        return Err(bad(format!("the test text is of {at}; make a new one")));
    }
    let signature = Signature(read_text(signature, Code::Readiness)?);
    let key =
        verify_in(TEST_NAMESPACE, &signature, text.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let section = own_section(list, charter)?;
    let known = section.persons.iter().find(|known| known.id == *person);
    let is_own = known.is_some_and(|known| known.keys.iter().any(|own| own.id() == key));
    if is_own {
        Ok(format!("signed the test text of {at} with key {key}"))
    } else {
        Err(bad(format!("key {key} is not {person}'s in the charter")))
    }
}

/// Seals fresh random bytes to each of the two recipients, and keeps what must come back.
fn seal(list: &Onboarding, charter: &Charter, into: &Path) -> Result<(), Trouble> {
    let section = own_section(list, charter)?;
    let recipients = [section.release.clone(), vec![section.recovery.clone()]];
    for (name, recipients) in SEGMENTS.iter().zip(recipients) {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| bad(error.to_string()))?;
        let plain = format!("bulkhead test segment {name} {}\n", hex::encode(bytes));
        // Each of them alone must open it; several active keys are tried in several segments.
        for (at, recipient) in recipients.iter().enumerate() {
            let parsed: x25519::Recipient = recipient
                .as_str()
                .parse()
                .map_err(|why: &str| bad(format!("{recipient}: {why}")))?;
            let sealed = age::encrypt(&parsed, plain.as_bytes()).map_err(bad)?;
            let file = into.join(format!("{name}-{at}.age"));
            files::write_private(&file, &sealed).map_err(bad)?;
        }
        let expected = into.join(format!("{name}.digest"));
        files::write_private(&expected, Digest::of(plain.as_bytes()).to_string().as_bytes()).map_err(bad)?;
    }
    Ok(())
}

/// Checks that what was opened is what was sealed.
fn released(folder: &Path, opened: [&PathBuf; 2]) -> Result<String, Trouble> {
    let mut digests = Vec::new();
    for (name, opened) in SEGMENTS.iter().zip(opened) {
        let expected = read_text(&folder.join(format!("{name}.digest")), Code::Readiness)?;
        let found = Digest::of(read_text(opened, Code::Readiness)?.as_bytes()).to_string();
        if found != expected.trim() {
            let file = opened.display();
            return Err(bad(format!("{file} is not what was sealed as \"{name}\"")));
        }
        digests.push(format!("{name} {found}"));
    }
    Ok(format!("opened test segments: {}", digests.join(", ")))
}
