//! Certificates, lists, answers and keys out of files.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{Certificate, Fault, FileKey, KeyUnreadable, TrustStore, Unusable};

/// Most files that are read from one folder.
const FILES_MAX: usize = 10_000;
/// Largest file that is read, in bytes: big revocation lists have some megabytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Why files could not be used. Names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileTrouble {
    /// It could not be read.
    #[error("{} nicht lesbar / {} cannot be read", .path.display(), .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// There are more files, or one is larger, than makes sense.
    #[error("{} ist zu groß / {} is too large", .0.display(), .0.display())]
    TooLarge(PathBuf),
    /// It is not what it should be.
    #[error("{} nicht verwendbar / {} cannot be used", .path.display(), .path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Unusable,
    },
    /// A key file is not one that can be used.
    #[error("Schlüssel {} nicht verwendbar / key {} cannot be used", .path.display(), .path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: KeyUnreadable,
    },
    /// Others may read a private key.
    #[error("{} darf nur für den Eigentümer lesbar sein (chmod 600) / {} must be readable by its owner only (chmod 600)", .0.display(), .0.display())]
    Permissions(PathBuf),
}

impl TrustStore {
    /// Reads a folder. Certificates in it (`*.pem`, `*.crt`, `*.cer`, `*.der`) are anchors: whoever may write there decides
    /// whom we trust. In its folders, if they exist: `intermediates/` certificates that only help to build a path, `lists/`
    /// revocation lists (also `*.crl`), `answers/` OCSP responses. Other files are left alone.
    ///
    /// # Errors
    /// The first file that cannot be used: a store that silently lacks a revocation list would be a lie.
    pub fn read(folder: &Path) -> Result<Self, FileTrouble> {
        const CERTIFICATES: &[&str] = &["pem", "crt", "cer", "der"];
        let mut store = Self::default();
        for path in files(folder, CERTIFICATES)? {
            for certificate in certificates(&path)? {
                store.trust(certificate).map_err(|cause| FileTrouble::Unusable {
                    path: path.clone(),
                    cause,
                })?;
            }
        }
        let inside = |name: &str, endings: &[&str]| {
            let folder = folder.join(name);
            if folder.is_dir() {
                files(&folder, endings)
            } else {
                Ok(Vec::new())
            }
        };
        for path in inside("intermediates", CERTIFICATES)? {
            for certificate in certificates(&path)? {
                store.help(certificate);
            }
        }
        for path in inside("lists", &["crl", "pem", "der"])? {
            let bytes = read(&path)?;
            store
                .add_list(&bytes)
                .map_err(|cause| FileTrouble::Unusable { path, cause })?;
        }
        for path in inside("answers", &["ocsp", "der"])? {
            let bytes = read(&path)?;
            store
                .add_answer(&bytes)
                .map_err(|cause| FileTrouble::Unusable { path, cause })?;
        }
        Ok(store)
    }
}

impl FileKey {
    /// Reads a private key (PKCS#8, PEM or DER, not encrypted, readable by its owner only) and its certificate.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub fn read(key: &Path, certificate: &Path) -> Result<Self, FileTrouble> {
        let mode = fs::metadata(key)
            .map_err(|cause| FileTrouble::Read {
                path: key.to_path_buf(),
                cause,
            })?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(FileTrouble::Permissions(key.to_path_buf()));
        }
        let certificate_of =
            certificates(certificate)?
                .into_iter()
                .next()
                .ok_or_else(|| FileTrouble::Unusable {
                    path: certificate.to_path_buf(),
                    cause: Unusable::Bytes(Fault::Expected("Certificate")),
                })?;
        let bytes = Zeroizing::new(read(key)?);
        Self::new(&bytes, certificate_of).map_err(|cause| FileTrouble::Key {
            path: key.to_path_buf(),
            cause,
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, FileTrouble> {
    Certificate::from_file(&read(path)?).map_err(|cause| FileTrouble::Unusable {
        path: path.to_path_buf(),
        cause: Unusable::Bytes(cause),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, FileTrouble> {
    let trouble = |cause| FileTrouble::Read {
        path: path.to_path_buf(),
        cause,
    };
    if fs::metadata(path).map_err(trouble)?.len() > FILE_BYTES_MAX {
        return Err(FileTrouble::TooLarge(path.to_path_buf()));
    }
    fs::read(path).map_err(trouble)
}

/// Files of a folder with these endings, by name.
fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, FileTrouble> {
    let trouble = |cause| FileTrouble::Read {
        path: folder.to_path_buf(),
        cause,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(trouble)? {
        let path = entry.map_err(trouble)?.path();
        let known = path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)));
        if known && path.is_file() {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(FileTrouble::TooLarge(folder.to_path_buf()));
        }
    }
    paths.sort();
    Ok(paths)
}
