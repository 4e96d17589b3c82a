//! Cuts a byte stream into CRLF lines, strictly and within a bound.

/// Longest command line in bytes with its CRLF. RFC 5321 section 4.5.3.1.4 asks for 512, RFC 3461 section 5.2 and
/// RFC 4954 section 4 (AUTH, 12,288 bytes) for more.
pub const LINE_BYTES_MAX: usize = 12_288;

/// What stands at the front of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut<'a> {
    /// A whole line, without its CRLF, and how many bytes to consume.
    Line(&'a [u8], usize),
    /// No line end yet.
    More,
    /// A CR or LF that is not part of CRLF. RFC 5321 section 2.3.8 forbids it; servers that disagree about it can be
    /// made to see different messages ("SMTP smuggling").
    BareNewline,
    /// Longer than [`LINE_BYTES_MAX`].
    TooLong,
}

/// Looks for the next line.
#[must_use]
pub fn cut(bytes: &[u8]) -> Cut<'_> {
    let Some(at) = memchr::memchr2(b'\r', b'\n', bytes) else {
        return if bytes.len() >= LINE_BYTES_MAX {
            Cut::TooLong
        } else {
            Cut::More
        };
    };
    if at + 2 > LINE_BYTES_MAX {
        return Cut::TooLong;
    }
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Cut::Line(bytes.get(..at).unwrap_or_default(), at + 2),
        (Some(b'\r'), None) => Cut::More,
        _ => Cut::BareNewline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(cut(b"NOOP\r\nX"), Cut::Line(b"NOOP", 6));
        assert_eq!(cut(b"NOOP\r"), Cut::More);
        assert_eq!(cut(b"NOOP"), Cut::More);
        assert_eq!(cut(b"NOOP\nQUIT\r\n"), Cut::BareNewline);
        assert_eq!(cut(b"NO\rOP\r\n"), Cut::BareNewline);
        assert_eq!(cut(&[b'x'; LINE_BYTES_MAX]), Cut::TooLong);
        assert_eq!(cut(&[b'x'; LINE_BYTES_MAX - 1]), Cut::More);
    }
}
