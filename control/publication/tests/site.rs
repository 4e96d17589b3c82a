//! The site as files: complete, incremental, escaped, and true to its rules for readers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::{after, cell, claim, incident, quiet, quiet_80, set};
use proptest::prelude::*;
use publication::{
    Audience, BadSheet, FactSheet, Lang, State,
    promises::{public_1, public_1_change},
    sheet::{ClaimGrade, Stage},
    site,
    words::ServiceKind,
};
use vocabulary::{Class, InsurerId, Seconds, Timestamp};

fn page(site: &publication::Site, path: &str) -> String {
    String::from_utf8(site.get(path).unwrap_or_else(|| panic!("{path}")).to_vec()).unwrap()
}

#[test]
fn one_cells_change_writes_only_the_files_that_speak_of_it() {
    let old = quiet_80();
    let mut new = old.clone();
    new.as_of = after(1);
    set(&mut new, "kasse-010/payments", State::Emergency, after(1));
    let new = new.following(&old);
    let changed = site::changed(&old, &new).unwrap();
    let written: Vec<&str> = changed.written.keys().map(site::SitePath::as_str).collect();
    assert_eq!(
        written,
        [
            "api/v2/summary.json",
            "en/feed.xml",
            "en/for/diga-maker.html",
            "en/for/hospital.html",
            "en/for/insured.html",
            "en/for/pharmacy.html",
            "en/for/press.html",
            "en/index.html",
            "en/insurer/kasse-010.html",
            "en/log.html",
            "fakten.json",
            "feed.xml",
            "fuer/diga-maker.html",
            "fuer/hospital.html",
            "fuer/insured.html",
            "fuer/pharmacy.html",
            "fuer/press.html",
            "index.html",
            "kasse/kasse-010.html",
            "leichte-sprache.html",
            "meldungen.html",
            "phone.txt",
            "telefon.txt",
        ]
    );
    let mut site = site::render(&old).unwrap();
    public_1_change(&new, &changed).unwrap();
    assert!(
        public_1_change(&old, &changed).is_err(),
        "it tells of the new sheet"
    );
    changed.apply(&mut site);
    assert_eq!(site, site::render(&new).unwrap());
}

#[test]
fn a_moment_later_only_the_files_with_the_time_on_them_differ_until_something_is_due() {
    let old = incident();
    let mut new = old.clone();
    new.as_of = old.as_of.plus(Seconds(60));
    let written = |new: &FactSheet| site::changed(&old, new).unwrap().written.len();
    assert_eq!(
        written(&new),
        7,
        "overview de, en, plain; two scripts; summary; facts"
    );
    new.as_of = after(4); // promised updates are overdue now
    assert!(written(&new) > 7 + 8);
    let site = site::render(&new).unwrap();
    assert!(page(&site, "kasse/kasse-001.html").contains("wir sind in Verzug"));
    assert!(!page(&site::render(&old).unwrap(), "kasse/kasse-001.html").contains("wir sind in Verzug"));
}

#[test]
fn the_log_is_bounded_and_the_newest_stays() {
    let mut sheet = quiet_80();
    for hour in 1..40 {
        let mut next = sheet.clone();
        next.as_of = after(hour);
        let state = if hour % 2 == 0 {
            State::Normal
        } else {
            State::OffFault
        };
        for name in sheet.cells.keys() {
            set(&mut next, &name.to_string(), state, after(hour));
        }
        sheet = next.following(&sheet);
        sheet.check().unwrap();
    }
    assert_eq!(sheet.updates.len(), 10_000 / 640);
    assert_eq!(sheet.updates.last().unwrap().at, after(39));
    sheet
        .updates
        .extend(vec![sheet.updates.last().unwrap().clone(); 500]);
    assert!(matches!(
        sheet.check(),
        Err(BadSheet::TooMany { what: "updates", .. })
    ));
}

#[test]
fn an_insurer_that_leaves_takes_its_pages_along() {
    let old = incident();
    let mut new = old.clone();
    let gone: InsurerId = "kasse-070".parse().unwrap();
    new.insurers.remove(&gone);
    new.cells.retain(|cell, _| cell.insurer != gone);
    let new = new.following(&old);
    let changed = site::changed(&old, &new).unwrap();
    let paths: Vec<&str> = changed.gone.iter().map(site::SitePath::as_str).collect();
    assert_eq!(paths, ["en/insurer/kasse-070.html", "kasse/kasse-070.html"]);
}

