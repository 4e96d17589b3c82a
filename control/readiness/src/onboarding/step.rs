//! The steps by which an insurer is made ready, what each needs, and what is to be done.

use serde::{Deserialize, Serialize};
use vocabulary::{InsurerId, PersonId, ServiceId};

use crate::words::Words;

/// One kind of step. Their order is the order of the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The insurer's section of the charter is drafted: who consents, who refuses, who stands in.
    SectionDrafted,
    /// A person's public key is in the section in force.
    KeyEnrolled,
    /// A person signed a test text with that key.
    KeyExercised,
    /// Release and recovery recipients exist, the recovery key is split, its parts lie outside the estate.
    RecipientsMade,
    /// A test segment was opened with both.
    SegmentReleased,
    /// The insurer decided for a service whether it consents in peace or is asked each time.
    ConsentDecided,
    /// Mailbox and Dienstkennung of a KIM service are confirmed by the insurer.
    MailboxConfirmed,
    /// The door of a service runs at `observe`.
    DoorObserves,
    /// The door holds when ordered.
    DoorHolds,
    /// The door enforces every order.
    DoorEnforces,
    /// The insurer's people are in the contact book.
    ContactsEntered,
    /// All of them answered a test call-out.
    ContactsTested,
    /// When slots for reconnection may be booked, and by whom.
    SlotRules,
    /// The papers of § 80 SGB X and § 393 SGB V are filed or not needed.
    Papers,
    /// The first drill was held.
    FirstDrill,
}

/// For what a step is done: once for the insurer, for each person, or for each service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Part {
    /// For the insurer.
    Whole,
    /// For this person.
    Person(PersonId),
    /// For this service.
    Service(ServiceId),
}

/// One line of the list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What.
    pub step: Step,
    /// For whom or what.
    pub part: Part,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 15] = [
        Self::SectionDrafted,
        Self::KeyEnrolled,
        Self::KeyExercised,
        Self::RecipientsMade,
        Self::SegmentReleased,
        Self::ConsentDecided,
        Self::MailboxConfirmed,
        Self::DoorObserves,
        Self::DoorHolds,
        Self::DoorEnforces,
        Self::ContactsEntered,
        Self::ContactsTested,
        Self::SlotRules,
        Self::Papers,
        Self::FirstDrill,
    ];

    /// The word by which it is named on the command line.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::SectionDrafted => "section-drafted",
            Self::KeyEnrolled => "key-enrolled",
            Self::KeyExercised => "key-exercised",
            Self::RecipientsMade => "recipients-made",
            Self::SegmentReleased => "segment-released",
            Self::ConsentDecided => "consent-decided",
            Self::MailboxConfirmed => "mailbox-confirmed",
            Self::DoorObserves => "door-observes",
            Self::DoorHolds => "door-holds",
            Self::DoorEnforces => "door-enforces",
            Self::ContactsEntered => "contacts-entered",
            Self::ContactsTested => "contacts-tested",
            Self::SlotRules => "slot-rules",
            Self::Papers => "papers",
            Self::FirstDrill => "first-drill",
        }
    }

    /// Steps that come before. A step for a person needs the same person's, a step for a service the same service's;
    /// where the parts differ in kind, every part of the earlier step is needed.
    #[must_use]
    pub const fn needs(self) -> &'static [Self] {
        match self {
            Self::SectionDrafted | Self::ContactsEntered | Self::SlotRules | Self::Papers => &[],
            Self::KeyEnrolled | Self::RecipientsMade => &[Self::SectionDrafted],
            Self::KeyExercised => &[Self::KeyEnrolled],
            Self::ConsentDecided => &[Self::KeyExercised],
            Self::MailboxConfirmed => &[],
            Self::DoorObserves => &[Self::MailboxConfirmed],
            // What a door holds is sealed to the insurer: without recipients nobody could ever open it.
            Self::DoorHolds => &[Self::DoorObserves, Self::RecipientsMade],
            Self::SegmentReleased => &[Self::RecipientsMade],
            Self::DoorEnforces => &[Self::DoorHolds, Self::SegmentReleased],
            Self::ContactsTested => &[Self::ContactsEntered],
            Self::FirstDrill => &[Self::KeyExercised, Self::DoorEnforces, Self::ContactsTested],
        }
    }

    /// What the step is called when it is done.
    #[must_use]
    pub fn in_words(self) -> Words {
        let (de, en) = match self {
            Self::SectionDrafted => (
                "Abschnitt der Urkunde entworfen",
                "Section of the charter drafted",
            ),
            Self::KeyEnrolled => ("Schlüssel aufgenommen", "Key enrolled"),
            Self::KeyExercised => ("Schlüssel benutzt", "Key exercised"),
            Self::RecipientsMade => (
                "Freigabe- und Wiederherstellungsschlüssel erzeugt",
                "Release and recovery keys made",
            ),
            Self::SegmentReleased => (
                "Testsegment mit beiden Schlüsseln geöffnet",
                "Test segment opened with both keys",
            ),
            Self::ConsentDecided => (
                "Über vorab erklärte Zustimmung entschieden",
                "Standing consent decided",
            ),
            Self::MailboxConfirmed => (
                "Postfach und Dienstkennung bestätigt",
                "Mailbox and Dienstkennung confirmed",
            ),
            Self::DoorObserves => ("Tür beobachtet (observe)", "Door observes"),
            Self::DoorHolds => ("Tür ist haltebereit (hold-ready)", "Door is ready to hold"),
            Self::DoorEnforces => ("Tür setzt durch (enforcing)", "Door enforces"),
            Self::ContactsEntered => ("Kontakte eingetragen", "Contacts entered"),
            Self::ContactsTested => ("Kontakte geprüft", "Contacts tested"),
            Self::SlotRules => ("Regeln für Termine festgelegt", "Rules for slots set"),
            Self::Papers => (
                "Papiere nach § 80 SGB X und § 393 SGB V abgelegt",
                "Papers by § 80 SGB X and § 393 SGB V filed",
            ),
            Self::FirstDrill => ("Erste Übung gehalten", "First drill held"),
        };
        Words::new(de, en)
    }
}

