//! Reads HTML and XML as strictly as we write them. Anything we would not write is an error: a lenient reader would
//! overlook what a browser shows.

use std::collections::BTreeMap;

/// An element that carries a statement, with the text a reader sees in it.
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    /// All text inside, elements within included.
    pub(super) text: String,
    /// Index of the element around it.
    pub(super) parent: Option<usize>,
}

impl Element {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// A piece of text and the element it stands in.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) within: Option<usize>,
}

/// A document read back.
pub(super) struct Document {
    pub(super) elements: Vec<Element>,
    pub(super) texts: Vec<Text>,
}

/// Which rules hold for elements without content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Html,
    Xml,
}

impl Document {
    /// The chain of elements around one, the innermost first.
    pub(super) fn around(&self, mut at: Option<usize>) -> impl Iterator<Item = &Element> {
        std::iter::from_fn(move || {
            let element = self.elements.get(at?)?;
            at = element.parent;
            Some(element)
        })
    }
}

/// Reads a document.
pub(super) fn read(source: &str, syntax: Syntax) -> Result<Document, String> {
    let head = match syntax {
        Syntax::Html => "<!DOCTYPE html>",
        Syntax::Xml => "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
    };
    let mut rest = source
        .strip_prefix(head)
        .ok_or("it does not begin as it should")?;
    let mut document = Document {
        elements: Vec::new(),
        texts: Vec::new(),
    };
    let mut open: Vec<usize> = Vec::new();
    while !rest.is_empty() {
        if let Some(tag) = rest.strip_prefix("</") {
            let (name, after) = tag.split_once('>').ok_or("a closing tag does not end")?;
            let closes = open.pop().and_then(|index| document.elements.get(index));
            if closes.is_none_or(|element| element.name != name) {
                return Err(format!("</{name}> closes nothing"));
            }
            rest = after;
        } else if let Some(tag) = rest.strip_prefix('<') {
            let (element, after) = start_tag(tag, open.last().copied())?;
            let void = syntax == Syntax::Html && matches!(element.name.as_str(), "meta" | "link");
            if !void {
                open.push(document.elements.len());
            }
            document.elements.push(element);
            rest = after;
        } else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            let text = unescape(text)?;
            for index in &open {
                if let Some(element) = document.elements.get_mut(*index) {
                    element.text.push_str(&text);
                }
            }
            document.texts.push(Text {
                text,
                within: open.last().copied(),
            });
            rest = after;
        }
    }
    if open.is_empty() {
        Ok(document)
    } else {
        Err("an element is not closed".to_owned())
    }
}

fn start_tag(tag: &str, parent: Option<usize>) -> Result<(Element, &str), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':');
    let end = tag.find(|c| !plain(c)).ok_or("a tag does not end")?;
    let (name, mut rest) = tag.split_at(end);
    if name.is_empty() || name.eq_ignore_ascii_case("script") {
        return Err(format!("an element we never write: <{name}"));
    }
    let mut attributes = BTreeMap::new();
    loop {
        if let Some(after) = rest.strip_prefix('>') {
            let element = Element {
                name: name.to_owned(),
                attributes,
                text: String::new(),
                parent,
            };
            return Ok((element, after));
        }
        let attribute = rest
            .strip_prefix(' ')
            .ok_or("a tag is not written as we write it")?;
        let (key, value) = attribute.split_once("=\"").ok_or("an attribute has no value")?;
        if key.is_empty() || !key.chars().all(plain) || key.starts_with("on") || key == "style" {
            return Err(format!("an attribute we never write: {key}"));
        }
        let (value, after) = value.split_once('"').ok_or("an attribute does not end")?;
        if attributes.insert(key.to_owned(), unescape(value)?).is_some() {
            return Err(format!("an attribute twice: {key}"));
        }
        rest = after;
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';').ok_or("a bare &")?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => return Err(format!("an entity we never write: &{name};")),
        });
        rest = after;
    }
    if rest.contains(['<', '>']) {
        return Err("an unescaped bracket".to_owned());
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(body: &str) -> Result<Document, String> {
        read(&format!("<!DOCTYPE html>{body}"), Syntax::Html)
    }

    #[test]
    fn what_we_write_is_read_and_what_we_never_write_is_refused() {
        let document = html("<p a=\"1&amp;2\">x <b data-x=\"y\">1 &lt; 2</b></p>").unwrap();
        assert_eq!(document.elements[0].text, "x 1 < 2");
        assert_eq!(document.elements[0].get("a"), Some("1&2"));
        assert_eq!(document.elements[1].parent, Some(0));
        for bad in [
            "<p>",
            "</p>",
            "<p></b>",
            "<script></script>",
            "<p onclick=\"x\"></p>",
            "<p a='1'></p>",
            "<p>a > b</p>",
            "<!-- x -->",
            "<p>&#65;</p>",
            "<p a=\"1\" a=\"2\"></p>",
            "<p style=\"color:red\"></p>",
            "<p",
            "<p>&</p>",
        ] {
            assert!(html(bad).is_err(), "{bad}");
        }
    }
}
