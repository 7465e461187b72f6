//! The wall clock of a run: one anchor for its log, its record, its gaps.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall-clock time at which the clock of a run shows zero, once it is known. The one anchor of all
/// times that a run tells.
pub type Began = Arc<OnceLock<SystemTime>>;

/// Milliseconds since 1970; 0 for an earlier time.
pub fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
