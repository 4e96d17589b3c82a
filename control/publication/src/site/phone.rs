//! What people at the telephone may say: the same facts as plain text, one line per cell that is not normal.

use std::fmt::Write as _;

use super::{claims, page};
use crate::{
    sheet::{ClaimGrade, FactSheet, Standing},
    when,
    words::{Audience, Lang, Said, ServiceKind, State, said, what_to_do},
};

pub(super) fn script(sheet: &FactSheet, lang: Lang) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _infallible = write_script(&mut out, sheet, lang);
    out
}

fn write_script(out: &mut String, sheet: &FactSheet, lang: Lang) -> std::fmt::Result {
    let (heading, as_of, rules, known) = match lang {
        Lang::De => (
            "Text für die Telefonauskunft",
            "Stand der Fakten",
            "Regeln: Sagen Sie nur, was hier steht. Nennen Sie kein Datum, an dem etwas wieder geht. Fragen Sie nie nach Passwort, PIN oder TAN.",
            "Aussagen, die Sie wiederholen dürfen",
        ),
        Lang::En => (
            "Text for telephone information",
            "Facts as of",
            "Rules: say only what is written here. Give no date on which something will work again. Never ask for a password, PIN or TAN.",
            "Claims you may repeat",
        ),
    };
    writeln!(
        out,
        "{} – {heading}\n{as_of}: {}\n\n{rules}\n",
        sheet.name,
        when::long(sheet.as_of, lang)
    )?;
    if let Some(incident) = &sheet.incident {
        let (title, summary) = match lang {
            Lang::De => (&incident.title.de, &incident.summary.de),
            Lang::En => (&incident.title.en, &incident.summary.en),
        };
        writeln!(
            out,
            "{title} ({})\n{summary}\n",
            page::stage(incident.stage).text(lang)
        )?;
    }
    if !sheet.claims.is_empty() {
        writeln!(out, "{known}:")?;
    }
    for claim in sheet
        .claims
        .iter()
        .filter(|claim| matches!(sheet.standing(claim), Standing::Current))
    {
        // What we do not know is worth saying too: it is the question people ask first.
        let grade = match claim.grade {
            ClaimGrade::NotKnownYet | ClaimGrade::Observed | ClaimGrade::Assessed | ClaimGrade::Assumed => {
                claims::grade(claim.grade).text(lang)
            }
        };
        writeln!(out, "* {grade}: {}", claim.text(lang))?;
    }
    writeln!(out)?;
    write_cells(out, sheet, lang)
}

/// What is said of all cells that have no line.
pub(crate) const fn others(lines: usize) -> Said {
    match lines {
        0 => said("Alle Dienste sind in Betrieb.", "All services operate normally."),
        _ => said(
            "Alle anderen Dienste sind in Betrieb.",
            "All other services operate normally.",
        ),
    }
}

/// Every line about a cell ends with `[cell = state]`, so that it can be read back.
fn write_cells(out: &mut String, sheet: &FactSheet, lang: Lang) -> std::fmt::Result {
    let mut last = None;
    let mut lines = 0_usize;
    for (cell, fact) in sheet.cells.iter().filter(|(_, fact)| fact.state != State::Normal) {
        if last != Some(&cell.insurer) {
            writeln!(out, "\n== {} ==", sheet.insurer_name(&cell.insurer))?;
            last = Some(&cell.insurer);
        }
        let name = sheet.service_name(&cell.service, lang);
        write!(out, "- {name}: {}.", fact.state.name().text(lang))?;
        if let Some(at) = fact.next_update {
            write!(
                out,
                " {}: {}.",
                page::common::NEXT.text(lang),
                when::long(at, lang)
            )?;
            if at <= sheet.as_of {
                write!(out, " {}", page::common::OVERDUE.text(lang))?;
            }
        }
        writeln!(out, " [{cell} = {}]", fact.state.slug())?;
        if let Some(told) = what_to_do(Audience::Insured, ServiceKind::of(&cell.service), fact.state) {
            writeln!(out, "  {}", told.text(lang))?;
        }
        lines = lines.saturating_add(1);
    }
    writeln!(out, "\n{}", others(lines).text(lang))
}
