//! The crisis booklet, read back by tools nobody here wrote: `pdftotext`, `pdfinfo` and `pdffonts` of poppler.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::{T0, book, charter, estate};
use estate::Estate;
use order::Charter;
use proptest::prelude::*;
use readiness::{
    booklet::{Booklet, DoorProcess, Presigned, Reader},
    contacts::ContactBook,
};
use vocabulary::{Digest, StatementId, Timestamp};

struct Stock {
    estate: Estate,
    charter: Charter,
    contacts: ContactBook,
    doors: Vec<DoorProcess>,
    presigned: Vec<Presigned>,
}

impl Stock {
    fn new() -> Self {
        let door = |name: &str, address: &str, site: &str| DoorProcess {
            name: name.to_owned(),
            address: address.parse().unwrap(),
            site: site.parse().unwrap(),
            place: "Raum 1.07, Schrank 3, Konsole 2".to_owned(),
        };
        let order = |file: &str, says: &str| Presigned {
            file: file.to_owned(),
            sentence: says.to_owned(),
            statement: StatementId(Digest::of(file.as_bytes())),
            until: Timestamp(T0.0 + 365 * 86_400),
            kept: "Tresor Leitstand, Umschlag 2".to_owned(),
        };
        Self {
            estate: estate(),
            charter: charter(),
            contacts: book(),
            doors: vec![
                door("Tür Essen", "10.1.0.10:7443", "essen"),
                door("Tür München", "[fd00::12]:7443", "munich"),
            ],
            presigned: vec![
                order(
                    "/media/stick/alles-halten.json",
                    "ABTRENNEN: ALLES (die ganze Landschaft) halten, Klasse Vorsicht.",
                ),
                order(
                    "/media/stick/essen.json",
                    "ABTRENNEN: Standort essen halten, Klasse Eindämmung.",
                ),
            ],
        }
    }

    fn booklet<'a>(&'a self, reader: &'a Reader) -> Booklet<'a> {
        Booklet {
            estate: &self.estate,
            charter: &self.charter,
            contacts: &self.contacts,
            reader,
            edition: 3,
            made: T0,
            doors: &self.doors,
            presigned: &self.presigned,
            control: "10.9.0.1:7000".parse().unwrap(),
            tls: "/media/stick/tls",
            status_site: "https://status.beispiel.example",
        }
    }
}

/// A tool of poppler, or a visible skip; where counterparts are required, its absence is a failure.
fn poppler(tool: &str) -> Option<Command> {
    let found = Command::new(tool)
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if found {
        return Some(Command::new(tool));
    }
    assert!(
        std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none_or(|value| value != "1"),
        "{tool} is required here and missing: install poppler-utils"
    );
    let _told = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("SKIPPED: {tool} is missing (Debian package poppler-utils)\n"),
    );
    None
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    // Kept after the test, so that somebody can look at it.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "poppler complains: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_text_reads_back_whole_with_umlauts_and_in_order() {
    let Some(mut pdftotext) = poppler("pdftotext") else {
        return;
    };
    let stock = Stock::new();
    let path = file("krisenheft.pdf", &stock.booklet(&Reader::Estate).to_pdf());
    let text = flat(&said(pdftotext.arg("-layout").arg(&path).arg("-")));
    for expected in [
        "Krisenheft",
        "Crisis booklet",
        "Erfundenes Rechenzentrum für 80 Kassen",
        "Änne Größer",
        "Bert Lukasz-Müßig",
        "Was niemals getan wird",
        "Nie den Strom abschalten.",
        "Rechenzentrum München",
        "kasse-080",
        "[fd00::12]:7443",
        "Ausgabe 3 vom 24.04.2023",
        "2 Personen, davon 1 von außen",
        "https://status.beispiel.example",
        "Seite 1 von",
        "Nicht halten lässt sich: Elektronische Patientenakte (epa)",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing");
    }
    assert!(!text.contains('?'), "something could not be encoded");
    let places: Vec<usize> = [
        "Die ersten zehn Minuten",
        "Wer darf was",
        "Schließen, wenn alles aus ist",
        "Zeugen",
        "Wörter",
    ]
    .iter()
    .map(|chapter| {
        text.rfind(&format!("{chapter} "))
            .unwrap_or_else(|| panic!("{chapter}"))
    })
    .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn fingerprints_are_the_ones_openssh_prints() {
    let stock = Stock::new();
    let person = stock
        .charter
        .persons()
        .values()
        .find(|one| one.id.as_str() == "anna")
        .unwrap();
    let print = person.keys[0]
        .data()
        .fingerprint(ssh_key::HashAlg::Sha256)
        .to_string();
    let print = print.strip_prefix("SHA256:").unwrap();
    let Some(mut pdftotext) = poppler("pdftotext") else {
        return;
    };
    let path = file("fingerprints.pdf", &stock.booklet(&Reader::Estate).to_pdf());
    assert!(
        said(pdftotext.arg("-layout").arg(&path).arg("-")).contains(print),
        "{print}"
    );
}

