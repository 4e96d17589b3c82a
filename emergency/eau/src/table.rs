//! The facts of the profiles, read from the room's tables into a tree that can be walked.

use std::collections::HashMap;

use crate::{
    primitive::Primitive,
    rules::{self, Named},
};

/// A table that cannot be used. It ships with the program, so this is a fault of ours and found by the tests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Tabelle der eAU-Profile, Zeile {line}: {what} / eAU profile table, line {line}: {what}")]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// How often an element may occur.
pub(crate) const MANY: u32 = u32::MAX;

/// What selects a slice.
#[derive(Debug)]
pub(crate) enum When {
    /// The element's own value.
    This(Box<str>),
    /// An extension's url.
    Url(Box<str>),
    /// A value below.
    Below(Vec<Box<str>>, Box<str>),
    /// A coding below: path, system, code.
    Coding(Vec<Box<str>>, Box<str>, Box<str>),
    /// The resource inside, and the profile it claims.
    Resource(Box<str>, Box<str>),
}

/// What an element is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Primitive(Primitive),
    /// Made of others; without own lines, like the datatype with this root.
    Complex(Option<usize>),
    /// Contains one resource.
    Resource,
    /// Not looked into.
    Opaque,
}

/// One line of a table.
#[derive(Debug)]
pub(crate) struct Row {
    /// As the profiles name it: `Composition.type.coding:Art_eAU.code`.
    pub(crate) id: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) kind: Kind,
    type_name: Box<str>,
    pub(crate) fix: Option<Box<str>>,
    pub(crate) length_max: Option<usize>,
    pub(crate) codes: Option<Box<str>>,
    pub(crate) refers: Vec<Box<str>>,
    /// Profile of the resource inside, without version.
    pub(crate) profile: Option<Box<str>>,
    pub(crate) rules: Vec<Named>,
    pub(crate) kids: Vec<Group>,
    /// Groups and slices to be counted below.
    pub(crate) counters: usize,
    pub(crate) banned: Vec<Box<str>>,
}

/// Elements of one name below another.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Box<str>,
    pub(crate) row: usize,
    /// Place of its counter; those of its slices follow.
    pub(crate) counter: usize,
    pub(crate) slices: Vec<(When, usize)>,
    pub(crate) closed: bool,
}

/// All profiles of one version.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
    profiles: HashMap<Box<str>, usize>,
}

impl Table {
    /// Reads a table for documents that claim profiles of this version.
    pub(crate) fn read(text: &str, version: &str) -> Result<Self, Fault> {
        let mut reading = Reading {
            rows: Vec::new(),
            profiles: HashMap::new(),
            types: HashMap::new(),
            open: Vec::new(),
        };
        for (place, line) in text.lines().enumerate() {
            let fault = |what| Fault {
                line: place.saturating_add(1),
                what,
            };
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            reading
                .line(&line.replace("|@", &format!("|{version}")))
                .map_err(fault)?;
        }
        let Reading {
            mut rows,
            profiles,
            types,
            ..
        } = reading;
        for row in &mut rows {
            for group in &mut row.kids {
                group.counter = row.counters;
                row.counters = row.counters.saturating_add(1).saturating_add(group.slices.len());
            }
            if row.kind == Kind::Complex(None) && row.kids.is_empty() {
                row.kind = Kind::Complex(types.get(&row.type_name).copied());
            }
        }
        Ok(Self { rows, profiles })
    }

    pub(crate) fn row(&self, at: usize) -> Option<&Row> {
        self.rows.get(at)
    }

    pub(crate) fn profile(&self, name: &str) -> Option<usize> {
        self.profiles.get(name).copied()
    }
}

