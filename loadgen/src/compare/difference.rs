//! A difference of two numbers with what is known of it: an interval by Student's distribution, from
//! an estimate of the standard error and the degrees of freedom behind that estimate.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Share of comparisons of like with like that may show a difference anywhere, all their numbers together.
pub(super) const FAMILY_ERROR: f64 = 0.05;

/// A difference that lies in between with the stated probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether no difference lies within.
    pub fn holds_zero(&self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }
}

/// One number of both sides, and what is known of their difference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// A's number.
    pub first: f64,
    /// B's number.
    pub other: f64,
    /// 95 % interval of B − A.
    pub likely: Interval,
    /// Wider interval, by which all judgements of a comparison together err in 5 % of cases.
    pub joint: Interval,
}

impl Difference {
    /// From both numbers, the standard error of their difference, and the degrees of freedom of that
    /// error; `judged` is how many numbers of the comparison are judged together (Bonferroni).
    pub(super) fn new(first: f64, other: f64, error: f64, freedom: f64, judged: usize) -> Difference {
        let change = other - first;
        let interval = |miss: f64| {
            let reach = if error > 0.0 { error * student(1.0 - miss / 2.0, freedom) } else { 0.0 };
            Interval { low: change - reach, high: change + reach }
        };
        let joint = interval(FAMILY_ERROR / judged.max(1) as f64);
        Difference { first, other, likely: interval(0.05), joint }
    }

    /// B − A.
    pub fn change(&self) -> f64 {
        self.other - self.first
    }

    /// The change as a share of A; 0 where A is 0.
    pub fn relative(&self) -> f64 {
        if self.first > 0.0 { self.change() / self.first } else { 0.0 }
    }
}

/// A quantile of Student's distribution, of one degree of freedom at least.
fn student(part: f64, freedom: f64) -> f64 {
    let freedom = if freedom.is_finite() { freedom.max(1.0) } else { 1.0 };
    let student = StudentsT::new(0.0, 1.0, freedom).expect("a scale above zero and one degree of freedom");
    student.inverse_cdf(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (part, freedom, quantile) in
            [(0.975, 1.0, 12.706), (0.975, 4.0, 2.776), (0.975, 8.0, 2.306), (0.995, 10.0, 3.169)]
        {
            assert!((student(part, freedom) - quantile).abs() < 1e-3, "{part} {freedom}");
        }
        assert!((student(0.975, f64::NAN) - 12.706).abs() < 1e-3, "what is unknown makes it wide");
    }

    #[test]
    fn the_joint_interval_is_the_wider_and_no_error_is_a_point() {
        let difference = Difference::new(10.0, 11.0, 0.5, 8.0, 7);
        assert!(difference.likely.high < difference.joint.high, "{difference:?}");
        assert!((difference.likely.low - (1.0 - 0.5 * 2.306)).abs() < 1e-3, "{difference:?}");
        let point = Difference::new(10.0, 11.0, 0.0, f64::NAN, 7);
        assert_eq!(point.joint, Interval { low: 1.0, high: 1.0 });
    }
}
