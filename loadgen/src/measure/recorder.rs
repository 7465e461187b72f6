//! What one engine thread tells about its requests. Owned by that thread; never locks, waits or
//! allocates on the way of a good request.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};

use super::counts::Names;
use super::errors::{ErrorClass, ErrorTable};
use super::histograms::Kind;
use super::interval::{Gauges, Interval, ThreadUse};

/// One complete answer. Times are nanoseconds since the run began; an earlier time is never greater
/// than a later one (if it is, the difference counts as 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When the request was due. In a closed loop: when the engine turned to it.
    pub planned_ns: u64,
    /// When its first byte was written.
    pub written_ns: u64,
    /// When the first byte of the answer came.
    pub first_byte_ns: u64,
    /// When the answer was complete.
    pub finished_ns: u64,
    /// The answer's status.
    pub status: u16,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
    /// Which target, from 0 in the order of the set-up.
    pub target: u16,
    /// Which server, by the number of [`Recorder::server`].
    pub server: Option<u16>,
}

/// The measurements of one engine thread.
#[derive(Debug)]
pub struct Recorder {
    current: Box<Interval>,
    interval_ns: u64,
    measure_from_ns: u64,
    duration_ns: u64,
    roll_at_ns: u64,
    spun_ns: u64,
    servers: Names,
    servers_told: usize,
    /// Classes of which this thread has already given an example.
    exemplified: ErrorTable,
    to_collector: SyncSender<Box<Interval>>,
    emptied: Receiver<Box<Interval>>,
}

impl Recorder {
    pub(super) fn new(
        thread: usize,
        setup: &super::Setup,
        to_collector: SyncSender<Box<Interval>>,
        emptied: Receiver<Box<Interval>>,
    ) -> Recorder {
        Recorder {
            current: Interval::new(thread, setup.targets),
            interval_ns: setup.interval_ns.max(1),
            measure_from_ns: setup.warm_up_ns,
            duration_ns: setup.duration_ns,
            roll_at_ns: setup.interval_ns.max(1),
            spun_ns: 0,
            servers: Names::default(),
            servers_told: 0,
            exemplified: ErrorTable::default(),
            to_collector,
            emptied,
        }
    }

    /// Whether a request planned at this time is measured rather than warm-up.
    #[inline]
    fn is_measured(&self, planned_ns: u64) -> bool {
        planned_ns >= self.measure_from_ns
    }

    /// The time of a request came. Each planned request is told once, whatever becomes of it, and
    /// then exactly one of [`Self::offered`], [`Self::unsent_queue_full`], [`Self::unsent_at_end`].
    ///
    /// `taken_ns` is when the engine first looked at it, before any wait for a connection: the
    /// difference is the client's own lateness (send lag), never the target's slowness.
    #[inline]
    pub fn planned(&mut self, planned_ns: u64, taken_ns: u64) {
        if self.is_measured(planned_ns) {
            self.current.counts.planned += 1;
            self.current.histograms.record(Kind::SendLag, taken_ns.saturating_sub(planned_ns));
        } else {
            self.current.counts.warm_up += 1;
        }
    }

    /// A planned request has its connection, or fails to get one. Exactly one of [`Self::completed`],
    /// [`Self::completed_wrong`], [`Self::failed`] follows. A request that leaves the client's queue
    /// unsent is not offered.
    #[inline]
    pub fn offered(&mut self, planned_ns: u64) {
        self.current.counts.offered += u64::from(self.is_measured(planned_ns));
    }

    /// A planned request was dropped at `at_ns` because the client's queue for a connection was full.
    pub fn unsent_queue_full(&mut self, planned_ns: u64, at_ns: u64) {
        if self.is_measured(planned_ns) {
            self.current.counts.unsent_queue_full += 1;
            self.gave_up(planned_ns, at_ns);
        }
    }

    /// A planned request was still in the client's queue when the run ended, at `at_ns`.
    pub fn unsent_at_end(&mut self, planned_ns: u64, at_ns: u64) {
        if self.is_measured(planned_ns) {
            self.current.counts.unsent_at_end += 1;
            self.gave_up(planned_ns, at_ns);
        }
    }

