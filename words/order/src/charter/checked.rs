//! A charter that is consistent in itself: a value that exists has been checked.

use alloc::{collections::BTreeMap, collections::BTreeSet, format, string::String};
use record::WitnessSet;
use vocabulary::{Digest, EstateId, InsurerId, LegalEntityId, PersonId, Role, Seconds, StatementId};

use super::draft::{CharterDraft, Person, SectionDraft, Threshold, Thresholds, Version};
use super::section::Section;
use crate::{
    body::{BadBody, Body},
    key::{KeyId, PublicKey},
};

/// Roots needed at least, and of them outside the provider (DESIGN section 5: 3 of 5, two outside).
const ROOTS_MIN: Threshold = Threshold {
    persons: 3,
    outside: 2,
};
/// Longest precautionary window: after a day nobody can call it a reflex any more.
const WINDOW_SECS_MAX: u64 = 24 * 3600;
/// Shortest recovery delay: a day in which the insurer can object.
const RECOVERY_SECS_MIN: u64 = 24 * 3600;

/// The charter in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charter {
    statement: StatementId,
    draft: CharterDraft,
    persons: BTreeMap<PersonId, Person>,
    keys: BTreeMap<KeyId, PersonId>,
    sections: BTreeMap<InsurerId, Section>,
    witnesses: WitnessSet,
}

pub(super) fn wrong(de: impl Into<String>, en: impl Into<String>) -> BadBody {
    BadBody::contradiction(de, en)
}

impl Charter {
    /// Checks a charter on its own; says nothing about its signatures.
    ///
    /// # Errors
    /// [`BadBody`] with the first contradiction: a person or key named twice, a threshold nobody can reach, nobody
    /// outside the provider where somebody must be.
    pub fn check(statement: StatementId, mut draft: CharterDraft) -> Result<Self, BadBody> {
        Body::check(&draft)?;
        if (draft.version == Version::FIRST) != draft.previous.is_none() || draft.version.0 == 0 {
            return Err(wrong(
                "Nur die erste Urkunde hat Nummer 1 und keine Vorgängerin.",
                "Only the first charter has number 1 and no predecessor.",
            ));
        }
        let (mut persons, mut keys) = (BTreeMap::new(), BTreeMap::new());
        for person in &draft.persons {
            central_roles(person)?;
            add(person, &mut persons, &mut keys)?;
        }
        let mut sections = BTreeMap::new();
        let (mut all, mut all_keys) = (persons.clone(), keys.clone());
        for section in core::mem::take(&mut draft.sections) {
            section
                .persons
                .iter()
                .try_for_each(|person| add(person, &mut all, &mut all_keys))?;
            let insurer = section.insurer.clone();
            let checked = Section::check(section, &draft.provider)?;
            if sections.insert(insurer.clone(), checked).is_some() {
                return Err(wrong(
                    format!("Kasse {insurer} ist zweimal genannt."),
                    format!("Insurer {insurer} is named twice."),
                ));
            }
        }
        let witnesses = witness_set(&draft)?;
        let charter = Self {
            statement,
            draft,
            persons,
            keys,
            sections,
            witnesses,
        };
        charter.thresholds_hold()?;
        Ok(charter)
    }

    fn thresholds_hold(&self) -> Result<(), BadBody> {
        let Thresholds {
            roots,
            examiners,
            precautionary_commanders,
        } = self.draft.thresholds;
        self.floor(Role::Root, roots, ROOTS_MIN)?;
        self.floor(
            Role::Examiner,
            examiners,
            Threshold {
                persons: 1,
                outside: 1,
            },
        )?;
        let pair = Threshold {
            persons: precautionary_commanders,
            outside: 0,
        };
        self.floor(
            Role::Commander,
            pair,
            Threshold {
                persons: 2,
                outside: 0,
            },
        )?;
        if self.draft.precautionary_window.0 > WINDOW_SECS_MAX
            || self.draft.recovery_delay.0 < RECOVERY_SECS_MIN
        {
            return Err(wrong(
                format!(
                    "Das Vorsichtsfenster darf höchstens {WINDOW_SECS_MAX} s, die Wartezeit einer Wiederherstellung muss mindestens {RECOVERY_SECS_MIN} s dauern."
                ),
                format!(
                    "The precautionary window may last {WINDOW_SECS_MAX} s at most, the wait of a recovery must last {RECOVERY_SECS_MIN} s at least."
                ),
            ));
        }
        Ok(())
    }

