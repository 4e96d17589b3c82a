//! The backlog as it is watched agrees with the certificate, whatever items went through.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{About, Figures, Spool, WhyParked};

const CELLS: [&str; 2] = ["kasse-001/kim", "kasse-002/kim"];

/// Every cell's figures are those of its certificate.
fn assert_agrees(spool: &Spool) {
    let figures = spool.figures().unwrap();
    for name in CELLS {
        let about = About {
            cell: Some(cell(name)),
            ..About::default()
        };
        let certificate = spool.certificate(about, NOW).unwrap();
        let counted = figures.get(&cell(name)).copied().unwrap_or_default();
        assert_eq!(
            (
                counted.held,
                counted.in_doubt,
                counted.handed_over,
                counted.parked
            ),
            (
                certificate.held.count,
                certificate.in_doubt.count,
                certificate.handed_over.count,
                certificate.parked.count
            ),
            "{name}"
        );
    }
}

#[test]
fn figures_agree_with_the_certificate_in_every_state_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(config(dir.path()));
    for insurer in ["kasse-001", "kasse-002"] {
        Insurer::new(insurer).enrol(&spool);
    }
    assert_eq!(spool.figures().unwrap(), Default::default());
    for number in 0..5 {
        put(&spool, CELLS[0], &format!("s{number}"), number);
    }
    put(&spool, CELLS[1], "s", 9);
    assert_agrees(&spool);
    hand_over(&spool, &take(&spool, CELLS[0]).unwrap());
    let parked = take(&spool, CELLS[0]).unwrap();
    spool.begin(parked.id(), parked.attempt(), NOW).wait().unwrap();
    spool
        .park(parked.id(), WhyParked::Refused(554), NOW)
        .wait()
        .unwrap();
    let doubted = take(&spool, CELLS[0]).unwrap();
    spool.begin(doubted.id(), doubted.attempt(), NOW).wait().unwrap();
    let expected = Figures {
        held: 2,
        in_doubt: 1,
        handed_over: 1,
        parked: 1,
        oldest: Some(NOW),
    };
    assert_eq!(spool.figures().unwrap()[&cell(CELLS[0])], expected);
    assert_agrees(&spool);
    let states = spool.states_after(None, 100).unwrap();
    assert_eq!(states.len(), 6);
    for (item, state) in &states {
        assert_eq!(spool.state_of(*item).unwrap().0, *state);
    }
    assert_eq!(spool.states_after(Some(states[3].0), 1).unwrap(), [states[4]]);
    drop(spool);
    let (spool, _) = open(config(dir.path()));
    assert_eq!(spool.figures().unwrap()[&cell(CELLS[0])], expected);
    assert_agrees(&spool);
}
