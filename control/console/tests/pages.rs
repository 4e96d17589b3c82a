//! What pages say: what to do next, legal notices and who notes that they were sent, one insurer's own texts and clocks,
//! what renews itself, what is found, and drafts that are dropped.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod stage;

use console::{
    Beyond as _, Method,
    permission::{Access, access},
    route::Kind,
};
use publication::{Lang, site};
use serde_json::{Value, json};
use stage::{A, B, PLANTED, Person1, Stage, page, walk};
use vocabulary::Seconds;

/// Ways that are no pages for people.
fn is_file(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Style | Kind::Script | Kind::Icon | Kind::Events | Kind::OpenApi
    )
}

/// The box that says what to do next, without its heading.
fn next_step(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("id=\"weiter\"")?;
    let (_, rest) = rest.split_once("</h2>")?;
    let (inside, _) = rest.split_once("</section>")?;
    let mut text = String::new();
    let mut tag = false;
    for c in inside.chars() {
        match c {
            '<' => tag = true,
            '>' => tag = false,
            c if !tag => text.push(c),
            _ => {}
        }
    }
    Some(text)
}

#[test]
fn every_page_says_what_to_do_next_to_whoever_reads_it() {
    let mut stage = Stage::new();
    let people: Vec<(Person1, console::Seat)> = walk::PEOPLE
        .iter()
        .filter(|(name, _)| *name != "delegate-1")
        .map(|(name, seat)| (stage.log_in(name), *seat))
        .collect();
    // In peace, and in trouble.
    let quiet = stage::Planted {
        closing: stage.cut(&[B], vocabulary::Class::Maintenance, "Wartung zwetschge"),
        draft: vocabulary::StatementId(vocabulary::Digest::of(b"nothing")),
    };
    let mut walked = 0;
    for planted in [quiet, stage.plant()] {
        for (_, path) in walk::ways().filter(|(row, path)| {
            row.method == Method::Get && !path.starts_with("/api") && !is_file(row.kind)
        }) {
            for (person, seat) in &people {
                for insurer in [A, B] {
                    let path = walk::fill(path, insurer, planted, "0");
                    let answer = stage.get(person, &path);
                    if answer.status == 303 {
                        continue;
                    }
                    // A page, or a refusal that says where to go instead.
                    let text = page(&answer);
                    let says = next_step(&text).unwrap_or_else(|| panic!("{seat:?} at {path}: no next step"));
                    assert!(
                        says.trim().len() > 10,
                        "{seat:?} at {path}: nothing to do next is said: {says:?}"
                    );
                    assert_eq!(text.matches("class=\"next\"").count(), 1, "{path}");
                    walked += 1;
                }
            }
        }
    }
    assert!(walked > 500, "only {walked} pages walked");
    // Whoever is nobody, too.
    for path in ["/anmelden", "/hilfe", "/gibt-es-nicht"] {
        let request = stage.request(Method::Get, path, "");
        let text = page(&stage.ask(&request));
        assert!(next_step(&text).unwrap().trim().len() > 10, "{path}");
    }
}

#[test]
fn what_renews_itself_holds_no_form_no_token_and_says_the_same_as_the_page() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let insurer = stage.log_in("kasse-001-ja");
    let planted = stage.plant();
    let mut renewed = Vec::new();
    for (row, pattern) in walk::ways()
        .filter(|(row, path)| row.method == Method::Get && !path.starts_with("/api") && !is_file(row.kind))
    {
        for (person, whose) in [(&commander, B), (&insurer, A)] {
            let path = walk::fill(pattern, whose, planted, "0");
            let whole = page(&stage.get(person, &path));
            let Some((_, live)) = whole.split_once("data-live=") else {
                continue;
            };
            let part = stage.get(person, &format!("{path}?fragment=1"));
            let text = page(&part);
            assert_eq!(part.status, 200, "{path}");
            assert!(
                !text.contains("_token") && !text.contains("<form") && !text.contains("<input"),
                "{path} renews a form: {text}"
            );
            assert!(text.starts_with("<section class=\"next\""), "{path}: {text}");
            let (_, inside) = text.split_once("</section>").unwrap();
            let (_, inside) = inside.split_once('>').unwrap();
            let inside = inside.strip_suffix("</div>").unwrap();
            assert!(
                live.contains(inside),
                "{path}: the part is not what the page shows"
            );
            renewed.push(row.kind);
        }
    }
    for kind in [
        Kind::Matrix,
        Kind::Cell,
        Kind::Incidents,
        Kind::Waiting,
        Kind::Drafts,
        Kind::Plan,
        Kind::Clocks,
        Kind::Sources,
        Kind::Insurer,
        Kind::Incident,
        Kind::Notice,
    ] {
        assert!(renewed.contains(&kind), "{kind:?} does not renew itself");
    }
    // Nothing moves when it is swapped.
    let request = stage.request(Method::Get, "/stil.css", "");
    let style = page(&stage.ask(&request));
    assert!(!style.contains("animation") && !style.contains("transition"));
}

