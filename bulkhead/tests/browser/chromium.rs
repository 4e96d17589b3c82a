//! Real Chromium, driven by `driver.mjs` over one line of JSON each way. What must hold is said in Rust; the driver only
//! does what it is told and tells what it sees.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use serde_json::{Value, json};

const CHROMIUM: &str = "/usr/bin/chromium";
/// Older ones do not run the driver's packages.
const NODE_MAJOR_MIN: u32 = 20;
/// Longer than the driver itself waits for a page.
const LIMIT: Duration = Duration::from_secs(120);

/// A running browser. It ends with the test.
pub struct Chromium {
    child: Child,
    line: Mutex<(Option<ChildStdin>, Receiver<Value>)>,
    folder: PathBuf,
}

/// How a screen looks at pages.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    pub origin: &'a str,
    pub lang: &'a str,
    pub width: u32,
    pub script: bool,
}

impl<'a> Look<'a> {
    /// A desk with a wide screen, in German.
    pub const fn at(origin: &'a str) -> Self {
        Self {
            origin,
            lang: "de",
            width: 1280,
            script: true,
        }
    }

    pub const fn english(mut self) -> Self {
        self.lang = "en";
        self
    }

    pub const fn without_script(mut self) -> Self {
        self.script = false;
        self
    }
}

impl Chromium {
    /// Starts it; nothing when it, Node.js or the packages are missing, which is said and where required is a failure.
    pub fn start(test: &str) -> Option<Self> {
        let packages = match packages() {
            Ok(packages) => packages,
            Err(missing) => {
                assert!(
                    std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").as_deref() != Ok("1"),
                    "{missing}"
                );
                let said = format_args!("SKIPPED: {missing}\n");
                std::io::Write::write_fmt(&mut std::io::stderr(), said).unwrap();
                return None;
            }
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(test);
        let _fresh = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut child = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/driver.mjs"))
            .args([packages.as_os_str(), CHROMIUM.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(said) = serde_json::from_str(&line) else {
                    return;
                };
                if sender.send(said).is_err() {
                    return;
                }
            }
        });
        let chromium = Self {
            child,
            line: Mutex::new((Some(to), from)),
            folder,
        };
        let ready = chromium.hear();
        assert!(ready["ready"].is_string(), "{ready}");
        Some(chromium)
    }

    /// A new screen, with nobody logged in.
    #[track_caller]
    pub fn screen(&self, name: &str, look: Look<'_>) -> Screen<'_> {
        self.open(name, look, None)
    }

    #[track_caller]
    fn open(&self, name: &str, look: Look<'_>, like: Option<&str>) -> Screen<'_> {
        self.ask(&json!({
            "does": "screen", "name": name, "origin": look.origin, "lang": look.lang, "width": look.width, "height": 800,
            "script": look.script, "like": like,
        }));
        Screen {
            chromium: self,
            name: name.to_owned(),
        }
    }

    /// So many seconds from now, to the minute, as a form in Berlin takes it.
    #[track_caller]
    pub fn berlin(&self, seconds: u64) -> String {
        let said = self.ask(&json!({ "does": "berlin", "seconds": seconds }));
        said.as_str().unwrap().to_owned()
    }

    /// Where this test keeps what it saw.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    #[track_caller]
    fn ask(&self, question: &Value) -> Value {
        let mut line = self.line.lock().unwrap();
        writeln!(line.0.as_mut().unwrap(), "{question}").unwrap();
        drop(line);
        let mut answer = self.hear();
        if let Some(failed) = answer["failed"].as_str() {
            let page = self.folder.join("failed.html");
            std::fs::write(&page, answer["page"].as_str().unwrap_or_default()).unwrap();
            panic!(
                "{question}\n{failed}\nat {}; the page: {}",
                answer["at"],
                page.display()
            );
        }
        answer["said"].take()
    }

    #[track_caller]
    fn hear(&self) -> Value {
        self.line
            .lock()
            .unwrap()
            .1
            .recv_timeout(LIMIT)
            .expect("the driver ended or does not answer; what it said is above")
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The driver closes Chromium when its input ends, which killing it would not.
        let line = self
            .line
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(line.0.take());
        while line.1.recv_timeout(LIMIT).is_ok() {}
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The folder with what `package-lock.json` names, if this machine has everything that is needed.
fn packages() -> Result<PathBuf, String> {
    let folder = std::env::var_os("BULKHEAD_BROWSER").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("../counterparts/browser"),
        PathBuf::from,
    );
    if !folder.join("node_modules/playwright-core").is_dir() {
        return Err(format!(
            "the browser's packages are not in {}; `cargo xtask test` installs them",
            folder.display()
        ));
    }
    if !Path::new(CHROMIUM).is_file() {
        return Err(format!("{CHROMIUM} is not installed"));
    }
    let version = Command::new("node").arg("--version").output();
    let version = version.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    let major = version.as_ref().ok().and_then(|said| {
        let digits = said.trim().strip_prefix('v')?.split('.').next()?;
        digits.parse::<u32>().ok()
    });
    match major {
        Some(major) if major >= NODE_MAJOR_MIN => Ok(folder),
        _ => Err(format!(
            "Node.js {NODE_MAJOR_MIN} or newer is needed, found {version:?}"
        )),
    }
}

/// One window of somebody's browser, with its own cookies.
pub struct Screen<'a> {
    chromium: &'a Chromium,
    name: String,
}

impl<'a> Screen<'a> {
    /// The same person at another window.
    #[track_caller]
    pub fn also(&self, name: &str, look: Look<'_>) -> Screen<'a> {
        self.chromium.open(name, look, Some(&self.name))
    }

    #[track_caller]
    fn say(&self, does: &str, mut more: Value) -> Value {
        more["does"] = does.into();
        more["name"] = self.name.as_str().into();
        self.chromium.ask(&more)
    }

    /// Opens a page; gives its status.
    #[track_caller]
    pub fn go(&self, path: &str) -> u64 {
        self.say("go", json!({ "path": path })).as_u64().unwrap()
    }

    /// Opens a page that must be there.
    #[track_caller]
    pub fn see(&self, path: &str) {
        assert_eq!(self.go(path), 200, "{path}");
    }

    #[track_caller]
    pub fn reload(&self) {
        assert_eq!(self.say("reload", json!({})), 200);
    }

    #[track_caller]
    pub fn fill(&self, field: &str, text: &str) {
        self.say(
            "fill",
            json!({ "selector": format!("[name={field}]:not([type=hidden])"), "text": text }),
        );
    }

    #[track_caller]
    pub fn choose(&self, field: &str, value: &str) {
        self.say(
            "choose",
            json!({ "selector": format!("[name={field}]"), "text": value }),
        );
    }

    #[track_caller]
    pub fn tick(&self, selector: &str) {
        self.say("tick", json!({ "selector": selector }));
    }

    #[track_caller]
    pub fn press(&self, key: &str) {
        self.say("press", json!({ "text": key }));
    }

    #[track_caller]
    pub fn focus(&self, selector: &str) {
        self.say("focus", json!({ "selector": selector }));
    }

    /// Clicks a button or link with these words, and waits for the next page.
    #[track_caller]
    pub fn follow(&self, selector: &str, words: &str) {
        self.say("follow", json!({ "selector": selector, "text": words }));
    }

    /// Waits until the page has this.
    #[track_caller]
    pub fn until(&self, selector: &str, words: &str) {
        self.say("until", json!({ "selector": selector, "text": words }));
    }

    /// Waits until the page does not have this any more.
    #[track_caller]
    pub fn until_gone(&self, selector: &str, words: &str) {
        self.say("gone", json!({ "selector": selector, "text": words }));
    }

    /// The page has all of these words now.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> String {
        let text = self.text("main");
        for word in words {
            assert!(
                text.contains(word),
                "\"{word}\" is not on {}:\n{text}",
                self.path()
            );
        }
        text
    }

    /// The page has none of these words.
    #[track_caller]
    pub fn does_not_say(&self, words: &[&str]) {
        let text = self.text("body");
        for word in words {
            assert!(!text.contains(word), "\"{word}\" is on {}:\n{text}", self.path());
        }
    }

    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        self.string("text", json!({ "selector": selector }))
    }

    #[track_caller]
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.strings("texts", json!({ "selector": selector }))
    }

