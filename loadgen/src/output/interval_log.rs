//! The interval log: each second's histograms in a text form that HistogramLogProcessor, the
//! HdrHistogram log analyzers and the HdrHistogram libraries of many languages read (format 1.3).
//!
//! Written line by line while the run goes on, so that a run that is cut off has left its log.

use std::io::{self, Write};

use hdrhistogram::{Counter, Histogram};

use crate::measure::{Kind, Second};
use crate::record::{Blob, RunRecord};

/// Nanoseconds in one unit of the third column; readers of such logs expect milliseconds there.
const NS_PER_MAX_UNIT: f64 = 1e6;

/// Writes an interval log.
#[derive(Debug)]
pub struct IntervalLog<W: Write> {
    writer: W,
}

impl<W: Write> IntervalLog<W> {
    /// Begins a log of a run that began at this wall-clock time.
    ///
    /// # Errors
    /// The writer's.
    pub fn start(mut writer: W, started_unix_ms: u64) -> io::Result<Self> {
        let seconds = started_unix_ms as f64 / 1e3;
        let clock = super::text::wall_clock(started_unix_ms);
        writeln!(
            writer,
            "#[torii-loadgen {}; values in nanoseconds, Interval_Max in ms]",
            env!("CARGO_PKG_VERSION")
        )?;
        writeln!(writer, "#[Histogram log format version 1.3]")?;
        writeln!(writer, "#[StartTime: {seconds:.3} (seconds since epoch), {clock}]")?;
        writeln!(writer, "#[BaseTime: {seconds:.3} (seconds since epoch)]")?;
        let legend = ["StartTimestamp", "Interval_Length", "Interval_Max", "Interval_Compressed_Histogram"];
        writeln!(writer, "\"{}\"", legend.join("\",\""))?;
        Ok(IntervalLog { writer })
    }

    /// Writes what one second measured: response and service times always, the rest where there is
    /// something to say.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&mut self, second: &Second) -> io::Result<()> {
        for kind in Kind::ALL {
            let histogram = second.parts.histograms.of(kind);
            let always = matches!(kind, Kind::Response | Kind::Service);
            if always || !histogram.is_empty() {
                self.line(kind, second.start_ns, second.end_ns, histogram)?;
            }
        }
        self.writer.flush()
    }

    /// The writer again.
    pub fn into_inner(self) -> W {
        self.writer
    }

    fn line<T: Counter>(
        &mut self,
        kind: Kind,
        start_ns: u64,
        end_ns: u64,
        histogram: &Histogram<T>,
    ) -> io::Result<()> {
        let (start, length) = (start_ns as f64 / 1e9, end_ns.saturating_sub(start_ns) as f64 / 1e9);
        let max = if histogram.is_empty() { 0.0 } else { histogram.max() as f64 / NS_PER_MAX_UNIT };
        let blob = Blob::encode(histogram);
        writeln!(self.writer, "Tag={},{start:.3},{length:.3},{max:.3},{}", kind.label(), blob.as_str())
    }
}

/// Writes the interval log of a run that is over: response and service times of each row.
///
/// # Errors
/// The writer's.
pub fn write_series<W: Write>(record: &RunRecord, writer: W) -> io::Result<()> {
    let mut log = IntervalLog::start(writer, record.started_unix_ms)?;
    for row in &record.series {
        log.line(Kind::Response, row.start_ns, row.end_ns, &row.response.histogram())?;
        log.line(Kind::Service, row.start_ns, row.end_ns, &row.service.histogram())?;
    }
    log.writer.flush()
}
