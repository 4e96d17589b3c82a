use super::*;
use crate::answers::{Pop3, pop3};
use proptest::prelude::*;

const USER: &str = "kasse@bitmarck.kim.telematik";

fn entries(count: usize) -> Vec<Entry> {
    let entry = |n: usize| Entry {
        uid: Uid::new(&format!("uid-{n}")).unwrap(),
        bytes: 100 * n as u64,
    };
    (1..=count).map(entry).collect()
}

/// What the session says to a line, when nothing else is to be done.
fn said(session: &mut Session, line: &str) -> String {
    match &session.next(&Event::Line(line.as_bytes()))[..] {
        [Effect::Say(bytes)] => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{line}: {other:?}"),
    }
}

fn login() -> Login {
    Login {
        user: KimAddress::new(USER).unwrap(),
        password: Secret::new(b"se cret"),
    }
}

fn inside(count: usize) -> Session {
    let (mut session, _) = Session::begin(Limits::default());
    assert_eq!(said(&mut session, &format!("USER {USER}")), "+OK\r\n");
    assert_eq!(
        session.next(&Event::Line(b"PASS se cret")),
        [Effect::Open(login())]
    );
    assert_eq!(
        session.next(&Event::Opened(Opened::Accepted(entries(count)))),
        [Effect::Say(b"+OK\r\n".to_vec())]
    );
    session
}

fn line(event: Pop3) -> String {
    format!("{}\r\n", pop3(event))
}

#[test]
fn capabilities_are_the_four_of_the_field() {
    let (mut session, greeting) = Session::begin(Limits::default());
    assert_eq!(greeting, [Effect::Say(line(Pop3::Connected).into_bytes())]);
    let capa = "+OK\r\nTOP\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\n.\r\n";
    assert_eq!(said(&mut session, "CAPA"), capa);
    assert_eq!(said(&mut inside(1), "capa"), capa);
}

#[test]
fn both_ways_in_lead_to_the_same_question() {
    let (mut session, _) = Session::begin(Limits::default());
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let response = STANDARD.encode(format!("\0{USER}\0se cret"));
    assert_eq!(said(&mut session, "AUTH PLAIN"), "+ \r\n");
    assert_eq!(
        session.next(&Event::Line(response.as_bytes())),
        [Effect::Open(login())]
    );
    let (mut session, _) = Session::begin(Limits::default());
    assert_eq!(
        session.next(&Event::Line(format!("AUTH PLAIN {response}").as_bytes())),
        [Effect::Open(login())]
    );
    for bad in [
        "AUTH",
        "AUTH LOGIN",
        "AUTH PLAIN *",
        "PASS x",
        "STAT",
        "APOP a b",
        "",
    ] {
        let (mut session, _) = Session::begin(Limits::default());
        assert_eq!(said(&mut session, bad), line(Pop3::Unexpected), "{bad}");
    }
}

#[test]
fn three_wrong_logins_end_it_and_names_are_not_given_away() {
    let (mut session, _) = Session::begin(Limits::default());
    for round in 1..=3 {
        assert_eq!(said(&mut session, &format!("USER {USER}")), "+OK\r\n");
        let effects = session.next(&Event::Line(b"PASS wrong"));
        assert!(matches!(&effects[..], [Effect::Open(_)]));
        let effects = session.next(&Event::Opened(Opened::Rejected));
        assert_eq!(effects[0], Effect::Say(line(Pop3::Rejected).into_bytes()));
        assert_eq!(session.has_ended(), round == 3);
        assert_eq!(effects.len(), if round == 3 { 2 } else { 1 });
    }
    let (mut session, _) = Session::begin(Limits::default());
    assert_eq!(said(&mut session, "USER nobody@example.org"), "+OK\r\n");
    assert_eq!(said(&mut session, "PASS x"), line(Pop3::Rejected));
}

#[test]
fn a_mailbox_in_use_or_away_says_so() {
    for (opened, event) in [
        (Opened::InUse, Pop3::InUse),
        (Opened::Unavailable, Pop3::Unavailable),
    ] {
        let (mut session, _) = Session::begin(Limits::default());
        let _ = said(&mut session, &format!("USER {USER}"));
        let _ = session.next(&Event::Line(b"PASS x"));
        assert_eq!(
            session.next(&Event::Opened(opened)),
            [Effect::Say(line(event).into_bytes()), Effect::Close]
        );
        assert!(session.has_ended());
    }
}

#[test]
fn lists_numbers_and_deletions() {
    let mut session = inside(3);
    assert_eq!(said(&mut session, "STAT"), "+OK 3 600\r\n");
    assert_eq!(
        said(&mut session, "LIST"),
        "+OK\r\n1 100\r\n2 200\r\n3 300\r\n.\r\n"
    );
    assert_eq!(said(&mut session, "UIDL 2"), "+OK 2 uid-2\r\n");
    assert_eq!(said(&mut session, "DELE 2"), "+OK\r\n");
    assert_eq!(said(&mut session, "DELE 2"), line(Pop3::NoSuchMessage));
    assert_eq!(said(&mut session, "UIDL"), "+OK\r\n1 uid-1\r\n3 uid-3\r\n.\r\n");
    assert_eq!(said(&mut session, "STAT"), "+OK 2 400\r\n");
    assert_eq!(said(&mut session, "RETR 2"), line(Pop3::NoSuchMessage));
    assert_eq!(said(&mut session, "LIST 4"), line(Pop3::NoSuchMessage));
    assert_eq!(said(&mut session, "RSET"), "+OK\r\n");
    assert_eq!(said(&mut session, "STAT"), "+OK 3 600\r\n");
    assert_eq!(said(&mut session, "NOOP"), "+OK\r\n");
    assert_eq!(said(&mut session, "USER x"), line(Pop3::Unexpected));
    assert_eq!(said(&mut inside(0), "LIST"), "+OK\r\n.\r\n");
}

