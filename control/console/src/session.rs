//! Who is logged in: only hashes of tokens, for a short time, and counted tries.
//!
//! [`Sessions`] is a plain value the binary keeps in memory (a restart logs everybody out). Answers read it; changes come
//! back as [`SessionEffect`] and go through [`Sessions::apply`], one after the other, before the response is sent.

use std::{collections::BTreeMap, net::IpAddr};

use order::KeyId;
use vocabulary::{Digest, PersonId, Seconds, Timestamp};

/// A session nobody uses ends after this: somebody left the desk.
pub(crate) const IDLE_MAX: Seconds = Seconds(30 * 60);
/// A session ends after this whatever happens: one shift.
pub(crate) const LIFE_MAX: Seconds = Seconds(8 * 3600);
/// A challenge is answered within this, or asked for again.
pub(crate) const CHALLENGE_LIFE: Seconds = Seconds(5 * 60);
/// How far apart two notes of use are: not every request changes the table.
const SEEN_EVERY: Seconds = Seconds(60);
/// Most sessions of one person; the oldest makes room.
const SESSIONS_PER_PERSON_MAX: usize = 8;
/// Most sessions in all: every person of the largest charter with some to spare.
const SESSIONS_MAX: usize = 16_384;
/// Failed tries one peer has in [`TRIES_WINDOW`] before it waits.
pub(crate) const TRIES_MAX: u32 = 10;
/// How long failed tries count.
pub(crate) const TRIES_WINDOW: Seconds = Seconds(5 * 60);
/// Most peers whose tries are counted at once; above it the oldest count is dropped, so that memory is bounded.
const PEERS_MAX: usize = 65_536;

/// The name of a session: the hash of its token. The token itself is known to its browser alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SessionId(Digest);

impl SessionId {
    /// The session a token belongs to, if it is the text of a token.
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        let plain = token.len() == 64 && token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| Self(Digest::of(token.as_bytes())))
    }

    /// The hash itself, for the journal.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }

    /// What stands for it in lists and addresses. Nobody can log in with it.
    #[must_use]
    pub fn public(&self) -> String {
        Digest::of(self.0.as_bytes()).short()
    }
}

/// One log-in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Who logged in. What this person may do is asked of the charter at every request.
    pub person: PersonId,
    /// With which key. When the charter no longer gives the person this key, the session is worth nothing.
    pub key: KeyId,
    /// Since when.
    pub opened: Timestamp,
    /// Last use, to the minute.
    pub seen: Timestamp,
    /// From where.
    pub peer: IpAddr,
}

impl Session {
    /// Whether it still counts.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> bool {
        now < self.seen.plus(IDLE_MAX) && now < self.opened.plus(LIFE_MAX)
    }
}

/// A change of who is logged in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionEffect {
    /// A challenge was answered rightly. It must never be answered again.
    Opened {
        /// Its nonce.
        nonce: Digest,
        /// The new session's name.
        id: SessionId,
        /// The new session.
        session: Session,
    },
    /// A session was used.
    Seen {
        /// Which.
        id: SessionId,
        /// When.
        at: Timestamp,
    },
    /// A session ended.
    Ended {
        /// Which.
        id: SessionId,
    },
    /// A try to log in failed.
    Failed {
        /// Whose.
        peer: IpAddr,
        /// When.
        at: Timestamp,
    },
}

/// A challenge that was answered already; the log-in does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Diese Aufforderung wurde schon beantwortet; bitte eine neue holen. / This challenge was answered already; please get a new one."
)]
pub struct AnsweredTwice;

#[derive(Clone, PartialEq, Eq, Debug)]
struct Tries {
    count: u32,
    since: Timestamp,
}

/// Everybody who is logged in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sessions {
    open: BTreeMap<SessionId, Session>,
    answered: BTreeMap<Digest, Timestamp>,
    tries: BTreeMap<IpAddr, Tries>,
}

