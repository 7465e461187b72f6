//! What is wrong with the pair, in sentences that say what to change: named, counted, and told to the log
//! no more often than a person can read.
//!
//! Kept by the ha thread and shown by `torii status`. Strangers can cause entries, so there is a bound on
//! how many are kept and on how many lines they make.

use std::net::IpAddr;
use std::time::Duration;

use super::status::Problem;
use crate::limits::ha_thread::{PROBLEM_LINES, PROBLEM_MEMORY, PROBLEM_REPEAT, PROBLEMS};

/// What makes two sightings the same problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// A short name.
    pub name: &'static str,
    /// The node it is about; `None` for strangers, who are all one.
    pub node: Option<IpAddr>,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    problem: Problem,
    seen_at: Duration,
    told_at: Option<Duration>,
}

/// The book of them.
#[derive(Debug, Default)]
pub struct Problems {
    entries: Vec<Entry>,
    /// Lines told since `lines_since`.
    lines: usize,
    lines_since: Duration,
}

impl Problems {
    /// Notes a sighting at `now` (monotonic). Returns the line for the log, when one is due. The words are
    /// asked for only then or when the entry is new.
    pub fn note(
        &mut self,
        (now, unix_ms): (Duration, u64),
        kind: Kind,
        what: impl FnOnce() -> String,
        remedy: &str,
    ) -> Option<String> {
        let known = self.entries.iter().position(|entry| entry.kind == kind);
        let place = known.unwrap_or_else(|| self.make_room(now, kind, remedy));
        let entry = &mut self.entries[place];
        entry.seen_at = now;
        entry.problem.count += 1;
        entry.problem.last_unix_ms = unix_ms;
        let is_due = entry.told_at.is_none_or(|told| now.saturating_sub(told) >= PROBLEM_REPEAT);
        if !is_due && !entry.problem.what.is_empty() {
            return None;
        }
        entry.problem.what = what();
        entry.told_at = Some(now);
        if self.lines >= PROBLEM_LINES && now.saturating_sub(self.lines_since) < PROBLEM_REPEAT {
            return None;
        }
        if now.saturating_sub(self.lines_since) >= PROBLEM_REPEAT {
            (self.lines, self.lines_since) = (0, now);
        }
        self.lines += 1;
        let times = match entry.problem.count {
            1 => String::new(),
            count => format!(" ({count} times so far)"),
        };
        Some(format!("{}{times}; {}", entry.problem.what, entry.problem.remedy))
    }

    /// A problem that is over.
    pub fn settle(&mut self, kind: Kind) {
        self.entries.retain(|entry| entry.kind != kind);
    }

    /// Those that were seen within `PROBLEM_MEMORY`, in the order in which they were first seen.
    pub fn current(&mut self, now: Duration) -> Vec<Problem> {
        self.entries.retain(|entry| now.saturating_sub(entry.seen_at) < PROBLEM_MEMORY);
        self.entries.iter().map(|entry| entry.problem.clone()).collect()
    }

    /// Place of a new entry; where there is none, the one not seen for the longest time goes.
    fn make_room(&mut self, now: Duration, kind: Kind, remedy: &str) -> usize {
        if self.entries.len() >= PROBLEMS
            && let Some((oldest, _)) = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.seen_at)
        {
            self.entries.remove(oldest);
        }
        let problem = Problem { what: String::new(), remedy: remedy.into(), count: 0, last_unix_ms: 0 };
        self.entries.push(Entry { kind, problem, seen_at: now, told_at: None });
        self.entries.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: Kind = Kind { name: "wrong_password", node: None };

    fn note(problems: &mut Problems, seconds: u64, kind: Kind) -> Option<String> {
        problems.note((Duration::from_secs(seconds), seconds), kind, || "it is so".into(), "do this")
    }

    #[test]
    fn a_problem_is_told_at_once_and_then_once_a_minute_with_its_count() {
        let mut problems = Problems::default();
        assert_eq!(note(&mut problems, 0, PASSWORD).as_deref(), Some("it is so; do this"));
        assert!((1..60).all(|second| note(&mut problems, second, PASSWORD).is_none()));
        let again = note(&mut problems, 60, PASSWORD);
        assert_eq!(again.as_deref(), Some("it is so (61 times so far); do this"));
        let shown = problems.current(Duration::from_secs(61));
        assert_eq!((shown.len(), shown[0].count, shown[0].last_unix_ms), (1, 61, 60));
    }

    #[test]
    fn a_problem_that_is_no_longer_seen_is_forgotten() {
        let mut problems = Problems::default();
        note(&mut problems, 0, PASSWORD);
        assert_eq!(problems.current(PROBLEM_MEMORY - Duration::from_secs(1)).len(), 1);
        assert_eq!(problems.current(PROBLEM_MEMORY).len(), 0);
    }

    #[test]
    fn a_problem_that_is_settled_is_not_shown() {
        let mut problems = Problems::default();
        note(&mut problems, 0, PASSWORD);
        problems.settle(PASSWORD);
        assert_eq!(problems.current(Duration::ZERO).len(), 0);
    }

    #[test]
    fn neither_the_book_nor_the_log_grows_without_end() {
        let mut problems = Problems::default();
        let told = (0..1000_u32).filter(|number| {
            let kind = Kind { name: "some", node: Some(IpAddr::from(number.to_be_bytes())) };
            note(&mut problems, 1, kind).is_some()
        });
        assert_eq!(told.count(), PROBLEM_LINES);
        assert_eq!(problems.current(Duration::from_secs(1)).len(), PROBLEMS);
        assert!(note(&mut problems, 70, PASSWORD).is_some(), "the next minute tells again");
    }
}
