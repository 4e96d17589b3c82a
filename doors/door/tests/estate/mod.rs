//! A small estate with real keys: charter, authority log, witnesses, and a house of doors that follows the log.
//!
//! Self-contained, so that other rooms' tests can include it by path and stand behind real doors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(unreachable_pub, missing_docs, reason = "included by path")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clearance::{
    Basis, CheckResult, ChecklistItem, Clearance, Consent, Grade, NONCE_KIND, Nonce, NonceEntry,
    STATEMENT_KIND, Withdrawal, Withdraws, authority_origin,
};
use door::{DoorPlace, Effect, Enrolment, House, Moment, Outcome, Proven, Report, StoreId};
use order::{
    Act, AgeRecipient, Becomes, Body, CharterDraft, Closing, DoorOpening, Opening, Person, PublicKey,
    SectionDraft, Stance, Text, Threshold, Thresholds, Uses, Version,
};
use record::note::KeyName;
use record::{Chain, Checkpoint, Draft, Kind, Note, WitnessKey};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use vocabulary::{
    Class, Digest, DoorId, Envelope, EnvironmentId, EstateId, Holdable, InsurerId, Millis, PersonId, Place,
    RestrictionId, Role, Scope, Seconds, Signature, StatementId, Timestamp, WitnessId,
};

/// 2026-11-01T00:00:00Z: where every test begins.
pub const START: i64 = 1_793_491_200;

pub fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

/// Everything outside the doors: people, their keys, the authority log, the witnesses, and true time.
pub struct Outside {
    pub estate: EstateId,
    pub insurers: Vec<InsurerId>,
    keys: BTreeMap<String, PrivateKey>,
    pub charter: Envelope,
    pub log: Vec<Vec<u8>>,
    chain: Chain,
    witnesses: Vec<WitnessKey>,
    nonces: u64,
    /// True time, as witnesses see it.
    pub time: Timestamp,
}

fn key(name: &str) -> PrivateKey {
    let seed = *Digest::of(format!("test key of {name}").as_bytes()).as_bytes();
    PrivateKey::from(Ed25519Keypair::from_seed(&seed))
}

fn public(key: &PrivateKey) -> PublicKey {
    PublicKey::from_openssh(&key.public_key().to_openssh().unwrap()).unwrap()
}

fn recipient(name: &str) -> AgeRecipient {
    format!("age1{name}").replace('-', "").parse().unwrap()
}

fn witness_key(n: u8) -> WitnessKey {
    let name = KeyName::new(&format!("witness-{n}.example")).unwrap();
    WitnessKey::from_seed(name, Digest::of(&[b'w', n]).as_bytes()).unwrap()
}

const CENTRAL: [(&str, &str, &[Role]); 10] = [
    ("root-1", "provider", &[Role::Root]),
    ("root-2", "provider", &[Role::Root]),
    ("root-3", "verband", &[Role::Root]),
    ("root-4", "aufsicht", &[Role::Root]),
    ("root-5", "treuhand", &[Role::Root]),
    ("commander-1", "provider", &[Role::Commander]),
    ("commander-2", "provider", &[Role::Commander]),
    ("examiner-1", "provider", &[Role::Examiner]),
    ("examiner-2", "labor", &[Role::Examiner]),
    ("examiner-3", "labor", &[Role::Examiner]),
];

fn person(id: &str, entity: &str, roles: &[Role], key: &PrivateKey) -> Person {
    Person {
        id: id.parse().unwrap(),
        entity: entity.parse().unwrap(),
        keys: vec![public(key)],
        roles: roles.iter().copied().collect(),
    }
}

/// An insurer's section with one person who says yes, one who says no, and a deputy.
fn section(insurer: &InsurerId, keys: &mut BTreeMap<String, PrivateKey>) -> SectionDraft {
    let names = ["ja", "nein", "vertretung"].map(|part| format!("{insurer}-{part}"));
    for name in &names {
        keys.insert(name.clone(), key(name));
    }
    let id = |n: usize| -> PersonId { names[n].parse().unwrap() };
    SectionDraft {
        insurer: insurer.clone(),
        persons: names
            .iter()
            .map(|name| person(name, insurer.as_str(), &[], &keys[name]))
            .collect(),
        consent: BTreeSet::from([id(0)]),
        refuse: BTreeSet::from([id(1)]),
        threshold: 2,
        deputy: id(2),
        release: vec![recipient(insurer.as_str())],
        recovery: recipient(&format!("{insurer}recovery")),
    }
}

