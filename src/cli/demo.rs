//! `torii demo`: three small web servers behind torii on loopback, from nothing.

use std::process::ExitCode;

use clap::Args;

/// Arguments of `torii demo`; there are none.
#[derive(Debug, Args)]
pub struct DemoArguments {}

/// Runs the subcommand.
pub fn run(_arguments: &DemoArguments) -> ExitCode {
    eprintln!("torii demo is not supported yet");
    ExitCode::FAILURE
}
