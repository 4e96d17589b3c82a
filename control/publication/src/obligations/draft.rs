//! Drafts of notices, filled from the same fact sheet as the public page.

use std::fmt::Write as _;

use super::{
    clock::{Clock, Due, Standing},
    law::Obligation,
};
use crate::{
    sheet::{ClaimGrade, FactSheet, Standing as ClaimStanding},
    site::{claim_words, stage_words},
    when,
    words::{Lang, Said, State, said},
};

/// A text a person reads, completes and sends, or does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// What only a person can add.
    pub missing: Vec<Said>,
}

/// Writes a draft. `clock` is its clock if it runs already, as opposed to a preview.
#[must_use]
pub fn draft(obligation: &Obligation, clock: Option<&Clock>, sheet: &FactSheet, lang: Lang) -> Draft {
    let mut text = String::new();
    let missing = missing(obligation, clock, sheet);
    // Writing to a String cannot fail.
    let _infallible = head(&mut text, obligation, clock, lang)
        .and_then(|()| facts(&mut text, sheet, lang))
        .and_then(|()| claims(&mut text, sheet, lang))
        .and_then(|()| gaps(&mut text, &missing, lang));
    Draft { text, missing }
}

fn head(out: &mut String, obligation: &Obligation, clock: Option<&Clock>, lang: Lang) -> std::fmt::Result {
    let [
        mark,
        duty,
        basis,
        to,
        by,
        content,
        starts,
        due,
        services,
        unverified,
    ] = match lang {
        Lang::De => [
            "ENTWURF – nicht gesendet. Ein Mensch prüft, ergänzt und sendet.",
            "Pflicht",
            "Rechtsgrundlage",
            "Empfänger",
            "Weg",
            "Verlangter Inhalt",
            "Kenntnis seit",
            "Fällig",
            "Dienste",
            "UNGEPRÜFT, vor dem Senden klären",
        ],
        Lang::En => [
            "DRAFT – not sent. A human checks, completes and sends.",
            "Duty",
            "Legal basis",
            "Recipient",
            "Channel",
            "Required content",
            "Known since",
            "Due",
            "Services",
            "UNVERIFIED, clarify before sending",
        ],
    };
    writeln!(
        out,
        "{mark}\n\n{duty}: {} ({})\n{basis}: {}",
        obligation.title.text(lang),
        obligation.id,
        obligation.legal_basis.text(lang)
    )?;
    for (name, told) in [
        (to, &obligation.recipient),
        (by, &obligation.channel),
        (content, &obligation.content),
    ] {
        // Where there is no authority or no form, the line would only say so with two strokes.
        if !["", "--"].contains(&told.en.as_str()) {
            writeln!(out, "{name}: {}", told.text(lang))?;
        }
    }
    if let Some(why) = clock
        .and_then(|clock| clock.unverified.as_ref())
        .or(obligation.unverified.as_ref())
    {
        writeln!(out, "{unverified}: {}", why.text(lang))?;
    }
    let Some(clock) = clock else { return Ok(()) };
    writeln!(
        out,
        "{starts}: {} ({})",
        when::long(clock.starts, lang),
        clock.legal_person
    )?;
    writeln!(out, "{due}: {}", due_words(clock.due, lang))?;
    if !clock.services.is_empty() {
        let list: Vec<&str> = clock.services.iter().map(vocabulary::ServiceId::as_str).collect();
        writeln!(out, "{services}: {}", list.join(", "))?;
    }
    Ok(())
}

fn due_words(due: Due, lang: Lang) -> String {
    let words = match due {
        Due::At(at) => return when::long(at, lang),
        Due::WithoutDelay => said("unverzüglich", "without delay"),
        Due::AsSet => said("wie von der Behörde gesetzt", "as set by the authority"),
        Due::Before => said("vorher", "beforehand"),
        Due::NoDeadline => said("ohne Frist", "no deadline"),
    };
    words.text(lang).to_owned()
}

