//! From the journal to the clocks of legal duties: who knew what since when, and what was sent.
//!
//! Knowledge is an entry of the journal. The provider knows of an incident when a person opened it, or touched one that
//! a detector opened, or ordered the cut that opened it; an insurer when its
//! own people did, signed for it, or answered a call about it. That data could not be reached is knowledge of a breach
//! only where doors of the incident's scope were really ordered shut.

use std::collections::{BTreeMap, BTreeSet};

use console::preview::ClockRule;
use estate::Estate;
use evidence::{CalloutStep, Incident, Picture, Statement};
use order::Act;
use publication::{
    Lang,
    obligations::{
        BadLaw, Clock, Due, Entry, Knowledge, Law, Obligation, ObligationId, PersonKind, Regime, Sent,
        Trigger, clocks,
    },
    text::Sentence,
};
use vocabulary::{
    Class, IncidentId, InsurerId, LegalEntityId, PersonId, Place, Scope, Seconds, ServiceId, Timestamp,
};

use super::{cuts, peace::Peace};

/// A managed service that is away for longer is a significant incident (Implementing Regulation (EU) 2024/2690, Art. 10).
const SIGNIFICANT_AFTER: Seconds = Seconds(30 * 60);

/// Entry numbers of incidents in the journal.
pub(crate) type Entries = BTreeMap<IncidentId, u64>;

/// The duties and their clocks.
pub struct Duties {
    law: Law,
    rules: Vec<ClockRule>,
}

impl Duties {
    /// The edition built in.
    ///
    /// # Errors
    /// [`BadLaw`] if it cannot be read, which a test excludes.
    pub fn built_in(estate: &Estate) -> Result<Self, BadLaw> {
        let law = Law::built_in()?;
        let rules = rules(&law, estate);
        Ok(Self { law, rules })
    }

    /// The duties themselves, for those who write the notices.
    #[must_use]
    pub const fn law(&self) -> &Law {
        &self.law
    }

    /// Clocks a cut can start, for previews.
    #[must_use]
    pub fn rules(&self) -> &[ClockRule] {
        &self.rules
    }

    /// Every clock that runs, the most urgent first.
    #[must_use]
    pub fn clocks(
        &self,
        estate: &Estate,
        picture: &Picture,
        peace: &Peace,
        entries: &Entries,
        now: Timestamp,
    ) -> Vec<Clock> {
        let known = knowledge(estate, picture, peace, entries);
        let sent = sent(picture, &known);
        clocks(&known, &sent, &self.law, now)
    }
}

/// Who knows what since when.
#[must_use]
pub fn knowledge(estate: &Estate, picture: &Picture, peace: &Peace, entries: &Entries) -> Vec<Knowledge> {
    let Some(charter) = picture.charter() else {
        return Vec::new();
    };
    let mut known = Vec::new();
    for (id, incident) in &picture.people().incidents {
        let (Some(entry), services) = (entries.get(id), services(estate, &incident.scope)) else {
            continue;
        };
        let mut kinds = peace.provider.also.clone();
        kinds.insert(PersonKind::Provider);
        let cut = first_cut(estate, picture, incident);
        let one = |person: &LegalEntityId, kinds: &BTreeSet<PersonKind>, trigger, known_at| Knowledge {
            incident: id.clone(),
            legal_person: person.clone(),
            kinds: kinds.clone(),
            trigger,
            known_at,
            entry: Entry(*entry),
            services: services.clone(),
            set: None,
        };
        let Some(opened) = provider_knows(estate, picture, id, incident) else {
            continue;
        };
        known.push(one(
            charter.provider(),
            &kinds,
            Trigger::SignificantIncident,
            opened,
        ));
        if let Some(cut) = cut {
            known.push(one(
                charter.provider(),
                &kinds,
                Trigger::PersonalDataBreach,
                cut.max(opened),
            ));
        }
        for insurer in insurers(estate, &incident.scope) {
            let Some((cut, told)) = cut.zip(told_since(picture, id, incident, &insurer)) else {
                continue;
            };
            let own = peace.insurer.get(&insurer);
            let mut kinds = own.map(|own| own.also.clone()).unwrap_or_default();
            kinds.insert(PersonKind::StatutoryInsurer);
            if let Some(person) = entity(picture, peace, &insurer) {
                known.push(one(&person, &kinds, Trigger::PersonalDataBreach, cut.max(told)));
            }
        }
    }
    known
}

