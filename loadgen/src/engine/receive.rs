//! From an event to a finished answer: connecting, handshakes, reading.

use super::answer::Answer;
use super::connection::{Connection, Phase, set_aside};
use super::exchange::Ending;
use super::faults;
use super::reactor::Ready;
use super::table::Token;
use super::tickets::Waited;
use super::worker::Worker;
use crate::limits::{READS_IN_A_ROW, TICKET_WAIT};
use crate::measure::ErrorClass;
use crate::tls::{ClientSession, explain};

/// A step of a connection that goes on, or the connection with how it ended.
type Stepped = Result<(Step, Option<Box<Connection>>), (Box<Connection>, Ending)>;

/// What a TLS session made of what came.
#[derive(Clone, Copy)]
struct Opened {
    /// Plaintext bytes that had been set aside before.
    kept: usize,
    is_handshaking: bool,
    is_closed: bool,
}

/// What reading once came to.
enum Step {
    /// There may be more to read.
    More,
    /// Nothing more is there now.
    Dry,
    /// The connection is gone, or was given away.
    Gone,
}

impl Worker {
    /// Deals with one event; returns the time after it.
    pub(super) fn on_ready(&mut self, ready: Ready, now_ns: u64) -> u64 {
        let token = Token(ready.token);
        let Some(mut connection) = self.table.take(token) else { return now_ns };
        if connection.phase == Phase::Connecting {
            if !ready.writable {
                self.table.put(token, connection);
                return now_ns;
            }
            let now_ns = self.clock.now_ns();
            connection.peer_ended |= ready.ended;
            self.on_connected(token, connection, now_ns);
            // A peer that speaks first may have spoken already: no other edge tells of that.
            return match self.table.take(token) {
                Some(connection) if ready.readable => self.read(token, connection),
                Some(connection) => {
                    self.table.put(token, connection);
                    now_ns
                }
                None => now_ns,
            };
        }
        if ready.writable
            && connection.has_unwritten()
            && let Err(error) = connection.flush()
        {
            // The peer may have answered before it broke the connection: that is read first.
            if !ready.readable {
                let ending = Ending::Fault(faults::of_writing(&error), error.to_string());
                self.end(token, connection, ending, now_ns);
                return now_ns;
            }
        }
        if !ready.readable {
            self.table.put(token, connection);
            return now_ns;
        }
        connection.peer_ended |= ready.ended;
        self.read(token, connection)
    }

    /// Goes on with those that had more to read than one turn allowed.
    pub(super) fn read_again(&mut self, mut now_ns: u64) -> u64 {
        if self.again.is_empty() {
            return now_ns;
        }
        for token in std::mem::take(&mut self.again) {
            if let Some(mut connection) = self.table.take(token) {
                connection.is_again = false;
                now_ns = self.read(token, connection);
                // Each may read a lot: what has become due does not wait for all of them.
                self.launch_due(now_ns);
            }
        }
        now_ns
    }

    fn on_connected(&mut self, token: Token, mut connection: Box<Connection>, now_ns: u64) {
        if let Err(error) = connection.connect_result() {
            let class = faults::of_connecting(&error);
            return self.fail(token, connection, class, now_ns, &error.to_string());
        }
        connection.connected_ns = now_ns;
        self.recorder.connected(now_ns, now_ns.saturating_sub(connection.opened_ns));
        let plan = self.plan.clone();
        let secure = &plan.endpoints[usize::from(connection.endpoint)].secure;
        let (Some(secure), Some(config)) = (secure, &self.tls) else {
            return self.on_open(token, connection, now_ns);
        };
        let session = ClientSession::new(config.clone(), secure.name.clone());
        let hello = session.and_then(|mut session| {
            self.scratch.sealed.clear();
            session.process(&mut [], &mut self.scratch.sealed, &mut self.scratch.plain)?;
            Ok(session)
        });
        match hello {
            Err(error) => self.fail(token, connection, faults::of_tls(&error), now_ns, &explain(&error)),
            Ok(session) => {
                connection.tls = Some(Box::new(session));
                connection.phase = Phase::Handshaking;
                match connection.write(&self.scratch.sealed) {
                    Ok(()) => {
                        self.table.arm(token, now_ns.saturating_add(plan.timeouts.tls_ns));
                        self.table.put(token, connection);
                    }
                    Err(error) => {
                        self.fail(token, connection, faults::of_writing(&error), now_ns, &error.to_string());
                    }
                }
            }
        }
    }

    /// The connection can carry requests: TCP, and TLS where wanted, are set up.
    fn on_open(&mut self, token: Token, mut connection: Box<Connection>, now_ns: u64) {
        let tls_ns = connection.tls.as_ref().map(|_| now_ns.saturating_sub(connection.connected_ns));
        let resumed = connection.tls.as_ref().is_some_and(|session| session.is_resumed());
        self.recorder.opened(now_ns, tls_ns, resumed);
        self.note_agreed(&connection);
        // The handshake's messages are longer than answers: what they needed is not kept.
        connection.sealed_rest.shrink_to_fit();
        connection.phase = Phase::Free;
        self.opening -= 1;
        if !self.plan.handshake_only {
            return self.write_request(token, connection, now_ns);
        }
        if let Some(request) = &mut connection.request {
            request.written_ns = connection.opened_ns;
            request.first_byte_ns = connection.connected_ns;
        }
        self.complete_handshake(token, connection, now_ns);
    }

