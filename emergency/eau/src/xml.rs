//! XML as FHIR writes it, read into a flat tree: bounded, without DTD, entities or other tricks.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    events::{BytesStart, Event, attributes::Attributes},
};

/// Bytes of one document at most. Real sick notes have 20 to 40 KB; the mail rules end at 15 MB.
pub const BYTES_MAX: usize = 1 << 20;
/// Elements inside one another at most. The profiles need 12.
pub const DEPTH_MAX: usize = 32;
/// Elements of one document at most. A full note has about 900.
pub const ELEMENTS_MAX: usize = 20_000;
/// Bytes of one attribute value at most. The longest field of the profiles has 256 characters.
pub const VALUE_BYTES_MAX: usize = 64 << 10;
/// Attributes of one element at most, namespace declarations included.
pub const ATTRIBUTES_MAX: usize = 16;

const FHIR: &str = "http://hl7.org/fhir";
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Why bytes are not even looked at as a sick note. Nothing in it repeats the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotXml {
    /// Too many bytes.
    #[error("größer als {BYTES_MAX} Bytes / larger than {BYTES_MAX} bytes")]
    TooLarge,
    /// Starts with a byte order mark; the rules of the field want UTF-8 without one.
    #[error("beginnt mit einer Bytereihenfolge-Marke (BOM) / begins with a byte order mark")]
    ByteOrderMark,
    /// Not UTF-8, or declared as something else.
    #[error("nicht in UTF-8 / not in UTF-8")]
    Charset,
    /// A document type declaration: the way to entities, bombs and foreign files.
    #[error("enthält eine DTD / contains a document type declaration")]
    Doctype,
    /// Nested too deeply.
    #[error("tiefer als {DEPTH_MAX} Ebenen / nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// Too many elements.
    #[error("mehr als {ELEMENTS_MAX} Elemente / more than {ELEMENTS_MAX} elements")]
    TooMany,
    /// An attribute too long, or too many of them.
    #[error(
        "ein Attribut ist zu lang, oder es sind zu viele / an attribute is too long, or there are too many"
    )]
    Attributes,
    /// Not well-formed, at this byte.
    #[error("kein wohlgeformtes XML (Byte {0}) / not well-formed XML (byte {0})")]
    Malformed(usize),
    /// No element at all.
    #[error("leer / empty")]
    Empty,
}

impl NotXml {
    /// Whether the charset is to blame: codes 103 and 104 instead of 101 and 102.
    #[must_use]
    pub fn is_charset(self) -> bool {
        matches!(self, Self::ByteOrderMark | Self::Charset)
    }
}

/// Where an element comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Fhir,
    Xhtml,
    Foreign,
}

/// One element.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    pub(crate) name: &'a str,
    pub(crate) space: Space,
    pub(crate) value: Option<Cow<'a, str>>,
    pub(crate) url: Option<Cow<'a, str>>,
    /// Carries an `id` of its own, which FHIR allows everywhere and a profile may forbid.
    pub(crate) id: bool,
    /// Carries an attribute FHIR does not know.
    pub(crate) foreign_attribute: bool,
    /// Carries text of its own, which FHIR allows in narratives only.
    pub(crate) text: bool,
    pub(crate) parent: u32,
    pub(crate) first: u32,
    pub(crate) next: u32,
}

/// No element.
pub(crate) const NONE: u32 = u32::MAX;
/// The outermost element.
pub(crate) const ROOT: u32 = 0;

/// A document read into a flat tree; names and most values still lie in the bytes it was read from.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    elements: Vec<Element<'a>>,
}

static NOTHING: Element<'static> = Element {
    name: "",
    space: Space::Foreign,
    value: None,
    url: None,
    id: false,
    foreign_attribute: false,
    text: false,
    parent: NONE,
    first: NONE,
    next: NONE,
};

impl<'a> Document<'a> {
    /// Reads bytes.
    ///
    /// # Errors
    /// [`NotXml`] when they are not XML as FHIR writes it, or beyond a limit. Memory stays within a small multiple of
    /// [`BYTES_MAX`] and [`ELEMENTS_MAX`].
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, NotXml> {
        if bytes.len() > BYTES_MAX {
            return Err(NotXml::TooLarge);
        }
        if bytes.starts_with(&[0xEF, 0xBB, 0xBF])
            || bytes.starts_with(&[0xFF, 0xFE])
            || bytes.starts_with(&[0xFE, 0xFF])
        {
            return Err(NotXml::ByteOrderMark);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NotXml::Charset)?;
        // Looked for all at once; where it stands matters only when there is one.
        let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
        if bytes.iter().fold(false, |any, byte| any | control(byte)) {
            return Err(NotXml::Malformed(
                bytes.iter().position(control).unwrap_or_default(),
            ));
        }
        Building::new(text).run()
    }

