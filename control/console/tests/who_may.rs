//! Who may do what: every way in, every seat, page and API, and what an insurer sees of another.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod stage;

use std::collections::BTreeSet;

use clearance::Delegation;
use console::{
    Method, Seat,
    permission::{Access, access},
    route::Kind,
};
use order::Person;
use stage::{A, B, PLANTED, Person1, Stage, page, public, text, walk};
use vocabulary::Seconds;

/// Somebody from outside joins for A's environment.
fn delegate(stage: &mut Stage) {
    let delegation = Delegation {
        estate: stage.outside.estate.clone(),
        person: Person {
            id: "delegate-1".parse().unwrap(),
            entity: "labor".parse().unwrap(),
            keys: vec![public("delegate-1")],
            roles: BTreeSet::new(),
        },
        environments: BTreeSet::from([A.parse().unwrap()]),
        reason: text("hilft"),
        issued: stage.now(),
        expires: stage.now().plus(Seconds(7 * 86_400)),
    };
    let signed = stage.outside.signed(&delegation, &["commander-1", "examiner-2"]);
    stage.publish(&signed);
}

fn everybody(stage: &mut Stage) -> Vec<(Person1, Seat)> {
    delegate(stage);
    walk::PEOPLE
        .iter()
        .map(|(name, seat)| (stage.log_in(name), *seat))
        .collect()
}

/// What a status says about permission: whether somebody was turned away for who they are.
fn turned_away(status: u16) -> bool {
    matches!(status, 401 | 403)
}

#[test]
fn every_way_asks_the_table_whoever_comes_and_page_and_api_agree() {
    let mut stage = Stage::new();
    let people = everybody(&mut stage);
    let planted = stage.plant();
    let mut asked = 0;
    for (row, pattern) in walk::ways() {
        for (person, seat) in &people {
            // Logging out would end the walk; it is asked below.
            if row.kind == Kind::Logout || row.kind == Kind::LoginTry {
                continue;
            }
            let path = walk::fill(pattern, A, planted, "00000000");
            let status = if walk::is_post(row) && pattern.starts_with("/api") {
                stage.api(person, Method::Post, &path, "{}").status
            } else if walk::is_post(row) {
                stage.post(person, &path, &[]).status
            } else if pattern.starts_with("/api") {
                stage.api(person, Method::Get, &path, "").status
            } else {
                stage.get(person, &path).status
            };
            let may = access(row.kind, *seat) != Access::None;
            assert_eq!(
                !turned_away(status),
                may,
                "{seat:?} at {path} ({:?}): {status}",
                row.method
            );
            asked += 1;
        }
    }
    assert!(asked > 8 * 60, "only {asked} ways walked");
}

#[test]
fn nobody_gets_in_without_a_session_and_is_told_to_log_in() {
    let mut stage = Stage::new();
    let planted = stage.plant();
    for (row, pattern) in walk::ways() {
        let path = walk::fill(pattern, A, planted, "00000000");
        let method = row.method;
        let mut request = stage.request(method, &path, if walk::is_post(row) { "{}" } else { "" });
        if method == Method::Post {
            request.headers.push(("origin".into(), stage::ORIGIN.into()));
        }
        let response = stage.ask(&request);
        let open = access(row.kind, Seat::Nobody) != Access::None;
        let body = String::from_utf8_lossy(&response.body).into_owned();
        match (open, pattern.starts_with("/api"), method) {
            (true, _, _) => assert!(
                response.status == 200 || row.kind == Kind::LoginTry,
                "{path}: {}",
                response.status
            ),
            (false, true, _) | (false, false, Method::Post) => assert_eq!(response.status, 401, "{path}"),
            (false, false, _) => {
                assert_eq!(response.status, 303, "{path}");
                assert!(response.header("location").unwrap().starts_with("/anmelden"));
            }
        }
        if row.kind != Kind::OpenApi && row.kind != Kind::Help {
            assert!(
                !body.contains("kasse-001") || path.contains("anmelden"),
                "{path} tells nobody of A"
            );
        }
        assert!(!body.contains(PLANTED), "{path}");
    }
}

