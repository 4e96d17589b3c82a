//! Drafting and signing: a form becomes a statement's exact bytes, a signature that comes in joins them, and a complete
//! statement goes to the authority log. Nothing here signs.

use std::collections::{BTreeMap, BTreeSet};

use clearance::{Basis, Grade, Withdraws};
use evidence::room::DraftProposed;
use order::{Becomes, Stance, Text, Uses};
use serde_json::json;
use vocabulary::{
    CellId, Class, Digest, DoorId, Envelope, Flow, InsurerId, Scope, Seconds, Selector, ServiceId, Signature,
    SiteId, StatementId,
};

use crate::{
    answer::{Asked, NothingHere, refuse},
    draft::{Clear, Cut, Desk, Draft, Event, Ground, Refused, Reopen, State, TakeBack, next},
    preview,
    response::Response,
    room::{Answer, Effect},
    route::{Format, Kind},
    view::draft::{load, may_propose, with_ground},
};

/// How long an opening may be used unless the form says otherwise, in hours.
const OPENING_HOURS: u64 = 24;
/// How long a clearance may open something unless the form says otherwise, in days.
const CLEARANCE_DAYS: u64 = 30;

/// Why nothing is drafted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDrafted {
    /// Something is missing or cannot be read.
    #[error("„{0}“ fehlt oder ist nicht lesbar. / \"{1}\" is missing or cannot be read.")]
    Field(&'static str, &'static str),
    /// There is no such draft, or the viewer does not see it.
    #[error(transparent)]
    Nothing(#[from] NothingHere),
    /// It is about others.
    #[error(
        "Das betrifft andere; hier entwerfen Sie nur für das Eigene. / That is about others; here you draft only for your own."
    )]
    NotOwn,
    /// Somebody decided against it.
    #[error(
        "Dieser Entwurf wurde verworfen. Wird er doch gebraucht: neu entwerfen. / This draft was dropped. If it is needed after all: draft it anew."
    )]
    Dropped,
    /// The desk says no.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl NotDrafted {
    const fn status(&self) -> u16 {
        match self {
            Self::Field(..) | Self::Refused(_) => 422,
            Self::Nothing(_) => 404,
            Self::NotOwn => 403,
            Self::Dropped => 409,
        }
    }
}

type Made<T> = Result<T, NotDrafted>;

/// Answers a request to draft or to hand in a signature.
#[must_use]
pub(crate) fn answer(asked: &Asked<'_>) -> Answer {
    let made = if asked.kind == Kind::DraftSign {
        sign(asked)
    } else {
        draft(asked)
    };
    made.unwrap_or_else(|why| refuse(&asked.ctx, asked.format, why.status(), &why).into())
}

