//! Options about when requests are sent.

use std::path::Path;
use std::str::FromStr;

use crate::engine::{Load, Think};
use crate::record::InputFile;
use crate::schedule::{Rate, Schedule, Shape, Spacing, Step, Times, read_times};

use super::units::{duration_ns, in_words, some_time_ns};

/// One rate, or from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateSpan {
    /// The same throughout.
    Even(Rate),
    /// A straight line.
    Ramp(Rate, Rate),
}

impl FromStr for RateSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("..") {
            None => Ok(Self::Even(text.parse()?)),
            Some((from, to)) => Ok(Self::Ramp(from.parse()?, to.parse()?)),
        }
    }
}

/// A rate at which something is due.
fn some_rate(text: &str) -> Result<RateSpan, String> {
    match text.parse()? {
        RateSpan::Even(rate) if rate.is_zero() => {
            Err("at a rate of 0 nothing is ever due; write 0.5 for one request in two seconds".to_owned())
        }
        RateSpan::Ramp(from, to) if from.is_zero() && to.is_zero() => {
            Err("from 0 to 0 nothing is ever due".to_owned())
        }
        span => Ok(span),
    }
}

/// Steps of a schedule: `1000x10s,2000x10s`.
fn step(text: &str) -> Result<Step, String> {
    let (rate, duration) = text.split_once('x').ok_or("write steps as RATExTIME: 1000x10s,2000x10s")?;
    Ok(Step { rate: rate.parse()?, duration_ns: some_time_ns(duration)? })
}

/// A file of planned times, read.
#[derive(Debug, Clone)]
pub struct Replay {
    times: Times,
    file: InputFile,
}

fn replay(path: &str) -> Result<Replay, String> {
    let path = Path::new(path);
    let times = read_times(path)?;
    let file = InputFile::read("--replay", path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Replay { times, file })
}

/// Spacing of arrivals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ArrivalChoice {
    /// Evenly spaced.
    #[default]
    Constant,
    /// As independent users come: a Poisson process.
    Poisson,
}

/// When requests are sent.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Load")]
pub struct LoadArguments {
    /// Requests per second, whatever the target does: 5000, 0.5, 30k; or a ramp: 100..5000
    #[arg(
        long,
        short = 'r',
        value_name = "RATE",
        required_unless_present_any = ["steps", "closed", "replay"],
        conflicts_with = "steps",
        value_parser = some_rate
    )]
    pub rate: Option<RateSpan>,

    /// Rates one after another, each for its own time: 1000x10s,2000x10s
    #[arg(
        long,
        value_name = "RATExTIME",
        value_delimiter = ',',
        value_parser = step,
        conflicts_with = "duration"
    )]
    pub steps: Vec<Step>,

    /// Planned times from a file: seconds from the start, one per line, ascending
    #[arg(
        long,
        value_name = "FILE",
        value_parser = replay,
        conflicts_with_all = ["rate", "steps", "duration", "arrivals", "seed", "closed"]
    )]
    pub replay: Option<Replay>,

    /// How long requests are sent
    #[arg(long, short = 'd', value_name = "TIME", default_value = "10s", value_parser = some_time_ns)]
    pub duration: u64,

    /// Send, and do not measure, for this time before
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = duration_ns)]
    pub warm_up: u64,

    /// How arrivals are spaced
    #[arg(long, value_enum, default_value_t)]
    pub arrivals: ArrivalChoice,

    /// Seed of --arrivals poisson: the same seed gives the same times
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "arrivals")]
    pub seed: u64,

    /// Closed loop: each connection sends its next request when the last one is answered. Finds a
    /// maximum; its latencies hide every stall
    #[arg(long, conflicts_with_all = ["rate", "steps", "arrivals", "seed", "users"])]
    pub closed: bool,

    /// Pause of a closed loop's user: 100ms, 50ms..150ms (even), exp:100ms (exponential, mean)
    #[arg(long, value_name = "TIME", requires = "closed", conflicts_with_all = ["rate", "steps"], value_parser = think)]
    pub think: Option<Think>,
}

