//! The walls: which room may know which, in full, and what each wall proves by what is missing.
//!
//! A new arrow is a design decision: it is added here, in the same commit, by somebody who can say why.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeSet;
use xtask::{
    sources,
    workspace::{Need, Workspace},
};

/// Every arrow of the product: a room, and the rooms its manifest names.
const ARROWS: &[(&str, &[&str])] = &[
    // words: what we say to each other
    ("vocabulary", &[]),
    ("estate", &["vocabulary"]),
    ("record", &["vocabulary"]),
    ("order", &["record", "vocabulary"]),
    ("clearance", &["order", "record", "vocabulary"]),
    // doors: works with everything behind it dead or hostile
    ("ledger", &["record", "vocabulary"]),
    ("door", &["clearance", "ledger", "order", "record", "vocabulary"]),
    ("spool", &["ledger", "record", "vocabulary"]), // record: salted commitments and batch roots for its log
    // ledger and record: the POP3 front keeps a log of its own, whose entries are the record's
    ("mail", &["door", "ledger", "record", "spool", "vocabulary"]),
    // control: the control plane decides what is shown and proposed; the doors decide what passes
    (
        "console",
        &[
            "clearance",
            "estate",
            "evidence",
            "order",
            "publication",
            "readiness",
            "restoration",
            "vocabulary",
        ],
    ),
    // in peace: what is armed, whom to reach; order: the charter's persons and keys in the crisis booklet
    ("readiness", &["estate", "order", "vocabulary"]),
    // control: reads the logs of all others, moves nothing
    (
        "evidence",
        &["clearance", "door", "ledger", "order", "record", "vocabulary"],
    ),
    // the truth told to everyone: facts come as plain values, so that there is nothing to leak
    ("publication", &["estate", "vocabulary"]),
    // proposes, never acts: the words about places, nothing about orders or doors
    ("warning", &["estate", "vocabulary"]),
    ("restoration", &["estate", "vocabulary"]), // facts as plain data: the planner cannot write its own permission
    // emergency: what runs meanwhile; reads one kind of document and knows nothing else
    ("eau", &[]),
    ("kim", &["vocabulary"]), // the rules of the mail around it, without a socket
    ("kim-net", &["kim", "vocabulary"]), // its sockets: a mailbox to fetch from, and the one way to an attachment store
    ("smime", &["vocabulary"]),
    ("hsm", &["smime"]), // keys on a token: the only room that loads a foreign library into the process
    // the signer's own machine
    ("sign", &["clearance", "order", "vocabulary"]),
    // the system exercised, and the one binary
    (
        "drill",
        &[
            "clearance",
            "door",
            "estate",
            "ledger",
            "mail",
            "order",
            "record",
            "spool",
            "vocabulary",
        ],
    ),
    (
        "bulkhead",
        &[
            "clearance",
            "console",
            "door",
            "drill",
            "eau",
            "estate",
            "evidence",
            "kim",
            "ledger",
            "mail",
            "order",
            "publication",
            "readiness",
            "record",
            "restoration",
            "sign",
            "smime",
            "spool",
            "vocabulary",
            "warning",
        ],
    ),
    ("xtask", &[]),
];

/// Arrows that only tests, examples and benches draw. They are in no binary.
const TEST_ARROWS: &[(&str, &[&str])] = &[
    // times of the drill's certificates
    ("hsm", &["vocabulary"]),
    // what may be prepared as an answer is exactly what a release can name
    ("kim", &["order"]),
    // real orders, clearances and a real log, so that the fronts are tested at a real door
    ("mail", &["clearance", "order"]),
    // a real charter, with witnesses' keys, in the booklet
    ("readiness", &["record"]),
    // a real authority log and real doors behind the pages
    ("console", &["door", "ledger", "record"]),
];

