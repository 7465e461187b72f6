//! Everything that a run is, decided before it begins and never changed: read by all its threads.

use std::net::IpAddr;

use crate::request::{Endpoint, Expectations, Jar, Mix, PersistenceRule, Target};
use crate::schedule::{Random, Schedule};
use crate::tls::ClientTls;

/// When requests are sent.
#[derive(Debug, Clone)]
pub enum Load {
    /// At their planned times, whatever the target does.
    Open(Schedule),
    /// Each connection's next one when the one before is answered: finds a maximum, and hides every
    /// stall.
    Closed {
        /// Nanoseconds.
        duration_ns: u64,
        /// Pause between an answer and the next request.
        think: Think,
    },
}

impl Load {
    /// Length of the run without its grace, nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        match self {
            Self::Open(schedule) => schedule.duration_ns(),
            Self::Closed { duration_ns, .. } => *duration_ns,
        }
    }
}

/// How long a user thinks; nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Think {
    /// Not at all.
    None,
    /// Always as long.
    Fixed(u64),
    /// Exponentially distributed, with this mean.
    Exponential(u64),
    /// Evenly distributed from the first to the second.
    Uniform(u64, u64),
}

impl Think {
    /// The next pause.
    pub fn draw_ns(self, random: &mut Random) -> u64 {
        match self {
            Self::None => 0,
            Self::Fixed(time) => time,
            Self::Exponential(mean) => (random.exponential() * mean as f64) as u64,
            Self::Uniform(least, most) => least + (random.unit() * most.saturating_sub(least) as f64) as u64,
        }
    }
}

/// How long things may take, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the SYN to the connection.
    pub connect_ns: u64,
    /// From the ClientHello to the end of the handshake.
    pub tls_ns: u64,
    /// From the request's first byte written to the answer's last byte read.
    pub request_ns: u64,
    /// From the last planned request to the end of the run.
    pub grace_ns: u64,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// When requests are sent.
    pub load: Load,
    /// Requests planned before this time are sent and not measured; nanoseconds.
    pub warm_up_ns: u64,
    /// Engine threads.
    pub threads: usize,
    /// Whether each thread stays on a core of its own.
    pub pins: bool,
    /// Connections at most, all threads together; at least one per thread.
    pub connections: u64,
    /// Requests that may wait for a connection, all threads together.
    pub queue_max: usize,
    /// Virtual users of an open loop, all threads together; at least one per thread. A closed loop has one
    /// per connection.
    pub users: u64,
    /// The cookies that every user begins with; `None`: users keep no cookies.
    pub jar: Option<Jar>,
    /// Whether answers have to come from the server that a cookie names.
    pub persistence: Option<PersistenceRule>,
    /// Response field in which a server says who it is.
    pub server_field: Option<String>,
    /// What is asked for.
    pub targets: Vec<Target>,
    /// In which order.
    pub mix: Mix,
    /// Where connections go.
    pub endpoints: Vec<Endpoint>,
    /// What a good answer is.
    pub expectations: Expectations,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Answers after which a connection is closed.
    pub answers_per_connection: Option<u64>,
    /// Whether a connection is all that is wanted: no request follows the handshake.
    pub handshake_only: bool,
    /// Options of TLS.
    pub tls: ClientTls,
    /// Local addresses to connect from, in turn.
    pub sources: Vec<IpAddr>,
    /// Whether connections are ended by a reset, which leaves no port waiting.
    pub resets: bool,
    /// Time before a planned request that is spent turning instead of sleeping; nanoseconds.
    pub spin_ns: u64,
}

impl Plan {
    /// The part of `total` that belongs to a thread, the sum of all parts being `total`.
    pub fn share(&self, total: u64, thread: usize) -> u64 {
        let (threads, thread) = (self.threads.max(1) as u64, thread as u64);
        total / threads + u64::from(thread < total % threads)
    }

    /// Whether anything but status and framing is read from heads.
    pub fn looks_at_fields(&self) -> bool {
        self.jar.is_some() || self.server_field.is_some() || self.expectations.field.is_some()
    }
}
