//! Takes a message out of the DATA stream: dot-stuffing removed, line ends strict, size bounded.

/// What became of the bytes that were fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fed {
    /// All bytes belong to the message; it goes on.
    All,
    /// The message ended; so many bytes were used.
    Ended(usize),
    /// A CR or LF outside CRLF. The stream cannot be trusted any further: where the message ends depends on who
    /// reads it. RFC 5321 section 2.3.8.
    BareNewline,
}

/// Where in a line the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a line.
    Start,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot and a CR at the start of a line.
    DotCr,
    /// Inside a line.
    Inside,
    /// After a CR.
    Cr,
}

/// Reads one message body (RFC 5321 section 4.5.2). Bytes over the bound are counted, not kept.
#[derive(Debug)]
pub struct Body {
    place: Place,
    bytes: u64,
    bytes_max: u64,
}

impl Body {
    /// Begins a message that may have at most `bytes_max` bytes.
    #[must_use]
    pub const fn new(bytes_max: u64) -> Self {
        Self {
            place: Place::Start,
            bytes: 0,
            bytes_max,
        }
    }

    /// Bytes of the message so far, with those over the bound.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the message has grown over the bound.
    #[must_use]
    pub const fn is_oversized(&self) -> bool {
        self.bytes > self.bytes_max
    }

    /// Feeds bytes from the wire; what belongs to the message is appended to `out`.
    pub fn feed(&mut self, wire: &[u8], out: &mut Vec<u8>) -> Fed {
        let mut used = 0;
        while let Some(&byte) = wire.get(used) {
            match (self.place, byte) {
                (Place::Start, b'.') => {
                    self.place = Place::Dot;
                    used += 1;
                }
                (Place::Dot, b'\r') => {
                    self.place = Place::DotCr;
                    used += 1;
                }
                (Place::DotCr, b'\n') => return Fed::Ended(used + 1),
                (Place::DotCr, _) | (Place::Dot | Place::Start | Place::Inside, b'\n') => {
                    return Fed::BareNewline;
                }
                (Place::Cr, b'\n') => {
                    self.keep(b"\r\n", out);
                    self.place = Place::Start;
                    used += 1;
                }
                (Place::Cr, _) => return Fed::BareNewline,
                (Place::Start | Place::Inside, b'\r') => {
                    self.place = Place::Cr;
                    used += 1;
                }
                (Place::Start | Place::Dot | Place::Inside, _) => {
                    let rest = wire.get(used..).unwrap_or_default();
                    let run = lines(rest);
                    if run > 0 {
                        self.keep(rest.get(..run).unwrap_or_default(), out);
                        used += run;
                        self.place = Place::Start;
                        continue;
                    }
                    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    self.keep(rest.get(..end).unwrap_or_default(), out);
                    used += end;
                    self.place = Place::Inside;
                }
            }
        }
        Fed::All
    }

    fn keep(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if !self.is_oversized() {
            out.extend_from_slice(bytes);
        }
    }
}

/// How many bytes at the front are whole CRLF lines, the last of which is not followed by a dot and none of which,
/// after the first, begins with one: they can be kept in one piece.
fn lines(bytes: &[u8]) -> usize {
    let mut whole = 0;
    for at in memchr::memchr2_iter(b'\r', b'\n', bytes) {
        if at < whole {
            continue; // the LF of the pair just taken
        }
        if bytes.get(at..at + 2) != Some(b"\r\n") {
            break;
        }
        whole = at + 2;
        if bytes.get(whole) == Some(&b'.') {
            break;
        }
    }
    whole
}

/// Writes a message as DATA wants it, piece by piece: dots stuffed, an ending CRLF and the final dot at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuffer(After);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Line,
    Cr,
    Other,
}

impl Default for Stuffer {
    fn default() -> Self {
        Self(After::Line)
    }
}

