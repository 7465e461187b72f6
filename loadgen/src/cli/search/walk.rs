//! The search as it goes: one run after another, the curve that they make, and how it ends.
//!
//! The rate doubles while the limits are kept; then the interval between the last good and the first
//! bad rate is halved until it is narrow. A longer run at the rate that was found confirms it; if that
//! run breaks the limits, the rate is a bad one, and the search goes on below it with steps as long as
//! that run: what short steps say is not to be relied on then. [`next_rate`] decides, without a socket
//! or a clock.

use std::sync::Arc;

use super::SearchArguments;
use crate::cli::session::{Measured, ModeError, measure, unobserved};
use crate::engine::{Load, Plan, Stop};
use crate::measure::Kind;
use crate::output::{OutputArguments, duration, rate as rate_text, share};
use crate::record::{Description, RunRecord, SearchEnd, SearchRecord, StepRecord, VerdictName};
use crate::schedule::{Rate, Schedule, Shape, Spacing, Step};

/// Steps at most: doubling from 1/s to 10 million is 24, halving to a percent 7.
const STEPS_MAX: usize = 40;

/// Rates that are put to the longer run, before the search gives up.
const CONFIRMATIONS_MAX: usize = 3;

/// What is known: the highest rate that kept the limits, the lowest that did not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Known {
    good: Option<f64>,
    bad: Option<f64>,
    /// Whether the client was the limit at the bad rate.
    is_clients: bool,
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

/// A search.
pub(super) struct Search<'a> {
    arguments: &'a SearchArguments,
    plan: Plan,
    description: Description,
    stop: &'a Arc<Stop>,
    known: Known,
    /// Length of a step.
    step_ns: u64,
    steps: Vec<StepRecord>,
    /// The runs of the steps that kept the limits, by their rates.
    good: Vec<(f64, RunRecord)>,
    /// The last run, whatever became of it.
    last: Option<RunRecord>,
    /// The run that confirmed the result.
    confirmed: Option<Measured>,
}

