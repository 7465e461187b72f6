//! Which connection carries which request: the free ones, those that wait for one, and who may open
//! another at the limit.

use super::connection::Connection;
use super::launch::LAUNCHES_IN_A_ROW;
use super::observer::Fate;
use super::queue::Due;
use super::table::Token;
use super::worker::Worker;
use crate::limits::IDLE_GIVES_WAY;

impl Worker {
    /// Finds a connection for a request of an open loop, or a place in the queue.
    pub(super) fn place(&mut self, due: Due, mut now_ns: u64) {
        let endpoint = self.plan.targets[usize::from(due.target)].endpoint;
        if self.queue.first(endpoint).is_some() {
            // What waits comes first: nothing overtakes it to what has become free meanwhile.
            self.serve_queue();
            now_ns = self.clock.now_ns();
        }
        if self.queue.first(endpoint).is_some() {
            return self.wait_in_queue(endpoint, due, now_ns);
        }
        if let Some((token, connection)) = self.take_free(endpoint) {
            self.send(token, connection, due, now_ns);
        } else if self.make_room(endpoint, now_ns) {
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
            let now_ns = self.clock.now_ns();
            let Some(endpoint) = self.next_line(now_ns) else { return true };
            let Some(due) = self.queue.pop(endpoint) else { return true };
            match self.take_free(endpoint) {
                Some((token, connection)) => self.send(token, connection, due, now_ns),
                None => {
                    self.make_room(endpoint, now_ns);
                    self.open(endpoint, due, 0, now_ns);
                }
            }
        }
        self.queue.is_empty()
    }

    /// The line whose first request was due first, of those that can be served.
    fn next_line(&mut self, now_ns: u64) -> Option<u16> {
        let endpoints = 0..self.free.len() as u16;
        if self.is_full() && !endpoints.clone().any(|endpoint| self.has_free(endpoint)) {
            return None;
        }
        let mut next: Option<(u64, u16)> = None;
        for endpoint in endpoints {
            let Some(first_ns) = self.queue.first(endpoint).map(|due| due.planned_ns) else { continue };
            if next.is_none_or(|(oldest_ns, _)| first_ns < oldest_ns)
                && (self.has_free(endpoint) || !self.is_full() || self.victim(endpoint, now_ns).is_some())
            {
                next = Some((first_ns, endpoint));
            }
        }
        next.map(|(_, endpoint)| endpoint)
    }

    /// An open loop: a connection is free. A request that waits takes it over, or its place.
    pub(super) fn next_queued(&mut self, token: Token, mut connection: Box<Connection>, now_ns: u64) {
        let own = connection.endpoint;
        let Some(endpoint) = self.heir(own) else {
            connection.freed_ns = now_ns;
            self.free[usize::from(own)].push(token);
            return self.table.put(token, connection);
        };
        let Some(due) = self.queue.pop(endpoint) else { return self.close(token, connection) };
        let now_ns = self.clock.now_ns();
        if endpoint == own {
            return self.send(token, connection, due, now_ns);
        }
        self.close(token, connection);
        self.open(endpoint, due, 0, now_ns);
    }

    /// Whose line has the connection of `own` that is free. At the limit an endpoint that has more than
    /// its part gives way to one that has less, whoever has waited longer: a slow host has the longest
    /// line, and would keep all connections. With fewer connections than hosts, age decides.
    fn heir(&self, own: u16) -> Option<u16> {
        if self.queue.is_empty() {
            return None;
        }
        let (part, open_to) = (self.part(), |endpoint: u16| self.open_to[usize::from(endpoint)]);
        if self.is_full() && open_to(own) > part {
            let other = self.queue.oldest(|endpoint| open_to(endpoint) < part);
            if other.is_some() {
                return other;
            }
        }
        let takes_turns = self.is_full() && self.connections_max < self.open_to.len();
        self.queue.oldest(|endpoint| endpoint == own || (takes_turns && open_to(endpoint) == 0))
    }

    /// Connections that an endpoint may keep against others.
    fn part(&self) -> usize {
        (self.connections_max / self.open_to.len().max(1)).max(1)
    }

    fn is_full(&self) -> bool {
        self.table.live() >= self.connections_max
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
            if self.table.look(*token).is_some() {
                return true;
            }
            free.pop();
        }
        false
    }

    /// Makes room for another connection to an endpoint; at the limit a free one to elsewhere gives way.
    /// False when there is none.
    fn make_room(&mut self, endpoint: u16, now_ns: u64) -> bool {
        if !self.is_full() {
            return true;
        }
        let Some((from, at)) = self.victim(endpoint, now_ns) else { return false };
        let token = self.free[usize::from(from)].remove(at);
        match self.table.take(token) {
            Some(connection) => self.close(token, connection),
            None => return false,
        }
        true
    }

    /// The free connection that gives way to another one, to this endpoint: its endpoint and where the free
    /// ones have it. It is the one that was used longest ago, of an endpoint that has more than its part,
    /// or has not used it for a while; or of any, if this one has less than its part.
    fn victim(&self, to: u16, now_ns: u64) -> Option<(u16, usize)> {
        let part = self.part();
        let has_little = self.open_to[usize::from(to)] < part;
        let oldest = |from: usize| {
            let mut places = self.free[from].iter().enumerate();
            let (at, freed_ns) =
                places.find_map(|(at, token)| Some((at, self.table.look(*token)?.freed_ns)))?;
            let is_idle = now_ns.saturating_sub(freed_ns) >= IDLE_GIVES_WAY.as_nanos() as u64;
            let gives_way = from != usize::from(to) && (has_little || is_idle || self.open_to[from] > part);
            gives_way.then_some((freed_ns, from, at))
        };
        let found = (0..self.free.len()).filter_map(oldest).min();
        found.map(|(_, from, at)| (from as u16, at))
    }
}