/// A pause.
///
/// # Errors
/// In words, for the command line.
pub fn think(text: &str) -> Result<Think, String> {
    if let Some(mean) = text.strip_prefix("exp:") {
        return Ok(Think::Exponential(duration_ns(mean)?));
    }
    match text.split_once("..") {
        None => Ok(Think::Fixed(duration_ns(text)?)),
        Some((least, most)) => {
            let (least, most) = (duration_ns(least)?, duration_ns(most)?);
            if least > most {
                return Err("the shorter pause comes first".to_owned());
            }
            Ok(Think::Uniform(least, most))
        }
    }
}

impl LoadArguments {
    /// As the engine wants it, with the warm-up in front: at the rate that the run begins with.
    pub fn load(&self) -> Load {
        if self.closed {
            let duration_ns = self.duration.saturating_add(self.warm_up);
            return Load::Closed { duration_ns, think: self.think.unwrap_or(Think::None) };
        }
        let spacing = match self.arrivals {
            ArrivalChoice::Constant => Spacing::Even,
            ArrivalChoice::Poisson => Spacing::Poisson { seed: self.seed },
        };
        Load::Open(Schedule { shape: self.shape(), spacing })
    }

    fn shape(&self) -> Shape {
        if let Some(replay) = &self.replay {
            return Shape::Replay(replay.times.clone());
        }
        let warm_up_at = |rate: Rate| Step { rate, duration_ns: self.warm_up };
        match self.rate {
            Some(RateSpan::Even(rate)) => {
                Shape::Constant(Step { rate, duration_ns: self.duration.saturating_add(self.warm_up) })
            }
            // A ramp is its own warm-up: what is not measured is its beginning.
            Some(RateSpan::Ramp(from, to)) => {
                Shape::Ramp { from, to, duration_ns: self.duration.saturating_add(self.warm_up) }
            }
            None => {
                let first = self.steps.first().map_or(Rate::ZERO, |step| step.rate);
                let warm_up = (self.warm_up > 0).then(|| warm_up_at(first));
                Shape::Steps(warm_up.into_iter().chain(self.steps.iter().copied()).collect())
            }
        }
    }

    /// The file of a replay, for the record.
    pub fn input(&self) -> Option<InputFile> {
        self.replay.as_ref().map(|replay| replay.file.clone())
    }

    /// The schedule in words.
    pub fn in_words(&self) -> String {
        if let Some(Replay { times, file }) = &self.replay {
            return format!("replay of {} requests (SHA-256 {})", times.len(), file.sha256);
        }
        let arrivals = match self.arrivals {
            ArrivalChoice::Constant => "constant",
            ArrivalChoice::Poisson => "poisson",
        };
        match (self.closed, self.rate) {
            (true, _) => "closed loop".to_owned(),
            (_, Some(RateSpan::Even(rate))) => format!("{arrivals} {rate}/s"),
            (_, Some(RateSpan::Ramp(from, to))) => format!("ramp {from}/s to {to}/s, {arrivals}"),
            (_, None) => {
                let step = |step: &Step| format!("{}/s for {}", step.rate, in_words(step.duration_ns));
                let steps: Vec<String> = self.steps.iter().map(step).collect();
                format!("steps {}, {arrivals}", steps.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rates_steps_and_pauses_are_read() {
        assert_eq!("5k".parse(), Ok(RateSpan::Even(Rate::per_second(5000))));
        assert_eq!("0..10".parse(), Ok(RateSpan::Ramp(Rate::ZERO, Rate::per_second(10))));
        assert!("10..".parse::<RateSpan>().is_err());
        assert_eq!(step("1000x10s").unwrap().duration_ns, 10_000_000_000);
        assert!(step("1000").is_err() && step("x1s").is_err());
        assert_eq!(think("exp:10ms"), Ok(Think::Exponential(10_000_000)));
        assert_eq!(think("1ms..2ms"), Ok(Think::Uniform(1_000_000, 2_000_000)));
        assert!(think("2ms..1ms").is_err());
        for nothing in ["0", "0.0", "0..0"] {
            assert!(some_rate(nothing).unwrap_err().contains("nothing is ever due"), "{nothing}");
        }
        assert!(some_rate("0..10").is_ok() && some_rate("0.000001").is_ok());
    }
}
