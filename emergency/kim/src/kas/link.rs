//! Links to attachment stores, and the short list of stores that are ever asked.

use core::fmt;
use std::collections::BTreeSet;

/// Longest link, in bytes.
const LINK_BYTES_MAX: usize = 1024;
/// Longest id of an attachment, in bytes. A UUID has 36.
const ID_BYTES_MAX: usize = 128;
/// Versions of the interface whose download is the same (2.4.0 changed names only; AK).
const VERSIONS: [&str; 2] = ["v2.3", "v2.4"];

/// A link as a ticket names it: taken apart, not trusted. `Debug` shows the host only.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    store: Store,
    version: &'static str,
    id: Box<str>,
}

/// Why a text is no link to an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// Not `https`.
    #[error("Der KAS-Verweis führt nicht über https. / The KAS link does not use https.")]
    Scheme,
    /// The host or port.
    #[error("Der KAS-Verweis nennt keinen brauchbaren Rechner. / The KAS link names no usable host.")]
    Host,
    /// Not the path of an attachment in a known version of the interface.
    #[error(
        "Der KAS-Verweis hat nicht die Form /attachments/v2.4/attachment/…. / The KAS link is not of the form /attachments/v2.4/attachment/…."
    )]
    Path,
}

/// One attachment store: host and port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Store {
    host: Box<str>,
    port: u16,
}

/// The stores that may be asked, from the operator's configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stores(BTreeSet<Store>);

/// A link that leads to a store on the list. Made by [`Stores::admit`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct Admitted(Link);

/// A mail wants us to fetch from somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Die Nachricht verweist auf den Anhangsdienst {host}:{port}, der nicht freigegeben ist; er wird nicht gefragt. Ist er richtig, nehmen Sie ihn in die Konfiguration auf. / The mail refers to the attachment store {host}:{port}, which is not allowed; it is not asked. If it is right, add it to the configuration."
)]
pub struct NotAllowed {
    /// The host the link names.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
}

impl Store {
    /// A store by host name and port; `None` when the name is none. Names compare without case; addresses are no names.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_name = host
            .rsplit('.')
            .next()
            .is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()));
        (port != 0 && host.len() <= 253 && is_name && host.split('.').all(label)).then(|| Self {
            host: host.into(),
            port,
        })
    }

    /// The host name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Link {
    /// Takes a link apart. User names, queries, fragments and escapes have no place in it.
    ///
    /// # Errors
    /// [`BadLink`] with the part that is wrong.
    pub fn read(text: &str) -> Result<Self, BadLink> {
        let (scheme, rest) = text.split_once("://").ok_or(BadLink::Scheme)?;
        if !scheme.eq_ignore_ascii_case("https") {
            return Err(BadLink::Scheme);
        }
        if text.len() > LINK_BYTES_MAX {
            return Err(BadLink::Path);
        }
        let (authority, path) = rest.split_once('/').ok_or(BadLink::Path)?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, port.parse().map_err(|_| BadLink::Host)?)
            }
            Some(_) => return Err(BadLink::Host),
            None => (authority, 443),
        };
        let store = Store::new(host, port).ok_or(BadLink::Host)?;
        let path = path.strip_prefix("attachments/").ok_or(BadLink::Path)?;
        let (version, id) = path.split_once("/attachment/").ok_or(BadLink::Path)?;
        let version = VERSIONS
            .into_iter()
            .find(|known| *known == version)
            .ok_or(BadLink::Path)?;
        let fits = (1..=ID_BYTES_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !fits {
            return Err(BadLink::Path);
        }
        Ok(Self {
            store,
            version,
            id: id.into(),
        })
    }

    /// The store it leads to.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }
}

impl Stores {
    /// The stores that may be asked.
    #[must_use]
    pub fn new(stores: impl IntoIterator<Item = Store>) -> Self {
        Self(stores.into_iter().collect())
    }

    /// Lets a link pass, if its store is on the list.
    ///
    /// # Errors
    /// [`NotAllowed`] with the host a person would have to add.
    pub fn admit(&self, link: &Link) -> Result<Admitted, NotAllowed> {
        if self.0.contains(&link.store) {
            Ok(Admitted(link.clone()))
        } else {
            Err(NotAllowed {
                host: link.store.host.clone(),
                port: link.store.port,
            })
        }
    }
}

impl Admitted {
    /// The store to ask.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.0.store
    }

    /// The path to ask for.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/attachments/{}/attachment/{}", self.0.version, self.0.id)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link to {}:{}", self.store.host, self.store.port)
    }
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
