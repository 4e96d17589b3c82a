//! The named promise of this room, as a function: used where replies are written, by tests, by the drill.

use vocabulary::Position;

/// Something said to the outside that could make somebody write an error mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// An SMTP reply.
    Smtp {
        /// Its code.
        code: u16,
        /// Its enhanced status code, `5.1.1`; empty when it has none.
        enhanced: String,
    },
    /// A POP3 `-ERR` with its response code (RFC 2449 section 8), for example `SYS/TEMP`; empty when it has none.
    Pop3Err {
        /// The code between the brackets.
        response_code: String,
    },
    /// A delivery status notification that we issued (RFC 3464 `Action`).
    Dsn {
        /// `delivered`, `relayed`, `failed`, `delayed` or `expanded`.
        action: String,
    },
}

/// What broke MAIL-1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A permanent refusal that does not blame the sender's own words, or that is only true when everything is open.
    #[error("MAIL-1: reply {code} {enhanced} while {position} would make the sender write an error mail")]
    Permanent {
        /// The reply.
        code: u16,
        /// Its enhanced code.
        enhanced: String,
        /// The tightest position that mattered.
        position: Position,
    },
    /// A notification of failure: we never issue one.
    #[error("MAIL-1: a notification with action {action} was issued; only delivered and relayed may ever be")]
    Notified {
        /// The action.
        action: String,
    },
    /// A POP3 refusal that does not say that it passes.
    #[error("MAIL-1: a POP3 refusal while {position} does not carry SYS/TEMP or IN-USE")]
    Fetch {
        /// The tightest position that mattered.
        position: Position,
    },
}

/// MAIL-1: no error mail is ever caused by a position or a missing key.
///
/// `tightest` is the tightest position of the doors that mattered when it was said. Permanent replies are allowed only
/// where the words or the size of what came in were at fault (X.5.x, X.1.3, X.3.4, X.6.x), where credentials were
/// (X.7.x), and for an unknown mailbox (X.1.1) when everything was Open.
///
/// # Errors
/// [`Broken`] with what was said.
pub fn mail_1(said: &Said, tightest: Position) -> Result<(), Broken> {
    match said {
        Said::Smtp { code, .. } if code / 100 != 5 => Ok(()),
        Said::Smtp { code, enhanced } => {
            let about = enhanced.strip_prefix("5.").unwrap_or("");
            let senders_fault = about.starts_with("5.")
                || about.starts_with("6.")
                || about.starts_with("7.")
                || matches!(about, "1.3" | "3.4");
            if senders_fault || (about == "1.1" && tightest == Position::Open) {
                Ok(())
            } else {
                Err(Broken::Permanent {
                    code: *code,
                    enhanced: enhanced.clone(),
                    position: tightest,
                })
            }
        }
        Said::Pop3Err { response_code } => match tightest {
            Position::Open | Position::Draining => Ok(()),
            Position::Held | Position::Shut | Position::Islanded => {
                if matches!(response_code.as_str(), "SYS/TEMP" | "IN-USE" | "AUTH") {
                    Ok(())
                } else {
                    Err(Broken::Fetch { position: tightest })
                }
            }
        },
        Said::Dsn { action } => {
            if matches!(action.as_str(), "delivered" | "relayed") {
                Ok(())
            } else {
                Err(Broken::Notified {
                    action: action.clone(),
                })
            }
        }
    }
}

/// MAIL-1 over a whole transcript: what was said, each with the tightest position that mattered then.
///
/// # Errors
/// The first [`Broken`].
pub fn mail_1_over<'a>(transcript: impl IntoIterator<Item = &'a (Said, Position)>) -> Result<(), Broken> {
    transcript
        .into_iter()
        .try_for_each(|(said, tightest)| mail_1(said, *tightest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(code: u16, enhanced: &str) -> Said {
        Said::Smtp {
            code,
            enhanced: enhanced.to_owned(),
        }
    }

    #[test]
    fn a_position_never_speaks_in_fives() {
        for position in [Position::Open, Position::Draining, Position::Held, Position::Shut] {
            assert!(mail_1(&smtp(451, "4.3.2"), position).is_ok());
            assert!(mail_1(&smtp(552, "5.3.4"), position).is_ok());
            assert!(mail_1(&smtp(521, "5.5.2"), position).is_ok());
            assert!(mail_1(&smtp(554, "5.3.2"), position).is_err());
            assert!(mail_1(&smtp(554, ""), position).is_err());
            assert!(
                mail_1(
                    &Said::Dsn {
                        action: "failed".to_owned()
                    },
                    position
                )
                .is_err()
            );
            assert_eq!(
                mail_1(&smtp(550, "5.1.1"), position).is_ok(),
                position == Position::Open
            );
        }
        let bare = Said::Pop3Err {
            response_code: String::new(),
        };
        assert!(mail_1(&bare, Position::Open).is_ok() && mail_1(&bare, Position::Held).is_err());
    }
}
