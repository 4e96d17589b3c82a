//! `bulkhead sign --watch`: waits at a console for drafts that need this person, shows each as one sentence made here from
//! the exact bytes, asks, signs, hands the signature in. The console is not trusted with anything but delivering bytes.
//!
//! A consent that needs keys gets them here: what the console delivers is wrapped again with the insurer's own identity, and
//! the consent with its keys is what is shown, signed and handed in, as a whole.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use hyper::Method;
use order::login::ConsoleOrigin;
use serde::Deserialize;
use serde_json::{Value, json};
use sign::{Census, Lang, LogIn, Sheet, Signer};
use vocabulary::{Envelope, Signature, StatementId};

use super::{
    Language,
    console::{CallError, Console},
    counted,
    keys::{self, Keys, Prepared},
    refused, signer,
};
use crate::report::{Code, Trouble};

/// How long the console may keep a question open until there is something new.
const POLL_SECS: u64 = 20;
/// Longest wait for an answer.
const WAIT: Duration = Duration::from_secs(45);
/// Pause between two questions, for consoles that answer at once.
const PAUSE: Duration = Duration::from_secs(2);
/// Most drafts looked at in one answer: more are a fault or an attack, and nobody reads them in one sitting.
const DRAFTS_MAX: usize = 256;
/// Longest answer a person types, in bytes.
const TYPED_BYTES_MAX: u64 = 256;

/// `bulkhead sign --watch`.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Am Leitstand warten, jeden Entwurf zeigen, fragen, zeichnen. / Wait at the console, show each draft, ask, sign.
    #[arg(long, requires = "console")]
    watch: bool,
    /// Adresse des Leitstands, wie im Browser. / Address of the console, as in the browser.
    #[arg(long)]
    console: Option<ConsoleOrigin>,
    /// Schlüsseldatei (OpenSSH, Rechte 0600). / Key file (OpenSSH, mode 0600).
    #[arg(long, conflicts_with = "agent_key")]
    key: Option<PathBuf>,
    /// Öffentlicher Schlüssel, dessen privater im ssh-agent liegt. / Public key whose private half the ssh-agent holds.
    #[arg(long)]
    agent_key: Option<PathBuf>,
    /// Ordner mit ca.pem des Leitstands. / Folder with the console's ca.pem.
    #[arg(long)]
    tls: Option<PathBuf>,
    /// Sprache. / Language.
    #[arg(long, value_enum, default_value_t = Language::De)]
    lang: Language,
    /// Verbund, um Zellen und Personen zu zählen. / Estate, to count cells and persons.
    #[arg(long)]
    estate: Option<PathBuf>,
    /// The insurer's own keys.
    #[command(flatten)]
    release: keys::Release,
    /// Nur was jetzt wartet, dann enden. / Only what waits now, then end.
    #[arg(long)]
    once: bool,
    /// Jedes Ereignis als eine Zeile JSON; gefragt wird auf der Fehlerausgabe. / Each event as one line of JSON; questions
    /// go to standard error.
    #[arg(long)]
    json: bool,
}

/// What the console lists. Everything else it says about a draft is not read.
#[derive(Deserialize)]
struct Listed {
    drafts: Vec<Line>,
    #[serde(default)]
    version: Option<Value>,
}

#[derive(Deserialize)]
struct Line {
    envelope: Envelope,
}

/// Does it.
///
/// # Errors
/// [`Trouble`] when the console cannot be reached or lets nobody in.
pub(super) fn run(arguments: &Watch) -> Result<ExitCode, Trouble> {
    let (true, Some(origin)) = (arguments.watch, arguments.console.clone()) else {
        return Err(Trouble::new(
            Code::Statement,
            "Was tun? Ein Unterbefehl, oder --watch --console ADRESSE. / Do what? A subcommand, or --watch --console ADDRESS.",
        ));
    };
    let estate = arguments.estate.as_deref().map(counted).transpose()?;
    let mut companion = Companion {
        signer: signer(arguments.key.as_deref(), arguments.agent_key.as_deref())?,
        keys: arguments.release.open()?,
        console: Console::new(origin, arguments.tls.as_deref())?,
        lang: arguments.lang.into(),
        json: arguments.json,
        census: estate.as_ref().map(|estate| estate as &dyn Census),
        done: BTreeSet::new(),
        turned_away: false,
    };
    companion.log_in()?;
    let mut version = None;
    loop {
        let listed = companion.list(version.as_ref(), arguments.once)?;
        let is_new = listed.version.is_none() || listed.version != version;
        for line in listed.drafts.into_iter().take(DRAFTS_MAX) {
            if companion.one(line.envelope)? == Next::Stop {
                return Ok(companion.end());
            }
        }
        if arguments.once {
            return Ok(companion.end());
        }
        if is_new {
            version = listed.version;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether there is somebody to ask further.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    Stop,
}

/// How a signature reaches the console.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HandIn {
    /// To the draft it has.
    Signature,
    /// With the whole statement, which was made here.
    Whole,
}

struct Companion<'a> {
    signer: Signer,
    /// The insurer's own keys, where they were named.
    keys: Option<Keys>,
    console: Console,
    lang: Lang,
    json: bool,
    census: Option<&'a dyn Census>,
    /// What was signed or declined in this run: nobody is asked twice.
    done: BTreeSet<StatementId>,
    /// Whether the console turned a signature away.
    turned_away: bool,
}

