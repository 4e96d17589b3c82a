//! Drafts: statements on their way to their signatures, each with its exact bytes, its sentence and what it would do.

use clearance::Withdrawal;
use evidence::{Written, room::DraftDropped};
use order::{Authenticated, Body as _, Closing, Lang, Opening};
use vocabulary::{Envelope, PayloadType, StatementId};

use super::{
    concern::{Glimpse, glimpse},
    sealed,
    shape::{At, Both, Shape, Shapes, views},
    waiting::seen,
};
use crate::{
    Asked,
    act_drop::may_drop,
    draft::{Draft, Ground, State, stale},
    preview::{self, Facts, Line, Weight},
};

/// Most drafts in one list.
const DRAFTS_MAX: usize = 200;

/// An envelope, as it is signed and stored.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Bytes(pub(crate) Envelope);

impl Shape for Bytes {
    fn shape(shapes: &mut Shapes) -> serde_json::Value {
        shapes.insert(
            "Envelope",
            serde_json::json!({
                "type": "object",
                "description": "A statement's exact bytes with its signatures.",
                "properties": {
                    "payloadType": { "type": "string" },
                    "payload": { "type": "string", "description": "base64" },
                    "signatures": { "type": "array", "items": { "type": "string" } },
                },
                "required": ["payloadType", "payload", "signatures"],
                "additionalProperties": false,
            }),
        );
        serde_json::json!({ "$ref": "#/components/schemas/Envelope" })
    }
}

views! {
    /// Statements that wait for signatures.
    Drafts {
        /// Grows with every journal entry.
        version: u64,
        /// They, newest first.
        drafts: Vec<DraftView>,
    }
    /// One statement that waits for signatures.
    DraftView {
        /// The name of the statement it will be.
        id: String,
        /// What kind of statement.
        kind: &'static str,
        /// What it says, from the exact bytes.
        says: Both,
        /// `waiting`, `complete`, `published` or `expired`.
        state: &'static str,
        /// Persons who signed.
        have: u64,
        /// Persons it takes.
        need: u64,
        /// Who signed.
        signed: Vec<String>,
        /// Who could still sign.
        open_to: Vec<String>,
        /// What the log would still refuse, German first.
        missing: Option<String>,
        /// Who proposed it.
        made_by: Option<String>,
        /// When it was proposed.
        made_at: At,
        /// Until when it waits, in seconds since 1970.
        expires: u64,
        /// Until when it waits.
        expires_at: At,
        /// Whether the viewer may drop it.
        may_drop: bool,
        /// The exact bytes and the signatures that are there.
        envelope: Bytes,
    }
    /// One statement, whether it still waits or stands in the log.
    DraftDetail {
        /// Its name.
        id: String,
        /// What kind of statement.
        kind: &'static str,
        /// What it says, from the exact bytes.
        says: Both,
        /// While it waits for signatures.
        draft: Option<DraftView>,
        /// Once it is in the log.
        logged: Option<Logged>,
        /// Once somebody dropped it.
        dropped: Option<DroppedView>,
        /// What it would do, as far as is known here.
        preview: Vec<PreviewLine>,
        /// Doors of an opening that have moved on: they refuse it whoever signs.
        stale: Vec<String>,
    }
    /// A draft that somebody dropped.
    DroppedView {
        /// When.
        at: At,
        /// Who.
        by: Option<String>,
        /// Why.
        why: String,
    }
    /// A statement in the log.
    Logged {
        /// Its place in the authority log; null while it is known only from a door it was handed to.
        index: Option<u64>,
        /// When it was recorded.
        at: At,
        /// Who signed it, as the charter stood then.
        signers: Vec<String>,
        /// What is missing, if it was refused, German first.
        refused: Option<String>,
        /// Doors it has reached, of those the viewer sees.
        applied: u64,
        /// Doors of those that are proven.
        proven: u64,
    }
    /// One sentence about what a statement would do.
    PreviewLine {
        /// Whether to think about it before signing.
        warning: bool,
        /// The sentence.
        text: Both,
    }
    /// What a form would do, before anything is drafted.
    Preview {
        /// Sentences; empty where nothing was asked for.
        lines: Vec<PreviewLine>,
    }
}

