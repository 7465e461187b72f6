//! File descriptors: raised to the hard limit, and compared with what the configuration promises.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors beside connections: listeners, rings, log, probes, statistics.
const RESERVE: u64 = 256;

/// Raises the soft limit to the hard one; returns what is then allowed.
pub fn raise() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// What `max_connections` needs: a descriptor to the client and one to the server each.
pub fn needed(max_connections: usize) -> u64 {
    max_connections as u64 * 2 + RESERVE
}