    /// Its user waited in vain: left out, the longest waits of a saturated run would be in no histogram.
    fn gave_up(&mut self, planned_ns: u64, at_ns: u64) {
        self.current.histograms.record(Kind::Failed, at_ns.saturating_sub(planned_ns));
    }

    /// A request waited this long in the client's queue for a free connection (0 is worth telling:
    /// it makes the percentiles those of all requests).
    #[inline]
    pub fn waited(&mut self, planned_ns: u64, ns: u64) {
        if self.is_measured(planned_ns) {
            self.current.histograms.record(Kind::ClientWait, ns);
        }
    }

    /// The schedule was cut short: answers from now on come after its end.
    pub fn cut(&mut self, at_ns: u64) {
        self.duration_ns = self.duration_ns.min(at_ns);
    }

    /// A complete, good answer.
    #[inline]
    pub fn completed(&mut self, sample: &Sample) {
        let is_late = sample.finished_ns > self.duration_ns;
        let is_in_time = sample.finished_ns >= self.measure_from_ns && !is_late;
        self.current.counts.in_time += u64::from(is_in_time);
        if !self.is_measured(sample.planned_ns) {
            self.current.counts.warm_up_ok += 1;
            return;
        }
        self.count_answer(sample);
        let current = &mut *self.current;
        current.counts.ok += 1;
        current.counts.late += u64::from(is_late);
        if let Some(target) = current.targets.get_mut(usize::from(sample.target)) {
            target.0 += 1;
        }
        let since = |from_ns: u64| sample.finished_ns.saturating_sub(from_ns);
        let histograms = &mut current.histograms;
        histograms.record(Kind::Response, since(sample.planned_ns));
        histograms.record(Kind::Service, since(sample.written_ns));
        histograms.record(Kind::FirstByte, sample.first_byte_ns.saturating_sub(sample.written_ns));
    }

    /// A complete answer came from the server that its request's cookie names, for the first time in the
    /// run of its user or not; tell its end as well.
    pub fn kept_persistence(&mut self, planned_ns: u64, is_first_of_user: bool) {
        self.current.counts.persistence_kept += u64::from(self.is_measured(planned_ns));
        self.current.counts.persistence_users += u64::from(is_first_of_user);
    }

    /// A complete answer that breaks an expectation. Its time goes with the failures: a fast error
    /// page must not make a run look better.
    pub fn completed_wrong(&mut self, sample: &Sample, class: ErrorClass, example: impl FnOnce() -> String) {
        if !self.is_measured(sample.planned_ns) {
            return;
        }
        self.count_answer(sample);
        self.current.counts.wrong += 1;
        self.count_error(class, sample.target, sample.planned_ns, sample.finished_ns, example);
    }

    /// A request without a complete answer; `at_ns` is when that became certain (for a time-out: when
    /// the time was up). The first example of each class is kept.
    pub fn failed(
        &mut self,
        class: ErrorClass,
        target: u16,
        planned_ns: u64,
        at_ns: u64,
        example: impl FnOnce() -> String,
    ) {
        if self.is_measured(planned_ns) {
            self.current.counts.failed += 1;
            self.count_error(class, target, planned_ns, at_ns, example);
        }
    }

    #[inline]
    fn count_answer(&mut self, sample: &Sample) {
        let current = &mut *self.current;
        current.counts.body_bytes += sample.body_bytes;
        current.statuses.count(sample.status);
        if let Some(server) = sample.server.map(usize::from) {
            if server >= current.servers.len() {
                // Once for each server that this interval had not met.
                current.servers.resize(server + 1, 0);
            }
            current.servers[server] += 1;
        }
    }

    fn count_error(
        &mut self,
        class: ErrorClass,
        target: u16,
        planned_ns: u64,
        at_ns: u64,
        example: impl FnOnce() -> String,
    ) {
        let is_first = self.exemplified.of(class) == 0;
        if is_first {
            self.exemplified.count(class, at_ns, String::new);
        }
        let text = || if is_first { example() } else { String::new() };
        self.current.errors.count(class, at_ns, text);
        self.current.histograms.record(Kind::Failed, at_ns.saturating_sub(planned_ns));
        if let Some(target) = self.current.targets.get_mut(usize::from(target)) {
            target.1 += 1;
        }
    }

