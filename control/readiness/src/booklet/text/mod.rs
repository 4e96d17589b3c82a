//! What the booklet says, chapter by chapter.

mod closing;
mod insurer;
mod people;
mod places;

use order::Lang;

use super::{
    Booklet, Reader,
    cli::Typed,
    press::{Press, Reserved},
};
use crate::words::date;

/// The document's name.
pub(super) const TITLE: &str = "Krisenheft";

/// Chapters of every booklet; the table of contents keeps room for so many.
const CHAPTERS: usize = 9;

pub(super) fn write(booklet: &Booklet<'_>, press: &mut Press) {
    let contents = cover(booklet, press);
    match booklet.reader {
        Reader::Estate => closing::first_ten_minutes(booklet, press),
        Reader::Insurer(_) => insurer::first_ten_minutes(booklet, press),
    }
    press.new_page();
    people::rights(booklet, press);
    match booklet.reader {
        Reader::Estate => closing::everything_off(booklet, press),
        Reader::Insurer(_) => insurer::closing(booklet, press),
    }
    people::reach(booklet, press);
    people::answer(booklet, press);
    places::witnesses(booklet, press);
    places::sites(booklet, press);
    places::never(press);
    places::glossary(press);
    press.contents(contents);
}

/// The cover; gives back the room for the table of contents.
fn cover(booklet: &Booklet<'_>, press: &mut Press) -> Reserved {
    press.gap(90.0);
    press.title(TITLE, "Crisis booklet");
    press.gap(10.0);
    press.styled(
        booklet.title(),
        super::press::Style {
            size: 18.0,
            ..super::press::STRONG
        },
    );
    let whose = match booklet.reader {
        Reader::Estate => "für Einsatzleitung, Forensik und Wiederanlauf",
        Reader::Insurer(_) => "für den Krisenstab der Kasse",
    };
    press.p(whose);
    press.p(&format!(
        "Ausgabe {} vom {} · Urkunde Nr. {} · Kontaktbuch vom {}",
        booklet.edition,
        date(booklet.made, Lang::De),
        booklet.charter.version(),
        day(booklet.contacts.issued())
    ));
    press.gap(14.0);
    press.warning(match booklet.reader {
        Reader::Estate => "Im Zweifel schließen: Eine Unterschrift genügt, eingehende Post wird gespeichert, und Vorsicht wird niemandem vorgeworfen.",
        Reader::Insurer(_) => "Im Zweifel schließen lassen: Ein Anruf genügt, eingehende Post wird gespeichert, und Vorsicht wird niemandem vorgeworfen.",
    });
    press.p("Dieses Heft gehört auf Papier, nummeriert, an den Ort, an dem man nachts steht. Es enthält Namen und Rufnummern. Bei einer neuen Ausgabe die alte einsammeln und vernichten.");
    press.gap(16.0);
    let reserved = press.reserve_contents(CHAPTERS);
    press.new_page();
    reserved
}

/// A day `YYYY-MM-DD` as people write it.
fn day(issued: &str) -> String {
    let mut parts: Vec<&str> = issued.split('-').collect();
    parts.reverse();
    parts.join(".")
}

/// Every command that is printed.
pub(super) fn commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    let mut all = match booklet.reader {
        Reader::Estate => closing::commands(booklet),
        Reader::Insurer(_) => insurer::commands(booklet),
    };
    all.extend(people::answer_commands(booklet));
    all
}

/// Every line of JSON that is printed to be copied into a closing's draft.
pub(super) fn fill_ins(booklet: &Booklet<'_>) -> Vec<String> {
    match booklet.reader {
        Reader::Estate => closing::fill_ins(booklet),
        Reader::Insurer(_) => insurer::fill_ins(booklet),
    }
}
