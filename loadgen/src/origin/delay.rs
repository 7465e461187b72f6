//! When an answer is sent, given when its request came.

use crate::schedule::Random;

/// How long an answer is held back; nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delay {
    /// Not at all.
    #[default]
    None,
    /// Always as long.
    Fixed(u64),
    /// Exponentially distributed, with this mean.
    Exponential(u64),
    /// Evenly distributed from the first to the second, which is not the smaller one.
    Uniform(u64, u64),
    /// All answers at once, again and again, as a garbage collector or a blocked disk does it.
    Stall {
        /// From the beginning of one stall to that of the next; the first begins after this time.
        every_ns: u64,
        /// Length of a stall.
        length_ns: u64,
    },
}

impl Delay {
    /// When the answer to a request that came at `now_ns` is due. Times count from the origin's start.
    #[inline]
    pub fn due_ns(self, now_ns: u64, random: &mut Random) -> u64 {
        match self {
            Self::None => now_ns,
            Self::Fixed(time) => now_ns + time,
            Self::Exponential(mean) => now_ns + (random.exponential() * mean as f64) as u64,
            Self::Uniform(least, most) => {
                now_ns + least + (random.unit() * most.saturating_sub(least) as f64) as u64
            }
            Self::Stall { every_ns, length_ns } => {
                let into_period = now_ns % every_ns.max(1);
                let is_first_period = now_ns < every_ns;
                if is_first_period || into_period >= length_ns {
                    now_ns
                } else {
                    now_ns - into_period + length_ns
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_ends_for_all_at_once() {
        let stall = Delay::Stall { every_ns: 1000, length_ns: 100 };
        let mut random = Random::new(1);
        let cases = [(0, 0), (50, 50), (999, 999), (1000, 1100), (1099, 1100), (1100, 1100), (2001, 2100)];
        for (now, due) in cases {
            assert_eq!(stall.due_ns(now, &mut random), due, "{now}");
        }
        assert_eq!(Delay::Fixed(7).due_ns(3, &mut random), 10);
    }

    #[test]
    fn an_even_delay_lies_between_its_ends_and_its_mean_in_the_middle() {
        let mut random = Random::new(3);
        let delays: Vec<u64> =
            (0..10_000).map(|_| Delay::Uniform(200, 1_000).due_ns(50, &mut random) - 50).collect();
        assert!(delays.iter().all(|delay| (200..=1_000).contains(delay)));
        let mean = delays.iter().sum::<u64>() as f64 / 10_000.0;
        assert!((mean - 600.0).abs() < 12.0, "five standard deviations: {mean}");
        assert_eq!(Delay::Uniform(7, 7).due_ns(1, &mut random), 8);
    }
}
