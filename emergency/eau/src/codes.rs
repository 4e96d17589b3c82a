//! Code lists the profiles bind to, as they were on a given day.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::{primitive::date, table::Fault};

#[derive(Debug)]
struct List {
    system: Box<str>,
    codes: Vec<Box<str>>,
    from: Option<Date>,
    until: Option<Date>,
}

/// All code lists.
#[derive(Debug)]
pub(crate) struct Codes {
    lists: HashMap<Box<str>, Vec<List>>,
}

impl Codes {
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let mut lists: HashMap<Box<str>, Vec<List>> = HashMap::new();
        for (place, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let fault = || Fault {
                line: place.saturating_add(1),
                what: "Codeliste unlesbar / code list unreadable",
            };
            let mut columns = line.split('\t');
            let mut next = || columns.next().ok_or_else(fault);
            let (name, system, codes, from, until) = (next()?, next()?, next()?, next()?, next()?);
            let day = |text: &str| {
                if text.is_empty() {
                    Ok(None)
                } else {
                    date(text).map(Some).ok_or_else(fault)
                }
            };
            lists.entry(name.into()).or_default().push(List {
                system: system.into(),
                codes: codes.split(' ').map(Box::from).collect(),
                from: day(from)?,
                until: day(until)?,
            });
        }
        Ok(Self { lists })
    }

    /// Whether a list holds a code on a day. Without a system, only the code counts.
    pub(crate) fn holds(&self, list: &str, system: Option<&str>, code: &str, on: Option<Date>) -> bool {
        self.lists.get(list).is_some_and(|lists| {
            lists.iter().any(|list| {
                system.is_none_or(|system| *list.system == *system)
                    && on.is_none_or(|on| {
                        list.from.is_none_or(|from| from <= on) && list.until.is_none_or(|until| on <= until)
                    })
                    && list.codes.iter().any(|known| **known == *code)
            })
        })
    }

    /// Codes of a list as an operator reads them; the first dozen.
    pub(crate) fn words(&self, list: &str) -> String {
        let all: Vec<&str> = self
            .lists
            .get(list)
            .into_iter()
            .flatten()
            .flat_map(|list| list.codes.iter().map(|code| &**code))
            .collect();
        let mut words = all.iter().take(12).copied().collect::<Vec<_>>().join(", ");
        if all.len() > 12 {
            words.push_str(", …");
        }
        words
    }
}
