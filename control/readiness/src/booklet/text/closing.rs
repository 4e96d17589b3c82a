//! The first ten minutes, and how to close with everything off.

use order::Lang;
use vocabulary::{Holdable, Role};

use super::super::{
    Booklet, Presigned,
    cli::{self, Typed},
    press::Press,
};
use crate::words::date;

/// Files in examples lie here.
const DRAFT: &str = "zu.json";
/// Where most people have their key.
const KEY: &str = "~/.ssh/id_ed25519";

pub(super) fn first_ten_minutes(booklet: &Booklet<'_>, press: &mut Press) {
    let window = order::sentence::span(booklet.charter.precautionary_window());
    let pair = booklet.charter.thresholds().precautionary_commanders;
    let out = without_holding(booklet);
    press.h1("Die ersten zehn Minuten", "The first ten minutes");
    let steps = [
        ("Uhrzeit aufschreiben. Eine Person führt.", "Wer führt, sagt es laut und steht auf dem ersten Blatt. Alles Weitere mit Uhrzeit dazuschreiben: was gesehen, was entschieden, von wem.".to_owned()),
        ("Nichts ausschalten, nichts neu starten, nichts aufräumen.", "Der Arbeitsspeicher ist Beweis. Zuerst das Netz, nie den Strom.".to_owned()),
        ("Im Zweifel schließen.", format!("Eine Einsatzleitung genügt. Eingehende Post wird gespeichert und wahrheitsgemäß quittiert.{out} Ein Schnitt aus Vorsicht lässt sich binnen {window} von {pair} Einsatzleitungen wieder aufheben.")),
        ("Schließen: am Leitstand, sonst nach Kapitel 3.", "Alle möglicherweise betroffenen Bereiche auf einen Schlag, nicht in Wellen.".to_owned()),
        ("Nachsehen, ob es zu ist.", "„Angeordnet“ ist nicht „zu“. Erst „geprüft“ heißt: von außen kam nichts mehr durch. Nicht erreichte Türen am Rechner selbst schließen.".to_owned()),
        ("Leute rufen.", "Rufanlage auslösen, sonst die Telefonkette in Kapitel 4. Wer nicht antwortet, steht auf der Liste; dann die Vertretung.".to_owned()),
        ("Forensik rufen, bevor jemand etwas anfasst.", "Zugang nur über den Weg der Forensik; er bleibt bei geschlossenen Türen offen.".to_owned()),
        ("Zeitpunkt der Kenntnis festhalten.", "Ab jetzt laufen Meldefristen (unter anderem 24 und 72 Stunden, bei Diensten der Telematikinfrastruktur unverzüglich). Die Uhren stehen im Leitstand; es meldet immer ein Mensch.".to_owned()),
        ("Nur sagen, was belegt ist.", format!("Ein Satz für alle, zuerst auf der Statusseite {}. „Noch nicht bekannt, nächste Auskunft um …“ ist ein guter Satz. Nie sagen, es seien keine Daten betroffen, solange es niemand geprüft hat.", booklet.status_site)),
        ("Nächste Lage in 30 Minuten.", "Ort und Uhrzeit ansagen. Erst dann über Öffnen reden.".to_owned()),
    ];
    press.list(&steps, |at| format!("{}.", at.saturating_add(1)));
}

/// What goes out instead of being held; nothing where every service can be held.
fn without_holding(booklet: &Booklet<'_>) -> String {
    let names: Vec<String> = booklet
        .estate
        .services()
        .filter(|service| service.holdable == Holdable::No)
        .map(|service| format!("{} ({})", service.name, service.id))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        " Nicht halten lässt sich: {}. Das fällt dabei aus und wird angesagt.",
        names.join(", ")
    )
}

