//! Previews as sentences, with counts. Instants are left to the page, which knows the reader's clock.

use estate::Livelihood;
use order::{Lang, sentence::names};
use vocabulary::{Class, Seconds};

use super::{
    cut::{ClockStart, CutOff, CutPreview, Loss, WayIn, count},
    dates::Within,
    opening::OpeningPreview,
    withdrawal::WithdrawalPreview,
};

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// To know.
    Note,
    /// To think about before signing.
    Warning,
}

/// One sentence of a preview.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// How much it matters.
    pub weight: Weight,
    /// In German.
    pub de: String,
    /// In English.
    pub en: String,
}

impl Line {
    fn note(de: String, en: String) -> Self {
        let weight = Weight::Note;
        Self { weight, de, en }
    }

    fn warning(de: String, en: String) -> Self {
        let weight = Weight::Warning;
        Self { weight, de, en }
    }

    /// In one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        lang.of(&self.de, &self.en)
    }
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(lang.of('.', ','));
        }
        text.push(digit);
    }
    text
}

/// A number with its noun in the right form.
fn counted(number: u64, lang: Lang, de: (&str, &str), en: (&str, &str)) -> String {
    let (one, more) = lang.of(de, en);
    format!(
        "{} {}",
        grouped(number, lang),
        if number == 1 { one } else { more }
    )
}

fn cells(number: u64, lang: Lang) -> String {
    counted(number, lang, ("Zelle", "Zellen"), ("cell", "cells"))
}

fn doors(number: u64, lang: Lang) -> String {
    counted(number, lang, ("Tür", "Türen"), ("door", "doors"))
}

fn insurers(number: u64, lang: Lang) -> String {
    counted(number, lang, ("Kasse", "Kassen"), ("insurer", "insurers"))
}

fn insured(number: u64, lang: Lang) -> String {
    counted(number, lang, ("Person", "Personen"), ("person", "persons"))
}

/// The same sentence in both languages.
fn both(say: impl Fn(Lang) -> String) -> (String, String) {
    (say(Lang::De), say(Lang::En))
}

