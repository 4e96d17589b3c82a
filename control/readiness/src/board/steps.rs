//! What each item is called, and what to do next about it.

use super::{
    facts::Level,
    lack::{Item, Why},
};
use crate::words::Words;

impl Item {
    /// A word for lists and links; the same for all items of one kind.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Consenters => "consenters",
            Self::Refusers => "refusers",
            Self::Commanders => "commanders",
            Self::Examiners => "examiners",
            Self::StandingConsent(_) => "standing-consent",
            Self::EmergencyKey => "emergency-key",
            Self::SealedCopy(_) => "sealed-copy",
            Self::DoorLevel => "door-level",
            Self::DoorProof => "door-proof",
            Self::WayIn(_) => "way-in",
            Self::Contacts => "contacts",
            Self::ProcessingNotice => "processing-notice",
            Self::CloudAttestation => "cloud-attestation",
            Self::Release => "release",
            Self::Recovery => "recovery",
            Self::Drill => "drill",
            Self::Presigned => "presigned",
        }
    }

    /// Its name, as the first half of a finding.
    #[must_use]
    pub fn in_words(&self) -> Words {
        match self {
            Self::Key(person) => Words::new(format!("Schlüssel von {person}"), format!("Key of {person}")),
            Self::Consenters => Words::new(
                "Personen mit benutztem Schlüssel, die zustimmen dürfen",
                "Persons with a key in use who may consent",
            ),
            Self::Refusers => Words::new(
                "Personen mit benutztem Schlüssel, die ablehnen dürfen",
                "Persons with a key in use who may refuse",
            ),
            Self::Commanders => Words::new(
                "Einsatzleitungen mit benutztem Schlüssel",
                "Commanders with a key in use",
            ),
            Self::Examiners => Words::new("Forensik mit benutztem Schlüssel", "Examiners with a key in use"),
            Self::StandingConsent(service) => Words::new(
                format!("Vorab erklärte Zustimmung für {service}"),
                format!("Standing consent for {service}"),
            ),
            Self::EmergencyKey => Words::new("KIM-Notfallschlüssel", "Emergency KIM key"),
            Self::SealedCopy(service) => Words::new(
                format!("Versiegelte Kopie für {service}"),
                format!("Sealed copy for {service}"),
            ),
            Self::DoorLevel => Words::new("Stufe der Tür", "Level of the door"),
            Self::DoorProof => Words::new("Probe der geschlossenen Tür", "Proof of the closed door"),
            Self::WayIn(site) => Words::new(
                format!("Zugang der Forensik am Standort {site}"),
                format!("Responders' way into site {site}"),
            ),
            Self::Contacts => Words::new("Probealarm der Kontakte", "Test call-out of the contacts"),
            Self::ProcessingNotice => Words::new("Anzeige nach § 80 SGB X", "Notice by § 80 SGB X"),
            Self::CloudAttestation => Words::new(
                "Nachweis nach § 393 SGB V (C5)",
                "Attestation by § 393 SGB V (C5)",
            ),
            Self::Release => Words::new(
                "Testfreigabe mit dem aktiven Schlüssel",
                "Test release with the active key",
            ),
            Self::Recovery => Words::new(
                "Testfreigabe mit dem Wiederherstellungsschlüssel",
                "Test release with the recovery key",
            ),
            Self::Drill => Words::new("Übung mit der Kasse", "Drill with the insurer"),
            Self::Presigned => Words::new(
                "Probe einer vorab gezeichneten Schließung",
                "Trial of a pre-signed closing",
            ),
        }
    }

    /// What to do next.
    #[must_use]
    pub fn next(&self, why: Why) -> Words {
        match (self, why) {
            (_, Why::Ahead { .. }) => Words::new(
                "Uhr der Quelle prüfen und neu eintragen.",
                "Check the source's clock and enter it again.",
            ),
            (Self::DoorLevel, why) => next_level(why),
            (Self::Key(person), Why::Missing) => Words::new(
                format!("Öffentlichen Schlüssel von {person} in den Abschnitt der Urkunde aufnehmen."),
                format!("Add the public key of {person} to the charter."),
            ),
            (
                _,
                Why::Missing
                | Why::NotKnown
                | Why::TooOld { .. }
                | Why::Expired { .. }
                | Why::TooFew { .. }
                | Why::Below(_),
            ) => self.next_in_general(),
        }
    }

    fn next_in_general(&self) -> Words {
        let (de, en) = match self {
            Self::Key(_) => (
                "Mit dem Schlüssel einen Probetext zeichnen.",
                "Sign a test text with the key.",
            ),
            Self::Consenters | Self::Refusers => (
                "Weitere Person mit Schlüssel in den Abschnitt der Kasse aufnehmen und einmal zeichnen lassen.",
                "Add another person with a key to the insurer's section and let them sign once.",
            ),
            Self::Commanders | Self::Examiners => (
                "Weitere Person mit Schlüssel in die Urkunde aufnehmen und einmal zeichnen lassen.",
                "Add another person with a key to the charter and let them sign once.",
            ),
            Self::StandingConsent(_) => (
                "Vorab zustimmen oder festlegen, dass jedes Mal gefragt wird.",
                "Sign a standing consent, or decide to be asked each time.",
            ),
            Self::EmergencyKey => (
                "Mit dem Notfallschlüssel eine Testnachricht öffnen.",
                "Open a test message with the emergency key.",
            ),
            Self::SealedCopy(_) => (
                "Versiegelte Kopie neu ziehen und ablegen.",
                "Take a new sealed copy and put it in its place.",
            ),
            Self::DoorLevel => ("Stufe der Tür anheben.", "Raise the level of the door."),
            Self::DoorProof => (
                "Tür bei Übung oder Wartung schließen und die Probe durchführen lassen.",
                "Close the door at a drill or maintenance and let the prober try.",
            ),
            Self::WayIn(_) => (
                "Bei geschlossenen Türen anmelden und das Ergebnis eintragen.",
                "Log in with the doors closed and enter the result.",
            ),
            Self::Contacts => (
                "Probealarm auslösen, bis alle geantwortet haben.",
                "Raise a test call-out until everybody has answered.",
            ),
            Self::ProcessingNotice => (
                "Notbetrieb der Aufsicht anzeigen und die Anzeige eintragen.",
                "Notify the supervisory authority of the emergency environment and enter the notice.",
            ),
            Self::CloudAttestation => (
                "Gültigen C5-Nachweis des Anbieters einholen, oder eintragen, dass keiner nötig ist.",
                "Obtain the cloud's valid C5 attestation, or enter that none is needed.",
            ),
            Self::Release => (
                "Testsegment mit dem Freigabeschlüssel öffnen.",
                "Open a test segment with the release key.",
            ),
            Self::Recovery => (
                "Teile zusammenholen, Schlüssel zusammensetzen, Testsegment öffnen, Teile zurückgeben.",
                "Bring the parts together, combine the key, open a test segment, give the parts back.",
            ),
            Self::Drill => (
                "Termin für eine Übung vereinbaren und sie abhalten.",
                "Agree on a date for a drill and hold it.",
            ),
            Self::Presigned => (
                "Vorab gezeichnete Schließung vom Papier oder USB an eine Tür geben, dann aufheben.",
                "Hand a pre-signed closing from paper or USB to a door, then lift it.",
            ),
        };
        Words::new(de, en)
    }
}

fn next_level(why: Why) -> Words {
    match why {
        Why::Below(Level::HoldReady) => Words::new(
            "Nach ruhigem Betrieb auf enforcing schalten.",
            "After quiet operation, switch it to enforcing.",
        ),
        Why::Below(Level::Observe) => Words::new(
            "Halten im Test zeigen und auf hold-ready schalten.",
            "Show in a test that it holds, and switch it to hold-ready.",
        ),
        Why::Below(Level::NotKnown | Level::Enforcing)
        | Why::Missing
        | Why::NotKnown
        | Why::TooOld { .. }
        | Why::Expired { .. }
        | Why::Ahead { .. }
        | Why::TooFew { .. } => Words::new(
            "Tür einrichten und auf observe schalten.",
            "Enrol the door and switch it to observe.",
        ),
    }
}
