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
