//! Which addresses are meant by a list of networks, and who is let in: no socket, no configuration.
//!
//! Filled by `config::check`, read by `proxy` through the snapshot.

mod access;
mod networks;
mod trust;

pub use access::Access;
pub use networks::{Network, NetworkError, Networks};
pub use trust::Trust;
