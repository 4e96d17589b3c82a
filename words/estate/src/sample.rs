//! An invented estate of realistic size, the same for the same seed.

use core::fmt::Write as _;

use crate::identifier::Ik;

/// Where chance comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seed(pub u64);

const INSURERS: usize = 80;

/// Insured persons of the whole sample, about: what one German provider serves.
const INSURED: u64 = 25_000_000;

/// Shape of the size distribution: rank and insured persons, joined by straight lines in the logarithm. A few big
/// funds, many small ones, as in the published figures of the statutory funds for 2024.
const SHAPE: [(f64, f64); 8] = [
    (1.0, 5_500_000.0),
    (2.0, 3_000_000.0),
    (3.0, 1_600_000.0),
    (10.0, 640_000.0),
    (20.0, 410_000.0),
    (35.0, 150_000.0),
    (55.0, 50_000.0),
    (80.0, 19_000.0),
];

const KINDS: [&str; 4] = ["Musterkasse", "Beispiel-BKK", "Übungskasse", "Probe-Ersatzkasse"];
const WORDS: [&str; 20] = [
    "Ahorn", "Birke", "Distel", "Eibe", "Farn", "Ginster", "Hasel", "Iris", "Kiefer", "Linde", "Malve",
    "Nelke", "Quitte", "Robinie", "Salbei", "Tanne", "Ulme", "Veilchen", "Weide", "Zeder",
];

/// Writes an estate of 80 invented insurers with about 25 million insured persons in two data centres.
#[must_use]
pub fn sample(seed: Seed) -> String {
    let mut out = String::with_capacity(32 * 1024);
    out.push_str(HEAD);
    out.push_str(CATALOGUE);
    out.push_str(CALENDAR);
    out.push_str(RESPONDERS);
    for (index, insured) in sizes(seed).into_iter().enumerate() {
        write_insurer(&mut out, index, insured);
    }
    out
}

fn write_insurer(out: &mut String, index: usize, insured: u64) {
    let number = index.saturating_add(1);
    let kind = KINDS.get(index % KINDS.len()).copied().unwrap_or_default();
    let word = WORDS
        .get(index / KINDS.len() % WORDS.len())
        .copied()
        .unwrap_or_default();
    let ik = Ik::with_check_digit(&format!("99{number:06}"))
        .map(|ik| ik.to_string())
        .unwrap_or_default();
    let site = if index % 3 == 2 { "munich" } else { "essen" };
    // Writing to a String cannot fail.
    let _infallible = write!(
        out,
        "\n[[insurer]]\nid = \"kasse-{number:03}\"\nname = \"{kind} {word} (erfunden)\"\nik = \"{ik}\"\ninsured = {insured}\n\
         site = \"{site}\"\nmailboxes = [\"eau@kasse-{number:03}.kim.telematik-test\"]\n"
    );
    if insured >= 1_000_000 {
        // Large funds cannot make up for a lost day of sick pay by telephone.
        out.push_str("impact.payments = { mtd-hours = 24, rto-hours = 4 }\n");
    }
}

