//! Which connection carries which request: the free ones, those that wait for one, and who may open
//! another at the limit.

use super::connection::Connection;
use super::launch::LAUNCHES_IN_A_ROW;
use super::observer::Fate;
use super::queue::Due;
use super::table::Token;
use super::worker::Worker;

impl Worker {
    /// Finds a connection for a request of an open loop, or a place in the queue.
    pub(super) fn place(&mut self, due: Due, now_ns: u64) {
        let endpoint = self.plan.targets[usize::from(due.target)].endpoint;
        if self.queue.first(endpoint).is_some() {
            // What waits comes first: nothing overtakes it to what has become free meanwhile.
            self.serve_queue();
        }
        if self.queue.first(endpoint).is_some() {
            return self.wait_in_queue(endpoint, due, now_ns);
        }
        if let Some((token, connection)) = self.take_free(endpoint) {
            self.send(token, connection, due, now_ns);
        } else if self.make_room() {
            self.open(endpoint, due, 0, now_ns);
        } else {
            self.wait_in_queue(endpoint, due, now_ns);
        }
    }

    fn wait_in_queue(&mut self, endpoint: u16, due: Due, now_ns: u64) {
        if !self.queue.push(endpoint, due) {
            self.recorder.unsent_queue_full(due.planned_ns, now_ns);
            self.observe(due.planned_ns, now_ns, Fate::Unsent);
        }
    }

    /// Gives queued requests what has become free: connections of their endpoint, or room for new ones.
    /// False when more could be served than were.
    pub(super) fn serve_queue(&mut self) -> bool {
        for _ in 0..LAUNCHES_IN_A_ROW {
            if self.queue.is_empty() {
                return true;
            }
            let endpoints = 0..self.free.len() as u16;
            let is_full = self.table.live() >= self.connections_max;
            if is_full && !endpoints.into_iter().any(|endpoint| self.has_free(endpoint)) {
                return true;
            }
            let Some(endpoint) = self.queue.oldest(|_| true) else { return true };
            let Some(due) = self.queue.pop(endpoint) else { return true };
            let now_ns = self.clock.now_ns();
            match self.take_free(endpoint) {
                Some((token, connection)) => self.send(token, connection, due, now_ns),
                None => {
                    self.make_room();
                    self.open(endpoint, due, 0, now_ns);
                }
            }
        }
        self.queue.is_empty()
    }

    /// An open loop: a connection is free. A request that waits takes it over, or its place.
    pub(super) fn next_queued(&mut self, token: Token, connection: Box<Connection>) {
        let own = connection.endpoint;
        let next = self.queue.oldest(|endpoint| endpoint == own || self.may_take_over(own, endpoint));
        let Some((endpoint, due)) = next.and_then(|endpoint| Some((endpoint, self.queue.pop(endpoint)?)))
        else {
            self.free[usize::from(own)].push(token);
            return self.table.put(token, connection);
        };
        let now_ns = self.clock.now_ns();
        if endpoint == own {
            return self.send(token, connection, due, now_ns);
        }
        self.close(token, connection);
        self.open(endpoint, due, 0, now_ns);
    }

    /// Whether a connection of one endpoint gives way, at the limit, to a request for another: when the
    /// other has none at all, or less than its part while the one has more.
    fn may_take_over(&self, from: u16, to: u16) -> bool {
        let part = (self.connections_max / self.open_to.len().max(1)).max(1);
        let (of_from, of_to) = (self.open_to[usize::from(from)], self.open_to[usize::from(to)]);
        of_to == 0 || (of_from > part && of_to < part)
    }

    /// The free connection that was used last: the others may fall idle and be closed by the server,
    /// which is noticed here before it can fail a request.
    fn take_free(&mut self, endpoint: u16) -> Option<(Token, Box<Connection>)> {
        while let Some(token) = self.free[usize::from(endpoint)].pop() {
            if let Some(connection) = self.table.take(token) {
                return Some((token, connection));
            }
        }
        None
    }

    /// Whether an endpoint has a free connection; forgets those that have closed.
    fn has_free(&mut self, endpoint: u16) -> bool {
        let free = &mut self.free[usize::from(endpoint)];
        while let Some(token) = free.last() {
            if self.table.is_there(*token) {
                return true;
            }
            free.pop();
        }
        false
    }

    /// Whether another connection may be opened; at the limit a free one to elsewhere gives way.
    fn make_room(&mut self) -> bool {
        if self.table.live() < self.connections_max {
            return true;
        }
        for endpoint in 0..self.free.len() as u16 {
            if let Some((token, connection)) = self.take_free(endpoint) {
                self.close(token, connection);
                return true;
            }
        }
        false
    }
}
