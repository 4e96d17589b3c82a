//! MAIL and RCPT as they go onward, with the parameters that the next server offers to take.

use super::command::{Notify, Origin, Recipient, Ret};
use crate::address::Address;

impl Origin {
    /// MAIL as it goes onward. Parameters are given only to a server that offers them.
    #[must_use]
    pub fn line(&self, size: u64, offers: Offers) -> String {
        let mut line = format!("MAIL FROM:<{}>", self.from.as_ref().map_or("", Address::as_str));
        if offers.size {
            line.push_str(&format!(" SIZE={size}"));
        }
        if offers.eight_bit && self.eight_bit {
            line.push_str(" BODY=8BITMIME");
        }
        if offers.dsn {
            match self.ret {
                Some(Ret::Full) => line.push_str(" RET=FULL"),
                Some(Ret::Hdrs) => line.push_str(" RET=HDRS"),
                None => {}
            }
            if let Some(envid) = &self.envid {
                line.push_str(" ENVID=");
                line.push_str(envid);
            }
        }
        line
    }
}

impl Recipient {
    /// RCPT as it goes onward.
    #[must_use]
    pub fn line(&self, notify: Option<Notify>, offers: Offers) -> String {
        let mut line = format!("RCPT TO:<{}>", self.to.as_str());
        if offers.dsn {
            if let Some(notify) = notify {
                line.push_str(" NOTIFY=");
                line.push_str(&notify.words());
            }
            if let Some(orcpt) = &self.orcpt {
                line.push_str(" ORCPT=");
                line.push_str(orcpt);
            }
        }
        line
    }
}

/// Which extensions a server offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offers {
    /// SIZE (RFC 1870).
    pub size: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
}
