//! Every way into the console: one table of paths, for pages and for the API alike.

use publication::obligations::ObligationId;
use vocabulary::{CellId, Digest, IncidentId, InsurerId, LegalEntityId, ServiceId};

use crate::request::{Method, names_of_path};

/// What a path is for. Page and API path of one thing are one kind, so that nobody can permit one and forget the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "each is said in the table below")]
pub enum Kind {
    Matrix,
    Cell,
    Incidents,
    Incident,
    IncidentOpen,
    IncidentNote,
    IncidentClose,
    Waiting,
    Drafts,
    DraftNew,
    Draft,
    DraftSign,
    DraftDrop,
    DraftKeys,
    Preview,
    Plan,
    EnvironmentMove,
    Clocks,
    Notice,
    NoticeSent,
    Readiness,
    Sources,
    Journal,
    Search,
    Insurer,
    Rank,
    Slot,
    TestAccept,
    TestRefuse,
    Consent,
    Refuse,
    StandingConsent,
    Sessions,
    SessionEnd,
    Help,
    Login,
    LoginTry,
    Logout,
    Events,
    OpenApi,
    Style,
    Script,
    Icon,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it is for.
    pub kind: Kind,
    /// [`Method::Get`] for looking, [`Method::Post`] for acting.
    pub method: Method,
    /// The page's path; names in braces stand for one name each. Empty if there is no page.
    pub page: &'static str,
    /// The API's path, below `/api`. Empty if there is none.
    pub api: &'static str,
    /// What it does, in German and English: titles of pages and of the API's document.
    pub says: (&'static str, &'static str),
}

const fn look(kind: Kind, page: &'static str, api: &'static str, says: (&'static str, &'static str)) -> Row {
    Row {
        kind,
        method: Method::Get,
        page,
        api,
        says,
    }
}

const fn act(kind: Kind, page: &'static str, api: &'static str, says: (&'static str, &'static str)) -> Row {
    Row {
        kind,
        method: Method::Post,
        page,
        api,
        says,
    }
}

