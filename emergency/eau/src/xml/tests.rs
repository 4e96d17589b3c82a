//! Reading XML: what becomes a tree, and what is refused by name.

use super::*;

fn read(text: &str) -> Result<Document<'_>, NotXml> {
    Document::read(text.as_bytes())
}

#[test]
fn a_small_document_becomes_a_tree() {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- x --><Bundle xmlns=\"http://hl7.org/fhir\">\n\
                <id value=\"a&amp;b&#228;\"/><entry/><entry><x value='1\t2'/></entry></Bundle>\n";
    let document = read(text).unwrap();
    assert_eq!(document.at(ROOT).name, "Bundle");
    assert_eq!(document.at(ROOT).space, Space::Fhir);
    assert_eq!(document.value(document.first(ROOT, "id")), Some("a&bä"));
    let x = document.down(document.named(ROOT, "entry").nth(1).unwrap(), &["x"]);
    assert_eq!(document.value(x), Some("1 2"));
    assert_eq!(document.path(x), "Bundle.entry[1].x");
}

#[test]
fn prefixes_are_names_for_spaces() {
    let document =
        read("<f:Bundle xmlns:f='http://hl7.org/fhir'><f:id value='1'/><id xmlns='urn:x'/></f:Bundle>")
            .unwrap();
    assert_eq!(document.at(ROOT).space, Space::Fhir);
    let spaces: Vec<_> = document.kids(ROOT).map(|kid| document.at(kid).space).collect();
    assert_eq!(spaces, [Space::Fhir, Space::Foreign]);
}

#[test]
fn tricks_are_refused_by_name() {
    let deep = format!("{}{}", "<a>".repeat(DEPTH_MAX + 1), "</a>".repeat(DEPTH_MAX + 1));
    let many = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
    let long = format!("<a value=\"{}\"/>", "x".repeat(VALUE_BYTES_MAX + 1));
    let huge = format!("<a value=\"{}\"/>", "x".repeat(10 << 20));
    let cases = [
        ("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", NotXml::Doctype),
        ("\u{feff}<a/>", NotXml::ByteOrderMark),
        (
            "<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?><a/>",
            NotXml::Charset,
        ),
        ("", NotXml::Empty),
        (&deep, NotXml::TooDeep),
        (&many, NotXml::TooMany),
        (&long, NotXml::Attributes),
        (&huge, NotXml::TooLarge),
    ];
    for (text, expected) in cases {
        assert_eq!(
            read(text).err(),
            Some(expected),
            "{}",
            &text[..text.len().min(60)]
        );
    }
    assert_eq!(
        Document::read(b"<a value=\"\xfc\"/>").err(),
        Some(NotXml::Charset)
    );
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for text in [
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a x=1/>",
        "<a value=\"&lol;\"/>",
        "<a value=\"<\"/>",
        "x",
        "<a/>x",
        "<a value=\"1\" value=\"2\"/>",
        "<a value=\"&#0;\"/>",
        "<a>\u{1}</a>",
        "<a",
        "<a value=\"",
        "</a>",
        "<a><!-- -- --></a>",
    ] {
        assert!(matches!(read(text), Err(NotXml::Malformed(_))), "{text}");
    }
}

#[test]
fn text_of_its_own_is_remembered() {
    assert!(read("<a>x</a>").unwrap().at(ROOT).text);
    assert!(read("<a><![CDATA[x]]></a>").unwrap().at(ROOT).text);
    assert!(!read("<a> \n</a>").unwrap().at(ROOT).text);
}
