//! The subcommand: asks, shows, and says by its exit status whether the node serves.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::text;
use crate::cli::running::{Running, next_answer};
use crate::control::socket::protocol::{Answer, Request};
use crate::control::status::{NodeState, NodeStatus};

/// Exit status of a node that runs but does not serve.
const NOT_SERVING: u8 = 3;

/// Arguments of `torii status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Which torii
    #[command(flatten)]
    running: Running,
    /// Everything as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand: status 0 for a node that serves, 3 for one that runs and does not, 1 when
/// there is none.
pub fn run(arguments: &StatusArguments) -> ExitCode {
    match look(&arguments.running) {
        Ok(status) => {
            let shown = if arguments.json { json(&status) } else { text::screen(&status) };
            // The exit status says the most important; a closed pipe changes nothing.
            let _ = writeln!(std::io::stdout(), "{}", shown.trim_end());
            exit_code(status.state)
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn look(running: &Running) -> Result<NodeStatus, String> {
    match next_answer(&mut running.ask(&Request::Status {})?)? {
        Answer::Status { status } => Ok(*status),
        Answer::Malformed { reason } => Err(format!("it does not know this request: {reason}")),
        _ => Err("it answered something else".into()),
    }
}

fn json(status: &NodeStatus) -> String {
    serde_json::to_string_pretty(status).expect("the types hold no map and no value that JSON lacks")
}

fn exit_code(state: NodeState) -> ExitCode {
    match state {
        NodeState::Serving | NodeState::Softened => ExitCode::SUCCESS,
        NodeState::NotServing | NodeState::Draining => ExitCode::from(NOT_SERVING),
    }
}
