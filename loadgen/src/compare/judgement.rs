//! What a comparison comes to: a difference that is shown and large enough to matter, or none shown.

use super::blocks::{self, BLOCKS_MIN, on_one_scale};
use super::bootstrap::{Difference, compare_percentiles, compare_quotient};
use crate::record::{RunRecord, SecondRecord};

/// The percentiles that are compared.
pub(super) const PERCENTS: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99)];

/// Answers that must lie beyond a percentile on either side before it is judged.
const BEYOND_MIN: f64 = 20.0;

/// Numbers that are judged: response percentiles, errors, rate.
const JUDGED: usize = PERCENTS.len() + 2;

/// Share of errors that counts as more or fewer: one in a thousand.
const ERROR_TOLERANCE: f64 = 0.001;

/// Which way B differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The joint interval leaves out zero, the change is over the tolerance, and B is the worse.
    Worse,
    /// The same, and B is the better.
    Better,
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
    /// Whether B is worse in anything that is judged.
    pub fn is_regression(&self) -> bool {
        self.findings.iter().any(|finding| finding.direction == Direction::Worse)
    }

    /// The verdict in a few words.
    pub fn verdict(&self) -> &'static str {
        let has = |direction| self.findings.iter().any(|finding| finding.direction == direction);
        match (has(Direction::Worse), has(Direction::Better)) {
            (true, true) => "MIXED: B is worse in some ways and better in others",
            (true, false) => "B IS WORSE",
            (false, true) => "B IS BETTER",
            (false, false) if has(Direction::Small) => {
                "NO DIFFERENCE THAT MATTERS: what is shown is within the tolerance"
            }
            (false, false) => "NO DIFFERENCE SHOWN",
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
        let blocks = blocks::fewest(records);
        if blocks < BLOCKS_MIN {
            return Err(format!(
                "a run of {name} has {blocks} measured seconds; it takes {BLOCKS_MIN} to tell a difference from chance"
            ));
        }
    }
    let sides = [first, other];
    let mut findings = times(sides, "", |row| &row.response, Some(tolerance))
        .ok_or("one of the sides has not one good answer")?;
    findings.extend(times(sides, "service ", |row| &row.service, None).unwrap_or_default());
    let ends = [blocks::ends(first), blocks::ends(other)];
    let ends = [ends[0].as_slice(), ends[1].as_slice()];
    let errors = compare_quotient(ends, |ends| (ends.not_ok as f64, ends.ended as f64), JUDGED);
    findings.push(Finding {
        name: "errors".to_owned(),
        direction: direct(&errors, true, errors.change().abs() > ERROR_TOLERANCE),
        difference: errors,
    });
    let rate = compare_quotient(ends, |ends| (ends.in_time as f64, ends.seconds), JUDGED);
    findings.push(Finding {
        name: "rate".to_owned(),
        direction: direct(&rate, false, rate.relative().abs() > tolerance),
        difference: rate,
    });
    Ok(Comparison { findings, runs: [first.len(), other.len()], notes: notes(sides) })
}

/// Compares times; `tolerance` of `None`: for the reader only.
fn times(
    sides: [&[RunRecord]; 2],
    prefix: &str,
    of: fn(&SecondRecord) -> &crate::record::Blob,
    tolerance: Option<f64>,
) -> Option<Vec<Finding>> {
    let percents = PERCENTS.map(|(_, percent)| percent);
    let (slots, blocks) = on_one_scale(sides, of);
    let compared = compare_percentiles(&slots, &blocks, &percents, JUDGED)?;
    let fewest = compared.answers.into_iter().min().unwrap_or(0) as f64;
    let findings = PERCENTS.iter().zip(compared.differences).map(|(&(name, percent), difference)| {
        let beyond = fewest * (1.0 - percent / 100.0);
        let direction = match tolerance {
            _ if beyond < BEYOND_MIN => Direction::TooFew,
            None => Direction::NotJudged,
            Some(tolerance) => direct(&difference, true, difference.relative().abs() > tolerance),
        };
        Finding { name: format!("{prefix}{name}"), difference, direction }
    });
    Some(findings.collect())
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
    if sides.iter().any(|records| records.len() < 5) {
        notes.push(
            "fewer than five runs on a side: the intervals know the spread between seconds, and little of the \
             spread between runs. Repeat, taking turns (A B A B …), and give the runs of a side joined by commas"
                .to_owned(),
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
