//! What people do on their own machines while they look at the console: sign a challenge, sign drafts.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    chromium::Screen,
    common::{Ran, World, program},
};

impl World {
    /// What people type into their browsers.
    pub fn console(&self) -> String {
        format!("http://{}", self.side.system.console)
    }

    /// Somebody's key file, which no process of the system sees.
    pub fn key_of(&self, person: &str) -> PathBuf {
        self.folder().join("people/keys").join(person)
    }

    /// `bulkhead sign login - --console … --key …`
    pub fn sign_login(&self, challenge: &str, key: &std::path::Path) -> Ran {
        let console = self.console();
        typed(
            &[
                "sign".as_ref(),
                "login".as_ref(),
                "-".as_ref(),
                "--console".as_ref(),
                console.as_ref(),
                "--key".as_ref(),
                key.as_os_str(),
            ],
            challenge,
        )
    }

    /// Somebody logs in: the challenge of the page, signed on their own machine, pasted back.
    #[track_caller]
    pub fn log_in(&self, screen: &Screen<'_>, person: &str) {
        screen.see("/anmelden");
        let signed = self.sign_login(&screen.value("challenge"), &self.key_of(person));
        screen.fill("signature", &signed.expect(0, &[]).out);
        screen.follow("main button", "");
        screen.until(".account", person);
    }

    /// `bulkhead sign --watch --once`: reads what waits for this person and says yes to each.
    #[track_caller]
    pub fn sign_what_waits(&self, person: &str) -> Vec<Value> {
        let (console, key) = (self.console(), self.key_of(person));
        let ran = typed(
            &[
                "sign".as_ref(),
                "--watch".as_ref(),
                "--once".as_ref(),
                "--json".as_ref(),
                "--console".as_ref(),
                console.as_ref(),
                "--key".as_ref(),
                key.as_os_str(),
            ],
            &"j\n".repeat(16),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// [`sign_what_waits`](Self::sign_what_waits), and it was exactly one draft, which was taken. Gives its sentence.
    #[track_caller]
    pub fn sign_the_one(&self, person: &str) -> String {
        let events = self.sign_what_waits(person);
        let of =
            |name: &str| -> Vec<&Value> { events.iter().filter(|event| event["event"] == name).collect() };
        let (drafts, signed) = (of("draft"), of("signed"));
        assert_eq!((drafts.len(), signed.len()), (1, 1), "{events:#?}");
        drafts[0]["sentence"].as_str().unwrap().to_owned()
    }
}

fn typed(words: &[&std::ffi::OsStr], text: &str) -> Ran {
    let mut child = Command::new(program())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read all of it ends without it.
    let _typed = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap().into()
}