impl CutPreview {
    /// What to read before signing, warnings after what is certain.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = vec![self.headline()];
        lines.extend(self.losses.iter().map(loss));
        lines.extend(self.dates.iter().map(|hit| {
            let (de, en) = both(|lang| {
                let (cells, persons) = (cells(hit.cells, lang), insured(hit.persons.0, lang));
                let near = match hit.within {
                    Within::Days3 => lang.of("in den nächsten drei Tagen", "within three days"),
                    Within::Mtd => lang.of(
                        "noch in der tragbaren Ausfallzeit",
                        "inside the tolerable downtime",
                    ),
                };
                lang.of(
                    format!(
                        "Stichtag {:02}.{:02}.{} ({near}): {}; betrifft {cells}, {persons}.",
                        hit.on.day,
                        hit.on.month,
                        hit.on.year,
                        vocabulary::german(&hit.what)
                    ),
                    format!(
                        "Date {} ({near}): {}; concerns {cells}, {persons}.",
                        hit.on,
                        vocabulary::english(&hit.what)
                    ),
                )
            });
            Line::warning(de, en)
        }));
        lines.extend(self.clocks.iter().map(clock));
        lines.extend(self.hindrances());
        lines.extend(self.side_effects());
        let (de, en) = self.ending();
        lines.push(Line::note(de, en));
        lines
    }

    fn headline(&self) -> Line {
        let (held, shut) = self.held_and_shut();
        let number = count(self.cells.len());
        if number == 0 {
            return Line::warning(
                "Der Geltungsbereich trifft keine Tür.".to_owned(),
                "The scope covers no door.".to_owned(),
            );
        }
        let (de, en) = both(|lang| {
            let (number, of) = (cells(number, lang), insurers(count(self.insurers.len()), lang));
            let persons = insured(self.persons.0, lang);
            let (held, shut) = (grouped(held, lang), grouped(shut, lang));
            let already = match (self.already, lang) {
                (0, _) => String::new(),
                (n, Lang::De) => format!(
                    " Bei {} ändert sich nach außen nichts: sie sind schon so dicht.",
                    cells(n, lang)
                ),
                (n, Lang::En) => format!(
                    " Nothing changes for outsiders at {}: they are as tight already.",
                    cells(n, lang)
                ),
            };
            lang.of(
                format!(
                    "{number} von {of} mit {persons}: danach {held} gehalten, {shut} geschlossen.{already}"
                ),
                format!("{number} of {of} with {persons}: afterwards {held} held, {shut} shut.{already}"),
            )
        });
        Line::note(de, en)
    }

    /// What the order will not reach, and what will not act.
    fn hindrances(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if !self.unreached.is_empty() {
            let (de, en) = both(|lang| {
                let number = doors(count(self.unreached.len()), lang);
                let which = names(lang, self.unreached.iter().map(|one| &one.door));
                lang.of(
                    format!("Nicht erreichbar oder zweifelhaft: {number} ({which}). Sie schließen erst, wenn der Befehl ankommt; notfalls unmittelbar zustellen (bulkhead order close)."),
                    format!("Unreachable or in doubt: {number} ({which}). They close when the order arrives; if need be hand it over directly (bulkhead order close)."),
                )
            });
            lines.push(Line::warning(de, en));
        }
        if !self.unarmed.is_empty() {
            let (de, en) = both(|lang| {
                let number = doors(count(self.unarmed.len()), lang);
                let which = names(lang, self.unarmed.iter().map(|one| &one.door));
                lang.of(
                    format!("Nicht scharf: {number} ({which}). Sie handeln nicht wie angeordnet; dort von Hand trennen."),
                    format!("Not armed: {number} ({which}). They will not act as ordered; cut there by hand."),
                )
            });
            lines.push(Line::warning(de, en));
        }
        match &self.way_in {
            WayIn::Free => lines.push(Line::note(
                "Der Zugang der Einsatzkräfte bleibt offen.".to_owned(),
                "The responders' way in stays open.".to_owned(),
            )),
            WayIn::LockedOut(way) => {
                let (de, en) = both(|lang| {
                    let which = names(lang, way);
                    lang.of(
                        format!("Die Einsatzkräfte sperren sich aus: ihr Zugang führt durch {which}."),
                        format!("Responders would lock themselves out: their way in leads through {which}."),
                    )
                });
                lines.push(Line::warning(de, en));
            }
            WayIn::NotKnown => lines.push(Line::warning(
                "Niemand hat aufgeschrieben, durch welche Türen der Zugang der Einsatzkräfte führt; bitte prüfen.".to_owned(),
                "Nobody has written down which doors the responders' way in leads through; please check.".to_owned(),
            )),
        }
        for CutOff {
            name,
            address,
            ask,
            doors,
        } in &self.cut_off
        {
            let (de, en) = both(|lang| {
                let which = names(lang, doors);
                lang.of(
                    format!("Das schneidet ab: {name} ({address}), durch {which}. Vorher fragen: {ask}."),
                    format!("This would cut off: {name} ({address}), through {which}. Ask first: {ask}."),
                )
            });
            lines.push(Line::warning(de, en));
        }
        lines
    }

    fn side_effects(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let running = count(self.drains.running.len());
        if running > 0 {
            let at_once = self.drains.ended_at_once > 0;
            let (de, en) = both(|lang| {
                let number = doors(running, lang);
                match at_once {
                    true => lang.of(
                        format!("An {number} laufen Sitzungen gerade aus; dieser Schnitt beendet sie sofort."),
                        format!("At {number} sessions are finishing; this cut ends them at once."),
                    ),
                    false => lang.of(
                        format!("An {number} laufen Sitzungen gerade aus; ihre frühere Frist bleibt, dieser Schnitt verlängert sie nicht."),
                        format!("At {number} sessions are finishing; their earlier deadline stays, this cut does not prolong it."),
                    ),
                }
            });
            lines.push(Line::note(de, en));
        }
        let (limited, emergency) = (
            count(self.grants.limited.len()),
            count(self.grants.emergency.len()),
        );
        if limited > 0 {
            let (de, en) = both(|lang| {
                let number = doors(limited, lang);
                lang.of(
                    format!("Der Teilbetrieb an {number} endet."),
                    format!("Provisional operation at {number} ends."),
                )
            });
            lines.push(Line::warning(de, en));
        }
        if emergency > 0 {
            let (de, en) = both(|lang| {
                let number = doors(emergency, lang);
                lang.of(
                    format!("Der Notbetrieb an {number} endet, weil der Dienst namentlich geschlossen wird."),
                    format!("Emergency operation at {number} ends because the service is shut by name."),
                )
            });
            lines.push(Line::warning(de, en));
        }
        if self.whole_estate {
            lines.push(Line::note(
                "Das ist die ganze Landschaft: der Schnitt meldet sich bei allen Rollen.".to_owned(),
                "This is the whole estate: the cut announces itself to every role.".to_owned(),
            ));
        }
        lines
    }

    /// Who can lift it, so that nobody is afraid of the button.
    fn ending(&self) -> (String, String) {
        let (de, en) = match self.asked.class {
            Class::Maintenance => ("eine Einsatzleitung", "one commander"),
            Class::Precautionary => (
                "im Vorsichtsfenster zwei Einsatzleitungen, danach nur Freigabe, Einsatzleitung und Kasse zusammen",
                "two commanders inside the precautionary window, afterwards only clearance, commander and insurer together",
            ),
            Class::Containment => (
                "nur Freigabe, Einsatzleitung und Kasse zusammen",
                "only clearance, commander and insurer together",
            ),
        };
        (
            format!(
                "Wieder aufheben: {de}. Nichts Angenommenes geht verloren. Vorschau aus dem Stand des Protokolls; was eine Tür tut, entscheidet die Tür."
            ),
            format!(
                "Lifting it again: {en}. Nothing accepted is lost. A preview from the journal as it stands; what a door does, the door decides."
            ),
        )
    }
}

