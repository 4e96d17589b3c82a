//! Notes on paper that come meanwhile: the barcode of the printed fund copy, or a list people typed.
//!
//! Source: Technische Anlage eAU 1.26, section 7.3, table 22 (form 01a, version 12: 28 fields, tabs between, ISO 8859-15).

use jiff::civil::Date;

use crate::check::{Facts, Fingerprint};

/// Bytes of one barcode at most; its fields add up to fewer than 400 characters.
pub const BARCODE_BYTES_MAX: usize = 2048;
/// Lines of one list at most.
pub const LINES_MAX: usize = 100_000;

/// Why paper cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than a barcode can be.
    #[error("länger als {BARCODE_BYTES_MAX} Bytes / longer than {BARCODE_BYTES_MAX} bytes")]
    TooLong,
    /// Another number of fields.
    #[error("{0} Felder statt 28 / {0} fields instead of 28")]
    Fields(usize),
    /// Not form 01a of version 12.
    #[error("nicht Formular 01a, Version 12 / not form 01a, version 12")]
    Form,
    /// A field that cannot be read; counted from 1 as in table 22.
    #[error("Feld {0} ist unlesbar / field {0} is unreadable")]
    Field(usize),
    /// A list that is no list; line counted from 1.
    #[error("Zeile {0} der Liste ist unlesbar / line {0} of the list is unreadable")]
    Line(usize),
    /// A column that must be there.
    #[error("Spalte „{0}“ fehlt / column “{0}” is missing")]
    Column(&'static str),
    /// More lines than are taken at once.
    #[error("mehr als {LINES_MAX} Zeilen / more than {LINES_MAX} lines")]
    TooMany,
}

/// A note on paper.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Paper {
    /// What it says, in the words of the electronic note.
    pub facts: Facts,
    /// Diagnoses as printed: codes, certainty, side.
    pub diagnoses: String,
    /// Number of the practice.
    pub practice: String,
    /// Number of the physician.
    pub physician: String,
}

impl std::fmt::Debug for Paper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Paper(…)") // about a person
    }
}

/// What makes two notes the same note: insured id, day of assessment, expected last day. Paper and mail of one visit agree in
/// them; identifiers are on mail only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    insured: String,
    assessed: Date,
    until: Date,
}

impl Key {
    /// Of a note that says all three.
    #[must_use]
    pub fn of(facts: &Facts) -> Option<Self> {
        let insured = facts.insured.as_deref()?.trim().to_ascii_uppercase();
        Some(Self {
            insured,
            assessed: facts.assessed?,
            until: facts.until?,
        })
    }

    /// As it is kept: without the number in clear.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        Fingerprint::of(
            format!(
                "bulkhead eau paper {} {} {}",
                self.insured, self.assessed, self.until
            )
            .as_bytes(),
        )
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.digest())
    }
}

