//! Requests to the gateway byte for byte as its documentation shows them, and its answers as they really look.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use proptest::prelude::*;
use readiness::{
    callout::{AlarmId, Cause, MessageId},
    contacts::Phone,
    gateway::{
        ApiKey,
        seven::{NotTaken, ShownAs, Told, read_answer, read_hook, sms, voice},
    },
};

fn key() -> ApiKey {
    ApiKey::new("  geheim-0123456789\n").unwrap()
}

fn phone(text: &str) -> Phone {
    text.parse().unwrap()
}

fn id() -> MessageId {
    MessageId {
        alarm: AlarmId("alarm-1".parse().unwrap()),
        person: "anna".parse().unwrap(),
        way: 0,
    }
}

#[test]
fn a_short_message_is_one_form_post() {
    let request = sms(
        &key(),
        &ShownAs::new("Bulkhead").unwrap(),
        &phone("+49 171 2345678"),
        "ÜBUNG: 100 % & mehr+",
        &id(),
    );
    assert_eq!(
        (request.method, request.host, request.path),
        ("POST", "gateway.seven.io", "/api/sms")
    );
    let name = id().for_gateway();
    assert_eq!(
        request.body,
        format!("to=%2B491712345678&text=%C3%9CBUNG%3A+100+%25+%26+mehr%2B&from=Bulkhead&foreign_id={name}")
    );
    assert!(name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric()));
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|(one, _)| *one == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(header("X-Api-Key"), Some("geheim-0123456789"));
    assert_eq!(header("Content-Type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        header("Content-Length"),
        Some(request.body.len().to_string().as_str())
    );
    assert!(
        !format!("{request:?} {:?}", key()).contains("geheim"),
        "the key is never shown"
    );
    assert!(!format!("{request:?}").contains("171"), "nor the number");
}

#[test]
fn a_call_rings_as_long_as_the_gateway_allows() {
    let request = voice(
        &key(),
        &phone("+49 201 1111111"),
        &phone("+49 171 2345678"),
        "Hallo",
        &id(),
    );
    assert_eq!(request.path, "/api/voice");
    assert!(
        request
            .body
            .starts_with("to=%2B491712345678&text=Hallo&from=%2B492011111111&ringtime=60&foreign_id=")
    );
}

#[test]
fn answers_read_as_the_gateway_writes_them() {
    let sms = br#"{"success":"100","total_price":0.075,"balance":593.994,"debug":"false","sms_type":"direct","messages":[
        {"id":"77229318510","sender":"s","recipient":"49171","text":"x","encoding":"gsm","label":null,"parts":1,"udh":null,
         "is_binary":false,"price":0.075,"success":true,"error":null,"error_text":null}]}"#;
    assert_eq!(
        read_answer(200, sms).unwrap().reference.unwrap().as_str(),
        "77229318510"
    );
    let voice = br#"{"success":"100","total_price":0.045,"balance":3509.236,"debug":false,"messages":[
        {"id":1384013,"sender":"s","recipient":"49171","text":"x","price":0.045,"success":true,"error":null,"error_text":null}]}"#;
    assert_eq!(
        read_answer(200, voice).unwrap().reference.unwrap().as_str(),
        "1384013"
    );
}

#[test]
fn a_refusal_in_a_good_answer_is_a_refusal() {
    let one = |success: &str, message: &str| format!(r#"{{"success":{success},"messages":[{message}]}}"#);
    for (status, body, cause) in [
        (200, one("\"500\"", ""), Cause::Refused),
        (
            200,
            one(
                "\"100\"",
                r#"{"id":null,"success":false,"error":"202","error_text":"x"}"#,
            ),
            Cause::Refused,
        ),
        (200, one("900", ""), Cause::Refused),
        (200, one("\"100\"", ""), Cause::Garbled),
        (200, "900".to_owned(), Cause::Garbled),
        (200, "<html>".to_owned(), Cause::Garbled),
        (401, String::new(), Cause::NotAdmitted),
        (403, String::new(), Cause::NotAdmitted),
        (429, String::new(), Cause::Unreached),
        (
            502,
            one("\"100\"", r#"{"id":"1","success":true}"#),
            Cause::Unreached,
        ),
        (302, String::new(), Cause::Garbled),
    ] {
        let refused = read_answer(status, body.as_bytes()).unwrap_err();
        assert_eq!(refused.cause(), cause, "{status} {body}");
        assert!(refused.to_string().contains(" / "));
    }
    let shown = read_answer(200, one("\"<script>500\"", "").as_bytes()).unwrap_err();
    assert_eq!(
        shown,
        NotTaken::Refused {
            code: "500".to_owned()
        },
        "foreign text is not shown"
    );
    assert!(read_answer(200, &vec![b' '; 1 << 20]).is_err());
}

#[test]
fn web_hooks_read_as_documented() {
    let dlr = |status: &str| {
        format!(
            r#"{{"data":{{"msg_id":"77149843739","status":"{status}","timestamp":"2021-08-24 08:08:00.000000"}},"webhook_event":"dlr","webhook_timestamp":"2021-08-24T08:08:00+02:00"}}"#
        )
    };
    let told = |status: &str| read_hook(dlr(status).as_bytes());
    assert!(matches!(told("DELIVERED"), Ok(Told::Delivered(id)) if id.as_str() == "77149843739"));
    for status in ["NOTDELIVERED", "EXPIRED", "REJECTED", "FAILED"] {
        assert!(matches!(told(status), Ok(Told::NotDelivered(_))), "{status}");
    }
    for status in ["TRANSMITTED", "BUFFERED", "ACCEPTED"] {
        assert!(matches!(told(status), Ok(Told::OnItsWay(_))), "{status}");
    }
    assert!(told("GONE").is_err());
    let received = br#"{"data":{"id":"681590","sender":"SMS","system":"491771783130","text":"123456 JA","time":"1605878104","message_type":"SMS"},"webhook_event":"sms_mo","webhook_timestamp":"2020-12-02 11:55:44"}"#;
    assert_eq!(
        read_hook(received),
        Ok(Told::Received {
            text: "123456 JA".to_owned()
        })
    );
    assert_eq!(
        read_hook(br#"{"data":{},"webhook_event":"tracking"}"#),
        Ok(Told::Other)
    );
    assert!(read_hook(b"[]").is_err());
}

#[test]
fn senders_and_keys_the_gateway_would_refuse_are_refused_before() {
    for good in ["Bulkhead", "12345678901", "1234567890123456"] {
        assert!(ShownAs::new(good).is_ok(), "{good}");
    }
    for bad in ["", "Bulkhead Ess", "Rechenzentrum", "12345678901234567", "Böse"] {
        assert!(ShownAs::new(bad).is_err(), "{bad}");
    }
    for bad in ["", "kurz", "mit leer zeichen", "zeile\r\nX-Evil: 1"] {
        assert!(ApiKey::new(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    /// No text breaks out of its field, and no answer makes the reader panic.
    #[test]
    fn a_form_field_holds_whatever_is_in_it(text in "\\PC{0,200}", body in proptest::collection::vec(any::<u8>(), 0..300), status in any::<u16>()) {
        let request = sms(&key(), &ShownAs::new("Bulkhead").unwrap(), &phone("+49 171 2345678"), &text, &id());
        prop_assert_eq!(request.body.matches('&').count(), 3);
        prop_assert!(request.body.is_ascii() && !request.body.contains(['\r', '\n', ' ']));
        let _answer = read_answer(status, &body);
        let _answer = read_hook(&body);
    }
}
