//! The two requests we make of a person's own ssh-agent: which keys it holds, and one signature.
//!
//! Protocol: IETF draft-miller-ssh-agent, sections 3 and 4.4 to 4.5. The agent keeps the key; hardware keys
//! (`sk-ssh-ed25519@openssh.com`) work the same way, the agent asks for the touch.

use order::PublicKey;
use ssh_key::Signature;
use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::Refused;

/// Longest answer of an agent in bytes, as OpenSSH itself bounds it.
const ANSWER_BYTES_MAX: u32 = 256 * 1024;
/// Most keys looked at.
const KEYS_MAX: u32 = 1024;
/// How long a person has to touch a hardware key or to answer the agent's own question.
const ANSWER_WAIT: Duration = Duration::from_secs(120);

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// A connection to an agent.
#[derive(Debug)]
pub(crate) struct Agent {
    socket: UnixStream,
}

impl Agent {
    /// Connects to the agent's socket (what `SSH_AUTH_SOCK` names).
    pub(crate) fn connect(path: &Path) -> Result<Self, Refused> {
        let connect = || {
            let socket = UnixStream::connect(path)?;
            socket.set_read_timeout(Some(ANSWER_WAIT))?;
            socket.set_write_timeout(Some(ANSWER_WAIT))?;
            Ok(socket)
        };
        let socket = connect().map_err(|cause| {
            Refused::agent(
                format!("unter {} antwortet keiner.", path.display()),
                format!("nobody answers at {}.", path.display()),
                Some(cause),
            )
        })?;
        Ok(Self { socket })
    }

    /// The keys it holds that doors accept; others are left out.
    pub(crate) fn keys(&mut self) -> Result<Vec<PublicKey>, Refused> {
        let answer = self.ask(&[REQUEST_IDENTITIES], IDENTITIES_ANSWER)?;
        let mut rest = answer.as_slice();
        let count = number(&mut rest).ok_or_else(garbled)?.min(KEYS_MAX);
        let mut keys = Vec::new();
        for _ in 0..count {
            let blob = bytes(&mut rest).ok_or_else(garbled)?;
            let _comment = bytes(&mut rest).ok_or_else(garbled)?;
            let line = ssh_key::PublicKey::from_bytes(blob).and_then(|key| key.to_openssh());
            if let Some(key) = line.ok().and_then(|line| PublicKey::from_openssh(&line).ok()) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// One signature over bytes.
    pub(crate) fn sign(&mut self, key: &PublicKey, message: &[u8]) -> Result<Signature, Refused> {
        let blob = ssh_key::PublicKey::from(key.data().clone())
            .to_bytes()
            .map_err(|_| garbled())?;
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &blob)?;
        put(&mut request, message)?;
        request.extend_from_slice(&0_u32.to_be_bytes()); // no flags: they only choose among RSA digests
        let answer = self.ask(&request, SIGN_RESPONSE)?;
        let mut rest = answer.as_slice();
        let signature = bytes(&mut rest).ok_or_else(garbled)?;
        Signature::try_from(signature).map_err(|_| garbled())
    }

    fn ask(&mut self, request: &[u8], expected: u8) -> Result<Vec<u8>, Refused> {
        let mut message = Vec::with_capacity(request.len().saturating_add(4));
        put(&mut message, request)?;
        let mut exchange = || -> std::io::Result<Option<Vec<u8>>> {
            self.socket.write_all(&message)?;
            let mut length = [0; 4];
            self.socket.read_exact(&mut length)?;
            let length = u32::from_be_bytes(length);
            if length == 0 || length > ANSWER_BYTES_MAX {
                return Ok(None);
            }
            let mut answer = vec![0; usize::try_from(length).unwrap_or(0)];
            self.socket.read_exact(&mut answer)?;
            Ok(Some(answer))
        };
        let answer = exchange().map_err(|cause| {
            Refused::agent(
                "er antwortet nicht mehr.",
                "it does not answer any more.",
                Some(cause),
            )
        })?;
        match answer.as_deref().and_then(<[u8]>::split_first) {
            Some((kind, rest)) if *kind == expected => Ok(rest.to_vec()),
            Some(_) => Err(Refused::agent(
                "er lehnt ab (Schlüssel entfernt, gesperrt, oder nicht berührt).",
                "it refuses (key removed, locked, or not touched).",
                None,
            )),
            None => Err(garbled()),
        }
    }
}

fn garbled() -> Refused {
    Refused::agent(
        "seine Antwort ist nicht lesbar.",
        "its answer cannot be read.",
        None,
    )
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_be_bytes(*head))
}

fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn put(into: &mut Vec<u8>, part: &[u8]) -> Result<(), Refused> {
    let length = u32::try_from(part.len()).map_err(|_| garbled())?;
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(part);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_lengths_are_not_trusted() {
        assert_eq!(
            bytes(&mut [0, 0, 0, 2, 1, 2, 3].as_slice()),
            Some([1, 2].as_slice())
        );
        assert_eq!(bytes(&mut [0, 0, 0, 9, 1].as_slice()), None);
        assert_eq!(bytes(&mut [255, 255, 255, 255].as_slice()), None);
        assert_eq!(number(&mut [0, 0, 1].as_slice()), None);
    }

    #[test]
    fn an_agent_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Agent::connect(&folder.path().join("none")).unwrap_err();
        assert!(refused.to_string().contains("none"), "{refused}");
    }
}