    /// Whether enough persons hold a role, and the charter asks for no fewer than it must.
    fn floor(&self, role: Role, need: Threshold, least: Threshold) -> Result<(), BadBody> {
        let holders: BTreeSet<&PersonId> = self.holders(role).collect();
        let outside = holders.iter().filter(|id| self.is_outside(id)).count();
        let reach = |have: usize, need: u32| usize::try_from(need).is_ok_and(|need| need <= have);
        let fits = need.persons >= least.persons
            && need.outside >= least.outside
            && need.outside <= need.persons
            && reach(holders.len(), need.persons)
            && reach(outside, need.outside);
        if fits {
            return Ok(());
        }
        let (de, en) = role.in_words();
        Err(wrong(
            format!(
                "{de}: verlangt sind {} Personen, davon {} von außerhalb; benannt sind {}, davon {outside} von außerhalb; mindestens {} und {} müssen verlangt sein.",
                need.persons,
                need.outside,
                holders.len(),
                least.persons,
                least.outside
            ),
            format!(
                "{en}: {} persons are required, {} of them outside; {} are named, {outside} of them outside; at least {} and {} must be required.",
                need.persons,
                need.outside,
                holders.len(),
                least.persons,
                least.outside
            ),
        ))
    }

    /// The statement that carried it.
    #[must_use]
    pub const fn statement(&self) -> StatementId {
        self.statement
    }

    /// The estate.
    #[must_use]
    pub const fn estate(&self) -> &EstateId {
        &self.draft.estate
    }

    /// Its number.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.draft.version
    }

    /// The statement of the charter before, except in the first.
    #[must_use]
    pub const fn previous(&self) -> Option<Digest> {
        self.draft.previous
    }

    /// The provider.
    #[must_use]
    pub const fn provider(&self) -> &LegalEntityId {
        &self.draft.provider
    }

    /// How many each decision needs.
    #[must_use]
    pub const fn thresholds(&self) -> &Thresholds {
        &self.draft.thresholds
    }

    /// How long commanders alone may lift a precautionary restriction.
    #[must_use]
    pub const fn precautionary_window(&self) -> Seconds {
        self.draft.precautionary_window
    }

    /// How long a recovery waits after it was witnessed.
    #[must_use]
    pub const fn recovery_delay(&self) -> Seconds {
        self.draft.recovery_delay
    }

    /// Who co-signs, and how many of them make a view fresh.
    #[must_use]
    pub const fn witnesses(&self) -> &WitnessSet {
        &self.witnesses
    }

    /// An insurer's section.
    #[must_use]
    pub fn section(&self, insurer: &InsurerId) -> Option<&Section> {
        self.sections.get(insurer)
    }

    /// All sections.
    #[must_use]
    pub const fn sections(&self) -> &BTreeMap<InsurerId, Section> {
        &self.sections
    }

    /// Everybody outside the sections.
    #[must_use]
    pub const fn persons(&self) -> &BTreeMap<PersonId, Person> {
        &self.persons
    }

    /// Everybody with a central role.
    pub fn holders(&self, role: Role) -> impl Iterator<Item = &PersonId> {
        self.persons
            .values()
            .filter(move |person| person.roles.contains(&role))
            .map(|person| &person.id)
    }

    /// Who of the signers has a central role: persons, however many keys each used.
    #[must_use]
    pub fn signers(&self, role: Role, keys: &BTreeSet<KeyId>) -> BTreeSet<PersonId> {
        keys.iter()
            .filter_map(|key| self.keys.get(key))
            .filter_map(|id| self.persons.get(id))
            .filter(|person| person.roles.contains(&role))
            .map(|person| person.id.clone())
            .collect()
    }

    /// Whether a central person works for somebody else than the provider.
    #[must_use]
    pub fn is_outside(&self, id: &PersonId) -> bool {
        self.persons
            .get(id)
            .is_some_and(|person| person.entity != self.draft.provider)
    }

    /// Whether a person or any of these keys is already somebody's, leaving one insurer's section out of account.
    #[must_use]
    pub fn knows(&self, person: &PersonId, keys: &[PublicKey], except: Option<&InsurerId>) -> bool {
        let in_section = |section: &Section| {
            section
                .draft
                .persons
                .iter()
                .any(|known| known.id == *person || known.keys.iter().any(|key| keys.contains(key)))
        };
        self.persons.contains_key(person)
            || keys.iter().any(|key| self.keys.contains_key(&key.id()))
            || self
                .sections
                .iter()
                .any(|(insurer, section)| Some(insurer) != except && in_section(section))
    }

    /// The same charter with one section replaced. The caller has checked who signed.
    pub(crate) fn with_section(&mut self, draft: SectionDraft) -> Result<(), BadBody> {
        let checked = self.fits(draft)?;
        self.sections.insert(checked.draft.insurer.clone(), checked);
        Ok(())
    }

    /// Whether a section would fit in: nobody in it is already somebody else.
    pub(crate) fn fits(&self, draft: SectionDraft) -> Result<Section, BadBody> {
        let (mut persons, mut keys) = (BTreeMap::new(), BTreeMap::new());
        for person in &draft.persons {
            add(person, &mut persons, &mut keys)?;
            if self.knows(&person.id, &person.keys, Some(&draft.insurer)) {
                return Err(twice(&person.id));
            }
        }
        Section::check(draft, &self.draft.provider)
    }
}