#[test]
fn the_file_is_a4_tagged_german_and_bookmarked() {
    let (Some(mut pdfinfo), Some(mut tree)) = (poppler("pdfinfo"), poppler("pdfinfo")) else {
        return;
    };
    let stock = Stock::new();
    let bytes = stock.booklet(&Reader::Estate).to_pdf();
    let path = file("krisenheft-info.pdf", &bytes);
    let info = said(pdfinfo.arg(&path));
    for line in [
        "Title:           Krisenheft – Erfundenes",
        "Tagged:          yes",
        "(A4)",
        "PDF version:     1.7",
    ] {
        assert!(info.contains(line), "{line:?} is missing in\n{info}");
    }
    let tree = said(tree.arg("-struct-text").arg(&path));
    for tag in [
        "Document",
        "H1",
        "H2",
        "L (block)",
        "LI",
        "Lbl",
        "LBody",
        "Table",
        "TH",
        "TD",
        "Code",
        "\"1 Die ersten zehn Minuten\"",
    ] {
        assert!(tree.contains(tag), "{tag:?} is missing in the structure");
    }
    let raw = String::from_utf8_lossy(&bytes);
    for part in [
        "/Lang (de)",
        "/Lang (en)",
        "/Outlines",
        "/DisplayDocTitle true",
        "/ParentTree",
    ] {
        assert!(raw.contains(part), "{part}");
    }
}

#[test]
fn bookmarks_lead_to_the_pages_the_table_of_contents_names() {
    let (Some(mut pdftohtml), Some(mut pdftotext)) = (poppler("pdftohtml"), poppler("pdftotext")) else {
        return;
    };
    let stock = Stock::new();
    let path = file("bookmarks.pdf", &stock.booklet(&Reader::Estate).to_pdf());
    let xml = said(pdftohtml.args(["-xml", "-i", "-stdout"]).arg(&path));
    let cover = said(pdftotext.args(["-layout", "-l", "1"]).arg(&path).arg("-"));
    let items: Vec<(&str, &str)> = xml
        .lines()
        .filter_map(|line| {
            line.strip_prefix("<item page=\"")?
                .strip_suffix("</item>")?
                .split_once("\">")
        })
        .collect();
    assert_eq!(items.len(), 9, "{xml}");
    for (page, title) in items {
        let line = cover
            .lines()
            .map(flat)
            .find(|line| line.starts_with(&flat(title)));
        let line = line.unwrap_or_else(|| panic!("{title} is not on the cover"));
        assert_eq!(line.rsplit(' ').next(), Some(page), "{title}");
    }
}

#[test]
fn every_width_we_count_with_is_the_readers_width() {
    // Two right-aligned texts end where they should only if both sides agree on every glyph's width.
    let Some(mut pdftotext) = poppler("pdftotext") else {
        return;
    };
    let stock = Stock::new();
    let path = file("widths.pdf", &stock.booklet(&Reader::Estate).to_pdf());
    let boxes = said(pdftotext.arg("-bbox").arg(&path).arg("-"));
    let right_edges: Vec<f64> = boxes
        .lines()
        .filter_map(|line| line.split("xMax=\"").nth(1)?.split('"').next()?.parse().ok())
        .collect();
    assert!(right_edges.len() > 1000, "{} words", right_edges.len());
    let furthest = right_edges.iter().copied().fold(0.0_f64, f64::max);
    assert!(
        furthest <= 595.28 - 54.0 + 0.2,
        "a word ends at {furthest}, outside the text"
    );
}

#[test]
fn the_same_booklet_gives_the_same_bytes_and_another_edition_others() {
    let stock = Stock::new();
    let one = stock.booklet(&Reader::Estate);
    assert_eq!(one.to_pdf(), one.to_pdf());
    let other = Booklet { edition: 4, ..one };
    assert_ne!(one.to_pdf(), other.to_pdf());
}

