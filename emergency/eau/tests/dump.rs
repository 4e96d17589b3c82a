//! The room's tables say what the profiles say: every element constraint of the shared dumps is found in them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Lines of a table by profile and element id, and what is forbidden below an element.
#[derive(Default)]
struct Table {
    rows: BTreeMap<(String, String), Vec<String>>,
    banned: BTreeSet<(String, String)>,
}

fn table(text: &str, version: &str) -> Table {
    let mut table = Table::default();
    let (mut profile, mut open): (String, Vec<String>) = (String::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let line = line.replace("|@", &format!("|{version}"));
        let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        match columns[0].as_str() {
            "profile" => {
                profile = columns[1].clone();
                open = vec![columns[2].clone()];
                let mut row = vec!["0..*".to_owned(), String::new()];
                row.extend(columns[3..].iter().cloned());
                table.rows.insert((profile.clone(), columns[2].clone()), row);
            }
            "type" => return table,
            first => {
                let name = first.trim_start_matches('.');
                open.truncate(first.len() - name.len());
                if name == "!" {
                    for banned in columns[1].split(' ') {
                        table
                            .banned
                            .insert((profile.clone(), format!("{}.{banned}", open.join("."))));
                    }
                } else {
                    open.push(name.to_owned());
                    table
                        .rows
                        .insert((profile.clone(), open.join(".")), columns[1..].to_vec());
                }
            }
        }
    }
    table
}

/// An id as the tables write it: the chosen type instead of the choice.
fn id_of(element: &str) -> String {
    let steps: Vec<&str> = element
        .split('.')
        .map(|step| match step.split_once("[x]:") {
            Some((_, chosen)) => chosen,
            None => step,
        })
        .collect();
    // Below a choice that is not named, the choice is a coding everywhere in these profiles.
    steps
        .join(".")
        .replace(":XX-Type", "")
        .replace("value[x].", "valueCoding.")
}

/// An element that can never occur, because it or something above it is forbidden.
fn forbidden(table: &Table, profile: &str, id: &str) -> bool {
    let steps: Vec<&str> = id.split('.').collect();
    (2..=steps.len()).any(|length| {
        let above = steps[..length].join(".");
        let plain = format!(
            "{}.{}",
            steps[..length - 1].join("."),
            steps[length - 1].split(':').next().unwrap()
        );
        let row = table.rows.get(&(profile.to_owned(), above.clone()));
        let group = table.rows.get(&(profile.to_owned(), plain.clone()));
        let closed = group.is_some_and(|row| row.iter().any(|column| column == "slices=closed"));
        table.banned.contains(&(profile.to_owned(), above))
            || table.banned.contains(&(profile.to_owned(), plain))
            || row.is_some_and(|row| row[0].ends_with("..0"))
            // A slice that is not listed in a closed group is nobody's.
            || (row.is_none() && steps[length - 1].contains(':') && closed)
    })
}

fn missing(table: &Table, profile: &str, element: &Value) -> Option<String> {
    let dumped = element["id"].as_str().unwrap();
    let id = id_of(dumped);
    if element["max"] == "0" {
        return (!forbidden(table, profile, &id)).then(|| format!("{profile} {dumped}: may occur"));
    }
    if forbidden(table, profile, &id) {
        return None;
    }
    // A choice of one type is written under the chosen name.
    let chosen = |id: &str| -> Option<Vec<String>> {
        if let Some(row) = table.rows.get(&(profile.to_owned(), id.to_owned())) {
            return Some(row.clone());
        }
        let stems: Vec<String> = [
            "valueDateTime",
            "valueBoolean",
            "valueCoding",
            "valueCodeableConcept",
            "valueString",
            "valueCode",
            "valueIdentifier",
            "valueDate",
        ]
        .iter()
        .map(|name| id.replace("value[x]", name))
        .chain([id.replace("onset[x]", "onsetPeriod")])
        .collect();
        stems
            .into_iter()
            .find_map(|id| table.rows.get(&(profile.to_owned(), id)).cloned())
    };
    // The url of an extension is what selects its slice.
    if let Some(extension) = id.strip_suffix(".url") {
        let row = chosen(extension)?;
        let url = element["fixedUri"].as_str()?;
        return (!row.contains(&format!("when=url={url}"))).then(|| format!("{profile} {dumped}: url"));
    }
    let Some(row) = chosen(&id) else {
        let says_something = [
            "min",
            "fixedUri",
            "fixedCode",
            "fixedString",
            "maxLength",
            "constraint",
            "binding",
        ];
        let says = says_something
            .iter()
            .any(|key| !element[*key].is_null() && element[*key] != 0);
        return says.then(|| format!("{profile} {dumped}: no line"));
    };
    let mut wrong = Vec::new();
    let (min, max) = row[0].split_once("..").unwrap();
    if let Some(wanted) = element["min"].as_u64()
        && min.parse::<u64>().unwrap() < wanted
    {
        wrong.push("min");
    }
    if let Some(wanted) = element["max"].as_str()
        && wanted != "*"
        && (max == "*" || max.parse::<u64>().unwrap() > wanted.parse().unwrap())
    {
        wrong.push("max");
    }
    for (key, value) in element
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| key.starts_with("fixed"))
    {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !row.contains(&format!("fix={value}")) {
            wrong.push(key);
        }
    }
    if let Some(length) = element["maxLength"].as_u64()
        && !row.contains(&format!("len={length}"))
    {
        wrong.push("maxLength");
    }
    if let Some(list) = element["binding"]["valueSet"].as_str() {
        let list = list.rsplit('/').next().unwrap();
        if !row.contains(&format!("set={list}")) {
            wrong.push("binding");
        }
    }
    let rules: Vec<&str> = row
        .iter()
        .filter_map(|column| column.strip_prefix("rule="))
        .flat_map(|rules| rules.split(','))
        .collect();
    for constraint in element["constraint"].as_array().into_iter().flatten() {
        if !rules.contains(&constraint["key"].as_str().unwrap()) {
            wrong.push(constraint["key"].as_str().unwrap());
        }
    }
    (!wrong.is_empty()).then(|| format!("{profile} {dumped}: {}", wrong.join(", ")))
}

fn compare(dump: &str, text: &str, version: &str) {
    let Some(folder) = common::shared("eau-constraints") else {
        return;
    };
    let definitions: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder.join(dump)).unwrap()).unwrap();
    let table = table(text, version);
    let (mut count, mut wrong) = (0, Vec::new());
    for definition in &definitions {
        let profile = definition["url"].as_str().unwrap().rsplit('/').next().unwrap();
        // Extensions are written where they are used.
        if !profile.contains("_PR_") || profile.contains("Identifier_PkvID") {
            continue;
        }
        for element in definition["elements"].as_array().unwrap() {
            count += 1;
            wrong.extend(missing(&table, profile, element));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 1200, "only {count}");
}

#[test]
fn version_1_2_1() {
    compare("eau-1.2.1.json", include_str!("../data/eau-1.2.tsv"), "1.2");
}

#[test]
fn version_1_1_0() {
    compare("eau-1.1.1.json", include_str!("../data/eau-1.1.tsv"), "1.1.0");
}
