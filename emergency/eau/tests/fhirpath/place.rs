//! The evaluator's own tree, and where in it a constraint stands.

use quick_xml::{Reader, events::Event};

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) kids: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(crate) fn read(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let (mut nodes, mut open): (Vec<Node>, Vec<usize>) = (Vec::new(), Vec::new());
        loop {
            let event = reader.read_event().unwrap();
            let (start, empty) = match event {
                Event::Start(start) => (start, false),
                Event::Empty(start) => (start, true),
                Event::End(_) => {
                    open.pop();
                    continue;
                }
                Event::Eof => return Self { nodes },
                Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::Decl(_) => continue,
                Event::PI(_) | Event::DocType(_) | Event::GeneralRef(_) => continue,
            };
            let mut node = Node {
                name: start.name().into_inner().to_owned(),
                ..Node::default()
            };
            for attribute in start.attributes() {
                let attribute = attribute.unwrap();
                let value = quick_xml::escape::unescape(&attribute.value)
                    .unwrap()
                    .into_owned();
                match attribute.key.into_inner() {
                    "value" => node.value = Some(value),
                    "url" => node.url = Some(value),
                    _ => {}
                }
            }
            let here = nodes.len();
            nodes.push(node);
            if let Some(parent) = open.last() {
                nodes[*parent].kids.push(here);
            }
            if !empty {
                open.push(here);
            }
        }
    }

    pub(crate) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    fn named(&self, at: usize, name: &str) -> Vec<usize> {
        self.node(at)
            .kids
            .iter()
            .copied()
            .filter(|kid| self.node(*kid).name == name)
            .collect()
    }

    fn values(&self, at: usize, path: &[&str]) -> Vec<String> {
        let mut places = vec![at];
        for name in path {
            places = places.iter().flat_map(|place| self.named(*place, name)).collect();
        }
        places
            .iter()
            .filter_map(|place| self.node(*place).value.clone())
            .collect()
    }

    fn resources(&self) -> Vec<(Option<String>, usize)> {
        let entries = self.named(0, "entry");
        entries
            .iter()
            .flat_map(|entry| {
                let address = self.values(*entry, &["fullUrl"]).first().cloned();
                self.named(*entry, "resource")
                    .into_iter()
                    .flat_map(|at| self.node(at).kids.clone())
                    .map(move |at| (address.clone(), at))
            })
            .collect()
    }

    /// By full address, else by type and id.
    pub(crate) fn resolve(&self, reference: &str) -> Option<usize> {
        let resources = self.resources();
        if let Some((_, at)) = resources
            .iter()
            .find(|(address, _)| address.as_deref() == Some(reference))
        {
            return Some(*at);
        }
        let (kind, id) = reference.split_once('/')?;
        let ends = format!("/{kind}/{id}");
        let fits = |(address, at): &(Option<String>, usize)| {
            let addressed = address.as_ref().is_some_and(|address| address.ends_with(&ends));
            self.node(*at).name == kind
                && (addressed || self.values(*at, &["id"]).first().is_some_and(|own| own == id))
        };
        resources
            .iter()
            .find(|resource| fits(resource))
            .map(|(_, at)| *at)
    }

    pub(crate) fn whole(&self, at: usize) -> String {
        let node = self.node(at);
        let kids: String = node.kids.iter().map(|kid| self.whole(*kid)).collect();
        format!("<{} {:?} {:?}>{kids}", node.name, node.value, node.url)
    }
}

/// Elements a constraint of a profile's element stands on.
pub(crate) fn contexts(tree: &Tree, profile: &str, element: &str) -> Vec<usize> {
    let mut steps = element.split('.');
    let root = steps.next().unwrap();
    let claims = |at: usize| {
        let claimed = tree.values(at, &["meta", "profile"]);
        tree.node(at).name == root
            && (root != "Condition"
                || claimed
                    .iter()
                    .any(|own| own.split('|').next().unwrap().ends_with(&format!("/{profile}"))))
    };
    let mut places: Vec<usize> = if root == "Bundle" {
        let own = tree.values(0, &["meta", "profile"]).concat();
        if own.contains(&format!("/{profile}|")) {
            vec![0]
        } else {
            Vec::new()
        }
    } else {
        tree.resources()
            .into_iter()
            .map(|(_, at)| at)
            .filter(|at| claims(*at))
            .collect()
    };
    // A note's composition and a cancellation's are of one type.
    if root == "Composition" {
        let storno = tree.values(0, &["meta", "profile"]).concat().contains("Storno");
        places.retain(|_| profile.contains("Storno") == storno);
    }
    for step in steps {
        let (name, slice) = step.split_once(':').unwrap_or((step, ""));
        let name = if name == "value[x]" { slice } else { name };
        places = places
            .iter()
            .flat_map(|place| tree.named(*place, name))
            .filter(|at| in_slice(tree, *at, name, slice))
            .collect();
    }
    places
}

fn in_slice(tree: &Tree, at: usize, name: &str, slice: &str) -> bool {
    let coded = |code: &str| {
        tree.named(at, "type")
            .iter()
            .flat_map(|kind| tree.named(*kind, "coding"))
            .any(|coding| {
                tree.values(coding, &["code"]).concat() == code
                    && tree.values(coding, &["system"]) == [system_of(code)]
            })
    };
    match (name, slice) {
        (_, "") => true,
        ("identifier", "Institutionskennzeichen") => coded("XX"),
        ("identifier", "Betriebsstaettennummer") => coded("BSNR"),
        ("identifier", "KZV-Abrechnungsnummer") => coded("KZVA"),
        ("identifier", "Standortnummer") => coded("KSN"),
        ("identifier", "versichertenId") => coded("KVZ10"),
        ("identifier", "ANR") => coded("LANR"),
        ("identifier", "ZANR") => coded("ZANR"),
        ("address", "Strassenanschrift") => tree.values(at, &["type"]) == ["both"],
        ("address", "Postfach") => tree.values(at, &["type"]) == ["postal"],
        ("extension", "alternativeID") => {
            tree.node(at).url.as_deref()
                == Some("https://fhir.kbv.de/StructureDefinition/KBV_EX_FOR_Alternative_IK")
        }
        _ => true,
    }
}

fn system_of(code: &str) -> &'static str {
    match code {
        "XX" | "BSNR" | "LANR" => "http://terminology.hl7.org/CodeSystem/v2-0203",
        "KSN" => "https://fhir.kbv.de/CodeSystem/KBV_CS_Base_identifier_type",
        _ => "http://fhir.de/CodeSystem/identifier-type-de-basis",
    }
}
