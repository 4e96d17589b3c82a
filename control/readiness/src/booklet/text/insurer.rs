//! What differs for an insurer: it calls, refuses and raises, but closes through the provider's commander.

use super::{
    super::{
        Booklet,
        cli::{self, Typed},
        press::Press,
    },
    closing::lines,
    people,
};

/// Files in examples lie here.
const RAISING: &str = "anheben.json";
/// Where most people have their key.
const KEY: &str = "~/.ssh/id_ed25519";

pub(super) fn first_ten_minutes(booklet: &Booklet<'_>, press: &mut Press) {
    press.h1("Die ersten zehn Minuten", "The first ten minutes");
    let steps = [
        ("Uhrzeit aufschreiben. Eine Person führt.", "Wer führt, sagt es laut und steht auf dem ersten Blatt. Alles Weitere mit Uhrzeit dazuschreiben: was gesehen, was entschieden, von wem.".to_owned()),
        ("Einsatzleitung des Dienstleisters anrufen.", "Nummern in Kapitel 4, selbst wählen. Sagen: welche Kasse, was gesehen, seit wann. Im Zweifel ausdrücklich verlangen, dass unsere Türen geschlossen werden; eingehende Post wird gespeichert.".to_owned()),
        ("Einen Alarm mit dem Code beantworten.", "JA heißt: Ich komme. NEIN heißt: Die Vertretung wird sofort gerufen.".to_owned()),
        ("Nichts ausschalten, nichts neu starten, nichts aufräumen.", "Auch nicht an den eigenen Arbeitsplätzen: dort höchstens das Netzwerkkabel ziehen, nie den Strom.".to_owned()),
        ("Nichts zeichnen, was nicht gelesen ist.", "Bei Zweifel ablehnen (Kapitel 5). Eine Ablehnung gilt, bis wir sie selbst zurückziehen.".to_owned()),
        ("Was muss heute hinaus?", "Krankengeld und Pflegegeld zuerst, dann Hilfsmittel und Genehmigungen, auf die jemand wartet. Liste an die Einsatzleitung für den Notbetrieb.".to_owned()),
        ("Zeitpunkt der Kenntnis festhalten.", "Ab jetzt laufen auch eigene Meldefristen der Kasse (Datenschutz und Aufsicht unter anderem 72 Stunden). Die Uhren stehen im Leitstand; es meldet immer ein Mensch.".to_owned()),
        ("Nur sagen, was belegt ist.", format!("Telefon, Zweigstellen und Internet sagen denselben Satz; er steht auf {}. „Noch nicht bekannt, nächste Auskunft um …“ ist ein guter Satz.", booklet.status_site)),
        ("Nächste Lage in 30 Minuten.", "Ort und Uhrzeit ansagen. Notpostfächer benutzen, keine privaten.".to_owned()),
    ];
    press.list(&steps, |at| format!("{}.", at.saturating_add(1)));
}

pub(super) fn closing(booklet: &Booklet<'_>, press: &mut Press) {
    press.h1("Schließen und geschlossen halten", "Closing, and keeping closed");
    press.p("Geschlossen wird durch die Einsatzleitung; ein Anruf genügt. Ist nur aus Vorsicht geschlossen, kann die Kasse für ihre eigene Umgebung auf Eindämmung anheben. Danach geht nichts mehr auf ohne Freigabe der Forensik und ohne unsere Zustimmung.");
    press.h2("Auf Eindämmung anheben", "Raising to containment");
    press.p("In die Entwurfsdatei diese beiden Zeilen statt der vorhandenen setzen und bei „reason“ den Grund eintragen. Den gezeigten Satz lesen, dann bestätigen.");
    press.typed(&fill_ins(booklet));
    press.typed(&lines(&commands(booklet)));
}

/// The lines of the draft that raise the insurer's own doors to containment.
pub(super) fn fill_ins(booklet: &Booklet<'_>) -> Vec<String> {
    let insurers: Vec<String> = people::shown(booklet)
        .map(|one| format!("{{\"insurers\": [\"{}\"]}}", one.id))
        .collect();
    vec![
        format!("\"scope\": [{}]", insurers.join(", ")),
        String::from("\"act\": {\"raise\": {\"to\": \"containment\"}}"),
    ]
}

/// Every command of this chapter.
pub(super) fn commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    vec![
        cli::draft("closing", RAISING, booklet.estate.id()),
        cli::show(RAISING),
        cli::sign(RAISING, KEY),
        cli::send(RAISING, booklet.control, booklet.tls),
    ]
}
