//! A shared address that cannot be added here, and when that is tried again.
//!
//! Kept by the ha thread; without I/O, the time is an argument. Each try takes the addresses from the node
//! that has them and gives them back, so tries become rare where nothing changes: never does a node whose
//! kernel refuses an address for good disturb its pair more often than the longest wait says. While nobody
//! else has the addresses there is nobody to disturb, and tries are as frequent as at first.

use std::time::Duration;

use crate::ha::interface::Link;
use crate::limits::ha_thread::{ADDRESS_RETRY_MAX, FAULT_RETRY};

/// What is remembered of it.
#[derive(Debug, Default)]
pub(super) struct Obstacle {
    /// Tries in a row that failed, and when the last of them was.
    failures: u32,
    failed_at: Duration,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    reason: String,
    /// The reason, and when the next try is.
    words: String,
    /// The interface when the address was refused.
    link: Option<Link>,
    /// Whether another node had the addresses when that was last looked at: then tries are rare.
    is_anybody_active: bool,
}

impl Obstacle {
    /// An address was refused. Returns that in words, with how long the next try is waited for.
    pub(super) fn meet(
        &mut self,
        now: Duration,
        reason: &str,
        link: Option<Link>,
        is_anybody_active: bool,
    ) -> String {
        if now.saturating_sub(self.failed_at) > ADDRESS_RETRY_MAX * 2 {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        let words = self.words(now, reason, is_anybody_active);
        let (reason, told) = (reason.to_owned(), words.clone());
        self.waiting = Some(Waiting { reason, words, link, is_anybody_active });
        told
    }

    fn words(&self, now: Duration, reason: &str, is_anybody_active: bool) -> String {
        let left = (self.failed_at + self.wait(is_anybody_active)).saturating_sub(now);
        let times = if self.failures == 1 { "once".into() } else { format!("{} times", self.failures) };
        format!("{reason}; tried {times}, the next try begins in {} s", left.as_secs_f64().ceil())
    }

    /// Every address was added. `true` when one was refused the last time.
    pub(super) fn pass(&mut self) -> bool {
        self.waiting = None;
        std::mem::take(&mut self.failures) > 0
    }

    /// Whether another node had the addresses when that was last looked at, and now none has: worth a look.
    pub(super) fn is_deserted(&self, is_anybody_active: impl FnOnce() -> bool) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.is_anybody_active && !is_anybody_active())
    }

    /// When the wait is over, if there is one.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waiting.as_ref().map(|waiting| self.failed_at + self.wait(waiting.is_anybody_active))
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
        let mut waiting = self.waiting.take()?;
        let is_over = now.saturating_sub(self.failed_at) >= self.wait(is_anybody_active);
        if is_over || waiting.link != link {
            return None;
        }
        if waiting.is_anybody_active != is_anybody_active {
            waiting.is_anybody_active = is_anybody_active;
            waiting.words = self.words(now, &waiting.reason, is_anybody_active);
        }
        let words = waiting.words.clone();
        self.waiting = Some(waiting);
        Some(words)
    }

    /// Twice as long after each failure, up to a bound; never longer than at first while nobody else has
    /// the addresses. Nor is it shorter then: two nodes that cannot have them would chase each other.
    fn wait(&self, is_anybody_active: bool) -> Duration {
        if !is_anybody_active {
            return FAULT_RETRY;
        }
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
                obstacle.meet(now, REASON, LINK, is_anybody_active);
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
    fn a_node_that_nobody_stands_in_for_tries_as_often_as_at_first() {
        assert!(distances(&failures(false).1).iter().all(|distance| *distance == FAULT_RETRY.as_secs()));
        // Also when the other one dies in the middle of a long wait.
        let (mut obstacle, tried) = failures(true);
        let last = Duration::from_secs(*tried.last().unwrap_or(&0));
        let later = last + FAULT_RETRY;
        assert!(obstacle.hindrance(later, LINK, true).is_some());
        assert!(!obstacle.is_deserted(|| true));
        assert!(obstacle.is_deserted(|| false), "so that it is looked at");
        assert_eq!(obstacle.deadline(), Some(last + ADDRESS_RETRY_MAX));
        assert!(obstacle.hindrance(later, LINK, false).is_none());
    }

    #[test]
    fn a_node_that_has_just_failed_is_not_called_upon_at_once_and_says_when() {
        let (mut obstacle, _) = failures(true);
        let now = Duration::from_secs(20_000);
        let at_first = obstacle.meet(now, REASON, LINK, true);
        assert!(
            at_first.ends_with("the next try begins in 5 s"),
            "what was long ago is forgotten: {at_first}"
        );
        let now = now + FAULT_RETRY;
        assert!(obstacle.meet(now, REASON, LINK, true).ends_with("the next try begins in 10 s"));
        let soon = now + Duration::from_secs(2);
        let words = obstacle.hindrance(soon, LINK, false).unwrap_or_default();
        assert!(words.ends_with("tried 2 times, the next try begins in 3 s"), "{words}");
        assert_eq!(obstacle.deadline(), Some(now + FAULT_RETRY));
        assert!(!obstacle.is_deserted(|| false), "seen already");
        let words = obstacle.hindrance(soon, LINK, true).unwrap_or_default();
        assert!(words.ends_with("the next try begins in 8 s"), "{words}");
    }

    #[test]
    fn a_change_of_the_interface_is_worth_a_try_and_the_same_interface_is_not() {
        let (mut obstacle, _) = failures(true);
        let now = Duration::from_secs(9_999);
        assert!(obstacle.hindrance(now, LINK, true).is_some());
        let changed = LINK.map(|link| Link { mtu: 9000, ..link });
        assert!(obstacle.hindrance(now, changed, true).is_none());
        obstacle.meet(now, REASON, changed, true);
        assert!(obstacle.hindrance(now, changed, true).is_some(), "one change, one try");
        obstacle.end_wait();
        assert!(obstacle.hindrance(now, changed, true).is_none());
    }

    #[test]
    fn success_ends_it_and_the_words_say_what_follows() {
        let mut obstacle = Obstacle::default();
        assert!(!obstacle.pass(), "nothing was refused");
        let words = obstacle.meet(Duration::ZERO, REASON, LINK, true);
        assert_eq!(words, format!("{REASON}; tried once, the next try begins in 5 s"));
        assert_eq!(obstacle.hindrance(Duration::from_secs(4), LINK, true), Some(words));
        assert!(obstacle.hindrance(Duration::from_secs(5), LINK, true).is_none());
        assert!(
            obstacle
                .meet(Duration::from_secs(9), REASON, LINK, true)
                .ends_with("tried 2 times, the next try begins in 10 s")
        );
        assert!(obstacle.pass());
        assert!(obstacle.hindrance(Duration::from_secs(9), LINK, true).is_none());
        assert!(obstacle.meet(Duration::from_secs(20), REASON, LINK, true).contains("tried once"));
    }
}
