//! A request for a substitute certificate, and a copy of master data. `cargo +nightly fuzz run eeb`
#![no_main]

use jiff::civil::date;
use kim::{
    eeb::{Asked, Request, Roster, Rules, decide},
    xml::Element,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tree) = Element::read(bytes) {
        // Line ends in values become blanks once; from then on writing and reading are one another.
        let once = Element::read(&tree.document()).unwrap();
        assert_eq!(Element::read(&once.document()), Ok(once));
    }
    let request = Request::read(bytes);
    let roster = Roster::read(bytes).ok();
    let asked = Asked { version: None, request: request.as_ref().map_err(|why| *why) };
    let _ = decide(&asked, roster.as_ref(), date(2026, 11, 22), Rules { copy_days_max: 7 });
});
