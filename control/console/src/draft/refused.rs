//! Why nothing was drafted, or a signature does not count: German first, then English.

use order::{BadBody, BadSignature, Text};
use vocabulary::{DoorId, EnvelopeError, InsurerId, PersonId, StatementId, Timestamp};

/// A refusal of the desk. It says what is wrong and who must act.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The words cannot stand in a statement.
    #[error(
        "Der Text braucht 1 bis 500 druckbare Zeichen; dieser hat {chars}. / The text needs 1 to 500 printable characters; this one has {chars}."
    )]
    Text {
        /// How many it has.
        chars: usize,
    },
    /// No door would read it.
    #[error(transparent)]
    Body(#[from] BadBody),
    /// Too large, or signed too often.
    #[error(
        "Der Entwurf ist zu groß oder zu oft unterschrieben ({0}). / The draft is too large or signed too often ({0})."
    )]
    Limits(#[from] EnvelopeError),
    /// A scope that means nothing here.
    #[error(
        "Der Geltungsbereich trifft in dieser Landschaft keine Tür. / The scope covers no door of this estate."
    )]
    NoDoor,
    /// A name this estate does not have.
    #[error("Die Landschaft kennt {0} nicht. / The estate does not know {0}.")]
    Unknown(String),
    /// No section of the charter.
    #[error("Die Urkunde kennt keine Kasse „{0}“. / The charter knows no insurer \"{0}\".")]
    NoSection(InsurerId),
    /// A statement the log does not hold.
    #[error("{what_de} {id} steht nicht im Weisungsprotokoll. / {what_en} {id} is not in the authority log.", what_de = .what.0, what_en = .what.1)]
    NotInLog {
        /// What it should be, in German and English.
        what: (&'static str, &'static str),
        /// Its name.
        id: StatementId,
    },
    /// No ledger of this door ever arrived, so nobody knows its epoch.
    #[error(
        "Von der Tür {0} ist kein Stand bekannt; eine Öffnung braucht ihn genau. / No epoch of door {0} is known; an opening needs it exactly."
    )]
    NotHeard(DoorId),
    /// There is nothing to lift.
    #[error("An der Tür {0} gibt es nichts aufzuheben. / At door {0} there is nothing to lift.")]
    NothingToLift(DoorId),
    /// The door lacks a restriction that was named.
    #[error(
        "An der Tür {0} ist eine genannte Sperre nicht aktiv. / A restriction that was named is not active at door {0}."
    )]
    NotActive(DoorId),
    /// The time given makes no sense.
    #[error("Der Zeitpunkt {0} liegt nicht in der Zukunft. / The instant {0} is not in the future.")]
    NotAhead(Timestamp),
    /// The signature counts for nothing.
    #[error(
        "Die Unterschrift zählt für diesen Entwurf nicht: {} / The signature does not count for this draft: {}",
        vocabulary::german(.0),
        vocabulary::english(.0)
    )]
    Signature(#[from] BadSignature),
    /// Nobody's key.
    #[error(
        "Der Schlüssel gehört niemandem, den die Urkunde kennt; erst eintragen, dann unterschreiben. / The key belongs to nobody the charter knows; enrol it first."
    )]
    Stranger,
    /// Somebody's key, but this is not theirs to sign.
    #[error(
        "{0} darf diesen Entwurf nicht unterschreiben: die Urkunde gibt dieses Recht anderen. / {0} may not sign this draft: the charter gives this right to others."
    )]
    NotYours(PersonId),
    /// The person's signature is there, perhaps by another key.
    #[error(
        "{0} hat schon unterschrieben; gezählt werden Personen, nicht Schlüssel. / {0} has signed already; persons count, not keys."
    )]
    SignedAlready(PersonId),
    /// Nothing more is needed.
    #[error(
        "Der Entwurf ist vollständig; es fehlt keine Unterschrift. / The draft is complete; no signature is missing."
    )]
    Complete,
    /// It stands in the log.
    #[error(
        "Die Erklärung steht schon im Weisungsprotokoll; sie lässt sich nur noch zurückziehen. / The statement is in the authority log already; it can only be withdrawn."
    )]
    Published,
    /// Somebody dropped it.
    #[error("{by} hat den Entwurf am {at} verworfen. / {by} dropped the draft at {at}.")]
    Dropped {
        /// Who.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
    /// It ran out of time.
    #[error(
        "Der Entwurf ist seit {0} abgelaufen; bitte neu entwerfen. / The draft expired at {0}; please draft again."
    )]
    Expired(Timestamp),
    /// All its doors moved on.
    #[error(
        "Alle {doors} Türen haben seither den Stand gewechselt; diese Öffnung öffnet keine mehr: bitte neu entwerfen. / All {doors} doors have moved on since; this opening opens none any more: please draft again."
    )]
    AllStale {
        /// How many.
        doors: usize,
    },
    /// Another statement than the draft's.
    #[error(
        "Das ist eine andere Erklärung als die des Entwurfs ({0}). / This is another statement than the draft's ({0})."
    )]
    OtherStatement(StatementId),
    /// Not a kind people draft here.
    #[error(
        "Diese Art von Erklärung wird hier nicht entworfen. / This kind of statement is not drafted here."
    )]
    OtherKind,
}

/// Words people typed into a form.
///
/// # Errors
/// [`Refused::Text`] in both languages.
pub fn text(words: &str) -> Result<Text, Refused> {
    Text::new(words.trim()).map_err(|bad| Refused::Text { chars: bad.chars })
}
