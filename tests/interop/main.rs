//! torii among real programs: nginx behind it, HAProxy beside it, load tools and a browser before it.
//!
//! `cargo test --test interop` runs what the machine has programs for and says what it skipped;
//! `TORII_TEST_REQUIRE_ALL=1` makes every skip a failure. `TORII_TEST_REQUESTS=100000` is the full
//! load run. `TORII_INTEROP_SUBJECT=haproxy` puts HAProxy in torii's place to prove the tests.

#![allow(clippy::unwrap_used)]

#[path = "../support/peers.rs"]
mod peers;

mod addresses;
mod balancing;
mod browser;
mod client_hello;
mod clients;
mod cookies;
mod differential;
mod failover;
mod origin;
mod passthrough;
mod privileges;
mod proxies;
mod statistics;
mod syslog;
mod tcp;
mod tls;
mod truncation;
mod world;
