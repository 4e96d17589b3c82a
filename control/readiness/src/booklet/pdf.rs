//! Writes set pages as PDF 1.7: tagged, with bookmarks, title and language. The same pages give the same bytes.

use std::collections::BTreeMap;

use pdf_writer::{
    Content, Date, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr,
    types::{ArtifactType, OutlineItemFlags, PageMode, StructRole, TabOrder, TableHeaderScope},
};
use vocabulary::Digest;

use super::{
    metrics::Font,
    press::{Element, Mark, PAGE, Press, Role, Tongue},
};

/// What stands in the document's information.
pub(super) struct About {
    pub(super) title: String,
    pub(super) subject: String,
    pub(super) date: Option<(u16, u8, u8)>,
}

/// Hands out object numbers in order.
struct Numbers(i32);

impl Numbers {
    fn next(&mut self) -> Ref {
        self.0 = self.0.saturating_add(1);
        Ref::new(self.0)
    }

    fn many(&mut self, count: usize) -> Vec<Ref> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// Where each element's text stands: page and number of the marked content.
type Places = BTreeMap<Element, Vec<(usize, i32)>>;

struct Refs {
    catalog: Ref,
    pages: Ref,
    info: Ref,
    outline: Ref,
    tree: Ref,
    document: Ref,
    fonts: Vec<Ref>,
    page: Vec<Ref>,
    content: Vec<Ref>,
    heading: Vec<Ref>,
    node: Vec<Ref>,
}

/// The whole file.
pub(super) fn write(press: &Press, about: &About) -> Vec<u8> {
    let mut numbers = Numbers(0);
    let refs = Refs {
        catalog: numbers.next(),
        pages: numbers.next(),
        info: numbers.next(),
        outline: numbers.next(),
        tree: numbers.next(),
        document: numbers.next(),
        fonts: numbers.many(Font::ALL.len()),
        page: numbers.many(press.pages.len()),
        content: numbers.many(press.pages.len()),
        heading: numbers.many(press.headings.len()),
        node: numbers.many(press.nodes.len()),
    };
    let mut pdf = Pdf::new();
    catalog(&mut pdf, &refs);
    information(&mut pdf, &refs, about);
    let mut places = Places::new();
    let mut parents = Vec::new();
    let mut names = Vec::new();
    for (at, marks) in press.pages.iter().enumerate() {
        let (bytes, elements) = content(marks, at, &mut places);
        names.extend(Digest::of(&bytes).as_bytes());
        if let Some(id) = refs.content.get(at) {
            pdf.stream(*id, &bytes);
        }
        parents.push(elements);
        page(&mut pdf, &refs, at);
    }
    fonts(&mut pdf, &refs);
    outline(&mut pdf, &refs, press);
    structure(&mut pdf, &refs, press, &places, &parents);
    let id = Digest::of(&names)
        .as_bytes()
        .iter()
        .take(16)
        .copied()
        .collect::<Vec<u8>>();
    pdf.set_file_id((id.clone(), id));
    pdf.finish()
}

fn catalog(pdf: &mut Pdf, refs: &Refs) {
    let mut catalog = pdf.catalog(refs.catalog);
    catalog.pages(refs.pages);
    catalog.lang(TextStr("de"));
    catalog.page_mode(PageMode::UseOutlines);
    catalog.outlines(refs.outline);
    catalog.mark_info().marked(true);
    catalog.viewer_preferences().display_doc_title(true);
    catalog.pair(Name(b"StructTreeRoot"), refs.tree);
    catalog.finish();
    let count = i32::try_from(refs.page.len()).unwrap_or(i32::MAX);
    pdf.pages(refs.pages).kids(refs.page.iter().copied()).count(count);
}

fn information(pdf: &mut Pdf, refs: &Refs, about: &About) {
    let mut information = pdf.document_info(refs.info);
    information.title(TextStr(&about.title));
    information.subject(TextStr(&about.subject));
    information.creator(TextStr("Bulkhead"));
    if let Some((year, month, day)) = about.date {
        information.creation_date(Date::new(year).month(month).day(day));
    }
}

fn page(pdf: &mut Pdf, refs: &Refs, at: usize) {
    let (Some(id), Some(content)) = (refs.page.get(at), refs.content.get(at)) else {
        return;
    };
    let mut page = pdf.page(*id);
    page.parent(refs.pages);
    page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1));
    page.contents(*content);
    page.struct_parents(i32::try_from(at).unwrap_or(i32::MAX));
    page.tab_order(TabOrder::StructureOrder);
    let mut resources = page.resources();
    let mut fonts = resources.fonts();
    for (font, id) in Font::ALL.iter().zip(&refs.fonts) {
        fonts.pair(Name(font.resource()), *id);
    }
}

