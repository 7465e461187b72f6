//! Conditions that a run must meet: `--fail-if 'p99.9>5ms'`. If one is true, the run fails.
//!
//! ```text
//! condition = metric operator value
//! metric    = [histogram "."] ( "p" number | "max" | "mean" | "min" )     of response by default
//!           | "errors" | "error_rate" | "rate" | "unsent" | a class of error, as `read_timeout`
//!           | "gap" (the longest, a time) | "gaps" (those longer than --longer-than)  in the mode gap alone
//! operator  = ">" | ">=" | "<" | "<=" | "==" | "!="
//! value     = number [ "ns" | "us" | "ms" | "s" | "%" ]
//! ```

use super::text::{duration_of_f64, share};
use crate::measure::{ErrorClass, Kind, percentile};
use crate::record::RunRecord;

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
enum Metric {
    /// A percentile of a histogram, 0 to 100.
    Percentile(String, f64),
    /// The mean of a histogram.
    Mean(String),
    /// The smallest value of a histogram.
    Min(String),
    /// Planned requests without a good answer, those that were never sent among them.
    Errors,
    /// Their share of the planned requests, in per cent.
    ErrorRate,
    /// Good answers per second.
    Rate,
    /// Planned requests never sent.
    Unsent,
    /// Errors of one class.
    Class(ErrorClass),
    /// The longest time without a good answer; without end if the run ended first.
    LongestGap,
    /// Times without a good answer that are longer than the mode's limit.
    Gaps,
}

impl Metric {
    /// Whether it is a time, which needs its unit.
    fn is_time(&self) -> bool {
        matches!(self, Metric::Percentile(..) | Metric::Mean(_) | Metric::Min(_) | Metric::LongestGap)
    }
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

/// The longer signs first: `>=` begins like `>`.
const OPERATORS: [(&str, Operator); 6] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
];

/// Units of time in nanoseconds.
const UNITS: [(&str, f64); 5] = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];

/// A condition that fails a run when it is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    metric: Metric,
    operator: Operator,
    value: f64,
}

/// Why a text is not a condition, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError(String);

impl std::fmt::Display for ConditionError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ConditionError {}

/// How a condition came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the run fails for it.
    pub broken: bool,
    /// The condition and the measured value, in words.
    pub explanation: String,
}

impl std::str::FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Condition, ConditionError> {
        let dense: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let split =
            OPERATORS.iter().filter_map(|&(sign, operator)| Some((dense.split_once(sign)?, operator)));
        let ((metric, value), operator) = split.into_iter().next().ok_or_else(|| {
            ConditionError(
                "no comparison in it: write a metric, one of > >= < <= == !=, and a value".to_owned(),
            )
        })?;
        let metric = parse_metric(metric)?;
        let value = parse_value(value, &metric)?;
        Ok(Condition { text: text.trim().to_owned(), metric, operator, value })
    }
}

fn parse_metric(name: &str) -> Result<Metric, ConditionError> {
    match name {
        "errors" => return Ok(Metric::Errors),
        "error_rate" => return Ok(Metric::ErrorRate),
        "rate" => return Ok(Metric::Rate),
        "unsent" => return Ok(Metric::Unsent),
        "gap" => return Ok(Metric::LongestGap),
        "gaps" => return Ok(Metric::Gaps),
        _ => {}
    }
    if let Some(class) = ErrorClass::parse(name) {
        return Ok(Metric::Class(class));
    }
    // `p99.9` holds a dot too: only a word before the first dot can be a histogram.
    let (histogram, statistic) = match name.split_once('.') {
        Some((first, rest)) if first == "all" || Kind::parse(first).is_some() => (first, rest),
        _ => (Kind::Response.label(), name),
    };
    let histogram = histogram.to_owned();
    match statistic {
        "max" => return Ok(Metric::Percentile(histogram, 100.0)),
        "mean" => return Ok(Metric::Mean(histogram)),
        "min" => return Ok(Metric::Min(histogram)),
        _ => {}
    }
    let percent = statistic.strip_prefix('p').and_then(|number| number.parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Metric::Percentile(histogram, percent)),
        Some(_) => Err(ConditionError(format!("{statistic}: a percentile lies between p0 and p100"))),
        None => Err(ConditionError(format!(
            "`{name}` is not measured; write p50, p99.9, max, mean, service.p99, errors, error_rate, rate, unsent, \
             gap, gaps or a class of error such as read_timeout"
        ))),
    }
}

fn parse_value(text: &str, metric: &Metric) -> Result<f64, ConditionError> {
    let end =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 =
        number.parse().map_err(|_| ConditionError(format!("`{text}` is not a number with a unit")))?;
    if metric.is_time() {
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        return unit.map(|(_, ns)| number * ns).ok_or_else(|| {
            ConditionError(format!("`{text}`: a time needs its unit, one of ns, us, ms, s: `5ms`"))
        });
    }
    let allowed = match metric {
        Metric::ErrorRate => unit == "%",
        Metric::Rate => unit.is_empty() || unit == "/s",
        _ => unit.is_empty(),
    };
    match (allowed, metric) {
        (true, _) => Ok(number),
        (false, Metric::ErrorRate) => {
            Err(ConditionError(format!("`{text}`: a share needs its sign: `error_rate>0.1%`")))
        }
        (false, _) => Err(ConditionError(format!("`{text}`: a count has no unit"))),
    }
}

