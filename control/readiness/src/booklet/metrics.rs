//! Characters and widths of the fonts every PDF reader has: WinAnsi encoding (ISO 32000-1, annex D) and the advance widths
//! of Helvetica and Courier (Adobe Core 14 metrics), in thousandths of the font size.

/// A font of the booklet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Font {
    /// Helvetica.
    Regular,
    /// Helvetica-Bold.
    Bold,
    /// Helvetica-Oblique, for English.
    Slanted,
    /// Courier, for what is typed.
    Typed,
}

impl Font {
    pub(super) const ALL: [Self; 4] = [Self::Regular, Self::Bold, Self::Slanted, Self::Typed];

    /// Its name in a page's resources.
    pub(super) const fn resource(self) -> &'static [u8] {
        match self {
            Self::Regular => b"F1",
            Self::Bold => b"F2",
            Self::Slanted => b"F3",
            Self::Typed => b"F4",
        }
    }

    /// Its name among the standard fonts.
    pub(super) const fn base(self) -> &'static [u8] {
        match self {
            Self::Regular => b"Helvetica",
            Self::Bold => b"Helvetica-Bold",
            Self::Slanted => b"Helvetica-Oblique",
            Self::Typed => b"Courier",
        }
    }

    /// Width of a text already encoded, in points.
    pub(super) fn width(self, bytes: &[u8], size: f32) -> f32 {
        let sum: u32 = bytes.iter().map(|byte| u32::from(self.advance(*byte))).sum();
        // Sums of a line are far below 2^24, where f32 is exact.
        #[expect(clippy::cast_precision_loss, reason = "a line is never 16 million units long")]
        let thousandths = sum as f32;
        thousandths * size / 1000.0
    }

    fn advance(self, byte: u8) -> u16 {
        let (low, high): (&[u16; 95], fn(u8) -> u16) = match self {
            Self::Typed => return 600,
            Self::Regular | Self::Slanted => (&REGULAR, regular_high),
            Self::Bold => (&BOLD, bold_high),
        };
        byte.checked_sub(32)
            .and_then(|at| low.get(usize::from(at)).copied())
            .unwrap_or_else(|| high(byte))
    }
}

const REGULAR: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278,
    556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584,
    556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556,
    333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];

/// Regular widths above ASCII, by ranges of WinAnsi.
const fn regular_high(byte: u8) -> u16 {
    match byte {
        0x82 | 0x91 | 0x92 => 222,
        0x84 | 0x93 | 0x94 | 0x88 | 0x8B | 0x98 | 0x9B => 333,
        0x85 | 0x89 | 0x8C | 0x97 | 0x99 | 0xC6 => 1000,
        0x95 => 350,
        0x9C => 944,
        0x8A | 0x9F | 0xC0..=0xC5 | 0xC8..=0xCB | 0xDD | 0xDE => 667,
        0x8E | 0xBF | 0xDF | 0xF8 => 611,
        0x9A | 0x9E | 0xE7 | 0xFD | 0xFF => 500,
        0xA0 | 0xB7 | 0xCC..=0xCF | 0xEC..=0xEF => 278,
        0xA1 | 0xA8 | 0xAD | 0xAF | 0xB2..=0xB4 | 0xB8 | 0xB9 => 333,
        0xA6 => 260,
        0xA9 | 0xAE => 737,
        0xAA => 370,
        0xBA => 365,
        0xAC | 0xB1 | 0xD7 | 0xF7 => 584,
        0xB0 => 400,
        0xB6 => 537,
        0xBC..=0xBE => 834,
        0xC7 | 0xD0 | 0xD1 | 0xD9..=0xDC => 722,
        0xD2..=0xD6 | 0xD8 => 778,
        0xE6 => 889,
        _ => 556,
    }
}

/// Bold widths above ASCII, where they differ from the regular ones.
const fn bold_high(byte: u8) -> u16 {
    match byte {
        0x82 | 0x91 | 0x92 => 278,
        0x84 | 0x93 | 0x94 => 500,
        0x9A | 0xE7 | 0xFD | 0xFF | 0xB6 => 556,
        0xA6 => 280,
        0xB5 | 0xF0..=0xF6 | 0xF9..=0xFC | 0xFE => 611,
        0xC0..=0xC5 => 722,
        other => regular_high(other),
    }
}

/// Encodes a text. What WinAnsi does not have becomes the nearest thing it has, a question mark at worst.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' | '\u{a0}'..='\u{ff}' => bytes.push(u8::try_from(u32::from(c)).unwrap_or(b'?')),
            '→' => bytes.extend(b"->"),
            '≥' => bytes.extend(b">="),
            '≤' => bytes.extend(b"<="),
            '−' | '‐' | '‑' => bytes.push(b'-'),
            other => bytes.push(upper(other).unwrap_or_else(|| plain(other))),
        }
    }
    bytes
}

/// The part of WinAnsi that is not Latin-1.
const fn upper(c: char) -> Option<u8> {
    Some(match c {
        '€' => 0x80,
        '‚' => 0x82,
        'ƒ' => 0x83,
        '„' => 0x84,
        '…' => 0x85,
        '†' => 0x86,
        '‡' => 0x87,
        '‰' => 0x89,
        'Š' => 0x8A,
        '‹' => 0x8B,
        'Œ' => 0x8C,
        'Ž' => 0x8E,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '•' => 0x95,
        '–' => 0x96,
        '—' => 0x97,
        '™' => 0x99,
        'š' => 0x9A,
        '›' => 0x9B,
        'œ' => 0x9C,
        'ž' => 0x9E,
        'Ÿ' => 0x9F,
        _ => return None,
    })
}

/// Letters of neighbouring languages without their marks, so that a name stays readable.
const fn plain(c: char) -> u8 {
    match c {
        'ą' | 'ă' | 'ā' => b'a',
        'ć' | 'č' => b'c',
        'ď' | 'đ' => b'd',
        'ę' | 'ě' | 'ē' => b'e',
        'ğ' => b'g',
        'ı' | 'ī' => b'i',
        'ł' => b'l',
        'ń' | 'ň' => b'n',
        'ő' => b'o',
        'ř' => b'r',
        'ś' | 'ş' | 'ș' => b's',
        'ť' | 'ț' => b't',
        'ů' | 'ű' => b'u',
        'ź' | 'ż' => b'z',
        'Ą' => b'A',
        'Ć' | 'Č' => b'C',
        'Đ' => b'D',
        'Ę' | 'Ě' => b'E',
        'Ğ' => b'G',
        'İ' => b'I',
        'Ł' => b'L',
        'Ń' | 'Ň' => b'N',
        'Ő' => b'O',
        'Ř' => b'R',
        'Ś' | 'Ş' => b'S',
        'Ů' | 'Ű' => b'U',
        'Ź' | 'Ż' => b'Z',
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_have_their_place_and_width() {
        assert_eq!(
            encode("Größe ÄÖÜ „ja“ – 5 €"),
            b"Gr\xf6\xdfe \xc4\xd6\xdc \x84ja\x93 \x96 5 \x80"
        );
        assert_eq!(encode("Łukasz Żak → ☐"), b"Lukasz Zak -> ?");
        assert!((Font::Regular.width(&encode("Äa"), 10.0) - 12.23).abs() < 0.001);
        assert!((Font::Typed.width(b"abc", 10.0) - 18.0).abs() < 0.001);
    }
}
