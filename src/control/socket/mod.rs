//! The control socket: how `torii status` and `torii failover` reach a running torii.
//!
//! ```text
//! client (a command) ─▶ bind (whose socket it is) ─▶ serve (bounded) ─▶ status, handover
//!                              protocol: a line of JSON each way
//! ```
//!
//! Lines of JSON rather than HTTP: an order that takes seconds reports its progress as it goes, a
//! shell can speak it (`echo '{"request":"status"}' | socat - UNIX:/run/torii/control.sock`), and the
//! whole of what a peer can send is one bounded line.

mod bind;
mod client;
pub mod protocol;
mod serve;

pub use bind::{Bound, bind};
pub use client::{Client, ClientError};
pub use serve::{Desk, serve};
