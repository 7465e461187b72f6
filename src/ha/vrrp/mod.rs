//! VRRP without I/O: packets, what is checked on receipt, and the state machine, with time as an argument.
//!
//! Called by the ha thread and by the guard process. Nothing here knows a socket, a clock or a thread.
//! Version 2 as RFC 3768 (with the simple password of RFC 2338), version 3 as RFC 9568, both as keepalived
//! speaks them.
//!
//! ```text
//! bytes ─▶ receive ─▶ Advert ─▶ machine ─▶ Action ─▶ packet::encode ─▶ bytes
//!             └──▶ Discard (why, and what to change)
//! ```

mod address_list;
mod checksum;
mod discard;
mod event;
mod ipv4_header;
mod machine;
mod options;
mod packet;
mod receive;
mod settings;
#[cfg(test)]
mod tests;
mod timers;

pub use address_list::AddressList;
pub use discard::Discard;
pub use event::{Action, Actions, Cause, Event, State, Time};
pub use ipv4_header::{IPV4_HEADER_SIZE, Ipv4Header, MULTICAST_IPV4, MULTICAST_IPV6, PROTOCOL};
pub use machine::{Heard, Machine};
pub use options::{Checksum, Takeover, Version};
pub use packet::{Advert, MESSAGE_SIZE_MAX, Message, Sum, encode};
pub use receive::{Datagram, Expected, Received, Way, receive, receive_ipv4};
pub use settings::{Peer, Settings};
pub use timers::{master_down_interval, skew_time};
