//! A first estate from a list of insurers in CSV.

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{InsurerId, SiteId};

use crate::{
    identifier::{Ik, Mailbox, Telematik},
    mistake::{Mistake, Mistakes, Trouble},
    parse::INSURERS_MAX,
    sample::CATALOGUE,
};

/// Columns that give the number of insured persons; the first one present with a value counts.
const INSURED: [&str; 3] = ["insured", "sizing_insured", "insured_2024_published"];

struct Row {
    id: String,
    name: String,
    ik: Ik,
    insured: u64,
    assumed: Option<String>,
    site: String,
    mailboxes: Vec<Mailbox>,
}

/// Writes an estate file from a CSV list of insurers with the columns `name`, `ik` and one of `insured`,
/// `sizing_insured`, `insured_2024_published`; optional: `id`, `site`, `mailboxes` (separated by spaces). Other columns
/// are left out and named in the head of the result, which passes [`check`](crate::check).
///
/// # Errors
/// [`Mistakes`]: every row that cannot be an insurer, with line, value and what to do.
pub fn import(csv: &str, file: &str) -> Result<String, Mistakes> {
    let mut list = List {
        file,
        mistakes: Vec::new(),
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(csv.as_bytes());
    let columns: Vec<String> = match reader.headers() {
        Ok(header) => header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_owned())
            .collect(),
        Err(error) => {
            list.note(
                1,
                "header",
                "",
                rule("Kopfzeile nicht lesbar", "Header not readable", &error),
            );
            Vec::new()
        }
    };
    list.check_columns(&columns);
    let mut rows = Vec::new();
    let mut ids = BTreeSet::new();
    let mut iks = BTreeMap::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(1, csv::Position::line);
                let line = usize::try_from(line).unwrap_or(usize::MAX);
                let fields: BTreeMap<&str, &str> =
                    columns.iter().map(String::as_str).zip(record.iter()).collect();
                rows.extend(list.row(line, &fields, &mut ids, &mut iks));
            }
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                let line = usize::try_from(line).unwrap_or(usize::MAX);
                list.note(
                    line,
                    "row",
                    "",
                    rule("Zeile nicht lesbar", "Row not readable", &error),
                );
            }
        }
    }
    if rows.len() > INSURERS_MAX {
        list.note(
            1,
            "rows",
            "",
            Trouble::TooMany {
                entries_max: INSURERS_MAX,
            },
        );
    }
    if rows.is_empty() && list.mistakes.is_empty() {
        list.note(1, "rows", "", Trouble::Missing);
    }
    match Mistakes::of(list.mistakes) {
        Some(mistakes) => Err(mistakes),
        None => Ok(write(&rows, &columns)),
    }
}

fn rule(de: &str, en: &str, error: &csv::Error) -> Trouble {
    Trouble::Rule {
        de: format!("{de}: {error}. Datei als UTF-8-CSV speichern."),
        en: format!("{en}: {error}. Save the file as UTF-8 CSV."),
    }
}

struct List<'f> {
    file: &'f str,
    mistakes: Vec<Mistake>,
}

