//! Times without a good answer, from the fate of each single request. No socket, no clock.
//!
//! A gap lies between two good answers that follow each other in time, and at the beginning and the
//! end of a run between its border and the answer next to it. A request that was due in a gap and fails
//! after its end (time-outs take their time) is counted in it all the same.

use crate::engine::Outcome;
use crate::record::GapRecord;

/// Gaps that are kept; further ones are only told when they end.
const GAPS_MAX: usize = 10_000;

/// A target is back at full rate when for so long no request fails that was due after the gap;
/// nanoseconds.
const CALM_NS: u64 = 1_000_000_000;

/// Finds gaps while the answers come.
#[derive(Debug)]
pub struct GapFinder {
    longer_than_ns: u64,
    /// What is known of the gap that began with the last good answer.
    open: GapRecord,
    /// When the first request was due that has failed since.
    first_failed_ns: Option<u64>,
    /// Until when failures belong to the recovery from the last gap.
    recovers_until_ns: u64,
    gaps: Vec<GapRecord>,
    /// The longest of all, those among them that are too short to be kept.
    longest: GapRecord,
}

/// What was found in a run.
#[derive(Debug)]
pub struct Gaps {
    /// Those longer than the limit, in order.
    pub gaps: Vec<GapRecord>,
    /// The longest, however short.
    pub longest: GapRecord,
}

impl GapFinder {
    /// Looks for gaps longer than so many nanoseconds. It knows no wall clock: `start_unix_ms` of the
    /// gaps is the caller's to fill in.
    pub fn new(longer_than_ns: u64) -> Self {
        Self {
            longer_than_ns,
            open: GapRecord::default(),
            first_failed_ns: None,
            recovers_until_ns: 0,
            gaps: Vec::new(),
            longest: GapRecord::default(),
        }
    }

    /// Takes the next request's fate, in the order of their ends; returns the gap that it ended, as far
    /// as it is known then.
    pub fn take(&mut self, outcome: &Outcome) -> Option<GapRecord> {
        let Some(class) = outcome.fault else {
            let gap = self.close(outcome.ended_ns, Some(outcome));
            let is_told = gap.length_ns > self.longer_than_ns;
            return is_told.then_some(gap);
        };
        let label = class.label();
        let last_end_ns = self.gaps.last().map_or(0, GapRecord::end_ns);
        match self.gaps.last_mut() {
            Some(gap) if outcome.planned_ns < last_end_ns => {
                gap.count(&label);
                let waited_ns = last_end_ns.saturating_sub(outcome.planned_ns);
                gap.to_first_success_ns = gap.to_first_success_ns.max(Some(waited_ns));
            }
            last => {
                if let Some(gap) = last
                    && outcome.planned_ns < self.recovers_until_ns
                {
                    gap.to_full_rate_ns = Some(outcome.planned_ns.saturating_sub(gap.start_ns));
                    self.recovers_until_ns = outcome.planned_ns.saturating_add(CALM_NS);
                }
                self.open.count(&label);
                let first_ns = self.first_failed_ns.unwrap_or(u64::MAX);
                self.first_failed_ns = Some(first_ns.min(outcome.planned_ns));
            }
        }
        None
    }

    /// The end of the run: also the gap that it cuts off.
    pub fn end(mut self, at_ns: u64) -> Gaps {
        self.close(at_ns, None);
        // The longest is kept as it was at its end; to the same one among those kept, failures may have
        // been added since.
        let least_ns = self.longest.length_ns;
        let longest = self.gaps.iter().find(|gap| gap.length_ns >= least_ns).cloned().unwrap_or(self.longest);
        Gaps { gaps: self.gaps, longest }
    }

