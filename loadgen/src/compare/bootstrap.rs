//! The bootstrap: blocks are drawn again and again, with replacement, as if the runs had been
//! repeated, and the spread of the differences so found is the interval (Efron and Tibshirani, "An
//! Introduction to the Bootstrap", chapters 8 and 13). With several runs of a side, runs are drawn
//! first and then blocks within them, so that the spread between runs counts too.

use super::blocks::{Blocks, Ends};
use crate::schedule::Random;

/// Repetitions that are made up. The ends of the interval are then good to about a tenth of its width.
pub const REPLICATES: usize = 1_000;

/// The seed: the same records always give the same answer.
const SEED: u64 = 0x7061_6972;

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
    /// From both numbers and the differences of the made-up repetitions.
    ///
    /// `judged` is how many numbers of the comparison are judged together (Bonferroni), `blocks` how
    /// many blocks the smaller side has: with few of them the bootstrap is known to be too sure of
    /// itself, by the factor that is taken back here.
    pub(super) fn new(
        first: f64,
        other: f64,
        mut spread: Vec<f64>,
        judged: usize,
        blocks: usize,
    ) -> Difference {
        spread.retain(|difference| difference.is_finite());
        spread.sort_by(f64::total_cmp);
        let centre = quantile(&spread, 0.5);
        let widen = (blocks.max(2) as f64 / (blocks.max(2) - 1) as f64).sqrt();
        let at = |part: f64| centre + (quantile(&spread, part) - centre) * widen;
        let interval = |miss: f64| Interval { low: at(miss / 2.0), high: at(1.0 - miss / 2.0) };
        Difference { first, other, likely: interval(0.05), joint: interval(0.05 / judged.max(1) as f64) }
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

/// A quantile of sorted numbers; 0 of none.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (part.clamp(0.0, 1.0) * last as f64).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// How often each block of each run was drawn.
struct Draw {
    times: Vec<Vec<u64>>,
}

impl Draw {
    /// Draws from runs of so many blocks.
    fn make(blocks_of_runs: &[usize], random: &mut Random) -> Draw {
        let mut times: Vec<Vec<u64>> = blocks_of_runs.iter().map(|&blocks| vec![0; blocks]).collect();
        for _ in 0..blocks_of_runs.len() {
            let run = below(random, blocks_of_runs.len());
            for _ in 0..blocks_of_runs[run] {
                times[run][below(random, blocks_of_runs[run])] += 1;
            }
        }
        Draw { times }
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
    let mut values = Vec::with_capacity(percents.len());
    let mut counted = 0u64;
    for (&slot, &count) in slots.iter().zip(counts) {
        counted = counted.saturating_add(count);
        while values.len() < percents.len()
            && counted as f64 >= total as f64 * percents[values.len()] / 100.0
            && counted > 0
        {
            values.push(slot as f64);
        }
    }
    Some(values)
}

/// Answers of both sides, and differences at each percentile.
pub(super) struct PercentileDifferences {
    pub(super) answers: [u64; 2],
    pub(super) differences: Vec<Difference>,
}

/// Compares two sides at these percentiles (rising).
pub(super) fn compare_percentiles(
    slots: &[u64],
    sides: &[Blocks; 2],
    percents: &[f64],
    judged: usize,
) -> Option<PercentileDifferences> {
    let whole = [sides[0].sum(None, slots.len()), sides[1].sum(None, slots.len())];
    let first = percentiles(slots, &whole[0], percents)?;
    let other = percentiles(slots, &whole[1], percents)?;
    let mut random = Random::new(SEED);
    let sizes = [sides[0].sizes(), sides[1].sizes()];
    let mut spreads = vec![Vec::with_capacity(REPLICATES); percents.len()];
    for _ in 0..REPLICATES {
        let [first, other] = [0, 1].map(|side| {
            let draw = Draw::make(&sizes[side], &mut random);
            percentiles(slots, &sides[side].sum(Some(&draw), slots.len()), percents)
        });
        // A draw of empty blocks alone says nothing.
        if let (Some(first), Some(other)) = (first, other) {
            for (spread, (first, other)) in spreads.iter_mut().zip(first.into_iter().zip(other)) {
                spread.push(other - first);
            }
        }
    }
    let blocks = sizes.iter().map(|sizes| sizes.iter().sum()).min().unwrap_or(0);
    let pairs = first.into_iter().zip(other).zip(spreads);
    let differences =
        pairs.map(|((first, other), spread)| Difference::new(first, other, spread, judged, blocks)).collect();
    let count = |counts: &[u64]| counts.iter().fold(0u64, |sum, &count| sum.saturating_add(count));
    Some(PercentileDifferences { answers: [count(&whole[0]), count(&whole[1])], differences })
}

/// Compares a quotient of both sides, such as errors by requests.
pub(super) fn compare_quotient(
    sides: [&[Vec<Ends>]; 2],
    quotient: fn(&Ends) -> (f64, f64),
    judged: usize,
) -> Difference {
    let value = |runs: &[Vec<Ends>], draw: Option<&Draw>| {
        let (mut part, mut whole) = (0.0, 0.0);
        for (run, blocks) in runs.iter().enumerate() {
            for (block, ends) in blocks.iter().enumerate() {
                let times = draw.map_or(1, |draw| draw.times[run][block]) as f64;
                let (above, below) = quotient(ends);
                part += above * times;
                whole += below * times;
            }
        }
        if whole > 0.0 { part / whole } else { 0.0 }
    };
    let mut random = Random::new(SEED);
    let sizes = sides.map(|runs| runs.iter().map(Vec::len).collect::<Vec<_>>());
    let mut replicate = |_| {
        let [first, other] =
            [0, 1].map(|side| value(sides[side], Some(&Draw::make(&sizes[side], &mut random))));
        other - first
    };
    let spread = (0..REPLICATES).map(&mut replicate).collect();
    let blocks = sizes.iter().map(|sizes| sizes.iter().sum()).min().unwrap_or(0);
    Difference::new(value(sides[0], None), value(sides[1], None), spread, judged, blocks)
}
