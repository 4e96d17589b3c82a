//! SMTP as words: commands, replies, message bodies and the server's conversation, without a socket.

pub mod body;
pub mod client;
pub mod command;
pub mod lines;
pub mod onward;
pub mod reply;
pub mod session;
