//! Drafts of notices: marked as such, filled from the sheet, complete about what is missing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::{after, incident, quiet};
use publication::{
    Lang,
    obligations::{Entry, Knowledge, Law, PersonKind, Trigger, clocks, draft},
};

#[test]
fn a_draft_says_that_it_is_one_and_repeats_the_sheet() {
    let law = Law::built_in().unwrap();
    let sheet = incident();
    let known = Knowledge {
        incident: "vorfall-1".parse().unwrap(),
        legal_person: "betreiber".parse().unwrap(),
        kinds: [PersonKind::Provider].into(),
        trigger: Trigger::SignificantIncident,
        known_at: after(0),
        entry: Entry(7),
        services: ["kim", "payments"].map(|service| service.parse().unwrap()).into(),
        set: None,
    };
    let clocks = clocks(&[known], &[], &law, after(30));
    let clock = clocks
        .iter()
        .find(|clock| clock.obligation.as_str() == "NIS2-EW")
        .unwrap();
    let obligation = law.get(&clock.obligation).unwrap();
    let german = draft(obligation, Some(clock), &sheet, Lang::De);
    for words in [
        "ENTWURF – nicht gesendet. Ein Mensch prüft, ergänzt und sendet.",
        "Frühwarnung (24 Stunden) (NIS2-EW)",
        "§ 32 Abs. 1 Nr. 1 BSIG",
        "gemeinsame Meldestelle von BSI und BBK",
        "25.04.2023, 22:00 Uhr",
        "Angriff auf unsere Systeme",
        "Krankmeldungen (eAU): angenommen, wartet (4 von 6 Kassen)",
        "Das wissen wir noch nicht: Ob Daten abgeflossen sind.",
        "UNGEPRÜFT",
        "[ ] Grund der Verspätung (Pflichtangabe)",
    ] {
        assert!(
            german.text.contains(words),
            "{words} is missing in:\n{}",
            german.text
        );
    }
    assert!(
        !german.text.contains("Es sind keine Daten abgeflossen."),
        "what was corrected is not repeated"
    );
    let english = draft(obligation, Some(clock), &sheet, Lang::En);
    assert!(
        english
            .text
            .starts_with("DRAFT – not sent. A human checks, completes and sends.")
    );
    assert_eq!(english.missing, german.missing);
    // every duty has a draft, also before anything runs
    for obligation in law.obligations() {
        assert!(
            draft(obligation, None, &quiet(), Lang::De)
                .text
                .contains("Kein Dienst ist betroffen.")
        );
    }
}
