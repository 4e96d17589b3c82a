//! What tells the room besides the logs it keeps: when it was heard last, and what to do if it is not.

use vocabulary::{Seconds, Timestamp};

use super::shape::{At, Both, views};
use crate::Asked;

/// A prober tries every door again within a minute; after three times that nobody measures.
const PROBER_LIMIT: Seconds = Seconds(180);

views! {
    /// Somebody who tells the room without a log of their own in the journal.
    TellerView {
        /// `spool`, `prober`, `room`, `publisher` or `detector`.
        kind: &'static str,
        /// What it is.
        name: Both,
        /// `heard`, `silent`, `never` or `attention`.
        state: &'static str,
        /// When it was heard last.
        heard: Option<At>,
        /// Number of the journal entry that says so, where one is kept at hand.
        entry: Option<u64>,
        /// What it said.
        says: Both,
        /// What to do next.
        next: Both,
    }
    /// How far witnesses vouch for one log.
    VouchedView {
        /// The log.
        log: String,
        /// Entries it has.
        len: u64,
        /// Entries the newest co-signed head covers.
        size: Option<u64>,
        /// Witnesses the charter asks for.
        quorum: u64,
        /// The charter's witnesses.
        witnesses: Vec<WitnessView>,
        /// What to do next.
        next: Both,
    }
    /// One witness of one log.
    WitnessView {
        /// Its name.
        witness: String,
        /// When it signed that head, by its own clock; null if it did not.
        signed: Option<At>,
    }
}

fn words(de: &str, en: &str) -> Both {
    Both {
        de: de.into(),
        en: en.into(),
    }
}

fn nothing() -> Both {
    words("Nichts zu tun.", "Nothing to do.")
}

/// Everybody who tells the room without a log of their own.
pub(crate) fn tellers(asked: &Asked<'_>) -> Vec<TellerView> {
    let mut tellers = vec![
        room(asked),
        spools(asked),
        prober(asked),
        publisher(asked),
        detectors(asked),
    ];
    tellers.sort_by_key(|teller| teller.state == "heard");
    tellers
}

fn room(asked: &Asked<'_>) -> TellerView {
    let picture = asked.ctx.room.picture;
    let (len, unread) = (picture.head().len, picture.unread());
    TellerView {
        kind: "room",
        name: words("Dieser Leitstand (Journal)", "This control room (journal)"),
        state: if unread > 0 { "attention" } else { "heard" },
        heard: Some(At(picture.at())),
        entry: len.checked_sub(1),
        says: words(
            &format!("{len} Einträge, davon {unread} unverstanden"),
            &format!("{len} entries, {unread} of them not understood"),
        ),
        next: if unread > 0 {
            words(
                "Leitstand auf die Fassung bringen, die diese Einträge schrieb.",
                "Bring the room to the version that wrote these entries.",
            )
        } else {
            nothing()
        },
    }
}

fn spools(asked: &Asked<'_>) -> TellerView {
    let picture = asked.ctx.room.picture;
    let counted = picture.backlog().values();
    let newest = counted.clone().max_by_key(|written| written.entry);
    let (mut held, mut doubt, mut parked) = (0_u64, 0_u64, 0_u64);
    for written in counted.clone() {
        held = held.saturating_add(written.body.held);
        doubt = doubt.saturating_add(written.body.in_doubt);
        parked = parked.saturating_add(written.body.parked);
    }
    let cells = counted.count();
    let attention = doubt > 0 || parked > 0;
    // A spool in which nothing ever lay has no figures to tell; that its process lives, its doors' log says.
    let known = newest.is_some() || !picture.doors().is_empty();
    TellerView {
        kind: "spool",
        name: words(
            "Spools (Zahlen der Türprozesse)",
            "Spools (figures of the door processes)",
        ),
        state: match (known, attention) {
            (false, _) => "never",
            (true, true) => "attention",
            (true, false) => "heard",
        },
        heard: newest.map(|written| At(written.at)),
        entry: newest.map(|written| written.entry),
        says: words(
            &format!("{cells} Zellen gezählt: {held} warten, {doubt} im Zweifel, {parked} beiseitegelegt"),
            &format!("{cells} cells counted: {held} waiting, {doubt} in doubt, {parked} set aside"),
        ),
        next: match (known, attention) {
            (false, _) => words(
                "Noch hat kein Türprozess gezählt: läuft er, kennt er die Adresse des Leitstands?",
                "No door process has counted yet: is it running, does it know the room's address?",
            ),
            (true, true) => words(
                "Stücke im Zweifel und beiseitegelegte einzeln ansehen: bulkhead spool.",
                "Look at each item in doubt or set aside: bulkhead spool.",
            ),
            (true, false) => nothing(),
        },
    }
}