impl Outside {
    /// An estate with so many insurers, `kasse-001` and on, whose charter is the first entry of the log.
    pub fn new(insurers: usize) -> Self {
        let estate: EstateId = "probe".parse().unwrap();
        let insurers: Vec<InsurerId> = (1..=insurers)
            .map(|n| format!("kasse-{n:03}").parse().unwrap())
            .collect();
        let mut keys: BTreeMap<String, PrivateKey> =
            CENTRAL.iter().map(|(id, ..)| ((*id).into(), key(id))).collect();
        let persons = CENTRAL
            .iter()
            .map(|(id, entity, roles)| person(id, entity, roles, &keys[*id]))
            .collect();
        let sections = insurers
            .iter()
            .map(|insurer| section(insurer, &mut keys))
            .collect();
        let witnesses: Vec<WitnessKey> = (1..=3).map(witness_key).collect();
        let draft = CharterDraft {
            estate: estate.clone(),
            version: Version::FIRST,
            previous: None,
            provider: "provider".parse().unwrap(),
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
            witnesses: (1_u8..)
                .zip(&witnesses)
                .map(|(n, key)| order::Witness {
                    id: format!("zeuge-{n}").parse::<WitnessId>().unwrap(),
                    entity: format!("entity-{n}").parse().unwrap(),
                    key: key.verifier().clone(),
                })
                .collect(),
            witness_quorum: 2,
            sections,
            issued: Timestamp(START - 86_400),
        };
        let origin = authority_origin(&estate).unwrap();
        let mut outside = Self {
            charter: draft.draft().unwrap(),
            estate,
            insurers,
            keys,
            log: Vec::new(),
            chain: Chain::new(&origin),
            witnesses,
            nonces: 0,
            time: Timestamp(START),
        };
        outside.charter = outside.signed(&draft, &["root-1", "root-3", "root-4"]);
        let charter = outside.charter.clone();
        outside.publish(&charter);
        outside
    }

    /// A statement signed by these persons.
    pub fn signed<T: Body>(&self, body: &T, who: &[&str]) -> Envelope {
        let mut envelope = body.draft().unwrap();
        for name in who {
            let signature = self.keys[*name]
                .sign(Signature::NAMESPACE, HashAlg::Sha512, &envelope.signed_bytes())
                .unwrap();
            envelope
                .signatures
                .push(Signature(signature.to_pem(LineEnding::LF).unwrap()));
        }
        envelope
    }

    fn append(&mut self, kind: &str, body: Vec<u8>) {
        let draft = Draft {
            kind: Kind::new(kind).unwrap(),
            at: self.time,
            body,
        };
        let mut bytes = Vec::new();
        self.chain.push(&draft, &mut bytes, |_, _| {}).unwrap();
        self.log.push(bytes);
    }

    /// Appends a statement to the authority log.
    pub fn publish(&mut self, envelope: &Envelope) -> StatementId {
        self.append(STATEMENT_KIND, serde_json::to_vec(envelope).unwrap());
        envelope.id()
    }

    /// A nonce nobody used before. In the log only after [`append_nonce`](Self::append_nonce).
    pub fn draw(&mut self) -> Nonce {
        self.nonces += 1;
        Nonce::from_random(*Digest::of(&self.nonces.to_be_bytes()).as_bytes())
    }

    pub fn append_nonce(&mut self, nonce: Nonce) {
        let entry = NonceEntry { nonce };
        self.append(NONCE_KIND, serde_json::to_vec(&entry).unwrap());
    }

    /// The log's head, co-signed by the first so many witnesses at true time.
    pub fn checkpoint(&self, witnesses: usize) -> Note {
        let head = self.chain.head();
        let origin = authority_origin(&self.estate).unwrap();
        let text = Checkpoint::new(origin, head.len, head.root).text();
        let lines: Vec<_> = self.witnesses[..witnesses]
            .iter()
            .map(|key| key.cosign(&text, self.time))
            .collect();
        Note::new(text, lines).unwrap()
    }