/// A field of the form, or of the query where the form is only looked at.
fn value(asked: &Asked<'_>, name: &str) -> Option<String> {
    asked
        .form
        .field(name)
        .map(String::from)
        .or_else(|| asked.request.query_field(name))
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

fn needed(asked: &Asked<'_>, name: &str, de: &'static str, en: &'static str) -> Made<String> {
    value(asked, name).ok_or(NotDrafted::Field(de, en))
}

fn parsed<T: core::str::FromStr>(text: &str, de: &'static str, en: &'static str) -> Made<T> {
    text.parse().map_err(|_| NotDrafted::Field(de, en))
}

/// Names in one field, parted by commas, blanks or lines, or in several fields.
fn list<T: core::str::FromStr + Ord>(
    asked: &Asked<'_>,
    name: &str,
    de: &'static str,
    en: &'static str,
) -> Made<BTreeSet<T>> {
    let mut texts: Vec<String> = asked.form.all(name).map(String::from).collect();
    if texts.is_empty() {
        texts.extend(asked.request.query_field(name));
    }
    texts
        .iter()
        .flat_map(|text| text.split([',', ';', ' ', '\n', '\r', '\t']))
        .filter(|part| !part.is_empty())
        .map(|part| parsed(part, de, en))
        .collect()
}

fn some<T>(set: BTreeSet<T>) -> Option<BTreeSet<T>> {
    (!set.is_empty()).then_some(set)
}

fn reason(asked: &Asked<'_>) -> Made<Text> {
    let words = needed(asked, "reason", "Begründung", "reason")?;
    let line: Vec<&str> = words.split_whitespace().collect();
    Ok(crate::draft::text(&line.join(" "))?)
}

/// Where a cut reaches. Empty everywhere is the whole estate, and must be said by name.
fn scope(asked: &Asked<'_>) -> Made<Scope> {
    let selector = Selector {
        sites: some(list::<SiteId>(asked, "sites", "Standorte", "sites")?),
        insurers: some(list::<InsurerId>(asked, "insurers", "Kassen", "insurers")?),
        services: some(list::<ServiceId>(asked, "services", "Dienste", "services")?),
    };
    let everything = selector == Selector::default();
    if everything && value(asked, "everything").is_none() {
        return Err(NotDrafted::Field(
            "Geltungsbereich (oder „alles“ ankreuzen)",
            "scope (or tick \"everything\")",
        ));
    }
    Ok(Scope(vec![selector]))
}

fn stance(asked: &Asked<'_>) -> Made<Stance> {
    match value(asked, "stance").as_deref() {
        None | Some("contain") => Ok(Stance::Contain),
        Some("held") => Ok(Stance::Held),
        Some("shut") => Ok(Stance::Shut),
        Some(_) => Err(NotDrafted::Field("Stellung", "stance")),
    }
}

fn class(asked: &Asked<'_>) -> Made<Class> {
    match value(asked, "class").as_deref() {
        None | Some("precautionary") => Ok(Class::Precautionary),
        Some("containment") => Ok(Class::Containment),
        Some("maintenance") => Ok(Class::Maintenance),
        Some(_) => Err(NotDrafted::Field("Klasse", "class")),
    }
}

fn drain(asked: &Asked<'_>) -> Made<Option<Seconds>> {
    let minutes = match value(asked, "drain") {
        Some(text) => parsed::<u64>(&text, "Auslaufen (Minuten)", "drain (minutes)")?,
        None => 0,
    };
    Ok((minutes > 0).then(|| Seconds(minutes.saturating_mul(60))))
}

/// The cut a form describes, for its preview.
pub(crate) fn cut_of_query(asked: &Asked<'_>) -> Made<preview::Asked> {
    Ok(preview::Asked {
        scope: scope(asked)?,
        stance: stance(asked)?,
        class: class(asked)?,
        drain: drain(asked)?,
    })
}

fn cut(asked: &Asked<'_>) -> Made<Cut> {
    let signal = value(asked, "signal");
    Ok(Cut {
        scope: scope(asked)?,
        stance: stance(asked)?,
        class: class(asked)?,
        drain: drain(asked)?,
        uses: Uses::Once,
        signal: signal.map(|text| parsed(&text, "Signal", "signal")).transpose()?,
        reason: reason(asked)?,
    })
}

fn instant(asked: &Asked<'_>, name: &str, de: &'static str, en: &'static str) -> Made<vocabulary::Timestamp> {
    let text = needed(asked, name, de, en)?;
    let exact = text.parse::<jiff::Timestamp>().ok();
    exact
        .map(|at| vocabulary::Timestamp(at.as_second()))
        .or_else(|| asked.ctx.clock.read_local(&text))
        .ok_or(NotDrafted::Field(de, en))
}

fn reopen(asked: &Asked<'_>, desk: &Desk<'_>) -> Made<Draft> {
    let doors: BTreeSet<DoorId> = list(asked, "cells", "Zellen", "cells")?;
    let becomes = match value(asked, "becomes").as_deref() {
        None | Some("open") => Becomes::Open,
        Some("limited") => Becomes::Limited {
            until: instant(asked, "until", "Bis", "until")?,
        },
        Some("emergency") => Becomes::Emergency {
            environment: parsed(
                &needed(asked, "environment", "Notumgebung", "emergency environment")?,
                "Notumgebung",
                "emergency environment",
            )?,
            identity: parsed(
                &needed(asked, "identity", "Schlüssel (age1…)", "identity (age1…)")?,
                "Schlüssel (age1…)",
                "identity (age1…)",
            )?,
            until: instant(asked, "until", "Bis", "until")?,
        },
        Some(_) => return Err(NotDrafted::Field("Wird zu", "becomes")),
    };
    let named: BTreeSet<Digest> = list(asked, "clearances", "Freigaben", "clearances")?;
    let clearances = if named.is_empty() {
        desk.fitting(asked.ctx.room.picture.statements(), &doors, &becomes)
    } else {
        named.into_iter().map(StatementId).collect()
    };
    let hours = match value(asked, "hours") {
        Some(text) => parsed(&text, "Stunden", "hours")?,
        None => OPENING_HOURS,
    };
    Ok(desk.reopen(Reopen {
        doors,
        becomes,
        clearances,
        lifts: BTreeMap::new(),
        reason: reason(asked)?,
        lasts: Seconds(hours.saturating_mul(3600)),
    })?)
}

fn flow(word: &str) -> Option<Flow> {
    match word {
        "intake" => Some(Flow::Intake),
        "forward" => Some(Flow::Forward),
        "fetch" => Some(Flow::Fetch),
        "send" => Some(Flow::Send),
        "sessions" => Some(Flow::Sessions),
        _ => None,
    }
}

fn clear(asked: &Asked<'_>) -> Made<Clear> {
    let grade = match value(asked, "grade").as_deref() {
        Some("full") => Grade::Full,
        Some("limited") => {
            let words: BTreeSet<String> = list(asked, "directions", "Richtungen", "directions")?;
            let directions: Option<BTreeSet<Flow>> = words.iter().map(|word| flow(word)).collect();
            Grade::Limited {
                cells: list::<CellId>(asked, "cells", "Zellen", "cells")?,
                peers: None,
                directions: directions.ok_or(NotDrafted::Field("Richtungen", "directions"))?,
                until: instant(asked, "until", "Bis", "until")?,
            }
        }
        Some(_) | None => return Err(NotDrafted::Field("Umfang", "grade")),
    };
    let basis = match value(asked, "basis").as_deref() {
        None | Some("examined") => Basis::Examined,
        Some("not-endangered") => Basis::NotEndangered {
            because: reason(asked)?,
        },
        Some("signal-explained") => Basis::SignalExplained {
            signal: parsed(&needed(asked, "signal", "Signal", "signal")?, "Signal", "signal")?,
        },
        Some(_) => return Err(NotDrafted::Field("Grundlage", "basis")),
    };
    let days = match value(asked, "days") {
        Some(text) => parsed(&text, "Tage", "days")?,
        None => CLEARANCE_DAYS,
    };
    let relies_on: BTreeSet<Digest> = list(asked, "relies-on", "Stützt sich auf", "relies on")?;
    let environment = needed(asked, "environment", "Umgebung", "environment")?;
    let root = needed(asked, "evidence-root", "Beweiswurzel", "evidence root")?;
    Ok(Clear {
        environment: parsed(&environment, "Umgebung", "environment")?,
        grade,
        basis,
        examined: list(asked, "examined", "Untersucht", "examined")?,
        evidence_root: parsed(&root, "Beweiswurzel", "evidence root")?,
        checklist: checklist(asked)?,
        relies_on: relies_on.into_iter().map(StatementId).collect(),
        lasts: Seconds(days.saturating_mul(86_400)),
    })
}

/// One line each: `+ what was checked` passed, `- what` does not apply, `~ what` accepted for limited operation only.
fn checklist(asked: &Asked<'_>) -> Made<Vec<clearance::ChecklistItem>> {
    let text = value(asked, "checklist").unwrap_or_default();
    let wrong = || NotDrafted::Field("Prüfliste", "checklist");
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (result, what) = if let Some(what) = line.strip_prefix('+') {
                (clearance::CheckResult::Passed, what)
            } else if let Some(what) = line.strip_prefix('-') {
                (clearance::CheckResult::NotApplicable, what)
            } else if let Some(what) = line.strip_prefix('~') {
                (clearance::CheckResult::Accepted, what)
            } else {
                return Err(wrong());
            };
            let (item, note) = match what.split_once(" // ") {
                Some((item, note)) => (item, Some(crate::draft::text(note)?)),
                None => (what, None),
            };
            Ok(clearance::ChecklistItem {
                item: crate::draft::text(item)?,
                result,
                note,
            })
        })
        .collect()
}

