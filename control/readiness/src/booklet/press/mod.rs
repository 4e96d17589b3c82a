//! Sets text on A4 pages: lines, lists, tables, boxes; keeps the structure that readers for the blind follow.

mod table;
mod wrap;

use super::metrics::{Font, encode};
use wrap::{wrap, wrap_typed};

/// A4 in points (ISO 216: 210 × 297 mm).
pub(super) const PAGE: (f32, f32) = (595.28, 841.89);
const LEFT: f32 = 62.0;
const RIGHT: f32 = 54.0;
const TOP: f32 = 74.0;
const BOTTOM: f32 = 64.0;
/// Width of the text.
pub(super) const WIDTH: f32 = PAGE.0 - LEFT - RIGHT;
const LEADING: f32 = 1.35;
const CELL_PAD: f32 = 4.0;

/// What a piece of text is, for readers that cannot see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Title,
    H1,
    H2,
    P,
    List,
    Item,
    Label,
    Body,
    Table,
    Row,
    Head,
    Cell,
    Code,
}

/// The language of an element where it differs from the document's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tongue {
    German,
    English,
}

/// Names an element of the structure by its place in the list.
pub(super) type Element = usize;

/// One element of the structure.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) parent: Option<Element>,
    pub(super) tongue: Tongue,
}

/// Something drawn.
#[derive(Debug)]
pub(super) enum Mark {
    /// Text; without element it is decoration (headers, footers).
    Text {
        x: f32,
        y: f32,
        font: Font,
        size: f32,
        gray: f32,
        bytes: Vec<u8>,
        element: Option<Element>,
    },
    /// A filled rectangle.
    Fill {
        x: f32,
        y: f32,
        w: f32,
        h: f32,
        gray: f32,
    },
    /// A line.
    Rule {
        from: (f32, f32),
        to: (f32, f32),
        width: f32,
    },
}

/// One heading, for bookmarks and the table of contents.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) text: String,
    pub(super) page: usize,
    pub(super) y: f32,
}

/// Room kept for the table of contents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserved {
    page: usize,
    top: f32,
    list: Element,
}

/// How a line of text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) font: Font,
    pub(super) size: f32,
    pub(super) gray: f32,
}

pub(super) const TEXT: Style = Style {
    font: Font::Regular,
    size: 10.0,
    gray: 0.0,
};
pub(super) const STRONG: Style = Style {
    font: Font::Bold,
    size: 10.0,
    gray: 0.0,
};
const SMALL: Style = Style {
    font: Font::Regular,
    size: 8.5,
    gray: 0.0,
};
const SMALL_STRONG: Style = Style {
    font: Font::Bold,
    size: 8.5,
    gray: 0.0,
};
const ENGLISH: Style = Style {
    font: Font::Slanted,
    size: 10.0,
    gray: 0.3,
};
const TYPED: Style = Style {
    font: Font::Typed,
    size: 9.0,
    gray: 0.0,
};

impl Style {
    fn leading(self) -> f32 {
        self.size * LEADING
    }
}

/// Pages being set.
#[derive(Debug)]
pub(super) struct Press {
    pub(super) pages: Vec<Vec<Mark>>,
    pub(super) nodes: Vec<Node>,
    pub(super) headings: Vec<Heading>,
    y: f32,
}

impl Press {
    pub(super) fn new() -> Self {
        Self {
            pages: vec![Vec::new()],
            nodes: Vec::new(),
            headings: Vec::new(),
            y: PAGE.1 - TOP,
        }
    }

    pub(super) fn page_count(&self) -> usize {
        self.pages.len()
    }

