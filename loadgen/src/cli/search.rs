//! `search`: the highest rate that keeps the stated limits.
//!
//! The rate doubles while the limits are kept; then the interval between the last good and the first
//! bad rate is halved until it is narrow. A run at the rate that was found confirms it, and is the
//! result. `next_rate` decides, without a socket or a clock.

use std::sync::Arc;

use crate::engine::{Load, Plan, Stop};
use crate::output::{OutputArguments, Reporting, duration as duration_text};
use crate::record::{Began, Description, RunRecord, StepRecord, VerdictName, ratio};
use crate::schedule::{Rate, Schedule, Shape, Spacing, Step};

use super::build::plan;
use super::describe::describe;
use super::requests::RequestArguments;
use super::session::{Measured, ModeError, ModeResult, measure, unobserved};
use super::transport::TransportArguments;
use super::units::{duration_ns, in_words, some_time_ns};

/// Steps at most: doubling from 1/s to 100 million is 27, halving to a percent 7.
const STEPS_MAX: usize = 40;

/// Share of the planned requests that have to be answered in time for a step to count as reached.
const REACHED: f64 = 0.99;

/// What has to hold.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArguments {
    /// Median response time at most
    #[arg(long, value_name = "TIME", value_parser = some_time_ns)]
    p50: Option<u64>,
    /// 99th percentile of response times at most (default, if no time is limited: 10ms)
    #[arg(long, value_name = "TIME", value_parser = some_time_ns)]
    p99: Option<u64>,
    /// 99.9th percentile at most
    #[arg(long = "p99.9", value_name = "TIME", value_parser = some_time_ns)]
    p999: Option<u64>,
    /// Requests without a good answer at most, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1)]
    max_errors: f64,
}

/// Options of the mode.
#[derive(Debug, Clone, clap::Args)]
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
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, help_heading = "Load")]
    precision: f64,
    #[command(flatten)]
    transport: TransportArguments,
    #[command(flatten)]
    output: OutputArguments,
}

/// What is known: the highest rate that kept the limits, the lowest that did not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Known {
    good: Option<f64>,
    bad: Option<f64>,
}

/// The next rate to try; `None` when the result is near enough.
fn next_rate(known: Known, from: f64, to: f64, precision: f64) -> Option<f64> {
    match (known.good, known.bad) {
        (None, None) => Some(from.min(to)),
        (Some(good), None) => (good < to).then(|| (good * 2.0).min(to)),
        // Below the first rate: down to a hundredth of it.
        (None, Some(bad)) => (bad > from / 100.0).then_some(bad / 2.0),
        (Some(good), Some(bad)) => (bad - good > good * precision).then_some((good + bad) / 2.0),
    }
}

impl LimitArguments {
    fn p99(&self) -> Option<u64> {
        let has_one = self.p50.is_some() || self.p99.is_some() || self.p999.is_some();
        if has_one { self.p99 } else { Some(10_000_000) }
    }

    /// Why a run does not keep the limits.
    fn breach(&self, record: &RunRecord) -> Option<String> {
        let response = record.histogram(crate::measure::Kind::Response);
        if response.is_empty() {
            return Some("no good answer".to_owned());
        }
        let errors = record.error_share() * 100.0;
        if errors > self.max_errors {
            return Some(format!("{errors:.2} % without a good answer"));
        }
        let limits = [("50", self.p50), ("99", self.p99()), ("99.9", self.p999)];
        for (name, limit) in limits {
            let measured = response.percentile_ns(name);
            if limit.is_some_and(|limit| measured > limit) {
                return Some(format!("p{name} {}", duration_text(measured)));
            }
        }
        let reached = ratio(record.counts.in_time, record.counts.planned);
        // The last requests of a healthy step are still on their way when its schedule ends.
        let in_time = record.counts.in_time as f64 + record.on_their_way();
        (in_time < record.counts.planned as f64 * REACHED)
            .then(|| format!("{:.1} % of the planned requests answered in time", reached * 100.0))
    }
}

