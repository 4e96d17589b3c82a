//! The sockets of KIM: a POP3 server for emergency mailboxes, and the one way to an attachment store.
//!
//! # Specification
//!
//! - [`pop3`]: carries out what [`kim::pop3::Session`] decides, over TLS, or in plain text on loopback by name. One session per
//!   mailbox; every line, session, wait and write has a bound; stopping the server cuts every session at once.
//! - [`kas`]: fetches the content a ticket stands for, from stores on the operator's list and no others; no redirect, no
//!   encoding, no more bytes than the ticket names.
//!
//! Whoever starts these brings TLS configurations, mailboxes and the Tokio runtime. Nothing here reads a wall clock, and no
//! event carries an address, a name or a content.

pub mod kas;
pub mod pop3;
