//! The one door of outputs: opened before a run, so that a file that cannot be written ends it before
//! it began; watches it; and at its end makes, judges, prints and writes the record.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::condition::Condition;
use super::files::{OutputError, Writer, check_folder, fault, is_standard_output, open, tell};
use super::interval_log::IntervalLog;
use super::live::{Live, LiveStyle};
use super::ndjson::SecondLines;
use super::verdict::judge;
use crate::measure::{Kind, Second, SecondSink, Totals};
use crate::record::{Began, Description, Host, RunRecord, Series, StealWatch, unix_ms};
use crate::schedule::Shape;

/// When to show the display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LiveChoice {
    /// A panel on a terminal, else one line each second.
    #[default]
    Auto,
    /// One line each second.
    Lines,
    /// Nothing until the result.
    Off,
}

/// A file for a percentile distribution, and of which times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HgrmTarget {
    /// Label of a histogram: a kind's, or `all`.
    pub histogram: String,
    /// Where it goes.
    pub path: PathBuf,
}

impl std::str::FromStr for HgrmTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.split_once(':').filter(|(name, _)| *name == "all" || Kind::parse(name).is_some());
        let (histogram, path) = named.unwrap_or((Kind::Response.label(), text));
        if path.is_empty() {
            return Err("a file name is missing: `service:service.hgrm`".to_owned());
        }
        Ok(HgrmTarget { histogram: histogram.to_owned(), path: path.into() })
    }
}

/// What a run shall show, and where it shall write. The part of every mode's command line that is
/// about results.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Results")]
pub struct OutputArguments {
    /// Write the whole run as one JSON document, for `compare` and `report` (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the percentile distribution for the public HdrHistogram plotter, in ms; of response
    /// times, or of those named: `service:FILE`. May be given again
    #[arg(long, value_name = "[TIMES:]FILE")]
    pub hgrm: Vec<HgrmTarget>,

    /// Write each second's histograms as an HdrHistogram interval log (format 1.3), while the run
    /// goes on
    #[arg(long, value_name = "FILE")]
    pub interval_log: Option<PathBuf>,

    /// Write each second's numbers as one line of JSON, while the run goes on (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    pub ndjson: Option<PathBuf>,

    /// Write the report as one HTML file that needs nothing else to be viewed
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Fail the run (exit code 1) if this is true of it: `p99.9>5ms`, `errors>0`, `error_rate>0.1%`,
    /// `service.p50>=1ms`, `rate<4990`, `read_timeout>0`. May be given again
    #[arg(long, value_name = "CONDITION")]
    pub fail_if: Vec<Condition>,

    /// The display while the run goes on (on standard error)
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub live: LiveChoice,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// The outputs of one run.
pub struct Reporting {
    arguments: OutputArguments,
    began: Began,
    host: Host,
    steal: StealWatch,
    live: Option<Live<io::Stderr>>,
    /// The file of the interval log until the first second is over: its head says when the run began.
    waiting_log: Option<Writer>,
    interval_log: Option<IntervalLog<Writer>>,
    seconds: Option<SecondLines<Writer>>,
    series: Series,
    /// The first file that could not be written while the run went on.
    fault: Option<OutputError>,
}

impl std::fmt::Debug for Reporting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reporting").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

impl Reporting {
    /// Opens what a run of this description shall write. `began` is set by the engine to the wall-clock
    /// time at which its clock showed zero: every time of every output counts from there.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn open(
        arguments: &OutputArguments,
        description: &Description,
        began: Began,
    ) -> Result<Reporting, OutputError> {
        for path in arguments.hgrm.iter().map(|target| &target.path).chain(&arguments.html) {
            open(path)?;
        }
        if let Some(path) = arguments.json.as_deref().filter(|path| !is_standard_output(path)) {
            check_folder(path)?;
        }
        let waiting_log = arguments.interval_log.as_deref().map(open).transpose()?;
        let seconds = arguments.ndjson.as_deref().map(open).transpose()?.map(SecondLines::new);
        let style = match arguments.live {
            _ if arguments.quiet => None,
            LiveChoice::Off => None,
            LiveChoice::Auto if io::stderr().is_terminal() => Some(LiveStyle::Terminal),
            LiveChoice::Auto | LiveChoice::Lines => Some(LiveStyle::Lines),
        };
        let live = style
            .map(|style| Live::new(io::stderr(), style, description.duration_ns, description.warm_up_ns));
        Ok(Reporting {
            arguments: arguments.clone(),
            began,
            host: Host::observe(),
            steal: StealWatch::start(),
            live,
            waiting_log,
            interval_log: None,
            seconds,
            series: Series::default(),
            fault: None,
        })
    }

    /// When the run began; of one that never did, now.
    fn began(&self) -> SystemTime {
        *self.began.get_or_init(SystemTime::now)
    }

    fn log(&mut self, second: &Second) -> io::Result<()> {
        if let Some(writer) = self.waiting_log.take() {
            self.interval_log = Some(IntervalLog::start(writer, unix_ms(self.began()))?);
        }
        self.interval_log.as_mut().map_or(Ok(()), |log| log.write(second))
    }

    /// The record of the run that was watched, judged. `description` as it is at the end: with the
    /// addresses and the TLS that were found. `shape` is that of an open loop's schedule.
    pub fn record(&mut self, description: Description, shape: Option<&Shape>, totals: &Totals) -> RunRecord {
        if let Some(live) = &mut self.live {
            live.clear();
        }
        let series = std::mem::take(&mut self.series).into_rows();
        let mut record = RunRecord::new(description, self.began(), totals, series);
        record.host = Host { steal_share: self.steal.share(), ..self.host.clone() };
        if let Some(shape) = shape {
            record.know_schedule(shape);
        }
        record.verdict = judge(&record);
        record
    }

    /// Prints and writes the result; gives the process's exit code.
    ///
    /// # Errors
    /// A file that could not be written, at the end or during the run.
    pub fn publish(self, record: &RunRecord) -> Result<u8, OutputError> {
        let code = tell(&self.arguments, record)?;
        self.fault.map_or(Ok(code), Err)
    }
}

impl SecondSink for Reporting {
    fn second(&mut self, second: &Second) {
        self.series.second(second);
        if let Some(live) = &mut self.live {
            live.show(second);
        }
        // A log that fails once is given up: half a line must not be followed by a whole one.
        if let Err(error) = self.log(second) {
            self.interval_log = None;
            let path = self.arguments.interval_log.as_deref().unwrap_or(Path::new(""));
            self.fault.get_or_insert_with(|| fault(path, &error));
        }
        let began_unix_ms = unix_ms(self.began());
        if let Some(lines) = &mut self.seconds
            && let Err(error) = lines.write(second, began_unix_ms)
        {
            self.seconds = None;
            let path = self.arguments.ndjson.as_deref().unwrap_or(Path::new(""));
            self.fault.get_or_insert_with(|| fault(path, &error));
        }
    }
}
