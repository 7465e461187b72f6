//! What is done with one input of each fuzz target: plain functions that panic on a fault.
//!
//! The fuzzers call them (`fuzz_targets`), and so does `cargo test` (`tests/fuzz`) over the corpus and
//! over seeded mutations of it. Each has an oracle: another program's verdict, or a slow reference
//! written from the rules and not from our code.

pub mod chunked;
pub mod client_hello;
pub mod configuration;
pub mod cookie_strip;
pub mod cuts;
pub mod forwarded;
pub mod proxy_header;
pub mod request_head;
pub mod response_head;
pub mod vrrp_packet;