fn twice(id: &PersonId) -> BadBody {
    wrong(
        format!("{id} oder ein Schlüssel von {id} ist zweimal genannt."),
        format!("{id} or a key of {id} is named twice."),
    )
}

fn add(
    person: &Person,
    persons: &mut BTreeMap<PersonId, Person>,
    keys: &mut BTreeMap<KeyId, PersonId>,
) -> Result<(), BadBody> {
    for key in &person.keys {
        if keys.insert(key.id(), person.id.clone()).is_some() {
            return Err(twice(&person.id));
        }
    }
    match persons.insert(person.id.clone(), person.clone()) {
        Some(_) => Err(twice(&person.id)),
        None => Ok(()),
    }
}

fn central_roles(person: &Person) -> Result<(), BadBody> {
    let insurers_own = [Role::InsurerConsent, Role::InsurerRefuse];
    if person.roles.is_empty() || insurers_own.iter().any(|role| person.roles.contains(role)) {
        return Err(wrong(
            format!(
                "{}: eine zentrale Person hat mindestens eine zentrale Rolle und keine der Kassen.",
                person.id
            ),
            format!(
                "{}: a central person has at least one central role and none of the insurers'.",
                person.id
            ),
        ));
    }
    Ok(())
}

/// Witnesses: nobody of the provider, one per legal entity, and a majority as quorum, so that no two views of the log
/// can both be fresh.
fn witness_set(draft: &CharterDraft) -> Result<WitnessSet, BadBody> {
    let mut entities = BTreeSet::new();
    let mut keys = BTreeMap::new();
    for witness in &draft.witnesses {
        let alone = entities.insert(&witness.entity)
            && keys.insert(witness.id.clone(), witness.key.clone()).is_none();
        if !alone || witness.entity == draft.provider {
            return Err(wrong(
                format!(
                    "Zeuge {}: jede Rechtsperson außer dem Betreiber stellt höchstens einen Zeugen.",
                    witness.id
                ),
                format!(
                    "Witness {}: each legal entity except the provider has one witness at most.",
                    witness.id
                ),
            ));
        }
    }
    let total = keys.len();
    let quorum = usize::try_from(draft.witness_quorum).unwrap_or(usize::MAX);
    if quorum.saturating_mul(2) <= total {
        return Err(wrong(
            format!("{quorum} von {total} Zeugen sind keine Mehrheit."),
            format!("{quorum} of {total} witnesses are no majority."),
        ));
    }
    WitnessSet::new(keys, quorum).map_err(|bad| wrong(format!("Zeugen: {bad}"), format!("Witnesses: {bad}")))
}
