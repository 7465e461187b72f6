//! `max`: a closed loop without pauses, for the highest throughput and nothing else.

use std::sync::Arc;

use crate::engine::{Load, Stop, Think};
use crate::output::OutputArguments;

use super::build::plan;
use super::describe::describe;
use super::requests::RequestArguments;
use super::session::{ModeError, ModeResult, measure, unobserved};
use super::transport::TransportArguments;
use super::units::{duration_ns, some_time_ns};

/// Options of the mode.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct MaxArguments {
    #[command(flatten)]
    requests: RequestArguments,
    /// How long requests are sent
    #[arg(
        long,
        short = 'd',
        value_name = "TIME",
        default_value = "10s",
        value_parser = some_time_ns,
        help_heading = "Load"
    )]
    duration: u64,
    /// Send, and do not measure, for this time before
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration_ns, help_heading = "Load")]
    warm_up: u64,
    #[command(flatten)]
    transport: TransportArguments,
    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  # The ceiling, with 64 connections; measure latencies below it, with run.
  torii-loadgen max http://192.0.2.10/ -c 64

  # Over TLS, with a certificate that nobody vouches for, for half a minute.
  torii-loadgen max https://192.0.2.10/ -k -c 64 -d 30s --json max.json";

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &MaxArguments, stop: &Arc<Stop>) -> ModeResult {
    let MaxArguments { requests, duration, warm_up, transport, output } = arguments;
    output.check("max").map_err(ModeError::Usage)?;
    transport.tls.check_requests().map_err(ModeError::Usage)?;
    if requests.users > 1 {
        let why = "--users: a closed loop has one user for each of its --connections";
        return Err(ModeError::Usage(why.to_owned()));
    }
    let load = Load::Closed { duration_ns: duration.saturating_add(*warm_up), think: Think::None };
    let plan = plan(requests, transport, load, *warm_up)?;
    let description = describe("max", "closed loop".to_owned(), requests, transport, &plan)?;
    let measured = measure(plan, description, output, unobserved(stop))?;
    Ok(measured.reporting.publish(&measured.record)?)
}
