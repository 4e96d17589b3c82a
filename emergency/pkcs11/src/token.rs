//! A module, a token in it, and a key on that token.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::{
        Mechanism, MechanismType,
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams},
    },
    object::{Attribute, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use smime::{Certificate, CertificateId, KeyTrouble, PrivateKey, SigningKey};
use zeroize::Zeroizing;

use crate::trouble::{is_lost, named};

/// A loaded PKCS#11 library. One for each library in a process.
#[derive(Clone, Debug)]
pub struct Module(Pkcs11);

/// Why a library cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("PKCS#11-Bibliothek {} nicht verwendbar / PKCS#11 library {} cannot be used", .path.display(), .path.display())]
pub struct ModuleTrouble {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub cause: Box<Error>,
}

/// The PIN of a token's user. Wiped from memory when it is dropped, never shown.
#[derive(Clone)]
pub struct Pin(AuthPin);

impl Pin {
    /// Takes a PIN as it is typed.
    #[must_use]
    pub fn new(pin: &str) -> Self {
        Self(AuthPin::new(pin.into()))
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin")
    }
}

impl Module {
    /// Loads a library and initializes it.
    ///
    /// # Errors
    /// If it is none, or refuses.
    pub fn load(path: &Path) -> Result<Self, ModuleTrouble> {
        let trouble = |cause| ModuleTrouble {
            path: path.to_path_buf(),
            cause: Box::new(cause),
        };
        let library = Pkcs11::new(path).map_err(trouble)?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(Self(library)),
            Err(cause) => Err(trouble(cause)),
        }
    }

    /// Logs in to a token by its label and finds the private key that belongs to a certificate. Tries the PIN once.
    ///
    /// # Errors
    /// [`KeyTrouble`]: no such token or key, a wrong or blocked PIN, or a library that does not answer.
    pub fn key(&self, token: &str, pin: Pin, certificate: Certificate) -> Result<TokenKey, KeyTrouble> {
        let modulus = certificate
            .rsa_modulus()
            .ok_or_else(|| KeyTrouble::Missing(format!("{}: kein RSA / not RSA", certificate.id())))?;
        let key = TokenKey {
            module: self.clone(),
            token: token.to_owned(),
            pin,
            modulus,
            certificate,
            open: Mutex::new(None),
        };
        let open = key.connect()?;
        if let Ok(mut slot) = key.open.lock() {
            *slot = Some(open);
        }
        Ok(key)
    }
}

/// A private key on a token.
pub struct TokenKey {
    module: Module,
    token: String,
    pin: Pin,
    modulus: Vec<u8>,
    certificate: Certificate,
    /// None after the session was lost, or after the token refused the PIN.
    open: Mutex<Option<Open>>,
}

struct Open {
    session: Session,
    key: ObjectHandle,
}

impl TokenKey {
    fn connect(&self) -> Result<Open, KeyTrouble> {
        let trouble = |error: Error| named(&self.token, &error);
        let slots = self
            .module
            .0
            .get_slots_with_initialized_token()
            .map_err(trouble)?;
        let slot = slots
            .into_iter()
            .find(|slot| {
                self.module
                    .0
                    .get_token_info(*slot)
                    .is_ok_and(|token| token.label().trim_end() == self.token)
            })
            .ok_or_else(|| KeyTrouble::Missing(format!("Token {}", self.token)))?;
        let session = self.module.0.open_ro_session(slot).map_err(trouble)?;
        match session.login(UserType::User, Some(&self.pin.0)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(trouble(error)),
        }
        let wanted = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::KeyType(KeyType::RSA),
            Attribute::Modulus(self.modulus.clone()),
        ];
        let key = session
            .find_objects(&wanted)
            .map_err(trouble)?
            .into_iter()
            .next()
            .ok_or_else(|| KeyTrouble::Missing(format!("Token {}: {}", self.token, self.certificate.id())))?;
        Ok(Open { session, key })
    }

    /// Uses the key; once more with a new session if the old one is gone.
    fn with<T>(&self, act: impl Fn(&Session, ObjectHandle) -> Result<T, Error>) -> Result<T, KeyTrouble> {
        let mut slot = self.open.lock().map_err(|_| {
            KeyTrouble::Unreachable(format!(
                "Token {}: {}",
                self.token, "abgebrochener Zugriff / aborted use"
            ))
        })?;
        let open = match slot.take() {
            Some(open) => open,
            None => self.connect()?,
        };
        match act(&open.session, open.key) {
            Ok(value) => {
                *slot = Some(open);
                Ok(value)
            }
            Err(error) if is_lost(&error) => {
                drop(open);
                let open = self.connect()?;
                let result = act(&open.session, open.key).map_err(|error| named(&self.token, &error));
                *slot = Some(open);
                result
            }
            Err(error) => {
                *slot = Some(open);
                Err(named(&self.token, &error))
            }
        }
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey")
            .field("token", &self.token)
            .field("certificate", self.certificate.id())
            .finish_non_exhaustive()
    }
}

impl PrivateKey for TokenKey {
    fn recipient(&self) -> &CertificateId {
        self.certificate.id()
    }

    fn decrypt_oaep(&self, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyTrouble> {
        self.with(|session, key| {
            let parameters = PkcsOaepParams::new(
                MechanismType::SHA256,
                PkcsMgfType::MGF1_SHA256,
                PkcsOaepSource::empty(),
            );
            session
                .decrypt(&Mechanism::RsaPkcsOaep(parameters), key, wrapped)
                .map(Zeroizing::new)
        })
    }
}

impl SigningKey for TokenKey {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, KeyTrouble> {
        self.with(|session, key| {
            let parameters = PkcsPssParams {
                hash_alg: MechanismType::SHA256,
                mgf: PkcsMgfType::MGF1_SHA256,
                s_len: 32_u64.into(),
            };
            session.sign(&Mechanism::Sha256RsaPkcsPss(parameters), key, message)
        })
    }
}
