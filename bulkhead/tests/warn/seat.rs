//! A commander at the console.

use std::time::{Duration, Instant};

use bulkhead::{command::sign::console::Console, exercise};
use hyper::Method;
use order::login::ConsoleOrigin;
use serde_json::{Value, json};

use crate::{
    WAIT,
    common::{LIMIT, World},
};

/// A commander at the console; asks on a thread of its own, as a program of theirs would.
pub struct Seat {
    origin: ConsoleOrigin,
    token: String,
}

impl Seat {
    pub fn new(world: &World) -> Self {
        let origin: ConsoleOrigin = format!("http://{}", world.side.system.console).parse().unwrap();
        let asked = ask(&origin, None, Method::GET, "/api/v1/login", None);
        let text = asked["challenge"].as_str().unwrap();
        let key = world.side.cast.key_of("leitung-1").unwrap();
        let signature = exercise::sign::answer_challenge(text, &origin, &key).unwrap();
        let body = json!({ "challenge": text, "signature": signature.0 });
        let answer = ask(&origin, None, Method::POST, "/api/v1/login", Some(body));
        Self {
            origin,
            token: answer["token"].as_str().unwrap().to_owned(),
        }
    }

    pub fn get(&self, path: &str) -> Value {
        ask(&self.origin, Some(&self.token), Method::GET, path, None)
    }

    /// Closes an incident, and says why.
    pub fn close(&self, incident: &str, why: &str) {
        let path = format!("/api/v1/incidents/{incident}/close");
        ask(
            &self.origin,
            Some(&self.token),
            Method::POST,
            &path,
            Some(json!({ "why": why })),
        );
    }

    /// Waits until the incidents, as the console shows them, are as wanted.
    pub fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            seen = self.get("/api/v1/incidents");
            if wanted(&seen) {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("waited in vain until {what}: {seen:#}");
    }

    /// Waits until the journal says this about an incident.
    pub fn until_said(&self, incident: &str, words: &str) -> Value {
        let path = format!("/api/v1/incidents/{incident}");
        let mut seen = Value::Null;
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            seen = self.get(&path);
            if seen.to_string().contains(words) {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nobody said \"{words}\": {seen:#}");
    }
}

fn ask(
    origin: &ConsoleOrigin,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Value {
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut console = Console::new(origin.clone(), None).unwrap();
            console.keep(token.map(str::to_owned));
            console
                .ask(method, path, body.as_ref(), WAIT)
                .unwrap_or_else(|error| panic!("{path}: {error:?}"))
        });
        asking.join().unwrap()
    })
}
