//! `bulkhead drill`: the whole system on this machine, by script, beside the same traffic without it.

pub mod cast;
pub mod checks;
mod clearing;
mod door_text;
pub mod keep;
pub mod mail_text;
mod openings;
mod planned;
mod ports;
mod roots;
pub mod side;
pub mod sign;
pub mod story_clock;
pub mod system;
mod told;
mod trials;

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::drill::{
    facts::Facts,
    outside::{MAILBOX_PASSWORD, Outside},
    run::{Played, Progress},
    script::{APRIL_2023, Script},
    table::Table,
};
use clap::Args;
use estate::Estate;

use self::{cast::Cast, side::Bulkhead, story_clock::StoryClock, system::System};
use crate::{
    clock, files,
    report::{Code, Trouble},
};

/// `bulkhead drill`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Drehbuch: `april-2023` oder eine Datei. / Script: `april-2023` or a file.
    script: String,
    /// Ergebnis als JSON. / Result as JSON.
    #[arg(long)]
    json: bool,
    /// Das System danach laufen lassen und zeigen, wie man es angreift. / Leave the system up afterwards and show how to attack it.
    #[arg(long)]
    keep: bool,
    /// Ordner für alles, was entsteht; sonst ein vorübergehender. / Folder for everything that is made; otherwise a temporary one.
    #[arg(long)]
    dir: Option<PathBuf>,
}

fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::because(
        Code::Drill,
        "Die Übung konnte nicht durchgeführt werden. / The drill could not be carried out.",
        error,
    )
}

/// Runs the drill; exit code 0 when every promise it covers held, 1 when one was broken, 2 when it did not finish.
///
/// # Errors
/// [`Trouble`] when it could not be carried out.
pub fn run(arguments: Arguments) -> Result<ExitCode, Trouble> {
    let facts = Facts::april_2023().map_err(wrong)?;
    let estate_text = estate::sample(estate::Seed(2023));
    let estate = estate::check(&estate_text, "sample").map_err(|mistakes| wrong(mistakes.to_string()))?;
    let (name, text) = match arguments.script.as_str() {
        "april-2023" => ("april-2023.toml".to_owned(), APRIL_2023.to_owned()),
        path => (
            path.to_owned(),
            crate::command::read_text(Path::new(path), Code::Drill)?,
        ),
    };
    let script =
        Script::read(&text, &name, &estate, &facts).map_err(|mistakes| wrong(mistakes.to_string()))?;
    let folder = folder(arguments.dir.as_deref())?;
    let estate_file = folder.join("estate.toml");
    files::write_private(&estate_file, estate_text.as_bytes()).map_err(wrong)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(wrong)?;
    let (without, with, side, outside) = runtime.block_on(play(&folder, &estate_file, &estate, &script))?;
    let table = Table::of(&script, &facts, &without, Some(&with));
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&table).map_err(wrong)?);
    } else {
        println!("{table}");
    }
    if arguments.keep {
        runtime.block_on(keep::keep(&folder, &side))?;
    }
    drop((side, outside));
    if arguments.dir.is_none() && !arguments.keep {
        let _left_for_the_system = std::fs::remove_dir_all(&folder);
    } else {
        eprintln!("Ordner / folder: {}", folder.display());
    }
    Ok(ExitCode::from(table.verdict.exit_status()))
}

fn folder(named: Option<&Path>) -> Result<PathBuf, Trouble> {
    let folder = match named {
        Some(path) => path.to_owned(),
        None => std::env::temp_dir().join(format!("bulkhead-drill-{}", std::process::id())),
    };
    if folder.exists() && std::fs::read_dir(&folder).map_err(wrong)?.next().is_some() {
        let name = folder.display();
        return Err(wrong(format!("{name} ist nicht leer. / {name} is not empty.")));
    }
    files::make_private_folder(&folder).map_err(wrong)?;
    std::fs::canonicalize(&folder).map_err(wrong)
}