fn take_back(asked: &Asked<'_>) -> Made<TakeBack> {
    let id: Digest = parsed(&needed(asked, "id", "Kennung", "id")?, "Kennung", "id")?;
    let statement = StatementId(id);
    let withdraws = match value(asked, "what").as_deref() {
        None | Some("clearance") => Withdraws::Clearance(statement),
        Some("evidence") => Withdraws::Evidence(id),
        Some("delegation") => Withdraws::Delegation(statement),
        Some("consent") => Withdraws::Consent(statement),
        Some("refusal") => Withdraws::Refusal(statement),
        Some("standing-order") => Withdraws::StandingOrder(statement),
        Some(_) => return Err(NotDrafted::Field("Was", "what")),
    };
    Ok(TakeBack {
        withdraws,
        reason: reason(asked)?,
    })
}

/// A whole envelope, made elsewhere: by a program, or carried here as a file.
fn brought(asked: &Asked<'_>, text: &str, ground: &Ground<'_>) -> Made<Draft> {
    let wrong = || NotDrafted::Field("Erklärung (Datei)", "envelope");
    let envelope: Envelope = serde_json::from_str(text).map_err(|_| wrong())?;
    let by = asked.ctx.viewer.map(|viewer| viewer.person().clone());
    Ok(Draft::proposed(&envelope, by, asked.request.now, ground)?)
}

