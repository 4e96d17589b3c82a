//! Reads the few outer header fields that routing and the DSN rules need, and nothing behind them.

/// Most bytes of outer header this front looks at; longer ones are refused. KIM headers have a few kilobytes.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;

/// What the outer header says. Texts are unfolded, trimmed and bounded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outer {
    /// `X-KIM-Dienstkennung`, first occurrence.
    pub service_mark: Option<String>,
    /// `Message-ID`, first occurrence. Personal data in a wide sense: never logged.
    pub message_id: Option<String>,
    /// Whether this is a notification itself (`multipart/report`), or says that nobody may answer it.
    pub is_report: bool,
}

impl Outer {
    /// Whether the service mark calls it an error mail (`eAU;Fehler-Kasse;V1.2`, `eEB;Fehler;V1.1`). What the error is
    /// lies inside the encrypted mail.
    #[must_use]
    pub fn is_error_mail(&self) -> bool {
        let kind = self
            .service_mark
            .as_deref()
            .and_then(|mark| mark.split(';').nth(1));
        kind.and_then(|kind| kind.trim().get(..6))
            .is_some_and(|kind| kind.eq_ignore_ascii_case("Fehler"))
    }
}

/// Longest value kept, in bytes. Longer ones are cut: they only serve to compare.
const VALUE_BYTES_MAX: usize = 998;

/// Where the header ends, if it does: the number of bytes up to and with the empty line. `searched` bytes are known
/// to hold no end.
#[must_use]
pub fn end(message: &[u8], searched: usize) -> Option<usize> {
    if message.starts_with(b"\r\n") {
        return Some(2);
    }
    let from = searched.saturating_sub(3);
    let rest = message.get(from..)?;
    memchr::memmem::find(rest, b"\r\n\r\n").map(|at| from + at + 4)
}

/// Reads a header (with or without its empty line).
#[must_use]
pub fn read(header: &[u8]) -> Outer {
    let mut outer = Outer::default();
    let mut rest = header;
    while !rest.is_empty() {
        let (field, after) = field(rest);
        rest = after;
        let Some(colon) = memchr::memchr(b':', field) else {
            continue;
        };
        let (name, value) = field.split_at(colon);
        let name = name.trim_ascii_end();
        if name.eq_ignore_ascii_case(b"X-KIM-Dienstkennung") {
            outer.service_mark.get_or_insert_with(|| unfold(value));
        } else if name.eq_ignore_ascii_case(b"Message-ID") {
            outer.message_id.get_or_insert_with(|| unfold(value));
        } else if name.eq_ignore_ascii_case(b"Content-Type") {
            let value = unfold(value);
            outer.is_report |= value
                .get(..16)
                .is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/report"));
        }
    }
    outer
}

/// The value of the first field of this name as it stands, continuation lines included. Nothing behind an empty line
/// counts, whatever ends it.
#[must_use]
pub fn first<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    each(header, name).next()
}

/// The values of all fields of this name, as [`first`] gives one.
pub fn each<'a, 'n>(header: &'a [u8], name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
    let mut rest = header;
    std::iter::from_fn(move || {
        while !rest.is_empty() && !rest.starts_with(b"\r\n") && !rest.starts_with(b"\n") {
            let (field, after) = field(rest);
            rest = after;
            if let Some((of, value)) = memchr::memchr(b':', field).and_then(|at| field.split_at_checked(at))
                && of.trim_ascii_end().eq_ignore_ascii_case(name)
            {
                return value.get(1..);
            }
        }
        None
    })
}

/// The first field with its continuation lines (RFC 5322 section 2.2.3), and what follows.
fn field(bytes: &[u8]) -> (&[u8], &[u8]) {
    for at in memchr::memchr_iter(b'\n', bytes) {
        if !matches!(bytes.get(at + 1), Some(b' ' | b'\t')) {
            return bytes.split_at(at + 1);
        }
    }
    (bytes, &[])
}

/// The value after the colon on one line.
fn unfold(value: &[u8]) -> String {
    let value = value.strip_prefix(b":").unwrap_or(value);
    let value = value.get(..VALUE_BYTES_MAX).unwrap_or(value);
    let text = value
        .iter()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .copied()
        .collect::<Vec<_>>();
    String::from_utf8_lossy(&text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outer_header_counts() {
        let mail = b"Subject: KOM-LE-Nachricht\r\nX-KIM-Dienstkennung:\r\n eAU;Lieferung;V1.2\r\nmessage-id: <1@x>\r\n\r\n\
                     X-KIM-Dienstkennung: inner\r\n";
        let header = end(mail, 0).unwrap();
        assert!(mail[..header].ends_with(b"<1@x>\r\n\r\n"));
        let outer = read(&mail[..header]);
        assert_eq!(outer.service_mark.as_deref(), Some("eAU;Lieferung;V1.2"));
        assert_eq!(outer.message_id.as_deref(), Some("<1@x>"));
        assert!(!outer.is_report);
    }

    #[test]
    fn reports_are_recognised() {
        assert!(read(b"Content-Type: Multipart/Report;\r\n report-type=delivery-status\r\n").is_report);
        assert!(!read(b"Content-Type: text/plain\r\n").is_report);
    }

    #[test]
    fn error_mails_are_marked_outside() {
        for (mark, is_error) in [
            ("eAU;Fehler-Kasse;V1.2", true),
            ("eEB; fehler;V1.1", true),
            ("eAU;Lieferung;V1.2", false),
            ("Fehler", false),
            ("eAU;Fehlä", false),
        ] {
            let header = format!("X-KIM-Dienstkennung: {mark}\r\n");
            assert_eq!(read(header.as_bytes()).is_error_mail(), is_error, "{mark}");
        }
    }

    #[test]
    fn the_first_of_two_marks_counts() {
        let outer = read(b"X-KIM-Dienstkennung: a\r\nX-KIM-Dienstkennung: b\r\n");
        assert_eq!(outer.service_mark.as_deref(), Some("a"));
    }

    #[test]
    fn the_end_is_found_across_a_cut() {
        let mail = b"A: b\r\n\r\nbody";
        for searched in 0..=6 {
            assert_eq!(end(mail, searched), Some(8), "{searched}");
        }
        assert_eq!(end(b"\r\nbody", 0), Some(2));
        assert_eq!(end(b"A: b\r\n", 0), None);
    }
}
