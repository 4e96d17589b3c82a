//! PUBLIC-1 over the finished bytes: it holds for what we render, and it catches every way we know to break it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::collections::BTreeMap;

use common::{cell, incident, incident_in, quiet, quiet_80, set};
use publication::{
    FactSheet, Site, State,
    ask::{self, Answer, Fate},
    promises::{Breach, public_1, public_1_answers, public_1_change},
    site::{self, Changed},
};
use vocabulary::{Digest, EstateId, Timestamp};

fn broken(sheet: &FactSheet, site: &Site) -> Vec<Breach> {
    public_1(sheet, site).expect_err("this must be caught")
}

/// Reads only one file back: a lie must be found in the file that tells it.
fn broken_in(sheet: &FactSheet, site: &Site, path: &str) -> Vec<Breach> {
    let written = site.files.iter().filter(|(known, _)| known.as_str() == path);
    let written = written
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    let changed = Changed {
        written,
        gone: Default::default(),
    };
    public_1_change(sheet, &changed).expect_err(path)
}

/// Replaces text in one file, which must contain it.
fn planted(site: &Site, path: &str, from: &str, to: &str) -> Site {
    let text = String::from_utf8(site.get(path).unwrap_or_else(|| panic!("{path}")).to_vec()).unwrap();
    assert!(text.contains(from), "{path} must contain {from}");
    let mut site = site.clone();
    let bytes = site
        .files
        .iter_mut()
        .find(|(known, _)| known.as_str() == path)
        .unwrap()
        .1;
    *bytes = text.replacen(from, to, 1).into_bytes();
    site
}

#[test]
fn what_we_render_keeps_the_promise() {
    for sheet in [quiet(), incident(), incident_in(&quiet_80())] {
        let site = site::render(&sheet).unwrap();
        if let Err(breaches) = public_1(&sheet, &site) {
            let list: Vec<String> = breaches.iter().take(20).map(ToString::to_string).collect();
            panic!("{} breaches:\n{}", breaches.len(), list.join("\n"));
        }
    }
}

