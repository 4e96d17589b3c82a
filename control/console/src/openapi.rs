//! The API's own description (OpenAPI 3.1), made from the same table of ways and the same structs that are sent.

use serde_json::{Map, Value, json};

use crate::{
    gate::TOKEN_HEADER,
    permission::{Access, access},
    request::Method,
    route::{Kind, Row, TABLE},
    view::{
        cell::CellDetail,
        cells::Matrix,
        clocks::Clocks,
        draft::{DraftDetail, Drafts, Preview},
        incident::{IncidentDetail, Incidents},
        insurer::InsurerView,
        logs::{JournalPage, Sources},
        notice::NoticeView,
        own::OwnSessions,
        ready::ReadinessView,
        rooms::PlanView,
        sealed::ConsentKeys,
        search::Found,
        shape::{Shape, Shapes},
        waiting::Waiting,
    },
    viewer::Seat,
};

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut shapes = Shapes::new();
    let mut paths: Map<String, Value> = Map::new();
    for row in TABLE.iter().filter(|row| !row.api.is_empty()) {
        let operation = operation(row, &mut shapes);
        let method = match row.method {
            Method::Post => "post",
            Method::Get | Method::Head | Method::Other => "get",
        };
        let path = paths.entry(row.api).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(String::from(method), operation);
        }
    }
    shapes.insert(
        "Refused",
        json!({
            "type": "object",
            "description": "What is missing, German first, parted by \" / \".",
            "properties": { "refused": { "type": "string" } },
            "required": ["refused"],
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bulkhead console",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The same data, actions and permissions as the pages. Nothing here opens or shuts a door: doors follow signed statements only.",
        },
        "paths": paths,
        "components": {
            "schemas": shapes,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "The token of POST /api/v1/login." },
            },
        },
        "security": [{ "bearer": [] }],
    })
}

