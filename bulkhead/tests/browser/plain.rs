//! A caller that is no browser: HTTP/1.1 by hand, so that a test says exactly what goes over the wire.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use crate::common::{LIMIT, World};

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn read(raw: &[u8]) -> Self {
        let text = String::from_utf8_lossy(raw);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no status in {text:?}")),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Writes bytes to a listener and reads until it closes.
pub fn raw(to: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // Who refuses early may close while we still write.
    let _written = stream.write_all(bytes);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    assert!(!answer.is_empty(), "no answer: {read:?}");
    Reply::read(&answer)
}

/// One request, with these headers and no others but what HTTP needs.
pub fn ask(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    raw(to, &[text.as_bytes(), body].concat())
}

/// Somebody's program at the console's API.
pub struct Api {
    pub to: SocketAddr,
    pub token: String,
    pub form_token: String,
}

impl Api {
    #[track_caller]
    pub fn log_in(world: &World, person: &str) -> Self {
        let to = world.side.system.console;
        let challenge = ask(to, "GET", "/api/v1/login", &[], b"").json();
        let challenge = challenge["challenge"].as_str().unwrap();
        let signed = world.sign_login(challenge, &world.key_of(person)).expect(0, &[]);
        let body = json!({ "challenge": challenge, "signature": signed.out }).to_string();
        let kind = [("Content-Type", "application/json")];
        let session = ask(to, "POST", "/api/v1/login", &kind, body.as_bytes()).json();
        let word = |name: &str| {
            session[name]
                .as_str()
                .unwrap_or_else(|| panic!("{session}"))
                .to_owned()
        };
        Self {
            to,
            token: word("token"),
            form_token: word("formToken"),
        }
    }

    pub fn get(&self, path: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        ask(self.to, "GET", path, &[("Authorization", &bearer)], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        ask(self.to, "POST", path, &headers, body.to_string().as_bytes())
    }

    /// Proposes a draft; gives its name.
    #[track_caller]
    pub fn propose(&self, body: &Value) -> String {
        let reply = self.post("/api/v1/drafts", body);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    }
}
