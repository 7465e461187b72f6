//! A backend's balancing algorithm on one worker, kept in step with the state of its servers.
//!
//! `worker` holds one for each backend. The algorithm itself is sans-IO in `balance`.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::Ordering;

use crate::balance::Algorithm;
use crate::snapshot::Backend;

/// One backend's choice of servers, as this worker sees it.
pub(super) struct Balancer {
    algorithm: Algorithm,
    epoch: u64,
}

impl Balancer {
    pub(super) fn new(backend: &Backend, worker: usize) -> Self {
        let weights: Vec<u16> = backend.servers.iter().map(|server| server.state.weight()).collect();
        // Workers and nodes that drew the same numbers would all load the same servers at once.
        let seed = RandomState::new().hash_one(worker);
        Self { algorithm: Algorithm::new(backend.balance, &weights, worker, seed), epoch: 0 }
    }

    /// The server for a request of `client`; see `Algorithm::pick`.
    #[inline]
    pub(super) fn pick(&mut self, backend: &Backend, client: IpAddr) -> Option<usize> {
        self.look_again(backend);
        let state = |server: usize| &backend.servers[server].state;
        self.algorithm.pick(client, |server| state(server).in_flight(), |server| state(server).has_room())
    }

    /// Follows servers that came up, went down or changed weight since the last look.
    #[inline]
    fn look_again(&mut self, backend: &Backend) {
        let epoch = backend.epoch.load(Ordering::Acquire);
        if epoch != self.epoch {
            self.epoch = epoch;
            self.algorithm.sync(|index| {
                let state = &backend.servers[index].state;
                (state.is_up() && state.weight() > 0).then(|| state.weight())
            });
        }
    }
}
