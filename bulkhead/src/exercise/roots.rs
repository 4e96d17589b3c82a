//! The roots of a drill: identity, names, mail, keys. No door stands before them, so nobody measures them while every door is
//! shut; their examiners say whether they are clean, and who leads writes down at the console whether they are up.

use std::time::{Duration, Instant};

use clearance::Grade;
use hyper::Method;
use serde_json::json;
use vocabulary::EnvironmentId;

use super::{
    side::{Bulkhead, Stopped, WAIT, wrong},
    told,
};
use crate::command::sign::console::CallError;

/// How long the console may take until it has heard of the clearance.
const HEARD_WAIT: Duration = Duration::from_secs(10);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Where people say the roots stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Roots {
    /// Nobody said anything yet.
    #[default]
    Unsaid,
    /// Cut off with everything else.
    Contained,
    /// Up and checked.
    Up,
}

impl Bulkhead {
    /// Before anything opens: examiners clear the environment of the roots, and the commander notes that they are up.
    pub(super) async fn roots_up(&mut self) -> Result<(), Stopped> {
        if self.roots == Roots::Up || self.estate.roots().next().is_none() {
            return Ok(());
        }
        let home = self.home_of_roots()?;
        let found = "Grundlagen untersucht (Übung) / roots examined (drill)";
        let clearance =
            self.sign_clearance_of(home.clone(), Grade::Full, found, &["forensik-1", "forensik-3"])?;
        self.publish(&clearance).await?;
        self.note(&home, "verifying").await?;
        self.roots = Roots::Up;
        Ok(())
    }

    /// Everything was cut: what the roots are worth nobody knows until they were examined.
    pub(super) async fn roots_cut(&mut self) -> Result<(), Stopped> {
        if self.estate.roots().next().is_none() {
            return Ok(());
        }
        let home = self.home_of_roots()?;
        self.note(&home, "contained").await?;
        self.roots = Roots::Contained;
        Ok(())
    }

    /// The provider's own environment.
    fn home_of_roots(&self) -> Result<EnvironmentId, Stopped> {
        let provider = self.cast.provider()?;
        Ok(EnvironmentId::new(provider.as_str()).map_err(wrong)?)
    }

    /// Writes it down at the console. The console hears of a clearance a moment after the log has it.
    async fn note(&self, home: &EnvironmentId, state: &str) -> Result<(), Stopped> {
        let origin = format!("http://{}", self.system.console).parse().map_err(wrong)?;
        let key = self
            .cast
            .key_of("leitung-2")
            .ok_or_else(|| wrong("leitung-2 has no key"))?;
        let body = json!({ "environment": home.as_str(), "state": state });
        let noting = move || {
            let console = told::log_in(&origin, &key)?;
            let began = Instant::now();
            loop {
                let answer = console.ask(Method::POST, "/api/v1/plan/environment", Some(&body), WAIT);
                match answer {
                    Ok(_) => return Ok(()),
                    Err(CallError::Refused(_)) if began.elapsed() < HEARD_WAIT => {
                        std::thread::sleep(ASK_EVERY)
                    }
                    Err(error) => return Err(told::refused(error)),
                }
            }
        };
        let noted = tokio::task::spawn_blocking(noting).await.map_err(wrong)?;
        noted.map_err(Stopped::Trouble)
    }
}
