//! `torii failover`: the shared address to the other node, with its progress.
//!
//! Progress goes to standard error, the outcome to standard output. When the command is interrupted,
//! what was begun goes on: see `torii status`.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::running::{Running, next_answer};
use crate::control::socket::protocol::{Answer, Request};

/// Arguments of `torii failover`.
#[derive(Debug, Args)]
pub struct FailoverArguments {
    /// Which torii
    #[command(flatten)]
    running: Running,
    /// Undo it: the active node is asked to hand over to this one; over VRRP proper this one just takes over
    #[arg(long)]
    back: bool,
    /// Although the other node is not known to be able to take over; with --back: without asking the active node
    #[arg(long)]
    force: bool,
}

/// Runs the subcommand: status 0 when it was done, 1 when it was refused or torii cannot be reached.
pub fn run(arguments: &FailoverArguments) -> ExitCode {
    let force = arguments.force;
    let request = if arguments.back { Request::TakeBack { force } } else { Request::FailOver { force } };
    match converse(&arguments.running, &request) {
        Ok(text) => {
            // The status says it too; a closed pipe on standard output changes nothing.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn converse(running: &Running, request: &Request) -> Result<String, String> {
    let mut client = running.ask(request)?;
    loop {
        match next_answer(&mut client)? {
            Answer::Progress { text } => eprintln!("  {text}"),
            Answer::Done { text } => return Ok(text),
            Answer::Refused { reason, help } => {
                let help = help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
                return Err(format!("{reason}{help}"));
            }
            Answer::Malformed { reason } => return Err(format!("it does not know this request: {reason}")),
            Answer::Status { .. } => return Err("it answered something else".into()),
        }
    }
}
