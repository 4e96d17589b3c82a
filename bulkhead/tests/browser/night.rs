//! One night at the console: a cut, a limited return with its announced end, and open again. Every signature is made by
//! the companion as a process of its own.

use std::time::{Duration, Instant};

use bulkhead::{
    clock,
    door_wire::{Outcome, TryOpening},
    http,
};
use serde_json::json;
use vocabulary::{Seconds, StatementId};

use crate::{
    chromium::{Chromium, Look, Screen},
    common::{LIMIT, World, until},
    plain::Api,
    site,
};

/// Who sits where during the night.
struct Night<'a> {
    world: &'a World,
    chromium: &'a Chromium,
    /// A commander's desk, and the picture on the wall, and a machine without script.
    desk: Screen<'a>,
    wall: Screen<'a>,
    plain: Screen<'a>,
    site: Screen<'a>,
}

const OWN: &str = "tr:has(a[href='/kasse/kasse-001'])";

impl<'a> Night<'a> {
    fn begin(world: &'a World, chromium: &'a Chromium, site: &str) -> Self {
        let origin = world.console();
        let desk = chromium.screen("leitung", Look::at(&origin));
        world.log_in(&desk, "leitung-1");
        let wall = desk.also("wall", Look::at(&origin));
        let plain = desk.also("plain", Look::at(&origin).without_script());
        wall.see("/");
        plain.see("/");
        let site = chromium.screen("site", Look::at(site).without_script());
        site.see("/index.html");
        Self {
            world,
            chromium,
            desk,
            wall,
            plain,
            site,
        }
    }

    /// The picture shows by itself, without anybody reloading it, both cells of the insurer like this.
    fn wall_shows(&self, position: &str, grade: &str) {
        for cell in ["eau", "kim"] {
            let cell = format!("{OWN} td[data-s={cell}]");
            self.wall.until(&format!("{cell} b"), position);
            self.wall.until(&format!("{cell} small.g"), grade);
        }
        // And without script when it is loaded again.
        self.plain.reload();
        assert_eq!(
            self.plain
                .count(&format!("{OWN} td:has(b:text-is('{position}'))")),
            2
        );
        assert_eq!(
            self.plain.count("td.s b"),
            6,
            "each cell says its state as a word"
        );
    }

