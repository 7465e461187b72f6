//! `run`: requests at their planned times, and how long the answers took.

use std::sync::Arc;

use crate::engine::Stop;
use crate::output::OutputArguments;

use super::build::plan;
use super::describe::describe;
use super::load::LoadArguments;
use super::requests::RequestArguments;
use super::session::{ModeError, ModeResult, measure, unobserved};
use super::transport::TransportArguments;

/// Options of the mode.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArguments {
    #[command(flatten)]
    requests: RequestArguments,
    #[command(flatten)]
    load: LoadArguments,
    #[command(flatten)]
    transport: TransportArguments,
    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  # 5,000 requests a second for a minute after ten seconds of warm-up, kept for compare and report.
  torii-loadgen run http://192.0.2.10/ -r 5000 -d 1m --warm-up 10s -c 200 --json run.json

  # Up the stairs, and a page that shows where it hurts.
  torii-loadgen run http://192.0.2.10/ --steps 1000x10s,2000x10s,4000x10s --html steps.html

  # 500 users with cookies, who must stay with the server that their cookie names.
  torii-loadgen run https://example.com/ -r 2000 --users 500 --verify-persistence SRV

  # In CI: exit code 1 if it is slower than agreed.
  torii-loadgen run http://192.0.2.10/ -r 500 --fail-if 'p99>20ms' --fail-if 'error_rate>0.1%'";

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &RunArguments, stop: &Arc<Stop>) -> ModeResult {
    let RunArguments { requests, load, transport, output } = arguments;
    output.check("run").map_err(ModeError::Usage)?;
    transport.tls.check_requests().map_err(ModeError::Usage)?;
    let plan = plan(requests, transport, load.load(), load.warm_up)?;
    let mut description = describe("run", load.in_words(), requests, transport, &plan)?;
    description.inputs.extend(load.input());
    let measured = measure(plan, description, output, unobserved(stop))?;
    Ok(measured.reporting.publish(&measured.record)?)
}
