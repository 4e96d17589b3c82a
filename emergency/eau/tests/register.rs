//! The register: repeats, misuse, cancellations in any order, paper beside mail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use eau::{
    Answer, Checked, Identifier, OlderMail, PaperSeen, Register, Repeat, Validator, paper::Key, sample,
};
use jiff::civil::{Date, date};

const ISSUED: Date = date(2026, 10, 5);

struct Desk {
    validator: Validator,
    register: Register,
}

impl Desk {
    fn new() -> Self {
        Self {
            validator: Validator::new().unwrap(),
            register: Register::new(),
        }
    }

    fn check(&self, xml: &str, on: Date) -> Checked {
        self.validator.check(xml.as_bytes(), Some(on)).unwrap()
    }

    fn see(&mut self, xml: &str, older: OlderMail) -> Answer {
        let checked = self.check(xml, ISSUED);
        // A register that was written and read back goes on like the one that was not.
        let mut copy: Register =
            serde_json::from_str(&serde_json::to_string(&self.register).unwrap()).unwrap();
        let again = copy.see(&checked, older);
        let seen = self.register.see(&checked, older);
        assert_eq!((&seen, &self.register), (&again, &copy));
        seen.answer
    }
}

#[test]
fn a_repeat_of_what_was_accepted_is_only_noted() {
    let mut desk = Desk::new();
    let note = sample::any(1, ISSUED);
    assert_eq!(desk.see(&note.xml, OlderMail::Known), Answer::New);
    assert_eq!(
        desk.see(&note.xml, OlderMail::Known),
        Answer::Duplicate(Repeat::AlreadyAccepted)
    );
}

#[test]
fn a_repeat_of_what_was_rejected_is_judged_again() {
    let mut desk = Desk::new();
    // Rejected by the rules of one day, fine by those of the day before: only the bytes count as the same document.
    let bad = sample::broken("-for-laengeBSNR", 1, ISSUED).remove(0).sample;
    assert_eq!(desk.see(&bad.xml, OlderMail::Known), Answer::New);
    assert_eq!(
        desk.see(&bad.xml, OlderMail::Known),
        Answer::Duplicate(Repeat::StillInvalid)
    );
    let earlier = desk.check(&bad.xml, date(2026, 1, 26));
    assert_eq!(
        desk.register.see(&earlier, OlderMail::Known).answer,
        Answer::Duplicate(Repeat::NowValid)
    );
    assert_eq!(
        desk.see(&bad.xml, OlderMail::Known),
        Answer::Duplicate(Repeat::AlreadyAccepted)
    );
}

#[test]
fn the_same_identifier_with_other_content_is_misused() {
    let mut desk = Desk::new();
    let note = sample::any(1, ISSUED);
    let other = sample::any(2, ISSUED);
    let misused = other.xml.replace(
        &other.identifier,
        &note.identifier.to_uppercase().replace("URN:UUID", "urn:uuid"),
    );
    let first = desk.check(&note.xml, ISSUED).fingerprint;
    desk.see(&note.xml, OlderMail::Known);
    assert_eq!(
        desk.see(&misused, OlderMail::Known),
        Answer::MisusedIdentifier { first }
    );
    // The first stays what it was.
    assert_eq!(
        desk.see(&note.xml, OlderMail::Known),
        Answer::Duplicate(Repeat::AlreadyAccepted)
    );
}

#[test]
fn a_cancellation_finds_its_note_or_waits_for_it() {
    let note = sample::any(1, ISSUED);
    let storno = sample::storno(9, &note.identifier, ISSUED);
    let again = sample::storno(10, &note.identifier, ISSUED);
    let (of, by) = (
        Identifier::new(&note.identifier),
        Identifier::new(&storno.identifier),
    );

    let mut desk = Desk::new();
    desk.see(&note.xml, OlderMail::Unknown);
    assert_eq!(
        desk.see(&storno.xml, OlderMail::Unknown),
        Answer::StornoOf(of.clone())
    );
    assert_eq!(desk.register.cancelled_by(&of), Some(&by));
    assert_eq!(
        desk.see(&again.xml, OlderMail::Unknown),
        Answer::StornoAgain(of.clone())
    );
    assert_eq!(
        desk.see(&storno.xml, OlderMail::Unknown),
        Answer::Duplicate(Repeat::AlreadyAccepted)
    );

    let mut desk = Desk::new();
    assert_eq!(
        desk.see(&storno.xml, OlderMail::Unknown),
        Answer::StornoWaits(of.clone())
    );
    assert_eq!(desk.register.waiting().collect::<Vec<_>>(), [(&of, &by)]);
    assert_eq!(
        desk.see(&again.xml, OlderMail::Unknown),
        Answer::StornoAgain(of.clone())
    );
    assert_eq!(
        desk.see(&note.xml, OlderMail::Unknown),
        Answer::CancelledBefore(by.clone())
    );
    assert_eq!(desk.register.cancelled_by(&of), Some(&by));
    assert_eq!(desk.register.waiting().count(), 0);

    let mut desk = Desk::new();
    assert_eq!(
        desk.see(&storno.xml, OlderMail::Known),
        Answer::StornoOfUnknown(of.clone())
    );
    let mut desk = Desk::new();
    desk.see(&storno.xml, OlderMail::Unknown);
    assert_eq!(desk.register.settle(), [(of, by)]);
    assert!(desk.register.settle().is_empty());
}

#[test]
fn a_cancellation_of_what_was_rejected_is_answered_105() {
    let mut desk = Desk::new();
    let bad = sample::broken("-eau-geburtsdatumPatient", 1, ISSUED)
        .remove(0)
        .sample;
    desk.see(&bad.xml, OlderMail::Known);
    let storno = sample::storno(9, &bad.identifier, ISSUED);
    assert_eq!(
        desk.see(&storno.xml, OlderMail::Known),
        Answer::StornoOfRejected(Identifier::new(&bad.identifier))
    );
}

#[test]
fn paper_and_mail_of_one_visit_are_one() {
    let mut desk = Desk::new();
    let note = sample::note(1, &sample::Wanted::plain(ISSUED));
    let checked = desk.check(&note.xml, ISSUED);
    let key = Key::of(&checked.facts).unwrap();
    assert_eq!(desk.register.see_paper(&key), PaperSeen::New);
    assert_eq!(desk.register.see_paper(&key), PaperSeen::Again);
    assert!(desk.register.see(&checked, OlderMail::Known).on_paper);
    assert_eq!(
        desk.register.see_paper(&key),
        PaperSeen::AsMail(Identifier::new(&note.identifier))
    );
    // Nothing of a person is kept.
    let kept = serde_json::to_string(&desk.register).unwrap();
    assert!(!kept.contains(&checked.facts.insured.unwrap()) && !kept.contains("2026-10"));
}
