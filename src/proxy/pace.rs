//! How slowly a client may send its body: a purse of patience that waiting empties and bytes fill.
//!
//! `upload` asks it before each read and tells it after. Only time in which torii waits for the client
//! is counted, so a server that takes nothing costs the client nothing. Knows neither clock nor socket.

use crate::limits::BODY_RATE_GRACE;

/// The patience that is left for one request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// Bytes a second; 0 asks for none.
    rate: u64,
    left_ms: u64,
    /// Patience does not grow beyond this, so that a quick beginning buys no hours of dripping.
    most_ms: u64,
    begun: bool,
}

impl Pace {
    /// A body that has to come at `rate` bytes a second, from a client that may be silent for
    /// `silence_ms` anyway. The first wait is bounded by that alone: nothing has begun yet.
    pub(super) fn new(rate: u64, silence_ms: u64) -> Self {
        let grace_ms = BODY_RATE_GRACE.as_millis() as u64;
        Self { rate, left_ms: grace_ms, most_ms: grace_ms.max(silence_ms), begun: false }
    }

    /// How long the next read may take, given the longest silence allowed.
    #[inline]
    pub(super) fn patience_ms(&self, silence_ms: u64) -> u64 {
        if self.rate == 0 || !self.begun { silence_ms } else { silence_ms.min(self.left_ms) }
    }

    /// Whether it is the rate, and not silence, that has run out after a read that waited so long.
    pub(super) fn is_spent(&self, waited_ms: u64) -> bool {
        self.rate > 0 && self.begun && waited_ms >= self.left_ms
    }

    /// `bytes` came after `waited_ms`.
    #[inline]
    pub(super) fn received(&mut self, waited_ms: u64, bytes: usize) {
        if self.rate == 0 {
            return;
        }
        if self.begun {
            let earned_ms = (bytes as u64).saturating_mul(1000) / self.rate;
            self.left_ms = self.left_ms.saturating_sub(waited_ms).saturating_add(earned_ms).min(self.most_ms);
        }
        self.begun = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE_MS: u64 = 30_000;

    /// Feeds `bytes` every `every_ms`; milliseconds until the client is given up, if it ever is.
    fn given_up_after(rate: u64, bytes: usize, every_ms: u64) -> Option<u64> {
        let mut pace = Pace::new(rate, SILENCE_MS);
        let mut now_ms = 0;
        for _ in 0..10_000 {
            let patience_ms = pace.patience_ms(SILENCE_MS);
            if patience_ms < every_ms {
                assert!(pace.is_spent(patience_ms));
                return Some(now_ms + patience_ms);
            }
            now_ms += every_ms;
            pace.received(every_ms, bytes);
        }
        None
    }

    #[test]
    fn a_dripping_client_is_given_up_soon_after_the_grace() {
        let given_up_ms = given_up_after(256, 1, 1000).unwrap_or(u64::MAX);
        assert!((10_000..=12_000).contains(&given_up_ms), "{given_up_ms} ms");
    }

    #[test]
    fn a_client_that_keeps_the_rate_is_never_given_up() {
        assert_eq!(given_up_after(256, 256, 1000), None);
        assert_eq!(given_up_after(256, 2560, 10_000), None);
        assert_eq!(given_up_after(0, 1, 29_000), None, "no rate is asked for");
    }

    #[test]
    fn a_slow_client_is_given_up_however_quickly_it_began() {
        let mut pace = Pace::new(256, SILENCE_MS);
        pace.received(0, 1);
        pace.received(0, 1 << 30);
        assert_eq!(pace.patience_ms(SILENCE_MS), SILENCE_MS, "silence is the other time-out's");
        pace.received(29_000, 1);
        assert!(pace.patience_ms(SILENCE_MS) <= 1_004);
        assert!(pace.is_spent(1_004));
    }

    #[test]
    fn silence_before_the_first_byte_is_not_slowness() {
        let pace = Pace::new(256, SILENCE_MS);
        assert_eq!(pace.patience_ms(SILENCE_MS), SILENCE_MS);
        assert!(!pace.is_spent(SILENCE_MS));
    }
}
