//! Looking for personal data where none may be.

use std::{path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// Looks into every file below a folder for words, plain, in base64 and in hexadecimal. `grep` does the looking: a test
/// build would take a minute for segments that are reserved in advance.
pub fn assert_planted_nowhere(folder: &Path, planted: &[String]) {
    let mut grep = Command::new("grep");
    grep.env("LC_ALL", "C").args(["-raioF"]);
    for word in planted {
        grep.args(["-e", word, "-e", &hex::encode(word)]);
        for shift in 0..3 {
            // Whatever stands before it, these characters of its base64 form do not depend on.
            let padded: Vec<u8> = std::iter::repeat_n(b'x', shift).chain(word.bytes()).collect();
            let text = STANDARD_NO_PAD.encode(padded);
            grep.args(["-e", &text[[0, 2, 3][shift]..text.len() - 2]]);
        }
    }
    if planted.is_empty() {
        return;
    }
    let found = grep.arg(folder).output().unwrap();
    let said = String::from_utf8_lossy(&found.stdout);
    assert_eq!(
        found.status.code(),
        Some(1),
        "personal data in a file: {said}{}",
        String::from_utf8_lossy(&found.stderr)
    );
}
