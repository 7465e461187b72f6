//! Every capacity and default of the load generator, with its reason.

use std::time::Duration;

/// Fields of one answer; torii itself takes 100 from a server.
pub const FIELDS_MAX: usize = 128;

/// Bytes of one answer's head. Servers refuse to send more than 8 to 64 KiB.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Interim answers before a final one: a server that sends more is broken, or makes fun of us.
pub const INTERIM_MAX: u8 = 16;

/// Bytes read at once, per thread, shared by all its connections.
pub const READ_BYTES: usize = 128 * 1024;

/// Full buffers read from one connection before others have their turn.
pub const READS_IN_A_ROW: usize = 4;

/// Events taken from the kernel at once. Arrivals that fall due in between are sent in between.
pub const EVENTS_AT_ONCE: usize = 256;

/// Bytes that a connection's set-aside buffer keeps between two answers; a larger one is given up.
pub const KEPT_BYTES_MAX: usize = 16 * 1024;

/// How often time-outs are looked for: the error of a time-out, and about a nanosecond of work per
/// connection each time.
pub const TICK: Duration = Duration::from_millis(5);

/// Connections that a closed loop opens at once, all threads together: fewer than common backlogs hold
/// (nginx: 511), lest SYNs are dropped; and handshakes, which take far more memory than what they lead
/// to, come in turn.
pub const OPENING_AT_ONCE: usize = 500;

/// Pause of a closed loop's connection after a failure: a target that refuses is asked often enough to
/// be counted, and not so often that counting it is the whole load.
pub const BACK_OFF: Duration = Duration::from_millis(50);

/// Due requests that may wait for a connection, all threads together: at 64 bytes each, 64 MiB.
pub const QUEUE_MAX: usize = 1_000_000;

/// Virtual users; each costs a jar.
pub const USERS_MAX: u64 = 1_000_000;

/// Connections of a run; far beyond the ports of one address.
pub const CONNECTIONS_MAX: u64 = 1_000_000;

/// Connections that a thread should have before there is another one, unless threads are asked for.
pub const CONNECTIONS_PER_THREAD: usize = 16;

/// Threads of a run.
pub const THREADS_MAX: usize = 256;

/// After this time a free connection to one host gives way, at the limit, to a request for another: so long
/// that a host which is asked all the time keeps its connections, and no longer than anybody would see.
pub const IDLE_GIVES_WAY: Duration = Duration::from_millis(100);

/// Connections in a row that waited for a TLS ticket in vain before no other does.
pub const TICKETS_MISSED_MAX: u8 = 8;

/// How long the kernel may try to connect.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a TLS handshake may take.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request may take from its first byte written to the last byte of its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a run waits for answers after its last planned request.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long a connection that only wanted a handshake stays for the ticket of the next one.
pub const TICKET_WAIT: Duration = Duration::from_secs(1);

/// Tickets kept per thread; one name needs few.
pub const TICKETS_MAX: usize = 256;

/// Times of a replay: at 8 bytes each, 80 MB.
pub const REPLAY_TIMES_MAX: usize = 10_000_000;

/// Bytes of a file of such times.
pub const REPLAY_BYTES_MAX: u64 = 256 << 20;
