//! How late the ha thread's timers fire: latest, worst, and the 99th of a hundred.
//!
//! Fed by the ha thread at each timer; a fixed table, so that it costs no memory however long torii runs.

use std::time::Duration;

use super::status::TimerLag;

/// Four steps for each power of two of a microsecond: a value is known to a quarter of itself.
const STEPS: usize = 4 * 32;

/// The record since the start.
#[derive(Debug)]
pub struct Lag {
    counts: [u64; STEPS],
    total: u64,
    last: u64,
    max: u64,
}

impl Default for Lag {
    fn default() -> Self {
        Self { counts: [0; STEPS], total: 0, last: 0, max: 0 }
    }
}

impl Lag {
    /// A timer that was due at `due` fires `now`.
    pub fn record(&mut self, due: Duration, now: Duration) {
        let late = now.saturating_sub(due).as_micros().try_into().unwrap_or(u64::MAX);
        self.counts[step(late)] += 1;
        self.total += 1;
        self.last = late;
        self.max = self.max.max(late);
    }

    /// What is shown of it.
    pub fn summary(&self) -> TimerLag {
        TimerLag { last_us: self.last, p99_us: self.p99(), max_us: self.max }
    }

    /// The upper end of the step that holds the 99th of a hundred, no more than the worst.
    fn p99(&self) -> u64 {
        let wanted = self.total - self.total / 100;
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return upper_end(step).min(self.max);
            }
        }
        self.max
    }
}

/// The step of a value: exact below 4, then four for each power of two.
fn step(value: u64) -> usize {
    if value < 4 {
        return value as usize;
    }
    let power = value.ilog2() as usize;
    let quarter = (value >> (power - 2)) as usize & 3;
    (4 * (power - 1) + quarter).min(STEPS - 1)
}

/// The largest value of a step.
fn upper_end(step: usize) -> u64 {
    if step < 4 {
        return step as u64;
    }
    let [power, quarter] = [step / 4 + 1, step % 4];
    ((5 + quarter as u64) << (power - 2)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(value: u64) -> Duration {
        Duration::from_micros(value)
    }

    #[test]
    fn each_value_lies_in_its_step() {
        for value in (0..5000).chain([65_535, 65_536, 1_000_000, 4_294_967_295]) {
            let at = step(value);
            assert!(value <= upper_end(at), "{value} is above step {at}");
            assert!(at == 0 || value > upper_end(at - 1), "{value} is below step {at}");
        }
        assert_eq!(step(u64::MAX), STEPS - 1);
    }

    #[test]
    fn a_hundredth_of_the_values_is_later_than_p99() {
        let mut lag = Lag::default();
        (0..990).for_each(|_| lag.record(micros(1000), micros(1100)));
        (0..10).for_each(|_| lag.record(micros(1000), micros(9000)));
        assert_eq!(lag.summary(), TimerLag { last_us: 8000, p99_us: 111, max_us: 8000 });
        lag.record(micros(1000), micros(9000));
        assert_eq!(lag.summary().p99_us, 8000);
    }

    #[test]
    fn a_timer_that_fires_early_is_not_late() {
        let mut lag = Lag::default();
        lag.record(micros(1000), micros(900));
        assert_eq!(lag.summary(), TimerLag { last_us: 0, p99_us: 0, max_us: 0 });
    }

    #[test]
    fn nothing_recorded_is_no_lag() {
        assert_eq!(Lag::default().summary(), TimerLag::default());
    }
}
