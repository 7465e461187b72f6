//! One line of JSON for each second, for whatever draws live: no histograms, the numbers alone.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::measure::{Kind, Second, percentile};

/// One line. Times in nanoseconds; 0 where nothing was answered.
#[derive(Serialize)]
struct Line {
    start_unix_ms: u64,
    start_s: f64,
    length_s: f64,
    planned: u64,
    offered: u64,
    ok: u64,
    /// Good answers of the measured time, whenever they were due: what the run's rate adds up.
    in_time: u64,
    wrong: u64,
    failed: u64,
    body_bytes: u64,
    open_connections: u64,
    in_flight: u64,
    queued: u64,
    response_ns: BTreeMap<&'static str, u64>,
    service_ns: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
}

/// Writes the lines.
#[derive(Debug)]
pub struct SecondLines<W: Write> {
    writer: W,
}

impl<W: Write> SecondLines<W> {
    /// Writes to this writer.
    pub fn new(writer: W) -> Self {
        SecondLines { writer }
    }

    /// The writer again.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// Writes one line of a run that began at this wall-clock time, and hands it over at once.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&mut self, second: &Second, began_unix_ms: u64) -> io::Result<()> {
        let (parts, counts) = (&second.parts, &second.parts.counts);
        let percentiles = |kind: Kind| {
            let histogram = parts.histograms.of(kind);
            let named = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];
            named.into_iter().map(|(name, percent)| (name, percentile(histogram, percent))).collect()
        };
        let line = Line {
            start_unix_ms: began_unix_ms.saturating_add(second.start_ns / 1_000_000),
            start_s: second.start_ns as f64 / 1e9,
            length_s: second.end_ns.saturating_sub(second.start_ns) as f64 / 1e9,
            planned: counts.planned,
            offered: counts.offered,
            ok: counts.ok,
            in_time: counts.in_time,
            wrong: counts.wrong,
            failed: counts.failed,
            body_bytes: counts.body_bytes,
            open_connections: parts.gauges.open_connections,
            in_flight: parts.gauges.in_flight,
            queued: parts.gauges.queued,
            response_ns: percentiles(Kind::Response),
            service_ns: percentiles(Kind::Service),
            errors: parts.errors.entries().iter().map(|entry| (entry.class.label(), entry.count)).collect(),
        };
        serde_json::to_writer(&mut self.writer, &line)?;
        self.writer.write_all(b"\n")?;
        self.writer.flush()
    }
}
