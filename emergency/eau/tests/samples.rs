//! The field's own samples get the right verdict for the right reason.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use eau::{Kind, Severity, Validator, Verdict, Version};

#[test]
fn valid_samples_are_valid() {
    let validator = Validator::new().unwrap();
    for below in ["eau/valid", "eau-storno"] {
        let Some(folder) = common::shared(below) else {
            return;
        };
        for file in common::files(&folder) {
            let checked = validator.check(&std::fs::read(&file).unwrap(), None).unwrap();
            assert_eq!(
                checked.verdict(),
                Verdict::Valid,
                "{}\n{}",
                file.display(),
                common::words(&checked)
            );
            assert_eq!(checked.version, Version::V1_2_1);
            assert_eq!(
                checked.kind,
                if below == "eau-storno" {
                    Kind::Storno
                } else {
                    Kind::Note
                }
            );
            assert!(checked.identifier.is_some());
        }
    }
}

#[test]
fn invalid_samples_are_invalid_for_one_reason() {
    let validator = Validator::new().unwrap();
    let Some(folder) = common::shared("eau/invalid") else {
        return;
    };
    let mut reasons = Vec::new();
    for file in common::files(&folder) {
        let checked = validator.check(&std::fs::read(&file).unwrap(), None).unwrap();
        let weighty: Vec<_> = checked
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        assert_eq!(
            weighty.len(),
            1,
            "{}\n{}",
            file.display(),
            common::words(&checked)
        );
        reasons.push((weighty[0].rule.clone(), weighty[0].path.clone()));
    }
    let path = |place: usize| format!("Bundle.entry[{place}].resource.identifier.value");
    assert_eq!(
        reasons,
        [
            ("-for-laengeBSNR".into(), path(3)),
            ("-for-laengeStandortnummer".into(), path(3))
        ]
    );
}

#[test]
fn the_same_sample_a_day_earlier_follows_older_rules() {
    let validator = Validator::new().unwrap();
    let Some(folder) = common::shared("eau/invalid") else {
        return;
    };
    let bytes = std::fs::read(folder.join("Beispiel_1-eAU_ERST_GKV-BSNR.xml")).unwrap();
    let on = |day: &str| validator.check(&bytes, Some(day.parse().unwrap())).unwrap();
    assert_eq!(on("2026-01-26").verdict(), Verdict::Valid);
    assert_eq!(on("2026-01-27").verdict(), Verdict::Invalid);
    assert_eq!(on("2025-09-30").findings[0].rule, "version");
}

#[test]
fn error_messages() {
    let validator = Validator::new().unwrap();
    let Some(folder) = common::shared("eau-error") else {
        return;
    };
    for file in common::files(&folder) {
        let checked = validator.check(&std::fs::read(&file).unwrap(), None).unwrap();
        assert_eq!(checked.kind, Kind::FundError);
        // One of them carries a code that is in no list; the folder says so by its content, not by its name.
        let broken = file.ends_with("KBV_PR_EAU_health_insurance_Practitioner-test2.xml");
        let rules: Vec<_> = checked
            .findings
            .iter()
            .map(|finding| finding.rule.as_str())
            .collect();
        let expected: &[&str] = if broken {
            &["OperationOutcome.issue.details.coding#binding"]
        } else {
            &[]
        };
        assert_eq!(rules, expected, "{}\n{}", file.display(), common::words(&checked));
    }
}
