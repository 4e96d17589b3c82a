//! Which words may stand on the site: those of the fixed sentences, found by rendering invented sheets that use every
//! one of them, and those of the sheet itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use vocabulary::{CellId, Class, Digest, Role, Timestamp};

use crate::{
    sheet::{CellFact, Change, Claim, ClaimGrade, FactSheet, Grade, Head, Incident, Proof, Stage, Update},
    site,
    text::Both,
    when,
    words::{Lang, ServiceKind, State},
};

/// The words of a text: runs of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// Every word that may stand on a site made from this sheet.
pub(super) fn allowed(sheet: &FactSheet) -> BTreeSet<String> {
    let mut allowed = FIXED.clone();
    let mut add = |text: &str| allowed.extend(words(text).map(str::to_owned));
    add(sheet.estate.as_str());
    for name in [
        Some(&sheet.name),
        sheet.address.as_ref(),
        sheet.contact.as_ref(),
        sheet.answer_key.as_ref(),
    ] {
        add(name.map_or("", |name| name.as_str()));
    }
    for (id, name) in &sheet.insurers {
        add(id.as_str());
        add(name.as_str());
    }
    for (id, name) in &sheet.services {
        add(id.as_str());
        add(name.de.as_str());
        add(name.en.as_str());
    }
    for claim in &sheet.claims {
        add(claim.id.as_str());
        add(claim.de.as_str());
        add(claim.en.as_str());
    }
    if let Some(incident) = &sheet.incident {
        for text in [
            incident.title.de.as_str(),
            incident.title.en.as_str(),
            incident.summary.de.as_str(),
            incident.summary.en.as_str(),
        ] {
            add(text);
        }
    }
    add(&sheet.journal.len.to_string());
    add(&sheet.journal.root.to_string());
    for at in times(sheet) {
        add(&at.to_string());
        add(&at.0.to_string());
        for lang in Lang::ALL {
            add(&when::long(at, lang));
        }
    }
    let counts = sheet
        .cells
        .len()
        .saturating_add(sheet.insurers.len())
        .max(sheet.updates.len());
    allowed.extend((0..=counts).map(|count| count.to_string()));
    allowed
}

fn times(sheet: &FactSheet) -> BTreeSet<Timestamp> {
    let mut times = BTreeSet::from([sheet.as_of, Timestamp(0)]); // 0: a page that speaks of no instant at all
    for fact in sheet.cells.values() {
        times.insert(fact.since);
        times.extend(fact.next_update);
        times.extend(fact.last_proof.map(|proof| proof.at));
    }
    times.extend(
        sheet
            .claims
            .iter()
            .flat_map(|claim| [claim.said_at, claim.review_by]),
    );
    times.extend(sheet.updates.iter().map(|update| update.at));
    times.extend(
        sheet
            .incident
            .iter()
            .flat_map(|incident| [incident.began, incident.since]),
    );
    times
}

/// Words of the fixed sentences. Empty if an invented sheet cannot be made: then every word is foreign, which is seen.
static FIXED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut fixed = BTreeSet::new();
    for sheet in invented().unwrap_or_default() {
        let Ok(site) = site::render(&sheet) else {
            return BTreeSet::new();
        };
        for bytes in site.files.values() {
            fixed.extend(words(&String::from_utf8_lossy(bytes)).map(str::to_owned));
        }
    }
    // Invented text must not become a licence.
    fixed.retain(|word| word != "Q");
    fixed
});

const THEN: Timestamp = Timestamp(946_684_800);

/// Sheets that make every fixed sentence appear. All their own texts are the word `Q`.
fn invented() -> Option<Vec<FactSheet>> {
    let mut sheets = Vec::new();
    for (index, state) in State::ALL.into_iter().enumerate() {
        let stage = match state {
            State::Normal => Stage::Resolved,
            State::Restricted => Stage::Investigating,
            State::Emergency | State::Held => Stage::Identified,
            State::OffDecided | State::OffFault => Stage::Monitoring,
        };
        let mut sheet = one(state, index)?;
        sheet.incident = Some(Incident {
            title: Both {
                de: "Q".parse().ok()?,
                en: "Q".parse().ok()?,
            },
            summary: Both {
                de: "Q".parse().ok()?,
                en: "Q".parse().ok()?,
            },
            began: THEN,
            stage,
            since: THEN,
        });
        let quiet = one(State::Normal, index)?;
        sheet = sheet.following(&quiet);
        sheets.push(quiet);
        sheets.push(sheet);
    }
    // One cell of many: "major" instead of "critical", and the plural of insurers.
    let mut single = one(State::Normal, 0)?;
    let cell: CellId = "q/eau".parse().ok()?;
    single.cells.insert(cell, fact(State::Held, 0));
    single.contact = Some("Q".parse().ok()?);
    single.answer_key = Some("Q".parse().ok()?);
    single.insurers.insert("q1".parse().ok()?, "Q Q".parse().ok()?);
    for service in ["eau", "kim"] {
        single
            .cells
            .insert(format!("q1/{service}").parse().ok()?, CellFact::normal(THEN));
    }
    let empty = FactSheet {
        cells: BTreeMap::new(),
        insurers: BTreeMap::new(),
        claims: Vec::new(),
        ..single.clone()
    };
    sheets.extend([single, empty]);
    Some(sheets)
}