#[test]
fn a_correction_stands_beside_the_old_text_and_an_overdue_claim_says_so() {
    let site = site::render(&incident()).unwrap();
    for (path, old, new, overdue, unknown) in [
        (
            "aussagen.html",
            "Es sind keine Daten abgeflossen.",
            "Ob Daten abgeflossen sind.",
            "Die Überprüfung ist überfällig",
            "Das wissen wir noch nicht",
        ),
        (
            "en/claims.html",
            "No data have left.",
            "Whether data have left.",
            "The check is overdue",
            "We do not know this yet",
        ),
    ] {
        let text = page(&site, path);
        let article = text
            .split("<article")
            .find(|part| part.contains(old) && part.contains("corrected"))
            .unwrap();
        assert!(
            article.contains(new),
            "the correction stands in the article of what it corrects"
        );
        assert!(text.contains(overdue) && text.contains(unknown));
    }
    assert!(page(&site, "index.html").contains("Was wir noch nicht wissen"));
}

#[test]
fn the_all_clear_is_told_and_only_when_it_is_true() {
    let troubled = incident();
    let mut clear = troubled.clone();
    clear.incident.as_mut().unwrap().stage = Stage::Resolved;
    assert!(matches!(clear.check(), Err(BadSheet::NotClear { .. })));
    clear.as_of = after(5);
    let cells: Vec<String> = clear.cells.keys().map(ToString::to_string).collect();
    for name in cells {
        set(&mut clear, &name, State::Normal, after(5));
    }
    clear.incident.as_mut().unwrap().since = after(5);
    // planned work does not hold back the all-clear
    set(&mut clear, "kasse-001/statistics", State::OffDecided, after(5));
    clear
        .cells
        .get_mut(&cell("kasse-001/statistics"))
        .unwrap()
        .reason_class = Some(Class::Maintenance);
    let clear = clear.following(&troubled);
    let site = site::render(&clear).unwrap();
    assert!(page(&site, "feed.xml").contains("Entwarnung, in Betrieb: "));
    assert!(page(&site, "en/feed.xml").contains("resolved: all clear"));
    assert!(page(&site, "api/v2/summary.json").contains("\"status\":\"resolved\""));
    public_1(&clear, &site).unwrap();
}

#[test]
fn sheets_that_contradict_themselves_are_not_published() {
    let good = incident();
    let broken = |change: &dyn Fn(&mut FactSheet)| {
        let mut sheet = good.clone();
        change(&mut sheet);
        let refused = site::render(&sheet).expect_err("this sheet contradicts itself");
        assert!(
            refused.to_string().contains(" / "),
            "German and English: {refused}"
        );
        refused
    };
    let eau = cell("kasse-001/eau");
    let fact = |sheet: &mut FactSheet, change: &dyn Fn(&mut publication::sheet::CellFact)| {
        change(sheet.cells.get_mut(&cell("kasse-001/eau")).unwrap());
    };
    assert_eq!(
        broken(&|s| fact(s, &|f| f.next_update = None)),
        BadSheet::Silent { cell: eau.clone() }
    );
    assert_eq!(
        broken(&|s| fact(s, &|f| f.state = State::OffFault)),
        BadSheet::Contradiction { cell: eau }
    );
    assert!(matches!(
        broken(&|s| fact(s, &|f| f.since = after(3))),
        BadSheet::Time { .. }
    ));
    assert!(matches!(
        broken(&|s| fact(s, &|f| f.since = Timestamp(0))),
        BadSheet::Time { .. }
    ));
    assert!(matches!(
        broken(&|s| set(s, "kasse-001/epa", State::Held, after(1))),
        BadSheet::CannotWait { .. }
    ));
    assert!(matches!(
        broken(&|s| set(s, "kasse-999/eau", State::Held, after(1))),
        BadSheet::Nameless { .. }
    ));
    assert!(matches!(
        broken(&|s| set(s, "kasse-001/neu", State::Held, after(1))),
        BadSheet::Nameless { .. }
    ));
    assert!(matches!(broken(&|s| s.updates.reverse()), BadSheet::Log { .. }));
    let twin = |s: &mut FactSheet| {
        let name = s.insurers.values().next().unwrap().clone();
        s.insurers.insert("kasse-002".parse().unwrap(), name);
    };
    assert!(matches!(broken(&twin), BadSheet::SameName { .. }));
    let again = |corrects| {
        move |s: &mut FactSheet| {
            s.claims
                .push(claim("neu", "a", "b", ClaimGrade::Observed, Some(corrects)))
        }
    };
    assert!(matches!(
        broken(&again("gibt-es-nicht")),
        BadSheet::Correction { .. }
    ));
    assert!(
        matches!(broken(&again("keine-daten")), BadSheet::Correction { .. }),
        "corrected already"
    );
    assert!(
        matches!(broken(&again("neu")), BadSheet::Correction { .. }),
        "itself"
    );
    for address in [
        "http://status.example/",
        "https://status.example",
        "https://x/../y/",
        "https:///",
    ] {
        assert_eq!(
            broken(&|s| s.address = address.parse().ok()),
            BadSheet::Address,
            "{address}"
        );
    }
}

