//! What the integration tests share: a torii process, a scriptable origin, clients, certificates.
//!
//! Included by each test target as `#[path = "../support/mod.rs"] mod support;`. Everything runs on
//! loopback and ends with the test that started it. No file here may assert on elapsed time: a wait
//! is always for a condition, with a deadline that only turns a hang into a failure.

#![allow(dead_code, unused_imports, clippy::unwrap_used)] // each test target uses its own part

pub mod certificate;
pub mod client;
pub mod configuration;
pub mod log_line;
pub mod origin;
pub mod origin_paths;
pub mod pattern;
pub mod ports;
pub mod process;
pub mod raw_server;
pub mod statistics;
pub mod torii;
pub mod wait;
pub mod wire;

pub use client::{Client, Response};
pub use configuration::Configuration;
pub use log_line::{LogLine, TcpLine};
pub use origin::Origin;
pub use raw_server::RawServer;
pub use torii::Torii;
