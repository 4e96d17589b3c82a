//! Roots stand on roots, and the estate says on which.

use std::collections::BTreeMap;

use estate::{Node, Seed, check, sample};

#[test]
fn roots_keep_what_they_need() {
    let estate = check(&sample(Seed(1)), "sample.toml").unwrap();
    let needs: BTreeMap<&str, Vec<&str>> = estate
        .roots()
        .map(|root| (root.id.as_str(), root.needs.iter().map(Node::as_str).collect()))
        .collect();
    assert_eq!(
        needs,
        BTreeMap::from([
            ("network", vec![]),
            ("dns", vec!["network"]),
            ("identity", vec!["dns"]),
            ("keys", vec!["identity"]),
            ("mail", vec!["dns", "keys"]),
        ])
    );
}