fn draft(asked: &Asked<'_>) -> Made<Answer> {
    let viewer = asked.ctx.viewer.ok_or(NothingHere)?;
    let draft = with_ground(asked, |ground, _| -> Made<Draft> {
        let desk = Desk {
            ground: *ground,
            by: viewer.person().clone(),
        };
        if let Some(text) = value(asked, "envelope") {
            return brought(asked, &text, ground);
        }
        Ok(match value(asked, "art").as_deref() {
            Some("abtrennen" | "closing") => desk.cut(cut(asked)?)?,
            Some("oeffnen" | "opening") => reopen(asked, &desk)?,
            Some("freigeben" | "clearance") => desk.clear(clear(asked)?)?,
            Some("zuruecknehmen" | "withdrawal") => desk.take_back(take_back(asked)?)?,
            Some(_) | None => return Err(NotDrafted::Field("Art der Erklärung", "kind of statement")),
        })
    })?;
    if !may_propose(asked, draft.envelope()) {
        return Err(NotDrafted::NotOwn);
    }
    // Dropping takes back a proposal, not a decision: what everybody has signed is published all the same.
    if is_dropped(asked, draft.id()) && !matches!(draft.state(), State::Complete { .. }) {
        return Err(NotDrafted::Dropped);
    }
    Ok(stored(asked, &draft, 201))
}

/// The answer that stores a draft, and publishes it if nothing is missing.
fn stored(asked: &Asked<'_>, draft: &Draft, status: u16) -> Answer {
    let id = draft.id();
    let entry = DraftProposed {
        by: draft.made_by().cloned(),
        draft: draft.envelope().clone(),
    };
    let (state, have, need) = match draft.state() {
        State::Waiting { have, need } => ("waiting", *have, *need),
        State::Complete { .. } => ("complete", 0, 0),
        State::Published { .. } => ("published", 0, 0),
        State::Withdrawn { .. } | State::Expired { .. } => ("expired", 0, 0),
    };
    let response = match asked.format {
        Format::Page => Response::see(&format!("/entwurf/{id}")),
        Format::Api => Response::json(
            status,
            &json!({ "id": id, "state": state, "have": have, "need": need }),
        ),
    };
    let answer = Answer::from(response).after(Effect::Append(Box::new(entry.into())));
    if matches!(draft.state(), State::Complete { .. }) {
        answer.after(Effect::Publish(Box::new(draft.envelope().clone())))
    } else {
        answer
    }
}

fn is_dropped(asked: &Asked<'_>, id: StatementId) -> bool {
    asked.ctx.room.picture.people().dropped.contains_key(&id)
}

fn sign(asked: &Asked<'_>) -> Made<Answer> {
    let id = StatementId(asked.names.statement.ok_or(NothingHere)?);
    if asked.sight.is_everything() && is_dropped(asked, id) {
        return Err(NotDrafted::Dropped);
    }
    let signature = Signature(needed(asked, "signature", "Unterschrift", "signature")?);
    let draft = with_ground(asked, |ground, _| -> Made<Draft> {
        let draft = load(asked, id, ground).ok_or(NothingHere)?;
        Ok(next(draft, Event::Signed(signature), ground)?)
    })?;
    Ok(stored(asked, &draft, 200))
}