fn fonts(pdf: &mut Pdf, refs: &Refs) {
    for (font, id) in Font::ALL.iter().zip(&refs.fonts) {
        pdf.type1_font(*id)
            .base_font(Name(font.base()))
            .encoding_predefined(Name(b"WinAnsiEncoding"));
    }
}

/// One page's drawing, and the element of each marked content in order.
fn content(marks: &[Mark], page: usize, places: &mut Places) -> (Vec<u8>, Vec<Element>) {
    let mut content = Content::new();
    let mut elements = Vec::new();
    for mark in marks {
        match mark {
            Mark::Text {
                x,
                y,
                font,
                size,
                gray,
                bytes,
                element,
            } => {
                match element {
                    Some(element) => {
                        let number = i32::try_from(elements.len()).unwrap_or(i32::MAX);
                        elements.push(*element);
                        places.entry(*element).or_default().push((page, number));
                        content
                            .begin_marked_content_with_properties(Name(b"Span"))
                            .properties()
                            .identify(number);
                    }
                    None => artifact(&mut content),
                }
                content.begin_text();
                content.set_fill_gray(*gray);
                content.set_font(Name(font.resource()), *size);
                content.set_text_matrix([1.0, 0.0, 0.0, 1.0, *x, *y]);
                content.show(Str(bytes));
                content.end_text();
                content.end_marked_content();
            }
            Mark::Fill { x, y, w, h, gray } => {
                artifact(&mut content);
                content.set_fill_gray(*gray).rect(*x, *y, *w, *h).fill_nonzero();
                content.end_marked_content();
            }
            Mark::Rule { from, to, width } => {
                artifact(&mut content);
                content
                    .set_line_width(*width)
                    .move_to(from.0, from.1)
                    .line_to(to.0, to.1)
                    .stroke();
                content.end_marked_content();
            }
        }
    }
    (content.finish().into_vec(), elements)
}

fn artifact(content: &mut Content) {
    content
        .begin_marked_content_with_properties(Name(b"Artifact"))
        .properties()
        .artifact()
        .kind(ArtifactType::Layout);
}

fn outline(pdf: &mut Pdf, refs: &Refs, press: &Press) {
    let count = i32::try_from(refs.heading.len()).unwrap_or(i32::MAX);
    let mut root = pdf.outline(refs.outline);
    if let (Some(first), Some(last)) = (refs.heading.first(), refs.heading.last()) {
        root.first(*first).last(*last).count(count);
    }
    root.finish();
    for (at, (heading, id)) in press.headings.iter().zip(&refs.heading).enumerate() {
        let mut item = pdf.outline_item(*id);
        item.title(TextStr(&heading.text))
            .parent(refs.outline)
            .flags(OutlineItemFlags::empty());
        if let Some(before) = at.checked_sub(1).and_then(|at| refs.heading.get(at)) {
            item.prev(*before);
        }
        if let Some(after) = refs.heading.get(at.saturating_add(1)) {
            item.next(*after);
        }
        if let Some(page) = refs.page.get(heading.page) {
            item.dest().page(*page).xyz(0.0, heading.y + 12.0, None);
        }
    }
}

fn structure(pdf: &mut Pdf, refs: &Refs, press: &Press, places: &Places, parents: &[Vec<Element>]) {
    let mut root: pdf_writer::writers::StructTreeRoot<'_> = pdf.indirect(refs.tree).start();
    root.child(refs.document);
    root.parent_tree_next_key(i32::try_from(parents.len()).unwrap_or(i32::MAX));
    let mut tree = root.insert(Name(b"ParentTree")).dict();
    let mut numbers = tree.insert(Name(b"Nums")).array();
    for (at, elements) in parents.iter().enumerate() {
        numbers.item(i32::try_from(at).unwrap_or(i32::MAX));
        let mut list = numbers.push().array();
        for element in elements {
            list.item(refs.node.get(*element).copied().unwrap_or(refs.document));
        }
    }
    numbers.finish();
    tree.finish();
    root.finish();
    let mut children: BTreeMap<Option<Element>, Vec<Ref>> = BTreeMap::new();
    for (node, id) in press.nodes.iter().zip(&refs.node) {
        children.entry(node.parent).or_default().push(*id);
    }
    let top = children.remove(&None).unwrap_or_default();
    let mut document = pdf.struct_element(refs.document);
    document.kind(StructRole::Document).parent(refs.tree);
    document.children().items_of(top);
    document.finish();
    for (at, (node, id)) in press.nodes.iter().zip(&refs.node).enumerate() {
        let parent = node.parent.and_then(|parent| refs.node.get(parent)).copied();
        let mut element = pdf.struct_element(*id);
        element
            .kind(kind(node.role))
            .parent(parent.unwrap_or(refs.document));
        if node.tongue == Tongue::English {
            element.lang(TextStr("en"));
        }
        if node.role == Role::Head {
            element
                .attributes()
                .push()
                .table()
                .scope(TableHeaderScope::Column);
        }
        let mut list = element.children();
        for child in children.remove(&Some(at)).unwrap_or_default() {
            list.struct_element(child);
        }
        for (page, number) in places.get(&at).into_iter().flatten() {
            if let Some(page) = refs.page.get(*page) {
                list.marked_content_ref().page(*page).marked_content_id(*number);
            }
        }
    }
}

