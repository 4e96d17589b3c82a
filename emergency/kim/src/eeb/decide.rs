//! Certify or refuse: one total function, so that every request gets an answer at once.

use jiff::{ToSpan as _, civil::Date};

use super::{
    BadKvnr, BadRequest, Consent, Generation, Kvnr, Lookup, Member, Patient, Refusal, Request, roster::YesNo,
};
use crate::header::Version;

/// What came in.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The version its service mark names.
    pub version: Option<Version>,
    /// The request, as far as it could be read.
    pub request: Result<&'a Request, BadRequest>,
}

/// What an insurer allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Oldest copy that is still answered from, in days.
    pub copy_days_max: u16,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This person was insured on the service day, as far as the copy knows.
    Certify(Box<Member>),
    /// No, with the nearest true code.
    Refuse(Refusal),
}

/// Decides.
///
/// Without a copy, or with one older than allowed, the answer is 130: of the codes there are, it is the one that says
/// "not from here, please ask the insurer" and blames nobody (our reading). So is everything a copy cannot know. A name that
/// is not found is 110, not 100: a spelling may be at fault, and "not insured" would be untrue.
#[must_use]
pub fn decide(asked: &Asked<'_>, lookup: Option<&impl Lookup>, today: Date, rules: Rules) -> Decision {
    let found = find(asked, lookup, today, rules);
    found.map_or_else(Decision::Refuse, |member| Decision::Certify(Box::new(member)))
}

fn find(
    asked: &Asked<'_>,
    lookup: Option<&impl Lookup>,
    today: Date,
    rules: Rules,
) -> Result<Member, Refusal> {
    // V1.0 ended on 1 April 2026 and is answered with 130 (EEB).
    if asked.version == Some(Version { major: 1, minor: 0 }) {
        return Err(Refusal::SpecialCase);
    }
    let request = asked.request.map_err(|_| Refusal::Unreadable)?;
    if request.generation == Generation::Later {
        return Err(Refusal::SpecialCase);
    }
    if request.consent == Consent::Missing {
        return Err(Refusal::NoConsent);
    }
    let number = match &request.patient {
        Patient::Known(number) => Some(Kvnr::new(number).map_err(|why| match why {
            BadKvnr::Form => Refusal::Unreadable,
            BadKvnr::CheckDigit => Refusal::CheckDigit,
        })?),
        Patient::Unknown(_) => None,
    };
    if request.service_day > today {
        return Err(Refusal::Implausible);
    }
    let lookup = lookup.ok_or(Refusal::SpecialCase)?;
    let oldest = today
        .checked_sub(i64::from(rules.copy_days_max).days())
        .map_err(|_| Refusal::SpecialCase)?;
    if lookup.as_of() < oldest {
        return Err(Refusal::SpecialCase);
    }
    let periods = match (&request.patient, &number) {
        (_, Some(number)) => nonempty(lookup.by_number(number), Refusal::NotInsured)?,
        (Patient::Unknown(person), None) => nonempty(lookup.by_name(person), Refusal::NotUnique)?,
        (Patient::Known(_), None) => return Err(Refusal::Unreadable),
    };
    let mut numbers = periods.iter().map(|member| &member.kvnr);
    let first = numbers.next();
    if numbers.any(|other| Some(other) != first) {
        return Err(Refusal::NotUnique);
    }
    let day = request.service_day;
    let covered = periods
        .into_iter()
        .find(|member| member.from <= day && member.until.is_none_or(|end| day <= end));
    let member = covered.ok_or(Refusal::NoCoverage)?;
    match member.special {
        YesNo::Yes => Err(Refusal::SpecialCase),
        YesNo::No => Ok(member),
    }
}

fn nonempty<T>(found: Vec<T>, otherwise: Refusal) -> Result<Vec<T>, Refusal> {
    if found.is_empty() {
        Err(otherwise)
    } else {
        Ok(found)
    }
}