#[test]
fn pages_follow_the_rules_for_readers() {
    let site = site::render(&incident()).unwrap();
    for (path, bytes) in site
        .files
        .iter()
        .filter(|(path, _)| path.as_str().ends_with(".html"))
    {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let lang = if path.as_str().starts_with("en/") {
            "en"
        } else {
            "de"
        };
        assert!(text.contains(&format!("<html lang=\"{lang}\">")), "{path}");
        assert_eq!(text.matches("<h1>").count(), 1, "{path}");
        assert_eq!(text.matches("<main").count(), 1, "{path}");
        assert!(
            !text.contains("<script") && !text.contains(" style=") && !text.contains("http://"),
            "{path}"
        );
        assert!(
            text.contains("name=\"viewport\"") && text.contains("default-src 'none'"),
            "{path}"
        );
        // tables have captions, and headers with a scope
        assert_eq!(
            text.matches("<table>").count(),
            text.matches("<caption>").count(),
            "{path}"
        );
        assert_eq!(
            text.matches("<th").count() - text.matches("<thead").count(),
            text.matches("<th scope=").count(),
            "{path}"
        );
        // every sign is beside its word
        assert_eq!(
            text.matches("class=\"state ").count(),
            text.matches("class=\"symbol\" aria-hidden").count(),
            "{path}"
        );
        links(&site, path.as_str(), &text);
    }
}

/// Every link inside the site leads to a file that is there, and to a place in it that is there.
fn links(site: &publication::Site, path: &str, text: &str) {
    for link in text
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        let (file, place) = link.split_once('#').unwrap_or((link, ""));
        let mut parts: Vec<&str> = path.split('/').collect();
        if let Some(whole) = file.strip_prefix("https://status.example/") {
            parts = whole.split('/').collect();
        } else if !file.is_empty() {
            parts.pop();
            for part in file.split('/') {
                if part == ".." {
                    assert!(parts.pop().is_some(), "{path} leads out of the site: {link}");
                } else {
                    parts.push(part);
                }
            }
        }
        let target = parts.join("/");
        assert!(site.get(&target).is_some(), "{path} leads to nothing: {link}");
        let there = place.is_empty() || page(site, &target).contains(&format!("id=\"{place}\""));
        assert!(there, "{path} leads to no place: {link}");
    }
}