/// A wall: rooms (or a whole house, written `doors/`) that must not reach others, however far around, and why.
/// What is forbidden is a room, a house, or a package from outside.
struct Wall {
    rooms: &'static [&'static str],
    never: &'static [&'static str],
    therefore: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        rooms: &["warning"],
        never: &["sign", "doors/"],
        therefore: "a detector can propose; it cannot shut anything by itself except through a pre-signed standing order",
    },
    Wall {
        rooms: &["doors/"],
        never: &["control/", "emergency/", "sign", "drill", "bulkhead"],
        therefore: "a door works, and stays small enough to audit, when everything behind it is hostile or dead",
    },
    Wall {
        rooms: &["spool"],
        never: &["mail", "mail-parser", "mail-builder", "smtp-proto", "emergency/"],
        therefore: "it holds sealed bytes and cannot read a patient's record",
    },
    Wall {
        rooms: &["clearance"],
        never: &["restoration", "console"],
        therefore: "the planner cannot write its own permission",
    },
    Wall {
        rooms: &["publication"],
        never: &["spool", "evidence", "emergency/"],
        therefore: "the public page cannot leak what it cannot see",
    },
    Wall {
        rooms: &["words/"],
        never: &[
            "tokio",
            "mio",
            "rustls",
            "rusqlite",
            "rustix",
            "doors/",
            "control/",
            "emergency/",
        ],
        therefore: "words know no clock, no disk and no socket: they say the same on every machine",
    },
    Wall {
        rooms: &["door", "ledger"],
        never: &["mail", "spool", "tokio-rustls", "rusqlite", "mail-parser"],
        therefore: "what decides and remembers a door's position does not share its fate with a parser of foreign bytes",
    },
];

/// Rooms and houses the map of DESIGN section 3 names and nobody has built yet. A wall may already speak about them;
/// any other unknown name in a wall is a spelling mistake.
const PLANNED: &[&str] = &["control/", "emergency/"];

