//! `run`: requests at their planned times, and how long the answers took.

use std::sync::Arc;

use crate::engine::Stop;
use crate::output::OutputArguments;

use super::build::plan;
use super::describe::describe;
use super::load::LoadArguments;
use super::requests::RequestArguments;
use super::session::{ModeResult, measure, unobserved};
use super::transport::TransportArguments;

/// Options of the mode.
#[derive(Debug, Clone, clap::Args)]
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

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &RunArguments, stop: &Arc<Stop>) -> ModeResult {
    let RunArguments { requests, load, transport, output } = arguments;
    let plan = plan(requests, transport, load.load(), load.warm_up)?;
    let mut description = describe("run", load.in_words(), requests, transport, &plan)?;
    description.inputs.extend(load.input());
    let measured = measure(plan, description, output, unobserved(stop))?;
    Ok(measured.reporting.publish(&measured.record)?)
}