    /// The element, or an empty one for [`NONE`].
    pub(crate) fn at(&self, at: u32) -> &Element<'a> {
        usize::try_from(at)
            .ok()
            .and_then(|at| self.elements.get(at))
            .unwrap_or(&NOTHING)
    }

    pub(crate) fn kids(&self, of: u32) -> Kids<'_, 'a> {
        Kids {
            document: self,
            next: self.at(of).first,
        }
    }

    /// Children of this name.
    pub(crate) fn named<'d>(
        &'d self,
        of: u32,
        name: &'static str,
    ) -> impl Iterator<Item = u32> + use<'d, 'a> {
        self.kids(of).filter(move |kid| self.at(*kid).name == name)
    }

    /// The first child of this name, or [`NONE`].
    pub(crate) fn first(&self, of: u32, name: &str) -> u32 {
        self.kids(of)
            .find(|kid| self.at(*kid).name == name)
            .unwrap_or(NONE)
    }

    /// The first element down this path, or [`NONE`].
    pub(crate) fn down(&self, of: u32, path: &[&str]) -> u32 {
        path.iter().fold(
            of,
            |at, name| if at == NONE { NONE } else { self.first(at, name) },
        )
    }

    pub(crate) fn value(&self, of: u32) -> Option<&str> {
        self.at(of).value.as_deref()
    }

    /// Where an element stands, as an operator reads it: `Bundle.entry[3].resource.name`.
    pub(crate) fn path(&self, of: u32) -> String {
        let mut steps = Vec::new();
        let mut at = of;
        while at != NONE && steps.len() <= DEPTH_MAX {
            let element = self.at(at);
            let mut step = element.name.to_owned();
            if element.parent != NONE {
                let same: Vec<u32> = self
                    .kids(element.parent)
                    .filter(|kid| self.at(*kid).name == element.name)
                    .collect();
                let inside_resource = self.at(element.parent).name == "resource";
                if inside_resource {
                    at = element.parent;
                    continue;
                }
                if same.len() > 1 || (element.name == "entry" && element.parent == ROOT) {
                    let place = same.iter().position(|kid| *kid == at).unwrap_or_default();
                    step.push_str(&format!("[{place}]"));
                }
            }
            steps.push(step);
            at = element.parent;
        }
        steps.reverse();
        steps.join(".")
    }
}

/// Children in order.
#[derive(Debug)]
pub(crate) struct Kids<'d, 'a> {
    document: &'d Document<'a>,
    next: u32,
}

impl Iterator for Kids<'_, '_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.next == NONE {
            return None;
        }
        let here = self.next;
        self.next = self.document.at(here).next;
        Some(here)
    }
}

/// A namespace in force: since which depth, for which prefix.
struct Scope<'a> {
    depth: usize,
    prefix: &'a str,
    space: Space,
}

struct Building<'a> {
    text: &'a str,
    elements: Vec<Element<'a>>,
    /// Open elements, each with its last child.
    open: Vec<(u32, u32)>,
    scopes: Vec<Scope<'a>>,
    ended: bool,
}

