//! Comparing runs: does B differ from A, and would it again?
//!
//! ```text
//! records ─▶ shape (may they be compared?) ─▶ blocks (the run cut into seconds)
//!         ─▶ bootstrap (a 95 % interval for each difference) ─▶ judgement ─▶ text, exit code
//! ```
//!
//! "No difference shown" is an outcome like the others, and often the honest one.

mod blocks;
mod bootstrap;
mod judgement;
mod shape;
mod text;

pub use bootstrap::{Difference, Interval, REPLICATES};
pub use judgement::{Comparison, Direction, Finding, compare};
pub use shape::obstacles;
pub use text::comparison_text;

#[cfg(test)]
mod tests;
