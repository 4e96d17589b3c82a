//! The reconciliation certificate: what was offered, and where every accepted item is. It names items and digests,
//! never people.

use std::{collections::BTreeMap, fmt};

use rusqlite::params;
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Digest, Hasher, InsurerId, Timestamp};

use crate::{
    Error, Refused, Spool,
    cache::{MARK_DELETED, MARK_FETCHED, sql, unsql},
    id::{ItemId, PeerCommitment},
    record::Tally,
    state::State,
};

/// What a certificate is about. What is absent means "any".
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// One cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellId>,
    /// One insurer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurer: Option<InsurerId>,
    /// One sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<PeerCommitment>,
}

/// A set of items.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// How many.
    pub count: u64,
    /// SHA-256 over their ids in order, each in its 32 digits: equal sets have equal digests.
    pub digest: Digest,
    /// Their ids in order; absent when there are more than [`Certificate::IDS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<ItemId>>,
}

#[derive(Default)]
struct Gather {
    count: u64,
    hasher: Hasher,
    items: Vec<ItemId>,
}

impl Gather {
    fn add(&mut self, item: ItemId) {
        self.count += 1;
        self.hasher.update(item.to_string().as_bytes());
        if self.count <= Certificate::IDS_MAX {
            self.items.push(item);
        }
    }

    fn class(self) -> Class {
        Class {
            items: (self.count <= Certificate::IDS_MAX).then_some(self.items),
            count: self.count,
            digest: self.hasher.finish(),
        }
    }
}

/// What was offered and where it is, at one cut of the spool.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Which spool.
    pub spool: String,
    /// About what.
    pub about: About,
    /// When it was drawn up: for people.
    pub at: Timestamp,
    /// The chain of the segments up to which everything below is counted.
    pub chain: Digest,
    /// Offers that were answered: accepted, refused and repeats together.
    pub offered: u64,
    /// Items accepted, each counted once.
    pub accepted: u64,
    /// Offers answered with an id that existed already.
    pub repeats: u64,
    /// Offers refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Waits in its lane.
    pub held: Class,
    /// A hand-over began and its end is unknown.
    pub in_doubt: Class,
    /// Taken by the receiver; the sealed copy is still here.
    pub handed_over: Class,
    /// Taken by the receiver; the sealed copy was given back after confirmation or the keeping time.
    pub reclaimed: u64,
    /// Set aside for a person.
    pub parked: Class,
    /// Of the handed over: not fetched by the insurer's consumer, as far as the door saw.
    pub not_fetched: Class,
    /// Of the fetched: not deleted by the insurer's consumer, as far as the door saw.
    pub not_deleted: Class,
}

impl Certificate {
    /// A certificate lists ids up to this many per class, and beyond that only their count and digest.
    pub const IDS_MAX: u64 = 200_000;

    /// Refused offers, all reasons together.
    #[must_use]
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (&self.about.cell, &self.about.insurer, &self.about.peer) {
            (Some(cell), _, _) => cell.to_string(),
            (None, Some(insurer), _) => insurer.to_string(),
            (None, None, Some(peer)) => format!("peer {peer}"),
            (None, None, None) => "alle / all".to_owned(),
        };
        writeln!(
            f,
            "Abgleich / reconciliation: {what} · {} · spool {}",
            self.at, self.spool
        )?;
        writeln!(
            f,
            "  angeboten / offered {} = angenommen / accepted {} + wiederholt / repeats {} + abgelehnt / refused {}",
            self.offered,
            self.accepted,
            self.repeats,
            self.refused_total()
        )?;
        for (reason, times) in &self.refused {
            writeln!(f, "    {reason}: {times}")?;
        }
        writeln!(
            f,
            "  angenommen / accepted {} = wartend / held {} + im Zweifel / in doubt {} + übergeben / handed over {} + \
             zurückgelegt / parked {}",
            self.accepted,
            self.held.count,
            self.in_doubt.count,
            self.handed_over.count + self.reclaimed,
            self.parked.count
        )?;
        writeln!(
            f,
            "  übergeben, nicht abgeholt / handed over, not fetched: {}",
            self.not_fetched.count
        )?;
        writeln!(
            f,
            "  abgeholt, nicht gelöscht / fetched, not deleted: {}",
            self.not_deleted.count
        )?;
        write!(f, "  Kette / chain {}", self.chain)
    }
}

