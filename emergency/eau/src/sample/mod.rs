//! Synthetic sick notes and cancellations: valid ones, and ones that break a rule by name.
//!
//! Persons, practices and texts are made up; check digits are right. Everything follows from a seed.

mod broken;
mod chance;
mod resource;
mod structure;
mod tree;

use jiff::{ToSpan, civil::Date};

pub use broken::{Broken, broken, broken_rules};
pub use structure::{Cut, cuts};

use self::{
    chance::Chance,
    resource::Writer,
    tree::{Tree, of, val},
};

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payor {
    /// Statutory health fund.
    Gkv,
    /// Private insurance.
    Pkv,
    /// Employers' liability insurance.
    Bg,
    /// The person.
    Sel,
    /// Other payors.
    Skt,
    /// Accident fund.
    Uk,
}

/// Which note it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// First note.
    First,
    /// First and last.
    FirstAndLast,
    /// Follow-up.
    Later,
    /// Follow-up and last.
    LaterAndLast,
}

/// Who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// A physician.
    Physician,
    /// A dentist.
    Dentist,
    /// A midwife.
    Midwife,
    /// A physician in training, with a responsible person.
    Trainee,
    /// A substitute, with a responsible person.
    Substitute,
    /// A hospital physician in outpatient specialist care (ASV), without a physician number.
    Asv,
}

/// A further step the note proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Referral to an accident physician.
    AccidentPhysician,
    /// Rehabilitation.
    Rehabilitation,
    /// Gradual return to work.
    Reintegration,
    /// Something else, with text.
    Other,
    /// Inpatient treatment (private insurance only).
    Inpatient,
}

/// What a note should be like.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who pays.
    pub payor: Payor,
    /// Which note.
    pub stage: Stage,
    /// Who writes.
    pub author: Author,
    /// Day of issue.
    pub issued: Date,
    /// With an ASV team number and the legal basis for it.
    pub team: bool,
    /// Further steps.
    pub steps: Vec<Step>,
    /// Diagnoses, 1 to 6.
    pub diagnoses: u8,
    /// With a diagnosis in words.
    pub text: bool,
    /// The patient's address is a post box.
    pub post_box: bool,
    /// Institution number of the fund; made up without one.
    pub fund: Option<String>,
}

impl Wanted {
    /// A first note of a statutory fund, by a physician, with one diagnosis.
    #[must_use]
    pub fn plain(issued: Date) -> Self {
        Self {
            payor: Payor::Gkv,
            stage: Stage::First,
            author: Author::Physician,
            issued,
            team: false,
            steps: Vec::new(),
            diagnoses: 1,
            text: false,
            post_box: false,
            fund: None,
        }
    }

    /// What chance makes of a seed: mostly plain notes, sometimes everything else.
    #[must_use]
    pub fn any(seed: u64, issued: Date) -> Self {
        let mut chance = Chance::new(seed ^ 0xE4A0);
        let payors = [
            Payor::Gkv,
            Payor::Gkv,
            Payor::Gkv,
            Payor::Gkv,
            Payor::Pkv,
            Payor::Bg,
            Payor::Skt,
            Payor::Uk,
            Payor::Sel,
        ];
        let stages = [
            Stage::First,
            Stage::First,
            Stage::Later,
            Stage::FirstAndLast,
            Stage::LaterAndLast,
        ];
        let authors = [
            Author::Physician,
            Author::Physician,
            Author::Physician,
            Author::Dentist,
            Author::Trainee,
            Author::Substitute,
            Author::Asv,
            Author::Midwife,
        ];
        let mut wanted = Self::plain(issued);
        wanted.payor = chance.pick(&payors).copied().unwrap_or(Payor::Gkv);
        wanted.stage = chance.pick(&stages).copied().unwrap_or(Stage::First);
        wanted.author = chance.pick(&authors).copied().unwrap_or(Author::Physician);
        wanted.team =
            wanted.author == Author::Asv || (wanted.author == Author::Physician && chance.below(8) == 0);
        wanted.diagnoses = u8::try_from(chance.below(6))
            .unwrap_or_default()
            .saturating_add(1);
        wanted.text = chance.below(3) == 0;
        wanted.post_box = chance.below(6) == 0;
        let steps = [
            Step::AccidentPhysician,
            Step::Rehabilitation,
            Step::Reintegration,
            Step::Other,
            Step::Inpatient,
        ];
        wanted.steps = steps
            .into_iter()
            .filter(|step| (*step != Step::Inpatient || wanted.payor == Payor::Pkv) && chance.below(5) == 0)
            .collect();
        wanted
    }
}

/// A generated document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `Bundle.identifier`.
    pub identifier: String,
    /// The FHIR XML.
    pub xml: String,
}

/// A valid note of version 1.2.
#[must_use]
pub fn note(seed: u64, wanted: &Wanted) -> Sample {
    sample(&note_tree(seed, wanted))
}

/// A valid note of whatever kind chance makes of the seed.
#[must_use]
pub fn any(seed: u64, issued: Date) -> Sample {
    note(seed, &Wanted::any(seed, issued))
}

/// A valid cancellation of the note of this identifier.
#[must_use]
pub fn storno(seed: u64, cancels: &str, issued: Date) -> Sample {
    sample(&storno_tree(seed, cancels, issued))
}

fn sample(tree: &Tree) -> Sample {
    let mut own = tree.clone();
    let identifier = own
        .down("identifier/value")
        .and_then(|at| at.value.clone())
        .unwrap_or_default();
    Sample {
        identifier,
        xml: tree.text(),
    }
}

fn bundle(chance: &mut Chance, profile: &str, issued: Date, resources: Vec<(String, Tree)>) -> Tree {
    let id = chance.uuid();
    let identifier = format!("urn:uuid:{}", chance.uuid());
    let time = format!(
        "{issued}T{:02}:{:02}:{:02}Z",
        chance.below(10).saturating_add(7),
        chance.below(60),
        chance.below(60)
    );
    let mut root = of(
        "Bundle",
        [
            val("id", id),
            of("meta", [val("profile", resource::profile(profile))]),
            of(
                "identifier",
                [val("system", "urn:ietf:rfc:3986"), val("value", identifier)],
            ),
            val("type", "document"),
            val("timestamp", time),
        ],
    );
    for (address, resource) in resources {
        root.kids
            .push(of("entry", [val("fullUrl", address), of("resource", [resource])]));
    }
    root
}

pub(crate) fn note_tree(seed: u64, wanted: &Wanted) -> Tree {
    let mut chance = Chance::new(seed);
    let resources = Writer::new(&mut chance, wanted).note();
    bundle(&mut chance, "KBV_PR_EAU_Bundle", wanted.issued, resources)
}

pub(crate) fn storno_tree(seed: u64, cancels: &str, issued: Date) -> Tree {
    let mut chance = Chance::new(seed);
    let resources = Writer::new(&mut chance, &Wanted::plain(issued)).storno(cancels);
    bundle(&mut chance, "KBV_PR_EAU_Storno_Bundle", issued, resources)
}

/// A day after another one.
fn later(day: Date, days: u64) -> Date {
    day.checked_add(i64::try_from(days).unwrap_or_default().days())
        .unwrap_or(day)
}
