//! A worker's counters: plain integers on its own cache lines, summed by whoever reads them.
//!
//! One `WorkerCounters` per worker. Only its worker writes (a load and a store, never a locked
//! instruction); the statistics page reads all of them with relaxed loads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A count that one thread writes and others read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning worker may call it.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// Sets; only the owning worker may call it.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Current value.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Responses by class of status: 1xx to 5xx, then everything else.
pub type StatusClasses = [Counter; 6];

/// Everything one worker counts. Indices are those of the snapshot.
#[derive(Debug)]
#[repr(align(128))]
pub struct WorkerCounters {
    /// That the worker's loop turns.
    pub heartbeat: Heartbeat,
    /// Per listener.
    pub listeners: Vec<ListenerCounters>,
    /// Per backend.
    pub backends: Vec<BackendCounters>,
    /// Events of the worker as a whole, and every limit that was hit.
    pub worker: WorkerEvents,
}

/// The sign of life of a worker, given once in each `limits::DEADLINE_TICK` by the loop that serves its
/// connections. A worker that hangs in anything gives none.
#[derive(Debug)]
pub struct Heartbeat {
    origin: Instant,
    last_ms: Counter,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { origin: Instant::now(), last_ms: Counter::default() }
    }
}

impl Heartbeat {
    /// Where its milliseconds begin; the worker's clock counts from there.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// Gives a sign of life; `now_ms` counts from `origin`. Only the owning worker may call it.
    #[inline]
    pub fn beat(&self, now_ms: u64) {
        self.last_ms.set(now_ms);
    }

    /// The time of the last one, milliseconds since `origin`; 0 before the first.
    #[inline]
    pub fn last_ms(&self) -> u64 {
        self.last_ms.get()
    }

    /// How long ago the last one was, or how long there was none yet.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin).saturating_sub(Duration::from_millis(self.last_ms()))
    }
}

/// What belongs to no listener. Each limit of `limits` that traffic can hit has its counter here.
#[derive(Debug, Default)]
pub struct WorkerEvents {
    /// Access records dropped because the ring was full.
    pub log_dropped: Counter,
    /// Sessions that waited for a free lease.
    pub lease_waits: Counter,
    /// Leases in use now.
    pub leases_in_use: Counter,
    /// Times the accept loop stopped at a connection limit.
    pub accept_paused: Counter,
    /// Accept errors (no descriptors, no memory).
    pub accept_errors: Counter,
    /// Connections ended by a fault of torii itself.
    pub panics: Counter,
    /// Requests for which there was no descriptor, port or memory to reach a server.
    pub connects_exhausted: Counter,
    /// Heads so slow that they were set aside.
    pub heads_set_aside: Counter,
    /// TLS handshakes that waited for others to be done first.
    pub handshake_waits: Counter,
    /// TLS handshakes that failed or timed out.
    pub tls_failures: Counter,
    /// Connections without the PROXY protocol header that their listener requires.
    pub proxy_headers_refused: Counter,
    /// Heads beyond `request_head_size`.
    pub head_too_large: Counter,
    /// Heads beyond `request_headers`.
    pub too_many_fields: Counter,
    /// Request bodies beyond `request_body_size`.
    pub body_too_large: Counter,
    /// Request bodies given up for being slower than `minimum_body_rate`.
    pub body_too_slow: Counter,
    /// Connections ended at `requests_per_connection`.
    pub requests_used_up: Counter,
    /// Response heads beyond `request_head_size` or `request_headers`, or that outgrew their buffer.
    pub response_too_large: Counter,
    /// Responses with more interim ones before them than `limits::INTERIM_RESPONSES`.
    pub interim_limit: Counter,
    /// More empty lines before a request than are let pass.
    pub too_many_empty_lines: Counter,
    /// Chunk-size lines too long, or extensions of a message too large.
    pub chunk_lines_too_large: Counter,
    /// Trailer sections with too many lines or bytes.
    pub trailers_too_large: Counter,
    /// Fields left out because a server might read them as Content-Length or Transfer-Encoding.
    pub disguised_fields: Counter,
    /// Deadlines that fired.
    pub timeouts: Counter,
    /// Requests refused because a queue was full.
    pub queue_full: Counter,
    /// Connections in tcp mode that brought no usable ClientHello where one decides.
    pub client_hellos_refused: Counter,
    /// Tunnels open now, by an upgrade or in tcp mode.
    pub tunnels_open: Counter,
    /// Idle server connections found closed or dirty.
    pub idle_upstream_discarded: Counter,
}

impl WorkerEvents {
    /// Every limit that traffic can hit and every fault of the worker, by the name that the
    /// statistics page shows.
    pub fn named(&self) -> Vec<(&'static str, &Counter)> {
        vec![
            ("Accepting paused at a connection limit", &self.accept_paused),
            ("Accept errors", &self.accept_errors),
            ("Requests without descriptor, port or memory for a server", &self.connects_exhausted),
            ("Connections ended by a fault of torii", &self.panics),
            ("Slow heads set aside", &self.heads_set_aside),
            ("Sessions that waited for a buffer", &self.lease_waits),
            ("Heads beyond request_head_size", &self.head_too_large),
            ("Heads beyond request_headers", &self.too_many_fields),
            ("Bodies beyond request_body_size", &self.body_too_large),
            ("Bodies below minimum_body_rate", &self.body_too_slow),
            ("Connections ended at requests_per_connection", &self.requests_used_up),
            ("Response heads beyond a limit", &self.response_too_large),
            ("Responses after too many interim ones", &self.interim_limit),
            ("Empty lines before a request beyond 4", &self.too_many_empty_lines),
            ("Chunk lines or extensions too large", &self.chunk_lines_too_large),
            ("Trailers too large", &self.trailers_too_large),
            ("Fields left out as framing in disguise", &self.disguised_fields),
            ("Time-outs", &self.timeouts),
            ("TLS handshakes that waited for their turn", &self.handshake_waits),
            ("TLS handshakes failed", &self.tls_failures),
            ("PROXY protocol headers missing or malformed", &self.proxy_headers_refused),
            ("Requests refused by a full queue", &self.queue_full),
            ("Connections without a usable ClientHello", &self.client_hellos_refused),
            ("Idle server connections found unusable", &self.idle_upstream_discarded),
            ("Access records lost to a full ring", &self.log_dropped),
        ]
    }
}

