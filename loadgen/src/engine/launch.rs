//! From a due request to bytes on a connection: a free one, a new one, or the queue for one.

use std::cmp::Reverse;
use std::io;

use super::connection::{Connection, InFlight, Phase};
use super::faults;
use super::table::Token;
use super::worker::{Due, Worker};
use crate::measure::ErrorClass;
use crate::request::Claim;
use crate::response::Reader;

/// Requests launched before events have their turn again: a thread that is late catches up without
/// letting answers lie.
const LAUNCHES_IN_A_ROW: usize = 64;

impl Worker {
    /// Launches what is due; false when more is due than was launched.
    pub(super) fn launch_due(&mut self, mut now_ns: u64) -> bool {
        for launched in 0..LAUNCHES_IN_A_ROW {
            if launched > 0 {
                // Writing takes microseconds: each request has its own time.
                now_ns = self.clock.now_ns();
            }
            let is_more = match self.is_closed_loop() {
                true => self.launch_turn(now_ns),
                false => self.launch_arrival(now_ns),
            };
            if !is_more {
                return true;
            }
        }
        false
    }

    fn launch_arrival(&mut self, now_ns: u64) -> bool {
        let Some(arrival) = self.next_due(now_ns) else { return false };
        self.recorder.planned(arrival.planned_ns);
        let user = (self.planned % self.users) as u32;
        self.planned += 1;
        let target = self.plan.mix.target(arrival.index);
        self.place(Due { planned_ns: arrival.planned_ns, taken_ns: now_ns, target, user }, now_ns);
        true
    }

    /// The next request of a closed loop's place whose pause is over.
    fn launch_turn(&mut self, now_ns: u64) -> bool {
        let Some(&Reverse((at_ns, seat))) = self.turns.peek() else { return false };
        if at_ns > now_ns || self.must_wait_to_open(seat) {
            return false;
        }
        self.turns.pop();
        if at_ns < self.end_ns && now_ns < self.end_ns {
            self.take_turn(seat, now_ns);
        }
        true
    }

    /// A closed loop's place sends, over its connection or a new one.
    pub(super) fn take_turn(&mut self, seat: u32, now_ns: u64) {
        let due = self.due_of_seat(seat, now_ns);
        let endpoint = self.plan.targets[usize::from(due.target)].endpoint;
        let token = self.seats[seat as usize];
        let connection = token.and_then(|token| Some((token, self.table.take(token)?)));
        match connection {
            Some((token, connection)) if connection.endpoint == endpoint => {
                self.send(token, connection, due, now_ns);
            }
            Some((token, connection)) => {
                self.close(token, connection);
                self.open(endpoint, due, seat, now_ns);
            }
            None => self.open(endpoint, due, seat, now_ns),
        }
    }

    /// What a closed loop's place asks for now.
    pub(super) fn due_of_seat(&mut self, seat: u32, now_ns: u64) -> Due {
        self.recorder.planned(now_ns);
        let number = self.planned * self.plan.threads as u64 + self.thread() as u64;
        self.planned += 1;
        Due { planned_ns: now_ns, taken_ns: now_ns, target: self.plan.mix.target(number), user: seat }
    }

    /// Finds a connection for a request of an open loop, or a place in the queue.
    fn place(&mut self, due: Due, now_ns: u64) {
        if !self.queue.is_empty() {
            // What waits comes first: nothing overtakes it to what has become free meanwhile.
            self.serve_queue(now_ns);
        }
        if !self.queue.is_empty() {
            return self.wait_in_queue(due, now_ns);
        }
        let endpoint = self.plan.targets[usize::from(due.target)].endpoint;
        if let Some((token, connection)) = self.take_free(endpoint) {
            self.send(token, connection, due, now_ns);
        } else if self.has_room() {
            self.open(endpoint, due, 0, now_ns);
        } else {
            self.wait_in_queue(due, now_ns);
        }
    }

    fn wait_in_queue(&mut self, due: Due, now_ns: u64) {
        if self.queue.len() < self.queue_max {
            self.queue.push_back(due);
        } else {
            self.recorder.unsent_queue_full(due.planned_ns, now_ns);
        }
    }