    /// TCP was established at `at_ns`, `tcp_ns` after the SYN.
    pub fn connected(&mut self, at_ns: u64, tcp_ns: u64) {
        if self.is_measured(at_ns) {
            self.current.histograms.record(Kind::Connect, tcp_ns);
        }
    }

    /// A connection can carry requests from `at_ns` on, with TLS after `tls_ns` of handshake.
    pub fn opened(&mut self, at_ns: u64, tls_ns: Option<u64>, resumed: bool) {
        self.current.counts.connections_opened += 1;
        let Some(tls_ns) = tls_ns else { return };
        self.current.counts.handshakes += 1;
        self.current.counts.handshakes_resumed += u64::from(resumed);
        if self.is_measured(at_ns) {
            self.current.histograms.record(Kind::Tls, tls_ns);
        }
    }

    /// A connection ended after this many complete answers.
    pub fn disconnected(&mut self, answers: u64) {
        self.current.counts.connections_closed += 1;
        self.current.answers_per_connection.saturating_record(answers);
    }

    /// A free connection was closed because bytes came over it that nobody had asked for.
    pub fn unasked(&mut self) {
        self.current.counts.connections_unasked += 1;
    }

    /// Bytes moved on a connection.
    #[inline]
    pub fn moved(&mut self, read_bytes: u64, written_bytes: u64) {
        self.current.counts.read_bytes += read_bytes;
        self.current.counts.written_bytes += written_bytes;
    }

    /// Time turned in place on purpose before a due time, so that it is not taken for load.
    #[inline]
    pub fn spun(&mut self, ns: u64) {
        self.spun_ns += ns;
    }

    /// The number of the server with this name, for [`Sample::server`]; `None` past [`super::NAMES_MAX`] names.
    pub fn server(&mut self, name: &[u8]) -> Option<u16> {
        self.servers.number(name)
    }

    /// The name that a number of [`Self::server`] stands for.
    pub fn server_name(&self, number: u16) -> &str {
        self.servers.names().get(usize::from(number)).map_or("", String::as_str)
    }

    /// When [`Self::roll`] is next due: compare before calling, once per turn of the loop.
    #[inline]
    pub fn roll_at_ns(&self) -> u64 {
        self.roll_at_ns
    }

    /// Ends the interval at `at_ns` and hands it to the collector. Where the collector has fallen
    /// behind, the interval goes on until the next roll: nothing is lost, nothing waits.
    pub fn roll(&mut self, at_ns: u64, gauges: Gauges) {
        self.roll_at_ns = (at_ns / self.interval_ns + 1).saturating_mul(self.interval_ns);
        let next = match self.emptied.try_recv() {
            Ok(emptied) => emptied,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                Interval::new(self.current.thread, self.current.targets.len())
            }
        };
        let full = self.seal(at_ns, gauges, next);
        if let Err(TrySendError::Full(full) | TrySendError::Disconnected(full)) =
            self.to_collector.try_send(full)
        {
            // Take it back whole: it simply grows.
            self.servers_told -= full.new_servers.len();
            self.current = full;
            self.current.new_servers.clear();
        }
    }

    /// Ends the last interval and the thread's part in the run. May wait for the collector.
    pub fn finish(mut self, at_ns: u64, gauges: Gauges) {
        let placeholder = Interval::new(self.current.thread, 0);
        let mut last = self.seal(at_ns, gauges, placeholder);
        last.is_last = true;
        // A collector that is gone has no use for it; the run has ended either way.
        let _ = self.to_collector.send(last);
    }

    fn seal(&mut self, at_ns: u64, gauges: Gauges, mut next: Box<Interval>) -> Box<Interval> {
        next.start_ns = at_ns;
        let mut full = std::mem::replace(&mut self.current, next);
        full.end_ns = at_ns.max(full.start_ns);
        full.gauges = gauges;
        full.thread_use = ThreadUse::of_this_thread(self.spun_ns);
        full.new_servers.extend_from_slice(&self.servers.names()[self.servers_told..]);
        self.servers_told = self.servers.names().len();
        full
    }
}
