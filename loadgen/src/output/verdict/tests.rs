//! Tests of the rule about seconds without answers: a slow server does not stop, and one that stops is
//! found, whatever the schedule and the time that answers take.

use super::judge;
use crate::record::{RunRecord, VerdictName};
use crate::schedule::{Rate, Shape, Step};
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
