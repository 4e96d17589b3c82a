//! Header fields as bytes: where a header ends, which value a field has, how often it stands.

/// Where the header ends: the number of bytes up to and with the empty line; `None` when there is none in `bytes`.
///
/// Both CRLF and bare LF are known as line ends: a decrypted mail comes as its sender wrote it.
#[must_use]
pub fn end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(length) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        let line = bytes.get(at..at + length).unwrap_or_default();
        at += length + 1;
        if line.is_empty() || line == b"\r" {
            return Some(at);
        }
    }
    None
}

/// The value of the first field of this name as it stands, continuation lines included; nothing behind an empty line.
#[must_use]
pub fn first<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    fields(header)
        .find(|(of, _)| of.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// How often a field stands.
pub(super) fn count(header: &[u8], name: &[u8]) -> usize {
    fields(header)
        .filter(|(of, _)| of.eq_ignore_ascii_case(name))
        .count()
}

/// The value of the first field of this name on one line, trimmed; `None` when it is missing, too long or not UTF-8.
pub(super) fn text(header: &[u8], name: &[u8], bytes_max: usize) -> Option<String> {
    let value = first(header, name).filter(|value| value.len() <= bytes_max.saturating_mul(2))?;
    let line: Vec<u8> = value
        .iter()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .copied()
        .collect();
    let text = String::from_utf8(line).ok()?;
    let text = text.trim();
    (text.len() <= bytes_max).then(|| text.to_owned())
}

/// Every field: name and value.
fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    core::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with(b"\r\n") || rest.starts_with(b"\n") {
            return None;
        }
        let (field, after) = field(rest);
        rest = after;
        Some(field)
    })
    .filter_map(|field| {
        let (name, value) = field.split_at_checked(memchr::memchr(b':', field)?)?;
        Some((name.trim_ascii_end(), value.get(1..)?))
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
