//! Answers by key: what became of each message, as small signed files made beforehand. The sender needs the item number
//! of its SMTP receipt and no server of ours; the files say one of six words and a time, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ed25519_dalek::{Signer as _, SigningKey};
use hyper::Method;
use publication::{
    ask::{self, Answer, Fate},
    promises::public_1_answers,
};
use spool::{ItemId, State};
use vocabulary::{Digest, EstateId};

use super::{directory, push::Push};
use crate::{
    clock,
    http::{self, Endpoint},
    keys,
    report::{Code, Trouble},
    tls,
};

/// How often doors are asked what became of their items.
const EVERY: Duration = Duration::from_secs(20);
/// How long one page of items may take.
const WAIT: Duration = Duration::from_secs(30);
/// Answers written before they are read back and pushed: bounds memory, not the number of answers.
const BATCH: usize = 2_000;

/// The answers as they stand.
pub(super) struct Answers {
    houses: Vec<Endpoint>,
    estate: EstateId,
    root: PathBuf,
    key: SigningKey,
    known: BTreeMap<Digest, Fate>,
    push: Option<Push>,
}

impl Answers {
    /// Reads or makes the key that signs. It signs answers and nothing else.
    pub(super) fn open(
        houses: &[SocketAddr],
        tls: Option<&tls::Connector>,
        estate: EstateId,
        root: &Path,
        state: &Path,
        push: Option<Push>,
    ) -> Result<Self, Trouble> {
        let endpoint = |address: &SocketAddr| Endpoint {
            address: *address,
            tls: tls.cloned(),
        };
        Ok(Self {
            houses: houses.iter().map(endpoint).collect(),
            estate,
            root: root.to_owned(),
            key: SigningKey::from_bytes(&keys::seed(&state.join("answer.key"))?),
            known: BTreeMap::new(),
            push,
        })
    }

    /// The key as its owner publishes it: `ed25519:` and 64 hexadecimal digits.
    pub(super) fn public_key(key: &Path) -> Result<String, Trouble> {
        let key = SigningKey::from_bytes(&keys::seed(key)?);
        Ok(format!("ed25519:{}", hex::encode(key.verifying_key().as_bytes())))
    }

    /// Keeps the answers right for as long as the process lives. Cancelling leaves whole files.
    pub(super) async fn answer_always(&mut self) {
        let mut rounds = tokio::time::interval(EVERY);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            for house in self.houses.clone() {
                if let Err(trouble) = self.ask(&house).await {
                    tracing::warn!(%trouble, cause = ?trouble.cause, "answers stay as they are");
                }
            }
        }
    }

    async fn ask(&mut self, house: &Endpoint) -> Result<(), Trouble> {
        let mut after = String::new();
        loop {
            let path = format!("/spool/states{after}");
            let states: Vec<(ItemId, State)> = http::call_json(house, Method::GET, &path, Vec::new(), WAIT)
                .await
                .map_err(|error| {
                    let address = house.address;
                    Trouble::because(
                        Code::Unreached,
                        format!("Der Türprozess {address} antwortet nicht. / The door process {address} does not answer."),
                        error,
                    )
                })?;
            let Some((last, _)) = states.last() else {
                return Ok(());
            };
            after = format!("?after={last}");
            for batch in states.chunks(BATCH) {
                self.write(batch).await?;
            }
        }
    }

    async fn write(&mut self, states: &[(ItemId, State)]) -> Result<(), Trouble> {
        let now = clock::now();
        let news: BTreeMap<Digest, Answer> = states
            .iter()
            .map(|(item, state)| (ask::key(&item.to_string()), fate(*state)))
            .filter(|(key, fate)| self.known.get(key) != Some(fate))
            .map(|(key, state)| (key, Answer { state, as_of: now }))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let sign = |bytes: &[u8]| format!("ed25519:{}", hex::encode(self.key.sign(bytes).to_bytes()));
        let unpublishable = |what: String| {
            Trouble::because(
                Code::Publication,
                "Antworten werden nicht veröffentlicht. / Answers are not published.",
                what,
            )
        };
        let site =
            ask::render(&self.estate, &news, &sign).map_err(|error| unpublishable(error.to_string()))?;
        public_1_answers(&self.estate, &news, &site).map_err(|breaches| {
            unpublishable(breaches.first().map(ToString::to_string).unwrap_or_default())
        })?;
        let mut folders = BTreeSet::new();
        for (path, bytes) in &site.files {
            directory::write_whole(&self.root.join(path.as_str()), bytes, &mut folders)
                .map_err(|error| unpublishable(error.to_string()))?;
        }
        if let Some(push) = &mut self.push {
            let paths: Vec<&str> = site.files.keys().map(|path| path.as_str()).collect();
            push.bring_files(&self.root, &paths).await?;
        }
        self.known
            .extend(news.into_iter().map(|(key, answer)| (key, answer.state)));
        Ok(())
    }
}

/// What an item's state means to its sender. A confirmed item was handed over.
const fn fate(state: State) -> Fate {
    match state {
        State::Held => Fate::Held,
        State::InDoubt => Fate::InDoubt,
        State::HandedOver | State::Done => Fate::HandedOver,
        State::Parked => Fate::Parked,
    }
}
