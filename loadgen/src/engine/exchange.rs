//! The ends: a complete answer, a failure, a closed connection, the end of the run.

use std::cmp::Reverse;

use super::connection::{Connection, InFlight, Phase};
use super::observer::Fate;
use super::plan::Plan;
use super::table::Token;
use super::worker::Worker;
use crate::limits::BACK_OFF;
use crate::measure::{Check, ErrorClass, NAMES_MAX, Sample};
use crate::request::Verdict;

/// How a connection came to its end.
#[derive(Debug)]
pub enum Ending {
    /// The peer ended it; clean when nothing can have been cut off unnoticed (plain TCP, or TLS that
    /// said goodbye).
    Eof {
        /// See above.
        is_clean: bool,
    },
    /// Bytes came without a request.
    Unasked,
    /// It broke, or what came over it is wrong.
    Fault(ErrorClass, String),
}

impl Worker {
    /// An answer is complete: it is recorded, and the connection goes on to its next task.
    pub(super) fn complete(
        &mut self,
        token: Token,
        mut connection: Box<Connection>,
        has_extra: bool,
        now_ns: u64,
    ) {
        let Some(request) = connection.request.take() else { return self.close(token, connection) };
        self.table.disarm(token);
        connection.answers += 1;
        connection.phase = Phase::Free;
        let fault = self.judge(&mut connection, &request, has_extra);
        self.record(&connection, &request, fault, now_ns);
        self.in_flight -= 1;
        let may_stay = connection.reader.keeps_alive()
            && !has_extra
            && !connection.peer_ended
            && !connection.has_unwritten()
            && self.plan.answers_per_connection.is_none_or(|most| connection.answers < most);
        match (self.is_closed_loop(), may_stay) {
            (true, _) => self.next_turn(token, connection, may_stay, now_ns),
            (false, true) => self.next_queued(token, connection, now_ns),
            (false, false) => self.close(token, connection),
        }
    }

    fn judge(&self, connection: &mut Connection, request: &InFlight, has_extra: bool) -> Option<ErrorClass> {
        let expectations = &self.plan.expectations;
        let body = connection.body.as_mut();
        request
            .fault
            .or_else(|| expectations.judge_length(connection.reader.body_bytes()))
            .or_else(|| body.and_then(|body| body.judge(expectations)))
            .or_else(|| has_extra.then_some(ErrorClass::ExtraBytes))
    }

    fn record(
        &mut self,
        connection: &Connection,
        request: &InFlight,
        fault: Option<ErrorClass>,
        now_ns: u64,
    ) {
        let sample = Sample {
            planned_ns: request.planned_ns,
            written_ns: request.written_ns,
            first_byte_ns: request.first_byte_ns,
            finished_ns: now_ns,
            status: connection.reader.status(),
            body_bytes: connection.reader.body_bytes(),
            target: request.target,
            server: request.server,
        };
        if request.verdict == Some(Verdict::Kept) {
            let is_first = self.persistence.is_first_of(request.user);
            self.recorder.kept_persistence(request.planned_ns, is_first);
        }
        match fault {
            None => self.recorder.completed(&sample),
            Some(class) => {
                let url = &self.plan.targets[usize::from(request.target)].url;
                let broken = self.broken_persistence(request).or_else(|| unheld(&self.plan, request, class));
                let example = || match broken {
                    Some(names) => format!("{url}: {names}"),
                    None => format!("{url}: status {}, {} bytes of body", sample.status, sample.body_bytes),
                };
                self.recorder.completed_wrong(&sample, class, example);
            }
        }
        if self.observer.is_some() {
            let server = || request.server.map(|number| self.recorder.server_name(number).to_owned());
            let fate = fault.map_or_else(|| Fate::Good(server()), Fate::Failed);
            self.observe(request.planned_ns, now_ns, fate);
        }
    }

    /// Who answered and who should have, in words.
    fn broken_persistence(&self, request: &InFlight) -> Option<String> {
        let Some(Verdict::Broken { expected }) = request.verdict else { return None };
        let answered = self.recorder.server_name(request.server?);
        let named = self.recorder.server_name(expected);
        Some(format!("answered by {answered:?}, and the request's cookie names {named:?}"))
    }

    /// A handshake is complete, which was all that was wanted.
    pub(super) fn complete_handshake(&mut self, token: Token, mut connection: Box<Connection>, now_ns: u64) {
        let Some(request) = connection.request.take() else { return self.close(token, connection) };
        connection.answers += 1;
        self.table.disarm(token);
        self.record(&connection, &request, None, now_ns);
        self.in_flight -= 1;
        self.await_ticket(token, connection, now_ns);
    }

    /// A connection that only wanted its handshake ends, and a closed loop's place opens the next.
    pub(super) fn leave(&mut self, token: Token, connection: Box<Connection>, now_ns: u64) {
        let seat = connection.seat;
        self.close(token, connection);
        if self.is_closed_loop() {
            self.schedule_turn(seat, now_ns);
        }
    }

