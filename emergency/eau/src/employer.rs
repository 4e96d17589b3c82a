//! What a fund answers an employer who asks for a sick note: how absence and notes are matched, and the nine codes.
//!
//! Sources: § 109 SGB IV; Grundsätze eAU of the GKV-SV as quoted by Haufe, TK, AOK (the data set itself was not at hand:
//! field names and lengths are not modelled). Data that came on paper during a disturbance counts as available.

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

/// Days an employer's start may lie before the stored one.
pub const START_EARLIER_DAYS_MAX: i64 = 5;
/// Calendar days within which a fund that answered "in checking" sends the final answer on its own.
pub const FINAL_WITHIN_DAYS: i64 = 28;

/// `Kennzeichen_der_Rückmeldung`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Code {
    /// 1: not responsible, or the person is unknown.
    NotResponsible,
    /// 2: incapacity for work.
    Incapacity,
    /// 3: full inpatient treatment; expected discharge first, the real one is sent on its own.
    Hospital,
    /// 4: no proof on file. Has consequences for the sick person.
    NoProof,
    /// 5: rehabilitation or prevention, inpatient.
    Rehabilitation,
    /// 6: part-inpatient.
    DayHospital,
    /// 7: in checking.
    InChecking,
    /// 8: another proof is on file.
    OtherProof,
    /// 9: passed on after a change of fund.
    PassedOn,
}

impl Code {
    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::NotResponsible => 1,
            Self::Incapacity => 2,
            Self::Hospital => 3,
            Self::NoProof => 4,
            Self::Rehabilitation => 5,
            Self::DayHospital => 6,
            Self::InChecking => 7,
            Self::OtherProof => 8,
            Self::PassedOn => 9,
        }
    }

    /// Whether another answer may follow: 4, 7 and 9.
    #[must_use]
    pub fn is_interim(self) -> bool {
        matches!(self, Self::NoProof | Self::InChecking | Self::PassedOn)
    }
}

/// One proof on file about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What it proves; one of 2, 3, 5, 6, 8.
    pub code: Code,
    /// First day: for a follow-up note that of its first note.
    pub since: Date,
    /// Expected last day.
    pub until: Date,
}

/// Whether the person is insured here on that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Here.
    Member,
    /// Not here, and nobody knows where.
    Unknown,
    /// With another fund, to which the question was passed on.
    PassedOn,
}

/// Whether a note of this person may lie unread in a spool or a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Everything was read.
    Nothing,
    /// Something may be held.
    Perhaps,
}

/// An insurer's switch.
///
/// That 7 is the honest answer while a note may be held is **our reading** of the codes; no source says it. The insurer
/// decides, and the screen must say whose reading it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhileHeld {
    /// 4, as on any other day.
    #[default]
    NoProof,
    /// 7 instead of 4 while anything may be held (our reading).
    InChecking,
}

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code.
    pub code: Code,
    /// All proofs that concern the absence, in order of their first day: all are sent, not just one.
    pub proofs: Vec<Proof>,
    /// Until when the final answer is sent on its own; after that the employer must ask anew.
    pub final_until: Option<Date>,
}

/// Whether a proof concerns an absence that began on this day: the same start; a start within; a start up to five days
/// before.
#[must_use]
pub fn concerns(proof: &Proof, absent_since: Date) -> bool {
    let within = proof.since <= absent_since && absent_since <= proof.until;
    let earliest = proof
        .since
        .checked_sub(START_EARLIER_DAYS_MAX.days())
        .unwrap_or(proof.since);
    within || (earliest <= absent_since && absent_since < proof.since)
}