impl Companion<'_> {
    /// Logs in by signing the console's challenge: only one that names this very console.
    fn log_in(&mut self) -> Result<(), Trouble> {
        self.console.keep(None);
        let asked = self
            .console
            .ask(Method::GET, "/api/v1/login", None, WAIT)
            .map_err(trouble)?;
        let text = asked.get("challenge").and_then(Value::as_str).unwrap_or_default();
        let login = LogIn::read(text, self.console.origin()).map_err(refused)?;
        let challenge = login.challenge().text();
        let signature = login.sign(&self.signer).map_err(refused)?;
        let body = json!({
            "challenge": challenge, "signature": signature.0, "key": self.signer.public_key().to_openssh(),
        });
        let answer = self
            .console
            .ask(Method::POST, "/api/v1/login", Some(&body), WAIT)
            .map_err(trouble)?;
        let token = answer.get("token").and_then(Value::as_str).map(str::to_owned);
        if token.is_none() {
            return Err(Trouble::new(
                Code::Unreached,
                "Der Leitstand hat keine Sitzung eröffnet. / The control room opened no session.",
            ));
        }
        self.console.keep(token);
        let person = answer.get("person").and_then(Value::as_str).unwrap_or("?");
        let person: String = person.chars().filter(|c| !c.is_control()).take(64).collect();
        let origin = self.console.origin();
        self.tell(
            &json!({ "event": "logged-in", "person": person, "console": origin }),
            &self.lang.of(
                format!("Angemeldet bei {origin} als {person}."),
                format!("Logged in at {origin} as {person}."),
            ),
        );
        Ok(())
    }

    /// What waits for this person; logs in again when the session is over.
    fn list(&mut self, version: Option<&Value>, once: bool) -> Result<Listed, Trouble> {
        let since = match version {
            Some(Value::Number(number)) if !once => format!("&wait={POLL_SECS}&since={number}"),
            Some(Value::String(text)) if !once && text.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                format!("&wait={POLL_SECS}&since={text}")
            }
            Some(_) | None => String::new(),
        };
        let path = format!("/api/v1/drafts?mine=1{since}");
        let answer = self.ask(Method::GET, &path, None)?.map_err(trouble)?;
        serde_json::from_value(answer).map_err(|error| {
            Trouble::because(
                Code::Unreached,
                "Die Liste der Entwürfe ist nicht lesbar. / The list of drafts cannot be read.",
                error,
            )
        })
    }

    /// Asks the console; logs in again where the session is over.
    fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Result<Value, CallError>, Trouble> {
        match self.console.ask(method.clone(), path, body, WAIT) {
            Err(CallError::NotLoggedIn) => {
                self.log_in()?;
                Ok(self.console.ask(method, path, body, WAIT))
            }
            other => Ok(other),
        }
    }

    /// A consent with the keys it needs, or why nothing of it may be signed.
    fn prepare(&mut self, draft: &Envelope) -> Result<Result<Prepared, String>, Trouble> {
        if !sign::wants_keys(draft) {
            return Ok(Ok(Prepared::AsItIs(None)));
        }
        let path = format!("/api/v1/drafts/{}/keys", draft.id());
        match self.ask(Method::GET, &path, None)? {
            Ok(delivered) => Ok(keys::prepare(draft, delivered, self.keys.as_ref(), self.lang)),
            Err(CallError::Refused(sentence)) => Ok(Ok(Prepared::AsItIs(Some(self.lang.of(
                format!("Ohne Schlüssel: Der Leitstand liefert keine ({sentence})"),
                format!("Without keys: the control room delivers none ({sentence})"),
            ))))),
            Err(other) => Err(trouble(other)),
        }
    }

    /// One draft: show, ask, sign, hand in.
    fn one(&mut self, envelope: Envelope) -> Result<Next, Trouble> {
        let listed = envelope.id();
        if !self.done.insert(listed) {
            return Ok(Next::Go);
        }
        let (envelope, note, way) = match self.prepare(&envelope)? {
            Ok(Prepared::AsItIs(note)) => (envelope, note, HandIn::Signature),
            Ok(Prepared::Carries(carrying)) => (carrying.consent, Some(carrying.sentence), HandIn::Whole),
            Err(why) => {
                self.turned_away = true;
                self.say(listed, "keys-refused", &why);
                return Ok(Next::Go);
            }
        };
        let id = envelope.id();
        let sheet = match Sheet::read(envelope.clone(), self.lang, self.census) {
            Ok(sheet) => sheet,
            Err(why) => {
                self.say(id, "unreadable", &why.to_string());
                return Ok(Next::Go);
            }
        };
        if sheet.keys().contains(&self.signer.public_key().id()) {
            return Ok(Next::Go);
        }
        self.show(&sheet, note.as_deref());
        let word = sheet.word();
        let question = self.lang.of(
            format!("Unterschreiben: {word}? [j/n] "),
            format!("Sign: {word}? [y/n] "),
        );
        let Some(answer) = self.question(&question)? else {
            self.say(id, "declined", self.lang.of("keine Antwort", "no answer"));
            return Ok(Next::Stop);
        };
        match sheet.confirm(&answer) {
            Err(_) => self.say(id, "declined", self.lang.of("nicht unterschrieben", "not signed")),
            Ok(confirmed) => {
                let signature = confirmed.sign(&self.signer).map_err(refused)?;
                self.hand_in(envelope, signature, way)?;
            }
        }
        Ok(Next::Go)
    }

    /// What is about to be signed, made here.
    fn show(&self, sheet: &Sheet, note: Option<&str>) {
        let (id, there) = (sheet.id(), sheet.keys().len());
        let mut text = format!("\n{}", sheet.sentence());
        if let Some(note) = note {
            text.push('\n');
            text.push_str(note);
        }
        self.tell(
            &json!({
                "event": "draft", "statement": id, "kind": sheet.kind().word(), "sentence": sheet.sentence(),
                "keys": note, "signatures": there,
            }),
            &format!("{text}\n({id}; {there} Unterschriften / signatures)"),
        );
    }

    fn hand_in(&mut self, mut envelope: Envelope, signature: Signature, way: HandIn) -> Result<(), Trouble> {
        let id = envelope.id();
        let (path, body) = match way {
            HandIn::Signature => (
                format!("/api/v1/drafts/{id}/signatures"),
                json!({ "signature": signature.0 }),
            ),
            HandIn::Whole => {
                envelope.signatures.push(signature);
                let whole = serde_json::to_string(&envelope).map_err(|error| {
                    let sentence =
                        "Die Zustimmung ist nicht darstellbar. / The consent cannot be written down.";
                    Trouble::because(Code::Statement, sentence, error)
                })?;
                ("/api/v1/drafts".to_owned(), json!({ "envelope": whole }))
            }
        };
        match self.ask(Method::POST, &path, Some(&body))? {
            Ok(_) => self.say(
                id,
                "signed",
                self.lang
                    .of("unterschrieben und abgegeben", "signed and handed in"),
            ),
            Err(CallError::Refused(sentence)) => {
                self.turned_away = true;
                self.say(id, "refused", &sentence);
            }
            Err(other) => return Err(trouble(other)),
        }
        Ok(())
    }

    fn say(&self, id: StatementId, event: &str, text: &str) {
        let plain: String = text.chars().filter(|c| !c.is_control()).take(2000).collect();
        self.tell(
            &json!({ "event": event, "statement": id, "text": plain }),
            &format!("{}: {plain}", id.0.short()),
        );
    }

    fn tell(&self, event: &Value, text: &str) {
        if self.json {
            println!("{event}");
        } else {
            println!("{text}");
        }
    }

    /// A line from the person; `None` when there is nobody (any more).
    fn question(&self, question: &str) -> Result<Option<String>, Trouble> {
        let failed = |error| {
            Trouble::because(
                Code::Statement,
                "Keine Eingabe möglich. / Cannot read an answer.",
                error,
            )
        };
        if self.json {
            eprint!("{question}");
        } else {
            print!("{question}");
            std::io::stdout().flush().map_err(failed)?;
        }
        let mut line = String::new();
        let mut input = std::io::Read::take(std::io::stdin().lock(), TYPED_BYTES_MAX);
        let read = input.read_line(&mut line).map_err(failed)?;
        Ok((read > 0).then_some(line))
    }

    fn end(&self) -> ExitCode {
        if self.turned_away {
            ExitCode::from(1)
        } else {
            ExitCode::SUCCESS
        }
    }
}

fn trouble(error: CallError) -> Trouble {
    match error {
        CallError::Unreached(trouble) => trouble,
        CallError::Refused(sentence) => Trouble::new(Code::Refused, sentence),
        CallError::NotLoggedIn => Trouble::new(
            Code::Refused,
            "Der Leitstand kennt die Sitzung nicht. / The control room does not know the session.",
        ),
    }
}
