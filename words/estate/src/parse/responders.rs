//! The responders' ways in: who comes from outside when it burns, where they come in, and whom to ask before that is cut.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{DoorId, Flow, InsurerId};

use super::{Seen, resolve};
use crate::{
    mistake::Trouble,
    model::{Insurer, Responders},
    reading::{Reader, Section, Spotted},
};

/// Ways in of one estate: more would not be looked at in a night.
const RESPONDERS_MAX: usize = 64;
/// Doors one way leads through.
const THROUGH_MAX: usize = 256;
/// Longest address in characters: a host name (RFC 1035, 253) with brackets and port.
const ADDRESS_CHARS_MAX: usize = 261;

const FLOWS: [(&str, Flow); 5] = [
    ("intake", Flow::Intake),
    ("forward", Flow::Forward),
    ("fetch", Flow::Fetch),
    ("send", Flow::Send),
    ("sessions", Flow::Sessions),
];

pub(super) fn read_responders(
    reader: &Reader<'_>,
    root: &Section<'_, '_>,
    insurers: &BTreeMap<InsurerId, Insurer>,
    declared: &BTreeSet<InsurerId>,
) -> Vec<Responders> {
    let mut all = Vec::new();
    let mut seen = Seen::new();
    for section in root.sections("responders", RESPONDERS_MAX) {
        let name = section.needed("name", section.text("name"));
        let address = section.needed("address", address(&section));
        let ask = section.needed("ask", section.text("ask"));
        let flow = section.word("flow", &FLOWS);
        let through = section.needed("through", through(&section, insurers, declared));
        if let Some(name) = name.filter(|name| seen.is_new(reader, &section, "name", name))
            && let (Some(address), Some(ask), Some(through)) = (address, ask, through)
        {
            all.push(Responders {
                name: name.value,
                address: address.value,
                flow: flow.map_or(Flow::Sessions, |flow| flow.value),
                through: through.value,
                ask: ask.value,
            });
        }
        section.finish();
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

fn address(section: &Section<'_, '_>) -> Option<Spotted<String>> {
    let text = section.text("address")?;
    if is_address(&text.value) {
        return Some(text);
    }
    let trouble = Trouble::Rule {
        de: "Keine Adresse. Rechnername oder IP-Adresse mit Port schreiben, wie \"vpn.labor.example:443\" oder \"[2001:db8::7]:22\"."
            .to_owned(),
        en: "No address. Write a host name or IP address with a port, as in \"vpn.lab.example:443\" or \"[2001:db8::7]:22\"."
            .to_owned(),
    };
    section.note(text.spot, "address", trouble);
    None
}

/// A host name or IP address with a port.
fn is_address(text: &str) -> bool {
    if text.len() > ADDRESS_CHARS_MAX {
        return false;
    }
    // Both kinds of IP address, the newer one in brackets; port 0 is nobody's.
    if let Ok(address) = text.parse::<core::net::SocketAddr>() {
        return address.port() != 0;
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name of digits and dots alone is an IP address that was mistyped.
    host.split('.').all(is_label)
        && host.bytes().any(|b| b.is_ascii_alphabetic())
        && port.bytes().all(|b| b.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// The doors a way leads through; an empty list says: through none.
fn through(
    section: &Section<'_, '_>,
    insurers: &BTreeMap<InsurerId, Insurer>,
    declared: &BTreeSet<InsurerId>,
) -> Option<Spotted<BTreeSet<DoorId>>> {
    let list = section.texts("through", THROUGH_MAX)?;
    let mut doors = BTreeSet::new();
    for text in list.value {
        let Ok(door) = text.value.parse::<DoorId>() else {
            let trouble = Trouble::Rule {
                de: "Keine Tür. Als \"kasse/dienst\" schreiben.".to_owned(),
                en: "No door. Write it as \"insurer/service\".".to_owned(),
            };
            section.note(text.spot, "through", trouble);
            continue;
        };
        let spotted = Spotted {
            value: door,
            spot: text.spot,
        };
        // An insurer with mistakes of its own is declared, but what it has is not known: they are noted already.
        let known = |door: &DoorId| match insurers.get(&door.cell().insurer) {
            Some(insurer) => insurer.services.contains_key(&door.cell().service),
            None => declared.contains(&door.cell().insurer),
        };
        let all = insurers.values().flat_map(|insurer| {
            let of = |service| format!("{}/{service}", insurer.id);
            insurer.services.keys().map(of)
        });
        doors.extend(resolve(
            section,
            "through",
            spotted,
            known,
            all,
            ("eine Tür", "door"),
        ));
    }
    Some(Spotted {
        value: doors,
        spot: list.spot,
    })
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_is_a_name_or_number_with_a_port() {
        for good in [
            "vpn.labor.example:443",
            "gw:22",
            "192.0.2.7:22",
            "[2001:db8::7]:22",
            "a-b.example:65535",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "vpn.labor.example",
            "vpn.labor.example:",
            ":443",
            "vpn.labor.example:0",
            "192.0.2.7:0",
            "192.0.2:22",
            "2001:db8::7",
            "vpn..example:1",
            "-vpn.example:1",
            "vpn.example:+1",
            "vpn.example:70000",
            "https://vpn.example:443",
            "vpn_labor.example:443",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
