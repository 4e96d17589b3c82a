//! Signed documents, certificates, revocation lists and answers out of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::{Certificate, Checks, TrustStore};
use vocabulary::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let mut trust = TrustStore::default();
    if let Ok(certificates) = Certificate::from_file(bytes) {
        for certificate in certificates {
            let _ = trust.trust(certificate);
        }
    }
    let _ = trust.add_list(bytes);
    let _ = trust.add_answer(bytes);
    let checks = Checks {
        trust: &trust,
        received: Timestamp(1_795_305_600),
    };
    if let Ok(document) = smime::verify(bytes, &checks) {
        assert!(!document.findings.is_empty(), "nobody we trust signed this");
        assert!(document.content.len() <= bytes.len());
    }
});
