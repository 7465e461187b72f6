//! File descriptors: raised to the hard limit, then shared out, so that clients cannot take those that
//! health checks, the log and the statistics page need.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::error::StartError;
use crate::config::model::Config;
use crate::limits;
use crate::snapshot::Room;

/// What the process may open, and who gets how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Descriptors allowed.
    pub allowed: u64,
    /// Kept for everything that is no connection of a client or to a server.
    pub reserve: u64,
    /// For clients and for the requests they make.
    pub room: Room,
}

/// Raises the soft limit to the hard one; returns what is then allowed.
pub fn raise() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// Shares `allowed` descriptors out. A busy client takes two, one to the server that answers it.
///
/// # Errors
/// There are too few for even `limits::CONNECTIONS_MIN` clients.
pub fn share(config: &Config, workers: usize, allowed: u64) -> Result<Share, StartError> {
    let reserve = reserve(config, workers);
    let least = reserve + 2 * limits::CONNECTIONS_MIN as u64;
    if allowed < least {
        return Err(StartError::Descriptors { allowed, least });
    }
    let free = usize::try_from(allowed - reserve).unwrap_or(usize::MAX);
    let wanted = config.limits.max_connections.unwrap_or(limits::MAX_CONNECTIONS);
    let clients = wanted.min(free / 2);
    Ok(Share { allowed, reserve, room: Room { clients, server_connections: free - clients } })
}

/// What `wanted` connections need, beside a reserve.
pub fn needed(wanted: usize, reserve: u64) -> u64 {
    wanted as u64 * 2 + reserve
}

/// Everything else: listeners, rings, probes, statistics, log, signals.
fn reserve(config: &Config, workers: usize) -> u64 {
    let addresses: usize = config.listeners.iter().map(|listener| listener.bind.len()).sum();
    let statistics = config.stats.as_ref().map_or(0, |stats| stats.bind.len() + limits::STATS_CONNECTIONS);
    let checked = config.backends.iter().filter(|backend| backend.check.is_some());
    let probes: usize = checked.map(|backend| backend.servers.len()).sum();
    let each_worker = limits::DESCRIPTORS_PER_WORKER + addresses;
    (limits::DESCRIPTORS_OF_PROCESS + workers * each_worker + statistics + probes) as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::load;

    const SMALL: &str = "[limits]\n#limits\n[[listener]]\nname = \"a\"\nbind = [\"127.0.0.1:1\"]\n\
                         backend = \"b\"\n[[backend]]\nname = \"b\"\n[[backend.server]]\nname = \"c\"\n\
                         address = \"127.0.0.1:2\"\n";

    fn share_of(limits: &str, allowed: u64) -> Result<Share, StartError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("torii.toml");
        std::fs::write(&file, SMALL.replace("#limits", limits)).unwrap();
        share(&load::load(&file).unwrap(), 2, allowed)
    }

    #[test]
    fn half_of_what_is_free_goes_to_clients() {
        let share = share_of("", 1000).unwrap();
        let free = 1000 - share.reserve as usize;
        assert_eq!((share.room.clients, share.room.server_connections), (free / 2, free.div_ceil(2)));
    }

    #[test]
    fn more_than_can_be_opened_is_not_promised() {
        let share = share_of("max_connections = 60000", 1000).unwrap();
        assert!(share.room.clients + share.room.server_connections + share.reserve as usize <= 1000);
    }

    #[test]
    fn plenty_of_descriptors_do_not_raise_the_limit() {
        assert_eq!(share_of("", u64::MAX).unwrap().room.clients, limits::MAX_CONNECTIONS);
        let share = share_of("max_connections = 10", u64::MAX).unwrap();
        assert_eq!(share.room.clients, 10);
        assert!(share.room.server_connections > 1_000_000);
    }

    #[test]
    fn too_few_to_serve_anybody_are_an_error_that_says_how_many_it_takes() {
        let least = match share_of("", 20).unwrap_err() {
            StartError::Descriptors { allowed: 20, least } => least,
            other => panic!("{other}"),
        };
        assert!(share_of("", least - 1).is_err());
        assert_eq!(share_of("", least).unwrap().room.clients, limits::CONNECTIONS_MIN);
    }
}
