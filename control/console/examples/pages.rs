//! Writes every page of a small control room in trouble into a folder, in German and English, with style and script
//! beside them: to look at, and for the accessibility check in a real browser.
//!
//! `cargo run -p console --example pages -- FOLDER`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a tool for people at a terminal stops at the first surprise"
)]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::{fs, path::PathBuf};

use console::Method;
use stage::{Stage, page};
use vocabulary::Class;

fn main() {
    let folder: PathBuf = std::env::args().nth(1).expect("which folder?").into();
    fs::create_dir_all(&folder).unwrap();
    let mut stage = Stage::new();
    let planted = stage.plant();
    stage.cut(&["kasse-001"], Class::Containment, "Verdacht auf Ransomware");
    let commander = stage.log_in("commander-1");
    let fields = [
        ("art", "oeffnen"),
        ("cells", "kasse-001/kim"),
        ("reason", "untersucht und sauber"),
    ];
    let opening = stage.post(&commander, "/entwurf", &fields);
    let opening = opening.header("location").unwrap().to_owned();
    let insurer = stage.log_in("kasse-001-ja");
    let draft = format!("/entwurf/{}", planted.draft);
    let closing = format!("/entwurf/{}", planted.closing);
    let pages = [
        ("lage", "/"),
        ("zelle", "/zelle/kasse-001/kim"),
        ("vorfaelle", "/vorfall"),
        ("vorfall", "/vorfall/v-beide"),
        ("warten", "/warten"),
        ("entwuerfe", "/entwurf"),
        ("entwurf", draft.as_str()),
        ("oeffnung", opening.as_str()),
        ("anordnung", closing.as_str()),
        (
            "abtrennen",
            "/entwurf/neu?art=abtrennen&insurers=kasse-001&vorschau=1",
        ),
        ("oeffnen", "/entwurf/neu?art=oeffnen&zelle=kasse-001/kim"),
        ("freigeben", "/entwurf/neu?art=freigeben"),
        ("zuruecknehmen", "/entwurf/neu?art=zuruecknehmen"),
        ("plan", "/plan"),
        ("fristen", "/fristen"),
        ("bereit", "/bereit"),
        ("quellen", "/quellen"),
        ("protokoll", "/protokoll"),
        ("kasse", "/kasse/kasse-001"),
        ("sitzungen", "/sitzungen"),
        ("hilfe", "/hilfe"),
        ("anmelden", "/anmelden"),
        ("nichts", "/nichts"),
    ];
    for (name, path) in pages {
        for lang in ["de", "en"] {
            let and = if path.contains('?') { '&' } else { '?' };
            let response = stage.get(&commander, &format!("{path}{and}lang={lang}"));
            fs::write(folder.join(format!("{name}-{lang}.html")), page(&response)).unwrap();
        }
    }
    for (name, path) in [
        ("eigene-lage", "/"),
        ("eigene-kasse", "/kasse/kasse-001"),
        ("eigene-zelle", "/zelle/kasse-001/kim"),
    ] {
        fs::write(
            folder.join(format!("{name}-de.html")),
            page(&stage.get(&insurer, path)),
        )
        .unwrap();
    }
    let large = {
        let mut stage = Stage::large(80);
        let commander = stage.log_in("commander-1");
        page(&stage.get(&commander, "/"))
    };
    fs::write(folder.join("achtzig-de.html"), large).unwrap();
    for asset in ["/stil.css", "/skript.js", "/zeichen.svg"] {
        let request = stage.browser(&commander, Method::Get, asset, "");
        fs::write(
            folder.join(asset.trim_start_matches('/')),
            stage.ask(&request).body,
        )
        .unwrap();
    }
    println!("{}", folder.display());
}
