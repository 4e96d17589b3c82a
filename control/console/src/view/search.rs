//! One search for everything that has a name: insurers, cells, incidents, statements, entries of the journal. Each as far
//! as the viewer sees it.

use vocabulary::{CellId, StatementId};

use super::{
    cells::concerns,
    concern::{Glimpse, glimpse},
    shape::{Both, views},
    waiting::{says, seen},
};
use crate::{
    Asked, page,
    response::Response,
    route::{Format, Kind},
};

/// Most hits of each kind.
const HITS_MAX: usize = 50;
/// Fewer digits of a statement's name than these fit too many.
const DIGITS_MIN: usize = 4;
/// Digits of a whole statement's name.
const DIGITS_MAX: usize = 64;

views! {
    /// What was found.
    Found {
        /// Whether anything was looked for.
        asked: bool,
        /// Hits: insurers, cells, incidents, statements, entries.
        hits: Vec<Hit>,
    }
    /// Something that was found.
    Hit {
        /// `insurer`, `cell`, `incident`, `draft`, `statement` or `entry`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What it is.
        says: Both,
        /// Where it stands.
        page: String,
    }
}

/// What somebody typed, cut to what a name can be.
fn typed(asked: &Asked<'_>) -> Option<String> {
    let text = asked.request.query_field("was")?;
    let text: String = text.trim().to_lowercase().chars().take(120).collect();
    (!text.is_empty()).then_some(text)
}

/// Answers a search: at once with the only hit, or with the list.
pub(crate) fn answer(asked: &Asked<'_>) -> Response {
    let typed = typed(asked);
    let found = Found {
        asked: typed.is_some(),
        hits: typed.as_deref().map_or_else(Vec::new, |text| hits(asked, text)),
    };
    match (asked.format, found.hits.as_slice()) {
        (Format::Page, [only]) => Response::see(&only.page),
        _ => super::either(asked, Some(found), |found| {
            page::search(&asked.ctx, found, typed.as_deref().unwrap_or_default())
        }),
    }
}

fn hits(asked: &Asked<'_>, text: &str) -> Vec<Hit> {
    let mut hits = insurers(asked, text);
    hits.extend(cells(asked, text));
    hits.extend(incidents(asked, text));
    hits.extend(statements(asked, text));
    hits.extend(entry(asked, text));
    hits
}

fn insurers(asked: &Asked<'_>, text: &str) -> Vec<Hit> {
    // One or two digits are part of every second name; whoever types them means an entry of the journal.
    if text.len() < 3 && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Vec::new();
    }
    let all = asked.ctx.room.estate.insurers();
    all.filter(|insurer| asked.sight.covers(&insurer.id))
        .filter(|insurer| {
            insurer.id.as_str().contains(text)
                || insurer.name.to_lowercase().contains(text)
                || insurer.ik.to_string() == text
        })
        .take(HITS_MAX)
        .map(|insurer| Hit {
            kind: "insurer",
            name: insurer.id.to_string(),
            says: Both::same(&insurer.name),
            page: format!("/kasse/{}", insurer.id),
        })
        .collect()
}

/// A cell by its whole name: part of one would find its insurer too.
fn cells(asked: &Asked<'_>, text: &str) -> Option<Hit> {
    let cell: CellId = text.parse().ok()?;
    let estate = asked.ctx.room.estate;
    let known = asked.sight.covers(&cell.insurer) && estate.impact(&cell).is_some();
    let service = estate.service(&cell.service)?;
    known.then(|| Hit {
        kind: "cell",
        name: cell.to_string(),
        says: Both::same(&service.name),
        page: format!("/zelle/{cell}"),
    })
}

fn incidents(asked: &Asked<'_>, text: &str) -> Vec<Hit> {
    let all = asked.sight.is_everything();
    let known = asked.ctx.room.picture.people().incidents.iter();
    known
        .filter(|(_, incident)| concerns(asked, &incident.scope))
        .filter(|(id, incident)| {
            id.as_str().contains(text) || (all && incident.title.as_str().to_lowercase().contains(text))
        })
        .take(HITS_MAX)
        .map(|(id, incident)| Hit {
            kind: "incident",
            name: id.to_string(),
            // The title may name others.
            says: Both::same(if all { incident.title.as_str() } else { id.as_str() }),
            page: format!("/vorfall/{id}"),
        })
        .collect()
}

/// Statements by the first digits of their name: drafts, and those of the log.
fn statements(asked: &Asked<'_>, text: &str) -> Vec<Hit> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_name = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_name {
        return Vec::new();
    }
    let picture = asked.ctx.room.picture;
    let fits = |id: &StatementId| id.to_string().starts_with(digits);
    let hit = |kind, id: &StatementId, says| Hit {
        kind,
        name: id.to_string(),
        says,
        page: format!("/entwurf/{id}"),
    };
    let drafts = picture.people().drafts.iter();
    let drafts = drafts
        .filter(|(id, written)| fits(id) && seen(asked, &written.body.draft))
        .map(|(id, written)| hit("draft", id, says(&written.body.draft)));
    let logged = picture.statements().all.iter();
    let logged = logged.filter(|(id, _)| fits(id)).filter_map(|(id, known)| {
        let words = if seen(asked, &known.envelope) {
            says(&known.envelope)
        } else {
            match glimpse(asked, &known.envelope) {
                Glimpse::None => return None,
                Glimpse::Whole => says(&known.envelope),
                Glimpse::Outline => Both::halves(
                    &"Erklärung, die Ihre Zellen und andere nennt / statement that names your cells and others",
                ),
            }
        };
        Some(hit("statement", id, words))
    });
    drafts.chain(logged).take(HITS_MAX).collect()
}

/// An entry of the journal by its number, for those who may read the journal.
fn entry(asked: &Asked<'_>, text: &str) -> Option<Hit> {
    let number: u64 = text.parse().ok()?;
    let may = asked.ctx.may(Kind::Journal, None) && number < asked.ctx.room.picture.head().len;
    let line = may
        .then(|| asked.ctx.room.journal.lines(number, 1))
        .and_then(|mut lines| lines.pop())?;
    Some(Hit {
        kind: "entry",
        name: number.to_string(),
        says: Both::same(&line.kind),
        page: format!("/protokoll?nr={number}"),
    })
}
