//! One message in DATA: from the wire to the store and back to the peer.

use spool::{Accepted, ItemId, Novelty, Offer, OfferWriter, Refused};
use vocabulary::{CellId, Digest, Hasher};

use super::{Intake, Over, Talk, Waited, is_open};
use crate::{
    config::DsnWhileHeld,
    event::{Event, Reason},
    header::{self, HEADER_BYTES_MAX, Outer},
    letter::{DsnIssuer, Envelope},
    outbox::{Action, Known, Notice},
    smtp::{
        body::{Body, Fed},
        command::{Origin, Recipient},
        reply::Reply,
        session::{self, OVERSIZED, SHUT, Transaction},
    },
};

/// One cell's copy of the message on its way into the store.
struct Copy {
    cell: CellId,
    recipients: Vec<Recipient>,
    writer: OfferWriter,
}

/// A message whose header is known.
struct Begun {
    outer: Outer,
    header: Vec<u8>,
    copies: Vec<Copy>,
    hasher: Option<Hasher>,
    refused: Option<Refused>,
}

const HEADER_TOO_LONG: Reply = Reply::fixed(
    552,
    "5.3.4 Kopf der Nachricht zu gross / message header is too large",
);
const OUTBOX: Reply = Reply::fixed(
    451,
    "4.3.0 Bestaetigung derzeit nicht moeglich / cannot confirm now, try again later",
);

impl Talk<'_> {
    /// Takes one message after 354 and answers its final dot.
    pub(super) async fn message(&mut self) -> Result<(), Over> {
        let transaction = self.session.transaction();
        let mut cells = self.intake.candidates(&transaction.recipients);
        let mut body = Body::new(self.intake.limits.message_bytes_max);
        let (mut piece, mut searched, mut known) = (Vec::new(), 0, None);
        loop {
            let fed = body.feed(self.wire.unread(), &mut piece);
            let ended = match fed {
                Fed::All => {
                    self.wire.consume(usize::MAX);
                    false
                }
                Fed::Ended(used) => {
                    self.wire.consume(used);
                    true
                }
                Fed::BareNewline => {
                    self.refused(Reason::Protocol);
                    self.end(session::Event::Garbage);
                    return Err(Over);
                }
            };
            if known.is_none() {
                let header = header::end(&piece, searched).or(ended.then_some(piece.len()));
                searched = piece.len();
                if let Some(header) = header.filter(|header| *header <= HEADER_BYTES_MAX) {
                    let begun = self
                        .intake
                        .begin(&transaction, piece.get(..header).unwrap_or_default());
                    cells = begun.copies.iter().map(|copy| copy.cell.clone()).collect();
                    known = Some(begun);
                } else if piece.len() > HEADER_BYTES_MAX {
                    self.refused(Reason::Oversized);
                    self.say(&HEADER_TOO_LONG);
                    return Err(Over);
                }
            }
            if let Some(known) = &mut known {
                known.write(&piece);
                piece.clear();
            }
            if ended {
                break;
            }
            match self.wait(Some(&cells)).await {
                Waited::GoOn => {}
                // It stopped before its end and nothing is stored; may it still be listening, it hears that the cell its
                // header named is shut. A sender of whole mails hears the same at its final dot.
                Waited::Gone if known.is_some() && self.cut_for(Some(&cells)) => {
                    return Err(self.over(session::Event::CutOff));
                }
                Waited::Gone => return Err(Over),
                Waited::Late => return Err(self.over(session::Event::Late)),
                Waited::Cut => return Err(self.over(session::Event::CutOff)),
            }
        }
        let reply = match known {
            Some(_) if body.is_oversized() => {
                self.refused(Reason::Oversized);
                OVERSIZED
            }
            Some(known) => self.store(transaction.origin, known).await,
            None => SHUT,
        };
        self.tell(session::Event::BodyOver);
        self.say(&reply);
        Ok(())
    }

    fn over(&mut self, event: session::Event<'_>) -> Over {
        self.end(event);
        Over
    }

    /// Offers every copy and waits for the disk. Only then there is something to say.
    async fn store(&self, origin: Origin, known: Begun) -> Reply {
        let intake = self.intake;
        // If any cell stores, every copy is stored, that of a Shut cell too.
        if !known
            .copies
            .iter()
            .any(|copy| intake.board.stores(&copy.cell).is_some())
        {
            self.refused(Reason::Position);
            return SHUT;
        }
        if let Some(refused) = known.refused {
            return self.refusal(&refused);
        }
        let digest = known.hasher.map(Hasher::finish);
        let sender = origin
            .from
            .as_ref()
            .map(|from| from.mailbox().as_str().to_owned())
            .unwrap_or_default();
        let mut waiting = Vec::with_capacity(known.copies.len());
        for copy in known.copies {
            let dsn = intake.issuer(&copy.cell, &origin, &known.outer);
            let envelope = Envelope {
                origin: origin.clone(),
                recipients: copy.recipients,
                dsn,
            };
            let Ok(bytes) = envelope.write() else {
                return OUTBOX;
            };
            let to = |recipient: &Recipient| recipient.to.mailbox().as_str().to_owned();
            let offer = Offer {
                cell: copy.cell.clone(),
                peer: self.peer.clone(),
                lane: sender.clone(),
                sender: sender.clone(),
                recipients: envelope.recipients.iter().map(to).collect(),
                message_id: known.outer.message_id.clone(),
                envelope: bytes,
                received: (intake.clock)(),
            };
            let notice = match intake.prepare(&envelope, &known.header, digest, &offer).await {
                Ok(notice) => notice,
                Err(reply) => return reply,
            };
            waiting.push((copy.cell, copy.writer.finish(offer), notice));
        }
        let (mut accepted, mut refused) = (Vec::with_capacity(waiting.len()), None);
        for (cell, pending, notice) in waiting {
            match pending.await {
                Ok(Accepted { item, novelty }) => {
                    if intake.settle(notice, novelty, item).await.is_err() {
                        return OUTBOX;
                    }
                    accepted.push((cell, item, novelty));
                }
                Err(why) => refused = Some(why),
            }
        }
        // One refusal refuses the mail: the peer repeats it, and what is here already is recognised as a repeat.
        if let Some(refused) = refused {
            return self.refusal(&refused);
        }
        let now = (intake.clock)();
        for (cell, _, novelty) in &accepted {
            if *novelty != Novelty::Repeat {
                intake.minutes.accepted(cell, &sender, &known.outer, now);
            }
        }
        self.thanks(accepted)
    }

    /// Says which items are durable now, and tells everyone else.
    fn thanks(&self, accepted: Vec<(CellId, ItemId, Novelty)>) -> Reply {
        let mut text = String::with_capacity(64);
        text.push_str("2.0.0");
        for (cell, item, novelty) in accepted {
            text.push_str(&format!(" {item}"));
            self.intake.events.tell(match novelty {
                Novelty::New | Novelty::SameIdOtherBytes => Event::Accepted { cell, item },
                Novelty::Repeat => Event::Repeated { cell, item },
            });
        }
        text.push_str(" stored");
        Reply::made(250, text)
    }

    fn refusal(&self, refused: &Refused) -> Reply {
        self.refused(if *refused == Refused::TooLarge {
            Reason::Oversized
        } else {
            Reason::Store
        });
        in_words(refused)
    }
}

