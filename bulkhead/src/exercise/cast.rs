//! The people of a drill: invented persons with throw-away keys, made when the drill begins and gone with its folder.
//!
//! They sign the way people do: a statement file, shown as one sentence, confirmed by its word, signed by a key file
//! through the `sign` room. No server process of the drill ever sees these keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use estate::Estate;
use order::{
    AgeRecipient, Body, CharterDraft, Person, PublicKey, SectionDraft, Threshold, Thresholds, Version,
    Witness,
};
use ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};
use vocabulary::{Envelope, InsurerId, LegalEntityId, PersonId, Role, Seconds, Timestamp, WitnessId};

use super::sign::{self, Companion};
use crate::{
    clock, files,
    report::{Code, Trouble},
};

/// Everybody who can sign in a drill, and the charter they signed.
pub struct Cast {
    folder: PathBuf,
    keys: BTreeMap<PersonId, PathBuf>,
    /// The first charter, signed by its roots.
    pub charter: Envelope,
    papers: AtomicU64,
}

/// Trouble while the people of a drill got ready.
fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::because(
        Code::Drill,
        "Die Personen der Übung konnten nicht vorbereitet werden. / The people of the drill could not be made ready.",
        error,
    )
}

/// A name of a drill. They are all literals or come from the estate, so they are valid.
pub fn person(name: &str) -> Result<PersonId, Trouble> {
    PersonId::new(name).map_err(wrong)
}

fn entity(name: &str) -> Result<LegalEntityId, Trouble> {
    LegalEntityId::new(name).map_err(wrong)
}

/// The persons of the provider and of the outside examiners: name, legal entity, roles.
const STAFF: [(&str, &str, &[Role]); 10] = [
    ("wurzel-1", "betreiber", &[Role::Root]),
    ("wurzel-2", "betreiber", &[Role::Root]),
    ("wurzel-3", "betreiber", &[Role::Root]),
    ("wurzel-4", "treuhand-nord", &[Role::Root]),
    ("wurzel-5", "treuhand-sued", &[Role::Root]),
    ("leitung-1", "betreiber", &[Role::Commander]),
    ("leitung-2", "betreiber", &[Role::Commander]),
    ("forensik-1", "betreiber", &[Role::Examiner]),
    ("forensik-2", "betreiber", &[Role::Examiner]),
    ("forensik-3", "forensik-labor", &[Role::Examiner]),
];

impl Cast {
    /// Makes keys for everybody and has the first charter signed.
    ///
    /// # Errors
    /// [`Trouble`] when the folder cannot be written or something does not fit together.
    pub fn make(
        folder: &Path,
        estate: &Estate,
        witnesses: &BTreeMap<WitnessId, String>,
        now: Timestamp,
    ) -> Result<Self, Trouble> {
        let mut cast = Self {
            folder: folder.to_owned(),
            keys: BTreeMap::new(),
            charter: Envelope {
                payload_type: CharterDraft::KIND,
                payload: Vec::new(),
                signatures: Vec::new(),
            },
            papers: AtomicU64::new(0),
        };
        let mut persons = Vec::new();
        for (name, employer, roles) in STAFF {
            persons.push(cast.hire(person(name)?, entity(employer)?, roles.iter().copied().collect())?);
        }
        let mut sections = Vec::new();
        for insurer in estate.insurers() {
            sections.push(cast.section(&insurer.id)?);
        }
        let witnesses = witnesses
            .iter()
            .map(|(id, key)| {
                Ok(Witness {
                    id: id.clone(),
                    entity: entity(id.as_str())?,
                    key: key.parse().map_err(wrong)?,
                })
            })
            .collect::<Result<Vec<_>, Trouble>>()?;
        let quorum = witnesses.len() / 2 + 1;
        let draft = CharterDraft {
            estate: estate.id().clone(),
            version: Version::FIRST,
            previous: None,
            provider: entity("betreiber")?,
            persons,
            thresholds: Thresholds {
                roots: Threshold {
                    persons: 3,
                    outside: 2,
                },
                examiners: Threshold {
                    persons: 2,
                    outside: 1,
                },
                precautionary_commanders: 2,
            },
            precautionary_window: Seconds(4 * 3600),
            recovery_delay: Seconds(24 * 3600),
            witnesses,
            witness_quorum: u32::try_from(quorum).map_err(wrong)?,
            sections,
            issued: now,
        };
        cast.charter = cast.sign(&draft, &["wurzel-1", "wurzel-4", "wurzel-5"])?;
        Ok(cast)
    }

