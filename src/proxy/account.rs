//! What becomes known of an exchange as it goes, and the one record and the counts it ends in.

use std::net::SocketAddr;

use super::refusal::Refusal;
use super::worker::Worker;
use crate::limits::LOG_REQUEST_LINE;
use crate::observe::counters::status_class;
use crate::observe::record::{NONE, Record};

/// First two letters of HAProxy's termination state: who ended it, and in which phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Termination(pub(super) [u8; 2]);

/// The account of one exchange at a time; its buffers are reused for the next.
pub(super) struct Account {
    record: Record,
    /// The client of the connection, which is each request's unless a trusted proxy says otherwise.
    peer: SocketAddr,
    marks: Marks,
    recognised: bool,
    /// Whether a route denied it.
    denied: bool,
    /// Whether the balance, and not a cookie, chose the server.
    balanced: bool,
    /// The record is about a connection in tcp mode.
    is_connection: bool,
    sent_to_server: u64,
    received_from_server: u64,
}

/// Milliseconds of the worker's clock; `None` while a phase has not been reached.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    first_byte: u64,
    request: Option<u64>,
    server_chosen: Option<u64>,
    connected: Option<u64>,
    response: Option<u64>,
}

impl Account {
    pub(super) fn new(client: SocketAddr, listener: usize) -> Self {
        Self {
            record: Record::new(client, listener as u16),
            peer: client,
            marks: Marks::default(),
            recognised: false,
            denied: false,
            balanced: false,
            is_connection: false,
            sent_to_server: 0,
            received_from_server: 0,
        }
    }

    /// Listener index.
    pub(super) fn listener(&self) -> usize {
        usize::from(self.record.listener)
    }

    /// A new exchange, whose first byte came at `first_byte_ms`.
    pub(super) fn begin(&mut self, worker: &Worker, first_byte_ms: u64) {
        self.reset(worker, first_byte_ms);
        worker.counters.listeners[usize::from(self.record.listener)].requests.add(1);
    }

    /// A connection in tcp mode, accepted at `accepted_ms`: there are no requests, and no statuses.
    pub(super) fn begin_connection(&mut self, worker: &Worker, accepted_ms: u64) {
        self.reset(worker, accepted_ms);
        self.is_connection = true;
    }

    fn reset(&mut self, worker: &Worker, first_byte_ms: u64) {
        self.marks = Marks { first_byte: first_byte_ms, ..Marks::default() };
        self.recognised = false;
        self.denied = false;
        self.balanced = false;
        self.sent_to_server = 0;
        self.received_from_server = 0;
        let record = &mut self.record;
        record.client = self.peer;
        record.start_unix_ms = worker.clock.unix_ms(first_byte_ms);
        record.backend = NONE;
        record.server = NONE;
        record.status = 0;
        record.bytes = 0;
        record.termination = *b"----";
        record.backend_connections = 0;
        record.server_connections = 0;
        record.retries = 0;
        record.redispatched = false;
        record.request_line.clear();
    }

    /// Who sent it.
    pub(super) fn client(&mut self, client: SocketAddr) {
        self.record.client = client;
    }

    /// Who sent it: the peer, or whom a trusted proxy named.
    pub(super) fn client_address(&self) -> SocketAddr {
        self.record.client
    }

    /// Its head is complete, and torii answers it: it denies it, or does something else.
    pub(super) fn local(&mut self, worker: &Worker, line: &[u8], denied: bool) {
        self.recognise(worker, line);
        self.denied = denied;
    }

    /// Its head is complete and its backend known.
    pub(super) fn request(&mut self, worker: &Worker, backend: usize, line: &[u8], persistent: bool) {
        self.recognise(worker, line);
        self.record.backend = backend as u16;
        if persistent {
            self.record.termination[2..].copy_from_slice(b"NN");
        }
        worker.counters.backends[backend].requests.add(1);
    }

    fn recognise(&mut self, worker: &Worker, line: &[u8]) {
        self.marks.request = Some(worker.clock.now());
        self.recognised = true;
        self.record.request_line.extend_from_slice(&line[..line.len().min(LOG_REQUEST_LINE - 1)]);
    }

    /// Third letter of the termination state, for a backend with persistence.
    pub(super) fn client_cookie(&mut self, letter: u8) {
        self.record.termination[2] = letter;
    }

    /// Fourth letter of the termination state.
    pub(super) fn server_cookie(&mut self, letter: u8) {
        self.record.termination[3] = letter;
    }

    /// Its server is chosen, by the balance or by its cookie.
    pub(super) fn server(&mut self, worker: &Worker, server: usize, balanced: bool) {
        // Retries belong to the time to connect.
        self.marks.server_chosen.get_or_insert(worker.clock.now());
        self.record.server = server as u16;
        self.balanced = balanced;
    }

    /// It waited in the server's queue or in the backend's, behind `ahead` others.
    pub(super) fn queued(&mut self, directed: bool, ahead: u32) {
        match directed {
            true => self.record.server_queue = ahead,
            false => self.record.backend_queue = ahead,
        }
    }