impl<'a> Building<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            elements: Vec::with_capacity((text.len() / 24).min(ELEMENTS_MAX)),
            open: Vec::with_capacity(DEPTH_MAX),
            scopes: Vec::with_capacity(4),
            ended: false,
        }
    }

    fn run(mut self) -> Result<Document<'a>, NotXml> {
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().check_comments = true;
        loop {
            let before = position(reader.buffer_position());
            let event = reader.read_event().map_err(|_| NotXml::Malformed(before))?;
            let after = position(reader.buffer_position());
            match event {
                Event::Start(start) => {
                    self.element(&start, after.wrapping_sub(1), before)?;
                }
                Event::Empty(start) => {
                    self.element(&start, after.wrapping_sub(2), before)?;
                    self.close();
                }
                Event::End(_) => self.close(),
                Event::Text(text) => {
                    if !text.bytes().all(|byte| byte.is_ascii_whitespace()) {
                        self.own_text(before)?;
                    }
                }
                Event::CData(_) | Event::GeneralRef(_) => self.own_text(before)?,
                Event::Decl(declared) => {
                    let utf8 = match declared.encoding() {
                        None => true,
                        Some(Ok(name)) => name.eq_ignore_ascii_case("utf-8"),
                        Some(Err(_)) => return Err(NotXml::Malformed(before)),
                    };
                    if !utf8 {
                        return Err(NotXml::Charset);
                    }
                    if before != 0 {
                        return Err(NotXml::Malformed(before));
                    }
                }
                Event::DocType(_) => return Err(NotXml::Doctype),
                Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        match (self.elements.is_empty(), self.open.is_empty()) {
            (true, _) => Err(NotXml::Empty),
            (false, false) => Err(NotXml::Malformed(self.text.len())),
            (false, true) => Ok(Document {
                elements: self.elements,
            }),
        }
    }

    fn own_text(&mut self, at: usize) -> Result<(), NotXml> {
        let inside = self.open.last().and_then(|(open, _)| usize::try_from(*open).ok());
        let element = inside.and_then(|open| self.elements.get_mut(open));
        element.ok_or(NotXml::Malformed(at))?.text = true;
        Ok(())
    }

    /// One start tag: its bytes end before `end` of the text.
    fn element(&mut self, start: &BytesStart<'_>, end: usize, at: usize) -> Result<(), NotXml> {
        let malformed = NotXml::Malformed(at);
        if self.ended {
            return Err(malformed);
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(NotXml::TooDeep);
        }
        if self.elements.len() >= ELEMENTS_MAX {
            return Err(NotXml::TooMany);
        }
        let begin = end.checked_sub(start.len()).ok_or(malformed)?;
        let content = self.text.get(begin..end).ok_or(malformed)?;
        let name_length = start.name().as_ref().len();
        let name = content.get(..name_length).ok_or(malformed)?;
        let (parent, last) = self.open.last().copied().unwrap_or((NONE, NONE));
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let mut element = Element {
            name: local,
            space: Space::Foreign,
            value: None,
            url: None,
            id: false,
            foreign_attribute: false,
            text: false,
            parent,
            first: NONE,
            next: NONE,
        };
        self.attributes(content, name_length, &mut element, malformed)?;
        element.space = self.space(prefix);
        let here = u32::try_from(self.elements.len()).map_err(|_| NotXml::TooMany)?;
        self.elements.push(element);
        self.hang(here, parent, last);
        self.open.push((here, NONE));
        Ok(())
    }

    fn hang(&mut self, here: u32, parent: u32, last: u32) {
        let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        if last != NONE {
            if let Some(element) = self.elements.get_mut(place(last)) {
                element.next = here;
            }
        } else if let Some(element) = self.elements.get_mut(place(parent)) {
            element.first = here;
        }
        if let Some((_, newest)) = self.open.last_mut() {
            *newest = here;
        }
    }

    fn attributes(
        &mut self,
        content: &'a str,
        name_length: usize,
        element: &mut Element<'a>,
        malformed: NotXml,
    ) -> Result<(), NotXml> {
        // Nearly every element carries nothing, or exactly one value; the rest goes the long way.
        let rest = content.get(name_length..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        let alone = rest
            .strip_prefix(" value=\"")
            .and_then(|rest| rest.split_once('"'));
        if let Some((raw, "" | " ")) = alone {
            if raw.len() > VALUE_BYTES_MAX {
                return Err(NotXml::Attributes);
            }
            element.value = Some(plain(raw).ok_or(malformed)?);
            return Ok(());
        }
        let depth = self.open.len();
        let mut attributes = Attributes::new(content, name_length);
        attributes.with_checks(false); // repeats are found below, without a list of all names
        for (count, attribute) in attributes.enumerate() {
            let attribute = attribute.map_err(|_| malformed)?;
            if count >= ATTRIBUTES_MAX || attribute.value.len() > VALUE_BYTES_MAX {
                return Err(NotXml::Attributes);
            }
            let key = attribute.key.into_inner();
            // The value lies in the text as it is; only what is escaped becomes a copy.
            let raw = match attribute.value {
                Cow::Borrowed(raw) => raw,
                Cow::Owned(_) => return Err(malformed),
            };
            let value = plain(raw).ok_or(malformed)?;
            match key {
                "value" if element.value.is_none() => element.value = Some(value),
                "url" if element.url.is_none() => element.url = Some(value),
                "value" | "url" => return Err(malformed),
                "id" => element.id = true,
                "xmlns" => self.scopes.push(Scope {
                    depth,
                    prefix: "",
                    space: known(&value),
                }),
                _ => match key.split_once(':') {
                    Some(("xmlns", prefix)) => {
                        self.scopes.push(Scope {
                            depth,
                            prefix,
                            space: known(&value),
                        });
                    }
                    // Where a schema lies, and what XML itself defines, says nothing about the note.
                    Some(("xsi" | "xml", _)) => {}
                    _ => element.foreign_attribute = true,
                },
            }
        }
        Ok(())
    }

    fn space(&self, prefix: &str) -> Space {
        let mut newest = self.scopes.iter().rev();
        let found = if prefix.is_empty() {
            newest.find(|scope| scope.prefix.is_empty())
        } else {
            newest.find(|scope| scope.prefix == prefix)
        };
        found.map_or(Space::Foreign, |scope| scope.space)
    }

    fn close(&mut self) {
        self.open.pop();
        let depth = self.open.len();
        while self.scopes.last().is_some_and(|scope| scope.depth >= depth) {
            self.scopes.pop();
        }
        self.ended = self.open.is_empty();
    }
}

fn known(uri: &str) -> Space {
    match uri {
        FHIR => Space::Fhir,
        XHTML => Space::Xhtml,
        _ => Space::Foreign,
    }
}

/// An attribute's value: escapes resolved, white space normalised as XML says. `None` when it is not well-formed.
fn plain(raw: &str) -> Option<Cow<'_, str>> {
    let (mut tricky, mut open) = (false, false);
    for byte in raw.bytes() {
        open |= byte == b'<';
        tricky |= byte == b'&' || byte < b' ';
    }
    if open {
        return None;
    }
    if !tricky {
        return Some(Cow::Borrowed(raw));
    }
    let spaced = raw.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
    let resolved = quick_xml::escape::unescape(&spaced).ok()?;
    let printable =
        |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'));
    resolved
        .chars()
        .all(printable)
        .then(|| Cow::Owned(resolved.into_owned()))
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
