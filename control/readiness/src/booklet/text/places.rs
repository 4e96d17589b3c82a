//! Witnesses, data centres and insurers; what is never done; words.

use super::{
    super::{Booklet, press::Press},
    people,
};

pub(super) fn witnesses(booklet: &Booklet<'_>, press: &mut Press) {
    let set = booklet.charter.witnesses();
    press.h1("Zeugen", "Witnesses");
    press.p(&format!(
        "Zeugen zeichnen den Stand des Befehlsprotokolls mit und stehen außerhalb des Rechenzentrums. Zum Öffnen braucht jede Tür die Unterschrift von {} der {} Zeugen; zum Schließen keine. Ist das Netz aus, geht der Stand auf einem Stick zum Zeugen und zurück.",
        set.quorum(),
        set.witnesses().len()
    ));
    let columns = [("Zeuge", 0.3), ("Name seines Schlüssels", 0.7)];
    let rows: Vec<Vec<String>> = set
        .witnesses()
        .iter()
        .map(|(id, key)| vec![id.to_string(), key.name().as_str().to_owned()])
        .collect();
    press.table(&columns, &rows);
}

pub(super) fn sites(booklet: &Booklet<'_>, press: &mut Press) {
    press.h1("Rechenzentren und Kassen", "Data centres and insurers");
    let columns = [
        ("Standort", 0.2),
        ("Name", 0.5),
        ("Kassen", 0.15),
        ("Versicherte", 0.15),
    ];
    let rows: Vec<Vec<String>> = booklet
        .estate
        .sites()
        .filter_map(|site| {
            let here: Vec<_> = people::shown(booklet).filter(|one| one.site == site.id).collect();
            let insured = here
                .iter()
                .fold(0_u64, |sum, one| sum.saturating_add(one.insured.0));
            (!here.is_empty()).then(|| {
                vec![
                    site.id.to_string(),
                    site.name.clone(),
                    here.len().to_string(),
                    grouped(insured),
                ]
            })
        })
        .collect();
    press.table(&columns, &rows);
    press.h2("Kassen", "Insurers");
    let columns = [
        ("Name in Anordnungen", 0.19),
        ("Kasse", 0.33),
        ("IK", 0.13),
        ("Standort", 0.11),
        ("Versicherte", 0.12),
        ("Dienste", 0.12),
    ];
    let rows: Vec<Vec<String>> = people::shown(booklet)
        .map(|one| {
            vec![
                one.id.to_string(),
                one.name.clone(),
                one.ik.to_string(),
                one.site.to_string(),
                grouped(one.insured.0),
                one.services.len().to_string(),
            ]
        })
        .collect();
    press.table(&columns, &rows);
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

pub(super) fn never(press: &mut Press) {
    press.h1("Was niemals getan wird", "What is never done");
    let points = [
        (
            "Nie den Strom abschalten.",
            "Netz trennen, Speicher und Platten so lassen, wie sie sind.",
        ),
        (
            "Nie Fehlermeldungen an Absender schicken.",
            "Post, die wir nicht lesen können, wird gehalten, nicht abgewiesen. Nichts kommt als „fehlerhaft“ zurück, weil bei uns etwas aus ist.",
        ),
        (
            "Nie an einer Tür vorbei verbinden.",
            "Keine Umgehungsleitung, kein mitgebrachter Router, keine „kurze“ Freischaltung. Die Probe findet es, und die Tür geht wieder zu.",
        ),
        (
            "Nie öffnen, weil jemand drängt.",
            "Ohne Freigabe, Einsatzleitung und Kasse geht keine Tür auf. Das ist Absicht.",
        ),
        (
            "Nie eine Sicherung einspielen, die nicht geprüft ist.",
            "Auch nicht zum Ansehen am Netz.",
        ),
        (
            "Nie private Post oder private Messenger benutzen.",
            "Es gibt Notpostfächer und dieses Heft.",
        ),
        (
            "Nie Kennwörter, Codes oder Schlüssel am Telefon nennen.",
            "Auch nicht dem Krisenstab. Der Antwortcode eines Alarms ist die einzige Ausnahme, und nur an unsere eigene Nummer.",
        ),
        (
            "Nie ein Datum versprechen.",
            "Spannen und Bedingungen nennen. Jede Zusage wird aufgeschrieben.",
        ),
        (
            "Nie behaupten, es seien keine Daten abgeflossen.",
            "Was nicht geprüft ist, heißt „noch nicht bekannt“.",
        ),
    ];
    let points: Vec<(&str, String)> = points
        .iter()
        .map(|(lead, text)| (*lead, (*text).to_owned()))
        .collect();
    press.list(&points, |_| "×".to_owned());
}

pub(super) fn glossary(press: &mut Press) {
    press.h1("Wörter", "Words");
    let words = [
        (
            "Tür",
            "Der einzige Weg in einen Dienst einer Kasse hinein und hinaus.",
        ),
        (
            "Zelle",
            "Ein Dienst einer Kasse. Anordnungen und Stände gelten je Zelle.",
        ),
        ("offen", "Alles geht hindurch."),
        (
            "gehalten (Held)",
            "Eingang wird gespeichert und quittiert; sonst bewegt sich nichts.",
        ),
        (
            "zu (Shut)",
            "Eingang wird vorläufig abgewiesen; nichts bewegt sich.",
        ),
        ("angeordnet", "Die Anordnung ist unterschrieben und unterwegs."),
        ("ausgeführt", "Die Tür sagt: gespeichert und in Kraft."),
        (
            "geprüft",
            "Eine Probe von außen kam weder neu noch über alte Verbindungen durch.",
        ),
        (
            "Wartung, Vorsicht, Eindämmung",
            "Warum eine Tür zu ist; davon hängt ab, wer sie öffnen darf.",
        ),
        (
            "Freigabe",
            "Unterschriebene Aussage der Forensik über eine Umgebung, befristet und widerrufbar.",
        ),
        (
            "Zustimmung",
            "Unterschriebenes Ja der Kasse zu einer Öffnung oder zum Notbetrieb.",
        ),
        (
            "Urkunde",
            "Wer wer ist, mit welchen Schlüsseln, und wie viele es braucht.",
        ),
        (
            "Zeuge",
            "Jemand außerhalb, der den Stand des Befehlsprotokolls mitzeichnet.",
        ),
        (
            "Fingerabdruck",
            "Kurzform eines Schlüssels; zeigen mit ssh-keygen -lf DATEI.",
        ),
    ];
    let rows: Vec<Vec<String>> = words
        .iter()
        .map(|(word, meaning)| vec![(*word).to_owned(), (*meaning).to_owned()])
        .collect();
    press.table(&[("Wort", 0.3), ("Bedeutung", 0.7)], &rows);
}
