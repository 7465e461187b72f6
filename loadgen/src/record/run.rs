//! The record itself: one run from its command line to its verdict.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::backlog::OnTheirWay;
use super::began::unix_ms;
use super::client::ClientRecord;
use super::description::Description;
use super::findings::{GapRecord, SearchRecord, StepRecord};
use super::histogram::HistogramRecord;
use super::host::Host;
use super::rate_steps::RateStepRecord;
use super::series::{SECONDS_MAX, SecondRecord};
use crate::measure::{Counts, ErrorTable, Kind, Totals, percentile};

/// What the first field of a record says.
pub const FORMAT: &str = "torii-loadgen run";

/// Raised when a reader of the older form would misunderstand the newer one.
pub const FORMAT_VERSION: u32 = 1;

/// Longest list of a record that comes from a file, besides the series.
const LIST_MAX: usize = 100_000;

/// One quotient, 0 where it has no meaning.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Whether the numbers of a run may be used, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerdictName {
    /// The numbers say what they seem to say.
    #[default]
    #[serde(rename = "OK")]
    Ok,
    /// Nothing worked, an expectation was broken, or the bookkeeping does not add up.
    #[serde(rename = "FAILED")]
    Failed,
    /// The client was the bottleneck: the numbers are about the client.
    #[serde(rename = "CLIENT-LIMITED")]
    ClientLimited,
    /// The target did not keep up with the planned rate.
    #[serde(rename = "TARGET-SATURATED")]
    TargetSaturated,
    /// The target kept up on the whole, with pauses or errors that a total hides.
    #[serde(rename = "UNSTABLE")]
    Unstable,
}

impl VerdictName {
    /// The word that is printed.
    pub fn label(self) -> &'static str {
        match self {
            VerdictName::Ok => "OK",
            VerdictName::Failed => "FAILED",
            VerdictName::ClientLimited => "CLIENT-LIMITED",
            VerdictName::TargetSaturated => "TARGET-SATURATED",
            VerdictName::Unstable => "UNSTABLE",
        }
    }
}

/// The verdict and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// The verdict.
    pub name: VerdictName,
    /// What it rests on; empty when all is well.
    pub reasons: Vec<String>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// What became of the requests to one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetCounts {
    /// Method and URL.
    pub name: String,
    /// Good answers.
    pub ok: u64,
    /// Wrong answers and requests without one.
    pub not_ok: u64,
}

/// How evenly the answers fell on the servers that named themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerFairness {
    /// Servers that answered.
    pub servers: u64,
    /// The fewest answers of one server.
    pub answers_min: u64,
    /// The median.
    pub answers_median: u64,
    /// The most.
    pub answers_max: u64,
}

impl ServerFairness {
    /// Of answers by server; `None` without a server.
    fn of(servers: &BTreeMap<String, u64>) -> Option<Self> {
        let mut counts: Vec<u64> = servers.values().copied().collect();
        counts.sort_unstable();
        let (&answers_min, &answers_max) = (counts.first()?, counts.last()?);
        // Of an even number the mean of the two in the middle.
        let (low, high) = (counts[(counts.len() - 1) / 2], counts[counts.len() / 2]);
        let servers = counts.len() as u64;
        Some(Self { servers, answers_min, answers_median: low.midpoint(high), answers_max })
    }
}

/// How evenly the answers fell on the connections that ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionFairness {
    /// Connections that ended.
    pub connections: u64,
    /// The fewest answers on one connection.
    pub answers_min: u64,
    /// The median.
    pub answers_median: u64,
    /// The most.
    pub answers_max: u64,
}

/// Everything of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of the program that ran.
    pub tool_version: String,
    /// The revision of its source, where the builder stated it (`TORII_REVISION`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_revision: Option<String>,
    /// The verdict.
    pub verdict: VerdictRecord,
    /// What was asked for.
    pub description: Description,
    /// Wall-clock beginning, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// Wall-clock end.
    pub ended_unix_ms: u64,
    /// Good answers per second of the measured time, by when they came: see `in_time` of [`Counts`].
    pub achieved_per_second: f64,
    /// Counters.
    pub counts: Counts,
    /// Errors by class, with the first example of each.
    pub errors: ErrorTable,
    /// Answers by status code.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by target.
    #[serde(deserialize_with = "bounded::<_, _, LIST_MAX>")]
    pub targets: Vec<TargetCounts>,
    /// Answers by server, as the persistence cookie names it.
    pub servers: BTreeMap<String, u64>,
    /// How evenly servers were used; absent when none named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_fairness: Option<ServerFairness>,
    /// How evenly connections were used; `None` when none ended.
    pub fairness: Option<ConnectionFairness>,
    /// Times by kind: see [`Kind`]; `all` is `response` and `failed` together.
    pub histograms: BTreeMap<String, HistogramRecord>,
    /// The client's own use.
    pub client: ClientRecord,
    /// The client's machine.
    pub host: Host,
    /// What may still be on its way when the schedule ends; nothing in a closed loop.
    #[serde(default)]
    pub on_their_way: OnTheirWay,
    /// Times without a good answer (mode `gap`).
    #[serde(default, deserialize_with = "bounded::<_, _, LIST_MAX>")]
    pub gaps: Vec<GapRecord>,
    /// The longest of them, however short (mode `gap`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_gap: Option<GapRecord>,
    /// Steps of a schedule that has some (`run --steps`).
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded::<_, _, LIST_MAX>")]
    pub rate_steps: Vec<RateStepRecord>,
    /// Steps (mode `search`).
    #[serde(default, deserialize_with = "bounded::<_, _, LIST_MAX>")]
    pub steps: Vec<StepRecord>,
    /// What they came to (mode `search`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// The run over time.
    #[serde(deserialize_with = "bounded::<_, _, SECONDS_MAX>")]
    pub series: Vec<SecondRecord>,
}

