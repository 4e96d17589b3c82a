//! Who has to sign a statement, who has, and who could.

use std::collections::BTreeSet;

use clearance::{Authority, Clearance, Consent, Delegation, Refusal, StandingConsent, Withdrawal, Withdraws};
use order::{
    Act, Becomes, Body, Charter, CharterSection, Closing, KeyId, Missing, Opening, Part, Section,
    SectionChange, Threshold,
};
use vocabulary::{Class, DoorId, Envelope, EnvironmentId, InsurerId, PayloadType, PersonId, Role, Timestamp};

use super::{refused::Refused, state::Ground};

/// One part that has to be filled: so many persons out of these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    /// Which part.
    pub part: Part,
    /// How many persons, of whom how many outside the provider.
    pub threshold: Threshold,
    /// Persons who may fill it.
    pub may: BTreeSet<PersonId>,
    /// Of them, who are outside the provider.
    pub outside: BTreeSet<PersonId>,
    /// Of them, who have signed.
    pub have: BTreeSet<PersonId>,
}

impl Need {
    /// What is missing, in the words of the log.
    #[must_use]
    pub fn missing(&self) -> Option<Missing> {
        let outside = |id: &PersonId| self.outside.contains(id);
        Missing::unless_met(self.part.clone(), self.threshold, &self.have, outside, 0).err()
    }

    /// Who could still sign.
    pub fn open_to(&self) -> impl Iterator<Item = &PersonId> {
        self.may.difference(&self.have)
    }
}

/// How far a draft is, by the charter in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Ways to fill it; one of them is enough, and within it every need. Most kinds have one way of one need.
    pub ways: Vec<Vec<Need>>,
    /// Everybody whose signature is there.
    pub signed: BTreeSet<PersonId>,
    /// What the log would still refuse, German first; `None`: complete.
    pub missing: Option<String>,
}

impl Progress {
    /// Looks at an envelope with the signatures it has.
    ///
    /// # Errors
    /// [`Refused`] when the bytes are no statement people draft here.
    pub fn of(envelope: &Envelope, ground: &Ground<'_>) -> Result<Self, Refused> {
        let signed = envelope.signed_bytes();
        let keys: BTreeSet<KeyId> = envelope
            .signatures
            .iter()
            .filter_map(|signature| order::verify(signature, &signed).ok())
            .collect();
        let mut ways = ways(envelope, ground)?;
        let mut persons = BTreeSet::new();
        for need in ways.iter_mut().flatten() {
            need.have = need
                .may
                .iter()
                .filter(|person| owns(ground, person, &keys))
                .cloned()
                .collect();
            persons.extend(need.have.iter().cloned());
        }
        let by_the_log = ground.authority.lacks(envelope, Some(ground.now)).err();
        let by_the_count = || match ways.as_slice() {
            // An opening out of caution takes more commanders at the door than in the log.
            [only] if envelope.payload_type == PayloadType::Opening => only.iter().find_map(Need::missing),
            _ => None,
        };
        let missing = by_the_log
            .map(|refused| refused.to_string())
            .or_else(|| by_the_count().map(|missing| missing.to_string()));
        Ok(Self {
            ways,
            signed: persons,
            missing,
        })
    }

    /// Whether nothing is missing.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.missing.is_none()
    }

    /// Everybody who could still sign, if anybody has to.
    #[must_use]
    pub fn open_to(&self) -> BTreeSet<PersonId> {
        if self.is_complete() {
            return BTreeSet::new();
        }
        let needs = self.ways.iter().flatten();
        let open = needs
            .filter(|need| need.missing().is_some())
            .flat_map(Need::open_to);
        open.filter(|person| !self.signed.contains(*person))
            .cloned()
            .collect()
    }

    /// Whether a person has a part in it at all.
    #[must_use]
    pub fn may(&self, person: &PersonId) -> bool {
        self.ways.iter().flatten().any(|need| need.may.contains(person))
    }

    /// How many persons there are and how many it takes, by the way that is furthest.
    #[must_use]
    pub fn have_and_need(&self) -> (u32, u32) {
        let count = |way: &Vec<Need>| {
            way.iter().fold((0_u32, 0_u32), |(have, need), one| {
                let persons = u32::try_from(one.have.len()).unwrap_or(u32::MAX);
                (
                    have.saturating_add(persons.min(one.threshold.persons)),
                    need.saturating_add(one.threshold.persons),
                )
            })
        };
        let short = |(have, need): (u32, u32)| need.saturating_sub(have);
        self.ways
            .iter()
            .map(count)
            .min_by_key(|pair| short(*pair))
            .unwrap_or((0, 0))
    }
}

