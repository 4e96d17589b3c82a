//! Short messages and calls through seven.io (seven communications GmbH & Co. KG, Kiel), a German gateway.
//!
//! Source: the vendor's public documentation as of 2026: `https://docs.seven.io/en/rest-api/endpoints/sms` (`POST /api/sms`:
//! `to`, `text`, `from`, `foreign_id`), `…/endpoints/voice` (`POST /api/voice`: `to`, `text`, `from`, `ringtime` 5 to 60 s,
//! `foreign_id`), `…/authentication` (header `X-Api-Key`), `…/endpoints/status-reports` (states), `…/rest-api/webhooks`
//! (events `dlr` and `sms_mo`), and the vendor's OpenAPI description (`foreign_id` of `A-Z a-z 0-9 . - _ @`).
//!
//! What matters in the answers: HTTP is 200 even for refused messages; `success` is a text with a code, `"100"` means
//! accepted; each entry of `messages` has its own `success`, `error` and `error_text`; ids are texts for messages and
//! numbers for calls. The meaning of codes other than 100 was not checked and is not interpreted; the code is kept.

use serde::Deserialize;

use super::{ApiKey, Request, form};
use crate::{
    callout::{Cause, MessageId, Reference},
    contacts::Phone,
};

/// Where requests go.
pub const HOST: &str = "gateway.seven.io";
/// Longest answer that is read, in bytes: one message's answer has less than a kilobyte.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a telephone rings: until a sleeper is awake, and the longest the gateway allows.
const RING_SECS: &str = "60";

/// The sender shown on the telephone: 1 to 11 letters and digits, or 1 to 16 digits (the gateway's rule).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownAs(String);

/// A text that cannot be a sender.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "„{0}“: der Absender hat höchstens 11 Buchstaben und Ziffern oder höchstens 16 Ziffern. / \"{0}\": the sender has at most 11 letters and digits, or at most 16 digits."
)]
pub struct BadShownAs(String);

impl ShownAs {
    /// Takes a sender.
    ///
    /// # Errors
    /// [`BadShownAs`] when the gateway would refuse it.
    pub fn new(text: &str) -> Result<Self, BadShownAs> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let letters = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if (digits && text.len() <= 16) || (letters && text.len() <= 11) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadShownAs(
                text.chars().filter(|c| !c.is_control()).take(40).collect(),
            ))
        }
    }
}

/// The request that sends one short message.
#[must_use]
pub fn sms(key: &ApiKey, from: &ShownAs, to: &Phone, text: &str, id: &MessageId) -> Request {
    let name = id.for_gateway();
    let body = form(&[
        ("to", to.as_str()),
        ("text", text),
        ("from", &from.0),
        ("foreign_id", &name),
    ]);
    post(key, "/api/sms", body)
}

/// The request that makes one call and reads the text out. The caller's number is the one verified with the gateway.
#[must_use]
pub fn voice(key: &ApiKey, from: &Phone, to: &Phone, text: &str, id: &MessageId) -> Request {
    let name = id.for_gateway();
    let body = form(&[
        ("to", to.as_str()),
        ("text", text),
        ("from", from.as_str()),
        ("ringtime", RING_SECS),
        ("foreign_id", &name),
    ]);
    post(key, "/api/voice", body)
}

fn post(key: &ApiKey, path: &'static str, body: String) -> Request {
    Request {
        method: "POST",
        host: HOST,
        path,
        headers: vec![
            ("Host", HOST.to_owned()),
            ("X-Api-Key", key.0.clone()),
            ("Accept", String::from("application/json")),
            ("Content-Type", String::from("application/x-www-form-urlencoded")),
            ("Content-Length", body.len().to_string()),
        ],
        body,
    }
}

/// The message was taken; it is not delivered yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The gateway's own name for it, if it gave one we can use.
    pub reference: Option<Reference>,
}

/// The message was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotTaken {
    /// HTTP 401 or 403.
    #[error(
        "seven.io weist unseren Schlüssel ab (HTTP {status}); Schlüsseldatei und Konto prüfen. / seven.io refuses our key (HTTP {status}); check key file and account."
    )]
    NotAdmitted {
        /// HTTP status.
        status: u16,
    },
    /// HTTP 429 or 5xx.
    #[error(
        "seven.io ist überlastet oder gestört (HTTP {status}). / seven.io is overloaded or disturbed (HTTP {status})."
    )]
    Disturbed {
        /// HTTP status.
        status: u16,
    },
    /// The answer says no.
    #[error(
        "seven.io hat die Nachricht nicht angenommen (Code {code}); Guthaben, Absender und Rufnummer prüfen. / seven.io did not accept the message (code {code}); check credit, sender and number."
    )]
    Refused {
        /// The gateway's code, digits only.
        code: String,
    },
    /// The answer is not the documented one.
    #[error(
        "Die Antwort von seven.io ist unlesbar (HTTP {status}). / The answer of seven.io is unreadable (HTTP {status})."
    )]
    Garbled {
        /// HTTP status.
        status: u16,
    },
}

