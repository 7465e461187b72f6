//! Tests of measuring: counts that add up over threads, warm-up, examples, late collectors.

#![allow(clippy::unwrap_used)]

use super::*;

/// Keeps what it saw.
#[derive(Default)]
struct Seen {
    seconds: Vec<(u64, u64, u64)>,
}

impl SecondSink for Seen {
    fn second(&mut self, second: &Second) {
        let p50 = second.parts.histograms.of(Kind::Response).value_at_quantile(0.5);
        self.seconds.push((second.index, second.parts.counts.ok, p50));
    }
}

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// A request of this length, told from its planning to its end.
fn good(recorder: &mut Recorder, planned_ns: u64, length_ns: u64) {
    recorder.planned(planned_ns, planned_ns + 10_000);
    recorder.offered(planned_ns);
    let server = recorder.server(b"web1");
    recorder.completed(&Sample {
        planned_ns,
        written_ns: planned_ns + 20_000,
        first_byte_ns: planned_ns + length_ns / 2,
        finished_ns: planned_ns + length_ns,
        status: 200,
        body_bytes: 100,
        target: 0,
        server,
    });
}

#[test]
fn two_threads_add_up_second_by_second() {
    let (collector, recorders) = start(Setup { threads: 2, ..Setup::default() });
    let threads: Vec<_> = recorders
        .into_iter()
        .map(|mut recorder| {
            std::thread::spawn(move || {
                for second in 0..3 {
                    for request in 0..100 {
                        good(&mut recorder, second * SECOND + request * 5 * MS, 2 * MS);
                    }
                    recorder.roll((second + 1) * SECOND, Gauges::default());
                }
                recorder.finish(3 * SECOND, Gauges::default());
            })
        })
        .collect();
    let mut seen = Seen::default();
    let totals = collector.collect(&mut seen);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    totals.counts.balance().unwrap();
    assert_eq!(totals.counts.ok, 600);
    assert_eq!(totals.servers["web1"], 600);
    assert_eq!(totals.targets, [(600, 0)]);
    assert_eq!(totals.statuses.counted().collect::<Vec<_>>(), [(200, 600)]);
    assert_eq!(seen.seconds.iter().map(|second| second.1).sum::<u64>(), 600);
    assert_eq!(seen.seconds.iter().map(|second| second.0).collect::<Vec<_>>(), [0, 1, 2]);
    let response = totals.histograms.of(Kind::Response);
    assert_eq!(response.len(), 600);
    assert!(response.equivalent(response.value_at_quantile(0.5), 2 * MS));
    assert!(response.equivalent(totals.histograms.of(Kind::Service).max(), 2 * MS - 20_000));
}

#[test]
fn warm_up_is_sent_and_not_measured() {
    let (collector, mut recorders) = start(Setup { warm_up_ns: SECOND, ..Setup::default() });
    let mut recorder = recorders.remove(0);
    good(&mut recorder, SECOND - 1, 5 * MS);
    good(&mut recorder, SECOND, 2 * MS);
    recorder.failed(ErrorClass::ReadTimeout, 0, 5, SECOND, || "warm".into());
    recorder.finish(2 * SECOND, Gauges::default());
    let totals = collector.collect(&mut Seen::default());
    totals.counts.balance().unwrap();
    assert_eq!((totals.counts.warm_up, totals.counts.warm_up_ok, totals.counts.ok), (1, 1, 1));
    assert_eq!(totals.errors.total(), 0);
    assert_eq!(totals.histograms.of(Kind::Response).len(), 1);
}

#[test]
fn the_rate_counts_answers_by_when_they_came() {
    let (collector, mut recorders) =
        start(Setup { warm_up_ns: SECOND, duration_ns: 3 * SECOND, ..Setup::default() });
    let mut recorder = recorders.remove(0);
    // Every 10 ms one is due, and each takes 900 ms: 100 a second come, also in the measured time.
    (0..300).for_each(|request| good(&mut recorder, request * 10 * MS, 900 * MS));
    recorder.finish(4 * SECOND, Gauges::default());
    let counts = collector.collect(&mut Seen::default()).counts;
    counts.balance().unwrap();
    assert_eq!((counts.planned, counts.ok, counts.late, counts.warm_up), (200, 200, 89, 100));
    // At 1.00 s comes what was due at 0.10 s, and at 3.00 s what was due at 2.10 s.
    assert_eq!((counts.in_time, counts.warm_up_ok, counts.good()), (201, 100, 300));
}

#[test]
fn requests_never_sent_are_timed_with_the_failures() {
    let (collector, mut recorders) = start(Setup { warm_up_ns: SECOND, ..Setup::default() });
    let mut recorder = recorders.remove(0);
    for planned_ns in [0, SECOND, SECOND + MS] {
        recorder.planned(planned_ns, 2 * SECOND);
        recorder.unsent_at_end(planned_ns, 2 * SECOND);
    }
    recorder.planned(SECOND, SECOND);
    recorder.unsent_queue_full(SECOND, SECOND + MS);
    recorder.finish(2 * SECOND, Gauges::default());
    let totals = collector.collect(&mut Seen::default());
    totals.counts.balance().unwrap();
    assert_eq!((totals.counts.unsent_at_end, totals.counts.unsent_queue_full), (2, 1));
    let failed = totals.histograms.of(Kind::Failed);
    assert_eq!(failed.len(), 3, "what was planned in the warm-up is not measured");
    assert!(failed.equivalent(failed.max(), SECOND) && failed.equivalent(failed.min(), MS));
    assert_eq!(totals.errors.total(), 0);
    // Two of them were looked at only when the run was over: that is the client's own lateness.
    let lag = totals.histograms.of(Kind::SendLag);
    assert_eq!(lag.len(), 3);
    assert!(lag.equivalent(lag.max(), SECOND));
}

