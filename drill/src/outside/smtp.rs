//! SMTP (RFC 5321) with DSN (RFC 3461), small and strict, both sides.

use core::{future::Future, time::Duration};
use std::{io, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::wire::{Lines, Stream, Way};

/// Largest mail, as KIM asks for at least (gemSpec_CM_KOMLE: SIZE of 35,882,577).
pub(super) const MAIL_BYTES_MAX: usize = 35_882_577;

const RECIPIENTS_MAX: usize = 100;

/// How long one transaction may take altogether.
const TRANSACTION_MAX: Duration = Duration::from_secs(60);

/// A reply line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn new(code: u16, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
        }
    }
}

/// Whether the sender wants to hear of success (RFC 3461 section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Notify {
    OnSuccess,
    NotOnSuccess,
}

/// A mail with its envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) envelope_id: Option<String>,
    pub(super) to: Vec<(String, Notify)>,
    pub(super) data: Vec<u8>,
}

/// What a server does with mail.
pub(super) trait Receive: Send + Sync + 'static {
    /// Whether to talk at all; asked before every command.
    fn willing(&self) -> Result<(), Reply>;
    /// Whether a recipient is known.
    fn recipient(&self, address: &str) -> Result<(), Reply>;
    /// Takes responsibility, or not.
    fn deliver(&self, mail: Mail) -> impl Future<Output = Reply> + Send;
}

#[derive(Default)]
struct Envelope {
    from: Option<(String, Option<String>)>,
    to: Vec<(String, Notify)>,
}

/// Serves one connection until it ends.
///
/// # Errors
/// The stream's own, and lines that are no SMTP.
pub(super) async fn serve<R: Receive>(stream: Box<dyn Stream>, receive: Arc<R>) -> io::Result<()> {
    let mut lines = Lines::new(stream);
    let greeting = receive
        .willing()
        .map_or_else(|no| no, |()| Reply::new(220, "uebung.kim.telematik-test ESMTP"));
    lines
        .say(&format!("{} {}\r\n", greeting.code, greeting.text))
        .await?;
    if greeting.code != 220 {
        return Ok(());
    }
    let mut envelope = Envelope::default();
    loop {
        let line = match lines.line().await {
            Ok(Some(line)) => String::from_utf8_lossy(&line).into_owned(),
            Ok(None) => return Ok(()),
            Err(error) => {
                // Tell a sender that breaks lines wrongly why it is cut off (RFC 5321 section 4.1.1.4).
                lines.say("500 5.5.2 lines end in CRLF and are short\r\n").await?;
                return Err(error);
            }
        };
        if let Err(no) = receive.willing() {
            lines.say(&format!("{} {}\r\n", no.code, no.text)).await?;
            return Ok(());
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "DATA" if !envelope.to.is_empty() => {
                lines.say("354 go ahead\r\n").await?;
                let data = lines.dotted(MAIL_BYTES_MAX).await?;
                let taken = core::mem::take(&mut envelope);
                let (from, envelope_id) = taken.from.unwrap_or_default();
                let reply = receive
                    .deliver(Mail {
                        from,
                        envelope_id,
                        to: taken.to,
                        data,
                    })
                    .await;
                lines.say(&format!("{} {}\r\n", reply.code, reply.text)).await?;
            }
            "QUIT" => {
                lines.say("221 2.0.0 bye\r\n").await?;
                return Ok(());
            }
            verb => {
                let reply = command(verb, rest, &mut envelope, receive.as_ref());
                lines.say(&reply).await?;
            }
        }
    }
}

fn command<R: Receive>(verb: &str, rest: &str, envelope: &mut Envelope, receive: &R) -> String {
    match verb {
        "EHLO" => format!(
            "250-uebung.kim.telematik-test\r\n250-PIPELINING\r\n250-SIZE {MAIL_BYTES_MAX}\r\n250-8BITMIME\r\n\
             250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n"
        ),
        "HELO" => "250 uebung.kim.telematik-test\r\n".to_owned(),
        // Loopback and invented mailboxes: any login is taken.
        "AUTH" => "235 2.7.0 ok\r\n".to_owned(),
        "NOOP" => "250 2.0.0 ok\r\n".to_owned(),
        "RSET" => {
            *envelope = Envelope::default();
            "250 2.0.0 ok\r\n".to_owned()
        }
        "VRFY" => "252 2.5.0 send and see\r\n".to_owned(),
        "MAIL" => mail_from(rest, envelope),
        "RCPT" => rcpt_to(rest, envelope, receive),
        "DATA" => "503 5.5.1 RCPT first\r\n".to_owned(),
        _unknown => "502 5.5.1 unknown command\r\n".to_owned(),
    }
}