/// What drafts are judged by, at this moment.
pub(crate) fn with_ground<T>(asked: &Asked<'_>, judge: impl FnOnce(&Ground<'_>, &Facts<'_>) -> T) -> T {
    let room = asked.ctx.room;
    let facts = Facts::of(
        room.picture,
        room.others.clock_rules,
        room.others.way_in,
        asked.request.now,
        room.silence,
    );
    let ground = Ground {
        estate: room.estate,
        authority: room.authority,
        facts: Some(&facts),
        now: asked.request.now,
    };
    judge(&ground, &facts)
}

/// A draft of the journal, brought up to date.
pub(crate) fn load(asked: &Asked<'_>, id: StatementId, ground: &Ground<'_>) -> Option<Draft> {
    let written = asked.ctx.room.picture.people().drafts.get(&id)?;
    let draft = &written.body.draft;
    if !seen(asked, draft) {
        return None;
    }
    Draft::proposed(draft, written.body.by.clone(), written.at, ground).ok()
}

fn view_of(asked: &Asked<'_>, draft: &Draft, ground: &Ground<'_>) -> DraftView {
    let progress = draft.progress(ground).ok();
    let (have, need) = progress
        .as_ref()
        .map_or((0, 0), crate::draft::Progress::have_and_need);
    DraftView {
        id: draft.id().to_string(),
        kind: draft.kind().word(),
        says: says_counted(draft.envelope(), ground),
        state: match draft.state() {
            State::Waiting { .. } => "waiting",
            State::Complete { .. } => "complete",
            State::Published { .. } => "published",
            State::Withdrawn { .. } | State::Expired { .. } => "expired",
        },
        have: u64::from(have),
        need: u64::from(need),
        signed: progress
            .iter()
            .flat_map(|p| &p.signed)
            .map(ToString::to_string)
            .collect(),
        open_to: progress
            .iter()
            .flat_map(crate::draft::Progress::open_to)
            .map(|person| person.to_string())
            .collect(),
        missing: progress.and_then(|progress| progress.missing),
        made_by: draft.made_by().map(ToString::to_string),
        made_at: At(draft.made_at()),
        expires: u64::try_from(draft.expires().0).unwrap_or(0),
        expires_at: At(draft.expires()),
        may_drop: asked.ctx.viewer.is_some_and(|viewer| may_drop(viewer, draft)),
        envelope: Bytes(draft.envelope().clone()),
    }
}

/// What a statement says, with counts from the estate.
fn says_counted(envelope: &Envelope, ground: &Ground<'_>) -> Both {
    let de = crate::draft::sentence(envelope, Lang::De, ground.estate);
    let en = crate::draft::sentence(envelope, Lang::En, ground.estate);
    match (de, en) {
        (Ok(de), Ok(en)) => Both { de, en },
        (Err(bad), _) | (_, Err(bad)) => Both::halves(&bad),
    }
}

/// Drafts the viewer may see; with `mine`, only those that wait for them.
pub(crate) fn list(asked: &Asked<'_>) -> Drafts {
    let mine = asked.request.query_field("mine").is_some();
    let people = asked.ctx.room.picture.people();
    let mut drafts: Vec<DraftView> = with_ground(asked, |ground, _| {
        people
            .drafts
            .keys()
            .filter_map(|id| load(asked, *id, ground))
            .filter(|draft| {
                let waits = asked
                    .ctx
                    .viewer
                    .is_some_and(|viewer| draft.waits_for(viewer.person(), ground));
                !mine || (waits && !sealed::is_given(draft, ground))
            })
            .filter(|draft| matches!(draft.state(), State::Waiting { .. } | State::Complete { .. }))
            .take(DRAFTS_MAX)
            .map(|draft| view_of(asked, &draft, ground))
            .collect()
    });
    drafts.sort_by_key(|draft| core::cmp::Reverse(draft.made_at));
    Drafts {
        version: asked.ctx.room.picture.head().len,
        drafts,
    }
}

