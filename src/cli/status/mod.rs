//! `torii status`: a running node on one screen, or as JSON.
//!
//! * `command` asks and decides the exit status.
//! * `text` is the screen, `pair` its part about the shared address.

mod command;
mod pair;
mod text;

pub use command::{StatusArguments, run};