impl List<'_> {
    fn note(&mut self, line: usize, at: &str, value: &str, trouble: Trouble) {
        let value = value.chars().filter(|c| !c.is_control()).take(80).collect();
        self.mistakes.push(Mistake {
            file: self.file.to_owned(),
            line,
            column: 1,
            at: at.to_owned(),
            value,
            trouble,
        });
    }

    fn check_columns(&mut self, columns: &[String]) {
        for wanted in ["name", "ik"] {
            if !columns.iter().any(|column| column == wanted) {
                self.note(1, wanted, "", Trouble::Missing);
            }
        }
        if !columns.iter().any(|column| INSURED.contains(&column.as_str())) {
            self.note(1, &INSURED.join(" | "), "", Trouble::Missing);
        }
    }

    fn row(
        &mut self,
        line: usize,
        fields: &BTreeMap<&str, &str>,
        ids: &mut BTreeSet<String>,
        iks: &mut BTreeMap<Ik, usize>,
    ) -> Option<Row> {
        let get = |key: &str| fields.get(key).copied().filter(|text| !text.is_empty());
        let name =
            get("name").filter(|name| !name.chars().any(char::is_control) && name.chars().count() <= 200);
        if name.is_none() {
            self.note(
                line,
                "name",
                get("name").unwrap_or(""),
                Trouble::BadText { chars_max: 200 },
            );
        }
        let ik = self.ik(line, get("ik").unwrap_or(""), iks);
        let insured = self.insured(line, fields);
        let site = get("site").unwrap_or("site-1");
        if let Err(bad) = SiteId::new(site) {
            self.note(line, "site", site, Trouble::BadName(bad));
        }
        // The same rule as in the estate: numbers of the range 99 are invented and live in the test world.
        let telematik = match get("ik") {
            Some(ik) if ik.starts_with("99") => Telematik::Test,
            Some(_) | None => Telematik::Production,
        };
        let mut mailboxes = Vec::new();
        for text in get("mailboxes").unwrap_or("").split_whitespace() {
            match Mailbox::new(text, telematik) {
                Ok(mailbox) => mailboxes.push(mailbox),
                Err(bad) => self.note(line, "mailboxes", text, Trouble::BadMailbox(bad)),
            }
        }
        if let Some(id) = get("id")
            && let Err(bad) = InsurerId::new(id)
        {
            self.note(line, "id", id, Trouble::BadName(bad));
        }
        let assumed = get("sizing_source")
            .filter(|source| source.contains("SYNTHETIC"))
            .map(str::to_owned);
        let id = unique(
            get("id").map_or_else(|| slug(name.unwrap_or("")), str::to_owned),
            ids,
        );
        Some(Row {
            id,
            name: name?.to_owned(),
            ik: ik?,
            insured: insured?,
            assumed,
            site: site.to_owned(),
            mailboxes,
        })
    }

    fn ik(&mut self, line: usize, text: &str, iks: &mut BTreeMap<Ik, usize>) -> Option<Ik> {
        match text.parse::<Ik>() {
            Ok(ik) => match iks.insert(ik, line) {
                Some(first_line) => {
                    self.note(line, "ik", text, Trouble::Duplicate { first_line });
                    None
                }
                None => Some(ik),
            },
            Err(bad) => {
                self.note(line, "ik", text, Trouble::BadIk(bad));
                None
            }
        }
    }

    fn insured(&mut self, line: usize, fields: &BTreeMap<&str, &str>) -> Option<u64> {
        let given = INSURED.iter().find_map(|column| {
            let text = fields.get(column).copied().filter(|text| !text.is_empty())?;
            Some((column, text))
        });
        let Some((column, text)) = given else {
            self.note(line, "insured", "", Trouble::Missing);
            return None;
        };
        let number = text
            .parse::<u64>()
            .ok()
            .filter(|number| (1..=100_000_000).contains(number));
        if number.is_none() {
            let bounds = ("1".to_owned(), "100000000".to_owned());
            self.note(line, column, text, Trouble::OutOfRange { bounds });
        }
        number
    }
}

/// A name for orders from a name for people.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            'ä' => slug.push_str("ae"),
            'ö' => slug.push_str("oe"),
            'ü' => slug.push_str("ue"),
            'ß' => slug.push_str("ss"),
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    let slug: String = slug.chars().take(48).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "kasse".to_owned()
    } else {
        slug.to_owned()
    }
}

