//! Every planned request has exactly one fate, with any number of threads.

use std::sync::mpsc::sync_channel;

use torii_loadgen::engine::{Fate, Load, Outcome, Watch};
use torii_loadgen::measure::{ErrorClass, Kind};
use torii_loadgen::origin::{AnswerShape, Delay};
use torii_loadgen::schedule::{Rate, Schedule, Shape, Spacing, Step};

use crate::support::{MS, closed_loop, errors, finish, finish_watched, open_loop, origin, plan, url};

#[test]
fn planned_offered_and_completed_are_the_schedules_count_with_any_number_of_threads() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let (from, to) = (Rate::per_second(100), Rate::per_second(900));
    let step = |rate, ms| Step { rate: Rate::per_second(rate), duration_ns: ms * MS };
    let shapes = [
        Shape::Constant(step(997, 500)),
        Shape::Ramp { from, to, duration_ns: 700 * MS },
        Shape::Steps(vec![step(200, 200), step(0, 100), step(600, 200)]),
        Shape::Replay((0..301).map(|index| index / 7 * 10 * MS).collect()),
    ];
    for (shape, threads) in shapes.iter().flat_map(|shape| [(shape, 1), (shape, 2), (shape, 5)]) {
        let schedule = Schedule { shape: shape.clone(), spacing: Spacing::Even };
        let mut plan = plan(&url(&origin), Load::Open(schedule));
        plan.threads = threads;
        let counts = finish(plan).totals.counts;
        let expected = shape.count();
        assert_eq!((counts.planned, counts.offered, counts.ok), (expected, expected, expected), "{shape:?}");
    }
}

#[test]
fn a_poisson_run_sends_what_its_seed_says() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let shape = Shape::Constant(Step { rate: Rate::per_second(700), duration_ns: 600 * MS });
    let schedule = Schedule { shape, spacing: Spacing::Poisson { seed: 99 } };
    let expected = schedule.arrivals(0, 1).count() as u64;
    for threads in [1, 3] {
        let mut plan = plan(&url(&origin), Load::Open(schedule.clone()));
        plan.threads = threads;
        assert_eq!(finish(plan).totals.counts.ok, expected);
    }
}

#[test]
fn who_looks_on_sees_one_fate_of_each_request() {
    let origin = origin(AnswerShape::default(), Delay::Fixed(50 * MS));
    let mut plan = plan(&url(&origin), open_loop(100, 500));
    (plan.connections, plan.queue_max) = (1, 10);
    plan.timeouts.grace_ns = 100 * MS;
    let (observer, outcomes) = sync_channel::<Outcome>(1_000);
    let counts = finish_watched(plan, Watch { observer: Some(observer), ..Watch::default() }).totals.counts;
    let fates: Vec<Fate> = outcomes.iter().map(|outcome| outcome.fate).collect();
    let is = |wanted: fn(&Fate) -> bool| fates.iter().filter(|fate| wanted(fate)).count() as u64;
    assert_eq!(fates.len(), 50);
    assert_eq!(is(|fate| matches!(fate, Fate::Good(_))), counts.ok);
    assert_eq!(is(|fate| matches!(fate, Fate::Failed(_))), counts.failed);
    assert_eq!(is(|fate| matches!(fate, Fate::Unsent)), counts.unsent());
    assert!(counts.unsent_queue_full > 0 && counts.unsent_at_end > 0, "{counts:?}");
}

#[test]
fn warm_up_is_sent_and_not_counted() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let mut plan = plan(&url(&origin), open_loop(500, 600));
    plan.warm_up_ns = 200 * MS;
    let counts = finish(plan).totals.counts;
    assert_eq!((counts.warm_up, counts.planned, counts.ok), (100, 200, 200));
}

#[test]
fn what_waits_for_a_connection_is_told_apart_from_what_was_never_sent() {
    // One connection and 50 ms an answer: 20 of the 100 planned requests each second are answered.
    let origin = origin(AnswerShape::default(), Delay::Fixed(50 * MS));
    let mut plan = plan(&url(&origin), open_loop(100, 500));
    plan.connections = 1;
    plan.queue_max = 10;
    plan.timeouts.grace_ns = 200 * MS;
    let totals = finish(plan).totals;
    let counts = totals.counts;
    assert_eq!(counts.planned, 50);
    assert!(counts.unsent_queue_full >= 20, "{counts:?}");
    assert!(counts.unsent_at_end >= 1, "{counts:?}");
    assert!(counts.ok >= 1 && counts.ok <= 14, "{counts:?}");
    assert!(totals.histograms.of(Kind::ClientWait).max() >= 50 * MS);
    // What was given up at the end had waited longer than anything that was sent.
    assert!(totals.histograms.of(Kind::Failed).max() >= 200 * MS);
    assert!(totals.histograms.of(Kind::Service).max() < totals.histograms.of(Kind::Response).max());
}

