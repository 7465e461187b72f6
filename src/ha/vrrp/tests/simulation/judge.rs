//! What must never happen, looked at before each event: what is so between two events does not change.

use std::time::Duration;

use super::terms::Terms;
use super::world::Node;

type Time = Duration;

/// Since when things are as they should not stay.
#[derive(Debug, Default)]
pub struct Judge {
    /// For each two nodes: since when both are active, run, hear each other, and nothing else happened.
    both_active: Vec<Option<Time>>,
    none_active: Option<Time>,
    /// For each node: since when it could be active.
    able: Vec<Option<Time>>,
    /// The longest that was seen, as a share of the bound.
    pub both_share: f64,
    pub none_share: f64,
}

impl Judge {
    pub fn new(nodes: usize) -> Self {
        Self { both_active: vec![None; nodes * nodes], able: vec![None; nodes], ..Self::default() }
    }

    /// A node was disturbed: whoever is better may be another now.
    pub fn disturb(&mut self, nodes: usize, node: usize) {
        for other in 0..nodes {
            self.both_active[node * nodes + other] = None;
            self.both_active[other * nodes + node] = None;
        }
    }

    /// A node is active at this moment, even if it yields in the same one.
    pub fn see_active(&mut self) {
        self.none_active = None;
    }

    /// Something else than the time has changed.
    pub fn note(&mut self, now: Time, nodes: &[Node], is_up: impl Fn(usize, usize) -> bool) {
        let keep = |since: &mut Option<Time>, holds: bool| match (holds, &since) {
            (false, _) => *since = None,
            (true, None) => *since = Some(now),
            (true, Some(_)) => {}
        };
        for one in 0..nodes.len() {
            for other in 0..one {
                let hear = is_up(one, other) && is_up(other, one);
                let both = nodes[one].is_serving() && nodes[other].is_serving();
                keep(&mut self.both_active[one * nodes.len() + other], both && hear);
            }
        }
        keep(&mut self.none_active, !nodes.iter().any(Node::is_serving));
        for (since, node) in self.able.iter_mut().zip(nodes) {
            keep(since, node.is_able());
        }
    }

    /// Nothing has changed until `now`: has it been so for too long?
    pub fn judge(&mut self, now: Time, terms: &Terms, nodes: &[Node]) -> Result<(), String> {
        let limit = terms.both_active_max();
        for since in self.both_active.iter().flatten() {
            self.both_share = self.both_share.max((now - *since).as_secs_f64() / limit.as_secs_f64());
            if now - *since > limit {
                return Err(format!("two active since {since:?}, longer than {limit:?}"));
            }
        }
        let Some(none) = self.none_active else { return Ok(()) };
        for (since, node) in self.able.iter().zip(nodes) {
            let Some(able) = since else { continue };
            let limit = terms.none_active_max(node.priority());
            let lasted = now - none.max(*able);
            self.none_share = self.none_share.max(lasted.as_secs_f64() / limit.as_secs_f64());
            if lasted > limit {
                return Err(format!(
                    "none active since {none:?}, one able since {able:?}: longer than {limit:?}"
                ));
            }
        }
        Ok(())
    }
}
