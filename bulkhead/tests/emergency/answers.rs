//! What leaves an emergency environment: answers that somebody of the insurer released, and nothing else.

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulkhead::{
    clock, command,
    emergency_wire::Answered,
    http::{self, CallError},
};
use clearance::{Against, Refusal, Withdraws};
use hyper::Method;
use order::{Answer, AnswerCode, AnswerRelease, ReleasedMail, Releases};
use serde_json::{Value, json};
use vocabulary::{Digest, Envelope, Seconds};

use super::stage::{Environment, FROM, Identity, cell, environment, later, text};
use crate::common::{World, cell_of, mailbox, until};

const CODE: u16 = 105;

fn code(code: u16) -> Answer {
    Answer::Error(AnswerCode::try_from(code).unwrap())
}

/// An error mail as an emergency environment writes it; what it says is sealed to the practice.
fn error_mail(id: &str) -> String {
    format!(
        "From: <{}>\r\nTo: <{FROM}>\r\nMessage-ID: <{id}@kasse-001.kim>\r\n\
         X-KIM-Dienstkennung: eAU;Fehler-Kasse;V1.2\r\nSubject: KOM-LE-Nachricht\r\n\r\nsealed {id}\r\n",
        mailbox(1)
    )
}

fn release(world: &World, releases: Releases, signer: &str) -> Envelope {
    let now = clock::now();
    let body = AnswerRelease {
        estate: world.estate.id().clone(),
        insurer: "kasse-001".parse().unwrap(),
        environment: environment(),
        releases,
        reason: text("geprüft / looked at"),
        issued: now,
        expires: now.plus(Seconds(3600)),
    };
    world.side.cast.sign(&body, &[signer]).unwrap()
}

fn of_mail(mail: &str) -> Releases {
    Releases::Mails(vec![ReleasedMail {
        cell: cell(1, "eau"),
        mail: Digest::of(mail.as_bytes()),
        answer: code(CODE),
    }])
}

fn policy(per_day_max: u32) -> Releases {
    Releases::Policy {
        cells: BTreeSet::from([cell(1, "eau")]),
        answers: BTreeSet::from([code(CODE)]),
        per_day_max: NonZeroU32::new(per_day_max).unwrap(),
    }
}

fn call(mail: &str, release: &Envelope) -> Value {
    json!({
        "cell": cell(1, "eau"),
        "answer": code(CODE),
        "mail": STANDARD.encode(mail),
        "release": release,
    })
}

/// Hands an answer in at the door as the emergency environment.
async fn hand_in(world: &World, call: &Value) -> Result<Answered, (u16, String)> {
    let tls = world.side.system.emergency_tls();
    let endpoint = http::Endpoint {
        address: world.emergency_door(),
        tls: Some(command::identity(&tls).unwrap().connector().unwrap()),
    };
    let path = format!("/emergency/answer?environment={}", environment());
    let body = serde_json::to_vec(call).unwrap();
    match http::call_json(&endpoint, Method::POST, &path, body, Duration::from_secs(30)).await {
        Ok(answered) => Ok(answered),
        Err(CallError::Refused { status, sentence }) => Err((status, sentence)),
        Err(error) => panic!("{error}"),
    }
}