impl Spool {
    /// Draws up a certificate at a cut of the spool. Blocks for one commit, so that refusals counted up to now are
    /// durable before they are certified.
    ///
    /// # Errors
    /// When the counts cannot be made durable or the cache cannot be read.
    pub fn certificate(&self, about: About, at: Timestamp) -> Result<Certificate, Error> {
        self.flush_counts().wait()?;
        let conn = self.shared.pointers();
        // One read transaction: all classes are from the same cut.
        let cut = conn
            .unchecked_transaction()
            .map_err(Error::cache("begin a certificate"))?;
        let chain: Vec<u8> = cut
            .query_row("SELECT chain FROM place", [], |row| row.get(0))
            .map_err(Error::cache("read its position"))?;
        let filter = filter(&about);
        let mut classes: BTreeMap<State, Gather> = BTreeMap::new();
        let (mut not_fetched, mut not_deleted) = (Gather::default(), Gather::default());
        let mut accepted = 0;
        {
            let query = format!(
                "SELECT i.seq, i.state, i.marks FROM items i JOIN lanes l ON l.id = i.lane WHERE {} ORDER BY i.seq",
                filter.sql
            );
            let mut statement = cut.prepare(&query).map_err(Error::cache("read items"))?;
            let mut rows = statement
                .query(params![filter.cell, filter.peer])
                .map_err(Error::cache("read items"))?;
            while let Some(row) = rows.next().map_err(Error::cache("read items"))? {
                let read = || -> rusqlite::Result<_> {
                    Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, u32>(2)?))
                };
                let (seq, state, marks) = read().map_err(Error::cache("read an item"))?;
                let item = self.shared.item_id(unsql(seq));
                let state = match State::read(state) {
                    // Confirmed and kept items are both handed over to whoever reads a certificate.
                    Some(State::Done) => State::HandedOver,
                    Some(state) => state,
                    None => continue,
                };
                accepted += 1;
                classes.entry(state).or_default().add(item);
                if marks & MARK_FETCHED == 0 && state == State::HandedOver {
                    not_fetched.add(item);
                }
                if marks & MARK_FETCHED != 0 && marks & MARK_DELETED == 0 {
                    not_deleted.add(item);
                }
            }
        }
        let counts = tallies(&cut, &filter)?;
        let reclaimed = counts.get(&Tally::Reclaimed).copied().unwrap_or(0);
        let repeats = counts.get(&Tally::Repeat).copied().unwrap_or(0);
        let refused: BTreeMap<String, u64> = Refused::ALL
            .iter()
            .filter_map(|why| Some((why.word().to_owned(), *counts.get(&Tally::Refused(why.number()))?)))
            .collect();
        let mut class = |state| classes.remove(&state).unwrap_or_default().class();
        let accepted = accepted + reclaimed;
        Ok(Certificate {
            spool: self.shared.id.to_string(),
            about,
            at,
            chain: crate::cache::digest_of(chain),
            offered: accepted + repeats + refused.values().sum::<u64>(),
            accepted,
            repeats,
            refused,
            held: class(State::Held),
            in_doubt: class(State::InDoubt),
            handed_over: class(State::HandedOver),
            reclaimed,
            parked: class(State::Parked),
            not_fetched: not_fetched.class(),
            not_deleted: not_deleted.class(),
        })
    }
}

struct Filter {
    sql: &'static str,
    cell: String,
    peer: Vec<u8>,
}

/// Both parameters are always bound; an empty one means "any".
fn filter(about: &About) -> Filter {
    let cell = match (&about.cell, &about.insurer) {
        (Some(cell), _) => cell.to_string(),
        (None, Some(insurer)) => format!("{insurer}/*"),
        (None, None) => "*".to_owned(),
    };
    Filter {
        // Names of cells contain no pattern characters of GLOB.
        sql: "cell GLOB ?1 AND (length(?2) = 0 OR peer = ?2)",
        cell,
        peer: about
            .peer
            .map(|peer| peer.0.as_bytes().to_vec())
            .unwrap_or_default(),
    }
}

fn tallies(conn: &rusqlite::Connection, filter: &Filter) -> Result<BTreeMap<Tally, u64>, Error> {
    let query = format!(
        "SELECT tally, sum(times) FROM counts WHERE {} GROUP BY tally",
        filter.sql
    );
    let rows: Vec<(u8, i64)> = conn
        .prepare(&query)
        .and_then(|mut statement| {
            statement
                .query_map(params![filter.cell, filter.peer], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect()
        })
        .map_err(Error::cache("read counts"))?;
    Ok(rows
        .into_iter()
        .map(|(tally, times)| (Tally::read(tally), unsql(times)))
        .collect())
}

/// A reader's place in a cell that moves nothing: how an emergency process walks through what is held.
impl Spool {
    /// Items of a cell that still wait, in the order of their acceptance, after the given one; at most `limit`. Moves
    /// nothing.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn waiting_after(
        &self,
        cell: &CellId,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<ItemId>, Error> {
        self.list("i.state < 2", cell, after, limit)
    }

    /// Parked items of a cell, likewise.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn parked_after(
        &self,
        cell: &CellId,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<ItemId>, Error> {
        self.list("i.state = 3", cell, after, limit)
    }

    fn list(
        &self,
        state: &'static str,
        cell: &CellId,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<ItemId>, Error> {
        let query = format!(
            "SELECT i.seq FROM items i JOIN lanes l ON l.id = i.lane \
             WHERE {state} AND l.cell = ?1 AND i.seq > ?2 ORDER BY i.seq LIMIT ?3"
        );
        let rows: Vec<i64> = self
            .shared
            .pointers()
            .prepare_cached(&query)
            .and_then(|mut statement| {
                statement
                    .query_map(
                        params![cell.to_string(), sql(after.map_or(0, |item| item.seq)), limit],
                        |row| row.get(0),
                    )?
                    .collect()
            })
            .map_err(Error::cache("list items"))?;
        Ok(rows
            .into_iter()
            .map(|seq| self.shared.item_id(unsql(seq)))
            .collect())
    }

    /// Where an item is, and why it was parked if it was.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`] when it is not here or was reclaimed.
    pub fn state_of(&self, item: ItemId) -> Result<(State, Option<crate::WhyParked>), Error> {
        let row = crate::query::row(&self.shared.pointers(), item.seq)?
            .filter(|_| item.spool == self.shared.id)
            .ok_or(Error::NoSuchItem { item })?;
        let why = (row.state == State::Parked).then(|| crate::WhyParked::read(row.reason));
        Ok((row.state, why))
    }
}
