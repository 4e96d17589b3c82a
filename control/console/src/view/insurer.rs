//! One insurer's own view: its cells, what waits for its word, what it said, its slots and tests.

use order::{Becomes, Opening};
use publication::{
    Lang,
    site::{Told, told},
};
use vocabulary::{CellId, InsurerId, PayloadType, StatementId};

use super::{
    cell::{self, BacklogView, SlotView, TestView},
    cells::{self, Cell},
    clocks::{self, ClockView},
    shape::{At, Both, views},
    waiting,
};
use crate::Asked;

views! {
    /// One insurer's own view.
    InsurerView {
        /// Its name in orders.
        insurer: String,
        /// Its name for people.
        name: String,
        /// Insured persons.
        insured: u64,
        /// Its data centre.
        site: String,
        /// Where its environment stands on the way back.
        environment: Option<String>,
        /// Since when it stands there.
        environment_since: Option<At>,
        /// Its services, in its own order of importance.
        services: Vec<OwnService>,
        /// Whether the insurer has said which service it wants first.
        ranked: bool,
        /// Openings that wait for its word.
        openings: Vec<OwnOpening>,
        /// Statements of its own that wait for signatures.
        drafts: Vec<waiting::WaitingDraft>,
        /// Consents given in peace.
        standing: Vec<OwnStanding>,
        /// Refusals in force.
        refusals: Vec<OwnRefusal>,
        /// Promises made about its cells, newest first.
        promises: Vec<Promise>,
        /// What the public site says about its cells; null while the facts cannot be published.
        public: Option<Public>,
        /// Its own legal clocks, the most urgent first.
        clocks: Vec<ClockView>,
        /// Who may consent.
        consent: Vec<String>,
        /// Who may refuse.
        refuse: Vec<String>,
    }
    /// One of its services.
    OwnService {
        /// The cell.
        cell: Cell,
        /// The service's name for people.
        name: String,
        /// Items by class.
        backlog: Option<BacklogView>,
        /// The slot it booked.
        slot: Option<SlotView>,
        /// Its own test of the returned cell.
        test: Option<TestView>,
        /// Maximum tolerable downtime in hours.
        mtd_hours: u64,
    }
    /// An opening that names its doors.
    OwnOpening {
        /// The statement.
        statement: String,
        /// When it was recorded.
        at: At,
        /// Opens nothing after.
        expires: At,
        /// `open`, `limited` or `emergency`.
        becomes: &'static str,
        /// When limited or emergency operation ends.
        until: Option<At>,
        /// Its own services the opening names.
        services: Vec<String>,
        /// Why, in the commander's words.
        reason: String,
        /// Whether it has consented already.
        consented: bool,
        /// Whether it has refused already.
        refused: bool,
    }
    /// A consent given in peace.
    OwnStanding {
        /// The statement.
        statement: String,
        /// What it says.
        says: Both,
        /// Good until.
        expires: At,
        /// Whether it was taken back.
        taken_back: bool,
    }
    /// A refusal.
    OwnRefusal {
        /// The statement.
        statement: String,
        /// What it says.
        says: Both,
        /// When it was recorded.
        at: At,
    }
    /// What the public site says about an insurer, word for word.
    Public {
        /// The incident, as it stands on every page of the site; null while there is none.
        incident: Option<PublicIncident>,
        /// Its cells; those that no door guards are not spoken of.
        cells: Vec<PublicCell>,
        /// Its services that are not spoken of.
        silent: Vec<String>,
    }
    /// What the public is told of the incident.
    PublicIncident {
        /// A few words.
        title: Both,
        /// A paragraph.
        summary: Both,
    }
    /// What the public is told of a cell.
    PublicCell {
        /// The service.
        service: String,
        /// The service's public name.
        name: Both,
        /// The state's sign and public name.
        state: Both,
        /// Since when.
        since: Both,
        /// What it means.
        meaning: Both,
        /// Why.
        reason: Option<Both>,
        /// When the site speaks again at the latest.
        next_update: Option<Both>,
        /// That it is late with that.
        late: Option<Both>,
        /// What was last measured, and when.
        proof: Option<Both>,
        /// What each audience is told to do.
        to_do: Vec<PublicAdvice>,
    }
    /// What one audience is told to do.
    PublicAdvice {
        /// Which audience.
        who: Both,
        /// What.
        what: Both,
    }
    /// What it was told about a cell.
    Promise {
        /// The service.
        service: String,
        /// Not before.
        from: At,
        /// Not after.
        to: At,
        /// Only if.
        condition: Option<String>,
        /// When it was said.
        at: At,
    }
}

/// Most promises shown.
const PROMISES_MAX: usize = 50;

