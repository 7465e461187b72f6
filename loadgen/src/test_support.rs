//! Made-up runs for tests, made the way real ones are: through recorders and a collector.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use crate::measure::{
    ErrorClass, Gauges, Recorder, Sample, Second, SecondSink, Setup, ThreadUse, Totals, start,
};
use crate::record::{Description, RunRecord, SecondRecord, Series, TargetDescription};
use crate::schedule::{Rate, Shape, Step};

/// One second in nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// What one made-up request is to be.
#[derive(Clone, Copy)]
pub struct Made {
    /// How long after its time the engine turned to it, in nanoseconds.
    pub lag_ns: u64,
    /// Wait before it was written, in nanoseconds.
    pub wait_ns: u64,
    /// Service time.
    pub service_ns: u64,
    /// Its end, if it is not a good answer.
    pub error: Option<ErrorClass>,
    /// Whether it is never sent, because the client's queue is full.
    pub unsent: bool,
}

impl Made {
    /// A good answer after this time.
    pub fn good(service_ns: u64) -> Made {
        Made { lag_ns: 5_000, wait_ns: 0, service_ns, error: None, unsent: false }
    }
}

fn tell(recorder: &mut Recorder, planned_ns: u64, made: Made) {
    recorder.planned(planned_ns, planned_ns + made.lag_ns);
    if made.unsent {
        return recorder.unsent_queue_full(planned_ns, planned_ns + made.wait_ns);
    }
    recorder.offered(planned_ns);
    recorder.waited(planned_ns, made.wait_ns);
    let written_ns = planned_ns + 8_000 + made.wait_ns;
    let server = recorder.server(if (planned_ns / 1_000_000).is_multiple_of(2) { b"web1" } else { b"web2" });
    let sample = Sample {
        planned_ns,
        written_ns,
        first_byte_ns: written_ns + made.service_ns * 9 / 10,
        finished_ns: written_ns + made.service_ns,
        status: 200,
        body_bytes: 256,
        target: 0,
        server,
    };
    recorder.moved(400, 90);
    match made.error {
        None => recorder.completed(&sample),
        Some(class @ ErrorClass::Status(status)) => {
            recorder.completed_wrong(&Sample { status, ..sample }, class, || format!("status {status}"));
        }
        Some(class) => recorder.failed(class, 0, planned_ns, sample.finished_ns, || {
            "read: Connection reset by peer (os error 104) on 192.0.2.1:80".to_owned()
        }),
    }
}

/// Tells the engine that a second has been seen, so that none is joined with the next.
struct Paced<'a> {
    sink: &'a mut dyn SecondSink,
    seen: std::sync::mpsc::Sender<()>,
}

impl SecondSink for Paced<'_> {
    fn second(&mut self, second: &Second) {
        self.sink.second(second);
        // The engine does not wait for the last one.
        let _ = self.seen.send(());
    }
}

/// Measures a made-up run of one thread: `make` says what the k-th request of a second is.
pub fn measured(
    seconds: u64,
    rate: u64,
    sink: &mut dyn SecondSink,
    make: impl Fn(u64, u64) -> Made + Send + 'static,
) -> Totals {
    let setup = Setup { duration_ns: seconds * SECOND, ..Setup::default() };
    let (collector, mut recorders) = start(setup);
    let mut recorder = recorders.remove(0);
    let (seen, has_seen) = std::sync::mpsc::channel();
    let engine = std::thread::spawn(move || {
        recorder.connected(0, 120_000);
        recorder.opened(0, None, false);
        for second in 0..seconds {
            for k in 0..rate {
                tell(&mut recorder, second * SECOND + k * SECOND / rate, make(second, k));
            }
            recorder.roll((second + 1) * SECOND, Gauges { open_connections: 8, in_flight: 1, queued: 0 });
            has_seen.recv().unwrap();
        }
        recorder.disconnected(seconds * rate);
        recorder.finish(seconds * SECOND, Gauges::default());
    });
    let mut totals = collector.collect(&mut Paced { sink, seen });
    engine.join().unwrap();
    totals.counts.balance().unwrap();
    // The test's own CPU time is not the load's.
    totals.threads = vec![ThreadUse { user_ns: 1_000_000, ..ThreadUse::default() }];
    totals.busiest_share = 0.1;
    totals
}

