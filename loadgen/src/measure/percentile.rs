//! Percentiles by one rule, for every number that is shown, judged or written: the smallest value that at
//! least so many per cent of all do not exceed. Called wherever a histogram is asked for a percentile; it
//! must never be gone round, lest two outputs of one run disagree.

use hdrhistogram::{Counter, Histogram};

/// The rank, from 1, of the value at a percentile of `total` values.
///
/// 99.9 has no exact form in binary, so that 99.9 % of 20,000 may come to a little more than 19,980, and
/// rounding up would then give the next rank. As HdrHistogram's Java does, the percentile is taken one
/// unit in the last place lower before it is multiplied.
pub fn rank(total: u64, percent: f64) -> u64 {
    let percent = percent.clamp(0.0, 100.0).next_down().max(0.0);
    let rank = (percent * total as f64 / 100.0).ceil() as u64;
    rank.clamp(1, total.max(1))
}

/// The value at a percentile (0 to 100) of a histogram; 0 where nothing was recorded.
pub fn percentile<T: Counter>(histogram: &Histogram<T>, percent: f64) -> u64 {
    if histogram.is_empty() {
        return 0;
    }
    // The crate rounds a share of the count up to a rank: from the middle between two ranks there is no
    // doubt to which.
    let middle = rank(histogram.len(), percent) as f64 - 0.5;
    histogram.value_at_quantile(middle / histogram.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::new_total_histogram;

    #[test]
    fn a_percentile_never_takes_one_rank_too_many() {
        for (total, percent, expected) in [
            (20_000, 99.9, 19_980),
            (1_000, 99.9, 999),
            (1_000_000, 99.99, 999_900),
            (10_000_000, 99.999, 9_999_900),
            (100, 99.0, 99),
            (100, 95.0, 95),
            (3, 50.0, 2),
            (4, 50.0, 2),
            (2_475, 99.9, 2_473),
            (7, 100.0, 7),
            (7, 0.0, 1),
            (0, 50.0, 1),
        ] {
            assert_eq!(rank(total, percent), expected, "{percent} % of {total}");
        }
        // In whole numbers there is nothing to round wrongly.
        for total in 1..=20_000 {
            for (percent, thousandths) in [(50.0, 500), (90.0, 900), (99.0, 990), (99.9, 999)] {
                assert_eq!(
                    rank(total, percent),
                    (total * thousandths).div_ceil(1_000),
                    "{percent} of {total}"
                );
            }
        }
    }

    #[test]
    fn the_value_is_that_of_its_rank() {
        let mut histogram = new_total_histogram();
        assert_eq!(percentile(&histogram, 99.9), 0, "of nothing");
        (1..=1_000).for_each(|value| histogram.saturating_record(value));
        for (percent, value) in
            [(0.0, 1), (50.0, 500), (99.0, 990), (99.9, 999), (99.99, 1_000), (100.0, 1_000)]
        {
            assert_eq!(percentile(&histogram, percent), value, "{percent}");
        }
    }
}