    /// A connection to the server is there.
    pub(super) fn connected(&mut self, worker: &Worker) {
        self.marks.connected = Some(worker.clock.now());
    }

    /// It is tried once more.
    pub(super) fn retried(&mut self) {
        self.record.retries += 1;
    }

    /// Another server is tried.
    pub(super) fn redispatched(&mut self) {
        self.record.retries += 1;
        self.record.redispatched = true;
    }

    /// The response head is complete.
    pub(super) fn responded(&mut self, worker: &Worker) {
        self.marks.response = Some(worker.clock.now());
    }

    /// Status that the client is told.
    pub(super) fn status(&mut self, status: u16) {
        self.record.status = status as i16;
    }

    /// The client was gone before it could be told anything.
    pub(super) fn no_status(&mut self) {
        self.record.status = -1;
    }

    /// Bytes sent to the client.
    pub(super) fn sent(&mut self, count: usize) {
        self.record.bytes += count as u64;
    }

    /// Bytes sent to the server.
    pub(super) fn sent_to_server(&mut self, count: u64) {
        self.sent_to_server += count;
    }

    /// Bytes received from the server.
    pub(super) fn received(&mut self, count: usize) {
        self.received_from_server += count as u64;
    }

    /// No server answers it.
    pub(super) fn refused(&mut self, worker: &Worker, refusal: Refusal) {
        self.terminate(refusal.termination());
        if let Some(counter) = refusal.counter(&worker.counters.worker) {
            counter.add(1);
        }
    }

    /// It did not end normally. The first cause stands.
    pub(super) fn terminate(&mut self, termination: Termination) {
        if self.record.termination[..2] == *b"--" {
            self.record.termination[..2].copy_from_slice(&termination.0);
        }
    }

    /// It is over: one record, and the counts. The caller has left the gauges of backend and server.
    pub(super) fn finish(&mut self, worker: &Worker) {
        self.time(worker.clock.now());
        self.count(worker);
        let Some(log) = &worker.log else { return };
        self.gauges(worker);
        if !log.borrow_mut().push(&self.record) {
            worker.counters.worker.log_dropped.add(1);
        }
    }

    /// Connections at the time of the record.
    fn gauges(&mut self, worker: &Worker) {
        let snapshot = worker.snapshot();
        let record = &mut self.record;
        record.process_connections = snapshot.process.current();
        record.listener_connections = snapshot.listeners[usize::from(record.listener)].connections.current();
        if record.backend != NONE {
            let backend = &snapshot.backends[usize::from(record.backend)];
            record.backend_connections = backend.in_flight.current();
            if record.server != NONE {
                record.server_connections = backend.servers[usize::from(record.server)].state.in_flight();
            }
        }
    }

    /// Timers of the record, as HAProxy defines them: -1 for a phase that was not reached.
    fn time(&mut self, end_ms: u64) {
        let marks = self.marks;
        let between = |from: Option<u64>, to: Option<u64>| match (from, to) {
            (Some(from), Some(to)) => i32::try_from(to.saturating_sub(from)).unwrap_or(i32::MAX),
            _ => -1,
        };
        self.record.request_ms = between(Some(marks.first_byte), marks.request);
        self.record.queue_ms = between(marks.request, marks.server_chosen);
        self.record.connect_ms = between(marks.server_chosen, marks.connected);
        self.record.response_ms = between(marks.connected, marks.response);
        self.record.active_ms = between(Some(marks.first_byte), Some(end_ms));
    }

    fn count(&self, worker: &Worker) {
        let record = &self.record;
        let class = status_class(record.status);
        let answers = u64::from(!self.is_connection);
        let listener = &worker.counters.listeners[usize::from(record.listener)];
        listener.statuses[class].add(answers);
        listener.bytes_out.add(record.bytes);
        if record.backend == NONE {
            let count = if self.denied { &listener.denied } else { &listener.intercepted };
            return count.add(answers);
        }
        let backend = &worker.counters.backends[usize::from(record.backend)];
        backend.statuses[class].add(answers);
        if record.server == NONE {
            return;
        }
        let server = &backend.servers[usize::from(record.server)];
        server.requests.add(1);
        server.balanced.add(u64::from(self.balanced));
        server.statuses[class].add(answers);
        server.bytes_in.add(self.sent_to_server);
        server.bytes_out.add(self.received_from_server);
        server.retries.add(u64::from(record.retries));
        server.last_request_unix_ms.set(record.start_unix_ms);
        match &record.termination[..2] {
            b"SH" | b"sH" | b"PH" => server.response_errors.add(1),
            b"SD" | b"sD" | b"PD" => {
                server.response_errors.add(1);
                server.server_aborts.add(1);
            }
            b"CD" | b"cD" | b"CH" | b"cH" => server.client_aborts.add(1),
            _ => {}
        }
        let is_timed = if self.is_connection { record.connect_ms >= 0 } else { record.response_ms >= 0 };
        if is_timed {
            server.connect_ms_sum.add(record.connect_ms as u64);
            server.response_ms_sum.add(record.response_ms.max(0) as u64);
            server.total_ms_sum.add(record.active_ms as u64);
            server.timed_exchanges.add(1);
        }
    }
}
