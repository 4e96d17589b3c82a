//! Reads answers by key back.

use std::collections::BTreeMap;

use vocabulary::{Digest, EstateId};

use super::Breach;
use crate::{
    ask::{self, Answer},
    site::Site,
};

pub(super) fn read(
    estate: &EstateId,
    answers: &BTreeMap<Digest, Answer>,
    site: &Site,
) -> Result<(), Vec<Breach>> {
    let mut breaches = Vec::new();
    let mut expected = BTreeMap::new();
    for (key, answer) in answers {
        for ending in ["json", "html"] {
            expected.insert(ask::path(key, ending), (key, answer));
        }
    }
    for path in expected.keys().filter(|path| site.get(path.as_str()).is_none()) {
        breaches.push(Breach::MissingFile {
            path: path.to_string(),
        });
    }
    for path in site
        .files
        .keys()
        .filter(|path| !expected.contains_key(path.as_str()))
    {
        breaches.push(Breach::ForeignFile {
            path: path.to_string(),
        });
    }
    for (key, answer) in answers {
        if let Err(breach) = one(estate, key, answer, site) {
            breaches.push(breach);
        }
    }
    if breaches.is_empty() {
        Ok(())
    } else {
        Err(breaches)
    }
}

/// Both files are made of the answer and the signature alone: with the signature read back, they must be exactly what
/// is made from the answer that was put in.
fn one(estate: &EstateId, key: &Digest, answer: &Answer, site: &Site) -> Result<(), Breach> {
    let path = ask::path(key, "json");
    let Some(json) = site.files.get(&path) else {
        return Ok(());
    }; // reported as missing already
    let file: ask::File = serde_json::from_slice(json).map_err(|why| Breach::Unreadable {
        path: path.to_string(),
        why: why.to_string(),
    })?;
    let contradiction = |path: &str, says: String, sheet: String| Breach::Contradiction {
        path: path.to_owned(),
        about: key.short(),
        says,
        sheet,
    };
    if (file.key, file.state) != (*key, answer.state) || file.as_of != answer.as_of.to_string() {
        let sheet = format!("{key} {} {}", answer.state.slug(), answer.as_of);
        return Err(contradiction(
            path.as_str(),
            format!("{} {} {}", file.key, file.state.slug(), file.as_of),
            sheet,
        ));
    }
    let again =
        ask::files(estate, key, answer, &|_| file.signature.clone()).map_err(|why| Breach::Unreadable {
            path: path.to_string(),
            why: why.to_string(),
        })?;
    for (path, bytes) in again {
        if site.files.get(&path).is_some_and(|found| *found != bytes) {
            return Err(contradiction(
                path.as_str(),
                "other bytes".to_owned(),
                "the answer".to_owned(),
            ));
        }
    }
    Ok(())
}