struct Reading {
    rows: Vec<Row>,
    profiles: HashMap<Box<str>, usize>,
    types: HashMap<Box<str>, usize>,
    /// Row open at each depth.
    open: Vec<usize>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let mut columns = line.split('\t');
        let first = columns.next().ok_or("leer / empty")?;
        match first {
            "profile" => {
                let name = columns
                    .next()
                    .ok_or("Profil ohne Namen / profile without a name")?;
                let root = columns.next().ok_or("Profil ohne Typ / profile without a type")?;
                let at = self.root(root, columns)?;
                self.profiles.insert(name.into(), at);
            }
            "type" => {
                let name = columns.next().ok_or("Typ ohne Namen / type without a name")?;
                let at = self.root(name, columns)?;
                self.types.insert(name.into(), at);
            }
            _ => {
                let name = first.trim_start_matches('.');
                let depth = first.len().saturating_sub(name.len());
                if depth == 0 || depth > self.open.len() {
                    return Err("falsche Tiefe / wrong depth");
                }
                self.open.truncate(depth);
                if name == "!" {
                    let names = columns.next().ok_or("Liste fehlt / list missing")?;
                    self.parent()?.banned.extend(names.split(' ').map(Box::from));
                } else {
                    self.element(name, columns)?;
                }
            }
        }
        Ok(())
    }

    fn parent(&mut self) -> Result<&mut Row, &'static str> {
        let at = self
            .open
            .last()
            .copied()
            .ok_or("ohne Eltern / without a parent")?;
        self.rows.get_mut(at).ok_or("ohne Eltern / without a parent")
    }

    fn root<'l>(
        &mut self,
        name: &str,
        columns: impl Iterator<Item = &'l str>,
    ) -> Result<usize, &'static str> {
        let mut row = blank(name.into(), name.into(), name);
        row.kind = Kind::Complex(None);
        facts(&mut row, columns)?;
        let at = self.rows.len();
        self.rows.push(row);
        self.open = vec![at];
        Ok(at)
    }

    fn element<'l>(
        &mut self,
        label: &str,
        mut columns: impl Iterator<Item = &'l str>,
    ) -> Result<(), &'static str> {
        let often = columns.next().ok_or("Anzahl fehlt / cardinality missing")?;
        let kind = columns.next().ok_or("Typ fehlt / type missing")?;
        let (name, slice) = label
            .split_once(':')
            .map_or((label, None), |(name, slice)| (name, Some(slice)));
        let id = format!("{}.{label}", self.parent()?.id);
        let mut row = blank(id.into(), name.into(), kind);
        (row.min, row.max) = range(often).ok_or("Anzahl unlesbar / cardinality unreadable")?;
        let (when, closed) = facts(&mut row, columns)?;
        let at = self.rows.len();
        self.rows.push(row);
        let parent = self.parent()?;
        match (slice, when) {
            (None, _) => parent.kids.push(Group {
                name: name.into(),
                row: at,
                counter: 0,
                slices: Vec::new(),
                closed,
            }),
            (Some(_), Some(when)) => {
                let group = parent.kids.iter_mut().find(|group| &*group.name == name);
                group
                    .ok_or("Slice ohne Gruppe / slice without a group")?
                    .slices
                    .push((when, at));
            }
            (Some(_), None) => return Err("Slice ohne Merkmal / slice without a discriminator"),
        }
        self.open.push(at);
        Ok(())
    }
}

fn blank(id: Box<str>, name: Box<str>, type_name: &str) -> Row {
    Row {
        id,
        name,
        min: 0,
        max: MANY,
        kind: kind_of(type_name),
        type_name: type_name.into(),
        fix: None,
        length_max: None,
        codes: None,
        refers: Vec::new(),
        profile: None,
        rules: Vec::new(),
        kids: Vec::new(),
        counters: 0,
        banned: Vec::new(),
    }
}

fn kind_of(name: &str) -> Kind {
    match Primitive::named(name) {
        Some(primitive) => Kind::Primitive(primitive),
        None if name == "Element" || name == "xhtml" => Kind::Opaque,
        None => Kind::Complex(None),
    }
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (min, max) = text.split_once("..")?;
    Some((
        min.parse().ok()?,
        if max == "*" { MANY } else { max.parse().ok()? },
    ))
}

/// The columns after the type. Answers what selects the slice and whether slices are closed.
fn facts<'l>(
    row: &mut Row,
    columns: impl Iterator<Item = &'l str>,
) -> Result<(Option<When>, bool), &'static str> {
    let (mut when, mut closed) = (None, false);
    for column in columns {
        let (key, value) = column
            .split_once('=')
            .ok_or("Angabe ohne Wert / fact without a value")?;
        match key {
            "fix" => row.fix = Some(value.into()),
            "len" => row.length_max = Some(value.parse().map_err(|_| "Länge unlesbar / length unreadable")?),
            "set" => row.codes = Some(value.into()),
            "ref" => row.refers = value.split(',').map(|name| unversioned(name).into()).collect(),
            "profile" => {
                row.kind = Kind::Resource;
                row.profile = Some(unversioned(value).into());
            }
            "slices" => closed = value == "closed",
            "when" => when = Some(selector(value).ok_or("Merkmal unlesbar / discriminator unreadable")?),
            "rule" => {
                for name in value.split(',') {
                    row.rules
                        .push(rules::named(name).ok_or("unbekannte Regel / unknown rule")?);
                }
            }
            _ => return Err("unbekannte Angabe / unknown fact"),
        }
    }
    Ok((when, closed))
}

fn unversioned(profile: &str) -> &str {
    profile.split('|').next().unwrap_or(profile)
}

fn selector(text: &str) -> Option<When> {
    if let Some(resource) = text.strip_prefix('@') {
        let (name, profile) = resource.split_once(':')?;
        return Some(When::Resource(name.into(), profile.into()));
    }
    let (path, value) = text.split_once('=')?;
    let steps = || path.split('.').map(Box::from).collect::<Vec<Box<str>>>();
    Some(match (path, value.split_once('|')) {
        ("$this", _) => When::This(value.into()),
        ("url", _) => When::Url(value.into()),
        ("type.coding", Some((system, code))) => When::Coding(steps(), system.into(), code.into()),
        _ => When::Below(steps(), value.into()),
    })
}
