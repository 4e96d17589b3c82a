//! `readiness.toml`: what people found out in peace and no log can know. What is not written here is not known.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use estate::Estate;
use publication::obligations::PersonKind;
use readiness::board::{Fact, Paper};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use vocabulary::{DoorId, EnvironmentId, InsurerId, LegalEntityId, PersonId, ServiceId, SiteId, Timestamp};

use crate::{
    command,
    report::{Code, Trouble},
};

/// A calendar day, at midnight UTC: exact enough for what is counted in days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Day(pub Timestamp);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_string();
        serializer.serialize_str(text.get(..10).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        day(&text).map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "„{text}“: kein Tag, bitte \"JJJJ-MM-TT\". / \"{text}\": no day, please \"YYYY-MM-DD\"."
            ))
        })
    }
}

/// Midnight UTC of a day written `YYYY-MM-DD`.
fn day(text: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = text.parse().ok()?;
    let zoned = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    (day.to_string() == text).then(|| Timestamp(zoned.timestamp().as_second()))
}

/// A paper: the day it was filed, `"not-needed"` or `"missing"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Filed {
    /// A word instead of a day.
    Word(FiledWord),
    /// When it was filed or last reviewed.
    On(Day),
}

/// What stands in a paper's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FiledWord {
    /// The insurer's lawyers say that it is not needed here.
    NotNeeded,
    /// It is not filed.
    Missing,
}

impl From<Option<Filed>> for Told<Paper> {
    fn from(filed: Option<Filed>) -> Self {
        Self(match filed {
            None => Paper::NotKnown,
            Some(Filed::Word(FiledWord::NotNeeded)) => Paper::NotNeeded,
            Some(Filed::Word(FiledWord::Missing)) => Paper::Missing,
            Some(Filed::On(day)) => Paper::Filed { at: day.0 },
        })
    }
}

/// A value in the words of the board.
pub(super) struct Told<T>(pub(super) T);

/// A day, or nobody said anything.
pub(super) fn fact(day: Option<Day>) -> Fact {
    day.map_or(Fact::NotKnown, |day| Fact::Known { at: day.0 })
}

/// The file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Peace {
    /// How fast the return may go.
    pub r#return: Return,
    /// The provider's own.
    pub provider: Provider,
    /// When a person signed a test text outside the logs.
    pub key_used: BTreeMap<PersonId, Day>,
    /// By data centre.
    pub site: BTreeMap<SiteId, Site>,
    /// By insurer.
    pub insurer: BTreeMap<InsurerId, Insurer>,
    /// In which environment a root stands; absent: in the one named like the provider.
    pub root: BTreeMap<String, EnvironmentId>,
}

/// How fast the return may go. Assumptions, and stated in the plan as such.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Return {
    /// Cells that may start in one hour.
    pub cells_per_hour: u32,
    /// Whether a cell starts only inside a slot its insurer booked.
    pub slots_required: bool,
    /// Environments that are examined at the same time.
    pub examinations_at_once: u32,
    /// How long one takes, least and most, in hours.
    pub examination_hours: (u64, u64),
}

impl Default for Return {
    fn default() -> Self {
        Self {
            cells_per_hour: 4,
            slots_required: true,
            examinations_at_once: 1,
            examination_hours: (8, 72),
        }
    }
}

/// What the provider's people found out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Provider {
    /// Everybody answered a test call-out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts_tested: Option<Day>,
    /// A pre-signed closing was handed to a door with everything else off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presigned_exercised: Option<Day>,
    /// What the provider is besides, for legal duties.
    pub also: BTreeSet<PersonKind>,
}

/// About one data centre.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Site {
    /// The responders' way in worked with the site's doors closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_in_tested: Option<Day>,
    /// Doors it leads through; an empty list says: through none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_in: Option<BTreeSet<DoorId>>,
}

/// About one insurer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Insurer {
    /// The legal person, where it is called otherwise than the insurer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<LegalEntityId>,
    /// What it is besides a statutory insurer, for legal duties.
    pub also: BTreeSet<PersonKind>,
    /// Everybody answered a test call-out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts_tested: Option<Day>,
    /// Notice of the emergency environment (§ 80 SGB X).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_notice: Option<Filed>,
    /// Attestation of the cloud it runs in (§ 393 SGB V).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_attestation: Option<Filed>,
    /// The release recipient opened a test segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_exercised: Option<Day>,
    /// The recovery recipient was put together and opened a test segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_exercised: Option<Day>,
    /// The last drill with its people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_drill: Option<Day>,
    /// By service.
    pub service: BTreeMap<ServiceId, Service>,
}

/// About one service of one insurer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Service {
    /// The insurer wants to be asked each time.
    pub ask_each_time: bool,
    /// The emergency KIM key opened a test message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency_key_tested: Option<Day>,
    /// The newest sealed copy of what an emergency run needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_copy: Option<Day>,
    /// The prober failed at the closed door, where this journal does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door_proven: Option<Day>,
}

impl Peace {
    /// Reads the file and holds its names against the estate: a misspelt insurer would be a lack nobody understands.
    ///
    /// # Errors
    /// [`Trouble`] with the place in the file, or with the name the estate does not know.
    pub fn read(path: &Path, estate: &Estate) -> Result<Self, Trouble> {
        let peace: Self = command::process::load(path)?;
        match peace.unknown(estate) {
            None => Ok(peace),
            Some(name) => {
                let file = path.display();
                Err(Trouble::new(
                    Code::Config,
                    format!(
                        "{file}: „{name}“ gibt es im Verbund nicht. / {file}: there is no \"{name}\" in the estate."
                    ),
                ))
            }
        }
    }

    /// The first name the estate does not know.
    fn unknown(&self, estate: &Estate) -> Option<String> {
        let site = self
            .site
            .keys()
            .find(|id| !estate.sites().any(|site| site.id == **id));
        let root = self
            .root
            .keys()
            .find(|id| !estate.roots().any(|root| root.id.as_str() == **id));
        let insurer = self.insurer.keys().find(|id| estate.insurer(id).is_none());
        let service = self.insurer.iter().find_map(|(id, told)| {
            let known = estate.insurer(id)?;
            let stray = told.service.keys().find(|id| !known.services.contains_key(*id))?;
            Some(format!("{id}.{stray}"))
        });
        let door = self
            .site
            .values()
            .flat_map(|site| site.way_in.iter().flatten())
            .find(|door| estate.place(door).is_none());
        site.map(ToString::to_string)
            .or_else(|| root.cloned())
            .or_else(|| insurer.map(ToString::to_string))
            .or(service)
            .or_else(|| door.map(ToString::to_string))
    }

    /// Doors the responders' way in leads through, where somebody wrote it down for any site.
    pub fn way_in(&self) -> Option<BTreeSet<DoorId>> {
        let told: Vec<&BTreeSet<DoorId>> = self
            .site
            .values()
            .filter_map(|site| site.way_in.as_ref())
            .collect();
        (!told.is_empty()).then(|| told.into_iter().flatten().cloned().collect())
    }
}
