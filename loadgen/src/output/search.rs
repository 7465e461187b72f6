//! What a search found, as text: its first line, and the curve with the knee marked.

use std::fmt::Write;

use super::text::{duration, grouped, printable, rate, share};
use crate::record::{RunRecord, SearchRecord, StepRecord};

/// The beginning of the first line.
pub(super) fn headline(search: &SearchRecord) -> String {
    match search.highest_good_per_second {
        None => "no rate kept the limits; last: ".to_owned(),
        Some(good) if search.confirmed => {
            format!("highest rate that keeps the limits: {} (confirmed); ", rate(good))
        }
        Some(good) => format!("highest rate that keeps the limits: {} (not confirmed); ", rate(good)),
    }
}

/// The steps by their rates: a curve rather than a story.
pub(super) fn by_rate(record: &RunRecord) -> Vec<&StepRecord> {
    let mut steps: Vec<_> = record.steps.iter().collect();
    steps.sort_by(|left, right| left.rate_per_second.total_cmp(&right.rate_per_second));
    steps
}

/// Whether a step is the knee: it has the highest rate that kept the limits.
pub(super) fn is_knee(record: &RunRecord, step: &StepRecord) -> bool {
    let steps = record.steps.iter();
    let highest = match record.search.as_ref().and_then(|search| search.highest_good_per_second) {
        Some(highest) => highest,
        None => steps.filter(|step| step.passed).map(|step| step.rate_per_second).fold(0.0, f64::max),
    };
    step.passed && step.rate_per_second >= highest * (1.0 - 1e-9)
}

/// What became of a step.
pub(super) fn fate(record: &RunRecord, step: &StepRecord) -> String {
    let length = if step.confirms { " (the longer run)" } else { "" };
    match step.passed {
        true if is_knee(record, step) => format!("✓ ◀ knee{length}"),
        true => format!("✓{length}"),
        false => format!("✗ {}{length}", printable(&step.reason, 80)),
    }
}

/// A line for each step; nothing without one.
pub(super) fn curve(record: &RunRecord) -> String {
    let mut text = String::new();
    if record.steps.is_empty() {
        return text;
    }
    text.push('\n');
    for title in ["planned", "offered", "achieved", "p50", "p99", "p99.9", "not good", "client CPU"] {
        let _ = write!(text, "{title:>12}");
    }
    text.push('\n');
    for step in by_rate(record) {
        for cell in cells(step) {
            let _ = write!(text, "{cell:>12}");
        }
        let _ = writeln!(text, "  {}", fate(record, step));
    }
    text
}

/// The numbers of a step, in the order of their titles.
pub(super) fn cells(step: &StepRecord) -> [String; 8] {
    [
        rate(step.rate_per_second),
        rate(step.offered_per_second),
        rate(step.achieved_per_second),
        duration(step.p50_ns),
        duration(step.p99_ns),
        duration(step.p999_ns),
        grouped(step.not_ok),
        share(step.client_busy_share),
    ]
}
