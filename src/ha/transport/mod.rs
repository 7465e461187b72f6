//! How adverts travel between the nodes.
//!
//! * `raw` is VRRP proper, unicast or multicast.
//! * `udp` carries them in datagrams that pass a cloud's firewall: `seal` and `unseal` are their envelope,
//!   `presence` a standby's sign of life, `dialogue` what a standby asks the active node for.
//! * `channel` is whichever of the two is configured, for the ha thread.

mod channel;
pub mod dialogue;
pub mod presence;
pub mod raw;
pub mod seal;
pub mod udp;
pub mod unseal;

pub use channel::{Channel, Incoming};
