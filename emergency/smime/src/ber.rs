//! Elements of ASN.1 in BER and DER, read as views into foreign bytes.
//!
//! KIM's senders write BER with indefinite lengths and octet strings in pieces of 1,000 bytes, around mails of many
//! megabytes. So this reader copies nothing and recurses nowhere: it gives views, offsets, and the pieces of a string
//! one after another. What it does not need, it refuses: tag numbers above 30, lengths of more than four octets.

use std::ops::Range;

/// Deepest nesting of indefinite lengths that is followed. A KIM mail needs six.
const DEPTH_MAX: usize = 24;
/// Deepest nesting of an octet string in pieces. Real senders use one level.
const PIECES_DEPTH_MAX: usize = 4;

/// The bit of an identifier octet that says "contains elements".
pub(crate) const CONSTRUCTED: u8 = 0x20;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The identifier octet of a context-specific constructed element `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The identifier octet of a context-specific primitive element `[number]`.
pub(crate) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// Why bytes are not the ASN.1 they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// An element says it is longer than what is there.
    #[error("Daten enden mitten in einem Element / the bytes end inside an element")]
    Truncated,
    /// A tag or length is written in a form nobody needs.
    #[error("Kennung oder Länge in unzulässiger Form / a tag or a length in a form that is not allowed")]
    Form,
    /// Elements are nested deeper than any real message.
    #[error("zu tief verschachtelt / nested too deeply")]
    Depth,
    /// Something follows where nothing may follow.
    #[error("überzählige Daten nach {0} / bytes left over after {0}")]
    Trailing(&'static str),
    /// Something else stands where this should be.
    #[error("{0} erwartet / expected {0}")]
    Expected(&'static str),
    /// Binary data whose line ends somebody converted on the way: every CR has its LF. That cannot be undone.
    #[error(
        "binäre Daten wurden unterwegs wie Text behandelt (Zeilenenden verändert) / binary data was treated as text on the way (line ends changed)"
    )]
    LineEnds,
    /// More of something than any real message has.
    #[error("zu groß: {0} / too large: {0}")]
    TooLarge(&'static str),
}

/// One element: what it is, its bytes, and where its content begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// The identifier octet: class, whether constructed, number.
    pub(crate) tag: u8,
    /// All its bytes as they stand there.
    pub(crate) whole: &'a [u8],
    /// Its content, without the two octets that end an indefinite length.
    pub(crate) content: &'a [u8],
    /// Offset of the content in what the outermost reader was given.
    pub(crate) at: usize,
}

impl<'a> Element<'a> {
    /// Reads the elements inside.
    pub(crate) const fn reader(&self) -> Reader<'a> {
        Reader {
            rest: self.content,
            at: self.at,
        }
    }
}

/// Reads elements one after another.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// The next element; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let header = Header::read(self.rest)?;
        if header.tag == 0 {
            return Err(Fault::Form); // the end of an indefinite length that never began
        }
        let body = self.rest.get(header.size..).ok_or(Fault::Truncated)?;
        let (length, end) = match header.length {
            Some(length) => (length, 0),
            None => (indefinite(body)?, 2),
        };
        let content = body.get(..length).ok_or(Fault::Truncated)?;
        let (whole, rest) = self
            .rest
            .split_at_checked(header.size + length + end)
            .ok_or(Fault::Truncated)?;
        let at = self.at + header.size;
        self.at += whole.len();
        self.rest = rest;
        Ok(Some(Element {
            tag: header.tag,
            whole,
            content,
            at,
        }))
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self, what: &'static str) -> Result<Element<'a>, Fault> {
        self.next()?.ok_or(Fault::Expected(what))
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8, what: &'static str) -> Result<Element<'a>, Fault> {
        let element = self.any(what)?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(Fault::Expected(what))
        }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Fault> {
        if self.rest.first() == Some(&tag) {
            self.next()
        } else {
            Ok(None)
        }
    }

    /// Nothing may be left.
    pub(crate) const fn end(&self, what: &'static str) -> Result<(), Fault> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Fault::Trailing(what))
        }
    }
}

/// The only element in these bytes.
pub(crate) fn single<'a>(bytes: &'a [u8], tag: u8, what: &'static str) -> Result<Element<'a>, Fault> {
    let mut reader = Reader::new(bytes);
    let element = reader.expect(tag, what)?;
    reader.end(what)?;
    Ok(element)
}

/// Identifier and length octets.
struct Header {
    tag: u8,
    size: usize,
    /// None: indefinite.
    length: Option<usize>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let (&tag, rest) = bytes.split_first().ok_or(Fault::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(Fault::Form);
        }
        let (&first, rest) = rest.split_first().ok_or(Fault::Truncated)?;
        let (size, length) = match first {
            0..=0x7f => (2, Some(usize::from(first))),
            0x80 if tag & CONSTRUCTED != 0 => (2, None),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let octets = rest.get(..count).ok_or(Fault::Truncated)?;
                let length = octets
                    .iter()
                    .fold(0_usize, |length, octet| (length << 8) | usize::from(*octet));
                (2 + count, Some(length))
            }
            0x80 | 0x85..=0xff => return Err(Fault::Form),
        };
        Ok(Self { tag, size, length })
    }
}

/// The length of a content that ends with two zero octets, found without recursion.
fn indefinite(bytes: &[u8]) -> Result<usize, Fault> {
    let (mut at, mut open) = (0_usize, 1_usize);
    loop {
        let header = Header::read(bytes.get(at..).ok_or(Fault::Truncated)?)?;
        at = at.checked_add(header.size).ok_or(Fault::Truncated)?;
        match (header.tag, header.length) {
            (0, Some(0)) => {
                open -= 1;
                if open == 0 {
                    return Ok(at - header.size);
                }
            }
            (0, Some(_) | None) => return Err(Fault::Form),
            (_, Some(length)) => at = at.checked_add(length).ok_or(Fault::Truncated)?,
            (_, None) => {
                open += 1;
                if open > DEPTH_MAX {
                    return Err(Fault::Depth);
                }
            }
        }
    }
}

/// The pieces of an octet string, however it is written. Holds offsets only, so that the bytes may change behind it.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    at: usize,
    /// A string in one piece, not yet given out.
    single: Option<Range<usize>>,
    /// Where each open level ends; none for an indefinite one. The last is the innermost.
    open: Vec<Option<usize>>,
}

impl Pieces {
    /// The pieces of `element`: an octet string, or a context-specific element that stands for one.
    pub(crate) fn of(element: &Element<'_>) -> Self {
        let range = element.at..element.at + element.content.len();
        if element.tag & CONSTRUCTED == 0 {
            Self {
                at: range.start,
                single: Some(range),
                open: Vec::new(),
            }
        } else {
            Self {
                at: range.start,
                single: None,
                open: vec![Some(range.end)],
            }
        }
    }

    /// The next piece as a range of `bytes`, which must be what the outermost reader was given.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Option<Range<usize>>, Fault> {
        if let Some(range) = self.single.take() {
            return Ok(Some(range));
        }
        loop {
            let Some(level) = self.open.last().copied() else {
                return Ok(None);
            };
            if level == Some(self.at) {
                self.open.pop();
                continue;
            }
            let header = Header::read(bytes.get(self.at..).ok_or(Fault::Truncated)?)?;
            self.at += header.size;
            match (header.tag, header.length) {
                (0, Some(0)) if level.is_none() => {
                    self.open.pop();
                }
                (OCTET_STRING, Some(length)) => {
                    let range = self.at..self.within(length)?;
                    self.at = range.end;
                    return Ok(Some(range));
                }
                (tag, length) if tag == OCTET_STRING | CONSTRUCTED => {
                    if self.open.len() >= PIECES_DEPTH_MAX {
                        return Err(Fault::Depth);
                    }
                    let end = length.map(|length| self.within(length)).transpose()?;
                    self.open.push(end);
                }
                (_, _) => return Err(Fault::Expected("OCTET STRING")),
            }
        }
    }

    /// Where `length` octets from here end, which must be inside every level that is open.
    fn within(&self, length: usize) -> Result<usize, Fault> {
        let end = self.at.checked_add(length).ok_or(Fault::Truncated)?;
        if self.open.iter().flatten().any(|limit| end > *limit) {
            return Err(Fault::Truncated);
        }
        Ok(end)
    }
}

/// Moves the pieces of a string together, inside the buffer they lie in, and says where the string is now.
/// What follows the string in the buffer stays where it was.
pub(crate) fn gather(bytes: &mut [u8], mut pieces: Pieces) -> Result<Range<usize>, Fault> {
    let mut string: Option<Range<usize>> = None;
    while let Some(piece) = pieces.next(bytes)? {
        let length = piece.len();
        if bytes.get(piece.clone()).is_none() {
            return Err(Fault::Truncated);
        }
        match &mut string {
            None => string = Some(piece),
            Some(string) => {
                bytes.copy_within(piece, string.end); // a piece lies behind its header: it only ever moves forward
                string.end += length;
            }
        }
    }
    Ok(string.unwrap_or(pieces.at..pieces.at))
}

/// The same element with definite, shortest lengths and octet strings in one piece: what signatures are made over.
pub(crate) fn definite(whole: &[u8], what: &'static str, bytes_max: usize) -> Result<Vec<u8>, Fault> {
    if whole.len() > bytes_max {
        return Err(Fault::TooLarge(what));
    }
    let mut reader = Reader::new(whole);
    let element = reader.any(what)?;
    reader.end(what)?;
    let mut out = Vec::with_capacity(whole.len());
    rewrite(&element, &mut out, 0)?;
    Ok(out)
}

fn rewrite(element: &Element<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return Err(Fault::Depth);
    }
    if element.tag & CONSTRUCTED == 0 {
        crate::der::write(out, element.tag, element.content);
        return Ok(());
    }
    let mut inner = Vec::with_capacity(element.content.len());
    if element.tag == OCTET_STRING | CONSTRUCTED {
        let local = Element { at: 0, ..*element };
        let mut pieces = Pieces::of(&local);
        while let Some(piece) = pieces.next(element.content)? {
            inner.extend_from_slice(element.content.get(piece).ok_or(Fault::Truncated)?);
        }
        crate::der::write(out, OCTET_STRING, &inner);
        return Ok(());
    }
    let mut reader = element.reader();
    while let Some(child) = reader.next()? {
        rewrite(&child, &mut inner, depth + 1)?;
    }
    crate::der::write(out, element.tag, &inner);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_string_in_pieces_becomes_one_where_it_lies() {
        // [0] { 04 02 'ab', 24 80 { 04 01 'c', 24 03 { 04 01 'd' } } 00 00, 04 00 }, then something else
        let mut bytes = vec![
            0xa0, 0x80, 4, 2, b'a', b'b', 0x24, 0x80, 4, 1, b'c', 0x24, 3, 4, 1, b'd', 0, 0, 4, 0, 0, 0,
        ];
        bytes.extend([0x04, 1, b'x']);
        let mut reader = Reader::new(&bytes);
        let element = reader.expect(context(0), "string").unwrap();
        let pieces = Pieces::of(&element);
        assert_eq!(reader.expect(OCTET_STRING, "rest").unwrap().content, b"x");
        let range = gather(&mut bytes, pieces).unwrap();
        assert_eq!(&bytes[range], b"abcd");
        assert_eq!(&bytes[bytes.len() - 3..], [0x04, 1, b'x']);
    }

    #[test]
    fn bombs_are_refused() {
        let nested: Vec<u8> = [0x30, 0x80].repeat(100_000);
        assert_eq!(Reader::new(&nested).next().unwrap_err(), Fault::Depth);
        let strings: Vec<u8> = [0x24, 0x82, 0xff, 0xff]
            .repeat(10)
            .into_iter()
            .chain([0; 70_000])
            .collect();
        let element = Reader::new(&strings).next().unwrap().unwrap();
        let mut pieces = Pieces::of(&element);
        assert!(pieces.next(&strings).is_err());
        for bytes in [
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..],
            &[0x30, 0x85, 1, 0, 0, 0, 0],
            &[0x04, 0x80, 0, 0],
            &[0x1f, 0x81, 0x00, 0x00],
            &[0x00, 0x00],
            &[0x30, 0x80, 0x00, 0x01, 0x00],
        ] {
            assert!(Reader::new(bytes).next().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn deep_definite_nesting_is_not_followed() {
        let mut bytes = vec![4, 1, b'x'];
        for _ in 0..40 {
            let mut outer = Vec::new();
            crate::der::write(&mut outer, SEQUENCE, &bytes);
            bytes = outer;
        }
        assert_eq!(definite(&bytes, "x", 1 << 20).unwrap_err(), Fault::Depth);
    }

    /// One random tree, written twice: as DER, and with indefinite lengths and pieces wherever a coin says so.
    fn tree() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let leaf = (proptest::collection::vec(any::<u8>(), 0..40), 0_usize..10).prop_map(|(bytes, cut)| {
            let mut plain = Vec::new();
            crate::der::write(&mut plain, OCTET_STRING, &bytes);
            let mut pieces = vec![0x24, 0x80];
            let (front, back) = bytes.split_at(cut.min(bytes.len()));
            crate::der::write(&mut pieces, OCTET_STRING, front);
            crate::der::write(&mut pieces, OCTET_STRING, back);
            pieces.extend([0, 0]);
            (plain, pieces)
        });
        leaf.prop_recursive(5, 40, 5, |inner| {
            proptest::collection::vec(inner, 0..5).prop_map(|children| {
                let (plain, loose): (Vec<_>, Vec<_>) = children.into_iter().unzip();
                let mut der = Vec::new();
                crate::der::write(&mut der, SEQUENCE, &plain.concat());
                let mut ber = vec![0x30, 0x80];
                ber.extend(loose.concat());
                ber.extend([0, 0]);
                (der, ber)
            })
        })
    }

    proptest! {
        #[test]
        fn both_ways_of_writing_a_tree_mean_the_same((der, ber) in tree()) {
            prop_assert_eq!(definite(&ber, "tree", 1 << 20).unwrap(), der.clone());
            prop_assert_eq!(definite(&der, "tree", 1 << 20).unwrap(), der);
        }

        #[test]
        fn random_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(Some(element)) = reader.next() {
                let mut pieces = Pieces::of(&element);
                while let Ok(Some(piece)) = pieces.next(&bytes) {
                    prop_assert!(piece.end <= bytes.len());
                }
                let _ = definite(element.whole, "x", 1 << 20);
            }
        }
    }
}
