//! The program as it is called: modes, exit codes, files.

#![allow(clippy::unwrap_used)]

mod modes;
mod records;
mod refusals;
mod searches;
mod support;