impl Sessions {
    /// Carries out a change.
    ///
    /// # Errors
    /// [`AnsweredTwice`] when two answers to one challenge raced: the response must then be
    /// [`refused`](crate::refused_late), not the one made before.
    pub fn apply(&mut self, effect: SessionEffect) -> Result<(), AnsweredTwice> {
        match effect {
            SessionEffect::Opened { nonce, id, session } => {
                if self.answered.contains_key(&nonce) {
                    return Err(AnsweredTwice);
                }
                self.sweep(session.opened);
                self.answered.insert(nonce, session.opened);
                self.tries.remove(&network(session.peer));
                self.make_room(&session.person);
                self.open.insert(id, session);
            }
            SessionEffect::Seen { id, at } => {
                if let Some(session) = self.open.get_mut(&id) {
                    session.seen = session.seen.max(at);
                }
            }
            SessionEffect::Ended { id } => {
                self.open.remove(&id);
            }
            SessionEffect::Failed { peer, at } => self.count_try(network(peer), at),
        }
        Ok(())
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Timestamp) {
        self.open.retain(|_, session| session.lives(now));
        // A challenge that is itself too old can be forgotten: it is refused for its age.
        self.answered
            .retain(|_, at| now < at.plus(CHALLENGE_LIFE).plus(CHALLENGE_LIFE));
        self.tries.retain(|_, tries| now < tries.since.plus(TRIES_WINDOW));
    }

    /// A session that still counts.
    #[must_use]
    pub fn get(&self, id: &SessionId, now: Timestamp) -> Option<&Session> {
        self.open.get(id).filter(|session| session.lives(now))
    }

    /// One person's sessions that still count.
    pub fn of<'a>(
        &'a self,
        person: &'a PersonId,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a SessionId, &'a Session)> {
        self.open
            .iter()
            .filter(move |(_, session)| session.person == *person && session.lives(now))
    }

    /// Whether a challenge was answered already.
    #[must_use]
    pub fn was_answered(&self, nonce: &Digest) -> bool {
        self.answered.contains_key(nonce)
    }

    /// How long a peer must wait before it may try again; none if it may.
    #[must_use]
    pub fn must_wait(&self, peer: IpAddr, now: Timestamp) -> Option<Seconds> {
        let tries = self.tries.get(&network(peer))?;
        let over = tries.since.plus(TRIES_WINDOW);
        (tries.count >= TRIES_MAX && now < over).then(|| over.since(now))
    }

    /// Whether a use is worth noting.
    #[must_use]
    pub(crate) fn is_stale(session: &Session, now: Timestamp) -> bool {
        now >= session.seen.plus(SEEN_EVERY)
    }

    fn count_try(&mut self, peer: IpAddr, at: Timestamp) {
        if self.tries.len() >= PEERS_MAX && !self.tries.contains_key(&peer) {
            let oldest = self.tries.iter().min_by_key(|(_, tries)| tries.since);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                self.tries.remove(&oldest);
            }
        }
        let tries = self.tries.entry(peer).or_insert(Tries { count: 0, since: at });
        if at >= tries.since.plus(TRIES_WINDOW) {
            *tries = Tries { count: 0, since: at };
        }
        tries.count = tries.count.saturating_add(1);
    }

    fn make_room(&mut self, person: &PersonId) {
        let mut own: Vec<(Timestamp, SessionId)> = self
            .open
            .iter()
            .filter(|(_, session)| session.person == *person)
            .map(|(id, session)| (session.opened, *id))
            .collect();
        own.sort_unstable();
        let keep = SESSIONS_PER_PERSON_MAX - 1;
        let too_many = own.len().saturating_sub(keep);
        for (_, id) in own.iter().take(too_many) {
            self.open.remove(id);
        }
        while self.open.len() >= SESSIONS_MAX {
            let oldest = self.open.iter().min_by_key(|(_, session)| session.seen);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                return;
            };
            self.open.remove(&oldest);
        }
    }
}

/// Whose tries count together: an IPv4 address, or an IPv6 network of 64 bits, since one machine owns all of it.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
        },
    }
}

