//! The mail section of the drill's `door.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
};

use toml::{Table, Value};
use vocabulary::{CellId, DoorId, InsurerId, service};

use super::{ports::FrontPorts, system::Regular};
use crate::probe::{BadMark, Mark};

fn text(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

fn table(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Table(
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn upstream(address: SocketAddr) -> Value {
    table([
        ("address", text(address)),
        ("name", text("regular.kim.telematik-test")),
        ("security", text("loopback-plain")),
    ])
}

fn listener(at: SocketAddr) -> Value {
    table([("listen", text(at)), ("security", text("loopback-plain"))])
}

/// The way in and out of emergency environments.
pub fn emergency(regular: &Regular<'_>, listen: SocketAddr) -> Table {
    let section = [("listen", text(listen)), ("way_out", upstream(regular.intake))];
    section
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// The mark of sick notes (the first part of their `X-KIM-Dienstkennung`).
const SICK_NOTES: &str = "eAU";

/// The mark that makes a mail a mail of this door, by the routes that [`mail`] writes.
pub fn mark(door: &DoorId) -> Result<Option<Mark>, BadMark> {
    let is_eau = door.cell().service.as_str() == service::EAU;
    is_eau.then(|| Mark::try_from(SICK_NOTES.to_owned())).transpose()
}

/// The address of a cell nobody has a reason to know, at the domain of its insurer's mailbox.
pub fn canary(cell: &CellId, domain: &str) -> String {
    format!("koeder-{}@{domain}", cell.service)
}

/// Every mailbox of the estate, its sick notes by their mark and the rest as general KIM mail; one listener per front;
/// the regular server of the drill behind them.
pub fn mail(dir: &Path, doors: &BTreeSet<DoorId>, regular: &Regular<'_>, ports: &FrontPorts) -> Table {
    let cells: BTreeMap<&InsurerId, Vec<&CellId>> = doors.iter().fold(BTreeMap::new(), |mut cells, door| {
        cells
            .entry(&door.cell().insurer)
            .or_insert_with(Vec::new)
            .push(door.cell());
        cells
    });
    let mailboxes = regular.mailboxes.iter().filter_map(|(insurer, mailbox)| {
        let cells = cells.get(insurer)?;
        let of = |name: &str| cells.iter().find(|cell| cell.service.as_str() == name);
        let general = of(service::KIM).or_else(|| of(service::EAU))?;
        let sick_notes = of(service::EAU).unwrap_or(general);
        Some(table([
            ("address", text(mailbox)),
            ("cell", text(general)),
            ("marks", table([(SICK_NOTES, text(sick_notes))])),
        ]))
    });
    let canaries = doors.iter().filter_map(|door| {
        let cell = door.cell();
        let (_, domain) = regular.mailboxes.get(&cell.insurer)?.split_once('@')?;
        Some(table([
            ("address", text(canary(cell, domain))),
            ("name", text(format!("koeder-{}-{}", cell.insurer, cell.service))),
            ("cell", text(cell)),
        ]))
    });
    let forwarded: Vec<Value> = doors.iter().map(|door| text(door.cell())).collect();
    let proxy = |at, behind| {
        Value::Array(vec![table([
            ("listener", listener(at)),
            ("upstream", upstream(behind)),
        ])])
    };
    let section = [
        ("host", text("tuer.kim.telematik-test")),
        ("dir", text(dir.display())),
        ("mailboxes", Value::Array(mailboxes.collect())),
        ("canaries", Value::Array(canaries.collect())),
        ("intake", Value::Array(vec![listener(ports.intake)])),
        ("submission", proxy(ports.submission, regular.intake)),
        ("fetch", proxy(ports.fetch, regular.store)),
        (
            "forward",
            Value::Array(vec![table([
                ("cells", Value::Array(forwarded)),
                ("upstream", upstream(regular.intake)),
            ])]),
        ),
    ];
    section
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
