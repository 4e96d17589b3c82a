//! File names and subjects of eAU and eEB (TA chapters 3 to 5; EEB).

use core::fmt;

use crate::address::Realm;

/// Longest document id in a name, in bytes. A UUID has 36.
const ID_BYTES_MAX: usize = 64;

/// What a file is, by its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// `EAU0_…`: a sick note.
    Eau,
    /// `EAU0_Storno_…`: its cancellation.
    Cancellation,
    /// `EAU0_Fehler_…`: a fund's error answer.
    EauError,
    /// `EEB0_ANF_…`: a request for a substitute certificate.
    EebRequest,
    /// `EEB0_BES_…`: the certificate.
    EebCertificate,
    /// `EEB0_FEH_…`: the refusal.
    EebError,
}

impl Kind {
    /// Longer stems first: `EAU0_` begins three of them.
    const ALL: [Self; 6] = [
        Self::Cancellation,
        Self::EauError,
        Self::Eau,
        Self::EebRequest,
        Self::EebCertificate,
        Self::EebError,
    ];

    const fn stem(self) -> &'static str {
        match self {
            Self::Eau => "EAU0_",
            Self::Cancellation => "EAU0_Storno_",
            Self::EauError => "EAU0_Fehler_",
            Self::EebRequest => "EEB0_ANF_",
            Self::EebCertificate => "EEB0_BES_",
            Self::EebError => "EEB0_FEH_",
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Eau | Self::Cancellation | Self::EebRequest | Self::EebCertificate => ".p7s",
            Self::EauError | Self::EebError => ".xml",
        }
    }

    /// The `Content-Description` of such a file.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Eau => "eAU",
            Self::Cancellation => "eAUStorno",
            Self::EauError => "eAUFehler-Kasse",
            Self::EebRequest => "eEB_ANF",
            Self::EebCertificate => "eEB_BES",
            Self::EebError => "eEB_FEH",
        }
    }

    /// The kind of file a `Content-Description` names.
    #[must_use]
    pub fn described(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.description() == text.trim())
    }
}

/// The name of a file, and of the mail that carries it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FileName {
    /// `E` or `T`.
    pub realm: Realm,
    /// What it is.
    pub kind: Kind,
    id: Box<str>,
}

impl FileName {
    /// Puts a name together; `None` when the id is empty, too long or has other characters than letters, digits, `-`.
    #[must_use]
    pub fn new(realm: Realm, kind: Kind, id: &str) -> Option<Self> {
        let fits = (1..=ID_BYTES_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        fits.then(|| Self {
            realm,
            kind,
            id: id.into(),
        })
    }

    /// Reads a file name. The suffix is mandatory for signed files and may be missing of error answers.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let kind = Self::subject_of(text)?.kind;
        match text.strip_suffix(kind.suffix()) {
            Some(stem) => Self::subject_of(stem),
            None if matches!(kind, Kind::EauError | Kind::EebError) => Self::stem(text),
            None => None,
        }
    }

    /// Reads a subject: a file name without its suffix.
    #[must_use]
    pub fn read_subject(text: &str) -> Option<Self> {
        Self::stem(text.trim())
    }

    /// Like a subject, but with whatever stands behind the id.
    fn subject_of(text: &str) -> Option<Self> {
        Self::stem(text.split_once('.').map_or(text, |(stem, _)| stem))
    }

    fn stem(text: &str) -> Option<Self> {
        let (realm, rest) = match (text.strip_prefix('E'), text.strip_prefix('T')) {
            (Some(rest), _) => (Realm::Production, rest),
            (None, Some(rest)) => (Realm::Test, rest),
            (None, None) => return None,
        };
        let kind = Kind::ALL.into_iter().find(|kind| rest.starts_with(kind.stem()))?;
        Self::new(realm, kind, rest.strip_prefix(kind.stem())?)
    }

    /// The document id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The subject of the mail.
    #[must_use]
    pub fn subject(&self) -> String {
        let realm = match self.realm {
            Realm::Production => 'E',
            Realm::Test => 'T',
        };
        format!("{realm}{}{}", self.kind.stem(), self.id)
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> String {
        self.subject() + self.kind.suffix()
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.realm, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_the_field_are_read() {
        for (text, realm, kind, id) in [
            ("EEAU0_a1-b2.p7s", Realm::Production, Kind::Eau, "a1-b2"),
            ("TEAU0_Storno_77.p7s", Realm::Test, Kind::Cancellation, "77"),
            ("EEAU0_Fehler_c42a.xml", Realm::Production, Kind::EauError, "c42a"),
            ("EEAU0_Fehler_c42a", Realm::Production, Kind::EauError, "c42a"),
            ("TEEB0_ANF_e711.p7s", Realm::Test, Kind::EebRequest, "e711"),
            ("TEEB0_FEH_e711.xml", Realm::Test, Kind::EebError, "e711"),
        ] {
            let name = FileName::read(text).unwrap();
            assert_eq!((name.realm, name.kind, name.id()), (realm, kind, id), "{text}");
        }
        for bad in [
            "",
            "E",
            "EAU0_1.p7s",
            "EEAU0_.p7s",
            "EEAU0_1",
            "EEAU0_1.xml",
            "EEAU0_1.p7s.exe",
            "EEAU0_a/b.p7s",
            "XEAU0_1.p7s",
        ] {
            assert_eq!(FileName::read(bad), None, "{bad}");
        }
        assert_eq!(Kind::described(" eAUStorno"), Some(Kind::Cancellation));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(production in any::<bool>(), at in 0usize..6, id in "[A-Za-z0-9-]{1,64}") {
            let realm = if production { Realm::Production } else { Realm::Test };
            let name = FileName::new(realm, Kind::ALL[at], &id).unwrap();
            // An id may itself look like the longer stem; then the longer reading is the right one.
            prop_assume!(!(name.kind == Kind::Eau && (id.starts_with("Storno_") || id.starts_with("Fehler_"))));
            prop_assert_eq!(FileName::read(&name.file()), Some(name.clone()));
            prop_assert_eq!(FileName::read_subject(&name.subject()), Some(name));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = (FileName::read(&text), FileName::read_subject(&text));
        }
    }
}
