//! The command line: one file per mode, and what they have in common.
//!
//! Exit codes: 0 fine, 1 a failed run or a broken `--fail-if`, 2 a wrong command line,
//! 3 CLIENT-LIMITED, 4 `compare` found a regression, 5 a run that was ended early.

mod arguments;
mod build;
pub mod compare;
mod connect;
mod describe;
mod descriptors;
mod gap;
mod load;
mod max;
mod origin;
pub mod report;
mod requests;
mod run;
mod search;
mod secrets;
mod session;
mod signals;
mod transport;
mod units;

pub use arguments::main;
