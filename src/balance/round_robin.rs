//! Weighted round robin, pick for pick as HAProxy's (`balance roundrobin`).
//!
//! One per worker and backend, called for each request that no cookie directs. Sans-IO: it knows
//! weights and whether a server is wanted now, nothing of health or connections. `pick` never
//! allocates; with equal weights it costs a few instructions, else a binary search.

use std::collections::VecDeque;

/// HAProxy counts weights in sixteenths, so that a server can warm up in steps. The factor shows in
/// the order of picks (weights 1 2 3 give 3 2 3 1 3 2), so it belongs to the algorithm.
const SCALE: u32 = 16;

/// Positions are compared first, then how much of its share a server still waits for.
const POSITION_FACTOR: u64 = 256;

/// Highest weight, in sixteenths.
const WEIGHT_MAX_SCALED: u32 = 256 * SCALE;

/// A wheel on which each server stands as often as its weight says, evenly spread.
///
/// Every server is in exactly one queue, or in none when it is down or weighs nothing:
///
/// ```text
///              picked      due again in this turn
///   start ───────┬──────────────▶ current ◀──┐
///     ▲          │                   └─picked┤
///     │          └──────▶ next ◀─────────────┘ due beyond this turn
///     └─────────────────────┘ the other two are empty: the turn ends
/// ```
///
/// `start` and `next` are ordered by weight, heaviest first; `current` by the position at which a
/// server is due. Ties keep the order of arrival, which begins as that of the file. Over as many
/// picks as the weights add up to, each server gets its weight; for some mixtures of weights give or
/// take one, as in HAProxy.
#[derive(Debug, Clone)]
pub struct RoundRobin {
    servers: Vec<Place>,
    start: VecDeque<u16>,
    current: VecDeque<u16>,
    next: VecDeque<u16>,
    /// Taken out during one `pick` because they were refused; empty otherwise.
    refused: Vec<u16>,
    /// Place on the wheel, from `turn_weight` to about twice that.
    position: u64,
    /// Sum of weights when this turn began.
    turn_weight: u64,
    /// Sum of weights now; at most 65,535 x 4,096.
    total_weight: u32,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// In sixteenths; 0 is in no queue.
    weight: u32,
    /// Position at which it is due; 0 before its first pick of a turn.
    due: u64,
    /// Remainder of the divisions so far, below `weight`.
    rest: u32,
}

/// The queue that a server was taken from.
enum Queue {
    Start,
    Current,
    Next,
}

impl RoundRobin {
    /// A wheel over servers in the order of the file, each with its weight 0..=256 (0: never picked).
    /// At most 65,535 servers; further ones are never picked.
    ///
    /// `start_offset`: picks done beforehand. Worker i passes i, so that the first requests of all
    /// workers do not meet at the same server.
    pub fn new(weights: &[u16], start_offset: usize) -> Self {
        let count = weights.len().min(usize::from(u16::MAX));
        let mut wheel = Self {
            servers: vec![Place { weight: 0, due: 0, rest: 0 }; count],
            start: VecDeque::with_capacity(count),
            current: VecDeque::with_capacity(count),
            next: VecDeque::with_capacity(count),
            refused: Vec::with_capacity(count),
            position: 0,
            turn_weight: 0,
            total_weight: 0,
        };
        for (index, weight) in (0u16..).zip(&weights[..count]) {
            let weight = scaled(*weight);
            wheel.servers[usize::from(index)].weight = weight;
            wheel.total_weight += weight;
            if weight > 0 {
                insert_by_weight(&mut wheel.start, &wheel.servers, index);
            }
        }
        wheel.begin_turn();
        for _ in 0..start_offset {
            wheel.pick(|_| true);
        }
        wheel
    }

    /// Takes over which servers are usable and their weights; `None` is a server that is down.
    /// To be called when the backend's epoch has changed. Servers that did not change keep their place.
    pub fn sync(&mut self, usable_weight: impl Fn(usize) -> Option<u16>) {
        for index in 0..self.servers.len() as u16 {
            let weight = usable_weight(usize::from(index)).map_or(0, scaled);
            if weight != self.servers[usize::from(index)].weight {
                self.set_weight(index, weight);
            }
        }
    }

