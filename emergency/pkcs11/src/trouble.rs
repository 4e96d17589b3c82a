//! What a token's return code means for a mail.

use cryptoki::error::{Error, RvError};
use smime::KeyTrouble;

/// Whose trouble an error is. What is not known to speak about the mail's bytes or about a lock counts as out of reach:
/// then the mail waits.
pub(crate) fn named(what: &str, error: &Error) -> KeyTrouble {
    let text = format!("{what}: {error}");
    let Error::Pkcs11(code, _) = error else {
        return KeyTrouble::Unreachable(text);
    };
    if matches!(
        code,
        RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::DataInvalid
            | RvError::DataLenRange
    ) {
        KeyTrouble::Failed
    } else if is_locked(code) {
        KeyTrouble::Locked(text)
    } else if matches!(
        code,
        RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::DeviceRemoved
            | RvError::KeyHandleInvalid
    ) {
        KeyTrouble::Missing(text)
    } else {
        KeyTrouble::Unreachable(text)
    }
}

const fn is_locked(code: &RvError) -> bool {
    matches!(
        code,
        RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
            | RvError::UserNotLoggedIn
            | RvError::UserPinNotInitialized
    )
}

/// Whether the session is gone and a new one may help.
pub(crate) const fn is_lost(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::SessionClosed
                | RvError::SessionHandleInvalid
                | RvError::DeviceRemoved
                | RvError::DeviceError
                | RvError::TokenNotPresent
                | RvError::KeyHandleInvalid
                | RvError::ObjectHandleInvalid
                | RvError::UserNotLoggedIn,
            _
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    #[test]
    fn only_codes_about_the_bytes_speak_about_the_mail() {
        let of = |code| named("x", &Error::Pkcs11(code, Function::Decrypt));
        assert_eq!(of(RvError::EncryptedDataInvalid), KeyTrouble::Failed);
        assert!(matches!(of(RvError::PinLocked), KeyTrouble::Locked(_)));
        assert!(matches!(of(RvError::TokenNotPresent), KeyTrouble::Missing(_)));
        for code in [
            RvError::GeneralError,
            RvError::DeviceError,
            RvError::ArgumentsBad,
            RvError::FunctionFailed,
        ] {
            assert!(matches!(of(code), KeyTrouble::Unreachable(_)));
        }
    }
}
