//! The command line: one file for each mode.

pub mod compare;
pub mod report;
