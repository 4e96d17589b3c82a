//! What a call-out says: who, what, how to answer. Never anything about a patient: every word comes from a finite list,
//! the sender's name and six digits.

use std::collections::{BTreeMap, BTreeSet};

use order::Lang;
use vocabulary::{Digest, PersonId};

use super::{
    decide::Effect,
    event::{Alarm, AlarmId, Earnest, MessageId, Said, WayRef, What},
    state::{Calling, State},
};
use crate::{
    contacts::{ContactBook, Kind, Way},
    gateway::Letter,
    words::Words,
};

/// Answers with wrong codes after which codes are no longer believed and people must be asked by voice: a guesser's
/// chance stays below one in two hundred for an alarm that calls 200 persons.
pub const WRONG_CODES_MAX: u32 = 20;
/// Codes have six digits.
const CODES: u64 = 1_000_000;

/// The secret codes are made from: 32 random bytes the shell keeps in a file. Neither shown nor journaled.
#[derive(Clone)]
pub struct CodeKey([u8; 32]);

impl CodeKey {
    /// Takes the bytes of the file.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl core::fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CodeKey(not shown)")
    }
}

/// Six digits by which a person acknowledges one alarm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Code(u32);

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// Everybody's code for an alarm: different for each person, the same after every restart.
#[must_use]
pub fn codes(key: &CodeKey, calling: &Calling) -> BTreeMap<PersonId, Code> {
    let persons: BTreeSet<&PersonId> = calling.everybody().map(|reach| &reach.person).collect();
    let mut taken = BTreeSet::new();
    let mut codes = BTreeMap::new();
    for person in persons {
        let mut turn = 0_u64;
        let mut code = one_code(key, &calling.alarm.id, person, turn);
        // A book holds far fewer persons than there are codes, so this ends soon.
        while !taken.insert(code) && turn < CODES {
            turn = turn.saturating_add(1);
            code = one_code(key, &calling.alarm.id, person, turn);
        }
        codes.insert(person.clone(), code);
    }
    codes
}

fn one_code(key: &CodeKey, alarm: &AlarmId, person: &PersonId, turn: u64) -> Code {
    let mut bytes = b"bulkhead call-out code 1\n".to_vec();
    bytes.extend(key.0);
    bytes.extend(format!("{alarm}/{person}/{turn}").bytes());
    let digest = Digest::of(&bytes);
    let first = digest.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    Code(u32::try_from(u64::from_be_bytes(first) % CODES).unwrap_or_default())
}

/// An answer as it was typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Typed {
    /// The six digits.
    pub code: Code,
    /// What was said besides; the code alone means coming.
    pub said: Said,
}

/// Reads what a person typed back: one group of six digits, and perhaps JA, NEIN, YES or NO.
#[must_use]
pub fn read_answer(text: &str) -> Option<Typed> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(64)
        .map(str::to_lowercase)
        .collect();
    let mut codes = words
        .iter()
        .filter(|word| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit()));
    let code = codes.next()?.parse().ok().map(Code)?;
    if codes.next().is_some() {
        return None;
    }
    let no = words
        .iter()
        .any(|word| ["nein", "no", "nicht", "n"].contains(&word.as_str()));
    let said = if no { Said::Cannot } else { Said::Coming };
    Some(Typed { code, said })
}

/// Whose code was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// This person's.
    Person(PersonId),
    /// Nobody's: to be journaled as a wrong code.
    Nobody,
    /// Too many wrong codes came in; call the person and enter the answer by hand.
    Locked,
}

/// Whose code this is in a call-out.
#[must_use]
pub fn whose(key: &CodeKey, calling: &Calling, code: Code) -> Whose {
    if calling.wrong_codes >= WRONG_CODES_MAX {
        return Whose::Locked;
    }
    codes(key, calling)
        .into_iter()
        .find(|(_, known)| *known == code)
        .map_or(Whose::Nobody, |(person, _)| Whose::Person(person))
}

/// A message ready for a driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispatch {
    /// Its name.
    pub id: MessageId,
    /// Where it goes.
    pub way: Way,
    /// What it says.
    pub message: Message,
}

/// What a message says, by the way it travels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// At most 160 septets of the GSM alphabet.
    Sms(String),
    /// Read out twice.
    Voice(String),
    /// Subject and body.
    Mail(Letter),
}