/// Both columns side by side, on the same clock.
async fn play(
    folder: &Path,
    estate_file: &Path,
    estate: &Estate,
    script: &Script,
) -> Result<(Played, Played, Bulkhead, Outside), Trouble> {
    eprintln!(
        "Übung „{}“: {} Kassen, System wird gestartet. / Drill \"{}\": {} insurers, starting the system.",
        script.name(),
        estate.insurers().len(),
        script.name(),
        estate.insurers().len()
    );
    let (mut side, mut outside, clock) = ready(folder, estate_file, estate, script).await?;
    let rejected_without = Arc::new(AtomicU64::new(0));
    let noted = rejected_without.clone();
    let without =
        ::drill::without_doors::run(estate, script, clock.clone(), move |progress: &Progress<'_>| {
            noted.store(progress.rejected, Ordering::Relaxed);
        });
    let live = std::io::stderr().is_terminal();
    let with = ::drill::run::run(
        estate,
        script,
        &mut outside,
        &mut side,
        |progress: &Progress<'_>| {
            tell(progress, rejected_without.load(Ordering::Relaxed), live);
        },
    );
    let (without, with) = tokio::join!(without, with);
    if live {
        eprintln!();
    }
    Ok((without.map_err(wrong)?, with, side, outside))
}

/// Starts the outside, then the system in front of it, and opens every door for the first time.
async fn ready(
    folder: &Path,
    estate_file: &Path,
    estate: &Estate,
    script: &Script,
) -> Result<(Bulkhead, Outside, Arc<StoryClock>), Trouble> {
    let foundation = system::lay(folder, estate)?;
    let cast = Cast::make(
        &folder.join("people"),
        estate,
        &foundation.witnesses,
        clock::now(),
    )?;
    let waiting = Arc::new(StoryClock::waiting());
    let probe_outside = Outside::start(estate, script, waiting.clone())
        .await
        .map_err(wrong)?;
    let regular = system::Regular {
        intake: probe_outside.regular_intake(),
        store: probe_outside.regular_store(),
        mailboxes: probe_outside.mailboxes(),
        password: MAILBOX_PASSWORD,
    };
    let system = System::start(
        &std::env::current_exe().map_err(wrong)?,
        folder,
        estate,
        estate_file,
        &foundation,
        &cast,
        &regular,
    )?;
    let mut side = Bulkhead::new(
        system,
        cast,
        estate.clone(),
        waiting.clone(),
        script.pace().clone(),
    );
    side.open_in_peace().await?;
    let (console, site, key) = (
        side.system.console,
        side.system.site().join("index.html"),
        folder.join("people/keys/leitung-1"),
    );
    eprintln!(
        "Live mitverfolgen / follow it live:\n  Konsole / console:  http://{console}\n  anmelden / log in:  bulkhead sign login - \
         --console http://{console} --key {}\n  Statusseite / site: file://{}",
        key.display(),
        site.display()
    );
    waiting.begin();
    Ok((side, probe_outside, waiting))
}

/// One line of progress: overwritten on a terminal, otherwise only when a step ended.
fn tell(progress: &Progress<'_>, rejected_without: u64, live: bool) {
    let line = format!(
        "{:5.1} s / {:.0} s  Stunde/hour {:7.1}  übergeben/handed over {:5}  unterwegs/under way {:5}  abgewiesen/rejected {}  (ohne Türen/without doors: {})",
        Duration::from_millis(progress.now.0).as_secs_f64(),
        Duration::from_millis(progress.end.0).as_secs_f64(),
        progress.story.0,
        progress.handed_over,
        progress.under_way,
        progress.rejected,
        rejected_without,
    );
    let mut out = std::io::stderr().lock();
    let _written = match (progress.step, live) {
        (Some((step, outcome)), true) => {
            writeln!(
                out,
                "\r{line}\n      {:<14} {}",
                step.action.word(),
                in_words(outcome)
            )
        }
        (Some((step, outcome)), false) => writeln!(
            out,
            "{line}\n      {:<14} {}",
            step.action.word(),
            in_words(outcome)
        ),
        (None, true) => write!(out, "\r{line}").and_then(|()| out.flush()),
        (None, false) => Ok(()),
    };
}

fn in_words(outcome: &::drill::side::Outcome) -> String {
    use ::drill::side::Outcome;
    match outcome {
        Outcome::Done { applied, proven } => {
            let span = |name: &str, span: &Option<vocabulary::Millis>| {
                span.map_or_else(String::new, |span| format!("  {name} {} ms", span.0))
            };
            format!("getan/done{}{}", span("applied", applied), span("proven", proven))
        }
        Outcome::Refused { de, en } => format!("abgelehnt/refused: {de} / {en}"),
        Outcome::NotBuilt => "–".to_owned(),
    }
}