#[test]
fn errors_are_timed_apart_and_keep_their_first_example() {
    let (collector, mut recorders) = start(Setup::default());
    let mut recorder = recorders.remove(0);
    for at in [30, 40, 50] {
        recorder.planned(0, 0);
        recorder.offered(0);
        recorder.failed(ErrorClass::ReadReset, 0, 0, at * MS, || format!("at {at}"));
        recorder.roll(at * SECOND, Gauges::default());
    }
    recorder.planned(0, 0);
    recorder.offered(0);
    let sample = Sample { status: 503, finished_ns: MS, ..Sample::default() };
    recorder.completed_wrong(&sample, ErrorClass::Status(503), || "é".repeat(400));
    recorder.finish(60 * SECOND, Gauges::default());
    let totals = collector.collect(&mut Seen::default());
    totals.counts.balance().unwrap();
    assert_eq!((totals.counts.ok, totals.counts.wrong, totals.counts.failed), (0, 1, 3));
    assert_eq!(totals.errors.of(ErrorClass::ReadReset), 3);
    let entries = totals.errors.entries();
    assert_eq!(entries[0].first_example, "at 30");
    assert_eq!(entries[1].first_example.len(), 300);
    assert!(totals.histograms.of(Kind::Response).is_empty());
    assert_eq!(totals.histograms.of(Kind::Failed).len(), 4);
    assert_eq!(totals.targets, [(0, 4)]);
}

#[test]
fn a_late_collector_makes_an_interval_longer_and_loses_nothing() {
    let (collector, mut recorders) = start(Setup::default());
    let mut recorder = recorders.remove(0);
    for second in 0..50 {
        recorder.server(format!("web{second}").as_bytes());
        good(&mut recorder, second * SECOND, MS);
        recorder.roll((second + 1) * SECOND, Gauges::default());
    }
    let waiting = std::thread::spawn(move || recorder.finish(51 * SECOND, Gauges::default()));
    let mut seen = Seen::default();
    let totals = collector.collect(&mut seen);
    waiting.join().unwrap();
    assert_eq!(totals.counts.ok, 50);
    assert_eq!(totals.servers, [("web1".to_owned(), 50)].into());
    assert!(seen.seconds.len() <= 5, "{:?}", seen.seconds);
}

#[test]
fn bookkeeping_that_does_not_add_up_says_so() {
    let counts = Counts { planned: 3, offered: 2, ok: 2, ..Counts::default() };
    assert!(counts.balance().unwrap_err().explanation.contains("planned 3"));
    let counts = Counts { planned: 2, offered: 2, ok: 1, ..Counts::default() };
    assert!(counts.balance().unwrap_err().explanation.contains("offered 2"));
}

#[test]
fn every_class_of_error_has_one_name_and_comes_back_from_it() {
    use ErrorClass as E;
    let mut labels = std::collections::BTreeSet::new();
    let with_parameters = [E::TlsAlert(40), E::Status(503), E::Status(999), E::CheckFailed(Check::Body)];
    let plain = ["dns", "connect_refused", "read_timeout", "wrong_server", "cancelled_at_end"];
    for class in with_parameters.into_iter().chain(plain.map(|label| E::parse(label).unwrap())) {
        assert_eq!(E::parse(&class.label()), Some(class));
        assert!(labels.insert(class.label()));
    }
    for label in ["", "status_", "status_99", "status_70000", "tls_alert:256", "check_failed:x", "oops"] {
        assert_eq!(E::parse(label), None, "{label}");
    }
}

#[test]
fn histograms_have_the_stated_size_and_saturate() {
    let mut histogram = new_total_histogram();
    assert_eq!(histogram.distinct_values(), SLOTS);
    histogram.saturating_record(u64::MAX);
    assert!(histogram.max() <= HIGHEST_NS);
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.label()), Some(kind));
    }
}

#[test]
fn server_names_are_bounded_and_printable() {
    let mut names = Names::default();
    assert_eq!(names.number(b"a\x00b"), names.number(b"a\x00b"));
    assert_eq!(names.names(), ["a?b"]);
    let last = format!("s{}", NAMES_MAX - 2);
    for number in 0..NAMES_MAX + 100 {
        names.number(format!("s{number}").as_bytes());
    }
    assert_eq!(names.names().len(), NAMES_MAX);
    assert_eq!(names.names().last(), Some(&last));
    assert_eq!(names.number(last.as_bytes()), Some(NAMES_MAX as u16 - 1));
    assert_eq!((names.number(b"one more"), names.number(b"a\x07b")), (None, Some(0)));
}
