//! Tests of the rule about seconds without answers: a slow server does not stop, and one that stops is
//! found, whatever the schedule and the time that answers take.

use std::cell::Cell;

use super::judge;
use crate::measure::ErrorClass;
use crate::record::{RunRecord, VerdictName};
use crate::schedule::{Random, Rate, Shape, Step};
use crate::test_support::{SECOND, timely};

const MS: u64 = 1_000_000;

fn step(rate: u64, ms: u64) -> Step {
    Step { rate: Rate::per_second(rate), duration_ns: ms * MS }
}

fn verdict(record: &RunRecord) -> (VerdictName, Vec<String>) {
    let verdict = judge(record);
    (verdict.name, verdict.reasons)
}

#[test]
fn a_slow_server_that_never_stops_is_not_unstable() {
    let ramp = Shape::Ramp { from: Rate::ZERO, to: Rate::per_second(400), duration_ns: 10 * SECOND };
    let steps = Shape::Steps(vec![step(20, 3_500), step(800, 3_250), step(40, 4_000)]);
    for shape in [Shape::Constant(step(100, 12_000)), ramp, steps] {
        for (warm_up_ms, answer_ms) in
            [(2_000, 700), (2_500, 700), (1_300, 700), (0, 700), (2_000, 3_200), (2_000, 20)]
        {
            let record = timely(&shape, warm_up_ms * MS, |due_ns| due_ns + answer_ms * MS);
            let (name, reasons) = verdict(&record);
            assert_eq!(name, VerdictName::Ok, "{shape:?} {warm_up_ms} {answer_ms}: {reasons:?}");
        }
    }
}

#[test]
fn answers_of_very_different_lengths_do_not_look_like_a_stop() {
    let shape = Shape::Constant(step(200, 15_000));
    for most_ms in [1_000, 4_000] {
        let record = timely(&shape, 2 * SECOND, |due_ns| due_ns + MS + due_ns / MS * 7_919 % most_ms * MS);
        let (name, reasons) = verdict(&record);
        assert_eq!(name, VerdictName::Ok, "{most_ms}: {reasons:?}");
    }
}

#[test]
fn a_server_that_stops_for_two_seconds_is_unstable() {
    for (warm_up_ms, answer_ms) in [(2_000, 700), (0, 700), (2_000, 2), (2_500, 1_400)] {
        for stop_ms in [4_000, 5_600] {
            // What would be answered during the stop is answered at its end.
            let stop = stop_ms * MS..(stop_ms + 2_000) * MS;
            let record = timely(&Shape::Constant(step(100, 12_000)), warm_up_ms * MS, |due_ns| {
                let answered_ns = due_ns + answer_ms * MS;
                if stop.contains(&answered_ns) { stop.end } else { answered_ns }
            });
            let (name, reasons) = verdict(&record);
            assert_eq!(name, VerdictName::Unstable, "{warm_up_ms} {answer_ms} {stop_ms}");
            assert!(reasons[0].contains("fewer than half of the good answers"), "{reasons:?}");
        }
    }
}

#[test]
fn a_closed_loop_is_held_to_its_usual_second() {
    let stop = 5 * SECOND..7 * SECOND;
    let mut record = timely(&Shape::Constant(step(100, 12_000)), 2 * SECOND, |due_ns| {
        let answered_ns = due_ns + 700 * MS;
        if stop.contains(&answered_ns) { stop.end } else { answered_ns }
    });
    record.description.open_loop = false;
    assert_eq!(verdict(&record).0, VerdictName::Unstable);
    let mut calm = timely(&Shape::Constant(step(100, 12_000)), 2 * SECOND, |due_ns| due_ns + 700 * MS);
    calm.description.open_loop = false;
    assert_eq!(verdict(&calm).0, VerdictName::Ok);
}

/// Whether the verdict says that the target did not keep up.
fn is_saturated(record: &RunRecord) -> bool {
    let verdict = judge(record);
    assert_eq!(
        verdict.name == VerdictName::TargetSaturated,
        verdict.reasons.iter().any(|reason| reason.contains("did not keep up")),
        "{verdict:?}"
    );
    verdict.name == VerdictName::TargetSaturated
}