#[test]
fn top_is_the_header_whatever_is_asked() {
    let mut session = inside(1);
    let uid = Uid::new("uid-1").unwrap();
    assert_eq!(
        session.next(&Event::Line(b"TOP 1 500")),
        [Effect::Send(uid.clone(), What::Header)]
    );
    assert_eq!(session.next(&Event::Sent), []);
    assert_eq!(
        session.next(&Event::Line(b"RETR 1")),
        [Effect::Send(uid, What::Whole)]
    );
    assert_eq!(
        session.next(&Event::NotSent),
        [Effect::Say(line(Pop3::Unavailable).into_bytes())]
    );
    assert_eq!(said(&mut session, "TOP 1"), line(Pop3::Unexpected));
}

#[test]
fn deletions_happen_at_quit_only_and_before_its_answer() {
    let mut session = inside(2);
    let _ = said(&mut session, "DELE 1");
    let gone = vec![Uid::new("uid-1").unwrap()];
    assert_eq!(session.next(&Event::Line(b"QUIT")), [Effect::Delete(gone)]);
    assert_eq!(
        session.next(&Event::Deleted),
        [Effect::Say(b"+OK\r\n".to_vec()), Effect::Close]
    );
    let mut session = inside(2);
    let _ = said(&mut session, "DELE 1");
    let _ = session.next(&Event::Line(b"QUIT"));
    let effects = session.next(&Event::NotDeleted);
    assert_eq!(
        effects,
        [Effect::Say(line(Pop3::Unavailable).into_bytes()), Effect::Close]
    );
    let mut session = inside(2);
    let _ = said(&mut session, "DELE 1");
    assert_eq!(
        session.next(&Event::Timeout),
        [Effect::Say(b"-ERR timeout\r\n".to_vec()), Effect::Close]
    );
    assert!(session.has_ended() && session.next(&Event::Line(b"QUIT")).is_empty());
}

#[test]
fn nonsense_ends_a_session_and_sense_forgives() {
    let mut session = inside(1);
    for _ in 0..19 {
        assert_eq!(said(&mut session, "XYZ"), line(Pop3::Unexpected));
    }
    assert_eq!(said(&mut session, "NOOP"), "+OK\r\n");
    for _ in 0..19 {
        assert_eq!(session.next(&Event::LineTooLong).len(), 1);
    }
    assert_eq!(session.next(&Event::LineTooLong)[1], Effect::Close);
    assert!(session.has_ended());
}

#[test]
fn a_session_that_is_told_nonsense_by_its_shell_deletes_nothing() {
    for event in [
        Event::Deleted,
        Event::Sent,
        Event::NotDeleted,
        Event::Opened(Opened::Accepted(Vec::new())),
    ] {
        let mut session = inside(2);
        let _ = said(&mut session, "DELE 1");
        assert_eq!(session.next(&event), [Effect::Close]);
    }
}

/// The client's side: lines without stuffing, up to the lone dot.
fn unstuffed(wire: &[u8]) -> Option<Vec<u8>> {
    let text = wire.strip_suffix(b"\r\n")?;
    let mut out = Vec::new();
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let (last, rest) = lines.split_last()?;
    if *last != b"." {
        return None;
    }
    for line in rest {
        let line = line.strip_suffix(b"\r")?;
        if line == b"." || line.contains(&b'\r') {
            return None;
        }
        out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    Some(out)
}

proptest! {
    #[test]
    fn every_client_sees_the_same_lines(message in "[.a\r\n]{0,40}", cut in 0usize..41) {
        let bytes = message.as_bytes();
        let (head, tail) = bytes.split_at(cut.min(bytes.len()));
        let (mut stuffer, mut wire) = (Stuffer::default(), Vec::new());
        stuffer.feed(head, &mut wire);
        stuffer.feed(tail, &mut wire);
        stuffer.finish(&mut wire);
        let mut whole = message.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        if !whole.is_empty() && !whole.ends_with("\r\n") {
            whole += "\r\n";
        }
        prop_assert_eq!(unstuffed(&wire).map(|bytes| String::from_utf8(bytes).unwrap()), Some(whole));
    }

    #[test]
    fn no_line_panics(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..30)) {
        let mut session = inside(3);
        for line in &lines {
            let _ = session.next(&Event::Line(line));
        }
        let (mut session, _) = Session::begin(Limits::default());
        for line in &lines {
            let _ = session.next(&Event::Line(line));
        }
    }

    #[test]
    fn nothing_is_deleted_that_was_not_named(numbers in proptest::collection::vec(0u32..8, 0..20), rset in any::<bool>()) {
        let mut session = inside(5);
        let mut model = std::collections::BTreeSet::new();
        for number in &numbers {
            let _ = session.next(&Event::Line(format!("DELE {number}").as_bytes()));
            if (1..=5).contains(number) {
                model.insert(*number);
            }
        }
        if rset {
            let _ = session.next(&Event::Line(b"RSET"));
            model.clear();
        }
        let wanted: Vec<Uid> = model.iter().map(|n| Uid::new(&format!("uid-{n}")).unwrap()).collect();
        let effects = session.next(&Event::Line(b"QUIT"));
        match &effects[..] {
            [Effect::Delete(gone)] => prop_assert_eq!(gone, &wanted),
            [Effect::Say(_), Effect::Close] => prop_assert!(wanted.is_empty()),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
