//! The viewer's own sessions.

use super::shape::{At, views};
use crate::{
    Asked,
    session::{IDLE_MAX, LIFE_MAX},
};

views! {
    /// The viewer's sessions.
    OwnSessions {
        /// Who.
        person: String,
        /// Their sessions.
        sessions: Vec<OwnSession>,
    }
    /// One session.
    OwnSession {
        /// Its public name; nobody can log in with it.
        session: String,
        /// Whether it is the one that asks.
        this: bool,
        /// Since when.
        opened: At,
        /// Last use, to the minute.
        seen: At,
        /// When it ends at the latest.
        ends: At,
        /// From where it was opened.
        from: String,
    }
}

/// The viewer's own sessions, newest first.
pub(crate) fn sessions(asked: &Asked<'_>) -> Option<OwnSessions> {
    let viewer = asked.ctx.viewer?;
    let mut sessions: Vec<OwnSession> = asked
        .ctx
        .room
        .sessions
        .of(&viewer.person, asked.request.now)
        .map(|(id, session)| OwnSession {
            session: id.public(),
            this: *id == viewer.session,
            opened: At(session.opened),
            seen: At(session.seen),
            ends: At(session.seen.plus(IDLE_MAX).min(session.opened.plus(LIFE_MAX))),
            from: session.peer.to_string(),
        })
        .collect();
    sessions.sort_by_key(|session| core::cmp::Reverse(session.opened));
    Some(OwnSessions {
        person: viewer.person.to_string(),
        sessions,
    })
}
