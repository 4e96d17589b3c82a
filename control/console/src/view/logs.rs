//! The logs the picture rests on: which are heard and whole, and what the journal says entry by entry.

use evidence::SourceKind;

use super::shape::{At, views};
use crate::Asked;

/// Entries on one page of the journal.
const PAGE: usize = 100;

views! {
    /// Every log the journal reads.
    Sources {
        /// They, those with trouble first.
        sources: Vec<SourceView>,
        /// Journal entries of kinds this version does not know.
        unread: u64,
        /// Where the root of all authority comes from: `installed`, `first-seen` or `missing`.
        pin: &'static str,
    }
    /// One log.
    SourceView {
        /// Its name.
        source: String,
        /// `authority`, `doors`, `spool`, `prober` or `room`.
        kind: &'static str,
        /// Entries known.
        entries: u64,
        /// Entries it says it has.
        claimed: u64,
        /// When it was heard last.
        heard: At,
        /// Since when it is silent, if it is.
        silent_since: Option<At>,
        /// Times its history was begun anew by a person's decision.
        branch: u64,
        /// What is or was wrong with it.
        troubles: Vec<TroubleView>,
    }
    /// Something wrong with a log.
    TroubleView {
        /// What, German first.
        what: String,
        /// When it was noticed.
        at: At,
        /// The journal entry that says so.
        entry: u64,
        /// Whether it is over.
        over: bool,
    }
    /// A page of the journal.
    JournalPage {
        /// Entries there are.
        entries: u64,
        /// Number of the first on this page.
        from: u64,
        /// The entries, oldest first.
        lines: Vec<LineView>,
    }
    /// One journal entry.
    LineView {
        /// Its number.
        entry: u64,
        /// When it was recorded.
        at: At,
        /// Its kind.
        kind: String,
        /// Whose log it came from; empty for the room's own.
        source: String,
        /// Its content.
        body: String,
    }
}

const fn kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Authority => "authority",
        SourceKind::Doors => "doors",
        SourceKind::Spool => "spool",
        SourceKind::Prober => "prober",
        SourceKind::Room => "room",
    }
}

/// Every log.
pub(crate) fn sources(asked: &Asked<'_>) -> Sources {
    let room = asked.ctx.room;
    let mut sources: Vec<SourceView> = room
        .picture
        .sources()
        .iter()
        .map(|(id, source)| SourceView {
            source: id.to_string(),
            kind: kind(source.kind),
            entries: source.len,
            claimed: source.claimed.max(source.len),
            heard: At(source.heard),
            silent_since: source.silent(asked.request.now, room.silence).map(At),
            branch: u64::from(source.branch),
            troubles: source
                .troubles
                .iter()
                .map(|noted| TroubleView {
                    what: noted.trouble.to_string(),
                    at: At(noted.at),
                    entry: noted.entry,
                    over: noted.over.is_some(),
                })
                .collect(),
        })
        .collect();
    let fine = |source: &SourceView| {
        source.silent_since.is_none() && source.troubles.iter().all(|trouble| trouble.over)
    };
    sources.sort_by_key(|source| fine(source));
    Sources {
        sources,
        unread: room.picture.unread(),
        pin: match room.picture.pin() {
            evidence::Pin::Installed(_) => "installed",
            evidence::Pin::FirstSeen(_) => "first-seen",
            evidence::Pin::Missing => "missing",
        },
    }
}

/// One page of the journal: from a number, or the newest.
pub(crate) fn journal(asked: &Asked<'_>) -> JournalPage {
    let room = asked.ctx.room;
    let entries = room.picture.head().len;
    let newest = entries.saturating_sub(u64::try_from(PAGE).unwrap_or(0));
    let number = |name: &str| {
        asked
            .request
            .query_field(name)
            .and_then(|text| text.trim().parse::<u64>().ok())
    };
    let from = number("ab")
        .or_else(|| number("nr"))
        .unwrap_or(newest)
        .min(entries);
    let lines = room.journal.lines(from, PAGE);
    JournalPage {
        entries,
        from,
        lines: lines
            .into_iter()
            .take(PAGE)
            .map(|line| LineView {
                entry: line.index,
                at: At(line.at),
                kind: line.kind,
                source: line.source,
                body: line.body,
            })
            .collect(),
    }
}

/// How many entries one page of the journal has.
pub(crate) const fn page_len() -> u64 {
    PAGE as u64
}