/// Whose key this is: a person of the charter, of a section, or a delegate.
pub(super) fn whose(ground: &Ground<'_>, key: KeyId) -> Option<PersonId> {
    let keys = BTreeSet::from([key]);
    let charter = ground.authority.charter()?;
    let central = charter.persons().keys();
    let insurers = charter
        .sections()
        .values()
        .flat_map(|section| section.draft().persons.iter().map(|person| &person.id));
    let delegates: Vec<PersonId> = ground
        .authority
        .delegates(ground.now)
        .map(|delegation| delegation.person.id.clone())
        .collect();
    let known = central
        .chain(insurers)
        .chain(&delegates)
        .find(|person| owns(ground, person, &keys));
    known.cloned()
}

/// Whether any of these keys is this person's.
fn owns(ground: &Ground<'_>, person: &PersonId, keys: &BTreeSet<KeyId>) -> bool {
    let theirs =
        |known: &order::Person| known.id == *person && known.keys.iter().any(|key| keys.contains(&key.id()));
    let Some(charter) = ground.authority.charter() else {
        return false;
    };
    charter.persons().get(person).is_some_and(theirs)
        || charter
            .sections()
            .values()
            .any(|section| section.draft().persons.iter().any(theirs))
        || ground
            .authority
            .delegates(ground.now)
            .any(|delegation| theirs(&delegation.person))
}

/// Counts against one charter.
struct Counting<'a> {
    charter: &'a Charter,
    authority: &'a Authority,
    now: Timestamp,
}

const fn persons(persons: u32) -> Threshold {
    Threshold { persons, outside: 0 }
}

impl Counting<'_> {
    fn central(&self, role: Role, part: Part, threshold: Threshold) -> Need {
        let may: BTreeSet<PersonId> = self.charter.holders(role).cloned().collect();
        let outside = may
            .iter()
            .filter(|id| self.charter.is_outside(id))
            .cloned()
            .collect();
        Need {
            part,
            threshold,
            may,
            outside,
            have: BTreeSet::new(),
        }
    }

    /// Examiners of the charter, and delegates for an environment (any, if none is named).
    fn examiners(&self, environment: Option<&EnvironmentId>, threshold: Threshold) -> Need {
        let mut need = self.central(Role::Examiner, Part::Examiner, threshold);
        for delegation in self.authority.delegates(self.now) {
            if environment.is_none_or(|name| delegation.environments.contains(name)) {
                need.may.insert(delegation.person.id.clone());
                need.outside.insert(delegation.person.id.clone());
            }
        }
        need
    }

    fn commanders(&self, number: u32) -> Need {
        self.central(Role::Commander, Part::Commander, persons(number))
    }

    fn insurer(
        &self,
        insurer: &InsurerId,
        part: Part,
        number: u32,
        who: impl Fn(&Section) -> BTreeSet<PersonId>,
    ) -> Result<Need, Refused> {
        let section = self
            .charter
            .section(insurer)
            .ok_or_else(|| Refused::NoSection(insurer.clone()))?;
        let may = who(section);
        Ok(Need {
            part,
            threshold: persons(number),
            outside: may.clone(),
            may,
            have: BTreeSet::new(),
        })
    }

    fn voting(&self, insurer: &InsurerId, part: Part, number: u32) -> Result<Need, Refused> {
        self.insurer(insurer, part, number, |section| {
            let draft = section.draft();
            draft
                .consent
                .union(&draft.refuse)
                .filter(|id| **id != draft.deputy)
                .cloned()
                .collect()
        })
    }

    fn consenting(&self, insurer: &InsurerId) -> Result<Need, Refused> {
        self.insurer(insurer, Part::Consent(insurer.clone()), 1, |section| {
            section.draft().consent.clone()
        })
    }

    /// The insurers whose own persons may sign as well as the central ones: one for each section.
    fn each_insurer(&self, part: &Part) -> Vec<Vec<Need>> {
        let sections = self.charter.sections().keys();
        sections
            .filter_map(|insurer| Some(vec![self.voting(insurer, part.clone(), 1).ok()?]))
            .collect()
    }
}

