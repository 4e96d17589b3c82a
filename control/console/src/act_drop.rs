//! Somebody drops a draft. It leaves an entry in the journal, so that it does not come back.
//!
//! A draft does nothing, but whoever could make another's draft vanish could keep a refusal or a withdrawal from being
//! signed. So besides who proposed it, only those may drop it whose word it would have been.

use evidence::room::DraftDropped;
use order::Text;
use serde_json::json;
use vocabulary::{PayloadType, StatementId};

use crate::{
    answer::{Asked, NothingHere, refuse},
    draft::Draft,
    response::Response,
    room::{Answer, Effect},
    route::Format,
    view::draft::{load, with_ground},
    viewer::{Seat, Viewer},
};

/// Why a draft stays.
#[derive(Debug, thiserror::Error)]
enum NotDropped {
    /// There is no such draft, or the viewer does not see it.
    #[error(transparent)]
    Nothing(#[from] NothingHere),
    /// Nobody says why.
    #[error("„Begründung“ fehlt. / \"reason\" is missing.")]
    Why,
    /// A text nobody could print.
    #[error("Der Text braucht 1 bis 500 sichtbare Zeichen. / The text needs 1 to 500 visible characters.")]
    Text(#[from] order::BadText),
    /// It is somebody else's word.
    #[error(
        "Diesen Entwurf verwirft, wer ihn vorgeschlagen hat oder wessen Wort er wäre. / This draft is dropped by who proposed it or whose word it would be."
    )]
    NotTheirs,
}

impl NotDropped {
    const fn status(&self) -> u16 {
        match self {
            Self::Nothing(_) => 404,
            Self::NotTheirs => 403,
            Self::Why | Self::Text(_) => 422,
        }
    }
}

/// Whether the viewer may drop a draft.
pub(crate) fn may_drop(viewer: &Viewer, draft: &Draft) -> bool {
    if draft.made_by() == Some(viewer.person()) {
        return true;
    }
    let seats: &[Seat] = match draft.kind() {
        PayloadType::Closing | PayloadType::StandingOrder | PayloadType::Opening => &[Seat::Commander],
        PayloadType::Clearance | PayloadType::Withdrawal => &[Seat::Examiner],
        PayloadType::Charter => &[Seat::Root],
        // Only its own people see it with one of these seats.
        PayloadType::Consent | PayloadType::StandingConsent => &[Seat::InsurerConsent],
        PayloadType::Refusal => &[Seat::InsurerRefuse],
        PayloadType::CharterSection
        | PayloadType::Delegation
        | PayloadType::Freshness
        | PayloadType::AnswerRelease => &[],
    };
    seats.iter().any(|seat| viewer.has(*seat))
}

/// Answers the form that drops a draft.
#[must_use]
pub(crate) fn answer(asked: &Asked<'_>) -> Answer {
    match dropped(asked) {
        Ok(entry) => {
            let response = match asked.format {
                Format::Page => Response::see("/entwurf"),
                Format::Api => Response::json(201, &json!({ "done": true, "see": "/entwurf" })),
            };
            Answer::from(response).after(Effect::Append(Box::new(entry.into())))
        }
        Err(why) => refuse(&asked.ctx, asked.format, why.status(), &why).into(),
    }
}

fn dropped(asked: &Asked<'_>) -> Result<DraftDropped, NotDropped> {
    let viewer = asked.ctx.viewer.ok_or(NothingHere)?;
    let id = StatementId(asked.names.statement.ok_or(NothingHere)?);
    let draft = with_ground(asked, |ground, _| load(asked, id, ground)).ok_or(NothingHere)?;
    let why = asked.form.field("why").ok_or(NotDropped::Why)?;
    let words: Vec<&str> = why.split_whitespace().collect();
    let why = Text::new(&words.join(" "))?;
    if !may_drop(viewer, &draft) {
        return Err(NotDropped::NotTheirs);
    }
    Ok(DraftDropped {
        by: Some(viewer.person().clone()),
        draft: id,
        why,
    })
}
