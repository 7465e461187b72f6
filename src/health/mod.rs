//! Health checks of servers: run by the control thread, seen by workers as one flag per server.
//!
//! `run` drives everything: `schedule` says when, `http_probe` and `tcp_probe` ask the server,
//! `machine` turns answers into up and down, `notice` words what the operator is told.

pub mod http_probe;
pub mod machine;
pub mod notice;
pub mod run;
pub mod schedule;
pub mod tcp_probe;
pub mod verdict;

pub use notice::Level;
pub use run::run;
pub use verdict::{CheckStatus, Verdict};
