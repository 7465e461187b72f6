//! The ha thread: how much it reads, how long it waits, how often it speaks.

use std::time::Duration;

/// Bytes of one rtnetlink datagram; the kernel fills at most 32 KiB of a listing at once.
pub const NETLINK_MESSAGE: usize = 32 * 1024;

/// Datagrams of one rtnetlink listing: far more than any machine has links and addresses.
pub const NETLINK_DATAGRAMS: usize = 4096;

/// Longest wait for an answer of the kernel, which gives it within the request.
pub const NETLINK_ANSWER: Duration = Duration::from_millis(200);

/// Announcements of each shared address in one round, as keepalived sends them.
pub const ANNOUNCEMENTS: usize = 5;

/// When the round is repeated (keepalived's garp_master_delay).
pub const ANNOUNCE_REPEAT: Duration = Duration::from_secs(5);

/// Least distance of two rounds: adverts of a stranger must not make torii flood the network.
pub const ANNOUNCE_SPACING: Duration = Duration::from_millis(100);

/// Bytes of a received packet that are looked at: more than any advert of `limits::ha::ADDRESSES` IPv6
/// addresses has. A longer one is cut, and refused for its length.
pub const PACKET: usize = 2048;

/// Problems of the pair that are kept and shown.
pub const PROBLEMS: usize = 16;

/// Distance of two lines in the log about the same problem.
pub const PROBLEM_REPEAT: Duration = Duration::from_secs(60);

/// Lines about problems in that time, whatever they are: strangers can cause some.
pub const PROBLEM_LINES: usize = 20;

/// A problem that was not seen for this long is no longer shown.
pub const PROBLEM_MEMORY: Duration = Duration::from_secs(600);

/// How long it counts that the network could not deliver an advert to a node. Kernels say it once a
/// second at most.
pub const COMPLAINT_MEMORY: Duration = Duration::from_secs(5);

/// Signs of life that a standby may miss before it is taken for dead, and the least time for it.
pub const PRESENCE_MISSED: u32 = 4;
/// See `PRESENCE_MISSED`.
pub const PRESENCE_PATIENCE: Duration = Duration::from_secs(1);

/// Packets that are read before timers get their turn. At 10,000 a second that is 25 ms of them.
pub const PACKETS_PER_TURN: usize = 256;

/// Longest time between two looks at this node's own health.
pub const HEALTH_POLL: Duration = Duration::from_millis(20);

/// How long a starting node waits for its workers before it takes part in the election without them, at a
/// lower priority.
pub const START_PATIENCE: Duration = Duration::from_secs(10);

/// When a node that cannot take part looks again whether it can, should nobody tell it.
pub const FAULT_RETRY: Duration = Duration::from_secs(5);

/// Distance of two asks for the shared addresses; each is answered.
pub const ASK_AGAIN: Duration = Duration::from_millis(100);

/// How long an active node that is asked may be silent before it is taken for one that cannot answer,
/// counted in asks; and how long one that asks may be, before what was begun for it is abandoned.
pub const ASK_PATIENCE: Duration = Duration::from_secs(2);

/// What a hand-over that was asked for may take, beside its `drain` and a down interval.
pub const ASK_SPARE: Duration = Duration::from_secs(3);

/// Longest wait before a shared address that could not be added is tried again, while another node has
/// it; the wait begins at `FAULT_RETRY` and doubles. Each try moves the addresses here and back. Failures
/// are forgotten after twice this time; while no other node has the address, `FAULT_RETRY` is the wait.
pub const ADDRESS_RETRY_MAX: Duration = Duration::from_secs(300);

/// Adverts that an active node may miss before a standby takes over (RFC 9568 section 6.1).
pub const DOWN_ADVERTS: u32 = 3;

/// Longest age of a published status.
pub const STATUS_PERIOD: Duration = Duration::from_millis(500);

/// Least distance of two published statuses, transitions apart.
pub const STATUS_SPACING: Duration = Duration::from_millis(100);