/// The ways to fill a statement.
fn ways(envelope: &Envelope, ground: &Ground<'_>) -> Result<Vec<Vec<Need>>, Refused> {
    let charter = ground.authority.charter().ok_or(Refused::OtherKind)?;
    let counting = Counting {
        charter,
        authority: ground.authority,
        now: ground.now,
    };
    let one = |need: Need| Ok(vec![vec![need]]);
    match envelope.payload_type {
        PayloadType::Closing => closing(&counting, &Closing::read(envelope)?),
        PayloadType::StandingOrder => one(counting.commanders(1)),
        PayloadType::Opening => {
            one(counting.commanders(commanders(&Opening::read(envelope)?, ground, charter)))
        }
        PayloadType::Clearance => {
            let body = Clearance::read(envelope)?;
            one(counting.examiners(Some(&body.environment), charter.thresholds().examiners))
        }
        PayloadType::Withdrawal => withdrawal(&counting, &Withdrawal::read(envelope)?),
        PayloadType::Consent => one(counting.consenting(&Consent::read(envelope)?.insurer)?),
        PayloadType::StandingConsent => one(counting.consenting(&StandingConsent::read(envelope)?.insurer)?),
        PayloadType::Refusal => {
            let insurer = Refusal::read(envelope)?.insurer;
            let part = Part::Refuse(insurer.clone());
            one(counting.insurer(&insurer, part, 1, |section| section.draft().refuse.clone())?)
        }
        PayloadType::Delegation => {
            Delegation::read(envelope)?;
            Ok(delegation(&counting))
        }
        PayloadType::CharterSection => section(&counting, &CharterSection::read(envelope)?),
        PayloadType::Charter => one(counting.central(Role::Root, Part::Root, charter.thresholds().roots)),
        // A release of answers goes to the emergency environment, not into the authority log.
        PayloadType::Freshness | PayloadType::AnswerRelease => Err(Refused::OtherKind),
    }
}

fn closing(counting: &Counting<'_>, body: &Closing) -> Result<Vec<Vec<Need>>, Refused> {
    let mut ways = vec![vec![counting.commanders(1)]];
    if let Act::Raise { .. } = body.act {
        ways.push(vec![counting.central(Role::Examiner, Part::Examiner, persons(1))]);
        let mut insurers = body.scope.0.iter().map(|part| part.insurers.as_ref());
        let named: Option<BTreeSet<&InsurerId>> =
            insurers.by_ref().try_fold(BTreeSet::new(), |mut all, part| {
                all.extend(part?);
                Some(all)
            });
        if let Some(only) = named
            .filter(|named| named.len() == 1)
            .and_then(|named| named.first().copied())
            && let Ok(need) = counting.voting(only, Part::Insurer(only.clone()), 1)
        {
            ways.push(vec![need]);
        }
    }
    Ok(ways)
}

