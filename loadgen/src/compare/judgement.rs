//! What a comparison comes to: a difference that is shown and large enough to matter, or none shown.
//!
//! With three runs a side and more the judgement speaks of further runs. With fewer it speaks of these
//! runs alone, because the spread between runs is not known.

use super::between::{self, RUNS_MIN, RunNumbers};
use super::blocks::{self, BLOCKS_MIN, on_one_scale};
use super::bootstrap::{compare_percentiles, compare_rates};
use super::counted::{self, Counted};
use super::difference::{Difference, FAMILY_ERROR};
use crate::measure::Kind;
use crate::record::{Blob, RunRecord, SecondRecord};

/// The percentiles that are compared.
pub(super) const PERCENTS: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99)];

/// Answers that must lie beyond a percentile in each run before it is judged.
const BEYOND_MIN: f64 = 20.0;

/// Numbers that are judged: response percentiles, errors, rate.
pub(super) const JUDGED: usize = PERCENTS.len() + 2;

/// Share of errors that counts as more or fewer: one in a thousand.
const ERROR_TOLERANCE: f64 = 0.001;

/// Which way B differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The joint interval of several runs leaves out zero, the change is over the tolerance, and B is the
    /// worse: further runs would show it too.
    Worse,
    /// The same, and B is the better.
    Better,
    /// B was worse in these runs; whether further ones would show it is not known.
    WorseHere,
    /// The same, and B was the better.
    BetterHere,
    /// There is a difference, and it is within the tolerance.
    Small,
    /// The interval holds zero.
    NotShown,
    /// Too few answers lie beyond the percentile to say anything.
    TooFew,
    /// Shown for the reader; no part of the verdict.
    NotJudged,
}

/// One number of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Its name: `p99`, `service p99`, `errors`, `rate`.
    pub name: String,
    /// Both sides and their difference.
    pub difference: Difference,
    /// What it comes to.
    pub direction: Direction,
}

/// A comparison of two sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Numbers in the order of printing: response times, service times, errors, rate.
    pub findings: Vec<Finding>,
    /// Runs on each side.
    pub runs: [usize; 2],
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

impl Comparison {
    fn has(&self, direction: Direction) -> bool {
        self.findings.iter().any(|finding| finding.direction == direction)
    }

    /// Whether B is worse in anything that is judged, and further runs would show it too.
    pub fn is_regression(&self) -> bool {
        self.has(Direction::Worse)
    }

    /// Whether B was worse in anything in these runs at least.
    pub fn was_worse(&self) -> bool {
        self.is_regression() || self.has(Direction::WorseHere)
    }

    /// The verdict in a few words.
    pub fn verdict(&self) -> &'static str {
        use Direction as D;
        let here = (self.has(D::WorseHere), self.has(D::BetterHere));
        match (self.has(D::Worse), self.has(D::Better), here) {
            (true, true, _) => "MIXED: B is worse in some ways and better in others",
            (true, false, _) => "B IS WORSE",
            (false, true, (true, _)) => "B IS BETTER, and was worse in these runs in another way",
            (false, true, _) => "B IS BETTER",
            (false, false, (true, true)) => "MIXED IN THESE RUNS ONLY: repeat them in turns, five a side",
            (false, false, (true, false)) => {
                "B WAS WORSE IN THESE RUNS ONLY: repeat them in turns, five a side"
            }
            (false, false, (false, true)) => {
                "B WAS BETTER IN THESE RUNS ONLY: repeat them in turns, five a side"
            }
            (false, false, _) if self.has(D::Small) => {
                "NO DIFFERENCE THAT MATTERS: what is shown is within the tolerance"
            }
            (false, false, _) => "NO DIFFERENCE SHOWN",
        }
    }
}

/// Compares the runs of two sides; `tolerance` is the share by which a time or rate may change
/// without mattering.
///
/// # Errors
/// Why the runs say too little, in words.
pub fn compare(first: &[RunRecord], other: &[RunRecord], tolerance: f64) -> Result<Comparison, String> {
    for (name, records) in [("A", first), ("B", other)] {
        let seconds = blocks::fewest_seconds(records);
        if seconds < BLOCKS_MIN {
            return Err(format!(
                "a run of {name} has {seconds} measured seconds; it takes {BLOCKS_MIN} to tell a difference from chance"
            ));
        }
    }
    let sides = [first, other];
    let answers = |record: &RunRecord| record.histogram(Kind::Response).count;
    let fewest = sides.into_iter().flatten().map(answers).min().unwrap_or(0);
    if fewest == 0 {
        return Err("one of the runs has not one good answer".to_owned());
    }
    let counted = sides.map(Counted::of);
    let findings = match first.len().min(other.len()) >= RUNS_MIN {
        true => {
            let numbers = sides.map(|records| records.iter().map(RunNumbers::of).collect::<Vec<_>>());
            between_runs([&numbers[0], &numbers[1]], fewest, counted, tolerance)
        }
        false => within_runs(sides, fewest, counted, tolerance),
    };
    Ok(Comparison { findings, runs: [first.len(), other.len()], notes: notes(sides) })
}

