//! Documents that break one line of the profile tables: an element missing, doubled, of a wrong value, in a wrong place.

use std::collections::HashSet;

use jiff::civil::Date;

use super::{
    Author, Payor, Sample, Step, Wanted, note_tree, sample, storno_tree,
    tree::{Tree, val},
};
use crate::{
    check::{Kind as Document, Validator},
    primitive::Primitive,
    table::{Group, Kind, MANY, Row, Table, When},
    version::Version,
};

/// A document that breaks one line of a table.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The finding it was made for.
    pub rule: String,
    /// Findings that may stand for it: where a value is what tells slices apart, a wrong one makes it a stranger.
    pub instead: Vec<String>,
    /// The document.
    pub sample: Sample,
}

/// Hands over one document for every line of the 1.2 tables that a note, a cancellation or an error message reaches.
pub fn cuts(validator: &Validator, seed: u64, issued: Date, take: &mut dyn FnMut(Cut)) {
    let table = validator.table(Version::V1_2_1);
    let mut done = HashSet::new();
    for (document, tree) in grounds(seed, issued) {
        if let Some(row) = table.profile(document.profile()).and_then(|at| table.row(at)) {
            let mut cutting = Cutting {
                table,
                tree: &tree,
                done: &mut done,
                take: &mut *take,
                instead: Vec::new(),
            };
            cutting.row(row, &mut Vec::new(), &tree);
        }
    }
}

/// Documents that together show every element of the tables.
fn grounds(seed: u64, issued: Date) -> Vec<(Document, Tree)> {
    let plain = || Wanted::plain(issued);
    let all_steps = vec![
        Step::Rehabilitation,
        Step::Reintegration,
        Step::Inpatient,
        Step::Other,
    ];
    let notes = [
        Wanted {
            text: true,
            diagnoses: 6,
            steps: vec![Step::Other],
            ..plain()
        },
        Wanted {
            payor: Payor::Pkv,
            steps: all_steps,
            post_box: true,
            ..plain()
        },
        Wanted {
            author: Author::Trainee,
            team: true,
            ..plain()
        },
        Wanted {
            author: Author::Asv,
            team: true,
            ..plain()
        },
        Wanted {
            author: Author::Dentist,
            payor: Payor::Bg,
            ..plain()
        },
        Wanted {
            payor: Payor::Skt,
            ..plain()
        },
    ];
    let mut grounds: Vec<_> = notes
        .iter()
        .map(|wanted| (Document::Note, note_tree(seed, wanted)))
        .collect();
    grounds.push((
        Document::Storno,
        storno_tree(seed, "urn:uuid:5a0f3f0e-0000-5000-8000-000000000000", issued),
    ));
    grounds
}

struct Cutting<'c> {
    table: &'c Table,
    tree: &'c Tree,
    done: &'c mut HashSet<String>,
    take: &'c mut dyn FnMut(Cut),
    instead: Vec<String>,
}

