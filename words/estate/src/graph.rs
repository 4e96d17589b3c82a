//! Dependencies among roots and services: circles found, an order given.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

/// A root or a service of the catalogue; they share one space of names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node(String);

impl Node {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What each node needs. Every needed node is itself a key.
pub(crate) type Needs = BTreeMap<Node, BTreeSet<Node>>;

/// Puts every node after all it needs, alphabetically where that leaves a choice.
///
/// # Errors
/// One path per circle, ending where it begins, when there are circles.
pub(crate) fn order(needs: &Needs) -> Result<Vec<Node>, Vec<Vec<Node>>> {
    let mut missing: BTreeMap<&Node, usize> = needs
        .iter()
        .map(|(node, below)| (node, below.iter().filter(|n| needs.contains_key(*n)).count()))
        .collect();
    let mut ready: BTreeSet<&Node> = missing
        .iter()
        .filter(|(_, n)| **n == 0)
        .map(|(node, _)| *node)
        .collect();
    let mut ordered = Vec::new();
    while let Some(node) = ready.pop_first() {
        missing.remove(node);
        ordered.push(node.clone());
        for (above, below) in needs {
            if !below.contains(node) {
                continue;
            }
            if let Some(count) = missing.get_mut(above) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert(above);
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok(ordered);
    }
    Err(circles(needs, &missing.into_keys().collect()))
}

/// Walks on from each node that is left until one repeats. Nodes already part of a shown circle are not begun again.
fn circles(needs: &Needs, left: &BTreeSet<&Node>) -> Vec<Vec<Node>> {
    let mut shown: BTreeSet<&Node> = BTreeSet::new();
    let mut found = Vec::new();
    for start in left {
        if shown.contains(*start) {
            continue;
        }
        let mut path: Vec<&Node> = Vec::new();
        let mut here: &Node = start;
        while !path.contains(&here) && !shown.contains(here) {
            path.push(here);
            // Every node that is left needs another one that is left; otherwise it would have been ordered.
            let Some(next) = needs
                .get(here)
                .and_then(|below| below.iter().find(|node| left.contains(*node)))
            else {
                break;
            };
            here = next;
        }
        if let Some(begin) = path.iter().position(|node| *node == here) {
            let circle = path
                .iter()
                .skip(begin)
                .copied()
                .chain(core::iter::once(here))
                .cloned()
                .collect();
            found.push(circle);
        }
        shown.extend(path);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Needs {
        edges
            .iter()
            .map(|(node, below)| (Node::new(node), below.iter().map(|n| Node::new(n)).collect()))
            .collect()
    }

    #[test]
    fn what_is_needed_comes_first() {
        let ordered = order(&graph(&[("eau", &["mail"]), ("mail", &["dns"]), ("dns", &[])])).unwrap();
        assert_eq!(
            ordered.iter().map(Node::as_str).collect::<Vec<_>>(),
            ["dns", "mail", "eau"]
        );
    }

    #[test]
    fn each_circle_is_shown_as_a_path_that_ends_where_it_begins() {
        let circles = order(&graph(&[
            ("a", &["b"]),
            ("b", &["c"]),
            ("c", &["b"]),
            ("self", &["self"]),
            ("fine", &[]),
        ]))
        .unwrap_err();
        let shown: Vec<Vec<&str>> = circles
            .iter()
            .map(|path| path.iter().map(Node::as_str).collect())
            .collect();
        assert_eq!(shown, [vec!["b", "c", "b"], vec!["self", "self"]]);
    }
}
