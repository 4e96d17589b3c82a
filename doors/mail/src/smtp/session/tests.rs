use super::*;
use proptest::prelude::*;

struct Fixed(Known, Takes);

impl Desk for Fixed {
    fn recipient(&self, _: &Recipient) -> Known {
        self.0
    }
    fn takes(&self, _: &Transaction) -> Takes {
        self.1.clone()
    }
}

const OPEN: Fixed = Fixed(Known::Routed, Takes::Some);

fn begin() -> Session {
    let limits = Limits::default();
    Session::new(limits, ehlo("front.test", limits).into())
}

fn says(session: &mut Session, line: &str, desk: &Fixed) -> u16 {
    session
        .on(Event::Line(line.as_bytes()), desk)
        .reply
        .map_or(0, |reply| reply.code)
}

#[test]
fn a_message_goes_its_way() {
    let mut session = begin();
    for (line, code) in [
        ("MAIL FROM:<a@b>", 503),
        ("EHLO x", 250),
        ("RCPT TO:<c@d>", 503),
        ("MAIL FROM:<a@b>", 250),
        ("DATA", 554),
        ("MAIL FROM:<a@b>", 503),
        ("RCPT TO:<c@d>", 250),
        ("NOOP", 250),
        ("RSET", 250),
        ("DATA", 503),
        ("MAIL FROM:<a@b>", 250),
        ("RCPT TO:<c@d>", 250),
        ("DATA", 354),
    ] {
        assert_eq!(says(&mut session, line, &OPEN), code, "{line}");
    }
    let State::Receiving(transaction) = session.state() else {
        panic!("must be receiving")
    };
    assert_eq!(transaction.recipients.len(), 1);
    assert_eq!(
        session.on(Event::BodyOver, &OPEN),
        Step {
            reply: None,
            then: Then::Read
        }
    );
    assert_eq!(says(&mut session, "QUIT", &OPEN), 221);
    assert_eq!(
        session.on(Event::Line(b"NOOP"), &OPEN),
        Step {
            reply: None,
            then: Then::Close
        }
    );
}

#[test]
fn limits_hold() {
    let mut session = begin();
    says(&mut session, "EHLO x", &OPEN);
    assert_eq!(says(&mut session, "MAIL FROM:<a@b> SIZE=36700161", &OPEN), 552);
    assert_eq!(says(&mut session, "MAIL FROM:<a@b> SIZE=35882577", &OPEN), 250);
    for _ in 0..100 {
        assert_eq!(says(&mut session, "RCPT TO:<c@d>", &OPEN), 250);
    }
    assert_eq!(says(&mut session, "RCPT TO:<c@d>", &OPEN), 452);
    let codes = (0..25)
        .map(|_| says(&mut session, "WHAT", &OPEN))
        .collect::<Vec<_>>();
    assert_eq!(codes.iter().filter(|code| **code == 500).count(), 20);
    assert_eq!(codes[20], 421);
}

#[test]
fn all_shut_is_refused_before_the_message_and_only_for_now() {
    let shut = Fixed(Known::Routed, Takes::Shut);
    let mut session = begin();
    for (line, code) in [
        ("EHLO x", 250),
        ("MAIL FROM:<a@b>", 250),
        ("RCPT TO:<c@d>", 250),
        ("DATA", 451),
        ("NOOP", 250),
    ] {
        assert_eq!(says(&mut session, line, &shut), code, "{line}");
    }
}

#[test]
fn an_unknown_mailbox_is_final_only_when_all_is_open() {
    for (known, code) in [(Known::Never, 550), (Known::NotNow, 450)] {
        let mut session = begin();
        says(&mut session, "EHLO x", &OPEN);
        says(&mut session, "MAIL FROM:<a@b>", &OPEN);
        assert_eq!(
            says(&mut session, "RCPT TO:<c@d>", &Fixed(known, Takes::Some)),
            code
        );
    }
}

#[test]
fn being_cut_is_temporary_and_final_for_the_session() {
    for event in [Event::CutOff, Event::Late] {
        let mut session = begin();
        says(&mut session, "EHLO x", &OPEN);
        let step = session.on(event, &OPEN);
        assert!(step.reply.is_some_and(|reply| reply.code == 421) && step.then == Then::Close);
    }
}

proptest! {
    /// Whatever is said, while all is Shut no reply is permanent unless the words themselves were at fault.
    #[test]
    fn shut_alone_never_gives_a_permanent_reply(order in prop::collection::vec(0usize..8, 1..40)) {
        let words = [
            "EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "RSET", "NOOP", "RCPT TO:<e@f> NOTIFY=SUCCESS", "VRFY a",
        ];
        let (mut shut, mut open) = (begin(), begin());
        for at in order {
            let line = words[at];
            let theirs = says(&mut shut, line, &Fixed(Known::NotNow, Takes::Shut));
            if theirs / 100 == 5 {
                // The same words in the same place must also be a fault of order with everything open.
                prop_assert!(matches!(theirs, 503 | 554), "{} {}", line, theirs);
            }
            says(&mut open, line, &OPEN);
        }
    }

    #[test]
    fn garbage_never_makes_it_fall(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..40)) {
        let mut session = begin();
        for line in &lines {
            let step = session.on(Event::Line(line), &OPEN);
            prop_assert!(step.reply.is_some() || step.then == Then::Close);
        }
    }
}