fn loss(loss: &Loss) -> Line {
    let (de, en) = both(|lang| {
        let mut what = Vec::new();
        if loss.held > 0 {
            let number = cells(loss.held, lang);
            what.push(lang.of(
                format!("{number}: Eingang wird gespeichert und später bearbeitet"),
                format!("{number}: intake is stored and worked off later"),
            ));
        }
        if loss.shut > 0 {
            let number = cells(loss.shut, lang);
            what.push(lang.of(
                format!("{number}: Anfragen werden abgewiesen"),
                format!("{number}: requests are turned away"),
            ));
        }
        let what = what.join("; ");
        let (name, persons) = (&loss.name, insured(loss.persons.0, lang));
        let mtd = order::sentence::span(Seconds(loss.mtd.0.saturating_mul(3600)));
        let live = match loss.livelihood {
            Livelihood::Yes => lang.of(" Menschen leben davon.", " People live on it."),
            Livelihood::No => "",
        };
        lang.of(
            format!("{name}: {what}. Betroffen: {persons}; tragbar höchstens {mtd}.{live}"),
            format!("{name}: {what}. Hit: {persons}; tolerable for {mtd} at most.{live}"),
        )
    });
    match loss.livelihood {
        Livelihood::Yes => Line::warning(de, en),
        Livelihood::No => Line::note(de, en),
    }
}

fn clock(start: &ClockStart) -> Line {
    let rule = &start.rule;
    let (de, en) = both(|lang| {
        let number = cells(start.cells, lang);
        let what = lang.of(&rule.de, &rule.en);
        let begins = match rule.after.0 {
            0 => lang.of("beginnt sofort".to_owned(), "starts at once".to_owned()),
            _ => {
                let after = order::sentence::span(rule.after);
                lang.of(
                    format!("beginnt nach {after} Ausfall"),
                    format!("starts after {after} of outage"),
                )
            }
        };
        let due = rule.deadline.map_or_else(
            || lang.of("unverzüglich".to_owned(), "without delay".to_owned()),
            |span| {
                let span = order::sentence::span(span);
                lang.of(format!("Frist {span}"), format!("deadline {span}"))
            },
        );
        let unverified = if rule.verified {
            ""
        } else {
            lang.of(
                " Ungeprüft: die Regel bitte am Gesetz prüfen.",
                " Unverified: please check the rule against the law.",
            )
        };
        lang.of(
            format!(
                "Frist {} ({what}): {begins}, {due}; {number}.{unverified}",
                rule.id
            ),
            format!(
                "Clock {} ({what}): {begins}, {due}; {number}.{unverified}",
                rule.id
            ),
        )
    });
    Line::warning(de, en)
}