    /// The next server that `accept` takes; each candidate is asked for once at most. `None` when no
    /// server is usable or all were refused.
    ///
    /// A refused server (at its connection limit, or just failed) loses its place in this turn, as
    /// if it had been picked.
    #[inline]
    pub fn pick(&mut self, accept: impl Fn(usize) -> bool) -> Option<usize> {
        if self.total_weight == 0 {
            return None;
        }
        if self.turn_weight == 0 {
            self.begin_turn();
        }
        let mut turned = false;
        let picked = loop {
            let Some(index) = self.take_due() else {
                // A whole turn without a server: all of them stand in `refused`.
                if turned {
                    break None;
                }
                turned = true;
                std::mem::swap(&mut self.start, &mut self.next);
                self.begin_turn();
                continue;
            };
            self.advance(index);
            if accept(usize::from(index)) {
                self.insert(index);
                break Some(usize::from(index));
            }
            self.refused.push(index);
        };
        // The last refused first. When the turn has ended their places are lost, and only weight counts.
        while let Some(index) = self.refused.pop() {
            if turned { insert_by_weight(&mut self.start, &self.servers, index) } else { self.insert(index) }
        }
        picked
    }

    fn begin_turn(&mut self) {
        self.turn_weight = u64::from(self.total_weight);
        self.position = self.turn_weight;
    }

    /// Takes out the server that is due now; else the heaviest one without a pick in this turn; else
    /// the one that is due soonest.
    fn take_due(&mut self) -> Option<u16> {
        let soonest = self.current.front().map(|index| self.servers[usize::from(*index)].due);
        if soonest.is_none_or(|due| due > self.position)
            && let Some(index) = self.start.pop_front()
        {
            let place = &mut self.servers[usize::from(index)];
            place.due = 0;
            place.rest = 0;
            return Some(index);
        }
        self.current.pop_front()
    }

    /// Moves a server on by one step, total weight / own weight, and the wheel by one position.
    fn advance(&mut self, index: u16) {
        let place = &mut self.servers[usize::from(index)];
        if place.due == 0 {
            place.due = self.position;
        }
        place.due += u64::from(self.total_weight / place.weight);
        // Both are below `weight`, so one carry is enough.
        place.rest += self.total_weight % place.weight;
        if place.rest >= place.weight {
            place.rest -= place.weight;
            place.due += 1;
        }
        self.position += 1;
    }

    /// Queues a server by its due position: in this turn, or in the next when it lies beyond.
    fn insert(&mut self, index: u16) {
        let place = &mut self.servers[usize::from(index)];
        if place.due >= 2 * self.turn_weight || place.due >= self.turn_weight + u64::from(self.total_weight) {
            place.due -= self.turn_weight;
            insert_by_weight(&mut self.next, &self.servers, index);
        } else {
            let key = place.key();
            let servers = &self.servers;
            let at = self.current.partition_point(|other| servers[usize::from(*other)].key() <= key);
            self.current.insert(at, index);
        }
    }

    /// A server came up, went down or changed its weight. Rare; not part of the steady path.
    fn set_weight(&mut self, index: u16, weight: u32) {
        let from = self.remove(index);
        let place = &mut self.servers[usize::from(index)];
        self.total_weight = self.total_weight - place.weight + weight;
        place.weight = weight;
        place.rest = 0;
        if weight == 0 {
            place.due = 0;
            return;
        }
        let total = u64::from(self.total_weight);
        match from {
            Some(Queue::Start) => insert_by_weight(&mut self.start, &self.servers, index),
            Some(Queue::Next) => insert_by_weight(&mut self.next, &self.servers, index),
            // It is due no later than one step from now, sooner if it already was.
            Some(Queue::Current) => {
                place.due = place.due.min(self.position + total / u64::from(weight));
                self.insert(index);
            }
            // Coming up: behind its share of what is left of this turn.
            None => {
                let left = (total + self.turn_weight).saturating_sub(self.position);
                place.due = self.position + left / u64::from(weight);
                self.insert(index);
            }
        }
    }

    fn remove(&mut self, index: u16) -> Option<Queue> {
        let queues = [
            (&mut self.start, Queue::Start),
            (&mut self.current, Queue::Current),
            (&mut self.next, Queue::Next),
        ];
        for (list, queue) in queues {
            if let Some(at) = list.iter().position(|other| *other == index) {
                list.remove(at);
                return Some(queue);
            }
        }
        None
    }
}

impl Place {
    /// Order in `current`.
    fn key(&self) -> u64 {
        POSITION_FACTOR * self.due + u64::from((WEIGHT_MAX_SCALED + self.rest - self.weight) / SCALE)
    }
}

/// Inserts behind all servers of the same or a higher weight.
fn insert_by_weight(list: &mut VecDeque<u16>, servers: &[Place], index: u16) {
    let weight = servers[usize::from(index)].weight;
    let is_before = |other: &u16| servers[usize::from(*other)].weight >= weight;
    // With equal weights the end is always the place.
    if list.back().is_none_or(is_before) {
        list.push_back(index);
    } else {
        list.insert(list.partition_point(is_before), index);
    }
}

/// A weight in sixteenths.
pub(super) fn scaled(weight: u16) -> u32 {
    (u32::from(weight) * SCALE).min(WEIGHT_MAX_SCALED)
}

#[cfg(test)]
mod tests;
