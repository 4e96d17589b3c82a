//! What people may want to look at, and what never is a ground to refuse.

use jiff::{ToSpan, civil::Date};

use crate::{check::Kind, digit, finding::Severity, view::url, walk::Walk, xml::NONE};

/// Days a note may reach beyond its day of assessment (Technische Anlage 1.26, P310-04).
const REACH_DAYS: i64 = 31;

/// Notes check digits, ICD codes and dates that look odd.
pub(crate) fn note(walk: &mut Walk<'_, '_, '_>, kind: Kind, mailed: Option<Date>) {
    match kind {
        Kind::FundError => return,
        Kind::Storno => {}
        Kind::Note => {
            insured(walk);
            diagnoses(walk);
            dates(walk, mailed);
        }
    }
    numbers(walk);
}

fn doubt(walk: &mut Walk<'_, '_, '_>, at: u32, rule: &str, words: (&str, &str), found: &str) {
    walk.weigh(
        at,
        rule.to_owned(),
        (words.0.to_owned(), words.1.to_owned()),
        found,
        Severity::Report,
    );
}

fn insured(walk: &mut Walk<'_, '_, '_>) {
    let document = walk.view.document;
    let identifier = document.first(walk.view.patient, "identifier");
    let at = document.first(identifier, "value");
    let kvid = document
        .value(document.first(identifier, "system"))
        .is_some_and(|system| system.ends_with("/kvid-10"));
    if let (true, Some(id)) = (kvid, document.value(at))
        && !digit::insured_id_fits(id)
    {
        doubt(
            walk,
            at,
            "check-digit-insured",
            (
                "Prüfziffer der Versicherten-ID passt",
                "check digit of the insured id fits",
            ),
            id,
        );
    }
    let fund = document.down(walk.view.coverage, &["payor", "identifier", "value"]);
    if let Some(number) = document.value(fund)
        && !digit::institution_fits(number)
    {
        doubt(
            walk,
            fund,
            "check-digit-institution",
            (
                "Prüfziffer des IK passt",
                "check digit of the institution number fits",
            ),
            number,
        );
    }
}

fn numbers(walk: &mut Walk<'_, '_, '_>) {
    let document = walk.view.document;
    let people: Vec<u32> = walk.view.of_kind("Practitioner").collect();
    for person in people {
        let identifiers: Vec<u32> = document.named(person, "identifier").collect();
        for identifier in identifiers {
            let physician = walk
                .view
                .values(identifier, &["type", "coding", "code"])
                .contains(&"LANR");
            let at = document.first(identifier, "value");
            if let (true, Some(number)) = (physician, document.value(at))
                && !digit::physician_fits(number)
            {
                doubt(
                    walk,
                    at,
                    "check-digit-physician",
                    (
                        "Prüfziffer der Arztnummer passt",
                        "check digit of the physician number fits",
                    ),
                    number,
                );
            }
        }
    }
}

/// A letter, two digits, perhaps a dot and one or two more characters. Whether the code exists is for the year's table.
fn looks_like_icd(code: &str) -> bool {
    let (head, tail) = code
        .split_once('.')
        .map_or((code, None), |(head, tail)| (head, Some(tail)));
    let mut head_bytes = head.bytes();
    head.len() == 3
        && head_bytes.next().is_some_and(|b| b.is_ascii_uppercase())
        && head_bytes.next().is_some_and(|b| b.is_ascii_digit())
        && head_bytes
            .next()
            .is_some_and(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && tail.is_none_or(|tail| {
            tail == "-"
                || ((1..=2).contains(&tail.len()) && tail.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
        })
}

fn diagnoses(walk: &mut Walk<'_, '_, '_>) {
    let document = walk.view.document;
    let conditions: Vec<u32> = walk.view.of_kind("Condition").collect();
    for condition in conditions {
        let coding = document.down(condition, &["code", "coding"]);
        let system = document.value(document.first(coding, "system"));
        let at = document.first(coding, "code");
        if system.is_some_and(|system| system.ends_with("icd-10-gm"))
            && let Some(code) = document.value(at)
            && !looks_like_icd(code)
        {
            doubt(
                walk,
                at,
                "icd-form",
                (
                    "ein Kode in der Form der ICD-10-GM",
                    "a code in the form of ICD-10-GM",
                ),
                code,
            );
        }
    }
}

fn dates(walk: &mut Walk<'_, '_, '_>, mailed: Option<Date>) {
    let document = walk.view.document;
    let incapacity = walk.view.incapacity;
    let asserted = crate::base::day(
        walk.view
            .extension_value(incapacity, url::ASSERTED, "valueDateTime"),
    );
    let end = document.down(incapacity, &["onsetPeriod", "end"]);
    let until = crate::base::day(document.value(end));
    if incapacity == NONE {
        return;
    }
    if let (Some(asserted), Some(until)) = (asserted, until) {
        let far = asserted
            .checked_add(REACH_DAYS.days())
            .is_ok_and(|last| until > last);
        if far {
            doubt(
                walk,
                end,
                "reach",
                (
                    "Ende höchstens 31 Tage nach der Feststellung",
                    "an end at most 31 days after the assessment",
                ),
                &until.to_string(),
            );
        }
        if until < asserted {
            doubt(
                walk,
                end,
                "reach",
                (
                    "Ende nicht vor der Feststellung",
                    "an end not before the assessment",
                ),
                &until.to_string(),
            );
        }
    }
    if let (Some(asserted), Some(mailed)) = (asserted, mailed)
        && asserted > mailed
    {
        doubt(
            walk,
            incapacity,
            "assessed-in-future",
            (
                "festgestellt nicht nach dem Tag der Mail",
                "assessed not after the day of the mail",
            ),
            &asserted.to_string(),
        );
    }
}
