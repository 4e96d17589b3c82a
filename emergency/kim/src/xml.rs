//! FHIR XML as a small tree: elements with `value`, `url` and children. No DTD, no entities, bounded in every direction.
//!
//! Text between elements is left out: FHIR has none but in narratives, which nobody here reads.

use quick_xml::{
    Reader, Writer, XmlVersion,
    events::{BytesDecl, BytesEnd, BytesStart, Event},
};

/// Most bytes of a document. Requests and answers have a few kilobytes.
pub const BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 32;
/// Most elements.
pub const ELEMENTS_MAX: usize = 20_000;

/// One element.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// Its local name.
    pub name: Box<str>,
    /// Its attribute `value`.
    pub value: Option<Box<str>>,
    /// Its attribute `url`, of extensions.
    pub url: Option<Box<str>>,
    /// Its children in order.
    pub children: Vec<Element>,
}

/// Why bytes are no document that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadXml {
    /// Longer than [`BYTES_MAX`].
    #[error(
        "Das Dokument ist länger als {BYTES_MAX} Bytes. / The document is longer than {BYTES_MAX} bytes."
    )]
    TooLong,
    /// Deeper than [`DEPTH_MAX`].
    #[error(
        "Das Dokument ist tiefer als {DEPTH_MAX} Ebenen. / The document is deeper than {DEPTH_MAX} levels."
    )]
    TooDeep,
    /// More than [`ELEMENTS_MAX`] elements.
    #[error(
        "Das Dokument hat mehr als {ELEMENTS_MAX} Elemente. / The document has more than {ELEMENTS_MAX} elements."
    )]
    TooManyElements,
    /// Not UTF-8 without a byte order mark.
    #[error("Das Dokument ist nicht UTF-8 ohne BOM. / The document is not UTF-8 without a byte order mark.")]
    Encoding,
    /// A document type definition or an entity of its own.
    #[error(
        "Das Dokument bringt eine DTD oder eigene Entitäten mit. / The document brings a DTD or entities of its own."
    )]
    Dtd,
    /// Not well formed.
    #[error("Das Dokument ist kein wohlgeformtes XML. / The document is not well-formed XML.")]
    Form,
}

impl Element {
    /// Reads a document; the root element is returned.
    ///
    /// # Errors
    /// [`BadXml`] with the rule that was broken.
    pub fn read(bytes: &[u8]) -> Result<Self, BadXml> {
        if bytes.len() > BYTES_MAX {
            return Err(BadXml::TooLong);
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(BadXml::Encoding);
        }
        let text = core::str::from_utf8(bytes).map_err(|_| BadXml::Encoding)?;
        if !text.chars().all(is_char) {
            return Err(BadXml::Form);
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().enable_all_checks(true);
        let (mut open, mut root, mut elements) = (Vec::<Self>::new(), None, 0usize);
        loop {
            let closed = match reader.read_event().map_err(|_| BadXml::Form)? {
                Event::Start(tag) => {
                    open.push(Self::of(&tag)?);
                    None
                }
                Event::Empty(tag) => Some(Self::of(&tag)?),
                Event::End(_) => Some(open.pop().ok_or(BadXml::Form)?),
                Event::Decl(decl) => {
                    let foreign = decl
                        .encoding()
                        .is_some_and(|name| name.map_or(true, |name| !name.eq_ignore_ascii_case("utf-8")));
                    if foreign {
                        return Err(BadXml::Encoding);
                    }
                    continue;
                }
                Event::DocType(_) => return Err(BadXml::Dtd),
                Event::GeneralRef(reference) => {
                    let known = ["amp", "lt", "gt", "quot", "apos"].contains(&&*reference);
                    if !reference.is_char_ref() && !known {
                        return Err(BadXml::Dtd);
                    }
                    continue;
                }
                Event::Text(text) => {
                    let outside = open.is_empty() && !text.trim_ascii().is_empty();
                    if outside {
                        return Err(BadXml::Form);
                    }
                    continue;
                }
                Event::CData(_) | Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof => break,
            };
            if open.len() > DEPTH_MAX {
                return Err(BadXml::TooDeep);
            }
            let Some(element) = closed else { continue };
            elements += 1;
            if elements > ELEMENTS_MAX {
                return Err(BadXml::TooManyElements);
            }
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None if root.is_none() => root = Some(element),
                None => return Err(BadXml::Form),
            }
        }
        if !open.is_empty() {
            return Err(BadXml::Form);
        }
        root.ok_or(BadXml::Form)
    }

