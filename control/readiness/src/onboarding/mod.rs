//! `bulkhead onboard INSURER`: the guided list by which an insurer is made ready.
//!
//! The list is a value. What is done stands in it with time and evidence; what is next and what blocks it is computed.
//! Recording a task again replaces its evidence. A person or service added later opens its tasks again; nothing else is
//! lost. The file is JSON with a version; unknown fields are refused.

mod render;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use order::Text;
use serde::{Deserialize, Serialize};
use vocabulary::{EstateId, InsurerId, PersonId, ServiceId, Timestamp, service};

pub use step::{Part, Step, Task};

/// The version of the file this room writes and reads.
const VERSION: u32 = 1;
/// Most persons of one insurer; as many as a section of the charter has.
pub const PERSONS_MAX: usize = 64;
/// Longest file in bytes: every task of 64 persons and 64 services with its evidence.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// What shows that a task was done: journal entry, statement, file. A reference, not the thing itself.
pub type Evidence = Text;

/// A task that was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// When it was recorded.
    pub at: Timestamp,
    /// Who recorded it.
    pub by: PersonId,
    /// What shows it.
    pub evidence: Evidence,
}

/// One thing that is said about the insurer or its tasks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Word {
    /// These are the persons of the insurer's section. Replaces those named before.
    Persons(BTreeSet<PersonId>),
    /// A task was done.
    Done {
        /// Which.
        task: Task,
        /// When, by whom, shown by what.
        done: Done,
    },
    /// A task must be done again: a key was lost, a door was reinstalled.
    Again(Task),
}

/// Why a word was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The estate has no such insurer.
    #[error("Die Kasse {0} gibt es im Verbund nicht. / There is no insurer {0} in the estate.")]
    NoInsurer(InsurerId),
    /// The task is not on this list.
    #[error("„{0}“ steht nicht auf der Liste dieser Kasse. / \"{0}\" is not on this insurer's list.")]
    NoTask(String),
    /// Something must be done before.
    #[error("Vorher nötig: {}. / Needed before: {}.", list(.0), list(.0))]
    Blocked(Vec<Task>),
    /// No persons, or more than a section holds.
    #[error("1 bis {PERSONS_MAX} Personen nennen, nicht {0}. / Name 1 to {PERSONS_MAX} persons, not {0}.")]
    Persons(usize),
}

/// Why a file is no onboarding list.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// Too long.
    #[error(
        "Die Datei hat {0} Bytes, erlaubt sind {FILE_BYTES_MAX}. / The file has {0} bytes; {FILE_BYTES_MAX} are allowed."
    )]
    TooLong(usize),
    /// Not the JSON of this version.
    #[error(
        "Die Liste ist nicht lesbar: {0}. Sicherung einspielen oder neu beginnen. / The list cannot be read: {0}. Restore a copy or begin again."
    )]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error(
        "Die Liste hat Fassung {0}, gelesen wird Fassung {VERSION}; ein neueres Programm benutzen. / The list is of version {0}, this program reads version {VERSION}; use a newer program."
    )]
    Version(u32),
}

fn list(tasks: &[Task]) -> String {
    let names: Vec<String> = tasks.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Where one task stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing<'a> {
    /// Done, with evidence.
    Done(&'a Done),
    /// It can be done now.
    Next,
    /// These must be done before.
    Blocked(Vec<Task>),
}

/// The list of one insurer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Onboarding {
    estate: EstateId,
    insurer: InsurerId,
    begun: Timestamp,
    persons: BTreeSet<PersonId>,
    services: BTreeSet<ServiceId>,
    done: BTreeMap<Task, Done>,
}

/// The list as it lies on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    estate: EstateId,
    insurer: InsurerId,
    begun: Timestamp,
    persons: BTreeSet<PersonId>,
    services: BTreeSet<ServiceId>,
    done: Vec<FileDone>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDone {
    task: Task,
    done: Done,
}

#[derive(Deserialize)]
struct FileVersion {
    version: u32,
}

impl Onboarding {
    /// Begins the list of an insurer with its services.
    ///
    /// # Errors
    /// [`Refused::NoInsurer`].
    pub fn begin(estate: &Estate, insurer: &InsurerId, now: Timestamp) -> Result<Self, Refused> {
        let known = estate
            .insurer(insurer)
            .ok_or_else(|| Refused::NoInsurer(insurer.clone()))?;
        Ok(Self {
            estate: estate.id().clone(),
            insurer: insurer.clone(),
            begun: now,
            persons: BTreeSet::new(),
            services: known.services.keys().cloned().collect(),
            done: BTreeMap::new(),
        })
    }

    /// The insurer.
    #[must_use]
    pub const fn insurer(&self) -> &InsurerId {
        &self.insurer
    }

    /// The estate.
    #[must_use]
    pub const fn estate(&self) -> &EstateId {
        &self.estate
    }

    /// Takes in the estate's services, which may have changed since the list was begun.
    #[must_use]
    pub fn with_services_of(mut self, estate: &Estate) -> Self {
        if let Some(known) = estate.insurer(&self.insurer) {
            self.services = known.services.keys().cloned().collect();
        }
        self
    }

