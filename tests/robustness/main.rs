//! Everything that may be thrown at torii from outside, and what must hold after each piece of it.
//!
//! A case is bytes and an expected outcome (`case`); a `World` is one torii between raw clients and a
//! recording origin, and `World::settle` checks the five invariants (`invariants`) after every case.
//! `docs/robustness.md` maps each row of the catalogue to the test here that shows it.
#![allow(dead_code, clippy::unwrap_used)] // the harness has more than each test needs

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/peers.rs"]
mod peers;

mod case;
mod client_hello;
mod invariants;
mod recorder;
mod reply;
mod reply_split;
mod secure;
mod split;
mod world;

mod connecting;
mod descriptors;
mod exhaustion;
mod failures;
mod namespace;
mod requests_chunked;
mod requests_exchange;
mod requests_fields;
mod requests_flood;
mod requests_framing;
mod requests_limits;
mod requests_line;
mod responses;
mod tls_handshake;
mod tls_session;
mod upgrades;
