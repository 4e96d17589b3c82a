//! The sealed copy of the master data, as a CSV the insurer makes in peace.
//!
//! First line: `bulkhead-eeb;1;STAND;IK;NAME` (date of the copy, IK and name of the fund). Second line: [`COLUMNS`]. Then one
//! line per person and period of insurance; separator `;`, quotes as usual, UTF-8, dates `JJJJ-MM-TT`, yes and no as `1`
//! and `0`, empty for none. The file lies sealed; it is read here after the shell opened it.

use core::fmt;

use jiff::civil::Date;
use vocabulary::Digest;

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
    fn by_number(&self, kvnr: &Kvnr) -> Vec<Member>;
    /// Every period of everybody of this name, birth date and postal code.
    fn by_name(&self, person: &Person) -> Vec<Member>;
}

/// The copy in memory: checked once, kept as packed lines, some 160 bytes each.
pub struct Roster {
    as_of: Date,
    fund: Fund,
    /// By number.
    rows: Vec<(Kvnr, Box<str>)>,
    /// Short digest of family name and birth date, and the row.
    names: Vec<(u64, u32)>,
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
        let (mut rows, mut record) = (Vec::new(), csv::StringRecord::new());
        loop {
            // Two lines stand before the first row; rows hold no line ends unless quoted.
            let line = u64::try_from(rows.len()).unwrap_or(u64::MAX).saturating_add(3);
            let bad = |column| BadRoster::Line { line, column };
            if !reader.read_record(&mut record).map_err(|_| bad("csv"))? {
                break;
            }
            let packed = packed(&record).ok_or(bad("csv"))?;
            let member = member(&packed).map_err(bad)?;
            rows.push((member.kvnr, packed));
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let members = rows
            .iter()
            .enumerate()
            .filter_map(|(at, (_, row))| Some((at, member(row).ok()?)));
        let keyed = members.filter_map(|(at, member)| Some((short(&member.person), u32::try_from(at).ok()?)));
        let mut names: Vec<_> = keyed.collect();
        names.sort_unstable();
        Ok(Self {
            as_of,
            fund,
            rows,
            names,
        })
    }

    /// How many periods it holds.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.rows.len()
    }
}

impl Lookup for Roster {
    fn as_of(&self) -> Date {
        self.as_of
    }

    fn fund(&self) -> &Fund {
        &self.fund
    }

    fn by_number(&self, kvnr: &Kvnr) -> Vec<Member> {
        let from = self.rows.partition_point(|(other, _)| other < kvnr);
        let rest = self.rows.get(from..).unwrap_or_default().iter();
        // Each row was read when the copy was.
        rest.take_while(|(other, _)| other == kvnr)
            .filter_map(|(_, row)| member(row).ok())
            .collect()
    }

    fn by_name(&self, person: &Person) -> Vec<Member> {
        let short = short(person);
        let from = self.names.partition_point(|(other, _)| *other < short);
        let rest = self.names.get(from..).unwrap_or_default().iter();
        let rows = rest.take_while(|(other, _)| *other == short);
        let members = rows.filter_map(|(_, at)| member(&self.rows.get(usize::try_from(*at).ok()?)?.1).ok());
        let same = |member: &Member| {
            let other = &member.person;
            folded(&other.family) == folded(&person.family)
                && folded(&other.given) == folded(&person.given)
                && other.born == person.born
                && other.postal_code == person.postal_code
        };
        members.filter(same).collect()
    }
}

/// Parts the fields of a packed row; refused inside them.
const SEPARATOR: &str = "\u{1f}";

/// One line as one text; `None` when it has another number of fields or control characters.
fn packed(record: &csv::StringRecord) -> Option<Box<str>> {
    let clean =
        record.len() == COLUMNS.len() && !record.iter().any(|field| field.chars().any(char::is_control));
    let fields: Vec<&str> = record.iter().collect();
    clean.then(|| fields.join(SEPARATOR).into())
}

/// Where a person stands in the index of names. Equal for all who may be meant; who is meant is compared in full.
fn short(person: &Person) -> u64 {
    let digest = Digest::of(format!("{}{SEPARATOR}{}", folded(&person.family), person.born).as_bytes());
    digest
        .as_bytes()
        .first_chunk()
        .map_or(0, |chunk| u64::from_be_bytes(*chunk))
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

/// Reads a packed row.
fn member(row: &str) -> Result<Member, &'static str> {
    let fields: Vec<&str> = row.split(SEPARATOR).collect();
    let fields: [&str; COLUMNS.len()] = fields.try_into().map_err(|_| "csv")?;
    let [
        kvnr,
        family,
        given,
        born,
        street,
        house_number,
        postal_code,
        city,
        country,
        from,
        until,
        status,
        group,
        programme,
        region,
        physician,
        dentist,
        rests_from,
        exempt_until,
        billing_ik,
        special,
    ] = fields;
    let day = |text: &str, column| text.parse::<Date>().map_err(|_| column);
    let maybe = |text: &str, column| {
        if text.is_empty() {
            Ok(None)
        } else {
            day(text, column).map(Some)
        }
    };
    let fits = |fits: bool, text: &str, column| if fits { Ok(Box::from(text)) } else { Err(column) };
    let filled = |text: &str, column| fits(!text.trim().is_empty(), text, column);
    let digits = |text: &str, count, column| fits(is_digits(text, count), text, column);
    Ok(Member {
        kvnr: Kvnr::new(kvnr).map_err(|_| "kvnr")?,
        person: Person {
            family: filled(family, "familienname")?,
            given: filled(given, "vorname")?,
            born: day(born, "geburtsdatum")?,
            postal_code: postal_code.into(),
        },
        street: street.into(),
        house_number: house_number.into(),
        city: city.into(),
        country: filled(country, "land")?,
        from: day(from, "versichert_ab")?,
        until: maybe(until, "versichert_bis")?,
        status: fits(["1", "3", "5"].contains(&status), status, "versichertenart")?,
        group: digits(group, 2, "personengruppe")?,
        programme: digits(programme, 2, "dmp")?,
        region: digits(region, 2, "wop")?,
        reimbursed_physician: yes_no(physician, "kostenerstattung_arzt")?,
        reimbursed_dentist: yes_no(dentist, "kostenerstattung_zahnarzt")?,
        rests_from: maybe(rests_from, "ruht_ab")?,
        exempt_until: maybe(exempt_until, "zuzahlungsfrei_bis")?,
        billing_ik: digits(billing_ik, 9, "abrechnende_ik")?,
        special: yes_no(special, "sonderfall")?,
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
        write!(f, "roster of {} with {} periods", self.as_of, self.rows.len())
    }
}