impl WithdrawalPreview {
    /// What to read before signing.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let (de, en) = both(|lang| {
            let cleared = count(self.topples.len());
            let cleared = counted(
                cleared,
                lang,
                ("Freigabe", "Freigaben"),
                ("clearance", "clearances"),
            );
            let number = doors(count(self.doors.len()), lang);
            let (of, persons) = (
                insurers(count(self.insurers.len()), lang),
                insured(self.persons.0, lang),
            );
            lang.of(
                format!(
                    "Hinfällig: {cleared}. Auf Gehalten oder Geschlossen: {number} von {of} mit {persons}."
                ),
                format!("No longer valid: {cleared}. To Held or Shut: {number} of {of} with {persons}."),
            )
        });
        let mut lines = vec![if self.doors.is_empty() {
            Line::note(de, en)
        } else {
            Line::warning(de, en)
        }];
        let silent: Vec<_> = self.doors.iter().filter(|fall| fall.silent.is_some()).collect();
        if !silent.is_empty() {
            let (de, en) = both(|lang| {
                let number = doors(count(silent.len()), lang);
                let which = names(lang, silent.iter().map(|fall| &fall.door));
                lang.of(
                    format!("Nicht zu hören: {number} ({which}); dort wirkt es erst, wenn es ankommt."),
                    format!("Not heard: {number} ({which}); it takes effect there when it arrives."),
                )
            });
            lines.push(Line::warning(de, en));
        }
        if !self.openings.is_empty() {
            let (de, en) = both(|lang| {
                let number = count(self.openings.len());
                let number = counted(number, lang, ("Öffnung", "Öffnungen"), ("opening", "openings"));
                lang.of(
                    format!("Im Protokoll auf Hinfälliges gestützt: {number}. Wo noch nicht geöffnet ist, wird damit nichts mehr geöffnet."),
                    format!("Resting on it in the log: {number}. Where nothing was opened yet, nothing opens by it any more."),
                )
            });
            lines.push(Line::note(de, en));
        }
        lines.push(Line::note(
            "Gezählt, als zöge die Forensik zurück; zieht eine Kasse zurück, fällt nur Eigenes. Jede Tür entscheidet selbst.".to_owned(),
            "Counted as if examiners withdrew; if an insurer withdraws, only its own falls. Each door decides by itself.".to_owned(),
        ));
        lines
    }
}

impl OpeningPreview {
    /// What to read before signing.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let (de, en) = both(|lang| {
            let (ready, all) = (grouped(self.ready, lang), doors(count(self.doors.len()), lang));
            let persons = insured(self.persons.0, lang);
            lang.of(
                format!("An {ready} von {all} fehlt nach heutigem Stand nichts ({persons})."),
                format!("At {ready} of {all} nothing is missing as things stand ({persons})."),
            )
        });
        let complete = self.ready == count(self.doors.len());
        let mut lines = vec![if complete {
            Line::note(de, en)
        } else {
            Line::warning(de, en)
        }];
        lines.extend(self.missing.iter().map(|(lack, number)| {
            Line::warning(
                format!(
                    "{} ({})",
                    vocabulary::german(&lack.sentence),
                    doors(*number, Lang::De)
                ),
                format!(
                    "{} ({})",
                    vocabulary::english(&lack.sentence),
                    doors(*number, Lang::En)
                ),
            )
        }));
        lines.push(Line::note(
            "Vorschau: geöffnet wird nur, was die Tür selbst unter frischer Sicht erlaubt.".to_owned(),
            "A preview: a door opens only what it permits itself under a fresh view.".to_owned(),
        ));
        lines
    }
}
