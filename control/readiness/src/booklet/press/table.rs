//! Tables.

use super::{
    BOTTOM, CELL_PAD, Element, LEFT, Mark, Press, Role, SMALL, SMALL_STRONG, Style, Tongue, WIDTH, small,
    wrap::wrap,
};

impl Press {
    /// A table: heads, shares of the width, rows. Heads are repeated on every page; a row stays in one piece.
    pub(in super::super) fn table(&mut self, columns: &[(&str, f32)], rows: &[Vec<String>]) {
        let table = self.element(Role::Table, None, Tongue::German);
        let heads: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        let widths: Vec<f32> = columns.iter().map(|(_, share)| share * WIDTH).collect();
        let first = rows.first().map_or(0.0, |row| row_height(row, &widths, SMALL));
        self.need(row_height(&heads, &widths, SMALL_STRONG) + first);
        self.row(table, &heads, &widths, Role::Head);
        for row in rows {
            if self.y - row_height(row, &widths, SMALL) < BOTTOM {
                self.new_page();
                self.repeated_head(&heads, &widths);
            }
            self.row(table, row, &widths, Role::Cell);
        }
        self.gap(10.0);
    }

    fn row(&mut self, table: Element, cells: &[String], widths: &[f32], role: Role) {
        let parent = self.element(Role::Row, Some(table), Tongue::German);
        let style = if role == Role::Head { SMALL_STRONG } else { SMALL };
        let height = row_height(cells, widths, style);
        let top = self.y;
        if role == Role::Head {
            self.mark(Mark::Fill {
                x: LEFT,
                y: top - height,
                w: WIDTH,
                h: height,
                gray: 0.88,
            });
        }
        let mut x = LEFT;
        for (cell, width) in cells.iter().zip(widths) {
            let element = self.element(role, Some(parent), Tongue::German);
            self.cell(x, top, *width, style, cell, Some(element));
            x += width;
        }
        self.y = top - height;
        let y = self.y;
        self.mark(Mark::Rule {
            from: (LEFT, y),
            to: (LEFT + WIDTH, y),
            width: 0.5,
        });
    }

    /// The heads again on a further page: decoration, for the structure has them already.
    fn repeated_head(&mut self, cells: &[String], widths: &[f32]) {
        let height = row_height(cells, widths, SMALL_STRONG);
        let top = self.y;
        self.mark(Mark::Fill {
            x: LEFT,
            y: top - height,
            w: WIDTH,
            h: height,
            gray: 0.88,
        });
        let mut x = LEFT;
        for (cell, width) in cells.iter().zip(widths) {
            self.cell(x, top, *width, SMALL_STRONG, cell, None);
            x += width;
        }
        self.y = top - height;
    }

    fn cell(&mut self, x: f32, top: f32, width: f32, style: Style, text: &str, element: Option<Element>) {
        let mut y = top - CELL_PAD + 1.0;
        for part in text.split('\n') {
            for line in wrap(part, style, width - 2.0 * CELL_PAD) {
                y -= style.leading();
                self.put(x + CELL_PAD, y + 1.5, style, line, element);
            }
        }
    }
}

fn row_height(cells: &[String], widths: &[f32], style: Style) -> f32 {
    let lines = |(cell, width): (&String, &f32)| -> usize {
        cell.split('\n')
            .map(|part| wrap(part, style, width - 2.0 * CELL_PAD).len())
            .sum()
    };
    let most = cells.iter().zip(widths).map(lines).max().unwrap_or(1).max(1);
    style.leading() * small(most) + 2.0 * CELL_PAD
}
