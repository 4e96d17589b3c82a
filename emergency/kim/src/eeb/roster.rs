//! The sealed copy of the master data, as a CSV the insurer makes in peace.
//!
//! First line: `bulkhead-eeb;1;STAND;IK;NAME` (date of the copy, IK and name of the fund). Second line: [`COLUMNS`]. Then one
//! line per person and period of insurance; separator `;`, quotes as usual, UTF-8, dates `JJJJ-MM-TT`, yes and no as `1`
//! and `0`, empty for none. The file lies sealed; it is read here after the shell opened it.

use core::fmt;
use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use super::{Kvnr, Person};

/// The columns, in their order.
pub const COLUMNS: [&str; 21] = [
    "kvnr",
    "familienname",
    "vorname",
    "geburtsdatum",
    "strasse",
    "hausnummer",
    "plz",
    "ort",
    "land",
    "versichert_ab",
    "versichert_bis",
    "versichertenart",
    "personengruppe",
    "dmp",
    "wop",
    "kostenerstattung_arzt",
    "kostenerstattung_zahnarzt",
    "ruht_ab",
    "zuzahlungsfrei_bis",
    "abrechnende_ik",
    "sonderfall",
];

/// Longest copy, in bytes.
const BYTES_MAX: usize = 4 << 30;

/// Whose copy it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fund {
    /// Its number among institutions.
    pub ik: Box<str>,
    /// Its name, as certificates show it.
    pub name: Box<str>,
}

/// One person in one period of insurance. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// Number.
    pub kvnr: Kvnr,
    /// Name, birth date and postal code.
    pub person: Person,
    /// Street; may be empty.
    pub street: Box<str>,
    /// House number; may be empty.
    pub house_number: Box<str>,
    /// Town.
    pub city: Box<str>,
    /// Country, as on the health card: `D`.
    pub country: Box<str>,
    /// First day of insurance.
    pub from: Date,
    /// Last day, if there is one.
    pub until: Option<Date>,
    /// `versichertenart`: 1 member, 3 family, 5 pensioner.
    pub status: Box<str>,
    /// `personengruppe`, two digits.
    pub group: Box<str>,
    /// `dmp`, two digits.
    pub programme: Box<str>,
    /// `wop`, two digits.
    pub region: Box<str>,
    /// Reimbursement instead of benefits in kind: physicians.
    pub reimbursed_physician: YesNo,
    /// The same for dentists.
    pub reimbursed_dentist: YesNo,
    /// Since when benefits rest.
    pub rests_from: Option<Date>,
    /// Until when no co-payment is due.
    pub exempt_until: Option<Date>,
    /// The IK bills go to.
    pub billing_ik: Box<str>,
    /// Whether a person must look at this case: answered with 130.
    pub special: YesNo,
}

/// Yes or no, as the copy writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum YesNo {
    /// `1`.
    Yes,
    /// `0` or empty.
    No,
}

/// Where answers come from.
pub trait Lookup {
    /// The date of the data. It stands in every answer.
    fn as_of(&self) -> Date;
    /// Whose data.
    fn fund(&self) -> &Fund;
    /// Every period of a person, by number.
    fn by_number(&self, kvnr: &Kvnr) -> Vec<&Member>;
    /// Every period of everybody of this name, birth date and postal code.
    fn by_name(&self, person: &Person) -> Vec<&Member>;
}

/// The copy in memory.
pub struct Roster {
    as_of: Date,
    fund: Fund,
    members: Vec<Member>,
    names: BTreeMap<(Box<str>, Date), Vec<usize>>,
}

/// Why a copy cannot be used. Names line and column, never content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRoster {
    /// Too long.
    #[error(
        "Die Bestandskopie ist länger als {BYTES_MAX} Bytes. / The copy is longer than {BYTES_MAX} bytes."
    )]
    TooLong,
    /// The first or second line.
    #[error(
        "Zeile {line} der Bestandskopie ist nicht die erwartete Kopfzeile. / Line {line} of the copy is not the expected head line."
    )]
    Head {
        /// Which.
        line: u64,
    },
    /// A line that cannot be read.
    #[error(
        "Zeile {line} der Bestandskopie ist nicht lesbar: {column}. / Line {line} of the copy cannot be read: {column}."
    )]
    Line {
        /// Which.
        line: u64,
        /// The column, or `csv` for the line as a whole.
        column: &'static str,
    },
}

#[derive(Deserialize)]
struct Row {
    kvnr: String,
    familienname: Box<str>,
    vorname: Box<str>,
    geburtsdatum: String,
    strasse: Box<str>,
    hausnummer: Box<str>,
    plz: Box<str>,
    ort: Box<str>,
    land: Box<str>,
    versichert_ab: String,
    versichert_bis: String,
    versichertenart: Box<str>,
    personengruppe: Box<str>,
    dmp: Box<str>,
    wop: Box<str>,
    kostenerstattung_arzt: String,
    kostenerstattung_zahnarzt: String,
    ruht_ab: String,
    zuzahlungsfrei_bis: String,
    abrechnende_ik: Box<str>,
    sonderfall: String,
}

