//! What was on its way when an open loop's schedule ended, and how much of that answers of their usual
//! length explain. Computed once, when a run is over; the verdict compares the two.
//!
//! An answer of length `s` is seen in time only if its request was due before `T - s`, where `T` is the
//! schedule's end. So each answer that is seen in time stands for `due(T) / due(T - s)` requests of its
//! length, of which all but one were still on their way (Horvitz and Thompson's estimate, for any shape of
//! schedule and any mixture of lengths). The answers of a target that falls behind take ever longer: then
//! far more is on its way than the answers so far explain.

use serde::{Deserialize, Serialize};

use super::pace::Due;
use super::run::RunRecord;
use super::series::SecondRecord;
use crate::measure::{ErrorClass, percentile};
use crate::schedule::Shape;

/// Requests on their way at the end of the schedule, as far as the lengths of answers explain them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OnTheirWay {
    /// How many are to be expected.
    pub expected: f64,
    /// Standard deviation: which lengths fall into the last moments is chance, and so is what was seen.
    pub deviation: f64,
}

impl OnTheirWay {
    /// From the answers of a run that came before its schedule ended.
    pub(super) fn new(record: &RunRecord, due: &Due<'_>) -> OnTheirWay {
        let end_ns = record.description.duration_ns;
        let all = due.before(end_ns);
        let (mut expected, mut variance) = (0.0, 0.0);
        for row in record.series.iter().filter(|row| row.start_ns < end_ns && row.ok > 0) {
            // The last row goes on into the grace if the schedule does not end with a second.
            let in_time = (row.in_time as f64 / row.ok as f64).min(1.0);
            for slot in row.response.histogram().iter_recorded() {
                let before = due.before(end_ns.saturating_sub(slot.value_iterated_to()));
                // Its own request was due before.
                let unseen = all / before.max(1.0) - 1.0;
                let count = slot.count_at_value() as f64 * in_time;
                expected += count * unseen;
                variance += count * unseen * unseen;
            }
        }
        OnTheirWay { expected, deviation: (expected + variance).sqrt() }
    }
}

impl RunRecord {
    /// Fills in what the shape of an open loop's schedule is needed for.
    pub(crate) fn know_schedule(&mut self, shape: &Shape) {
        self.expect_answers(shape);
        self.know_steps(shape);
        self.on_their_way = OnTheirWay::new(self, &Due::new(self, shape));
    }

    /// Requests without an answer when the schedule ended, whatever became of them in the grace.
    pub fn unanswered_at_end(&self) -> u64 {
        let known = self.counts.late.saturating_add(self.counts.unsent_at_end);
        known.saturating_add(self.cancelled_as_backlog())
    }

    /// Requests that the end of the run cancelled, as far as they were in a queue. Where some requests hang
    /// and the others are answered quickly, nothing waits behind another: that is a fault of its own.
    fn cancelled_as_backlog(&self) -> u64 {
        let cancelled = self.errors.of(ErrorClass::CancelledAtEnd);
        let end_ns = self.description.duration_ns;
        let is_whole = |row: &&SecondRecord| row.start_ns < end_ns && row.seconds() >= 0.5;
        let Some(last) = self.series.iter().rev().find(is_whole).filter(|row| row.ok > 0) else {
            return cancelled;
        };
        // As many as came while the answers of the last second, but for the slowest, were waited for.
        let waited_ns = percentile(&last.response.histogram(), 90.0);
        let queue = last.planned as f64 / last.seconds() * (waited_ns as f64 / 1e9);
        cancelled.min(queue.ceil() as u64)
    }
}
