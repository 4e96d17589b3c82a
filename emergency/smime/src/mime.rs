//! Header and body of a mail, as bytes. Signatures are over bytes: nothing here rewrites any.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, BufRead, Read as _},
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mail_parser::{HeaderName, HeaderValue, Message, MessageParser, MimeHeaders as _};

use crate::ber::Fault;

/// Longest header that is read, in bytes. Ten thousand addresses in `To` fit.
pub(crate) const HEADER_BYTES_MAX: usize = 1 << 20;

/// Takes what real encoders write: with or without padding at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    /// 7bit, 8bit, binary: as it is.
    Plain,
    Base64,
    /// Anything else; KIM's S/MIME has no use for it.
    Other,
}

/// What kind of S/MIME a header announces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `application/pkcs7-mime` with `smime-type=authenticated-enveloped-data`, or without a type.
    Enveloped,
    /// `smime-type=signed-data`.
    Signed,
    /// Another S/MIME type.
    OtherSmime,
    /// `message/rfc822`.
    Mail,
    /// Not S/MIME.
    Other,
}

/// The header of a mail or part, read.
pub(crate) struct Header<'a> {
    message: Message<'a>,
}

impl<'a> Header<'a> {
    /// Reads header lines; none if there are none.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        MessageParser::new()
            .with_mime_headers()
            .with_address_headers()
            .with_date_headers()
            .with_message_ids()
            .parse_headers(bytes)
            .map(|message| Self { message })
    }

    pub(crate) fn kind(&self) -> Kind {
        let Some(content_type) = self.message.content_type() else {
            return Kind::Other;
        };
        let subtype = content_type.subtype().unwrap_or_default();
        let is = |wanted: (&str, &str)| {
            content_type.ctype().eq_ignore_ascii_case(wanted.0) && subtype.eq_ignore_ascii_case(wanted.1)
        };
        if is(("message", "rfc822")) {
            return Kind::Mail;
        }
        if !is(("application", "pkcs7-mime")) && !is(("application", "x-pkcs7-mime")) {
            return Kind::Other;
        }
        match content_type.attribute("smime-type") {
            None => Kind::Enveloped,
            Some(kind) if kind.eq_ignore_ascii_case("authenticated-enveloped-data") => Kind::Enveloped,
            Some(kind) if kind.eq_ignore_ascii_case("signed-data") => Kind::Signed,
            Some(_) => Kind::OtherSmime,
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self.message.content_transfer_encoding().map(str::trim) {
            None => Encoding::Plain,
            Some(word) if word.eq_ignore_ascii_case("base64") => Encoding::Base64,
            Some(word)
                if ["7bit", "8bit", "binary"]
                    .iter()
                    .any(|known| word.eq_ignore_ascii_case(known)) =>
            {
                Encoding::Plain
            }
            Some(_) => Encoding::Other,
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.message
            .headers_raw()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Every address of a field, in lower case, whatever their order and names.
    fn addresses(&self, name: &HeaderName<'_>) -> BTreeSet<String> {
        self.message
            .headers()
            .iter()
            .filter(|header| header.name == *name)
            .filter_map(|header| {
                if let HeaderValue::Address(addresses) = &header.value {
                    Some(addresses)
                } else {
                    None
                }
            })
            .flat_map(|addresses| addresses.iter())
            .filter_map(|address| address.address.as_ref())
            .map(|address| address.to_ascii_lowercase())
            .collect()
    }

    /// The addresses of `From`.
    pub(crate) fn from(&self) -> BTreeSet<String> {
        self.addresses(&HeaderName::From)
    }

    fn moment(&self) -> Option<i64> {
        self.message.date().map(mail_parser::DateTime::to_timestamp)
    }

    fn message_id(&self) -> Option<&str> {
        self.message.message_id()
    }

    /// Mandatory fields that are missing.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.moment().is_none() {
            missing.push("Date");
        }
        if self.from().is_empty() {
            missing.push("From");
        }
        if self.message_id().is_none() {
            missing.push("Message-ID");
        }
        missing
    }

    /// Fields that say something else here than inside. Compared is what they mean: instants, sets of addresses.
    /// `Bcc` may be missing outside, since mail servers on the way remove it (our reading, ?).
    pub(crate) fn differs(&self, inner: &Header<'_>) -> Vec<&'static str> {
        let mut names = Vec::new();
        if self.moment() != inner.moment() {
            names.push("Date");
        }
        for (name, label) in [
            (HeaderName::From, "From"),
            (HeaderName::Sender, "Sender"),
            (HeaderName::ReplyTo, "Reply-To"),
            (HeaderName::To, "To"),
            (HeaderName::Cc, "Cc"),
            (HeaderName::Bcc, "Bcc"),
        ] {
            let (outside, inside) = (self.addresses(&name), inner.addresses(&name));
            if outside != inside && !(name == HeaderName::Bcc && outside.is_empty()) {
                names.push(label);
            }
        }
        if self.message_id() != inner.message_id() {
            names.push("Message-ID");
        }
        names
    }
}

/// Where the body begins: behind the first empty line. None if there is no empty line.
pub(crate) fn body_at(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in bytes.split_inclusive(|octet| *octet == b'\n') {
        at += line.len();
        if at > HEADER_BYTES_MAX {
            return None;
        }
        if line == b"\r\n" || line == b"\n" {
            return Some(at);
        }
    }
    None
}

/// Header lines as they stand there, folded ones whole, with their names.
pub(crate) fn fields(header: &[u8]) -> Vec<(Cow<'_, str>, &[u8])> {
    let mut fields: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for line in header.split_inclusive(|octet| *octet == b'\n') {
        let end = at + line.len();
        if line == b"\r\n" || line == b"\n" {
            break;
        }
        match (line.first(), fields.last_mut()) {
            (Some(b' ' | b'\t'), Some(last)) => last.1 = end,
            (_, _) => fields.push((at, end)),
        }
        at = end;
    }
    fields
        .into_iter()
        .filter_map(|(from, to)| {
            let bytes = header.get(from..to)?;
            let colon = bytes.iter().position(|octet| *octet == b':')?;
            Some((String::from_utf8_lossy(bytes.get(..colon)?.trim_ascii()), bytes))
        })
        .collect()
}

/// Reads up to and with the first empty line. None if the header is longer than any real one.
pub(crate) fn read_header(mail: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut header = Vec::new();
    loop {
        let before = header.len();
        let room = HEADER_BYTES_MAX - before;
        mail.take(room as u64).read_until(b'\n', &mut header)?;
        match header.get(before..).unwrap_or_default() {
            [] if room == 0 => return Ok(None),
            [] | b"\n" | b"\r\n" => return Ok(Some(header)),
            _ => {}
        }
    }
}

/// Reads a body into memory, as it is or out of base64; at most `bytes_max` come to lie there.
pub(crate) fn read_body(
    mail: &mut impl BufRead,
    encoding: Encoding,
    bytes_max: usize,
) -> io::Result<Result<Vec<u8>, Fault>> {
    let mut out = Vec::new();
    match encoding {
        Encoding::Other => return Ok(Err(Fault::Expected("Content-Transfer-Encoding base64"))),
        Encoding::Plain => {
            mail.take(bytes_max as u64 + 1).read_to_end(&mut out)?;
        }
        Encoding::Base64 => {
            if let Err(fault) = read_base64(mail, bytes_max, &mut out)? {
                return Ok(Err(fault));
            }
        }
    }
    if out.len() > bytes_max {
        return Ok(Err(Fault::TooLarge("Mail")));
    }
    Ok(Ok(out))
}

/// Reads base64 until the end of the mail, or until more than `bytes_max` have come out.
fn read_base64(
    mail: &mut impl BufRead,
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> io::Result<Result<(), Fault>> {
    let mut letters: Vec<u8> = Vec::with_capacity(96 * 1024);
    let mut ended = false;
    loop {
        let read = mail.fill_buf()?;
        let length = read.len();
        // Line ends are what nearly every mail has; other white space is sorted out only if there is some.
        let before = letters.len();
        let mut rest = read;
        while let Some((line, after)) =
            memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at + 1))
        {
            letters.extend_from_slice(line.trim_ascii_end());
            rest = after;
        }
        letters.extend_from_slice(rest.trim_ascii_end());
        if memchr::memchr3(b' ', b'\t', b'\r', letters.get(before..).unwrap_or_default()).is_some() {
            letters.retain(|octet| !octet.is_ascii_whitespace());
        }
        mail.consume(length);
        let last = length == 0;
        let whole = if last { letters.len() } else { letters.len() & !3 };
        let ready = letters.get(..whole).unwrap_or_default();
        if ended && !ready.is_empty() {
            return Ok(Err(Fault::Trailing("base64")));
        }
        if BASE64.decode_vec(ready, out).is_err() {
            return Ok(Err(Fault::Expected("base64")));
        }
        ended |= ready.ends_with(b"=");
        letters.drain(..whole);
        if last || out.len() > bytes_max {
            return Ok(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    #[test]
    fn base64_is_read_whatever_the_buffer_and_the_lines() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let text = BASE64.encode(&bytes);
        for (line_end, width, buffer) in [
            ("\r\n", 76, 7),
            ("\n", 1, 3),
            (" \t\r\n", 64, 1 << 16),
            ("\r\n\r\n", 11, 100),
            ("\r", 5, 64),
        ] {
            let lines: Vec<u8> = text
                .as_bytes()
                .chunks(width)
                .collect::<Vec<_>>()
                .join(line_end.as_bytes());
            let mut reader = BufReader::with_capacity(buffer, lines.as_slice());
            let read = read_body(&mut reader, Encoding::Base64, 10_000).unwrap();
            assert_eq!(read.unwrap(), bytes);
        }
        for (wrong, fault) in [
            (&b"AAAA*AAA"[..], Fault::Expected("base64")),
            (b"AA==\r\nAAAA", Fault::Trailing("base64")),
            (b"A", Fault::Expected("base64")),
        ] {
            let mut reader = BufReader::with_capacity(4, wrong);
            let read = read_body(&mut reader, Encoding::Base64, 100).unwrap();
            assert!(
                matches!(read, Err(found) if found == fault || found == Fault::Expected("base64")),
                "{read:?}"
            );
        }
        let mut long = BufReader::new(io::repeat(b'A'));
        assert_eq!(
            read_body(&mut long, Encoding::Base64, 1_000_000).unwrap(),
            Err(Fault::TooLarge("Mail"))
        );
    }

    #[test]
    fn a_header_without_end_is_refused() {
        assert_eq!(read_header(&mut BufReader::new(io::repeat(b'A'))).unwrap(), None);
        assert_eq!(read_header(&mut BufReader::new(io::repeat(b'\t'))).unwrap(), None);
        let mut mail: &[u8] = b"From: a@b\r\n\r\nbody";
        assert_eq!(read_header(&mut mail).unwrap().unwrap(), b"From: a@b\r\n\r\n");
        assert_eq!(mail, b"body");
    }

    #[test]
    fn what_header_fields_mean_is_compared_not_how_they_are_written() {
        let outer = b"Date: Sat, 20 Jun 2020 12:58:26 +0200 (CEST)\r\nFrom: Karl <K@komle.de>\r\nTo: b@x.de,\r\n a@x.de\r\nMessage-ID: <1@x>\r\n\r\n";
        let inner = b"Date: Wed, 20 Jun 2020 10:58:26 +0000\r\nFrom: \"Other\" <k@komle.de>\r\nTo: a@x.de, B@x.de\r\nBcc: c@x.de\r\nMessage-ID: <1@x>\r\n\r\n";
        let (outer, inner) = (Header::read(outer).unwrap(), Header::read(inner).unwrap());
        assert_eq!(outer.differs(&inner), Vec::<&str>::new());
        assert_eq!(inner.differs(&outer), ["Bcc"]);
        let other = b"Date: Sat, 20 Jun 2020 12:58:27 +0200\r\nFrom: k@komle.de\r\nFrom: m@komle.de\r\nReply-To: r@x\r\n\r\n";
        let other = Header::read(other).unwrap();
        assert_eq!(
            outer.differs(&other),
            ["Date", "From", "Reply-To", "To", "Message-ID"]
        );
    }

    #[test]
    fn folded_fields_stay_whole() {
        let header =
            b"Subject: a\r\n b\r\nX-KIM-Dienstkennung : eAU;Lieferung;V1.2\r\nnonsense\r\n\r\nTo: body\r\n";
        let fields = fields(header);
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["Subject", "X-KIM-Dienstkennung"]);
        assert_eq!(fields[0].1, b"Subject: a\r\n b\r\n");
    }
}