/// Answers an employer who says since when somebody is absent.
#[must_use]
pub fn reply(
    absent_since: Date,
    answered_on: Date,
    membership: Membership,
    proofs: &[Proof],
    held: Held,
    while_held: WhileHeld,
) -> Reply {
    let nothing = |code: Code| {
        let final_until = (code == Code::InChecking).then(|| final_until(answered_on));
        Reply {
            code,
            proofs: Vec::new(),
            final_until,
        }
    };
    match membership {
        Membership::Unknown => return nothing(Code::NotResponsible),
        Membership::PassedOn => return nothing(Code::PassedOn),
        Membership::Member => {}
    }
    let mut found: Vec<Proof> = proofs
        .iter()
        .filter(|proof| concerns(proof, absent_since))
        .copied()
        .collect();
    found.sort_by_key(|proof| (rank(proof, absent_since), proof.since));
    let first = found.first().map(|proof| proof.code);
    found.sort_by_key(|proof| proof.since);
    match (first, held, while_held) {
        (Some(code), Held::Nothing | Held::Perhaps, WhileHeld::NoProof | WhileHeld::InChecking) => Reply {
            code,
            proofs: found,
            final_until: None,
        },
        (None, Held::Perhaps, WhileHeld::InChecking) => nothing(Code::InChecking),
        (None, Held::Nothing, WhileHeld::NoProof | WhileHeld::InChecking)
        | (None, Held::Perhaps, WhileHeld::NoProof) => nothing(Code::NoProof),
    }
}

/// The order of matching: same start, start within, start before.
fn rank(proof: &Proof, absent_since: Date) -> u8 {
    match absent_since.cmp(&proof.since) {
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Less => 2,
    }
}

/// Last day on which a fund that answered 7 sends the final answer on its own.
#[must_use]
pub fn final_until(answered_on: Date) -> Date {
    answered_on
        .checked_add(FINAL_WITHIN_DAYS.days())
        .unwrap_or(answered_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const NOTE: Proof = Proof {
        code: Code::Incapacity,
        since: date(2026, 10, 5),
        until: date(2026, 10, 16),
    };
    const STAY: Proof = Proof {
        code: Code::Hospital,
        since: date(2026, 10, 8),
        until: date(2026, 10, 12),
    };

    fn ask(since: Date, proofs: &[Proof], held: Held, while_held: WhileHeld) -> Reply {
        reply(
            since,
            date(2026, 10, 20),
            Membership::Member,
            proofs,
            held,
            while_held,
        )
    }

    #[test]
    fn absence_and_proof_are_matched_in_order() {
        let days = [
            (date(2026, 9, 29), false), // six days before
            (date(2026, 9, 30), true),
            (date(2026, 10, 5), true),
            (date(2026, 10, 16), true),
            (date(2026, 10, 17), false),
        ];
        for (day, expected) in days {
            assert_eq!(concerns(&NOTE, day), expected, "{day}");
        }
        let both = ask(
            date(2026, 10, 8),
            &[STAY, NOTE],
            Held::Nothing,
            WhileHeld::NoProof,
        );
        assert_eq!((both.code, both.proofs), (Code::Hospital, vec![NOTE, STAY]));
    }

    #[test]
    fn four_while_anything_may_be_held_only_if_the_insurer_wants_it() {
        let code = |held, while_held| ask(date(2026, 12, 1), &[NOTE], held, while_held).code.number();
        assert_eq!(code(Held::Nothing, WhileHeld::InChecking), 4);
        assert_eq!(code(Held::Perhaps, WhileHeld::NoProof), 4);
        assert_eq!(code(Held::Perhaps, WhileHeld::InChecking), 7);
        let reply = ask(date(2026, 12, 1), &[], Held::Perhaps, WhileHeld::InChecking);
        assert_eq!(reply.final_until, Some(date(2026, 11, 17)));
        assert!(reply.code.is_interim());
    }

    #[test]
    fn strangers_and_movers() {
        let code = |membership| {
            reply(
                date(2026, 10, 5),
                date(2026, 10, 6),
                membership,
                &[NOTE],
                Held::Perhaps,
                WhileHeld::InChecking,
            )
            .code
            .number()
        };
        assert_eq!(
            (
                code(Membership::Unknown),
                code(Membership::PassedOn),
                code(Membership::Member)
            ),
            (1, 9, 2)
        );
    }
}
