//! Open files that a run needs: the limit is raised as far as that takes, and a run that cannot have them
//! is refused before it begins. Called when a plan is made.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::build::BuildError;
use crate::engine::{Load, Plan};

/// Of each thread: what it waits with, and what it opens in passing.
const PER_THREAD: u64 = 4;

/// Of the process: its outputs, its signals, what it was started with.
const BESIDES: u64 = 64;

/// Descriptors that a plan may take.
fn needed(plan: &Plan) -> u64 {
    let hosts = match plan.load {
        // Each place of a closed loop has a connection to every host.
        Load::Closed { .. } => plan.endpoints.len().max(1) as u64,
        Load::Open(_) => 1,
    };
    let connections = plan.connections.saturating_mul(hosts);
    connections.saturating_add(plan.threads as u64 * PER_THREAD).saturating_add(BESIDES)
}

/// The soft limit that has to be set; `None` if it is high enough.
fn limit(needed: u64, soft: u64, hard: u64) -> Result<Option<u64>, String> {
    match needed {
        _ if needed <= soft => Ok(None),
        _ if needed <= hard => Ok(Some(needed)),
        _ => Err(format!(
            "this run may open {needed} files and connections at a time, and {hard} are allowed (ulimit -Hn): raise \
             the limit, or take fewer --connections"
        )),
    }
}

/// Sees to it that a plan has its descriptors.
///
/// # Errors
/// The hard limit is too low.
pub fn provide(plan: &Plan) -> Result<(), BuildError> {
    // A kernel that does not tell its limits will tell when they are reached.
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    let Some(limit) = limit(needed(plan), soft, hard).map_err(BuildError::Usage)? else { return Ok(()) };
    let refused =
        |error| BuildError::Usage(format!("the limit of open files cannot be raised to {limit}: {error}"));
    setrlimit(Resource::RLIMIT_NOFILE, limit, hard).map_err(refused)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_needed_and_no_farther_than_allowed() {
        assert_eq!(limit(1_000, 1_024, 4_096), Ok(None));
        assert_eq!(limit(2_000, 1_024, 4_096), Ok(Some(2_000)));
        assert_eq!(limit(4_096, 1_024, 4_096), Ok(Some(4_096)));
        let why = limit(5_000, 1_024, 4_096).unwrap_err();
        assert!(why.contains("5000") && why.contains("4096") && why.contains("--connections"), "{why}");
    }
}
