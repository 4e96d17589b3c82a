//! Short messages: the alphabet a single one may use, and its length.

/// Septets of one short message that is not split (3GPP TS 23.038 and 23.040: 140 octets).
pub const SEPTETS_MAX: usize = 160;

/// The default alphabet of 3GPP TS 23.038, section 6.2.1, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table (section 6.2.1.1): each takes two septets.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// How many septets a text takes; none if a character is not in the alphabet.
#[must_use]
pub fn septets(text: &str) -> Option<usize> {
    text.chars().try_fold(0_usize, |sum, c| {
        if BASIC.contains(c) {
            sum.checked_add(1)
        } else if EXTENDED.contains(c) {
            sum.checked_add(2)
        } else {
            None
        }
    })
}

/// A name that fits into a short message: at most so many septets, what does not fit replaced by something similar.
#[must_use]
pub(super) fn name(text: &str, septets_max: usize) -> String {
    let mut short = String::new();
    let mut used = 0_usize;
    for c in text.chars() {
        let c = similar(c);
        let cost = if EXTENDED.contains(c) { 2 } else { 1 };
        used = used.saturating_add(cost);
        if used > septets_max {
            break;
        }
        short.push(c);
    }
    short.trim_end().to_owned()
}

fn similar(c: char) -> char {
    match c {
        c if (BASIC.contains(c) && !c.is_control()) || c == '€' => c,
        '„' | '“' | '”' | '»' | '«' => '"',
        '’' | '‘' | '‚' => '\'',
        '–' | '—' => '-',
        'á' | 'â' | 'ã' => 'a',
        'ê' | 'ë' | 'ę' | 'ě' => 'e',
        'í' | 'î' | 'ï' => 'i',
        'ó' | 'ô' | 'õ' => 'o',
        'ú' | 'û' | 'ů' => 'u',
        'ç' | 'ć' | 'č' => 'c',
        'š' | 'ş' | 'ś' => 's',
        'ž' | 'ź' | 'ż' => 'z',
        'ł' => 'l',
        'ń' => 'n',
        'ř' => 'r',
        'ğ' => 'g',
        'ı' => 'i',
        _ => '.',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_take_one_septet_and_brackets_two() {
        assert_eq!(septets("Übung für Größe"), Some(15));
        assert_eq!(septets("[€]"), Some(6));
        assert_eq!(septets("→"), None);
        assert_eq!(septets(""), Some(0));
        assert_eq!(BASIC.chars().count(), 127, "128 places, one of them the escape");
    }

    #[test]
    fn names_are_shortened_not_refused() {
        assert_eq!(
            name("Kasse „Łódź“ – Süd\u{202e}", 40),
            "Kasse \".ódz\" - Süd.".replace('ó', "o")
        );
        assert_eq!(name("abcdef", 3), "abc");
    }
}
