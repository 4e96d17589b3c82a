//! A consent that carries keys: what lies sealed behind the doors it opens, wrapped again on the insurer's own machine to
//! exactly the door or emergency process it names.
//!
//! Whoever delivers the wrapped keys and the names of those who are to read them is believed nothing. A recipient counts
//! only if the insurer's people have it on their own list, so a stolen control room cannot have keys wrapped to itself. A
//! key counts only for a door of this insurer; where the opening is delivered too, its bytes are held against the name the
//! consent carries, and only the doors it names count. An opening that names several insurers is shown to none of them;
//! then the doors are taken as delivered, and the sentence says so: a door takes no key of an opening that does not name it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use clearance::{Consent, RewrappedKey};
use order::{AgeRecipient, Becomes, Body as _, Lang, Opening};
use vocabulary::{Digest, DoorId, Envelope, InsurerId, PayloadType};

use crate::{Identity, Refused, files, release::rewrap_with};

/// Longest list of recipients in bytes: some hundreds of door processes, with remarks.
const LIST_BYTES_MAX: u64 = 256 * 1024;
/// Doors named one by one in the sentence.
const DOORS_SHOWN: usize = 6;

/// Whom this insurer's people know to be a door process or an emergency process of their own: age recipients that
/// somebody compared with `bulkhead spool recipient`, on paper or by telephone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients(BTreeSet<AgeRecipient>);

impl Recipients {
    /// Reads a list: one recipient a line, what follows `#` is a remark.
    ///
    /// # Errors
    /// [`Refused`] when the file cannot be read, or a line is no recipient.
    pub fn read(path: &Path) -> Result<Self, Refused> {
        let bytes = files::read(path, LIST_BYTES_MAX)?;
        let name = path.display();
        let text = String::from_utf8_lossy(&bytes);
        let mut all = BTreeSet::new();
        for (number, line) in (1..).zip(text.lines()) {
            let word = line.split('#').next().unwrap_or_default().trim();
            if word.is_empty() {
                continue;
            }
            let recipient = word.parse().map_err(|cause| {
                Refused::release(
                    format!("{name}, Zeile {number}: kein age-Empfänger ({cause}); so schreiben, wie „bulkhead spool recipient“ ihn zeigt."),
                    format!("{name}, line {number}: no age recipient ({cause}); write it as \"bulkhead spool recipient\" shows it."),
                )
            })?;
            all.insert(recipient);
        }
        Ok(Self(all))
    }
}

/// What one door process holds sealed to the insurer, as somebody delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// To whom the keys are to be wrapped again, where the opening names no process of its own.
    pub recipient: AgeRecipient,
    /// The keys, wrapped to the insurer's release recipients.
    pub keys: Vec<RewrappedKey>,
}

/// A consent with its keys, and what was done to them in one sentence. Nobody has signed it yet.
#[derive(Debug)]
pub struct Carrying {
    /// The consent: the same as before, with keys.
    pub consent: Envelope,
    /// How many keys of whom were wrapped again, and to whom.
    pub sentence: String,
    /// How many keys.
    pub keys: usize,
}

/// Whether a draft is a consent that nobody has signed yet and that carries no keys: only such a one can be given keys,
/// for whoever signed did so over other bytes.
#[must_use]
pub fn wants_keys(draft: &Envelope) -> bool {
    draft.payload_type == PayloadType::Consent
        && draft.signatures.is_empty()
        && Consent::read(draft).is_ok_and(|body| body.rewrapped.is_empty())
}