/// Every way in. There is no other.
pub const TABLE: &[Row] = &[
    look(Kind::Matrix, "/", "/api/v1/cells", ("Lage", "Picture")),
    look(
        Kind::Cell,
        "/zelle/{insurer}/{service}",
        "/api/v1/cells/{insurer}/{service}",
        ("Zelle", "Cell"),
    ),
    look(
        Kind::Incidents,
        "/vorfall",
        "/api/v1/incidents",
        ("Vorfälle", "Incidents"),
    ),
    act(
        Kind::IncidentOpen,
        "/vorfall",
        "/api/v1/incidents",
        ("Vorfall eröffnen", "Open an incident"),
    ),
    look(
        Kind::Incident,
        "/vorfall/{incident}",
        "/api/v1/incidents/{incident}",
        ("Vorfall", "Incident"),
    ),
    act(
        Kind::IncidentNote,
        "/vorfall/{incident}/notiz",
        "/api/v1/incidents/{incident}/notes",
        ("Notiz zum Vorfall", "Note on an incident"),
    ),
    act(
        Kind::IncidentClose,
        "/vorfall/{incident}/abschluss",
        "/api/v1/incidents/{incident}/close",
        ("Vorfall abschließen", "Close an incident"),
    ),
    look(
        Kind::Waiting,
        "/warten",
        "/api/v1/waiting",
        ("Was auf wen wartet", "What waits for whom"),
    ),
    look(Kind::Drafts, "/entwurf", "/api/v1/drafts", ("Entwürfe", "Drafts")),
    act(
        Kind::DraftNew,
        "/entwurf",
        "/api/v1/drafts",
        ("Entwurf anlegen", "Propose a draft"),
    ),
    look(
        Kind::Preview,
        "/entwurf/neu",
        "/api/v1/preview",
        ("Neuer Entwurf mit Vorschau", "New draft with preview"),
    ),
    look(
        Kind::Draft,
        "/entwurf/{statement}",
        "/api/v1/drafts/{statement}",
        ("Entwurf", "Draft"),
    ),
    act(
        Kind::DraftSign,
        "/entwurf/{statement}/unterschrift",
        "/api/v1/drafts/{statement}/signatures",
        ("Unterschrift abgeben", "Hand in a signature"),
    ),
    look(
        Kind::DraftKeys,
        "",
        "/api/v1/drafts/{statement}/keys",
        (
            "Verpackte Schlüssel zu einer Zustimmung",
            "Wrapped keys for a consent",
        ),
    ),
    act(
        Kind::DraftDrop,
        "/entwurf/{statement}/verwerfen",
        "/api/v1/drafts/{statement}/drop",
        ("Entwurf verwerfen", "Drop a draft"),
    ),
    look(
        Kind::Plan,
        "/plan",
        "/api/v1/plan",
        ("Wiederanlauf", "Restoration"),
    ),
    look(Kind::Clocks, "/fristen", "/api/v1/clocks", ("Fristen", "Clocks")),
    look(
        Kind::Notice,
        "/fristen/{incident}/{entity}/{duty}",
        "/api/v1/clocks/{incident}/{entity}/{duty}",
        ("Meldung", "Notice"),
    ),
    act(
        Kind::NoticeSent,
        "/fristen/{incident}/{entity}/{duty}/gesendet",
        "/api/v1/clocks/{incident}/{entity}/{duty}/sent",
        (
            "Vermerken, dass eine Meldung gesendet ist",
            "Note that a notice was sent",
        ),
    ),
    look(
        Kind::Readiness,
        "/bereit",
        "/api/v1/readiness",
        ("Bereitschaft", "Readiness"),
    ),
    look(
        Kind::Sources,
        "/quellen",
        "/api/v1/sources",
        ("Quellen", "Sources"),
    ),
    look(
        Kind::Journal,
        "/protokoll",
        "/api/v1/journal",
        ("Protokoll", "Journal"),
    ),
    look(Kind::Search, "/suche", "/api/v1/search", ("Suche", "Search")),
    look(
        Kind::Insurer,
        "/kasse/{insurer}",
        "/api/v1/insurers/{insurer}",
        ("Kasse", "Insurer"),
    ),
    act(
        Kind::EnvironmentMove,
        "/plan/umgebung",
        "/api/v1/plan/environment",
        (
            "Grundlagen: Stand der Umgebung festhalten",
            "Roots: note where their environment stands",
        ),
    ),
    act(
        Kind::Rank,
        "/kasse/{insurer}/rang",
        "/api/v1/insurers/{insurer}/rank",
        ("Reihenfolge der Dienste festlegen", "Rank the services"),
    ),
    act(
        Kind::Slot,
        "/kasse/{insurer}/termin",
        "/api/v1/insurers/{insurer}/slot",
        ("Termin für die Rückkehr buchen", "Book a slot for the return"),
    ),
    act(
        Kind::TestAccept,
        "/kasse/{insurer}/abnahme",
        "/api/v1/insurers/{insurer}/accept",
        ("Anwendertest bestanden", "Accept the user test"),
    ),
    act(
        Kind::TestRefuse,
        "/kasse/{insurer}/mangel",
        "/api/v1/insurers/{insurer}/reject",
        ("Anwendertest nicht bestanden", "Reject the user test"),
    ),
    act(
        Kind::Consent,
        "/kasse/{insurer}/zustimmung",
        "/api/v1/insurers/{insurer}/consent",
        ("Zustimmung entwerfen", "Draft a consent"),
    ),
    act(
        Kind::Refuse,
        "/kasse/{insurer}/ablehnung",
        "/api/v1/insurers/{insurer}/refuse",
        ("Ablehnung entwerfen", "Draft a refusal"),
    ),
    act(
        Kind::StandingConsent,
        "/kasse/{insurer}/dauerzustimmung",
        "/api/v1/insurers/{insurer}/standing-consent",
        ("Dauerzustimmung entwerfen", "Draft a standing consent"),
    ),
    look(
        Kind::Sessions,
        "/sitzungen",
        "/api/v1/sessions",
        ("Eigene Sitzungen", "Own sessions"),
    ),
    act(
        Kind::SessionEnd,
        "/sitzungen/{session}/ende",
        "/api/v1/sessions/{session}/end",
        ("Sitzung beenden", "End a session"),
    ),
    look(Kind::Help, "/hilfe", "", ("Hilfe", "Help")),
    look(Kind::Login, "/anmelden", "/api/v1/login", ("Anmelden", "Log in")),
    act(
        Kind::LoginTry,
        "/anmelden",
        "/api/v1/login",
        ("Anmeldung einreichen", "Answer a log-in challenge"),
    ),
    act(
        Kind::Logout,
        "/abmelden",
        "/api/v1/logout",
        ("Abmelden", "Log out"),
    ),
    look(Kind::Events, "/ereignisse", "", ("Neuigkeiten", "Events")),
    look(
        Kind::OpenApi,
        "",
        "/api/openapi.json",
        ("Beschreibung der Schnittstelle", "Description of the API"),
    ),
    look(Kind::Style, "/stil.css", "", ("Gestaltung", "Style")),
    look(
        Kind::Script,
        "/skript.js",
        "",
        ("Tastatur und Neuigkeiten", "Keyboard and news"),
    ),
    look(Kind::Icon, "/zeichen.svg", "", ("Zeichen", "Icon")),
];

