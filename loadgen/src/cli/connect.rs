//! `connect`: new connections at their planned times, with their TLS handshakes, and nothing else.

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
pub struct ConnectArguments {
    #[command(flatten)]
    requests: RequestArguments,
    /// Send one request over each connection, too: as many requests as handshakes
    #[arg(long, help_heading = "Requests")]
    request: bool,
    #[command(flatten)]
    load: LoadArguments,
    #[command(flatten)]
    transport: TransportArguments,
    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  # 500 full TLS handshakes a second.
  torii-loadgen connect https://example.com/ -r 500 --no-resume

  # The same with resumed sessions, in TLS 1.2, and one request over each connection.
  torii-loadgen connect https://example.com/ -r 500 --tls-version 1.2 --request

  # As many TCP connections as the target takes; resets leave no port in TIME_WAIT.
  torii-loadgen connect http://192.0.2.10/ --closed -c 100 --reset";

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &ConnectArguments, stop: &Arc<Stop>) -> ModeResult {
    let ConnectArguments { requests, request, load, transport, output } = arguments;
    output.check("connect").map_err(ModeError::Usage)?;
    if *request {
        transport.tls.check_requests().map_err(ModeError::Usage)?;
    }
    let requests = RequestArguments { close: true, ..requests.clone() };
    let mut plan = plan(&requests, transport, load.load(), load.warm_up)?;
    plan.handshake_only = !request;
    let schedule = format!("new connections: {}", load.in_words());
    let mut description = describe("connect", schedule, &requests, transport, &plan)?;
    description.inputs.extend(load.input());
    let measured = measure(plan, description, output, unobserved(stop))?;
    Ok(measured.reporting.publish(&measured.record)?)
}