fn operation(row: &Row, shapes: &mut Shapes) -> Value {
    let seats: Vec<Value> = Seat::ALL
        .into_iter()
        .filter(|seat| access(row.kind, *seat) != Access::None)
        .map(|seat| {
            let own = access(row.kind, seat) == Access::Own;
            json!({ "seat": seat.in_words().1, "own": own })
        })
        .collect();
    let success = match row.method {
        Method::Post => {
            json!({ "description": "Recorded, or refused with a sentence.", "content": { "application/json": { "schema": { "type": "object" } } } })
        }
        Method::Get | Method::Head | Method::Other => {
            json!({ "description": row.says.1, "content": { "application/json": { "schema": shape_of(row.kind, shapes) } } })
        }
    };
    let refused = json!({ "description": "Refused", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Refused" } } } });
    let status = if row.method == Method::Post && !is_session(row.kind) {
        "201"
    } else {
        "200"
    };
    let mut operation = json!({
        "operationId": format!("{:?}", row.kind),
        "summary": row.says.1,
        "x-german": row.says.0,
        "x-seats": seats,
        "parameters": parameters(row),
        "responses": { status: success, "default": refused },
    });
    if let Some(object) = operation.as_object_mut() {
        if let Some(fields) = fields(row.kind) {
            object.insert(String::from("requestBody"), body(fields));
        }
        if access(row.kind, Seat::Nobody) != Access::None {
            object.insert(String::from("security"), json!([]));
        }
    }
    operation
}

const fn is_session(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::LoginTry | Kind::Logout | Kind::SessionEnd | Kind::DraftSign
    )
}

/// What a look's query may ask.
const QUERIES: &[(Kind, &str, &str)] = &[
    (Kind::Matrix, "standort", "site"),
    (Kind::Matrix, "dienst", "service"),
    (Kind::Matrix, "stellung", "position"),
    (Kind::Matrix, "nur", "`auffaellig`: only cells that need somebody"),
    (Kind::Matrix, "suche", "part of an insurer's name or number"),
    (Kind::Journal, "ab", "number of the first entry"),
    (
        Kind::Search,
        "was",
        "an insurer, a cell, an incident, the first digits of a statement, or the number of a journal entry",
    ),
    (
        Kind::Notice,
        "anfrage",
        "the journal entry of the authority's request, where there are several",
    ),
    (
        Kind::Drafts,
        "mine",
        "any text: only those that wait for the one who asks",
    ),
];

fn parameters(row: &Row) -> Vec<Value> {
    let mut parameters: Vec<Value> = row
        .api
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let queries = QUERIES.iter().filter(|(kind, ..)| *kind == row.kind);
    for (_, name, says) in queries {
        parameters.push(json!({ "name": name, "in": "query", "required": false, "description": says, "schema": { "type": "string" } }));
    }
    if row.method == Method::Post && !matches!(row.kind, Kind::LoginTry) {
        parameters.push(json!({
            "name": TOKEN_HEADER, "in": "header", "required": false,
            "description": "The session's form token; needed where the session is shown by cookie, not by bearer token.",
            "schema": { "type": "string" },
        }));
    }
    parameters
}

/// Fields of what is sent to an action: name, whether it must be there, what it is. A trailing `*` is a list.
type Fields = &'static [(&'static str, bool, &'static str)];

const FIELDS: &[(Kind, Fields)] = &[
    (
        Kind::IncidentOpen,
        &[
            ("title", true, "what is happening; no patient data"),
            ("incident", false, "a name; made up if absent"),
            ("insurers*", false, "empty: all"),
            ("services*", false, "empty: all"),
            ("sites*", false, "empty: all"),
            ("signals*", false, "what it rests on"),
        ],
    ),
    (
        Kind::IncidentNote,
        &[
            ("text", true, "what is new"),
            ("signals*", false, "further signals"),
        ],
    ),
    (Kind::IncidentClose, &[("why", true, "why it is over")]),
    (Kind::Rank, &[("services*", true, "most important first")]),
    (
        Kind::Slot,
        &[
            ("service", true, "which"),
            ("from", true, "RFC 3339"),
            ("to", true, "RFC 3339"),
        ],
    ),
    (
        Kind::EnvironmentMove,
        &[
            ("environment", true, "which; no insurer's own"),
            (
                "state",
                true,
                "`contained`, `restoring`, `verifying` or `normal`; all but the first need a standing full clearance",
            ),
        ],
    ),
    (
        Kind::TestAccept,
        &[
            ("service", true, "which"),
            ("note", false, "what to know about it"),
        ],
    ),
    (
        Kind::TestRefuse,
        &[("service", true, "which"), ("why", true, "what does not work")],
    ),
    (
        Kind::Consent,
        &[
            ("opening", true, "the statement"),
            ("days", false, "how long it is good, at most 7"),
        ],
    ),
    (
        Kind::Refuse,
        &[
            (
                "opening",
                false,
                "the statement; `everything` or absent: every opening",
            ),
            ("why", true, "why"),
        ],
    ),
    (
        Kind::StandingConsent,
        &[
            ("services*", true, "for which"),
            ("to", true, "`reopening`, `limited` or `emergency`"),
            ("hours", false, "limited: at most"),
            ("environment", false, "emergency: which"),
            ("identity", false, "emergency: age1…"),
            ("days", false, "how long it is good"),
        ],
    ),
    (
        Kind::DraftNew,
        &[
            (
                "envelope",
                false,
                "a whole envelope as JSON; or `art` and its fields",
            ),
            ("art", false, "`closing`, `opening`, `clearance` or `withdrawal`"),
            ("reason", false, "why"),
            ("insurers*", false, "closing: empty means all"),
            ("services*", false, "closing: empty means all"),
            ("sites*", false, "closing: empty means all"),
            ("everything", false, "closing: any text, where nothing is named"),
            ("stance", false, "closing: `contain`, `held` or `shut`"),
            (
                "class",
                false,
                "closing: `precautionary`, `containment` or `maintenance`",
            ),
            ("drain", false, "closing: minutes"),
            ("signal", false, "closing, clearance: the signal"),
            ("cells*", false, "opening, limited clearance: insurer/service"),
            ("becomes", false, "opening: `open`, `limited` or `emergency`"),
            ("until", false, "limited, emergency: RFC 3339"),
            ("environment", false, "clearance, emergency: which"),
            ("identity", false, "emergency: age1…"),
            ("clearances*", false, "opening: those that fit if absent"),
            ("hours", false, "opening: how long it may be used"),
            ("grade", false, "clearance: `full` or `limited`"),
            (
                "directions*",
                false,
                "limited clearance: `intake`, `forward`, `fetch`, `send`, `sessions`",
            ),
            (
                "basis",
                false,
                "clearance: `examined`, `not-endangered` or `signal-explained`",
            ),
            ("evidence-root", false, "clearance: digest"),
            ("examined*", false, "clearance: digests"),
            ("checklist", false, "clearance: lines beginning with +, - or ~"),
            ("relies-on*", false, "clearance: other clearances"),
            ("days", false, "clearance: how long it is good"),
            (
                "what",
                false,
                "withdrawal: `clearance`, `evidence`, `delegation`, `consent`, `refusal` or `standing-order`",
            ),
            ("id", false, "withdrawal: of what"),
        ],
    ),
    (Kind::DraftDrop, &[("why", true, "why it is no longer wanted")]),
    (
        Kind::NoticeSent,
        &[
            ("sent", false, "RFC 3339; absent: now"),
            ("because", false, "why it was late; needed where it was"),
            (
                "request",
                false,
                "the journal entry of the authority's request it answers",
            ),
        ],
    ),
    (
        Kind::DraftSign,
        &[(
            "signature",
            true,
            "SSHSIG over the envelope's signed bytes in namespace bulkhead",
        )],
    ),
    (
        Kind::LoginTry,
        &[
            ("challenge", true, "the line of GET /api/v1/login"),
            ("signature", true, "SSHSIG over it in namespace bulkhead-login"),
        ],
    ),
];

fn fields(kind: Kind) -> Option<Fields> {
    FIELDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map(|(_, fields)| *fields)
}

fn body(fields: Fields) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, needed, says) in fields {
        let (name, shape) = match name.strip_suffix('*') {
            Some(list) => (
                list,
                json!({ "type": "array", "items": { "type": "string" }, "description": says }),
            ),
            None => (*name, json!({ "type": "string", "description": says })),
        };
        properties.insert(String::from(name), shape);
        if *needed {
            required.push(name);
        }
    }
    json!({ "required": true, "content": { "application/json": { "schema": {
        "type": "object", "properties": properties, "required": required,
    } } } })
}

/// Describes what one look sends.
type Describes = fn(&mut Shapes) -> Value;

/// What each look sends.
const SHAPES: &[(Kind, Describes)] = &[
    (Kind::Matrix, Matrix::shape),
    (Kind::Cell, CellDetail::shape),
    (Kind::Incidents, Incidents::shape),
    (Kind::Incident, IncidentDetail::shape),
    (Kind::Waiting, Waiting::shape),
    (Kind::Drafts, Drafts::shape),
    (Kind::Draft, DraftDetail::shape),
    (Kind::DraftKeys, ConsentKeys::shape),
    (Kind::Preview, Preview::shape),
    (Kind::Plan, PlanView::shape),
    (Kind::Clocks, Clocks::shape),
    (Kind::Notice, NoticeView::shape),
    (Kind::Search, Found::shape),
    (Kind::Readiness, ReadinessView::shape),
    (Kind::Sources, Sources::shape),
    (Kind::Journal, JournalPage::shape),
    (Kind::Insurer, InsurerView::shape),
    (Kind::Sessions, OwnSessions::shape),
];

fn shape_of(kind: Kind, shapes: &mut Shapes) -> Value {
    SHAPES
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or_else(|| json!({ "type": "object" }), |(_, shape)| shape(shapes))
}
