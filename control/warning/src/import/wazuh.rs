//! Wazuh's `alerts.json`: one object per line, each an alert.
//!
//! Fields as the manager (4.x) writes them: `timestamp`, `rule.level`, `rule.id` (text), `rule.description`,
//! `rule.groups`, `rule.mitre.id` (a list; one text in some relays), `agent.name`, `agent.ip` (missing for agent 000,
//! the manager itself), `data.srcip`, `data.dstip` (Wazuh documentation, "Rules syntax", "Alert management"; OSSEC JSON
//! alert fields). Everything else may be there and is passed over.
//!
//! # Severity
//!
//! After the table "Rules classification" of the Wazuh documentation (levels 0 to 16):
//!
//! | level | there | here |
//! |---|---|---|
//! | 0 to 5 | no security relevance by itself | information |
//! | 6, 7 | low relevance attack; "bad word" | low |
//! | 8 to 11 | first time seen … integrity warning | medium |
//! | 12 to 14 | high importance … indicates an attack | high |
//! | 15 and more | severe attack, no chance of a false positive | critical |

use serde::{Deserialize, de::IgnoredAny};

use super::{Alert, BadLine, Named, time};
use crate::signal::Severity;

#[derive(Deserialize)]
struct Event {
    timestamp: Option<String>,
    rule: Rule,
    agent: Option<Agent>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Rule {
    level: u32,
    id: Text,
    description: Option<String>,
    mitre: Option<Mitre>,
}

/// A number where a text is usual: seen in relays that guess types.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Mitre {
    Many { id: Vec<String> },
    One { id: String },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Agent {
    name: Option<String>,
    ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Addresses {
        srcip: Option<String>,
        dstip: Option<String>,
    },
    Other(IgnoredAny),
}

/// The alert of a line.
pub(super) fn read(line: &str) -> Result<Option<Alert>, BadLine> {
    let Event {
        timestamp,
        rule,
        agent,
        data,
    } = serde_json::from_str(line)?;
    let severity = match rule.level {
        0..=5 => Severity::Info,
        6 | 7 => Severity::Low,
        8..=11 => Severity::Medium,
        12..=14 => Severity::High,
        15.. => Severity::Critical,
    };
    let mut named = Vec::new();
    if let Some(Agent { name, ip }) = agent {
        let address = ip.as_deref().and_then(|ip| ip.parse().ok());
        match (name, ip) {
            (Some(name), _) => named.push(Named::Host { name, address }),
            (None, Some(ip)) => named.push(Named::address(ip)),
            (None, None) => {}
        }
    }
    if let Some(Data::Addresses { srcip, dstip }) = data {
        named.extend([srcip, dstip].into_iter().flatten().map(Named::address));
    }
    Ok(Some(Alert {
        at: timestamp.as_deref().and_then(time::read),
        severity,
        rule: match rule.id {
            Text::Text(id) => id,
            Text::Number(id) => id.to_string(),
        },
        title: rule.description.unwrap_or_default(),
        techniques: match rule.mitre {
            Some(Mitre::Many { id }) => id,
            Some(Mitre::One { id }) => vec![id],
            Some(Mitre::Other(_)) | None => Vec::new(),
        },
        named,
    }))
}
