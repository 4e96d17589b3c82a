//! Invented business of one insurer, minute by minute: practices' hours, days that differ, chance, and practices that
//! send a pile of bad mails at once. Everything is an assumption for tests; the same seed gives the same weeks.

use vocabulary::{Digest, Timestamp};
use warning::sensor::{Measure, Minute, Seen, Senders};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Copy)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal (sum of twelve).
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Poisson: Knuth below 30, else about normal.
    fn poisson(&mut self, mean: f64) -> u32 {
        if mean >= 30.0 {
            return (mean + mean.sqrt() * self.normal()).max(0.0).round() as u32;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

/// Share of a weekday's eAU per local hour.
const HOURS: [f64; 24] = [
    0.001, 0.001, 0.001, 0.001, 0.001, 0.002, 0.01, 0.03, 0.10, 0.13, 0.14, 0.13, 0.09, 0.05, 0.06, 0.08,
    0.07, 0.045, 0.025, 0.012, 0.008, 0.006, 0.005, 0.003,
];
const SHARE_USUAL: f64 = 0.02;

/// One insurer.
pub(crate) struct Business {
    chance: Chance,
    per_weekday: f64,
    practices: u64,
    day: i64,
    day_factor: f64,
    /// A practice that sends bad mails: how many are left.
    pile: u32,
    /// Whose pile it is.
    pile_of: u64,
}

/// What a minute of normal or broken business brings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Normal,
    /// As reported for April 2023: almost every eAU is answered as faulty.
    AlmostAllRejected,
}

impl Business {
    /// Of an insurer with so many insured persons: 1.6 eAU a year each, on 250 weekdays.
    pub(crate) fn of(insured: u64, seed: u64) -> Self {
        Self {
            chance: Chance(seed),
            per_weekday: insured as f64 * 1.6 / 250.0,
            // One practice for 1,500 insured persons of all funds; most of them write for every fund.
            practices: (insured / 200).clamp(50, 50_000),
            day: i64::MIN,
            day_factor: 1.0,
            pile: 0,
            pile_of: 0,
        }
    }

    /// eAU, error mails among the answers, payments.
    pub(crate) fn minute(&mut self, at: Timestamp, mood: Mood) -> [(Measure, Minute); 3] {
        let here = warning::local(at);
        if here.day != self.day {
            self.day = here.day;
            // Weeks differ: influenza, weather, bridge days.
            self.day_factor = (0.15 * self.chance.normal()).exp();
        }
        let hour = usize::from(u8::from(here.hour));
        let weekend = if hour / 24 >= 5 { 0.04 } else { 1.0 };
        let mean = self.per_weekday * self.day_factor * weekend * HOURS[hour % 24] / 60.0;
        let eau = self.chance.poisson(mean);
        // Once in three days of practice a pile of 5 to 44 mails of one practice is bad.
        if self.chance.unit() < (1.0 / (3.0 * 600.0)) * weekend * (HOURS[hour % 24] / 0.1) {
            self.pile += 5 + (self.chance.next() % 40) as u32;
            self.pile_of = self.chance.next() % self.practices;
        }
        let piled = self.pile.min(3);
        self.pile -= piled;
        let (mut failed, mut all) = (Senders::none(), Senders::none());
        for mail in 0..eau + piled {
            let from_pile = mail >= eau;
            let practice = if from_pile {
                self.pile_of
            } else {
                self.chance.next() % self.practices
            };
            let practice = Digest::of(&practice.to_be_bytes());
            let error = match mood {
                Mood::Normal => from_pile || self.chance.unit() < SHARE_USUAL,
                Mood::AlmostAllRejected => self.chance.unit() < 0.97,
            };
            all.add(&practice);
            if error {
                failed.add(&practice);
            }
        }
        let paid = if (8..18).contains(&(hour % 24)) {
            mean * 0.3
        } else {
            0.0
        };
        let minute = |seen| Minute { at, seen };
        let payments = self.chance.poisson(paid);
        [
            (Measure::EauRate, minute(Seen::Count(eau + piled))),
            (Measure::ErrorShare, minute(Seen::Share { failed, all })),
            (Measure::PaymentVolume, minute(Seen::Count(payments))),
        ]
    }
}
