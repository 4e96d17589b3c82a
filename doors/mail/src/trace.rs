//! The header fields by which an item is known again at the place it was handed over to. The forwarder writes them as
//! the very first lines; a regular server puts its own above them, a sender's stay below, so the first one counts.
//!
//! Item ids can be guessed, and mail may reach the regular server without us. So the id alone says nothing: beside it
//! stands a proof that only this installation can make, or the field is ignored.

use spool::ItemId;
use vocabulary::{Digest, Hasher};

use crate::{
    book::Salt,
    header::{self, HEADER_BYTES_MAX},
    pop3::Unstuffer,
};

const ITEM: &str = "X-Bulkhead-Item";
const PROOF: &str = "X-Bulkhead-Proof";

/// The first lines of what is handed over, without CRLF.
pub(crate) fn lines(salt: &Salt, item: ItemId) -> [String; 2] {
    [
        format!("{ITEM}: {item}"),
        format!("{PROOF}: {}", proof(salt, item)),
    ]
}

/// Of fixed length behind a secret of fixed length: nothing can be appended to it.
fn proof(salt: &Salt, item: ItemId) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(b"bulkhead item trace v1\n");
    hasher.update(&salt.0);
    hasher.update(item.to_string().as_bytes());
    hasher.finish()
}

/// What an outer header says about where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// Nothing: it did not pass our forwarder.
    Absent,
    /// Our forwarder handed it over as this item.
    Ours(ItemId),
    /// It claims so, without a proof.
    Forged,
}

/// Reads the outer header out of a RETR answer that passes by in pieces; keeps no more than a header may have.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    unstuffer: Unstuffer,
    header: Vec<u8>,
    is_whole: bool,
}

impl Finder {
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        if self.is_whole {
            return;
        }
        let searched = self.header.len();
        self.unstuffer.feed(piece, &mut self.header);
        let end = header::end(&self.header, searched);
        if end.is_some() || self.header.len() > HEADER_BYTES_MAX {
            self.header.truncate(end.unwrap_or(HEADER_BYTES_MAX));
            self.is_whole = true;
        }
    }

    pub(crate) fn found(&self, salt: &Salt) -> Trace {
        let text = |name: &str| {
            let value = header::first(&self.header, name.as_bytes())?;
            Some(core::str::from_utf8(value).unwrap_or_default().trim())
        };
        let Some(item) = text(ITEM) else {
            return Trace::Absent;
        };
        let shown = text(PROOF).and_then(|proof| proof.parse::<Digest>().ok());
        match (item.parse(), shown) {
            (Ok(item), Some(shown)) if shown == proof(salt, item) => Trace::Ours(item),
            (Ok(_) | Err(_), Some(_) | None) => Trace::Forged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: Salt = Salt([7; 32]);

    fn item(sequence: u32) -> ItemId {
        format!("00000000000000aa{sequence:016x}").parse().unwrap()
    }

    fn found(message: &str) -> Trace {
        let mut finder = Finder::default();
        finder.feed(message.as_bytes());
        finder.found(&SALT)
    }

    #[test]
    fn only_the_first_field_of_the_outer_header_with_its_proof_counts() {
        let ours = |sequence| lines(&SALT, item(sequence)).join("\r\n") + "\r\n";
        let above = "Return-Path: <a@b>\r\nReceived: by regular\r\n\tfor someone\r\n";
        assert_eq!(
            found(&format!("{above}{}Subject: x\r\n\r\nbody\r\n", ours(1))),
            Trace::Ours(item(1))
        );
        assert_eq!(
            found(&format!("{}{}\r\n", ours(1), ours(2))),
            Trace::Ours(item(1))
        );
        assert_eq!(found(&format!("Subject: x\r\n\r\n{}", ours(1))), Trace::Absent);
        assert_eq!(
            found(&format!("Subject: x\n\n{}\r\n", ours(1))),
            Trace::Absent,
            "a bare line end is an end too"
        );
        assert_eq!(found(&format!("\r\n{}", ours(1))), Trace::Absent);
        assert_eq!(found(""), Trace::Absent);
        let bare = |value: &str| found(&format!("X-Bulkhead-Item: {value}\r\n{}\r\n", ours(1)));
        for forged in [
            item(1).to_string() + "0",
            item(2).to_string(),
            format!("{}\r\n ", &item(1).to_string()[..31]),
            format!(
                "{}\r\n {}",
                &item(1).to_string()[..16],
                &item(1).to_string()[16..]
            ),
            String::new(),
        ] {
            assert_eq!(bare(&forged), Trace::Forged, "{forged:?}");
        }
        let other = lines(&Salt([8; 32]), item(1)).join("\r\n") + "\r\n\r\n";
        assert_eq!(found(&other), Trace::Forged, "another installation's");
    }

    proptest! {
        #[test]
        fn it_is_found_wherever_the_answer_is_cut(at in 0usize..400, dots in "\\.{0,3}") {
            let message = format!("Received: x\r\n .{dots}\r\n{}\r\n\r\nbody\r\n", lines(&SALT, item(3)).join("\r\n"));
            let mut wire = Vec::new();
            crate::smtp::body::stuff(message.as_bytes(), &mut wire);
            let (one, two) = wire.split_at(at.min(wire.len()));
            let mut finder = Finder::default();
            finder.feed(one);
            finder.feed(two);
            prop_assert_eq!(finder.found(&SALT), Trace::Ours(item(3)));
        }
    }
}
