//! The resources of a synthetic note.

mod people;

use jiff::civil::Date;

use super::{
    Author, Payor, Stage, Step, Wanted,
    chance::{Chance, written},
    later,
    tree::{Tree, coded, ext, of, refers, val},
};

const KBV: &str = "https://fhir.kbv.de/";
const HL7: &str = "http://hl7.org/fhir/StructureDefinition/";
const GERMAN: &str = "http://fhir.de/";
const TERMS: &str = "http://terminology.hl7.org/CodeSystem/";

/// Canonical address of a profile, as documents of 1.2 claim it.
pub(super) fn profile(name: &str) -> String {
    format!("{KBV}StructureDefinition/{name}|1.2")
}

fn kbv(kind: &str, name: &str) -> String {
    format!("{KBV}{kind}/{name}")
}

const SURNAMES: &[&str] = &[
    "Probst",
    "Übungsmann",
    "Beispielski",
    "Testmeyer",
    "Vorlage",
    "Musterholt",
    "Attrappe",
    "Platzhalter",
];
const GIVEN: &[&str] = &[
    "Jule", "Anton", "Mira", "Özlem", "Bastian", "Clara", "Yusuf", "Renate",
];
const STREETS: &[&str] = &[
    "Probeweg",
    "Am Übungsplatz",
    "Straße der Beispiele",
    "Testallee",
    "Musterring",
];
const TOWNS: &[&str] = &["Probstadt", "Beispielhausen", "Üben an der Spree", "Testdorf"];
const PRACTICES: &[&str] = &[
    "Praxis am Probeweg",
    "MVZ Beispielhausen",
    "Gemeinschaftspraxis Üben",
    "Zahnärzte am Testplatz",
];
const CODES: &[&str] = &[
    "J06.9", "M54.5", "F43.2", "A09.9", "S82.28", "K08.1", "R51", "J20.9",
];
const WORDS: &[&str] = &[
    "Infekt der oberen Atemwege",
    "Rückenschmerz nach Belastung",
    "Zustand nach Zahnentfernung",
];

pub(super) struct Writer<'c> {
    chance: &'c mut Chance,
    wanted: Wanted,
    base: Option<String>,
    resources: Vec<(String, Tree)>,
}

impl<'c> Writer<'c> {
    pub(super) fn new(chance: &'c mut Chance, wanted: &Wanted) -> Self {
        // Both forms of addresses are in use: a practice's own, and plain UUIDs.
        let base = (chance.below(2) == 0).then(|| "http://pvs.praxis-probe.local/fhir".to_owned());
        Self {
            chance,
            wanted: wanted.clone(),
            base,
            resources: Vec::new(),
        }
    }

    /// Address, reference and id for a new resource.
    fn place(&mut self, kind: &str) -> (String, String, String) {
        let id = self.chance.uuid();
        match &self.base {
            Some(base) => (format!("{base}/{kind}/{id}"), format!("{kind}/{id}"), id),
            None => (format!("urn:uuid:{id}"), format!("urn:uuid:{id}"), id),
        }
    }