impl Condition {
    /// Whether a run of this mode can be held to it.
    ///
    /// # Errors
    /// What to do instead, in words for the command line.
    pub fn fits(&self, mode: &str) -> Result<(), String> {
        match self.metric {
            Metric::LongestGap | Metric::Gaps if mode != "gap" => Err(format!(
                "--fail-if '{}': only the mode gap looks for gaps; here `max` is the longest response time",
                self.text
            )),
            _ => Ok(()),
        }
    }

    /// Looks at a run. A time that was never measured breaks the condition: nothing proves that it
    /// was met.
    pub fn check(&self, record: &RunRecord) -> Outcome {
        let Some(measured) = self.measure(record) else {
            let explanation = format!("{}: not one value was measured", self.text);
            return Outcome { broken: true, explanation };
        };
        let broken = match self.operator {
            Operator::Greater => measured > self.value,
            Operator::GreaterOrEqual => measured >= self.value,
            Operator::Less => measured < self.value,
            Operator::LessOrEqual => measured <= self.value,
            Operator::Equal => measured == self.value,
            Operator::NotEqual => measured != self.value,
        };
        let shown = match self.metric {
            Metric::LongestGap if measured.is_infinite() => {
                "one that was not over when the run ended".to_owned()
            }
            _ if self.metric.is_time() => duration_of_f64(measured),
            Metric::ErrorRate => share(measured / 100.0),
            Metric::Rate => super::text::rate(measured),
            _ => format!("{measured:.0}"),
        };
        let state = if broken { "true, so the run fails" } else { "not so" };
        Outcome { broken, explanation: format!("{}: {state} (measured {shown})", self.text) }
    }

    fn measure(&self, record: &RunRecord) -> Option<f64> {
        let histogram = |name: &str| record.histograms.get(name).filter(|histogram| !histogram.is_empty());
        match &self.metric {
            Metric::Percentile(name, percent) => {
                let histogram = histogram(name)?.histogram.histogram();
                Some(percentile(&histogram, *percent) as f64)
            }
            Metric::Mean(name) => histogram(name).map(|histogram| histogram.mean_ns),
            Metric::Min(name) => histogram(name).map(|histogram| histogram.min_ns as f64),
            Metric::Errors => Some(record.not_ok() as f64),
            Metric::ErrorRate => Some(record.error_share() * 100.0),
            Metric::Rate => Some(record.achieved_per_second),
            Metric::Unsent => Some(record.counts.unsent() as f64),
            Metric::Class(class) => Some(record.errors.of(*class) as f64),
            Metric::LongestGap => {
                // How long it would have become, nobody knows.
                let is_over = record.gaps.last().is_none_or(|gap| gap.to_first_success_ns.is_some());
                let length_ns = record.longest_gap.as_ref()?.length_ns as f64;
                Some(if is_over { length_ns } else { f64::INFINITY })
            }
            Metric::Gaps => record.longest_gap.as_ref().map(|_| record.gaps.len() as f64),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::GapRecord;
    use crate::test_support::{Made, record};

    /// Whether a run with these gaps (lengths in ms, and whether an answer ended them) breaks a condition.
    fn breaks(text: &str, gaps: &[(u64, bool)]) -> bool {
        let mut record = record(1, 10, |_, _| Made::good(1_000_000));
        record.description.mode = "gap".into();
        let gap = |&(ms, is_over): &(u64, bool)| GapRecord {
            length_ns: ms * 1_000_000,
            to_first_success_ns: is_over.then_some(1),
            ..GapRecord::default()
        };
        record.gaps = gaps.iter().map(gap).filter(|gap| gap.length_ns > 50_000_000).collect();
        record.longest_gap = gaps.iter().map(gap).max_by_key(|gap| gap.length_ns);
        text.parse::<Condition>().unwrap().check(&record).broken
    }

    #[test]
    fn gaps_break_their_conditions_and_one_without_an_end_breaks_every_limit() {
        assert!(breaks("gap>100ms", &[(60, true), (101, true)]));
        assert!(!breaks("gap>100ms", &[(60, true), (100, true)]));
        assert!(breaks("gap>10s", &[(60, false)]), "it never came back");
        assert!(!breaks("gap>100ms", &[(9, false)]), "the end of a run is no gap");
        assert!(breaks("gaps>0", &[(60, true)]) && !breaks("gaps>0", &[(50, true)]));
        assert!(breaks("gap>1s", &[]), "nobody looked for gaps: nothing proves that there was none");
    }

    #[test]
    fn gaps_are_conditions_of_the_mode_that_finds_them() {
        for text in ["gap>100ms", "gaps>0"] {
            let condition: Condition = text.parse().unwrap();
            assert_eq!(condition.fits("gap"), Ok(()));
            assert!(condition.fits("run").unwrap_err().contains("only the mode gap"), "{text}");
        }
        assert_eq!("p99>1ms".parse::<Condition>().unwrap().fits("run"), Ok(()));
        assert!("gap>100".parse::<Condition>().is_err() && "gaps>1ms".parse::<Condition>().is_err());
    }

    #[test]
    fn what_was_never_sent_is_an_error_in_the_count_and_in_the_share() {
        let record = record(2, 100, |_, k| Made { unsent: k % 10 != 0, ..Made::good(1_000_000) });
        for (text, measured) in
            [("errors>5", "180"), ("errors==180", "180"), ("error_rate>=90%", "90 %"), ("unsent>179", "180")]
        {
            let outcome = text.parse::<Condition>().unwrap().check(&record);
            assert!(outcome.broken && outcome.explanation.contains(measured), "{}", outcome.explanation);
        }
    }
}
