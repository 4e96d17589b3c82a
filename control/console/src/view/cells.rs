//! The matrix: every cell the viewer sees, with what is known of its door.

use evidence::{Door, Grade, Picture};
use vocabulary::{CellId, DoorId, Holdable, Position, Timestamp};

use super::shape::{At, views};
use crate::{Asked, page::words, viewer::Sight};

views! {
    /// The matrix of insurers and services, as far as the viewer sees and the filter asks.
    Matrix {
        /// Journal entries this was folded from.
        journal: u64,
        /// The instant it was made for.
        as_of: At,
        /// Columns.
        services: Vec<Column>,
        /// Rows.
        rows: Vec<Row>,
        /// How many of the cells shown are in each position.
        counts: Vec<Count>,
        /// Cells shown.
        shown: u64,
        /// Cells the viewer could see.
        total: u64,
        /// Cells shown that need somebody.
        trouble: u64,
    }
    /// A service.
    Column {
        /// Its name in orders.
        service: String,
        /// Its name for people.
        name: String,
    }
    /// An insurer.
    Row {
        /// Its name in orders.
        insurer: String,
        /// Its name for people.
        name: String,
        /// Its data centre.
        site: String,
        /// Where its environment stands on the way back, as the restoration names it.
        environment: Option<String>,
        /// One per column; null where the insurer has no such service or the filter leaves it out.
        cells: Vec<Option<Cell>>,
    }
    /// A count.
    Count {
        /// Position, or `unknown`.
        position: &'static str,
        /// How many.
        cells: u64,
    }
    /// One service of one insurer.
    Cell {
        /// Its insurer's name in orders.
        insurer: String,
        /// Its service's name in orders.
        service: String,
        /// `open`, `draining`, `held`, `shut`, `islanded`, or `unknown` where no door was ever heard.
        position: &'static str,
        /// `ordered`, `applied`, `proven` or `failed`; null where no door was ever heard. Only what was measured.
        grade: Option<&'static str>,
        /// `observe`, `hold-ready` or `enforcing`.
        level: Option<&'static str>,
        /// The heaviest class among its restrictions.
        class: Option<&'static str>,
        /// The door's count of its state changes.
        epoch: Option<u64>,
        /// Whether it waits for a fresh view of the authority log.
        stale: bool,
        /// Items that wait in its spool.
        waiting: Option<u64>,
        /// Items somebody must look at: in doubt or parked.
        attention: Option<u64>,
        /// Its ledger has not been heard since.
        unreached_since: Option<At>,
        /// Whether something is wrong with the ledger that tells about it.
        doubtful: bool,
        /// `limited` or `emergency`: what runs on top of its position until then.
        grant: Option<&'static str>,
        /// When limited or emergency operation ends.
        until: Option<At>,
        /// When the door last changed, by its own clock.
        since: Option<At>,
        /// Whether it needs somebody: not open, not in order, or not surely known.
        trouble: bool,
    }
}

/// What a reader asks the matrix to leave out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) site: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) position: Option<String>,
    pub(crate) only_trouble: bool,
    pub(crate) text: Option<String>,
}

impl Filter {
    /// Reads the query; empty means any.
    pub(crate) fn read(asked: &Asked<'_>) -> Self {
        let field = |name: &str| {
            asked
                .request
                .query_field(name)
                .map(|text| text.trim().to_lowercase())
                .filter(|text| !text.is_empty())
        };
        Self {
            site: field("standort"),
            service: field("dienst"),
            position: field("stellung"),
            only_trouble: field("nur").as_deref() == Some("auffaellig"),
            text: field("suche"),
        }
    }

    fn wants(&self, cell: &Cell) -> bool {
        self.position
            .as_deref()
            .is_none_or(|wanted| wanted == cell.position)
            && (!self.only_trouble || cell.trouble)
    }
}

/// One cell as it stands.
pub(crate) fn cell(asked: &Asked<'_>, id: &CellId) -> Cell {
    let (room, now) = (asked.ctx.room, asked.request.now);
    let door_id = DoorId::of(id.clone());
    let picture = room.picture;
    let door = picture.door(&door_id);
    let backlog = picture.backlog().get(id).map(|counted| counted.body);
    let unreached = picture.unreached(&door_id, now, room.silence);
    let doubtful = picture.doubts(&door_id).next().is_some();
    let position = door.map(|door| door.position_at(now));
    let attention = backlog.map(|count| count.in_doubt.saturating_add(count.parked));
    Cell {
        insurer: id.insurer.to_string(),
        service: id.service.to_string(),
        position: position.map_or(words::UNKNOWN.slug, |position| words::position(position).slug),
        grade: door.map(|door| words::grade(door.grade())),
        level: door.map(|door| words::level(door.level).0),
        class: door
            .and_then(|door| door.class)
            .map(|class| words::class(class).0),
        epoch: door.map(|door| door.epoch.0),
        stale: door.is_some_and(|door| !door.fresh),
        waiting: backlog.map(|count| count.held),
        attention,
        unreached_since: unreached.map(At),
        doubtful,
        grant: door.and_then(|door| {
            let emergency = door.grants.emergency.as_ref().map(|_| "emergency");
            emergency.or_else(|| door.grants.limited.as_ref().map(|_| "limited"))
        }),
        until: door.and_then(Door::until).map(At),
        since: door.map(|door| At(door.since)),
        trouble: unreached.is_some()
            || doubtful
            || attention.is_some_and(|n| n > 0)
            || door.is_none_or(|door| troubled(door, now)),
    }
}