/// How many commanders the doors will ask for: more than one only where caution is lifted without a clearance.
fn commanders(body: &Opening, ground: &Ground<'_>, charter: &Charter) -> u32 {
    let cautious = |door: &DoorId| {
        ground
            .facts
            .and_then(|facts| facts.for_opening(door))
            .is_some_and(|door| ground.authority.class_that_counts(&door, ground.now) == Class::Precautionary)
    };
    let alone = body.becomes == Becomes::Open && body.clearances.is_empty();
    if alone && body.doors.iter().any(|entry| cautious(&entry.door)) {
        charter.thresholds().precautionary_commanders
    } else {
        1
    }
}

fn withdrawal(counting: &Counting<'_>, body: &Withdrawal) -> Result<Vec<Vec<Need>>, Refused> {
    let authority = counting.authority;
    Ok(match body.withdraws {
        Withdraws::Clearance(id) => {
            let part = Part::ExaminerOrInsurer;
            let mut ways = vec![vec![counting.examiners(None, persons(1))]];
            let environment = authority.clearance(id).map(|body| body.environment.clone());
            let own = counting
                .charter
                .sections()
                .keys()
                .find(|insurer| environment == Some(EnvironmentId::from((*insurer).clone())));
            if let Some(insurer) = own {
                ways.push(vec![counting.voting(insurer, part, 1)?]);
            }
            ways
        }
        Withdraws::Evidence(_) => {
            let mut ways = vec![vec![counting.examiners(None, persons(1))]];
            ways.extend(counting.each_insurer(&Part::ExaminerOrInsurer));
            ways
        }
        Withdraws::Delegation(_) => vec![
            vec![counting.commanders(1)],
            vec![counting.central(Role::Examiner, Part::Examiner, persons(1))],
            vec![counting.central(Role::Root, Part::Root, persons(1))],
        ],
        Withdraws::Consent(id) => {
            let insurer = authority.consent_of(id).ok_or(Refused::NotInLog {
                what: ("Die Zustimmung", "Consent"),
                id,
            })?;
            vec![vec![counting.voting(
                insurer,
                Part::Consent(insurer.clone()),
                1,
            )?]]
        }
        Withdraws::Refusal(id) => {
            let insurer = authority.refused_by(id).ok_or(Refused::NotInLog {
                what: ("Die Ablehnung", "Refusal"),
                id,
            })?;
            let number = counting
                .charter
                .section(insurer)
                .map_or(1, |section| section.draft().threshold);
            vec![vec![counting.voting(
                insurer,
                Part::Insurer(insurer.clone()),
                number,
            )?]]
        }
        Withdraws::StandingOrder(_) => {
            let pair = counting.charter.thresholds().precautionary_commanders;
            vec![vec![counting.commanders(pair)]]
        }
    })
}

/// A commander and an examiner of the charter from outside; or the roots.
fn delegation(counting: &Counting<'_>) -> Vec<Vec<Need>> {
    let mut outsider = counting.central(
        Role::Examiner,
        Part::Examiner,
        Threshold {
            persons: 1,
            outside: 1,
        },
    );
    outsider.may = outsider.outside.clone();
    let roots = counting.charter.thresholds().roots;
    vec![
        vec![counting.commanders(1), outsider],
        vec![counting.central(Role::Root, Part::Root, roots)],
    ]
}

fn section(counting: &Counting<'_>, body: &CharterSection) -> Result<Vec<Vec<Need>>, Refused> {
    let insurer = &body.section.insurer;
    let current = counting
        .charter
        .section(insurer)
        .ok_or_else(|| Refused::NoSection(insurer.clone()))?;
    Ok(match body.change {
        SectionChange::ByInsurer => {
            let number = current.draft().threshold;
            vec![vec![counting.voting(
                insurer,
                Part::Insurer(insurer.clone()),
                number,
            )?]]
        }
        SectionChange::Recovery => {
            let deputy = counting.insurer(insurer, Part::Deputy(insurer.clone()), 1, |section| {
                BTreeSet::from([section.draft().deputy.clone()])
            })?;
            let roots = counting.charter.thresholds().roots;
            vec![vec![counting.central(Role::Root, Part::Root, roots), deputy]]
        }
    })
}
