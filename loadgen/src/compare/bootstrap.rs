//! The bootstrap for one or two runs of a side: their blocks are drawn again and again, with
//! replacement, as if the same runs had gone on, and the spread of the differences so found is the
//! standard error (Efron and Tibshirani, "An Introduction to the Bootstrap", chapters 6 and 8). It says
//! nothing of the spread between runs: see `between` for that.

use super::blocks::{Blocks, Came};
use super::difference::Difference;
use super::judgement::JUDGED;
use crate::measure::rank;
use crate::schedule::Random;

/// Repetitions that are made up. A standard error of so many is good to about 2 %.
const REPLICATES: usize = 1_000;

/// The seed: the same records always give the same answer.
const SEED: u64 = 0x7061_6972;

/// The made-up repetitions of one number.
struct Replicates {
    differences: Vec<f64>,
    /// Blocks beyond one of each run, on the side that has fewer.
    freedom: f64,
    /// All blocks of the side over those.
    widen: f64,
}

impl Replicates {
    fn new(sizes: &[Vec<usize>; 2]) -> Self {
        let of_side = |sizes: &Vec<usize>| {
            let blocks: usize = sizes.iter().sum();
            let freedom = blocks.saturating_sub(sizes.len()).max(1) as f64;
            (freedom, blocks as f64 / freedom)
        };
        let [first, other] = [of_side(&sizes[0]), of_side(&sizes[1])];
        let (freedom, widen) = if first.0 < other.0 { first } else { other };
        Self { differences: Vec::with_capacity(REPLICATES), freedom, widen }
    }

    /// With few blocks the bootstrap is known to be too sure of itself: by the factor that is taken back
    /// here, and by what Student's distribution has over the normal one.
    fn difference(&self, first: f64, other: f64) -> Difference {
        let count = self.differences.len().max(2) as f64;
        let mean = self.differences.iter().sum::<f64>() / count;
        let variance =
            self.differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Difference::new(first, other, (variance * self.widen).sqrt(), self.freedom, JUDGED)
    }
}

/// How often each block of each run was drawn.
struct Draw {
    times: Vec<Vec<u64>>,
}

impl Draw {
    /// Draws as many blocks of each run as it has.
    fn make(blocks_of_runs: &[usize], random: &mut Random) -> Draw {
        let of_run = |&blocks: &usize| {
            let mut times = vec![0; blocks];
            (0..blocks).for_each(|_| times[below(random, blocks)] += 1);
            times
        };
        Draw { times: blocks_of_runs.iter().map(of_run).collect() }
    }
}

/// A number below `end`, which is small: the bias of the remainder is below 2^-50.
fn below(random: &mut Random, end: usize) -> usize {
    (random.next_u64() % end.max(1) as u64) as usize
}

impl Blocks {
    fn sizes(&self) -> Vec<usize> {
        self.runs.iter().map(Vec::len).collect()
    }

    /// The counts by slot of all blocks, each as often as it was drawn.
    fn sum(&self, draw: Option<&Draw>, slots: usize) -> Vec<u64> {
        let mut sum = vec![0u64; slots];
        for (run, blocks) in self.runs.iter().enumerate() {
            for (block, counts) in blocks.iter().enumerate() {
                let times = draw.map_or(1, |draw| draw.times[run][block]);
                if times > 0 {
                    sum.iter_mut()
                        .zip(counts)
                        .for_each(|(sum, count)| *sum = sum.saturating_add(count * times));
                }
            }
        }
        sum
    }
}

/// The values at some percentiles (rising) of counts by slot; `None` of no counts.
fn percentiles(slots: &[u64], counts: &[u64], percents: &[f64]) -> Option<Vec<f64>> {
    let total = counts.iter().fold(0u64, |sum, &count| sum.saturating_add(count));
    if total == 0 {
        return None;
    }
    let ranks: Vec<u64> = percents.iter().map(|&percent| rank(total, percent)).collect();
    let mut values = Vec::with_capacity(percents.len());
    let mut counted = 0u64;
    for (&slot, &count) in slots.iter().zip(counts) {
        counted = counted.saturating_add(count);
        while ranks.get(values.len()).is_some_and(|&rank| counted >= rank) {
            values.push(slot as f64);
        }
    }
    Some(values)
}

/// Compares two sides at these percentiles (rising); `None` if one has no answer.
pub(super) fn compare_percentiles(
    slots: &[u64],
    sides: &[Blocks; 2],
    percents: &[f64],
) -> Option<Vec<Difference>> {
    let whole = |side: &Blocks| percentiles(slots, &side.sum(None, slots.len()), percents);
    let (first, other) = (whole(&sides[0])?, whole(&sides[1])?);
    let mut random = Random::new(SEED);
    let sizes = [sides[0].sizes(), sides[1].sizes()];
    let mut spreads: Vec<Replicates> = percents.iter().map(|_| Replicates::new(&sizes)).collect();
    for _ in 0..REPLICATES {
        let [first, other] = [0, 1].map(|side| {
            let draw = Draw::make(&sizes[side], &mut random);
            percentiles(slots, &sides[side].sum(Some(&draw), slots.len()), percents)
        });
        // A draw of empty blocks alone says nothing.
        if let (Some(first), Some(other)) = (first, other) {
            for (spread, (first, other)) in spreads.iter_mut().zip(first.into_iter().zip(other)) {
                spread.differences.push(other - first);
            }
        }
    }
    let numbers = first.into_iter().zip(other).zip(spreads);
    Some(numbers.map(|((first, other), spread)| spread.difference(first, other)).collect())
}

/// Compares the rates of both sides.
pub(super) fn compare_rates(sides: [&[Vec<Came>]; 2]) -> Difference {
    let rate = |runs: &[Vec<Came>], draw: Option<&Draw>| {
        let (mut in_time, mut seconds) = (0.0, 0.0);
        for (run, blocks) in runs.iter().enumerate() {
            for (block, came) in blocks.iter().enumerate() {
                let times = draw.map_or(1, |draw| draw.times[run][block]) as f64;
                in_time += came.in_time * times;
                seconds += came.seconds * times;
            }
        }
        if seconds > 0.0 { in_time / seconds } else { 0.0 }
    };
    let mut random = Random::new(SEED);
    let sizes = sides.map(|runs| runs.iter().map(Vec::len).collect::<Vec<_>>());
    let mut spread = Replicates::new(&sizes);
    for _ in 0..REPLICATES {
        let [first, other] =
            [0, 1].map(|side| rate(sides[side], Some(&Draw::make(&sizes[side], &mut random))));
        spread.differences.push(other - first);
    }
    spread.difference(rate(sides[0], None), rate(sides[1], None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_every_other_output() {
        for count in [1_000_u64, 20_000, 2_475] {
            let mut histogram = crate::measure::new_total_histogram();
            (1..=count).for_each(|value| histogram.saturating_record(value));
            let slots =
                histogram.iter_recorded().map(|slot| (slot.value_iterated_to(), slot.count_at_value()));
            let (slots, counts): (Vec<u64>, Vec<u64>) = slots.unzip();
            let percents = [50.0, 90.0, 99.0, 99.9, 99.99];
            let shown = percents.map(|percent| crate::measure::percentile(&histogram, percent) as f64);
            assert_eq!(percentiles(&slots, &counts, &percents), Some(shown.to_vec()), "{count}");
        }
    }
}
