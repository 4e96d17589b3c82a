//! From facts to lacks, at one instant.

use std::collections::BTreeMap;

use estate::Insurer;
use vocabulary::{PersonId, Place, ServiceId, Timestamp, service};

use super::{
    facts::{CellFacts, Fact, InsurerFacts, Level, Paper, ProviderFacts, SiteFacts, StandingConsent},
    lack::{Doer, Item, Lack, Why},
    limits,
};
use crate::words::Days;

/// Collects lacks at one instant.
pub(super) struct Judge {
    now: Timestamp,
    lacks: Vec<Lack>,
}

impl Judge {
    pub(super) const fn at(now: Timestamp) -> Self {
        Self {
            now,
            lacks: Vec::new(),
        }
    }

    /// All lacks found, each once, in order.
    pub(super) fn finish(mut self) -> Vec<Lack> {
        self.lacks.sort();
        self.lacks.dedup();
        self.lacks
    }

    fn lack(&mut self, item: Item, why: Why, doer: &Doer) {
        self.lacks.push(Lack::new(item, why, doer.clone()));
    }

    /// What is wrong with the age of something, if anything.
    fn aged(&self, at: Timestamp, limit: Days) -> Option<Why> {
        let age = Days::between(at, self.now);
        if Days::between(self.now, at) >= limits::AHEAD_DAYS_MAX {
            Some(Why::Ahead { at })
        } else if age > limit {
            Some(Why::TooOld { age, limit })
        } else {
            None
        }
    }

    fn why(&self, fact: Fact, limit: Days) -> Option<Why> {
        match fact {
            Fact::Known { at } => self.aged(at, limit),
            Fact::Missing => Some(Why::Missing),
            Fact::NotKnown => Some(Why::NotKnown),
        }
    }

    fn fact(&mut self, item: Item, fact: Fact, limit: Days, doer: &Doer) {
        if let Some(why) = self.why(fact, limit) {
            self.lack(item, why, doer);
        }
    }

    fn paper(&mut self, item: Item, paper: Paper, doer: &Doer) {
        let why = match paper {
            Paper::Filed { at } => self.aged(at, limits::PAPER_DAYS_MAX),
            Paper::NotNeeded => None,
            Paper::Missing => Some(Why::Missing),
            Paper::NotKnown => Some(Why::NotKnown),
        };
        if let Some(why) = why {
            self.lack(item, why, doer);
        }
    }

    /// Every key that is not in use, and whether enough are.
    fn keys(&mut self, keys: &BTreeMap<PersonId, Fact>, enough: Item, need: usize, doer: &Doer) {
        let mut have = 0_usize;
        for (person, used) in keys {
            match self.why(*used, limits::KEY_USED_DAYS_MAX) {
                None => have = have.saturating_add(1),
                Some(why) => {
                    let by = match why {
                        Why::Missing => doer.clone(),
                        Why::NotKnown
                        | Why::TooOld { .. }
                        | Why::Expired { .. }
                        | Why::Ahead { .. }
                        | Why::TooFew { .. }
                        | Why::Below(_) => Doer::Person(person.clone()),
                    };
                    self.lack(Item::Key(person.clone()), why, &by);
                }
            }
        }
        if have < need {
            self.lack(enough, Why::TooFew { have, need }, doer);
        }
    }

    /// What an insurer lacks for all its services.
    pub(super) fn insurer(&mut self, insurer: &Insurer, facts: &InsurerFacts) {
        let doer = &Doer::Insurer(insurer.id.clone());
        self.keys(
            &facts.consent_keys,
            Item::Consenters,
            limits::CONSENTERS_MIN,
            doer,
        );
        self.keys(&facts.refusal_keys, Item::Refusers, limits::REFUSERS_MIN, doer);
        self.fact(
            Item::Contacts,
            facts.contacts_tested,
            limits::CONTACTS_DAYS_MAX,
            doer,
        );
        self.paper(Item::ProcessingNotice, facts.processing_notice, doer);
        self.paper(Item::CloudAttestation, facts.cloud_attestation, &Doer::Provider);
        self.fact(
            Item::Release,
            facts.release_exercised,
            limits::RELEASE_DAYS_MAX,
            doer,
        );
        self.fact(
            Item::Recovery,
            facts.recovery_exercised,
            limits::RECOVERY_DAYS_MAX,
            doer,
        );
        self.fact(Item::Drill, facts.last_drill, limits::DRILL_DAYS_MAX, doer);
    }

    /// What one cell lacks by itself.
    pub(super) fn cell(&mut self, place: &Place, facts: &CellFacts) {
        let doer = &Doer::Insurer(place.insurer.clone());
        let consent = match facts.standing_consent {
            StandingConsent::Until { at } if at <= self.now => Some(Why::Expired { at }),
            StandingConsent::Until { .. } | StandingConsent::AskEachTime => None,
            StandingConsent::Missing => Some(Why::Missing),
            StandingConsent::NotKnown => Some(Why::NotKnown),
        };
        if let Some(why) = consent {
            self.lack(Item::StandingConsent(place.service.clone()), why, doer);
        }
        if needs_emergency_key(&place.service) {
            self.fact(
                Item::EmergencyKey,
                facts.emergency_key_tested,
                limits::EMERGENCY_KEY_DAYS_MAX,
                doer,
            );
        }
        if let Some(limit) = copy_limit(&place.service) {
            self.fact(
                Item::SealedCopy(place.service.clone()),
                facts.sealed_copy,
                limit,
                &Doer::Provider,
            );
        }
        if facts.level != Level::Enforcing {
            self.lack(Item::DoorLevel, Why::Below(facts.level), &Doer::Provider);
        }
        self.fact(
            Item::DoorProof,
            facts.proven,
            limits::DOOR_PROVEN_DAYS_MAX,
            &Doer::Provider,
        );
    }

    /// What a site lacks.
    pub(super) fn site(&mut self, place: &Place, facts: &SiteFacts) {
        let item = Item::WayIn(place.site.clone());
        self.fact(
            item,
            facts.way_in_tested,
            limits::WAY_IN_DAYS_MAX,
            &Doer::Provider,
        );
    }

    /// What the provider lacks.
    pub(super) fn provider(&mut self, facts: &ProviderFacts, examiners: usize) {
        let doer = &Doer::Provider;
        self.keys(
            &facts.commander_keys,
            Item::Commanders,
            limits::COMMANDERS_MIN,
            doer,
        );
        self.keys(&facts.examiner_keys, Item::Examiners, examiners, doer);
        self.fact(
            Item::Presigned,
            facts.presigned_exercised,
            limits::PRESIGNED_DAYS_MAX,
            doer,
        );
        self.fact(
            Item::Contacts,
            facts.contacts_tested,
            limits::CONTACTS_DAYS_MAX,
            doer,
        );
    }
}

fn needs_emergency_key(service: &ServiceId) -> bool {
    [service::KIM, service::EAU].contains(&service.as_str())
}

/// How old the sealed copy of a service may be; none where an emergency run needs no copy (DESIGN section 7).
fn copy_limit(service: &ServiceId) -> Option<Days> {
    match service.as_str() {
        service::PAYMENTS => Some(limits::PAYMENTS_COPY_DAYS_MAX),
        service::STATISTICS => Some(limits::STATISTICS_COPY_DAYS_MAX),
        service::LOOKUP => Some(limits::LOOKUP_COPY_DAYS_MAX),
        _ => None,
    }
}