/// Judges by the spread between runs.
pub(super) fn between_runs(
    sides: [&[RunNumbers]; 2],
    fewest_answers: u64,
    counted: [Counted; 2],
    tolerance: f64,
) -> Vec<Finding> {
    let of = |number: &dyn Fn(&RunNumbers) -> f64| between::difference(sides, number);
    let response = (0..PERCENTS.len()).map(|place| of(&|run| run.response[place])).collect();
    let service = (0..PERCENTS.len()).map(|place| of(&|run| run.service[place])).collect();
    let errors = of(&|run| run.errors);
    let direction = direct(&errors, true, errors.change().abs() > ERROR_TOLERANCE);
    // Errors that came in a few of the runs are a fact of these runs.
    let direction = if direction == Direction::NotShown { errors_here(counted) } else { direction };
    let rate = of(&|run| run.rate);
    all_findings([response, service], fewest_answers, (errors, direction), rate, tolerance)
}

/// Judges by the spread within the runs.
fn within_runs(
    sides: [&[RunRecord]; 2],
    fewest_answers: u64,
    counted: [Counted; 2],
    tolerance: f64,
) -> Vec<Finding> {
    let percents = PERCENTS.map(|(_, percent)| percent);
    let times = |of: fn(&SecondRecord) -> &Blob| {
        let (slots, blocks) = on_one_scale(sides, of);
        compare_percentiles(&slots, &blocks, &percents).unwrap_or_default()
    };
    let times = [times(|row| &row.response), times(|row| &row.service)];
    let errors = counted::difference(counted[0], counted[1], JUDGED);
    let came = sides.map(blocks::came);
    let rate = compare_rates([&came[0], &came[1]]);
    let mut findings = all_findings(times, fewest_answers, (errors, errors_here(counted)), rate, tolerance);
    for finding in &mut findings {
        finding.direction = match finding.direction {
            Direction::Worse => Direction::WorseHere,
            Direction::Better => Direction::BetterHere,
            direction => direction,
        };
    }
    findings
}

/// Whether the errors of these runs differ by more than chance, by an exact test of the totals.
fn errors_here(counted: [Counted; 2]) -> Direction {
    let difference = counted::difference(counted[0], counted[1], JUDGED);
    if counted::chance(counted[0], counted[1]) >= FAMILY_ERROR / JUDGED as f64 {
        return Direction::NotShown;
    }
    match difference.change() {
        change if change.abs() <= ERROR_TOLERANCE => Direction::Small,
        change if change > 0.0 => Direction::WorseHere,
        _ => Direction::BetterHere,
    }
}

/// All findings in the order of printing, from response and service times, errors and rate.
fn all_findings(
    [response, service]: [Vec<Difference>; 2],
    fewest_answers: u64,
    (errors, of_errors): (Difference, Direction),
    rate: Difference,
    tolerance: f64,
) -> Vec<Finding> {
    let named = |prefix: &'static str, differences: Vec<Difference>, is_judged: bool| {
        PERCENTS.iter().zip(differences).map(move |(&(name, percent), difference)| {
            let beyond = fewest_answers as f64 * (1.0 - percent / 100.0);
            let direction = match is_judged {
                _ if beyond < BEYOND_MIN => Direction::TooFew,
                false => Direction::NotJudged,
                true => direct(&difference, true, difference.relative().abs() > tolerance),
            };
            Finding { name: format!("{prefix}{name}"), difference, direction }
        })
    };
    let of_rate = direct(&rate, false, rate.relative().abs() > tolerance);
    let mut findings: Vec<Finding> =
        named("", response, true).chain(named("service ", service, false)).collect();
    findings.push(Finding { name: "errors".to_owned(), difference: errors, direction: of_errors });
    findings.push(Finding { name: "rate".to_owned(), difference: rate, direction: of_rate });
    findings
}

fn direct(difference: &Difference, less_is_better: bool, matters: bool) -> Direction {
    if difference.joint.holds_zero() {
        return Direction::NotShown;
    }
    match (matters, (difference.change() < 0.0) == less_is_better) {
        (false, _) => Direction::Small,
        (true, true) => Direction::Better,
        (true, false) => Direction::Worse,
    }
}

fn notes(sides: [&[RunRecord]; 2]) -> Vec<String> {
    let mut notes = Vec::new();
    let fewest = sides.iter().map(|records| records.len()).min().unwrap_or(0);
    if fewest < RUNS_MIN {
        notes.push(format!(
            "fewer than {RUNS_MIN} runs on a side: the intervals know the spread within these runs and nothing of \
             the spread between runs, which is often the greater; two further runs of the same server may differ \
             as much. Repeat, taking turns (A B A B …), five times a side, and give the runs of a side joined by \
             commas"
        ));
    } else if fewest < 5 {
        notes.push(
            "fewer than five runs on a side: the intervals are wide; further runs narrow them".to_owned(),
        );
    }
    let times = || sides.into_iter().flatten().map(|record| record.started_unix_ms);
    let (earliest, latest) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    if latest - earliest > 24 * 3_600_000 {
        notes.push("the runs are more than a day apart: machines and networks change".to_owned());
    }
    let all: Vec<u64> = times().collect();
    let is_repeated = all.iter().enumerate().any(|(place, time)| *time > 0 && all[..place].contains(time));
    if is_repeated {
        notes.push("two of the runs began in the same millisecond: is one of them given twice?".to_owned());
    }
    notes
}
