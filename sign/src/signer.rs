//! A person's private key, in a file or in an agent. It never leaves this type.

use order::{PublicKey, login::Challenge};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, SshSig};
use std::{cell::RefCell, fmt, path::Path};
use vocabulary::{Envelope, Signature};
use zeroize::Zeroizing;

use crate::{Refused, agent::Agent, files};

/// Answers a question for a passphrase. `None` means the person gave up.
pub type AskPassphrase<'a> = &'a mut dyn FnMut(&Path) -> Option<Zeroizing<String>>;

/// Somebody who can sign: a key file that was opened, or a key an ssh-agent holds.
pub struct Signer {
    public: PublicKey,
    means: Means,
}

enum Means {
    File(Box<PrivateKey>),
    Agent(RefCell<Agent>),
}

impl Signer {
    /// Opens an OpenSSH key file. It must be readable by its owner alone; if it is encrypted, `ask` is called once.
    ///
    /// # Errors
    /// [`Refused`] when the file is open to others, unreadable, of a kind no door accepts, on a hardware token, or
    /// the passphrase is missing or wrong.
    pub fn from_file(path: &Path, ask: AskPassphrase<'_>) -> Result<Self, Refused> {
        let bytes = files::read_secret(path)?;
        let mut key = PrivateKey::from_openssh(bytes.as_slice()).map_err(|cause| Refused::NoKey {
            path: path.to_path_buf(),
            cause: cause.to_string(),
        })?;
        let public = accept(key.public_key())?;
        if key.algorithm() == Algorithm::SkEd25519 {
            return Err(Refused::InHardware {
                path: path.to_path_buf(),
            });
        }
        if key.is_encrypted() {
            let wrong = || Refused::Passphrase {
                path: path.to_path_buf(),
            };
            let passphrase = ask(path).ok_or_else(wrong)?;
            key = key.decrypt(passphrase.as_bytes()).map_err(|_| wrong())?;
        }
        Ok(Self {
            public,
            means: Means::File(Box::new(key)),
        })
    }

    /// Uses a key that an ssh-agent holds.
    ///
    /// # Errors
    /// [`Refused::Agent`] when nobody answers or the agent does not hold the key.
    pub fn from_agent(socket: &Path, key: &PublicKey) -> Result<Self, Refused> {
        let mut agent = Agent::connect(socket)?;
        if !agent.keys()?.contains(key) {
            return Err(Refused::agent(
                format!("er hält den Schlüssel {} nicht. Abhilfe: ssh-add.", key.id()),
                format!("it does not hold key {}. Remedy: ssh-add.", key.id()),
                None,
            ));
        }
        Ok(Self {
            public: key.clone(),
            means: Means::Agent(RefCell::new(agent)),
        })
    }

    /// The public half.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs an envelope that a person has read and confirmed. The signature is checked before it is given out: an
    /// agent that answers with something else is found here and not at a door.
    pub(crate) fn sign(&self, envelope: &Envelope) -> Result<Signature, Refused> {
        let message = envelope.signed_bytes();
        let signature = self.make(Signature::NAMESPACE, &message)?;
        // By the very function doors use: what would count for nothing there is not given out here.
        self.own(order::verify(&signature, &message)?)?;
        Ok(signature)
    }

    /// Signs a log-in whose console a person named. In its own namespace, so that it can never stand under a statement.
    pub(crate) fn sign_login(&self, challenge: &Challenge) -> Result<Signature, Refused> {
        let signature = self.make(order::LOGIN_NAMESPACE, challenge.text().as_bytes())?;
        self.own(challenge.verify(&signature)?)?;
        Ok(signature)
    }

    fn own(&self, key: order::KeyId) -> Result<(), Refused> {
        if key == self.public.id() {
            Ok(())
        } else {
            Err(broken(ssh_key::Error::PublicKey))
        }
    }

    fn make(&self, namespace: &'static str, message: &[u8]) -> Result<Signature, Refused> {
        let made = match &self.means {
            Means::File(key) => key.sign(namespace, HashAlg::Sha512, message).map_err(broken)?,
            Means::Agent(agent) => {
                let data = SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(broken)?;
                let signature = agent.borrow_mut().sign(&self.public, &data)?;
                let key = self.public.data().clone();
                SshSig::new(key, namespace, HashAlg::Sha512, signature).map_err(broken)?
            }
        };
        Ok(Signature(made.to_pem(LineEnding::LF).map_err(broken)?))
    }
}

fn broken(cause: ssh_key::Error) -> Refused {
    Refused::Making {
        cause: cause.to_string(),
    }
}

/// A public key of a kind doors accept.
fn accept(key: &ssh_key::PublicKey) -> Result<PublicKey, Refused> {
    let line = ssh_key::PublicKey::from(key.key_data().clone())
        .to_openssh()
        .map_err(|cause| Refused::Making {
            cause: cause.to_string(),
        })?;
    Ok(PublicKey::from_openssh(&line)?)
}

/// The keys an agent holds that doors accept.
///
/// # Errors
/// [`Refused::Agent`] when nobody answers, or not understandably.
pub fn agent_keys(socket: &Path) -> Result<Vec<PublicKey>, Refused> {
    Agent::connect(socket)?.keys()
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let means = match self.means {
            Means::File(_) => "file",
            Means::Agent(_) => "agent",
        };
        write!(f, "signer({:?}, {means})", self.public)
    }
}