    /// The legal person that runs the estate.
    ///
    /// # Errors
    /// [`Trouble`] when the first charter cannot be read back.
    pub fn provider(&self) -> Result<LegalEntityId, Trouble> {
        Ok(CharterDraft::read(&self.charter).map_err(wrong)?.provider)
    }

    /// Makes a key file and the person it belongs to.
    fn hire(
        &mut self,
        id: PersonId,
        entity: LegalEntityId,
        roles: BTreeSet<Role>,
    ) -> Result<Person, Trouble> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| wrong(error.to_string()))?;
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        let path = self.folder.join("keys").join(id.as_str());
        files::write_private(&path, key.to_openssh(LineEnding::LF).map_err(wrong)?.as_bytes())
            .map_err(wrong)?;
        let public = key.public_key().to_openssh().map_err(wrong)?;
        self.keys.insert(id.clone(), path);
        Ok(Person {
            id,
            entity,
            keys: vec![PublicKey::from_openssh(&public).map_err(wrong)?],
            roles,
        })
    }

    /// An insurer's own section: two persons and a deputy, and its release keys.
    fn section(&mut self, insurer: &InsurerId) -> Result<SectionDraft, Trouble> {
        let mut persons = Vec::new();
        let mut ids = Vec::new();
        for part in ["a", "b", "vertretung"] {
            let id = person(&format!("{insurer}.{part}"))?;
            ids.push(id.clone());
            persons.push(self.hire(id, entity(insurer.as_str())?, BTreeSet::new())?);
        }
        let [first, second, deputy] =
            <[PersonId; 3]>::try_from(ids).map_err(|_| wrong("three persons were made"))?;
        Ok(SectionDraft {
            insurer: insurer.clone(),
            persons,
            consent: BTreeSet::from([first.clone(), second.clone()]),
            refuse: BTreeSet::from([first, second]),
            threshold: 2,
            deputy,
            release: vec![self.release_key(insurer, "aktiv")?],
            recovery: self.release_key(insurer, "wiederherstellung")?,
        })
    }

    /// Where the key file of one of the people lies.
    pub fn key_of(&self, name: &str) -> Option<PathBuf> {
        self.keys.get(&person(name).ok()?).cloned()
    }

    fn release_path(&self, insurer: &InsurerId, which: &str) -> PathBuf {
        self.folder.join("release").join(format!("{insurer}.{which}.age"))
    }

    fn release_key(&self, insurer: &InsurerId, which: &str) -> Result<AgeRecipient, Trouble> {
        let path = self.release_path(insurer, which);
        files::make_private_folder(&self.folder.join("release")).map_err(wrong)?;
        sign::release_key(&path, clock::now()).map_err(wrong)
    }

    /// The key an insurer opens what is held for it with.
    ///
    /// # Errors
    /// [`Trouble`] when its file is gone.
    pub fn release_identity(&self, insurer: &InsurerId) -> Result<Companion, Trouble> {
        Companion::open(&self.release_path(insurer, "aktiv")).map_err(wrong)
    }

    /// Has a statement signed by these persons, each on its own paper way: shown, confirmed, signed.
    ///
    /// # Errors
    /// [`Trouble`] when somebody's companion refuses.
    pub fn sign<B: Body>(&self, body: &B, signers: &[&str]) -> Result<Envelope, Trouble> {
        let draft = body.draft().map_err(wrong)?;
        let number = self.papers.fetch_add(1, Ordering::Relaxed);
        let path = self
            .folder
            .join("papers")
            .join(format!("{number:05}-{}.json", B::KIND.word()));
        files::write_private(&path, &serde_json::to_vec(&draft).map_err(wrong)?).map_err(wrong)?;
        for name in signers {
            let key = self
                .keys
                .get(&person(name)?)
                .ok_or_else(|| wrong(format!("{name} is not in the cast")))?;
            sign::read_and_sign(&path, draft.id(), key).map_err(wrong)?;
        }
        let bytes = std::fs::read(&path).map_err(wrong)?;
        serde_json::from_slice(&bytes).map_err(wrong)
    }
}
