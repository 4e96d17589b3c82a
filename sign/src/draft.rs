//! Templates: every kind of statement as a JSON file a person fills in.
//!
//! What must be filled in is empty, and empty is refused, so that no template is ever signed as it came. A test fills
//! each one in and shows it.

use serde_json::{Value, json};
use std::path::Path;
use vocabulary::{EstateId, PayloadType, Seconds, Timestamp};

use crate::{Refused, files};

/// Longest draft in bytes.
const DRAFT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// An opening is used at once or not at all.
const OPENING_SECS: u64 = 4 * 3600;
/// A statement about the present: it ages within a day.
const PRESENT_SECS: u64 = 24 * 3600;
/// A statement given in peace: renewed with the 90-day rehearsal of keys.
const PEACE_SECS: u64 = 90 * 24 * 3600;

/// Writes a template for one kind of statement to a new file. `issued` is the signer's own clock.
///
/// # Errors
/// [`Refused`] when the kind has no readable sentence, or the file exists already or cannot be written.
pub fn draft(path: &Path, kind: PayloadType, estate: &EstateId, issued: Timestamp) -> Result<(), Refused> {
    let body = body(kind, estate.as_str(), issued)?;
    let draft = json!({ "payloadType": kind, "body": body });
    files::create(path, &write(&draft)?)
}

/// Changes the body of a draft that nobody has signed yet.
pub(crate) fn edit(
    path: &Path,
    kind: PayloadType,
    change: impl FnOnce(&mut serde_json::Map<String, Value>),
) -> Result<(), Refused> {
    let no_draft = |cause: String| Refused::NoStatement {
        path: path.to_path_buf(),
        cause,
    };
    let bytes = files::read(path, DRAFT_BYTES_MAX)?;
    let mut draft: Value = serde_json::from_slice(&bytes).map_err(|cause| no_draft(cause.to_string()))?;
    if draft.get("payloadType") != Some(&json!(kind)) {
        return Err(no_draft(format!("no draft of kind \"{}\"", kind.word())));
    }
    let body = draft.get_mut("body").and_then(Value::as_object_mut);
    change(body.ok_or_else(|| no_draft("signed or fixed already".to_owned()))?);
    files::swap(path, &bytes, &write(&draft)?)
}

fn write(draft: &Value) -> Result<Vec<u8>, Refused> {
    let mut text = serde_json::to_vec_pretty(draft).map_err(order::BadBody::from)?;
    text.push(b'\n');
    Ok(text)
}

fn body(kind: PayloadType, estate: &str, issued: Timestamp) -> Result<Value, Refused> {
    let after = |seconds: u64| issued.plus(Seconds(seconds)).0;
    let mut body = match kind {
        PayloadType::Charter => charter(),
        PayloadType::CharterSection => json!({
            "charter": "", "replaces": "", "section": section(), "change": "by-insurer", "reason": "",
        }),
        PayloadType::Closing => json!({
            "scope": [],
            "act": { "tighten": { "stance": "contain", "class": "precautionary" } },
            "uses": "once",
            "reason": "",
        }),
        PayloadType::StandingOrder => json!({
            "scopeMax": [], "stance": "contain", "class": "precautionary", "detectors": [],
            "rate": { "uses": 1, "window": 86_400 }, "reason": "", "expires": after(PEACE_SECS),
        }),
        PayloadType::Opening => json!({
            "doors": [{ "door": "", "epoch": 0, "lifts": [] }],
            "becomes": "open", "clearances": [], "reason": "", "expires": after(OPENING_SECS),
        }),
        PayloadType::Clearance => json!({
            "environment": "", "grade": "full", "basis": "examined", "examined": [], "evidenceRoot": "",
            "checklist": [{ "item": "", "result": "passed" }], "reliesOn": [], "expires": after(PRESENT_SECS),
        }),
        PayloadType::Withdrawal => json!({ "withdraws": { "clearance": "" }, "reason": "" }),
        PayloadType::Consent => json!({
            "insurer": "", "opening": "", "rewrapped": [], "expires": after(PRESENT_SECS),
        }),
        PayloadType::Refusal => json!({ "insurer": "", "against": "everything", "reason": "" }),
        PayloadType::StandingConsent => json!({
            "insurer": "", "services": [], "to": "reopening", "expires": after(PEACE_SECS),
        }),
        PayloadType::Delegation => json!({
            "person": person(), "environments": [], "reason": "", "expires": after(PRESENT_SECS),
        }),
        PayloadType::AnswerRelease => json!({
            "insurer": "", "environment": "",
            "releases": { "policy": { "cells": [], "answers": [], "perDayMax": 100 } },
            "reason": "", "expires": after(PRESENT_SECS),
        }),
        PayloadType::Freshness => return Err(Refused::Unreadable(kind)),
    };
    if let Value::Object(fields) = &mut body {
        fields.insert("estate".to_owned(), estate.into());
        fields.insert("issued".to_owned(), issued.0.into());
    }
    Ok(body)
}

fn person() -> Value {
    json!({ "id": "", "entity": "", "keys": [""], "roles": [] })
}

fn section() -> Value {
    json!({
        "insurer": "", "persons": [person()], "consent": [], "refuse": [], "threshold": 2, "deputy": "",
        "release": [""], "recovery": "",
    })
}

/// The smallest thresholds DESIGN section 5 allows.
fn charter() -> Value {
    json!({
        "version": 1,
        "provider": "",
        "persons": [person()],
        "thresholds": {
            "roots": { "persons": 3, "outside": 2 },
            "examiners": { "persons": 2, "outside": 1 },
            "precautionaryCommanders": 2,
        },
        "precautionaryWindow": 4 * 3600,
        "recoveryDelay": 24 * 3600,
        "witnesses": [{ "id": "", "entity": "", "key": "" }],
        "witnessQuorum": 2,
        "sections": [section()],
    })
}
