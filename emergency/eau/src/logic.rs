//! Three-valued logic of FHIRPath: true, false, or nothing.

/// `None` is FHIRPath's empty.
pub(crate) type Truth = Option<bool>;

pub(crate) const YES: Truth = Some(true);
pub(crate) const NO: Truth = Some(false);

pub(crate) fn and(parts: &[Truth]) -> Truth {
    if parts.contains(&NO) {
        NO
    } else if parts.contains(&None) {
        None
    } else {
        YES
    }
}

pub(crate) fn or(parts: &[Truth]) -> Truth {
    if parts.contains(&YES) {
        YES
    } else if parts.contains(&None) {
        None
    } else {
        NO
    }
}

pub(crate) fn implies(left: Truth, right: Truth) -> Truth {
    match (left, right) {
        (NO, _) | (_, YES) => YES,
        (YES, other) => other,
        (None, _) => None,
    }
}

/// What a collection holds, when it is compared with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum One<'d> {
    Nothing,
    Single(&'d str),
    Several,
}

impl<'d> One<'d> {
    pub(crate) fn of(mut values: impl Iterator<Item = &'d str>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::Single(value),
            (Some(_), Some(_)) => Self::Several,
        }
    }

    /// `collection = 'value'`: empty when there is nothing, false when there is more than one.
    pub(crate) fn is(self, value: &str) -> Truth {
        match self {
            Self::Nothing => None,
            Self::Single(own) => Some(own == value),
            Self::Several => NO,
        }
    }

    pub(crate) fn is_one_of(self, values: &[&str]) -> Truth {
        match self {
            Self::Nothing => None,
            Self::Single(own) => Some(values.contains(&own)),
            Self::Several => NO,
        }
    }

    /// `a = b` over two collections of at most one.
    pub(crate) fn equals(self, other: Self) -> Truth {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => None,
            (Self::Single(a), Self::Single(b)) => Some(a == b),
            (Self::Several, _) | (_, Self::Several) => NO,
        }
    }
}
