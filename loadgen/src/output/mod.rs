//! Everything a run shows: while it goes on, and at its end.
//!
//! [`Reporting`] is the one door for the modes: it watches the run second by second (live display,
//! interval log, series) and at the end turns the totals into a record, judges it, prints the table
//! and writes the files that were asked for. All of it runs on the collector's thread: a terminal
//! or a disk that is slow makes intervals longer and never an engine later.

mod arguments;
mod chart;
mod condition;
mod failover;
mod files;
mod hgrm;
mod html;
mod interval_log;
mod live;
mod ndjson;
mod prose;
mod reporting;
mod search;
mod steps;
mod table;
mod text;
mod verdict;

pub use arguments::{HgrmTarget, LiveChoice, OutputArguments};
pub use condition::{Condition, ConditionError, Outcome};
pub use files::{OutputError, publish};
pub use hgrm::write_hgrm;
pub use html::html_report;
pub use interval_log::{IntervalLog, write_series};
pub use live::{Live, LiveStyle};
pub use ndjson::SecondLines;
pub use prose::wrapped;
pub use reporting::Reporting;
pub use table::table;
pub use text::{duration, duration_in_words, grouped, printable, rate, share, wall_clock};
pub use verdict::{exit_code, judge};

#[cfg(test)]
mod tests;