fn facts(out: &mut String, sheet: &FactSheet, lang: Lang) -> std::fmt::Result {
    let [as_of, journal, began, stage, affected, none] = match lang {
        Lang::De => [
            "Stand der Fakten",
            "Journal",
            "Beginn, soweit bekannt",
            "Stand des Vorfalls",
            "Betroffene Dienste",
            "Kein Dienst ist betroffen.",
        ],
        Lang::En => [
            "Facts as of",
            "Journal",
            "Began, as far as known",
            "State of the incident",
            "Services affected",
            "No service is affected.",
        ],
    };
    writeln!(
        out,
        "\n{}\n{as_of}: {}",
        sheet.name,
        when::long(sheet.as_of, lang)
    )?;
    writeln!(out, "{journal}: {} / {}", sheet.journal.len, sheet.journal.root)?;
    if let Some(incident) = &sheet.incident {
        let (title, summary) = match lang {
            Lang::De => (&incident.title.de, &incident.summary.de),
            Lang::En => (&incident.title.en, &incident.summary.en),
        };
        writeln!(out, "\n{title}\n{summary}")?;
        writeln!(out, "{began}: {}", when::long(incident.began, lang))?;
        writeln!(out, "{stage}: {}", stage_words(incident.stage).text(lang))?;
    }
    writeln!(out, "\n{affected}:")?;
    let mut any = false;
    for (service, by_state) in sheet.counts() {
        for (state, count) in by_state.into_iter().filter(|(state, _)| *state != State::Normal) {
            any = true;
            let all = sheet.insurers.len();
            let insurers = match (all, lang) {
                // An insurer's own notice is about itself.
                (1, _) => String::new(),
                (_, Lang::De) => format!(" ({count} von {all} Kassen)"),
                (_, Lang::En) => format!(" ({count} of {all} insurers)"),
            };
            writeln!(
                out,
                "- {}: {}{insurers}",
                sheet.service_name(service, lang),
                state.name().text(lang)
            )?;
        }
    }
    if any { Ok(()) } else { writeln!(out, "{none}") }
}

fn claims(out: &mut String, sheet: &FactSheet, lang: Lang) -> std::fmt::Result {
    let [heading, overdue] = match lang {
        Lang::De => ["Was wir öffentlich sagen", "Überprüfung überfällig"],
        Lang::En => ["What we say in public", "check overdue"],
    };
    if sheet.claims.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{heading}:")?;
    for claim in &sheet.claims {
        let grade = claim_words(claim.grade).text(lang);
        match sheet.standing(claim) {
            ClaimStanding::Current => writeln!(out, "- {grade}: {}", claim.text(lang))?,
            ClaimStanding::Overdue => writeln!(out, "- {grade} ({overdue}): {}", claim.text(lang))?,
            // A notice repeats what holds. What was corrected stands on the page of claims.
            ClaimStanding::Corrected(_) => {}
        }
    }
    Ok(())
}

fn gaps(out: &mut String, missing: &[Said], lang: Lang) -> std::fmt::Result {
    let heading = match lang {
        Lang::De => "Von einem Menschen zu ergänzen",
        Lang::En => "To be added by a person",
    };
    writeln!(out, "\n{heading}:")?;
    for gap in missing {
        writeln!(out, "[ ] {}", gap.text(lang))?;
    }
    Ok(())
}

fn missing(obligation: &Obligation, clock: Option<&Clock>, sheet: &FactSheet) -> Vec<Said> {
    let mut missing = vec![
        said(
            "Ansprechperson mit Erreichbarkeit",
            "contact person and how to reach them",
        ),
        said(
            "Abgleich mit dem verlangten Inhalt oben",
            "comparison with the required content above",
        ),
    ];
    if clock.is_some_and(Clock::overdue) {
        missing.push(said(
            "Grund der Verspätung (Pflichtangabe)",
            "reason for the delay (mandatory)",
        ));
    }
    if clock.is_some_and(|clock| {
        matches!(clock.standing, Standing::Open { .. }) && clock.due == Due::WithoutDelay
    }) {
        missing.push(said(
            "falls Zeit verging: warum nicht früher",
            "if time has passed: why not earlier",
        ));
    }
    if sheet.incident.is_none() {
        missing.push(said("Beschreibung des Vorfalls", "description of the incident"));
    }
    if sheet
        .claims
        .iter()
        .any(|claim| claim.grade == ClaimGrade::NotKnownYet)
    {
        missing.push(said(
            "ob das noch nicht Bekannte inzwischen bekannt ist",
            "whether what was not known is known by now",
        ));
    }
    if obligation.unverified.is_some() {
        missing.push(said(
            "Prüfung der Rechtsgrundlage im Original",
            "check of the legal basis in the original",
        ));
    }
    missing
}
