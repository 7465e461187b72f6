//! When each server is checked next.
//!
//! Driven by `health::run`; sans-IO: the time is an argument. The spread of the first checks is
//! HAProxy's (check.c), so that many servers are not all asked in the same instant.

use std::time::{Duration, Instant};

/// Intervals below this do not set the span over which first checks are spread.
const SPREAD_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Due time of one server's checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    due: Instant,
    interval: Duration,
}

impl Schedule {
    /// The first check is due `offset` (see [`first_offset`]) after `start`.
    pub fn new(start: Instant, offset: Duration, interval: Duration) -> Self {
        Self { due: start + offset, interval }
    }

    /// When the next check begins.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// A check ended now: the interval counts from here, so checks of one server never overlap.
    pub fn finished(&mut self, now: Instant) {
        self.due = now + self.interval;
    }
}

/// Smallest interval of a second or more among all checks of the process.
pub fn spread_interval(intervals: impl Iterator<Item = Duration>) -> Option<Duration> {
    intervals.filter(|interval| *interval >= SPREAD_INTERVAL_MIN).min()
}

/// Wait before the first check of the check number `position` (from 0) of `count`, in whole
/// milliseconds: its share of the larger of its own interval and `spread`.
pub fn first_offset(interval: Duration, spread: Option<Duration>, position: u32, count: u32) -> Duration {
    let span_ms = interval.max(spread.unwrap_or_default()).as_millis();
    let offset_ms = span_ms * u128::from(position) / u128::from(count.max(1));
    Duration::from_millis(u64::try_from(offset_ms).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn three_servers_at_two_seconds_start_at_0_666_1333() {
        let spread = spread_interval([ms(2000); 3].into_iter());
        let offsets: Vec<_> = (0..3).map(|position| first_offset(ms(2000), spread, position, 3)).collect();
        assert_eq!(offsets, [ms(0), ms(666), ms(1333)]);
    }

    #[test]
    fn short_intervals_are_spread_over_the_smallest_long_one() {
        assert_eq!(spread_interval([ms(100), ms(5000), ms(1000)].into_iter()), Some(ms(1000)));
        assert_eq!(spread_interval([ms(100), ms(999)].into_iter()), None);
        assert_eq!(first_offset(ms(100), Some(ms(1000)), 1, 2), ms(500));
        assert_eq!(first_offset(ms(100), None, 1, 2), ms(50));
        assert_eq!(first_offset(ms(5000), Some(ms(1000)), 1, 2), ms(2500));
        assert_eq!(first_offset(ms(5000), None, 0, 0), ms(0));
    }

    #[test]
    fn the_interval_counts_from_the_end_of_a_check() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, ms(666), ms(2000));
        assert_eq!(schedule.due(), start + ms(666));
        schedule.finished(start + ms(900));
        assert_eq!(schedule.due(), start + ms(2900));
    }
}
