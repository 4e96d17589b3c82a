//! Any bytes as a barcode and as a typed list.
#![no_main]

use eau::paper::{Key, Paper};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(paper) = Paper::barcode(data) {
        assert!(Key::of(&paper.facts).is_some());
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(papers) = Paper::list(text)
    {
        assert!(papers.iter().all(|paper| Key::of(&paper.facts).is_some()));
    }
});
