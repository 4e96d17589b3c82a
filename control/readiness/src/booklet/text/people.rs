//! Who may do what, whom we reach, and how an insurer answers.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use order::{Lang, Person, Threshold};
use vocabulary::{Digest, InsurerId, PersonId, Role};

use super::{
    super::{
        Booklet, Reader,
        cli::{self, Typed},
        press::Press,
    },
    closing,
};
use crate::contacts::{Contact, Duty, calls};

/// Columns of the table of persons.
const PERSONS: [(&str, f32); 4] = [
    ("Person", 0.18),
    ("Arbeitgeber", 0.15),
    ("Darf", 0.19),
    ("Fingerabdruck der Schlüssel (SHA256)", 0.48),
];
/// Where most people have their key.
const KEY: &str = "~/.ssh/id_ed25519";

pub(super) fn rights(booklet: &Booklet<'_>, press: &mut Press) {
    let charter = booklet.charter;
    let thresholds = charter.thresholds();
    press.h1("Wer darf was", "Who may do what");
    let columns = [("Was", 0.36), ("Wer", 0.64)];
    let row = |what: &str, who: String| vec![what.to_owned(), who];
    let rows = [
        row(
            "Schließen",
            format!("eine Einsatzleitung allein: {}", closing::commanders(booklet)),
        ),
        row(
            "Wartung aufheben",
            "eine Einsatzleitung, wenn sonst nichts sperrt".to_owned(),
        ),
        row(
            "Schnitt aus Vorsicht aufheben",
            format!(
                "{} Einsatzleitungen binnen {}",
                thresholds.precautionary_commanders,
                order::sentence::span(charter.precautionary_window())
            ),
        ),
        row(
            "Eindämmung aufheben",
            format!(
                "Freigabe der Forensik ({}) und eine Einsatzleitung und die Zustimmung der Kasse; immer verschiedene Menschen",
                persons_needed(thresholds.examiners)
            ),
        ),
        row(
            "Notbetrieb",
            "eine Einsatzleitung, die Freigabe der Notumgebung und die Zustimmung der Kasse".to_owned(),
        ),
        row(
            "Urkunde ändern",
            format!("Wurzelschlüssel ({})", persons_needed(thresholds.roots)),
        ),
        row(
            "Abschnitt einer Kasse ändern",
            format!(
                "nur diese Kasse; sind ihre Zeichner nicht mehr da, Wurzelschlüssel und Vertretung nach {}",
                order::sentence::span(charter.recovery_delay())
            ),
        ),
    ];
    press.table(&columns, &rows);
    press.warning("Eine Übersteuerung gibt es nicht. Wer sie verlangt, gehört nicht ans Telefon.");
    press.h2(
        "Personen des Betreibers und von außen",
        "The provider's persons and outsiders",
    );
    let rows: Vec<Vec<String>> = charter
        .persons()
        .values()
        .map(|one| person_row(booklet, one, &central(one)))
        .collect();
    press.table(&PERSONS, &rows);
    for (insurer, section) in charter.sections().iter().filter(|(id, _)| booklet.shows(id)) {
        let draft = section.draft();
        let name = booklet
            .estate
            .insurer(insurer)
            .map_or(insurer.as_str(), |one| &one.name);
        press.h2(&format!("Kasse {name} ({insurer})"), "Insurer");
        let rows: Vec<Vec<String>> = draft
            .persons
            .iter()
            .map(|one| {
                let may = [
                    (draft.consent.contains(&one.id), "zustimmen"),
                    (draft.refuse.contains(&one.id), "ablehnen"),
                    (draft.deputy == one.id, "Abschnitt wiederherstellen (Vertretung)"),
                ];
                let may: Vec<&str> = may
                    .iter()
                    .filter(|(yes, _)| *yes)
                    .map(|(_, word)| *word)
                    .collect();
                person_row(booklet, one, &may.join(", "))
            })
            .collect();
        press.table(&PERSONS, &rows);
    }
}

fn persons_needed(threshold: Threshold) -> String {
    match threshold.outside {
        0 => format!("{} Personen", threshold.persons),
        outside => format!("{} Personen, davon {outside} von außen", threshold.persons),
    }
}

fn central(person: &Person) -> String {
    let roles: Vec<&str> = person.roles.iter().map(|role| role.in_words().0).collect();
    roles.join(", ")
}

fn person_row(booklet: &Booklet<'_>, person: &Person, may: &str) -> Vec<String> {
    let keys: Vec<String> = person
        .keys
        .iter()
        .map(|key| fingerprint(&key.id().to_string()))
        .collect();
    vec![
        booklet.name(&person.id),
        person.entity.to_string(),
        may.to_owned(),
        keys.join("\n"),
    ]
}

/// As `ssh-keygen -lf` prints it, so that two people can compare by voice.
fn fingerprint(hex: &str) -> String {
    hex.parse::<Digest>().map_or_else(
        |_| hex.to_owned(),
        |digest| STANDARD_NO_PAD.encode(digest.as_bytes()),
    )
}