impl Part {
    /// For whom, after the step's name; nothing for the whole insurer.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Person(person) => format!(": {person}"),
            Self::Service(service) => format!(": {service}"),
        }
    }
}

impl core::fmt::Display for Task {
    /// As on the command line: `step`, `step/person` or `step/service`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.part {
            Part::Whole => f.write_str(self.step.slug()),
            Part::Person(person) => write!(f, "{}/{person}", self.step.slug()),
            Part::Service(service) => write!(f, "{}/{service}", self.step.slug()),
        }
    }
}

/// What is to be done for a task, with the command where there is one.
pub(super) fn instruction(task: &Task, insurer: &InsurerId) -> Words {
    let part = match &task.part {
        Part::Whole => insurer.to_string(),
        Part::Person(person) => person.to_string(),
        Part::Service(service) => format!("{insurer}/{service}"),
    };
    let (de, en) = match task.step {
        Step::SectionDrafted => (
            "bulkhead sign draft charter-section ABSCHNITT.json --estate VERBUND; eintragen, wer zustimmt, wer ablehnt, wer vertritt; die Kasse zeichnet.".to_owned(),
            "bulkhead sign draft charter-section SECTION.json --estate ESTATE; enter who consents, refuses, stands in; the insurer signs.".to_owned(),
        ),
        Step::KeyEnrolled => (
            format!("{part} zeigt den öffentlichen Schlüssel (ssh-keygen -lf DATEI) im Gespräch; er steht im gezeichneten Abschnitt."),
            format!("{part} shows the public key (ssh-keygen -lf FILE) in conversation; it stands in the signed section."),
        ),
        Step::KeyExercised => (
            format!("{part} zeichnet den Probetext: ssh-keygen -Y sign -n bulkhead-test -f SCHLÜSSEL probe.txt"),
            format!("{part} signs the test text: ssh-keygen -Y sign -n bulkhead-test -f KEY test.txt"),
        ),
        Step::RecipientsMade => (
            "bulkhead sign release keygen AKTIV.age und WIEDER.age; dann bulkhead sign release split WIEDER.age --needed 2 --made 3 --into ORDNER; Teile verteilen.".to_owned(),
            "bulkhead sign release keygen ACTIVE.age and RECOVERY.age; then bulkhead sign release split RECOVERY.age --needed 2 --made 3 --into FOLDER; give the parts out.".to_owned(),
        ),
        Step::SegmentReleased => (
            "Testsegment einmal mit dem aktiven und einmal mit dem zusammengesetzten Schlüssel öffnen (bulkhead sign release rewrap, combine).".to_owned(),
            "Open a test segment once with the active key and once with the combined one (bulkhead sign release rewrap, combine).".to_owned(),
        ),
        Step::ConsentDecided => (
            format!("{part}: bulkhead sign draft standing-consent ZUSTIMMUNG.json --estate VERBUND zeichnen, oder eintragen, dass jedes Mal gefragt wird."),
            format!("{part}: sign bulkhead sign draft standing-consent CONSENT.json --estate ESTATE, or enter that you want to be asked each time."),
        ),
        Step::MailboxConfirmed => (
            format!("{part}: die Kasse bestätigt KIM-Adresse und X-KIM-Dienstkennung schriftlich."),
            format!("{part}: the insurer confirms KIM address and X-KIM-Dienstkennung in writing."),
        ),
        Step::DoorObserves => (
            format!("{part}: Tür einrichten, auf observe schalten, einen Arbeitstag mitlesen lassen."),
            format!("{part}: enrol the door, switch it to observe, let it watch for a working day."),
        ),
        Step::DoorHolds => (
            format!("{part}: außerhalb der Stoßzeit halten und wieder freigeben; die Bescheinigung muss aufgehen."),
            format!("{part}: hold outside busy hours and release again; the certificate must balance."),
        ),
        Step::DoorEnforces => (
            format!("{part}: auf enforcing schalten; die Probe muss an der geschlossenen Tür scheitern."),
            format!("{part}: switch to enforcing; the prober must fail at the closed door."),
        ),
        Step::ContactsEntered => (
            "Für jede Aufgabe zwei Personen mit je zwei unabhängigen Wegen ins Kontaktbuch eintragen.".to_owned(),
            "Enter two persons with two independent ways each into the contact book for every duty.".to_owned(),
        ),
        Step::ContactsTested => (
            "Probealarm auslösen; alle müssen antworten.".to_owned(),
            "Raise a test call-out; everybody must answer.".to_owned(),
        ),
        Step::SlotRules => (
            "Festlegen, wer Termine zur Wiederanbindung bucht, wie früh, und an welchen Tagen nie.".to_owned(),
            "Set who books slots for reconnection, how early, and on which days never.".to_owned(),
        ),
        Step::Papers => (
            "Anzeige nach § 80 SGB X und Nachweis nach § 393 SGB V ablegen, oder eintragen, warum sie nicht nötig sind.".to_owned(),
            "File the notice by § 80 SGB X and the attestation by § 393 SGB V, or enter why they are not needed.".to_owned(),
        ),
        Step::FirstDrill => (
            "Übung mit dem Krisenstab der Kasse halten: schließen, rufen, ablehnen, zustimmen, öffnen.".to_owned(),
            "Hold a drill with the insurer's crisis team: close, call, refuse, consent, open.".to_owned(),
        ),
    };
    Words::new(de, en)
}
