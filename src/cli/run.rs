//! `torii run -c FILE`: loads a configuration and hands it to the control thread.

use std::process::ExitCode;

use clap::Args;

use super::arguments::ConfigurationFile;
use super::check::load_or_explain;

/// Arguments of `torii run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Which file.
    #[command(flatten)]
    pub file: ConfigurationFile,
}

/// Runs the subcommand: status 1 when the file is wrong, else what `control` gives.
pub fn run(arguments: &RunArguments) -> ExitCode {
    match load_or_explain(arguments.file.path()) {
        Some(config) => crate::control::run(config),
        None => ExitCode::FAILURE,
    }
}
