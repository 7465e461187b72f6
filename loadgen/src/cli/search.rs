//! `search`: the highest rate that keeps the stated limits, and the curve on the way there.
//!
//! However it ends, the curve is printed and the record written; the record's `search` says how.

use std::sync::Arc;

use crate::engine::{Load, Stop};
use crate::output::{OutputArguments, Reporting, publish};
use crate::record::{Began, SearchEnd};
use crate::schedule::{Rate, Schedule, Shape, Spacing, Step};

use super::build::plan;
use super::describe::describe;
use super::requests::RequestArguments;
use super::session::{ModeError, ModeResult};
use super::transport::TransportArguments;
use super::units::{duration_ns, in_words, percent, some_time_ns};

mod limits;
mod walk;

use limits::LimitArguments;
use walk::Search;

/// The finest precision, per cent.
const PRECISION_MIN: f64 = 0.5;

/// Options of the mode.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct SearchArguments {
    #[command(flatten)]
    requests: RequestArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// Rate to begin with
    #[arg(long, value_name = "RATE", default_value = "100", help_heading = "Load")]
    from: Rate,
    /// Rate that is not exceeded
    #[arg(long, value_name = "RATE", default_value = "1M", help_heading = "Load")]
    to: Rate,
    /// Length of a step
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = some_time_ns,
        help_heading = "Load"
    )]
    step: u64,
    /// Length of the last run, which confirms the result
    #[arg(
        long,
        short = 'd',
        value_name = "TIME",
        default_value = "10s",
        value_parser = some_time_ns,
        help_heading = "Load"
    )]
    duration: u64,
    /// Send, and do not measure, for this time before each
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration_ns, help_heading = "Load")]
    warm_up: u64,
    /// How near the result has to be, in per cent
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 5.0,
        value_parser = precision,
        help_heading = "Load"
    )]
    precision: f64,
    #[command(flatten)]
    transport: TransportArguments,
    #[command(flatten)]
    output: OutputArguments,
}

const AFTER_HELP: &str = "\
Examples:
  # The highest rate at which 99 % are answered within 5 ms and 99.9 % without an error.
  torii-loadgen search http://192.0.2.10/ --p99 5ms --max-errors 0.1 -c 200

  # From 1,000/s to at most 50,000/s, to one per cent, with a minute to confirm it.
  torii-loadgen search http://192.0.2.10/ --p99.9 20ms --from 1k --to 50k --precision 1 -d 1m

  # Over TLS; the curve as a page.
  torii-loadgen search https://example.com/ --p50 2ms --p99 10ms --html search.html

The first line of the result is the highest good rate; the curve has a line for each step, by rate,
the knee marked. --json has the same: `search` (highest_good_per_second, confirmed, end, reason),
`steps`, and the whole record of the run that confirmed the rate (without one: of the best step).

Exit codes: 0 a rate was found, 1 no rate kept the limits, 3 the client was the limit (what was
found is a lower bound). Ctrl-C ends the search with what was found so far.";

/// Reads a precision: finer than half a per cent no two runs agree.
fn precision(text: &str) -> Result<f64, String> {
    match percent(text)? {
        precision if precision >= PRECISION_MIN => Ok(precision),
        _ => Err(format!("write {PRECISION_MIN} to 100: no two runs agree more closely")),
    }
}

impl SearchArguments {
    /// What shapes the search besides its limits, for the record.
    fn described(&self) -> impl Iterator<Item = (String, String)> {
        let options = [
            ("search_from", format!("{}/s", self.from)),
            ("search_to", format!("{}/s", self.to)),
            ("search_step", in_words(self.step)),
            ("search_confirmation", in_words(self.duration)),
            ("search_warm_up", in_words(self.warm_up)),
            ("search_precision", format!("{} %", self.precision)),
        ];
        options.into_iter().map(|(name, value)| (name.to_owned(), value))
    }
}

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &SearchArguments, stop: &Arc<Stop>) -> ModeResult {
    arguments.output.check("search").map_err(ModeError::Usage)?;
    arguments.transport.tls.check_requests().map_err(ModeError::Usage)?;
    if arguments.from.is_zero() || arguments.from > arguments.to {
        return Err(ModeError::Usage("--from has to be above zero and not above --to".to_owned()));
    }
    let empty = Shape::Constant(Step { rate: arguments.from, duration_ns: arguments.step });
    let load = Load::Open(Schedule { shape: empty, spacing: Spacing::Even });
    let plan = plan(&arguments.requests, &arguments.transport, load, arguments.warm_up)?;
    let mut description =
        describe("search", String::new(), &arguments.requests, &arguments.transport, &plan)?;
    arguments.limits.describe(&mut description.options);
    description.options.extend(arguments.described());
    // Opened and closed again: a file that cannot be written ends the search before it begins.
    let opened = Reporting::open(&arguments.output, &description, Began::default());
    drop(opened.map_err(|error| ModeError::Usage(error.to_string()))?);
    let mut search = Search::new(arguments, plan, description, stop);
    let (end, fault) = match search.go() {
        Ok(end) => (end, None),
        Err(ModeError::Usage(why) | ModeError::Run(why)) => (SearchEnd::Broken, Some(why)),
    };
    match search.finish(end, fault.clone()) {
        Some((record, Some(confirmed))) => Ok(confirmed.reporting.publish(&record)?),
        Some((record, None)) => Ok(publish(&arguments.output, &record)?),
        None => Err(ModeError::Run(fault.unwrap_or_else(|| "the search was interrupted".to_owned()))),
    }
}