pub(super) fn reach(booklet: &Booklet<'_>, press: &mut Press) {
    press.h1("Wen wir erreichen", "Whom we reach");
    press.p("Wer jemanden nicht erreicht, ruft sofort die Vertretung an und schreibt die Uhrzeit auf. Am Telefon nur sagen: Alarm oder Übung, wer anruft, Treffpunkt. Keine Daten von Versicherten. Niemals Kennwörter oder Schlüssel am Telefon.");
    let columns = [
        ("Erreicht um", 0.12),
        ("Person", 0.26),
        ("Wege, in dieser Reihenfolge", 0.37),
        ("Vertretung", 0.25),
    ];
    match booklet.reader {
        Reader::Estate => {
            let tree = calls(booklet.contacts);
            if tree.is_empty() {
                press.warning("Im Kontaktbuch steht keine Einsatzleitung; es gibt keine Telefonkette.");
            }
            for call in tree {
                press.h2(&format!("{} ruft an", call.caller.name), "calls");
                let rows: Vec<Vec<String>> =
                    call.called.iter().map(|one| contact_row(booklet, one)).collect();
                press.table(&columns, &rows);
            }
            press.h2("Einsatzleitung", "Commanders");
            let rows = contact_rows(booklet, &[Duty::Role(Role::Commander)]);
            press.table(&columns, &rows);
        }
        Reader::Insurer(insurer) => {
            press.h2("Unser Krisenstab", "Our crisis team");
            press.table(
                &columns,
                &contact_rows(booklet, &[Duty::Insurer(insurer.clone())]),
            );
            press.h2("Beim Dienstleister", "At the provider");
            let duties = [Role::Commander, Role::RestorationLead].map(Duty::Role);
            press.table(&columns, &contact_rows(booklet, &duties));
        }
    }
}

fn contact_rows(booklet: &Booklet<'_>, duties: &[Duty]) -> Vec<Vec<String>> {
    let meant = |one: &&Contact| duties.iter().any(|duty| one.duties.contains(duty));
    let mut rows: Vec<Vec<String>> = booklet
        .contacts
        .contacts()
        .filter(meant)
        .map(|one| contact_row(booklet, one))
        .collect();
    if rows.is_empty() {
        rows.push(vec![
            String::new(),
            "niemand eingetragen".to_owned(),
            String::new(),
            String::new(),
        ]);
    }
    rows
}

fn contact_row(booklet: &Booklet<'_>, one: &Contact) -> Vec<String> {
    let duties: Vec<String> = one.duties.iter().map(|duty| duty.in_words(Lang::De)).collect();
    let ways: Vec<String> = one.ways.iter().map(|way| way.in_words(Lang::De)).collect();
    let deputies: Vec<String> = one.deputies.iter().map(|id| deputy(booklet, id)).collect();
    vec![
        "__:__".to_owned(),
        format!("{}\n{}", one.name, duties.join(", ")),
        ways.join("\n"),
        deputies.join("\n"),
    ]
}

fn deputy(booklet: &Booklet<'_>, id: &PersonId) -> String {
    let Some(contact) = booklet.contacts.contact(id) else {
        return id.to_string();
    };
    let first = contact
        .ways
        .first()
        .map(|way| way.in_words(Lang::De))
        .unwrap_or_default();
    format!("{}\n{first}", contact.name)
}

pub(super) fn answer(booklet: &Booklet<'_>, press: &mut Press) {
    press.h1("Als Kasse zustimmen oder ablehnen", "An insurer's yes or no");
    press.p("Ohne die Kasse wird keine Eindämmung aufgehoben und kein Notbetrieb begonnen. Eine Person, die zustimmen darf, genügt; ebenso eine, die ablehnen darf. Der Leitstand bietet einen Entwurf an; gezeichnet wird immer am eigenen Rechner. Den Satz lesen, den das Programm zeigt, und bei Zweifel über eine bekannte Nummer zurückfragen.");
    let typed = |commands: &[Typed]| commands.iter().map(Typed::line).collect::<Vec<String>>();
    press.h2("Zustimmen", "Consent");
    press.typed(&typed(&consent_commands(booklet)));
    press.h2("Ablehnen", "Refusal");
    press.typed(&typed(&refusal_commands(booklet)));
    let withdrawn = match booklet.reader {
        Reader::Estate => "so viele Personen der Kasse, wie ihr Abschnitt verlangt,".to_owned(),
        Reader::Insurer(own) => booklet.charter.section(own).map_or_else(
            || "so viele Personen, wie unser Abschnitt verlangt,".to_owned(),
            |section| format!("{} unserer Personen", section.draft().threshold),
        ),
    };
    let points = [
        ("", format!("Eine Ablehnung gilt, bis {withdrawn} sie zurückziehen (bulkhead sign draft withdrawal).")),
        ("", "Frist: Solange die Kasse nicht antwortet, bleibt zu.".to_owned()),
        ("", "Zustimmen heißt: Die Forensik hat freigegeben, wir haben den Befund gesehen, unser Krisenstab trägt die Öffnung mit.".to_owned()),
        ("", "„In Betrieb“ ist ein Dienst erst, wenn unsere eigenen Leute ihn geprüft und angenommen haben.".to_owned()),
    ];
    press.list(&points, |_| "•".to_owned());
}

/// Answering as an insurer, both ways.
pub(super) fn answer_commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    let mut all = consent_commands(booklet);
    all.extend(refusal_commands(booklet));
    all
}

fn consent_commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    answer_with(booklet, "consent", "ja.json")
}

fn refusal_commands(booklet: &Booklet<'_>) -> Vec<Typed> {
    answer_with(booklet, "refusal", "nein.json")
}

fn answer_with(booklet: &Booklet<'_>, kind: &str, file: &str) -> Vec<Typed> {
    vec![
        cli::draft(kind, file, booklet.estate.id()),
        cli::show(file),
        cli::sign(file, KEY),
        cli::send(file, booklet.control, booklet.tls),
    ]
}

/// The insurers a booklet shows, by id.
pub(super) fn shown<'a>(booklet: &'a Booklet<'_>) -> impl Iterator<Item = &'a estate::Insurer> {
    booklet
        .estate
        .insurers()
        .filter(|insurer| booklet.shows(id_of(insurer)))
}

const fn id_of(insurer: &estate::Insurer) -> &InsurerId {
    &insurer.id
}
