//! The rules of KIM mail: what a header says, what an inner mail holds, what may be answered, and a mailbox to fetch from.
//!
//! # Specification
//!
//! Sources: gemSpec_CM_KOMLE 1.16.0 (CM; the KAS data structure from 1.13.0), gemSpec_Basis_KTR_Consumer 1.5.0 (BC), the
//! `api-kim` repository of gematik (AK: `AttachmentService.yaml` 2.4.0 and its samples), KBV "Technische Anlage zur eAU"
//! 1.26 (TA), the eEB guide of gematik (EEB). What none of them says is marked *unverified* where it stands.
//!
//! - [`address`]: the address rules of CM, and who may stand in `Reply-To`.
//! - [`header`]: outer and inner header, the comparison behind result 08, service marks; [`result`]: the result headers
//!   of decryption and integrity check as types, and what follows from each.
//! - [`mime`]: the decrypted inner mail as parts, with bounds on bytes, parts, depth and header fields before anything is
//!   parsed; [`mime::finding`] says what is unusual and which code, if any, it would justify. Marker sentences of a client
//!   module are never stripped.
//! - [`answers`]: the SMTP and POP3 answer tables of the Basis-Consumer as data.
//! - [`kas`]: large mails: the ticket in an `x-kas` part, the link it names, receiving and opening the sealed bytes.
//! - [`pop3`]: a POP3 server as a state machine without a socket.
//! - [`reply`]: the fund's error answer: twenty codes, of which [`reply::Releasable`] cannot name 313 and 314; proposed,
//!   prepared, written. Whether it leaves is decided by a signed release at the door, not here.
//! - [`eeb`]: the substitute certificate: request, sealed copy of the master data, certificate or refusal, at once.
//! - [`promises`]: MAIL-1 of this room as a function.
//!
//! This room is pure: no clock, no disk, no socket, no randomness. Foreign bytes never panic and cost memory only up to the
//! bounds named. `Debug` of its types shows no address, no name and no content.

pub mod address;
pub mod answers;
pub mod eeb;
pub mod header;
pub mod kas;
pub mod mime;
pub mod name;
pub mod pop3;
pub mod profile;
pub mod promises;
pub mod reply;
pub mod result;
pub mod xml;

#[cfg(test)]
mod testing;
