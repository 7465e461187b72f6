//! The PROXY protocol, versions 1 and 2: the address of a client, told ahead of its bytes.
//!
//! A codec without I/O. `proxy` reads headers from balancers in front and writes them to servers,
//! `health` writes the one of a connection that has no client. Specification: `proxy-protocol.txt`
//! of HAProxy, which is also what the behaviour follows where that leaves a choice. A header decides
//! who the client is, so anything doubtful is an error and never a guess.

mod header;
mod version1;
mod version2;

pub use header::{Announced, HeaderError, Version, parse, write, write_local};
