//! The crisis booklet: on paper, for the night when every screen is dark. German, headings in English below.
//!
//! A4, tagged PDF 1.7 with title, language, bookmarks and page numbers; fonts every reader has. The same booklet gives the
//! same bytes. It holds names and telephone numbers: print it, number the copies, and collect the old ones.

pub mod cli;
mod metrics;
mod pdf;
mod press;
mod text;

use core::net::SocketAddr;

use estate::Estate;
use order::{Charter, Lang};
use vocabulary::{InsurerId, PersonId, SiteId, StatementId, Timestamp};

use crate::{contacts::ContactBook, words::date};
use press::{PAGE, Press, Style, WIDTH};

/// For whom a booklet is printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reader {
    /// The provider: the whole estate.
    Estate,
    /// One insurer: itself, the provider's people, and nothing of any other insurer.
    Insurer(InsurerId),
}

/// A door process as it is reached with everything else off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoorProcess {
    /// Its name for people.
    pub name: String,
    /// Where it listens for orders.
    pub address: SocketAddr,
    /// In which data centre.
    pub site: SiteId,
    /// Room, rack, console: how one stands in front of it.
    pub place: String,
}

/// An order signed in peace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presigned {
    /// Its path on the stick.
    pub file: String,
    /// What it says, in German, as the companion shows it.
    pub sentence: String,
    /// Its name.
    pub statement: StatementId,
    /// Not valid after this instant.
    pub until: Timestamp,
    /// Which safe.
    pub kept: String,
}

/// Everything a booklet is made from.
#[derive(Clone, Copy, Debug)]
pub struct Booklet<'a> {
    /// What is operated.
    pub estate: &'a Estate,
    /// Who may do what.
    pub charter: &'a Charter,
    /// Whom to reach.
    pub contacts: &'a ContactBook,
    /// For whom it is printed.
    pub reader: &'a Reader,
    /// Counts editions of this booklet.
    pub edition: u32,
    /// When it was made.
    pub made: Timestamp,
    /// Doors, and how to reach them directly.
    pub doors: &'a [DoorProcess],
    /// Orders signed in peace.
    pub presigned: &'a [Presigned],
    /// The control room.
    pub control: SocketAddr,
    /// Folder on the stick with ca.pem, cert.pem and key.pem.
    pub tls: &'a str,
    /// Address of the public status site, as people type it.
    pub status_site: &'a str,
}

impl Booklet<'_> {
    /// The booklet as a PDF file.
    #[must_use]
    pub fn to_pdf(&self) -> Vec<u8> {
        let mut press = Press::new();
        text::write(self, &mut press);
        self.frame(&mut press);
        pdf::write(
            &press,
            &pdf::About {
                title: format!("{} – {}", text::TITLE, self.title()),
                subject: format!("Ausgabe {} vom {}", self.edition, date(self.made, Lang::De)),
                date: civil(self.made),
            },
        )
    }

    /// Every command the booklet prints, once, to be checked against the real command line.
    #[must_use]
    pub fn commands(&self) -> Vec<cli::Typed> {
        let mut all = text::commands(self);
        all.sort();
        all.dedup();
        all
    }

    /// The estate's name, or the insurer's.
    fn title(&self) -> &str {
        match self.reader {
            Reader::Estate => self.estate.name(),
            Reader::Insurer(id) => self
                .estate
                .insurer(id)
                .map_or(id.as_str(), |insurer| &insurer.name),
        }
    }

    /// Every line of JSON the booklet prints to be copied into a closing's draft, to be checked against what doors read.
    #[must_use]
    pub fn fill_ins(&self) -> Vec<String> {
        text::fill_ins(self)
    }

    /// A person as people know them: name and id if the contact book has the person, else the id.
    fn name(&self, person: &PersonId) -> String {
        self.contacts.contact(person).map_or_else(
            || person.to_string(),
            |contact| format!("{} ({person})", contact.name),
        )
    }

    /// Whether the booklet may show an insurer.
    fn shows(&self, insurer: &InsurerId) -> bool {
        match self.reader {
            Reader::Estate => true,
            Reader::Insurer(own) => own == insurer,
        }
    }

    /// Head and foot of every page but the cover.
    fn frame(&self, press: &mut Press) {
        let style = Style {
            size: 8.0,
            gray: 0.25,
            ..press::TEXT
        };
        let left = PAGE.0 - WIDTH - 54.0;
        let right = left + WIDTH;
        let pages = press.page_count();
        for page in 0..pages {
            let number = format!("Seite {} von {pages}", page.saturating_add(1));
            press.decorate(page, left, 36.0, style, &self.foot(), None);
            press.decorate(page, left, 36.0, style, &number, Some(right));
            if page > 0 {
                press.decorate(page, left, PAGE.1 - 44.0, style, text::TITLE, None);
                press.decorate(page, left, PAGE.1 - 44.0, style, self.title(), Some(right));
            }
        }
    }

    fn foot(&self) -> String {
        format!(
            "Ausgabe {} vom {} · Urkunde {} · vertraulich, nur auf Papier",
            self.edition,
            date(self.made, Lang::De),
            self.charter.version()
        )
    }
}

/// Year, month, day of an instant, for the document's information.
fn civil(at: Timestamp) -> Option<(u16, u8, u8)> {
    let text = date(at, Lang::En);
    let mut parts = text.split('-');
    Some((
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    ))
}