#[test]
fn answers_on_their_way_at_the_end_of_a_healthy_run_are_no_backlog() {
    let steps = Shape::Steps(vec![step(10, 4_000), step(1_000, 1_000)]);
    let ramp = Shape::Ramp { from: Rate::ZERO, to: Rate::per_second(800), duration_ns: 6 * SECOND };
    let constant = Shape::Constant(step(500, 6_500));
    for shape in [steps, ramp, constant] {
        for warm_up_ms in [0, 1_000] {
            for answer_ms in [1, 100, 900, 1_900] {
                let record = timely(&shape, warm_up_ms * MS, |due_ns| due_ns + answer_ms * MS);
                assert!(!is_saturated(&record), "{shape:?} {warm_up_ms} {answer_ms}");
            }
        }
    }
    let longer_than_the_run = timely(&Shape::Constant(step(100, 2_000)), 0, |due_ns| due_ns + 3 * SECOND);
    assert!(!is_saturated(&longer_than_the_run));
}

#[test]
fn a_few_long_answers_are_no_backlog() {
    for (rate, ms) in [(400, 5_000), (100, 10_000), (20, 20_000)] {
        let mut random = Random::new(rate);
        let slow: Vec<bool> = (0..=rate * ms / 1_000).map(|_| random.next_u64().is_multiple_of(20)).collect();
        let record = timely(&Shape::Constant(step(rate, ms)), 0, |due_ns| {
            let is_slow = slow[(due_ns * rate / SECOND) as usize];
            due_ns + if is_slow { 3 * SECOND } else { MS }
        });
        assert!(!is_saturated(&record), "{rate}/s for {ms} ms: {:?}", judge(&record).reasons);
    }
}

#[test]
fn a_target_that_falls_behind_is_saturated() {
    let steps = Shape::Steps(vec![step(50, 4_000), step(1_000, 2_000)]);
    let ramp = Shape::Ramp { from: Rate::ZERO, to: Rate::per_second(1_000), duration_ns: 8 * SECOND };
    for (shape, capacity) in [
        (Shape::Constant(step(500, 5_000)), 50),
        (Shape::Constant(step(500, 5_500)), 250),
        (Shape::Constant(step(500, 5_000)), 450),
        (Shape::Constant(step(1_000, 10_000)), 960),
        (steps, 600),
        (ramp, 600),
    ] {
        for warm_up_ms in [0, 1_000] {
            // One after the other: the next is answered this long after the last one, or after it was due.
            let free_ns = Cell::new(0);
            let record = timely(&shape, warm_up_ms * MS, |due_ns| {
                free_ns.set(due_ns.max(free_ns.get()) + SECOND / capacity);
                free_ns.get()
            });
            assert!(is_saturated(&record), "{shape:?} {capacity} {warm_up_ms}: {:?}", record.on_their_way);
        }
    }
}

#[test]
fn requests_that_hang_are_errors_and_no_backlog() {
    let mut record = timely(&Shape::Constant(step(200, 5_000)), 0, |due_ns| due_ns + MS);
    let hung = record.counts.ok / 50;
    record.counts.ok -= hung;
    record.counts.in_time -= hung;
    record.counts.failed += hung;
    (0..hung).for_each(|_| record.errors.count(ErrorClass::CancelledAtEnd, SECOND, String::new));
    assert_eq!(judge(&record).name, VerdictName::Unstable);
    // The grace ended before a queue did: what waited in it was cancelled.
    let mut record = timely(&Shape::Constant(step(200, 5_000)), 0, |due_ns| due_ns * 2 + MS);
    let cut = record.counts.late;
    (record.counts.late, record.counts.ok, record.counts.failed) = (0, record.counts.ok - cut, cut);
    (0..cut).for_each(|_| record.errors.count(ErrorClass::CancelledAtEnd, SECOND, String::new));
    assert!(judge(&record).name == VerdictName::TargetSaturated);
}
