//! Evaluates the part of FHIRPath the profiles use, the way the reference validator does.

use crate::{parse::Expression, place::Tree};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Node(usize),
    Text(String),
    Number(i64),
    Truth(bool),
}

type Items = Vec<Item>;

pub(crate) struct Evaluator<'t> {
    pub(crate) tree: &'t Tree,
}

impl Evaluator<'_> {
    pub(crate) fn holds(&self, expression: &Expression, context: usize) -> Option<bool> {
        truth(&self.value(expression, &vec![Item::Node(context)], context))
    }

    fn value(&self, expression: &Expression, input: &Items, context: usize) -> Items {
        let of = |inner: &Expression| self.value(inner, input, context);
        match expression {
            Expression::Text(text) => vec![Item::Text(text.clone())],
            Expression::Number(number) => vec![Item::Number(*number)],
            Expression::This => input.clone(),
            Expression::Context => vec![Item::Node(context)],
            Expression::Index(inner, place) => {
                let Some(Item::Number(place)) = of(place).first().cloned() else {
                    return Items::new();
                };
                of(inner)
                    .get(usize::try_from(place).unwrap())
                    .cloned()
                    .into_iter()
                    .collect()
            }
            Expression::Type(inner, is, name) => {
                let items = of(inner);
                if *is {
                    return items
                        .iter()
                        .map(|item| Item::Truth(self.is(item, name)))
                        .collect();
                }
                items.into_iter().filter(|item| self.is(item, name)).collect()
            }
            Expression::Binary(left, sign, right) => self.binary(&of(left), sign, &of(right)),
            Expression::Step(before, name, arguments) => {
                let items = before.as_ref().map_or_else(|| input.clone(), |before| of(before));
                match arguments {
                    None => items.iter().flat_map(|item| self.child(item, name)).collect(),
                    Some(arguments) => self.call(&items, name, arguments, input, context),
                }
            }
        }
    }

    fn text(&self, item: &Item) -> Option<String> {
        match item {
            Item::Node(at) => self.tree.node(*at).value.clone(),
            Item::Text(text) => Some(text.clone()),
            Item::Number(number) => Some(number.to_string()),
            Item::Truth(truth) => Some(truth.to_string()),
        }
    }

    fn is(&self, item: &Item, name: &str) -> bool {
        let Item::Node(at) = item else { return false };
        let own = &self.tree.node(*at).name;
        let mut suffix = name.to_owned();
        suffix[..1].make_ascii_uppercase();
        own == name || (own.len() > suffix.len() && own.ends_with(&suffix))
    }

    fn child(&self, item: &Item, name: &str) -> Items {
        let Item::Node(at) = item else { return Items::new() };
        let choice = |own: &str| {
            own.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        };
        let chosen = matches!(name, "value" | "onset");
        let mut found = Vec::new();
        for kid in &self.tree.node(*at).kids {
            let own = &self.tree.node(*kid).name;
            if own == "resource" && name == "resource" {
                found.extend(self.tree.node(*kid).kids.iter().map(|inside| Item::Node(*inside)));
            } else if own == name || (chosen && choice(own)) {
                found.push(Item::Node(*kid));
            }
        }
        found
    }

    fn binary(&self, left: &Items, sign: &str, right: &Items) -> Items {
        let told = |truth: Option<bool>| truth.map(Item::Truth).into_iter().collect::<Items>();
        let same = || -> Option<bool> {
            if left.is_empty() || right.is_empty() {
                return None;
            }
            // Only values count, never what hangs on them.
            let all = left
                .iter()
                .zip(right)
                .all(|(a, b)| self.text(a).is_some() && self.text(a) == self.text(b));
            Some(left.len() == right.len() && all)
        };
        match sign {
            "=" => told(same()),
            "!=" => told(same().map(|same| !same)),
            "and" => told(match (truth(left), truth(right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }),
            "or" => told(match (truth(left), truth(right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }),
            "implies" => told(match (truth(left), truth(right)) {
                (Some(false), _) | (_, Some(true)) => Some(true),
                (Some(true), right) => right,
                (None, _) => None,
            }),
            "<=" => told(self.before(left, right)),
            "+" | "-" => match (left.first(), right.first()) {
                (Some(Item::Number(a)), Some(Item::Number(b))) => {
                    vec![Item::Number(if sign == "+" { a + b } else { a - b })]
                }
                _ => Items::new(),
            },
            other => panic!("{other}"),
        }
    }

    /// Dates, as far as both are known.
    fn before(&self, left: &Items, right: &Items) -> Option<bool> {
        let (a, b) = (self.text(left.first()?)?, self.text(right.first()?)?);
        let (a_parts, b_parts): (Vec<_>, Vec<_>) = (a.split('-').collect(), b.split('-').collect());
        for (a, b) in a_parts.iter().zip(&b_parts) {
            if a != b {
                return Some(a < b);
            }
        }
        (a_parts.len() == b_parts.len()).then_some(true)
    }

    fn call(
        &self,
        items: &Items,
        name: &str,
        arguments: &[Expression],
        input: &Items,
        context: usize,
    ) -> Items {
        let each =
            |item: &Item| truth(&self.value(&arguments[0], &vec![item.clone()], context)) == Some(true);
        let argument = |place: usize| self.value(&arguments[place], input, context);
        let one = |truth: bool| vec![Item::Truth(truth)];
        match (name, arguments.len()) {
            ("where", 1) => items.iter().filter(|item| each(item)).cloned().collect(),
            ("exists", 0) => one(!items.is_empty()),
            ("exists", 1) => one(items.iter().any(each)),
            ("empty", 0) => one(items.is_empty()),
            ("all", 1) => one(items.iter().all(each)),
            ("allTrue", 0) => one(items.iter().all(|item| *item == Item::Truth(true))),
            ("not", 0) => truth(items)
                .map(|truth| Item::Truth(!truth))
                .into_iter()
                .collect(),
            ("count", 0) => vec![Item::Number(i64::try_from(items.len()).unwrap())],
            ("select", 1) => items
                .iter()
                .flat_map(|item| self.value(&arguments[0], &vec![item.clone()], context))
                .collect(),
            ("extension", 1) => {
                let url = self.text(&argument(0)[0]).unwrap();
                let all = items.iter().flat_map(|item| self.child(item, "extension"));
                all.filter(
                    |item| matches!(item, Item::Node(at) if self.tree.node(*at).url.as_deref() == Some(&url)),
                )
                .collect()
            }
            ("distinct", 0) => {
                let mut seen: Items = Vec::new();
                for item in items {
                    if !seen.iter().any(|other| self.whole(other) == self.whole(item)) {
                        seen.push(item.clone());
                    }
                }
                seen
            }
            ("isDistinct", 0) => {
                let wholes: std::collections::BTreeSet<String> =
                    items.iter().map(|item| self.whole(item)).collect();
                one(wholes.len() == items.len())
            }
            ("resolve", 0) => items
                .iter()
                .filter_map(|item| self.tree.resolve(&self.text(item)?))
                .map(Item::Node)
                .collect(),
            ("toString", 0) => items
                .iter()
                .filter_map(|item| self.text(item))
                .map(Item::Text)
                .collect(),
            _ => self.words(items, name, arguments, input, context),
        }
    }

    /// Functions on one text.
    fn words(
        &self,
        items: &Items,
        name: &str,
        arguments: &[Expression],
        input: &Items,
        context: usize,
    ) -> Items {
        let Some(text) = items
            .first()
            .and_then(|item| self.text(item))
            .filter(|_| items.len() == 1)
        else {
            return Items::new();
        };
        // An argument that begins with an element name is looked for in the text, where there is none; like the reference
        // validator, ours looks where the whole expression stands.
        let argument = |place: usize| self.value(&arguments[place], input, context).first().cloned();
        let chars: Vec<char> = text.chars().collect();
        match name {
            "length" => vec![Item::Number(i64::try_from(chars.len()).unwrap())],
            "indexOf" => {
                let Some(part) = argument(0).and_then(|item| self.text(&item)) else {
                    return Items::new();
                };
                let at = text
                    .find(&part)
                    .map_or(-1, |at| i64::try_from(text[..at].chars().count()).unwrap());
                vec![Item::Number(at)]
            }
            "substring" => {
                let number = |place: usize| match argument(place) {
                    Some(Item::Number(number)) => Some(number),
                    _ => None,
                };
                let (Some(start), Some(length)) = (number(0), number(1)) else {
                    return Items::new();
                };
                if start < 0 || length <= 0 || start >= i64::try_from(chars.len()).unwrap() {
                    return Items::new();
                }
                let part = chars
                    .iter()
                    .skip(usize::try_from(start).unwrap())
                    .take(usize::try_from(length).unwrap());
                vec![Item::Text(part.collect())]
            }
            "matches" => {
                let Some(Item::Text(pattern)) = argument(0) else {
                    return Items::new();
                };
                vec![Item::Truth(matches(&pattern, &text))]
            }
            other => panic!("{other}"),
        }
    }

    /// An item with everything below it.
    fn whole(&self, item: &Item) -> String {
        match item {
            Item::Node(at) => self.tree.whole(*at),
            Item::Text(_) | Item::Number(_) | Item::Truth(_) => self.text(item).unwrap_or_default(),
        }
    }
}

fn truth(items: &Items) -> Option<bool> {
    match items.as_slice() {
        [Item::Truth(truth)] => Some(*truth),
        [_] => Some(true),
        _ => None,
    }
}

/// The patterns the profiles use, and no others.
fn matches(pattern: &str, text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let upper = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase());
    match pattern {
        "^ +$" => !text.is_empty() && text.bytes().all(|b| b == b' '),
        "^[0-9]{9}$" | "^[0-9]{9,9}$" => text.len() == 9 && digits(text),
        "[0-9]{9}" => text
            .as_bytes()
            .windows(9)
            .any(|nine| nine.iter().all(u8::is_ascii_digit)),
        "^[A-Z][0-9]{9}$" => text.len() == 10 && text.is_ascii() && upper(&text[..1]) && digits(&text[1..]),
        "^[A-Z]{1,3}$" => (1..=3).contains(&text.len()) && upper(text),
        other => panic!("{other}"),
    }
}