    /// Ends the open gap, by an answer or by the end of the run, and begins the next one.
    fn close(&mut self, at_ns: u64, by: Option<&Outcome>) -> GapRecord {
        let server = by.and_then(|outcome| outcome.server.clone()).unwrap_or_default();
        let next = GapRecord {
            start_ns: at_ns.max(self.open.start_ns),
            server_before: server.clone(),
            ..GapRecord::default()
        };
        let mut gap = std::mem::replace(&mut self.open, next);
        let first_failed_ns = self.first_failed_ns.take();
        gap.length_ns = at_ns.saturating_sub(gap.start_ns);
        gap.server_after = server;
        if let Some(outcome) = by {
            let first_due_ns = first_failed_ns.unwrap_or(u64::MAX).min(outcome.planned_ns);
            gap.to_first_success_ns = Some(at_ns.saturating_sub(first_due_ns));
            gap.to_full_rate_ns = Some(gap.length_ns);
        }
        if gap.length_ns > self.longest.length_ns {
            self.longest = gap.clone();
        }
        if gap.length_ns > self.longer_than_ns && self.gaps.len() < GAPS_MAX {
            self.recovers_until_ns = at_ns.saturating_add(CALM_NS);
            self.gaps.push(gap.clone());
        }
        gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::ErrorClass;

    const MS: u64 = 1_000_000;

    fn outcome(planned_ms: u64, ended_ms: u64, fault: Option<ErrorClass>, server: &str) -> Outcome {
        let server = fault.is_none().then(|| server.to_owned());
        Outcome { planned_ns: planned_ms * MS, ended_ns: ended_ms * MS, fault, server }
    }

    fn good(ended_ms: u64, server: &str) -> Outcome {
        outcome(ended_ms, ended_ms, None, server)
    }

    #[test]
    fn a_failover_is_one_gap_with_its_failures_and_both_servers() {
        let mut finder = GapFinder::new(50 * MS);
        for at in [10, 20, 30] {
            assert_eq!(finder.take(&good(at, "a")), None);
        }
        for at in [40, 60, 80] {
            let class = if at == 40 { ErrorClass::ConnectRefused } else { ErrorClass::ConnectTimeout };
            assert_eq!(finder.take(&outcome(at - 5, at, Some(class), "")), None);
        }
        let gap = finder.take(&outcome(125, 130, None, "b")).unwrap_or_default();
        assert_eq!((gap.start_ns, gap.length_ns, gap.failed), (30 * MS, 100 * MS, 3));
        assert_eq!((gap.server_before.as_str(), gap.server_after.as_str()), ("a", "b"));
        assert_eq!(gap.failed_by_class["connect_refused"], 1);
        assert_eq!(gap.failed_by_class["connect_timeout"], 2);
        assert_eq!(gap.to_first_success_ns, Some(95 * MS), "since the first that failed was due");
        assert_eq!(gap.to_full_rate_ns, Some(100 * MS));
        let found = finder.end(140 * MS);
        assert_eq!((found.gaps.len(), &found.longest), (1, &gap), "10 ms at the end are no gap");
    }

    #[test]
    fn what_was_due_in_a_gap_and_fails_later_is_counted_in_it() {
        let mut finder = GapFinder::new(50 * MS);
        finder.take(&good(10, "a"));
        assert!(finder.take(&good(210, "b")).is_some_and(|gap| gap.failed == 0));
        for due in [20, 30, 40] {
            finder.take(&outcome(due, due + 1_000, Some(ErrorClass::ConnectTimeout), ""));
        }
        finder.take(&good(1_100, "b"));
        let gaps = finder.end(1_100 * MS).gaps;
        assert_eq!((gaps[0].failed, gaps[0].to_first_success_ns), (3, Some(190 * MS)));
        assert_eq!((gaps.len(), gaps[1].failed), (2, 0), "{gaps:?}");
    }

    #[test]
    fn the_full_rate_is_back_when_nothing_fails_any_more() {
        let mut finder = GapFinder::new(50 * MS);
        finder.take(&good(100, "a"));
        finder.take(&good(300, "b"));
        for at in [310, 330, 350] {
            finder.take(&outcome(at, at + 1, Some(ErrorClass::ConnectRefused), ""));
            finder.take(&good(at + 10, "b"));
        }
        for at in (370..1_800).step_by(10) {
            finder.take(&good(at, "b"));
        }
        // Long after it: another story.
        finder.take(&outcome(1_800, 1_801, Some(ErrorClass::ConnectRefused), ""));
        let gaps = finder.end(1_802 * MS).gaps;
        assert_eq!(gaps[1].to_full_rate_ns, Some(250 * MS), "{gaps:?}");
    }

    #[test]
    fn a_run_without_an_answer_is_one_gap_that_never_ended() {
        let mut finder = GapFinder::new(50 * MS);
        assert_eq!(finder.take(&outcome(900, 900, Some(ErrorClass::ConnectRefused), "")), None);
        let found = finder.end(1_000 * MS);
        let gap = &found.longest;
        assert_eq!((gap.start_ns, gap.length_ns, gap.failed), (0, 1_000 * MS, 1));
        assert_eq!((gap.to_first_success_ns, gap.to_full_rate_ns), (None, None));
    }

    #[test]
    fn the_longest_is_known_even_if_it_is_short() {
        let mut finder = GapFinder::new(50 * MS);
        assert!([10, 20, 45, 55].into_iter().all(|at| finder.take(&good(at, "a")).is_none()));
        let found = finder.end(60 * MS);
        assert_eq!(
            (found.gaps.len(), found.longest.start_ns, found.longest.length_ns),
            (0, 20 * MS, 25 * MS)
        );
    }
}