#[test]
fn every_single_false_statement_is_caught() {
    let sheet = incident();
    let site = site::render(&sheet).unwrap();
    // file, true text, false text
    for (path, truth, lie) in [
        // the word a person sees
        (
            "kasse/kasse-001.html",
            "</span> angenommen, wartet",
            "</span> in Betrieb",
        ),
        // the sign a person sees
        (
            "en/insurer/kasse-001.html",
            "aria-hidden=\"true\">▣<",
            "aria-hidden=\"true\">✓<",
        ),
        // what a machine sees
        (
            "kasse/kasse-001.html",
            "data-state=\"held\"",
            "data-state=\"normal\"",
        ),
        // the advice
        (
            "kasse/kasse-001.html",
            "Senden Sie sie nicht noch einmal.",
            "Senden Sie sie noch einmal.",
        ),
        (
            "fuer/practice.html",
            "Senden Sie sie nicht noch einmal.",
            "Senden Sie sie noch einmal.",
        ),
        (
            "en/for/employer.html",
            "Do not ask for it again.",
            "Ask for it again.",
        ),
        // times
        (
            "kasse/kasse-001.html",
            "datetime=\"2023-04-24T21:00:00Z\" data-cell",
            "datetime=\"2023-04-24T20:00:00Z\" data-cell",
        ),
        (
            "en/insurer/kasse-001.html",
            "1:00 (Berlin time)</time></td>",
            "0:00 (Berlin time)</time></td>",
        ),
        // counts
        ("index.html", "data-count=\"held\">4<", "data-count=\"held\">3<"),
        ("leichte-sprache.html", "Bei 4 Kassen", "Bei 2 Kassen"),
        (
            "index.html",
            "data-worst=\"off-decided\"",
            "data-worst=\"normal\"",
        ),
        // what a state means
        (
            "index.html",
            "Senden Sie es nicht noch einmal.",
            "Senden Sie es noch einmal.",
        ),
        // machines
        (
            "api/v2/summary.json",
            "\"bulkhead_state\":\"held\"",
            "\"bulkhead_state\":\"normal\"",
        ),
        (
            "api/v2/summary.json",
            "\"status\":\"partial_outage\"",
            "\"status\":\"operational\"",
        ),
        (
            "api/v2/summary.json",
            "\"indicator\":\"critical\"",
            "\"indicator\":\"none\"",
        ),
        (
            "api/v2/summary.json",
            "\"status\":\"identified\"",
            "\"status\":\"resolved\"",
        ),
        ("fakten.json", "\"state\":\"held\"", "\"state\":\"normal\""),
        ("feed.xml", "term=\"held\"", "term=\"normal\""),
        (
            "en/feed.xml",
            "<title>accepted, waiting",
            "<title>operating normally",
        ),
        ("feed.xml", "term=\"kasse-001/eau\"", "term=\"kasse-061/eau\""),
        // that we are late
        ("kasse/kasse-002.html", "data-overdue=\"yes\"", "data-x=\"yes\""),
        (
            "fuer/press.html",
            "Diese Meldung ist überfällig: wir sind in Verzug.",
            "",
        ),
        (
            "telefon.txt",
            " Diese Meldung ist überfällig: wir sind in Verzug.",
            "",
        ),
        // the telephone
        (
            "phone.txt",
            "All other services operate normally.",
            "All services operate normally.",
        ),
        ("telefon.txt", "angenommen, wartet.", "in Betrieb."),
        ("phone.txt", "[kasse-001/eau = held]", "[kasse-001/eau = normal]"),
        // claims and their standing
        (
            "aussagen.html",
            "Es sind keine Daten abgeflossen.</span>",
            "Es sind Daten abgeflossen.</span>",
        ),
        (
            "en/claims.html",
            "data-standing=\"overdue\"",
            "data-standing=\"current\"",
        ),
        // the log
        (
            "meldungen.html",
            "data-update-state=\"held\"",
            "data-update-state=\"normal\"",
        ),
        // a state where nobody would check it
        (
            "barrierefreiheit.html",
            "<h2>Barriere melden</h2>",
            "<h2>Barriere melden</h2><p>in Betrieb</p>",
        ),
        (
            "kasse/kasse-001.html",
            "<h3>Was Sie tun sollten</h3>",
            "<h3>in Betrieb</h3>",
        ),
        // the journal
        (
            "index.html",
            "data-journal=\"len\">4711<",
            "data-journal=\"len\">4710<",
        ),
        // the look of it
        ("style.css", "color: #111", "color: #fff"),
    ] {
        let site = planted(&site, path, truth, lie);
        let breaches = broken_in(&sheet, &site, path);
        assert!(
            breaches.iter().all(|breach| breach.to_string().contains(path)),
            "{path}: {breaches:?}"
        );
    }
}

#[test]
fn a_sheet_that_moved_on_makes_the_old_site_false() {
    let old = incident();
    let site = site::render(&old).unwrap();
    let mut new = old.clone();
    set(&mut new, "kasse-070/eau", State::Held, old.as_of);
    let breaches = broken(&new, &site);
    for path in [
        "index.html",
        "kasse/kasse-070.html",
        "en/insurer/kasse-070.html",
        "fuer/practice.html",
        "api/v2/summary.json",
        "telefon.txt",
        "phone.txt",
    ] {
        assert!(
            breaches.iter().any(|breach| breach.to_string().contains(path)),
            "{path}"
        );
    }
}

#[test]
fn what_is_left_out_is_caught() {
    let sheet = incident();
    let site = site::render(&sheet).unwrap();
    let mut without = site.clone();
    without.files.retain(|path, _| path.as_str() != "phone.txt");
    assert_eq!(
        broken(&sheet, &without),
        [Breach::MissingFile {
            path: "phone.txt".into()
        }]
    );
    // a whole table row, so that the page still reads well
    let text = String::from_utf8(site.get("kasse/kasse-001.html").unwrap().to_vec()).unwrap();
    let silent = text.replace(
        "data-cell=\"kasse-001/eau\" data-state",
        "data-x=\"kasse-001/eau\" data-y",
    );
    let mut site = site;
    *site
        .files
        .iter_mut()
        .find(|(path, _)| path.as_str() == "kasse/kasse-001.html")
        .unwrap()
        .1 = silent.into_bytes();
    let breaches = broken(&sheet, &site);
    let eau = cell("kasse-001/eau").to_string();
    assert!(
        breaches.contains(&Breach::Missing {
            path: "kasse/kasse-001.html".into(),
            about: eau
        }),
        "{breaches:?}"
    );
}