impl Cutting<'_> {
    /// Breaks everything about an element (at a path of places) and what is below.
    fn row(&mut self, row: &Row, path: &mut Vec<usize>, here: &Tree) {
        match row.kind {
            Kind::Primitive(primitive) => self.value(row, path, primitive, here),
            Kind::Resource => {
                let profile = row.profile.as_deref().and_then(|name| self.table.profile(name));
                if let (Some(profile), Some(inside)) =
                    (profile.and_then(|at| self.table.row(at)), here.kids.first())
                {
                    path.push(0);
                    self.row(profile, path, inside);
                    path.pop();
                }
                return;
            }
            Kind::Complex(_) => {
                self.change(&format!("{}.stranger#unknown", row.id), path, |at| {
                    at.kids.push(val("stranger", "x"))
                });
                if !row.kids.iter().any(|group| &*group.name == "extension") {
                    self.change(&format!("{}.extension#max", row.id), path, |at| {
                        at.kids.insert(
                            0,
                            super::tree::ext("https://example.org/x", val("valueString", "x")),
                        );
                    });
                }
            }
            Kind::Opaque => return,
        }
        for banned in &row.banned {
            let name = banned
                .strip_suffix("[x]")
                .map_or_else(|| banned.to_string(), |stem| format!("{stem}String"));
            self.change(&format!("{}.{name}#max", row.id), path, |at| {
                at.kids.push(val(&name, "x"))
            });
        }
        if row.codes.is_some() && matches!(row.kind, Kind::Complex(_)) {
            let inside = here.kids.iter().any(|kid| kid.name == "coding");
            self.change(&format!("{}#binding", row.id), path, |at| {
                let code = if inside {
                    at.down("coding/code")
                } else {
                    at.down("code")
                };
                if let Some(code) = code {
                    code.value = Some("no-such-code".into());
                }
            });
        }
        if !row.refers.is_empty() && here.kids.iter().any(|kid| kid.name == "reference") {
            let mut tree = self.tree.clone();
            let wrong = tree
                .down("entry/fullUrl")
                .and_then(|at| at.value.clone())
                .unwrap_or_default();
            self.change(&format!("{}#reference", row.id), path, |at| {
                if let Some(reference) = at.down("reference") {
                    reference.value = Some(wrong);
                }
            });
        }
        for group in &row.kids {
            self.group(row, group, path, here);
        }
    }

    fn value(&mut self, row: &Row, path: &[usize], primitive: Primitive, here: &Tree) {
        let wrong = match primitive {
            Primitive::Id => "ä ö",
            Primitive::Uri | Primitive::Canonical => "a b",
            Primitive::Code => " a",
            Primitive::Text => "",
            Primitive::Boolean => "ja",
            Primitive::Date | Primitive::DateTime | Primitive::Instant => "31.12.2025",
            Primitive::PositiveInt => "-1",
        };
        self.change(&format!("{}#type", row.id), path, |at| {
            at.value = Some(wrong.into())
        });
        if let Some(fix) = &row.fix {
            let other = if primitive == Primitive::Boolean {
                "false".to_owned()
            } else {
                format!("{fix}x")
            };
            self.change(&format!("{}#fixed", row.id), path, |at| at.value = Some(other));
        }
        if let Some(max) = row.length_max {
            let long = "x".repeat(max.saturating_add(1));
            self.change(&format!("{}#maxLength", row.id), path, |at| at.value = Some(long));
        }
        if row.codes.is_some() {
            self.change(&format!("{}#binding", row.id), path, |at| {
                at.value = Some("no-such-code".into())
            });
        }
        if here.kids.is_empty() {
            self.change("ele-1", path, |at| at.value = None);
        }
    }

    fn group(&mut self, parent: &Row, group: &Group, path: &mut Vec<usize>, here: &Tree) {
        let Some(whole) = self.table.row(group.row) else {
            return;
        };
        let places: Vec<usize> = here
            .kids
            .iter()
            .enumerate()
            .filter(|(_, kid)| kid.name == *group.name)
            .map(|(place, _)| place)
            .collect();
        self.often(whole, path, here, &places);
        let stranger = format!("{}.{}#slicing", parent.id, group.name);
        if let (true, Some(first)) = (group.closed, places.first()) {
            self.estranged(&stranger, group, path, here, *first);
        }
        let before = self.instead.len();
        self.instead.push(stranger);
        for (when, at) in &group.slices {
            let Some(row) = self.table.row(*at) else { continue };
            let mine: Vec<usize> = places
                .iter()
                .copied()
                .filter(|place| here.kids.get(*place).is_some_and(|kid| selects(kid, when)))
                .collect();
            self.often(row, path, here, &mine);
            if row.max == 0 {
                self.forbidden(row, when, path, here, places.first().copied());
            }
            let slice = self.instead.len();
            self.instead.push(format!("{}#min", row.id));
            if let (Some(place), true) = (mine.first(), row.max != 0) {
                self.below(row, *place, path, here);
            }
            self.instead.truncate(slice);
        }
        self.instead.truncate(before);
        if group.slices.is_empty()
            && let Some(place) = places.first()
        {
            self.below(whole, *place, path, here);
        }
    }

    fn below(&mut self, row: &Row, place: usize, path: &mut Vec<usize>, here: &Tree) {
        if let Some(kid) = here.kids.get(place) {
            path.push(place);
            self.row(row, path, kid);
            path.pop();
        }
    }

    /// Too few and too many.
    fn often(&mut self, row: &Row, path: &[usize], here: &Tree, places: &[usize]) {
        let Some(first) = places.first().copied() else {
            return;
        };
        if row.min > 0 {
            self.change(&format!("{}#min", row.id), path, |at| {
                let mut place = 0_usize;
                at.kids.retain(|_| {
                    place = place.saturating_add(1);
                    !places.contains(&place.wrapping_sub(1))
                });
            });
        }
        if row.max != MANY
            && row.max > 0
            && let Some(copy) = here.kids.get(first)
        {
            let there = u32::try_from(places.len()).unwrap_or(MANY);
            self.change(&format!("{}#max", row.id), path, |at| {
                for _ in there..=row.max {
                    at.kids.insert(first, copy.clone());
                }
            });
        }
    }

    /// An element that belongs to no slice.
    fn estranged(&mut self, rule: &str, group: &Group, path: &[usize], here: &Tree, first: usize) {
        let Some(mut copy) = here.kids.get(first).cloned() else {
            return;
        };
        if let Some((when, _)) = group.slices.first() {
            turn(&mut copy, when, Some("urn:stranger"));
        }
        self.change(rule, path, |at| {
            if let Some(kid) = at.kids.get_mut(first) {
                *kid = copy;
            }
        });
    }

    /// An element of a slice that may not occur.
    fn forbidden(&mut self, row: &Row, when: &When, path: &[usize], here: &Tree, first: Option<usize>) {
        let Some(first) = first else { return };
        let Some(mut copy) = here.kids.get(first).cloned() else {
            return;
        };
        turn(&mut copy, when, None);
        self.change(&format!("{}#max", row.id), path, |at| {
            if let Some(kid) = at.kids.get_mut(first) {
                *kid = copy;
            }
        });
    }

    fn change(&mut self, rule: &str, path: &[usize], change: impl FnOnce(&mut Tree)) {
        if !self.done.insert(rule.to_owned()) {
            return;
        }
        let mut tree = self.tree.clone();
        let at = path
            .iter()
            .try_fold(&mut tree, |at, place| at.kids.get_mut(*place));
        if let Some(at) = at {
            change(at);
            (self.take)(Cut {
                rule: rule.to_owned(),
                instead: self.instead.clone(),
                sample: sample(&tree),
            });
        }
    }
}

