//! Statistics: the workers' counters and the servers' states as the rows of HAProxy's page.
//!
//! ```text
//! WorkerCounters of all workers ─┐
//! Snapshot's gauges and states ──┼▶ collect ─▶ Row ... ─▶ csv, or admin's page
//! once a second: rate ───────────┘
//! ```
//!
//! A figure that torii does not have is absent, never guessed.

mod collect;
mod csv;
mod figures;
mod rate;
mod row;

pub use collect::{ProcessFigures, Report, StatsSource};
pub use csv::write_csv;
pub use row::{Averages, CheckFigures, Kind, Row, State};
