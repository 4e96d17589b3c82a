//! Answers by key: a sender learns what became of its message, from small signed files made beforehand.
//!
//! The key is a digest of the item number that the sender read in its SMTP receipt. It says nothing about sender,
//! recipient or content, and the site needs no server that could be asked too often. Item numbers count upwards, so
//! whoever has one can compute others: an answer therefore holds nothing but one of six words and a time.
//!
//! The wiring signs: [`bytes_to_sign`] are the exact bytes, the signature comes back through an argument and is
//! written into both files.

use std::collections::BTreeMap;

use maud::{DOCTYPE, html};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, EstateId, Hasher, Timestamp};

use crate::{
    site::{POLICY, Site, SitePath},
    when,
    words::{Lang, Said, said},
};

/// First line of what is signed.
pub const FORMAT: &str = "bulkhead-answer/v1";
/// What stands before the item number when the key is computed, so that no other digest of it is a key.
pub const DOMAIN: &str = "bulkhead-frage:";
/// Longest signature, in bytes.
pub const SIGNATURE_LEN_MAX: usize = 2_048;

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Accepted, stored, waiting.
    Held,
    /// Handed to the insurer, its confirmation is outstanding.
    InDoubt,
    /// Handed to the insurer.
    HandedOver,
    /// A person has to look at it.
    Parked,
    /// It has to be sent again.
    RepeatPlease,
    /// We cannot say.
    Unknown,
}

impl Fate {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::Held,
        Self::InDoubt,
        Self::HandedOver,
        Self::Parked,
        Self::RepeatPlease,
        Self::Unknown,
    ];

    /// The word in machine-readable files.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::InDoubt => "in-doubt",
            Self::HandedOver => "handed-over",
            Self::Parked => "parked",
            Self::RepeatPlease => "repeat-please",
            Self::Unknown => "unknown",
        }
    }

    /// A few words.
    #[must_use]
    pub const fn name(self) -> Said {
        match self {
            Self::Held => said("angenommen, wartet", "accepted, waiting"),
            Self::InDoubt => said(
                "übergeben, Bestätigung steht aus",
                "handed over, confirmation outstanding",
            ),
            Self::HandedOver => said("an die Kasse übergeben", "handed over to the insurer"),
            Self::Parked => said(
                "liegt bei einer Person zur Klärung",
                "with a person for clarification",
            ),
            Self::RepeatPlease => said("bitte noch einmal senden", "please send again"),
            Self::Unknown => said("keine Auskunft möglich", "no answer possible"),
        }
    }

    /// What it means and what to do.
    #[must_use]
    pub const fn meaning(self) -> Said {
        match self {
            Self::Held => said(
                "Ihre Nachricht ist sicher gespeichert und wartet auf die Bearbeitung. Senden Sie sie nicht noch einmal.",
                "Your message is stored safely and waits to be processed. Do not send it again.",
            ),
            Self::InDoubt => said(
                "Wir haben die Nachricht übergeben und warten auf die Bestätigung. Senden Sie sie nicht noch einmal.",
                "We have handed the message over and wait for the confirmation. Do not send it again.",
            ),
            Self::HandedOver => said(
                "Die Kasse hat die Nachricht von uns erhalten. Sie müssen nichts tun.",
                "The insurer has received the message from us. You need not do anything.",
            ),
            Self::Parked => said(
                "Die Nachricht ist gespeichert, ließ sich aber nicht von selbst übergeben. Eine Person kümmert sich darum. Senden Sie sie nicht noch einmal.",
                "The message is stored but could not be handed over by itself. A person is dealing with it. Do not send it again.",
            ),
            Self::RepeatPlease => said(
                "Diese Nachricht erreicht die Kasse nicht mehr. Bitte senden Sie sie noch einmal.",
                "This message will not reach the insurer any more. Please send it again.",
            ),
            Self::Unknown => said(
                "Wir können zurzeit nicht sagen, was aus der Nachricht wurde. Das heißt nicht, dass sie fehlt. Sehen Sie später noch einmal nach.",
                "At the moment we cannot say what became of the message. That does not mean that it is missing. Look again later.",
            ),
        }
    }
}

/// One answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What became of the message.
    pub state: Fate,
    /// When that was so.
    pub as_of: Timestamp,
}

/// The key of an item number: SHA-256 of [`DOMAIN`] and the number.
#[must_use]
pub fn key(item: &str) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(DOMAIN.as_bytes());
    hasher.update(item.as_bytes());
    hasher.finish()
}

/// The same as a command, with a word in place of the number.
#[must_use]
pub(crate) fn command(item: &str) -> String {
    format!("printf %s {DOMAIN}{item} | sha256sum")
}

/// The exact bytes a signature covers.
#[must_use]
pub fn bytes_to_sign(estate: &EstateId, key: &Digest, answer: &Answer) -> Vec<u8> {
    note(estate, key, answer).into_bytes()
}

fn note(estate: &EstateId, key: &Digest, answer: &Answer) -> String {
    format!(
        "{FORMAT}\nestate {estate}\nkey {key}\nstate {}\nas-of {}\n",
        answer.state.slug(),
        answer.as_of
    )
}

/// A signature that cannot be written into a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Die Unterschrift einer Antwort ist leer, zu lang oder enthält unlesbare Zeichen; die Antwort wird nicht veröffentlicht. / An answer's signature is empty, too long or has unreadable characters; the answer is not published."
)]
pub struct BadSignature;

/// What an answer's JSON file holds. Readers rebuild [`note`](Self::note) from the other fields and verify
/// [`signature`](Self::signature) over it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// [`FORMAT`].
    pub format: String,
    /// Whose answer.
    pub estate: EstateId,
    /// The key.
    pub key: Digest,
    /// What became of the message.
    pub state: Fate,
    /// When that was so (RFC 3339, UTC).
    pub as_of: String,
    /// The signed text.
    pub note: String,
    /// The signature.
    pub signature: String,
}