impl Stuffer {
    /// Writes a piece of the message.
    pub fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        match (self.0, rest.first()) {
            (_, None) => return,
            (After::Line, Some(b'.')) => out.push(b'.'),
            (After::Cr, Some(b'\n')) if rest.get(1) == Some(&b'.') => {
                out.extend_from_slice(b"\n.");
                rest = rest.get(1..).unwrap_or_default();
            }
            (After::Line | After::Cr | After::Other, Some(_)) => {}
        }
        while let Some(at) = memchr::memmem::find(rest, b"\r\n.") {
            let (head, tail) = rest.split_at(at + 2);
            out.extend_from_slice(head);
            out.push(b'.');
            rest = tail;
        }
        out.extend_from_slice(rest);
        self.0 = match (self.0, piece) {
            (_, [.., b'\r', b'\n']) | (After::Cr, [b'\n']) => After::Line,
            (_, [.., b'\r']) => After::Cr,
            _ => After::Other,
        };
    }

    /// What is missing before the final dot: nothing, or the end of the last line.
    pub fn end(self, out: &mut Vec<u8>) {
        match self.0 {
            After::Line => {}
            After::Cr | After::Other => out.extend_from_slice(b"\r\n"),
        }
    }
}

/// Writes a whole message with its final dot.
pub fn stuff(message: &[u8], out: &mut Vec<u8>) {
    let mut stuffer = Stuffer::default();
    stuffer.write(message, out);
    stuffer.end(out);
    out.extend_from_slice(b".\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> (Vec<u8>, Fed) {
        let (mut body, mut out) = (Body::new(1 << 20), Vec::new());
        for piece in pieces {
            match body.feed(piece, &mut out) {
                Fed::All => {}
                end @ (Fed::Ended(_) | Fed::BareNewline) => return (out, end),
            }
        }
        (out, Fed::All)
    }

    #[test]
    fn dots_are_unstuffed_and_the_end_is_found() {
        assert_eq!(
            read(&[b"hi\r\n..\r\n.a\r\n\r\n.\r\nQUIT"]),
            (b"hi\r\n.\r\na\r\n\r\n".to_vec(), Fed::Ended(17))
        );
        assert_eq!(read(&[b".\r\n"]), (Vec::new(), Fed::Ended(3)));
    }

    #[test]
    fn every_smuggling_form_is_refused() {
        for smuggled in [
            &b"a\n.\r\n"[..],
            b"a\n.\n",
            b"a\r.\r\n",
            b"a\r\n.\n",
            b"a\r\n.\r\r\n",
            b"a\r\n\r.\r\n",
            b"\n",
            b"a\r\n.\rb",
        ] {
            assert_eq!(read(&[smuggled]).1, Fed::BareNewline, "{smuggled:?}");
        }
    }

    #[test]
    fn oversize_is_counted_but_not_kept() {
        let (mut body, mut out) = (Body::new(10), Vec::new());
        assert_eq!(body.feed(b"0123456789012345\r\n.\r\n", &mut out), Fed::Ended(21));
        assert!(body.is_oversized() && out.len() <= 10);
        assert_eq!(body.bytes(), 18);
    }

    proptest! {
        #[test]
        fn what_is_stuffed_is_read_back_however_it_is_cut(
            lines in prop::collection::vec("[.a ]{0,6}", 0..12), at in 0usize..90, tail in "[a.]{0,4}",
        ) {
            let mut message = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect::<Vec<_>>();
            message.extend_from_slice(if tail.is_empty() { b"" } else { b"x\r\n" });
            let (mut wire, mut stuffer) = (Vec::new(), Stuffer::default());
            let (one, two) = message.split_at(at.min(message.len()));
            stuffer.write(one, &mut wire);
            stuffer.write(two, &mut wire);
            stuffer.end(&mut wire);
            wire.extend_from_slice(b".\r\n");
            let end = wire.len();
            wire.extend_from_slice(b"QUIT\r\n");
            let at = at.min(end);
            let (head, rest) = wire.split_at(at);
            let (mut body, mut out) = (Body::new(1 << 20), Vec::new());
            let fed = match body.feed(head, &mut out) {
                Fed::All => match body.feed(rest, &mut out) { Fed::Ended(used) => at + used, other @ (Fed::All | Fed::BareNewline) => panic!("{other:?}") },
                Fed::Ended(used) => used,
                Fed::BareNewline => panic!("clean input"),
            };
            prop_assert_eq!(fed, end);
            prop_assert_eq!(out, message);
        }
    }
}
