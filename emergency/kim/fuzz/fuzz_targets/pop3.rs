//! What a client may say, and what a shell may come back with. `cargo +nightly fuzz run pop3`
#![no_main]

use kim::pop3::{Effect, Entry, Event, Limits, Opened, Session, Stuffer, Uid};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let entry = |n: u64| Entry { uid: Uid::new(&format!("u{n}")).unwrap(), bytes: n };
    let (mut session, _) = Session::begin(Limits::default());
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut effects = session.next(&Event::Line(line));
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Open(_) => effects = session.next(&Event::Opened(Opened::Accepted((1..4).map(entry).collect()))),
                Effect::Send(..) => effects = session.next(&Event::Sent),
                Effect::Delete(gone) => {
                    assert!((1..=3).contains(&gone.len()));
                    effects = session.next(&Event::Deleted);
                }
                Effect::Say(said) => assert!(said.ends_with(b"\r\n")),
                Effect::Close => assert!(session.has_ended()),
            }
        }
    }
    let (mut stuffer, mut out) = (Stuffer::default(), Vec::new());
    stuffer.feed(bytes, &mut out);
    stuffer.finish(&mut out);
    let text = out.strip_suffix(b".\r\n").unwrap();
    assert!(text.is_empty() || text.ends_with(b"\r\n"));
    assert!(!text.split(|byte| *byte == b'\n').any(|line| line == b".\r" || line == b"."));
});
