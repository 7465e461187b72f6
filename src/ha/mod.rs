//! The pair: a shared address that the healthier of the configured nodes holds.
//!
//! * `vrrp` is the election without I/O: packets, checks, the state machine. It imports nothing but limits.
//! * `status` is what the pair knows of itself, published for whoever shows it.
//! * `order` is what control may ask of the ha thread.
//! * `transport` carries adverts between the nodes.

pub mod order;
pub mod status;
#[cfg(test)]
pub mod test_support;
pub mod transport;
pub mod vrrp;
