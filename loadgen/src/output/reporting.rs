//! The one door of outputs: opened before a run, so that a file that cannot be written ends it before
//! it began; watches it; and at its end makes, judges, prints and writes the record.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::condition::{Condition, Outcome};
use super::interval_log::IntervalLog;
use super::live::{Live, LiveStyle};
use super::ndjson::SecondLines;
use super::verdict::{exit_code, judge};
use crate::measure::{Kind, Second, SecondSink, Totals};
use crate::record::{self, Description, Host, RunRecord, Series, StealWatch};

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

/// A file that could not be written.
#[derive(Debug)]
pub struct OutputError {
    /// Which one.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl std::fmt::Display for OutputError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "cannot write {}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for OutputError {}

type Writer = Box<dyn Write + Send>;

fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

fn open(path: &Path) -> Result<Writer, OutputError> {
    if is_standard_output(path) {
        return Ok(Box::new(io::stdout()));
    }
    match File::create(path) {
        Ok(file) => Ok(Box::new(BufWriter::new(file))),
        Err(error) => Err(OutputError { path: path.to_owned(), reason: error.to_string() }),
    }
}

/// The outputs of one run.
pub struct Reporting {
    arguments: OutputArguments,
    started: SystemTime,
    host: Host,
    steal: StealWatch,
    live: Option<Live<io::Stderr>>,
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
    /// Opens what a run of this description, beginning now, shall write.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn open(arguments: &OutputArguments, description: &Description) -> Result<Reporting, OutputError> {
        let started = SystemTime::now();
        let unix_ms = started.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        let unix_ms = u64::try_from(unix_ms).unwrap_or(u64::MAX);
        for path in arguments.hgrm.iter().map(|target| &target.path).chain(&arguments.html) {
            open(path)?;
        }
        if let Some(path) = arguments.json.as_deref().filter(|path| !is_standard_output(path)) {
            check_folder(path)?;
        }
        let interval_log = match &arguments.interval_log {
            Some(path) => {
                Some(IntervalLog::start(open(path)?, unix_ms).map_err(|error| fault(path, &error))?)
            }
            None => None,
        };
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
            started,
            host: Host::observe(),
            steal: StealWatch::start(),
            live,
            interval_log,
            seconds,
            series: Series::default(),
            fault: None,
        })
    }

    /// The record of the run that was watched, judged. `description` as it is at the end: with the
    /// addresses and the TLS that were found.
    pub fn record(&mut self, description: Description, totals: &Totals) -> RunRecord {
        if let Some(live) = &mut self.live {
            live.clear();
        }
        let series = std::mem::take(&mut self.series).into_rows();
        let mut record = RunRecord::new(description, self.started, totals, series);
        record.host = Host { steal_share: self.steal.share(), ..self.host.clone() };
        record.verdict = judge(&record);
        record
    }

    /// Prints and writes the result; gives the process's exit code.
    ///
    /// # Errors
    /// A file that could not be written, at the end or during the run.
    pub fn publish(self, record: &RunRecord) -> Result<u8, OutputError> {
        let outcomes: Vec<Outcome> =
            self.arguments.fail_if.iter().map(|condition| condition.check(record)).collect();
        print(&self.arguments, record, &outcomes);
        write_files(&self.arguments, record)?;
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(exit_code(record.verdict.name, outcomes.iter().any(|outcome| outcome.broken))),
        }
    }
}

impl SecondSink for Reporting {
    fn second(&mut self, second: &Second) {
        self.series.second(second);
        if let Some(live) = &mut self.live {
            live.show(second);
        }
        // A log that fails once is given up: half a line must not be followed by a whole one.
        if let Some(log) = &mut self.interval_log
            && let Err(error) = log.write(second)
        {
            self.interval_log = None;
            let path = self.arguments.interval_log.as_deref().unwrap_or(Path::new(""));
            self.fault.get_or_insert_with(|| fault(path, &error));
        }
        if let Some(lines) = &mut self.seconds
            && let Err(error) = lines.write(second)
        {
            self.seconds = None;
            let path = self.arguments.ndjson.as_deref().unwrap_or(Path::new(""));
            self.fault.get_or_insert_with(|| fault(path, &error));
        }
    }
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> OutputError {
    OutputError { path: path.to_owned(), reason: error.to_string() }
}

/// The record is written beside its place first: the folder is what has to be there.
fn check_folder(path: &Path) -> Result<(), OutputError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(fault(path, &"its folder is not a folder")),
        Err(error) => Err(fault(path, &error)),
    }
}

/// Prints the table, beside whatever else has the standard output.
fn print(arguments: &OutputArguments, record: &RunRecord, outcomes: &[Outcome]) {
    let has_other_use =
        [&arguments.json, &arguments.ndjson].into_iter().flatten().any(|path| is_standard_output(path));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // A closed pipe is the reader's choice: there is nobody left to tell.
    let _ = match (arguments.quiet, has_other_use) {
        (true, _) => Ok(()),
        (false, true) => {
            let text = super::table(record, outcomes, io::stderr().is_terminal() && !plain);
            io::stderr().write_all(text.as_bytes())
        }
        (false, false) => {
            let text = super::table(record, outcomes, io::stdout().is_terminal() && !plain);
            io::stdout().write_all(text.as_bytes())
        }
    };
}

/// Writes the files that are made of a whole run.
fn write_files(arguments: &OutputArguments, record: &RunRecord) -> Result<(), OutputError> {
    if let Some(path) = &arguments.json {
        if is_standard_output(path) {
            let mut writer = io::stdout().lock();
            let written = serde_json::to_writer(&mut writer, record).map_err(io::Error::from);
            written.and_then(|()| writer.write_all(b"\n")).map_err(|error| fault(path, &error))?;
        } else {
            record::write(record, path).map_err(|error| fault(path, &error))?;
        }
    }
    if let Some(path) = &arguments.html {
        let mut writer = open(path)?;
        let written = writer.write_all(super::html_report(record).as_bytes());
        written.and_then(|()| writer.flush()).map_err(|error| fault(path, &error))?;
    }
    for target in &arguments.hgrm {
        let mut writer = open(&target.path)?;
        let empty = || record::HistogramRecord::new(&crate::measure::new_total_histogram());
        let times = record.histograms.get(&target.histogram).cloned().unwrap_or_else(empty);
        let written = super::write_hgrm(&times.histogram.histogram(), &mut writer);
        written.and_then(|()| writer.flush()).map_err(|error| fault(&target.path, &error))?;
    }
    Ok(())
}