/// Address and text of a `Send`. None if the effect is no `Send`, or the book in use has no such way any more; then the
/// driver reports [`Cause::NoAddress`](super::Cause).
#[must_use]
pub fn dispatch(state: &State, book: &ContactBook, key: &CodeKey, effect: &Effect) -> Option<Dispatch> {
    let Effect::Send {
        id,
        way: WayRef { at, kind },
    } = effect
    else {
        return None;
    };
    let calling = state.calling()?;
    let way = book
        .way(&id.person, usize::from(*at))
        .filter(|way| way.kind() == *kind)?;
    let code = *codes(key, calling).get(&id.person)?;
    let message = match kind {
        Kind::Sms => Message::Sms(sms(&calling.alarm, code)),
        Kind::Voice => Message::Voice(voice(&calling.alarm, code)),
        Kind::Mail => Message::Mail(mail(&calling.alarm, code)),
        Kind::Paper => return None,
    };
    Some(Dispatch {
        id: id.clone(),
        way: way.clone(),
        message,
    })
}

impl What {
    /// What people are called for. Short enough for a message.
    #[must_use]
    pub fn in_words(self) -> Words {
        match self {
            Self::CutOrdered => Words::new(
                "Türen werden geschlossen. Bitte in den Krisenraum",
                "Doors are being closed. Please come to the crisis room",
            ),
            Self::AttackSuspected => Words::new(
                "Verdacht auf Angriff. Bitte in den Krisenraum",
                "An attack is suspected. Please come to the crisis room",
            ),
            Self::ConsentNeeded => Words::new(
                "Zustimmung oder Ablehnung der Kasse nötig",
                "The insurer must say yes or no",
            ),
            Self::ExaminersNeeded => Words::new("Forensik wird gebraucht", "Examiners are needed"),
            Self::ReopeningPlanned => Words::new(
                "Öffnung geplant. Bitte erreichbar sein",
                "A reopening is planned. Please stay reachable",
            ),
            Self::ContactTest => Words::new("Nur Probe der Erreichbarkeit", "Only a test of your contacts"),
        }
    }
}

impl Earnest {
    /// The first word of every message.
    #[must_use]
    pub const fn in_words(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Alarm, Lang::De | Lang::En) => "ALARM",
            (Self::Exercise, Lang::De) => "ÜBUNG",
            (Self::Exercise, Lang::En) => "EXERCISE",
        }
    }
}

/// The short message, in German: one message of at most 160 septets for every alarm there can be.
#[must_use]
pub fn sms(alarm: &Alarm, code: Code) -> String {
    format!(
        "{} {}: {}. Antwort: {code} JA oder {code} NEIN",
        alarm.earnest.in_words(Lang::De),
        alarm.sender.as_str(),
        alarm.what.in_words().de
    )
}

/// What a call reads out, in German, twice.
#[must_use]
pub fn voice(alarm: &Alarm, code: Code) -> String {
    let digits: Vec<String> = code.to_string().chars().map(String::from).collect();
    let said = format!(
        "{}. Hier ist {}. {}. Ihr Code ist {}. Bitte antworten Sie per SMS oder rufen Sie die Leitstelle an.",
        alarm.earnest.in_words(Lang::De),
        alarm.sender.as_str(),
        alarm.what.in_words().de,
        digits.join(", ")
    );
    format!("{said} Ich wiederhole. {said}")
}

/// The mail, German first, then English.
#[must_use]
pub fn mail(alarm: &Alarm, code: Code) -> Letter {
    let what = alarm.what.in_words();
    let (sender, id) = (alarm.sender.as_str(), &alarm.id);
    Letter {
        subject: format!("{} {sender}: {}", alarm.earnest.in_words(Lang::De), what.de),
        body: format!(
            "{}\n{sender}: {}.\n\nBitte antworten: {code} JA (ich komme) oder {code} NEIN (die Vertretung wird gerufen).\nKeine Daten von Versicherten in die Antwort schreiben.\nAlarm {id}\n\n{}\n{sender}: {}.\n\nPlease answer: {code} YES (coming) or {code} NO (your deputy is called).\nNo data of insured people in the answer, please.\nAlarm {id}\n",
            alarm.earnest.in_words(Lang::De),
            what.de,
            alarm.earnest.in_words(Lang::En),
            what.en
        ),
    }
}