/// How many mails of an insurer's own the regular server took.
fn left(world: &World) -> Vec<String> {
    let taken = world.regular.taken();
    let answers = taken.iter().filter(|mail| mail.from.contains(&mailbox(1)));
    answers.map(|mail| mail.id().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_leaves_by_release_and_nothing_else_does() {
    let mut world = World::open().await;
    let identity = Identity::make(world.dir.path());
    world.cut(cell_of(1, "eau")).await;
    let note = world.sick_note("note", 1);
    let first = error_mail("1");
    let by_person = release(&world, of_mail(&first), "kasse-001.a");
    let (status, sentence) = hand_in(&world, &call(&first, &by_person)).await.unwrap_err();
    assert!(
        status == 403 && sentence.contains("Erlaubnis"),
        "not granted yet: {sentence}"
    );

    let grant = world.grant(1, &identity.recipient, later(3600)).await;
    assert_eq!(
        hand_in(&world, &call(&first, &by_person)).await,
        Ok(Answered::Sent)
    );
    assert_eq!(
        hand_in(&world, &call(&first, &by_person)).await,
        Ok(Answered::Before),
        "once"
    );
    assert_eq!(left(&world), ["<1@kasse-001.kim>"]);
    let sent = world.regular.taken();
    let sent = sent.iter().find(|mail| mail.from.contains(&mailbox(1))).unwrap();
    assert!(sent.to.len() == 1 && sent.to[0].contains(FROM));

    // Another mail, another signer, another kind, and what no key of ours may ever cause.
    let second = error_mail("2");
    for (wrong, status, word) in [
        (call(&second, &by_person), 403, "nicht darin genannt"),
        (
            call(&second, &release(&world, of_mail(&second), "leitung-1")),
            403,
            "kasse-001",
        ),
        (
            call(&second, &release(&world, of_mail(&second), "kasse-002.a")),
            403,
            "kasse-001",
        ),
        (
            {
                let mut wrong = call(&second, &by_person);
                wrong["answer"] = json!({ "error": 313 });
                wrong
            },
            400,
            "313",
        ),
    ] {
        let (said, sentence) = hand_in(&world, &wrong).await.unwrap_err();
        assert!(said == status && sentence.contains(word), "{said} {sentence}");
    }
    let report = second.replacen("Subject:", "Content-Type: multipart/report\r\nSubject:", 1);
    let delivery = second.replacen("eAU;Fehler-Kasse", "eAU;Lieferung", 1);
    let to_many = second.replacen(&format!("To: <{FROM}>"), &format!("To: <{FROM}>, <b@x.test>"), 1);
    let any = release(&world, policy(2), "kasse-001.b");
    for wrong in [report, delivery, to_many] {
        let (said, sentence) = hand_in(&world, &call(&wrong, &any)).await.unwrap_err();
        assert_eq!(said, 422, "{sentence}");
    }
    assert_eq!(left(&world).len(), 1);

    // A policy releases a kind of answer, so many a day, until somebody of the insurer refuses it.
    for id in ["2", "3"] {
        assert_eq!(
            hand_in(&world, &call(&error_mail(id), &any)).await,
            Ok(Answered::Sent)
        );
    }
    let (said, sentence) = hand_in(&world, &call(&error_mail("4"), &any)).await.unwrap_err();
    assert!(
        said == 429 && sentence.contains("eine Person muss hinsehen"),
        "{sentence}"
    );
    let wider = release(&world, policy(100), "kasse-001.b");
    assert_eq!(
        hand_in(&world, &call(&error_mail("4"), &wider)).await,
        Ok(Answered::Sent)
    );
    let no = Refusal {
        estate: world.estate.id().clone(),
        insurer: "kasse-001".parse().unwrap(),
        against: Against::Statement(wider.id()),
        reason: text("zu viele / too many"),
        issued: clock::now(),
    };
    let no = world.side.cast.sign(&no, &["kasse-001.a"]).unwrap();
    world.publish(&no);
    let began = std::time::Instant::now();
    loop {
        match hand_in(&world, &call(&error_mail("5"), &wider)).await {
            Err((403, sentence)) => {
                assert!(sentence.contains("abgelehnt"), "{sentence}");
                break;
            }
            Ok(_) if began.elapsed() < crate::common::LIMIT => {
                // The door has not followed the log yet; each of these is a mail of its own.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => panic!("{other:?}"),
        }
    }

    // The outbox of a real environment: a released answer leaves and is gone, others wait or are set aside.
    let mut emergency = Environment::start(&world, &identity);
    let outbox = emergency.dir.join("outbox");
    let third = error_mail("outbox");
    let put = |name: &str, item: &str, call: Value| {
        let outgoing = json!({ "item": item, "call": call });
        bulkhead::files::write_private(&outbox.join(name), outgoing.to_string().as_bytes()).unwrap();
    };
    until("the note is filed", || emergency.bytes() > 0);
    let released = release(&world, of_mail(&third), "kasse-001.a");
    put("a-good.json", &note.to_string(), call(&third, &released));
    put("b-no-item.json", &"0".repeat(32), call(&third, &released));
    put("c-garbled.json", &note.to_string(), json!("nothing"));
    put(
        "d-report.json",
        &note.to_string(),
        call(&third.replacen("Fehler", "X", 1), &released),
    );
    until("answers left or were set aside", || {
        let names: BTreeSet<String> = std::fs::read_dir(&outbox)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".part"))
            .collect();
        names
            == [
                "b-no-item.refused",
                "b-no-item.why",
                "c-garbled.refused",
                "c-garbled.why",
                "d-report.refused",
                "d-report.why",
            ]
            .map(str::to_owned)
            .into()
    });
    assert!(left(&world).contains(&"<outbox@kasse-001.kim>".to_owned()));

    // Ended: nothing leaves any more, whoever released it.
    world.withdraw(Withdraws::Clearance(grant.clearance), &["forensik-2"]);
    world
        .until_status("the grant is gone", |status| {
            status.doors.iter().all(|line| line.until.is_none())
        })
        .await;
    let last = error_mail("6");
    let before = left(&world).len();
    let (said, _) = hand_in(
        &world,
        &call(&last, &release(&world, of_mail(&last), "kasse-001.a")),
    )
    .await
    .unwrap_err();
    assert_eq!((said, left(&world).len()), (403, before));
    // What was answered stands in the index, so that nobody answers twice.
    until("the index is handed back", || emergency.covered(1).exists());
    let index: Value = serde_json::from_slice(&std::fs::read(emergency.index(1)).unwrap()).unwrap();
    assert_eq!(index["items"][0]["answer"], json!("105"));
    emergency.kill();
    drop(emergency);
    world.end_after_trouble();
}
