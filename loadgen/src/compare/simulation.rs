//! Made-up servers, compared again and again: how often is like and like called different, and how often
//! is a slower one found? The answers are what docs/loadgen.md states.
//!
//! A run has a level of its own, and so has each of its seconds, which resembles the second before; the
//! times of a second's answers scatter about its level with a long tail. Some runs have a burst of errors.

use super::between::RunNumbers;
use super::blocks::Blocks;
use super::bootstrap::compare_percentiles;
use super::counted::Counted;
use super::judgement::{Direction, Finding, PERCENTS, between_runs};
use crate::schedule::Random;

const SECONDS: usize = 20;
const PER_SECOND: usize = 30;

/// Enough answers that every percentile is judged.
const ANSWERS: u64 = 10_000_000;

/// How much of a second's level is that of the second before.
const RESEMBLANCE: f64 = 0.6;

/// Spread of the levels of seconds, and of those of runs where they differ.
const SPREAD: f64 = 0.03;

/// Normally distributed, by Box and Muller's method.
fn normal(random: &mut Random) -> f64 {
    (-2.0 * random.unit().ln()).sqrt() * (std::f64::consts::TAU * random.unit()).cos()
}

/// The times of a run's answers, second by second.
fn seconds(random: &mut Random, level: f64, run_spread: f64) -> Vec<Vec<f64>> {
    let level = level * (run_spread * normal(random)).exp();
    let mut of_second = normal(random);
    let second = |_| {
        let fresh = (1.0 - RESEMBLANCE * RESEMBLANCE).sqrt() * normal(random);
        of_second = RESEMBLANCE * of_second + fresh;
        let scale = level * (SPREAD * of_second).exp();
        (0..PER_SECOND).map(|_| scale * (0.3 * normal(random)).exp() * 1e6).collect()
    };
    (0..SECONDS).map(second).collect()
}

fn run(random: &mut Random, level: f64) -> RunNumbers {
    let mut times: Vec<f64> = seconds(random, level, SPREAD).into_iter().flatten().collect();
    times.sort_unstable_by(f64::total_cmp);
    let at = |(_, percent): (&str, f64)| times[(percent / 100.0 * (times.len() - 1) as f64).round() as usize];
    let has_burst = random.next_u64().is_multiple_of(3);
    RunNumbers {
        response: PERCENTS.map(at),
        service: PERCENTS.map(at),
        errors: if has_burst { 0.02 * random.unit() } else { 0.0 },
        rate: 1_000.0 * (0.01 * normal(random)).exp(),
    }
}

/// What a comparison of so many runs a side finds; B is slower by `factor`.
fn findings(random: &mut Random, runs: usize, factor: f64) -> Vec<Finding> {
    let [first, other] = [1.0, factor].map(|level| (0..runs).map(|_| run(random, level)).collect::<Vec<_>>());
    let counted = [&first, &other].map(|side| {
        let errors: f64 = side.iter().map(|run| run.errors * 10_000.0).sum();
        Counted { not_ok: errors as u64, planned: 10_000 * runs as u64 }
    });
    between_runs([&first, &other], ANSWERS, counted, 0.0)
}

fn has(findings: &[Finding], directions: &[Direction]) -> bool {
    findings.iter().any(|finding| directions.contains(&finding.direction))
}

/// Share of so many comparisons in which it holds.
fn share(of: u32, mut holds: impl FnMut() -> bool) -> f64 {
    f64::from((0..of).map(|_| u32::from(holds())).sum::<u32>()) / f64::from(of)
}

#[test]
fn like_and_like_are_called_different_in_five_per_cent_of_comparisons_at_most() {
    for runs in [3, 5] {
        let mut random = Random::new(runs as u64);
        let wrong =
            share(300, || has(&findings(&mut random, runs, 1.0), &[Direction::Worse, Direction::Better]));
        println!("{runs} runs a side: {:.1} % called different", wrong * 100.0);
        // Of 300 comparisons at 5 % each, three standard deviations more are chance.
        assert!(wrong <= 0.05 + 0.038, "{runs} runs a side: {wrong}");
    }
}

#[test]
fn a_server_that_is_a_tenth_slower_is_found_with_five_runs_a_side() {
    let mut random = Random::new(77);
    for (runs, at_least) in [(5, 0.6), (10, 0.9)] {
        let found = share(100, || has(&findings(&mut random, runs, 1.10), &[Direction::Worse]));
        println!("{runs} runs a side, a tenth slower: found in {:.0} %", found * 100.0);
        assert!(found >= at_least, "{runs} runs a side: {found}");
    }
}

/// The blocks of one side as the bootstrap takes them, in slots of 2 %.
fn blocks(random: &mut Random, runs: usize, run_spread: f64, slots: &[u64]) -> Blocks {
    let seconds_per_block = 4;
    let mut one = || {
        let seconds = seconds(random, 1.0, run_spread);
        let block = |seconds: &[Vec<f64>]| {
            let mut counts = vec![0; slots.len()];
            for time in seconds.iter().flatten() {
                let slot = slots.partition_point(|&slot| (slot as f64) < *time);
                counts[slot.min(slots.len() - 1)] += 1;
            }
            counts
        };
        seconds.chunks_exact(seconds_per_block).map(block).collect()
    };
    Blocks { runs: (0..runs).map(|_| one()).collect() }
}

#[test]
fn one_or_two_runs_a_side_know_themselves_and_not_the_next_ones() {
    let slots: Vec<u64> = (0..120).map(|slot| (250_000.0 * 1.02_f64.powi(slot)) as u64).collect();
    let mut random = Random::new(5);
    let mut called = |runs, run_spread| {
        share(30, || {
            let sides = [(); 2].map(|()| blocks(&mut random, runs, run_spread, &slots));
            let percents = [50.0, 90.0, 99.0];
            let differences = compare_percentiles(&slots, &sides, &percents).expect("there are answers");
            differences.iter().any(|difference| !difference.joint.holds_zero())
        })
    };
    let within = [called(1, 0.0), called(2, 0.0)];
    let between = [called(1, 3.0 * SPREAD), called(2, 3.0 * SPREAD)];
    println!("one and two runs a side called different: {within:?} without, {between:?} where runs differ");
    assert!(within.iter().all(|share| *share <= 0.1), "{within:?}");
    // Which is why neither says that B is worse: see `the_verdict_on_single_runs_is_about_them_alone`.
    assert!(between[0] > 0.2, "{between:?}");
}
