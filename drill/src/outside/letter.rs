//! What a letter looks like on the way, and how to tell which one it is.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use vocabulary::{InsurerId, Millis};

use super::{book::LetterNumber, seal};
use crate::{
    chance::{Chance, Seed},
    script::{PracticeNumber, Script},
};

/// Domain of all invented practices.
pub(super) const PRACTICES_DOMAIN: &str = "praxis.kim.telematik-test";

/// `X-KIM-Dienstkennung` of a sick note (KBV Technische Anlage zur eAU).
const SICK_NOTE: &str = "eAU;Lieferung;V1.2";

/// `X-KIM-Dienstkennung` of an insurer's error mail.
pub(super) const ERROR_MAIL: &str = "eAU;Fehler-Kasse;V1.2";

pub(super) fn practice_address(practice: PracticeNumber) -> String {
    format!("praxis-{:04}@{PRACTICES_DOMAIN}", practice.0)
}

/// Writes letters, the same for the same seed.
pub(super) struct Writer {
    seed: Seed,
    body_bytes: usize,
    keys: BTreeMap<InsurerId, <hpke::kem::X25519HkdfSha256 as hpke::Kem>::PublicKey>,
    script: Script,
}

/// A letter ready to be handed in.
pub(super) struct Written {
    pub(super) from: String,
    pub(super) data: Vec<u8>,
}

impl Writer {
    pub(super) fn new(script: &Script, vault: &seal::Vault) -> Self {
        let body_bytes = usize::try_from(script.traffic().body_bytes).unwrap_or(usize::MAX);
        Self {
            seed: script.seed(),
            body_bytes,
            keys: vault.public_keys(),
            script: script.clone(),
        }
    }

    /// The whole mail as it leaves the practice's KIM module: outer headers in clear, content sealed.
    pub(super) fn write(
        &self,
        number: LetterNumber,
        practice: PracticeNumber,
        insurer: &InsurerId,
        to: &str,
        at: Millis,
    ) -> Option<Written> {
        let mut chance = Chance::new(self.seed, 1_000_u64.saturating_add(u64::from(number.0)));
        let sealed = seal::seal(insurer, &self.keys, &self.content(number), &mut chance)?;
        let from = practice_address(practice);
        let date = self.script.date_header(at);
        let id = message_id(number);
        let mut data = format!(
            "Date: {date}\r\nFrom: <{from}>\r\nTo: <{to}>\r\nReply-To: <{from}>\r\nMessage-ID: {id}\r\n\
             Subject: KOM-LE-Nachricht\r\nX-KOM-LE-Version: 1.5\r\nX-KIM-Dienstkennung: {SICK_NOTE}\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: application/pkcs7-mime; smime-type=authenticated-enveloped-data; name=smime.p7m\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        )
        .into_bytes();
        for line in BASE64_STANDARD.encode(sealed).as_bytes().chunks(76) {
            data.extend_from_slice(line);
            data.extend_from_slice(b"\r\n");
        }
        Some(Written { from, data })
    }

    /// The `Date` header of something sent now.
    pub(super) fn date(&self, at: Millis) -> String {
        self.script.date_header(at)
    }

    fn content(&self, number: LetterNumber) -> Vec<u8> {
        let mut content = format!("Erfundene Bescheinigung {} (synthetic)\n", number.0).into_bytes();
        content.resize(self.body_bytes.max(content.len()), b'.');
        content
    }
}

/// Whether opened content is the letter of this number.
pub(super) fn is_content_of(content: &[u8], number: LetterNumber) -> bool {
    content.starts_with(format!("Erfundene Bescheinigung {} (synthetic)\n", number.0).as_bytes())
}

fn message_id(number: LetterNumber) -> String {
    format!("<letter-{}@{PRACTICES_DOMAIN}>", number.0)
}

/// The letter a Message-ID names.
pub(super) fn number_of(text: &str) -> Option<LetterNumber> {
    let inner = text.trim().strip_prefix("<letter-")?;
    let (number, rest) = inner.split_once('@')?;
    rest.starts_with(PRACTICES_DOMAIN).then_some(())?;
    number.parse().ok().map(LetterNumber)
}

/// ENVID (RFC 3461 section 4.4) of a letter.
pub(super) fn envelope_id(number: LetterNumber) -> String {
    format!("letter-{}", number.0)
}

/// The letter an envelope id names.
pub(super) fn number_of_envelope(text: &str) -> Option<LetterNumber> {
    text.trim()
        .strip_prefix("letter-")?
        .parse()
        .ok()
        .map(LetterNumber)
}

/// The first header of a name in a mail, unfolded (RFC 5322 section 2.2.3).
pub(super) fn header(mail: &[u8], name: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for line in mail.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            break;
        }
        if let Some(value) = found.as_mut() {
            if !line.starts_with([' ', '\t']) {
                break;
            }
            value.push_str(line);
            continue;
        }
        if let Some((key, value)) = line.split_once(':')
            && key.eq_ignore_ascii_case(name)
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

/// What follows the headers.
pub(super) fn body(mail: &[u8]) -> &[u8] {
    let at = mail.windows(4).position(|window| window == b"\r\n\r\n");
    at.and_then(|at| mail.get(at.saturating_add(4)..)).unwrap_or(&[])
}

/// The sealed content of a letter.
pub(super) fn sealed_content(mail: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = body(mail)
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    BASE64_STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_unfolded_and_only_above_the_body() {
        let mail = b"Received: x\r\nMESSAGE-ID:\r\n <letter-7@praxis.kim.telematik-test>\r\nTo: a\r\n\r\nSubject: no\r\n";
        let id = header(mail, "Message-ID").unwrap();
        assert_eq!(number_of(&id), Some(LetterNumber(7)));
        assert_eq!(header(mail, "Subject"), None);
        assert_eq!(body(mail), b"Subject: no\r\n");
        assert_eq!(number_of("<other@example.org>"), None);
        assert_eq!(
            number_of_envelope(&envelope_id(LetterNumber(9))),
            Some(LetterNumber(9))
        );
    }
}