impl Begun {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        if self.refused.is_some() {
            return;
        }
        for copy in &mut self.copies {
            if let Err(why) = copy.writer.write(bytes) {
                self.refused = Some(why);
                return;
            }
        }
    }
}

impl Intake {
    /// Every cell a message to these recipients could belong to.
    pub(super) fn candidates(&self, recipients: &[Recipient]) -> Vec<CellId> {
        let mut cells = Vec::new();
        for recipient in recipients {
            for cell in self.routes.cells_of(&recipient.to.mailbox()) {
                if !cells.contains(cell) {
                    cells.push(cell.clone());
                }
            }
        }
        cells
    }

    /// Decides the cells of a message by its outer header and opens a writer for each.
    fn begin(&self, transaction: &Transaction, header: &[u8]) -> Begun {
        let outer = header::read(header);
        let mut copies: Vec<Copy> = Vec::with_capacity(1);
        for recipient in &transaction.recipients {
            // Recipients were routed at RCPT; a mailbox cannot leave the table while we run.
            let Some(cell) = self
                .routes
                .cell(&recipient.to.mailbox(), outer.service_mark.as_deref())
            else {
                continue;
            };
            match copies.iter_mut().find(|copy| copy.cell == *cell) {
                Some(copy) => copy.recipients.push(recipient.clone()),
                None => copies.push(Copy {
                    cell: cell.clone(),
                    recipients: vec![recipient.clone()],
                    writer: self.spool.writer(cell.clone()),
                }),
            }
        }
        let wished = self.outbox.is_some()
            && self.dsn_while_held == DsnWhileHeld::Bulkhead
            && transaction.recipients.iter().any(|one| {
                one.notify
                    .is_some_and(crate::smtp::command::Notify::wants_success)
            });
        let kept = if wished { header.to_vec() } else { Vec::new() };
        Begun {
            outer,
            header: kept,
            copies,
            hasher: wished.then(Hasher::new),
            refused: None,
        }
    }

