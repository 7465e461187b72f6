//! Requests without a good answer, as they were counted: the totals of both sides, for an exact test.
//! It knows nothing of runs or seconds, so that errors that came all at once are seen as well as those
//! that came evenly; and it speaks of these runs alone.

use statrs::distribution::{Binomial, DiscreteCDF};

use super::difference::Difference;
use crate::record::RunRecord;

/// Requests of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Planned requests without a good answer: wrong answers, failures, what was never sent.
    pub(super) not_ok: u64,
    /// Planned requests.
    pub(super) planned: u64,
}

impl Counted {
    /// Of all runs of a side.
    pub(super) fn of(records: &[RunRecord]) -> Counted {
        records.iter().fold(Counted::default(), |sum, record| Counted {
            not_ok: sum.not_ok.saturating_add(record.not_ok().min(record.counts.planned)),
            planned: sum.planned.saturating_add(record.counts.planned),
        })
    }

    fn share(self) -> f64 {
        self.not_ok as f64 / self.planned.max(1) as f64
    }
}

/// How likely it is that errors fall so unevenly on the sides by chance alone (two-sided).
///
/// Given their sum, the errors of B follow the hypergeometric distribution (Fisher); the binomial one
/// that is used here is a little wider, which errs on the side of no difference, and has a closed form
/// for millions of requests.
pub(super) fn chance(first: Counted, other: Counted) -> f64 {
    let errors = first.not_ok.saturating_add(other.not_ok);
    let all = first.planned.saturating_add(other.planned);
    if errors == 0 || all == 0 {
        return 1.0;
    }
    let share = other.planned as f64 / all as f64;
    let of_other = Binomial::new(share, errors).expect("a quotient of a part by the whole");
    let at_most = of_other.cdf(other.not_ok);
    let at_least = other.not_ok.checked_sub(1).map_or(1.0, |fewer| of_other.sf(fewer));
    (2.0 * at_most.min(at_least)).min(1.0)
}

/// The shares of errors and an interval of their difference, were the errors independent of each other
/// (Agresti and Caffo, "Simple and effective confidence intervals for proportions", 2000).
pub(super) fn difference(first: Counted, other: Counted, judged: usize) -> Difference {
    let variance = |counted: Counted| {
        let planned = counted.planned as f64 + 2.0;
        let share = (counted.not_ok as f64 + 1.0) / planned;
        share * (1.0 - share) / planned
    };
    let error = (variance(first) + variance(other)).sqrt();
    let freedom = (first.planned.min(other.planned) as f64).clamp(1.0, 1e6);
    Difference::new(first.share(), other.share(), error, freedom, judged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(not_ok: u64, planned: u64) -> Counted {
        Counted { not_ok, planned }
    }

    #[test]
    fn chance_is_what_a_fair_coin_says() {
        // Ten errors, all on one of two equal sides: twice one in 1,024.
        assert!((chance(of(0, 1_000), of(10, 1_000)) - 2.0 / 1_024.0).abs() < 1e-9);
        assert!((chance(of(10, 1_000), of(0, 1_000)) - 2.0 / 1_024.0).abs() < 1e-9);
        assert!((chance(of(5, 1_000), of(5, 1_000)) - 1.0).abs() < 1e-9);
        assert!((chance(of(0, 0), of(0, 0)) - 1.0).abs() < 1e-9);
        assert!((chance(of(0, 9), of(0, 9)) - 1.0).abs() < 1e-9);
        assert!(chance(of(0, 60_000_000), of(900_000, 60_000_000)) < 1e-9);
        assert!(chance(of(10_000_000, 60_000_000), of(10_001_000, 60_000_000)) > 0.5);
    }

    #[test]
    fn the_interval_holds_the_difference_and_is_finite_for_few_requests() {
        let found = difference(of(0, 1_000), of(25, 1_000), 7);
        assert!(found.likely.low > 0.0 && found.likely.high > 0.025, "{found:?}");
        let found = difference(of(0, 1), of(1, 1), 7);
        assert!(found.joint.holds_zero() && found.joint.high.is_finite(), "{found:?}");
    }
}