    /// Moves the list by one word. Saying the same again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] with what is missing; the list stays as it was.
    pub fn next(&self, word: &Word) -> Result<Self, Refused> {
        let mut list = self.clone();
        match word {
            Word::Persons(persons) => {
                if persons.is_empty() || persons.len() > PERSONS_MAX {
                    return Err(Refused::Persons(persons.len()));
                }
                list.persons.clone_from(persons);
            }
            Word::Done { task, done } => {
                self.on_the_list(task)?;
                let missing = self.missing_before(task);
                if !missing.is_empty() {
                    return Err(Refused::Blocked(missing));
                }
                list.done.insert(task.clone(), done.clone());
            }
            Word::Again(task) => {
                self.on_the_list(task)?;
                list.done.remove(task);
            }
        }
        Ok(list)
    }

    fn on_the_list(&self, task: &Task) -> Result<(), Refused> {
        if self.parts(task.step).contains(&task.part) {
            Ok(())
        } else {
            Err(Refused::NoTask(task.to_string()))
        }
    }

    /// For what a step is done with this insurer.
    fn parts(&self, step: Step) -> Vec<Part> {
        let services = |wanted: fn(&ServiceId) -> bool| -> Vec<Part> {
            self.services
                .iter()
                .filter(|service| wanted(service))
                .cloned()
                .map(Part::Service)
                .collect()
        };
        match step {
            Step::KeyEnrolled | Step::KeyExercised => {
                self.persons.iter().cloned().map(Part::Person).collect()
            }
            Step::MailboxConfirmed => services(by_mail),
            Step::ConsentDecided | Step::DoorObserves | Step::DoorHolds | Step::DoorEnforces => {
                services(|_| true)
            }
            Step::SectionDrafted
            | Step::RecipientsMade
            | Step::SegmentReleased
            | Step::ContactsEntered
            | Step::ContactsTested
            | Step::SlotRules
            | Step::Papers
            | Step::FirstDrill => vec![Part::Whole],
        }
    }

    /// What must be done before a task and is not.
    fn missing_before(&self, task: &Task) -> Vec<Task> {
        let mut missing = Vec::new();
        for step in task.step.needs() {
            let parts = self.parts(*step);
            let same_kind = parts
                .iter()
                .any(|part| core::mem::discriminant(part) == core::mem::discriminant(&task.part));
            for part in parts {
                let earlier = Task { step: *step, part };
                let asked = !same_kind || earlier.part == task.part;
                if asked && !self.done.contains_key(&earlier) {
                    missing.push(earlier);
                }
            }
            // A step for each person cannot be done while nobody is named.
            if *step == Step::KeyExercised && self.persons.is_empty() {
                missing.push(Task {
                    step: Step::SectionDrafted,
                    part: Part::Whole,
                });
            }
        }
        missing
    }

    /// Every task in order, and where it stands.
    #[must_use]
    pub fn tasks(&self) -> Vec<(Task, Standing<'_>)> {
        Step::ALL
            .iter()
            .flat_map(|step| {
                self.parts(*step)
                    .into_iter()
                    .map(|part| Task { step: *step, part })
            })
            .map(|task| {
                let standing = match self.done.get(&task) {
                    Some(done) => Standing::Done(done),
                    None => {
                        let missing = self.missing_before(&task);
                        if missing.is_empty() {
                            Standing::Next
                        } else {
                            Standing::Blocked(missing)
                        }
                    }
                };
                (task, standing)
            })
            .collect()
    }

    /// What can be done now, in order.
    #[must_use]
    pub fn what_next(&self) -> Vec<Task> {
        self.tasks()
            .into_iter()
            .filter(|(_, standing)| *standing == Standing::Next)
            .map(|(task, _)| task)
            .collect()
    }

    /// Whether everything is done: persons are named, and no task is open.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.persons.is_empty()
            && self
                .tasks()
                .iter()
                .all(|(_, standing)| matches!(standing, Standing::Done(_)))
    }

    /// The file's content.
    #[must_use]
    pub fn to_json(&self) -> String {
        let file = File {
            version: VERSION,
            estate: self.estate.clone(),
            insurer: self.insurer.clone(),
            begun: self.begun,
            persons: self.persons.clone(),
            services: self.services.clone(),
            done: self
                .done
                .iter()
                .map(|(task, done)| FileDone {
                    task: task.clone(),
                    done: done.clone(),
                })
                .collect(),
        };
        // Names, numbers and checked texts can always be written; an empty text would be refused by the reader.
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Reads the file's content.
    ///
    /// # Errors
    /// [`BadFile`] when it is too long, of another version, or not what this room writes.
    pub fn from_json(text: &str) -> Result<Self, BadFile> {
        if text.len() > FILE_BYTES_MAX {
            return Err(BadFile::TooLong(text.len()));
        }
        let FileVersion { version } = serde_json::from_str(text)?;
        if version != VERSION {
            return Err(BadFile::Version(version));
        }
        let file: File = serde_json::from_str(text)?;
        Ok(Self {
            estate: file.estate,
            insurer: file.insurer,
            begun: file.begun,
            persons: file.persons,
            services: file.services,
            done: file.done.into_iter().map(|one| (one.task, one.done)).collect(),
        })
    }

    /// The test text a person signs with `ssh-keygen -Y sign -n bulkhead-test`, byte for byte. It says nothing that could
    /// be taken for a statement.
    #[must_use]
    pub fn test_text(&self, person: &PersonId, at: Timestamp) -> String {
        format!(
            "Bulkhead: Probe eines Schlüssels, keine Erklärung. / Test of a key, no statement.\n{}\n{}\n{person}\n{at}\n",
            self.estate, self.insurer
        )
    }
}

fn by_mail(service: &ServiceId) -> bool {
    [service::KIM, service::EAU].contains(&service.as_str())
}
