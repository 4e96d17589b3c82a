//! The keys a consent carries, on the signer's own machine: which of them the console delivers, with whose identity they
//! are opened, to whom they may be wrapped again.

use std::path::PathBuf;

use clap::Args;
use clearance::RewrappedKey;
use order::AgeRecipient;
use serde::Deserialize;
use serde_json::Value;
use sign::{Carrying, Identity, Lang, Recipients, Sealed};
use vocabulary::{DoorId, Envelope};

use super::refused;
use crate::report::{Code, Trouble};

/// Where the insurer's own keys are. None of them leaves this machine.
#[derive(Debug, Args)]
pub(super) struct Release {
    /// Freigabeschlüssel der Kasse (age, Rechte 0600); mehrfach möglich, auch ältere. / The insurer's release key (age, mode
    /// 0600); may be repeated, older ones too.
    #[arg(long)]
    release_key: Vec<PathBuf>,
    /// Ein Teil des Wiederherstellungsschlüssels; so oft, wie Teile nötig sind. / One part of the recovery key; as often as
    /// parts are needed.
    #[arg(long)]
    release_part: Vec<PathBuf>,
    /// Liste der Empfänger, die Sie mit „bulkhead spool recipient“ verglichen haben; an andere wird nichts verpackt. / List of
    /// recipients you compared with "bulkhead spool recipient"; nothing is wrapped to others.
    #[arg(long)]
    release_to: Option<PathBuf>,
}

/// The insurer's own keys, opened.
pub(super) struct Keys {
    identities: Vec<Identity>,
    known: Recipients,
}

impl Release {
    /// Opens what is named, before anything is asked of a console.
    ///
    /// # Errors
    /// [`Trouble`] with the file that is missing, open to others or wrong.
    pub(super) fn open(&self) -> Result<Option<Keys>, Trouble> {
        let mut identities = Vec::new();
        for path in &self.release_key {
            identities.push(Identity::open(path).map_err(refused)?);
        }
        if !self.release_part.is_empty() {
            identities.push(Identity::of_parts(&self.release_part).map_err(refused)?);
        }
        match (&self.release_to, identities.is_empty()) {
            (None, true) => Ok(None),
            (Some(list), false) => Ok(Some(Keys {
                identities,
                known: Recipients::read(list).map_err(refused)?,
            })),
            (None, false) => Err(Trouble::new(
                Code::Keys,
                "An wen darf verpackt werden? Bitte --release-to DATEI mit den verglichenen Empfängern. / Wrap to whom? Give \
                 --release-to FILE with the recipients you compared.",
            )),
            (Some(_), true) => Err(Trouble::new(
                Code::Keys,
                "Womit öffnen? Bitte --release-key DATEI oder --release-part DATEIEN. / Open with what? Give --release-key FILE or \
                 --release-part FILES.",
            )),
        }
    }
}

/// What the console delivers for one consent. Foreign: nothing of it is believed that is not checked.
#[derive(Deserialize)]
struct Delivered {
    opening: Option<Envelope>,
    #[serde(default)]
    sealed: Vec<DeliveredFrom>,
    /// Doors whose process has not told its keys.
    #[serde(default)]
    untold: Vec<DoorId>,
}

#[derive(Deserialize)]
struct DeliveredFrom {
    recipient: AgeRecipient,
    keys: Vec<RewrappedKey>,
}

/// What becomes of a consent that came without keys.
pub(super) enum Prepared {
    /// It carries keys now: shown, asked for and handed in instead of the draft.
    Carries(Box<Carrying>),
    /// It stays as it is; what the person must know before saying yes, if anything.
    AsItIs(Option<String>),
}

/// Wraps again what the console delivers for a consent.
///
/// # Errors
/// The sentence with which nothing may be signed: what was delivered does not fit, or does not open.
pub(super) fn prepare(
    draft: &Envelope,
    delivered: Value,
    keys: Option<&Keys>,
    lang: Lang,
) -> Result<Prepared, String> {
    let delivered: Delivered = serde_json::from_value(delivered).map_err(|error| {
        format!("Die verpackten Schlüssel sind nicht lesbar ({error}). / The wrapped keys cannot be read ({error}).")
    })?;
    let untold = untold(&delivered.untold, lang);
    let count: usize = delivered.sealed.iter().map(|from| from.keys.len()).sum();
    if count == 0 {
        return Ok(Prepared::AsItIs(untold));
    }
    let Some(keys) = keys else {
        let sealed = lang.of(
            format!("ACHTUNG: Diese Zustimmung trägt keinen der {count} Schlüssel zu dem, was hinter diesen Türen liegt; es bliebe versiegelt. Mit --release-key (oder --release-part) und --release-to neu starten, dann verpackt der Begleiter sie."),
            format!("TAKE CARE: this consent carries none of the {count} keys to what lies behind these doors; it would stay sealed. Start again with --release-key (or --release-part) and --release-to, and the companion wraps them."),
        );
        let both = [Some(sealed), untold].into_iter().flatten().collect::<Vec<_>>();
        return Ok(Prepared::AsItIs(Some(both.join("\n"))));
    };
    let sealed: Vec<Sealed> = delivered
        .sealed
        .into_iter()
        .map(|from| Sealed {
            recipient: from.recipient,
            keys: from.keys,
        })
        .collect();
    let opening = delivered.opening.as_ref();
    let mut carrying = sign::carry(draft, opening, &sealed, &keys.identities, &keys.known, lang)
        .map_err(|refused| refused.to_string())?;
    if let Some(untold) = untold {
        carrying.sentence = format!("{}\n{untold}", carrying.sentence);
    }
    Ok(Prepared::Carries(Box::new(carrying)))
}

fn untold(doors: &[DoorId], lang: Lang) -> Option<String> {
    let first = doors.first()?;
    let count = doors.len();
    Some(lang.of(
        format!("Von {count} Türen (zuerst {first}) hat der Leitstand noch keine Schlüssel gehört; was dort liegt, bliebe versiegelt."),
        format!("Of {count} doors (first {first}) the control room has not heard any keys yet; what lies there would stay sealed."),
    ))
}
