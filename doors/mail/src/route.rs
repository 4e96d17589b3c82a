//! Which cell a mail belongs to: mailbox × `X-KIM-Dienstkennung`, from the outer header only.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::CellId;

use crate::address::Mailbox;

/// Where the mail of one mailbox goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The cell of mail that carries no mark, or one that no rule names.
    pub otherwise: CellId,
    /// Cells by service mark. A rule names the first parts of a mark (`eAU` or `eAU;Storno-Arzt`), without case; the
    /// longest rule that fits decides.
    pub by_mark: BTreeMap<String, CellId>,
}

/// The routing table of a front.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routes {
    mailboxes: BTreeMap<Mailbox, Entry>,
}

impl Routes {
    /// A table of these entries.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = (Mailbox, Entry)>) -> Self {
        let fold = |(mailbox, entry): (Mailbox, Entry)| {
            let by_mark = entry
                .by_mark
                .into_iter()
                .map(|(mark, cell)| (mark.to_ascii_lowercase(), cell))
                .collect();
            (mailbox, Entry { by_mark, ..entry })
        };
        Self {
            mailboxes: entries.into_iter().map(fold).collect(),
        }
    }

    /// Whether a mailbox is known.
    #[must_use]
    pub fn knows(&self, mailbox: &Mailbox) -> bool {
        self.mailboxes.contains_key(mailbox)
    }

    /// The cell of a mail to this mailbox with this mark; `None` for an unknown mailbox.
    #[must_use]
    pub fn cell(&self, mailbox: &Mailbox, mark: Option<&str>) -> Option<&CellId> {
        let entry = self.mailboxes.get(mailbox)?;
        let mark = mark.map(str::to_ascii_lowercase).unwrap_or_default();
        let mut prefix = mark.as_str();
        while !prefix.is_empty() && !entry.by_mark.is_empty() {
            if let Some(cell) = entry.by_mark.get(prefix.trim()) {
                return Some(cell);
            }
            prefix = prefix.rsplit_once(';').map_or("", |(head, _)| head);
        }
        Some(&entry.otherwise)
    }

    /// Every cell a mail to this mailbox could belong to, before its header is known.
    pub fn cells_of(&self, mailbox: &Mailbox) -> impl Iterator<Item = &CellId> {
        self.mailboxes
            .get(mailbox)
            .into_iter()
            .flat_map(|entry| std::iter::once(&entry.otherwise).chain(entry.by_mark.values()))
    }

    /// Every cell in the table.
    #[must_use]
    pub fn cells(&self) -> BTreeSet<CellId> {
        let each = self.mailboxes.values();
        each.flat_map(|entry| std::iter::once(&entry.otherwise).chain(entry.by_mark.values()))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_decides_and_the_mailbox_has_a_last_resort() {
        let cell = |text: &str| text.parse::<CellId>().unwrap();
        let mailbox = Mailbox::new("kasse@x.kim").unwrap();
        let marks = [("eAU", "k/eau"), ("eAU;Storno-Arzt", "k/storno")];
        let by_mark = marks
            .iter()
            .map(|(mark, to)| ((*mark).to_owned(), cell(to)))
            .collect();
        let routes = Routes::new([(
            mailbox.clone(),
            Entry {
                otherwise: cell("k/kim"),
                by_mark,
            },
        )]);
        for (mark, expected) in [
            (Some("eAU;Lieferung;V1.2"), "k/eau"),
            (Some("EAU;storno-arzt;V1.2"), "k/storno"),
            (Some("eAUX"), "k/kim"),
            (Some("KIM-Mail;Default;V1.0"), "k/kim"),
            (None, "k/kim"),
            (Some(";;;"), "k/kim"),
        ] {
            assert_eq!(routes.cell(&mailbox, mark), Some(&cell(expected)), "{mark:?}");
        }
        assert_eq!(routes.cell(&Mailbox::new("else@x.kim").unwrap(), None), None);
        assert_eq!(routes.cells().len(), 3);
    }
}
