//! Plan, board and clocks from a real picture: real doors, real orders, the journal as it lies on disk.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use bulkhead::{
    callout::{Call, Callout, Config},
    clock,
    command::sign::console::Console,
    control::others::{
        Duties, Peace, board,
        cuts::unexplained,
        drive::{Drive, entries as proposals},
        knowledge, situation,
    },
    exercise::checks,
};
use drill::side::Kept;
use evidence::{
    Journal, Picture,
    room::{CalloutStep, IncidentOpened},
};
use hyper::Method;
use order::{Body as _, Opening, Text};
use publication::obligations::{PersonKind, Trigger};
use readiness::{
    board::{Item, Why},
    callout::{AlarmId, Earnest, What, codes},
    contacts::ContactBook,
};
use restoration::{Plan, environment::State, plan::Place, promises::plan_1, situation::Stage};
use vocabulary::{CellId, EnvironmentId, IncidentId, InsurerId, PersonId, Scope, Timestamp};

use crate::{
    BOOK,
    common::{World, program, run, until},
    file,
};

/// Longest wait for one answer of the console.
const WAIT: Duration = Duration::from_secs(30);

fn journal(world: &World, number: usize) -> Journal {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &to);
            } else {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let to = world.folder().join(format!("journal-copy-{number}"));
    copy(&world.folder().join("control/journal"), &to);
    let charter = world.side.cast.charter.id().0;
    Journal::open(&to, world.estate.id(), Some(charter), clock::now())
        .unwrap()
        .0
}

/// The first picture on disk that fits.
fn picture(world: &World, number: &mut usize, what: &str, fits: impl Fn(&Picture) -> bool) -> Picture {
    let mut found = None;
    until(what, || {
        *number += 1;
        let picture = journal(world, *number).picture().clone();
        found = fits(&picture).then_some(picture);
        found.is_some()
    });
    found.unwrap()
}

fn insurer(text: &str) -> InsurerId {
    text.parse().unwrap()
}

fn cell(text: &str) -> CellId {
    text.parse().unwrap()
}

fn state(picture: &Picture, world: &World, insurer: &str) -> State {
    let judged = situation(&world.estate, picture, &Peace::default(), clock::now());
    judged.environments[&EnvironmentId::new(insurer).unwrap()]
        .state
        .clone()
}