fn unique(slug: String, taken: &mut BTreeSet<String>) -> String {
    let mut id = slug.clone();
    let mut count = 1_usize;
    while !taken.insert(id.clone()) {
        count = count.saturating_add(1);
        id = format!("{slug}-{count}");
    }
    id
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn write(rows: &[Row], columns: &[String]) -> String {
    let used = ["name", "ik", "id", "site", "mailboxes", "sizing_source"];
    let left_out: Vec<&str> = columns
        .iter()
        .map(String::as_str)
        .filter(|column| !used.contains(column) && !INSURED.contains(column))
        .collect();
    let all_have_mail = rows.iter().all(|row| !row.mailboxes.is_empty());
    let synthetic = rows.iter().all(|row| row.ik.as_str().starts_with("99"));
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _infallible = write!(
        out,
        "# Aus einer Liste von Kassen übernommen. Vor dem Gebrauch prüfen: Standorte, Postfächer, Dienste, Stunden.\n\
         # Imported from a list of insurers. Check before use: sites, mailboxes, services, hours.\n\
         # Nicht übernommene Spalten / columns left out: {}\n\n[estate]\nid = \"imported\"\nname = \"Übernommene Landschaft\"\n\
         telematik = \"{}\"\nsynthetic = {synthetic}\n",
        if left_out.is_empty() {
            "–".to_owned()
        } else {
            left_out.join(", ")
        },
        if synthetic { "test" } else { "production" },
    );
    let sites: BTreeSet<&str> = rows.iter().map(|row| row.site.as_str()).collect();
    for site in sites {
        let _infallible = write!(out, "\n[[site]]\nid = \"{site}\"\nname = \"{site}\"\n");
    }
    out.push_str(CATALOGUE);
    if !all_have_mail {
        out.push_str(
            "\n# Kassen ohne Postfach haben hier kein kim und kein eau: Postfach eintragen und services streichen.\n\
             # Insurers without a mailbox have no kim and eau here: add the mailbox and remove services.\n",
        );
    }
    for row in rows {
        write_row(&mut out, row);
    }
    out
}

fn write_row(out: &mut String, row: &Row) {
    let _infallible = write!(
        out,
        "\n[[insurer]]\nid = \"{}\"\nname = {}\nik = \"{}\"\ninsured = {}",
        row.id,
        quoted(&row.name),
        row.ik,
        row.insured
    );
    if row.assumed.is_some() {
        out.push_str(" # angenommen / assumed");
    }
    let _infallible = write!(out, "\nsite = \"{}\"\n", row.site);
    if row.mailboxes.is_empty() {
        out.push_str(
            "services = [\"contact\", \"epa\", \"payments\", \"statistics\", \"exchange\", \"lookup\"]\n",
        );
    } else {
        let list: Vec<String> = row
            .mailboxes
            .iter()
            .map(|mailbox| quoted(mailbox.as_str()))
            .collect();
        let _infallible = writeln!(out, "mailboxes = [{}]", list.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    const LIST: &str = "name,kassenart,ik,betriebsnummer,sizing_insured,sizing_source,name_in_x\n\
        Erfundene Kasse Ä,BKK,109500969,1,4619256,matched,x\n\
        \"Erfundene \"\"Kasse\"\" B, Nord\",BKK,260326822,2,31000,SYNTHETIC (power law),y\n";

    #[test]
    fn an_imported_list_passes_the_check() {
        let text = import(LIST, "kassen.csv").unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let estate = check(&text, "imported.toml").unwrap_or_else(|mistakes| panic!("{text}\n{mistakes}"));
        assert_eq!(estate.insurers().len(), 2);
        assert_eq!(estate.insured().0, 4_650_256);
        assert!(
            text.contains("insured = 31000 # angenommen"),
            "an assumed size stays marked"
        );
        assert!(text.contains("columns left out: kassenart, betriebsnummer, name_in_x"));
        let nord = estate
            .insurer(&"erfundene-kasse-b-nord".parse().unwrap())
            .unwrap();
        assert_eq!(nord.name, "Erfundene \"Kasse\" B, Nord");
    }

    #[test]
    fn every_bad_row_is_named() {
        let bad = "name,ik,insured\nA,109500968,1\nB,x,1\nC,109500969,viele\nD,109500969,2\n,260326822,\n";
        let mistakes = import(bad, "kassen.csv").unwrap_err();
        let places: Vec<(usize, &str)> = mistakes.iter().map(|m| (m.line, m.at.as_str())).collect();
        assert_eq!(
            places,
            [
                (2, "ik"),
                (3, "ik"),
                (4, "insured"),
                (5, "ik"),
                (6, "name"),
                (6, "insured")
            ]
        );
        let headless = import("a,b\n1,2\n", "kassen.csv").unwrap_err();
        assert!(headless.iter().all(|m| m.line >= 1) && headless.count() >= 3);
        assert!(import("", "leer.csv").is_err());
    }
}
