//! Fewest requests in flight for its weight, as HAProxy's `balance leastconn`.
//!
//! One per worker and backend, called for each request that no cookie directs. Sans-IO: what each
//! server carries comes as an argument, so that the counts may be those of all workers. A pick looks
//! at each server once at most, and at none beyond the first idle one; it never allocates.

use super::round_robin::scaled;

/// HAProxy's highest weight in sixteenths: loads are counted in this unit, rounded down, which
/// decides who is tied with whom.
const LOAD_UNIT: u64 = 4096;

/// Servers by load; among those equally loaded the one picked longest ago, so they take turns.
#[derive(Debug, Clone)]
pub struct LeastConn {
    /// In sixteenths, in the order of the file; 0 is not usable.
    weights: Vec<u32>,
    /// Every server, the one picked longest ago first.
    order: Vec<u16>,
}

impl LeastConn {
    /// Over servers in the order of the file, each with its weight 0..=256 (0: never picked); further
    /// ones than 65,535 are never picked. `start`: the server whose turn is first; worker i passes i.
    pub fn new(weights: &[u16], start: usize) -> Self {
        let weights: Vec<u32> = weights.iter().map(|weight| scaled(*weight)).collect();
        let mut order: Vec<u16> = (0..u16::MAX).take(weights.len()).collect();
        let first = start.checked_rem(order.len()).unwrap_or(0);
        order.rotate_left(first);
        Self { weights, order }
    }

    /// Takes over which servers are usable and their weights; `None` is a server that is down.
    pub fn sync(&mut self, usable_weight: impl Fn(usize) -> Option<u16>) {
        for (index, weight) in self.weights.iter_mut().enumerate() {
            *weight = usable_weight(index).map_or(0, scaled);
        }
    }

    /// The least loaded server that `accept` takes. `None` when no server is usable or all were refused.
    #[inline]
    pub fn pick(
        &mut self,
        in_flight: impl Fn(usize) -> u32,
        accept: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut best: Option<(u64, usize)> = None;
        for (place, server) in self.order.iter().enumerate() {
            let server = usize::from(*server);
            let weight = self.weights[server];
            if weight == 0 {
                continue;
            }
            let load = load(in_flight(server), weight);
            if best.is_none_or(|(lowest, _)| load < lowest) && accept(server) {
                best = Some((load, place));
                if load == 0 {
                    break;
                }
            }
        }
        let (_, place) = best?;
        let picked = self.order[place];
        self.order[place..].rotate_left(1);
        Some(usize::from(picked))
    }
}

/// HAProxy's key of a server in its tree: an idle one is idle whatever its weight; else the load
/// that it would have with one more.
fn load(in_flight: u32, weight: u32) -> u64 {
    if in_flight == 0 { 0 } else { (u64::from(in_flight) + 1) * LOAD_UNIT / u64::from(weight) }
}

#[cfg(test)]
mod tests;