/// One statement by its name: a draft, or one of the log.
pub(crate) fn detail(asked: &Asked<'_>) -> Option<DraftDetail> {
    let id = StatementId(asked.names.statement?);
    let picture = asked.ctx.room.picture;
    let known = picture.statements().all.get(&id);
    let logged = known.filter(|known| seen(asked, &known.envelope));
    if let (None, Some(known)) = (logged, known) {
        return outline(asked, id, known);
    }
    if let (None, Some(dropped)) = (logged, picture.people().dropped.get(&id)) {
        return gone(asked, id, dropped);
    }
    with_ground(asked, |ground, facts| {
        let draft = load(asked, id, ground);
        let envelope = match (&draft, logged) {
            (_, Some(known)) => (*known.envelope).clone(),
            (Some(draft), None) => draft.envelope().clone(),
            (None, None) => return None,
        };
        Some(DraftDetail {
            id: id.to_string(),
            kind: envelope.payload_type.word(),
            says: says_counted(&envelope, ground),
            draft: draft
                .as_ref()
                .filter(|_| logged.is_none())
                .map(|draft| view_of(asked, draft, ground)),
            dropped: None,
            logged: logged.map(|known| in_the_log(asked, id, known)),
            preview: if logged.is_none() {
                lines(asked, &envelope, facts)
            } else {
                Vec::new()
            },
            stale: draft.filter(|_| logged.is_none()).map_or_else(Vec::new, |draft| {
                stale(&draft, facts)
                    .iter()
                    .map(|stale| stale.door.to_string())
                    .collect()
            }),
        })
    })
}

/// A statement of the log that is about the viewer's own and about others: what it did at their own doors.
fn outline(asked: &Asked<'_>, id: StatementId, known: &evidence::Statement) -> Option<DraftDetail> {
    let says = match glimpse(asked, &known.envelope) {
        Glimpse::None => return None,
        Glimpse::Whole => with_ground(asked, |ground, _| says_counted(&known.envelope, ground)),
        Glimpse::Outline => Both::halves(
            &"Diese Erklärung nennt Ihre Zellen und andere; hier steht, was sie an Ihren Türen bewirkt. / \
              This statement names your cells and others; here stands what it does at your doors.",
        ),
    };
    Some(DraftDetail {
        id: id.to_string(),
        kind: known.envelope.payload_type.word(),
        says,
        draft: None,
        logged: Some(in_the_log(asked, id, known)),
        dropped: None,
        preview: Vec::new(),
        stale: Vec::new(),
    })
}

/// A draft that was dropped. Its bytes are gone from the picture, so whom it was about is not known here: the central
/// people see it, and who dropped it.
fn gone(asked: &Asked<'_>, id: StatementId, dropped: &Written<DraftDropped>) -> Option<DraftDetail> {
    let by = dropped.body.by.as_ref();
    let own = asked.ctx.viewer.is_some_and(|viewer| by == Some(viewer.person()));
    (own || asked.sight.is_everything()).then(|| DraftDetail {
        id: id.to_string(),
        kind: "draft",
        says: Both::halves(&"Dieser Entwurf wurde verworfen. / This draft was dropped."),
        draft: None,
        logged: None,
        dropped: Some(DroppedView {
            at: At(dropped.at),
            by: by.map(ToString::to_string),
            why: dropped.body.why.as_str().into(),
        }),
        preview: Vec::new(),
        stale: Vec::new(),
    })
}

