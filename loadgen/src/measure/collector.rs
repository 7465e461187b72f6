//! Brings the intervals of all engine threads together: one [`Second`] after the other for those who
//! watch, and the [`Totals`] at the end. Runs on a thread of its own, never on an engine thread.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use hdrhistogram::Histogram;

use super::counts::{Counts, Names, Statuses};
use super::errors::ErrorTable;
use super::histograms::Histograms;
use super::interval::{Gauges, Interval, ThreadUse};
use super::recorder::Recorder;

/// Intervals of one thread that may be on their way to the collector.
const ON_THEIR_WAY_MAX: usize = 4;

/// Intervals made beforehand for each thread: to make one takes 0.6 ms, too long for a thread that
/// has requests to send; to hand over one and take another takes 0.02 ms.
const SPARE_INTERVALS: usize = 2;

/// Seconds that stay open for a thread that is late with its part; then the oldest is closed and the
/// late part counts with the next one.
const OPEN_SECONDS_MAX: usize = 8;

/// What the measuring has to know of a run beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Engine threads.
    pub threads: usize,
    /// Number of targets.
    pub targets: usize,
    /// Length of an interval in nanoseconds; outputs are made for one second.
    pub interval_ns: u64,
    /// Requests planned before this time are warm-up: sent, and not measured.
    pub warm_up_ns: u64,
    /// When the schedule ends, warm-up included; answers may still come in the grace after it.
    pub duration_ns: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { threads: 1, targets: 1, interval_ns: 1_000_000_000, warm_up_ns: 0, duration_ns: u64::MAX }
    }
}

/// One interval of the whole run: all threads together.
#[derive(Debug)]
pub struct Second {
    /// Which one, from 0: the `index`-th multiple of the interval's length.
    pub index: u64,
    /// The earliest beginning of its parts, in nanoseconds since the run began.
    pub start_ns: u64,
    /// The latest end of its parts.
    pub end_ns: u64,
    /// Everything measured. `thread`, `servers` and `new_servers` of it mean nothing here.
    pub parts: Box<Interval>,
    /// Errors of the run so far, this interval included.
    pub errors_so_far: u64,
}

/// Watches a run, second by second.
pub trait SecondSink {
    /// Called once for each interval, in order, shortly after its end.
    fn second(&mut self, second: &Second);
}

/// A whole run.
#[derive(Debug, Default)]
pub struct Totals {
    /// Counters.
    pub counts: Counts,
    /// Times.
    pub histograms: Histograms<u64>,
    /// Answers that each closed connection had carried.
    pub answers_per_connection: Option<Histogram<u64>>,
    /// Errors by class, with the first example of each.
    pub errors: ErrorTable,
    /// Answers by status code.
    pub statuses: Statuses,
    /// Good answers, and other ends, of each target.
    pub targets: Vec<(u64, u64)>,
    /// Complete answers by server name.
    pub servers: BTreeMap<String, u64>,
    /// The use of each engine thread.
    pub threads: Vec<ThreadUse>,
    /// The largest share of a core, 0 to 1, that one thread worked for in one interval.
    pub busiest_share: f64,
    /// End of the last interval, in nanoseconds since the run began.
    pub end_ns: u64,
}

/// What the collector knows of one thread.
#[derive(Debug, Default)]
struct ThreadState {
    /// Intervals before this index are complete.
    reported_to: u64,
    finished: bool,
    servers: Names,
    last_use: ThreadUse,
    last_gauges: Gauges,
}

/// The receiving end of all recorders.
#[derive(Debug)]
pub struct Collector {
    setup: Setup,
    from_recorders: Receiver<Box<Interval>>,
    emptied: Vec<SyncSender<Box<Interval>>>,
    threads: Vec<ThreadState>,
    open: BTreeMap<u64, Box<Interval>>,
    closed_to: u64,
    totals: Totals,
}

/// Makes the collector of a run and one recorder for each engine thread.
pub fn start(setup: Setup) -> (Collector, Vec<Recorder>) {
    let threads = setup.threads.max(1);
    let (to_collector, from_recorders) = sync_channel(threads * ON_THEIR_WAY_MAX);
    let mut recorders = Vec::with_capacity(threads);
    let mut emptied = Vec::with_capacity(threads);
    for thread in 0..threads {
        let (give_back, take_back) = sync_channel(ON_THEIR_WAY_MAX);
        for _ in 0..SPARE_INTERVALS {
            // There is room: the channel is new.
            let _ = give_back.try_send(Interval::new(thread, setup.targets));
        }
        emptied.push(give_back);
        recorders.push(Recorder::new(thread, &setup, to_collector.clone(), take_back));
    }
    let totals = Totals {
        targets: vec![(0, 0); setup.targets],
        threads: vec![ThreadUse::default(); threads],
        ..Totals::default()
    };
    let threads = (0..threads).map(|_| ThreadState::default()).collect();
    let open = BTreeMap::new();
    (Collector { setup, from_recorders, emptied, threads, open, closed_to: 0, totals }, recorders)
}