/// `<address>` and the parameters after it.
fn path(rest: &str, keyword: &str) -> Option<(String, Vec<(String, String)>)> {
    let start = rest
        .get(..keyword.len())
        .filter(|start| start.eq_ignore_ascii_case(keyword))?;
    let after = rest.get(start.len()..)?.trim_start();
    let (address, parameters) = after.strip_prefix('<')?.split_once('>')?;
    let parameters = parameters
        .split_whitespace()
        .map(|word| {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            (key.to_ascii_uppercase(), value.to_owned())
        })
        .collect();
    Some((address.to_owned(), parameters))
}

fn mail_from(rest: &str, envelope: &mut Envelope) -> String {
    if envelope.from.is_some() {
        return "503 5.5.1 one MAIL at a time\r\n".to_owned();
    }
    let Some((address, parameters)) = path(rest, "FROM:") else {
        return "501 5.5.4 MAIL FROM:<address>\r\n".to_owned();
    };
    let envelope_id = parameters
        .into_iter()
        .find(|(key, _)| key == "ENVID")
        .map(|(_, value)| value);
    envelope.from = Some((address, envelope_id));
    "250 2.1.0 ok\r\n".to_owned()
}

fn rcpt_to<R: Receive>(rest: &str, envelope: &mut Envelope, receive: &R) -> String {
    if envelope.from.is_none() {
        return "503 5.5.1 MAIL first\r\n".to_owned();
    }
    if envelope.to.len() >= RECIPIENTS_MAX {
        return "452 4.5.3 too many recipients\r\n".to_owned();
    }
    let Some((address, parameters)) = path(rest, "TO:") else {
        return "501 5.5.4 RCPT TO:<address>\r\n".to_owned();
    };
    if let Err(no) = receive.recipient(&address) {
        return format!("{} {}\r\n", no.code, no.text);
    }
    let on_success = parameters.iter().any(|(key, value)| {
        key == "NOTIFY" && value.split(',').any(|word| word.eq_ignore_ascii_case("SUCCESS"))
    });
    let notify = if on_success {
        Notify::OnSuccess
    } else {
        Notify::NotOnSuccess
    };
    envelope.to.push((address, notify));
    "250 2.1.5 ok\r\n".to_owned()
}

/// A user and password for submission.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

/// How a transaction ended for the sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    /// The receiver took responsibility.
    Accepted,
    /// Not now: 4xx, or nobody answered. Try again.
    Later,
    /// Never: 5xx.
    Never(Reply),
    /// The connection broke between the last byte and the reply: it may have been taken. Try again; it may come twice.
    InDoubt,
}

/// How far a transaction had come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Before,
    AfterTheDot,
}

