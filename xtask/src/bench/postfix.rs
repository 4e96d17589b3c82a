//! A Postfix of our own on a loopback port: own configuration, queue and data folders, nothing of the machine's.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::load;
use crate::{Failed, run};

/// What Postfix does with a message it has accepted. Acceptance itself is durable in both: `cleanup` syncs the queue
/// file before the sender reads 250.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum After {
    /// Delivered at once to nowhere, so the queue stays short.
    Discard,
    /// Kept in the hold queue, as a held door keeps it.
    Hold,
}

/// A running private Postfix.
#[derive(Debug)]
pub(crate) struct Postfix {
    config: PathBuf,
    queue: PathBuf,
    pub(crate) address: SocketAddr,
}

/// How long Postfix may take to deliver what it accepted.
const SETTLE_WAIT: Duration = Duration::from_secs(120);

impl Postfix {
    /// Starts it. Needs root, as Postfix does.
    pub(crate) fn start(folder: &Path, after: After) -> Result<Self, Failed> {
        let home = folder.join(match after {
            After::Discard => "postfix-discard",
            After::Hold => "postfix-hold",
        });
        let (config, queue, data) = (home.join("etc"), home.join("queue"), home.join("data"));
        let address = load::free_address()?;
        let write = || {
            fs::create_dir_all(&config)?;
            fs::create_dir_all(&queue)?;
            fs::create_dir_all(&data)?;
            fs::write(config.join("main.cf"), main_cf(&queue, &data, after))?;
            fs::write(config.join("master.cf"), master_cf(address))
        };
        write().map_err(|cause| {
            Failed::because(&format!("cannot set up Postfix in {}", home.display()), &cause)
        })?;
        run::read(Command::new("chown").arg("postfix").arg(&data))?;
        let postfix = Self {
            config,
            queue,
            address,
        };
        postfix.tell("start")?;
        load::wait_for(address, "Postfix")?;
        Ok(postfix)
    }

    /// Waits until nothing is being delivered, and empties the hold queue: the next server's run is its own.
    pub(crate) fn settle(&self) -> Result<(), Failed> {
        let started = Instant::now();
        while self.waiting("incoming")? + self.waiting("active")? > 0 {
            if started.elapsed() > SETTLE_WAIT {
                return Err(Failed::new(format!(
                    "Postfix still delivers after {SETTLE_WAIT:?}"
                )));
            }
            thread::sleep(Duration::from_millis(50));
        }
        for entry in self.list("hold")? {
            fs::remove_file(&entry)
                .map_err(|cause| Failed::because(&format!("cannot remove {}", entry.display()), &cause))?;
        }
        Ok(())
    }

    fn waiting(&self, name: &str) -> Result<usize, Failed> {
        self.list(name).map(|files| files.len())
    }

    fn list(&self, name: &str) -> Result<Vec<PathBuf>, Failed> {
        let folder = self.queue.join(name);
        fs::read_dir(&folder)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(|cause| Failed::because(&format!("cannot list {}", folder.display()), &cause))
    }

    fn tell(&self, word: &str) -> Result<(), Failed> {
        let program = run::find("postfix").unwrap_or_else(|| "postfix".into());
        run::read(Command::new(program).arg("-c").arg(&self.config).arg(word)).map(drop)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Err(failed) = self.tell("stop") {
            eprintln!("xtask: {failed}");
        }
    }
}

/// Defaults, but for what makes it a closed island, and `in_flow_delay`: by default `cleanup` pauses when more comes in
/// than is delivered, which nothing on hold ever is.
fn main_cf(queue: &Path, data: &Path, after: After) -> String {
    let restriction = match after {
        After::Discard => "permit_mynetworks, reject",
        After::Hold => "check_client_access static:HOLD, permit_mynetworks, reject",
    };
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {}\n\
         data_directory = {}\n\
         myhostname = counterpart.example\n\
         mydestination =\n\
         alias_maps =\n\
         alias_database =\n\
         local_recipient_maps =\n\
         mynetworks = 127.0.0.0/8\n\
         inet_protocols = ipv4\n\
         default_transport = discard\n\
         in_flow_delay = 0\n\
         smtpd_peername_lookup = no\n\
         smtpd_recipient_restrictions = {restriction}\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n",
        queue.display(),
        data.display(),
    )
}

/// Only the services an intake needs.
fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd\n\
         pickup unix n - n 60 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n"
    )
}
