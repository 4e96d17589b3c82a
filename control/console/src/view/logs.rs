//! The logs the picture rests on: which are heard and whole, and what the journal says entry by entry.

use evidence::{SourceKind, Trouble};

use super::{
    shape::{At, Both, views},
    tellers::{TellerView, VouchedView, tellers, vouched},
};
use crate::Asked;

/// Entries on one page of the journal.
const PAGE: usize = 100;

views! {
    /// Every log the journal reads.
    Sources {
        /// They, those with trouble first.
        sources: Vec<SourceView>,
        /// What tells the room without a log of its own here: spools, prober, publisher, detectors, the room itself.
        tellers: Vec<TellerView>,
        /// How far witnesses vouch for the authority log and the journal.
        vouched: Vec<VouchedView>,
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
        /// `heard`, `silent`, `gap`, `fork`, `damaged`, `shorter`, `unread` or `other-authority`: the worst of now.
        state: &'static str,
        /// What to do next.
        next: Both,
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

/// A trouble's name and what to do about it.
fn remedy(trouble: &Trouble) -> (&'static str, Both) {
    let words = |de: &str, en: &str| Both {
        de: de.into(),
        en: en.into(),
    };
    match trouble {
        Trouble::Fork { .. } => (
            "fork",
            words(
                "Ein Vorfall: Kopie beider Geschichten sichern, nichts zurückspielen, Forensik rufen. Danach entscheidet eine Person, welche gilt.",
                "An incident: keep a copy of both histories, put nothing back, call the examiners. Then a person decides which one counts.",
            ),
        ),
        Trouble::OtherAuthority { .. } => (
            "other-authority",
            words(
                "Jemandem wurde ein anderes Weisungsprotokoll gezeigt: ein Vorfall. Türprozess vom Netz, Kopie sichern, Forensik rufen.",
                "Somebody was shown another authority log: an incident. Take the door process off the network, keep a copy, call the examiners.",
            ),
        ),
        Trouble::Shorter { .. } => (
            "shorter",
            words(
                "Eine alte Kopie läuft: Prozess anhalten, den richtigen Datenträger einsetzen. Die Tür bleibt zu, bis das geklärt ist.",
                "An old copy is running: stop the process, put the right disk in. The door stays shut until that is settled.",
            ),
        ),
        Trouble::Damaged { .. } => (
            "damaged",
            words(
                "Datenträger und Leitung der Quelle prüfen; mit bulkhead verify an Ort und Stelle nachrechnen.",
                "Check the source's disk and line; recompute on the spot with bulkhead verify.",
            ),
        ),
        Trouble::Gap { .. } => (
            "gap",
            words(
                "Meist schließt sich die Lücke von selbst, wenn die Quelle neu erzählt. Bleibt sie: Prozess der Quelle neu starten.",
                "The gap mostly closes by itself when the source tells again. If it stays: restart the source's process.",
            ),
        ),
        Trouble::Unread { .. } => (
            "unread",
            words(
                "Leitstand und Türprozess auf dieselbe Fassung bringen.",
                "Bring the room and the door process to the same version.",
            ),
        ),
    }
}

/// The worst that is wrong with a source now, and what to do.
fn state(source: &evidence::Source, silent: bool) -> (&'static str, Both) {
    const WORST_FIRST: [&str; 6] = ["fork", "other-authority", "shorter", "damaged", "gap", "unread"];
    let place = |name: &str| WORST_FIRST.iter().position(|known| *known == name);
    let open = source.open_troubles().map(|noted| remedy(&noted.trouble));
    let worst = open.min_by_key(|(name, _)| place(name));
    worst.unwrap_or_else(|| {
        if silent {
            (
                "silent",
                Both::halves(&"Prozess und Leitung der Quelle prüfen; bis dahin gilt ihr letzter Stand. Anordnungen notfalls von Hand hinbringen. / Check the source's process and line; until then its last state counts. Carry orders there by hand if need be."),
            )
        } else {
            ("heard", Both::halves(&"Nichts zu tun. / Nothing to do."))
        }
    })
}

/// Every log.
pub(crate) fn sources(asked: &Asked<'_>) -> Sources {
    let room = asked.ctx.room;
    let mut sources: Vec<SourceView> = room
        .picture
        .sources()
        .iter()
        .map(|(id, source)| {
            let silent = source.silent(asked.request.now, room.silence);
            (id, source, silent, state(source, silent.is_some()))
        })
        .map(|(id, source, silent, (state, next))| SourceView {
            state,
            next,
            source: id.to_string(),
            kind: kind(source.kind),
            entries: source.len,
            claimed: source.claimed.max(source.len),
            heard: At(source.heard),
            silent_since: silent.map(At),
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
    sources.sort_by_key(|source| source.state == "heard");
    Sources {
        sources,
        tellers: tellers(asked),
        vouched: vouched(asked),
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
