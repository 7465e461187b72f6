//! Rates and averages of totals that only grow, from samples taken about once a second.
//!
//! Used by `collect` on the control thread. No clock inside: the time is an argument.

use std::time::Duration;

use crate::limits;

/// Events in the last second, sliding: HAProxy's frequency counter over sampled totals.
#[derive(Debug, Default, Clone)]
pub(super) struct SlidingRate {
    total: u64,
    previous: u64,
    max: u64,
}

impl SlidingRate {
    /// Ends a period of `elapsed` (not zero) with the total reached.
    pub(super) fn sample(&mut self, total: u64, elapsed: Duration) {
        self.previous = per_second(total.wrapping_sub(self.total), elapsed);
        self.max = self.max.max(self.previous);
        self.total = total;
    }

    /// The rate at `since` after the last sample: what is left of the previous second, and the
    /// events since.
    pub(super) fn now(&self, total: u64, since: Duration) -> u64 {
        let fresh = total.wrapping_sub(self.total);
        if since >= limits::STATS_SAMPLE {
            return per_second(fresh, since);
        }
        let left = (limits::STATS_SAMPLE - since).as_millis() as u64;
        let period = limits::STATS_SAMPLE.as_millis() as u64;
        self.previous.saturating_mul(left) / period + fresh
    }

    /// The highest rate of any period, and of the present one.
    pub(super) fn max(&self, now: u64) -> u64 {
        self.max.max(now)
    }
}

fn per_second(events: u64, elapsed: Duration) -> u64 {
    let milliseconds = elapsed.as_millis().max(1);
    u64::try_from((u128::from(events) * 1000 + milliseconds / 2) / milliseconds).unwrap_or(u64::MAX)
}

/// Average of a value over about the last `limits::STATS_AVERAGE_WINDOW` events: a plain average
/// until there are so many, then HAProxy's, in which an event counts 1/N less with each that follows.
#[derive(Debug, Default, Clone)]
pub(super) struct SlidingAverage {
    sum: u64,
    count: u64,
    average: f64,
}

impl SlidingAverage {
    /// Takes the totals reached: of the value, and of the events that make it up.
    pub(super) fn sample(&mut self, sum: u64, count: u64) {
        let fresh = count.wrapping_sub(self.count);
        // The two totals are not read at one instant, so a sum may run ahead of its count.
        if fresh == 0 || fresh > u64::MAX / 2 {
            return;
        }
        let value = sum.wrapping_sub(self.sum) as f64 / fresh as f64;
        let filling = fresh.min(limits::STATS_AVERAGE_WINDOW.saturating_sub(self.count));
        if filling > 0 {
            let before = self.average * self.count as f64;
            self.average = (before + value * filling as f64) / (self.count + filling) as f64;
        }
        let keep = 1.0 - 1.0 / limits::STATS_AVERAGE_WINDOW as f64;
        let sliding = i32::try_from(fresh - filling).unwrap_or(i32::MAX);
        self.average = value + (self.average - value) * keep.powi(sliding);
        (self.sum, self.count) = (sum, count);
    }

    /// The average rounded up, as HAProxy's; `None` before the first event.
    pub(super) fn get(&self) -> Option<u64> {
        (self.count > 0).then_some((self.average - 1e-6).ceil().max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_rate_slides_from_one_second_into_the_next() {
        let mut rate = SlidingRate::default();
        assert_eq!(rate.now(0, Duration::ZERO), 0);
        rate.sample(100, SECOND);
        assert_eq!(rate.now(100, Duration::ZERO), 100);
        assert_eq!(rate.now(100, Duration::from_millis(750)), 25);
        assert_eq!(rate.now(130, Duration::from_millis(500)), 80);
        rate.sample(110, SECOND);
        assert_eq!(rate.now(110, Duration::ZERO), 10);
        assert_eq!(rate.max(10), 100);
        assert_eq!(rate.max(400), 400);
    }

    #[test]
    fn a_late_sample_counts_per_second() {
        let mut rate = SlidingRate::default();
        assert_eq!(rate.now(50, Duration::from_secs(5)), 10);
        rate.sample(50, Duration::from_secs(5));
        assert_eq!(rate.now(50, Duration::ZERO), 10);
    }

    #[test]
    fn an_average_is_plain_until_its_window_is_full() {
        let mut average = SlidingAverage::default();
        assert_eq!(average.get(), None);
        average.sample(30, 3);
        assert_eq!(average.get(), Some(10));
        average.sample(30 + 20 * 3, 6);
        assert_eq!(average.get(), Some(15));
    }

    #[test]
    fn an_average_forgets_what_lies_beyond_its_window() {
        let mut average = SlidingAverage::default();
        average.sample(1_000_000, 1_000);
        average.sample(1_000_000 + 20_000 * 5, 21_000);
        assert_eq!(average.get(), Some(6), "1000 ms long ago weigh almost nothing");
    }

    #[test]
    fn a_first_sample_of_many_events_is_their_average() {
        let mut average = SlidingAverage::default();
        average.sample(70_000, 10_000);
        assert_eq!(average.get(), Some(7));
    }
}
