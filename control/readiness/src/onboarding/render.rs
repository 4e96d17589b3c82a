//! The list as text.

use core::fmt::Write as _;

use order::Lang;

use super::{Onboarding, Standing, step::instruction};
use crate::words::date;

impl Onboarding {
    /// The whole list: a sign, the task, and the evidence, what to do, or what blocks it. The signs are words for those who
    /// hear them: `[x]` done, `[>]` next, `[ ]` blocked.
    #[must_use]
    pub fn in_words(&self, lang: Lang) -> String {
        let tasks = self.tasks();
        let done = tasks
            .iter()
            .filter(|(_, standing)| matches!(standing, Standing::Done(_)))
            .count();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = match lang {
            Lang::De => writeln!(
                text,
                "{} in {}: {done} von {} Schritten erledigt, begonnen am {}",
                self.insurer,
                self.estate,
                tasks.len(),
                date(self.begun, lang)
            ),
            Lang::En => writeln!(
                text,
                "{} in {}: {done} of {} steps done, begun on {}",
                self.insurer,
                self.estate,
                tasks.len(),
                date(self.begun, lang)
            ),
        };
        if self.persons.is_empty() {
            let _infallible = writeln!(
                text,
                "{}",
                lang.of(
                    "Noch sind keine Personen genannt; ihre Schlüssel folgen dann als eigene Schritte.",
                    "No persons are named yet; their keys will follow as steps of their own."
                )
            );
        }
        for (task, standing) in &tasks {
            let name = format!("{}{}", task.step.in_words().in_lang(lang), task.part.in_words());
            let _infallible = match standing {
                Standing::Done(done) => {
                    writeln!(
                        text,
                        "[x] {name}\n      {}, {}: {}",
                        date(done.at, lang),
                        done.by,
                        done.evidence
                    )
                }
                Standing::Next => {
                    writeln!(
                        text,
                        "[>] {name}\n      {}",
                        instruction(task, &self.insurer).in_lang(lang)
                    )
                }
                Standing::Blocked(missing) => {
                    let names: Vec<String> = missing.iter().take(4).map(ToString::to_string).collect();
                    let more = if missing.len() > 4 { ", …" } else { "" };
                    writeln!(
                        text,
                        "[ ] {name}\n      {} {}{more}",
                        lang.of("wartet auf", "waits for"),
                        names.join(", ")
                    )
                }
            };
        }
        if self.is_complete() {
            let _infallible = writeln!(text, "{}", lang.of("Alles erledigt.", "Everything is done."));
        }
        text
    }
}
