//! Outer against inner header: result 08 (CM, chapter on integrity).

use core::fmt;

use super::{Header, Mailbox};

/// The fields that must be equal outside and inside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Field {
    /// `Date`.
    Date,
    /// `From`.
    From,
    /// `Sender`.
    Sender,
    /// `Reply-To`.
    ReplyTo,
    /// `To`.
    To,
    /// `Cc`.
    Cc,
    /// `Bcc`.
    Bcc,
    /// `Message-ID`.
    MessageId,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Date,
        Self::From,
        Self::Sender,
        Self::ReplyTo,
        Self::To,
        Self::Cc,
        Self::Bcc,
        Self::MessageId,
    ];

    /// The field's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Date => "Date",
            Self::From => "From",
            Self::Sender => "Sender",
            Self::ReplyTo => "Reply-To",
            Self::To => "To",
            Self::Cc => "Cc",
            Self::Bcc => "Bcc",
            Self::MessageId => "Message-ID",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The fields in which outer and inner header differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Äußerer und innerer Kopf unterscheiden sich in: {}. / Outer and inner header differ in: {}.", list(.0), list(.0))]
pub struct Difference(pub Vec<Field>);

fn list(fields: &[Field]) -> String {
    fields
        .iter()
        .map(|field| field.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Compares what the fields mean: the instant of `Date`, the addresses in their order without display names and case, the
/// id. Folding and display names may differ (our reading: a client module writes both headers itself, from one source).
///
/// # Errors
/// [`Difference`] with every field that differs: result 08.
pub fn compare(outer: &Header, inner: &Header) -> Result<(), Difference> {
    let differing: Vec<Field> = Field::ALL
        .into_iter()
        .filter(|field| differs(outer, inner, *field))
        .collect();
    if differing.is_empty() {
        Ok(())
    } else {
        Err(Difference(differing))
    }
}

fn differs(outer: &Header, inner: &Header, field: Field) -> bool {
    let lists = |of: fn(&Header) -> &Vec<Mailbox>| of(outer) != of(inner);
    match field {
        Field::Date => outer.sent.map(|sent| sent.at) != inner.sent.map(|sent| sent.at),
        Field::From => lists(|header| &header.from),
        Field::Sender => lists(|header| &header.sender),
        Field::ReplyTo => lists(|header| &header.reply_to),
        Field::To => lists(|header| &header.to),
        Field::Cc => lists(|header| &header.cc),
        Field::Bcc => lists(|header| &header.bcc),
        Field::MessageId => outer.message_id != inner.message_id,
    }
}
