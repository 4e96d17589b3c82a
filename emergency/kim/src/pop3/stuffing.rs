//! The bytes of a message as lines of a multi-line answer (RFC 1939 section 3).

/// Turns a message, piece by piece, into dot-stuffed lines that end with CRLF.
///
/// Bare CR and bare LF become CRLF: a foreign mail must not be able to end the answer early in a client that takes LF for a
/// line end. Signed content travels in base64 and is not touched by this.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stuffer {
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// At the start of a line.
    #[default]
    Start,
    /// Inside one.
    Inside,
    /// Behind a CR whose line end is already written.
    Cr,
}

impl Stuffer {
    /// Feeds a piece.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for &byte in piece {
            match (self.at, byte) {
                (At::Cr, b'\n') => self.at = At::Start,
                (At::Start | At::Inside | At::Cr, b'\r') => {
                    out.extend_from_slice(b"\r\n");
                    self.at = At::Cr;
                }
                (At::Start | At::Inside, b'\n') => {
                    out.extend_from_slice(b"\r\n");
                    self.at = At::Start;
                }
                (At::Start | At::Cr, b'.') => {
                    out.extend_from_slice(b"..");
                    self.at = At::Inside;
                }
                (At::Start | At::Inside | At::Cr, byte) => {
                    out.push(byte);
                    self.at = At::Inside;
                }
            }
        }
    }

    /// Ends the answer.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.at {
            At::Inside => out.extend_from_slice(b"\r\n.\r\n"),
            At::Start | At::Cr => out.extend_from_slice(b".\r\n"),
        }
    }
}
