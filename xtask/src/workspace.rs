//! The rooms and their arrows, read from `cargo metadata`.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{Failed, run};

/// Why one package needs another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Need {
    /// It is part of the product.
    Product,
    /// Only its tests, examples and benches link it.
    Tests,
}

/// One room: a member of the workspace.
#[derive(Debug)]
pub struct Room {
    /// The package name.
    pub name: String,
    /// Its folder, relative to the root, as in `doors/spool`.
    pub folder: PathBuf,
    /// Other rooms it names in its manifest.
    pub rooms: BTreeSet<(String, Need)>,
    /// Packages from outside it names in its manifest.
    pub foreign: BTreeSet<(String, Need)>,
}

/// The workspace as cargo sees it.
#[derive(Debug)]
pub struct Workspace {
    /// Its root folder.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// Every member by name.
    pub rooms: BTreeMap<String, Room>,
    /// For every package of the build graph (rooms and foreign ones): what its product code links.
    links: BTreeMap<String, BTreeSet<String>>,
}

/// The root folder of the project, from where this package was built.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// When cargo fails or says what we cannot read.
    pub fn load() -> Result<Self, Failed> {
        let root = root();
        let mut command = run::cargo(
            &root,
            &[
                "metadata",
                "--format-version",
                "1",
                "--filter-platform",
                "x86_64-unknown-linux-gnu",
            ],
        );
        let bytes = run::read(&mut command)?;
        let metadata: Value = serde_json::from_slice(&bytes)
            .map_err(|cause| Failed::because("cannot read what `cargo metadata` says", &cause))?;
        Self::read(root, &metadata)
            .ok_or_else(|| Failed::new("`cargo metadata` says something this xtask does not understand"))
    }

    /// Every package whose code ends up in what `package` builds, itself left out.
    #[must_use]
    pub fn reach(&self, package: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![package];
        while let Some(next) = open.pop() {
            for linked in self.links.get(next).into_iter().flatten() {
                if seen.insert(linked.as_str()) {
                    open.push(linked);
                }
            }
        }
        seen
    }

    /// The rooms whose folder lies in a house, as in `doors`.
    pub fn house<'a>(&'a self, house: &'a str) -> impl Iterator<Item = &'a str> {
        self.rooms
            .values()
            .filter(move |room| room.folder.starts_with(house))
            .map(|room| room.name.as_str())
    }

    fn read(root: PathBuf, metadata: &Value) -> Option<Self> {
        let target = PathBuf::from(metadata.get("target_directory")?.as_str()?);
        let members: BTreeSet<&str> = list(metadata.get("workspace_members")?);
        let packages = metadata.get("packages")?.as_array()?;
        let named =
            |package: &Value| Some((text(package, "id")?.to_owned(), text(package, "name")?.to_owned()));
        let names: BTreeMap<String, String> = packages.iter().filter_map(named).collect();
        let ours: BTreeSet<&str> = members
            .iter()
            .filter_map(|id| names.get(*id).map(String::as_str))
            .collect();
        let mut rooms = BTreeMap::new();
        for package in packages {
            if members.contains(text(package, "id")?) {
                let room = Room::read(&root, package, &ours)?;
                rooms.insert(room.name.clone(), room);
            }
        }
        let mut links: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata.get("resolve")?.get("nodes")?.as_array()? {
            let from = names.get(text(node, "id")?)?;
            for dependency in node.get("deps")?.as_array()? {
                if is_linked(dependency) {
                    let to = names.get(text(dependency, "pkg")?)?;
                    links.entry(from.clone()).or_default().insert(to.clone());
                }
            }
        }
        Some(Self {
            root,
            target,
            rooms,
            links,
        })
    }
}

impl Room {
    fn read(root: &Path, package: &Value, ours: &BTreeSet<&str>) -> Option<Self> {
        let manifest = Path::new(text(package, "manifest_path")?);
        let mut room = Self {
            name: text(package, "name")?.to_owned(),
            folder: manifest.parent()?.strip_prefix(root).ok()?.to_path_buf(),
            rooms: BTreeSet::new(),
            foreign: BTreeSet::new(),
        };
        for dependency in package.get("dependencies")?.as_array()? {
            let name = text(dependency, "name")?;
            let need = match dependency.get("kind").and_then(Value::as_str) {
                Some("dev") => Need::Tests,
                _ => Need::Product,
            };
            let set = if ours.contains(name) {
                &mut room.rooms
            } else {
                &mut room.foreign
            };
            set.insert((name.to_owned(), need));
        }
        Some(room)
    }
}

/// Whether an edge of the resolved graph is more than a dev-dependency.
fn is_linked(dependency: &Value) -> bool {
    dependency
        .get("dep_kinds")
        .and_then(Value::as_array)
        .is_some_and(|kinds| {
            kinds
                .iter()
                .any(|kind| kind.get("kind").and_then(Value::as_str) != Some("dev"))
        })
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn list(value: &Value) -> BTreeSet<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