fn notice(incident: &str, entity: &str, duty: &str) -> String {
    format!("/fristen/{incident}/{entity}/{duty}")
}

#[test]
fn a_notice_has_its_draft_in_both_languages_and_is_done_when_a_person_notes_it() {
    let mut stage = Stage::new();
    stage.plant();
    let commander = stage.log_in("commander-1");
    let all = page(&stage.get(&commander, "/fristen"));
    for words in [
        "Frühwarnung (24 Stunden)",
        "§ 32 Abs. 1 Nr. 1 BSIG",
        "gemeinsame Meldestelle von BSI und BBK",
        "ungeprüft",
        "Datenschutzverletzung an die Datenschutzaufsicht",
        "href=\"/fristen/v-beide/provider/nis2-ew\"",
    ] {
        assert!(all.contains(words), "{words} is missing: {all}");
    }
    let english = page(&stage.get(&commander, "/fristen?lang=en"));
    for german in ["Meldestelle", "Kasse ", "Abs.", "Frühwarnung"] {
        let own = english.replace("Kasse zwetschge", "").replace("Kasse drei", "");
        assert!(!own.contains(german), "{german} in English: {english}");
    }
    let path = notice("v-beide", "provider", "nis2-ew");
    let text = page(&stage.get(&commander, &path));
    let (german, english) = (
        text.find("ENTWURF – nicht gesendet"),
        text.find("DRAFT – not sent"),
    );
    assert!(german.is_some() && german < english, "German first: {text}");
    for words in [
        "Ein Mensch sendet",
        "Quelle",
        "https://nis2-umsetzung.com",
        "Als gesendet vermerken",
    ] {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    // Others read it; they do not note it.
    let examiner = stage.log_in("examiner-2");
    assert!(!page(&stage.get(&examiner, &path)).contains("Als gesendet vermerken"));
    assert_eq!(
        stage.post(&examiner, &format!("{path}/gesendet"), &[]).status,
        403
    );
    // Not before it was known, not tomorrow.
    for wrong in ["2001-01-01T00:00", "2999-01-01T00:00", "gestern"] {
        let done = stage.post(&commander, &format!("{path}/gesendet"), &[("sent", wrong)]);
        assert_eq!(done.status, 422, "{wrong}");
    }
    let done = stage.post(&commander, &format!("{path}/gesendet"), &[]);
    assert_eq!((done.status, done.header("location")), (303, Some(path.as_str())));
    let text = page(&stage.get(&commander, &path));
    assert!(
        text.contains("✓ gesendet") && !text.contains("Als gesendet vermerken"),
        "{text}"
    );
    assert_eq!(
        stage.post(&commander, &format!("{path}/gesendet"), &[]).status,
        409
    );
    let noted = stage
        .journal
        .picture()
        .people()
        .obligations
        .back()
        .unwrap()
        .body
        .clone();
    assert_eq!(noted.by.unwrap().as_str(), "commander-1");
    assert_eq!(noted.incident.unwrap().as_str(), "v-beide");
    // The same duty in the other incident still waits.
    let other = page(&stage.get(&commander, &notice("v-zwetschge", "provider", "nis2-ew")));
    assert!(!other.contains("✓ gesendet"));
}

#[test]
fn late_needs_a_reason_and_shows_it() {
    let mut stage = Stage::new();
    stage.plant();
    let started = stage.now();
    stage.outside.time = started.plus(Seconds(30 * 3600));
    let commander = stage.log_in("commander-1");
    let path = notice("v-beide", "provider", "nis2-ew");
    assert!(page(&stage.get(&commander, &path)).contains("ÜBERFÄLLIG"));
    assert!(page(&stage.get(&commander, "/fristen")).contains("überfällig: jetzt melden"));
    let send = format!("{path}/gesendet");
    assert_eq!(stage.post(&commander, &send, &[]).status, 422);
    let personal = [("because", "Frau A123456789 war krank")];
    assert_eq!(stage.post(&commander, &send, &personal).status, 422);
    // Sent in time and noted late is not late.
    let in_time = started.plus(Seconds(3600)).to_string();
    let other = notice("v-zwetschge", "provider", "nis2-ew");
    let done = stage.post(&commander, &format!("{other}/gesendet"), &[("sent", &in_time)]);
    assert_eq!(done.status, 303);
    assert!(page(&stage.get(&commander, &other)).contains("✓ gesendet"));
    assert_eq!(
        stage
            .post(&commander, &send, &[("because", "Meldestelle nicht erreicht")])
            .status,
        303
    );
    let text = page(&stage.get(&commander, &path));
    assert!(
        text.contains("verspätet gesendet") && text.contains("Meldestelle nicht erreicht"),
        "{text}"
    );
}

#[test]
fn an_insurers_duty_is_its_own() {
    let mut stage = Stage::new();
    stage.plant();
    let (commander, own) = (stage.log_in("commander-1"), stage.log_in("kasse-001-ja"));
    let path = notice("v-beide", A, "gdpr-33-c");
    let send = format!("{path}/gesendet");
    assert_eq!(stage.get(&commander, &path).status, 200);
    assert_eq!(
        stage.post(&commander, &send, &[]).status,
        403,
        "nobody else notes it"
    );
    let text = page(&stage.get(&own, &path));
    assert!(text.contains("Als gesendet vermerken"), "{text}");
    assert!(!text.contains(PLANTED) && !text.contains(B), "{text}");
    // Its draft speaks of its own cells and not of how many others.
    assert!(
        !text.contains("von 3 Kassen") && !text.contains(" von 2 Kassen"),
        "{text}"
    );
    let theirs = notice("v-zwetschge", B, "gdpr-33-c");
    assert_eq!(stage.get(&own, &theirs).status, 404);
    assert_eq!(stage.post(&own, &format!("{theirs}/gesendet"), &[]).status, 404);
    assert_eq!(
        stage.get(&own, &notice("v-beide", "provider", "nis2-ew")).status,
        404
    );
    let list = page(&stage.get(&own, "/fristen"));
    assert!(
        list.contains(&path) && !list.contains("provider") && !list.contains(B),
        "{list}"
    );
    assert_eq!(stage.post(&own, &send, &[]).status, 303);
    assert!(page(&stage.get(&own, "/kasse/kasse-001")).contains("✓ gesendet"));
}

#[test]
fn an_insurers_page_says_word_for_word_what_the_site_says() {
    let mut stage = Stage::new();
    stage.plant();
    stage.cut(&[A], vocabulary::Class::Containment, "Verdacht");
    let own = stage.log_in("kasse-001-ja");
    let text = page(&stage.get(&own, "/kasse/kasse-001"));
    assert!(
        text.contains("Was die öffentliche Seite sagt") && text.contains("Eigene Fristen"),
        "{text}"
    );
    assert!(!text.contains(PLANTED) && !text.contains(B), "{text}");
    let sheet = stage.sheet().unwrap();
    let site = site::render(&sheet).unwrap();
    let outside = String::from_utf8(site.get("kasse/kasse-001.html").unwrap().to_vec()).unwrap();
    let told = site::told(&sheet, &A.parse().unwrap());
    assert_eq!(told.len(), 2);
    let mut compared = 0;
    for cell in &told {
        let words = [
            Some(cell.state.name().text(Lang::De)),
            Some(cell.meaning.text(Lang::De)),
            cell.reason.map(|reason| reason.text(Lang::De)),
        ];
        let advice = cell.to_do.iter().map(|(_, words)| words.text(Lang::De));
        for words in words.into_iter().flatten().chain(advice) {
            assert!(outside.contains(words), "not on the site: {words}");
            assert!(text.contains(words), "not on the insurer's page: {words}");
            compared += 1;
        }
    }
    assert!(compared > 8, "only {compared} sentences compared");
    let data = stage.api(&own, Method::Get, "/api/v1/insurers/kasse-001", "");
    let data: Value = serde_json::from_slice(&data.body).unwrap();
    assert_eq!(data["public"]["cells"].as_array().unwrap().len(), 2);
    assert_eq!(data["clocks"][0]["legalPerson"], A);
}

#[test]
fn everything_with_a_name_is_found_by_those_who_see_it() {
    let mut stage = Stage::new();
    let planted = stage.plant();
    let (commander, own) = (stage.log_in("commander-1"), stage.log_in("kasse-001-ja"));
    let closing = planted.closing.to_string();
    let goes = |stage: &mut Stage, person: &Person1, was: &str| {
        let found = stage.get(person, &format!("/suche?was={}", stage::escape(was)));
        found.header("location").map(str::to_owned)
    };
    for (was, to) in [
        (closing.as_str(), format!("/entwurf/{closing}")),
        (&closing[..12], format!("/entwurf/{closing}")),
        (
            &planted.draft.to_string()[..10],
            format!("/entwurf/{}", planted.draft),
        ),
        ("990000022", "/kasse/kasse-002".into()),
        ("kasse-002/kim", "/zelle/kasse-002/kim".into()),
        ("v-beide", "/vorfall/v-beide".into()),
        ("3", "/protokoll?nr=3".into()),
    ] {
        assert_eq!(goes(&mut stage, &commander, was), Some(to.clone()), "{was}");
        let theirs = goes(&mut stage, &own, was);
        let shared = was == "v-beide";
        assert_eq!(theirs.is_some(), shared, "{was} leads an insurer to {theirs:?}");
    }
    let several = page(&stage.get(&commander, "/suche?was=kasse"));
    assert!(
        several.contains("Treffer") && several.contains("/kasse/kasse-003"),
        "{several}"
    );
    let none = page(&stage.get(&commander, "/suche?was=%22%3E%3Cimg%3E"));
    assert!(
        none.contains("Nichts gefunden") && !none.contains("\"><img"),
        "{none}"
    );
    let found = stage.api(
        &commander,
        Method::Get,
        &format!("/api/v1/search?was={}", &closing[..8]),
        "",
    );
    let found: Value = serde_json::from_slice(&found.body).unwrap();
    assert_eq!(found["hits"][0]["kind"], "statement");
}

#[test]
fn a_draft_is_dropped_by_whose_word_it_is_and_stays_dropped() {
    let mut stage = Stage::new();
    let planted = stage.plant();
    let path = format!("/entwurf/{}", planted.draft);
    let drop = format!("{path}/verwerfen");
    let (examiner, commander) = (stage.log_in("examiner-2"), stage.log_in("commander-1"));
    let own = stage.log_in("kasse-001-ja");
    let why = [("why", "falsche Kasse")];
    assert_eq!(stage.post(&examiner, &drop, &why).status, 403);
    assert_eq!(stage.post(&own, &drop, &why).status, 404);
    assert_eq!(stage.post(&commander, &drop, &[]).status, 422, "why?");
    assert!(page(&stage.get(&commander, &path)).contains("Entwurf verwerfen"));
    let envelope = stage.journal.picture().people().drafts[&planted.draft]
        .body
        .draft
        .clone();
    let done = stage.post(&commander, &drop, &why);
    assert_eq!((done.status, done.header("location")), (303, Some("/entwurf")));
    let text = page(&stage.get(&commander, &path));
    assert!(
        text.contains("verworfen") && text.contains("falsche Kasse"),
        "{text}"
    );
    assert_eq!(stage.get(&own, &path).status, 404);
    // Neither a late signature nor the same bytes bring it back.
    let sign = stage.post(&commander, &format!("{path}/unterschrift"), &[("signature", "x")]);
    assert_eq!(sign.status, 409);
    let again = json!({ "envelope": serde_json::to_string(&envelope).unwrap() }).to_string();
    assert_eq!(
        stage
            .api(&commander, Method::Post, "/api/v1/drafts", &again)
            .status,
        409
    );
    assert!(stage.journal.picture().people().drafts.is_empty());
    // An insurer's word is dropped by the insurer alone.
    let refused = stage.log_in("kasse-001-nein");
    let drafted = stage.post(&refused, "/kasse/kasse-001/ablehnung", &[("why", "noch nicht")]);
    let theirs = format!("{}/verwerfen", drafted.header("location").unwrap());
    assert_eq!(stage.post(&commander, &theirs, &why).status, 403);
    assert_eq!(stage.post(&own, &theirs, &why).status, 403);
    assert_eq!(stage.post(&refused, &theirs, &why).status, 303);
}

#[test]
fn sources_show_everybody_who_tells_and_what_to_do() {
    let mut stage = Stage::new();
    stage.plant();
    let commander = stage.log_in("commander-1");
    let text = page(&stage.get(&commander, "/quellen"));
    for words in [
        "Weisungsprotokoll",
        "Dieser Leitstand (Journal)",
        "Spools (Zahlen der Türprozesse)",
        "424242 warten",
        "Prober (misst von außen)",
        "bulkhead probe starten",
        "bulkhead publish starten",
        "hat diesen Stand nicht unterschrieben",
        "Es fehlen Zeugen",
    ] {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    let later = stage.now().plus(Seconds(600));
    let mut request = stage.browser(&commander, Method::Get, "/quellen", "");
    request.now = later;
    let silent = page(&stage.ask(&request));
    assert!(
        silent.contains("schweigt") && silent.contains("Prozess und Leitung der Quelle prüfen"),
        "{silent}"
    );
}

#[test]
fn who_may_note_is_who_the_table_says() {
    for (seat, wanted) in [
        (console::Seat::Commander, Access::Full),
        (console::Seat::InsurerConsent, Access::Own),
        (console::Seat::Examiner, Access::None),
        (console::Seat::Nobody, Access::None),
    ] {
        assert_eq!(access(Kind::NoticeSent, seat), wanted, "{seat:?}");
    }
}
