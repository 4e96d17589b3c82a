//! A small estate with real keys: the provider, two insurers, outside examiners, three witnesses, and a log.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod plan;

use std::{collections::BTreeSet, sync::LazyLock};

use clearance::{
    Admitted, Authority, Basis, CheckResult, ChecklistItem, Clearance, Consent, DoorFacts, Followed,
    FreshView, Grade, NONCE_KIND, Nonce, NonceEntry, NotFresh, Refused, RestrictionFacts, STATEMENT_KIND,
    WITNESSED_KIND,
};
use order::{
    Act, Becomes, Body, CharterDraft, Closing, DoorOpening, Opening, Person, PublicKey, SectionDraft, Stance,
    Text, Threshold, Thresholds, UseNumber, Uses, Version, Witness, restriction_of,
};
use record::{Chain, Checkpoint, Draft, Kind, Note, WitnessKey};
use ssh_key::{HashAlg, LineEnding, PrivateKey, private::Ed25519Keypair};
use vocabulary::{
    CellId, Class, Digest, DoorId, Envelope, Epoch, EstateId, InsurerId, PersonId, Place, RestrictionId,
    Role, Scope, Seconds, Signature, StatementId, Timestamp,
};

/// 24 April 2023, 20:00 UTC.
pub(crate) const T0: Timestamp = Timestamp(1_682_366_400);
pub(crate) const HOUR: u64 = 3600;
pub(crate) const PROVIDER: &str = "betreiber";

pub(crate) fn estate() -> EstateId {
    "muster".parse().unwrap()
}

pub(crate) fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

fn seed(name: &str) -> [u8; 32] {
    *Digest::of(name.as_bytes()).as_bytes()
}

pub(crate) fn private(name: &str) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&seed(name)))
}

pub(crate) fn public(name: &str) -> PublicKey {
    PublicKey::from_openssh(&private(name).public_key().to_openssh().unwrap()).unwrap()
}

pub(crate) fn signature(name: &str, envelope: &Envelope) -> Signature {
    let sig = private(name)
        .sign(Signature::NAMESPACE, HashAlg::Sha512, &envelope.signed_bytes())
        .unwrap();
    Signature(sig.to_pem(LineEnding::LF).unwrap())
}

/// Signs a body with the named keys. A key is named like its person, a second key with `+2` behind it.
pub(crate) fn signed<T: Body>(body: &T, keys: &[&str]) -> Envelope {
    let mut envelope = body.draft().unwrap();
    for key in keys {
        let made = signature(key, &envelope);
        envelope.signatures.push(made);
    }
    envelope
}

pub(crate) fn person(id: &str, entity: &str, roles: &[Role]) -> Person {
    let mut keys = vec![public(id)];
    if ["leitung-1", "forensik-aussen-1", "kasse-001-ja"].contains(&id) {
        keys.push(public(&format!("{id}+2")));
    }
    Person {
        id: id.parse().unwrap(),
        entity: entity.parse().unwrap(),
        keys,
        roles: roles.iter().copied().collect(),
    }
}

pub(crate) fn section(insurer: &str) -> SectionDraft {
    let name = |suffix: &str| format!("{insurer}-{suffix}");
    let id = |suffix: &str| -> PersonId { name(suffix).parse().unwrap() };
    SectionDraft {
        insurer: insurer.parse().unwrap(),
        persons: ["ja", "ja-2", "nein", "vertretung"]
            .iter()
            .map(|suffix| {
                person(
                    &name(suffix),
                    if *suffix == "vertretung" {
                        "verband"
                    } else {
                        insurer
                    },
                    &[],
                )
            })
            .collect(),
        consent: BTreeSet::from([id("ja"), id("ja-2")]),
        refuse: BTreeSet::from([id("nein")]),
        threshold: 2,
        deputy: id("vertretung"),
        release: vec![format!("age1{}", insurer.replace('-', "")).parse().unwrap()],
        recovery: format!("age1{}wieder", insurer.replace('-', "")).parse().unwrap(),
    }
}

pub(crate) fn witness_key(name: &str) -> WitnessKey {
    WitnessKey::from_seed(record::note::KeyName::new(name).unwrap(), &seed(name)).unwrap()
}

