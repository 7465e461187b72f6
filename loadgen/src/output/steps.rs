//! The steps of `run --steps` as text: a line for each, with the numbers of its own seconds.

use std::fmt::Write;

use super::text::{duration, duration_in_words, grouped, rate};
use crate::record::{RateStepRecord, RunRecord};

/// Lines that are printed; the JSON record has all.
const ROWS_MAX: usize = 100;

/// The columns of a step.
pub(super) const COLUMNS: [&str; 8] =
    ["planned", "for", "offered", "achieved", "p50", "p99", "p99.9", "not good"];

/// What the numbers are of.
pub(super) const LEGEND: &str = "Each step by the whole seconds within it, answers by when they came. A step \
     shorter than two seconds has no numbers of its own.";

/// The cells of a step, those that are not known empty.
pub(super) fn cells(step: &RateStepRecord) -> Vec<String> {
    let length_ns = step.end_ns.saturating_sub(step.start_ns);
    let mut cells = vec![rate(step.rate_per_second), duration_in_words(length_ns)];
    match &step.seconds {
        None => cells.extend(vec!["–".to_owned(); COLUMNS.len() - 2]),
        Some(known) => cells.extend([
            rate(known.offered_per_second),
            rate(known.achieved_per_second),
            duration(known.p50_ns),
            duration(known.p99_ns),
            duration(known.p999_ns),
            grouped(known.not_ok),
        ]),
    }
    cells
}

/// The lines of all steps; nothing for a schedule without steps.
pub(super) fn table(record: &RunRecord) -> String {
    let mut text = String::new();
    if record.rate_steps.is_empty() {
        return text;
    }
    text.push_str("\nsteps\n");
    let mut row = |cells: &[String]| {
        for cell in cells {
            let _ = write!(text, "{cell:>12}");
        }
        text.push('\n');
    };
    row(&COLUMNS.map(str::to_owned));
    record.rate_steps.iter().take(ROWS_MAX).for_each(|step| row(&cells(step)));
    for line in super::wrapped(LEGEND, 100) {
        let _ = writeln!(text, "  {line}");
    }
    text
}