#[test]
fn contrast_is_at_least_four_and_a_half() {
    let luminance = |hex: &str| {
        let full: String = if hex.len() == 3 {
            hex.chars().flat_map(|c| [c, c]).collect()
        } else {
            hex.to_owned()
        };
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&full[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    let colours = |property: &str| -> Vec<&str> {
        let uses = site::STYLE.split(property).skip(1);
        uses.filter_map(|rest| rest.strip_prefix('#'))
            .map(|rest| rest.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap())
            .collect()
    };
    let (front, back) = (colours(" color: "), colours("background: "));
    assert!(front.len() >= 3 && back.len() >= 5);
    for a in &front {
        for b in &back {
            let (light, dark) = (luminance(a).max(luminance(b)), luminance(a).min(luminance(b)));
            let ratio = (light + 0.05) / (dark + 0.05);
            assert!(ratio >= 4.5, "#{a} on #{b}: {ratio:.2}");
        }
    }
}

#[test]
fn a_hostile_name_is_text_and_nothing_else() {
    let mut sheet = incident();
    let name = "<script>alert(\"1\")</script> & 'Söhne' ]]> == x == [kasse-002/eau = normal]";
    sheet
        .insurers
        .insert("kasse-001".parse().unwrap(), name.parse().unwrap());
    let site = site::render(&sheet).unwrap();
    for (path, bytes) in &site.files {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let plain = path.as_str().ends_with(".json") || path.as_str().ends_with(".txt");
        assert!(plain || !text.contains("<script"), "{path}");
    }
    assert!(page(&site, "kasse/kasse-001.html").contains("&lt;script&gt;"));
    public_1(&sheet, &site).unwrap();
    let json = serde_json::to_string(&sheet).unwrap();
    for hostile in ["\\u202eKasse", "a\\u0000b", "x\\u200by", "\\uD83D\\uDE00"] {
        let text = json.replacen("&lt;", "", 1).replacen("<script>", hostile, 1);
        assert!(serde_json::from_str::<FactSheet>(&text).is_err(), "{hostile}");
    }
    assert!(serde_json::from_str::<FactSheet>(&json.replacen("<script>", &"x".repeat(200), 1)).is_err());
    assert!(serde_json::from_str::<FactSheet>(&json.replacen("kasse-001/eau", "../../etc/eau", 1)).is_err());
    assert!(
        serde_json::from_str::<FactSheet>(&json.replacen("{\"estate\"", "{\"patient\":\"x\",\"estate\"", 1))
            .is_err()
    );
}

/// Any state a service can be in.
fn any_state(service: &str, pick: u8) -> State {
    let state = State::ALL.into_iter().cycle().nth(pick.into()).unwrap();
    let waits = ServiceKind::of(&service.parse().unwrap()).can_wait();
    if state == State::Held && !waits {
        State::OffDecided
    } else {
        state
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_changes_the_incremental_site_is_the_full_site(
        steps in prop::collection::vec((0..6_usize, 0..8_usize, any::<u8>(), 0..5_u64, any::<bool>()), 1..6)
    ) {
        let mut sheet = quiet();
        let mut site = site::render(&sheet).unwrap();
        let insurers: Vec<String> = sheet.insurers.keys().map(ToString::to_string).collect();
        let services = ["kim", "eau", "contact", "epa", "payments", "statistics", "exchange", "lookup"];
        for (count, (insurer, service, pick, hours, say)) in steps.into_iter().enumerate() {
            let mut next = sheet.clone();
            next.as_of = next.as_of.plus(Seconds(hours * 3_600));
            let name = format!("{}/{}", insurers[insurer], services[service]);
            let now = next.as_of;
            set(&mut next, &name, any_state(services[service], pick), now);
            if say {
                let mut said = claim(&format!("a{count}"), "Satz.", "Sentence.", ClaimGrade::Assessed, None);
                (said.said_at, said.review_by) = (now, now.plus(Seconds(3_600)));
                next.claims.push(said);
            }
            // Two changes of one cell in the same second are one change, the last.
            next.updates.clear();
            let mut base = sheet.clone();
            base.updates.retain(|update| update.at < now);
            let next = next.following(&base);
            if next.check().is_err() { continue; }
            site::changed(&sheet, &next).unwrap().apply(&mut site);
            sheet = next;
            prop_assert_eq!(&site, &site::render(&sheet).unwrap());
        }
        prop_assert_eq!(public_1(&sheet, &site), Ok(()));
    }

    #[test]
    fn any_name_is_refused_or_escaped(name in "\\PC{0,140}|[<>&\"'a-z]{1,40}") {
        let Ok(name) = name.parse() else { return Ok(()) };
        let mut sheet = quiet();
        sheet.insurers.retain(|id, _| id.as_str() == "kasse-001");
        sheet.cells.retain(|cell, _| cell.insurer.as_str() == "kasse-001");
        sheet.insurers.insert("kasse-001".parse().unwrap(), name);
        let site = site::render(&sheet).unwrap();
        prop_assert_eq!(public_1(&sheet, &site), Ok(()));
    }

    #[test]
    fn no_name_of_a_thing_leads_out_of_the_site(name in "[a-z0-9./\\\\%_-]{0,20}") {
        let Ok(id) = name.parse::<InsurerId>() else { return Ok(()) };
        let mut sheet = quiet();
        sheet.insurers.insert(id, "Neu".parse().unwrap());
        for path in site::render(&sheet).unwrap().files.keys() {
            let path = path.as_str();
            prop_assert!(!path.starts_with('/') && !path.contains('\\') && !path.contains('%'));
            prop_assert!(path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."));
        }
    }
}

#[test]
fn every_audience_finds_its_page_in_both_languages() {
    let site = site::render(&incident()).unwrap();
    for audience in Audience::ALL {
        for (lang, path) in [
            (Lang::De, format!("fuer/{}.html", audience.slug())),
            (Lang::En, format!("en/for/{}.html", audience.slug())),
        ] {
            assert!(page(&site, &path).contains(audience.name().text(lang)), "{path}");
        }
    }
}
