//! A ticket and what a store delivers. `cargo +nightly fuzz run kas`
#![no_main]

use kim::kas::{Receiver, Stores, Ticket};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (json, sealed) = bytes.split_at(bytes.len().min(400));
    if let Ok(ticket) = Ticket::read(json, 1 << 20) {
        assert!(ticket.bytes() <= 1 << 20);
        assert!(Stores::default().admit(ticket.link()).is_err());
        let mut receiver = Receiver::new(&ticket);
        if sealed.chunks(7).try_for_each(|piece| receiver.push(piece)).is_ok() {
            // Nobody finds a tag by chance.
            assert!(receiver.open().is_err());
        }
    }
});