/// The legal person an insurer is: as written down, as its own people's employer, or by its name.
fn entity(picture: &Picture, peace: &Peace, insurer: &InsurerId) -> Option<LegalEntityId> {
    let told = peace.insurer.get(insurer).and_then(|told| told.entity.clone());
    let section = picture.charter().and_then(|charter| charter.section(insurer));
    let employers = section.map(|section| {
        let draft = section.draft();
        let own = draft.persons.iter().filter(|one| draft.consent.contains(&one.id));
        own.map(|one| &one.entity).collect::<BTreeSet<_>>()
    });
    let employer = employers
        .filter(|all| all.len() == 1)
        .and_then(|all| all.into_iter().next().cloned());
    told.or(employer)
        .or_else(|| LegalEntityId::new(insurer.as_str()).ok())
}

fn places(estate: &Estate) -> impl Iterator<Item = Place> {
    estate.doors().map(|(_, place, _)| place)
}

fn services(estate: &Estate, scope: &Scope) -> BTreeSet<ServiceId> {
    places(estate)
        .filter(|place| scope.covers(place))
        .map(|place| place.service)
        .collect()
}

fn insurers(estate: &Estate, scope: &Scope) -> BTreeSet<InsurerId> {
    places(estate)
        .filter(|place| scope.covers(place))
        .map(|place| place.insurer)
        .collect()
}

/// Since when a person of the provider's side knows of an incident. What a detector opened by itself nobody knows yet.
fn provider_knows(
    estate: &Estate,
    picture: &Picture,
    id: &IncidentId,
    incident: &Incident,
) -> Option<Timestamp> {
    let opened = Some(incident.opened.0).filter(|_| incident.opened.1.is_some());
    let updated = incident.updates.iter().filter(|(_, by, _)| by.is_some());
    let answered = picture.people().callouts.iter().filter(|call| {
        call.body.incident.as_ref() == Some(id) && call.body.step == CalloutStep::Acknowledged
    });
    opened
        .into_iter()
        .chain(updated.map(|(at, ..)| *at))
        .chain(answered.map(|call| call.at))
        .chain(first_cut(estate, picture, incident).map(|cut| cut.max(incident.opened.0)))
        .chain(cuts::made(picture, id, incident))
        .min()
}

/// When the first door of an incident's scope was ordered shut for it. Planned work is no breach.
fn first_cut(estate: &Estate, picture: &Picture, incident: &Incident) -> Option<Timestamp> {
    let closings = picture.statements().closings.values();
    closings
        .filter(|signed| match &signed.body.act {
            Act::Tighten { class, .. } => *class != Class::Maintenance,
            Act::Raise { .. } => false,
        })
        .filter(|signed| {
            places(estate).any(|place| signed.body.scope.covers(&place) && incident.scope.covers(&place))
        })
        .filter(|signed| {
            incident
                .closed
                .as_ref()
                .is_none_or(|closed| signed.at <= closed.0)
        })
        .map(|signed| signed.at)
        .min()
}