fn step_record(record: &RunRecord, rate: Rate, breach: Option<String>) -> StepRecord {
    let response = record.histogram(crate::measure::Kind::Response);
    StepRecord {
        rate_per_second: rate.as_f64(),
        achieved_per_second: record.achieved_per_second,
        p50_ns: response.percentile_ns("50"),
        p99_ns: response.percentile_ns("99"),
        p999_ns: response.percentile_ns("99.9"),
        not_ok: record.not_ok(),
        client_busy_share: record.client.busy_share,
        passed: breach.is_none(),
        reason: breach.unwrap_or_default(),
    }
}

/// The search as it goes.
struct Search<'a> {
    arguments: &'a SearchArguments,
    plan: Plan,
    description: Description,
    stop: &'a Arc<Stop>,
    steps: Vec<StepRecord>,
}

impl Search<'_> {
    /// One run at a rate.
    fn run(&self, rate: Rate, length_ns: u64, output: &OutputArguments) -> Result<Measured, ModeError> {
        let warm_up_ns = self.arguments.warm_up;
        let shape = Shape::Constant(Step { rate, duration_ns: length_ns.saturating_add(warm_up_ns) });
        let load = Load::Open(Schedule { shape, spacing: Spacing::Even });
        let plan = Plan { load, warm_up_ns, ..self.plan.clone() };
        let description = Description {
            schedule: format!("constant {rate}/s"),
            rate_per_second: Some(rate.as_f64()),
            duration_ns: plan.load.duration_ns(),
            warm_up_ns,
            ..self.description.clone()
        };
        measure(plan, description, output, unobserved(self.stop))
    }

    /// Tries rates until the result is near enough, or the client is the limit, or somebody asks to
    /// stop. Returns the best rate and whether the client was the limit.
    fn narrow(&mut self) -> Result<(Option<f64>, bool), ModeError> {
        let arguments = self.arguments;
        let quiet = OutputArguments { quiet: true, ..OutputArguments::default() };
        let mut known = Known::default();
        for _ in 0..STEPS_MAX {
            let precision = (arguments.precision / 100.0).max(0.005);
            let next = next_rate(known, arguments.from.as_f64(), arguments.to.as_f64(), precision);
            let Some(rate) = next.filter(|_| !self.stop.is_asked()) else { break };
            let rate = Rate::nearest(rate);
            let measured = self.run(rate, arguments.step, &quiet)?;
            if self.stop.is_asked() {
                break;
            }
            let breach = arguments.limits.breach(&measured.record);
            let step = step_record(&measured.record, rate, breach);
            self.tell(&step);
            let passed = step.passed;
            self.steps.push(step);
            if measured.record.verdict.name == VerdictName::ClientLimited && !passed {
                // A higher rate would measure this machine.
                return Ok((known.good, true));
            }
            match passed {
                true => known.good = Some(rate.as_f64()),
                false => known.bad = Some(rate.as_f64()),
            }
        }
        Ok((known.good, false))
    }

    fn tell(&self, step: &StepRecord) {
        if self.arguments.output.quiet {
            return;
        }
        let verdict = if step.passed { "kept".to_owned() } else { format!("broken: {}", step.reason) };
        eprintln!(
            "{:>10.0}/s  achieved {:>10.0}/s  p50 {:>9}  p99 {:>9}  p99.9 {:>9}  {verdict}",
            step.rate_per_second,
            step.achieved_per_second,
            duration_text(step.p50_ns),
            duration_text(step.p99_ns),
            duration_text(step.p999_ns),
        );
    }
}

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &SearchArguments, stop: &Arc<Stop>) -> ModeResult {
    if arguments.from.is_zero() || arguments.from > arguments.to {
        return Err(ModeError::Usage("--from has to be above zero and not above --to".to_owned()));
    }
    let empty = Shape::Constant(Step { rate: arguments.from, duration_ns: arguments.step });
    let load = Load::Open(Schedule { shape: empty, spacing: Spacing::Even });
    let plan = plan(&arguments.requests, &arguments.transport, load, arguments.warm_up)?;
    let mut description =
        describe("search", String::new(), &arguments.requests, &arguments.transport, &plan)?;
    let limits = &arguments.limits;
    for (name, limit) in [("p50", limits.p50), ("p99", limits.p99()), ("p99.9", limits.p999)] {
        if let Some(limit) = limit {
            description.options.insert(format!("limit_{name}"), in_words(limit));
        }
    }
    // Opened and closed again: a file that cannot be written ends the search before it begins.
    drop(Reporting::open(&arguments.output, &description, Began::default())?);
    let mut search = Search { arguments, plan, description, stop, steps: Vec::new() };
    let (best, is_client_limited) = search.narrow()?;
    if stop.is_asked() {
        return Err(ModeError::Run("the search was stopped".to_owned()));
    }
    if is_client_limited {
        eprintln!("torii-loadgen: the client became the limit; the target may be able to do more");
    }
    let Some(best) = best else {
        let why = search.steps.last().map_or("no step was made", |step| step.reason.as_str());
        let lowest = search.steps.last().map_or(0.0, |step| step.rate_per_second);
        return Err(ModeError::Run(format!("not even {lowest:.1}/s keeps the limits: {why}")));
    };
    let rate = Rate::nearest(best);
    let mut measured = search.run(rate, arguments.duration, &arguments.output)?;
    let breach = limits.breach(&measured.record);
    let is_confirmed = breach.is_none();
    let step = step_record(&measured.record, rate, breach);
    search.tell(&step);
    search.steps.push(step);
    measured.record.steps = std::mem::take(&mut search.steps);
    let code = measured.reporting.publish(&measured.record)?;
    if !is_confirmed {
        eprintln!("torii-loadgen: the last run did not confirm the rate that the steps found");
    }
    Ok(if code == 0 && !is_confirmed { 1 } else { code })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{Made, record};

    /// Searches a target that keeps its limits up to `capacity`; returns the result and the steps.
    fn search(capacity: f64, from: f64, to: f64) -> (Option<f64>, usize) {
        let (mut known, mut steps) = (Known::default(), 0);
        while let Some(rate) = next_rate(known, from, to, 0.05) {
            steps += 1;
            assert!(steps <= STEPS_MAX && rate <= to, "{rate}");
            match rate <= capacity {
                true => known.good = Some(rate),
                false => known.bad = Some(rate),
            }
        }
        (known.good, steps)
    }

    #[test]
    fn answers_on_their_way_at_the_end_break_no_limit_and_lateness_does() {
        let limits =
            LimitArguments { p50: Some(10_000_000_000), max_errors: 0.1, ..LimitArguments::default() };
        let healthy = record(1, 100, |_, _| Made::good(45_000_000));
        assert!(healthy.counts.in_time < 99, "{:?}", healthy.counts);
        assert_eq!(limits.breach(&healthy), None);
        let late = record(1, 100, |_, k| Made { wait_ns: k * 5_000_000, ..Made::good(2_000_000) });
        assert!(limits.breach(&late).is_some_and(|why| why.contains("answered in time")));
    }

    #[test]
    fn finds_the_knee_from_above_and_below() {
        for (capacity, from) in
            [(12_345.0, 100.0), (130.0, 100.0), (70.0, 100.0), (100.0, 100.0), (3.0, 100.0)]
        {
            let (found, _) = search(capacity, from, 1e6);
            let found = found.unwrap_or_default();
            assert!(found <= capacity && found >= capacity * 0.94, "{capacity}: {found}");
        }
        assert_eq!(search(1e9, 100.0, 5000.0).0, Some(5000.0), "never beyond the stated end");
        assert_eq!(search(0.0, 100.0, 1e6).0, None);
    }
}