    pub fn closing(&self, scope: Scope, stance: Stance, class: Class, drain: Option<Seconds>) -> Closing {
        Closing {
            estate: self.estate.clone(),
            scope,
            act: Act::Tighten { stance, class, drain },
            uses: Uses::Once,
            signal: None,
            reason: text("Verdacht / suspicion"),
            issued: self.time,
        }
    }

    /// A full clearance "not endangered", by examiners.
    pub fn clearance(&self, environment: &str, grade: Grade) -> Clearance {
        let examined = matches!(grade, Grade::Limited { .. });
        Clearance {
            estate: self.estate.clone(),
            environment: environment.parse::<EnvironmentId>().unwrap(),
            grade,
            basis: if examined {
                Basis::Examined
            } else {
                Basis::NotEndangered {
                    because: text("getrennt / separate"),
                }
            },
            examined: BTreeSet::from([Digest::of(environment.as_bytes())]),
            evidence_root: Digest::of(b"evidence"),
            checklist: vec![ChecklistItem {
                item: text("A2"),
                result: CheckResult::Passed,
                note: None,
            }],
            relies_on: BTreeSet::new(),
            issued: self.time,
            expires: self.time.plus(Seconds(30 * 86_400)),
        }
    }

    pub fn opening(
        &self,
        doors: Vec<DoorOpening>,
        becomes: Becomes,
        clearances: BTreeSet<StatementId>,
    ) -> Opening {
        Opening {
            estate: self.estate.clone(),
            doors,
            becomes,
            clearances,
            reason: text("frei / clear"),
            issued: self.time,
            expires: self.time.plus(Seconds(86_400)),
        }
    }

    pub fn consent(&self, insurer: &InsurerId, opening: StatementId) -> Consent {
        Consent {
            estate: self.estate.clone(),
            insurer: insurer.clone(),
            opening,
            identity: None,
            rewrapped: Vec::new(),
            issued: self.time,
            expires: self.time.plus(Seconds(86_400)),
        }
    }

    pub fn withdrawal(&self, withdraws: Withdraws) -> Withdrawal {
        Withdrawal {
            estate: self.estate.clone(),
            withdraws,
            reason: text("doch befallen / infected after all"),
            issued: self.time,
        }
    }
}

pub fn scope_all() -> Scope {
    Scope::everything()
}

/// The doors of these insurers for these services.
pub fn places(insurers: &[InsurerId], services: &[(&str, Holdable)]) -> Vec<DoorPlace> {
    let mut doors = Vec::new();
    for insurer in insurers {
        for (service, holdable) in services {
            doors.push(DoorPlace {
                door: format!("{insurer}/{service}").parse().unwrap(),
                place: Place {
                    site: "essen".parse().unwrap(),
                    insurer: insurer.clone(),
                    service: service.parse().unwrap(),
                },
                holdable: *holdable,
            });
        }
    }
    doors
}

/// A store for these doors.
pub fn enrolment(outside: &Outside, name: &str, doors: Vec<DoorPlace>) -> Enrolment {
    Enrolment::new(
        StoreId(Digest::of(name.as_bytes())),
        outside.estate.clone(),
        outside.charter.id().0,
        doors,
    )
    .unwrap()
}

/// What time it is for a door: wall time as given, monotonic time from true time.
pub fn moment(outside: &Outside) -> Moment {
    Moment {
        wall: outside.time,
        mono: Millis(u64::try_from(outside.time.0 - START).unwrap() * 1000),
    }
}

/// Enrols a store with one door each for `kim` (can be held) and `epa` (cannot) at every insurer, all contained.
pub fn enrol(outside: &Outside, dir: &Path) -> House {
    let doors = places(
        &outside.insurers,
        &[("kim", Holdable::Yes), ("epa", Holdable::No)],
    );
    House::enrol(dir, &enrolment(outside, "store-1", doors), moment(outside)).unwrap()
}

/// Opens the store of [`enrol`] again.
pub fn reopen(outside: &Outside, dir: &Path) -> Result<House, door::Error> {
    let doors = places(
        &outside.insurers,
        &[("kim", Holdable::Yes), ("epa", Holdable::No)],
    );
    House::open(dir, &enrolment(outside, "store-1", doors), moment(outside))
}

pub fn door_id(text: &str) -> DoorId {
    text.parse().unwrap()
}

