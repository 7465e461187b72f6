//! What a failover looked like to clients: the longest time without a good answer, and every one that
//! was longer than the limit.

use super::text::{duration, grouped, printable, wall_clock};
use crate::record::{GapRecord, RunRecord};

/// Longest piece of outside text in one line.
const TEXT_MAX: usize = 160;

/// Gaps that are printed; the JSON record has all.
const ROWS_MAX: usize = 20;

/// A name that may be missing.
fn known(name: &str) -> String {
    if name.is_empty() { "nobody known".to_owned() } else { printable(name, 64) }
}

/// The facts of a failover, each with its name.
pub(super) fn facts(gap: &GapRecord) -> Vec<(&'static str, String)> {
    let end_unix_ms = gap.start_unix_ms.saturating_add(gap.length_ns / 1_000_000);
    let classes = match printable(&gap.classes(), TEXT_MAX) {
        classes if classes.is_empty() => classes,
        classes => format!(" ({classes})"),
    };
    let time = |time: Option<u64>| time.map_or("not in this run".to_owned(), duration);
    vec![
        ("longest gap", duration(gap.length_ns)),
        ("from", wall_clock(gap.start_unix_ms)),
        ("to", wall_clock(end_unix_ms)),
        ("failed in it", format!("{}{classes}", grouped(gap.failed))),
        ("first good answer", time(gap.to_first_success_ns)),
        ("full rate", time(gap.to_full_rate_ns)),
        ("answered before", known(&gap.server_before)),
        ("answered after", known(&gap.server_after)),
    ]
}

/// What the names of the facts mean.
pub(super) const LEGEND: &str = "A gap lies between two good answers. First good answer: after the first \
     request was due that failed or waited. Full rate: after the gap began, when nothing failed for a second.";

/// The panel of a run of `gap`; nothing for other modes.
pub(super) fn panel(record: &RunRecord) -> String {
    let mut text = String::new();
    if record.description.mode != "gap" {
        return text;
    }
    if let Some(longest) = &record.longest_gap {
        text.push_str("\nfailover\n");
        for (name, value) in facts(longest) {
            text.push_str(&format!("  {name:<20}{value}\n"));
        }
        for line in super::wrapped(LEGEND, 100) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text.push_str(&format!("\ngaps          {} longer than the limit\n", grouped(record.gaps.len() as u64)));
    for gap in record.gaps.iter().take(ROWS_MAX) {
        let classes = match printable(&gap.classes(), TEXT_MAX) {
            classes if classes.is_empty() => classes,
            classes => format!(" ({classes})"),
        };
        let (from, length) = (wall_clock(gap.start_unix_ms), duration(gap.length_ns));
        let (before, after) = (known(&gap.server_before), known(&gap.server_after));
        let failed = grouped(gap.failed);
        text.push_str(&format!("  from {from} for {length}: {failed} failed{classes}  {before} → {after}\n"));
    }
    text
}