    /// A closed loop: the next request follows, at once or after a pause.
    fn next_turn(&mut self, token: Token, connection: Box<Connection>, may_stay: bool, now_ns: u64) {
        let seat = connection.seat;
        let think_ns = self.think_ns();
        let is_next = may_stay && think_ns == 0 && self.next_endpoint() == connection.endpoint;
        if is_next && now_ns < self.end_ns {
            let now_ns = self.clock.now_ns();
            let due = self.due_of_seat(seat, now_ns);
            return self.send(token, connection, due, now_ns);
        }
        match may_stay {
            true => self.table.put(token, connection),
            false => self.close(token, connection),
        }
        if now_ns.saturating_add(think_ns) < self.end_ns {
            self.turns.push(Reverse((now_ns + think_ns, seat)));
        }
    }

    fn schedule_turn(&mut self, seat: u32, now_ns: u64) {
        let at_ns = now_ns + self.think_ns();
        if at_ns < self.end_ns {
            self.turns.push(Reverse((at_ns, seat)));
        }
    }

    /// Records a request without a complete answer and closes its connection.
    pub(super) fn fail(
        &mut self,
        token: Token,
        mut connection: Box<Connection>,
        class: ErrorClass,
        at_ns: u64,
        why: &str,
    ) {
        let seat = connection.seat;
        if let Some(request) = connection.request.take() {
            let url = &self.plan.targets[usize::from(request.target)].url;
            let answers = connection.answers;
            let example = || format!("{url}: {why}, after {answers} answers on the connection");
            self.recorder.failed(class, request.target, request.planned_ns, at_ns, example);
            self.in_flight -= 1;
            self.observe(request.planned_ns, at_ns, Fate::Failed(class));
            self.back_off(seat, at_ns);
        }
        self.close(token, connection);
    }

    /// A closed loop rests after a failure, lest failing becomes the load.
    pub(super) fn back_off(&mut self, seat: u32, at_ns: u64) {
        let again_ns = at_ns.saturating_add(BACK_OFF.as_nanos() as u64);
        if self.is_closed_loop() && again_ns < self.end_ns {
            self.turns.push(Reverse((again_ns, seat)));
        }
    }

    /// The peer, or what it sent, ended the connection.
    pub(super) fn end(&mut self, token: Token, connection: Box<Connection>, ending: Ending, now_ns: u64) {
        let (class, why) = match (connection.phase, ending) {
            (Phase::AwaitingTicket, _) => return self.ticket_waited(token, connection, false, now_ns),
            (Phase::Free, Ending::Unasked) => {
                self.recorder.unasked();
                return self.close(token, connection);
            }
            (Phase::Free, _) => return self.close(token, connection),
            (_, Ending::Fault(class, why)) => (class, why),
            (Phase::Handshaking, _) => {
                (ErrorClass::TlsProtocol, "the connection ended in the handshake".to_owned())
            }
            (_, Ending::Unasked) => (ErrorClass::ExtraBytes, "bytes came without a request".to_owned()),
            (_, Ending::Eof { is_clean }) => match connection.reader.end(!connection.rest.is_empty()) {
                Ok(()) if is_clean => return self.complete(token, connection, false, now_ns),
                Ok(()) => (ErrorClass::EofInBody, "TLS ended without saying so".to_owned()),
                Err(class) => (class, "the connection ended".to_owned()),
            },
        };
        self.fail(token, connection, class, now_ns, &why);
    }

    /// Closes a connection. Its place is free for another.
    pub(super) fn close(&mut self, token: Token, connection: Box<Connection>) {
        match connection.phase {
            Phase::Connecting | Phase::Handshaking => self.opening -= 1,
            Phase::Free | Phase::Exchanging | Phase::AwaitingTicket => {
                self.recorder.disconnected(connection.answers);
            }
        }
        if self.plan.resets {
            connection.reset_on_close();
        }
        self.open_to[usize::from(connection.endpoint)] -= 1;
        self.vacate(self.seat_index(connection.seat, connection.endpoint), token);
        self.table.free(token);
    }

    fn vacate(&mut self, index: usize, token: Token) {
        if let Some(place) = self.seats.get_mut(index)
            && *place == Some(token)
        {
            *place = None;
        }
    }

    /// The run is over for this connection.
    pub(super) fn end_of_run(&mut self, token: Token, connection: Box<Connection>, now_ns: u64) {
        match connection.request {
            Some(_) => self.fail(token, connection, ErrorClass::CancelledAtEnd, now_ns, "the run was over"),
            None => self.close(token, connection),
        }
    }
}

/// What an answer lacked that its fields had to say, in words: a field that was expected, or who answered.
fn unheld(plan: &Plan, request: &InFlight, class: ErrorClass) -> Option<String> {
    match (class, &plan.persistence) {
        (ErrorClass::CheckFailed(Check::Servers), _) => {
            Some(format!("more servers name themselves than are told apart ({NAMES_MAX})"))
        }
        (ErrorClass::CheckFailed(Check::Header), Some(rule)) if request.server.is_none() => {
            let field = &rule.server_field;
            Some(format!(
                "the answer has no field {field}, so its server is unknown; name another field with --server-field"
            ))
        }
        (ErrorClass::CheckFailed(Check::Header), _) => {
            let (name, value) = plan.expectations.field.as_ref()?;
            let value = value.as_ref().map_or(String::new(), |value| format!(": {value}"));
            Some(format!("the answer has no field `{name}{value}`"))
        }
        _ => None,
    }
}
