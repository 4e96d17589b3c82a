//! The site as files in a directory: each file whole at any moment, unchanged ones untouched, pages before the ones
//! that lead to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use publication::{
    Site,
    site::{Changed, SitePath},
};
use vocabulary::{Digest, Hasher};

use crate::report::{Code, Trouble};

/// A directory that holds a site and nothing else.
pub(super) struct Directory {
    root: PathBuf,
    /// What stands, by relative path.
    standing: BTreeMap<String, Digest>,
}

/// Which page leads to all others; written last, so that nobody is led to a page that is not there yet.
fn is_start(path: &str) -> bool {
    path.ends_with("index.html")
}

impl Directory {
    /// Opens the directory, made if missing. It must be ours: a directory with other files in it is refused.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be used.
    pub(super) fn open(root: &Path) -> Result<Self, Trouble> {
        let unusable = |error: io::Error| trouble(root, error);
        fs::create_dir_all(root).map_err(unusable)?;
        let mark = root.join(".bulkhead-site");
        let is_empty = fs::read_dir(root).map_err(unusable)?.next().is_none();
        if !is_empty && !mark.exists() {
            let name = root.display();
            return Err(Trouble::new(
                Code::Publication,
                format!(
                    "In {name} liegt etwas anderes; bitte ein leeres Verzeichnis nennen. / {name} holds something else; \
                     name an empty directory."
                ),
            ));
        }
        fs::write(
            &mark,
            "This directory is written by bulkhead publish; put nothing else here.\n",
        )
        .map_err(unusable)?;
        Ok(Self {
            root: root.to_owned(),
            standing: BTreeMap::new(),
        })
    }

    /// Makes the directory hold exactly this site.
    ///
    /// # Errors
    /// [`Trouble`] when a file cannot be written; every file is then old or new, never half.
    pub(super) fn replace(&mut self, site: &Site) -> Result<(), Trouble> {
        self.write(&site.files)?;
        let gone: Vec<String> = self
            .standing
            .keys()
            .filter(|path| site.get(path).is_none())
            .cloned()
            .collect();
        self.remove(gone.iter().map(String::as_str))
    }

    /// Carries out a change.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub(super) fn change(&mut self, changed: &Changed) -> Result<(), Trouble> {
        self.write(&changed.written)?;
        self.remove(changed.gone.iter().map(SitePath::as_str))
    }

    fn write(&mut self, files: &BTreeMap<SitePath, Vec<u8>>) -> Result<(), Trouble> {
        let mut ordered: Vec<(&str, &Vec<u8>)> =
            files.iter().map(|(path, bytes)| (path.as_str(), bytes)).collect();
        ordered.sort_by_key(|(path, _)| (is_start(path), path.len()));
        let mut folders = BTreeSet::new();
        for (path, bytes) in ordered {
            let digest = Digest::of(bytes);
            if self.standing.get(path) == Some(&digest) {
                continue;
            }
            let file = self.root.join(path);
            write_whole(&file, bytes, &mut folders).map_err(|error| trouble(&file, error))?;
            self.standing.insert(path.to_owned(), digest);
        }
        Ok(())
    }

    fn remove<'a>(&mut self, gone: impl Iterator<Item = &'a str>) -> Result<(), Trouble> {
        for path in gone {
            match fs::remove_file(self.root.join(path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(trouble(&self.root, error));
                }
                Ok(()) | Err(_) => self.standing.remove(path),
            };
        }
        Ok(())
    }

    /// One digest over every path and file.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for (path, digest) in &self.standing {
            hasher.update(path.as_bytes());
            hasher.update(b"\0");
            hasher.update(digest.as_bytes());
        }
        hasher.finish()
    }

    /// What stands: relative path and digest, in the order in which a copy should be written.
    pub(super) fn files(&self) -> Vec<(&str, Digest)> {
        let mut files: Vec<(&str, Digest)> = self
            .standing
            .iter()
            .map(|(path, digest)| (path.as_str(), *digest))
            .collect();
        files.sort_by_key(|(path, _)| (is_start(path), path.len()));
        files
    }

    /// Where it lies.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

/// Readable by the web server, so not private.
pub(super) fn write_whole(path: &Path, bytes: &[u8], folders: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    if folders.insert(folder.to_owned()) {
        fs::create_dir_all(folder)?;
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    fs::write(&draft, bytes)?;
    fs::rename(&draft, path)
}

fn trouble(path: &Path, error: io::Error) -> Trouble {
    let name = path.display();
    Trouble::because(
        Code::Files,
        format!("{name} kann nicht geschrieben werden. / Cannot write {name}."),
        error,
    )
}