/// Brings everything that is in the log to the house.
pub fn catch_up(outside: &Outside, house: &mut House) -> Vec<Effect> {
    let known = usize::try_from(house.authority().head().len).unwrap();
    let mut effects = Vec::new();
    for chunk in outside.log[known..].chunks(512) {
        effects.extend(house.follow(chunk, moment(outside)).unwrap());
    }
    effects
}

/// Draws a nonce, appends it, lets the house follow, and brings it a checkpoint by two witnesses.
pub fn freshen(outside: &mut Outside, house: &mut House) -> Proven {
    let nonce = outside.draw();
    house.ask(nonce, moment(outside));
    outside.append_nonce(nonce);
    catch_up(outside, house);
    house
        .fresh(&outside.checkpoint(2), None, moment(outside))
        .unwrap()
}

/// What an opening must name at a door now.
pub fn named(house: &House, door: &DoorId) -> DoorOpening {
    let state = &house.doors().door(door).unwrap().state;
    DoorOpening {
        door: door.clone(),
        epoch: state.epoch(),
        lifts: state
            .active()
            .map(|active| active.keys().copied().collect())
            .unwrap_or_default(),
    }
}

/// Opens doors in earnest: clearance, opening and consent for each insurer concerned, by different persons, then a
/// fresh view, then the house. Everything goes through the log.
pub fn open_fully(outside: &mut Outside, house: &mut House, doors: &[DoorId]) -> (Outcome, StatementId) {
    let insurers: BTreeSet<InsurerId> = doors.iter().map(|door| door.cell().insurer.clone()).collect();
    let mut clearances = BTreeSet::new();
    for insurer in &insurers {
        let clearance = outside.clearance(insurer.as_str(), Grade::Full);
        let signed = outside.signed(&clearance, &["examiner-1", "examiner-2"]);
        clearances.insert(outside.publish(&signed));
    }
    let entries = doors.iter().map(|door| named(house, door)).collect();
    let opening = outside.opening(entries, Becomes::Open, clearances);
    let signed = outside.signed(&opening, &["commander-1"]);
    let opening = outside.publish(&signed);
    for insurer in &insurers {
        let consent = outside.consent(insurer, opening);
        let signed = outside.signed(&consent, &[&format!("{insurer}-ja")]);
        outside.publish(&signed);
    }
    freshen(outside, house);
    let outcome = house
        .open_doors(opening, doors.iter().cloned(), moment(outside))
        .unwrap();
    (outcome, opening)
}

/// Opens every door of the house.
pub fn open_all(outside: &mut Outside, house: &mut House) {
    let doors: Vec<DoorId> = house
        .doors()
        .all()
        .iter()
        .map(|door| (*door.id).clone())
        .collect();
    let (outcome, _) = open_fully(outside, house, &doors);
    assert_eq!(outcome.refused, vec![]);
    assert_eq!(outcome.applied.len(), doors.len());
}

/// Closes through the log.
pub fn close(
    outside: &mut Outside,
    house: &mut House,
    scope: Scope,
    stance: Stance,
    class: Class,
) -> (Vec<Report>, StatementId) {
    let closing = outside.closing(scope, stance, class, None);
    let signed = outside.signed(&closing, &["commander-1"]);
    let id = outside.publish(&signed);
    let mut reports = Vec::new();
    for effect in catch_up(outside, house) {
        if let Effect::Doors(doors) = effect {
            reports.extend(doors);
        }
    }
    (reports, id)
}

/// The restrictions active at a door.
pub fn restrictions(house: &House, door: &DoorId) -> BTreeSet<RestrictionId> {
    named(house, door).lifts
}

/// Publishes a clearance by these examiners.
pub fn clear(outside: &mut Outside, environment: &str, grade: Grade, who: &[&str]) -> StatementId {
    let clearance = outside.clearance(environment, grade);
    let signed = outside.signed(&clearance, who);
    outside.publish(&signed)
}

/// Publishes the first insurer's consent to an opening.
pub fn say_yes(outside: &mut Outside, opening: StatementId) {
    let consent = outside.consent(&outside.insurers[0].clone(), opening);
    let signed = outside.signed(&consent, &["kasse-001-ja"]);
    outside.publish(&signed);
}