fn troubled(door: &Door, now: Timestamp) -> bool {
    let in_order = match door.grade() {
        Grade::Applied | Grade::Proven => true,
        Grade::Ordered | Grade::Failed => false,
    };
    let open = match door.position_at(now) {
        Position::Open => true,
        Position::Draining | Position::Held | Position::Shut | Position::Islanded => false,
    };
    !(in_order && open && door.fresh)
}

/// The matrix, as far as the viewer sees.
pub(crate) fn matrix(asked: &Asked<'_>, filter: &Filter) -> Matrix {
    let room = asked.ctx.room;
    let services: Vec<&estate::Service> = room
        .estate
        .services()
        .filter(|service| {
            filter
                .service
                .as_deref()
                .is_none_or(|wanted| wanted == service.id.as_str())
        })
        .collect();
    let mut rows = Vec::new();
    let (mut shown, mut total, mut trouble) = (0_u64, 0_u64, 0_u64);
    let mut counts: Vec<Count> = Vec::new();
    for insurer in room
        .estate
        .insurers()
        .filter(|insurer| asked.sight.covers(&insurer.id))
    {
        total = total.saturating_add(u64::try_from(insurer.services.len()).unwrap_or(u64::MAX));
        if !row_wanted(filter, insurer) {
            continue;
        }
        let cells: Vec<Option<Cell>> = services
            .iter()
            .map(|service| {
                insurer.services.get(&service.id)?;
                let id = CellId {
                    insurer: insurer.id.clone(),
                    service: service.id.clone(),
                };
                Some(cell(asked, &id)).filter(|cell| filter.wants(cell))
            })
            .collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        for cell in cells.iter().flatten() {
            shown = shown.saturating_add(1);
            trouble = trouble.saturating_add(u64::from(cell.trouble));
            count(&mut counts, cell.position);
        }
        rows.push(Row {
            insurer: insurer.id.to_string(),
            name: insurer.name.clone(),
            site: insurer.site.to_string(),
            environment: environment(room.picture, &insurer.id),
            cells,
        });
    }
    Matrix {
        journal: room.picture.head().len,
        as_of: At(asked.request.now),
        services: services
            .iter()
            .map(|service| Column {
                service: service.id.to_string(),
                name: service.name.clone(),
            })
            .collect(),
        rows,
        counts,
        shown,
        total,
        trouble,
    }
}

fn count(counts: &mut Vec<Count>, position: &'static str) {
    match counts.iter_mut().find(|count| count.position == position) {
        Some(count) => count.cells = count.cells.saturating_add(1),
        None => counts.push(Count { position, cells: 1 }),
    }
}

fn row_wanted(filter: &Filter, insurer: &estate::Insurer) -> bool {
    let site = filter
        .site
        .as_deref()
        .is_none_or(|wanted| wanted == insurer.site.as_str());
    let text = filter.text.as_deref().is_none_or(|wanted| {
        insurer.id.as_str().contains(wanted)
            || insurer.name.to_lowercase().contains(wanted)
            || insurer.ik.to_string().contains(wanted)
    });
    site && text
}

/// Where an insurer's environment stands on the way back.
pub(crate) fn environment(picture: &Picture, insurer: &vocabulary::InsurerId) -> Option<String> {
    picture
        .environments()
        .get(&insurer.clone().into())
        .map(|environment| environment.state.clone())
}

/// Whether a scope names or covers anything the viewer sees, judged against the estate.
pub(crate) fn concerns(asked: &Asked<'_>, scope: &vocabulary::Scope) -> bool {
    match &asked.sight {
        Sight::Everything => true,
        Sight::Only(own) => asked
            .ctx
            .room
            .estate
            .doors()
            .any(|(_, place, _)| own.contains(&place.insurer) && scope.covers(&place)),
    }
}

/// Whether intake of a cell can wait, in words for the API.
pub(crate) const fn holdable(holdable: Holdable) -> bool {
    match holdable {
        Holdable::Yes => true,
        Holdable::No => false,
    }
}
