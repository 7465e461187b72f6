//! A rate as an exact number of millionths per second, so that counts and times need no rounding.
//!
//! Used by `schedule::shape`; parsed by the command line.

use std::fmt;
use std::str::FromStr;

/// Millionths in one.
const MICRO: u64 = 1_000_000;

/// One event on the scale of [`Rate::amount`], on which rates times durations are whole numbers: nanoseconds
/// in a second times a million.
pub(super) const EVENT: u128 = 1_000_000_000 * MICRO as u128;

/// The highest rate that is taken: far beyond what a machine can send, and so low that a thread which is
/// hopelessly late counts what it never sent in less time than the run took.
const MAX_PER_S: u64 = 10_000_000;

/// Events per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    micro: u64,
}

impl Rate {
    /// No event at all; a ramp may begin or end here.
    pub const ZERO: Self = Self { micro: 0 };

    /// Whole events per second; anything beyond the highest rate is the highest rate.
    pub fn per_second(events: u64) -> Self {
        Self { micro: events.min(MAX_PER_S) * MICRO }
    }

    /// The nearest rate that can be kept exactly; for rates that were calculated.
    pub fn nearest(per_second: f64) -> Self {
        let micro = (per_second.clamp(0.0, MAX_PER_S as f64) * MICRO as f64).round();
        Self { micro: micro as u64 }
    }

    /// One event every so many nanoseconds, to a millionth per second.
    pub fn every_ns(interval_ns: u64) -> Self {
        Self::nearest(1e9 / interval_ns.max(1) as f64)
    }

    /// Whether there are no events.
    pub fn is_zero(self) -> bool {
        self.micro == 0
    }

    /// For display and for curves.
    pub fn as_f64(self) -> f64 {
        self.micro as f64 / MICRO as f64
    }

    /// When event `index` is due at this rate, nanoseconds after event 0: `floor(index / rate)`.
    ///
    /// A rate of zero has no event; its time is the end of all times.
    pub fn time_ns(self, index: u64) -> u64 {
        self.time_of_amount_ns(u128::from(index) * EVENT)
    }

    /// The events that are expected in `duration_ns`, exactly: `EVENT` is one of them.
    pub(super) fn amount(self, duration_ns: u64) -> u128 {
        u128::from(self.micro) * u128::from(duration_ns)
    }

    /// When that amount is reached at this rate, rounded down; the end of all times at a rate of zero.
    pub(super) fn time_of_amount_ns(self, amount: u128) -> u64 {
        let time = amount.checked_div(u128::from(self.micro)).unwrap_or(u128::MAX);
        u64::try_from(time).unwrap_or(u64::MAX)
    }

    /// How many events are due before `duration_ns`: those with `index / rate < duration`.
    pub fn count(self, duration_ns: u64) -> u64 {
        events_below(self.amount(duration_ns))
    }

    /// How many events are due before `duration_ns` while the rate goes evenly from this one to `to`:
    /// those below half the sum of both, times the duration.
    pub fn count_until(self, to: Self, duration_ns: u64) -> u64 {
        let sum = (u128::from(self.micro) + u128::from(to.micro)) * u128::from(duration_ns);
        // Events are whole: the smallest integer that is not below sum / 2.
        u64::try_from(sum.div_ceil(2 * EVENT)).unwrap_or(u64::MAX)
    }
}

/// How many events, numbered from 0, lie below an amount of [`Rate::amount`].
pub(super) fn events_below(amount: u128) -> u64 {
    u64::try_from(amount.div_ceil(EVENT)).unwrap_or(u64::MAX)
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.micro / MICRO, self.micro % MICRO);
        if fraction == 0 {
            return write!(formatter, "{whole}");
        }
        let digits = format!("{fraction:06}");
        write!(formatter, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl FromStr for Rate {
    type Err = String;

    /// Decimal, up to six digits after the point, with `k` or `M` for thousands and millions.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a rate: write events per second, such as 5000, 0.5 or 30k");
        let (number, factor) = match text.strip_suffix(['k', 'M']) {
            Some(number) if text.ends_with('k') => (number, 1_000),
            Some(number) => (number, 1_000_000),
            None => (text, 1),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 6 {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| wrong())?;
        let micro = u128::from(whole) * u128::from(MICRO) + u128::from(fraction);
        let micro = u64::try_from(micro * factor).unwrap_or(u64::MAX);
        if micro > MAX_PER_S * MICRO {
            return Err(format!("{text} is more than {MAX_PER_S} events per second"));
        }
        Ok(Self { micro })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, display) in
            [("5000", "5000"), ("0.5", "0.5"), ("30k", "30000"), ("1.5M", "1500000"), ("333.3", "333.3")]
        {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), display);
            assert_eq!(display.parse::<Rate>().unwrap(), rate);
        }
        for text in ["", "-1", "1e3", ".5", "5.", "1.0000001", "20M", "NaN", "1 000", "99999999999999999999"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_even_rate_has_exactly_rate_times_duration_events() {
        let second = 1_000_000_000;
        for (rate, seconds, count) in [
            ("5000", 10, 50_000),
            ("333.3", 10, 3_333),
            ("0.1", 10, 1),
            ("0.1", 11, 2),
            ("3", 1, 3),
            ("7", 0, 0),
        ] {
            let rate: Rate = rate.parse().unwrap();
            assert_eq!(rate.count(seconds * second), count, "{rate} for {seconds} s");
            if count > 0 {
                assert!(rate.time_ns(count - 1) < seconds * second);
            }
            assert!(rate.time_ns(count) >= seconds * second);
        }
    }

    #[test]
    fn times_are_exact_after_a_year() {
        let rate = Rate::per_second(30_000);
        let year_s = 31_536_000;
        assert_eq!(rate.time_ns(30_000 * year_s), year_s * 1_000_000_000);
        assert_eq!(Rate::ZERO.time_ns(0), u64::MAX);
    }
}
