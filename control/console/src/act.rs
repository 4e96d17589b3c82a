//! What people do here: entries in the journal, and drafts of statements. Nothing here moves a door.

mod word;

use std::collections::BTreeSet;

use evidence::{
    RoomEntry,
    room::{
        IncidentClosed, IncidentOpened, IncidentUpdated, PlanRanked, PlanSlot, TestAccepted, TestRefused,
    },
};
use order::Text;
use serde_json::json;
use vocabulary::{
    CellId, IncidentId, InsurerId, PersonId, Scope, Selector, ServiceId, SignalId, SiteId, Timestamp,
};

use crate::{
    act_move,
    answer::{Asked, NothingHere, refuse},
    response::Response,
    room::{Answer, Effect},
    route::{Format, Kind},
};

/// Why an entry is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMade {
    /// Something is missing or cannot be read.
    #[error("„{de}“ fehlt oder ist nicht lesbar. / \"{en}\" is missing or cannot be read.")]
    Field {
        /// In German, as on the form.
        de: &'static str,
        /// In English.
        en: &'static str,
    },
    /// A text nobody could print.
    #[error("Der Text braucht 1 bis 500 sichtbare Zeichen. / The text needs 1 to 500 visible characters.")]
    Text(#[from] order::BadText),
    /// It is over.
    #[error("Dieser Vorfall ist abgeschlossen. / This incident is closed.")]
    Closed,
    /// Nobody has examined it.
    #[error(
        "Für die Umgebung {0} steht keine volle Freigabe. / No full clearance of environment {0} stands."
    )]
    NotCleared(vocabulary::EnvironmentId),
    /// The name is taken.
    #[error("Dieser Vorfall besteht schon. / This incident exists already.")]
    Taken,
    /// There is no such thing.
    #[error(transparent)]
    Nothing(#[from] NothingHere),
    /// The statement would be refused by every door.
    #[error(transparent)]
    Statement(#[from] order::BadBody),
}

/// What was made: where to look at it, and the entry.
struct Made {
    see: String,
    entry: RoomEntry,
}

/// Answers a request that acts.
#[must_use]
pub(crate) fn answer(asked: &Asked<'_>) -> Answer {
    let Some(viewer) = asked.ctx.viewer else {
        return refuse(&asked.ctx, asked.format, 401, &NothingHere).into();
    };
    let by = viewer.person.clone();
    let made = match asked.kind {
        Kind::IncidentOpen => open_incident(asked, by),
        Kind::IncidentNote => note(asked, by),
        Kind::IncidentClose => close(asked, by),
        Kind::EnvironmentMove => act_move::moved(asked, by).map(|entry| Made {
            see: String::from("/plan"),
            entry,
        }),
        Kind::Rank => rank(asked, by),
        Kind::Slot => slot(asked, by),
        Kind::TestAccept | Kind::TestRefuse => test(asked, by),
        Kind::Consent => word::consent(asked, by),
        Kind::Refuse => word::refusal(asked, by),
        Kind::StandingConsent => word::standing(asked, by),
        Kind::Matrix
        | Kind::Cell
        | Kind::Incidents
        | Kind::Incident
        | Kind::Waiting
        | Kind::Drafts
        | Kind::DraftNew
        | Kind::Draft
        | Kind::DraftSign
        | Kind::DraftDrop
        | Kind::DraftKeys
        | Kind::Preview
        | Kind::Plan
        | Kind::Clocks
        | Kind::Notice
        | Kind::NoticeSent
        | Kind::Readiness
        | Kind::Sources
        | Kind::Journal
        | Kind::Search
        | Kind::Insurer
        | Kind::Sessions
        | Kind::SessionEnd
        | Kind::Help
        | Kind::Login
        | Kind::LoginTry
        | Kind::Logout
        | Kind::Events
        | Kind::OpenApi
        | Kind::Style
        | Kind::Script
        | Kind::Icon => Err(NothingHere.into()),
    };
    match made {
        Ok(made) => done(asked, made),
        Err(why) => {
            let status = match &why {
                NotMade::Field { .. } | NotMade::Text(_) | NotMade::Statement(_) => 422,
                NotMade::Closed | NotMade::Taken | NotMade::NotCleared(_) => 409,
                NotMade::Nothing(_) => 404,
            };
            refuse(&asked.ctx, asked.format, status, &why).into()
        }
    }
}

fn done(asked: &Asked<'_>, made: Made) -> Answer {
    let response = match asked.format {
        Format::Page => Response::see(&made.see),
        Format::Api => Response::json(201, &json!({ "done": true, "see": made.see })),
    };
    Answer::from(response).after(Effect::Append(Box::new(made.entry)))
}

const fn field(de: &'static str, en: &'static str) -> NotMade {
    NotMade::Field { de, en }
}

fn text(asked: &Asked<'_>, name: &str, de: &'static str, en: &'static str) -> Result<Text, NotMade> {
    let value = asked.form.field(name).ok_or(field(de, en))?;
    // Browsers send line ends as CR LF; a statement's text is one line.
    let line: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Text::new(&line)?)
}