/// What became of one run of a search.
enum Stepped {
    Good,
    Bad,
    /// Somebody asked to stop: the run says nothing about its rate.
    Interrupted,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        arguments: &'a SearchArguments,
        plan: Plan,
        description: Description,
        stop: &'a Arc<Stop>,
    ) -> Self {
        let (known, steps, good) = (Known::default(), Vec::new(), Vec::new());
        let step_ns = arguments.step;
        Self { arguments, plan, description, stop, known, step_ns, steps, good, last: None, confirmed: None }
    }

    /// Searches to the end; says how it ended.
    ///
    /// # Errors
    /// A run could not be made.
    pub(super) fn go(&mut self) -> Result<SearchEnd, ModeError> {
        for _ in 0..CONFIRMATIONS_MAX {
            if self.narrow()? {
                return Ok(SearchEnd::Interrupted);
            }
            let Some(best) = self.known.good else {
                return Ok(if self.known.is_clients {
                    SearchEnd::ClientLimited
                } else {
                    SearchEnd::NoneGood
                });
            };
            match self.confirm(Rate::nearest(best))? {
                Stepped::Interrupted => return Ok(SearchEnd::Interrupted),
                Stepped::Good if self.known.is_clients => return Ok(SearchEnd::ClientLimited),
                Stepped::Good => return Ok(SearchEnd::Found),
                Stepped::Bad => {
                    self.step_ns = self.arguments.duration.max(self.arguments.step);
                    self.known.good = None;
                }
            }
        }
        Ok(SearchEnd::NotConfirmed)
    }

    /// Tries rates until the result is near enough, or the client is the limit from the start; true when
    /// somebody asked to stop.
    fn narrow(&mut self) -> Result<bool, ModeError> {
        let (from, to) = (self.arguments.from.as_f64(), self.arguments.to.as_f64());
        let precision = self.arguments.precision / 100.0;
        let quiet = OutputArguments { quiet: true, ..OutputArguments::default() };
        while self.steps.len() < STEPS_MAX && !self.stop.is_asked() {
            let Some(next) = next_rate(self.known, from, to, precision) else { break };
            let rate = Rate::nearest(next);
            let measured = self.run(rate, self.step_ns, &quiet)?;
            if matches!(self.judge(&measured.record, rate, false), Stepped::Good) {
                self.good.push((rate.as_f64(), measured.record.clone()));
            }
            self.last = Some(measured.record);
            if self.known.is_clients && self.known.good.is_none() {
                // What is too fast for this machine says nothing about the target.
                break;
            }
        }
        Ok(self.stop.is_asked())
    }

    /// A longer run, with all outputs, at the rate that was found.
    fn confirm(&mut self, rate: Rate) -> Result<Stepped, ModeError> {
        let measured = self.run(rate, self.arguments.duration, &self.arguments.output)?;
        let stepped = self.judge(&measured.record, rate, true);
        match stepped {
            Stepped::Good => self.confirmed = Some(measured),
            Stepped::Bad | Stepped::Interrupted => self.last = Some(measured.record),
        }
        Ok(stepped)
    }

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

    /// Takes a run into account and into the curve.
    fn judge(&mut self, record: &RunRecord, rate: Rate, confirms: bool) -> Stepped {
        if self.stop.is_asked() {
            return Stepped::Interrupted;
        }
        let is_clients = record.verdict.name == VerdictName::ClientLimited;
        let breach = self.arguments.limits.breach(record);
        let breach =
            breach.map(|why| if is_clients { format!("{why}; the client was the limit") } else { why });
        let step = step_record(record, rate, confirms, breach);
        self.tell(&step);
        let passed = step.passed;
        self.steps.push(step);
        match passed {
            true => {
                self.known.good = Some(rate.as_f64());
                Stepped::Good
            }
            false => {
                self.known.bad = Some(rate.as_f64());
                self.good.retain(|(good, _)| *good < rate.as_f64());
                self.known.is_clients = is_clients;
                Stepped::Bad
            }
        }
    }

    fn tell(&self, step: &StepRecord) {
        if self.arguments.output.quiet {
            return;
        }
        let verdict = if step.passed { "kept".to_owned() } else { format!("broken: {}", step.reason) };
        eprintln!(
            "{:>10.0}/s  achieved {:>10.0}/s  p50 {:>9}  p99 {:>9}  p99.9 {:>9}  client CPU {:>8}  {verdict}",
            step.rate_per_second,
            step.achieved_per_second,
            duration(step.p50_ns),
            duration(step.p99_ns),
            duration(step.p999_ns),
            share(step.client_busy_share),
        );
    }

    /// What was found, in a record; how the search ended is told by `end`, and by `fault` if a run could
    /// not be made. `None` when there was no run at all.
    pub(super) fn finish(
        mut self,
        end: SearchEnd,
        fault: Option<String>,
    ) -> Option<(RunRecord, Option<Measured>)> {
        let highest = self.good.iter().map(|(rate, _)| *rate).reduce(f64::max);
        let best = match end {
            SearchEnd::NoneGood | SearchEnd::NotConfirmed => None,
            _ => self.known.good.or(highest),
        };
        let search = SearchRecord {
            highest_good_per_second: best,
            confirmed: self.confirmed.is_some(),
            end,
            reason: fault.unwrap_or_else(|| self.in_words(end)),
        };
        let highest = self.good.into_iter().max_by(|left, right| left.0.total_cmp(&right.0));
        let (mut record, measured) = match self.confirmed.take() {
            Some(measured) => (measured.record.clone(), Some(measured)),
            None => (highest.map(|(_, record)| record).or(self.last)?, None),
        };
        record.steps = self.steps;
        record.search = Some(search);
        record.verdict = crate::output::judge(&record);
        Some((record, measured))
    }

    fn in_words(&self, end: SearchEnd) -> String {
        let last = self.steps.iter().rev().find(|step| !step.passed);
        let why = last
            .map_or(String::new(), |step| format!(" ({}: {})", rate_text(step.rate_per_second), step.reason));
        let is_whole = self.known.good.is_some_and(|good| good >= self.arguments.to.as_f64());
        match end {
            SearchEnd::Found if is_whole => {
                "the limits were kept up to the highest rate that was allowed (--to): the target may do more"
                    .to_owned()
            }
            SearchEnd::Found => format!("the lowest rate beyond it broke the limits{why}"),
            SearchEnd::NoneGood => format!("no rate kept the limits{why}"),
            SearchEnd::ClientLimited => {
                format!("the client was the limit of the search{why}; the target may do more")
            }
            SearchEnd::NotConfirmed => {
                format!("no rate that short steps found good was good for the whole of a longer run{why}")
            }
            SearchEnd::Interrupted => "the search was interrupted; this is what was found so far".to_owned(),
            SearchEnd::Broken => "a run could not be made".to_owned(),
        }
    }
}

fn step_record(record: &RunRecord, rate: Rate, confirms: bool, breach: Option<String>) -> StepRecord {
    let response = record.histogram(Kind::Response);
    let seconds = record.description.measured_seconds();
    StepRecord {
        rate_per_second: rate.as_f64(),
        offered_per_second: if seconds > 0.0 { record.counts.offered as f64 / seconds } else { 0.0 },
        achieved_per_second: record.achieved_per_second,
        p50_ns: response.percentile_ns("50"),
        p99_ns: response.percentile_ns("99"),
        p999_ns: response.percentile_ns("99.9"),
        not_ok: record.not_ok(),
        client_busy_share: record.client.busy_share,
        confirms,
        passed: breach.is_none(),
        reason: breach.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a target that keeps its limits up to `capacity`; returns the result and the steps.
    fn search(capacity: f64, from: f64, to: f64) -> (Option<f64>, usize) {
        search_on(Known::default(), capacity, from, to)
    }

    /// The same, with something known already.
    fn search_on(mut known: Known, capacity: f64, from: f64, to: f64) -> (Option<f64>, usize) {
        let mut steps = 0;
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

    #[test]
    fn a_rate_that_is_not_confirmed_is_followed_by_one_below_it() {
        let (short, _) = search(1_000.0, 100.0, 1e6);
        let known = Known { bad: short, ..Known::default() };
        for capacity in [900.0, 700.0, 130.0] {
            let found = search_on(known, capacity, 100.0, 1e6).0.unwrap_or_default();
            assert!(found <= capacity && found >= capacity * 0.94, "{capacity}: {found}");
        }
    }
}