/// Since when an insurer's own people provably know of an incident.
fn told_since(
    picture: &Picture,
    id: &IncidentId,
    incident: &Incident,
    insurer: &InsurerId,
) -> Option<Timestamp> {
    let section = picture.charter().and_then(|charter| charter.section(insurer))?;
    let own: BTreeSet<&PersonId> = section.draft().persons.iter().map(|person| &person.id).collect();
    let by = |by: &Option<PersonId>| by.as_ref().is_some_and(|by| own.contains(by));
    let opened = Some(&incident.opened)
        .filter(|(_, who)| by(who))
        .map(|(at, _)| *at);
    let updated = incident
        .updates
        .iter()
        .filter(|(_, who, _)| by(who))
        .map(|(at, ..)| *at);
    let answered = picture.people().callouts.iter().filter(|call| {
        call.body.incident.as_ref() == Some(id)
            && own.contains(&call.body.person)
            && call.body.step == CalloutStep::Acknowledged
    });
    let began = incident.opened.0;
    let signed = picture.statements().all.values();
    let signed = signed
        .filter(|statement: &&Statement| {
            statement.at >= began && statement.signers.iter().any(|signer| own.contains(signer))
        })
        .map(|statement| statement.at);
    opened
        .into_iter()
        .chain(updated)
        .chain(answered.map(|call| call.at))
        .chain(signed)
        .min()
}

/// What was sent. An entry that names no incident counts for the newest one that legal person knew of.
fn sent(picture: &Picture, known: &[Knowledge]) -> Vec<Sent> {
    let notices = picture.people().obligations.iter();
    notices
        .filter_map(|notice| {
            let body = &notice.body;
            let obligation: ObligationId = body.obligation.parse().ok()?;
            // Nobody sends tomorrow: a later time than that of the entry is a slip, and the entry's counts.
            let at = body.sent.unwrap_or(notice.at).min(notice.at);
            let own = known
                .iter()
                .filter(|one| one.legal_person == body.entity && one.known_at <= notice.at);
            let newest = || own.max_by_key(|one| one.known_at).map(|one| one.incident.clone());
            Some(Sent {
                incident: body.incident.clone().or_else(newest)?,
                legal_person: body.entity.clone(),
                obligation,
                at,
                request: body.request.map(Entry),
                late_because: body
                    .because
                    .as_ref()
                    .and_then(|why| Sentence::new(why.as_str()).ok()),
            })
        })
        .collect()
}

/// What a cut would start, asked of the same clocks that will then run.
fn rules(law: &Law, estate: &Estate) -> Vec<ClockRule> {
    let (Ok(incident), Ok(person)) = (IncidentId::new("cut"), LegalEntityId::new("asked")) else {
        return Vec::new();
    };
    let mut rules = Vec::new();
    for (trigger, after) in [
        (Trigger::SignificantIncident, SIGNIFICANT_AFTER),
        (Trigger::PersonalDataBreach, Seconds(0)),
    ] {
        let known = Knowledge {
            incident: incident.clone(),
            legal_person: person.clone(),
            kinds: BTreeSet::from([PersonKind::Provider, PersonKind::StatutoryInsurer]),
            trigger,
            known_at: Timestamp(0),
            entry: Entry(0),
            services: BTreeSet::new(),
            set: None,
        };
        let started = clocks(&[known], &[], law, Timestamp(0));
        rules.extend(started.iter().filter_map(|clock| rule(law, estate, clock, after)));
    }
    rules
}

/// What people call a duty, by which law, to whom.
fn words(duty: &Obligation, lang: Lang) -> String {
    let (title, basis) = (duty.title.text(lang), duty.legal_basis.text(lang));
    let to = match lang {
        Lang::De => "an",
        Lang::En => "to",
    };
    format!("{title}, {basis}, {to} {}", duty.recipient.text(lang))
}

fn rule(law: &Law, estate: &Estate, clock: &Clock, after: Seconds) -> Option<ClockRule> {
    let duty = law.get(&clock.obligation)?;
    Some(ClockRule {
        id: duty.id.to_string(),
        de: words(duty, Lang::De),
        en: words(duty, Lang::En),
        services: match &duty.regime {
            Regime::All => None,
            Regime::Only(services) => Some(services.clone()),
            Regime::Except(services) => {
                let all = estate.services().map(|service| service.id.clone());
                Some(all.filter(|service| !services.contains(service)).collect())
            }
        },
        insurers: None,
        maintenance_exempt: true,
        after,
        deadline: match clock.due {
            Due::At(at) => Some(at.since(clock.starts)),
            Due::WithoutDelay | Due::AsSet | Due::Before | Due::NoDeadline => None,
        },
        verified: clock.unverified.is_none(),
    })
}
