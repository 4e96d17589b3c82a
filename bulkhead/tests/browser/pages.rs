//! Every page of console and site, as different people and machines meet it: readable without barriers, on a phone, on
//! paper, in both languages; and a picture of each is kept.

use serde_json::{Value, json};
use vocabulary::Scope;

use crate::{
    chromium::{Chromium, Look, Screen},
    common::{World, cell_of, until},
    plain::Api,
    site,
};

/// Narrowest screen a page must fit on, in CSS pixels (WCAG 2.2, 1.4.10).
const NARROW: u32 = 320;
const PHONE: u32 = 390;

/// A world in which something happened, so that pages have something to say.
async fn eventful() -> (World, Vec<(&'static str, String)>) {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    world.cut(cell_of(1, "eau")).await;
    world.shut(cell_of(2, "kim"));
    world.until_proven(|_| true).await;
    let commander = Api::log_in(&world, "leitung-1");
    let draft = commander.propose(&json!({
        "art": "closing", "insurers": "kasse-003", "class": "containment", "reason": "Verdacht auf Schadsoftware",
    }));
    let incident = json!({
        "title": "Verdächtige Anmeldungen", "severity": "high", "insurers": "kasse-001", "services": "eau",
    });
    let opened = commander.post("/api/v1/incidents", &incident);
    let incident = opened.json()["see"].as_str().unwrap().to_owned();
    let logged = commander.get("/api/v1/cells/kasse-001/eau").json();
    let logged = first_statement(&logged).unwrap_or_default();
    let pages = vec![
        ("lage", "/".to_owned()),
        ("zelle", "/zelle/kasse-001/eau".to_owned()),
        ("vorfaelle", "/vorfall".to_owned()),
        ("vorfall", incident),
        ("warten", "/warten".to_owned()),
        ("entwuerfe", "/entwurf".to_owned()),
        ("entwurf", format!("/entwurf/{draft}")),
        ("erklaerung", format!("/entwurf/{logged}")),
        ("abtrennen", "/entwurf/neu?art=abtrennen".to_owned()),
        (
            "vorschau",
            "/entwurf/neu?art=abtrennen&insurers=kasse-003&class=containment&vorschau=1".to_owned(),
        ),
        (
            "oeffnen",
            "/entwurf/neu?art=oeffnen&zelle=kasse-001/eau".to_owned(),
        ),
        ("freigeben", "/entwurf/neu?art=freigeben".to_owned()),
        ("zuruecknehmen", "/entwurf/neu?art=zuruecknehmen".to_owned()),
        ("plan", "/plan".to_owned()),
        ("fristen", "/fristen".to_owned()),
        ("bereit", "/bereit".to_owned()),
        ("suche", "/suche?was=kasse".to_owned()),
        ("quellen", "/quellen".to_owned()),
        ("protokoll", "/protokoll".to_owned()),
        ("kasse", "/kasse/kasse-001".to_owned()),
        ("sitzungen", "/sitzungen".to_owned()),
        ("hilfe", "/hilfe".to_owned()),
    ];
    (world, pages)
}

/// The first statement somebody signed that the answer about a cell names.
fn first_statement(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields
            .get("statement")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| fields.values().find_map(first_statement)),
        Value::Array(items) => items.iter().find_map(first_statement),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// What is wrong with a page for people who see, hear or move differently, or have a small screen.
pub fn barriers(screen: &Screen<'_>, page: &str, wrong: &mut Vec<String>) {
    for found in screen.axe() {
        if ["serious", "critical"].contains(&found["impact"].as_str().unwrap_or("critical")) {
            wrong.push(format!("{page}: {found:#}"));
        }
    }
    screen.width(NARROW);
    let wide = screen.too_wide();
    if !wide.is_empty() {
        wrong.push(format!("{page} at {NARROW} px: {wide:#?}"));
    }
}

fn on_paper(screen: &Screen<'_>, page: &str, wrong: &mut Vec<String>) {
    screen.medium("print");
    for hidden in ["nav", "main form"] {
        if screen.count(hidden) > 0 && screen.is_visible(hidden) {
            wrong.push(format!("{page}: {hidden} is printed"));
        }
    }
    if !screen.is_visible("h1") {
        wrong.push(format!("{page}: nothing is printed"));
    }
    screen.medium("screen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_console_is_without_barriers_and_fits() {
    let Some(chromium) = Chromium::start("pages") else {
        return;
    };
    let (world, pages) = eventful().await;
    let origin = world.console();
    let mut wrong = Vec::new();
    let login = chromium.screen("niemand", Look::at(&origin));
    login.see("/anmelden");
    login.keep("anmelden");
    barriers(&login, "anmelden", &mut wrong);
    let screen = chromium.screen("leitung", Look::at(&origin));
    world.log_in(&screen, "leitung-1");
    for (name, path) in &pages {
        screen.width(1280);
        screen.see(path);
        screen.keep(name);
        if !["hilfe", "lage"].contains(name) {
            assert!(screen.text("main").contains("Was jetzt zu tun ist"), "{path}");
        }
        on_paper(&screen, name, &mut wrong);
        screen.width(PHONE);
        screen.shot(&format!("{name}-390"));
        barriers(&screen, name, &mut wrong);
    }
    screen.width(1280);
    assert_eq!(screen.go("/gibt-es-nicht"), 404);
    screen.keep("nicht-gefunden");
    barriers(&screen, "nicht-gefunden", &mut wrong);
    screen.width(1280);
    in_words_and_on_paper(&screen, &mut wrong);
    keyboard(&screen);
    english(&screen, &pages);
    println!("screens are in {}", chromium.folder().display());
    assert!(
        wrong.is_empty(),
        "{} barriers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(screen.noise(), [""; 0]);
    drop(chromium);
    world.end().await;
}

/// Each state is a word and a shape before it is a colour.
fn in_words_and_on_paper(screen: &Screen<'_>, wrong: &mut Vec<String>) {
    screen.see("/");
    let cells = screen.texts(".matrix td.s");
    assert_eq!(cells.len(), 6);
    for cell in cells {
        let says = ["Offen", "Gehalten", "Zu"].iter().any(|word| cell.contains(word));
        if !says {
            wrong.push(format!("a cell without a word: {cell:?}"));
        }
    }
    assert_eq!(screen.count(".matrix td.s .shape"), 6);
    screen.print("lage");
}

/// The picture is walked with the keyboard alone.
fn keyboard(screen: &Screen<'_>) {
    screen.see("/");
    screen.press("/");
    assert_eq!(screen.focused().trim(), "INPUT suche");
    screen.see("/");
    screen.press("Tab");
    assert!(
        screen.focused().contains("#inhalt"),
        "the first stop skips the navigation"
    );
    screen.focus(".matrix tbody a");
    let first = screen.focused();
    screen.press("ArrowDown");
    let second = screen.focused();
    screen.press("ArrowRight");
    let third = screen.focused();
    assert!(
        first.contains("kasse-001") && second.contains("kasse-002"),
        "{first} {second}"
    );
    assert!(third.contains("/zelle/kasse-002/"), "{third}");
    screen.press("Enter");
    screen.until("h1", "Kasse zwei");
}

/// The same in English: no page keeps German words where it has English ones.
fn english(screen: &Screen<'_>, pages: &[(&str, String)]) {
    screen.see("/?lang=en");
    screen.keep("lage-en");
    // The journal shows what was written, as it was written.
    for (name, path) in pages.iter().filter(|(name, _)| *name != "protokoll") {
        screen.see(path);
        let text = screen.text("main");
        for german in ["Was jetzt", "Gehalten", "Kasse ", "gehört", "Freigabe", "Türen"] {
            let own = text
                .replace("Kasse eins", "")
                .replace("Kasse zwei", "")
                .replace("Kasse drei", "");
            assert!(
                !own.contains(german),
                "\"{german}\" on {name} in English:\n{text}"
            );
        }
    }
    screen.see("/?lang=de");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_site_is_without_barriers_and_without_script() {
    let Some(chromium) = Chromium::start("site") else {
        return;
    };
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    let folder = world.side.system.site();
    world.cut(Scope::everything()).await;
    until("the site shows the cut", || {
        std::fs::read_to_string(folder.join("index.html"))
            .is_ok_and(|page| page.contains("data-worst=\"held\""))
    });
    let origin = site::serve(folder.clone());
    let screen = chromium.screen("leute", Look::at(&origin));
    let mut wrong = Vec::new();
    let mut pages = Vec::new();
    html_files(&folder, "", &mut pages);
    assert!(pages.len() > 20, "{pages:?}");
    for page in &pages {
        screen.width(1280);
        screen.see(&format!("/{page}"));
        assert_eq!(screen.count("script"), 0, "{page}");
        if !page.starts_with("kasse") && !page.contains("insurer") || page.ends_with("kasse-001.html") {
            screen.keep(&page.replace(['/', '.'], "-"));
        }
        barriers(&screen, page, &mut wrong);
        screen.width(1280);
        on_paper(&screen, page, &mut wrong);
    }
    screen.width(PHONE);
    screen.see("/index.html");
    screen.shot("index-390");
    println!("screens are in {}", chromium.folder().display());
    assert!(
        wrong.is_empty(),
        "{} barriers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(screen.noise(), [""; 0]);
    drop(chromium);
    world.end().await;
}

fn html_files(folder: &std::path::Path, under: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{under}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            html_files(&entry.path(), &format!("{name}/"), found);
        } else if name.ends_with(".html") {
            found.push(name);
        }
    }
    found.sort();
}