/// One insurer's own view, if the estate has it.
pub(crate) fn view(asked: &Asked<'_>, id: &InsurerId) -> Option<InsurerView> {
    let room = asked.ctx.room;
    let insurer = room.estate.insurer(id)?;
    let environment = room.picture.environments().get(&id.clone().into());
    let section = room.authority.charter().and_then(|charter| charter.section(id));
    let named = |set: fn(&order::SectionDraft) -> &std::collections::BTreeSet<vocabulary::PersonId>| {
        section.map_or_else(Vec::new, |section| {
            set(section.draft()).iter().map(ToString::to_string).collect()
        })
    };
    let drafts = waiting::drafts(asked);
    Some(InsurerView {
        insurer: id.to_string(),
        name: insurer.name.clone(),
        insured: insurer.insured.0,
        site: insurer.site.to_string(),
        environment: cells::environment(room.picture, id),
        environment_since: environment.map(|known| At(known.since)),
        services: services(asked, insurer),
        ranked: room.picture.people().ranks.contains_key(id),
        openings: openings(asked, id),
        drafts: drafts
            .into_iter()
            .filter(|draft| is_own(asked, id, draft))
            .collect(),
        standing: standing(asked, id),
        refusals: refusals(asked, id),
        promises: promises(asked, id),
        public: public(asked, insurer),
        clocks: clocks::of_insurer(asked, id),
        consent: named(|draft| &draft.consent),
        refuse: named(|draft| &draft.refuse),
    })
}

/// Whether a draft is this insurer's own word. Central people see all drafts elsewhere.
fn is_own(asked: &Asked<'_>, id: &InsurerId, draft: &waiting::WaitingDraft) -> bool {
    let Ok(digest) = draft.statement.parse() else {
        return false;
    };
    let drafts = &asked.ctx.room.picture.people().drafts;
    drafts.get(&StatementId(digest)).is_some_and(|written| {
        let envelope = &written.body.draft;
        let word = match envelope.payload_type {
            PayloadType::Consent
            | PayloadType::Refusal
            | PayloadType::StandingConsent
            | PayloadType::CharterSection
            | PayloadType::AnswerRelease => true,
            PayloadType::Charter
            | PayloadType::Closing
            | PayloadType::StandingOrder
            | PayloadType::Opening
            | PayloadType::Clearance
            | PayloadType::Withdrawal
            | PayloadType::Delegation
            | PayloadType::Freshness => false,
        };
        let concern = super::concern::of_envelope(asked.ctx.room, envelope);
        word && concern == super::concern::Concern::Insurers(std::collections::BTreeSet::from([id.clone()]))
    })
}

/// Its services, ranked ones first, in the order it gave them.
fn services(asked: &Asked<'_>, insurer: &estate::Insurer) -> Vec<OwnService> {
    let room = asked.ctx.room;
    let ranks = room.picture.people().ranks.get(&insurer.id);
    let mut ids: Vec<&vocabulary::ServiceId> = insurer.services.keys().collect();
    if let Some(ranks) = ranks {
        ids.sort_by_key(|id| {
            let place = ranks.body.iter().position(|ranked| ranked == *id);
            place.unwrap_or(usize::MAX)
        });
    }
    ids.into_iter()
        .map(|service| {
            let id = CellId {
                insurer: insurer.id.clone(),
                service: service.clone(),
            };
            OwnService {
                cell: cells::cell(asked, &id),
                name: room
                    .estate
                    .service(service)
                    .map_or_else(|| service.to_string(), |known| known.name.clone()),
                backlog: cell::backlog(asked, &id),
                slot: cell::slot(asked, &id),
                test: cell::test(asked, &id),
                mtd_hours: insurer.services.get(service).map_or(0, |impact| impact.mtd.0),
            }
        })
        .collect()
}

/// What an opening makes of a door, and until when.
pub(crate) fn becomes(opening: &Opening) -> (&'static str, Option<At>) {
    match &opening.becomes {
        Becomes::Open => ("open", None),
        Becomes::Limited { until } => ("limited", Some(At(*until))),
        Becomes::Emergency { until, .. } => ("emergency", Some(At(*until))),
    }
}

