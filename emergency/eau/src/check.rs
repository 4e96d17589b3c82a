//! Bytes in, verdict out.

use jiff::civil::Date;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::{
    base::day,
    codes::Codes,
    doubt,
    finding::{Finding, Found, Severity},
    table::{Fault, Table},
    version::{Standing, Version},
    view::{View, url},
    walk::Walk,
    xml::{Document, NONE, NotXml, ROOT},
};

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A sick note.
    Note,
    /// The cancellation of one.
    Storno,
    /// A fund's error message to a practice.
    FundError,
}

impl Kind {
    pub(crate) fn profile(self) -> &'static str {
        match self {
            Self::Note => "KBV_PR_EAU_Bundle",
            Self::Storno => "KBV_PR_EAU_Storno_Bundle",
            Self::FundError => "KBV_PR_EAU_health_insurance_Practitioner",
        }
    }

    fn of(root: &str, profile: &str) -> Option<Self> {
        [
            (Self::Note, "Bundle"),
            (Self::Storno, "Bundle"),
            (Self::FundError, "OperationOutcome"),
        ]
        .into_iter()
        .find(|(kind, name)| *name == root && kind.profile() == profile)
        .map(|(kind, _)| kind)
    }
}

/// Whether a document follows the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No finding of weight.
    Valid,
    /// At least one.
    Invalid,
}

/// Why no verdict is given: hold the mail and show it to a person, or answer 101 to 104 after release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not XML as FHIR writes it.
    #[error("kein lesbares FHIR-XML: {0}")]
    Xml(#[from] NotXml),
    /// XML, but neither a sick note, nor a cancellation, nor a fund's error message.
    #[error(
        "keine eAU, kein Storno und keine Fehlermeldung einer Kasse / neither sick note, cancellation nor a fund's error message"
    )]
    Stranger,
    /// A note of a version whose rules are not here.
    #[error("Version {0}: dafür sind hier keine Regeln hinterlegt / version {0}: no rules are kept here")]
    NoRules(Version),
}

/// SHA-256 of the FHIR XML, by which a repeat is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let mut digest = [0; 32];
        let pairs = text.as_bytes().chunks_exact(2);
        if text.len() != 64 || !text.is_ascii() {
            return Err(serde::de::Error::custom(
                "a fingerprint has 64 hexadecimal digits",
            ));
        }
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            *byte = u8::from_str_radix(pair, 16).map_err(serde::de::Error::custom)?;
        }
        Ok(Self(digest))
    }
}

/// What the business side needs of a note to file and match it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Insured id (KVNR) or card number.
    pub insured: Option<String>,
    /// Institution number of the fund.
    pub fund: Option<String>,
    /// Payor's type: GKV, PKV, BG, SEL, SKT, UK.
    pub payor: Option<String>,
    /// ERST, FOLGE, `ERST_END`, `FOLGE_END`.
    pub kind: Option<String>,
    /// Day of issue.
    pub issued: Option<Date>,
    /// First day of incapacity.
    pub since: Option<Date>,
    /// Expected last day.
    pub until: Option<Date>,
    /// Day of assessment.
    pub assessed: Option<Date>,
    /// Identifier of the note a cancellation cancels.
    pub cancels: Option<String>,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Facts(…)") // about a person
    }
}

/// A document that was read and judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What it is.
    pub kind: Kind,
    /// The rules it was judged by.
    pub version: Version,
    /// `Bundle.identifier`, or the error message's id.
    pub identifier: Option<String>,
    /// SHA-256 of the bytes.
    pub fingerprint: Fingerprint,
    /// What it says, as far as it could be read.
    #[serde(skip)]
    pub facts: Facts,
    /// Everything that does not fit; [`FINDINGS_MAX`](crate::FINDINGS_MAX) at most.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Invalid when any finding weighs.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
        {
            Verdict::Invalid
        } else {
            Verdict::Valid
        }
    }
}

/// Checks documents. Made once; may be shared between threads.
#[derive(Debug)]
pub struct Validator {
    old: Table,
    middle: Table,
    new: Table,
    codes: Codes,
}

impl Validator {
    /// Reads the room's tables.
    ///
    /// # Errors
    /// [`Fault`] when a table that ships with the program is damaged.
    pub fn new() -> Result<Self, Fault> {
        let earlier = include_str!("../data/eau-1.1.tsv");
        Ok(Self {
            old: Table::read(earlier, Version::V1_0_2.claim())?,
            middle: Table::read(earlier, Version::V1_1_0.claim())?,
            new: Table::read(include_str!("../data/eau-1.2.tsv"), Version::V1_2_1.claim())?,
            codes: Codes::read(include_str!("../data/codes.tsv"))?,
        })
    }

