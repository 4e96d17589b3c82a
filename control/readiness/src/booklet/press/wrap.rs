//! Lines of text.

use super::{Style, TYPED, encode};

/// Breaks a text into lines that fit; a word longer than a line is cut.
pub(super) fn wrap(text: &str, style: Style, width: f32) -> Vec<Vec<u8>> {
    let fits = |bytes: &[u8]| style.font.width(bytes, style.size) <= width;
    let mut lines = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    for word in text.split_whitespace() {
        let mut word = encode(word);
        let mut longer = line.clone();
        if !longer.is_empty() {
            longer.push(b' ');
        }
        longer.extend(&word);
        if fits(&longer) {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(core::mem::take(&mut line));
        }
        while !fits(&word) && word.len() > 1 {
            let rest = word.split_off(cut(&word, &fits));
            lines.push(word);
            word = rest;
        }
        line = word;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Where a word too long for a line is cut: after the last sign in it that joins parts of names, else where it must be.
fn cut(word: &[u8], fits: &impl Fn(&[u8]) -> bool) -> usize {
    let longest = (1..word.len())
        .rev()
        .find(|end| word.get(..*end).is_some_and(fits))
        .unwrap_or(1);
    let joint = word
        .get(..longest)
        .and_then(|part| part.iter().rposition(|byte| b"-/@._".contains(byte)));
    match joint {
        Some(at) if at.saturating_add(1) >= longest / 2 => at.saturating_add(1),
        Some(_) | None => longest,
    }
}

/// Breaks a command into lines at blanks, with a backslash as a shell wants it.
pub(super) fn wrap_typed(command: &str, width: f32) -> Vec<Vec<u8>> {
    let room = width - TYPED.font.width(b"  \\", TYPED.size);
    let mut lines = wrap(command, TYPED, room);
    let last = lines.len().saturating_sub(1);
    for (at, line) in lines.iter_mut().enumerate() {
        if at < last {
            line.extend(b" \\");
        }
        if at > 0 {
            line.splice(0..0, *b"  ");
        }
    }
    lines
}