#[test]
fn planted_words_are_caught_in_every_kind_of_file() {
    let sheet = incident();
    let site = site::render(&sheet).unwrap();
    for word in ["Mustermann", "A123456789", "krebs"] {
        for (path, place) in [
            ("index.html", "</h1>"),
            ("leichte-sprache.html", "</h1>"),
            ("en/insurer/kasse-003.html", "</h1>"),
            ("fuer/insured.html", "</h1>"),
            ("en/claims.html", "</h1>"),
            ("en/log.html", "</h1>"),
            ("404.html", "</h1>"),
            ("frage/index.html", "</h1>"),
            ("feed.xml", "</title>"),
            ("telefon.txt", "\n\n"),
            ("api/v2/summary.json", "\",\"status\""),
        ] {
            let planted = planted(&site, path, place, &format!(" {word}{place}"));
            let breaches = broken_in(&sheet, &planted, path);
            let foreign = Breach::ForeignWord {
                path: path.into(),
                word: word.into(),
            };
            assert!(breaches.contains(&foreign), "{path} {word}: {breaches:?}");
        }
    }
    // in an attribute nobody sees, and in a file of its own
    let hidden = planted(
        &site,
        "index.html",
        "<main id=\"inhalt\"",
        "<main id=\"inhalt\" title=\"Mustermann\"",
    );
    assert!(!broken(&sheet, &hidden).is_empty());
    let mut more = site.clone();
    let foreign = site::render(&sheet).unwrap().files.into_iter().next().unwrap();
    more.files.insert(ask::path(&Digest::of(b"x"), "json"), foreign.1);
    assert!(matches!(
        broken(&sheet, &more).as_slice(),
        [Breach::ForeignFile { .. }]
    ));
    // a script, however small
    assert!(
        !broken(
            &sheet,
            &planted(&site, "index.html", "</h1>", "</h1><script></script>")
        )
        .is_empty()
    );
}

#[test]
fn answers_say_what_was_put_in_under_the_right_key() {
    let estate: EstateId = "probe".parse().unwrap();
    let at = Timestamp(1_682_366_400);
    let answers: BTreeMap<Digest, Answer> = Fate::ALL
        .into_iter()
        .enumerate()
        .map(|(index, state)| (ask::key(&format!("{index:032x}")), Answer { state, as_of: at }))
        .collect();
    let sign = |bytes: &[u8]| format!("— probe {}", Digest::of(bytes));
    let site = ask::render(&estate, &answers, &sign).unwrap();
    assert_eq!(site.files.len(), 12);
    public_1_answers(&estate, &answers, &site).unwrap();
    let held = ask::key(&format!("{:032x}", 0));
    let (json, html) = (ask::path(&held, "json"), ask::path(&held, "html"));
    for (path, truth, lie) in [
        (&json, "\"state\":\"held\"", "\"state\":\"handed-over\""),
        (&json, "state held", "state handed-over"),
        (&html, "angenommen, wartet", "an die Kasse übergeben"),
        (
            &html,
            "Senden Sie sie nicht",
            "Erika Mustermann. Senden Sie sie nicht",
        ),
        (&html, "data-fate=\"held\"", "data-fate=\"unknown\""),
    ] {
        let false_site = planted(&site, path.as_str(), truth, lie);
        assert!(
            public_1_answers(&estate, &answers, &false_site).is_err(),
            "{path} {lie}"
        );
    }
    let mut fewer = site.clone();
    fewer.files.remove(&json);
    assert!(public_1_answers(&estate, &answers, &fewer).is_err());
    assert!(public_1_answers(&estate, &BTreeMap::new(), &site).is_err());
}
