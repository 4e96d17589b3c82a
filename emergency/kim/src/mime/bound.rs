//! Counts what a mail could make a parser allocate, in one pass that allocates nothing.

use super::{BadMail, Limits};

/// # Errors
/// [`BadMail`] with the first bound that is exceeded.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), BadMail> {
    if bytes.len() > limits.bytes_max {
        return Err(BadMail::TooLong {
            bytes: bytes.len(),
            max: limits.bytes_max,
        });
    }
    let (mut parts, mut fields, mut header_bytes, mut mails) = (0usize, 0usize, 0usize, 0usize);
    // A header stands at the beginning, behind each boundary, and behind the header of a mail inside.
    let (mut in_header, mut holds_mail) = (true, false);
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"--") {
            parts += 1;
            (in_header, holds_mail) = (true, false);
        } else if in_header && line.is_empty() {
            in_header = holds_mail;
            holds_mail = false;
        } else if in_header {
            fields += 1;
            header_bytes = header_bytes.saturating_add(line.len());
            if header_bytes > limits.header_bytes_max {
                return Err(BadMail::HeadersTooLong {
                    max: limits.header_bytes_max,
                });
            }
            if contains_ignoring_case(line, b"message/") || contains_ignoring_case(line, b"multipart/digest")
            {
                holds_mail = true;
                mails += 1;
            }
        }
        if parts > limits.parts_max {
            return Err(BadMail::TooManyParts {
                max: limits.parts_max,
            });
        }
        if fields > limits.fields_max {
            return Err(BadMail::TooManyFields {
                max: limits.fields_max,
            });
        }
        if mails > limits.inner_mails_max {
            return Err(BadMail::TooManyMails {
                max: limits.inner_mails_max,
            });
        }
    }
    Ok(())
}

fn contains_ignoring_case(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}
