use std::{io::Write as _, sync::Arc};

use estate::Seed;
use warning::{Engine, Roll};

use super::*;

struct Bench {
    dir: tempfile::TempDir,
    path: PathBuf,
    roll: Arc<Roll>,
    read: Vec<u64>,
    kept: Option<Position>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let estate = estate::check(&estate::sample(Seed(1)), "sample.toml").unwrap();
        Self {
            path: dir.path().join("eve.json"),
            dir,
            roll: Arc::new(Roll::of(&estate, Vec::new()).0),
            read: Vec::new(),
            kept: None,
        }
    }

    fn tail(&self, begin: Begin) -> Tail {
        let importer = Importer::new(Engine::Suricata, self.roll.clone());
        Tail::new(self.path.clone(), importer, self.kept.clone(), begin)
    }

    /// Appends alerts of these rules; each is a line of its own.
    fn write(&self, rules: &[u64]) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .unwrap();
        for rule in rules {
            writeln!(file, "{}", alert(*rule)).unwrap();
        }
    }

    /// Steps until nothing more comes, over the patience at the end of a renamed file.
    fn step(&mut self, tail: &mut Tail) -> Vec<u64> {
        let mut seen = Vec::new();
        for _ in 0..=2 * QUIET_STEPS + 2 {
            if let Some(step) = tail.step(Timestamp(1_700_000_000)).unwrap() {
                seen.extend(step.findings.iter().map(rule));
                self.kept = Some(step.position);
            }
        }
        self.read.extend(&seen);
        seen
    }
}

fn alert(rule: u64) -> String {
    format!(
        r#"{{"timestamp":"2023-11-14T22:13:20.000000+0000","event_type":"alert","src_ip":"10.1.2.3","dest_ip":"10.9.9.9","alert":{{"action":"allowed","gid":1,"signature_id":{rule},"signature":"test","severity":1}}}}"#
    )
}

fn rule(finding: &Finding) -> u64 {
    let text = finding.indicator.as_str();
    text.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn a_restart_goes_on_behind_the_last_whole_line() {
    let mut bench = Bench::new();
    bench.write(&[1, 2]);
    let mut tail = bench.tail(Begin::Beginning);
    assert_eq!(bench.step(&mut tail), [1, 2]);
    let mut half = File::options().append(true).open(&bench.path).unwrap();
    let line = alert(3);
    let (begun, rest) = line.split_at(40);
    write!(half, "{begun}").unwrap();
    assert!(bench.step(&mut tail).is_empty());
    drop(tail);
    writeln!(half, "{rest}").unwrap();
    let mut tail = bench.tail(Begin::Beginning);
    assert_eq!(bench.step(&mut tail), [3]);
    assert!(bench.step(&mut bench.tail(Begin::Beginning)).is_empty());
}

#[test]
fn rotation_loses_and_repeats_nothing_also_while_nobody_reads() {
    let mut bench = Bench::new();
    bench.write(&[1]);
    let mut tail = bench.tail(Begin::Beginning);
    bench.step(&mut tail);
    bench.write(&[2]);
    fs::rename(&bench.path, bench.dir.path().join("eve.json.1")).unwrap();
    bench.write(&[3]);
    assert_eq!(bench.step(&mut tail), [2, 3]);
    drop(tail);
    bench.write(&[4]);
    fs::rename(&bench.path, bench.dir.path().join("eve-old.json")).unwrap();
    bench.write(&[5]);
    assert_eq!(bench.step(&mut bench.tail(Begin::Beginning)), [4, 5]);
    // The old file is gone when we come back: what it still had is lost, and what is there now is read.
    bench.write(&[6]);
    fs::remove_file(&bench.path).unwrap();
    bench.write(&[7]);
    assert_eq!(bench.step(&mut bench.tail(Begin::End)), [7]);
}

#[test]
fn a_file_that_was_emptied_begins_again_even_if_it_is_longer_by_now() {
    let mut bench = Bench::new();
    bench.write(&[1]);
    let mut tail = bench.tail(Begin::Beginning);
    bench.step(&mut tail);
    for rules in [&[22][..], &[33, 34, 35]] {
        fs::write(&bench.path, "").unwrap();
        bench.write(rules);
        assert_eq!(bench.step(&mut tail), rules);
    }
    fs::write(&bench.path, "").unwrap();
    bench.write(&[44, 45, 46, 47, 48]);
    assert_eq!(
        bench.step(&mut bench.tail(Begin::End)),
        [44, 45, 46, 47, 48],
        "also when that happened while nobody read"
    );
}

#[test]
fn the_first_time_it_begins_where_it_was_told_to() {
    let mut bench = Bench::new();
    let mut early = bench.tail(Begin::End);
    assert!(early.step(Timestamp(0)).unwrap().is_none());
    bench.write(&[1, 2]);
    assert_eq!(bench.step(&mut early), [1, 2], "it appeared after we began");
    bench.kept = None;
    let mut late = bench.tail(Begin::End);
    assert!(bench.step(&mut late).is_empty());
    bench.write(&[3]);
    assert_eq!(bench.step(&mut late), [3]);
}