    pub(crate) fn table(&self, version: Version) -> &Table {
        match version {
            Version::V1_0_2 => &self.old,
            Version::V1_1_0 => &self.middle,
            Version::V1_2_0 | Version::V1_2_1 => &self.new,
        }
    }

    /// Judges the FHIR XML of a note, a cancellation or an error message by the rules of the day its mail carries in
    /// `Date`. Without a day, the document's own date of issue stands in.
    ///
    /// # Errors
    /// [`Unreadable`] when there is nothing to judge.
    pub fn check(&self, bytes: &[u8], mailed: Option<Date>) -> Result<Checked, Unreadable> {
        let document = Document::read(bytes)?;
        let claim = document
            .value(document.down(ROOT, &["meta", "profile"]))
            .unwrap_or_default();
        let (name, claimed) = claim
            .strip_prefix(url::PROFILE)
            .and_then(|own| own.split_once('|'))
            .unwrap_or_default();
        let kind = Kind::of(document.at(ROOT).name, name).ok_or(Unreadable::Stranger)?;
        let on = mailed.or_else(|| issued(&document));
        let standing = Version::standing(claimed, on).ok_or(Unreadable::Stranger)?;
        let version = standing.version();
        // Of 1.0.2 only the error messages' rules are known; they are those of 1.1.0.
        if version == Version::V1_0_2 && kind != Kind::FundError && matches!(standing, Standing::InForce(_)) {
            return Err(Unreadable::NoRules(version));
        }
        let view = View::new(&document, version);
        let table = self.table(version);
        let mut walk = Walk {
            view: &view,
            table,
            codes: &self.codes,
            on,
            findings: Vec::new(),
            counters: Vec::with_capacity(128),
        };
        if let Some(finding) = untimely(standing, on) {
            walk.findings.push(finding);
        }
        let known = version != Version::V1_0_2 || kind == Kind::FundError;
        if known && let Some(row) = table.profile(kind.profile()).and_then(|at| table.row(at)) {
            walk.element(ROOT, row);
            walk.base();
            doubt::note(&mut walk, kind, mailed);
        }
        let findings = walk.findings;
        let own = match kind {
            Kind::Note | Kind::Storno => document.down(ROOT, &["identifier", "value"]),
            Kind::FundError => document.first(ROOT, "id"),
        };
        Ok(Checked {
            kind,
            version,
            identifier: document.value(own).map(str::to_owned),
            fingerprint: Fingerprint::of(bytes),
            facts: facts(&view),
            findings,
        })
    }
}

/// Day of issue, as the composition says it.
fn issued(document: &Document<'_>) -> Option<Date> {
    let composition = document
        .named(ROOT, "entry")
        .map(|entry| document.down(entry, &["resource", "Composition", "date"]))
        .find(|at| *at != NONE)?;
    day(document.value(composition))
}

fn untimely(standing: Standing, on: Option<Date>) -> Option<Finding> {
    let (expected, expected_english) = match standing {
        Standing::InForce(_) => return None,
        Standing::Retired(version) => {
            let last = version.days().1.map(|day| day.to_string()).unwrap_or_default();
            (
                format!("Version {version} nur bis {last}"),
                format!("version {version} only until {last}"),
            )
        }
        Standing::Early(version) => {
            let first = version.days().0;
            (
                format!("Version {version} erst ab {first}"),
                format!("version {version} only from {first}"),
            )
        }
    };
    Some(Finding {
        rule: "version".into(),
        path: "meta.profile".into(),
        severity: Severity::Error,
        expected,
        expected_english,
        found: Found::new(on.map(|day| day.to_string()).unwrap_or_default()),
    })
}

fn facts(view: &View<'_, '_>) -> Facts {
    let document = view.document;
    let own = |at: u32| document.value(at).map(str::to_owned);
    let kind = ["ERST", "FOLGE", "ERST_END", "FOLGE_END"]
        .into_iter()
        .find(|code| {
            view.values(view.composition, &["type", "coding", "code"])
                .contains(code)
        });
    let onset = document.first(view.incapacity, "onsetPeriod");
    let list = view.of_kind("List").next().unwrap_or(NONE);
    Facts {
        insured: own(document.down(view.patient, &["identifier", "value"])),
        fund: own(document.down(view.coverage, &["payor", "identifier", "value"])),
        payor: own(document.down(view.coverage, &["type", "coding", "code"])),
        kind: kind.map(str::to_owned),
        issued: day(document.value(document.first(view.composition, "date"))),
        since: day(document.value(document.first(onset, "start"))),
        until: day(document.value(document.first(onset, "end"))),
        assessed: day(view.extension_value(view.incapacity, url::ASSERTED, "valueDateTime")),
        cancels: own(document.down(list, &["entry", "item", "identifier", "value"])),
    }
}
