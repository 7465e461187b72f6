//! The client's address decides, as HAProxy's `balance source` with its default map.
//!
//! One per worker and backend, called for each request that no cookie directs. Sans-IO. Equal on
//! every worker, every node and after every restart, since nothing but the address, the weights and
//! who is usable goes in; when a server comes or goes, most clients move. A pick costs one division
//! and never allocates; the map is made anew when a server comes or goes.

use std::net::IpAddr;

/// A map of as many slots as the weights add up to, each with its server.
#[derive(Debug, Clone)]
pub struct Source {
    map: Vec<u16>,
    /// Servers, usable or not.
    count: usize,
}

impl Source {
    /// Over servers in the order of the file, each with its weight 0..=256 (0: never picked); further
    /// ones than 65,535 are never picked.
    pub fn new(weights: &[u16]) -> Self {
        let mut source = Self { map: Vec::new(), count: weights.len() };
        source.sync(|index| Some(weights[index]));
        source
    }

    /// Takes over which servers are usable and their weights; `None` is a server that is down. Costs
    /// slots times servers unless all weigh the same; see [`map_steps`].
    pub fn sync(&mut self, usable_weight: impl Fn(usize) -> Option<u16>) {
        let usable = (0..=u16::MAX).zip(0..self.count);
        let usable = usable.filter_map(|(server, index)| Some((server, usable_weight(index)?)));
        fill(&mut self.map, usable.filter(|(_, weight)| *weight > 0).collect());
    }

    /// The server that this address belongs to, whether it has room or not. `None` when no server is
    /// usable.
    #[inline]
    pub fn pick(&self, client: IpAddr) -> Option<usize> {
        let slot = (hash(client) as usize).checked_rem(self.map.len())?;
        Some(usize::from(self.map[slot]))
    }
}

/// HAProxy's hash: the 32-bit words of the address in network order, one after the other.
fn hash(client: IpAddr) -> u32 {
    match client {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            ((bits >> 96) ^ (bits >> 64) ^ (bits >> 32) ^ bits) as u32
        }
    }
}

/// What it costs to make the map of these servers: one step for each slot and server, once for each
/// change of who is usable. Weights are taken down by their greatest common divisor.
pub fn map_steps(weights: impl Iterator<Item = u16> + Clone) -> u64 {
    let usable = weights.filter(|weight| *weight > 0);
    let divisor = u64::from(usable.clone().fold(0, greatest_common_divisor).max(1));
    usable.clone().map(u64::from).sum::<u64>() / divisor * usable.count() as u64
}

/// Deals out the slots: in each round every server's score grows by its weight, and the first of the
/// highest rank takes the slot and pays the total.
fn fill(map: &mut Vec<u16>, servers: Vec<(u16, u16)>) {
    map.clear();
    let divisor = servers.iter().map(|(_, weight)| *weight).fold(0, greatest_common_divisor);
    if servers.iter().all(|(_, weight)| *weight == divisor) {
        map.extend(servers.iter().map(|(server, _)| *server));
        return;
    }
    let total: i64 = servers.iter().map(|(_, weight)| i64::from(weight / divisor)).sum();
    // cold: a server came or went
    let mut scored: Vec<(i64, i64)> =
        servers.iter().map(|(_, weight)| (0, (weight / divisor).into())).collect();
    for _ in 0..total {
        let mut best = 0;
        let mut best_rank = i64::MIN;
        for (at, (score, weight)) in scored.iter_mut().enumerate() {
            *score += *weight;
            let rank = rank(*score, total);
            if rank > best_rank {
                (best, best_rank) = (at, rank);
            }
        }
        scored[best].0 -= total;
        map.push(servers[best].0);
    }
}

/// A score in whole totals, counted from 1; those that overpaid are all behind.
fn rank(score: i64, total: i64) -> i64 {
    match score {
        ..0 => 0,
        _ if score < total => 1,
        _ => 1 + score / total,
    }
}

/// The divisor so far and the next number; zero to begin with.
fn greatest_common_divisor(mut one: u16, mut other: u16) -> u16 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests;
