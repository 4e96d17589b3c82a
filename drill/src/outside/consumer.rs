//! An insurer's consumer: looks into its mailbox, opens each letter, and deletes it. Without its key it does what
//! consumers did in April 2023: it answers "key not available" (code 313) and deletes the letter.

use core::time::Duration;
use std::{collections::BTreeSet, io, sync::Arc};

use vocabulary::{InsurerId, Millis};

use super::{
    MAILBOX_PASSWORD,
    book::Book,
    letter::{Writer, header, is_content_of, number_of, sealed_content},
    pop3::Session,
    report,
    seal::{Closed, KeyRing},
    smtp::{self, Login, Sent},
    wire::Way,
};
use crate::chance::Clock;

pub(super) struct Consumer {
    pub(super) insurer: InsurerId,
    pub(super) mailbox: String,
    pub(super) fetch: Way,
    pub(super) submission: Way,
    pub(super) keys: Arc<KeyRing>,
    pub(super) letters: Arc<Writer>,
    pub(super) book: Arc<Book>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) poll: Millis,
}

/// What to do with a fetched letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Treated {
    /// Read, or answered: delete it.
    Finished,
    /// The answer could not be sent: leave the letter for the next time.
    Leave,
}

impl Consumer {
    /// Looks into the mailbox again and again. `index` spreads the consumers over the poll interval. May be dropped.
    pub(super) async fn run(self, index: usize) {
        let offset = u64::try_from(index).unwrap_or(0).wrapping_mul(97) % self.poll.0.max(1);
        let mut next = Millis(self.clock.now().0.saturating_add(offset));
        // Letters read but not yet deleted, so that fetching them again is not counted as a second letter.
        let mut read: BTreeSet<String> = BTreeSet::new();
        loop {
            self.clock.until(next).await;
            // A door that is not open, or a server that is off, is normal: the next look comes.
            let _looked = self.look(&mut read).await;
            next = Millis(self.clock.now().0.saturating_add(self.poll.0));
        }
    }

    async fn look(&self, read: &mut BTreeSet<String>) -> io::Result<()> {
        let mut session = Session::open(&self.fetch, &self.mailbox, MAILBOX_PASSWORD).await?;
        let list = session.list().await?;
        let listed: BTreeSet<&String> = list.iter().map(|(_, id)| id).collect();
        read.retain(|id| listed.contains(id));
        for (number, id) in &list {
            let letter = session.retrieve(*number).await?;
            if read.contains(id) || self.treat(&letter).await == Treated::Finished {
                read.insert(id.clone());
                session.delete(*number).await?;
            }
        }
        session.quit().await
    }

    async fn treat(&self, letter: &[u8]) -> Treated {
        let Some(number) = header(letter, "Message-ID").and_then(|id| number_of(&id)) else {
            self.book.stranger();
            return Treated::Finished;
        };
        let sealed = sealed_content(letter).unwrap_or_default();
        match self.keys.open(&self.insurer, &sealed) {
            Ok(content) if is_content_of(&content, number) => {
                self.book.handed_over(number, self.clock.now());
                Treated::Finished
            }
            // Damage is answered like a missing key: the insurer calls the letter faulty.
            Ok(_) | Err(Closed::NoKey | Closed::Damaged) => self.answer(letter).await,
        }
    }

    async fn answer(&self, letter: &[u8]) -> Treated {
        let date = self.letters.date(self.clock.now());
        let Some(mail) = report::key_not_available(letter, &self.mailbox, &date) else {
            return Treated::Finished;
        };
        let login = Login {
            user: self.mailbox.clone(),
            password: MAILBOX_PASSWORD.to_owned(),
        };
        let sent = tokio::time::timeout(ANSWER_MAX, smtp::send(&self.submission, Some(&login), &mail)).await;
        match sent {
            Ok(Sent::Accepted | Sent::Never(_) | Sent::InDoubt) => Treated::Finished,
            Ok(Sent::Later) | Err(_) => Treated::Leave,
        }
    }
}

/// How long an answer may take before the letter is left for the next time.
const ANSWER_MAX: Duration = Duration::from_secs(20);
