//! The times of one thread's requests: every n-th of the global sequence.
//!
//! An engine thread walks its `Arrivals`; nothing here knows a clock.

use super::random::Random;
use super::shape::Shape;

/// How arrivals are spaced around the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly.
    Even,
    /// As independent users come: a Poisson process, fixed by its seed.
    Poisson {
        /// Same seed, same times.
        seed: u64,
    },
}

/// The schedule of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The rate over time.
    pub shape: Shape,
    /// The spacing around it.
    pub spacing: Spacing,
}

/// One request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Number in the whole run, from 0.
    pub index: u64,
    /// Nanoseconds from the start of the run.
    pub planned_ns: u64,
}

/// The arrivals of one thread, in order.
#[derive(Debug, Clone)]
pub struct Arrivals {
    schedule: Schedule,
    index: u64,
    stride: u64,
    /// Of the whole run; known in advance when spacing is even.
    count: u64,
    poisson: Option<Walk>,
}

/// A Poisson process as far as it has been walked.
#[derive(Debug, Clone)]
struct Walk {
    random: Random,
    /// Arrivals taken from the process, by any thread.
    taken: u64,
    /// Position on the scale of expected events.
    expected: f64,
}

impl Schedule {
    /// Those arrivals of the run whose number leaves `thread` when divided by `threads`.
    pub fn arrivals(&self, thread: u64, threads: u64) -> Arrivals {
        let poisson = match self.spacing {
            Spacing::Even => None,
            Spacing::Poisson { seed } => Some(Walk { random: Random::new(seed), taken: 0, expected: 0.0 }),
        };
        let count = if poisson.is_some() { u64::MAX } else { self.shape.count() };
        Arrivals { schedule: self.clone(), index: thread, stride: threads.max(1), count, poisson }
    }

    /// Length of the run, nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.shape.duration_ns()
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        if self.index >= self.count {
            return None;
        }
        let planned_ns = match &mut self.poisson {
            None => self.schedule.shape.time_ns(self.index),
            Some(walk) => match walk.time_ns(self.index, &self.schedule.shape) {
                Some(time_ns) => time_ns,
                None => {
                    // Over for good: later arrivals are later still.
                    self.count = 0;
                    return None;
                }
            },
        };
        let arrival = Arrival { index: self.index, planned_ns };
        self.index += self.stride;
        Some(arrival)
    }
}

impl Walk {
    /// The time of an arrival that is not before those asked for earlier. Each thread walks the whole
    /// process, some 10 ns per arrival: that is what it costs to be independent of their number.
    fn time_ns(&mut self, index: u64, shape: &Shape) -> Option<u64> {
        while self.taken <= index {
            self.expected += self.random.exponential();
            self.taken += 1;
            shape.time_of_expected_ns(self.expected)?;
        }
        shape.time_of_expected_ns(self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rate, Step};
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn schedules() -> Vec<Schedule> {
        let constant = Shape::Constant(Step { rate: Rate::per_second(997), duration_ns: 3 * SECOND });
        let (from, to) = (Rate::per_second(10), Rate::per_second(900));
        let ramp = Shape::Ramp { from, to, duration_ns: 4 * SECOND };
        let steps = Shape::Steps(
            [100, 0, 700].map(|rate| Step { rate: Rate::per_second(rate), duration_ns: SECOND }).to_vec(),
        );
        let short = Shape::Steps(
            (0..40).map(|rate| Step { rate: Rate::per_second(rate), duration_ns: SECOND / 7 }).collect(),
        );
        let with = |shape: &Shape, spacing| Schedule { shape: shape.clone(), spacing };
        let replay = Shape::Replay([0, 5, 5, 5, 900, SECOND, SECOND, 7 * SECOND].into());
        [constant, ramp, steps, short]
            .iter()
            .flat_map(|shape| [with(shape, Spacing::Even), with(shape, Spacing::Poisson { seed: 42 })])
            .chain([with(&replay, Spacing::Even)])
            .collect()
    }

    #[test]
    fn threads_share_the_schedule_without_gaps_or_repeats() {
        for schedule in schedules() {
            let whole: Vec<Arrival> = schedule.arrivals(0, 1).collect();
            assert!(whole.windows(2).all(|pair| pair[0].planned_ns <= pair[1].planned_ns));
            assert!(whole.iter().all(|arrival| arrival.planned_ns < schedule.duration_ns()));
            for threads in [2, 3, 7, 64] {
                let mut shared: Vec<Arrival> =
                    (0..threads).flat_map(|thread| schedule.arrivals(thread, threads)).collect();
                shared.sort_by_key(|arrival| arrival.index);
                assert_eq!(shared, whole, "{threads} threads, {schedule:?}");
            }
        }
    }

    #[test]
    fn an_even_schedule_has_the_count_of_its_shape() {
        for schedule in schedules().iter().filter(|schedule| schedule.spacing == Spacing::Even) {
            assert_eq!(schedule.arrivals(0, 1).count() as u64, schedule.shape.count());
        }
    }

    #[test]
    fn a_poisson_process_has_about_the_expected_count_and_its_own_seed() {
        let shape = Shape::Constant(Step { rate: Rate::per_second(10_000), duration_ns: 10 * SECOND });
        let times = |seed| {
            let schedule = Schedule { shape: shape.clone(), spacing: Spacing::Poisson { seed } };
            schedule.arrivals(0, 1).map(|arrival| arrival.planned_ns).collect::<Vec<u64>>()
        };
        let first = times(1);
        // Five standard deviations of a Poisson number around 100,000.
        assert!(first.len().abs_diff(100_000) < 5 * 317, "{}", first.len());
        assert_eq!(first, times(1));
        assert_ne!(first, times(2));
    }
}