    /// Waits for the ticket that the next handshake is to be resumed with, where that is wanted and
    /// there is hope: the connection keeps its place meanwhile.
    pub(super) fn await_ticket(&mut self, token: Token, mut connection: Box<Connection>, now_ns: u64) {
        let has_none = connection.tls.as_ref().is_some_and(|session| !session.has_ticket());
        let waits =
            self.plan.tls.resumes && has_none && self.tickets[usize::from(connection.endpoint)].begin();
        if !waits {
            return self.leave(token, connection, now_ns);
        }
        connection.phase = Phase::AwaitingTicket;
        self.table.arm(token, now_ns.saturating_add(TICKET_WAIT.as_nanos() as u64));
        self.table.put(token, connection);
    }

    /// The wait for a ticket is over: it came, or none will.
    pub(super) fn ticket_waited(
        &mut self,
        token: Token,
        connection: Box<Connection>,
        is_late: bool,
        now_ns: u64,
    ) {
        let has_one = connection.tls.as_ref().is_some_and(|session| session.has_ticket());
        let waited = match (has_one, is_late) {
            (true, _) => Waited::Came,
            (false, true) => Waited::Late,
            (false, false) => Waited::BrokenOff,
        };
        self.tickets[usize::from(connection.endpoint)].learn(waited);
        self.leave(token, connection, now_ns);
    }

    /// Reads what is there, up to a turn's worth; returns the time after it.
    fn read(&mut self, token: Token, connection: Box<Connection>) -> u64 {
        let mut connection = connection;
        let mut read_ns = 0;
        for _ in 0..READS_IN_A_ROW {
            let (step, kept, now_ns) = self.read_once(token, connection);
            read_ns = now_ns;
            let Some(kept) = kept else { return read_ns };
            connection = kept;
            if matches!(step, Step::Dry) {
                self.table.put(token, connection);
                return read_ns;
            }
        }
        if !connection.is_again {
            connection.is_again = true;
            self.again.push(token);
        }
        self.table.put(token, connection);
        read_ns
    }

    /// Reads once and deals with it; returns the time of it. The connection comes back unless it ended.
    fn read_once(
        &mut self,
        token: Token,
        mut connection: Box<Connection>,
    ) -> (Step, Option<Box<Connection>>, u64) {
        let is_tls = connection.tls.is_some();
        let rest = if is_tls { &connection.sealed_rest } else { &connection.rest };
        let kept = rest.len();
        // What was set aside goes in front of what comes.
        let mut buffer = std::mem::take(&mut self.scratch.read);
        if buffer.len() < kept + crate::limits::READ_BYTES / 2 {
            buffer.resize(kept + crate::limits::READ_BYTES, 0);
        }
        buffer[..kept].copy_from_slice(rest);
        let result = connection.read(&mut buffer[kept..]);
        let now_ns = self.clock.now_ns();
        // An end that was told of is read up to: no edge tells of it again.
        let is_short = matches!(result, Ok(Some(count)) if count < buffer.len() - kept);
        let is_dry = is_short && !connection.peer_ended;
        let ended = match result {
            Ok(None) => Ok((Step::Dry, Some(connection))),
            Ok(Some(0)) => Err((connection, Ending::Eof { is_clean: !is_tls })),
            Ok(Some(count)) => {
                let bytes = &mut buffer[..kept + count];
                match is_tls {
                    true => self.take_sealed(token, connection, bytes, now_ns),
                    false => {
                        self.recorder.moved(count as u64, 0);
                        self.take_plain(token, connection, bytes, now_ns)
                    }
                }
            }
            Err(error) => {
                let class = match connection.phase {
                    Phase::Handshaking => faults::of_connecting(&error),
                    _ => faults::of_reading(&error),
                };
                Err((connection, Ending::Fault(class, error.to_string())))
            }
        };
        self.scratch.read = buffer;
        match ended {
            Err((connection, ending)) => {
                self.end(token, connection, ending, now_ns);
                (Step::Gone, None, now_ns)
            }
            Ok((Step::More, kept)) if is_dry => (Step::Dry, kept, now_ns),
            Ok((step, kept)) => (step, kept, now_ns),
        }
    }

