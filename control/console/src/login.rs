//! Logging in: a challenge out, a signature back. Nothing is remembered until somebody of the charter has signed.
//!
//! A challenge carries its own seal: half of its nonce is random, the other half is keyed to the rest. So asking for one
//! costs no memory, and only what this process asked for is ever accepted, for five minutes, once.

use order::{
    BadSignature,
    login::{BadChallenge, Challenge},
};
use vocabulary::{Digest, Hasher, Seconds, Signature, Timestamp};

use crate::{
    request::Request,
    room::Room,
    session::{AnsweredTwice, CHALLENGE_LIFE, Session, SessionEffect, SessionId},
    viewer,
};

/// Why somebody is not logged in.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedIn {
    /// Too many tries from one place.
    #[error("Zu viele Versuche von dieser Adresse. In {} s wieder. / Too many tries from this address. Again in {} s.", .0.0, .0.0)]
    TooOften(Seconds),
    /// Not a challenge at all.
    #[error(transparent)]
    Challenge(#[from] BadChallenge),
    /// Not one of ours, or from before a restart.
    #[error(
        "Diese Aufforderung stammt nicht von diesem Leitstand, oder er wurde seitdem neu gestartet. Bitte eine neue holen. / This challenge is not from this console, or it was restarted since. Please get a new one."
    )]
    Foreign,
    /// Asked too long ago.
    #[error(
        "Die Aufforderung ist abgelaufen. Bitte die neue unterschreiben. / The challenge has expired. Please sign the new one."
    )]
    Expired,
    /// Answered before.
    #[error(transparent)]
    Twice(#[from] AnsweredTwice),
    /// The signature counts for nothing.
    #[error("Die Unterschrift zählt nicht: {}. / The signature does not count: {}.", vocabulary::german(.0), vocabulary::english(.0))]
    Signature(#[from] BadSignature),
    /// A good signature by nobody we know.
    #[error(
        "Dieser Schlüssel gehört niemandem in der geltenden Verfassung. Wer eintritt, wird von den Wurzeln oder der eigenen Kasse eingetragen. / This key belongs to nobody in the charter in force. Who joins is entered by the roots or their own insurer."
    )]
    Nobody,
}

/// A fresh challenge for whoever asks.
#[must_use]
pub(crate) fn challenge(room: &Room<'_>, request: &Request) -> Challenge {
    let drawn = request.random("challenge");
    let mut challenge = Challenge {
        estate: room.estate.id().clone(),
        origin: room.origin.clone(),
        nonce: Digest::from_bytes(drawn),
        issued: request.now,
    };
    challenge.nonce = sealed(room.secret, &challenge);
    challenge
}

/// The nonce with its second half replaced by a keyed digest of everything else.
fn sealed(secret: &[u8; 32], challenge: &Challenge) -> Digest {
    let mut nonce = *challenge.nonce.as_bytes();
    let (random, seal) = nonce.split_at_mut(16);
    // Nested, so that the digest of a longer text cannot be made from that of a shorter one.
    let mut inner = Hasher::new();
    inner.update(b"bulkhead challenge\0");
    inner.update(secret);
    for part in [
        challenge.estate.as_str().as_bytes(),
        challenge.origin.as_str().as_bytes(),
        &challenge.issued.0.to_be_bytes(),
    ] {
        inner.update(&part.len().to_be_bytes());
        inner.update(part);
    }
    inner.update(random);
    let mut outer = Hasher::new();
    outer.update(secret);
    outer.update(inner.finish().as_bytes());
    let outer = outer.finish();
    for (to, from) in seal.iter_mut().zip(outer.as_bytes()) {
        *to = *from;
    }
    Digest::from_bytes(nonce)
}

/// A new session, and the token its owner alone gets.
pub(crate) struct LoggedIn {
    pub(crate) token: String,
    pub(crate) id: SessionId,
    pub(crate) session: Session,
    pub(crate) effect: SessionEffect,
}

/// Checks an answer to a challenge.
pub(crate) fn answer(
    room: &Room<'_>,
    request: &Request,
    text: &str,
    signature: &str,
) -> Result<LoggedIn, NotLoggedIn> {
    if let Some(wait) = room.sessions.must_wait(request.peer, request.now) {
        return Err(NotLoggedIn::TooOften(wait));
    }
    let challenge = Challenge::read(text)?;
    let ours = challenge.estate == *room.estate.id()
        && challenge.origin == *room.origin
        && sealed(room.secret, &challenge) == challenge.nonce;
    if !ours {
        return Err(NotLoggedIn::Foreign);
    }
    if !alive(challenge.issued, request.now) {
        return Err(NotLoggedIn::Expired);
    }
    if room.sessions.was_answered(&challenge.nonce) {
        return Err(AnsweredTwice.into());
    }
    let key = challenge.verify(&Signature(String::from(signature.trim())))?;
    let (person, _, _) = viewer::owner(room.authority, key, request.now).ok_or(NotLoggedIn::Nobody)?;
    let token = Digest::from_bytes(request.random("session")).to_string();
    let id = SessionId::of_token(&token).ok_or(NotLoggedIn::Foreign)?;
    let session = Session {
        person,
        key,
        opened: request.now,
        seen: request.now,
        peer: request.peer,
    };
    let effect = SessionEffect::Opened {
        nonce: challenge.nonce,
        id,
        session: session.clone(),
    };
    Ok(LoggedIn {
        token,
        id,
        session,
        effect,
    })
}

fn alive(issued: Timestamp, now: Timestamp) -> bool {
    issued <= now && now < issued.plus(CHALLENGE_LIFE)
}
