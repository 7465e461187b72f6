//! The control thread: start order, signals, supervision. Everything that is not traffic.
//!
//! * `cores` decides which thread runs where, `descriptors` how many connections there can be.
//! * `start` brings a node up in the only order that works: bind as root, open the log, become an
//!   unprivileged user (`privileges`), then start workers. `error` says why it cannot.
//! * `node` is a running node: health, statistics, drain. `banner` tells what was started.
//! * `socket` is how commands reach a running node, `status` what they see, and `handover` gives the
//!   shared addresses to the other node.
//! * `run` is `torii run`: a node until a signal.

mod banner;
mod cores;
mod descriptors;
mod error;
mod handover;
mod node;
mod pair;
mod privileges;
mod run;
pub mod socket;
mod start;
pub mod status;

pub use error::StartError;
pub use node::{Node, Stopped};
pub use run::run;
pub use start::{start, start_quietly};