/// One listener.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ListenerCounters {
    /// Accept loops that take connections now, or would if there were room: one for each address.
    pub accepting: Counter,
    /// Connections accepted.
    pub connections: Counter,
    /// Connections refused by `allow`, `deny` or `trusted_proxies` (`dcon`).
    pub denied_connections: Counter,
    /// Requests, whatever came of them.
    pub requests: Counter,
    /// Bytes from clients.
    pub bytes_in: Counter,
    /// Bytes to clients.
    pub bytes_out: Counter,
    /// Malformed, aborted or timed-out requests (`ereq`).
    pub request_errors: Counter,
    /// Answered by torii itself (`intercepted`).
    pub intercepted: Counter,
    /// Denied by a route (`dreq`).
    pub denied: Counter,
    /// Answers by class of status.
    pub statuses: StatusClasses,
}

/// One backend.
#[derive(Debug, Default)]
pub struct BackendCounters {
    /// Requests that reached the backend, with or without a server.
    pub requests: Counter,
    /// Requests for which no server could be chosen.
    pub no_server: Counter,
    /// Answers by class of status, those of ours included.
    pub statuses: StatusClasses,
    /// Per server.
    pub servers: Vec<ServerCounters>,
}

/// One server.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ServerCounters {
    /// Requests assigned (`stot`).
    pub requests: Counter,
    /// Requests assigned by balancing rather than by cookie (`lbtot`).
    pub balanced: Counter,
    /// Request bytes sent.
    pub bytes_in: Counter,
    /// Response bytes received.
    pub bytes_out: Counter,
    /// Failed connection attempts (`econ`).
    pub connect_errors: Counter,
    /// Bad, missing or unfinished responses (`eresp`).
    pub response_errors: Counter,
    /// Retries (`wretr`).
    pub retries: Counter,
    /// Requests moved to another server (`wredis`).
    pub redispatches: Counter,
    /// Transfers that the client gave up (`cli_abrt`).
    pub client_aborts: Counter,
    /// Transfers that the server gave up (`srv_abrt`).
    pub server_aborts: Counter,
    /// New connections (`connect`).
    pub connects: Counter,
    /// Reused connections (`reuse`).
    pub reuses: Counter,
    /// Idle connections now (`srv_icur`).
    pub idle_connections: Counter,
    /// Answers by class of status.
    pub statuses: StatusClasses,
    /// Sum of connect times, milliseconds, and of the values that make it up.
    pub connect_ms_sum: Counter,
    /// Sum of response times, milliseconds.
    pub response_ms_sum: Counter,
    /// Sum of total times, milliseconds.
    pub total_ms_sum: Counter,
    /// Exchanges in the three sums.
    pub timed_exchanges: Counter,
    /// UNIX milliseconds of the last request assigned (`lastsess`), 0 for never.
    pub last_request_unix_ms: Counter,
}

impl WorkerCounters {
    /// Zeroed counters for a snapshot's shape: listeners, and servers of each backend.
    pub fn new(listeners: usize, servers_of_backends: &[usize]) -> Self {
        let backend = |&servers: &usize| BackendCounters {
            servers: std::iter::repeat_with(ServerCounters::default).take(servers).collect(),
            ..BackendCounters::default()
        };
        Self {
            heartbeat: Heartbeat::default(),
            listeners: std::iter::repeat_with(ListenerCounters::default).take(listeners).collect(),
            backends: servers_of_backends.iter().map(backend).collect(),
            worker: WorkerEvents::default(),
        }
    }
}

/// Index into `StatusClasses` for a status; -1 and other oddities count as "other".
#[inline]
pub fn status_class(status: i16) -> usize {
    match status {
        100..=599 => (status / 100 - 1) as usize,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_statuses_by_class() {
        assert_eq!([100, 204, 302, 404, 599].map(status_class), [0, 1, 2, 3, 4]);
        assert_eq!([-1, 0, 99, 600].map(status_class), [5; 4]);
    }

    #[test]
    fn a_heartbeat_ages_from_its_last_beat() {
        let heartbeat = Heartbeat::default();
        let later = |ms| heartbeat.origin() + Duration::from_millis(ms);
        assert_eq!(heartbeat.age(later(700)), Duration::from_millis(700), "none yet");
        heartbeat.beat(500);
        assert_eq!(heartbeat.age(later(700)), Duration::from_millis(200));
        assert_eq!(heartbeat.age(later(400)), Duration::ZERO, "read before it was written");
    }

    #[test]
    fn has_the_shape_of_the_snapshot() {
        let counters = WorkerCounters::new(2, &[3, 1]);
        assert_eq!(counters.listeners.len(), 2);
        assert_eq!(counters.backends[0].servers.len(), 3);
        assert_eq!(counters.backends[1].servers.len(), 1);
    }
}