/// Appends several elements at once.
trait Items {
    fn items_of(self, refs: Vec<Ref>);
}

impl Items for pdf_writer::writers::StructChildren<'_> {
    fn items_of(mut self, refs: Vec<Ref>) {
        for id in refs {
            self.struct_element(id);
        }
    }
}

const fn kind(role: Role) -> StructRole {
    match role {
        // PDF 1.7 has no role for a document's title; it is the highest heading.
        Role::Title | Role::H1 => StructRole::H1,
        Role::H2 => StructRole::H2,
        Role::P => StructRole::P,
        Role::List => StructRole::L,
        Role::Item => StructRole::LI,
        Role::Label => StructRole::Lbl,
        Role::Body => StructRole::LBody,
        Role::Table => StructRole::Table,
        Role::Row => StructRole::TR,
        Role::Head => StructRole::TH,
        Role::Cell => StructRole::TD,
        Role::Code => StructRole::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booklet::{metrics::encode, press::Style};

    /// Right-aligned text ends where it should only if the reader counts with the widths we count with.
    #[test]
    fn every_glyph_ends_where_we_think() {
        if std::process::Command::new("pdftotext")
            .arg("-v")
            .output()
            .is_err()
        {
            let required =
                std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_some_and(|value| value == "1");
            assert!(
                !required,
                "pdftotext is required here and missing: install poppler-utils"
            );
            let _told = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("SKIPPED: pdftotext is missing (Debian package poppler-utils)\n"),
            );
            return;
        }
        let glyphs: Vec<char> = ('!'..='~')
            .chain('\u{a1}'..='\u{ff}')
            .chain("€‚ƒ„…†‡‰Š‹ŒŽ‘’“”•–—™š›œžŸ".chars())
            .collect();
        // A soft hyphen is not drawn by readers.
        let glyphs: Vec<char> = glyphs.into_iter().filter(|c| *c != '\u{ad}').collect();
        let mut press = Press::new();
        for (column, font) in [Font::Regular, Font::Bold].into_iter().enumerate() {
            for (at, glyph) in glyphs.iter().enumerate() {
                let page = at / 40;
                while press.page_count() <= page {
                    press.new_page();
                }
                let style = Style {
                    font,
                    size: 10.0,
                    gray: 0.0,
                };
                let row = f32::from(u16::try_from(at % 40).unwrap());
                let right = 280.0 + 280.0 * f32::from(u16::try_from(column).unwrap());
                // A frame of known letters keeps the reader from dropping a lone accent.
                let text = format!("n{glyph}{glyph}{glyph}{glyph}{glyph}{glyph}n");
                assert!(!encode(&text).contains(&b'?') || *glyph == '?', "{glyph}");
                press.decorate(page, 0.0, 820.0 - 20.0 * row, style, &text, Some(right));
            }
        }
        let about = About {
            title: "t".into(),
            subject: "s".into(),
            date: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("glyphs.pdf");
        std::fs::write(&path, write(&press, &about)).unwrap();
        let output = std::process::Command::new("pdftotext")
            .arg("-bbox")
            .arg(&path)
            .arg("-")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut seen = 0;
        for line in text.lines().filter(|line| line.contains("<word")) {
            let right: f32 = line
                .split("xMax=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            let near = |edge: f32| (right - edge).abs() < 0.05;
            assert!(near(280.0) || near(560.0), "{line}");
            seen += 1;
        }
        assert!(seen >= 2 * glyphs.len(), "{seen} words of {}", 2 * glyphs.len());
    }
}
