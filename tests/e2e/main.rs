//! End-to-end tests: the torii binary between real sockets on loopback.
//!
//! Each test starts its own torii and its own origins, so they run in parallel and in any order.
//! `TORII_TEST_BINARY=PATH` tests another binary than the one just built.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod balancing;
mod bodies;
mod client_address;
mod drivers;
mod error_pages;
mod errors;
mod errors_transfer;
mod header_rules;
mod headers;
mod interim;
mod lifecycle;
mod limits;
mod memory;
mod pair;
mod passthrough;
mod persistence;
mod pooling;
mod presets;
mod proxy_protocol;
mod queue;
mod redirects;
mod relay;
mod routes;
mod split;
mod status;
mod tcp;
mod tls;
mod tunnel;
mod upgrade;
mod websocket;