    #[track_caller]
    pub fn count(&self, selector: &str) -> u64 {
        self.say("count", json!({ "selector": selector }))
            .as_u64()
            .unwrap()
    }

    #[track_caller]
    pub fn value(&self, field: &str) -> String {
        self.string("value", json!({ "selector": format!("[name={field}]") }))
    }

    #[track_caller]
    pub fn is_visible(&self, selector: &str) -> bool {
        self.say("visible", json!({ "selector": selector })) == true
    }

    #[track_caller]
    pub fn focused(&self) -> String {
        self.string("focused", json!({}))
    }

    #[track_caller]
    pub fn html(&self) -> String {
        self.string("html", json!({}))
    }

    #[track_caller]
    pub fn links(&self) -> Vec<String> {
        self.strings("links", json!({}))
    }

    #[track_caller]
    pub fn path(&self) -> String {
        self.string("path", json!({}))
    }

    #[track_caller]
    pub fn width(&self, width: u32) {
        self.say("size", json!({ "width": width, "height": 800 }));
    }

    /// `screen` or `print`.
    #[track_caller]
    pub fn medium(&self, medium: &str) {
        self.say("media", json!({ "text": medium }));
    }

    /// What sticks out to the right.
    #[track_caller]
    pub fn too_wide(&self) -> Vec<String> {
        self.strings("wide", json!({}))
    }

    /// What axe-core finds: impact, rule, places.
    #[track_caller]
    pub fn axe(&self) -> Vec<Value> {
        self.say("axe", json!({})).as_array().unwrap().clone()
    }

    /// What the browser complained of.
    #[track_caller]
    pub fn noise(&self) -> Vec<String> {
        self.strings("noise", json!({}))
    }

    /// Keeps a picture of the whole page.
    #[track_caller]
    pub fn shot(&self, file: &str) {
        let path = self.chromium.folder.join(format!("{file}.png"));
        self.say("shot", json!({ "path": path }));
    }

    /// Keeps what the page says, and a picture of it.
    #[track_caller]
    pub fn keep(&self, file: &str) {
        let path = self.chromium.folder.join(format!("{file}.txt"));
        std::fs::write(path, self.text("body")).unwrap();
        self.shot(file);
    }

    /// Keeps the page as it would be printed.
    #[track_caller]
    pub fn print(&self, file: &str) {
        let path = self.chromium.folder.join(format!("{file}.pdf"));
        self.say("print", json!({ "path": path }));
    }

    #[track_caller]
    fn string(&self, does: &str, more: Value) -> String {
        self.say(does, more).as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn strings(&self, does: &str, more: Value) -> Vec<String> {
        let said = self.say(does, more);
        let all = said.as_array().unwrap();
        all.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }
}
