//! A shared address that cannot be added here, and when that is tried again.
//!
//! Kept by the ha thread; without I/O, the time is an argument. Each try takes the addresses from the node
//! that has them and gives them back, so tries become rare where nothing changes: never does a node whose
//! kernel refuses an address for good disturb its pair more often than the longest wait says.

use std::time::Duration;

use crate::ha::interface::Link;
use crate::limits::ha_thread::{ADDRESS_RETRY_ALONE_MAX, ADDRESS_RETRY_MAX, FAULT_RETRY};

/// What is remembered of it.
#[derive(Debug, Default)]
pub(super) struct Obstacle {
    /// Tries in a row that failed.
    failures: u32,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    reason: String,
    since: Duration,
    /// The interface when the address was refused.
    link: Option<Link>,
}

impl Obstacle {
    /// An address was refused. Returns that in words, with how long the next try is waited for.
    pub(super) fn meet(&mut self, now: Duration, reason: &str, link: Option<Link>) -> String {
        self.failures = self.failures.saturating_add(1);
        let seconds = self.wait().as_secs();
        let times = if self.failures == 1 { "once".into() } else { format!("{} times", self.failures) };
        let reason = format!("{reason}; tried {times}, the next try is within {seconds} s");
        self.waiting = Some(Waiting { reason: reason.clone(), since: now, link });
        reason
    }

    /// Every address was added. `true` when one was refused the last time.
    pub(super) fn pass(&mut self) -> bool {
        self.waiting = None;
        std::mem::take(&mut self.failures) > 0
    }

    /// Something else hindered this node meanwhile: once that is over, it is tried at once.
    pub(super) fn end_wait(&mut self) {
        self.waiting = None;
    }

    /// Why it is not tried yet; `None` when it may be. An interface that is not what it was is worth a
    /// try, and while nobody else has the addresses, a try costs nothing.
    pub(super) fn hindrance(
        &mut self,
        now: Duration,
        link: Option<Link>,
        is_anybody_active: bool,
    ) -> Option<String> {
        let wait = self.wait();
        let wait = if is_anybody_active { wait } else { wait.min(ADDRESS_RETRY_ALONE_MAX) };
        let is_over = |waiting: &Waiting| now.saturating_sub(waiting.since) >= wait || waiting.link != link;
        if self.waiting.as_ref().is_some_and(is_over) {
            self.waiting = None;
        }
        self.waiting.as_ref().map(|waiting| waiting.reason.clone())
    }

    /// Twice as long after each failure, up to a bound.
    fn wait(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(u32::BITS - 1);
        FAULT_RETRY.saturating_mul(1 << doublings).min(ADDRESS_RETRY_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Option<Link> = Some(Link { index: 2, up: true, hardware: None, mtu: 1500 });
    const REASON: &str = "198.51.100.3/32 cannot be added: Operation not permitted";

    /// Lives for some hours a second at a time: when it failed, and ends in a wait.
    fn failures(is_anybody_active: bool) -> (Obstacle, Vec<u64>) {
        let (mut obstacle, mut tried) = (Obstacle::default(), Vec::new());
        for second in 0..10_000 {
            let now = Duration::from_secs(second);
            if obstacle.hindrance(now, LINK, is_anybody_active).is_none() {
                obstacle.meet(now, REASON, LINK);
                tried.push(second);
            }
        }
        (obstacle, tried)
    }

    fn distances(times: &[u64]) -> Vec<u64> {
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn tries_become_rare_and_never_end() {
        let (_, tried) = failures(true);
        let distances = distances(&tried);
        assert_eq!(distances[..8], [5, 10, 20, 40, 80, 160, 300, 300]);
        assert!(distances[6..].iter().all(|distance| *distance == ADDRESS_RETRY_MAX.as_secs()));
    }

    #[test]
    fn a_node_that_nobody_stands_in_for_tries_more_often() {
        let distances = distances(&failures(false).1);
        assert_eq!(distances[..5], [5, 10, 20, 30, 30]);
        // Also when the other one dies in the middle of a long wait.
        let (mut obstacle, tried) = failures(true);
        let last = Duration::from_secs(*tried.last().unwrap_or(&0));
        assert!(obstacle.hindrance(last + ADDRESS_RETRY_ALONE_MAX, LINK, true).is_some());
        assert!(obstacle.hindrance(last + ADDRESS_RETRY_ALONE_MAX, LINK, false).is_none());
    }

    #[test]
    fn a_change_of_the_interface_is_worth_a_try_and_the_same_interface_is_not() {
        let (mut obstacle, _) = failures(true);
        let now = Duration::from_secs(9_999);
        assert!(obstacle.hindrance(now, LINK, true).is_some());
        let changed = LINK.map(|link| Link { mtu: 9000, ..link });
        assert!(obstacle.hindrance(now, changed, true).is_none());
        obstacle.meet(now, REASON, changed);
        assert!(obstacle.hindrance(now, changed, true).is_some(), "one change, one try");
        obstacle.end_wait();
        assert!(obstacle.hindrance(now, changed, true).is_none());
    }

    #[test]
    fn success_ends_it_and_the_words_say_what_follows() {
        let mut obstacle = Obstacle::default();
        assert!(!obstacle.pass(), "nothing was refused");
        let words = obstacle.meet(Duration::ZERO, REASON, LINK);
        assert_eq!(words, format!("{REASON}; tried once, the next try is within 5 s"));
        assert_eq!(obstacle.hindrance(Duration::from_secs(4), LINK, true), Some(words));
        assert!(obstacle.hindrance(Duration::from_secs(5), LINK, true).is_none());
        assert!(
            obstacle
                .meet(Duration::from_secs(9), REASON, LINK)
                .ends_with("tried 2 times, the next try is within 10 s")
        );
        assert!(obstacle.pass());
        assert!(obstacle.hindrance(Duration::from_secs(9), LINK, true).is_none());
        assert!(obstacle.meet(Duration::from_secs(20), REASON, LINK).contains("tried once"));
    }
}
