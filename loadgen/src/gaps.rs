//! Times without a good answer, from the fate of each single request. No socket, no clock.
//!
//! A gap lies between two good answers that follow each other in time, and at the beginning and the
//! end of a run between its border and the answer next to it. It is told of as soon as it is over. A request
//! that was due in a gap and fails after its end (time-outs take their time) is counted in it all the same, and
//! a gap whose count has grown is told of once more when no other failure can come.
//!
//! Used by the mode `gap`. Memory is bounded: by the number of gaps that are kept, and by the closed list of
//! classes.

use std::collections::VecDeque;

use crate::engine::{Fate, Outcome};
use crate::record::GapRecord;

/// Gaps that are kept; further ones are only told when they end.
const GAPS_MAX: usize = 10_000;

/// A target is back at full rate when for so long no request fails that was due after the gap;
/// nanoseconds.
const CALM_NS: u64 = 1_000_000_000;

/// How requests are counted that were never sent.
const UNSENT: &str = "unsent";

/// What is told of.
#[derive(Debug, PartialEq)]
pub enum News<'a> {
    /// A good answer has ended a gap. More of its requests may yet fail.
    Over(&'a GapRecord),
    /// The end of the run has ended a gap, and all that was on its way.
    CutOff(&'a GapRecord),
    /// More failed in a gap than was told when it ended, and this is all of them.
    Corrected(&'a GapRecord),
}

/// Finds gaps while the answers come.
#[derive(Debug)]
pub struct GapFinder {
    longer_than_ns: u64,
    longest_request_ns: u64,
    /// What is known of the gap that began with the last good answer.
    open: GapRecord,
    /// When the first request was due that has failed since.
    first_failed_ns: Option<u64>,
    /// Until when failures belong to the recovery from the last gap.
    recovers_until_ns: u64,
    gaps: Vec<GapRecord>,
    /// The longest of all, those among them that are too short to be kept.
    longest: GapRecord,
    left_out: u64,
    /// Kept gaps in which more may fail: their place, and how many failures were told of.
    unsettled: VecDeque<(usize, u64)>,
}

/// What was found in a run.
#[derive(Debug)]
pub struct Gaps {
    /// Those longer than the limit, in order.
    pub gaps: Vec<GapRecord>,
    /// The longest, however short.
    pub longest: GapRecord,
    /// How many found no room among the first.
    pub left_out: u64,
}

impl GapFinder {
    /// Looks for gaps longer than so many nanoseconds, where the fate of a request is certain
    /// `longest_request_ns` after its planned time at the latest. It knows no wall clock: `start_unix_ms` of
    /// the gaps is the caller's to fill in.
    pub fn new(longer_than_ns: u64, longest_request_ns: u64) -> Self {
        Self {
            longer_than_ns,
            longest_request_ns,
            open: GapRecord::default(),
            first_failed_ns: None,
            recovers_until_ns: 0,
            gaps: Vec::new(),
            longest: GapRecord::default(),
            left_out: 0,
            unsettled: VecDeque::new(),
        }
    }

    /// Takes the next request's fate, in the order in which fates become certain.
    pub fn take(&mut self, outcome: &Outcome, mut tell: impl FnMut(News<'_>)) {
        match &outcome.fate {
            Fate::Good(server) => {
                let server = server.clone().unwrap_or_default();
                if let Some(gap) = self.close(outcome.ended_ns, Some(outcome.planned_ns), server) {
                    tell(News::Over(&gap));
                }
            }
            Fate::Failed(class) => self.fail(outcome, &class.label()),
            Fate::Unsent => self.fail(outcome, UNSENT),
        }
        self.settle(outcome.ended_ns, &mut tell);
    }

    /// The end of the run: also the gap that it cuts off.
    pub fn end(mut self, at_ns: u64, mut tell: impl FnMut(News<'_>)) -> Gaps {
        self.settle(u64::MAX, &mut tell);
        if let Some(gap) = self.close(at_ns, None, String::new()) {
            tell(News::CutOff(&gap));
        }
        // The longest is kept as it was at its end; to the same one among those kept, failures may have
        // been added since.
        let least_ns = self.longest.length_ns;
        let longest = self.gaps.iter().find(|gap| gap.length_ns >= least_ns).cloned().unwrap_or(self.longest);
        Gaps { gaps: self.gaps, longest, left_out: self.left_out }
    }

    /// Books a failure into the gap in which its request was due or, where it was on its way when a gap began,
    /// into that one: the first that ends after its planned time.
    fn fail(&mut self, outcome: &Outcome, label: &str) {
        let (due_ns, failed_ns) = (outcome.planned_ns, outcome.ended_ns);
        let holds = |gap: &GapRecord| due_ns < gap.end_ns() && gap.start_ns < failed_ns;
        let first = self.gaps.partition_point(|gap| gap.end_ns() <= due_ns);
        let (gaps, last) = (&mut self.gaps, first.checked_sub(1));
        if let Some(gap) = gaps.get_mut(first).filter(|gap| holds(gap)) {
            return count_late(gap, label, due_ns);
        }
        if self.longest.length_ns <= self.longer_than_ns && holds(&self.longest) {
            // Too short to be among those kept, and the panel tells of it.
            return count_late(&mut self.longest, label, due_ns);
        }
        if let Some(gap) = last.filter(|last| last + 1 == gaps.len()).and_then(|last| gaps.get_mut(last))
            && due_ns < self.recovers_until_ns
        {
            gap.to_full_rate_ns = Some(due_ns.saturating_sub(gap.start_ns));
            self.recovers_until_ns = due_ns.saturating_add(CALM_NS);
        }
        if failed_ns > self.open.start_ns {
            self.open.count(label);
            self.first_failed_ns = Some(self.first_failed_ns.unwrap_or(u64::MAX).min(due_ns));
        }
    }

    /// Tells of the gaps that have grown and will not grow any more.
    fn settle(&mut self, now_ns: u64, tell: &mut impl FnMut(News<'_>)) {
        while let Some(&(place, told)) = self.unsettled.front() {
            let gap = &self.gaps[place];
            if gap.end_ns().saturating_add(self.longest_request_ns) > now_ns {
                return;
            }
            if gap.failed != told {
                tell(News::Corrected(gap));
            }
            self.unsettled.pop_front();
        }
    }

    /// Ends the open gap, by an answer to a request that was due at `due_ns` or by the end of the run, and
    /// begins the next one; returns it if it was long enough.
    fn close(&mut self, at_ns: u64, due_ns: Option<u64>, server: String) -> Option<GapRecord> {
        let next = GapRecord {
            start_ns: at_ns.max(self.open.start_ns),
            server_before: server.clone(),
            ..GapRecord::default()
        };
        let mut gap = std::mem::replace(&mut self.open, next);
        let first_failed_ns = self.first_failed_ns.take();
        gap.length_ns = at_ns.saturating_sub(gap.start_ns);
        gap.server_after = server;
        if let Some(due_ns) = due_ns {
            let first_due_ns = first_failed_ns.unwrap_or(u64::MAX).min(due_ns);
            gap.to_first_success_ns = Some(at_ns.saturating_sub(first_due_ns));
            gap.to_full_rate_ns = Some(gap.length_ns);
        }
        if gap.length_ns > self.longest.length_ns {
            self.longest = gap.clone();
        }
        if gap.length_ns <= self.longer_than_ns {
            return None;
        }
        if self.gaps.len() < GAPS_MAX {
            self.recovers_until_ns = at_ns.saturating_add(CALM_NS);
            self.unsettled.push_back((self.gaps.len(), gap.failed));
            self.gaps.push(gap.clone());
        } else {
            self.left_out += 1;
        }
        Some(gap)
    }
}

/// Counts a request of a gap that was over before it failed.
fn count_late(gap: &mut GapRecord, label: &str, due_ns: u64) {
    gap.count(label);
    let waited_ns = gap.end_ns().saturating_sub(due_ns);
    gap.to_first_success_ns = gap.to_first_success_ns.max(Some(waited_ns));
}

#[cfg(test)]
mod tests;