/// Wraps what is sealed again and puts it into the consent. All or nothing. Nothing is signed and nothing is sent here.
///
/// # Errors
/// [`Refused`] when the opening is another than the consent names, a key is for a door that is not the insurer's or not
/// named by the opening, a recipient is not on the list, or a key does not open with any identity.
pub fn carry(
    draft: &Envelope,
    opening: Option<&Envelope>,
    sealed: &[Sealed],
    identities: &[Identity],
    known: &Recipients,
    lang: Lang,
) -> Result<Carrying, Refused> {
    let mut consent = Consent::read(draft)?;
    let doors = opening.map(|opening| meant(&consent, opening)).transpose()?;
    let is_meant = |door: &DoorId| {
        door.cell().insurer == consent.insurer && doors.as_ref().is_none_or(|doors| doors.contains(door))
    };
    let mut wrapped = Vec::new();
    let mut counts: BTreeMap<AgeRecipient, BTreeMap<DoorId, usize>> = BTreeMap::new();
    let mut seen: BTreeSet<(DoorId, Digest)> = BTreeSet::new();
    for process in sealed.iter().filter(|process| !process.keys.is_empty()) {
        // The process of an emergency reads instead of the door.
        let to = consent.identity.as_ref().unwrap_or(&process.recipient);
        if !known.0.contains(to) {
            return Err(stranger(to));
        }
        for key in &process.keys {
            if !is_meant(&key.door) || !seen.insert((key.door.clone(), key.segment)) {
                return Err(foreign(&key.door));
            }
            let count = counts.entry(to.clone()).or_default();
            *count.entry(key.door.clone()).or_default() += 1;
        }
        wrapped.extend(rewrap_with(identities, &process.keys, to)?);
    }
    // The same keys give the same order, whoever delivered them.
    wrapped.sort_by(|one, other| (&one.door, one.segment).cmp(&(&other.door, other.segment)));
    let keys = wrapped.len();
    let mut sentence = said(&consent.insurer, &counts, lang);
    if opening.is_none() {
        sentence.push_str(lang.of(
            " Die Öffnung nennt auch andere und wird deshalb nicht gezeigt; welche Ihrer Türen sie öffnet, sagt hier der Leitstand.",
            " The opening names others too and is therefore not shown; which of your doors it opens is the control room's word here.",
        ));
    }
    consent.rewrapped = wrapped;
    Ok(Carrying {
        consent: consent.draft()?,
        sentence,
        keys,
    })
}

/// The doors that the opening names. It must be the very one the consent agrees to.
fn meant(consent: &Consent, opening: &Envelope) -> Result<BTreeSet<DoorId>, Refused> {
    let other = || {
        Refused::release(
            "Die Öffnung, die der Leitstand dazu zeigt, ist nicht die, der zugestimmt wird.",
            "The opening the control room shows with it is not the one that is agreed to.",
        )
    };
    if opening.payload_type != PayloadType::Opening || opening.id() != consent.opening {
        return Err(other());
    }
    let body = Opening::read(opening)?;
    let process = match &body.becomes {
        Becomes::Open | Becomes::Limited { .. } => None,
        Becomes::Emergency { identity, .. } => Some(identity.clone()),
    };
    // A consent to an emergency names its process; to any other opening it names none.
    if body.estate != consent.estate || process != consent.identity {
        return Err(other());
    }
    Ok(body.doors.into_iter().map(|entry| entry.door).collect())
}

fn stranger(to: &AgeRecipient) -> Refused {
    Refused::release(
        format!(
            "Der Empfänger {to} steht nicht auf Ihrer Liste. Mit „bulkhead spool recipient“ an der Tür vergleichen (am Telefon, nicht über den Leitstand) und erst dann eintragen."
        ),
        format!(
            "Recipient {to} is not on your list. Compare it with \"bulkhead spool recipient\" at the door (by telephone, not through the control room), and only then enter it."
        ),
    )
}

fn foreign(door: &DoorId) -> Refused {
    Refused::release(
        format!(
            "Der Leitstand liefert einen Schlüssel der Tür {door}, die diese Öffnung für Ihre Kasse nicht nennt, oder denselben zweimal."
        ),
        format!(
            "The control room delivers a key of door {door}, which this opening does not name for your insurer, or the same one twice."
        ),
    )
}

/// What was done, in one plain sentence.
fn said(insurer: &InsurerId, counts: &BTreeMap<AgeRecipient, BTreeMap<DoorId, usize>>, lang: Lang) -> String {
    let parts = counts.iter().map(|(to, doors)| {
        let keys: usize = doors.values().sum();
        let mut names: Vec<String> = doors
            .iter()
            .take(DOORS_SHOWN)
            .map(|(door, count)| format!("{door}: {count}"))
            .collect();
        if doors.len() > DOORS_SHOWN {
            let more = doors.len() - DOORS_SHOWN;
            names.push(lang.of(
                format!("und {more} weitere Türen"),
                format!("and {more} further doors"),
            ));
        }
        let names = names.join(", ");
        match keys {
            1 => lang.of(
                format!("1 Schlüssel ({names}) für {to}"),
                format!("1 key ({names}) to {to}"),
            ),
            _ => lang.of(
                format!("{keys} Schlüssel ({names}) für {to}"),
                format!("{keys} keys ({names}) to {to}"),
            ),
        }
    });
    let parts: Vec<String> = parts.collect();
    let parts = parts.join(lang.of("; und ", "; and "));
    lang.of(
        format!("NEU VERPACKT auf diesem Rechner, aus dem Gespeicherten der Kasse {insurer}: {parts}."),
        format!("WRAPPED AGAIN on this machine, of what is held for insurer {insurer}: {parts}."),
    )
}
