//! How adverts travel between the nodes.
//!
//! * `udp` carries them in datagrams that pass a cloud's firewall: `seal` and `unseal` are their envelope,
//!   `presence` a standby's sign of life.

pub mod presence;
pub mod seal;
pub mod udp;
pub mod unseal;
