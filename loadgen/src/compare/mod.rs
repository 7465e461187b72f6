//! Comparing runs: does B differ from A, and would it again?
//!
//! ```text
//! records ─▶ shape (may they be compared?)
//!         ─▶ three runs a side and more: between (each run one observation; Welch's interval)
//!         ─▶ fewer: blocks (the run cut into pieces) ─▶ bootstrap (the spread within the runs)
//!         ─▶ counted (errors, by an exact test) ─▶ judgement ─▶ text, exit code
//! ```
//!
//! "No difference shown" is an outcome like the others, and often the honest one.

mod between;
mod blocks;
mod bootstrap;
mod counted;
mod difference;
mod judgement;
mod shape;
mod text;

pub use between::RUNS_MIN;
pub use difference::{Difference, Interval};
pub use judgement::{Comparison, Direction, Finding, compare};
pub use shape::obstacles;
pub use text::comparison_text;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
