//! The script of April 2023 is whole, and a script with mistakes names them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test may stop at the first surprise, like the test itself"
)]

use drill::{
    facts::{Facts, StoryHours},
    script::{APRIL_2023, Action, Ground, Script},
};
use estate::{Estate, Mistakes, Seed};
use vocabulary::Millis;

fn estate() -> Estate {
    estate::check(&estate::sample(Seed(1)), "sample.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn read(text: &str) -> Result<Script, Mistakes> {
    Script::read(text, "april-2023.toml", &estate(), &Facts::april_2023().unwrap())
}

fn april() -> Script {
    read(APRIL_2023).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn the_script_of_april_2023_is_whole() {
    let script = april();
    let end = script.pace().end().0 + script.traffic().settle.0;
    assert!(
        (70_000..=100_000).contains(&end),
        "about 90 seconds, not {end} ms"
    );
    let window = script.pace().drill(StoryHours(54.0)).0 - script.pace().drill(StoryHours(0.0)).0;
    assert!(window * 2 > end, "most of the time belongs to the 54 hours");
    let assumed = |step: &drill::script::Step| matches!(step.ground, Ground::Assumed(_));
    for step in script.steps() {
        let by_people = matches!(
            step.action,
            Action::Cut { .. }
                | Action::Shut { .. }
                | Action::Provisional { .. }
                | Action::ReShut { .. }
                | Action::Clear { .. }
                | Action::Open { .. }
        );
        assert!(
            !by_people || assumed(step),
            "what people decide is assumed: {step:?}"
        );
    }
    for word in [
        "cut",
        "shut",
        "provisional",
        "re-shut",
        "clear",
        "open",
        "keys-gone",
        "keys-back",
    ] {
        assert!(
            script.steps().iter().any(|step| step.action.word() == word),
            "{word}"
        );
    }
}

#[test]
fn the_pace_goes_there_and_back() {
    let script = april();
    let pace = script.pace();
    for (hours, ms) in [
        (-10.0, 0),
        (0.0, 8_000),
        (27.0, 36_000),
        (54.0, 64_000),
        (1_010.0, 82_000),
    ] {
        assert_eq!(pace.drill(StoryHours(hours)), Millis(ms));
        assert!((pace.story(Millis(ms)).0 - hours).abs() < 1e-9);
    }
    assert_eq!(pace.drill(StoryHours(-99.0)), Millis(0));
    assert_eq!(pace.drill(StoryHours(9_999.0)), Millis(82_000));
    assert_eq!(
        script.date_header(Millis(8_000)),
        "Mon, 24 Apr 2023 22:00:00 +0200"
    );
}

#[test]
fn the_plan_is_the_same_for_the_same_seed_and_follows_sizes_and_hours() {
    let (script, estate) = (april(), estate());
    let plan = script.schedule(&estate);
    assert_eq!(plan, script.schedule(&estate));
    assert_eq!(plan.len(), 2_400);
    let other = read(&APRIL_2023.replace("seed = 20230424", "seed = 1")).unwrap();
    assert_ne!(plan, other.schedule(&estate));
    let to = |id: &str| plan.iter().filter(|letter| letter.insurer.as_str() == id).count();
    assert!(
        to("kasse-001") > 20 * to("kasse-080").max(1),
        "the largest fund gets far more than the smallest"
    );
    let night = plan
        .iter()
        .filter(|l| (28.0..=32.0).contains(&script.pace().story(l.at).0))
        .count();
    let day = plan
        .iter()
        .filter(|l| (36.0..=40.0).contains(&script.pace().story(l.at).0))
        .count();
    assert!(day > 5 * night, "practices send by day: {day} against {night}");
    let in_window = plan
        .iter()
        .filter(|l| (0.0..54.0).contains(&script.pace().story(l.at).0))
        .count();
    assert!(in_window > 1_000, "{in_window}");
}

/// What is replaced, by what, where the mistake is named, a word of its advice.
#[test]
fn mistakes_are_named() {
    let cases = [
        (
            "action = \"cut\"\n",
            "action = \"slam\"\n",
            "\"slam\"",
            "certificate",
        ),
        (
            "class = \"containment\"\n",
            "",
            "[[step]]\nat-hours = 0.25",
            "Add this key",
        ),
        (
            "fact = \"eau.intake/reject_begin\"",
            "fact = \"eau.intake/restore\"",
            "\"eau.intake/restore\"",
            "not reported",
        ),
        (
            "at-hours = 54\naction = \"keys-back\"",
            "at-hours = 53\naction = \"keys-back\"",
            "\"eau.intake/reject_end\"",
            "not reported",
        ),
        ("hours = 4\n", "hours = 4\nhuors = 5\n", "huors", "Unknown key"),
        ("\"kasse-004\"", "\"kasse-999\"", "\"kasse-999\"", "Leads nowhere"),
        (
            "scope.all = true",
            "scope.all = false",
            "scope",
            "either all = true",
        ),
        (
            "at-hours = 0\ndrill-ms = 8000",
            "at-hours = 0\ndrill-ms = 90000",
            "54\ndrill-ms",
            "must grow",
        ),
        ("at-hours = 57", "at-hours = 50", "50\naction", "Move this one"),
        (
            "at-hours = 1010\ndrill-ms = 82000",
            "at-hours = 1000\ndrill-ms = 82000",
            "1009",
            "outside the pace",
        ),
        (
            "zero = \"2023-04-24T22:00:00+02:00\"",
            "zero = \"Monday\"",
            "\"Monday\"",
            "offset",
        ),
        ("letters = 2400", "letters = 0", "0\nbody-bytes", "Out of bounds"),
        (
            "assumed = true\nbecause = \"The rest of the Essen site.\"",
            "assumed = true",
            "[[step]]\nat-hours = 62",
            "not both",
        ),
    ];
    for (from, to, blamed, advice) in cases {
        let text = APRIL_2023.replacen(from, to, 1);
        assert_ne!(text, APRIL_2023, "{from:?} stands in the script");
        let mistakes = read(&text).expect_err(advice);
        let at = text.find(blamed).unwrap();
        let line = text[..at].matches('\n').count() + 1;
        let named = mistakes
            .iter()
            .any(|m| m.line == line && m.to_string().contains(advice));
        assert!(named, "line {line} with {advice:?} expected:\n{mistakes}");
    }
    assert!(
        read("").unwrap_err().count() >= 3,
        "script, traffic, pace and step are missing"
    );
}