pub(crate) fn charter_draft() -> CharterDraft {
    use Role::{Commander, Examiner, Root};
    CharterDraft {
        estate: estate(),
        version: Version::FIRST,
        previous: None,
        provider: PROVIDER.parse().unwrap(),
        persons: vec![
            person("wurzel-1", PROVIDER, &[Root]),
            person("wurzel-2", PROVIDER, &[Root]),
            person("wurzel-3", PROVIDER, &[Root]),
            person("wurzel-4", "verband", &[Root]),
            person("wurzel-5", "pruefer-ag", &[Root]),
            person("leitung-1", PROVIDER, &[Commander]),
            person("leitung-2", PROVIDER, &[Commander]),
            person("forensik-1", PROVIDER, &[Examiner]),
            person("forensik-2", PROVIDER, &[Examiner]),
            person("forensik-aussen-1", "forensik-gmbh", &[Examiner]),
            person("forensik-aussen-2", "forensik-gmbh", &[Examiner]),
            person("alleskoenner", "forensik-gmbh", &[Commander, Examiner]),
        ],
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
        precautionary_window: Seconds(4 * HOUR),
        recovery_delay: Seconds(24 * HOUR),
        witnesses: ["zeuge-1", "zeuge-2", "zeuge-3"]
            .iter()
            .map(|name| Witness {
                id: name.parse().unwrap(),
                entity: format!("{name}-ag").parse().unwrap(),
                key: witness_key(name).verifier().clone(),
            })
            .collect(),
        witness_quorum: 2,
        sections: vec![section("kasse-001"), section("kasse-002")],
        issued: T0,
    }
}

pub(crate) const ROOTS: [&str; 3] = ["wurzel-1", "wurzel-4", "wurzel-5"];

/// The first charter, signed.
pub(crate) static FIRST: LazyLock<Envelope> = LazyLock::new(|| signed(&charter_draft(), &ROOTS));

/// A replica with its log and witnesses.
pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) chain: Chain,
    pub(crate) entries: Vec<Vec<u8>>,
    nonces: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let first = signed(&charter_draft(), &ROOTS);
        let mut world = Self::installed(first.id().0);
        assert!(matches!(
            world.append(&first),
            Followed::Admitted(clearance::Admitted::Charter(_))
        ));
        world
    }

    pub(crate) fn installed(pinned: Digest) -> Self {
        let authority = Authority::install(estate(), pinned).unwrap();
        let chain = Chain::new(authority.origin());
        Self {
            authority,
            chain,
            entries: Vec::new(),
            nonces: 0,
        }
    }

    pub(crate) fn record(&mut self, kind: &str, body: Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let draft = Draft {
            kind: Kind::new(kind).unwrap(),
            at: T0,
            body,
        };
        self.chain.push(&draft, &mut bytes, |_, _| {}).unwrap();
        self.entries.push(bytes.clone());
        bytes
    }

    pub(crate) fn append(&mut self, envelope: &Envelope) -> Followed {
        let asked = self.authority.lacks(envelope, None);
        let entry = self.record(STATEMENT_KIND, serde_json::to_vec(envelope).unwrap());
        let followed = self.authority.follow(&entry, None).unwrap();
        // Everybody who appends checks that asking ahead gives the log's own answer.
        match (&asked, &followed) {
            (Ok(()), Followed::Admitted(_)) | (_, Followed::Admitted(Admitted::Repeat)) => {}
            (Err(ahead), Followed::Refused(refused)) => assert_eq!(ahead.to_string(), refused.to_string()),
            (Ok(()), Followed::Refused(Refused::RecoveryWaits(_))) => {}
            _ => panic!("asked ahead {asked:?}, then {followed:?}"),
        }
        followed
    }

    pub(crate) fn must(&mut self, envelope: &Envelope) -> StatementId {
        let followed = self.append(envelope);
        assert!(
            matches!(followed, Followed::Admitted(_)),
            "{:?} was not admitted: {followed:?}",
            envelope.payload_type
        );
        envelope.id()
    }

    pub(crate) fn ask(&mut self) -> Nonce {
        self.nonces += 1;
        let nonce = Nonce::from_random(seed(&format!("nonce {}", self.nonces)));
        let entry = self.record(NONCE_KIND, serde_json::to_vec(&NonceEntry { nonce }).unwrap());
        assert!(matches!(
            self.authority.follow(&entry, None).unwrap(),
            Followed::Nonce(_)
        ));
        nonce
    }

    pub(crate) fn note(&self, witnesses: &[&str], now: Timestamp) -> Note {
        let head = self.chain.head();
        let checkpoint = Checkpoint::new(self.authority.origin().clone(), head.len, head.root).text();
        let lines = witnesses
            .iter()
            .map(|name| witness_key(name).cosign(&checkpoint, now))
            .collect();
        Note::new(checkpoint, lines).unwrap()
    }

    /// Appends what two witnesses saw of the log as it is.
    pub(crate) fn witness(&mut self, now: Timestamp) -> Followed {
        let note = self.note(&["zeuge-1", "zeuge-2"], now).to_string().into_bytes();
        let entry = self.record(WITNESSED_KIND, note);
        self.authority.follow(&entry, None).unwrap()
    }

    pub(crate) fn fresh(&mut self, now: Timestamp) -> Result<FreshView, NotFresh> {
        let nonce = self.ask();
        let note = self.note(&["zeuge-1", "zeuge-3"], now);
        self.authority.fresh(&note, nonce)
    }
}

