//! A decrypted mail: header, parts, findings. `cargo +nightly fuzz run mail`
#![no_main]

use kim::{
    header::{Header, compare, end},
    mime::{Limits, Mail, examine},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let cut = end(bytes).unwrap_or(bytes.len());
    let outer = Header::read(&bytes[..cut]);
    if let Ok(mail) = Mail::read(bytes, &Limits::default()) {
        assert!(mail.parts.len() <= Limits::default().parts_max + 1);
        let examined = examine(&mail);
        assert!(examined.findings.len() <= 12);
        if let Ok(outer) = outer {
            assert_eq!(compare(&outer, &mail.header), Ok(()));
        }
    }
});
