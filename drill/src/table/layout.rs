//! Aligned text for a terminal.

use core::fmt;

use unicode_width::UnicodeWidthStr;

use super::{Cell, Decided, Row, Table};
use crate::side::Kept;

const LABEL: usize = 36;
const COLUMN: usize = 25;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  (seed {})", self.script, self.seed.0)?;
        let head = [
            vec![String::new()],
            vec!["2023 laut Berichten".to_owned(), "2023 as reported".to_owned()],
            vec!["hier, ohne Türen".to_owned(), "here, without doors".to_owned()],
            vec!["hier, mit Bulkhead".to_owned(), "here, with Bulkhead".to_owned()],
        ];
        write_row(f, &head)?;
        rule(f, '═')?;
        let mut last_is_tall = false;
        for (index, row) in self.rows.iter().enumerate() {
            let cells = [
                label(row),
                cell(&row.reported),
                cell(&row.without),
                cell(&row.with),
            ];
            // Two lines, German and English, need no rule to be told apart; taller rows do.
            let is_tall = cells.iter().any(|lines| lines.len() > 2);
            if index > 0 && (is_tall || last_is_tall) {
                rule(f, '─')?;
            }
            write_row(f, &cells)?;
            last_is_tall = is_tall;
        }
        rule(f, '═')?;
        write!(f, "{}", self.verdict)
    }
}

fn label(row: &Row) -> Vec<String> {
    let mut lines = wrap(&row.label.de, LABEL);
    lines.extend(wrap(&row.label.en, LABEL));
    if row.decided == Decided::AssumedInScript {
        lines.extend([
            "(im Skript angenommen)".to_owned(),
            "(assumed in script)".to_owned(),
        ]);
    }
    lines
}

fn cell(cell: &Cell) -> Vec<String> {
    match cell {
        Cell::Number(number) => vec![number.to_string()],
        Cell::Measure(lines) => lines.iter().flat_map(|line| wrap(line, COLUMN)).collect(),
        Cell::Words(words) => [wrap(&words.de, COLUMN), wrap(&words.en, COLUMN)].concat(),
        Cell::NotPublished => vec!["nicht veröffentlicht".to_owned(), "not published".to_owned()],
        Cell::NotBuilt => vec!["nicht gebaut".to_owned(), "not built".to_owned()],
        Cell::Nothing => vec!["–".to_owned()],
    }
}

/// Breaks at spaces so that no line is wider than `width`; a single longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width().saturating_add(1).saturating_add(word.width()) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: &[Vec<String>; 4]) -> fmt::Result {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        let mut out = String::new();
        for (column, lines) in cells.iter().enumerate() {
            let width = if column == 0 { LABEL } else { COLUMN };
            let text = lines.get(line).map_or("", String::as_str);
            if column > 0 {
                out.push_str(" │ ");
            }
            out.push_str(text);
            out.extend(core::iter::repeat_n(' ', width.saturating_sub(text.width())));
        }
        writeln!(f, "{}", out.trim_end())?;
    }
    Ok(())
}

fn rule(f: &mut fmt::Formatter<'_>, line: char) -> fmt::Result {
    let cross = if line == '═' { '╪' } else { '┼' };
    let part = |width: usize| core::iter::repeat_n(line, width).collect::<String>();
    let column = format!("{line}{cross}{line}{}", part(COLUMN));
    writeln!(f, "{}{column}{column}{column}", part(LABEL))
}

impl fmt::Display for crate::verdict::Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Zusagen / promises")?;
        for promise in &self.promises {
            let word = match promise.kept {
                Kept::Held => "gehalten / held",
                Kept::Broken => "GEBROCHEN / BROKEN",
                Kept::NotCovered => "nicht geprüft / not covered",
            };
            let gap = 29_usize.saturating_sub(word.width());
            let line = format!(
                "  {:<9} {word}{}{}",
                promise.id,
                " ".repeat(gap),
                promise.evidence
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        for open in &self.unfinished {
            writeln!(f, "  UNVOLLSTÄNDIG / UNFINISHED: {open}")?;
        }
        let (de, en) = match self.finding() {
            crate::verdict::Finding::Kept => (
                "Alle geprüften Zusagen gehalten.",
                "All promises covered were held.",
            ),
            crate::verdict::Finding::Broken => (
                "Mindestens eine Zusage gebrochen.",
                "At least one promise was broken.",
            ),
            crate::verdict::Finding::Unfinished => (
                "Die Übung kam nicht zum Ende.",
                "The exercise did not come to its end.",
            ),
            crate::verdict::Finding::NothingCovered => ("Keine Zusage geprüft.", "No promise was covered."),
        };
        writeln!(f, "{de} / {en}")
    }
}