pub(super) fn everything_off(booklet: &Booklet<'_>, press: &mut Press) {
    press.h1("Schließen, wenn alles aus ist", "Closing with everything off");
    press.p("Eine Tür prüft die Unterschrift selbst. Sie braucht dafür weder Leitstand noch Netz noch Uhr. Gebraucht werden: ein Rechner mit dem Programm bulkhead, der Stick mit den vorab gezeichneten Anordnungen, ein Kabel zur Tür.");
    press.h2(
        "Mit einer vorab gezeichneten Anordnung",
        "With a pre-signed order",
    );
    if booklet.presigned.is_empty() {
        press.warning(
            "Es gibt keine vorab gezeichnete Anordnung. Bis dahin bleibt nur der Weg „neu zeichnen“ unten.",
        );
    } else {
        let columns = [
            ("Datei auf dem Stick", 0.3),
            ("Was sie sagt", 0.38),
            ("Gilt bis", 0.12),
            ("Liegt", 0.2),
        ];
        let rows: Vec<Vec<String>> = booklet.presigned.iter().map(presigned_row).collect();
        press.table(&columns, &rows);
    }
    press.p("An jedem Türprozess, dessen Türen gemeint sind; für eine andere Anordnung die Datei tauschen:");
    press.typed(&lines(&close_commands(booklet)));
    press.p("Die Antwort nennt jede Tür und ihre neue Stellung. Derselbe Befehl darf beliebig oft wiederholt werden.");
    press.h2("Neu zeichnen", "Signing a new one");
    press.p("Eine Einsatzleitung, am eigenen Rechner mit dem eigenen Schlüssel. In der Entwurfsdatei „scope“ und „reason“ ausfüllen; dann den gezeigten Satz laut vorlesen, erst danach bestätigen.");
    press.typed(&lines(&sign_commands(booklet)));
    press.p("Geltungsbereiche zum Abschreiben: alles, ein Standort, eine Kasse, ein Dienst überall. Der Entwurf hält aus Vorsicht; wer Eindämmung anordnet, ersetzt dort auch „act“ durch die letzte Zeile.");
    press.typed(&fill_ins(booklet));
    press.h2("Türprozesse", "Door processes");
    if booklet.doors.is_empty() {
        press.warning("Es ist kein Türprozess eingetragen. Adressen hier von Hand ergänzen.");
    } else {
        let columns = [
            ("Name", 0.24),
            ("Adresse", 0.24),
            ("Standort", 0.16),
            ("Wo er steht", 0.36),
        ];
        let rows: Vec<Vec<String>> = booklet
            .doors
            .iter()
            .map(|door| {
                vec![
                    door.name.clone(),
                    door.address.to_string(),
                    door.site.to_string(),
                    door.place.clone(),
                ]
            })
            .collect();
        press.table(&columns, &rows);
    }
}

/// Lines a commander copies into a draft: scopes from wide to narrow, with names of this estate, and the act of containment.
pub(super) fn fill_ins(booklet: &Booklet<'_>) -> Vec<String> {
    let estate = booklet.estate;
    let scope = |field: &str, name: &str| format!("\"scope\": [{{\"{field}\": [\"{name}\"]}}]");
    let mut all = vec![String::from("\"scope\": [{}]")];
    all.extend(estate.sites().next().map(|site| scope("sites", site.id.as_str())));
    all.extend(
        estate
            .insurers()
            .next()
            .map(|one| scope("insurers", one.id.as_str())),
    );
    all.extend(
        estate
            .services()
            .next()
            .map(|one| scope("services", one.id.as_str())),
    );
    all.push(String::from(
        "\"act\": {\"tighten\": {\"stance\": \"contain\", \"class\": \"containment\"}}",
    ));
    all
}

fn presigned_row(one: &Presigned) -> Vec<String> {
    vec![
        format!("{}\n({})", one.file, one.statement.0.short()),
        one.sentence.clone(),
        date(one.until, Lang::De),
        one.kept.clone(),
    ]
}

pub(super) fn lines(commands: &[Typed]) -> Vec<String> {
    commands.iter().map(Typed::line).collect()
}

/// Every command of this chapter.
pub(super) fn commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    let mut all = close_commands(booklet);
    all.extend(sign_commands(booklet));
    all
}

/// Closing each door process with the first pre-signed order, and asking where its doors stand.
fn close_commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    let file = booklet.presigned.first().map_or(DRAFT, |one| &one.file);
    booklet
        .doors
        .iter()
        .flat_map(|door| {
            [
                cli::close(file, door.address, booklet.tls),
                cli::status(door.address, booklet.tls),
            ]
        })
        .collect()
}

/// Drafting, reading, signing and delivering a new closing.
fn sign_commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    let mut commands = vec![
        cli::draft("closing", DRAFT, booklet.estate.id()),
        cli::show(DRAFT),
        cli::sign(DRAFT, KEY),
    ];
    commands.extend(
        booklet
            .doors
            .first()
            .map(|door| cli::close(DRAFT, door.address, booklet.tls)),
    );
    commands
}

/// Who may close, for a sentence.
pub(super) fn commanders(booklet: &Booklet<'_>) -> String {
    let names: Vec<String> = booklet
        .charter
        .holders(Role::Commander)
        .map(|id| booklet.name(id))
        .collect();
    names.join(", ")
}
