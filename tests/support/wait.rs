//! Waiting for a condition with a deadline, used by every other file of the test support.
//!
//! The deadline is generous because the machine may be busy; it is not an assertion on speed.

use std::time::{Duration, Instant};

/// Longest wait for anything that is expected to happen.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Pause between two looks at a condition.
const POLL: Duration = Duration::from_millis(5);

/// Polls until `condition` gives a value, or `None` once the deadline has passed.
pub fn until<T>(mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if start.elapsed() > DEADLINE {
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// Polls until `condition` holds; panics with `what` after the deadline.
#[track_caller]
pub fn for_condition(what: &str, mut condition: impl FnMut() -> bool) {
    assert!(until(|| condition().then_some(())).is_some(), "waited {DEADLINE:?} in vain for: {what}");
}

/// Polls until `value` has stayed the same for `quiet` and returns it.
pub fn until_steady<T: PartialEq>(quiet: Duration, mut value: impl FnMut() -> T) -> T {
    let start = Instant::now();
    let mut last = value();
    let mut since = Instant::now();
    while since.elapsed() < quiet && start.elapsed() < DEADLINE {
        std::thread::sleep(POLL);
        let now = value();
        if now != last {
            last = now;
            since = Instant::now();
        }
    }
    last
}
