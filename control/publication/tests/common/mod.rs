//! Sheets for tests: an invented estate with a realistic incident in it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise; not every test uses everything"
)]

use publication::{
    FactSheet, State,
    sheet::{CellFact, Change, Claim, ClaimGrade, Grade, Head, Incident, Proof, Stage, Update},
    text::Both,
};
use vocabulary::{CellId, Class, Digest, Role, Seconds, Timestamp};

/// Monday, 24 April 2023, 22:00 in Berlin.
pub(crate) const ZERO: Timestamp = Timestamp(1_682_366_400);

pub(crate) fn after(hours: u64) -> Timestamp {
    ZERO.plus(Seconds(hours * 3_600))
}

pub(crate) fn cell(text: &str) -> CellId {
    text.parse().unwrap()
}

/// Six of 80 invented insurers with 8 services each, all normal.
pub(crate) fn quiet() -> FactSheet {
    let mut sheet = quiet_80();
    let few = [
        "kasse-001",
        "kasse-002",
        "kasse-003",
        "kasse-004",
        "kasse-061",
        "kasse-070",
    ];
    sheet.insurers.retain(|id, _| few.contains(&id.as_str()));
    sheet.cells.retain(|cell, _| few.contains(&cell.insurer.as_str()));
    sheet
}

/// All 80.
pub(crate) fn quiet_80() -> FactSheet {
    let estate = estate::check(&estate::sample(estate::Seed(7)), "sample.toml").unwrap();
    let mut sheet = FactSheet::quiet(
        &estate,
        ZERO,
        Head {
            len: 17,
            root: Digest::of(b"root"),
        },
    )
    .unwrap();
    sheet.address = Some("https://status.example/".parse().unwrap());
    sheet.contact = Some("Telefon 0800 0000000".parse().unwrap());
    sheet.answer_key = Some("probe+1a2b3c4d+AbCdEf012=".parse().unwrap());
    sheet
}

pub(crate) fn set(sheet: &mut FactSheet, name: &str, state: State, at: Timestamp) {
    let fact = CellFact {
        state,
        since: at,
        next_update: (state != State::Normal).then(|| at.plus(Seconds(7_200))),
        last_proof: Some(Proof {
            grade: Grade::Proven,
            at,
        }),
        reason_class: (state != State::Normal).then_some(Class::Precautionary),
    };
    sheet.cells.insert(cell(name), fact);
}

/// Two hours after a cut: most things held or off, one emergency, one fault, three claims, one of them corrected.
pub(crate) fn incident() -> FactSheet {
    incident_in(&quiet())
}

/// The same in any quiet sheet.
pub(crate) fn incident_in(before: &FactSheet) -> FactSheet {
    let mut sheet = before.clone();
    sheet.as_of = after(2);
    sheet.journal.len = 4_711;
    let cells: Vec<CellId> = sheet
        .cells
        .keys()
        .filter(|cell| cell.insurer.as_str() < "kasse-060")
        .cloned()
        .collect();
    for cell in cells {
        let state = match cell.service.as_str() {
            "epa" | "lookup" => State::OffDecided,
            "payments" => State::Emergency,
            "statistics" => State::Restricted,
            _ => State::Held,
        };
        set(&mut sheet, &cell.to_string(), state, after(1));
    }
    set(&mut sheet, "kasse-002/contact", State::OffFault, after(0));
    sheet.incident = Some(Incident {
        title: Both {
            de: "Angriff auf unsere Systeme".parse().unwrap(),
            en: "Attack on our systems".parse().unwrap(),
        },
        summary: Both {
            de: "Wir haben Systeme vom Netz getrennt. Was ankommt, wird gespeichert."
                .parse()
                .unwrap(),
            en: "We have taken systems off the network. What arrives is stored."
                .parse()
                .unwrap(),
        },
        began: ZERO,
        stage: Stage::Identified,
        since: after(1),
    });
    sheet.claims = vec![
        claim(
            "keine-daten",
            "Es sind keine Daten abgeflossen.",
            "No data have left.",
            ClaimGrade::Assumed,
            None,
        ),
        claim(
            "daten",
            "Ob Daten abgeflossen sind.",
            "Whether data have left.",
            ClaimGrade::NotKnownYet,
            Some("keine-daten"),
        ),
        claim(
            "ursache",
            "Ein Konto wurde missbraucht.",
            "An account was abused.",
            ClaimGrade::Assessed,
            None,
        ),
    ];
    sheet.claims.last_mut().unwrap().review_by = after(2);
    sheet.following(before)
}

pub(crate) fn claim(id: &str, de: &str, en: &str, grade: ClaimGrade, corrects: Option<&str>) -> Claim {
    Claim {
        id: id.parse().unwrap(),
        de: de.parse().unwrap(),
        en: en.parse().unwrap(),
        grade,
        said_at: after(1),
        by_role: Role::Commander,
        review_by: after(24),
        corrects: corrects.map(|id| id.parse().unwrap()),
    }
}

pub(crate) fn states(update: &Update) -> Option<State> {
    match &update.change {
        Change::State { state, .. } => Some(*state),
        Change::Claim { .. } | Change::Incident { .. } => None,
    }
}