    /// Gives queued requests what has become free: connections of their endpoint, or room for new ones.
    pub(super) fn serve_queue(&mut self, mut now_ns: u64) {
        for served in 0..LAUNCHES_IN_A_ROW {
            if served > 0 && !self.queue.is_empty() {
                now_ns = self.clock.now_ns();
            }
            let Some(&due) = self.queue.front() else { return };
            let endpoint = self.plan.targets[usize::from(due.target)].endpoint;
            let free = self.take_free(endpoint);
            if free.is_none() && !self.has_room() {
                return;
            }
            self.queue.pop_front();
            match free {
                Some((token, connection)) => self.send(token, connection, due, now_ns),
                None => self.open(endpoint, due, 0, now_ns),
            }
        }
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

    /// Whether another connection may be opened; at the limit a free one to elsewhere gives way.
    fn has_room(&mut self) -> bool {
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

    /// Opens a connection for a request, which it will carry as soon as it can.
    pub(super) fn open(&mut self, endpoint: u16, due: Due, seat: u32, now_ns: u64) {
        self.offer(&due, now_ns);
        self.in_flight += 1;
        let plan = self.plan.clone();
        let addresses = &plan.endpoints[usize::from(endpoint)].addresses;
        let number = self.opened;
        self.opened += 1;
        let address = addresses[(number % addresses.len() as u64) as usize];
        // A source stays until every address has had its turn: each pair of both comes up.
        let turn = number / addresses.len() as u64;
        let source =
            (!plan.sources.is_empty()).then(|| plan.sources[(turn % plan.sources.len() as u64) as usize]);
        let token = self.table.reserve();
        let opened = Connection::open(address, source, endpoint, seat, now_ns)
            .and_then(|connection| self.reactor.watch(&connection.stream, token.0).map(|()| connection));
        match opened {
            Ok(mut connection) => {
                self.opening += 1;
                connection.request = Some(in_flight(&due));
                if self.is_closed_loop() {
                    self.seats[seat as usize] = Some(token);
                }
                self.table.arm(token, now_ns.saturating_add(plan.timeouts.connect_ns));
                self.table.put(token, connection);
            }
            Err(error) => {
                self.table.free(token);
                self.fail_unopened(&due, seat, &error, now_ns);
            }
        }
    }

    /// There is not even a socket.
    fn fail_unopened(&mut self, due: &Due, seat: u32, error: &io::Error, now_ns: u64) {
        let class = faults::of_connecting(error);
        let url = self.plan.targets[usize::from(due.target)].url.clone();
        let example = || format!("{url}: {error}");
        self.recorder.failed(class, due.target, due.planned_ns, now_ns, example);
        self.in_flight -= 1;
        self.observe(due.planned_ns, now_ns, Some(class), None);
        self.back_off(seat, now_ns);
    }

    fn offer(&mut self, due: &Due, now_ns: u64) {
        self.recorder.offered(due.planned_ns, due.taken_ns);
        self.recorder.waited(due.planned_ns, now_ns.saturating_sub(due.taken_ns));
    }

    /// Sends a request over a connection that is free.
    pub(super) fn send(&mut self, token: Token, mut connection: Box<Connection>, due: Due, now_ns: u64) {
        self.offer(&due, now_ns);
        self.in_flight += 1;
        connection.request = Some(in_flight(&due));
        self.write_request(token, connection, now_ns);
    }

    /// Writes the request that a connection carries.
    pub(super) fn write_request(&mut self, token: Token, mut connection: Box<Connection>, now_ns: u64) {
        let plan = &self.plan;
        let Some(request) = &mut connection.request else {
            return self.table.put(token, connection);
        };
        request.written_ns = now_ns;
        let target = &plan.targets[usize::from(request.target)];
        let jar = self.jars.get(request.user as usize);
        let line = jar.map(|jar| jar.line()).unwrap_or_default();
        let bytes = if line.is_empty() {
            target.bytes()
        } else {
            self.scratch.request.clear();
            target.write_with_cookies(line, &mut self.scratch.request);
            &self.scratch.request
        };
        if let Some(rule) = &plan.persistence {
            let value = jar.and_then(|jar| jar.value(rule.cookie.as_bytes()));
            request.claim = self.persistence.claim(request.user, value);
        }
        connection.reader = Reader::new(target.is_head);
        match &mut connection.body {
            Some(body) => body.restart(&plan.expectations),
            None => connection.body = plan.expectations.body_check().map(Box::new),
        }
        connection.phase = Phase::Exchanging;
        self.recorder.moved(0, bytes.len() as u64);
        let result = match &mut connection.tls {
            None => connection.write(bytes).map_err(|error| (faults::of_writing(&error), error.to_string())),
            Some(session) => {
                self.scratch.sealed.clear();
                match session.seal(bytes, &mut self.scratch.sealed) {
                    Ok(()) => connection
                        .write(&self.scratch.sealed)
                        .map_err(|error| (faults::of_writing(&error), error.to_string())),
                    Err(error) => Err((ErrorClass::TlsProtocol, error.to_string())),
                }
            }
        };
        match result {
            Ok(()) => {
                self.table.arm(token, now_ns.saturating_add(self.plan.timeouts.request_ns));
                self.table.put(token, connection);
            }
            Err((class, why)) => self.fail(token, connection, class, now_ns, &why),
        }
    }
}

fn in_flight(due: &Due) -> InFlight {
    InFlight {
        planned_ns: due.planned_ns,
        written_ns: 0,
        first_byte_ns: 0,
        target: due.target,
        user: due.user,
        server: None,
        claim: Claim::None,
        verdict: None,
        fault: None,
    }
}

#[cfg(test)]
mod tests;