    /// Exactly one party issues the notification of success; decided once, when the item is stored.
    fn issuer(&self, cell: &CellId, origin: &Origin, outer: &Outer) -> DsnIssuer {
        if origin.from.is_none() || outer.is_report {
            return DsnIssuer::Nobody;
        }
        match self.dsn_while_held {
            DsnWhileHeld::Bulkhead if self.outbox.is_some() && !is_open(&self.board, cell) => {
                DsnIssuer::Bulkhead
            }
            DsnWhileHeld::Bulkhead | DsnWhileHeld::Regular => DsnIssuer::Regular,
        }
    }

    /// Writes down, before the offer, that a notification will be due. Without this step a crash between storing and
    /// noting could leave a sender without one; with it, a repeat finds the note.
    async fn prepare(
        &self,
        envelope: &Envelope,
        header: &[u8],
        body: Option<Digest>,
        offer: &Offer,
    ) -> Result<Option<(Digest, Known)>, Reply> {
        let (Some(outbox), Some(body), DsnIssuer::Bulkhead) = (&self.outbox, body, envelope.dsn) else {
            return Ok(None);
        };
        if envelope.wishes().next().is_none() {
            return Ok(None);
        }
        let mut key = Hasher::new();
        for part in [offer.cell.to_string().as_str(), &offer.peer, &offer.sender] {
            key.update(part.as_bytes());
            key.update(b"\n");
        }
        for recipient in &offer.recipients {
            key.update(recipient.as_bytes());
            key.update(b"\n");
        }
        key.update(body.as_bytes());
        let key = key.finish();
        let notice = Notice {
            action: Action::Delivered,
            envelope,
            header,
            at: offer.received,
        };
        match outbox.prepare(key, &notice).await {
            Ok(known) => Ok(Some((key, known))),
            Err(_) => Err(OUTBOX),
        }
    }

    /// After the disk has spoken: the notification becomes due, unless the item was stored earlier by an acceptance
    /// that left it to somebody else.
    async fn settle(
        &self,
        notice: Option<(Digest, Known)>,
        novelty: Novelty,
        item: spool::ItemId,
    ) -> Result<(), crate::outbox::Error> {
        let (Some(outbox), Some((key, known))) = (&self.outbox, notice) else {
            return Ok(());
        };
        match (novelty, known) {
            (Novelty::Repeat, Known::New) => outbox.forget(key).await,
            (Novelty::Repeat, Known::Before)
            | (Novelty::New | Novelty::SameIdOtherBytes, Known::New | Known::Before) => {
                outbox.due(key, item).await?;
                if known == Known::New || novelty != Novelty::Repeat {
                    self.events.tell(Event::Notified { item });
                }
                Ok(())
            }
        }
    }
}

/// The store's reason in plain ASCII words; temporary unless the mail itself is too large.
pub(super) fn in_words(refused: &Refused) -> Reply {
    match refused {
        Refused::TooLarge => OVERSIZED,
        Refused::DiskReserve => Reply::fixed(
            452,
            "4.3.1 Speicher reserviert oder erschoepft, spaeter erneut / disk reserve reached, try again later",
        ),
        Refused::Full => Reply::fixed(
            452,
            "4.3.1 Speicher voll, spaeter erneut / store is full, try again later",
        ),
        Refused::PeerShare => Reply::fixed(
            452,
            "4.3.1 Ihr Anteil am Speicher ist belegt, spaeter erneut / your share of the store is used, try again later",
        ),
        Refused::CopyDown => Reply::fixed(
            451,
            "4.3.0 Zweite Kopie nicht erreichbar, spaeter erneut / a copy cannot be written, try again later",
        ),
        Refused::Busy => Reply::fixed(
            451,
            "4.3.2 Gerade ausgelastet, gleich erneut / busy, try again soon",
        ),
        Refused::NotEnrolled => Reply::fixed(
            451,
            "4.3.5 Kasse noch nicht eingerichtet, spaeter erneut / insurer is not enrolled yet, try again later",
        ),
        Refused::Stopped => Reply::fixed(
            451,
            "4.3.0 Speicher angehalten, spaeter erneut / store has stopped, try again later",
        ),
    }
}
