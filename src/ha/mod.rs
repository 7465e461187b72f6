//! The pair: a shared address that the healthier of the configured nodes holds.
//!
//! * `vrrp` is the election without I/O: packets, checks, the state machine. It imports nothing but limits.
//! * `status` is what the pair knows of itself, published for whoever shows it.
//! * `order` is what control may ask of the ha thread.
//! * `health` says whether this node serves, and so what its priority is; `silence` finds stalled workers.
//! * `identity` finds out which node this machine is, `surroundings` whether it can be one.
//! * `notify` runs a program at each change of state.
//! * `transport` carries adverts between the nodes; `socket` is the only one that knows raw sockets.
//! * `address` and `interface` speak of both with the kernel, through `netlink`.
//! * `thread` is the loop around all of it; `network` its hands, `peers`, `problems` and `lag` its memory.
//! * `asking` is how a standby asks the active node for the addresses.
//! * `handle` is what control holds of it.
//! * `guard` gives the addresses up when this process dies.
//! * `announce` tells the neighbours where an address lives now.

pub mod address;
pub mod announce;
pub mod asking;
pub mod bell;
pub mod guard;
pub mod handle;
pub mod health;
pub mod identity;
pub mod interface;
pub mod lag;
pub mod netlink;
pub mod network;
pub mod notify;
pub mod notify_run;
pub mod order;
pub mod peers;
pub mod problems;
pub mod real_time;
pub mod rights;
pub mod silence;
pub mod socket;
pub mod status;
pub mod surroundings;
#[cfg(test)]
#[path = "tests/hosts.rs"]
pub mod test_hosts;
#[cfg(test)]
pub mod test_support;
pub mod thread;
pub mod transport;
pub mod vrrp;
pub mod words;