#[test]
fn an_insurers_booklet_holds_nothing_of_another_insurer() {
    let Some(mut pdftotext) = poppler("pdftotext") else {
        return;
    };
    let stock = Stock::new();
    let reader = Reader::Insurer("kasse-001".parse().unwrap());
    let path = file("krisenheft-kasse-001.pdf", &stock.booklet(&reader).to_pdf());
    let text = flat(&said(pdftotext.arg("-layout").arg(&path).arg("-")));
    for own in [
        "Doris Jäger",
        "Emil Weiß",
        "Änne Größer",
        "kasse-001-ja",
        "bulkhead sign draft consent",
    ] {
        assert!(text.contains(own), "{own:?} is missing");
    }
    let own_name = &stock.estate.insurer(&"kasse-001".parse().unwrap()).unwrap().name;
    for insurer in stock.estate.insurers().filter(|one| one.name != *own_name) {
        assert!(
            !text.contains(&insurer.ik.to_string()),
            "{} of {}",
            insurer.ik,
            insurer.name
        );
    }
    for foreign in [
        "Gert Geheim",
        "kasse-002-ja",
        "7777777",
        "777 7777",
        "10.1.0.10",
        "alles-halten",
    ] {
        assert!(!text.contains(foreign), "{foreign:?} belongs to another insurer");
    }
}

#[test]
fn printed_commands_are_the_ones_handed_out_for_checking() {
    let Some(mut pdftotext) = poppler("pdftotext") else {
        return;
    };
    let stock = Stock::new();
    let booklet = stock.booklet(&Reader::Estate);
    let path = file("commands.pdf", &booklet.to_pdf());
    let text = flat(&said(pdftotext.arg("-layout").arg(&path).arg("-"))).replace(" \\ ", " ");
    let commands = booklet.commands();
    assert!(commands.len() >= 10);
    for command in &commands {
        assert!(
            text.contains(&command.line()),
            "{} is not printed",
            command.line()
        );
    }
    let printed = text.matches("bulkhead ").count();
    // The introduction names the program once more.
    assert!(printed >= commands.len(), "{printed} commands are printed");
}

#[test]
fn an_empty_estate_still_gives_a_booklet_that_says_what_is_missing() {
    let Some(mut pdftotext) = poppler("pdftotext") else {
        return;
    };
    let mut stock = Stock::new();
    stock.contacts = ContactBook::from_toml("estate = \"sample\"\nissued = 2023-04-01\n").unwrap();
    stock.doors.clear();
    stock.presigned.clear();
    let path = file("leer.pdf", &stock.booklet(&Reader::Estate).to_pdf());
    let text = flat(&said(pdftotext.arg("-layout").arg(&path).arg("-")));
    for hint in [
        "keine vorab gezeichnete Anordnung",
        "kein Türprozess",
        "keine Einsatzleitung",
    ] {
        assert!(text.contains(hint), "{hint:?}");
    }
}

#[test]
fn what_people_copy_into_a_draft_is_what_doors_read() {
    let stock = Stock::new();
    for reader in [Reader::Estate, Reader::Insurer("kasse-001".parse().unwrap())] {
        let booklet = stock.booklet(&reader);
        let lines = booklet.fill_ins();
        assert!(lines.len() >= 2);
        for line in &lines {
            let other = if line.starts_with("\"scope\"") {
                r#""act": {"tighten": {"stance": "contain", "class": "precautionary"}}"#
            } else {
                r#""scope": [{}]"#
            };
            let body = format!(
                r#"{{"estate": "sample", {line}, {other}, "uses": "once", "reason": "Probe", "issued": 1}}"#
            );
            let closing: order::Closing =
                serde_json::from_str(&body).unwrap_or_else(|error| panic!("{line}: {error}"));
            order::Body::check(&closing).unwrap_or_else(|error| panic!("{line}: {error}"));
            if let (Reader::Insurer(own), true) = (&reader, line.starts_with("\"scope\"")) {
                assert_eq!(closing.scope, vocabulary::Scope::insurer(own.clone()));
            }
        }
        let Some(mut pdftotext) = poppler("pdftotext") else {
            return;
        };
        let path = file("fill-ins.pdf", &booklet.to_pdf());
        let text = flat(&said(pdftotext.arg("-layout").arg(&path).arg("-")));
        assert!(lines.iter().all(|line| text.contains(line)), "{lines:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever people are called and wherever their doors stand: a booklet comes out, the same each time, and whole.
    #[test]
    fn any_names_give_a_booklet(name in "\\PC{1,60}", place in "\\PC{0,300}", word in "[a-z0-9/._-]{1,200}") {
        let mut stock = Stock::new();
        stock.doors[0].place = place;
        stock.presigned[0].file = format!("/{word}");
        let written = common::BOOK.replace("Doris Jäger", &name.replace(['"', '\\'], "'"));
        if let Ok(contacts) = ContactBook::from_toml(&written) {
            stock.contacts = contacts;
        }
        let booklet = stock.booklet(&Reader::Estate);
        let bytes = booklet.to_pdf();
        prop_assert_eq!(&bytes, &booklet.to_pdf());
        prop_assert!(bytes.starts_with(b"%PDF-1.7") && bytes.ends_with(b"%%EOF"));
        // Every command stays one word per word, whatever a file is called.
        for command in booklet.commands() {
            prop_assert!(!command.line().contains('\n'));
        }
    }
}