/// Largest first, scaled so that the sum is close to [`INSURED`].
fn sizes(seed: Seed) -> Vec<u64> {
    let mut chance = SplitMix64(seed.0);
    let raw: Vec<f64> = (1..=INSURERS)
        .map(|rank| shape(rank) * (0.96 + 0.08 * chance.unit()))
        .collect();
    let scale = as_float(INSURED) / raw.iter().sum::<f64>();
    let mut sizes: Vec<u64> = raw.iter().map(|size| whole(size * scale)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

fn shape(rank: usize) -> f64 {
    let rank = as_float(u64::try_from(rank).unwrap_or(u64::MAX));
    let mut last = (1.0_f64, 5_500_000.0_f64);
    for (at, size) in SHAPE {
        if rank <= at {
            let part = if at > last.0 {
                (rank - last.0) / (at - last.0)
            } else {
                1.0
            };
            return last.1 * (size / last.1).powf(part);
        }
        last = (at, size);
    }
    last.1
}

#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^52")]
const fn as_float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are positive and below 2^52"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough for a sample, nothing secret.
struct SplitMix64(u64);

impl SplitMix64 {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    const fn unit(&mut self) -> f64 {
        as_float(self.next() >> 11) / as_float(1 << 53)
    }
}

const HEAD: &str = r#"# ERFUNDEN / SYNTHETIC
# Diese Landschaft ist erfunden: keine Kasse, Nummer oder Adresse darin gehört jemandem. Nur die Größenverteilung
# folgt den veröffentlichten Zahlen der gesetzlichen Krankenversicherung. Institutionskennzeichen beginnen mit 99,
# Adressen enden in .kim.telematik-test.
# This estate is invented: no insurer, number or address in it belongs to anybody. Only the distribution of sizes
# follows published figures. Institution numbers begin with 99, addresses end in .kim.telematik-test.
# Stunden und Anteile sind Annahmen für die Übung. / Hours and shares are assumptions for exercises.

[estate]
id = "sample"
name = "Erfundenes Rechenzentrum für 80 Kassen"
telematik = "test"
synthetic = true

[[site]]
id = "essen"
name = "Rechenzentrum Essen"

[[site]]
id = "munich"
name = "Rechenzentrum München"
"#;

/// Roots and services with assumed impact, for the sample and as a start for an imported estate.
pub(crate) const CATALOGUE: &str = r#"
[[root]]
id = "network"
name = "Netz und Leitungen"

[[root]]
id = "dns"
name = "Namensdienst"
needs = ["network"]

[[root]]
id = "identity"
name = "Verzeichnis und Anmeldung"
needs = ["dns"]

[[root]]
id = "keys"
name = "Schlüssel und HSM"
needs = ["identity"]

[[root]]
id = "mail"
name = "Mail-Vermittlung"
needs = ["dns", "keys"]

[[service]]
id = "kim"
name = "KIM-Post"
holdable = true
mtd-hours = 72
rto-hours = 24
affected-percent = 2
livelihood = false
needs = ["mail", "keys"]

[[service]]
id = "eau"
name = "Arbeitsunfähigkeitsbescheinigung (eAU)"
holdable = true
mtd-hours = 24
rto-hours = 8
affected-percent = 4
livelihood = true
needs = ["kim"]

[[service]]
id = "contact"
name = "Gewöhnliche Mail der Kasse"
holdable = true
mtd-hours = 72
rto-hours = 24
affected-percent = 3
livelihood = false
needs = ["mail"]

[[service]]
id = "epa"
name = "Elektronische Patientenakte"
holdable = false
mtd-hours = 48
rto-hours = 24
affected-percent = 10
livelihood = false
needs = ["identity", "keys"]

[[service]]
id = "payments"
name = "Krankengeld, Pflegegeld, Leistungserbringer"
holdable = true
mtd-hours = 48
rto-hours = 24
affected-percent = 2
livelihood = true
needs = ["identity", "keys"]

[[service]]
id = "statistics"
name = "Monatsstatistik KM1"
holdable = true
mtd-hours = 336
rto-hours = 240
affected-percent = 0
livelihood = false
needs = ["identity"]

[[service]]
id = "exchange"
name = "Datenaustausch und Abruf der Arbeitgeber"
holdable = true
mtd-hours = 72
rto-hours = 24
affected-percent = 5
livelihood = false
needs = ["network", "identity"]

[[service]]
id = "lookup"
name = "Auskünfte am Tresen (Zuzahlung, DiGA, eEB)"
holdable = false
mtd-hours = 8
rto-hours = 4
affected-percent = 5
livelihood = true
needs = ["identity"]
"#;

const CALENDAR: &str = r#"
[[calendar]]
on = 2023-04-24
what = "Beitragsnachweise fällig / contribution statements due"
services = ["exchange"]

[[calendar]]
on = 2023-04-26
what = "Sozialversicherungsbeiträge fällig / contributions due"
services = ["exchange", "payments"]

[[calendar]]
on = 2023-05-21
what = "Monatsstatistik fällig / monthly statistics due"
services = ["statistics"]
"#;

/// Who would come in from outside. Names, addresses and numbers are invented: reserved names (RFC 2606), a documentation
/// address (RFC 5737), and numbers the German regulator keeps for fiction.
const RESPONDERS: &str = r#"
[[responders]]
name = "Forensik-Labor, Fernzugang"
address = "vpn.forensik.example:443"
flow = "sessions"
through = ["kasse-001/epa"]
ask = "Bereitschaft des Labors, +49 30 23125 001"

[[responders]]
name = "Notzugang der Leitwarte über eigene Leitung"
address = "192.0.2.17:22"
through = []
ask = "Leitwarte Essen, +49 201 5550 100"
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, check};
    use vocabulary::{Holdable, Scope};

    #[test]
    fn the_sample_is_a_valid_estate_of_realistic_shape() {
        for seed in [0, 1, 4711] {
            let text = sample(Seed(seed));
            assert_eq!(text, sample(Seed(seed)), "the same seed gives the same text");
            let estate = check(&text, "sample.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"));
            assert_eq!((estate.insurers().len(), estate.sites().len()), (80, 2));
            assert_eq!(estate.origin(), Origin::Synthetic);
            let insured = estate.insured().0;
            assert!((24_900_000..=25_100_000).contains(&insured), "{insured}");
            let mut sizes: Vec<u64> = estate.insurers().map(|i| i.insured.0).collect();
            sizes.sort_unstable();
            assert!(
                sizes[79] > 4_000_000 && sizes[0] < 30_000,
                "few big ones, many small ones"
            );
            assert!(
                sizes[..40].iter().sum::<u64>() * 10 < insured,
                "the smaller half has less than a tenth"
            );
            assert_eq!(estate.doors().count(), 640);
            assert_eq!(
                estate
                    .doors()
                    .filter(|(.., holdable)| *holdable == Holdable::No)
                    .count(),
                160
            );
            assert_eq!(estate.counts(&Scope::everything()).insurers, 80);
            assert_eq!(estate.responders().len(), 2);
        }
        assert_ne!(sample(Seed(1)), sample(Seed(2)));
    }
}
