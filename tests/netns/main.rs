//! The pair on a network of its own: two nodes, three web servers, a client, and the wire between them.
//!
//! Each test sets a `Stage`: network namespaces joined by a bridge, removed when the test ends and, after
//! a crash, by the next run. torii and Debian's keepalived with HAProxy run in it; a capture of the bridge
//! says who sent what, in which order. `cargo test --test netns` needs root and says what it skipped;
//! `TORII_TEST_REQUIRE_ALL=1` makes every skip a failure.
//!
//! Nothing is asserted on elapsed time. Where a test has to show that a take-over did not wait for a timer,
//! the timer is set longer than the test's patience.

#![allow(dead_code, clippy::unwrap_used)] // the rig has more than each test needs

#[path = "../support/peers.rs"]
mod peers;

mod capture;
mod frame;
mod inject;
mod keepalived;
mod plan;
mod scene;
mod stage;
mod stale;
mod torii;
mod visitor;
mod web;

mod beside_keepalived;
mod clock;
mod deaths;
mod handover;
mod hostile;
mod keepalived_alone;
mod links;
mod notify;
mod over_udp;
mod own_health;
mod processes;
mod wire;