    /// Has the prober stand still, or go on.
    fn prober(&self, signal: &str) {
        let pid = self.world.side.system.pid("probe").unwrap().to_string();
        let sent = std::process::Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_is_led_from_the_browser() {
    let Some(chromium) = Chromium::start("night") else {
        return;
    };
    let world = World::open().await;
    world.until_proven(|_| true).await;
    let site = site::serve(world.side.system.site());
    until("the site is there", || {
        world.side.system.site().join("index.html").is_file()
    });
    let night = Night::begin(&world, &chromium, &site);
    night.wall_shows("Offen", "bewiesen");
    cut(&night);
    told_outside(&night);
    let limited = limited_operation(&night).await;
    full_return(&night, &limited).await;
    for screen in [&night.desk, &night.wall, &night.plain, &night.site] {
        assert_eq!(screen.noise(), [""; 0]);
    }
    drop(night);
    drop(chromium);
    world.until_proven(|_| true).await;
    world.end().await;
}

/// Draft, preview, signature, applied, proven.
fn cut(night: &Night<'_>) {
    let desk = &night.desk;
    desk.see("/entwurf/neu?art=abtrennen");
    desk.fill("insurers", "kasse-001");
    desk.choose("class", "containment");
    desk.fill("reason", "Verdacht auf Schadsoftware");
    desk.follow("main button", "Vorschau");
    desk.says(&[
        "2 Zellen von 1 Kasse mit 40 Personen",
        "danach 2 gehalten, 0 geschlossen",
        "tragbar höchstens 24 h",
        "Wieder aufheben: nur Freigabe, Einsatzleitung und Kasse zusammen",
    ]);
    desk.keep("1-cut-preview");
    desk.follow("main button", "Entwerfen");
    desk.says(&[
        "Verdacht auf Schadsoftware",
        "0 von 1 Personen haben unterschrieben",
        "leitung-1, leitung-2",
    ]);
    desk.keep("2-cut-draft");
    // While nobody measures, nothing is proven.
    night.prober("-STOP");
    let sentence = night.world.sign_the_one("leitung-1");
    assert!(
        sentence.contains("Kasse kasse-001") && sentence.contains("Verdacht auf Schadsoftware"),
        "{sentence}"
    );
    night.wall_shows("Gehalten", "in Kraft");
    night.prober("-CONT");
    night.wall_shows("Gehalten", "bewiesen");
    night.wall.until(".next", "2 von 6 Zellen brauchen jemanden");
    night.wall.keep("3-cut-proven");
    reload_until(desk, "dt:has-text('Bewiesen') + dd:has-text('2 Türen')");
    desk.says(&["im Protokoll"]);
    desk.keep("4-cut-done");
}

/// The site shows it to everybody.
fn told_outside(night: &Night<'_>) {
    let site = &night.site;
    let own = "[data-insurer='kasse-001'][data-worst='held']";
    reload_until(site, own);
    site.says(&[
        "Dienste aus Sicherheitsgründen getrennt",
        "Was Sie jetzt tun sollten",
    ]);
    site.keep("5-site");
    site.follow("a[href$='kasse-001.html']", "");
    site.says(&["Kasse eins (erfunden)", "angenommen, wartet"]);
    site.see("/en/index.html");
    assert_eq!(site.count(own), 1);
    site.says(&["State of the services", "What you should do now"]);
    assert_eq!(site.count("script"), 0);
}

/// A page is loaded again until it has this.
fn reload_until(screen: &Screen<'_>, selector: &str) {
    let began = Instant::now();
    while screen.count(selector) == 0 {
        assert!(
            began.elapsed() < LIMIT,
            "{} does not show {selector}:\n{}",
            screen.path(),
            screen.text("main")
        );
        screen.reload();
    }
}

/// An examiner fills the form in, signs; one from outside signs too.
async fn clearance(night: &Night<'_>, grade: &str, first: &str, limited: &str) -> String {
    let origin = night.world.console();
    let name = format!("{first}-{grade}");
    let examiner = night.chromium.screen(&name, Look::at(&origin));
    night.world.log_in(&examiner, first);
    examiner.see("/entwurf/neu?art=freigeben");
    examiner.fill("environment", "kasse-001");
    examiner.choose("grade", grade);
    if grade == "limited" {
        examiner.fill("cells", "kasse-001/eau kasse-001/kim");
        for direction in ["forward", "fetch", "send"] {
            examiner.tick(&format!("[name=directions][value={direction}]"));
        }
        examiner.fill("until", &night.chromium.berlin(7200));
    }
    examiner.fill("evidence-root", &"ab".repeat(32));
    examiner.fill("examined", &"cd".repeat(32));
    examiner.fill(
        "checklist",
        "+ DER.2.3.A2\n- DER.2.3.A7 // keine Konten betroffen",
    );
    examiner.follow("main button", "Entwerfen");
    night.world.sign_the_one(first);
    examiner.reload();
    examiner.says(&["1 von 2 Personen haben unterschrieben"]);
    night.desk.see("/warten");
    night.desk.says(&[
        "Es fehlt: 1 von 2 Forensik-Unterschriften",
        "von außerhalb des Betreibers",
    ]);
    night.desk.keep(&format!("6-waits-for-{grade}-clearance"));
    if grade == "full" {
        opening_too_early(night, limited).await;
    }
    night.world.sign_the_one("forensik-3");
    reload_until(&examiner, "main:has-text('✓ im Protokoll')");
    examiner.says(&[&format!("{first}, forensik-3")]);
    night.desk.see("/warten");
    night.desk.does_not_say(&["Forensik-Unterschriften"]);
    name_of_path(&examiner)
}

/// The name of the statement a page is about.
fn name_of_path(screen: &Screen<'_>) -> String {
    screen.path().rsplit('/').next().unwrap().to_owned()
}

/// The insurer reads what is asked of it at the console and signs at home.
fn consent(night: &Night<'_>, name: &str, reason: &str) {
    night.desk.see("/warten");
    // The log has it before the picture does.
    reload_until(
        &night.desk,
        "main:has-text('1 von 1 Zustimmung der Kasse kasse-001')",
    );
    night
        .desk
        .says(&["0 von 2 Türen offen", "1 von 1 Zustimmung der Kasse kasse-001"]);
    night.desk.keep(&format!("7-waits-for-{name}"));
    let origin = night.world.console();
    let insurer = night.chromium.screen(name, Look::at(&origin));
    night.world.log_in(&insurer, "kasse-001.a");
    insurer.see("/kasse/kasse-001");
    insurer.says(&["warten auf das Wort der Kasse"]);
    insurer.keep(&format!("8-{name}"));
    let wanted = format!("article:has-text('{reason}') button");
    insurer.follow(&wanted, "Zustimmung entwerfen");
    insurer.says(&["ZUSTIMMUNG der Kasse kasse-001"]);
    night.world.sign_the_one("kasse-001.a");
    insurer.see("/kasse/kasse-001");
    reload_until(
        &insurer,
        &format!("article:has-text('{reason}'):has-text('zugestimmt')"),
    );
}

async fn limited_operation(night: &Night<'_>) -> String {
    let clearance = clearance(night, "limited", "forensik-1", "").await;
    let until = clock::now().plus(Seconds(45));
    let commander = Api::log_in(night.world, "leitung-2");
    let opening = commander.propose(&json!({
        "art": "opening", "cells": "kasse-001/eau kasse-001/kim", "becomes": "limited", "until": until.to_string(),
        "reason": "Teilbetrieb",
    }));
    night.world.sign_the_one("leitung-2");
    consent(night, "consent-limited", "Teilbetrieb");
    try_opening(night.world, &opening).await;
    let limited = format!("{OWN} td[data-s=eau] small");
    night.wall.until(&limited, "Teilbetrieb bis");
    night.wall.keep("9-limited");
    night.desk.see("/zelle/kasse-001/eau");
    night.desk.says(&["Teilbetrieb", "geht durch"]);
    night.desk.does_not_say(&["DURCHLÄSSIG"]);
    night.desk.keep("9-limited-cell");
    reload_until(&night.site, "[data-insurer='kasse-001'][data-worst='restricted']");
    // The planned re-shutdown: nobody does anything, and the doors are held again.
    night.wall.until_gone(&limited, "Teilbetrieb");
    night.wall_shows("Gehalten", "bewiesen");
    night.wall.keep("9-limited-over");
    clearance
}

/// The doors try an opening that stands in the log; whatever they answer, they say it.
async fn try_opening(world: &World, opening: &str) -> Outcome {
    let asked = TryOpening {
        opening: StatementId(opening.parse().unwrap()),
        wait: Seconds(20),
    };
    let door = world.side.system.door_endpoint().unwrap();
    let body = serde_json::to_vec(&asked).unwrap();
    http::call_json(&door, hyper::Method::POST, "/open", body, Duration::from_secs(30))
        .await
        .unwrap()
}

/// An opening for normal operation that stands on the limited clearance, while the full one has one signature of two: the
/// insurer may consent to it, and the doors say what is missing all the same.
async fn opening_too_early(night: &Night<'_>, limited: &str) {
    let opening = opening_by_form(night, "zu früh", limited);
    consent(night, "consent-early", "zu früh");
    let outcome = try_opening(night.world, &opening).await;
    assert_eq!(
        (outcome.applied.len(), outcome.refused.len()),
        (0, 2),
        "{outcome}"
    );
    let desk = &night.desk;
    desk.see("/warten");
    reload_until(
        desk,
        "li:has-text('0 von 2 Türen offen'):has-text('Es fehlt eine gültige Freigabe')",
    );
    desk.keep("10-too-early");
    desk.see("/zelle/kasse-001/eau");
    desk.says(&["Was die Tür abgelehnt hat", "Es fehlt eine gültige Freigabe"]);
    desk.keep("10-too-early-cell");
}

fn opening_by_form(night: &Night<'_>, reason: &str, clearances: &str) -> String {
    let desk = &night.desk;
    desk.see("/entwurf/neu?art=oeffnen");
    desk.fill("cells", "kasse-001/eau kasse-001/kim");
    desk.choose("becomes", "open");
    desk.fill("clearances", clearances);
    desk.fill("reason", reason);
    desk.follow("main button", "Entwerfen");
    desk.keep("11-opening");
    night.world.sign_the_one("leitung-1");
    name_of_path(desk)
}

async fn full_return(night: &Night<'_>, limited: &str) {
    clearance(night, "full", "forensik-2", limited).await;
    let opening = opening_by_form(night, "untersucht und frei", "");
    consent(night, "consent-full", "untersucht und frei");
    let outcome = try_opening(night.world, &opening).await;
    assert!(outcome.refused.is_empty(), "{outcome}");
    night.wall_shows("Offen", "bewiesen");
    night.wall.keep("12-open-again");
    night.desk.see("/warten");
    night.desk.keep("12-nothing-waits");
    reload_until(&night.site, "[data-insurer='kasse-001'][data-worst='normal']");
}