/// The token in every form of one session: derived from the session's token, so it needs no memory and only a page of
/// that session can know it.
#[must_use]
pub(crate) fn form_token(token: &str) -> String {
    Digest::of(format!("bulkhead console form\0{token}").as_bytes()).to_string()
}

/// Compares secrets by their digests, so that the time it takes says nothing about them.
#[must_use]
pub(crate) fn same_secret(one: &str, other: &str) -> bool {
    Digest::of(one.as_bytes()) == Digest::of(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_682_366_400);

    fn key() -> KeyId {
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&[1; 32]);
        let line = ssh_key::PrivateKey::from(pair).public_key().to_openssh().unwrap();
        order::PublicKey::from_openssh(&line).unwrap().id()
    }

    fn session(person: &str, opened: Timestamp) -> Session {
        Session {
            person: person.parse().unwrap(),
            key: key(),
            opened,
            seen: opened,
            peer: "192.0.2.1".parse().unwrap(),
        }
    }

    fn id(number: u64) -> SessionId {
        SessionId::of_token(&format!("{number:064x}")).unwrap()
    }

    fn open(sessions: &mut Sessions, number: u64, session: Session) -> Result<(), AnsweredTwice> {
        sessions.apply(SessionEffect::Opened {
            nonce: Digest::of(&number.to_be_bytes()),
            id: id(number),
            session,
        })
    }

    #[test]
    fn a_session_ends_when_idle_and_at_the_end_of_a_shift() {
        let mut sessions = Sessions::default();
        open(&mut sessions, 1, session("anna", NOW)).unwrap();
        assert!(sessions.get(&id(1), NOW.plus(Seconds(1799))).is_some());
        assert!(sessions.get(&id(1), NOW.plus(Seconds(1800))).is_none());
        let mut at = NOW;
        while at < NOW.plus(Seconds(LIFE_MAX.0 - 1200)) {
            at = at.plus(Seconds(1200));
            sessions.apply(SessionEffect::Seen { id: id(1), at }).unwrap();
        }
        assert!(sessions.get(&id(1), NOW.plus(Seconds(LIFE_MAX.0 - 1))).is_some());
        assert!(sessions.get(&id(1), NOW.plus(LIFE_MAX)).is_none());
    }

    #[test]
    fn a_challenge_opens_one_session() {
        let mut sessions = Sessions::default();
        open(&mut sessions, 1, session("anna", NOW)).unwrap();
        let again = SessionEffect::Opened {
            nonce: Digest::of(&1_u64.to_be_bytes()),
            id: id(2),
            session: session("anna", NOW),
        };
        assert_eq!(sessions.apply(again), Err(AnsweredTwice));
        assert!(sessions.get(&id(2), NOW).is_none());
    }

    #[test]
    fn one_person_has_few_sessions_and_the_oldest_makes_room() {
        let mut sessions = Sessions::default();
        for number in 0..20 {
            open(&mut sessions, number, session("anna", NOW.plus(Seconds(number)))).unwrap();
        }
        let anna = "anna".parse().unwrap();
        assert_eq!(
            sessions.of(&anna, NOW.plus(Seconds(20))).count(),
            SESSIONS_PER_PERSON_MAX
        );
        assert!(sessions.get(&id(19), NOW.plus(Seconds(20))).is_some());
        assert!(sessions.get(&id(0), NOW.plus(Seconds(20))).is_none());
    }

    #[test]
    fn tries_are_counted_per_network_and_forgotten() {
        let mut sessions = Sessions::default();
        let peer = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
        for last in 0..10 {
            assert_eq!(sessions.must_wait(peer(last), NOW), None);
            sessions
                .apply(SessionEffect::Failed {
                    peer: peer(last),
                    at: NOW,
                })
                .unwrap();
        }
        assert_eq!(sessions.must_wait(peer(99), NOW), Some(TRIES_WINDOW));
        assert_eq!(sessions.must_wait("2001:db8:0:1::1".parse().unwrap(), NOW), None);
        assert_eq!(sessions.must_wait(peer(99), NOW.plus(TRIES_WINDOW)), None);
    }
}