/// A description that fits such a run.
pub fn description(seconds: u64, rate: u64) -> Description {
    Description {
        mode: "run".into(),
        command_line: vec!["torii-loadgen".into(), "run".into(), "http://192.0.2.1/".into()],
        open_loop: true,
        schedule: format!("constant {rate}/s"),
        rate_per_second: Some(rate as f64),
        duration_ns: seconds * SECOND,
        timeout_ns: 5 * SECOND,
        connections: 8,
        threads: 1,
        keep_alive: true,
        targets: vec![TargetDescription {
            method: "GET".into(),
            url: "http://192.0.2.1/".into(),
            weight: 1,
            ..TargetDescription::default()
        }],
        resolved: vec!["192.0.2.1:80".into()],
        ..Description::default()
    }
}

/// The record of a made-up run.
pub fn record(seconds: u64, rate: u64, make: impl Fn(u64, u64) -> Made + Send + 'static) -> RunRecord {
    let mut series = Series::default();
    let totals = measured(seconds, rate, &mut series, make);
    let started = UNIX_EPOCH + Duration::from_secs(1_789_000_000);
    let mut record = RunRecord::new(description(seconds, rate), started, &totals, series.into_rows());
    let step = Step { rate: Rate::per_second(rate), duration_ns: seconds * SECOND };
    record.know_schedule(&Shape::Constant(step));
    record
}

/// The record of a run whose answers come when they come: each is counted in the second in which it
/// ends. `answered_ns` says when the request that is due at a time is answered; the schedule's end is
/// followed by ten seconds of grace.
pub fn timely(shape: &Shape, warm_up_ns: u64, answered_ns: impl Fn(u64) -> u64) -> RunRecord {
    let duration_ns = shape.duration_ns();
    let setup = Setup { warm_up_ns, duration_ns, ..Setup::default() };
    let (collector, mut recorders) = start(setup);
    let mut recorder = recorders.remove(0);
    let due: Vec<u64> = (0..shape.count()).map(|index| shape.time_ns(index)).collect();
    let begins = due.iter().map(|&planned_ns| (planned_ns, planned_ns));
    let ends = due.iter().map(|&planned_ns| (answered_ns(planned_ns), planned_ns));
    let mut events: Vec<(u64, u64)> = begins.chain(ends).collect();
    events.sort_unstable();
    let end_ns = events.last().map_or(duration_ns, |event| event.0.max(duration_ns));
    let (seen, has_seen) = std::sync::mpsc::channel();
    let engine = std::thread::spawn(move || {
        for (at_ns, planned_ns) in events {
            while at_ns >= recorder.roll_at_ns() {
                recorder.roll(recorder.roll_at_ns(), Gauges::default());
                has_seen.recv().unwrap();
            }
            if at_ns == planned_ns {
                recorder.planned(planned_ns, planned_ns);
                recorder.offered(planned_ns);
                continue;
            }
            let sample =
                Sample { planned_ns, written_ns: planned_ns, finished_ns: at_ns, ..Sample::default() };
            recorder.completed(&sample);
        }
        recorder.finish(end_ns, Gauges::default());
    });
    let mut series = Series::default();
    let mut totals = collector.collect(&mut Paced { sink: &mut series, seen });
    engine.join().unwrap();
    totals.threads = vec![ThreadUse { user_ns: 1_000_000, ..ThreadUse::default() }];
    totals.busiest_share = 0.1;
    let rate = shape.count() as f64 / (duration_ns as f64 / 1e9);
    let description =
        Description { rate_per_second: Some(rate), duration_ns, warm_up_ns, ..description(1, 1) };
    let mut record = RunRecord::new(description, UNIX_EPOCH, &totals, series.into_rows());
    record.know_schedule(shape);
    record
}

/// A run in which every answer takes about this long, give or take a fifth.
pub fn sample_record(seconds: u64, rate: u64, service_ns: u64) -> RunRecord {
    record(seconds, rate, move |second, k| {
        Made::good(service_ns * 4 / 5 + service_ns * ((second * 31 + k * 17) % 100) / 250)
    })
}

/// Its rows alone, with room for so many.
pub fn sample_series(seconds: u64, rate: u64, service_ns: u64, room: usize) -> Vec<SecondRecord> {
    let mut series = Series::with_room_for(room);
    measured(seconds, rate, &mut series, move |_, _| Made::good(service_ns));
    series.into_rows()
}