/// The two files of one answer: `frage/<2 hex>/<hex>.json` and `.html`.
///
/// # Errors
/// [`BadSignature`] when `sign` gives something that cannot be a signature.
pub fn files(
    estate: &EstateId,
    key: &Digest,
    answer: &Answer,
    sign: &dyn Fn(&[u8]) -> String,
) -> Result<[(SitePath, Vec<u8>); 2], BadSignature> {
    let note = note(estate, key, answer);
    let signature = sign(note.as_bytes());
    let readable = |c: char| c.is_ascii_graphic() || matches!(c, ' ' | '\n' | '—');
    if signature.is_empty() || signature.len() > SIGNATURE_LEN_MAX || !signature.chars().all(readable) {
        return Err(BadSignature);
    }
    let file = File {
        format: FORMAT.to_owned(),
        estate: estate.clone(),
        key: *key,
        state: answer.state,
        as_of: answer.as_of.to_string(),
        note,
        signature,
    };
    let page = page(&file, answer).into_bytes();
    // Text keys only: this cannot fail.
    let json = serde_json::to_vec(&file).unwrap_or_default();
    Ok([(path(key, "json"), json), (path(key, "html"), page)])
}

/// Where an answer stands.
#[must_use]
pub fn path(key: &Digest, ending: &'static str) -> SitePath {
    let hex = key.to_string();
    SitePath::known(format!(
        "frage/{}/{hex}.{ending}",
        hex.get(..2).unwrap_or_default()
    ))
}

/// The files of all answers. For very many, write [`files`] one by one instead of holding them.
///
/// # Errors
/// [`BadSignature`] when one cannot be signed.
pub fn render(
    estate: &EstateId,
    answers: &BTreeMap<Digest, Answer>,
    sign: &dyn Fn(&[u8]) -> String,
) -> Result<Site, BadSignature> {
    let mut site = Site::default();
    for (key, answer) in answers {
        site.files.extend(files(estate, key, answer, sign)?);
    }
    Ok(site)
}

/// German and English on one page: the sender has a number, not yet a language.
fn page(file: &File, answer: &Answer) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="de" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { "Auskunft zu einer Nachricht" }
                link rel="stylesheet" href="../../style.css";
            }
            body { main data-key=(file.key) data-fate=(file.state.slug()) {
                h1 { "Auskunft zu einer Nachricht" }
                p { strong data-word="de" { (file.state.name().de) } }
                p { (file.state.meaning().de) }
                p { "Stand: " time datetime=(file.as_of) { (when::long(answer.as_of, Lang::De)) } }
                div lang="en" {
                    h2 { "About a message" }
                    p { strong data-word="en" { (file.state.name().en) } }
                    p { (file.state.meaning().en) }
                    p { "As of: " time datetime=(file.as_of) { (when::long(answer.as_of, Lang::En)) } }
                }
                h2 { "Unterschrift / " span lang="en" { "Signature" } }
                pre { code { (file.note) "\n" (file.signature) } }
                p { a href="../index.html" { "Wie Sie eine Nachricht abfragen" } " · "
                    a href="../../en/ask/index.html" lang="en" hreflang="en" { "How to ask about a message" } }
            } }
        }
    };
    markup.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_what_the_command_on_the_page_computes() {
        // printf %s bulkhead-frage:0123456789abcdef0123456789abcdef | sha256sum
        assert_eq!(
            key("0123456789abcdef0123456789abcdef").to_string(),
            "d8c6740934dfb87658e9d582785a5b91d35c989ba4d7544f5f95b4512b6e9b20"
        );
        assert_eq!(command("ITEM"), "printf %s bulkhead-frage:ITEM | sha256sum");
    }

    #[test]
    fn what_is_signed_is_exactly_this() {
        let answer = Answer {
            state: Fate::Held,
            as_of: Timestamp(1_682_366_400),
        };
        let key = key("x");
        let estate: EstateId = "probe".parse().unwrap();
        let expected =
            format!("bulkhead-answer/v1\nestate probe\nkey {key}\nstate held\nas-of 2023-04-24T20:00:00Z\n");
        assert_eq!(bytes_to_sign(&estate, &key, &answer), expected.as_bytes());
        let [(path, json), (_, html)] = files(&estate, &key, &answer, &|bytes| {
            assert_eq!(bytes, expected.as_bytes());
            "— probe c2lnbmF0dXJl".to_owned()
        })
        .unwrap();
        assert_eq!(
            path.as_str(),
            format!("frage/{}/{key}.json", &key.to_string()[..2])
        );
        let file: File = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            (file.note.as_str(), file.signature.as_str()),
            (expected.as_str(), "— probe c2lnbmF0dXJl")
        );
        assert!(String::from_utf8(html).unwrap().contains("angenommen, wartet"));
    }

    #[test]
    fn a_signature_cannot_bring_markup_or_be_empty() {
        let answer = Answer {
            state: Fate::Held,
            as_of: Timestamp(1_682_366_400),
        };
        let estate: EstateId = "probe".parse().unwrap();
        for bad in [
            String::new(),
            "x".repeat(2_049),
            "\u{202e}".to_owned(),
            "ü".to_owned(),
        ] {
            assert_eq!(
                files(&estate, &key("x"), &answer, &|_| bad.clone()),
                Err(BadSignature)
            );
        }
        let [_, (_, html)] = files(&estate, &key("x"), &answer, &|_| "<script>".to_owned()).unwrap();
        assert!(!String::from_utf8(html).unwrap().contains("<script>"));
    }
}