#[test]
fn an_insurer_finds_nothing_of_another_on_any_way() {
    let mut stage = Stage::new();
    let people = everybody(&mut stage);
    let planted = stage.plant();
    let commander = &people[1].0;
    assert!(
        page(&stage.get(&commander.clone(), "/")).contains(PLANTED),
        "nothing was planted"
    );
    let own: Vec<&(Person1, Seat)> = people
        .iter()
        .filter(|(_, seat)| access(Kind::Matrix, *seat) == Access::Own)
        .collect();
    assert_eq!(own.len(), 4);
    let mut found = Vec::new();
    for (person, seat) in own {
        for (row, pattern) in walk::ways().filter(|(row, _)| row.kind != Kind::Logout) {
            for insurer in [A, B] {
                for query in [
                    "",
                    "?fragment=1",
                    "?suche=kasse",
                    "?was=kasse",
                    "?was=zwet",
                    "?art=abtrennen&zelle=kasse-001/kim&vorfall=v-zwetschge&vorschau=1&everything=1",
                ] {
                    let path = walk::fill(pattern, insurer, planted, "00000000");
                    let (bare, body) = if walk::is_post(row) && pattern.starts_with("/api") {
                        (
                            path.clone(),
                            stage.api(person, Method::Post, &path, "{\"service\":\"kim\"}"),
                        )
                    } else if walk::is_post(row) {
                        (path.clone(), stage.post(person, &path, &[("service", "kim")]))
                    } else {
                        (path.clone(), stage.get(person, &format!("{path}{query}")))
                    };
                    let text = format!("{:?} {}", body.headers, String::from_utf8_lossy(&body.body));
                    for word in [PLANTED, "kasse-002", "424242", &planted.closing.to_string()] {
                        if text.contains(word) {
                            found.push(format!("{seat:?} at {bare}{query} reads {word}"));
                        }
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_cut_of_two_insurers_shows_each_its_own_part() {
    let mut stage = Stage::new();
    stage.plant();
    let both = stage.cut(&[A, B], vocabulary::Class::Containment, "Verdacht bei beiden");
    let insurer = stage.log_in("kasse-001-ja");
    let commander = stage.log_in("commander-1");
    let path = format!("/entwurf/{both}");
    let whole = page(&stage.get(&commander, &path));
    assert!(whole.contains(B) && whole.contains("<b>4</b> Türen"), "{whole}");
    let own = stage.get(&insurer, &path);
    assert_eq!(own.status, 200);
    let own = page(&own);
    assert!(!own.contains(B) && own.contains("<b>2</b> Türen"), "{own}");
}

#[test]
fn a_role_taken_away_counts_at_once() {
    let mut stage = Stage::new();
    let examiner = stage.log_in("examiner-3");
    assert_eq!(stage.get(&examiner, "/protokoll").status, 200);
    stage.change_charter(|charter| {
        let person = charter
            .persons
            .iter_mut()
            .find(|person| person.id.as_str() == "examiner-3")
            .unwrap();
        person.roles = BTreeSet::from([vocabulary::Role::Root]);
    });
    let note = [("title", "x")];
    assert_eq!(stage.post(&examiner, "/vorfall", &note).status, 403);
    assert_eq!(stage.get(&examiner, "/protokoll").status, 200, "still a root");
    stage.change_charter(|charter| {
        charter
            .persons
            .retain(|person| person.id.as_str() != "examiner-3");
    });
    assert_eq!(
        stage.get(&examiner, "/protokoll").status,
        303,
        "no longer anybody"
    );
}

#[test]
fn a_key_taken_away_ends_its_sessions() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-2");
    assert_eq!(stage.get(&commander, "/").status, 200);
    stage.change_charter(|charter| {
        let person = charter
            .persons
            .iter_mut()
            .find(|person| person.id.as_str() == "commander-2")
            .unwrap();
        person.keys = vec![public("commander-2-new")];
    });
    assert_eq!(stage.get(&commander, "/").status, 303);
}

#[test]
fn a_delegation_that_is_over_ends_the_log_in() {
    let mut stage = Stage::new();
    delegate(&mut stage);
    let guest = stage.log_in("delegate-1");
    assert_eq!(stage.get(&guest, "/zelle/kasse-001/kim").status, 200);
    assert_eq!(stage.get(&guest, "/zelle/kasse-002/kim").status, 404);
    let after = stage.now().plus(Seconds(7 * 86_400 + 1));
    let mut request = stage.browser(&guest, Method::Get, "/", "");
    request.now = after;
    assert_eq!(stage.ask(&request).status, 303);
}