impl NotTaken {
    /// The cause, as the journal keeps it.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::NotAdmitted { .. } => Cause::NotAdmitted,
            Self::Disturbed { .. } => Cause::Unreached,
            Self::Refused { .. } => Cause::Refused,
            Self::Garbled { .. } => Cause::Garbled,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    success: Code,
    #[serde(default)]
    messages: Vec<AnswerMessage>,
}

#[derive(Deserialize)]
struct AnswerMessage {
    #[serde(default)]
    id: Option<Code>,
    success: bool,
    #[serde(default)]
    error: Option<Code>,
}

/// A code or id: the gateway writes some as text and some as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(String),
    Number(u64),
}

impl Code {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Accepted, by the gateway's documentation.
const ACCEPTED: &str = "100";

/// Reads the answer to a request for one recipient. Other fields may come and go; they are foreign and not ours to refuse.
///
/// # Errors
/// [`NotTaken`] with who must act.
pub fn read_answer(status: u16, body: &[u8]) -> Result<Taken, NotTaken> {
    match status {
        200..=299 => {}
        401 | 403 => return Err(NotTaken::NotAdmitted { status }),
        429 | 500..=599 => return Err(NotTaken::Disturbed { status }),
        _ => return Err(NotTaken::Garbled { status }),
    }
    if body.len() > ANSWER_BYTES_MAX {
        return Err(NotTaken::Garbled { status });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| NotTaken::Garbled { status })?;
    let code = answer.success.into_text();
    if code != ACCEPTED {
        return Err(NotTaken::Refused { code: digits(&code) });
    }
    match answer.messages.into_iter().next() {
        Some(message) if message.success => Ok(Taken {
            reference: message.id.and_then(|id| Reference::try_from(id.into_text()).ok()),
        }),
        Some(message) => {
            let code = message.error.map_or_else(String::new, Code::into_text);
            Err(NotTaken::Refused { code: digits(&code) })
        }
        None => Err(NotTaken::Garbled { status }),
    }
}

/// Foreign text becomes digits before it is shown.
fn digits(code: &str) -> String {
    let digits: String = code.chars().filter(char::is_ascii_digit).take(6).collect();
    if digits.is_empty() {
        String::from("–")
    } else {
        digits
    }
}

/// What the gateway tells later, by web hook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// A message is on the device.
    Delivered(Reference),
    /// A message will not arrive.
    NotDelivered(Reference),
    /// A message is still on its way.
    OnItsWay(Reference),
    /// A person sent a short message to our number: a possible answer.
    Received {
        /// What the person typed; foreign text, at most 160 characters are kept.
        text: String,
    },
    /// Something we do not use.
    Other,
}

/// A web hook that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Die Meldung von seven.io ist unlesbar. / The report of seven.io is unreadable.")]
pub struct BadHook;

#[derive(Deserialize)]
struct Hook {
    webhook_event: String,
    data: HookData,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HookData {
    msg_id: Option<Code>,
    status: Option<String>,
    text: Option<String>,
}

/// Reads a web hook's JSON body. The shell has checked that it came from the gateway (source address, signature header);
/// nothing here acts on more than a state of our own message or a typed code.
///
/// # Errors
/// [`BadHook`] when it is not the documented shape.
pub fn read_hook(body: &[u8]) -> Result<Told, BadHook> {
    if body.len() > ANSWER_BYTES_MAX {
        return Err(BadHook);
    }
    let hook: Hook = serde_json::from_slice(body).map_err(|_| BadHook)?;
    match hook.webhook_event.as_str() {
        "sms_mo" => {
            let text = hook.data.text.ok_or(BadHook)?;
            Ok(Told::Received {
                text: text.chars().take(160).collect(),
            })
        }
        "dlr" => {
            let id = hook.data.msg_id.ok_or(BadHook)?.into_text();
            let reference = Reference::try_from(id).map_err(|_| BadHook)?;
            match hook.data.status.as_deref() {
                Some("DELIVERED") => Ok(Told::Delivered(reference)),
                Some("NOTDELIVERED" | "EXPIRED" | "REJECTED" | "FAILED") => Ok(Told::NotDelivered(reference)),
                Some("BUFFERED" | "TRANSMITTED" | "ACCEPTED") => Ok(Told::OnItsWay(reference)),
                Some(_) | None => Err(BadHook),
            }
        }
        _ => Ok(Told::Other),
    }
}
