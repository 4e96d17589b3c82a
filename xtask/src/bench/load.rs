//! The load generator (`smtp-source`, part of Postfix) and its own ceiling (`smtp-sink`, which keeps nothing).

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Failed,
    run::{self, Echo},
};

/// One kind of load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Load {
    /// Payload of each message.
    pub(crate) bytes: u32,
    /// Sessions at the same time.
    pub(crate) sessions: u32,
    /// Messages in one run: enough for seconds, few enough for many runs.
    pub(crate) messages: u32,
}

/// Every load of the issue: 2 KB and 64 KB at 1, 16 and 64 sessions.
pub(crate) const LOADS: &[Load] = &[
    Load {
        bytes: 2_048,
        sessions: 1,
        messages: 1_000,
    },
    Load {
        bytes: 2_048,
        sessions: 16,
        messages: 6_000,
    },
    Load {
        bytes: 2_048,
        sessions: 64,
        messages: 10_000,
    },
    Load {
        bytes: 65_536,
        sessions: 1,
        messages: 300,
    },
    Load {
        bytes: 65_536,
        sessions: 16,
        messages: 1_500,
    },
    Load {
        bytes: 65_536,
        sessions: 64,
        messages: 2_000,
    },
];

/// The command line for one run. `-d` keeps each connection for the next message: setting up connections is not what
/// is measured, and it is the setting that favours Postfix.
pub(crate) fn command(load: Load, to: SocketAddr, recipient: &str) -> Command {
    let mut command = Command::new(run::find("smtp-source").unwrap_or_else(|| "smtp-source".into()));
    command
        .args([
            "-d",
            "-s",
            &load.sessions.to_string(),
            "-l",
            &load.bytes.to_string(),
        ])
        .args([
            "-m",
            &load.messages.to_string(),
            "-f",
            "praxis@sender.example",
            "-t",
            recipient,
        ])
        .arg(format!("inet:{to}"));
    command
}

/// Longest time for one load: a server slower than this is broken, not slow.
const SEND_WAIT: Duration = Duration::from_secs(300);

/// Sends one load and gives back messages per second.
///
/// # Errors
/// When the generator ends with anything but success: then a message was not taken.
pub(crate) fn send(load: Load, to: SocketAddr, recipient: &str) -> Result<f64, Failed> {
    let mut command = command(load, to, recipient);
    let started = Instant::now();
    run::read_within(&mut command, SEND_WAIT, Echo::Nothing)?;
    Ok(f64::from(load.messages) / started.elapsed().as_secs_f64())
}

/// A loopback address nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr, Failed> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|cause| Failed::because("cannot find a free port", &cause))
}

/// How long a server may take to listen.
const START_WAIT: Duration = Duration::from_secs(30);

/// Waits until somebody listens.
pub(crate) fn wait_for(address: SocketAddr, who: &str) -> Result<(), Failed> {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > START_WAIT {
            return Err(Failed::new(format!(
                "{who} does not listen on {address} after {START_WAIT:?}"
            )));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A server we started, ended with its owner.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Starts a server that stays in the foreground and waits until it listens.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, who: &str) -> Result<Self, Failed> {
        let mut running = Self::spawn(command, who)?;
        running.listens_at(address, who)?;
        Ok(running)
    }

    /// Starts a server that will say itself where it listens; until then its address is of no use.
    pub(crate) fn spawn(command: &mut Command, who: &str) -> Result<Self, Failed> {
        let child = command
            .spawn()
            .map_err(|cause| Failed::because(&format!("cannot start {who}"), &cause))?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Ok(Self { child, address })
    }

    /// Notes where it listens, once it does.
    pub(crate) fn listens_at(&mut self, address: SocketAddr, who: &str) -> Result<(), Failed> {
        wait_for(address, who)?;
        self.address = address;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the sink that takes everything and keeps nothing.
pub(crate) fn sink() -> Result<Running, Failed> {
    let address = free_address()?;
    let mut command = Command::new(run::find("smtp-sink").unwrap_or_else(|| "smtp-sink".into()));
    // As root it insists on being told whom to become.
    command.args(["-u", "nobody", &format!("inet:{address}"), "1000"]);
    Running::start(&mut command, address, "smtp-sink")
}

/// The middle of several sorted runs: one slow disk flush does not make a result.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_follow_one_outlier() {
        assert_eq!(median(&[10.0, 11.0, 1000.0]), 11.0);
        assert_eq!(median(&[]), 0.0);
    }
}
