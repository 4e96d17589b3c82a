use super::*;
use crate::smtp::onward::Offers;
use proptest::prelude::*;

fn read(line: &str) -> Result<Command, BadCommand> {
    Command::read(line.as_bytes())
}

#[test]
fn dsn_parameters_are_kept_as_written() {
    let Ok(Command::Mail(origin)) =
        read("MAIL FROM:<a@b.c> SIZE=12 BODY=8BITMIME RET=HDRS ENVID=QQ+2B314159")
    else {
        panic!("must be read")
    };
    assert_eq!(
        (origin.size, origin.eight_bit, origin.ret),
        (Some(12), true, Some(Ret::Hdrs))
    );
    assert_eq!(origin.envid.as_deref(), Some("QQ+2B314159"));
    let Ok(Command::Rcpt(recipient)) = read("rcpt to:<X@y.z> NOTIFY=success,DELAY ORCPT=rfc822;X+40y") else {
        panic!("must be read")
    };
    assert_eq!(recipient.to.as_str(), "X@y.z");
    assert_eq!(recipient.orcpt.as_deref(), Some("rfc822;X+40y"));
    let all = Offers {
        size: true,
        eight_bit: true,
        dsn: true,
        pipelining: true,
    };
    assert_eq!(
        origin.line(9, all),
        "MAIL FROM:<a@b.c> SIZE=9 BODY=8BITMIME RET=HDRS ENVID=QQ+2B314159"
    );
    assert_eq!(
        recipient.line(recipient.notify, all),
        "RCPT TO:<X@y.z> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;X+40y"
    );
    assert_eq!(
        recipient.line(recipient.notify, Offers::default()),
        "RCPT TO:<X@y.z>"
    );
}

#[test]
fn the_success_wish_is_spent_once() {
    let on = |success, failure, delay| Notify::On {
        success,
        failure,
        delay,
    };
    assert_eq!(on(true, false, false).without_success(), Notify::Never);
    assert_eq!(on(true, true, false).without_success(), on(false, true, false));
    assert_eq!(Notify::Never.without_success(), Notify::Never);
}

#[test]
fn bad_lines_are_named() {
    for (line, why) in [
        ("FOO", BadCommand::Unknown),
        ("BDAT 5", BadCommand::NotOffered),
        ("MAIL a@b", BadCommand::Syntax),
        ("MAIL FROM:<a@b> SMTPUTF8", BadCommand::Parameter),
        ("MAIL FROM:<a@b> SIZE=x", BadCommand::Value),
        ("MAIL FROM:<a@b> SIZE=1 SIZE=2", BadCommand::Value),
        ("MAIL FROM:<a@b> ENVID=a=b", BadCommand::Value),
        ("RCPT TO:<a@b> NOTIFY=NEVER,SUCCESS", BadCommand::Value),
        ("RCPT TO:<>", BadCommand::Path(BadAddress::Form)),
        ("RCPT TO:<a@b>x", BadCommand::Syntax),
        ("DATA now", BadCommand::Syntax),
        ("EHLO", BadCommand::Syntax),
        ("NO\x01OP", BadCommand::Syntax),
    ] {
        assert_eq!(read(line), Err(why), "{line}");
    }
    assert_eq!(read("MAIL FROM:<>"), Ok(Command::Mail(Origin::default())));
    assert!(matches!(
        read("MAIL FROM:<a@b> SIZE=99999999999999999999"),
        Ok(Command::Mail(Origin {
            size: Some(u64::MAX),
            ..
        }))
    ));
}

proptest! {
    /// An independent reader agrees on every path we accept.
    #[test]
    fn what_we_read_an_independent_reader_reads(
        local in "[a-zA-Z0-9_-]{1,12}", domain in "[a-z0-9]{1,8}\\.[a-z]{2,6}", notify in 0usize..4,
    ) {
        let notify = ["", " NOTIFY=NEVER", " NOTIFY=SUCCESS,FAILURE", " NOTIFY=DELAY"][notify];
        let line = format!("RCPT TO:<{local}@{domain}>{notify}");
        let Ok(Command::Rcpt(ours)) = read(&line) else { panic!("{line}") };
        let wire = format!("{line}\r\n");
        match smtp_proto::Request::parse(&mut wire.as_bytes().iter()) {
            Ok(smtp_proto::Request::Rcpt { to }) => prop_assert_eq!(to.address.as_ref(), ours.to.as_str()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_line_makes_it_fall(line in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Command::read(&line);
    }
}
