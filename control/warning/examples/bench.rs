//! Measures on this machine: lines of EVE and Wazuh per second, and how 80 insurers' business is judged.
//!
//! `cargo run --release -p warning --example bench [WEEKS]` (normal weeks to judge after six to learn; default 4)
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{
    NIGHT, Room,
    business::{Business, Mood},
    estate, roll,
};
use std::{fmt::Write as _, hint::black_box, time::Instant};
use vocabulary::Timestamp;
use warning::{Engine, Event, Importer, Line, LineReader};

const LINES: usize = 400_000;
const WEEK: i64 = 604_800;

fn main() {
    import("EVE, 1 alert in 20 lines", Engine::Suricata, 20);
    import("EVE, alerts only", Engine::Suricata, 1);
    import("Wazuh, alerts only", Engine::Wazuh, 1);
    let weeks = std::env::args()
        .nth(1)
        .map_or(4, |weeks| weeks.parse().expect("a number of weeks"));
    business(weeks);
}

fn import(what: &str, engine: Engine, alert_every: usize) {
    let mut bytes = String::new();
    for n in 0..LINES {
        let written = match engine {
            Engine::Suricata if n % alert_every == 0 => writeln!(
                bytes,
                r#"{{"timestamp":"2023-04-24T22:00:00.{:06}+0200","flow_id":{n},"in_iface":"mirror0","event_type":"alert","src_ip":"203.0.113.{}","src_port":50096,"dest_ip":"10.1.{}.{}","dest_port":25,"proto":"TCP","alert":{{"action":"allowed","gid":1,"signature_id":{},"rev":3,"signature":"INVENTED mail server answers odd","category":"Potentially Bad Traffic","severity":2,"metadata":{{"created_at":["2023_01_01"]}}}},"app_proto":"smtp","flow":{{"pkts_toserver":4,"pkts_toclient":3,"bytes_toserver":390,"bytes_toclient":1800,"start":"2023-04-24T21:59:59.000000+0200"}}}}"#,
                n % 1_000_000,
                n % 256,
                n / 256 % 256,
                n % 256,
                9_900_000 + n % 50
            ),
            Engine::Suricata => writeln!(
                bytes,
                r#"{{"timestamp":"2023-04-24T22:00:00.{:06}+0200","flow_id":{n},"in_iface":"mirror0","event_type":"flow","src_ip":"10.1.2.3","src_port":50096,"dest_ip":"10.2.3.4","dest_port":443,"proto":"TCP","app_proto":"tls","flow":{{"pkts_toserver":14,"pkts_toclient":13,"bytes_toserver":1390,"bytes_toclient":18000,"start":"2023-04-24T21:59:59.000000+0200","end":"2023-04-24T22:00:00.000000+0200","age":1,"state":"closed","reason":"timeout","alerted":false}},"tcp":{{"tcp_flags":"1b","syn":true,"fin":true,"psh":true,"ack":true,"state":"closed"}}}}"#,
                n % 1_000_000
            ),
            Engine::Wazuh => writeln!(
                bytes,
                r#"{{"timestamp":"2023-04-24T20:00:00.251+0000","rule":{{"level":{},"description":"INVENTED account added","id":"100777","mitre":{{"id":["T1136"],"tactic":["Persistence"],"technique":["Create Account"]}},"firedtimes":{n},"mail":false,"groups":["invented"]}},"agent":{{"id":"001","name":"mail-001","ip":"10.1.7.7"}},"manager":{{"name":"siem"}},"id":"1682366400.{n}","decoder":{{"name":"json"}},"data":{{"srcip":"203.0.113.7"}},"location":"journald"}}"#,
                n % 16
            ),
        };
        written.expect("a String takes everything");
    }
    let (mut reader, mut importer) = (LineReader::new(), Importer::new(engine, roll()));
    let begun = Instant::now();
    for piece in bytes.as_bytes().chunks(64 * 1024) {
        reader.feed(piece, |line: Line<'_>| {
            drop(black_box(importer.line(line, NIGHT)))
        });
    }
    let seconds = begun.elapsed().as_secs_f64();
    let tally = importer.tally();
    assert_eq!(tally.lines(), LINES as u64);
    println!(
        "{what}: {:.0} lines/s, {:.0} MB/s ({} findings, {} ignored, {} bad)",
        LINES as f64 / seconds,
        bytes.len() as f64 / seconds / 1e6,
        tally.findings,
        tally.ignored,
        tally.bad()
    );
}

fn business(weeks: i64) {
    let insured: Vec<_> = estate()
        .insurers()
        .map(|insurer| (insurer.id.clone(), insurer.insured.0))
        .collect();
    let mut business: Vec<_> = insured
        .into_iter()
        .zip(1..)
        .map(|((id, insured), seed)| (id, Business::of(insured, seed)))
        .collect();
    let mut room = Room::quiet();
    let monday = NIGHT.0 - 22 * 3600;
    let (mut events, mut spent) = (0_u64, std::time::Duration::ZERO);
    let mut live = |room: &mut Room, from: i64, until: i64, mood| {
        for at in (from..until).step_by(60).map(Timestamp) {
            let minutes: Vec<_> = business
                .iter_mut()
                .flat_map(|(insurer, business)| {
                    let insurer = insurer.clone();
                    business
                        .minute(at, mood)
                        .map(move |(measure, minute)| Event::Minute {
                            insurer: insurer.clone(),
                            measure,
                            minute,
                        })
                })
                .collect();
            events += minutes.len() as u64;
            let begun = Instant::now();
            for minute in minutes {
                let _effects = room.event(minute, Timestamp(at.0 + 60));
            }
            spent += begun.elapsed();
        }
    };
    live(&mut room, monday - (6 + weeks) * WEEK, NIGHT.0, Mood::Normal);
    let false_signals = room.signals().len();
    for (_, signal) in room.signals() {
        println!("false signal: {}", signal.sentence.en);
    }
    live(&mut room, NIGHT.0, NIGHT.0 + 7200, Mood::AlmostAllRejected);
    let signals = room.signals();
    let real = &signals[false_signals..];
    let first = real.first().map(|(at, _)| at.since(NIGHT).0 / 60);
    let within = |minutes: u64| {
        real.iter()
            .filter(|(at, _)| at.since(NIGHT).0 <= minutes * 60)
            .count()
    };
    println!(
        "80 insurers, 3 measures, {weeks} normal weeks judged beyond the first six: {false_signals} false signals\n\
         April night from 22:00: first signal after {first:?} minutes; insurers seen after 15/30/60/120 minutes: {}/{}/{}/{}\n\
         {:.0} minutes of measures judged per second ({events} in all)",
        within(15),
        within(30),
        within(60),
        within(120),
        events as f64 / spent.as_secs_f64()
    );
}
