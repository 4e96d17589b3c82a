//! The three fronts of a KIM cell: intake from other servers, submission, and fetching by POP3; with the forwarder that
//! hands on what was held, and the copier for a trusted mail server.
//!
//! # Specification
//!
//! - **Intake** ([`smtp::session`]) speaks ESMTP with other servers: mutual TLS from the first byte, no AUTH, SIZE,
//!   PIPELINING, 8BITMIME, ENHANCEDSTATUSCODES, DSN. `250 2.0.0 <item>` is said only after the spool has the mail
//!   durably; a mail is routed to cells by mailbox × `X-KIM-Dienstkennung`, read from the outer header only. Open and
//!   Held store; a mail is refused, for now, only when every cell of it is Shut. If any cell stores, every copy is
//!   stored. Shut cuts a sender in DATA with 421; Held lets it finish.
//! - **Submission and fetching** are passed through to the regular server while every door of the mailbox lets them
//!   pass, and cut at the change: 421, or `-ERR [SYS/TEMP]`. Fetching records per message *retrieved* and *deletion
//!   committed*, the latter only when the store has confirmed QUIT; the records are a hash-chained log of their own, and
//!   nobody is told before they are durable.
//! - **Reconciliation.** A message that our forwarder handed over is known again when it is fetched, and the spool is
//!   told: *fetched* once the last byte of RETR (never TOP) has been sent, *deleted* once the store has confirmed QUIT,
//!   also in a later session or after a restart. What cannot be noted counts as not fetched. Ids without a proof that
//!   this installation made are ignored and counted; the consumer notices nothing.
//! - **Forwarding** needs a right that is asked for again before each MAIL, each piece and the final dot. Before the
//!   final dot the item is marked in doubt; 4yz waits, 5yz parks it for a person. Nobody is ever bounced. Each item
//!   begins with `X-Bulkhead-Item`, so that a receiver that confirms can drop a repeat, and `X-Bulkhead-Proof`, by which
//!   this installation knows it again. A sender's own such fields stay where they are, below.
//! - **The way out** ([`WayOut`]) of an emergency environment hands on answers of the released kind, from a mailbox of the
//!   cell to the one recipient their header names, while the door's grant lasts; nothing else.
//! - **Notifications** (RFC 3461, 3464): exactly one party issues that of success; which one is decided when the item is
//!   stored and stays with it ([`DsnIssuer`]). We never issue one of failure or delay, and never touch one.
//! - **MAIL-1** ([`promises`]): no error mail is ever caused by a position or a missing key. It is checked where a
//!   permanent reply is about to be said; one that would break it is replaced by a temporary one and counted.
//! - **Smuggling.** CRLF is the only line end; a bare CR or LF ends the session with 521 5.5.2, bytes sent before 354
//!   with 503 5.5.1. Every line, header, message, session, crowd and wait has a bound.
//! - Events, counts and records carry item ids, cells and salted digests; never an address, a header or a foreign word.
//!
//! This room knows neither the control room nor what a mail says. It reads no clock and draws no random number; the
//! Tokio runtime belongs to the shell.

mod address;
mod board;
mod book;
pub mod config;
mod copier;
mod dsn;
pub mod event;
mod forward;
mod fronts;
pub mod header;
mod intake;
mod letter;
mod listen;
pub mod minutes;
mod outbox;
pub mod pop3;
pub mod promises;
mod recut;
mod route;
pub mod smtp;
mod submission;
mod tls;
mod trace;
mod way_out;
mod wire;

pub use address::{Address, BadAddress, Mailbox};
pub use book::{MessageMark, Salt, Step, Tally};
pub use config::Config;
pub use fronts::{Addresses, Drained, Fronts, Running, Surroundings};
pub use letter::{BadEnvelope, DsnIssuer, Envelope};
pub use recut::Restrictions;
pub use route::{Entry, Routes};
pub use way_out::{ANSWER_BYTES_MAX, AnswerKind, Outgoing, Sent, Unfit, WayOut};