impl Roster {
    /// Reads a copy.
    ///
    /// # Errors
    /// [`BadRoster`] with the line.
    pub fn read(bytes: &[u8]) -> Result<Self, BadRoster> {
        if bytes.len() > BYTES_MAX {
            return Err(BadRoster::TooLong);
        }
        let cut = memchr::memchr(b'\n', bytes).ok_or(BadRoster::Head { line: 1 })?;
        let (first, rest) = bytes.split_at(cut + 1);
        let (as_of, fund) = head(first).ok_or(BadRoster::Head { line: 1 })?;
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(rest);
        let columns = reader.headers().map_err(|_| BadRoster::Head { line: 2 })?;
        if !columns.iter().eq(COLUMNS) {
            return Err(BadRoster::Head { line: 2 });
        }
        let mut members = Vec::new();
        for row in reader.deserialize::<Row>() {
            // Two lines stand before the first row; rows hold no line ends unless quoted.
            let line = u64::try_from(members.len()).unwrap_or(u64::MAX).saturating_add(3);
            let row = row.map_err(|_| BadRoster::Line { line, column: "csv" })?;
            members.push(member(row).map_err(|column| BadRoster::Line { line, column })?);
        }
        members.sort_by(|a, b| a.kvnr.cmp(&b.kvnr));
        let mut names = BTreeMap::<_, Vec<usize>>::new();
        for (at, member) in members.iter().enumerate() {
            names
                .entry((folded(&member.person.family), member.person.born))
                .or_default()
                .push(at);
        }
        Ok(Self {
            as_of,
            fund,
            members,
            names,
        })
    }

    /// How many periods it holds.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.members.len()
    }
}

impl Lookup for Roster {
    fn as_of(&self) -> Date {
        self.as_of
    }

    fn fund(&self) -> &Fund {
        &self.fund
    }

    fn by_number(&self, kvnr: &Kvnr) -> Vec<&Member> {
        let from = self.members.partition_point(|member| member.kvnr < *kvnr);
        let rest = self.members.get(from..).unwrap_or_default();
        rest.iter().take_while(|member| member.kvnr == *kvnr).collect()
    }

    fn by_name(&self, person: &Person) -> Vec<&Member> {
        let found = self.names.get(&(folded(&person.family), person.born));
        let members = found.into_iter().flatten().filter_map(|at| self.members.get(*at));
        let same = |member: &&Member| {
            folded(&member.person.given) == folded(&person.given)
                && member.person.postal_code == person.postal_code
        };
        members.filter(same).collect()
    }
}

fn head(line: &[u8]) -> Option<(Date, Fund)> {
    let line = core::str::from_utf8(line).ok()?.trim_end();
    let mut words = line.split(';');
    let (kind, version, as_of, ik, name) = (
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
    );
    let fits = kind == "bulkhead-eeb"
        && version == "1"
        && words.next().is_none()
        && is_digits(ik, 9)
        && !name.is_empty();
    let fund = Fund {
        ik: ik.into(),
        name: name.into(),
    };
    fits.then_some(())?;
    Some((as_of.parse().ok()?, fund))
}

fn member(row: Row) -> Result<Member, &'static str> {
    let day = |text: &str, column| text.parse::<Date>().map_err(|_| column);
    let maybe = |text: &str, column| {
        if text.is_empty() {
            Ok(None)
        } else {
            day(text, column).map(Some)
        }
    };
    let digits = |text: Box<str>, count, column| {
        if is_digits(&text, count) {
            Ok(text)
        } else {
            Err(column)
        }
    };
    let filled = |text: Box<str>, column| {
        if text.trim().is_empty() {
            Err(column)
        } else {
            Ok(text)
        }
    };
    let status = if ["1", "3", "5"].contains(&&*row.versichertenart) {
        Ok(row.versichertenart)
    } else {
        Err("versichertenart")
    };
    Ok(Member {
        kvnr: Kvnr::new(&row.kvnr).map_err(|_| "kvnr")?,
        person: Person {
            family: filled(row.familienname, "familienname")?,
            given: filled(row.vorname, "vorname")?,
            born: day(&row.geburtsdatum, "geburtsdatum")?,
            postal_code: row.plz,
        },
        street: row.strasse,
        house_number: row.hausnummer,
        city: row.ort,
        country: filled(row.land, "land")?,
        from: day(&row.versichert_ab, "versichert_ab")?,
        until: maybe(&row.versichert_bis, "versichert_bis")?,
        status: status?,
        group: digits(row.personengruppe, 2, "personengruppe")?,
        programme: digits(row.dmp, 2, "dmp")?,
        region: digits(row.wop, 2, "wop")?,
        reimbursed_physician: yes_no(&row.kostenerstattung_arzt, "kostenerstattung_arzt")?,
        reimbursed_dentist: yes_no(&row.kostenerstattung_zahnarzt, "kostenerstattung_zahnarzt")?,
        rests_from: maybe(&row.ruht_ab, "ruht_ab")?,
        exempt_until: maybe(&row.zuzahlungsfrei_bis, "zuzahlungsfrei_bis")?,
        billing_ik: digits(row.abrechnende_ik, 9, "abrechnende_ik")?,
        special: yes_no(&row.sonderfall, "sonderfall")?,
    })
}

fn yes_no(text: &str, column: &'static str) -> Result<YesNo, &'static str> {
    match text {
        "1" => Ok(YesNo::Yes),
        "0" | "" => Ok(YesNo::No),
        _ => Err(column),
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names as people mean them: case, umlauts written out, blanks and hyphens alike.
fn folded(name: &str) -> Box<str> {
    let mut text = String::with_capacity(name.len());
    for char in name.trim().chars().flat_map(char::to_lowercase) {
        match char {
            'ä' => text.push_str("ae"),
            'ö' => text.push_str("oe"),
            'ü' => text.push_str("ue"),
            'ß' => text.push_str("ss"),
            '-' | '\t' => text.push(' '),
            other => text.push(other),
        }
    }
    text.into()
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("member")
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "roster of {} with {} periods", self.as_of, self.members.len())
    }
}