    fn of(tag: &BytesStart<'_>) -> Result<Self, BadXml> {
        let local = tag.local_name();
        // FHIR and XHTML have plain names; anything else is a tag the parser was lenient about.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let name: &str = local.as_ref();
        if !name.bytes().all(plain) || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(BadXml::Form);
        }
        let mut element = Self {
            name: name.into(),
            ..Self::default()
        };
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| BadXml::Form)?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| BadXml::Dtd)?;
            if !value.chars().all(is_char) {
                return Err(BadXml::Form);
            }
            match attribute.key.as_ref() {
                "value" => element.value = Some(value.into()),
                "url" => element.url = Some(value.into()),
                _ => {}
            }
        }
        Ok(element)
    }

    /// The first child of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| &*child.name == name)
    }

    /// Every child of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| &*child.name == name)
    }

    /// The descendant at a path of first children.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The value of the descendant at a path.
    #[must_use]
    pub fn value_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.value.as_deref()
    }

    /// The extension whose `url` ends with this word.
    #[must_use]
    pub fn extension(&self, word: &str) -> Option<&Self> {
        self.all("extension").find(|extension| {
            let url = extension.url.as_deref().unwrap_or_default();
            url.rsplit('/').next() == Some(word)
        })
    }

    /// An element with a value and nothing else.
    #[must_use]
    pub fn leaf(name: &str, value: &str) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
            ..Self::default()
        }
    }

    /// An element with children.
    #[must_use]
    pub fn node(name: &str, children: Vec<Self>) -> Self {
        Self {
            name: name.into(),
            children,
            ..Self::default()
        }
    }

    /// An extension.
    #[must_use]
    pub fn extended(url: &str, children: Vec<Self>) -> Self {
        Self {
            name: "extension".into(),
            url: Some(url.into()),
            children,
            value: None,
        }
    }

    /// Writes a document with this root in the FHIR namespace: UTF-8, no byte order mark. Characters that XML cannot carry
    /// become U+FFFD.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        // Writing into memory fails for nobody; were it to, an empty document is refused by every reader.
        let written = writer
            .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
            .and_then(|()| self.write(&mut writer, true));
        if written.is_err() {
            return Vec::new();
        }
        let mut bytes = writer.into_inner();
        bytes.push(b'\n');
        bytes
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>, root: bool) -> std::io::Result<()> {
        let mut tag = BytesStart::new(&*self.name);
        if root {
            tag.push_attribute(("xmlns", "http://hl7.org/fhir"));
        }
        if let Some(url) = &self.url {
            tag.push_attribute(("url", &*clean(url)));
        }
        if let Some(value) = &self.value {
            tag.push_attribute(("value", &*clean(value)));
        }
        if self.children.is_empty() {
            return writer.write_event(Event::Empty(tag));
        }
        writer.write_event(Event::Start(tag))?;
        for child in &self.children {
            child.write(writer, false)?;
        }
        writer.write_event(Event::End(BytesEnd::new(&*self.name)))
    }
}

/// Whether XML 1.0 can carry a character (production Char).
const fn is_char(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// What an attribute can carry: line ends would come back as blanks.
fn clean(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\t' | '\n' | '\r' => ' ',
            other if is_char(other) => other,
            _ => '\u{fffd}',
        })
        .collect()
}

impl core::fmt::Debug for Element {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Element")
            .field("name", &self.name)
            .field("children", &self.children)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_document_becomes_a_tree() {
        let root = Element::read(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<B xmlns=\"http://hl7.org/fhir\"><a value=\"M&#252;ller &amp; Co\"/><extension url=\"https://x/Y\"><v value=\"1\"/></extension></B>\n".as_bytes(),
        )
        .unwrap();
        assert_eq!(root.value_at(&["a"]), Some("Müller & Co"));
        assert_eq!(root.extension("Y").and_then(|y| y.value_at(&["v"])), Some("1"));
        assert!(!format!("{root:?}").contains("ller"));
    }

    #[test]
    fn hostile_documents_are_refused_by_name() {
        let deep = "<a>".repeat(DEPTH_MAX + 1) + &"</a>".repeat(DEPTH_MAX + 1);
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX + 1));
        for (text, why) in [
            ("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", BadXml::Dtd),
            ("<a v=\"&x;\" value=\"&x;\"/>", BadXml::Dtd),
            ("<a>&x;</a>", BadXml::Dtd),
            ("<a></b>", BadXml::Form),
            ("<a>", BadXml::Form),
            ("</a>", BadXml::Form),
            ("<a/><b/>", BadXml::Form),
            ("", BadXml::Form),
            ("x<a/>", BadXml::Form),
            ("<avalue=\"1\"/>", BadXml::Form),
            ("<1/>", BadXml::Form),
            ("<a value=\"\u{c}\"/>", BadXml::Form),
            ("<a value=\"&#1;\"/>", BadXml::Form),
            ("\u{feff}<a/>", BadXml::Encoding),
            (
                "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>",
                BadXml::Encoding,
            ),
            (&deep, BadXml::TooDeep),
            (&wide, BadXml::TooManyElements),
        ] {
            assert_eq!(
                Element::read(text.as_bytes()).err(),
                Some(why),
                "{}",
                text.get(..40).unwrap_or(text)
            );
        }
        assert_eq!(Element::read(b"<a value=\"\xff\"/>"), Err(BadXml::Encoding));
        assert_eq!(Element::read(&vec![b' '; BYTES_MAX + 1]), Err(BadXml::TooLong));
    }

    fn tree() -> impl Strategy<Value = Element> {
        let leaf = ("[a-z]{1,6}", "\\PC{0,20}").prop_map(|(name, value)| Element::leaf(&name, &value));
        leaf.prop_recursive(4, 40, 5, |inner| {
            ("[a-z]{1,6}", proptest::collection::vec(inner, 1..5))
                .prop_map(|(name, children)| Element::node(&name, children))
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tree in tree()) {
            prop_assert_eq!(Element::read(&tree.document()), Ok(tree));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Element::read(&bytes);
        }

        #[test]
        fn no_tags_panic(text in "[<>/a&;\"=! x#0-9-]{0,80}") {
            let _ = Element::read(text.as_bytes());
        }
    }
}