/// Whether a person or a program asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A page in the reader's language.
    Page,
    /// JSON.
    Api,
}

/// The names a path carries, already read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// `{insurer}`.
    pub insurer: Option<InsurerId>,
    /// `{service}`.
    pub service: Option<ServiceId>,
    /// `{incident}`.
    pub incident: Option<IncidentId>,
    /// `{entity}`: a legal person.
    pub entity: Option<LegalEntityId>,
    /// `{duty}`: the name of a legal duty, in lower case as paths are.
    pub duty: Option<ObligationId>,
    /// `{statement}`: 64 hexadecimal digits.
    pub statement: Option<Digest>,
    /// `{session}`: the public name of a session.
    pub session: Option<String>,
}

impl Names {
    /// The cell, where a path names insurer and service.
    #[must_use]
    pub fn cell(&self) -> Option<CellId> {
        Some(CellId {
            insurer: self.insurer.clone()?,
            service: self.service.clone()?,
        })
    }

    fn read(&mut self, what: &str, name: &str) -> Option<()> {
        match what {
            "{insurer}" => self.insurer = Some(InsurerId::new(name).ok()?),
            "{service}" => self.service = Some(ServiceId::new(name).ok()?),
            "{incident}" => self.incident = Some(IncidentId::new(name).ok()?),
            "{entity}" => self.entity = Some(LegalEntityId::new(name).ok()?),
            "{duty}" => self.duty = Some(name.to_ascii_uppercase().parse().ok()?),
            "{statement}" => self.statement = Some(name.parse().ok()?),
            "{session}" => self.session = Some(String::from(name)),
            _ => return None,
        }
        Some(())
    }
}

/// Where a request leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// To a row of the table.
    Way {
        /// What for.
        kind: Kind,
        /// The names in the path.
        names: Names,
        /// Page or API.
        format: Format,
    },
    /// The path exists, but not for this method.
    OtherMethod {
        /// Methods that would do, for the `Allow` header.
        allow: &'static str,
        /// Page or API.
        format: Format,
    },
    /// Nowhere.
    Nothing {
        /// How to say so.
        format: Format,
    },
}

/// Looks a request up. Total: every method and path has an answer.
#[must_use]
pub fn find(method: Method, path: &str) -> Found {
    let format = if path.starts_with("/api/") {
        Format::Api
    } else {
        Format::Page
    };
    let Some(names) = names_of_path(path) else {
        return Found::Nothing { format };
    };
    let wanted = match method {
        Method::Head => Method::Get,
        Method::Get | Method::Post | Method::Other => method,
    };
    let mut known = (false, false);
    for row in TABLE {
        let pattern = match format {
            Format::Page => row.page,
            Format::Api => row.api,
        };
        let Some(read) = matches(pattern, &names) else {
            continue;
        };
        if row.method == wanted {
            return Found::Way {
                kind: row.kind,
                names: read,
                format,
            };
        }
        known = (
            known.0 || row.method == Method::Get,
            known.1 || row.method == Method::Post,
        );
    }
    let allow = match known {
        (false, false) => return Found::Nothing { format },
        (true, true) => "GET, HEAD, POST",
        (true, false) => "GET, HEAD",
        (false, true) => "POST",
    };
    Found::OtherMethod { allow, format }
}

fn matches(pattern: &'static str, names: &[&str]) -> Option<Names> {
    let parts = names_of_pattern(pattern)?;
    if parts.len() != names.len() {
        return None;
    }
    let mut read = Names::default();
    for (part, name) in parts.iter().zip(names) {
        if part.starts_with('{') {
            read.read(part, name)?;
        } else if part != name {
            return None;
        }
    }
    Some(read)
}

fn names_of_pattern(pattern: &'static str) -> Option<Vec<&'static str>> {
    let rest = pattern.strip_prefix('/')?;
    Some(if rest.is_empty() {
        Vec::new()
    } else {
        rest.split('/').collect()
    })
}

/// The row of a kind.
#[must_use]
pub fn row(kind: Kind) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.kind == kind)
}

#[cfg(test)]
mod tests;
