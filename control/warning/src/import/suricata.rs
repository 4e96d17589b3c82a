//! Suricata's EVE JSON: one object per line, of which those with `"event_type":"alert"` are findings.
//!
//! Fields after the Suricata User Guide, section "Eve JSON Format" (docs.suricata.io, versions 6.0.20 and 7.0.16):
//! common part `timestamp`, `event_type`, `src_ip`, `dest_ip`; in `alert`: `action` ("allowed" or "blocked"), `gid`,
//! `signature_id`, `rev`, `signature`, `category`, `severity`; where a rule uses the keyword `target`, `alert.source`
//! and `alert.target` with `ip`; `alert.metadata` with lists of texts, among them `mitre_technique_id` in rule sets that
//! carry it. Everything else may be there and is passed over.
//!
//! # Severity
//!
//! `alert.severity` is the rule's priority: 1 to 255, of which 1 to 4 are commonly used and 1 is the highest (User
//! Guide, "Meta Keywords", `priority`).
//!
//! | EVE | here |
//! |---|---|
//! | 1 | high |
//! | 2 | medium |
//! | 3 | low |
//! | 4 and more | information |
//!
//! What was `blocked` counts one step less: it did not get through here. Critical is never taken from one rule's word.

use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;

use super::{Alert, BadLine, Named, time};
use crate::signal::Severity;

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    event_type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Event {
    timestamp: Option<String>,
    src_ip: Option<String>,
    dest_ip: Option<String>,
    alert: Signature,
}

#[derive(Deserialize)]
struct Signature {
    action: Option<String>,
    gid: Option<u64>,
    signature_id: u64,
    signature: Option<String>,
    severity: u8,
    source: Option<Side>,
    target: Option<Side>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Metadata {
    Known { mitre_technique_id: Vec<String> },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Side {
    ip: Option<String>,
}

/// An alert, or nothing for any other event.
pub(super) fn read(line: &str) -> Result<Option<Alert>, BadLine> {
    let head: Head<'_> = serde_json::from_str(line)?;
    if head.event_type != "alert" {
        return Ok(None);
    }
    let event: Event = serde_json::from_str(line)?;
    let Event {
        timestamp,
        src_ip,
        dest_ip,
        alert,
    } = event;
    let severity = match alert.severity {
        0 => {
            return Err(BadLine::WrongShape {
                said: "alert.severity 0, expected 1 to 255".to_owned(),
            });
        }
        1 => Severity::High,
        2 => Severity::Medium,
        3 => Severity::Low,
        4..=255 => Severity::Info,
    };
    let sides = [alert.source, alert.target]
        .into_iter()
        .flatten()
        .filter_map(|side| side.ip);
    let mut addresses: Vec<String> = sides.chain([src_ip, dest_ip].into_iter().flatten()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(Some(Alert {
        at: timestamp.as_deref().and_then(time::read),
        severity: if alert.action.as_deref() == Some("blocked") {
            severity.lowered()
        } else {
            severity
        },
        rule: format!("{}:{}", alert.gid.unwrap_or(1), alert.signature_id),
        title: alert.signature.unwrap_or_default(),
        techniques: match alert.metadata {
            Some(Metadata::Known { mitre_technique_id }) => mitre_technique_id,
            Some(Metadata::Other(_)) | None => Vec::new(),
        },
        named: addresses.into_iter().map(Named::address).collect(),
    }))
}