fn optional_text(asked: &Asked<'_>, name: &str) -> Result<Option<Text>, NotMade> {
    match asked.form.field(name) {
        Some(_) => text(asked, name, "Text", "text").map(Some),
        None => Ok(None),
    }
}

/// Names in one field (parted by commas or blanks) or in several.
fn names<T: core::str::FromStr>(
    asked: &Asked<'_>,
    name: &str,
    wrong: fn() -> NotMade,
) -> Result<Vec<T>, NotMade> {
    asked
        .form
        .all(name)
        .flat_map(|value| value.split([',', ' ', ';']))
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().map_err(|_| wrong()))
        .collect()
}

fn set<T: Ord>(values: Vec<T>) -> Option<BTreeSet<T>> {
    (!values.is_empty()).then(|| values.into_iter().collect())
}

fn scope(asked: &Asked<'_>) -> Result<Scope, NotMade> {
    let sites: Vec<SiteId> = names(asked, "sites", || field("Standorte", "sites"))?;
    let insurers: Vec<InsurerId> = names(asked, "insurers", || field("Kassen", "insurers"))?;
    let services: Vec<ServiceId> = names(asked, "services", || field("Dienste", "services"))?;
    Ok(Scope(vec![Selector {
        sites: set(sites),
        insurers: set(insurers),
        services: set(services),
    }]))
}

fn open_incident(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let title = text(asked, "title", "Titel", "title")?;
    let incident: IncidentId = match asked.form.field("incident") {
        Some(name) => name.trim().parse().map_err(|_| field("Kennung", "name"))?,
        // Times sort, and nobody needs to think of a name at night.
        None => generated(asked)?,
    };
    if asked.ctx.room.picture.people().incidents.contains_key(&incident) {
        return Err(NotMade::Taken);
    }
    let signals: Vec<SignalId> = names(asked, "signals", || field("Signale", "signals"))?;
    Ok(Made {
        see: format!("/vorfall/{incident}"),
        entry: IncidentOpened {
            by: Some(by),
            incident,
            title,
            scope: scope(asked)?,
            signals: signals.into_iter().collect(),
        }
        .into(),
    })
}

fn generated(asked: &Asked<'_>) -> Result<IncidentId, NotMade> {
    let now = asked.request.now.to_string();
    let digits: String = now.chars().filter(char::is_ascii_digit).take(12).collect();
    let random = vocabulary::Digest::from_bytes(asked.request.random("incident")).short();
    let tail: String = random.chars().take(4).collect();
    format!("v-{digits}-{tail}")
        .parse()
        .map_err(|_| field("Kennung", "name"))
}

fn going_on<'a>(asked: &'a Asked<'_>) -> Result<&'a IncidentId, NotMade> {
    let id = asked.names.incident.as_ref().ok_or(NothingHere)?;
    let known = asked
        .ctx
        .room
        .picture
        .people()
        .incidents
        .get(id)
        .ok_or(NothingHere)?;
    if known.closed.is_some() {
        return Err(NotMade::Closed);
    }
    Ok(id)
}

