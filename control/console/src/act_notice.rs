//! Somebody notes that a legal notice was sent. Nothing is sent from here.

use evidence::room::ObligationSent;
use order::Text;
use publication::{obligations::ReasonMissing, text::Sentence};
use serde_json::json;
use vocabulary::Timestamp;

use crate::{
    answer::{Asked, NothingHere, refuse},
    response::Response,
    room::{Answer, Effect},
    route::Format,
    view::{
        clocks::page_of,
        notice::{clock_of, may_note},
    },
};

/// Why nothing is noted.
#[derive(Debug, thiserror::Error)]
enum NotNoted {
    /// There is no such clock, or the viewer does not see it.
    #[error(transparent)]
    Nothing(#[from] NothingHere),
    /// It is somebody else's duty.
    #[error(
        "Das ist die Pflicht eines anderen; den Versand vermerken dessen eigene Leute. / This is somebody else's duty; its own people note that it was sent."
    )]
    NotTheirs,
    /// Once is enough.
    #[error("Der Versand ist schon vermerkt. / That it was sent is noted already.")]
    Already,
    /// Not a time, or one that cannot be.
    #[error(
        "Der Zeitpunkt liegt vor der Kenntnis, in der Zukunft oder ist nicht lesbar. / The time lies before the knowledge, in the future, or cannot be read."
    )]
    Time,
    /// Late without a reason.
    #[error(transparent)]
    Late(#[from] ReasonMissing),
    /// A reason nobody could print, or one with a person's data in it.
    #[error(transparent)]
    Words(#[from] publication::text::BadText),
    /// The same.
    #[error("Der Text braucht 1 bis 500 sichtbare Zeichen. / The text needs 1 to 500 visible characters.")]
    Text(#[from] order::BadText),
}

impl NotNoted {
    const fn status(&self) -> u16 {
        match self {
            Self::Nothing(_) => 404,
            Self::NotTheirs => 403,
            Self::Already => 409,
            Self::Time | Self::Late(_) | Self::Words(_) | Self::Text(_) => 422,
        }
    }
}

/// Answers the form of a notice.
#[must_use]
pub(crate) fn answer(asked: &Asked<'_>) -> Answer {
    match noted(asked) {
        Ok((see, entry)) => {
            let response = match asked.format {
                Format::Page => Response::see(&see),
                Format::Api => Response::json(201, &json!({ "done": true, "see": see })),
            };
            Answer::from(response).after(Effect::Append(Box::new(entry.into())))
        }
        Err(why) => refuse(&asked.ctx, asked.format, why.status(), &why).into(),
    }
}

fn noted(asked: &Asked<'_>) -> Result<(String, ObligationSent), NotNoted> {
    let viewer = asked.ctx.viewer.ok_or(NothingHere)?;
    let clock = clock_of(asked).ok_or(NothingHere)?;
    if !may_note(asked, clock) {
        return Err(NotNoted::NotTheirs);
    }
    let now = asked.request.now;
    // The clocks are made off this thread, a moment after the journal: two who note at once must not both count.
    let known = asked.ctx.room.picture.people().obligations.iter();
    let mut same = known.filter(|written| {
        let body = &written.body;
        body.incident.as_ref() == Some(&clock.incident)
            && body.entity == clock.legal_person
            && body.obligation == clock.obligation.as_str()
            && body.request == clock.request.map(|entry| entry.0)
    });
    if same.next().is_some() {
        return Err(NotNoted::Already);
    }
    let sent = sent_at(asked)?.unwrap_or(now);
    if sent > now || sent < clock.starts {
        return Err(NotNoted::Time);
    }
    let words = asked.form.field("because").map(|text| {
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ")
    });
    let because = words.as_deref().map(Sentence::new).transpose()?;
    let checked = clock.sent(sent, because)?;
    let because = checked
        .late_because
        .map(|why| Text::new(why.as_str()))
        .transpose()?;
    let entry = ObligationSent {
        by: Some(viewer.person().clone()),
        obligation: clock.obligation.to_string(),
        entity: clock.legal_person.clone(),
        incident: Some(clock.incident.clone()),
        request: clock.request.map(|entry| entry.0),
        sent: (sent != now).then_some(sent),
        because,
        digest: None,
    };
    Ok((page_of(clock), entry))
}

/// To the minute is enough: "now" is what is meant most of the time, and then nothing is filled in.
fn sent_at(asked: &Asked<'_>) -> Result<Option<Timestamp>, NotNoted> {
    let Some(text) = asked.form.field("sent") else {
        return Ok(None);
    };
    let exact = text.parse::<jiff::Timestamp>().ok();
    exact
        .map(|at| Timestamp(at.as_second()))
        .or_else(|| asked.ctx.clock.read_local(text))
        .map(Some)
        .ok_or(NotNoted::Time)
}
