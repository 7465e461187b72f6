//! The algorithm of a backend: one of those that `balance = "…"` names.
//!
//! A worker holds one for each backend. Sans-IO: it knows weights, and is told per request who asks,
//! what each server carries and which servers have room.

use std::net::IpAddr;

use super::least_conn::LeastConn;
use super::random::Random;
use super::round_robin::RoundRobin;
use super::source::Source;

/// Who takes a request that no cookie directs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// Each in turn, as often as its weight says.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight for its weight.
    LeastConn,
    /// The less loaded of two drawn by weight.
    Random,
    /// The one that the client's address points to.
    Source,
}

/// A balancing algorithm and its state on one worker.
#[derive(Debug)]
pub enum Algorithm {
    /// See [`RoundRobin`].
    RoundRobin(RoundRobin),
    /// See [`LeastConn`].
    LeastConn(LeastConn),
    /// See [`Random`].
    Random(Random),
    /// See [`Source`].
    Source(Source),
}

impl Algorithm {
    /// Over servers in the order of the file, each with its weight 0..=256 (0: never picked); at most
    /// 65,535 servers.
    ///
    /// `worker`: its number, so that the first requests of all workers do not meet at one server.
    /// `seed` makes the draws of `Random`: different on each worker, the same in a test.
    pub fn new(balance: Balance, weights: &[u16], worker: usize, seed: u64) -> Self {
        match balance {
            Balance::RoundRobin => Self::RoundRobin(RoundRobin::new(weights, worker)),
            Balance::LeastConn => Self::LeastConn(LeastConn::new(weights, worker)),
            Balance::Random => Self::Random(Random::new(weights, seed)),
            Balance::Source => Self::Source(Source::new(weights)),
        }
    }

    /// Takes over which servers are usable and their weights; `None` is a server that is down. To be
    /// called when the backend's epoch has changed; may allocate.
    pub fn sync(&mut self, usable_weight: impl Fn(usize) -> Option<u16>) {
        match self {
            Self::RoundRobin(wheel) => wheel.sync(usable_weight),
            Self::LeastConn(least) => least.sync(usable_weight),
            Self::Random(random) => random.sync(usable_weight),
            Self::Source(source) => source.sync(usable_weight),
        }
    }

    /// The server for a request of `client`. `in_flight`: requests at a server now, over all workers;
    /// `accept`: whether it has room. `None` when no usable server has room; `Source` names the server
    /// that the client belongs to, whether it has room or not.
    #[inline]
    pub fn pick(
        &mut self,
        client: IpAddr,
        in_flight: impl Fn(usize) -> u32,
        accept: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match self {
            Self::RoundRobin(wheel) => wheel.pick(accept),
            Self::LeastConn(least) => least.pick(in_flight, accept),
            Self::Random(random) => random.pick(in_flight, accept),
            Self::Source(source) => source.pick(client),
        }
    }
}
