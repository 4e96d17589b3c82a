//! Whole mails out of any bytes, with a key that opens whatever names its certificate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::{Checks, Outcome, TrustStore};
use vocabulary::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let trust = TrustStore::default();
    let checks = Checks {
        trust: &trust,
        received: Timestamp(1_795_305_600),
    };
    let outcome = smime::open(bytes, &[], &checks).expect("memory can be read");
    assert!(!matches!(outcome, Outcome::Opened(_)), "opened without a key");
});
