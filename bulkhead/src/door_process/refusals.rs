//! Why statements in the authority log were refused, so that the door can say so when somebody builds on one.
//!
//! To the doors a refused clearance does not exist, and "not known" is all they can say of it. Whoever stands in front
//! of the door at night needs the other half: that it came, and what it lacked. Forgotten when the process ends; a
//! statement refused before that is in the log of the process.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use clearance::STATEMENT_KIND;
use record::Entry;
use vocabulary::{Envelope, StatementId};

/// Refusals remembered; older ones are forgotten first. More than this in one night is an attack, not a mistake.
const KEPT_MAX: usize = 1024;

/// The latest refusals, by statement.
#[derive(Default)]
pub struct Refusals(Mutex<VecDeque<(StatementId, String)>>);

impl Refusals {
    /// Remembers why an entry of the authority log has no effect.
    pub fn remember(&self, entry: &[u8], refused: &clearance::Refused) {
        let Ok(entry) = Entry::decode(entry) else { return };
        if entry.kind.as_str() != STATEMENT_KIND {
            return;
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(&entry.body) else {
            return;
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((envelope.id(), refused.to_string()));
    }

    /// Adds to a door's sentence, German and English, why a statement it names was refused.
    pub fn explain(&self, missing: String) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = kept
            .iter()
            .rev()
            .find(|(id, _)| missing.contains(&id.to_string()));
        let Some((_, why)) = named else { return missing };
        match (missing.split_once(" / "), why.split_once(" / ")) {
            (Some((de, en)), Some((why_de, why_en))) => {
                format!("{de} Die Türen haben sie abgelehnt. {why_de} / {en} The doors refused it. {why_en}")
            }
            _ => format!("{missing} ({why})"),
        }
    }
}
