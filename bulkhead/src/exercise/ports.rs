//! Addresses on loopback for a drill's processes.

use std::net::SocketAddr;

use super::side::wrong;
use crate::report::Trouble;

/// Loopback, with a port the system chooses.
pub(super) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Ports below the range that systems take for outgoing connections (Linux: 32768 on; IANA: 49152 on).
const PORTS: std::ops::Range<u16> = 10_000..32_000;
/// Ports tried before giving up; most of the range is free on any machine.
const PORTS_TRIED_MAX: usize = 1_000;

/// An address on loopback that was free a moment ago. Used where a process must come back at the same place after a
/// crash; everything else lets the system choose. The system must not choose here: while the process is dead, an
/// outgoing connection could take its port, even one of the clients that call it again and again.
pub(super) fn free_port() -> Result<SocketAddr, Trouble> {
    for _ in 0..PORTS_TRIED_MAX {
        let mut drawn = [0; 2];
        getrandom::fill(&mut drawn).map_err(|error| wrong(error.to_string()))?;
        let port = PORTS.start + u16::from_le_bytes(drawn) % (PORTS.end - PORTS.start);
        if let Ok(listener) = std::net::TcpListener::bind((loopback().ip(), port)) {
            return listener.local_addr().map_err(wrong);
        }
    }
    Err(wrong("no free port"))
}

/// Where the three fronts of the door process stand.
pub struct FrontPorts {
    /// Intake.
    pub intake: SocketAddr,
    /// Submission.
    pub submission: SocketAddr,
    /// Fetch.
    pub fetch: SocketAddr,
}

impl FrontPorts {
    pub(super) fn free() -> Result<Self, Trouble> {
        Ok(Self {
            intake: free_port()?,
            submission: free_port()?,
            fetch: free_port()?,
        })
    }
}
