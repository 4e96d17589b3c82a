//! `--keep`: leaves the system up and says how to attack it. Each line can be pasted into a shell; each is answered with
//! a refusal somebody can read.

use std::{collections::BTreeSet, path::Path};

use clearance::Grade;
use order::Becomes;
use vocabulary::Position;

use super::{side::Bulkhead, wrong};
use crate::{files, report::Trouble};

/// Prints the attacks and waits for Ctrl-C.
///
/// # Errors
/// [`Trouble`] when the files for the attacks cannot be made.
pub async fn keep(folder: &Path, side: &Bulkhead) -> Result<(), Trouble> {
    let program = std::env::current_exe().map_err(wrong)?;
    let me = program.display();
    let door = side
        .system
        .door
        .get("door")
        .copied()
        .unwrap_or(side.system.control);
    let reach = format!("--door {door} --tls {}", side.system.people_tls().display());
    println!(
        "\nDas System läuft weiter, bis Sie Strg-C drücken. / The system stays up until you press Ctrl-C.\n"
    );
    println!("# Wo steht alles? / Where does everything stand?\n{me} status {reach}\n");
    println!("# Abrechnung / certificate\n{me} spool certificate {reach}\n");
    println!(
        "# Protokoll ohne Server prüfen / check a log with no server\n{me} verify {}\n",
        folder.join("control/log").display()
    );
    too_few_examiners(folder, side, &me.to_string(), &reach).await?;
    let (store, config) = (folder.join("door/doors"), folder.join("door.toml"));
    let again = format!(
        "{me} door --config {} 2>> {} &",
        config.display(),
        folder.join("door.log").display()
    );
    if let Some(pid) = side.system.pid("door") {
        println!(
            "# Die Türen töten und wieder starten: sie stehen, wie sie standen / kill the doors and start them again: they stand as they stood"
        );
        println!("kill -9 {pid}; {me} status {reach}; {again}\n{me} status {reach}\n");
    }
    let yesterday = folder.join("yesterday");
    if yesterday.exists() {
        println!(
            "# Das Verzeichnis von gestern zurückspielen: öffnet nichts und fällt auf / put back yesterday's directory: opens nothing and is noticed"
        );
        println!(
            "pkill -9 -f 'door --config {}'; rm -r {store}; cp -a {} {store}; {again}\n{me} status {reach} | tail -4\n",
            config.display(),
            yesterday.display(),
            store = store.display(),
        );
    }
    // Without a signal handler Ctrl-C ends the process anyway.
    let _pressed = tokio::signal::ctrl_c().await;
    Ok(())
}

/// A clearance by one examiner and an opening that names it, as files.
async fn too_few_examiners(folder: &Path, side: &Bulkhead, me: &str, reach: &str) -> Result<(), Trouble> {
    let status = side.status().await.map_err(wrong)?;
    let Some(insurer) = status
        .doors
        .iter()
        .find(|line| line.position != Position::Open)
        .map(|line| line.door.cell().insurer.clone())
    else {
        return Ok(());
    };
    let closed: Vec<_> = status
        .doors
        .into_iter()
        .filter(|line| line.door.cell().insurer == insurer && line.position != Position::Open)
        .collect();
    let clearance =
        side.sign_clearance_by(&insurer, Grade::Full, "eine Person / one person", &["forensik-1"])?;
    let opening = side.sign_opening(&closed, Becomes::Open, BTreeSet::from([clearance.id()]))?;
    let (clearance_file, opening_file) = (
        folder.join("attack/freigabe.json"),
        folder.join("attack/oeffnung.json"),
    );
    for (path, envelope) in [(&clearance_file, &clearance), (&opening_file, &opening)] {
        files::write_private(path, &serde_json::to_vec(envelope).map_err(wrong)?).map_err(wrong)?;
    }
    let control = format!(
        "--control {} --tls {}",
        side.system.control,
        side.system.people_tls().display()
    );
    println!("# {insurer} mit nur einer Forensikerin öffnen / open {insurer} with one examiner");
    println!("{me} order send {} {control}", clearance_file.display());
    println!("{me} order send {} {control}", opening_file.display());
    println!("{me} order open {} {reach}\n", opening_file.display());
    Ok(())
}