    fn pick(&mut self, of: &[&'static str]) -> &'static str {
        self.chance.pick(of).copied().unwrap_or_default()
    }

    /// Files a resource: id and profile first. Answers the reference to it.
    fn file(&mut self, kind: &str, profile_name: &str, mut content: Vec<Tree>) -> String {
        let (address, reference, id) = self.place(kind);
        let mut kids = vec![val("id", id), of("meta", [val("profile", profile(profile_name))])];
        kids.append(&mut content);
        self.resources.push((
            address,
            Tree {
                name: kind.into(),
                kids,
                ..Tree::default()
            },
        ));
        reference
    }

    pub(super) fn note(mut self) -> Vec<(String, Tree)> {
        let place = self.place("Composition");
        let patient = self.patient();
        let author = self.practitioner(self.wanted.author);
        let assisted = matches!(self.wanted.author, Author::Trainee | Author::Substitute);
        let attester = if assisted {
            Some(self.practitioner(Author::Physician))
        } else {
            None
        };
        let organization = self.organization(self.wanted.author == Author::Dentist);
        let incapacity = self.incapacity(&patient, &author);
        let coverage = self.coverage(&patient);
        let mut sections = Vec::new();
        for _ in 0..self.wanted.diagnoses {
            sections.push(section("ICD", &self.diagnosis(&patient, &author)));
        }
        sections.push(section("AU_Condition", &incapacity));
        sections.push(section("Coverage", &coverage));
        for step in self.wanted.steps.clone() {
            sections.push(section(
                "AU_weiter",
                &self.step(step, &patient, &author, &incapacity),
            ));
        }
        if self.wanted.team {
            sections.push(section("FOR_PractitionerRole", &self.role(&author)));
        }
        if self.wanted.text {
            sections.push(section("ICD_Text", &self.words(&patient, &author)));
        }
        let mut content = vec![
            val("id", place.2),
            of("meta", [val("profile", profile("KBV_PR_EAU_Composition"))]),
        ];
        content.append(&mut self.composition(&patient, &author, attester.as_deref(), &organization));
        content.append(&mut sections);
        self.resources.insert(
            0,
            (
                place.0,
                Tree {
                    name: "Composition".into(),
                    kids: content,
                    ..Tree::default()
                },
            ),
        );
        self.resources
    }

    pub(super) fn storno(mut self, cancels: &str) -> Vec<(String, Tree)> {
        let place = self.place("Composition");
        let author = self.practitioner(Author::Physician);
        let organization = self.organization(false);
        let identifier = of(
            "identifier",
            [val("system", "urn:ietf:rfc:3986"), val("value", cancels)],
        );
        let entry = of("entry", [val("deleted", "true"), of("item", [identifier])]);
        let list = self.file(
            "List",
            "KBV_PR_EAU_Storno",
            vec![val("status", "current"), val("mode", "changes"), entry],
        );
        let content = vec![
            val("id", place.2),
            of("meta", [val("profile", profile("KBV_PR_EAU_Storno_Composition"))]),
            val("status", "final"),
            coded(
                "type",
                &kbv("CodeSystem", "KBV_CS_SFHIR_KBV_FORMULAR_ART"),
                "e013",
            ),
            val("date", self.wanted.issued.to_string()),
            of("author", [val("reference", author), val("type", "Practitioner")]),
            val("title", "Storno eAU"),
            refers("custodian", &organization),
            of("section", [refers("entry", &list)]),
        ];
        self.resources.insert(
            0,
            (
                place.0,
                Tree {
                    name: "Composition".into(),
                    kids: content,
                    ..Tree::default()
                },
            ),
        );
        self.resources
    }

    fn composition(
        &mut self,
        patient: &str,
        author: &str,
        attester: Option<&str>,
        organization: &str,
    ) -> Vec<Tree> {
        let basis = if self.wanted.team { "01" } else { "00" };
        let basis = of(
            "valueCoding",
            [
                val("system", kbv("CodeSystem", "KBV_CS_SFHIR_KBV_STATUSKENNZEICHEN")),
                val("code", basis),
            ],
        );
        let stage = match self.wanted.stage {
            Stage::First => "ERST",
            Stage::FirstAndLast => "ERST_END",
            Stage::Later => "FOLGE",
            Stage::LaterAndLast => "FOLGE_END",
        };
        let coding = |system: &str, code: &str| {
            of(
                "coding",
                [val("system", kbv("CodeSystem", system)), val("code", code)],
            )
        };
        let number = of(
            "identifier",
            [
                val("system", kbv("NamingSystem", "KBV_NS_FOR_Pruefnummer")),
                val(
                    "value",
                    format!("Y/{}/2601/36/001", written(&self.chance.digits::<3>())),
                ),
            ],
        );
        let mut content = vec![
            ext(&kbv("StructureDefinition", "KBV_EX_FOR_Legal_basis"), basis),
            val("status", "final"),
            of(
                "type",
                [
                    coding("KBV_CS_EAU_AU_Type", stage),
                    coding("KBV_CS_SFHIR_KBV_FORMULAR_ART", "e010"),
                ],
            ),
            refers("subject", patient),
            val("date", self.wanted.issued.to_string()),
            of("author", [val("reference", author), val("type", "Practitioner")]),
            of("author", [val("type", "Device"), number]),
            val("title", "Arbeitsunfähigkeit"),
        ];
        if let Some(attester) = attester {
            content.push(of("attester", [val("mode", "legal"), refers("party", attester)]));
        }
        content.push(refers("custodian", organization));
        content
    }

    fn incapacity(&mut self, patient: &str, author: &str) -> String {
        let until: Date = later(self.wanted.issued, self.chance.below(20).saturating_add(2));
        let mut content = vec![ext(
            &format!("{HL7}condition-assertedDate"),
            val("valueDateTime", self.wanted.issued.to_string()),
        )];
        if self.chance.below(4) == 0 {
            content.push(due_to("1"));
        }
        content.push(coded(
            "clinicalStatus",
            &format!("{TERMS}condition-clinical"),
            "active",
        ));
        content.push(coded(
            "verificationStatus",
            &format!("{TERMS}condition-ver-status"),
            "confirmed",
        ));
        content.push(coded(
            "code",
            &kbv("CodeSystem", "KBV_CS_SFHIR_KBV_FHIR_DOKUMENTTYPE"),
            "eAU",
        ));
        content.push(refers("subject", patient));
        let mut period = of("onsetPeriod", [val("end", until.to_string())]);
        if matches!(self.wanted.stage, Stage::First | Stage::FirstAndLast) {
            period
                .kids
                .insert(0, val("start", self.wanted.issued.to_string()));
        }
        content.push(period);
        content.push(refers("asserter", author));
        self.file("Condition", "KBV_PR_EAU_Condition_AU", content)
    }

    fn diagnosis(&mut self, patient: &str, author: &str) -> String {
        let sure = of(
            "valueCoding",
            [
                val("system", kbv("CodeSystem", "KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT")),
                val("code", "G"),
            ],
        );
        let side = of(
            "valueCoding",
            [
                val("system", kbv("CodeSystem", "KBV_CS_SFHIR_ICD_SEITENLOKALISATION")),
                val("code", "L"),
            ],
        );
        let mut coding = of(
            "coding",
            [ext(
                &format!("{GERMAN}StructureDefinition/icd-10-gm-diagnosesicherheit"),
                sure,
            )],
        );
        if self.chance.below(3) == 0 {
            coding.kids.push(ext(
                &format!("{GERMAN}StructureDefinition/seitenlokalisation"),
                side,
            ));
        }
        coding.kids.extend([
            val("system", format!("{GERMAN}CodeSystem/bfarm/icd-10-gm")),
            val("version", "2026"),
            val("code", self.pick(CODES)),
        ]);
        let content = vec![
            coded("clinicalStatus", &format!("{TERMS}condition-clinical"), "active"),
            coded(
                "verificationStatus",
                &format!("{TERMS}condition-ver-status"),
                "confirmed",
            ),
            of("code", [coding]),
            refers("subject", patient),
            refers("asserter", author),
        ];
        self.file("Condition", "KBV_PR_EAU_Condition_ICD", content)
    }

    fn words(&mut self, patient: &str, author: &str) -> String {
        let content = vec![
            coded(
                "verificationStatus",
                &format!("{TERMS}condition-ver-status"),
                "confirmed",
            ),
            of("code", [val("text", self.pick(WORDS))]),
            refers("subject", patient),
            refers("asserter", author),
        ];
        self.file("Condition", "KBV_PR_EAU_Condition_Text", content)
    }

    fn step(&mut self, step: Step, patient: &str, author: &str, incapacity: &str) -> String {
        let private = self.wanted.payor == Payor::Pkv;
        let dated = |name: &str, days: u64, issued: Date| {
            ext(
                &kbv("StructureDefinition", &format!("KBV_EX_EAU_{name}")),
                val("valueDateTime", later(issued, days).to_string()),
            )
        };
        let issued = self.wanted.issued;
        let mut content = Vec::new();
        let code = match step {
            Step::AccidentPhysician => "d_arzt",
            Step::Rehabilitation => "reha",
            Step::Reintegration => "wiedereingliederung",
            Step::Other => "sonstige",
            Step::Inpatient => "stationaere_heilbehandlung",
        };
        if private && matches!(step, Step::Rehabilitation | Step::Inpatient) {
            content.extend([
                dated("admission_date", 3, issued),
                dated("discharge_date", 17, issued),
            ]);
        }
        if private && step == Step::Reintegration {
            content.push(dated("reintegration_date", 20, issued));
        }
        let mut what = coded(
            "code",
            &kbv("CodeSystem", "KBV_CS_EAU_WeitereSchritte_Type"),
            code,
        );
        if step == Step::Other {
            what.kids.push(val("text", "Beratung"));
        }
        content.extend([
            val("status", "active"),
            val("intent", "proposal"),
            what,
            refers("subject", patient),
            refers("requester", author),
            refers("reasonReference", incapacity),
        ]);
        self.file("ServiceRequest", "KBV_PR_EAU_ServiceRequest_steps", content)
    }

    fn role(&mut self, author: &str) -> String {
        let number = written(&self.chance.digits::<9>());
        let team = of(
            "identifier",
            [
                val("system", format!("{GERMAN}NamingSystem/asv/teamnummer")),
                val("value", number),
            ],
        );
        let content = vec![refers("practitioner", author), of("organization", [team])];
        self.file("PractitionerRole", "KBV_PR_FOR_PractitionerRole", content)
    }
}

fn section(code: &str, to: &str) -> Tree {
    of(
        "section",
        [
            coded("code", &kbv("CodeSystem", "KBV_CS_FOR_Section_Type"), code),
            refers("entry", to),
        ],
    )
}

/// An identifier with a type.
pub(super) fn identified(type_system: &str, type_code: &str, system: &str, value: &str) -> Tree {
    of(
        "identifier",
        [
            coded("type", type_system, type_code),
            val("system", system),
            val("value", value),
        ],
    )
}

/// A physician's number.
pub(super) fn physician(number: &str) -> Tree {
    identified(
        &format!("{TERMS}v2-0203"),
        "LANR",
        &kbv("NamingSystem", "KBV_NS_Base_ANR"),
        number,
    )
}

/// An institution's number.
pub(super) fn institution(name: &str, number: &str) -> Tree {
    of(
        name,
        [
            val("system", format!("{GERMAN}sid/arge-ik/iknr")),
            val("value", number),
        ],
    )
}

/// A qualification that tells an ASV group.
pub(super) fn asv_group(number: &str) -> Tree {
    of(
        "qualification",
        [coded(
            "code",
            &kbv("NamingSystem", "KBV_NS_FOR_Fachgruppennummer_ASV"),
            number,
        )],
    )
}

/// A cause of incapacity.
pub(super) fn due_to(code: &str) -> Tree {
    let cause = coded(
        "valueCodeableConcept",
        &kbv("CodeSystem", "KBV_CS_FOR_Ursache_Type"),
        code,
    );
    ext(&format!("{HL7}condition-dueTo"), cause)
}