    /// Takes records; the plaintext goes the way of plain bytes.
    fn take_sealed(
        &mut self,
        token: Token,
        mut connection: Box<Connection>,
        bytes: &mut [u8],
        now_ns: u64,
    ) -> Stepped {
        let mut plain = std::mem::take(&mut self.scratch.plain);
        plain.clear();
        plain.extend_from_slice(&connection.rest);
        let kept = plain.len();
        self.scratch.sealed.clear();
        let Some(session) = &mut connection.tls else { return Ok((Step::Dry, Some(connection))) };
        let processed = session.process(bytes, &mut self.scratch.sealed, &mut plain);
        let is_handshaking = session.is_handshaking();
        // Handshake messages, tickets' answers, alerts.
        let written = match self.scratch.sealed.is_empty() {
            true => Ok(()),
            false => connection.write(&self.scratch.sealed),
        };
        let fault = match (&processed, &written) {
            (Err(error), _) => Some(Ending::Fault(faults::of_tls(error), explain(error))),
            (Ok(_), Err(error)) => Some(Ending::Fault(faults::of_writing(error), error.to_string())),
            (Ok(_), Ok(())) => None,
        };
        let (taken, is_closed) = processed.map_or((bytes.len(), false), |done| (done.taken, done.is_closed));
        set_aside(&mut connection.sealed_rest, &bytes[taken..]);
        self.recorder.moved((plain.len() - kept) as u64, 0);
        // Nothing is asked over a session that has ended or broken, even if a whole answer came first.
        connection.peer_ended |= is_closed || fault.is_some();
        let opened = Opened { kept, is_handshaking, is_closed };
        let outcome = match (self.take_opened(token, connection, &plain, opened, now_ns), fault) {
            (Ok((_, Some(connection))), Some(fault)) => Err((connection, fault)),
            (taken, _) => taken,
        };
        self.scratch.plain = plain;
        outcome
    }

    /// What follows from records: the end of the handshake, plaintext, the end of the session.
    fn take_opened(
        &mut self,
        token: Token,
        connection: Box<Connection>,
        plain: &[u8],
        opened: Opened,
        mut now_ns: u64,
    ) -> Stepped {
        let Opened { kept, is_handshaking, is_closed } = opened;
        let mut connection = connection;
        if connection.phase == Phase::Handshaking && !is_handshaking {
            // Checking the server's proofs and making our own is part of the handshake.
            now_ns = self.clock.now_ns();
            self.on_open(token, connection, now_ns);
            match self.table.take(token) {
                Some(back) => connection = back,
                None => return Ok((Step::Gone, None)),
            }
        }
        if connection.phase == Phase::AwaitingTicket {
            let has_ticket = connection.tls.as_ref().is_some_and(|session| session.has_ticket());
            if has_ticket || is_closed {
                return Err((connection, Ending::Eof { is_clean: true }));
            }
        }
        if plain.len() > kept {
            match self.take_plain(token, connection, plain, now_ns)? {
                (step, Some(back)) if !is_closed => return Ok((step, Some(back))),
                (_, Some(back)) => connection = back,
                gone => return Ok(gone),
            }
        }
        match is_closed {
            true => Err((connection, Ending::Eof { is_clean: true })),
            false => Ok((Step::More, Some(connection))),
        }
    }

    /// Takes bytes of an answer: those set aside and those that have come.
    #[inline]
    fn take_plain(
        &mut self,
        token: Token,
        mut connection: Box<Connection>,
        bytes: &[u8],
        now_ns: u64,
    ) -> Stepped {
        let Connection { request, reader, body, phase, .. } = &mut *connection;
        let (Phase::Exchanging, Some(request)) = (*phase, request) else {
            // Nobody asked for these bytes.
            return Err((connection, Ending::Unasked));
        };
        if request.first_byte_ns == 0 {
            request.first_byte_ns = now_ns;
        }
        let mut answer = Answer {
            plan: &self.plan,
            recorder: &mut self.recorder,
            persistence: &mut self.persistence,
            jar: self.jars.get_mut(request.user as usize),
            body: body.as_deref_mut(),
            request,
        };
        let fed = reader.feed(bytes, &mut answer);
        match fed {
            Err(fault) => Err((connection, Ending::Fault(fault.class, fault.reason.to_owned()))),
            Ok(fed) if fed.is_complete => {
                connection.rest.clear();
                let has_extra = fed.taken < bytes.len();
                self.complete(token, connection, has_extra, now_ns);
                // It may carry its next request already: whatever comes for that is another event, or
                // is found by reading on.
                match self.table.take(token) {
                    Some(back) => Ok((Step::More, Some(back))),
                    None => Ok((Step::Gone, None)),
                }
            }
            Ok(fed) => {
                set_aside(&mut connection.rest, &bytes[fed.taken..]);
                Ok((Step::More, Some(connection)))
            }
        }
    }

    /// A deadline has passed.
    pub(super) fn on_deadline(&mut self, token: Token, deadline_ns: u64) {
        let Some(connection) = self.table.take(token) else { return };
        let class = match connection.phase {
            Phase::Connecting => ErrorClass::ConnectTimeout,
            Phase::Handshaking => ErrorClass::TlsTimeout,
            Phase::Exchanging if connection.has_unwritten() => ErrorClass::WriteTimeout,
            Phase::Exchanging => ErrorClass::ReadTimeout,
            Phase::AwaitingTicket => return self.ticket_waited(token, connection, true, deadline_ns),
            Phase::Free => return self.close(token, connection),
        };
        self.fail(token, connection, class, deadline_ns, "the time was up");
    }
}
