//! What hostile mails may cost: the process's own peak, read from the kernel, in a binary of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use kim::mime::{Limits, Mail};

/// The largest memory this process ever had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn filled(head: &str, piece: &str, tail: &str) -> Vec<u8> {
    let room = Limits::default().bytes_max - head.len() - tail.len();
    [head, &piece.repeat(room / piece.len()), tail]
        .concat()
        .into_bytes()
}

#[test]
fn a_hostile_mail_costs_a_few_times_its_size() {
    let limits = Limits::default();
    let multipart = "Message-ID: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    let coded = "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let many_parts = format!(
        "{multipart}{}",
        "--b\r\nA: b\r\n\r\nx\r\n".repeat(limits.parts_max - 1)
    );
    let charset = "Message-ID: <1@x>\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n";
    let encoded_words = format!(
        "Message-ID: <1@x>\r\nSubject: {}\r\n\r\n",
        "=?utf-8?q?=41?= ".repeat(12_000)
    );
    let addresses = format!("{multipart}--b\r\nTo: {}\r\n\r\n", "a@b, ".repeat(200_000));
    for (name, mail) in [
        ("addresses of a part", filled(&addresses, "x\r\n", "--b--\r\n")),
        ("parts without end", filled(multipart, "--b\r\n", "")),
        (
            "fields without end",
            filled("Message-ID: <1@x>\r\n", "A:\r\n", ""),
        ),
        (
            "fields of a part",
            filled(&format!("{multipart}--b\r\n"), "A:\r\n", ""),
        ),
        (
            "mails in mails",
            filled(
                "Message-ID: <1@x>\r\n",
                "Content-Type: message/rfc822\r\n\r\n",
                "",
            ),
        ),
        (
            "as many parts as allowed, then base64",
            filled(&format!("{many_parts}{coded}"), "QUJD\r\n", "--b--\r\n"),
        ),
        ("text of another charset", filled(charset, "\u{e4}", "")),
        (
            "one line",
            filled(&format!("{multipart}--b\r\n\r\n"), "x", "\r\n--b--\r\n"),
        ),
        ("encoded words", filled(&encoded_words, "x\r\n", "")),
        (
            "one long header",
            filled("Message-ID: <1@x>\r\nTo: ", "<a@b.kim.telematik>, ", "\r\n\r\n"),
        ),
    ] {
        let before = peak();
        let read = Mail::read(&mail, &limits);
        let grown = peak() - before;
        assert!(
            grown <= 4 * mail.len(),
            "{name}: {grown} bytes for {} ({:?})",
            mail.len(),
            read.is_ok()
        );
    }
}
