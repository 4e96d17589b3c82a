//! The end of an emergency environment's work on a cell: its index, counted against what the spool knows.

use std::collections::BTreeSet;

use spool::{About, Certificate, ItemId, Reader, Spool};
use vocabulary::{EnvironmentId, Hasher};

use super::{Service, log::Entry, unable};
use crate::{
    clock,
    emergency_wire::{HandBack, IndexCall},
    http::{Call, Reply},
};

/// Items taken from the spool's list at once.
const PAGE: u32 = 10_000;

/// What counting an index came to.
struct Counted {
    certificate: Certificate,
    /// Items of the index that are not this cell's, or that nobody knows and that were not given back either.
    strange: u64,
    not_indexed: u64,
}

impl Service {
    /// Takes an index: every item once, each of this cell. Also after the grant ended: that is when work ends.
    pub(super) async fn take_index(&self, environment: &EnvironmentId, call: &Call) -> Result<Reply, Reply> {
        let IndexCall { cell, items, index } = call.json()?;
        if !self.log.was_granted(&cell, environment) {
            return Err(Reply::refuse(
                403,
                &format!(
                    "Die Notumgebung {environment} hatte an {cell} nie eine Erlaubnis. / \
                     Emergency environment {environment} never had a grant at {cell}."
                ),
            ));
        }
        if items
            .windows(2)
            .any(|pair| matches!(pair, [one, next] if one >= next))
        {
            return Err(Reply::refuse(
                422,
                "Das Verzeichnis nennt Sendungen doppelt oder nicht in ihrer Ordnung. / \
                 The index names items twice or out of order.",
            ));
        }
        let indexed = items.len() as u64;
        let mut hasher = Hasher::new();
        items
            .iter()
            .for_each(|item| hasher.update(item.to_string().as_bytes()));
        let digest = hasher.finish();
        let (spool, reader) = (self.store.spool.clone(), self.reader(&cell));
        let about = About {
            cell: Some(cell.clone()),
            ..About::default()
        };
        let counted = super::blocking(move || count(&spool, &reader, about, &items)).await?;
        if counted.strange > counted.certificate.reclaimed {
            let strange = counted.strange;
            return Err(Reply::refuse(
                422,
                &format!(
                    "Das Verzeichnis nennt {strange} Sendungen, die es in {cell} nicht gibt. / \
                     The index names {strange} items that are not in {cell}."
                ),
            ));
        }
        let entry = Entry::Index {
            cell: cell.clone(),
            environment: environment.clone(),
            indexed,
            items: digest,
            index,
            not_indexed: counted.not_indexed,
        };
        self.log.write(entry).await.map_err(|error| unable(&error))?;
        Ok(Reply::json(&HandBack {
            cell,
            environment: environment.clone(),
            index,
            indexed,
            items: digest,
            not_indexed: counted.not_indexed,
            certificate: counted.certificate,
        }))
    }
}

fn count(spool: &Spool, reader: &Reader, about: About, items: &[ItemId]) -> Result<Counted, spool::Error> {
    let mut certificate = spool.certificate(about, clock::now())?;
    // Counts and digests cover the index; the ids are in it.
    for class in [
        &mut certificate.held,
        &mut certificate.in_doubt,
        &mut certificate.handed_over,
        &mut certificate.parked,
        &mut certificate.not_fetched,
        &mut certificate.not_deleted,
    ] {
        class.items = None;
    }
    let mut strange = 0;
    for item in items {
        if !reader.has(*item)? {
            strange += 1;
        }
    }
    let indexed: BTreeSet<ItemId> = items.iter().copied().collect();
    let mut not_indexed = 0;
    for epoch in reader.epochs()?.into_keys() {
        let mut after = None;
        loop {
            let page = reader.next_after(epoch, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.item);
            not_indexed += page.iter().filter(|one| !indexed.contains(&one.item)).count() as u64;
        }
    }
    Ok(Counted {
        certificate,
        strange,
        not_indexed,
    })
}
