//! Practices: each with a server of its own that queues, tries again, and keeps the order per recipient; and the
//! mailroom where answers to all of them arrive.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpListener, task::JoinSet};
use vocabulary::{InsurerId, Millis};

use super::{
    book::{Book, LetterNumber},
    letter::{PRACTICES_DOMAIN, Writer, envelope_id},
    report::{self, Report},
    server::listen,
    smtp::{self, Mail, Notify, Receive, Reply, Sent},
    wire::Way,
};
use crate::{
    chance::Clock,
    script::{Planned, PracticeNumber},
};

/// One practice.
pub(super) struct Sender {
    pub(super) practice: PracticeNumber,
    pub(super) planned: Vec<(LetterNumber, Planned)>,
    pub(super) intake: Way,
    pub(super) letters: Arc<Writer>,
    pub(super) mailboxes: BTreeMap<InsurerId, String>,
    pub(super) book: Arc<Book>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retry: Millis,
}

/// What waits for one insurer, and since when it may be tried.
struct Lane {
    letters: VecDeque<(LetterNumber, Mail)>,
    not_before: Millis,
}

impl Sender {
    /// Sends every letter at its time, until all are accepted or refused for good. The queue is bounded by the plan.
    /// May be dropped: letters not yet sent stay with the practice, as the book says.
    pub(super) async fn run(self) {
        let mut planned: VecDeque<(LetterNumber, Planned)> = self.planned.iter().cloned().collect();
        let mut lanes: BTreeMap<InsurerId, Lane> = BTreeMap::new();
        loop {
            let now = self.clock.now();
            while planned.front().is_some_and(|(_, letter)| letter.at <= now) {
                if let Some((number, letter)) = planned.pop_front() {
                    self.queue(number, &letter, now, &mut lanes);
                }
            }
            for lane in lanes.values_mut() {
                self.work(lane).await;
            }
            lanes.retain(|_, lane| !lane.letters.is_empty());
            let next_planned = planned.front().map(|(_, letter)| letter.at);
            let next_try = lanes.values().map(|lane| lane.not_before).min();
            match next_planned.into_iter().chain(next_try).min() {
                Some(next) => self.clock.until(next).await,
                None => return,
            }
        }
    }

    fn queue(
        &self,
        number: LetterNumber,
        letter: &Planned,
        now: Millis,
        lanes: &mut BTreeMap<InsurerId, Lane>,
    ) {
        let Some(to) = self.mailboxes.get(&letter.insurer) else {
            return;
        };
        let Some(written) = self
            .letters
            .write(number, self.practice, &letter.insurer, to, now)
        else {
            return;
        };
        self.book.offered(number, now);
        let mail = Mail {
            from: written.from,
            envelope_id: Some(envelope_id(number)),
            to: vec![(to.clone(), Notify::OnSuccess)],
            data: written.data,
        };
        let lane = lanes.entry(letter.insurer.clone()).or_insert_with(|| Lane {
            letters: VecDeque::new(),
            not_before: now,
        });
        lane.letters.push_back((number, mail));
    }

    /// Tries a lane from its front until it is empty or somebody says "later".
    async fn work(&self, lane: &mut Lane) {
        while lane.not_before <= self.clock.now() {
            let Some((number, mail)) = lane.letters.front() else {
                return;
            };
            let number = *number;
            let sent = smtp::send(&self.intake, None, mail).await;
            let now = self.clock.now();
            match sent {
                Sent::Accepted => self.book.accepted(number, now),
                Sent::Never(_) => self.book.refused(number, now),
                Sent::Later => self.book.later(number),
                Sent::InDoubt => self.book.in_doubt(number),
            }
            if matches!(sent, Sent::Later | Sent::InDoubt) {
                lane.not_before = Millis(now.0.saturating_add(self.retry.0));
                return;
            }
            lane.letters.pop_front();
        }
    }
}

/// Where delivery notices and error mails for all practices arrive.
pub(super) struct Mailroom {
    address: SocketAddr,
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
}

impl Mailroom {
    pub(super) async fn start(
        tasks: &mut JoinSet<()>,
        book: Arc<Book>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mailroom = Arc::new(Self {
            address: listener.local_addr()?,
            book,
            clock,
        });
        let receive = mailroom.clone();
        tasks.spawn(listen(listener, move |stream| {
            smtp::serve(stream, receive.clone())
        }));
        Ok(mailroom)
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Receive for Mailroom {
    fn willing(&self) -> Result<(), Reply> {
        Ok(())
    }

    fn recipient(&self, address: &str) -> Result<(), Reply> {
        let domain = address
            .rsplit_once('@')
            .map(|(_, domain)| domain.to_ascii_lowercase());
        if domain.as_deref() == Some(PRACTICES_DOMAIN) {
            Ok(())
        } else {
            Err(Reply::new(550, "5.1.1 no such practice"))
        }
    }

    async fn deliver(&self, mail: Mail) -> Reply {
        let now = self.clock.now();
        match report::read(&mail.data) {
            Some(Report::Delivered(number)) => self.book.notice(number),
            Some(Report::Failed(number)) => self.book.failure_notice(number, now),
            Some(Report::Error(number)) => self.book.error_mail(number, now),
            Some(Report::Other(_)) => {}
            None => self.book.stranger(),
        }
        Reply::new(250, "2.0.0 ok")
    }
}