enum Broken {
    Refused(Reply),
    Io,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

/// Hands in one mail on a connection of its own. May be dropped; then the outcome is unknown.
pub(super) async fn send(way: &Way, login: Option<&Login>, mail: &Mail) -> Sent {
    let mut reached = Reached::Before;
    let transaction = transact(way, login, mail, &mut reached);
    let outcome = tokio::time::timeout(TRANSACTION_MAX, transaction)
        .await
        .unwrap_or(Err(Broken::Io));
    match (outcome, reached) {
        (Ok(()), _) => Sent::Accepted,
        (Err(Broken::Refused(reply)), _) if reply.code >= 500 => Sent::Never(reply),
        (Err(Broken::Refused(_)), _) | (Err(Broken::Io), Reached::Before) => Sent::Later,
        (Err(Broken::Io), Reached::AfterTheDot) => Sent::InDoubt,
    }
}

async fn transact(
    way: &Way,
    login: Option<&Login>,
    mail: &Mail,
    reached: &mut Reached,
) -> Result<(), Broken> {
    let mut lines = way.open().await?;
    expect(&mut lines, 220).await?;
    lines.say("EHLO praxis.kim.telematik-test\r\n").await?;
    let offers = expect(&mut lines, 250).await?;
    let offered = |word: &str| offers.iter().any(|line| line.split(' ').next() == Some(word));
    if let Some(login) = login.filter(|_| offered("AUTH")) {
        let token = BASE64_STANDARD.encode(format!("\0{}\0{}", login.user, login.password));
        lines.say(&format!("AUTH PLAIN {token}\r\n")).await?;
        expect(&mut lines, 235).await?;
    }
    let dsn = offered("DSN");
    let envelope = match &mail.envelope_id {
        Some(id) if dsn => format!(" RET=HDRS ENVID={id}"),
        Some(_) | None => String::new(),
    };
    lines
        .say(&format!("MAIL FROM:<{}>{envelope}\r\n", mail.from))
        .await?;
    expect(&mut lines, 250).await?;
    for (address, notify) in &mail.to {
        let wish = match notify {
            Notify::OnSuccess if dsn => format!(" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{address}"),
            Notify::OnSuccess | Notify::NotOnSuccess => String::new(),
        };
        lines.say(&format!("RCPT TO:<{address}>{wish}\r\n")).await?;
        expect(&mut lines, 250).await?;
    }
    lines.say("DATA\r\n").await?;
    expect(&mut lines, 354).await?;
    *reached = Reached::AfterTheDot;
    lines.say_dotted(&mail.data).await?;
    expect(&mut lines, 250).await?;
    // The mail is handed over; whether the goodbye arrives does not matter.
    let _goodbye = lines.say("QUIT\r\n").await;
    Ok(())
}

/// Reads one reply, of several lines perhaps, and returns its texts.
async fn expect(lines: &mut Lines, code: u16) -> Result<Vec<String>, Broken> {
    let mut texts = Vec::new();
    loop {
        let line = lines.text().await?;
        let got = line
            .get(..3)
            .and_then(|digits| digits.parse::<u16>().ok())
            .ok_or(Broken::Io)?;
        let text = line.get(4..).unwrap_or("").to_owned();
        let more = line.as_bytes().get(3) == Some(&b'-');
        texts.push(text);
        if more && texts.len() < 100 {
            continue;
        }
        if got == code {
            return Ok(texts);
        }
        return Err(Broken::Refused(Reply {
            code: got,
            text: texts.join(" "),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// A server that says all its lines at once and, after it heard `until`, falls silent or hangs up.
    async fn outcome(lines: &'static str, until: &'static [u8]) -> Sent {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let way = Way::plain(listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(lines.as_bytes()).await.unwrap();
            let mut heard = Vec::new();
            while !heard.windows(until.len()).any(|window| window == until) {
                if stream.read_buf(&mut heard).await.unwrap() == 0 {
                    break;
                }
            }
        });
        let mail = Mail {
            from: "a@b".to_owned(),
            envelope_id: None,
            to: vec![("c@d".to_owned(), Notify::OnSuccess)],
            data: b"Subject: x\r\n\r\nbody\r\n".to_vec(),
        };
        let sent = send(&way, None, &mail).await;
        server.await.unwrap();
        sent
    }

    const UP_TO_DATA: &str = "220 hi\r\n250-x\r\n250 DSN\r\n250 ok\r\n250 ok\r\n354 go\r\n";

    #[tokio::test]
    async fn each_ending_is_told_apart() {
        assert_eq!(outcome("421 no\r\n", b"x").await, Sent::Later);
        assert_eq!(
            outcome("220 hi\r\n", b"EHLO").await,
            Sent::Later,
            "hung up before the mail was sent"
        );
        assert!(
            matches!(outcome("220 hi\r\n250 x\r\n550 no\r\n", b"MAIL").await, Sent::Never(reply) if reply.code == 550)
        );
        assert_eq!(
            outcome("220 hi\r\n250 x\r\n250 ok\r\n451 later\r\n", b"RCPT").await,
            Sent::Later
        );
        let dot = b"\r\n.\r\n";
        assert_eq!(
            outcome(UP_TO_DATA, dot).await,
            Sent::InDoubt,
            "hung up after the dot"
        );
        assert_eq!(
            outcome(
                "220 hi\r\n250-x\r\n250 DSN\r\n250 ok\r\n250 ok\r\n354 go\r\n452 full\r\n",
                dot
            )
            .await,
            Sent::Later
        );
        assert_eq!(
            outcome(
                "220 hi\r\n250-x\r\n250 DSN\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n",
                dot
            )
            .await,
            Sent::Accepted
        );
        let closed = TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let mail = Mail {
            from: String::new(),
            envelope_id: None,
            to: Vec::new(),
            data: Vec::new(),
        };
        assert_eq!(
            send(&Way::plain(closed), None, &mail).await,
            Sent::Later,
            "nobody there"
        );
    }
}