#[test]
fn answers_that_do_not_come_in_the_grace_are_cancelled() {
    let origin = origin(AnswerShape::default(), Delay::Fixed(60_000 * MS));
    for (load, planned) in [(open_loop(20, 250), 5), (closed_loop(250), 16)] {
        let mut plan = plan(&url(&origin), load);
        plan.timeouts.grace_ns = 100 * MS;
        let finished = finish(plan);
        assert_eq!(errors(&finished, ErrorClass::CancelledAtEnd), planned);
        assert_eq!(finished.totals.counts.planned, planned);
    }
}

#[test]
fn a_closed_loop_keeps_each_connection_busy_and_counts_everything() {
    let origin = origin(AnswerShape::default(), Delay::Fixed(20 * MS));
    for threads in [1, 3] {
        let mut plan = plan(&url(&origin), closed_loop(500));
        plan.threads = threads;
        plan.connections = 10;
        let totals = finish(plan).totals;
        let counts = totals.counts;
        assert_eq!(counts.planned, counts.ok);
        // 25 answers on each of 10 connections, if nothing else took time.
        assert!(counts.ok >= 20 && counts.ok <= 260, "{counts:?}");
        assert_eq!(counts.connections_opened, 10);
    }
}

#[test]
fn a_run_that_is_cut_short_waits_for_what_is_on_its_way_unless_asked_twice() {
    use torii_loadgen::engine::{Stop, Watch};
    for (delay_ms, asks) in [(300, 1), (60_000, 2)] {
        let origin = origin(AnswerShape::default(), Delay::Fixed(delay_ms * MS));
        let stop = std::sync::Arc::new(Stop::default());
        let mut plan = plan(&url(&origin), open_loop(20, 60_000));
        plan.timeouts.request_ns = 100_000 * MS;
        let watch = Watch { stop: stop.clone(), ..Watch::default() };
        let started = watch.started.clone();
        let asking = std::thread::spawn(move || {
            // Some requests are on their way: at 20 a second, ten are due after half a second.
            let is_under_way =
                || started.get().is_some_and(|at| at.elapsed().is_ok_and(|t| t.as_millis() > 500));
            while !is_under_way() {
                std::thread::yield_now();
            }
            for _ in 0..asks {
                stop.ask();
            }
        });
        let finished = crate::support::finish_watched(plan, watch);
        asking.join().unwrap();
        let counts = finished.totals.counts;
        assert!(counts.planned >= 10 && counts.planned < 1_200, "{counts:?}");
        assert!(finished.cut_ns.is_some_and(|cut_ns| (400 * MS..60_000 * MS).contains(&cut_ns)));
        let cancelled = errors(&finished, ErrorClass::CancelledAtEnd);
        match asks {
            1 => assert_eq!((counts.ok, cancelled), (counts.planned, 0)),
            _ => assert_eq!((counts.ok, cancelled), (0, counts.planned)),
        }
    }
}

#[test]
fn a_closed_loop_plans_nothing_after_its_end() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // The backlog of nought takes one; from then on SYNs are dropped.
    let _full = std::net::TcpStream::connect(address).unwrap();
    let mut plan = plan(&format!("http://{address}/"), closed_loop(200));
    (plan.connections, plan.timeouts.connect_ns) = (600, 600 * MS);
    let counts = finish(plan).totals.counts;
    // Five hundred at a time are opened; their time is up when nothing is asked any more.
    assert!((1..=500).contains(&counts.planned), "{counts:?}");
    assert_eq!(counts.failed, counts.planned);
}

#[test]
fn a_stopped_run_ends_at_once_and_adds_up() {
    use torii_loadgen::engine::{Stop, Watch};
    let origin = origin(AnswerShape::default(), Delay::None);
    let stop = std::sync::Arc::new(Stop::default());
    let (observer, outcomes) = std::sync::mpsc::sync_channel(10_000);
    let asks = stop.clone();
    let asking = std::thread::spawn(move || {
        // After some answers, so that the run is well under way.
        let seen = outcomes.iter().take(20).count();
        asks.ask();
        seen
    });
    let mut plan = plan(&url(&origin), open_loop(200, 60_000));
    plan.threads = 2;
    let watch = Watch { stop, observer: Some(observer), ..Watch::default() };
    let finished = crate::support::finish_watched(plan, watch);
    assert_eq!(asking.join().unwrap(), 20);
    assert!(finished.totals.counts.planned < 12_000);
}
