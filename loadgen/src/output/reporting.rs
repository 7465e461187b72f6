//! The one door of outputs: opened before a run, so that a file that cannot be written ends it before
//! it began; watches it; and at its end makes, judges, prints and writes the record.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::SystemTime;

use super::arguments::{LiveChoice, OutputArguments};
use super::files::{OutputError, Writer, check_place, fault, open, tell};
use super::interval_log::IntervalLog;
use super::live::{Live, LiveStyle, can_draw, terminal_columns};
use super::ndjson::SecondLines;
use super::verdict::judge;
use crate::measure::{Second, SecondSink, Totals};
use crate::record::{Began, Description, Host, RunRecord, Series, StealWatch, unix_ms};
use crate::schedule::Shape;

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
        let hgrm = arguments.hgrm.iter().map(|target| &target.path);
        for path in hgrm.chain(&arguments.html).chain(&arguments.json) {
            check_place(path)?;
        }
        let waiting_log = arguments.interval_log.as_deref().map(open).transpose()?;
        let seconds = arguments.ndjson.as_deref().map(open).transpose()?.map(SecondLines::new);
        let terminal = std::env::var("TERM").ok();
        let style = match arguments.live {
            _ if arguments.quiet => None,
            LiveChoice::Off => None,
            LiveChoice::Auto if io::stderr().is_terminal() && can_draw(terminal.as_deref()) => {
                Some(LiveStyle::Terminal)
            }
            LiveChoice::Auto | LiveChoice::Lines => Some(LiveStyle::Lines),
        };
        let live = style.map(|style| {
            Live::new(io::stderr(), style, description.duration_ns, description.warm_up_ns, terminal_columns)
        });
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
