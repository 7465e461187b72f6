//! The pair: a shared address that the healthier of the configured nodes holds.
//!
//! * `vrrp` is the election without I/O: packets, checks, the state machine. It imports nothing but limits.

pub mod vrrp;
