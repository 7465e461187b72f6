//! The command line: one file per subcommand.
//!
//! `main` calls [`main`] and nothing else. Exit status: 0 success, 1 the configuration is wrong or
//! torii could not start, 2 the command line is wrong. Results go to standard output, everything
//! that is wrong to standard error.

pub mod arguments;
pub mod check;
pub mod demo;
pub mod failover;
pub mod run;
mod running;
pub mod status;

pub use arguments::main;