/// Reads a list that may have `MAX` members.
fn bounded<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const MAX: usize>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const MAX: usize> serde::de::Visitor<'de> for Bounded<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(formatter, "a list of at most {MAX} members")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = list.next_element()? {
                if members.len() == MAX {
                    return Err(serde::de::Error::invalid_length(MAX + 1, &self));
                }
                members.push(member);
            }
            Ok(members)
        }
    }
    deserializer.deserialize_seq(Bounded::<T, MAX>(std::marker::PhantomData))
}

impl RunRecord {
    /// The record of a run that has ended; its verdict is still to be found.
    pub fn new(
        description: Description,
        started: SystemTime,
        totals: &Totals,
        series: Vec<SecondRecord>,
    ) -> Self {
        let started_unix_ms = unix_ms(started);
        let seconds = description.measured_seconds();
        let achieved = if seconds > 0.0 { totals.counts.in_time as f64 / seconds } else { 0.0 };
        let targets = description.targets.iter().zip(&totals.targets);
        let targets = targets.map(|(target, &(ok, not_ok))| TargetCounts {
            name: format!("{} {}", target.method, target.url),
            ok,
            not_ok,
        });
        RunRecord {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            tool_revision: option_env!("TORII_REVISION").map(str::to_owned),
            verdict: VerdictRecord::default(),
            started_unix_ms,
            ended_unix_ms: started_unix_ms.saturating_add(totals.end_ns / 1_000_000),
            achieved_per_second: achieved,
            counts: totals.counts,
            errors: totals.errors.clone(),
            statuses: totals.statuses.counted().collect(),
            targets: targets.collect(),
            servers: totals.servers.clone(),
            server_fairness: ServerFairness::of(&totals.servers),
            fairness: totals.answers_per_connection.as_ref().map(|answers| ConnectionFairness {
                connections: answers.len(),
                answers_min: answers.min(),
                answers_median: answers.lowest_equivalent(percentile(answers, 50.0)),
                // Past 2,047 the slot's lower end: the true number lies up to 0.1 % above.
                answers_max: answers.lowest_equivalent(answers.max()),
            }),
            histograms: histograms(totals),
            client: ClientRecord::new(
                &totals.threads,
                // The grace, in which threads mostly wait, would dilute what they worked before.
                totals.end_ns.min(description.duration_ns),
                totals.busiest_share,
            ),
            host: Host::default(),
            on_their_way: OnTheirWay::default(),
            gaps: Vec::new(),
            longest_gap: None,
            rate_steps: Vec::new(),
            steps: Vec::new(),
            search: None,
            series,
            description,
        }
    }

    /// One of the histograms; an empty one where the record has none of this kind.
    pub fn histogram(&self, kind: Kind) -> HistogramRecord {
        let found = self.histograms.get(kind.label()).cloned();
        found.unwrap_or_else(|| HistogramRecord::new(&crate::measure::new_total_histogram()))
    }

    /// The command line as one line.
    pub fn command_line(&self) -> String {
        self.description.command_line.join(" ")
    }

    /// Good answers, of the planned requests: 0 to 1. What was never sent had none.
    pub fn good_share(&self) -> f64 {
        ratio(self.counts.ok, self.counts.planned).min(1.0)
    }

    /// Planned requests without a good answer: wrong answers, failures, and what was never sent.
    pub fn not_ok(&self) -> u64 {
        let counts = &self.counts;
        counts.wrong.saturating_add(counts.failed).saturating_add(counts.unsent())
    }

    /// Those, of the planned requests: 0 to 1.
    pub fn error_share(&self) -> f64 {
        ratio(self.not_ok(), self.counts.planned).min(1.0)
    }

    /// Requests that a healthy run may still have on their way when its schedule ends. 0 in a closed
    /// loop, which has no schedule.
    pub fn on_their_way(&self) -> f64 {
        self.on_their_way.expected
    }
}

fn histograms(totals: &Totals) -> BTreeMap<String, HistogramRecord> {
    let of = |kind: Kind| HistogramRecord::new(totals.histograms.of(kind));
    let mut records: BTreeMap<String, HistogramRecord> =
        Kind::ALL.into_iter().map(|kind| (kind.label().to_owned(), of(kind))).collect();
    let mut all = totals.histograms.of(Kind::Response).clone();
    all.add(totals.histograms.of(Kind::Failed)).expect("same bounds, so that every value fits");
    records.insert("all".to_owned(), HistogramRecord::new(&all));
    records
}
