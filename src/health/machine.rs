//! The rise/fall machine of one checked server: results in, up or down out.
//!
//! Driven by `health::run`; sans-IO, without a clock. Its counting is HAProxy's (check.c).

use std::fmt;

/// How a server goes up and down, counted by one number H in 0..=rise+fall-1:
///
/// ```text
///   H  0 ── success ──▶ 1 … rise-1 ── success ──▶ rise+fall-1 ── failure ──▶ … rise ── failure ──▶ 0
///      └──── DOWN ────────────────┘               └────────────── UP ──────────┘
///        a failure while going up: H = 0            a success while going down: H = rise+fall-1
/// ```
///
/// A server starts UP with H = rise: it takes traffic at once, and its very first failed check takes
/// it down whatever `fall` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    health: u32,
    rise: u32,
    fall: u32,
    failed_checks: u64,
}

/// A result changed what the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// From down to up.
    Up,
    /// From up to down.
    Down,
}

impl Machine {
    /// A server at start. `rise` and `fall` are at least 1; 0 is taken as 1.
    pub const fn new(rise: u32, fall: u32) -> Self {
        let rise = if rise == 0 { 1 } else { rise };
        let fall = if fall == 0 { 1 } else { fall };
        Self { health: rise, rise, fall, failed_checks: 0 }
    }

    /// Takes the result of one check.
    pub fn record(&mut self, passed: bool) -> Option<Change> {
        let was_up = self.is_up();
        if passed {
            self.health = self.health.saturating_add(1).min(self.health_max());
            if self.is_up() {
                self.health = self.health_max();
            }
        } else if self.health > 0 {
            self.failed_checks += 1;
            self.health -= 1;
            if !self.is_up() {
                self.health = 0;
            }
        }
        match (was_up, self.is_up()) {
            (false, true) => Some(Change::Up),
            (true, false) => Some(Change::Down),
            _ => None,
        }
    }

    /// Whether it takes requests.
    pub const fn is_up(&self) -> bool {
        self.health >= self.rise
    }

    /// H, 0..=rise+fall-1.
    pub const fn health(&self) -> u32 {
        self.health
    }

    /// Failed checks while up or going up, since the start.
    pub const fn failed_checks(&self) -> u64 {
        self.failed_checks
    }

    /// HAProxy's words for the state: `UP`, `UP 3/5` (going down), `DOWN`, `DOWN 1/2` (going up).
    pub const fn label(&self) -> Label {
        Label(*self)
    }

    const fn health_max(&self) -> u32 {
        self.rise.saturating_add(self.fall - 1)
    }
}

/// Shows a [`Machine`]'s state; not for the hot path.
#[derive(Debug, Clone, Copy)]
pub struct Label(Machine);

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { health, rise, fall, .. } = self.0;
        match (self.0.is_up(), health) {
            (true, health) if health == self.0.health_max() => formatter.write_str("UP"),
            (true, health) => write!(formatter, "UP {}/{fall}", health - rise + 1),
            (false, 0) => formatter.write_str("DOWN"),
            (false, health) => write!(formatter, "DOWN {health}/{rise}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H after each result (`P` or `F`), and the changes.
    fn run(machine: &mut Machine, results: &str) -> (Vec<u32>, Vec<Option<Change>>) {
        results
            .chars()
            .map(|result| {
                let change = machine.record(result == 'P');
                (machine.health(), change)
            })
            .unzip()
    }

    #[test]
    fn rise_2_fall_5_counts_as_haproxy() {
        let mut machine = Machine::new(2, 5);
        assert!(machine.is_up());
        let steps: [(bool, u32, &str, Option<Change>); 13] = [
            (false, 0, "DOWN", Some(Change::Down)),
            (true, 1, "DOWN 1/2", None),
            (true, 6, "UP", Some(Change::Up)),
            (false, 5, "UP 4/5", None),
            (false, 4, "UP 3/5", None),
            (false, 3, "UP 2/5", None),
            (false, 2, "UP 1/5", None),
            (true, 6, "UP", None),
            (false, 5, "UP 4/5", None),
            (false, 4, "UP 3/5", None),
            (false, 3, "UP 2/5", None),
            (false, 2, "UP 1/5", None),
            (false, 0, "DOWN", Some(Change::Down)),
        ];
        for (number, (passed, health, label, change)) in steps.into_iter().enumerate() {
            assert_eq!(machine.record(passed), change, "step {number}");
            assert_eq!(machine.health(), health, "step {number}");
            assert_eq!(machine.label().to_string(), label, "step {number}");
        }
        assert_eq!(machine.failed_checks(), 10);
    }

    #[test]
    fn a_first_success_gives_full_health_without_a_change() {
        let mut machine = Machine::new(2, 5);
        assert_eq!(machine.label().to_string(), "UP 1/5");
        assert_eq!(run(&mut machine, "PP"), (vec![6, 6], vec![None, None]));
        assert_eq!(run(&mut machine, "FFFFF").0, [5, 4, 3, 2, 0]);
    }

    #[test]
    fn a_failure_while_going_up_starts_over() {
        let mut machine = Machine::new(3, 1);
        assert_eq!(run(&mut machine, "FPPFPPP").0, [0, 1, 2, 0, 1, 2, 3]);
        assert!(machine.is_up());
    }

    #[test]
    fn failures_at_zero_are_not_counted() {
        let mut machine = Machine::new(1, 1);
        assert_eq!(run(&mut machine, "FFF").0, [0, 0, 0]);
        assert_eq!(machine.failed_checks(), 1);
    }

    #[test]
    fn extreme_counts_do_not_overflow() {
        for (rise, fall) in [(0, 0), (1, 1), (u32::MAX, u32::MAX), (u32::MAX, 1), (1, u32::MAX)] {
            let mut machine = Machine::new(rise, fall);
            run(&mut machine, "PPFPFFPP");
            assert!(!machine.label().to_string().is_empty());
        }
    }
}