fn in_the_log(asked: &Asked<'_>, id: StatementId, known: &evidence::Statement) -> Logged {
    let picture = asked.ctx.room.picture;
    let carried = picture.carried(id);
    let (mut applied, mut proven) = (0_u64, 0_u64);
    for (door_id, door) in picture.doors() {
        let restricts = door.restrictions.values().any(|restriction| {
            matches!(restriction.cause, evidence::Cause::Order(order) | evidence::Cause::Withdrawal(order) if order == id)
        });
        let opened = carried.is_some_and(|carried| carried.applied.contains(door_id));
        if (restricts || opened) && asked.sight.covers(&door_id.cell().insurer) {
            applied = applied.saturating_add(1);
            proven = proven.saturating_add(u64::from(door.grade() == evidence::Grade::Proven));
        }
    }
    Logged {
        index: known.index,
        at: At(known.at),
        signers: known.signers.iter().map(ToString::to_string).collect(),
        refused: match &known.outcome {
            evidence::Outcome::Admitted => None,
            evidence::Outcome::Refused(why) => Some(why.clone()),
        },
        applied,
        proven,
    }
}

fn said(lines: Vec<Line>) -> Vec<PreviewLine> {
    lines
        .into_iter()
        .map(|line| PreviewLine {
            warning: line.weight == Weight::Warning,
            text: Both {
                de: line.de,
                en: line.en,
            },
        })
        .collect()
}

/// What a statement would do. For those who see only their own, nothing that could speak of others.
fn lines(asked: &Asked<'_>, envelope: &Envelope, facts: &Facts<'_>) -> Vec<PreviewLine> {
    let (room, now) = (asked.ctx.room, asked.request.now);
    match envelope.payload_type {
        PayloadType::Closing => Closing::read(envelope).map_or_else(
            |_| Vec::new(),
            |body| match body.act {
                order::Act::Tighten { stance, class, drain } => {
                    let cut = preview::Asked {
                        scope: body.scope,
                        stance,
                        class,
                        drain,
                    };
                    said(preview::cut(room.estate, facts, &cut, now).lines())
                }
                order::Act::Raise { .. } => Vec::new(),
            },
        ),
        PayloadType::Opening => Authenticated::<Opening>::verify(envelope).map_or_else(
            |_| Vec::new(),
            |signed| said(preview::opening(room.estate, facts, room.authority, &signed, now).lines()),
        ),
        PayloadType::Withdrawal if asked.sight.is_everything() => Withdrawal::read(envelope).map_or_else(
            |_| Vec::new(),
            |body| {
                let statements = room.picture.statements();
                let what =
                    preview::withdrawal(room.estate, facts, room.authority, statements, body.withdraws);
                said(what.lines())
            },
        ),
        PayloadType::Withdrawal
        | PayloadType::Charter
        | PayloadType::CharterSection
        | PayloadType::StandingOrder
        | PayloadType::Clearance
        | PayloadType::Consent
        | PayloadType::Refusal
        | PayloadType::StandingConsent
        | PayloadType::Delegation
        | PayloadType::Freshness
        | PayloadType::AnswerRelease => Vec::new(),
    }
}

/// What the cut in a form's query would do. Nothing is drafted by looking.
pub(crate) fn preview_of_query(asked: &Asked<'_>) -> Preview {
    if asked.request.query_field("vorschau").is_none() || !asked.sight.is_everything() {
        return Preview { lines: Vec::new() };
    }
    let lines = crate::act_draft::cut_of_query(asked).map_or_else(
        |why| {
            vec![PreviewLine {
                warning: true,
                text: Both::halves(&why),
            }]
        },
        |cut| {
            with_ground(asked, |_, facts| {
                said(preview::cut(asked.ctx.room.estate, facts, &cut, asked.request.now).lines())
            })
        },
    );
    Preview { lines }
}

/// Whether a viewer may propose a statement: everybody central; others only what is about their own and nobody else.
pub(crate) fn may_propose(asked: &Asked<'_>, envelope: &Envelope) -> bool {
    seen(asked, envelope)
}
