//! From a due request to bytes on a connection. Who gets which connection is settled in `pool`.

use std::cmp::Reverse;
use std::io;

use super::connection::{Connection, InFlight, Phase};
use super::faults;
use super::observer::Fate;
use super::queue::Due;
use super::table::Token;
use super::worker::Worker;
use crate::measure::ErrorClass;
use crate::request::Claim;
use crate::response::Reader;

/// Requests launched before events have their turn again: a thread that is late catches up without
/// letting answers lie.
pub(super) const LAUNCHES_IN_A_ROW: usize = 64;

impl Worker {
    /// Launches what is due; false when more is due than was launched.
    pub(super) fn launch_due(&mut self, now_ns: u64) -> bool {
        for _ in 0..LAUNCHES_IN_A_ROW {
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
        // Writing takes microseconds: each request has a time of its own.
        let now_ns = self.clock.now_ns();
        self.recorder.planned(arrival.planned_ns, now_ns);
        let user = self.users.next(&mut self.random);
        self.planned += 1;
        let target = self.plan.mix.target(arrival.index);
        self.place(Due { planned_ns: arrival.planned_ns, taken_ns: now_ns, target, user }, now_ns);
        true
    }

    /// The next request of a closed loop's place whose pause is over.
    fn launch_turn(&mut self, now_ns: u64) -> bool {
        if now_ns < self.end_ns
            && self.opening < self.opening_max
            && let Some(seat) = self.to_open.pop_front()
        {
            self.take_turn(seat);
            return true;
        }
        let Some(&Reverse((at_ns, seat))) = self.turns.peek() else { return false };
        if at_ns > now_ns {
            return false;
        }
        self.turns.pop();
        if at_ns >= self.end_ns || now_ns >= self.end_ns {
            return true;
        }
        let needs_one = self.seats[self.seat_index(seat, self.next_endpoint())].is_none();
        if needs_one && self.opening >= self.opening_max {
            // Others, whose connections are open, do not wait for this one's.
            self.to_open.push_back(seat);
        } else {
            self.take_turn(seat);
        }
        true
    }

    /// A closed loop's place sends, over its connection or a new one.
    fn take_turn(&mut self, seat: u32) {
        let now_ns = self.clock.now_ns();
        let due = self.due_of_seat(seat, now_ns);
        let endpoint = self.plan.targets[usize::from(due.target)].endpoint;
        let token = self.seats[self.seat_index(seat, endpoint)];
        match token.and_then(|token| Some((token, self.table.take(token)?))) {
            Some((token, connection)) => self.send(token, connection, due, now_ns),
            None => self.open(endpoint, due, seat, now_ns),
        }
    }

    /// What a closed loop's place asks for now.
    pub(super) fn due_of_seat(&mut self, seat: u32, now_ns: u64) -> Due {
        self.recorder.planned(now_ns, now_ns);
        let target = self.plan.mix.target(self.next_number());
        self.planned += 1;
        Due { planned_ns: now_ns, taken_ns: now_ns, target, user: seat }
    }

    /// The number of a closed loop's next request.
    fn next_number(&self) -> u64 {
        self.planned * self.plan.threads as u64 + self.thread() as u64
    }

    /// Where a closed loop's next request goes.
    pub(super) fn next_endpoint(&self) -> u16 {
        let target = self.plan.mix.target(self.next_number());
        self.plan.targets[usize::from(target)].endpoint
    }

    /// Where `seats` has a place's connection to an endpoint.
    pub(super) fn seat_index(&self, seat: u32, endpoint: u16) -> usize {
        seat as usize * self.plan.endpoints.len() + usize::from(endpoint)
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
                self.open_to[usize::from(endpoint)] += 1;
                connection.request = Some(in_flight(&due));
                if self.is_closed_loop() {
                    let index = self.seat_index(seat, endpoint);
                    self.seats[index] = Some(token);
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
        self.observe(due.planned_ns, now_ns, Fate::Failed(class));
        self.back_off(seat, now_ns);
    }

    fn offer(&mut self, due: &Due, now_ns: u64) {
        self.recorder.offered(due.planned_ns);
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
