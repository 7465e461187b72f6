//! The rate over time, and its inverse: when the n-th event is due.
//!
//! Every shape has a closed form, so any event's time is found without the ones before it. Used by
//! `schedule::arrivals`.

use super::rate::{EVENT, Rate, events_below};
use super::replay::Times;

/// One second in nanoseconds.
const SECOND_NS: u64 = 1_000_000_000;

/// A stretch of constant rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Events per second.
    pub rate: Rate,
    /// Nanoseconds.
    pub duration_ns: u64,
}

/// The rate over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// The same rate throughout.
    Constant(Step),
    /// A straight line from one rate to another.
    Ramp {
        /// Events per second at the beginning.
        from: Rate,
        /// Events per second at the end.
        to: Rate,
        /// Nanoseconds.
        duration_ns: u64,
    },
    /// One constant rate after another. What is left of an event at the end of a step is carried into the
    /// next one, so that short or slow steps plan no more than their rates say.
    Steps(Vec<Step>),
    /// At these times, whatever rate that is.
    Replay(Times),
}

impl Shape {
    /// Length of the run, nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        match self {
            Self::Constant(step) => step.duration_ns,
            Self::Ramp { duration_ns, .. } => *duration_ns,
            Self::Steps(steps) => steps.iter().fold(0, |sum, step| sum.saturating_add(step.duration_ns)),
            // Whole seconds, so that the last request is part of it and its rate is a sensible number.
            Self::Replay(times) => times.last().map_or(0, |last| (last / SECOND_NS + 1) * SECOND_NS),
        }
    }

    /// Number of evenly spaced events.
    pub fn count(&self) -> u64 {
        match self {
            Self::Constant(step) => step.rate.count(step.duration_ns),
            Self::Ramp { from, to, duration_ns } => from.count_until(*to, *duration_ns),
            Self::Steps(steps) => {
                let amount = |step: &Step| step.rate.amount(step.duration_ns);
                events_below(steps.iter().map(amount).fold(0, u128::saturating_add))
            }
            Self::Replay(times) => times.len() as u64,
        }
    }

    /// When event `index` of evenly spaced ones is due, nanoseconds from the start of the run; `index`
    /// is less than `count`.
    pub fn time_ns(&self, index: u64) -> u64 {
        match self {
            Self::Constant(step) => step.rate.time_ns(index),
            Self::Ramp { from, to, duration_ns } => ramp_time_ns(*from, *to, *duration_ns, index as f64),
            Self::Steps(steps) => step_time_ns(steps, index),
            Self::Replay(times) => times[index as usize],
        }
    }

    /// When the expected number of events reaches `events`, which need not be whole; `None` when that
    /// is not before the end. A Poisson process of this shape is a process of rate one seen through
    /// this function (time rescaling: Daley and Vere-Jones, An Introduction to the Theory of Point
    /// Processes, section 7.4).
    pub fn time_of_expected_ns(&self, events: f64) -> Option<u64> {
        let time = match self {
            Self::Constant(step) if step.rate.is_zero() => return None,
            Self::Constant(step) => (events / step.rate.as_f64() * 1e9) as u64,
            Self::Ramp { from, to, duration_ns } => {
                let all = (from.as_f64() + to.as_f64()) / 2.0 * (*duration_ns as f64 / 1e9);
                if events >= all {
                    return None;
                }
                ramp_time_ns(*from, *to, *duration_ns, events)
            }
            Self::Steps(steps) => return step_time_of_expected_ns(steps, events),
            Self::Replay(times) => return times.get(events as usize).copied(),
        };
        (time < self.duration_ns()).then_some(time)
    }

    /// How many events are expected before `at_ns`, nanoseconds from the start of the run: the inverse of
    /// [`Self::time_of_expected_ns`].
    pub fn expected_before(&self, at_ns: u64) -> f64 {
        let seconds = |ns: u64| ns as f64 / 1e9;
        match self {
            Self::Constant(step) => step.rate.as_f64() * seconds(at_ns.min(step.duration_ns)),
            Self::Ramp { from, duration_ns, .. } => {
                let until_ns = at_ns.min(*duration_ns);
                (from.as_f64() + self.rate_at(until_ns)) / 2.0 * seconds(until_ns)
            }
            Self::Steps(steps) => {
                let mut left_ns = at_ns;
                let of_step = |step: &Step| {
                    let taken_ns = left_ns.min(step.duration_ns);
                    left_ns -= taken_ns;
                    step.rate.as_f64() * seconds(taken_ns)
                };
                steps.iter().map(of_step).sum()
            }
            Self::Replay(times) => times.partition_point(|&time_ns| time_ns < at_ns) as f64,
        }
    }

    /// The planned rate at a moment, events per second.
    pub fn rate_at(&self, at_ns: u64) -> f64 {
        match self {
            Self::Constant(step) => step.rate.as_f64(),
            Self::Ramp { from, to, duration_ns } => {
                let part = at_ns.min(*duration_ns) as f64 / (*duration_ns).max(1) as f64;
                from.as_f64() + (to.as_f64() - from.as_f64()) * part
            }
            Self::Steps(steps) => {
                let mut end_ns = 0u64;
                let within = steps.iter().find(|step| {
                    end_ns = end_ns.saturating_add(step.duration_ns);
                    at_ns < end_ns
                });
                within.or(steps.last()).map_or(0.0, |step| step.rate.as_f64())
            }
            // Those of the second that begins here.
            Self::Replay(_) => {
                self.expected_before(at_ns.saturating_add(SECOND_NS)) - self.expected_before(at_ns)
            }
        }
    }
}