#[test]
fn every_arrow_is_listed() {
    let workspace = Workspace::load().unwrap();
    let mut wrong = Vec::new();
    for (need, list) in [(Need::Product, ARROWS), (Need::Tests, TEST_ARROWS)] {
        for room in workspace.rooms.values() {
            let allowed: BTreeSet<&str> = list
                .iter()
                .filter(|(name, _)| *name == room.name)
                .flat_map(|(_, rooms)| rooms.iter().copied())
                .collect();
            for (other, kind) in &room.rooms {
                let drawn_anyway =
                    need == Need::Tests && room.rooms.contains(&(other.clone(), Need::Product));
                if *kind == need && !allowed.contains(other.as_str()) && !drawn_anyway {
                    wrong.push(format!(
                        "{} now depends on {other} ({need:?}). A new arrow is a design decision: list it here and say why in the commit, or take it out.",
                        room.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_room_is_on_the_list_and_every_listed_room_exists() {
    let workspace = Workspace::load().unwrap();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = workspace.rooms.keys().map(String::as_str).collect();
    assert_eq!(
        listed, there,
        "the list of arrows and the workspace name different rooms"
    );
    for (room, others) in ARROWS.iter().chain(TEST_ARROWS) {
        for other in *others {
            assert!(
                there.contains(other),
                "the arrow {room} -> {other} points at no room"
            );
        }
    }
}

#[test]
fn every_wall_holds_all_the_way_around() {
    let workspace = Workspace::load().unwrap();
    let door = workspace.reach("door");
    assert!(
        door.contains("vocabulary") && door.contains("record") && door.contains("sha2"),
        "the graph is not read"
    );
    let mut broken = Vec::new();
    for wall in WALLS {
        for room in wall.rooms.iter().flat_map(|name| expand(&workspace, name)) {
            let reach = workspace.reach(room);
            for never in wall.never.iter().flat_map(|name| expand(&workspace, name)) {
                if reach.contains(never) {
                    broken.push(format!(
                        "{room} reaches {never}, but must not: {}.",
                        wall.therefore
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn walls_speak_about_rooms_that_exist_or_are_planned() {
    let workspace = Workspace::load().unwrap();
    for name in WALLS.iter().flat_map(|wall| wall.rooms) {
        let known = workspace.rooms.contains_key(*name) || PLANNED.contains(name);
        assert!(
            known || workspace.house(name.trim_end_matches('/')).next().is_some(),
            "a wall speaks about {name}, which is neither a room nor planned"
        );
    }
    for name in PLANNED {
        assert!(
            !workspace.rooms.contains_key(*name),
            "{name} is built: take it off the list of planned rooms"
        );
    }
}

#[test]
fn the_record_depends_on_nothing_but_the_vocabulary() {
    // Therefore the record cannot be steered by those it records.
    let workspace = Workspace::load().unwrap();
    let rooms: BTreeSet<&str> = workspace
        .reach("record")
        .into_iter()
        .filter(|name| workspace.rooms.contains_key(*name))
        .collect();
    assert_eq!(rooms, BTreeSet::from(["vocabulary"]));
}

#[test]
fn nobody_but_the_binary_links_the_code_that_touches_private_keys() {
    // Therefore no server process can sign for a person.
    let workspace = Workspace::load().unwrap();
    let linking: BTreeSet<&str> = workspace
        .rooms
        .keys()
        .map(String::as_str)
        .filter(|name| workspace.reach(name).contains("sign"))
        .collect();
    assert!(
        linking.is_subset(&BTreeSet::from(["bulkhead"])),
        "only the binary may link sign, but these do: {linking:?}"
    );
}

#[test]
fn the_binary_signs_in_its_sign_command_only() {
    let workspace = Workspace::load().unwrap();
    for source in sources::rust(&workspace.root).unwrap() {
        if !source.path.starts_with("bulkhead/src") {
            continue;
        }
        let is_command = source.path.iter().any(|part| part == "sign" || part == "sign.rs");
        assert!(
            is_command || !names_the_crate_sign(&source.text),
            "{} uses the crate `sign`; only the sign command and the drill's people (bulkhead/src/**/sign.rs) may",
            source.path.display()
        );
    }
}

/// Whether a text uses the crate `sign`. A file that declares or imports a module `sign` means that module by the name,
/// and says `::sign` when it means the crate.
fn names_the_crate_sign(text: &str) -> bool {
    let own = [
        "mod sign;",
        "mod sign {",
        "use super::sign;",
        "use super::sign::{self",
    ];
    let has_module = own.iter().any(|words| text.contains(words));
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.into_iter().any(|line| {
        line.match_indices("sign").any(|(at, word)| {
            let (before, after) = (&line[..at], &line[at + word.len()..]);
            let whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let leading = before.ends_with("::")
                && !before
                    .trim_end_matches("::")
                    .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>');
            let imported =
                before.trim_start().ends_with("use ") && (after.starts_with("::") || after.starts_with(';'));
            let bare = !before.ends_with("::") && after.starts_with("::");
            whole && ((leading && after.starts_with("::")) || (!has_module && (imported || bare)))
        })
    })
}

#[test]
fn uses_of_the_crate_sign_are_told_from_the_module() {
    for yes in [
        "use sign::Signer;",
        "let key = sign::read(path)?;",
        "mod sign;\nuse ::sign::Signer;",
        "use super::sign::{self, Companion};\nuse ::sign::Signer;",
        "use super::sign::Companion;\nsign::read(path)",
    ] {
        assert!(names_the_crate_sign(yes), "{yes}");
    }
    for no in [
        "mod sign;\nsign::run(words)",
        "use super::sign::{self, Companion};\nsign::run(words)",
        "crate::sign::run()",
        "design::x()",
        "// sign::x",
        "signer::x()",
    ] {
        assert!(!names_the_crate_sign(no), "{no}");
    }
}

/// A house becomes its rooms; anything else stands for itself.
fn expand<'a>(workspace: &'a Workspace, name: &'a str) -> Vec<&'a str> {
    match name.strip_suffix('/') {
        Some(house) => workspace.house(house).collect(),
        None => vec![name],
    }
}
