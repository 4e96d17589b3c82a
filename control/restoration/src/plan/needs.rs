//! What each service stands on, all the way down.

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use vocabulary::ServiceId;

use crate::situation::{RootId, Situation};

/// Everything one service needs, directly or through others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Below {
    pub(crate) roots: BTreeSet<RootId>,
    pub(crate) services: BTreeSet<ServiceId>,
}

/// Per service of the catalogue, everything below it. What stands below a service is needed even where an insurer does
/// not run the service in between.
pub(crate) fn below(estate: &Estate, situation: &Situation) -> BTreeMap<ServiceId, Below> {
    let mut all: BTreeMap<ServiceId, Below> = BTreeMap::new();
    for node in estate.in_dependency_order() {
        let Ok(id) = ServiceId::new(node.as_str()) else {
            continue;
        };
        let Some(service) = estate.service(&id) else {
            continue;
        };
        let mut below = Below::default();
        for need in &service.needs {
            match ServiceId::new(need.as_str())
                .ok()
                .and_then(|id| all.get_key_value(&id))
            {
                Some((id, further)) => {
                    below.services.insert(id.clone());
                    below.services.extend(further.services.iter().cloned());
                    below.roots.extend(further.roots.iter().cloned());
                }
                None => with_roots(RootId::from(need), situation, &mut below.roots),
            }
        }
        all.insert(id, below);
    }
    all
}

/// Adds a root and all roots it needs. Each is visited once, so that a circle in the facts ends.
fn with_roots(root: RootId, situation: &Situation, into: &mut BTreeSet<RootId>) {
    let mut open = vec![root];
    while let Some(root) = open.pop() {
        if !into.insert(root.clone()) {
            continue;
        }
        if let Some(facts) = situation.roots.get(&root) {
            open.extend(facts.needs.iter().cloned());
        }
    }
}