fn selects(tree: &Tree, when: &When) -> bool {
    let mut tree = tree.clone();
    match when {
        When::This(value) => tree.value.as_deref() == Some(value),
        When::Url(url) => tree.url.as_deref() == Some(url),
        When::Below(path, value) => tree
            .down(&path.join("/"))
            .is_some_and(|at| at.value.as_deref() == Some(value)),
        When::Coding(path, system, code) => tree.down(&path.join("/")).is_some_and(|coding| {
            coding
                .down("system")
                .is_some_and(|at| at.value.as_deref() == Some(system))
                && coding
                    .down("code")
                    .is_some_and(|at| at.value.as_deref() == Some(code))
        }),
        When::Resource(kind, profile) => tree
            .down("resource")
            .and_then(|at| at.kids.first_mut())
            .is_some_and(|inside| {
                let claimed = inside
                    .down("meta/profile")
                    .and_then(|at| at.value.clone())
                    .unwrap_or_default();
                inside.name == **kind && (**kind != *"Condition" || claimed.contains(&format!("{profile}|")))
            }),
    }
}

/// Makes an element fit a slice, or nothing.
fn turn(tree: &mut Tree, when: &When, stranger: Option<&str>) {
    let put = |at: Option<&mut Tree>, value: &str| {
        if let Some(at) = at {
            at.value = Some(stranger.unwrap_or(value).to_owned());
        }
    };
    match when {
        When::This(value) => put(Some(tree), value),
        When::Url(url) => tree.url = Some(stranger.unwrap_or(url).to_owned()),
        When::Below(path, value) => put(tree.down(&path.join("/")), value),
        When::Coding(path, system, code) => {
            let path = path.join("/");
            put(tree.down(&format!("{path}/system")), system);
            put(tree.down(&format!("{path}/code")), code);
        }
        When::Resource(_, _) => {
            if let Some(inside) = tree.down("resource").and_then(|at| at.kids.first_mut()) {
                inside.name = "Device".into();
            }
        }
    }
}
