//! What one provider operates: sites, insurers, services, what depends on what, and whom an outage hits.
//!
//! # Specification
//!
//! An estate is a TOML file of at most [`TEXT_LEN_MAX`] bytes. [`check`] reads it once and returns either a valid
//! [`Estate`] or **every** mistake in it, each with file, line, column, the value found and what to do. An unknown key
//! is a mistake, so that a typing error never switches a setting off in silence. After a syntax error the rest is still
//! read, but nothing that the broken part may have contained is reported as missing.
//!
//! ```toml
//! [estate]
//! id = "example"
//! name = "Example data centre"
//! telematik = "test"          # or "production": which addresses and institution numbers are allowed
//! synthetic = true            # invented insurers only; needs telematik = "test" and numbers beginning with 99
//!
//! [[site]]
//! id = "essen"
//! name = "Essen"
//!
//! [[root]]                    # what services stand on: identity, dns, mail, keys …
//! id = "dns"
//! name = "Name service"
//!
//! [[service]]                 # the catalogue, with the impact that holds unless an insurer says otherwise
//! id = "eau"
//! name = "Sick notes"
//! holdable = true             # never for epa and lookup (DESIGN section 7)
//! mtd-hours = 24              # maximum tolerable downtime
//! rto-hours = 8               # recovery time objective, at most the former
//! affected-percent = 5        # share of the insured persons an outage hits
//! livelihood = true           # whether people live on it
//! needs = ["dns"]             # roots or other services; no cycles
//!
//! [[insurer]]
//! id = "kasse-001"
//! name = "Sample fund one"
//! ik = "990000011"            # Institutionskennzeichen with its check digit
//! insured = 120000
//! site = "essen"
//! mailboxes = ["eau@kasse-001.kim.telematik-test"]
//! services = ["eau"]          # default: the whole catalogue
//! impact.eau.mtd-hours = 12   # optional: this insurer's own figures
//! ```
//!
//! Optional besides: `[[host]]` (id, site, insurer, service), `[[calendar]]` (on, what, services, insurers), and the ways by
//! which responders come in from outside, so that a cut can say whom it would lock out before it is signed:
//!
//! ```toml
//! [[responders]]
//! name = "Forensics lab, remote access"
//! address = "vpn.lab.example:443"  # host name or IP address, with port
//! flow = "sessions"           # what carries them at these doors: intake, forward, fetch, send or sessions (default)
//! through = ["kasse-001/epa"] # doors it leads through; an empty list says: through none
//! ask = "Duty officer of the lab, +49 30 5550100"  # whom to ask before it is cut
//! ```
//!
//! Guarantees of an [`Estate`]: ids are unique; every reference leads somewhere; dependencies have no cycle; every
//! insurer with `kim` or `eau` has a mailbox; a mailbox belongs to one insurer; all bounds hold.
//!
//! This room is pure: no clock, no disk, no socket. It knows nothing of doors' states, orders or spools.

mod graph;
mod identifier;
mod import;
mod mistake;
mod model;
mod parse;
pub mod reading;
mod sample;

pub use graph::Node;
pub use identifier::{BadIk, BadMailbox, Ik, Mailbox, Telematik};
pub use import::import;
pub use mistake::{Mistake, Mistakes, Trouble};
pub use model::{
    CalendarEntry, CivilDate, Counts, Estate, Host, Hours, Impact, Insurer, Livelihood, Origin, Persons,
    Responders, Root, Service, Site,
};
pub use parse::{TEXT_LEN_MAX, check};
pub use sample::{Seed, sample};