impl Collector {
    /// Collects until every recorder has finished or is gone. Blocks; give it a thread.
    pub fn collect(mut self, sink: &mut dyn SecondSink) -> Totals {
        while let Ok(interval) = self.from_recorders.recv() {
            self.take(interval);
            while let Some(index) = self.ripe() {
                self.close(index, sink);
            }
        }
        while let Some(&index) = self.open.keys().next() {
            self.close(index, sink);
        }
        self.totals
    }

    /// Books one thread's interval.
    fn take(&mut self, mut part: Box<Interval>) {
        let Some(thread) = self.threads.get_mut(part.thread) else { return };
        for name in part.new_servers.drain(..) {
            thread.servers.number(name.as_bytes());
        }
        for (number, &count) in part.servers.iter().enumerate().filter(|(_, count)| **count > 0) {
            let name = thread.servers.names().get(number).cloned().unwrap_or_default();
            *self.totals.servers.entry(name).or_default() += count;
        }
        self.totals.book_use(&part, &thread.last_use);
        thread.last_use = part.thread_use;
        thread.last_gauges = part.gauges;
        self.totals.book(&part);

        thread.finished |= part.is_last;
        // A roll is never early and mostly a little late: the beginning tells which second it was.
        let interval_ns = self.setup.interval_ns.max(1);
        thread.reported_to = thread.reported_to.max(part.end_ns / interval_ns);
        let no_request = part.counts.planned + part.counts.completed() + part.counts.failed == 0;
        if part.start_ns == part.end_ns && no_request {
            return self.give_back(part);
        }
        let index = (part.start_ns / interval_ns).max(self.closed_to);
        match self.open.entry(index) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(part);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                place.get_mut().add(&part);
                self.give_back(part);
            }
        }
    }

    /// The index of an interval that no thread will add to, or that has waited long enough.
    fn ripe(&self) -> Option<u64> {
        let (&oldest, _) = self.open.first_key_value()?;
        let all_reported = self.threads.iter().all(|thread| thread.finished || thread.reported_to > oldest);
        (all_reported || self.open.len() > OPEN_SECONDS_MAX).then_some(oldest)
    }

    fn close(&mut self, index: u64, sink: &mut dyn SecondSink) {
        let Some(mut parts) = self.open.remove(&index) else { return };
        self.closed_to = index + 1;
        parts.gauges =
            self.threads.iter().fold(Gauges::default(), |sum, thread| sum.plus(&thread.last_gauges));
        let errors_so_far = self.totals.errors.total();
        let (start_ns, end_ns) = (parts.start_ns, parts.end_ns);
        let second = Second { index, start_ns, end_ns, parts, errors_so_far };
        sink.second(&second);
        self.give_back(second.parts);
    }

    fn give_back(&self, mut interval: Box<Interval>) {
        interval.clear();
        if let Some(emptied) = self.emptied.get(interval.thread) {
            // Nobody there, or enough of them there: then it is simply dropped.
            let _ = emptied.try_send(interval);
        }
    }
}

impl Totals {
    /// Adds one thread's interval.
    fn book(&mut self, part: &Interval) {
        self.counts.add(&part.counts);
        self.histograms.merge(&part.histograms);
        if !part.answers_per_connection.is_empty() {
            let new = || Histogram::new_from(&part.answers_per_connection);
            let answers = self.answers_per_connection.get_or_insert_with(new);
            for slot in part.answers_per_connection.iter_recorded() {
                answers.saturating_record_n(slot.value_iterated_to(), u64::from(slot.count_at_value()));
            }
        }
        self.errors.add(&part.errors);
        self.statuses.add(&part.statuses);
        for (ours, theirs) in self.targets.iter_mut().zip(&part.targets) {
            ours.0 += theirs.0;
            ours.1 += theirs.1;
        }
        self.end_ns = self.end_ns.max(part.end_ns);
    }

    fn book_use(&mut self, part: &Interval, before: &ThreadUse) {
        if let Some(thread) = self.threads.get_mut(part.thread) {
            *thread = part.thread_use;
        }
        let length_ns = part.end_ns.saturating_sub(part.start_ns);
        let is_whole = part.start_ns > 0 && length_ns >= 500_000_000;
        if is_whole {
            let busy_ns = part.thread_use.busy_ns().saturating_sub(before.busy_ns());
            self.busiest_share = self.busiest_share.max((busy_ns as f64 / length_ns as f64).min(1.0));
        }
    }
}

impl Gauges {
    fn plus(&self, other: &Gauges) -> Gauges {
        Gauges {
            open_connections: self.open_connections + other.open_connections,
            in_flight: self.in_flight + other.in_flight,
            queued: self.queued + other.queued,
        }
    }
}

impl Interval {
    /// Adds another thread's part of the same second.
    fn add(&mut self, other: &Interval) {
        self.start_ns = self.start_ns.min(other.start_ns);
        self.end_ns = self.end_ns.max(other.end_ns);
        self.counts.add(&other.counts);
        self.histograms.add(&other.histograms);
        self.errors.add(&other.errors);
        self.statuses.add(&other.statuses);
    }
}