fn prober(asked: &Asked<'_>) -> TellerView {
    let (picture, now) = (asked.ctx.room.picture, asked.request.now);
    let doors = picture.doors().values();
    let measured = doors.clone().filter_map(|door| Some(door.measured.as_ref()?.at));
    let newest: Option<Timestamp> = measured.clone().max();
    let (all, some) = (doors.count(), measured.count());
    let silent = newest.is_some_and(|at| now.since(at) > PROBER_LIMIT);
    TellerView {
        kind: "prober",
        name: words("Prober (misst von außen)", "Prober (measures from outside)"),
        state: match (newest, silent) {
            (None, _) => "never",
            (Some(_), true) => "silent",
            (Some(_), false) if some < all => "attention",
            (Some(_), false) => "heard",
        },
        heard: newest.map(At),
        entry: None,
        says: words(
            &format!("{some} von {all} Türen gemessen"),
            &format!("{some} of {all} doors measured"),
        ),
        next: match (newest, silent) {
            (None, _) => words(
                "Niemand misst, also ist nichts bewiesen: bulkhead probe starten.",
                "Nobody measures, so nothing is proven: start bulkhead probe.",
            ),
            (Some(_), true) => words(
                "Der Prober schweigt; was als bewiesen gilt, wird alt. Prozess und Leitung des Probers prüfen.",
                "The prober is silent; what counts as proven grows old. Check the prober's process and line.",
            ),
            (Some(_), false) if some < all => words(
                "Türen, die er nicht misst, in probe.toml eintragen.",
                "Enter the doors it does not measure in probe.toml.",
            ),
            (Some(_), false) => nothing(),
        },
    }
}

fn publisher(asked: &Asked<'_>) -> TellerView {
    let newest = asked.ctx.room.picture.people().notices.back();
    TellerView {
        kind: "publisher",
        name: words("Öffentliche Seite", "Public site"),
        state: if newest.is_some() { "heard" } else { "never" },
        heard: newest.map(|written| At(written.at)),
        entry: newest.map(|written| written.entry),
        says: newest.map_or_else(
            || words("Noch keine Seite gemeldet", "No site told of yet"),
            |written| {
                let digest = written.body.digest.short();
                words(&format!("Stand {digest}"), &format!("state {digest}"))
            },
        ),
        next: if newest.is_some() {
            words(
                "Nichts zu tun. Sie ändert sich nur mit den Fakten.",
                "Nothing to do. It changes with the facts only.",
            )
        } else {
            words(
                "Draußen steht nichts von uns: bulkhead publish starten.",
                "Nothing of ours stands outside: start bulkhead publish.",
            )
        },
    }
}

fn detectors(asked: &Asked<'_>) -> TellerView {
    let newest = asked.ctx.room.picture.people().signals.back();
    TellerView {
        kind: "detector",
        name: words("Melder (Warnungen)", "Detectors (warnings)"),
        state: "heard",
        heard: newest.map(|written| At(written.at)),
        entry: newest.map(|written| written.entry),
        says: newest.map_or_else(
            || words("Noch kein Signal", "No signal yet"),
            |written| Both::same(&format!("{} ({})", written.body.signal, written.body.detector)),
        ),
        // A detector that sees nothing says nothing: silence proves nothing here, and is not shown as a fault.
        next: words(
            "Ob Melder laufen, zeigt ihr eigener Prozess (bulkhead warn); Ruhe ist kein Beweis.",
            "Whether detectors run, their own process shows (bulkhead warn); silence proves nothing.",
        ),
    }
}

/// How far the witnesses vouch for the room's logs.
pub(crate) fn vouched(asked: &Asked<'_>) -> Vec<VouchedView> {
    let logs = asked
        .ctx
        .room
        .others
        .beyond
        .map_or_else(Vec::new, |beyond| beyond.vouched());
    logs.into_iter()
        .map(|log| {
            let signed = log.witnesses.values().flatten().count();
            let enough = u64::try_from(signed).unwrap_or(0) >= log.quorum;
            VouchedView {
                next: match (enough, signed == log.witnesses.len()) {
                    (true, true) => nothing(),
                    (true, false) => words(
                        "Es genügen genug Zeugen. Den fehlenden anrufen: läuft sein Rechner, kommt er an die Adresse?",
                        "Enough witnesses are there. Call the missing one: is its machine running, does it reach the address?",
                    ),
                    (false, _) => words(
                        "Zu wenige Zeugen: keine Tür bekommt eine frische Sicht, nichts öffnet. Zeugen anrufen, notfalls per Datei.",
                        "Too few witnesses: no door gets a fresh view, nothing opens. Call the witnesses, by file if need be.",
                    ),
                },
                log: log.log,
                len: log.len,
                size: log.size,
                quorum: log.quorum,
                witnesses: log
                    .witnesses
                    .into_iter()
                    .map(|(witness, signed)| WitnessView {
                        witness: witness.to_string(),
                        signed: signed.map(At),
                    })
                    .collect(),
            }
        })
        .collect()
}
