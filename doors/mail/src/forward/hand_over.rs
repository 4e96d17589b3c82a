//! Hands over one item and settles what came of it.

use std::sync::Arc;

use door::PassPermit;
use spool::{Item, Receipt, WhyParked};
use vocabulary::{CellId, Digest};

use super::{
    Forwarder, Server,
    client::{BeforeDot, Handed, Letter},
};
use crate::{
    dsn,
    event::Event,
    header::{self, HEADER_BYTES_MAX},
    letter::{DsnIssuer, Envelope},
    outbox::{Action, Notice},
    trace,
};

impl Forwarder {
    pub(super) async fn forward(
        self: Arc<Self>,
        cell: CellId,
        item: Box<Item>,
        permit: Arc<PassPermit>,
    ) -> Server {
        let Ok(envelope) = Envelope::read(item.sealed().envelope()) else {
            self.park(&cell, &item, WhyParked::Unreadable, "envelope unreadable")
                .await;
            return Server::Answers;
        };
        let mut client = match self.connection().await {
            Ok(client) => client,
            Err(error) => {
                self.put_off(&cell, &item, error.to_string()).await;
                return Server::Fails;
            }
        };
        let mut header = Vec::new();
        let mut attempt = Attempt {
            forwarder: &self,
            item: &item,
            permit,
            begun: false,
        };
        let (left, handed) = loop {
            let recipients = envelope
                .recipients
                .iter()
                .map(|one| (one.clone(), envelope.notify_onward(one)))
                .collect::<Vec<_>>();
            let received = received_line(&self.host, item.id(), item.sealed().received());
            // First, because only what stands above a sender's own fields is known to be ours.
            let [named, proven] = trace::lines(&self.salt, item.id());
            let trace = [named, proven, received];
            let mut body = Tee {
                inner: item.sealed().body(),
                kept: &mut header,
                keep: envelope.wishes().next().is_some(),
            };
            let bytes = item.sealed().body_len();
            let letter = Letter {
                origin: &envelope.origin,
                recipients: &recipients,
                trace: &trace,
                message: &mut body,
                bytes,
            };
            let fresh = client.fresh;
            let dsn = client.offers.dsn;
            match client.hand(letter, &mut attempt).await {
                // A kept connection that the server closed meanwhile says nothing about the server.
                (None, Handed::Later(_)) if !fresh && !attempt.begun => match self.connect().await {
                    Ok(again) => {
                        header.clear();
                        client = again;
                    }
                    Err(error) => break (None, Handed::Later(error.to_string())),
                },
                (client, handed) => break (client.map(|client| (client, dsn)), handed),
            }
        };
        let dsn = left.as_ref().is_some_and(|(_, dsn)| *dsn);
        let begun = attempt.begun;
        let server_fails = left.is_none() && matches!(handed, Handed::Later(_) | Handed::InDoubt(_));
        if let Some((client, _)) = left {
            self.keep(client);
        }
        self.settle_item(&cell, &item, &envelope, &header, handed, begun, dsn)
            .await;
        if server_fails {
            Server::Fails
        } else {
            Server::Answers
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the outcome of one attempt, taken apart in one place"
    )]
    async fn settle_item(
        &self,
        cell: &CellId,
        item: &Item,
        envelope: &Envelope,
        header: &[u8],
        handed: Handed,
        begun: bool,
        dsn: bool,
    ) {
        let id = item.id();
        match handed {
            Handed::Taken(answer) => {
                if !dsn {
                    self.relayed(item, envelope, header).await;
                }
                match self
                    .spool
                    .handed_over(id, &Receipt::new(&answer), (self.clock)())
                    .await
                {
                    Ok(()) => self.events.tell(Event::HandedOver {
                        cell: cell.clone(),
                        item: id,
                    }),
                    Err(error) => self.trouble(format!(
                        "{id} was handed over, but that cannot be recorded: {error}"
                    )),
                }
            }
            Handed::Later(answer) => self.put_off(cell, item, answer).await,
            Handed::Never(answer) => {
                let code = answer.get(..3).and_then(|code| code.parse().ok()).unwrap_or(500);
                self.park(cell, item, WhyParked::Refused(code), &answer).await;
            }
            Handed::InDoubt(answer) => {
                self.events.tell(Event::InDoubt {
                    cell: cell.clone(),
                    item: id,
                });
                self.put_off(cell, item, answer).await;
            }
            // Nothing was sent that counts. If it was marked as begun, the mark goes; otherwise it is as it was.
            Handed::Stopped if begun => {
                self.put_off(cell, item, "stopped before the final dot".to_owned())
                    .await
            }
            Handed::Stopped => {}
            Handed::Unreadable => {
                self.park(cell, item, WhyParked::Unreadable, "stored bytes unreadable")
                    .await
            }
        }
    }