fn one(state: State, index: usize) -> Option<FactSheet> {
    let mut cells = BTreeMap::new();
    for service in [
        "kim",
        "eau",
        "contact",
        "epa",
        "payments",
        "statistics",
        "exchange",
        "lookup",
        "q",
    ] {
        let cell: CellId = format!("q/{service}").parse().ok()?;
        let waits = ServiceKind::of(&cell.service).can_wait() || state != State::Held;
        let state = if waits { state } else { State::OffDecided };
        let fact = if state == State::Normal {
            CellFact::normal(THEN)
        } else {
            fact(state, index)
        };
        cells.insert(cell, fact);
    }
    Some(FactSheet {
        estate: "q".parse().ok()?,
        name: "Q".parse().ok()?,
        address: None,
        contact: None,
        answer_key: None,
        as_of: THEN,
        journal: Head {
            len: 0,
            root: Digest::from_bytes([0; 32]),
        },
        incident: None,
        insurers: BTreeMap::from([("q".parse().ok()?, "Q".parse().ok()?)]),
        services: BTreeMap::from([(
            "q".parse().ok()?,
            Both {
                de: "Q".parse().ok()?,
                en: "Q".parse().ok()?,
            },
        )]),
        cells,
        claims: claims(index)?,
        updates: vec![Update {
            at: THEN,
            change: Change::Incident {
                stage: Stage::Investigating,
            },
        }],
    })
}

fn fact(state: State, index: usize) -> CellFact {
    let grades = [Grade::Ordered, Grade::Applied, Grade::Proven, Grade::Failed];
    let classes = [Class::Maintenance, Class::Precautionary, Class::Containment];
    // Overdue in some, due later in others.
    let next = if index.is_multiple_of(2) {
        THEN
    } else {
        THEN.plus(vocabulary::Seconds(60))
    };
    CellFact {
        state,
        since: THEN,
        next_update: Some(next),
        last_proof: grades.get(index % grades.len()).map(|grade| Proof {
            grade: *grade,
            at: THEN,
        }),
        reason_class: classes.get(index % classes.len()).copied(),
    }
}

fn claims(index: usize) -> Option<Vec<Claim>> {
    let roles = [
        Role::Root,
        Role::Commander,
        Role::Examiner,
        Role::RestorationLead,
        Role::InsurerConsent,
        Role::InsurerRefuse,
    ];
    let grades = [
        ClaimGrade::Observed,
        ClaimGrade::Assessed,
        ClaimGrade::Assumed,
        ClaimGrade::NotKnownYet,
    ];
    let mut claims = Vec::new();
    for (count, grade) in grades.into_iter().enumerate() {
        for later in [0, 60] {
            claims.push(Claim {
                id: format!("q{count}-{later}").parse().ok()?,
                de: "Q".parse().ok()?,
                en: "Q".parse().ok()?,
                grade,
                said_at: THEN,
                by_role: *roles.get(index % roles.len())?,
                review_by: THEN.plus(vocabulary::Seconds(later)),
                corrects: None,
            });
        }
    }
    let last = claims.first()?.clone();
    claims.push(Claim {
        id: "q-c".parse().ok()?,
        corrects: Some(last.id.clone()),
        ..last
    });
    Some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invented_sheets_use_every_fixed_sentence() {
        assert!(FIXED.len() > 500, "{}", FIXED.len());
        for audience in crate::words::Audience::ALL {
            for kind in ServiceKind::ALL {
                for state in State::ALL {
                    // What cannot wait is never said to.
                    if state == State::Held && !kind.can_wait() {
                        continue;
                    }
                    let Some(told) = crate::words::what_to_do(audience, kind, state) else {
                        continue;
                    };
                    for word in words(told.de).chain(words(told.en)) {
                        assert!(FIXED.contains(word), "{word}");
                    }
                }
            }
        }
        for role in [Role::Root, Role::InsurerRefuse] {
            assert!(words(role.in_words().0).all(|word| FIXED.contains(word)));
        }
        assert!(!FIXED.contains("Mustermann") && !FIXED.contains("Q"));
    }
}
