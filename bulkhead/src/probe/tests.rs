//! The prober against fronts that no door guards.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    sync::watch,
};
use vocabulary::{Epoch, FlowRules, Timestamp};

use super::{
    super::{Mark, session::KEPT},
    *,
};

/// A front without a door: it lets everything through while it is open, and while it is closed it turns new
/// connections away and cuts a session at its next word, unless it spares the old ones.
#[derive(Default)]
struct Front {
    closed: AtomicBool,
    spares: AtomicBool,
}

impl Front {
    async fn listen(self: &Arc<Self>, greeting: &'static str, turned_away: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let front = self.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let front = front.clone();
                tokio::spawn(async move { front.talk(BufReader::new(socket), greeting, turned_away).await });
            }
        });
        address
    }

    async fn talk(
        &self,
        mut socket: BufReader<tokio::net::TcpStream>,
        greeting: &str,
        turned_away: &str,
    ) -> Option<()> {
        if self.closed.load(Ordering::SeqCst) {
            socket.get_mut().write_all(turned_away.as_bytes()).await.ok()?;
            return None;
        }
        socket.get_mut().write_all(greeting.as_bytes()).await.ok()?;
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if self.closed.load(Ordering::SeqCst) && !self.spares.load(Ordering::SeqCst) {
                return None;
            }
            let answer = match line.split([' ', '\r']).next() {
                Some("USER" | "PASS") => "+OK\r\n",
                Some("NOOP") if greeting.starts_with('+') => "+OK\r\n",
                Some("AUTH") => "235 2.7.0\r\n",
                Some("DATA") => "354\r\n",
                Some("X-KIM-Dienstkennung:" | "") => continue,
                _ => "250 2.0.0\r\n",
            };
            socket.get_mut().write_all(answer.as_bytes()).await.ok()?;
        }
    }
}

async fn round(front: &Arc<Front>) -> Round {
    round_of([front, front, front]).await
}

/// Fetch, submission and intake.
async fn round_of([fetch, submission, intake]: [&Arc<Front>; 3]) -> Round {
    let smtp = ("220 x\r\n", "421 4.3.2 later\r\n");
    let known = Known {
        mailbox: "kasse@kasse.test".to_owned(),
        password: Zeroizing::new("geheim".to_owned()),
        mark: Some("eAU".to_owned()),
    };
    Round {
        control: Endpoint {
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            tls: None,
        },
        fronts: Fronts {
            fetch: fetch.listen("+OK\r\n", "-ERR [SYS/TEMP]\r\n").await,
            submission: submission.listen(smtp.0, smtp.1).await,
            intake: intake.listen(smtp.0, smtp.1).await,
            tls: None,
        },
        accounts: Arc::new(BTreeMap::from([(door(), known)])),
        shared: Arc::new(Shared {
            proofs: Mutex::default(),
            rounds: watch::Sender::new(0),
        }),
        every: Duration::from_secs(1),
    }
}

fn door() -> DoorId {
    "kasse-001/eau".parse().unwrap()
}

fn line(epoch: u64, position: Position) -> DoorLine {
    DoorLine {
        door: door(),
        epoch: Epoch(epoch),
        position,
        class: None,
        since: Timestamp(0),
        restrictions: Vec::new(),
        until: None,
        granted: None,
    }
}

impl Round {
    async fn finds(&self, line: &DoorLine, standing: &mut Sessions, now: Instant) -> (usize, u32) {
        self.look(std::slice::from_ref(line), standing, now).await;
        let proof = self.shared.proofs.lock().unwrap()[&line.door].clone();
        (proof.failures.len(), proof.old_sessions)
    }
}

#[tokio::test]
async fn a_way_that_is_opened_behind_us_is_found() {
    let front = Arc::default();
    let (round, mut standing) = (round(&front).await, Sessions::default());
    let now = Instant::now();
    assert_eq!(
        round.finds(&line(1, Position::Open), &mut standing, now).await,
        (0, 0)
    );
    front.closed.store(true, Ordering::SeqCst);
    let shut = line(2, Position::Shut);
    assert_eq!(round.finds(&shut, &mut standing, now).await, (0, 3));
    front.closed.store(false, Ordering::SeqCst);
    // Left alone for a while; then new logins succeed at both fronts, and a mail is taken.
    assert_eq!(round.finds(&shut, &mut standing, now).await, (0, 3));
    assert_eq!(round.finds(&shut, &mut standing, now + 2 * KEPT).await, (3, 3));
    front.closed.store(true, Ordering::SeqCst);
    assert_eq!(round.finds(&shut, &mut standing, now + 2 * KEPT).await, (0, 3));
}

#[tokio::test]
async fn an_old_session_that_lives_is_found_as_long_as_it_lives() {
    let front = Arc::default();
    let (round, mut standing) = (round(&front).await, Sessions::default());
    let now = Instant::now();
    round.finds(&line(1, Position::Open), &mut standing, now).await;
    front.spares.store(true, Ordering::SeqCst);
    front.closed.store(true, Ordering::SeqCst);
    let shut = line(2, Position::Shut);
    for _ in 0..3 {
        assert_eq!(round.finds(&shut, &mut standing, now).await, (3, 3));
    }
    // The fetch and the submission session are cut late. What was taken by the old intake session stays taken.
    front.spares.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(round.finds(&shut, &mut standing, now).await, (1, 3));
    }
}