    /// The server took the mail but will not notify: RFC 3461 section 5.2.2 makes that ours. Written down before the
    /// item counts as handed over; a crash in between may say it twice, never not at all.
    async fn relayed(&self, item: &Item, envelope: &Envelope, header: &[u8]) {
        if envelope.dsn != DsnIssuer::Regular || envelope.wishes().next().is_none() {
            return;
        }
        let Some(outbox) = &self.outbox else {
            self.trouble(format!(
                "{} wants a notification, the server knows no DSN, and notify_through is not set",
                item.id()
            ));
            return;
        };
        let header = header::end(header, 0)
            .and_then(|end| header.get(..end))
            .unwrap_or(header);
        let key = Digest::of(format!("relayed {}", item.id()).as_bytes());
        let notice = Notice {
            action: Action::Relayed,
            envelope,
            header,
            at: item.sealed().received(),
        };
        let written = async {
            outbox.prepare(key, &notice).await?;
            outbox.due(key, item.id()).await
        };
        match written.await {
            Ok(()) => self.events.tell(Event::Notified { item: item.id() }),
            Err(error) => self.trouble(error.to_string()),
        }
    }

    async fn put_off(&self, cell: &CellId, item: &Item, answer: String) {
        let (id, cell) = (item.id(), cell.clone());
        match self.spool.returned(id, (self.clock)(), (self.monotonic)()).await {
            Ok(()) => self.events.tell(Event::PutOff {
                cell,
                item: id,
                answer,
            }),
            Err(error) => self.trouble(format!("{id} cannot be given back: {error}")),
        }
    }

    async fn park(&self, cell: &CellId, item: &Item, why: WhyParked, answer: &str) {
        let (id, cell) = (item.id(), cell.clone());
        match self.spool.park(id, why, (self.clock)()).await {
            Ok(()) => self.events.tell(Event::Parked {
                cell,
                item: id,
                answer: answer.to_owned(),
            }),
            Err(error) => self.trouble(format!("{id} cannot be parked: {error}")),
        }
    }

    pub(super) fn trouble(&self, what: String) {
        self.events.tell(Event::Trouble {
            part: "forward".to_owned(),
            what,
        });
    }
}

/// One attempt: the right to make it, and its mark in the spool.
struct Attempt<'a> {
    forwarder: &'a Forwarder,
    item: &'a Item,
    permit: Arc<PassPermit>,
    begun: bool,
}

impl BeforeDot for Attempt<'_> {
    fn may(&self) -> bool {
        self.permit.still_valid()
    }

    async fn mark(&mut self) -> bool {
        let (id, at) = (self.item.id(), (self.forwarder.clock)());
        self.begun = true;
        match self.forwarder.spool.begin(id, self.item.attempt(), at).await {
            Ok(()) => true,
            Err(error) => {
                self.forwarder.trouble(format!("{id} cannot be marked: {error}"));
                false
            }
        }
    }
}

/// Keeps the beginning of what is read, for a notification that may be due.
struct Tee<'a, R> {
    inner: R,
    kept: &'a mut Vec<u8>,
    keep: bool,
}

impl<R: std::io::Read> std::io::Read for Tee<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(into)?;
        if self.keep && self.kept.len() < HEADER_BYTES_MAX {
            self.kept.extend_from_slice(into.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

/// A trace line as RFC 5321 section 4.4 wants it; names nobody.
fn received_line(host: &str, item: spool::ItemId, at: vocabulary::Timestamp) -> String {
    format!("Received: by {host} with ESMTP id {item}; {}", dsn::date(at))
}
