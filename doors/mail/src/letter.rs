//! What the spool holds beside the untouched message for one cell of one mail: the envelope as it was heard, and who
//! answers for notifications. To the spool it is sealed bytes.

use serde::{Deserialize, Serialize};

use crate::smtp::command::{Notify, Origin, Recipient};

/// Exactly one party issues the notification of success (RFC 3461); this says which, and stays with the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DsnIssuer {
    /// The regular mail server, when the item reaches it: the wish is passed on as it came.
    Regular,
    /// We, once, when the item was durable. The wish is spent and not passed on.
    Bulkhead,
    /// Nobody: the mail is itself a notification, or carried no sender to notify.
    Nobody,
}

/// The envelope of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// MAIL FROM as heard.
    pub origin: Origin,
    /// The recipients of this cell, in the order heard.
    pub recipients: Vec<Recipient>,
    /// Who issues the notification of success.
    pub dsn: DsnIssuer,
}

impl Envelope {
    /// The NOTIFY to pass on for a recipient: as heard, or without what was already issued.
    #[must_use]
    pub fn notify_onward(&self, recipient: &Recipient) -> Option<Notify> {
        match self.dsn {
            DsnIssuer::Regular | DsnIssuer::Nobody => recipient.notify,
            DsnIssuer::Bulkhead => recipient.notify.map(Notify::without_success),
        }
    }

    /// Recipients whose sender wants to hear of success.
    pub fn wishes(&self) -> impl Iterator<Item = &Recipient> {
        self.recipients
            .iter()
            .filter(|recipient| recipient.notify.is_some_and(Notify::wants_success))
    }
}

/// An envelope that cannot be written or read: written by another version, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("mail: the envelope of a stored item cannot be read; a person must look at it")]
pub struct BadEnvelope(#[from] serde_json::Error);

impl Envelope {
    /// The bytes that stay with the item in the spool.
    ///
    /// # Errors
    /// [`BadEnvelope`] when they cannot be written.
    pub fn write(&self) -> Result<Vec<u8>, BadEnvelope> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Reads what the spool gives back.
    ///
    /// # Errors
    /// [`BadEnvelope`] for foreign bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, BadEnvelope> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    #[test]
    fn an_envelope_reads_back_and_keeps_who_issues() {
        let notify = Some(Notify::On {
            success: true,
            failure: true,
            delay: false,
        });
        let recipient = Recipient {
            to: Address::new("c@d").unwrap(),
            notify,
            orcpt: None,
        };
        let mut envelope = Envelope {
            origin: Origin::default(),
            recipients: vec![recipient.clone()],
            dsn: DsnIssuer::Bulkhead,
        };
        assert_eq!(Envelope::read(&envelope.write().unwrap()).unwrap(), envelope);
        let spent = Some(Notify::On {
            success: false,
            failure: true,
            delay: false,
        });
        assert_eq!(envelope.notify_onward(&recipient), spent);
        envelope.dsn = DsnIssuer::Regular;
        assert_eq!(envelope.notify_onward(&recipient), notify);
        assert!(Envelope::read(b"something else").is_err());
    }
}
