//! Times without a good answer, from the fate of each single request. No socket, no clock.
//!
//! A gap lies between two good answers that follow each other in time, and at the beginning and the
//! end of a run between its border and the answer next to it.

use crate::engine::Outcome;
use crate::record::GapRecord;

/// Classes that one gap names.
const CLASSES_MAX: usize = 8;

/// Finds gaps while the answers come.
#[derive(Debug)]
pub struct GapFinder {
    longer_than_ns: u64,
    /// When the last good answer came.
    last_ns: u64,
    server_before: String,
    /// Since then.
    failed: u64,
    classes: Vec<String>,
}

impl GapFinder {
    /// Looks for gaps longer than so many nanoseconds. It knows no wall clock: `start_unix_ms` of the
    /// gaps is the caller's to fill in.
    pub fn new(longer_than_ns: u64) -> Self {
        Self { longer_than_ns, last_ns: 0, server_before: String::new(), failed: 0, classes: Vec::new() }
    }

    /// Takes the next request's fate, in the order of their ends; returns the gap that it ended.
    pub fn take(&mut self, outcome: &Outcome) -> Option<GapRecord> {
        match outcome.fault {
            Some(class) => {
                self.failed += 1;
                let label = class.label();
                if self.classes.len() < CLASSES_MAX && !self.classes.contains(&label) {
                    self.classes.push(label);
                }
                None
            }
            None => {
                let server = outcome.server.clone().unwrap_or_default();
                let gap = self.gap(outcome.ended_ns, server.clone());
                self.last_ns = self.last_ns.max(outcome.ended_ns);
                self.server_before = server;
                self.failed = 0;
                self.classes.clear();
                gap
            }
        }
    }

    /// The end of the run; returns the gap that it cuts off.
    pub fn end(self, at_ns: u64) -> Option<GapRecord> {
        self.gap(at_ns, String::new())
    }

    fn gap(&self, until_ns: u64, server_after: String) -> Option<GapRecord> {
        let length_ns = until_ns.saturating_sub(self.last_ns);
        (length_ns > self.longer_than_ns).then(|| GapRecord {
            start_unix_ms: 0,
            start_ns: self.last_ns,
            length_ns,
            failed: self.failed,
            classes: self.classes.clone(),
            server_before: self.server_before.clone(),
            server_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::ErrorClass;

    const MS: u64 = 1_000_000;

    fn outcome(ended_ms: u64, fault: Option<ErrorClass>, server: &str) -> Outcome {
        let server = fault.is_none().then(|| server.to_owned());
        Outcome { planned_ns: 0, ended_ns: ended_ms * MS, fault, server }
    }

    #[test]
    fn a_failover_is_one_gap_with_its_failures_and_both_servers() {
        let mut finder = GapFinder::new(50 * MS);
        for at in [10, 20, 30] {
            assert_eq!(finder.take(&outcome(at, None, "a")), None);
        }
        for at in [40, 60, 80] {
            let class = if at == 40 { ErrorClass::ConnectRefused } else { ErrorClass::ConnectTimeout };
            assert_eq!(finder.take(&outcome(at, Some(class), "")), None);
        }
        let gap = finder.take(&outcome(130, None, "b"));
        assert_eq!(
            gap,
            Some(GapRecord {
                start_unix_ms: 0,
                start_ns: 30 * MS,
                length_ns: 100 * MS,
                failed: 3,
                classes: vec!["connect_refused".into(), "connect_timeout".into()],
                server_before: "a".into(),
                server_after: "b".into(),
            })
        );
        assert_eq!(finder.take(&outcome(140, None, "b")), None);
        assert_eq!(finder.end(191 * MS).map(|gap| (gap.length_ns, gap.failed)), Some((51 * MS, 0)));
    }

    #[test]
    fn a_target_that_never_answers_is_one_gap() {
        let mut finder = GapFinder::new(50 * MS);
        assert_eq!(finder.take(&outcome(40, Some(ErrorClass::ConnectRefused), "")), None);
        let gap = finder.end(1000 * MS);
        assert_eq!(gap.map(|gap| (gap.start_ns, gap.length_ns, gap.failed)), Some((0, 1000 * MS, 1)));
    }
}