#[tokio::test]
async fn a_session_that_a_server_ended_is_no_old_session() {
    let front = Arc::default();
    let (round, mut standing) = (round(&front).await, Sessions::default());
    let now = Instant::now();
    round.finds(&line(1, Position::Open), &mut standing, now).await;
    // All sessions end at their next word and no new one is let in: there is nothing old left to test.
    front.closed.store(true, Ordering::SeqCst);
    let open = line(1, Position::Open);
    assert_eq!(round.finds(&open, &mut standing, now + 2 * KEPT).await, (3, 0));
    assert_eq!(
        round.finds(&line(2, Position::Shut), &mut standing, now).await,
        (0, 0)
    );
}

/// Provisional operation in which sending passes and fetching does not.
fn limited(epoch: u64, peers: Option<&[&str]>) -> DoorLine {
    let peers = peers.map(|peers| peers.iter().map(ToString::to_string).collect());
    let rules = FlowRules {
        send: TransitRule::Pass,
        ..FlowRules::HELD
    };
    DoorLine {
        until: Some(Timestamp(1)),
        granted: Some(Granted::Limited { rules, peers }),
        ..line(epoch, Position::Held)
    }
}

impl Round {
    async fn found(&self, line: &DoorLine, sessions: &mut Sessions) -> Option<Proof> {
        self.look(std::slice::from_ref(line), sessions, Instant::now())
            .await;
        self.shared.proofs.lock().unwrap().get(&line.door).cloned()
    }
}

#[tokio::test]
async fn limited_operation_is_proven_for_what_it_does_not_name() {
    let fronts: [Arc<Front>; 3] = Default::default();
    let (round, mut sessions) = (
        round_of([&fronts[0], &fronts[1], &fronts[2]]).await,
        Sessions::default(),
    );
    fronts[0].closed.store(true, Ordering::SeqCst);
    let proof = round.found(&limited(3, None), &mut sessions).await.unwrap();
    assert_eq!(
        (proof.failures, proof.covers),
        (vec![], BTreeSet::from([Flow::Fetch]))
    );
    // Something that is not named passes: seen at every attempt, counted, and over when it is over.
    fronts[0].closed.store(false, Ordering::SeqCst);
    for times in 1..=3 {
        let proof = round.found(&limited(4, None), &mut sessions).await.unwrap();
        assert_eq!((proof.leaks.len(), proof.leaking), (1, times), "{proof:?}");
        assert!(proof.leaks[0].contains("neue Abholung gelingt"), "{proof:?}");
    }
    fronts[0].closed.store(true, Ordering::SeqCst);
    let proof = round.found(&limited(4, None), &mut sessions).await.unwrap();
    assert_eq!((proof.leaks.len(), proof.leaking), (0, 0), "{proof:?}");
    // A grant for others lets this mailbox neither fetch nor send.
    let proof = round
        .found(&limited(5, Some(&["andere@kasse.test"])), &mut sessions)
        .await
        .unwrap();
    assert_eq!(proof.covers, BTreeSet::from([Flow::Fetch, Flow::Send]));
    // The session that lived on what was granted is an old one now.
    assert!(
        proof
            .leaks
            .iter()
            .any(|words| words.contains("alter Versand lebt")),
        "{proof:?}"
    );
    let proof = round
        .found(&limited(6, Some(&["kasse@kasse.test"])), &mut sessions)
        .await
        .unwrap();
    assert_eq!(
        (proof.failures, proof.covers),
        (vec![], BTreeSet::from([Flow::Fetch]))
    );
}

#[tokio::test]
async fn what_stops_nothing_visible_and_what_does_not_tell_its_grant_is_not_proven() {
    let front = Arc::default();
    let (round, mut sessions) = (round(&front).await, Sessions::default());
    let all = FlowRules {
        fetch: TransitRule::Pass,
        send: TransitRule::Pass,
        forward: TransitRule::Pass,
        ..FlowRules::HELD
    };
    let mut open = limited(1, None);
    open.granted = Some(Granted::Limited {
        rules: all,
        peers: None,
    });
    assert!(round.found(&open, &mut sessions).await.is_none());
    let mut silent = limited(2, None);
    silent.granted = None;
    assert!(round.found(&silent, &mut sessions).await.is_none());
    // For outsiders an emergency changes nothing: everything must be turned away.
    let emergency = DoorLine {
        granted: Some(Granted::Emergency),
        ..limited(3, None)
    };
    let proof = round.found(&emergency, &mut sessions).await.unwrap();
    assert_eq!(proof.leaks.len(), 2, "{proof:?}");
}

#[test]
fn a_mark_is_one_header_line() {
    assert!(Mark::try_from("eAU;Lieferung;V1.2".to_owned()).is_ok());
    for wrong in ["", "eAU\r\nBcc: x", "Rückläufer", &"x".repeat(201)] {
        Mark::try_from(wrong.to_owned()).unwrap_err();
    }
}
