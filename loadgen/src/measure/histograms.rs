//! The eight histograms of a run: their range, their memory, and how they are merged.
//!
//! All have the same fixed range, so that any two merge without loss and none ever grows: values are
//! nanoseconds from 1 to 2^42 (73 minutes), to 3 significant digits (an error of 0.1 % at most). A
//! longer time than that counts as the longest. Nanoseconds rather than microseconds because send lag
//! and loopback times are of that order; the range costs 33,792 slots instead of 22,528, and a slot
//! is touched only when a value falls into it.
//!
//! Memory: 132 KiB for a histogram of an interval (32-bit counts), 264 KiB for one of a total (64-bit).
//! A thread has three sets of eight (one being filled, one on its way, one to spare): 3.5 MiB a thread
//! with what goes beside them.

use hdrhistogram::{Counter, Histogram};

/// The longest time that is told apart, in nanoseconds.
pub const HIGHEST_NS: u64 = (1 << 42) - 1;

/// Significant decimal digits kept of each value.
pub const DIGITS: u8 = 3;

/// Slots of one histogram: (42 - 11 + 2) halves of 1,024, by the arithmetic of HdrHistogram.
pub const SLOTS: usize = 33_792;

/// What a histogram measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Planned time to the answer's last byte, of good answers: what a user would have waited.
    Response,
    /// First byte written to the answer's last byte, of good answers: what many tools call latency.
    Service,
    /// First byte written to the answer's first byte, of good answers.
    FirstByte,
    /// Opening a TCP connection.
    Connect,
    /// A TLS handshake.
    Tls,
    /// Planned time to the moment the engine turned to the request: the client's own lateness.
    SendLag,
    /// Time spent in the client's queue for a free connection.
    ClientWait,
    /// Planned time to the failure, to the end of a wrong answer, or to the giving up of a request that
    /// was never sent.
    Failed,
}

impl Kind {
    /// Every kind, in the order of printing.
    pub const ALL: [Kind; 8] = [
        Kind::Response,
        Kind::Service,
        Kind::FirstByte,
        Kind::Connect,
        Kind::Tls,
        Kind::SendLag,
        Kind::ClientWait,
        Kind::Failed,
    ];

    /// The name in files: a word without spaces.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Response => "response",
            Kind::Service => "service",
            Kind::FirstByte => "first_byte",
            Kind::Connect => "connect",
            Kind::Tls => "tls",
            Kind::SendLag => "send_lag",
            Kind::ClientWait => "client_wait",
            Kind::Failed => "failed",
        }
    }

    /// The kind with this label.
    pub fn parse(label: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.label() == label)
    }
}

fn new_histogram<T: Counter>() -> Histogram<T> {
    Histogram::new_with_bounds(1, HIGHEST_NS, DIGITS).expect("constant bounds that the crate's rules allow")
}

/// An empty histogram for one interval.
pub fn new_interval_histogram() -> Histogram<u32> {
    new_histogram()
}

/// An empty histogram for a whole run.
pub fn new_total_histogram() -> Histogram<u64> {
    new_histogram()
}

/// Adds an interval's values to a total.
pub fn merge(total: &mut Histogram<u64>, part: &Histogram<u32>) {
    for slot in part.iter_recorded() {
        total.saturating_record_n(slot.value_iterated_to(), u64::from(slot.count_at_value()));
    }
}

/// One histogram of each kind.
#[derive(Clone, Debug)]
pub struct Histograms<T: Counter> {
    all: [Histogram<T>; Kind::ALL.len()],
}

impl<T: Counter> Default for Histograms<T> {
    fn default() -> Self {
        Histograms { all: std::array::from_fn(|_| new_histogram()) }
    }
}

impl<T: Counter> Histograms<T> {
    /// The histogram of a kind.
    pub fn of(&self, kind: Kind) -> &Histogram<T> {
        &self.all[kind as usize]
    }

    /// Records a time in nanoseconds.
    #[inline]
    pub fn record(&mut self, kind: Kind, ns: u64) {
        self.all[kind as usize].saturating_record(ns);
    }

    /// Adds another set of the same width.
    pub fn add(&mut self, other: &Histograms<T>) {
        for (ours, theirs) in self.all.iter_mut().zip(&other.all) {
            if !theirs.is_empty() {
                ours.add(theirs).expect("same bounds, so that every value fits");
            }
        }
    }

    /// Empties every histogram that holds something.
    pub fn clear(&mut self) {
        for histogram in &mut self.all {
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
    }
}

impl Histograms<u64> {
    /// Adds the values of an interval.
    pub fn merge(&mut self, part: &Histograms<u32>) {
        for (total, part) in self.all.iter_mut().zip(&part.all) {
            merge(total, part);
        }
    }
}
