//! The exact commands the booklet prints. Whoever wires this room checks them against the real command line.

use core::net::SocketAddr;

use vocabulary::EstateId;

/// One command, word by word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Typed(pub Vec<String>);

impl Typed {
    fn of(words: &[&str]) -> Self {
        Self(words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// As it is typed. Words with blanks are quoted.
    #[must_use]
    pub fn line(&self) -> String {
        let plain = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_./:=@~[]".contains(&b))
        };
        let words: Vec<String> = self
            .0
            .iter()
            .map(|word| {
                if plain(word) {
                    word.clone()
                } else {
                    format!("'{}'", word.replace('\'', "'\\''"))
                }
            })
            .collect();
        words.join(" ")
    }
}

/// Hands a signed closing straight to a door process.
#[must_use]
pub fn close(file: &str, door: SocketAddr, tls: &str) -> Typed {
    Typed::of(&[
        "bulkhead",
        "order",
        "close",
        file,
        "--door",
        &door.to_string(),
        "--tls",
        tls,
    ])
}

/// Asks a door process where its doors stand.
#[must_use]
pub fn status(door: SocketAddr, tls: &str) -> Typed {
    Typed::of(&["bulkhead", "status", "--door", &door.to_string(), "--tls", tls])
}

/// Makes a draft to fill in.
#[must_use]
pub fn draft(kind: &str, file: &str, estate: &EstateId) -> Typed {
    Typed::of(&[
        "bulkhead",
        "sign",
        "draft",
        kind,
        file,
        "--estate",
        estate.as_str(),
    ])
}

/// Shows a statement as one sentence.
#[must_use]
pub fn show(file: &str) -> Typed {
    Typed::of(&["bulkhead", "sign", "show", file])
}

/// Shows, asks, signs.
#[must_use]
pub fn sign(file: &str, key: &str) -> Typed {
    Typed::of(&["bulkhead", "sign", "add", file, "--key", key])
}

/// Hands a signed statement to the authority log.
#[must_use]
pub fn send(file: &str, control: SocketAddr, tls: &str) -> Typed {
    Typed::of(&[
        "bulkhead",
        "order",
        "send",
        file,
        "--control",
        &control.to_string(),
        "--tls",
        tls,
    ])
}
