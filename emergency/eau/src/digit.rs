//! Check digits. They are reported and never a ground to refuse: even published valid samples carry wrong ones.

/// Insured id (KVNR): the letter counts as two digits, weights 1 and 2 in turn, sums of digits, modulo 10.
#[must_use]
pub fn insured_id_fits(id: &str) -> bool {
    let mut bytes = id.bytes();
    let Some(letter @ b'A'..=b'Z') = bytes.next() else {
        return false;
    };
    let place = letter.wrapping_sub(b'A').saturating_add(1);
    let digits: Option<Vec<u8>> = [place / 10, place % 10]
        .into_iter()
        .map(Some)
        .chain(bytes.map(digit))
        .collect();
    let Some((check, rest)) = digits.as_deref().and_then(<[u8]>::split_last) else {
        return false;
    };
    rest.len() == 10 && crosswise(rest, [1, 2]) == u32::from(*check)
}

/// Institution number (IK): digits 3 to 8, weights 2 and 1 in turn, sums of digits, modulo 10.
#[must_use]
pub fn institution_fits(number: &str) -> bool {
    let digits: Option<Vec<u8>> = number.bytes().map(digit).collect();
    match digits.as_deref() {
        Some([_, _, middle @ .., check]) if middle.len() == 6 => {
            crosswise(middle, [2, 1]) == u32::from(*check)
        }
        _ => false,
    }
}

/// Physician number (LANR): digits 1 to 6, weights 4 and 9 in turn; digit 7 completes the sum to a multiple of ten. The
/// number for everything else, 999999900, passes.
#[must_use]
pub fn physician_fits(number: &str) -> bool {
    if number == "999999900" {
        return true;
    }
    let digits: Option<Vec<u8>> = number.bytes().map(digit).collect();
    match digits.as_deref() {
        Some([a, b, c, d, e, f, check, _, _]) => {
            let weighed = [(a, 4), (b, 9), (c, 4), (d, 9), (e, 4), (f, 9)];
            let sum: u32 = weighed
                .into_iter()
                .map(|(digit, weight)| u32::from(*digit).saturating_mul(weight))
                .sum();
            (10_u32.saturating_sub(sum % 10)) % 10 == u32::from(*check)
        }
        _ => false,
    }
}

/// The check digit of an insured id's letter and eight digits, for generators of test data.
pub(crate) fn insured_check(letter: u8, digits: [u8; 8]) -> u8 {
    let place = letter.wrapping_sub(b'A').saturating_add(1);
    let all: Vec<u8> = [place / 10, place % 10].into_iter().chain(digits).collect();
    u8::try_from(crosswise(&all, [1, 2])).unwrap_or_default()
}

/// The check digit of a physician number's first six digits.
pub(crate) fn physician_check(digits: [u8; 6]) -> u8 {
    let sum: u32 = digits
        .iter()
        .zip([4, 9].into_iter().cycle())
        .map(|(digit, weight)| u32::from(*digit).saturating_mul(weight))
        .sum();
    u8::try_from((10_u32.saturating_sub(sum % 10)) % 10).unwrap_or_default()
}

/// The check digit of an institution number's digits 3 to 8.
pub(crate) fn institution_check(digits: [u8; 6]) -> u8 {
    u8::try_from(crosswise(&digits, [2, 1])).unwrap_or_default()
}

fn crosswise(digits: &[u8], weights: [u32; 2]) -> u32 {
    let sum: u32 = digits
        .iter()
        .zip(weights.into_iter().cycle())
        .map(|(digit, weight)| u32::from(*digit).saturating_mul(weight))
        .map(|product| (product / 10).saturating_add(product % 10))
        .sum();
    sum % 10
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        assert!(insured_id_fits("X234567891"));
        for bad in [
            "X234567890",
            "P123464113",
            "",
            "x234567891",
            "X23456789",
            "X23456789ä",
        ] {
            assert!(!insured_id_fits(bad), "{bad}");
        }
        for good in [
            "101575519",
            "105830016",
            "109723913",
            "107202793",
            "108433248",
            "105508787",
            "109519005",
            "260326822",
        ] {
            assert!(institution_fits(good), "{good}");
        }
        assert!(!institution_fits("101577501") && !institution_fits("278600000") && !institution_fits("1"));
        for good in ["838382202", "838382203", "895268385", "123456628", "999999900"] {
            assert!(physician_fits(good), "{good}");
        }
        assert!(!physician_fits("838382302") && !physician_fits(""));
    }
}