fn note(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let incident = going_on(asked)?.clone();
    let signals: Vec<SignalId> = names(asked, "signals", || field("Signale", "signals"))?;
    Ok(Made {
        see: format!("/vorfall/{incident}"),
        entry: IncidentUpdated {
            by: Some(by),
            incident,
            text: text(asked, "text", "Notiz", "note")?,
            scope: None,
            signals: signals.into_iter().collect(),
        }
        .into(),
    })
}

fn close(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let incident = going_on(asked)?.clone();
    Ok(Made {
        see: format!("/vorfall/{incident}"),
        entry: IncidentClosed {
            by: Some(by),
            incident,
            why: text(asked, "why", "Begründung", "reason")?,
        }
        .into(),
    })
}

fn insurer<'a>(asked: &'a Asked<'_>) -> Result<&'a InsurerId, NotMade> {
    let id = asked.names.insurer.as_ref().ok_or(NothingHere)?;
    asked.ctx.room.estate.insurer(id).ok_or(NothingHere)?;
    Ok(id)
}

fn own_cell(asked: &Asked<'_>) -> Result<CellId, NotMade> {
    let insurer = insurer(asked)?;
    let wrong = || field("Dienst", "service");
    let service: ServiceId = asked
        .form
        .field("service")
        .ok_or_else(wrong)?
        .trim()
        .parse()
        .map_err(|_| wrong())?;
    let cell = CellId {
        insurer: insurer.clone(),
        service,
    };
    asked.ctx.room.estate.impact(&cell).ok_or_else(wrong)?;
    Ok(cell)
}

/// A form sends a number per service (`rank-kim=1`); a program sends the services in order.
fn rank(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let wrong = || field("Reihenfolge", "order of services");
    let insurer = insurer(asked)?.clone();
    let known = asked.ctx.room.estate.insurer(&insurer).ok_or(NothingHere)?;
    let mut services: Vec<ServiceId> = names(asked, "services", || field("Dienste", "services"))?;
    if services.is_empty() {
        let mut numbered: Vec<(u16, &ServiceId)> = Vec::new();
        for service in known.services.keys() {
            if let Some(number) = asked.form.field(&format!("rank-{service}")) {
                numbered.push((number.trim().parse().map_err(|_| wrong())?, service));
            }
        }
        numbered.sort();
        services = numbered.into_iter().map(|(_, service)| service.clone()).collect();
    }
    let distinct: BTreeSet<&ServiceId> = services.iter().collect();
    let own = services
        .iter()
        .all(|service| known.services.contains_key(service));
    if services.is_empty() || distinct.len() != services.len() || !own {
        return Err(wrong());
    }
    Ok(Made {
        see: format!("/kasse/{insurer}"),
        entry: PlanRanked {
            by: Some(by),
            insurer,
            services,
        }
        .into(),
    })
}

/// An instant as a browser's field sends it (Berlin time) or as a program writes it (RFC 3339).
fn instant(asked: &Asked<'_>, name: &str, de: &'static str, en: &'static str) -> Result<Timestamp, NotMade> {
    let value = asked.form.field(name).ok_or(field(de, en))?;
    let exact = value
        .parse::<jiff::Timestamp>()
        .ok()
        .map(|at| Timestamp(at.as_second()));
    exact
        .or_else(|| asked.ctx.clock.read_local(value))
        .ok_or(field(de, en))
}

fn slot(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let cell = own_cell(asked)?;
    let from = instant(asked, "from", "Von", "from")?;
    let to = instant(asked, "to", "Bis", "until")?;
    if to <= from || to <= asked.request.now {
        return Err(field("Bis", "until"));
    }
    Ok(Made {
        see: format!("/kasse/{}", cell.insurer),
        entry: PlanSlot {
            by: Some(by),
            cell,
            from,
            to,
        }
        .into(),
    })
}

fn test(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let cell = own_cell(asked)?;
    let see = format!("/kasse/{}", cell.insurer);
    let entry = if asked.kind == Kind::TestAccept {
        TestAccepted {
            by: Some(by),
            cell,
            note: optional_text(asked, "note")?,
        }
        .into()
    } else {
        TestRefused {
            by: Some(by),
            cell,
            why: text(asked, "why", "Begründung", "reason")?,
        }
        .into()
    };
    Ok(Made { see, entry })
}
