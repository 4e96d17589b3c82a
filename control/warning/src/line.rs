//! Lines out of bytes that arrive in any pieces, from a growing file or a socket. It reads nothing itself.

use crate::import::LINE_BYTES_MAX;

/// What was found between two line ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line<'a> {
    /// A line without its end (`\n` or `\r\n`); never empty.
    Whole(&'a [u8]),
    /// A line longer than [`LINE_BYTES_MAX`]; it was passed over.
    TooLong {
        /// Its length, without the line end.
        bytes: u64,
    },
    /// What was left when the bytes ended without a line end.
    Unfinished(&'a [u8]),
}

/// Cuts bytes into lines. Holds at most [`LINE_BYTES_MAX`] bytes, whatever is fed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LineReader {
    /// The line begun so far; cleared when it grew too long.
    begun: Vec<u8>,
    /// Bytes of the line begun so far, also those that were not kept.
    length: u64,
    /// Bytes seen up to and including the last line end.
    whole: u64,
    /// Bytes seen.
    fed: u64,
}

impl LineReader {
    /// Begins at the beginning of a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were fed up to the last line end: where a tail may begin again after a restart without losing
    /// or repeating a line.
    #[must_use]
    pub const fn whole_until(&self) -> u64 {
        self.whole
    }

    /// Takes the next bytes and gives every line that ends in them.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (piece, after) = rest.split_at(at);
            self.fed = self.fed.saturating_add(len(piece)).saturating_add(1);
            self.whole = self.fed;
            if self.begun.is_empty() && self.length == 0 {
                // Nothing is kept from before: no copy.
                give(piece, len(piece), &mut each);
            } else {
                self.keep(piece);
                give(&self.begun, self.length, &mut each);
                self.forget();
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.fed = self.fed.saturating_add(len(rest));
        self.keep(rest);
    }

    /// The bytes have ended (a socket was closed): what is left, if anything, is given as unfinished. Not for a file
    /// that may still grow.
    pub fn end(&mut self, mut each: impl FnMut(Line<'_>)) {
        if self.length > len(&self.begun) {
            each(Line::TooLong { bytes: self.length });
        } else if !self.begun.is_empty() {
            each(Line::Unfinished(&self.begun));
        }
        self.forget();
    }

    fn keep(&mut self, piece: &[u8]) {
        let kept_all = self.length == len(&self.begun);
        self.length = self.length.saturating_add(len(piece));
        // One byte more than a line may have: the `\r` of a line of exactly the longest length.
        if kept_all && self.length <= LINE_BYTES_MAX as u64 + 1 {
            self.begun.extend_from_slice(piece);
        } else {
            self.begun = Vec::new();
        }
    }

    fn forget(&mut self) {
        self.begun.clear();
        self.length = 0;
    }
}

fn give(line: &[u8], length: u64, each: &mut impl FnMut(Line<'_>)) {
    if length > len(line) {
        each(Line::TooLong { bytes: length });
        return;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LINE_BYTES_MAX {
        each(Line::TooLong { bytes: len(line) });
    } else if !line.is_empty() {
        each(Line::Whole(line));
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]], ended: bool) -> Vec<(String, Vec<u8>)> {
        let mut reader = LineReader::new();
        let mut out = Vec::new();
        let mut each = |line: Line<'_>| {
            out.push(match line {
                Line::Whole(bytes) => ("whole".into(), bytes.to_vec()),
                Line::TooLong { bytes } => (format!("long {bytes}"), vec![]),
                Line::Unfinished(bytes) => ("unfinished".into(), bytes.to_vec()),
            });
        };
        for piece in pieces {
            reader.feed(piece, &mut each);
        }
        if ended {
            reader.end(&mut each);
        }
        out
    }

    #[test]
    fn lines_end_in_lf_or_crlf_and_may_come_in_pieces() {
        let whole = |text: &str| ("whole".to_owned(), text.as_bytes().to_vec());
        assert_eq!(
            lines(&[b"a\r\nb", b"c\n\n\r\nd"], true),
            [whole("a"), whole("bc"), ("unfinished".into(), b"d".to_vec())]
        );
        assert_eq!(lines(&[b"a\r", b"\nb"], false), [whole("a")]);
    }

    #[test]
    fn a_line_that_never_ends_costs_no_memory() {
        let mut reader = LineReader::new();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..64 {
            reader.feed(&piece, |_| panic!("no line has ended"));
        }
        assert!(reader.begun.capacity() <= LINE_BYTES_MAX * 2);
        let mut seen = Vec::new();
        reader.feed(b"\nok\n", |line| {
            seen.push(match line {
                Line::Whole(bytes) => bytes.to_vec(),
                Line::TooLong { bytes } => bytes.to_string().into_bytes(),
                Line::Unfinished(_) => panic!("it has ended"),
            });
        });
        assert_eq!(seen, [(64_u64 << 20).to_string().into_bytes(), b"ok".to_vec()]);
    }

    #[test]
    fn the_longest_line_passes_and_one_byte_more_does_not() {
        for (extra, crlf, passes) in [
            (0, false, true),
            (0, true, true),
            (1, false, false),
            (1, true, false),
        ] {
            let mut bytes = vec![b'x'; LINE_BYTES_MAX + extra];
            bytes.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
            for cut in [1, LINE_BYTES_MAX / 2, bytes.len() - 1] {
                let (a, b) = bytes.split_at(cut);
                let seen = lines(&[a, b], false);
                assert_eq!(seen.len(), 1);
                assert_eq!(
                    seen[0].0 == "whole",
                    passes,
                    "extra {extra}, crlf {crlf}, cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn a_tail_may_begin_again_where_the_last_line_ended() {
        let mut reader = LineReader::new();
        reader.feed(b"abc\r\nde", |_| {});
        assert_eq!(reader.whole_until(), 5);
        reader.feed(b"f\n", |_| {});
        assert_eq!(reader.whole_until(), 9);
    }
}
