//! The companion on a signer's own machine: shows a statement as one plain sentence, and signs exactly what it showed.
//!
//! # Specification
//!
//! - This is the only room that touches a person's private key, and only the `bulkhead sign` command links it: no
//!   server process can sign for a person.
//! - Only what was shown and confirmed is signed: [`show`] reads the exact bytes and puts them into a sentence with
//!   counts, [`Shown::confirm`] takes a typed word, [`sign`] reads the file once more and refuses if a byte differs.
//!   There is no way from bytes to a signature around these three.
//! - The same for a statement that came over a wire ([`Sheet`]): the sentence is made here from the exact bytes, whatever
//!   the sender says about them, and a yes is asked for.
//! - A log-in ([`LogIn`]) is signed in its own namespace `bulkhead-login`, over a challenge that names estate and console,
//!   and only for the console the person named. A log-in signature can never stand under a statement, nor the reverse.
//! - What cannot be shown is not signed: an unknown kind, a body that is not what its type says or contradicts itself,
//!   bytes that hold more than their content (the body written again must give the same bytes).
//! - Signatures are SSHSIG, namespace `bulkhead`, SHA-512, over the envelope's signed bytes; `ssh-keygen -Y verify`
//!   accepts them, and those of `ssh-keygen -Y sign` are attached ([`export`], [`attach`]). Keys lie in OpenSSH key
//!   files, encrypted or not, or in an ssh-agent; hardware keys only there.
//! - The insurer's own keys are made, split, put together and re-wrapped here ([`keygen`], [`split`], [`combine`],
//!   [`Identity::rewrap`], [`rewrap_into`]). A consent that came over a wire gets its keys here too ([`carry`]): only keys of
//!   doors its opening names, only to recipients on the insurer's own list, whatever the sender says.
//! - A secret lies in a file for its owner alone, or in an agent; never in an argument, the environment or a log. It is
//!   wiped from memory after use.
//!
//! Everything works without a network, on files. The room reads no clock; randomness for new keys comes from the
//! operating system.

mod agent;
mod carry;
mod draft;
mod files;
mod login;
mod paper;
mod refused;
mod release;
mod sheet;
mod signer;
mod statement;

pub use carry::{Carrying, Recipients, Sealed, carry, wants_keys};
pub use draft::draft;
pub use login::LogIn;
pub use order::{
    Counts, Lang,
    login::{Challenge, ConsoleOrigin},
};
pub use paper::{Confirmed, Shown, Signed, attach, export, show, sign};
pub use refused::Refused;
pub use release::{Identity, Parts, combine, keygen, rewrap_into, split};
pub use sheet::{ConfirmedSheet, Sheet};
pub use signer::{AskPassphrase, Signer, agent_keys};
pub use statement::Census;
