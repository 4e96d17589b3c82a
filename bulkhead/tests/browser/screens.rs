//! What other people than the commander see, what a preview warns of, and pages that renew themselves while somebody works
//! on them.

use jiff::{Span, Timestamp as Instant, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    chromium::{Chromium, Look, Screen},
    common::{ESTATE, World, cell_of, until},
    pages::barriers,
    plain::{Api, Reply, ask},
};

/// A world with a cut, an incident somebody at the insurer knows of, and a draft.
async fn troubled() -> (World, String) {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    world.cut(cell_of(1, "eau")).await;
    let commander = Api::log_in(&world, "leitung-1");
    let incident = json!({ "title": "Verdächtige Anmeldungen", "insurers": "kasse-001" });
    let opened = commander.post("/api/v1/incidents", &incident);
    let opened = opened.json()["see"].as_str().unwrap().to_owned();
    // The insurer answers: from then on it provably knows, and its own clocks run.
    let refuses = Api::log_in(&world, "kasse-001.b");
    let said = refuses.post(
        "/api/v1/insurers/kasse-001/refuse",
        &json!({ "why": "erst untersuchen" }),
    );
    assert_eq!(said.status, 201, "{said:?}");
    world.sign_the_one("kasse-001.b");
    (world, opened)
}

/// The page of the first clock the answer shows whose duty has this name.
fn clock_page(clocks: &Value, duty: &str) -> Option<String> {
    let persons = clocks["persons"].as_array()?;
    let mut all = persons
        .iter()
        .flat_map(|person| person["clocks"].as_array().into_iter().flatten());
    let found = all.find(|clock| clock["obligation"] == duty)?;
    found["page"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_screen_of_an_insurer_and_an_examiner_is_without_barriers() {
    let Some(chromium) = Chromium::start("screens") else {
        return;
    };
    let (world, incident) = troubled().await;
    let api = Api::log_in(&world, "kasse-001.a");
    let mut notice = None;
    until("the insurer's own clock runs", || {
        notice = clock_page(&api.get("/api/v1/clocks").json(), "GDPR-33-C");
        notice.is_some()
    });
    let notice = notice.unwrap();
    let origin = world.console();
    let mut wrong = Vec::new();
    let mut look = |whose: &Screen<'_>, who: &str, pages: &[(&str, &str)]| {
        for (name, path) in pages {
            whose.width(1280);
            whose.see(path);
            assert_eq!(whose.count("section.next"), 1, "{who} at {path}");
            whose.keep(&format!("{who}-{name}"));
            whose.width(320);
            whose.shot(&format!("{who}-{name}-320"));
            barriers(whose, &format!("{who} {name}"), &mut wrong);
        }
    };
    let common = [
        ("lage", "/"),
        ("zelle", "/zelle/kasse-001/eau"),
        ("vorfaelle", "/vorfall"),
        ("vorfall", incident.as_str()),
        ("warten", "/warten"),
        ("entwuerfe", "/entwurf"),
        ("plan", "/plan"),
        ("fristen", "/fristen"),
        ("bereit", "/bereit"),
        ("kasse", "/kasse/kasse-001"),
        ("suche", "/suche?was=kasse-0"),
        ("sitzungen", "/sitzungen"),
    ];
    let insurer = chromium.screen("kasse", Look::at(&origin));
    world.log_in(&insurer, "kasse-001.a");
    look(&insurer, "kasse", &common);
    look(&insurer, "kasse", &[("meldung", notice.as_str())]);
    insurer.says(&["Ein Mensch sendet", "ENTWURF", "DRAFT", "Als gesendet vermerken"]);
    insurer.follow("main button", "Als gesendet vermerken");
    insurer.until("#teil", "✓ gesendet");
    insurer.see("/kasse/kasse-001");
    insurer.says(&[
        "Was die öffentliche Seite sagt",
        "angenommen, wartet",
        "✓ gesendet",
    ]);
    let examiner = chromium.screen("forensik", Look::at(&origin));
    world.log_in(&examiner, "forensik-1");
    look(&examiner, "forensik", &common);
    look(
        &examiner,
        "forensik",
        &[
            ("meldung", notice.as_str()),
            ("freigeben", "/entwurf/neu?art=freigeben"),
            ("quellen", "/quellen"),
            ("protokoll", "/protokoll"),
        ],
    );
    println!("screens are in {}", chromium.folder().display());
    assert!(
        wrong.is_empty(),
        "{} barriers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for screen in [&insurer, &examiner] {
        assert_eq!(screen.noise(), [""; 0]);
    }
    drop(chromium);
    world.end().await;
}

/// The estate with a date tomorrow, and for the console alone an insurer whose doors nobody has ever heard.
fn with_dates() -> (String, String) {
    let tomorrow = Instant::now()
        .to_zoned(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
        .checked_add(Span::new().days(1))
        .unwrap();
    let calendar = format!(
        "\n[[calendar]]\non = {}\nwhat = \"Auszahlung Krankengeld\"\nservices = [\"eau\"]\n",
        tomorrow.date()
    );
    let before = format!("{ESTATE}{calendar}");
    let after = format!(
        "{ESTATE}\n[[insurer]]\nid = \"kasse-004\"\nname = \"Kasse vier (erfunden)\"\nik = \"990000044\"\ninsured = 4000\n\
         site = \"munich\"\nmailboxes = [\"eau@kasse-004.kim.telematik-test\"]\n{calendar}"
    );
    (before, after)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_preview_of_a_cut_names_dates_clocks_and_doors_nobody_hears() {
    let Some(chromium) = Chromium::start("preview") else {
        return;
    };
    let (before, after) = with_dates();
    let mut world = World::closed_in(&before);
    world.side.open_in_peace().await.unwrap();
    // The console alone learns of one more insurer: its doors exist on paper, and nobody has ever heard them.
    world.side.system.kill("control").unwrap();
    bulkhead::files::write_private(&world.folder().join("estate.toml"), after.as_bytes()).unwrap();
    world.side.system.start_control().unwrap();
    let origin = world.console();
    let desk = chromium.screen("leitung", Look::at(&origin));
    world.log_in(&desk, "leitung-1");
    desk.see("/entwurf/neu?art=abtrennen");
    desk.fill("insurers", "kasse-001 kasse-004");
    desk.choose("class", "containment");
    desk.fill("reason", "Verdacht auf Schadsoftware");
    desk.follow("main button", "Vorschau");
    let text = desk.says(&[
        "Auszahlung Krankengeld",
        "Nicht erreichbar oder zweifelhaft: 2",
        "kasse-004/eau",
        "bulkhead order close",
        "Störungsmeldung Telematikinfrastruktur",
        "§ 329 Abs. 2 SGB V",
        "Auftragsverarbeiter meldet den Verantwortlichen",
    ]);
    assert!(
        !text.contains("kasse-001/eau)") && !text.contains("Frühwarnung"),
        "{text}"
    );
    desk.keep("vorschau");
    desk.width(320);
    desk.shot("vorschau-320");
    // Planned work starts no clock.
    desk.see("/entwurf/neu?art=abtrennen&insurers=kasse-001&class=maintenance&vorschau=1");
    desk.does_not_say(&["§ 329", "Nicht erreichbar oder zweifelhaft"]);
    desk.says(&["Auszahlung Krankengeld"]);
    // In English the same.
    desk.see("/entwurf/neu?art=abtrennen&insurers=kasse-004&class=containment&vorschau=1&lang=en");
    desk.says(&[
        "Disturbance report, telematics infrastructure",
        "Unreachable or in doubt",
    ]);
    desk.does_not_say(&["Störungsmeldung", "Abs."]);
    assert_eq!(desk.noise(), [""; 0]);
    drop(chromium);
    world.end_after_trouble();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_renew_themselves_and_leave_alone_what_somebody_fills_in() {
    let Some(chromium) = Chromium::start("renew") else {
        return;
    };
    let world = World::open().await;
    world.until_proven(|_| true).await;
    let commander = Api::log_in(&world, "leitung-1");
    let incident = json!({ "title": "Verdacht", "insurers": "kasse-001", "incident": "v-1" });
    assert_eq!(commander.post("/api/v1/incidents", &incident).status, 201);
    let origin = world.console();
    let desk = chromium.screen("leitung", Look::at(&origin));
    world.log_in(&desk, "leitung-1");
    let also = |name, path: &str| {
        let screen = desk.also(name, Look::at(&origin));
        screen.see(path);
        screen
    };
    let (waiting, plan, clocks) = (
        also("warten", "/warten"),
        also("plan", "/plan"),
        also("fristen", "/fristen"),
    );
    clocks.until("#teil", "Störungsmeldung");
    // Somebody is writing a note while everything else goes on.
    desk.see("/vorfall/v-1");
    desk.fill("text", "ich schreibe gerade");
    let said = commander.post(
        "/api/v1/incidents/v-1/notes",
        &json!({ "text": "neu von nebenan" }),
    );
    assert_eq!(said.status, 201, "{said:?}");
    desk.until("#teil", "neu von nebenan");
    assert_eq!(desk.value("text"), "ich schreibe gerade");
    assert!(desk.focused().starts_with("TEXTAREA"), "{}", desk.focused());
    let draft = commander.propose(&json!({
        "art": "closing", "insurers": "kasse-001", "class": "containment", "reason": "Verdacht auf Schadsoftware",
    }));
    waiting.until("#teil", "Verdacht auf Schadsoftware");
    let page = also("entwurf", &format!("/entwurf/{draft}"));
    page.says(&["0 von 1 Personen haben unterschrieben"]);
    world.sign_the_one("leitung-2");
    page.until("#teil", "im Protokoll");
    // The form to sign belongs to a state that is over: it says so, and is not taken away under a hand.
    page.until("#verbindung", "bitte neu laden");
    assert_eq!(page.count("[name=signature]"), 1);
    desk.until("#teil", "Verdacht auf Schadsoftware");
    assert_eq!(desk.value("text"), "ich schreibe gerade");
    plan.until("#teil", "kasse-001/kim");
    let path = clock_page(&commander.get("/api/v1/clocks").json(), "TI-329").unwrap();
    let sent = commander.post(
        &format!("/api/v1/clocks{}/sent", path.trim_start_matches("/fristen")),
        &json!({}),
    );
    assert_eq!(sent.status, 201, "{sent:?}");
    clocks.until("#teil", "✓ gesendet");
    commander.post("/api/v1/incidents/v-1/close", &json!({ "why": "erklärt" }));
    desk.until("#teil", "abgeschlossen");
    desk.until("#verbindung", "bitte neu laden");
    assert_eq!(desk.value("text"), "ich schreibe gerade");
    compressed(&world, &commander);
    for screen in [&desk, &waiting, &plan, &clocks, &page] {
        assert_eq!(screen.noise(), [""; 0]);
    }
    drop((desk, waiting, plan, clocks, page));
    drop(chromium);
    world.end().await;
}

/// Over the wire: compressed where it may be, and never where a token stands beside words of the request.
fn compressed(world: &World, person: &Api) {
    let to = world.side.system.console;
    let cookie = format!("bulkhead={}", person.token);
    let get = |path: &str| -> Reply {
        ask(
            to,
            "GET",
            path,
            &[("Cookie", &cookie), ("Accept-Encoding", "gzip")],
            b"",
        )
    };
    for path in [
        "/",
        "/?fragment=1&nur=auffaellig",
        "/stil.css",
        "/skript.js",
        "/fristen",
    ] {
        let reply = get(path);
        assert_eq!(reply.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(reply.header("vary"), Some("accept-encoding"), "{path}");
    }
    for path in [
        "/?suche=kasse",
        "/entwurf/neu?art=abtrennen&reason=x",
        "/anmelden",
    ] {
        let reply = get(path);
        assert_eq!(reply.header("content-encoding"), None, "{path}");
        assert!(reply.body.contains("<!DOCTYPE html>"), "{path}");
    }
}