impl Paper {
    /// Reads what a scanner got from the barcode.
    ///
    /// # Errors
    /// [`Error`] with the field.
    pub fn barcode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BARCODE_BYTES_MAX {
            return Err(Error::TooLong);
        }
        let text = latin_9(bytes);
        let fields: Vec<&str> = text.trim_end_matches(['\r', '\n']).split('\t').collect();
        if fields.len() != 28 {
            return Err(Error::Fields(fields.len()));
        }
        let field = |number: usize| {
            fields
                .get(number.wrapping_sub(1))
                .copied()
                .unwrap_or_default()
                .trim()
        };
        if (field(1), field(2), field(3)) != ("01", "a", "12") {
            return Err(Error::Form);
        }
        let ticked = |number: usize| match field(number) {
            "" => Ok(false),
            "1" => Ok(true),
            _ => Err(Error::Field(number)),
        };
        let kind = match (ticked(13)?, ticked(14)?, ticked(26)?) {
            (true, false, false) => "ERST",
            (true, false, true) => "ERST_END",
            (false, true, false) => "FOLGE",
            (false, true, true) => "FOLGE_END",
            (true, true, _) | (false, false, _) => return Err(Error::Field(13)),
        };
        let day = |number: usize| compact(field(number)).map_err(|()| Error::Field(number));
        let insured = field(6);
        if insured.is_empty() || insured.chars().count() > 12 {
            return Err(Error::Field(6));
        }
        let facts = Facts {
            insured: Some(insured.to_owned()),
            fund: some(field(5)),
            payor: None,
            kind: Some(kind.to_owned()),
            issued: day(12)?,
            since: day(17)?,
            until: Some(day(18)?.ok_or(Error::Field(18))?),
            assessed: Some(day(19)?.ok_or(Error::Field(19))?),
            cancels: None,
        };
        Ok(Self {
            facts,
            diagnoses: field(27).to_owned(),
            practice: field(10).to_owned(),
            physician: field(11).to_owned(),
        })
    }

    /// Reads a list people typed: a first line of column names (`versicherten_id`, `festgestellt_am`, `bis`; also `kasse`,
    /// `art`, `ausgestellt_am`, `seit`, `diagnosen`, `bsnr`, `lanr`), `;` or `,` between fields, dates as 2026-10-05,
    /// 05.10.2026 or 20261005. Unknown columns are an error, so that a misspelt one is not lost.
    ///
    /// # Errors
    /// [`Error`] with the line or column. Nothing is taken from a list with an error in it.
    pub fn list(text: &str) -> Result<Vec<Self>, Error> {
        let separator = if text.lines().next().unwrap_or_default().contains(';') {
            b';'
        } else {
            b','
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let names: Vec<String> = reader
            .headers()
            .map_err(|_| Error::Line(1))?
            .iter()
            .map(str::to_lowercase)
            .collect();
        for name in ["versicherten_id", "festgestellt_am", "bis"] {
            if !names.iter().any(|own| own == name) {
                return Err(Error::Column(name));
            }
        }
        let mut papers = Vec::new();
        for (place, record) in reader.records().enumerate() {
            let line = place.saturating_add(2);
            if papers.len() >= LINES_MAX {
                return Err(Error::TooMany);
            }
            let record = record.map_err(|_| Error::Line(line))?;
            papers.push(Self::typed(&names, &record).ok_or(Error::Line(line))?);
        }
        Ok(papers)
    }

    fn typed(names: &[String], record: &csv::StringRecord) -> Option<Self> {
        let mut paper = Self::default();
        for (name, field) in names.iter().zip(record.iter()) {
            let day = || {
                if field.is_empty() {
                    Some(None)
                } else {
                    civil(field).map(Some)
                }
            };
            match name.as_str() {
                "versicherten_id" => paper.facts.insured = some(field),
                "kasse" => paper.facts.fund = some(field),
                "art" => paper.facts.kind = some(field).map(|kind| kind.to_uppercase()),
                "ausgestellt_am" => paper.facts.issued = day()?,
                "seit" => paper.facts.since = day()?,
                "bis" => paper.facts.until = day()?,
                "festgestellt_am" => paper.facts.assessed = day()?,
                "diagnosen" => field.clone_into(&mut paper.diagnoses),
                "bsnr" => field.clone_into(&mut paper.practice),
                "lanr" => field.clone_into(&mut paper.physician),
                _ => return None,
            }
        }
        Key::of(&paper.facts).map(|_| paper)
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// `20261005`, or nothing.
fn compact(text: &str) -> Result<Option<Date>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = |from: usize, to: usize| text.get(from..to).filter(|part| crate::primitive::digits(part));
    let (Some(year), Some(month), Some(day), 8) = (number(0, 4), number(4, 6), number(6, 8), text.len())
    else {
        return Err(());
    };
    crate::primitive::date(&format!("{year}-{month}-{day}"))
        .map(Some)
        .ok_or(())
}

fn civil(text: &str) -> Option<Date> {
    if let [day, month, year] = text.split('.').collect::<Vec<_>>().as_slice() {
        return crate::primitive::date(&format!("{year:0>4}-{month:0>2}-{day:0>2}"));
    }
    if text.contains('-') {
        crate::primitive::date(text).filter(|_| text.len() == 10)
    } else {
        compact(text).ok()?
    }
}

/// ISO 8859-15: Latin-1 but for eight characters.
fn latin_9(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            0xA4 => '€',
            0xA6 => 'Š',
            0xA8 => 'š',
            0xB4 => 'Ž',
            0xB8 => 'ž',
            0xBC => 'Œ',
            0xBD => 'œ',
            0xBE => 'Ÿ',
            other => char::from(*other),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// A barcode of a first note.
    fn fields() -> Vec<&'static str> {
        let mut fields = vec![""; 28];
        for (number, value) in [
            (1, "01"),
            (2, "a"),
            (3, "12"),
            (5, "104212059"),
            (6, "X234567891"),
            (10, "031234567"),
            (11, "838382202"),
            (12, "20261005"),
            (13, "1"),
            (17, "20261005"),
            (18, "20261016"),
            (19, "20261005"),
            (27, "J06.9 G, S82.28 G L"),
        ] {
            fields[number - 1] = value;
        }
        fields
    }

    #[test]
    fn a_barcode_says_what_the_mail_says() {
        let mut fields = fields();
        fields[27] = "gr\u{fc}n";
        let bytes: Vec<u8> = fields
            .join("\t")
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        let paper = Paper::barcode(&bytes).unwrap();
        assert_eq!(paper.facts.kind.as_deref(), Some("ERST"));
        assert_eq!(paper.facts.until, Some(date(2026, 10, 16)));
        assert_eq!(paper.diagnoses, "J06.9 G, S82.28 G L");
        assert!(!format!("{paper:?}{:?}", paper.facts).contains("X234567891"));
    }

    #[test]
    fn a_wrong_barcode_is_refused_by_field() {
        let with = |number: usize, value: &'static str| {
            let mut fields = fields();
            fields[number - 1] = value;
            Paper::barcode(fields.join("\t").as_bytes())
        };
        assert_eq!(with(3, "11"), Err(Error::Form));
        assert_eq!(with(6, ""), Err(Error::Field(6)));
        assert_eq!(with(14, "1"), Err(Error::Field(13)));
        assert_eq!(with(18, ""), Err(Error::Field(18)));
        assert_eq!(with(19, "20261399"), Err(Error::Field(19)));
        assert_eq!(with(26, "x"), Err(Error::Field(26)));
        assert_eq!(Paper::barcode(b"01\ta\t12"), Err(Error::Fields(3)));
        assert_eq!(Paper::barcode(&[b'x'; 4096]), Err(Error::TooLong));
    }

    #[test]
    fn a_list_gives_the_same_key() {
        let list = "Versicherten_ID;festgestellt_am;bis;art\nx234567891;05.10.2026;2026-10-16;erst\n";
        let typed = Paper::list(list).unwrap();
        let scanned = Paper::barcode(fields().join("\t").as_bytes()).unwrap();
        assert_eq!(Key::of(&typed[0].facts), Key::of(&scanned.facts));
        assert_eq!(
            Paper::list("versicherten_id,bis\n"),
            Err(Error::Column("festgestellt_am"))
        );
        assert_eq!(
            Paper::list("versicherten_id,bis,festgestellt_am,x\na,20261005,20261005,1\n"),
            Err(Error::Line(2))
        );
        assert_eq!(
            Paper::list("versicherten_id,bis,festgestellt_am\na,gestern,20261005\n"),
            Err(Error::Line(2))
        );
        assert_eq!(Paper::list(""), Err(Error::Column("versicherten_id")));
    }

    #[test]
    fn latin_9_knows_the_euro() {
        assert_eq!(latin_9(&[0xA4, 0xFC, 0x41]), "€üA");
    }
}
