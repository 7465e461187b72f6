//! A worker's clock: read when I/O completes, used everywhere else.
//!
//! Sans-IO code takes the time as an argument; this is where the argument comes from.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Monotonic milliseconds since the worker was made, and the wall clock that belongs to them.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    now_ms: Cell<u64>,
    /// UNIX milliseconds at monotonic zero; corrected on every tick, so that a stepped wall clock
    /// is followed without a second clock call per request.
    unix_origin_ms: Cell<u64>,
}

impl Clock {
    /// Counts from `origin`, which is not in the future.
    pub fn since(origin: Instant) -> Self {
        let clock = Self { origin, now_ms: Cell::new(0), unix_origin_ms: Cell::new(0) };
        clock.tick();
        clock
    }

    /// Reads the monotonic clock. Called when I/O completes.
    #[inline]
    pub fn read(&self) -> u64 {
        let now = self.origin.elapsed().as_millis() as u64;
        self.now_ms.set(now);
        now
    }

    /// Last time read, milliseconds.
    #[inline]
    pub fn now(&self) -> u64 {
        self.now_ms.get()
    }

    /// UNIX milliseconds of a monotonic time.
    #[inline]
    pub fn unix_ms(&self, at: u64) -> u64 {
        self.unix_origin_ms.get() + at
    }

    /// UNIX seconds now, as exact as the last tick.
    #[inline]
    pub fn unix_s(&self) -> u64 {
        self.unix_ms(self.now()) / 1000
    }

    /// Reads both clocks. Called on every deadline tick.
    pub fn tick(&self) -> u64 {
        let now = self.read();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        self.unix_origin_ms.set(unix.saturating_sub(now));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back() {
        let clock = Clock::since(Instant::now());
        let first = clock.read();
        assert!(clock.read() >= first);
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn knows_the_year() {
        let clock = Clock::since(Instant::now());
        assert!(clock.unix_s() > 1_700_000_000);
    }
}
