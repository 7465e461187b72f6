//! Limits of the control socket and of a planned hand-over.

use std::time::Duration;

/// Socket of `torii status` and `torii failover` where none is configured.
pub const SOCKET: &str = "/run/torii/control.sock";

/// Bytes of a socket's path: `sun_path` has 108, the last of them zero (unix(7)).
pub const SOCKET_PATH_SIZE: usize = 107;

/// Clients of the control socket at once; others wait in the kernel's queue.
pub const CLIENTS: usize = 16;

/// Bytes of a request on the control socket.
pub const REQUEST_SIZE: usize = 4096;

/// Bytes of one answer line on the control socket that a client reads: thousands of servers fit.
pub const ANSWER_SIZE: usize = 16 << 20;

/// Longest wait for a request on the control socket, and for its client to read an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// While the shared address is handed over, new connections are held off at least this long before it
/// goes: a handshake that had begun is over by then on a local network.
pub const HUSH_LEAST: Duration = Duration::from_millis(2);

/// Then it goes as soon as no connection is open, or none has ended for this long: what is left are
/// downloads and tunnels. As long as answers flow, waiting for them costs no client a gap between them.
pub const HUSH_SETTLE: Duration = Duration::from_millis(50);

/// But it waits no longer than this, since clients that come meanwhile are late by a second.
pub const HUSH_SETTLE_MAX: Duration = Duration::from_millis(150);

/// Longest time in which new connections are held off, should no other node be heard. A client whose
/// first packet was dropped asks again after a second (RFC 6298 section 2.1).
pub const HUSH_LIMIT: Duration = Duration::from_millis(500);

/// Longest wait for the end of the election on this node, at the end of the process.
pub const ELECTION_END: Duration = Duration::from_secs(2);