/// A person logs in at the console.
fn at_the_console(world: &World, person: &str) -> Console {
    let origin = format!("http://{}", world.side.system.console);
    let mut console = Console::new(origin.parse().unwrap(), None).unwrap();
    let challenge = console.ask(Method::GET, "/api/v1/login", None, WAIT).unwrap();
    let challenge = challenge["challenge"].as_str().unwrap().to_owned();
    let key = world.folder().join("people/keys").join(person);
    let mut signing = Command::new(program())
        .args(["sign", "login", "-", "--console", &origin, "--key"])
        .arg(&key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    signing
        .stdin
        .take()
        .unwrap()
        .write_all(challenge.as_bytes())
        .unwrap();
    let signature = String::from_utf8(signing.wait_with_output().unwrap().stdout).unwrap();
    let body = serde_json::json!({ "challenge": challenge, "signature": signature });
    let answer = console
        .ask(Method::POST, "/api/v1/login", Some(&body), WAIT)
        .unwrap();
    console.keep(answer["token"].as_str().map(str::to_owned));
    console
}

/// A commander logs in, and sees in the console what the control room made of the cut by itself.
fn the_console_shows_it(world: &World) {
    let console = at_the_console(world, "leitung-1");
    let see = |path: &str| console.ask(Method::GET, path, None, WAIT).unwrap();
    until("the console shows that kasse-001 waits", || {
        let plan = see("/api/v1/plan");
        let waiting = plan["waiting"].as_array().unwrap();
        let waits = |cell: &str| waiting.iter().any(|line| line["what"] == cell);
        waits("kasse-001/kim") && !waits("kasse-002/kim")
    });
    let board = see("/api/v1/readiness");
    assert_eq!(board["cells"], 6, "{board}");
    assert_eq!(board["insurers"].as_array().unwrap().len(), 3, "{board}");
    assert_eq!(board["armed"], 0, "nobody has drilled: {board}");
}

/// Nobody opened an incident: the control room does, once, and the clocks run from the cut.
fn the_cut_is_an_incident_and_a_clock(world: &World, cut: &Picture, number: &mut usize) {
    let [wanted] = &unexplained(cut)[..] else {
        panic!("one cut, one incident: {:?}", unexplained(cut));
    };
    assert_eq!(
        (&wanted.by, &wanted.scope),
        (&None, &Scope::insurer(insurer("kasse-001")))
    );
    let opened = picture(world, number, "the control room opened an incident", |picture| {
        picture.people().incidents.contains_key(&wanted.incident)
    });
    assert_eq!(unexplained(&opened), [], "once");
    let incident = &opened.people().incidents[&wanted.incident];
    assert!(
        incident.title.as_str().contains("Vom Leitstand eröffnet"),
        "{incident:?}"
    );
    let made = opened
        .statements()
        .closings
        .values()
        .map(|signed| signed.at)
        .min()
        .unwrap();
    let entries = [(wanted.incident.clone(), 1)].into();
    let known = knowledge(&world.estate, &opened, &Peace::default(), &entries);
    let provider: Vec<_> = known
        .iter()
        .filter(|one| one.kinds.contains(&PersonKind::Provider))
        .collect();
    assert_eq!(
        provider.len(),
        2,
        "a significant incident, and a breach: {known:?}"
    );
    for one in provider {
        assert_eq!(one.known_at, made, "from the cut, not from the entry");
    }
}

fn a_slot_is_booked(world: &World) {
    let console = at_the_console(world, "kasse-001.a");
    let now = clock::now();
    let slot = serde_json::json!({
        "service": "kim",
        "from": Timestamp(now.0 - 60).to_string(),
        "to": Timestamp(now.0 + 2 * 86_400).to_string(),
    });
    console
        .ask(Method::POST, "/api/v1/insurers/kasse-001/slot", Some(&slot), WAIT)
        .unwrap();
}

/// Examiners have cleared the environment: the opening that fits the doors lies there to be signed.
async fn the_return_is_proposed_and_nothing_opens(world: &mut World, number: &mut usize) {
    let clearance = world
        .side
        .sign_clearance_by(
            &insurer("kasse-001"),
            clearance::Grade::Full,
            "untersucht",
            &["forensik-1", "forensik-3"],
        )
        .unwrap();
    world.publish(&clearance);
    // Its own people stand by for the return.
    std::thread::scope(|scope| scope.spawn(|| a_slot_is_booked(world)).join().unwrap());
    let openings = |picture: &Picture| -> Vec<Opening> {
        let drafts = picture.people().drafts.values();
        drafts
            .filter_map(|draft| Opening::read(&draft.body.draft).ok())
            .collect()
    };
    let proposed = picture(world, number, "an opening is proposed", |picture| {
        !openings(picture).is_empty()
    });
    let [opening] = &openings(&proposed)[..] else {
        panic!("{:?}", openings(&proposed));
    };
    let named: Vec<String> = opening.doors.iter().map(|entry| entry.door.to_string()).collect();
    assert_eq!(
        named,
        ["kasse-001/kim"],
        "what it needs has to be accepted before the rest"
    );
    assert_eq!(opening.clearances, BTreeSet::from([clearance.id()]));
    let draft = proposed.people().drafts.values().next().unwrap();
    assert!(draft.body.by.is_none() && draft.body.draft.signatures.is_empty());
    // The same facts propose nothing twice, also in a control room that begins anew.
    let now = clock::now();
    let facts = situation(&world.estate, &proposed, &Peace::default(), now);
    let plan = Plan::make(&world.estate, &facts);
    let mut drive = Drive::default();
    for _ in 0..3 {
        let effects = drive.step(&world.estate, &plan, facts.clone());
        assert!(!effects.is_empty());
        assert_eq!(proposals(&world.estate, &proposed, &effects, now), []);
    }
    let door = proposed.door(&"kasse-001/kim".parse().unwrap()).unwrap();
    assert_ne!(door.position, vocabulary::Position::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_plan_as_soon_as_there_is_a_cut_and_it_follows_the_return() {
    let mut world = World::open().await;
    let mut number = 0;
    // Statements are dated to the second: one of the very second of the cut would count.
    let opened = clock::now();
    until("another second begins", || clock::now() > opened);
    world.cut(Scope::insurer(insurer("kasse-001"))).await;
    let cut = picture(&world, &mut number, "the cut is in the journal", |picture| {
        picture.doors().iter().any(|(_, door)| door.class.is_some())
    });
    assert_eq!(state(&cut, &world, "kasse-001"), State::Contained);
    assert_ne!(state(&cut, &world, "kasse-002"), State::Contained);
    let judged = situation(&world.estate, &cut, &Peace::default(), clock::now());
    let plan = Plan::make(&world.estate, &judged);
    plan_1(&world.estate, &judged, &plan).unwrap();
    assert!(
        matches!(plan.place(&cell("kasse-001/kim")), Some(Place::Waits(waits)) if !waits.missing.is_empty())
    );
    assert!(matches!(plan.place(&cell("kasse-002/kim")), Some(Place::Up(_))));

    std::thread::scope(|scope| scope.spawn(|| the_console_shows_it(&world)).join().unwrap());
    the_cut_is_an_incident_and_a_clock(&world, &cut, &mut number);
    the_return_is_proposed_and_nothing_opens(&mut world, &mut number).await;

    // The board: what the logs show is known, what nobody said is not.
    let board = board(&world.estate, &cut, &Peace::default(), clock::now());
    let lacks: Vec<_> = board.row(&cell("kasse-002/kim")).unwrap().arming.lacks().to_vec();
    let has = |item: &Item| {
        lacks
            .iter()
            .find(|lack| lack.item() == item)
            .map(|lack| lack.why())
    };
    assert_eq!(has(&Item::Drill), Some(Why::NotKnown));
    assert_eq!(
        has(&Item::Key(PersonId::new("kasse-002.a").unwrap())),
        None,
        "its consent is in the log"
    );

    world.clear_and_open().await;
    let back = picture(&world, &mut number, "everything is open again", |picture| {
        picture.doors().values().all(|door| door.restrictions.is_empty())
    });
    assert!(
        matches!(
            state(&back, &world, "kasse-001"),
            State::Restoring | State::Verifying
        ),
        "{:?}",
        state(&back, &world, "kasse-001")
    );
    let judged = situation(&world.estate, &back, &Peace::default(), clock::now());
    assert_eq!(
        judged.cells[&cell("kasse-001/kim")].stage,
        Stage::Started,
        "its insurer has not tested it"
    );

    let promises = checks::promises(&mut world.side).await;
    let plan_1 = promises.iter().find(|promise| promise.id == "PLAN-1").unwrap();
    assert_eq!(plan_1.kept, Kept::Held, "{}", plan_1.evidence);
    assert!(
        plan_1.evidence.contains("clearance and consent stood"),
        "{}",
        plan_1.evidence
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_start_at_knowledge_and_the_control_room_hears_of_calls() {
    let mut world = World::open().await;
    let incident: IncidentId = "verdacht-1".parse().unwrap();
    let scope = Scope::insurer(insurer("kasse-001"));
    world.cut(scope.clone()).await;
    let mut number = 0;
    picture(&world, &mut number, "the cut is in the journal", |picture| {
        picture.statements().closings.len() == 1
    });

    // A call-out tells the living control room each step.
    let control = world.side.system.control;
    let tls = world.side.system.people_tls();
    let config = format!(
        "sender = \"Übung\"\ndir = \"{}\"\n[control]\naddress = \"{control}\"\ntls = \"{}\"\n",
        world.folder().join("calls").display(),
        tls.display()
    );
    let config = file(&world.folder(), "callout.toml", &config);
    let config: Config = bulkhead::command::process::load(Path::new(&config)).unwrap();
    let call = Call {
        alarm: AlarmId(incident.clone()),
        earnest: Earnest::Exercise,
        what: What::ContactTest,
        duties: vec!["commander".parse().unwrap()],
    };
    let own = BOOK
        .replace("anna", "kasse-001.a")
        .replace("\"bert\"", "\"kasse-001.b\"");
    let book = ContactBook::from_toml(&own).unwrap();
    let (mut callout, _) = Callout::raise(&config, book, &call).unwrap();
    let code = codes(&config.code_key().unwrap(), callout.state().calling().unwrap());
    let code = code[&PersonId::new("kasse-001.a").unwrap()].to_string();
    callout.answer(&format!("{code} JA"), None).await.unwrap();
    let steps = bulkhead::callout::steps(callout.log().entries());
    let told = picture(&world, &mut number, "the control room was told", |picture| {
        picture.people().callouts.len() == steps.len()
    });
    let heard: Vec<_> = told
        .people()
        .callouts
        .iter()
        .map(|one| one.body.clone())
        .collect();
    assert_eq!(heard, steps, "two ways called, one answer, in this order");

    // Nobody opened an incident yet: no clock. A person opens it: the provider knows, and so does who answered the call.
    let mut journal = journal(&world, 0);
    let peace = Peace::default();
    let entries = |index| [(incident.clone(), index)].into();
    assert_eq!(
        knowledge(&world.estate, journal.picture(), &peace, &entries(0)),
        Vec::new()
    );
    let opened = IncidentOpened {
        by: Some("leitung-1".parse().unwrap()),
        incident: incident.clone(),
        title: Text::new("Verdacht").unwrap(),
        scope,
        signals: BTreeSet::new(),
    };
    let at = clock::now();
    let entry = journal.append(vec![opened.into()], at).unwrap();
    let known = knowledge(&world.estate, journal.picture(), &peace, &entries(entry));
    let who: Vec<_> = known
        .iter()
        .map(|one| (one.legal_person.to_string(), one.trigger, one.entry.0))
        .collect();
    assert_eq!(
        who,
        [
            ("betreiber".to_owned(), Trigger::SignificantIncident, entry),
            ("betreiber".to_owned(), Trigger::PersonalDataBreach, entry),
            ("kasse-001".to_owned(), Trigger::PersonalDataBreach, entry),
        ]
    );
    assert!(known[2].kinds.contains(&PersonKind::StatutoryInsurer));
    let duties = Duties::built_in(&world.estate).unwrap();
    let clocks = duties.clocks(&world.estate, journal.picture(), &peace, &entries(entry), at);
    let of = |name: &str| clocks.iter().find(|clock| clock.obligation.as_str() == name);
    let answered = told
        .people()
        .callouts
        .iter()
        .filter(|one| one.body.step == CalloutStep::Acknowledged);
    let answered = answered.map(|one| one.at).min();
    assert_eq!(
        Some(of("TI-329").unwrap().starts),
        answered,
        "the first who answered knew of it, before it had a name"
    );
    assert_eq!(of("GDPR-33-C").unwrap().legal_person.as_str(), "kasse-001");
    assert!(of("NIS2-EW").is_none(), "kim and eau answer under another law");
    let mut rules: Vec<&str> = duties.rules().iter().map(|rule| rule.id.as_str()).collect();
    rules.sort_unstable();
    assert!(
        rules.contains(&"NIS2-EW") && rules.contains(&"GDPR-33-C"),
        "{rules:?}"
    );
    let after = Timestamp(at.0 + 73 * 3_600);
    let later = duties.clocks(&world.estate, journal.picture(), &peace, &entries(entry), after);
    assert!(
        later
            .iter()
            .any(|clock| clock.obligation.as_str() == "GDPR-33-C" && clock.overdue())
    );
}

#[test]
fn what_was_found_out_in_peace_is_read_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let estate = estate::check(crate::common::ESTATE, "estate.toml").unwrap();
    let read = |text: &str| {
        let path = file(folder.path(), "readiness.toml", text);
        Peace::read(Path::new(&path), &estate)
    };
    let text = "[insurer.kasse-001]\nlast-drill = \"2026-10-01\"\nprocessing-notice = \"not-needed\"\n\
                [site.essen]\nway-in = [\"kasse-001/kim\"]\nway-in-tested = \"2026-09-01\"\n";
    let peace = read(text).unwrap();
    assert_eq!(peace.way_in().unwrap().len(), 1);
    let path = file(folder.path(), "readiness.toml", text);
    run(&["config", "show", "--for", "readiness", &path]).expect(
        0,
        &[
            "insurer.kasse-001.last-drill",
            "2026-10-01",
            "return.cells-per-hour",
            "default",
        ],
    );
    for (wrong, word) in [
        ("[insurer.kasse-999]\n", "kasse-999"),
        ("[insurer.kasse-001]\nlast-dril = \"2026-10-01\"\n", "last-dril"),
        ("[insurer.kasse-001]\nlast-drill = \"2026-13-01\"\n", "2026-13-01"),
        (
            "[insurer.kasse-001.service.kimm]\nask-each-time = true\n",
            "kasse-001.kimm",
        ),
    ] {
        let trouble = read(wrong).unwrap_err();
        let cause = trouble
            .cause
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(format!("{trouble} {cause}").contains(word), "{trouble} {cause}");
    }
}