/// Openings that name its doors and are not carried out yet at all of them.
fn openings(asked: &Asked<'_>, id: &InsurerId) -> Vec<OwnOpening> {
    let picture = asked.ctx.room.picture;
    let statements = picture.statements();
    let mut found = Vec::new();
    for (statement, opening) in &statements.openings {
        let services: Vec<String> = opening
            .body
            .doors
            .iter()
            .filter(|entry| entry.door.cell().insurer == *id)
            .map(|entry| entry.door.cell().service.to_string())
            .collect();
        if services.is_empty() || opening.body.expires < asked.request.now {
            continue;
        }
        let carried = picture.carried(*statement);
        let done = opening
            .body
            .doors
            .iter()
            .filter(|entry| entry.door.cell().insurer == *id)
            .all(|entry| carried.is_some_and(|carried| carried.applied.contains(&entry.door)));
        if done {
            continue;
        }
        let (becomes, until) = becomes(&opening.body);
        let consented = statements.consents.values().any(|consent| {
            consent.body.insurer == *id && consent.body.opening == *statement && consent.taken_back.is_empty()
        });
        let refused = statements.refusals.values().any(|refusal| {
            refusal.body.insurer == *id
                && refusal.taken_back.is_empty()
                && match refusal.body.against {
                    clearance::Against::Everything => true,
                    clearance::Against::Statement(against) => against == *statement,
                }
        });
        found.push(OwnOpening {
            statement: statement.to_string(),
            at: At(opening.at),
            expires: At(opening.body.expires),
            becomes,
            until,
            services,
            reason: opening.body.reason.as_str().into(),
            consented,
            refused,
        });
    }
    found
}

fn said(words: publication::words::Said) -> Both {
    Both {
        de: words.de.into(),
        en: words.en.into(),
    }
}

/// An instant as the site writes it.
fn written(at: vocabulary::Timestamp) -> Both {
    Both {
        de: publication::when::long(at, Lang::De),
        en: publication::when::long(at, Lang::En),
    }
}

/// What the site says, from the same sheet and the same words: nothing is put differently here.
fn public(asked: &Asked<'_>, insurer: &estate::Insurer) -> Option<Public> {
    let sheet = asked.ctx.room.others.beyond?.sheet()?;
    let told = told(&sheet, &insurer.id);
    let silent = insurer.services.keys().filter(|service| {
        let spoken_of = told.iter().any(|cell| cell.service == **service);
        !spoken_of
    });
    Some(Public {
        incident: sheet.incident.as_ref().map(|incident| PublicIncident {
            title: Both {
                de: incident.title.de.to_string(),
                en: incident.title.en.to_string(),
            },
            summary: Both {
                de: incident.summary.de.to_string(),
                en: incident.summary.en.to_string(),
            },
        }),
        silent: silent.map(ToString::to_string).collect(),
        cells: told.iter().map(public_cell).collect(),
    })
}

fn public_cell(told: &Told) -> PublicCell {
    let state = told.state.name();
    PublicCell {
        service: told.service.to_string(),
        name: clocks::both(&told.name),
        state: Both {
            de: format!("{} {}", told.state.symbol(), state.de),
            en: format!("{} {}", told.state.symbol(), state.en),
        },
        since: written(told.since),
        meaning: said(told.meaning),
        reason: told.reason.map(said),
        next_update: told.next_update.map(written),
        late: told.late.map(said),
        proof: told.proof.map(|(grade, at)| {
            let at = written(at);
            Both {
                de: format!("{}, {}", grade.de, at.de),
                en: format!("{}, {}", grade.en, at.en),
            }
        }),
        to_do: told
            .to_do
            .iter()
            .map(|(audience, what)| PublicAdvice {
                who: said(audience.name()),
                what: said(*what),
            })
            .collect(),
    }
}

fn envelope_says(asked: &Asked<'_>, id: StatementId) -> Both {
    let known = asked.ctx.room.picture.statements().all.get(&id);
    known.map_or_else(|| Both::same(""), |known| waiting::says(&known.envelope))
}

fn standing(asked: &Asked<'_>, id: &InsurerId) -> Vec<OwnStanding> {
    let statements = asked.ctx.room.picture.statements();
    let own = statements.standing_consents.iter();
    own.filter(|(_, consent)| consent.body.insurer == *id)
        .map(|(statement, consent)| OwnStanding {
            statement: statement.to_string(),
            says: envelope_says(asked, *statement),
            expires: At(consent.body.expires),
            taken_back: !consent.taken_back.is_empty(),
        })
        .collect()
}

fn refusals(asked: &Asked<'_>, id: &InsurerId) -> Vec<OwnRefusal> {
    let statements = asked.ctx.room.picture.statements();
    let own = statements.refusals.iter();
    own.filter(|(_, refusal)| refusal.body.insurer == *id && refusal.taken_back.is_empty())
        .map(|(statement, refusal)| OwnRefusal {
            statement: statement.to_string(),
            says: envelope_says(asked, *statement),
            at: At(refusal.at),
        })
        .collect()
}

fn promises(asked: &Asked<'_>, id: &InsurerId) -> Vec<Promise> {
    let promises = asked.ctx.room.picture.people().promises.iter().rev();
    promises
        .filter(|written| written.body.cell.insurer == *id)
        .take(PROMISES_MAX)
        .map(|written| Promise {
            service: written.body.cell.service.to_string(),
            from: At(written.body.from),
            to: At(written.body.to),
            condition: written.body.condition.as_ref().map(|text| text.as_str().into()),
            at: At(written.at),
        })
        .collect()
}