/// Solves `from * t + slope * t² / 2 = events`. Of the two ways to write the solution this one loses no
/// digits when the slope is small, and holds for a slope of zero and for one that falls.
fn ramp_time_ns(from: Rate, to: Rate, duration_ns: u64, events: f64) -> u64 {
    if events <= 0.0 {
        return 0;
    }
    let (from, to) = (from.as_f64(), to.as_f64());
    let slope = (to - from) / (duration_ns.max(1) as f64 / 1e9);
    let root = (from * from + 2.0 * slope * events).max(0.0).sqrt();
    let time_ns = 2.0 * events / (from + root) * 1e9;
    // The count was found in integers: rounding must not push its last event out of the run.
    (time_ns as u64).min(duration_ns.saturating_sub(1))
}

fn step_time_ns(steps: &[Step], index: u64) -> u64 {
    let (mut start_ns, mut left) = (0u64, u128::from(index) * EVENT);
    for step in steps {
        let amount = step.rate.amount(step.duration_ns);
        if left < amount {
            return start_ns.saturating_add(step.rate.time_of_amount_ns(left));
        }
        left -= amount;
        start_ns = start_ns.saturating_add(step.duration_ns);
    }
    u64::MAX
}

fn step_time_of_expected_ns(steps: &[Step], events: f64) -> Option<u64> {
    let (mut start_ns, mut left) = (0u64, events);
    for step in steps {
        let expected = step.rate.as_f64() * (step.duration_ns as f64 / 1e9);
        if left < expected {
            return Some(start_ns + (left / step.rate.as_f64() * 1e9) as u64);
        }
        left -= expected;
        start_ns += step.duration_ns;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Random;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn ramp(from: u64, to: u64, seconds: u64) -> Shape {
        let (from, to) = (Rate::per_second(from), Rate::per_second(to));
        Shape::Ramp { from, to, duration_ns: seconds * SECOND }
    }

    /// Requests that a linear ramp is due to have sent at a time.
    fn sent_by(from: f64, to: f64, duration_s: f64, time_s: f64) -> f64 {
        from * time_s + (to - from) / duration_s * time_s * time_s / 2.0
    }

    #[test]
    fn a_ramp_follows_its_closed_form_up_and_down() {
        for (from, to, seconds) in [(0, 1000, 10), (1000, 0, 10), (100, 5000, 30), (500, 500, 4), (0, 1, 3)] {
            let shape = ramp(from, to, seconds);
            let mut last_ns = 0;
            for index in 0..shape.count() {
                let time_ns = shape.time_ns(index);
                assert!(time_ns >= last_ns && time_ns < shape.duration_ns(), "{index} at {time_ns}");
                last_ns = time_ns;
                let sent = sent_by(from as f64, to as f64, seconds as f64, time_ns as f64 / 1e9);
                assert!((sent - index as f64).abs() < 1e-3, "{from}..{to}: {index} is due at {sent}");
            }
            assert_eq!(shape.count(), ((from + to) * seconds).div_ceil(2));
        }
    }

    #[test]
    fn steps_are_constant_rates_one_after_another() {
        let step = |rate, seconds| Step { rate: Rate::per_second(rate), duration_ns: seconds * SECOND };
        let shape = Shape::Steps(vec![step(10, 2), step(0, 1), step(100, 1)]);
        assert_eq!((shape.count(), shape.duration_ns()), (120, 4 * SECOND));
        assert_eq!(shape.time_ns(19), 1_900_000_000);
        assert_eq!(shape.time_ns(20), 3 * SECOND);
        assert_eq!(shape.time_ns(119), 3_990_000_000);
        assert_eq!(
            (shape.rate_at(0), shape.rate_at(2 * SECOND), shape.rate_at(9 * SECOND)),
            (10.0, 0.0, 100.0)
        );
        assert_eq!(shape.time_of_expected_ns(20.5), Some(3_005_000_000));
        assert_eq!(shape.time_of_expected_ns(120.0), None);
    }

    #[test]
    fn short_and_slow_steps_plan_no_more_than_their_rates_say() {
        let steps = |count, rate: &str, duration_ns| {
            Shape::Steps(vec![Step { rate: rate.parse().unwrap_or(Rate::ZERO), duration_ns }; count])
        };
        let quarters = steps(4, "10", SECOND / 4);
        assert_eq!(quarters.count(), 10);
        let whole = Shape::Constant(Step { rate: Rate::per_second(10), duration_ns: SECOND });
        assert!((0..10).all(|index| quarters.time_ns(index) == whole.time_ns(index)));
        assert_eq!(steps(10, "0.1", SECOND).count(), 1);
        assert_eq!(steps(30, "0.1", SECOND).count(), 3);
        assert_eq!(steps(30, "0.1", SECOND).time_ns(2), 20 * SECOND);
    }

    #[test]
    fn random_steps_have_the_events_of_their_integral_each_at_its_inverse() {
        let mut random = Random::new(20_261_123);
        for round in 0..300 {
            let step = |random: &mut Random| Step {
                rate: Rate::nearest(match random.next_u64() % 4 {
                    0 => 0.0,
                    1 => random.unit() * 3.0,
                    _ => random.unit() * 400.0,
                }),
                duration_ns: random.next_u64() % (SECOND / 3),
            };
            let steps: Vec<Step> = (0..random.next_u64() % 30).map(|_| step(&mut random)).collect();
            let shape = Shape::Steps(steps.clone());
            let until = |at_ns: u64| {
                let mut left_ns = at_ns;
                steps.iter().fold(0u128, |sum, step| {
                    let taken_ns = left_ns.min(step.duration_ns);
                    left_ns -= taken_ns;
                    sum + step.rate.amount(taken_ns)
                })
            };
            assert_eq!(u128::from(shape.count()), until(u64::MAX).div_ceil(EVENT), "round {round}");
            let mut last_ns = 0;
            for index in 0..shape.count() {
                let (time_ns, due) = (shape.time_ns(index), u128::from(index) * EVENT);
                assert!(time_ns >= last_ns && time_ns < shape.duration_ns(), "round {round}: {index}");
                // The event falls into this nanosecond, and so into the step that it belongs to.
                assert!(until(time_ns) <= due && due < until(time_ns + 1), "round {round}: {index}");
                last_ns = time_ns;
            }
        }
    }

    #[test]
    fn expected_events_and_even_events_agree() {
        for shape in [
            ramp(10, 1000, 5),
            Shape::Constant(Step { rate: Rate::per_second(250), duration_ns: SECOND }),
            Shape::Steps(
                [10, 90].map(|rate| Step { rate: Rate::per_second(rate), duration_ns: 3 * SECOND }).to_vec(),
            ),
        ] {
            for index in 0..shape.count() {
                assert_eq!(shape.time_of_expected_ns(index as f64), Some(shape.time_ns(index)));
            }
            assert_eq!(shape.time_of_expected_ns(shape.count() as f64 + 1.0), None);
            let whole = shape.expected_before(u64::MAX);
            assert!((whole - shape.count() as f64).abs() < 1e-6, "{whole}");
            let half = shape.expected_before(shape.duration_ns() / 2);
            let time_ns = shape.time_of_expected_ns(half).unwrap_or(0);
            assert!(time_ns.abs_diff(shape.duration_ns() / 2) < 1_000, "{time_ns}");
        }
    }

    #[test]
    fn a_shape_without_events_has_none() {
        let nothing = Shape::Constant(Step { rate: Rate::ZERO, duration_ns: SECOND });
        assert_eq!((nothing.count(), nothing.time_of_expected_ns(0.0)), (0, None));
        assert_eq!(Shape::Steps(Vec::new()).count(), 0);
        assert_eq!(ramp(0, 0, 3).count(), 0);
    }
}
