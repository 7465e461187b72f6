//! Requests whose time has come and that have no connection yet. No socket, no clock.
//!
//! Each endpoint has a line of its own: a connection that becomes free serves the line of its endpoint, so
//! that what waits for one host does not close connections to another.

use std::collections::VecDeque;

/// A request whose time has come.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// When it was due.
    pub planned_ns: u64,
    /// When this thread first looked at it.
    pub taken_ns: u64,
    /// What it asks for.
    pub target: u16,
    /// Who asks.
    pub user: u32,
}

/// The lines of all endpoints.
#[derive(Debug)]
pub struct Queue {
    lines: Vec<VecDeque<Due>>,
    waiting: usize,
    max: usize,
}

impl Queue {
    /// Empty lines that hold so many requests together.
    pub fn new(endpoints: usize, max: usize) -> Self {
        Self { lines: vec![VecDeque::new(); endpoints], waiting: 0, max }
    }

    /// Requests that wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Puts a request at the end of its line; false when there is no room.
    pub fn push(&mut self, endpoint: u16, due: Due) -> bool {
        if self.waiting >= self.max {
            return false;
        }
        self.waiting += 1;
        self.lines[usize::from(endpoint)].push_back(due);
        true
    }

    /// The first of a line.
    #[inline]
    pub fn first(&self, endpoint: u16) -> Option<&Due> {
        self.lines[usize::from(endpoint)].front()
    }

    /// Takes the first of a line.
    pub fn pop(&mut self, endpoint: u16) -> Option<Due> {
        let due = self.lines[usize::from(endpoint)].pop_front()?;
        self.waiting -= 1;
        Some(due)
    }

    /// The line, of those that `may` have their turn, whose first request was due first.
    pub fn oldest(&self, mut may: impl FnMut(u16) -> bool) -> Option<u16> {
        if self.is_empty() {
            return None;
        }
        let firsts = self.lines.iter().enumerate().filter_map(|(endpoint, line)| {
            let endpoint = endpoint as u16;
            line.front().map(|due| (due.planned_ns, endpoint)).filter(|_| may(endpoint))
        });
        firsts.min().map(|(_, endpoint)| endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_a_line_and_all_share_the_room() {
        let due = |planned_ns| Due { planned_ns, taken_ns: planned_ns, target: 0, user: 0 };
        let mut queue = Queue::new(2, 3);
        assert!(queue.push(1, due(1)) && queue.push(0, due(2)) && queue.push(1, due(3)));
        assert!(!queue.push(0, due(4)), "no room");
        assert_eq!(queue.oldest(|_| true), Some(1));
        assert_eq!(queue.oldest(|endpoint| endpoint == 0), Some(0));
        assert_eq!(queue.pop(1).map(|due| due.planned_ns), Some(1));
        assert_eq!((queue.oldest(|_| true), queue.len()), (Some(0), 2));
        assert_eq!(queue.first(1).map(|due| due.planned_ns), Some(3));
        assert!(queue.pop(0).is_some() && queue.pop(0).is_none() && queue.pop(1).is_some());
        assert!(queue.is_empty() && queue.oldest(|_| true).is_none());
    }
}