    pub(super) fn new_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = PAGE.1 - TOP;
    }

    /// Begins a new page unless this much fits.
    fn need(&mut self, height: f32) {
        if self.y - height < BOTTOM && self.y < PAGE.1 - TOP {
            self.new_page();
        }
    }

    pub(super) fn gap(&mut self, height: f32) {
        self.y -= height;
    }

    pub(super) fn element(&mut self, role: Role, parent: Option<Element>, tongue: Tongue) -> Element {
        self.nodes.push(Node { role, parent, tongue });
        self.nodes.len().saturating_sub(1)
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Lines of text in a column, from the current height down; a page may end between lines.
    fn lines(&mut self, x: f32, width: f32, style: Style, text: &str, element: Element) {
        for line in wrap(text, style, width) {
            self.need(style.leading());
            self.y -= style.leading();
            let y = self.y;
            self.put(x, y, style, line, Some(element));
        }
    }

    fn put(&mut self, x: f32, y: f32, style: Style, bytes: Vec<u8>, element: Option<Element>) {
        let Style { font, size, gray } = style;
        self.mark(Mark::Text {
            x,
            y,
            font,
            size,
            gray,
            bytes,
            element,
        });
    }

    /// Decoration outside the text, on a page that is already set.
    pub(super) fn decorate(
        &mut self,
        page: usize,
        x: f32,
        y: f32,
        style: Style,
        text: &str,
        align_right: Option<f32>,
    ) {
        let bytes = encode(text);
        let x = align_right.map_or(x, |right| right - style.font.width(&bytes, style.size));
        let Style { font, size, gray } = style;
        if let Some(page) = self.pages.get_mut(page) {
            page.push(Mark::Text {
                x,
                y,
                font,
                size,
                gray,
                bytes,
                element: None,
            });
        }
    }

    pub(super) fn title(&mut self, text: &str, english: &str) {
        let style = Style {
            font: Font::Bold,
            size: 34.0,
            gray: 0.0,
        };
        let title = self.element(Role::Title, None, Tongue::German);
        self.lines(LEFT, WIDTH, style, text, title);
        self.english(english, 16.0);
    }

    fn english(&mut self, text: &str, size: f32) {
        let element = self.element(Role::P, None, Tongue::English);
        self.lines(LEFT, WIDTH, Style { size, ..ENGLISH }, text, element);
    }

    /// A chapter: numbered, German large, English below; bookmarked. One that would begin low begins on a new page.
    pub(super) fn h1(&mut self, german: &str, english: &str) {
        let german = &format!("{}  {german}", self.headings.len().saturating_add(1));
        self.need(PAGE.1 / 3.0);
        self.gap(16.0);
        let style = Style {
            font: Font::Bold,
            size: 18.0,
            gray: 0.0,
        };
        let element = self.element(Role::H1, None, Tongue::German);
        let (page, y) = (self.pages.len().saturating_sub(1), self.y);
        self.headings.push(Heading {
            text: german.clone(),
            page,
            y,
        });
        self.lines(LEFT, WIDTH, style, german, element);
        self.english(english, 11.0);
        let y = self.y - 5.0;
        self.mark(Mark::Rule {
            from: (LEFT, y),
            to: (LEFT + WIDTH, y),
            width: 1.2,
        });
        self.gap(12.0);
    }

    pub(super) fn h2(&mut self, german: &str, english: &str) {
        // Room for the heading, a table's head and its tallest usual row: a heading never stands alone.
        self.need(160.0);
        self.gap(8.0);
        let style = Style {
            font: Font::Bold,
            size: 12.0,
            gray: 0.0,
        };
        let element = self.element(Role::H2, None, Tongue::German);
        self.lines(LEFT, WIDTH, style, german, element);
        self.english(english, 9.0);
        self.gap(4.0);
    }

    pub(super) fn p(&mut self, text: &str) {
        self.styled(text, TEXT);
    }

    pub(super) fn styled(&mut self, text: &str, style: Style) {
        let element = self.element(Role::P, None, Tongue::German);
        self.need(style.leading() * 2.0);
        self.lines(LEFT, WIDTH, style, text, element);
        self.gap(7.0);
    }

    /// A list; `label` makes the sign before each item from its place.
    pub(super) fn list(&mut self, items: &[(&str, String)], label: impl Fn(usize) -> String) {
        let list = self.element(Role::List, None, Tongue::German);
        for (at, (lead, text)) in items.iter().enumerate() {
            let item = self.element(Role::Item, Some(list), Tongue::German);
            let sign = self.element(Role::Label, Some(item), Tongue::German);
            let body = self.element(Role::Body, Some(item), Tongue::German);
            let lines = wrap(text, TEXT, WIDTH - 26.0).len();
            let lead_height = if lead.is_empty() { 0.0 } else { STRONG.leading() };
            self.need(lead_height + TEXT.leading() * small(lines.min(4)));
            let y = self.y - TEXT.leading();
            self.put(LEFT + 4.0, y, STRONG, encode(&label(at)), Some(sign));
            if !lead.is_empty() {
                self.lines(LEFT + 26.0, WIDTH - 26.0, STRONG, lead, body);
            }
            self.lines(LEFT + 26.0, WIDTH - 26.0, TEXT, text, body);
            self.gap(5.0);
        }
        self.gap(3.0);
    }

    /// What is typed, on a grey ground; each command stays in one piece, and a short block on one page.
    pub(super) fn typed(&mut self, commands: &[String]) {
        let lines: Vec<Vec<Vec<u8>>> = commands
            .iter()
            .map(|command| wrap_typed(command, WIDTH - 20.0))
            .collect();
        let height = |lines: &[Vec<u8>]| TYPED.leading() * small(lines.len()) + 9.0;
        let whole: f32 = lines.iter().map(|lines| height(lines) + 4.0).sum();
        if whole < PAGE.1 / 3.0 {
            self.need(whole);
        }
        for lines in lines {
            let height = height(&lines);
            self.need(height);
            let element = self.element(Role::Code, None, Tongue::German);
            self.mark(Mark::Fill {
                x: LEFT,
                y: self.y - height,
                w: WIDTH,
                h: height,
                gray: 0.92,
            });
            let bottom = self.y - height;
            self.gap(3.0);
            for line in lines {
                self.y -= TYPED.leading();
                let y = self.y;
                self.put(LEFT + 10.0, y, TYPED, line, Some(element));
            }
            self.y = bottom - 4.0;
        }
        self.gap(4.0);
    }

    /// A sentence nobody may miss: framed by a thick bar, in bold. Never by colour alone.
    pub(super) fn warning(&mut self, text: &str) {
        let style = Style { size: 11.0, ..STRONG };
        let lines = wrap(text, style, WIDTH - 24.0);
        let height = style.leading() * small(lines.len()) + 14.0;
        self.need(height + 8.0);
        self.gap(4.0);
        let (top, bottom) = (self.y, self.y - height);
        self.mark(Mark::Fill {
            x: LEFT,
            y: bottom,
            w: 5.0,
            h: height,
            gray: 0.0,
        });
        for y in [top, bottom] {
            self.mark(Mark::Rule {
                from: (LEFT, y),
                to: (LEFT + WIDTH, y),
                width: 0.8,
            });
        }
        let element = self.element(Role::P, None, Tongue::German);
        self.gap(5.0);
        self.lines(LEFT + 16.0, WIDTH - 24.0, style, text, element);
        self.y = bottom;
        self.gap(10.0);
    }

    /// Room for so many lines of a table of contents, filled in later by [`contents`](Self::contents).
    pub(super) fn reserve_contents(&mut self, lines: usize) -> Reserved {
        let list = self.element(Role::List, None, Tongue::German);
        let at = Reserved {
            page: self.pages.len().saturating_sub(1),
            top: self.y,
            list,
        };
        self.gap(18.0 * small(lines));
        at
    }

    /// The table of contents, once every page is known.
    pub(super) fn contents(&mut self, Reserved { page, top, list }: Reserved) {
        let style = Style { size: 11.0, ..TEXT };
        let entries: Vec<(Vec<u8>, String)> = self
            .headings
            .iter()
            .map(|one| (encode(&one.text), one.page.saturating_add(1).to_string()))
            .collect();
        let mut y = top;
        for (text, number) in entries {
            y -= 18.0;
            let item = self.element(Role::Item, Some(list), Tongue::German);
            let body = self.element(Role::Body, Some(item), Tongue::German);
            let number = encode(&number);
            let right = LEFT + WIDTH - style.font.width(&number, style.size);
            let end = LEFT + style.font.width(&text, style.size);
            let Style { font, size, gray } = style;
            let Some(page) = self.pages.get_mut(page) else {
                return;
            };
            page.push(Mark::Text {
                x: LEFT,
                y,
                font,
                size,
                gray,
                bytes: text,
                element: Some(body),
            });
            page.push(Mark::Rule {
                from: (end + 6.0, y + 2.0),
                to: (right - 6.0, y + 2.0),
                width: 0.3,
            });
            page.push(Mark::Text {
                x: right,
                y,
                font,
                size,
                gray,
                bytes: number,
                element: Some(body),
            });
        }
    }
}

/// Small counts as lengths.
fn small(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}