pub(crate) fn cell(name: &str) -> CellId {
    name.parse().unwrap()
}

pub(crate) fn closing(class: Class) -> Closing {
    Closing {
        estate: estate(),
        scope: Scope::everything(),
        act: Act::Tighten {
            stance: Stance::Contain,
            class,
            drain: None,
        },
        uses: Uses::Once,
        signal: Some("signal-1".parse().unwrap()),
        reason: text("Verdacht auf Ransomware"),
        issued: T0,
    }
}

pub(crate) fn full_clearance(environment: &str) -> Clearance {
    Clearance {
        estate: estate(),
        environment: environment.parse().unwrap(),
        grade: Grade::Full,
        basis: Basis::Examined,
        examined: BTreeSet::from([Digest::of(b"image of host 1")]),
        evidence_root: Digest::of(environment.as_bytes()),
        checklist: vec![ChecklistItem {
            item: text("Sicherungen"),
            result: CheckResult::Passed,
            note: None,
        }],
        relies_on: BTreeSet::new(),
        issued: T0,
        expires: T0.plus(Seconds(48 * HOUR)),
    }
}

pub(crate) fn door_facts(restriction: RestrictionId, class: Class) -> DoorFacts {
    DoorFacts {
        door: DoorId::of(cell("kasse-001/kim")),
        place: Place {
            site: "essen".parse().unwrap(),
            insurer: "kasse-001".parse().unwrap(),
            service: "kim".parse().unwrap(),
        },
        epoch: Epoch(7),
        active: vec![RestrictionFacts {
            id: restriction,
            class,
            since: T0,
            signal: Some("signal-1".parse().unwrap()),
        }],
    }
}

pub(crate) fn opening(
    restrictions: &[RestrictionId],
    clearances: &[StatementId],
    becomes: Becomes,
) -> Opening {
    Opening {
        estate: estate(),
        doors: vec![DoorOpening {
            door: DoorId::of(cell("kasse-001/kim")),
            epoch: Epoch(7),
            lifts: restrictions.iter().copied().collect(),
        }],
        becomes,
        clearances: clearances.iter().copied().collect(),
        reason: text("Wiederanlauf"),
        issued: T0,
        expires: T0.plus(Seconds(24 * HOUR)),
    }
}

pub(crate) fn consent(opening: StatementId) -> Consent {
    Consent {
        estate: estate(),
        insurer: "kasse-001".parse().unwrap(),
        opening,
        identity: None,
        rewrapped: Vec::new(),
        issued: T0,
        expires: T0.plus(Seconds(24 * HOUR)),
    }
}

pub(crate) fn first_restriction(statement: StatementId) -> RestrictionId {
    restriction_of(statement, UseNumber::FIRST)
}

pub(crate) fn insurer(name: &str) -> InsurerId {
    name.parse().unwrap()
}

/// So many hours after the beginning.
pub(crate) fn after(hours: u64) -> Timestamp {
    T0.plus(Seconds(hours * HOUR))
}

/// What the refusal of a statement says.
pub(crate) fn refused(world: &mut World, envelope: &Envelope) -> String {
    let followed = world.append(envelope);
    let Followed::Refused(refused) = followed else {
        panic!("not refused: {followed:?}")
    };
    refused.to_string()
}
