//! `bulkhead callout`: reaches people on two independent ways, waits for their answers, calls their deputies.

use std::{
    io::{BufRead as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use order::Lang;
use readiness::{
    callout::{AlarmId, Counts, Earnest, Said, What},
    contacts::{Duty, phone_tree, required},
};
use serde_json::json;
use tokio::sync::mpsc;
use vocabulary::{IncidentId, PersonId};

use super::contacts;
use crate::{
    callout::{Call, Callout, Config},
    report::{Code, Trouble},
};

/// What is called out, with what.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Versiegeltes Kontaktbuch (age). / Sealed contact book (age).
    #[arg(long)]
    book: PathBuf,
    /// Datei mit dem age-Schlüssel, der es öffnet. / File with the age key that opens it.
    #[arg(long)]
    identity: PathBuf,
    /// Einstellungen (`callout.toml`). / Settings (`callout.toml`).
    #[arg(long)]
    config: PathBuf,
    /// Vorfall. / Incident.
    #[arg(long)]
    incident: IncidentId,
    /// Wofür; ein freier Text geht nicht, damit keine Nachricht von Versicherten handeln kann. / What for; no free text, so that no message can be about a patient.
    #[arg(long, value_enum, required_unless_present_any = ["ack", "said", "end", "status", "tree"])]
    what: Option<Why>,
    /// Es ist eine Übung. / It is an exercise.
    #[arg(long)]
    exercise: bool,
    /// Wer: commander, examiner, restoration-lead, root oder insurer:NAME; mehrfach. / Whom; repeatable.
    #[arg(long = "duty")]
    duties: Vec<Duty>,
    /// Alle, die der Verbund braucht. / Everybody the estate needs.
    #[arg(long, conflicts_with = "duties")]
    estate: Option<PathBuf>,
    /// Eine Antwort eintragen: „123456 JA“. / Enter an answer: "123456 YES".
    #[arg(long, group = "instead")]
    ack: Option<String>,
    /// Eine gesprochene Antwort eintragen: „PERSON=ja“. / Enter a spoken answer: "PERSON=yes".
    #[arg(long, group = "instead", requires = "by")]
    said: Option<String>,
    /// Den Alarm beenden. / End the alarm.
    #[arg(long, group = "instead", requires = "by")]
    end: bool,
    /// Nur den Stand zeigen. / Only show where it stands.
    #[arg(long, group = "instead")]
    status: bool,
    /// Nur die Telefonkette zeigen. / Only show the telephone tree.
    #[arg(long, group = "instead")]
    tree: bool,
    /// Wer das einträgt. / Who enters this.
    #[arg(long)]
    by: Option<PersonId>,
    /// Ergebnis als JSON. / Result as JSON.
    #[arg(long)]
    json: bool,
}

/// What people are called for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Why {
    /// Türen werden geschlossen. / Doors are being closed.
    CutOrdered,
    /// Verdacht auf Angriff. / An attack is suspected.
    AttackSuspected,
    /// Die Kasse muss ja oder nein sagen. / The insurer must say yes or no.
    ConsentNeeded,
    /// Forensik wird gebraucht. / Examiners are needed.
    ExaminersNeeded,
    /// Öffnung geplant. / A reopening is planned.
    ReopeningPlanned,
    /// Nur eine Probe. / Only a test.
    ContactTest,
}

impl From<Why> for What {
    fn from(why: Why) -> Self {
        match why {
            Why::CutOrdered => Self::CutOrdered,
            Why::AttackSuspected => Self::AttackSuspected,
            Why::ConsentNeeded => Self::ConsentNeeded,
            Why::ExaminersNeeded => Self::ExaminersNeeded,
            Why::ReopeningPlanned => Self::ReopeningPlanned,
            Why::ContactTest => Self::ContactTest,
        }
    }
}

/// Does it. Exit code 1 while a seat is not filled.
///
/// # Errors
/// [`Trouble`] with a code, a sentence and a page.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    crate::log::to_stderr();
    let book = contacts::open(&arguments.book, &arguments.identity)?;
    if arguments.tree {
        print!("{}", phone_tree(&book, Lang::De));
        return Ok(ExitCode::SUCCESS);
    }
    let config: Config = super::process::load(&arguments.config)?;
    let call = Call {
        alarm: AlarmId(arguments.incident.clone()),
        earnest: match arguments.exercise {
            true => Earnest::Exercise,
            false => Earnest::Alarm,
        },
        what: arguments.what.map_or(What::ContactTest, What::from),
        duties: duties(arguments)?,
    };
    if arguments.what.is_none() && !config.journal(&call.alarm).exists() {
        return Err(Trouble::new(
            Code::Callout,
            format!(
                "Zu {} wurde niemand gerufen. / Nobody was called for {0}.",
                call.alarm
            ),
        ));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| {
            Trouble::because(
                Code::Files,
                "Der Prozess kann keine Fäden starten. / Cannot start threads.",
                error,
            )
        })?;
    let (mut callout, effects) = Callout::raise(&config, book, &call)?;
    runtime.block_on(async {
        match (&arguments.ack, &arguments.said, arguments.by.clone()) {
            (Some(typed), _, by) => callout.answer(typed, by).await,
            (None, Some(said), Some(by)) => {
                let (person, said) = spoken(said)?;
                callout.spoken(person, said, by).await
            }
            (None, None, Some(by)) if arguments.end => callout.end(by),
            (None, _, _) if arguments.status => Ok(()),
            (None, _, _) => callout.run(effects, typed_lines(), say).await,
        }
    })?;
    // A thread that waits for a line nobody types must not keep the process.
    runtime.shutdown_background();
    Ok(report(&callout, arguments.json))
}

fn duties(arguments: &Arguments) -> Result<Vec<Duty>, Trouble> {
    match &arguments.estate {
        Some(file) => Ok(required(&crate::door_process::config::read_estate(file)?)),
        None => Ok(arguments.duties.clone()),
    }
}

fn spoken(text: &str) -> Result<(PersonId, Said), Trouble> {
    let parts = text.split_once('=').and_then(|(person, said)| {
        let said = match said.to_lowercase().as_str() {
            "ja" | "yes" => Said::Coming,
            "nein" | "no" => Said::Cannot,
            _ => return None,
        };
        Some((PersonId::new(person).ok()?, said))
    });
    parts.ok_or_else(|| {
        Trouble::new(
            Code::Callout,
            "Bitte PERSON=ja oder PERSON=nein. / Please PERSON=yes or PERSON=no.",
        )
    })
}

/// Lines typed at the terminal. The thread ends with the process or with the input.
fn typed_lines() -> mpsc::Receiver<String> {
    let (lines, typed) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() && lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    typed
}

fn say(sentence: &str) {
    let mut stderr = std::io::stderr().lock();
    // Whoever closed the terminal still has the file.
    let _written = writeln!(stderr, "{sentence}");
}

fn report(callout: &Callout, as_json: bool) -> ExitCode {
    let Some(calling) = callout.state().calling() else {
        return ExitCode::from(1);
    };
    let Counts {
        filled,
        waiting,
        not_reached,
    } = calling.counts();
    if as_json {
        let unanswered: Vec<String> = calling
            .unanswered()
            .iter()
            .map(|one| one.person.to_string())
            .collect();
        let told = json!({
            "alarm": calling.alarm.id.to_string(), "filled": filled, "waiting": waiting,
            "notReached": not_reached, "unanswered": unanswered,
        });
        println!("{told}");
    } else {
        print!("{}\n{}", calling.in_words(Lang::De), calling.in_words(Lang::En));
    }
    ExitCode::from(u8::from(waiting + not_reached > 0))
}
